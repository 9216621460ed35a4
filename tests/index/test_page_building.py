from __future__ import annotations

import json
from typing import Any

import pytest
from packaging.utils import NormalizedName

from resolver.index.distribution_file import RawFile
from resolver.index.page_building import PageError, build_find_links_files, parse_find_links_page, parse_project_page
from tests.foreign_words import find_words
from tests.index.page_entries import HASH, OTHER, URL, WHEEL, anchor, entry, raw

ALPHA = NormalizedName("alpha")
JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html"


def from_json(*files: dict[str, Any], **page: Any) -> tuple[RawFile, ...]:
    body = json.dumps({"meta": {"api-version": "1.1"}, "name": "alpha", "files": files, **page}).encode()
    return parse_project_page(body, content_type=JSON, url=URL, name=ALPHA)


def from_html(text: str, content_type: str = HTML) -> tuple[RawFile, ...]:
    return parse_project_page(text.encode(), content_type=content_type, url=URL, name=ALPHA)


def test_a_json_file_with_all_its_keys() -> None:
    file = entry(
        **{
            "core-metadata": {"sha256": OTHER},
            "hashes": {"sha256": HASH},
            "requires-python": ">=3.8",
            "size": 12,
            "upload-time": "2024-01-02T03:04:05.678901Z",
            "yanked": "broken",
            "provenance": None,
        }
    )
    assert from_json(file) == (
        raw(
            core_metadata=OTHER,
            sha256=HASH,
            requires_python=">=3.8",
            size="12",
            upload_time="2024-01-02T03:04:05.678901Z",
            yanked="broken",
        ),
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"yanked": True}, {"yanked": ""}),
        ({"yanked": False}, {}),
        ({"yanked": "two\nlines\x1f"}, {"yanked": "two lines "}),
        ({"hashes": {"SHA256": HASH.upper(), "md5": "0A"}}, {"sha256": HASH, "other_hashes": "md5:0a"}),
        ({"hashes": {"sha256": "not hex"}}, {}),
        ({"url": f"../../files/{WHEEL}"}, {"url": f"https://index.example/files/{WHEEL}"}),
        ({"url": f"https://files.example/{WHEEL}#sha256={HASH}"}, {}),
        ({"core-metadata": True}, {"core_metadata": ""}),
        ({"core-metadata": {"md5": "00"}}, {"core_metadata": ""}),
        ({"core-metadata": False, "dist-info-metadata": {"sha256": HASH}}, {}),
        ({"data-dist-info-metadata": {"sha256": HASH}}, {"core_metadata": HASH}),
        ({"dist-info-metadata": {"sha256": HASH}}, {"core_metadata": HASH}),
        ({"upload-time": "2024-01-02T03:04:05+01:00"}, {"upload_time": "2024-01-02T02:04:05Z"}),
        ({"upload-time": "yesterday"}, {}),
        ({"size": None}, {}),
        ({"size": 10**18 - 1}, {"size": "9" * 18}),
        ({"size": 10**18}, {}),
        ({"size": 10**30}, {}),
    ],
)
def test_what_json_files_may_hold(given: dict[str, Any], expected: dict[str, str]) -> None:
    assert from_json(entry(**given)) == (raw(**expected),)


def test_only_wheels_and_sdists_are_kept() -> None:
    names = ["alpha-1.0.tar.gz", "alpha-1.0.tar.gz.asc", "alpha-1.0-py2.7.egg", "alpha-1.0.exe", "alpha-1.0.zip", ""]
    links = "".join(f'<a href="{name}">x</a>' for name in names)
    assert [file.filename for file in from_html(links)] == ["alpha-1.0.tar.gz", "alpha-1.0.zip"]
    assert [file.filename for file in from_json(*(entry(filename=name) for name in names))] == [
        "alpha-1.0.tar.gz",
        "alpha-1.0.zip",
    ]


