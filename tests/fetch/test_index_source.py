"""The package source over a real index: prefetches, one task for each query, errors where results are needed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from packaging.utils import NormalizedName

from resolver.errors import FetchError
from resolver.index.core_metadata import Dependencies
from resolver.index.location import Location
from resolver.index.project_page import ProjectPage
from resolver.requirements.url import Url
from tests.fetch.conftest import A, B, OpenSource, index
from tests.servers import Answer, IndexServer, sdist, wheel

WAIT_S = 20.0


class Heard:
    """Collects what callbacks bring, and waits for it."""

    def __init__(self) -> None:
        self.values: list[object] = []
        self._called = threading.Semaphore(0)

    def __call__(self, value: object) -> None:
        self.values.append(value)
        self._called.release()

    def wait(self) -> None:
        assert self._called.acquire(timeout=WAIT_S)


def other_index(server: IndexServer) -> Location:
    """An index on the same server that has no project."""
    return Location(url=Url(public=f"{server.base_url}/files/empty/"))


def test_callback_gets_the_page_found(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    heard = Heard()
    with open_source() as source:
        source.prefetch_pages(A, [index(server)], until_found=True, then=heard)
        heard.wait()
        page = source.project_page(A, index(server))
    assert heard.values == [(page,)]
    assert server.paths() == ["/simple/a/"]


def test_until_found_stops_at_the_first_index_that_has_the_project(
    server: IndexServer, open_source: OpenSource
) -> None:
    server.add("a", wheel("a", "1.0"))
    heard = Heard()
    unasked = Location(url=Url(public=f"{server.base_url}/unasked/"))
    with open_source() as source:
        source.prefetch_pages(A, [other_index(server), index(server), unasked], until_found=True, then=heard)
        heard.wait()
    assert server.paths() == ["/files/empty/a/", "/simple/a/"]


def test_all_pages_come_in_the_order_of_their_locations(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0"))
    server.always["/late/a/"] = Answer(
        body=b'<a href="a-2.0-py3-none-any.whl">a</a>', headers={"Content-Type": "text/html"}, delay_s=0.05
    )
    late = Location(url=Url(public=f"{server.base_url}/late/"))
    heard = Heard()
    with open_source() as source:
        source.prefetch_pages(A, [late, other_index(server), index(server)], until_found=False, then=heard)
        heard.wait()
    (pages,) = heard.values
    assert isinstance(pages, Sequence)
    assert [page.location for page in pages] == [late.url.public, server.index_url]


def test_error_of_a_prefetch_is_raised_where_its_result_is_needed(server: IndexServer, open_source: OpenSource) -> None:
    server.always["/simple/a/"] = Answer(status=500)
    heard = Heard()
    with open_source() as source:
        source.prefetch_pages(A, [index(server)], until_found=True, then=heard)
        source.prefetch_pages(A, [index(server), other_index(server)], until_found=False, then=heard)
        with pytest.raises(FetchError, match=r"^status 500 for "):
            source.project_page(A, index(server))
    assert heard.values == []
    # A plain request, and the four attempts of the HTTP client.
    assert server.paths("/simple/") == ["/simple/a/"] * 5


def test_demand_and_speculation_share_one_request_for_dependencies(
    server: IndexServer, open_source: OpenSource
) -> None:
    files = [wheel("a", f"{number}.0", ["b"]) for number in range(20)]
    server.add("a", *files)
    server.latency_s = 0.01
    heard = Heard()
    with open_source() as source:
        page = source.project_page(A, index(server))
        assert page is not None
        listed = [page.files(row)[0] for row in range(20)]
        source.prefetch_dependencies(listed, then=heard)
        assert {source.dependencies(file).requires for file in listed} == {("b",)}
        for _ in listed:
            heard.wait()
    assert len(server.paths("/files/")) == len(set(server.paths("/files/"))) == 20


def test_fresh_chain_of_any_length_is_walked_without_deep_recursion(
    server: IndexServer, open_source: OpenSource
) -> None:
    length = 200
    names = [NormalizedName(f"p{number}") for number in range(length)]
    for number, name in enumerate(names):
        server.add(name, wheel(name, "1.0", [f"p{number + 1}"] if number + 1 < length else []))
    assert walk(open_source, names[0], index(server)) == length
    assert walk(open_source, names[0], index(server)) == length
    assert len(server.log) == 2 * length


def walk(open_source: OpenSource, first: NormalizedName, place: Location) -> int:
    """How many dependencies a chain of callbacks read, from one project to the next."""
    done, reached = threading.Event(), []
    with open_source() as source:

        def found(pages: Sequence[ProjectPage]) -> None:
            source.prefetch_dependencies(pages[0].files(0), then=read)

        def read(dependencies: Dependencies) -> None:
            reached.append(dependencies)
            if not dependencies.requires:
                done.set()
            for text in dependencies.requires:
                source.prefetch_pages(NormalizedName(text), [place], until_found=True, then=found)

        source.prefetch_pages(first, [place], until_found=True, then=found)
        assert done.wait(WAIT_S)
    return len(reached)


def test_closing_cancels_what_waits_in_the_queue(server: IndexServer, open_source: OpenSource) -> None:
    server.latency_s = 0.05
    names = [NormalizedName(f"p{number}") for number in range(300)]
    with open_source() as source:
        for name in names:
            source.prefetch_pages(name, [index(server)], until_found=True)
    assert len(server.log) < 100
    with pytest.raises(FetchError, match=r"^the package source is closed$"):
        source.project_page(names[-1], index(server))


def test_prefetch_in_a_closed_source_does_nothing(server: IndexServer, open_source: OpenSource) -> None:
    with open_source() as source:
        pass
    source.prefetch_pages(B, [index(server)], until_found=True)
    assert server.log == []


def test_sdists_are_not_prefetched(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", ["b"], static=False))
    with open_source() as source:
        page = source.project_page(A, index(server))
        assert page is not None
        source.prefetch_dependencies(page.files(0))
    assert server.paths("/files/") == []
