"""A page that cannot be read does not stay: the cache holds answers, and this one was none."""

from __future__ import annotations

import pytest

from resolver.errors import FetchError
from tests.fetch.conftest import A, OpenSource, index
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


def test_page_that_stays_unreadable_is_asked_for_twice_a_run(server: IndexServer, open_source: OpenSource) -> None:
    server.always["/simple/a/"] = Answer(headers={**_KEPT, "Cache-Control": "no-store"}, body=b"[]")
    with open_source() as source, pytest.raises(FetchError, match="not a JSON object"):
        source.project_page(A, index(server))

    assert server.paths() == ["/simple/a/", "/simple/a/"]
