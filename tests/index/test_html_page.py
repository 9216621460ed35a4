from __future__ import annotations

import pytest

from resolver.index.distribution_file import PageError, RawFile
from resolver.index.html_page import parse_html_page
from tests.index.page_entries import HASH, URL, WHEEL, anchor, raw


def from_html(text: str) -> tuple[RawFile, ...]:
    return parse_html_page(text.encode(), url=URL)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('data-requires-python="&gt;=3.8, &lt;4"', {"requires_python": ">=3.8, <4"}),
        ("data-yanked", {"yanked": ""}),
        ('data-yanked="broken &amp; bad"', {"yanked": "broken & bad"}),
        (f'data-core-metadata="sha256={HASH}"', {"core_metadata": HASH}),
        (f'data-dist-info-metadata="sha256={HASH}"', {"core_metadata": HASH}),
        (f'data-core-metadata="true" data-dist-info-metadata="sha256={HASH}"', {"core_metadata": ""}),
        ('data-core-metadata="false"', {}),
        ('data-gpg-sig="false" rel="internal"', {}),
    ],
)
def test_what_html_anchors_may_hold(attributes: str, expected: dict[str, str]) -> None:
    assert from_html(anchor(attributes)) == (raw(**expected),)


def test_the_hash_of_an_html_file_is_in_the_fragment() -> None:
    assert from_html(anchor(fragment=f"#sha256={HASH}")) == (raw(sha256=HASH),)
    assert from_html(anchor(fragment="#md5=0A&egg=x")) == (raw(other_hashes="md5:0a"),)


def test_html_references_are_relative_to_the_page_or_its_base() -> None:
    assert from_html(anchor(href=f"../../{WHEEL}"))[0].url == f"https://index.example/{WHEEL}"
    page = '<base href="https://mirror.example/a/"><base href="https://second.example/">' + anchor(href=WHEEL)
    assert from_html(page)[0].url == f"https://mirror.example/a/{WHEEL}"


def test_an_escaped_name_is_unescaped_but_its_url_is_kept() -> None:
    href = "/whl/torch-2.5.0%2Bcu124-cp311-cp311-linux_x86_64.whl"
    found = from_html(anchor(href=href))
    assert [(file.filename, file.url) for file in found] == [
        ("torch-2.5.0+cu124-cp311-cp311-linux_x86_64.whl", f"https://index.example{href}")
    ]


LOGIN = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form><input name=user></form></body></html>"


@pytest.mark.parametrize(
    "text",
    [
        LOGIN,
        "<html><body><h1>Welcome</h1><p>Please sign in.</p></body></html>",
        "<html><head><script src=app.js></script></head><body></body></html>",
        '<html><head><meta http-equiv="refresh" content="0; url=/login"></head><body></body></html>',
        '{"files": []}',
        "maintenance",
        "",
    ],
)
def test_html_without_links_that_is_no_page_of_an_index_is_refused(text: str) -> None:
    with pytest.raises(PageError) as caught:
        from_html(text)
    assert str(caught.value) == (
        "it holds no link, and nothing marks it as an empty page of an index: it may be one to log in"
    )


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html><html><head><title>Links for alpha</title></head><body><h1>Links for alpha</h1></body></html>",
        "<!DOCTYPE html><html><body></body></html>",
        '<html><head><meta http-equiv="Content-Type" content="text/html"></head></html>',
        "<!doctype html>\n<title>alpha</title>\n<h1>alpha</h1>\n",
        '<meta name="pypi:repository-version" content="1.0"><p>No files yet.</p>',
        "<html><head><script></script></head><body><h1>Links for Alpha</h1><p>none</p></body></html>",
    ],
)
def test_an_empty_page_of_an_index_has_no_files(text: str) -> None:
    assert from_html(text) == ()