def test_both_views_of_an_index_give_equal_files() -> None:
    html = anchor(
        f'data-requires-python="&gt;=3.8" data-yanked="bad" data-core-metadata="sha256={OTHER}"',
        f"#sha256={HASH}",
    )
    file = entry(
        **{
            "hashes": {"sha256": HASH},
            "requires-python": ">=3.8",
            "yanked": "bad",
            "core-metadata": {"sha256": OTHER},
        }
    )
    assert from_html(html, "application/vnd.pypi.simple.v1+html; charset=utf-8") == from_json(file)


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"<html>", JSON, f"not JSON that can be read: {find_words(lambda: json.loads('<html>')).partition(':')[0]}"),
        (b"[]", JSON, "not a JSON object"),
        (b"{}", JSON, "`files` is not a list"),
        (b'{"files": [1]}', JSON, "`files[0]` is not an object"),
        (b'{"files": [{"url": "a"}]}', JSON, "`files[0]` has no `filename`"),
        (b'{"meta": {"api-version": "2.0"}, "files": []}', JSON, "version 2.0 of the simple API is not known, only 1"),
        (
            b'<meta name="pypi:repository-version" content="2.0">',
            HTML,
            "version 2.0 of the simple API is not known, only 1",
        ),
        (b"", "application/vnd.pypi.simple.v2+json", "version 2 of the simple API is not known, only 1"),
        (b"", "image/png", "content type `image/png` is not a page of the simple API (JSON or HTML)"),
        (b"", "", "content type `none` is not a page of the simple API (JSON or HTML)"),
        (b"x", "text/html; charset=klingon", "the character set `klingon` is not known"),
    ],
)
def test_the_error_for_an_unreadable_page_describes_the_fault(body: bytes, content_type: str, message: str) -> None:
    with pytest.raises(PageError) as caught:
        parse_project_page(body, content_type=content_type, url=URL, name=ALPHA)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"filename": None}, "`files[1].filename` is null, not a text"),
        ({"url": ["x"]}, "`files[1].url` is a list, not a text"),
        ({"url": "//["}, "`files[1].url` is no URL"),
        ({"hashes": None}, "`files[1].hashes` is null, not an object"),
        ({"hashes": {"sha256": 1}}, "`files[1].hashes.sha256` is a number, not a text"),
        ({"requires-python": 3.8}, "`files[1].requires-python` is a number, not a text"),
        ({"upload-time": True}, "`files[1].upload-time` is true, not a text"),
        ({"yanked": {"reason": "broken"}}, "`files[1].yanked` is an object, not a text"),
    ],
)
def test_a_value_of_another_type_is_named_in_words_of_json(given: dict[str, Any], message: str) -> None:
    with pytest.raises(PageError) as caught:
        from_json(entry(), entry(**given))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "link", ["file:///etc/alpha-1.0.zip", "FILE:/etc/alpha-1.0.zip", " file:///etc/alpha-1.0.zip", "c:\\alpha-1.0.zip"]
)
def test_a_page_from_the_network_that_links_to_a_file_of_this_machine_is_refused(link: str) -> None:
    shown = link.strip()
    file = entry(filename="alpha-1.0.zip", url=link)
    html = anchor(href=link).encode()
    with pytest.raises(PageError) as from_index:
        from_json(entry(), file)
    assert str(from_index.value) == (
        f"it links `alpha-1.0.zip` to `{shown}`, a file of this machine, which only a page on its disk may do"
    )
    if link[:1].lower() == "c":
        return  # In HTML the name of a file is what follows the last slash.
    for parse in (parse_project_page, parse_find_links_page):
        with pytest.raises(PageError, match="a file of this machine"):
            parse(html, content_type=HTML, url=URL, name=ALPHA)


def test_links_that_no_request_can_follow_are_left_out() -> None:
    assert from_json(entry(), entry(url="ftp://files.example/alpha-1.0.zip")) == (raw(),)
    assert from_html(anchor() + anchor(href="ftp://files.example/alpha-1.0.zip")) == (raw(),)


def test_a_page_on_disk_may_link_to_files_beside_it() -> None:
    (found,) = parse_project_page(anchor(href=WHEEL).encode(), content_type=HTML, url="file:///a/b.html", name=ALPHA)
    assert found.url == f"file:///a/{WHEEL}"


def test_a_scheme_in_capitals_is_the_same_scheme() -> None:
    assert len(from_json(entry(url=f"HTTPS://files.example/{WHEEL}"))) == 1


def test_a_known_major_version_is_read() -> None:
    assert from_html('<meta name="pypi:repository-version" content="1.9">' + anchor()) == (raw(),)
    assert from_json(entry(), meta={"api-version": "1.9"}) == (raw(),)


def test_a_find_links_page_gives_the_files_of_the_project_only() -> None:
    links = [
        "alpha-1.0.tar.gz",
        "beta-1.0.tar.gz",
        f"sub/{WHEEL}",
        "mailto:alpha-1.0.zip",
        "alphabet-1.0.zip",
        "http://[",
    ]
    page = "".join(f'<a href="{link}">x</a>' for link in links).encode()
    found = parse_find_links_page(page, content_type=HTML, url="https://links.example/all.html", name=ALPHA)
    assert [file.url for file in found] == [
        "https://links.example/alpha-1.0.tar.gz",
        f"https://links.example/sub/{WHEEL}",
    ]


def test_a_folder_listing_in_json_serves_as_find_links() -> None:
    body = json.dumps({"files": [entry(), entry(filename="beta-1.0.zip")]}).encode()
    assert parse_find_links_page(body, content_type=JSON, url="file:///wheels/", name=ALPHA) == (raw(),)


def test_a_local_folder_gives_the_files_of_the_project_in_one_order() -> None:
    urls = [f"file:///wheels/{WHEEL}", "file:///wheels/alpha-1.0%2Bx.tar.gz", "file:///wheels/beta-1.0.zip"]
    assert build_find_links_files(urls, name=ALPHA) == build_find_links_files(reversed(urls), name=ALPHA)
    assert [file.filename for file in build_find_links_files(urls, name=ALPHA)] == ["alpha-1.0+x.tar.gz", WHEEL]
