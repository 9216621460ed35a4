"""The file under the HTTP cache: locked, damaged, of another version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from resolver.fetch.http.cache import open_cache_transport

URL = "https://index.example/simple/a/"


class Server:
    """Answers with a body that a test may change, and counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.body = b"one"
        self.headers = {"Cache-Control": "max-age=600"}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(200, headers=self.headers, content=self.body)


def read(folder: Path, server: Server, mode: Literal["online", "offline", "refresh"] = "online") -> bytes:
    transport = open_cache_transport(folder, httpx.MockTransport(server), mode=mode)
    response = transport.handle_request(httpx.Request("GET", URL))
    body = response.read()
    transport.close()
    return body


def test_locked_cache_is_left_alone(tmp_path: Path) -> None:
    server = Server()
    read(tmp_path, server)
    (database,) = tmp_path.glob("*.db")
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            open_cache_transport(tmp_path, httpx.MockTransport(server), mode="online", lock_wait_s=0.0)
    assert read(tmp_path, server) == b"one"
    assert server.asked == 1


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """The connections to a database, in the order in which they are opened."""
    connections: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def record(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connections.append(connect(*arguments, **options))
        return connections[-1]

    monkeypatch.setattr(sqlite3, "connect", record)
    return connections


def test_connection_waits_in_vain_once(tmp_path: Path, opened: list[sqlite3.Connection]) -> None:
    transport = open_cache_transport(tmp_path, httpx.MockTransport(Server()), mode="online", lock_wait_s=0.05)
    (connection,) = opened
    (database,) = tmp_path.glob("*.db")
    with closing(transport), closing(sqlite3.connect(database, isolation_level=None)) as other:
        connection.execute("CREATE TABLE a (b TEXT)")
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (50,)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.cursor().execute("INSERT INTO a VALUES (?)", ("c",))
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (0,)


@pytest.mark.parametrize("mode", ["online", "offline", "refresh"])
def test_connection_waits_for_a_lock_as_long_as_it_is_set_to(
    mode: Literal["online", "offline", "refresh"], tmp_path: Path, opened: list[sqlite3.Connection]
) -> None:
    transport = open_cache_transport(tmp_path, httpx.MockTransport(Server()), mode=mode, lock_wait_s=0.25)
    with closing(transport):
        transport.handle_request(httpx.Request("GET", URL)).read()
        (connection,) = opened
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (250,)
        assert connection.execute("PRAGMA synchronous").fetchone() == (0,)


def test_answers_come_while_another_process_writes_to_the_cache(tmp_path: Path) -> None:
    server = Server()
    read(tmp_path, server)
    (database,) = tmp_path.glob("*.db")
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        transport = open_cache_transport(tmp_path, httpx.MockTransport(server), mode="refresh", lock_wait_s=0.01)
        with closing(transport):
            assert transport.handle_request(httpx.Request("GET", URL)).read() == b"one"


def test_damaged_cache_is_started_anew(tmp_path: Path) -> None:
    server = Server()
    read(tmp_path, server)
    (database,) = tmp_path.glob("*.db")
    database.write_bytes(b"damaged" * 1000)
    assert read(tmp_path, server) == read(tmp_path, server) == b"one"
    assert server.asked == 2


def test_cache_with_foreign_tables_is_started_anew(tmp_path: Path) -> None:
    server = Server()
    read(tmp_path, server)
    (database,) = tmp_path.glob("*.db")
    database.unlink()
    with closing(sqlite3.connect(database)) as other:
        other.execute("CREATE TABLE entries (something TEXT)")
    assert read(tmp_path, server) == read(tmp_path, server) == b"one"
    assert server.asked == 2


def test_new_answer_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    server = Server()
    read(tmp_path, server)
    server.body = b"two"
    assert read(tmp_path, server, "refresh") == b"two"
    assert read(tmp_path, server) == b"two"
    assert read(tmp_path, server, "offline") == b"two"
    assert server.asked == 2


def test_offline_answer_may_be_one_that_must_be_revalidated(tmp_path: Path) -> None:
    server = Server()
    server.headers = {"Cache-Control": "no-cache, must-revalidate, max-age=0", "ETag": '"1"'}
    read(tmp_path, server)
    assert read(tmp_path, server, "offline") == b"one"
    assert server.asked == 1
