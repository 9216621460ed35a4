from __future__ import annotations

import html
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pip._internal.index.collector import HTMLLinkParser

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


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("<!-- <a href=/a.whl> --><a href=/b.whl>", ["b.whl"]),
        ("<!--><a href=/a.whl><!---><a href=/b.whl>", ["a.whl", "b.whl"]),
        ("<!-- x --!><a href=/a.whl>", ["a.whl"]),
        ("<script>'<a href=/a.whl>'</scripts></SCRIPT ><a href=/b.whl>", ["b.whl"]),
        ("<title><a href=/a.whl></title><a href=/b.whl>", ["b.whl"]),
        ("<![‹![<a href=/a.whl><![CDATA[ > <a href=/b.whl>", ["b.whl"]),
        ("<? <a href=/a.whl></ ><a href=/b.whl>", ["b.whl"]),
        (
            "<A HREF='/a.whl'/><a\nhref\t=\n/b.whl><a/href=/c.whl><a x=>\n<a href=\"/d.whl\"href=/e.whl>",
            ["a.whl", "b.whl", "c.whl", "d.whl"],
        ),
        ("a < b << <a href=/a.whl> <a href='http://['>", ["a.whl"]),
        ("<a href=/a.whl><a href='/b.whl>", ["a.whl"]),
        ("<a href=/a.whl><a href=/b.whl", ["a.whl"]),
        ("<a href=/a.whl><!-- <a href=/b.whl>", ["a.whl"]),
        ("<abbr href=/a.whl><a>", []),
    ],
)
def test_tags_and_comments_are_those_of_the_html_standard(text: str, names: list[str]) -> None:
    assert [file.filename for file in from_html(text)] == names


_UNIT = 200_000


@pytest.mark.parametrize(
    "text",
    [
        "<!--" * _UNIT,
        "<!---->" * _UNIT,
        "<!" * _UNIT,
        "<a" * _UNIT,
        "<a " * _UNIT,
        "</" * _UNIT,
        "<" * _UNIT,
        "<script>" * _UNIT,
        "<title></titl" * _UNIT,
        "<b>" * _UNIT + "</p>" * _UNIT,
        "<a x='" * _UNIT,
        "<a x='\"" * _UNIT,
        "<a " + "b=1 " * _UNIT + ">",
        "<a " + "/ " * _UNIT,
        "<a href" + " " * _UNIT + "x",
        "<a href='" + "&" * _UNIT + "'>",
        "&#" * _UNIT,
    ],
)
def test_a_hostile_page_is_read_in_linear_time(text: str) -> None:
    # In quadratic time, each of these pages would take minutes.
    assert [file.filename for file in from_html("<a href=/a.whl>" + text)][:1] == ["a.whl"]


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ('<base href="http://["><a href=x>', "its `<base href>` is no URL"),
        (f"<a href='&#{'9' * 5000};'>", "a character reference has thousands of digits"),
        (f"<base href=/{'x' * 2**22}/>" + "<a href=x>" * 70, "it has more than 64 links, too many to hold in memory"),
    ],
)
def test_a_page_that_cannot_be_read_says_why(page: str, why: str) -> None:
    with pytest.raises(PageError) as caught:
        from_html(page)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    "charset", ["idna", "punycode", "rot13", "unicode_escape", "undefined", "utf-7", "x" * 9, "a\0b", ""]
)
def test_what_is_no_character_set_of_a_page_is_refused(charset: str) -> None:
    with pytest.raises(PageError, match="character set"):
        parse_html_page(b"<a href=x>\xff" + b"x" * 100, url=URL, charset=charset)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "A", "p", "br/", "/a", "/p"]),
            st.dictionaries(
                st.sampled_from(
                    [
                        "href",
                        "data-yanked",
                        "data-requires-python",
                        "data-core-metadata",
                        "data-dist-info-metadata",
                        "rel",
                    ]
                ),
                st.text(st.sampled_from("abc/.-=#&<>'\" é;:1"), max_size=12),
                max_size=4,
            ),
            st.text(st.sampled_from("abc é&;\n"), max_size=5),
        ),
        max_size=6,
    )
)
def test_anchors_are_those_that_pip_reads(tags: list[tuple[str, dict[str, str], str]]) -> None:
    text = "<a>" + "".join(
        f"<{tag} {' '.join(f'{name}={chr(34)}{html.escape(value)}{chr(34)}' for name, value in values.items())}>{after}"
        for tag, values, after in tags
    )
    parser = HTMLLinkParser(URL)
    parser.feed(text)
    found = [(file.filename, file.url, file.requires_python or "", file.yanked) for file in from_html(text)]
    assert found == [one for anchor in parser.anchors if (one := _read_as_pip(anchor)) is not None]


def _read_as_pip(values: dict[str, str | None]) -> tuple[str, str, str, str | None] | None:
    try:
        reference = urldefrag(urljoin(URL, (values.get("href") or "").strip())).url
        filename = unquote(urlsplit(reference).path.rpartition("/")[2])
    except ValueError:
        return None
    if not filename:
        return None
    return filename, reference.replace(" ", "%20"), values.get("data-requires-python") or "", values.get("data-yanked")
