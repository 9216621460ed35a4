"""Answers of earlier runs: they are given while the pages and metadata they rest on are the same, and only then."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from resolver.errors import FetchError
from resolver.fetch.http.freshness import find_conditions, find_validator
from resolver.index.package_source import PackageSource, PageEvidence
from tests.fetch.conftest import A, B, OpenSource, index, links
from tests.servers import Answer, IndexServer, wheel


def exchange(source: PackageSource, server: IndexServer, question: str = "q", answer: str = "a") -> str | None:
    """The answer that was kept; then another one is kept, with a page and the metadata of a file as its evidence."""
    answers = source.answers
    assert answers is not None
    found = answers.find_answer(question)
    page = source.project_page(A, index(server))
    assert page is not None
    source.dependencies(page.files(0)[0])
    answers.keep_answer(question, answer)
    return found


def run(open_source: OpenSource, server: IndexServer, question: str = "q", answer: str = "a") -> str | None:
    """The exchange of one run."""
    with open_source() as source:
        return exchange(source, server, question, answer)


def test_answer_is_given_while_its_evidence_holds(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    assert [run(open_source, server) for _ in range(3)] == [None, "a", "a"]
    assert run(open_source, server, question="another") is None


def test_new_page_ends_an_answer(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    assert run(open_source, server) is None
    server.add("a", wheel("a", "2.0"))
    with open_source(refresh=True) as source:
        assert source.project_page(A, index(server)) is not None
    assert run(open_source, server) is None


@pytest.mark.parametrize("cache_control", ["max-age=0", "no-cache", "no-store", None])
def test_stale_pages_are_asked_for_before_an_answer_is_given(
    server: IndexServer, open_source: OpenSource, cache_control: str | None
) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control = cache_control
    assert run(open_source, server) is None
    before = len(server.log)
    assert run(open_source, server) == "a"
    assert server.paths()[before:] == ["/simple/a/"]
    server.add("a", wheel("a", "2.0"))
    assert run(open_source, server) is None
    assert run(open_source, server) == "a"


@pytest.mark.parametrize("validators", [True, False])
def test_page_is_asked_for_once_where_it_has_changed(
    server: IndexServer, open_source: OpenSource, validators: bool
) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control, server.validators = "max-age=0", validators
    run(open_source, server)
    server.add("a", wheel("a", "2.0"))
    before = len(server.log)
    assert run(open_source, server) is None
    assert server.paths()[before:].count("/simple/a/") == 1


def test_absent_page_is_asked_for_unless_its_headers_say_how_long(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))

    def ask() -> tuple[str | None, list[str]]:
        before = len(server.log)
        with open_source() as source:
            assert source.answers is not None
            found = source.answers.find_answer("q")
            source.project_page(B, index(server))
            source.answers.keep_answer("q", "a")
        return found, server.paths()[before:]

    assert [ask(), ask()] == [(None, ["/simple/b/"]), ("a", ["/simple/b/"])]
    server.always["/simple/b/"] = Answer(status=404, headers={"Cache-Control": "max-age=60"})
    assert [ask(), ask()] == [("a", ["/simple/b/"]), ("a", [])]
    with open_source() as source:
        assert source.project_page(B, index(server)) is None
        assert source.answers is not None
        source.answers.distrust_absence()
    del server.always["/simple/b/"]
    server.add("b", wheel("b", "1.0"))
    assert [ask(), ask()] == [(None, ["/simple/b/"]), ("a", [])]


def test_failed_request_for_a_stale_page_is_no_error(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    server.cache_control = "max-age=0"
    run(open_source, server)
    server.always["/simple/a/"] = Answer(status=500)
    with open_source() as source:
        assert source.answers is not None
        assert source.answers.find_answer("q") is None
        with pytest.raises(FetchError):
            source.project_page(A, index(server))


def test_completed_file_supports_no_answer(server: IndexServer, open_source: OpenSource) -> None:
    server.sizes = server.hashes = False
    server.add("a", wheel("a", "1.0"))
    for _ in range(2):
        with open_source() as source:
            page = source.project_page(A, index(server))
            assert page is not None
            source.complete(page.files(0)[0])
            assert exchange(source, server) is None


@pytest.mark.parametrize("option", ["offline", "refresh"])
def test_offline_and_refreshing_sources_keep_no_answers(
    server: IndexServer, open_source: OpenSource, option: str
) -> None:
    with open_source(**{option: True}) as source:
        assert source.answers is None
    with open_source() as source:
        assert source.without_requests().answers is None


def list_pages(source: PackageSource) -> tuple[PageEvidence, ...] | None:
    assert source.answers is not None
    return source.answers.list_pages()


def test_pages_of_a_run_are_listed_with_all_that_checks_them(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    for _ in range(2):
        with open_source() as source:
            exchange(source, server)
            assert source.project_page(B, index(server)) is None
            pages = list_pages(source)
        assert pages is not None
        assert [(page.url, page.is_absent, page.credential_id) for page in pages] == [
            (f"{server.index_url}a/", False, ""),
            (f"{server.index_url}b/", True, ""),
        ]
        assert pages[0].fresh_until > time.time() > pages[1].fresh_until
        headers = {**dict(pages[0].headers), **find_conditions(pages[0].validator)}
        with urlopen(Request(f"{server.index_url}a/", headers=dict(pages[0].headers))) as response:
            answer = {name.lower(): text for name, text in response.headers.items()}
        assert find_validator(answer) == pages[0].validator
        assert "If-None-Match" in headers


def test_pages_behind_a_kept_answer_are_listed(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    with open_source() as source:
        exchange(source, server)
        first = list_pages(source)
    with open_source() as source:
        assert source.answers is not None
        assert list_pages(source) == ()
        assert source.answers.find_answer("q") == "a"
        assert list_pages(source) == first != ()


@pytest.mark.parametrize("what", ["completion", "links on disk", "redirect", "signed links"])
def test_no_pages_are_listed_where_they_do_not_decide_all(
    server: IndexServer, open_source: OpenSource, tmp_path: Path, what: str
) -> None:
    server.sizes = server.hashes = what != "completion"
    server.add("a", wheel("a", "1.0"))
    place = index(server)
    if what == "links on disk":
        (tmp_path / "links").mkdir()
        place = links((tmp_path / "links").as_uri())
    if what == "redirect":
        server.add("A", wheel("a", "1.0"))
        server.always["/simple/a/"] = Answer(status=302, headers={"Location": "/simple/A/"})
    if what == "signed links":
        link = f'<a href="{server.file_url("a-1.0-py3-none-any.whl")}?token=secret#sha256={"0" * 64}">a</a>'
        server.always["/simple/a/"] = Answer(body=link.encode(), headers={"Content-Type": "text/html"})
    with open_source() as source:
        page = source.project_page(A, place)
        if what == "completion":
            assert page is not None
            source.complete(page.files(0)[0])
        assert list_pages(source) is None
