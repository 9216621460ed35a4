"""The session: which libraries a warm run imports, a cache of several processes, and runs that may not go out."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from resolver.errors import FetchError, OfflineError, RunCancelledError
from resolver.fetch.access import Access, Cancellation
from resolver.fetch.http import freshness
from resolver.fetch.http.http_session import HttpSession
from tests.fetch.conftest import A, B, OpenSource, index
from tests.servers import Answer, IndexServer, wheel

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


def test_closed_session_is_an_error_that_names_the_url() -> None:
    session = HttpSession(Access())
    session.close()

    with pytest.raises(FetchError, match=r"^the package source is closed$") as caught:
        session.fetch_size("https://index.example/a")
    assert caught.value.url == "https://index.example/a"


def test_offline_session_fetches_nothing_and_looks_up_no_name(tmp_path: Path) -> None:
    session, url = HttpSession(Access(offline=True, cache_folder=tmp_path)), "https://index.example/a"

    requests: dict[str, Callable[[str], object]] = {
        "the page": session.fetch_page,
        "the metadata file": session.fetch_metadata,
        "the size of the file": session.fetch_size,
        "the file": lambda url: session.download(url, into=None),
    }
    for what, fetch in requests.items():
        with pytest.raises(OfflineError, match=f"^{what} is not in the cache: {url}"):
            fetch(url)
    assert not session.leads_inside(url)


def test_announcement_has_the_size_in_megabytes() -> None:
    announced: list[str] = []
    session = HttpSession(Access(announce=announced.append))
    session.announce("for its hash", filename="a.whl", size_bytes=1_250_000)
    session.announce("for its hash", filename="b.whl", size_bytes=None)

    assert announced == ["reading `a.whl` (1.2 MB) for its hash", "reading `b.whl` (of unknown size) for its hash"]


@pytest.fixture(params=["plain", "httpx"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of a request: `httpx` switches the plain one off."""
    if request.param == "httpx":
        monkeypatch.setenv("PINFOLD_PLAIN_ENGINE", "off")
    return str(request.param)


@contextmanager
def dripping(head: bytes, drop: bytes, *, pause_s: float = 0.02) -> Iterator[str]:
    """The URL of a server that sends `head` and then `drop` again and again, on every connection."""
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(head)
            while not ended.wait(pause_s):
                connection.sendall(drop)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                thread = threading.Thread(target=serve, args=(listener.accept()[0],))
                threads.append(thread)
                thread.start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads.append(threading.Thread(target=accept, args=(listener,)))
        threads[0].start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/a.metadata"
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


@contextmanager
def opened(access: Access) -> Iterator[HttpSession]:
    session = HttpSession(access, sleep=lambda delay_s: None)
    try:
        yield session
    finally:
        session.close()


