"""Processes that read pages: what they give back, what they leave, and how they end."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resolver.fetch.access import Cancellation
from resolver.fetch.projects.page_readers import PageReaders
from resolver.index.location import Location
from resolver.index.page_building import build_project_page, parse_project_page
from resolver.index.project_page import dump_project_page
from resolver.requirements.url import Url
from tests.command import child_environment
from tests.fetch.conftest import TARGET, A
from tests.servers import JSON_TYPE, IndexServer, wheel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, which is safe on Linux alone")

URL = "https://index.example/simple/a/"
LOCATION = Location(url=Url(public="https://index.example/simple/"))


def page(*versions: str, link: str = "https://files.example/") -> bytes:
    names = [f"a-{version}-py3-none-any.whl" for version in versions]
    return json.dumps({"files": [{"filename": name, "url": f"{link}{name}", "hashes": {}} for name in names]}).encode()


@pytest.fixture(autouse=True)
def alone() -> None:
    """Threads of earlier tests' servers and sources are on their way out."""
    deadline = time.monotonic() + 20.0
    while threading.active_count() > 1 and time.monotonic() < deadline:
        time.sleep(0.01)


@contextmanager
def opened(count: int = 2) -> Iterator[PageReaders]:
    readers = PageReaders(count, target=TARGET, ending=Cancellation())
    try:
        yield readers
    finally:
        readers.close()


def read(readers: PageReaders, body: bytes, *, is_packed: bool = False, content_type: str = JSON_TYPE) -> bytes | None:
    return readers.read(body, is_packed=is_packed, url=URL, content_type=content_type, name=A, location=LOCATION)


def read_here(body: bytes) -> bytes:
    files = parse_project_page(body, content_type=JSON_TYPE, url=URL, name=A)
    return dump_project_page(build_project_page(files, name=A, location=LOCATION, target=TARGET))


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_page_is_read_as_it_is_read_here() -> None:
    body = page("1.0", "2.0")
    with opened() as readers:
        assert read(readers, body) == read_here(body)
        assert read(readers, gzip.compress(body), is_packed=True) == read_here(body)


def test_page_that_is_larger_than_a_pipe_is_read() -> None:
    body = page(*(f"1.{number}" for number in range(5_000)))
    with opened(1) as readers:
        assert len(body) > 1 << 18  # Linux gives a pipe 1 << 16.
        assert read(readers, body) == read_here(body)


def test_pages_are_read_side_by_side() -> None:
    bodies = [page(f"{number}.0") for number in range(20)]
    found: dict[int, bytes | None] = {}
    with opened() as readers:

        def ask(number: int) -> None:
            found[number] = read(readers, bodies[number])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {number: read_here(body) for number, body in enumerate(bodies)}


@pytest.mark.parametrize(
    ("body", "is_packed", "content_type"),
    [
        (b"{", False, JSON_TYPE),
        (b"no gzip", True, JSON_TYPE),
        (page("1.0"), False, "text/plain"),
        (page("1.0", link="https://files.example/?token="), False, JSON_TYPE),
        (page("1.0", link="https://user:password@files.example/"), False, JSON_TYPE),
    ],
)
def test_what_cannot_be_read_or_may_hold_a_secret_is_left(body: bytes, is_packed: bool, content_type: str) -> None:
    with opened(1) as readers:
        assert read(readers, body, is_packed=is_packed, content_type=content_type) is None
        assert read(readers, page("1.0")) is not None


def test_reader_that_has_died_is_done_without() -> None:
    with opened(2) as readers:
        for reader in readers._readers:
            os.kill(reader._process, signal.SIGKILL)
        assert [read(readers, page("1.0")) for _ in range(4)] == [None] * 4
        assert not readers.is_closed


def test_none_is_started_beside_threads() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with opened() as readers:
            assert readers._readers == []
            assert read(readers, page("1.0")) is None
    finally:
        done.set()
        thread.join()


def test_all_have_ended_when_they_are_closed() -> None:
    with opened() as readers:
        processes = [reader._process for reader in readers._readers]
        assert len(processes) == 2
        assert all(map(is_running, processes))
    assert readers.is_closed
    assert not any(map(is_running, processes))
    assert read(readers, page("1.0")) is None


_CODE = """
import os, sys, time
from resolver.fetch.access import Cancellation
from resolver.fetch.projects.page_readers import PageReaders
from resolver.targets.target import PythonVersion
from resolver.targets.target import Target
readers = PageReaders(2, target=Target(python=PythonVersion(minor=11)), ending=Cancellation())
print(*(reader._process for reader in readers._readers), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_readers_end_with_the_process_that_they_read_for(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _CODE], stdout=subprocess.PIPE, text=True, env=child_environment(tmp_path)
    ) as process:
        assert process.stdout is not None
        assert len(process.stdout.readline().split()) == 2
        process.send_signal(number)
        # The readers have the same standard output: it ends when they have.
        assert process.stdout.read() == ""


def test_interrupt_of_the_whole_group_is_left_to_the_process_that_they_read_for(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _CODE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=child_environment(tmp_path),
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate()
    assert errors.count("KeyboardInterrupt") == 1


def test_locks_are_the_same_with_readers_and_without(tmp_path: Path) -> None:
    with IndexServer() as server:
        server.add("a", wheel("a", "1.0", ["b"]), wheel("a", "2.0", tags="cp312-cp312-win_amd64"))
        server.add("b", wheel("b", "1.0"))
        found = [lock(server, tmp_path / str(count), count) for count in (0, 2)]
    assert found[0] == found[1]
    assert "b-1.0" in found[0]


_LOCK = """
import sys
import resolver.cli.host_options
count = int(sys.argv.pop(1))
resolver.cli.host_options._count_readers = lambda: count
from resolver.cli import run
run()
"""


def lock(server: IndexServer, folder: Path, count: int) -> str:
    folder.mkdir()
    (folder / "requirements.txt").write_text(f"--index-url {server.index_url}\na\n")
    words = ["requirements.txt", "--python", "3.11", "--cache-dir", str(folder / "cache"), "-q"]
    subprocess.run(
        [sys.executable, "-c", _LOCK, str(count), *words], cwd=folder, env=child_environment(folder), check=True
    )
    return (folder / "pylock.toml").read_text()
