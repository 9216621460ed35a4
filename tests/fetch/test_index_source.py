"""The package source over a real index: prefetches, one task for each query, warm runs, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

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
    assert server.paths("/simple/") == ["/simple/a/"] * 4


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


_READ = """
import sys
from pathlib import Path
from packaging.utils import NormalizedName
from resolver.fetch.access import Access
from resolver.fetch.index_source import open_package_source
from resolver.index.location import Location
from resolver.requirements.url import Url
from resolver.targets.target import PythonVersion
from resolver.targets.target import Target

cache, url, *names = sys.argv[1:]
place = Location(url=Url(public=url))
with open_package_source(Access(cache_folder=Path(cache)), target=Target(python=PythonVersion(minor=11))) as source:
    for name in names:
        source.prefetch_pages(NormalizedName(name), [place], until_found=True)
    for name in names:
        page = source.project_page(NormalizedName(name), place)
        for row in range(len(page.versions)):
            file = page.files(row)[0]
            print(file.filename, *source.dependencies(file).requires)
"""
_LIST_MODULES = "print('modules', *sys.modules)"


def start(server: IndexServer, cache: Path, *names: str, code: str = _READ) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(cache), server.index_url, *names]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> list[str]:
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    return output.splitlines()


def test_warm_run_imports_no_http_client_and_no_cache_library(
    server: IndexServer, open_source: OpenSource, tmp_path: Path
) -> None:
    server.add("a", wheel("a", "1.0", ["b>=1"]))
    server.add("b", wheel("b", "1.0"))
    with open_source() as source:
        for name in (A, B):
            page = source.project_page(name, index(server))
            assert page is not None
            source.dependencies(page.files(0)[0])
    asked = len(server.log)
    lines = finish(start(server, tmp_path / "cache", "a", "b", code=_READ + _LIST_MODULES))
    assert lines[:2] == ["a-1.0-py3-none-any.whl b>=1", "b-1.0-py3-none-any.whl"]
    assert len(server.log) == asked
    loaded = {module.partition(".")[0] for module in lines[2].split()}
    heavy = {"httpx", "httpcore", "hishel", "sqlite3", "ssl", "_hashlib", "json", "email", "tarfile", "tempfile", "pip"}
    assert loaded & heavy == set()


def test_processes_share_one_cache(server: IndexServer, tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(40)]
    for name in names:
        server.add(name, *(wheel(name, f"{minor}.0", ["b"]) for minor in range(3)))
    server.cache_control = "no-cache"
    processes = [start(server, tmp_path / "cache", *names) for _ in range(3)]
    outputs = [finish(process) for process in processes]
    assert outputs[0] == outputs[1] == outputs[2]
    assert len(outputs[0]) == 120
    asked = len(server.log)
    assert finish(start(server, tmp_path / "cache", *names)) == outputs[0]
    assert [request.status for request in server.log[asked:]] == [304] * 40


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process there")
def test_interrupt_ends_a_run_while_all_its_requests_hang(server: IndexServer, tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(40)]
    for name in names:
        server.always[f"/simple/{name}/"] = Answer(delay_s=60.0)
    process = start(server, tmp_path / "cache", *names)
    while server.open_requests < 10:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode in (-signal.SIGINT, 130)
    assert errors.strip().endswith("KeyboardInterrupt")
