"""Requests without an HTTP library: which responses are read, and which are left to the other client."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resolver.fetch.http.plain_connection import PlainClient, PlainResponse
from resolver.fetch.http.responses import BadStatusError, unpack_gzip
from tests.fetch.http.test_transports import VARIABLES
from tests.servers import IndexServer

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


class Script:
    """A server that sends given bytes: for each connection a list of answers, after which it closes the connection."""

    def __init__(self, *connections: list[bytes]) -> None:
        self.requests: list[bytes] = []
        self._connections = connections
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/simple/a/"

    def serve(self) -> None:
        for answers in self._connections:
            connection, _ = self._listener.accept()
            with connection:
                for answer in answers:
                    request = b""
                    while not request.endswith(b"\r\n\r\n"):
                        request += connection.recv(65_536)
                    self.requests.append(request)
                    connection.sendall(answer)

    def close(self) -> None:
        self._listener.close()


@contextmanager
def running(*connections: list[bytes]) -> Iterator[Script]:
    script = Script(*connections)
    thread = threading.Thread(target=script.serve)
    thread.start()
    try:
        yield script
    finally:
        thread.join()
        script.close()


@contextmanager
def opened(*, trusted_hosts: tuple[str, ...] = ()) -> Iterator[PlainClient]:
    client = PlainClient(user_agent="pinfold/1.0", trusted_hosts=trusted_hosts)
    try:
        yield client
    finally:
        client.close()


def fetch(client: PlainClient, url: str, *, limit_bytes: int = 1000) -> PlainResponse | None:
    return client.fetch(url, {"Accept": "*/*"}, limit_bytes=limit_bytes)


def fetch_once(answer: bytes, *, limit_bytes: int = 1000) -> PlainResponse | None:
    with running([answer]) as script, opened() as client:
        return fetch(client, script.url, limit_bytes=limit_bytes)


def test_request_has_these_headers_and_no_other() -> None:
    with running([OK + b"Content-Length: 0\r\n\r\n"]) as script, opened() as client:
        fetch(client, f"{script.url}?a=b")
    host = script.url.split("/")[2]
    assert script.requests[0].decode().split("\r\n") == [
        "GET /simple/a/?a=b HTTP/1.1",
        f"Host: {host}",
        "Accept: */*",
        "User-Agent: pinfold/1.0",
        "Connection: keep-alive",
        "",
        "",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200\r\ncontent-length:4\r\n\r\nbody",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2;of=two\r\ndy\r\n0\r\n\r\n",
        OK + b"Content-Encoding: identity\r\nContent-Length: 4\r\n\r\nbody",
    ],
)
def test_body_is_read_with_length_or_in_chunks(answer: bytes) -> None:
    found = fetch_once(answer)
    assert found is not None
    assert (found.status, found.body, found.is_packed) == (200, b"body", False)


def test_packed_body_is_given_as_it_was_sent() -> None:
    packed = gzip.compress(b"body")
    found = fetch_once(OK + b"Content-Encoding: GZIP\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    assert found is not None
    assert found.is_packed
    assert unpack_gzip(found.body, limit_bytes=100) == b"body"


def test_large_body_is_read_whole() -> None:
    body = bytes(range(256)) * 8000
    found = fetch_once(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body, limit_bytes=len(body))
    assert found is not None
    assert found.body == body


def test_headers_of_one_name_are_joined() -> None:
    found = fetch_once(OK + b"Vary: Accept\r\nContent-Length: 0\r\nvary:  Accept-Encoding \r\n\r\n")
    assert found is not None
    assert found.headers == {"vary": "Accept, Accept-Encoding", "content-length": "0"}


@pytest.mark.parametrize("status", [404, 410])
def test_absence_is_an_answer(status: int) -> None:
    found = fetch_once(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
    assert found is not None
    assert found.status == status


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 301 Moved\r\nLocation: /other/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\nbody",
        OK + b"\r\nbody",
        OK + b"Content-Length: 5\r\n\r\nbody",
        OK + b"Content-Length: 3\r\n\r\nbody",
        OK + b"Content-Length: 1001\r\n\r\n" + b"-" * 1001,
        OK + b"Content-Length: +4\r\n\r\nbody",
        OK + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
        OK + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-4\r\nbody\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n" + b"-" * 0xFFF + b"\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbo",
        OK + b"Content-Encoding: br\r\nContent-Length: 4\r\n\r\nbody",
        OK + b"no header\r\nContent-Length: 4\r\n\r\nbody",
        OK + b"X: a\nb\r\nContent-Length: 4\r\n\r\nbody",
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
    ],
)
def test_whatever_is_not_plain_is_left_to_the_other_client(answer: bytes) -> None:
    assert fetch_once(answer) is None


@pytest.mark.parametrize("status", [429, 503])
def test_status_that_may_pass_counts_as_a_first_attempt(status: int) -> None:
    with pytest.raises(BadStatusError) as caught:
        fetch_once(b"HTTP/1.1 %d Later\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n" % status)
    assert (caught.value.status, caught.value.host, caught.value.retry_after) == (status, "127.0.0.1", "3")


def test_host_that_was_not_plain_is_not_requested_again() -> None:
    with running([b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"]) as script, opened() as client:
        assert fetch(client, script.url) is None
        assert fetch(client, script.url) is None
    assert len(script.requests) == 1


def test_connection_serves_several_questions() -> None:
    answer = OK + b"Content-Length: 4\r\n\r\nbody"
    with running([answer, answer]) as script, opened() as client:
        assert [found.body for _ in range(2) if (found := fetch(client, script.url))] == [b"body"] * 2


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
def test_connection_that_was_closed_is_opened_anew(connection: str) -> None:
    answer = OK + b"Connection: %s\r\nContent-Length: 4\r\n\r\nbody" % connection.encode()
    with running([answer], [answer]) as script, opened() as client:
        assert [found.body for _ in range(2) if (found := fetch(client, script.url))] == [b"body"] * 2


@pytest.mark.parametrize("url", ["https://[::1]/a/", "http://a@127.0.0.1/a/", "http://127.0.0.1/ü/", "file:///a/"])
def test_unusual_url_is_left_to_the_other_client(url: str) -> None:
    with opened() as client:
        assert fetch(client, url) is None


def test_proxy_is_left_to_the_other_client(server: IndexServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    with opened() as client:
        assert fetch(client, server.index_url) is None
    assert server.log == []


def test_host_that_cannot_be_reached_is_left_to_the_other_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with opened() as client:
        assert fetch(client, f"http://127.0.0.1:{port}/") is None


def test_certificate_of_the_users_is_trusted(
    encrypted: tuple[IndexServer, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, certificate = encrypted
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with opened() as client:
        found = fetch(client, f"{server.base_url}/")
    assert found is not None
    assert found.body == b"encrypted"


def test_untrusted_certificate_is_left_to_the_other_client(encrypted: tuple[IndexServer, Path]) -> None:
    server, _ = encrypted
    with opened() as client:
        assert fetch(client, f"{server.base_url}/") is None
    assert server.log == []


def test_host_that_is_trusted_unseen_is_left_to_the_other_client(
    encrypted: tuple[IndexServer, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, certificate = encrypted
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with opened(trusted_hosts=("127.0.0.1",)) as client:
        assert fetch(client, f"{server.base_url}/") is None
    assert server.log == []


def test_request_is_logged_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="pinfold.http")
    with running([OK + b"Content-Length: 0\r\n\r\n"]) as script, opened() as client:
        fetch(client, f"{script.url}?a=b")
    assert caplog.messages == [f"GET {script.url}: 200"]


def test_all_connections_are_closed_at_the_end() -> None:
    with running([OK + b"Content-Length: 0\r\n\r\n"]) as script:
        with opened() as client:
            fetch(client, script.url)
            (connection,) = client._connections
        assert connection._socket.fileno() == -1
