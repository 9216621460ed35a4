"""A page that cannot be read does not stay: the cache holds answers, and this one was none."""

from __future__ import annotations

import pytest

from resolver.errors import FetchError
from tests.fetch.conftest import A, OpenSource, index, links
from tests.servers import Answer, IndexServer, wheel

_KEPT = {"Content-Type": "application/vnd.pypi.simple.v1+json", "Cache-Control": "max-age=600"}


def test_page_that_was_unreadable_is_asked_for_again_by_the_next_run(
    server: IndexServer, open_source: OpenSource
) -> None:
    server.add("a", wheel("a", "1.0"))
    server.always["/simple/a/"] = Answer(headers=_KEPT, body=b'{"files": [')
    with open_source() as source, pytest.raises(FetchError, match="not JSON"):
        source.project_page(A, index(server))
    server.always.clear()

    for _ in range(2):
        with open_source() as source:
            page = source.project_page(A, index(server))
            assert page is not None
            assert [str(version) for version in page.versions] == ["1.0"]


@pytest.mark.parametrize("location", ["/simple/a/", "/links/"])
def test_page_to_log_in_is_an_error(server: IndexServer, open_source: OpenSource, location: str) -> None:
    server.always[location] = Answer(headers={"Content-Type": "text/html"}, body=b"<html><form>Sign in</form></html>")
    place = index(server) if location == "/simple/a/" else links(server.links_url)
    with open_source() as source, pytest.raises(FetchError) as caught:
        source.project_page(A, place)
    assert str(caught.value) == (
        f"the answer of {server.base_url}{location} cannot be read\n"
        "  because it holds no link, and nothing marks it as an empty page of an index: it may be one to log in"
    )


def test_page_that_stays_unreadable_is_asked_for_twice_a_run(server: IndexServer, open_source: OpenSource) -> None:
    server.always["/simple/a/"] = Answer(headers={**_KEPT, "Cache-Control": "no-store"}, body=b"[]")
    with open_source() as source, pytest.raises(FetchError, match="not a JSON object"):
        source.project_page(A, index(server))

    assert server.paths() == ["/simple/a/", "/simple/a/"]