_DRIPS = {
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "head": (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "nothing": (b"", b""),
}


@pytest.mark.parametrize("drip", _DRIPS)
def test_answer_that_drips_ends_with_the_limit_for_all_of_it(engine: str, drip: str) -> None:
    with dripping(*_DRIPS[drip]) as url, opened(Access(timeout_s=0.5)) as session:
        with pytest.raises(FetchError) as caught:
            session.fetch_metadata(url)
        assert str(caught.value) == (
            f"no whole answer within 0.5 s, the time for one answer, from {url}\n"
            "  try: again later, or a longer `--timeout`"
        )
        with pytest.raises(FetchError, match=r"no whole answer within 0\.5 s"):
            session.download(url, into=None)


@pytest.mark.parametrize("drip", _DRIPS)
@pytest.mark.parametrize("ends_by", ["cancel", "deadline"])
def test_run_ends_in_the_middle_of_an_answer(engine: str, drip: str, ends_by: str) -> None:
    cancellation = Cancellation(after_s=0.3 if ends_by == "deadline" else None)
    timer = threading.Timer(0.3, cancellation.cancel)
    with dripping(*_DRIPS[drip]) as url, opened(Access(cancellation=cancellation)) as session:
        if ends_by == "cancel":
            timer.start()
        with pytest.raises(RunCancelledError) as caught:
            session.fetch_metadata(url)
        assert caught.value.exit_code == 4
        expected = "the run was cancelled" if ends_by == "cancel" else "the run took longer than 0.3 s"
        assert str(caught.value).startswith(expected)
        with pytest.raises(RunCancelledError):
            session.fetch_metadata(url)


def test_interim_responses_have_a_limit(engine: str) -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with dripping(b"", hint, pause_s=0.001) as url, opened(Access()) as session, pytest.raises(FetchError) as caught:
        session.fetch_metadata(url)
    assert str(caught.value) == f"more than 16 interim responses (status 1xx) from {url}, a fixed limit"


def test_bytes_on_the_wire_have_a_limit_where_nothing_comes_out_of_them(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolver.fetch.http.http_session._METADATA_LIMIT_BYTES", 1 << 20)
    # Members of gzip without content: no byte of a body, however many are sent.
    empty = gzip.compress(b"") * 5000
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    with dripping(head, empty, pause_s=0.0) as url, opened(Access()) as session, pytest.raises(FetchError) as caught:
        session.fetch_metadata(url)
    assert str(caught.value) == f"{url} is larger than 1 MiB, the fixed limit for its kind"


def test_answer_of_several_codings_is_refused(engine: str, server: IndexServer) -> None:
    body = gzip.compress(gzip.compress(bytes(1000)))
    server.always["/a"] = Answer(headers={"Content-Encoding": "gzip, gzip"}, body=body)
    with opened(Access()) as session, pytest.raises(FetchError, match="sent as `gzip, gzip`"):
        session.fetch_metadata(f"{server.base_url}/a")


@pytest.mark.parametrize("status", [206, 304])
def test_part_is_never_a_page(engine: str, server: IndexServer, status: int) -> None:
    server.always["/simple/a/"] = Answer(status=status, headers={"Content-Range": "bytes 0-1/9"}, body=b"{}")
    with opened(Access()) as session, pytest.raises(FetchError, match=f"status {status} answers a request for all"):
        session.fetch_page(f"{server.index_url}a/")


def test_bytes_behind_an_answer_are_not_taken_for_the_next_one(engine: str) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer + b"good" + answer + b"evil")
                    connection.settimeout(0.2)
                    with suppress(TimeoutError):
                        connection.recv(65_536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/a.metadata"
        with opened(Access()) as session:
            found = [session.fetch_metadata(url) for _ in range(3)]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert found == [b"good"] * 3


def test_delays_that_a_server_asks_for_add_up(server: IndexServer) -> None:
    later = Answer(status=429, headers={"Retry-After": "25"})
    server.faults["/a"] = [later] * 9
    waited: list[float] = []
    session = HttpSession(Access(), sleep=waited.append)
    with pytest.raises(FetchError, match=r"status 429 for .* \(3 times\)"):
        session.fetch_metadata(f"{server.base_url}/a")
    session.close()
    assert waited == [25.0, 25.0]


def test_delay_beyond_the_time_of_an_answer_is_not_waited_for(server: IndexServer) -> None:
    server.faults["/a"] = [Answer(status=503, headers={"Retry-After": "20"})] * 9
    session = HttpSession(Access(timeout_s=10.0))
    with pytest.raises(FetchError, match="no whole answer within 10 s"):
        session.fetch_metadata(f"{server.base_url}/a")
    session.close()


def test_cancelling_ends_the_wait_between_attempts(server: IndexServer) -> None:
    server.faults["/a"] = [Answer(status=503, headers={"Retry-After": "50"})] * 9
    cancellation = Cancellation()
    session = HttpSession(Access(cancellation=cancellation, announce=lambda message: cancellation.cancel()))
    with pytest.raises(RunCancelledError):
        session.fetch_metadata(f"{server.base_url}/a")
    session.close()


def test_pages_have_this_limit() -> None:
    assert freshness.PAGE_LIMIT_BYTES == 64 * 1024 * 1024
