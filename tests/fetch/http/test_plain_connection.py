"""Requests without an HTTP library: which responses are read, and which are left to the other client."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h11
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from resolver.fetch.access import Access
from resolver.fetch.http.freshness import unpack_gzip
from resolver.fetch.http.plain_connection import PlainClient
from resolver.fetch.http.wire import Absent, Answered, Connection, HandedOver, NotModified, PlainAnswer, PlainRequest
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


def fetch(client: PlainClient, url: str, *, limit_bytes: int = 1000, **conditions: str) -> PlainAnswer | HandedOver:
    headers = {"Accept": "*/*", **{name.replace("_", "-"): text for name, text in conditions.items()}}
    return client.fetch(url, headers, limits=Access().begin(url, limit_bytes=limit_bytes))


def fetch_once(answer: bytes, *, limit_bytes: int = 1000) -> PlainAnswer | HandedOver:
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
    ],
)
def test_body_is_read_with_its_length(answer: bytes) -> None:
    found = fetch_once(answer)
    assert isinstance(found, Answered)
    assert (found.body, found.is_packed) == (b"body", False)


def test_packed_body_is_given_as_it_was_sent() -> None:
    packed = gzip.compress(b"body")
    found = fetch_once(OK + b"Content-Encoding: GZIP\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    assert isinstance(found, Answered)
    assert found.is_packed
    assert unpack_gzip(found.body, limit_bytes=100) == b"body"


def test_large_body_is_read_whole() -> None:
    body = bytes(range(256)) * 8000
    found = fetch_once(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body, limit_bytes=len(body))
    assert isinstance(found, Answered)
    assert found.body == body


def test_headers_of_one_name_are_joined() -> None:
    found = fetch_once(OK + b"Vary: Accept\r\nContent-Length: 0\r\nvary:  Accept-Encoding \r\n\r\n")
    assert isinstance(found, Answered)
    assert found.headers == {"vary": "Accept, Accept-Encoding", "content-length": "0"}


@pytest.mark.parametrize("status", [404, 410])
def test_absence_is_an_answer(status: int) -> None:
    assert isinstance(fetch_once(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status), Absent)


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
        OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        OK + b"Content-Encoding: identity\r\nContent-Length: 4\r\n\r\nbody",
        OK + b"Content-Encoding: gzip, gzip\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 206 Partial\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        b"HTTP/1.1 503 Later\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        OK + b"Content-Length: 4\r\n X: folded\r\n\r\nbody",
        OK + b"X: a\rb\r\nContent-Length: 4\r\n\r\nbody",
        OK + b"Content-Length : 4\r\n\r\nbody",
        OK + b"Content-Length: 4\n\nbody",
        OK + b"Content-Encoding: br\r\nContent-Length: 4\r\n\r\nbody",
        OK + b"no header\r\nContent-Length: 4\r\n\r\nbody",
        OK + b"X: a\nb\r\nContent-Length: 4\r\n\r\nbody",
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
    ],
)
def test_whatever_is_not_plain_is_left_to_the_other_client(answer: bytes) -> None:
    assert isinstance(fetch_once(answer), HandedOver)


def test_host_that_was_not_plain_is_not_requested_again() -> None:
    with running([b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"]) as script, opened() as client:
        assert isinstance(fetch(client, script.url), HandedOver)
        assert isinstance(fetch(client, script.url), HandedOver)
    assert len(script.requests) == 1


def test_connection_serves_several_questions() -> None:
    answer = OK + b"Content-Length: 4\r\n\r\nbody"
    with running([answer, answer]) as script, opened() as client:
        found = [fetch(client, script.url) for _ in range(2)]
    assert [one.body for one in found if isinstance(one, Answered)] == [b"body"] * 2


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
def test_connection_that_was_closed_is_opened_anew(connection: str) -> None:
    answer = OK + b"Connection: %s\r\nContent-Length: 4\r\n\r\nbody" % connection.encode()
    with running([answer], [answer]) as script, opened() as client:
        found = [fetch(client, script.url) for _ in range(2)]
    assert [one.body for one in found if isinstance(one, Answered)] == [b"body"] * 2


@pytest.mark.parametrize("late", [OK + b"Content-Length: 5\r\n\r\nwrong", b"x", b"\r\n"])
def test_late_bytes_are_not_taken_for_the_next_answer(late: bytes) -> None:
    answer = OK + b"Content-Length: 4\r\n\r\nbody"
    found: list[object] = []
    go_on = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener, opened() as client:
        listener.settimeout(10.0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/simple/a/"

        def send() -> None:
            # Connections belong to threads, so that one thread sends both requests.
            found.append(fetch(client, url))
            go_on.wait(10)
            found.append(fetch(client, url))

        def serve() -> socket.socket:
            connection, _ = listener.accept()
            connection.recv(65_536)
            connection.sendall(answer)
            return connection

        sender = threading.Thread(target=send)
        sender.start()
        with serve() as connection:
            while not found:
                time.sleep(0.01)
            # On loopback the bytes have arrived when `sendall` returns.
            connection.sendall(late)
            go_on.set()
            with serve():
                sender.join()
    assert [one.body for one in found if isinstance(one, Answered)] == [b"body", b"body"]


NOT_MODIFIED = b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 4\r\n\r\n'


def test_page_that_has_not_changed_has_no_body_and_leaves_the_connection_usable() -> None:
    with running([NOT_MODIFIED, OK + b"Content-Length: 4\r\n\r\nbody"]) as script, opened() as client:
        first = fetch(client, script.url, If_None_Match='"1"')
        second = fetch(client, script.url)
    assert isinstance(first, NotModified)
    assert first.headers["etag"] == '"1"'
    assert isinstance(second, Answered)
    assert second.body == b"body"


@pytest.mark.parametrize(
    "answer", [NOT_MODIFIED + b"body", NOT_MODIFIED.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")]
)
def test_not_modified_of_another_form_is_left_to_the_other_client(answer: bytes) -> None:
    with running([answer]) as script, opened() as client:
        assert isinstance(fetch(client, script.url, If_None_Match='"1"'), HandedOver)


TOKENS = st.sampled_from(
    [
        *(
            b"HTTP/1.1 200 OK",
            b"HTTP/1.1 304 Same",
            b"HTTP/1.1 404 No",
            b"HTTP/1.0 200 OK",
            b"HTTP/1.1 100 Go on",
            b"HTTP/1.1 206 Part",
        ),
        *(
            b"Content-Length: 4",
            b"content-length:4",
            b"Content-Length: 04",
            b"Content-Length: 5",
            b"Content-Length: 4, 4",
        ),
        *(b"Transfer-Encoding: chunked", b"Content-Encoding: gzip", b"Content-Encoding: br", b"Connection: close"),
        *(
            b"Content-Length",
            b": ",
            b":",
            b" ",
            b"\t",
            b"\r",
            b"\n",
            b"\r\n",
            b"\r\n\r\n",
            b"\x00",
            b"\x0b",
            b"\x85",
            b"\xa0",
        ),
        *(b"X: y", b"X", b"4", b"+4", b"-1", b"body", b"bod", b"4\r\nbody\r\n0\r\n\r\n", b'ETag: "1"', b"\xff"),
    ]
)
LINES = st.lists(TOKENS, max_size=4).map(b"".join)
FREE = st.lists(st.one_of(TOKENS, st.binary(max_size=3)), max_size=14).map(b"".join)
LIKELY = st.tuples(
    st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.1 304 Same", b"HTTP/1.1 404 No", b"HTTP/1.1 200", b"HTTP/1.1 410 "]),
    st.lists(LINES, max_size=4),
    st.one_of(st.just(b"body"), st.just(b""), LINES),
).map(lambda parts: b"\r\n".join((parts[0], *parts[1], b"Content-Length: 4", b"", parts[2])))


def read_with_h11(data: bytes) -> tuple[int, dict[str, str], bytes] | None:
    """The one response that h11 reads in all of the data; None for an error, and for bytes that are missing or left."""
    connection = h11.Connection(our_role=h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "index.example")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    status, headers, body = 0, dict[str, str](), b""
    try:
        while not isinstance(one := connection.next_event(), h11.EndOfMessage):
            if isinstance(one, h11.Data):
                body += one.data
            elif isinstance(one, h11.Response):
                status = one.status_code
                for name, value in ((name.decode(), value.decode("latin-1")) for name, value in one.headers):
                    headers[name] = f"{headers[name]}, {value}" if name in headers else value
            else:
                return None
    except h11.RemoteProtocolError:
        return None
    return None if connection.trailing_data[0] else (status, headers, body)


class Slow:
    """A socket that gives few bytes at once."""

    def __init__(self, below: socket.socket, step: int) -> None:
        self._below = below
        self._step = step

    def sendall(self, data: bytes) -> None:
        """Nothing: the answer is there already."""

    def recv(self, size: int) -> bytes:
        return self._below.recv(min(size, self._step))

    def recv_into(self, view: memoryview) -> int:
        return self._below.recv_into(view, min(len(view), self._step))


@settings(max_examples=1500, deadline=None)
@given(st.one_of(FREE, LIKELY), st.integers(min_value=1, max_value=40), st.booleans())
def test_answer_is_that_of_h11_or_handed_over(data: bytes, step: int, is_conditional: bool) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        ours.settimeout(1.0)
        slow: Any = Slow(ours, step)
        try:
            answer, _ = Connection(slow).send(
                PlainRequest("/", "", is_conditional=is_conditional), Access().begin("", limit_bytes=1000)
            )
        except (OSError, ValueError):
            event("handed over")
            return
        rest = ours.recv(65_536)
    event(type(answer).__name__)
    # The rest keeps the connection from being used again.
    expected = read_with_h11(data[: len(data) - len(rest)])
    assert expected is not None
    status, headers, body = expected
    if isinstance(answer, Absent):
        assert status in (404, 410)
    elif isinstance(answer, NotModified):
        assert is_conditional
        assert (304, answer.headers, b"") == (status, headers, body)
    else:
        assert (200, answer.headers, answer.body) == (status, headers, body)


@pytest.mark.parametrize("url", ["https://[::1]/a/", "http://a@127.0.0.1/a/", "http://127.0.0.1/ü/", "file:///a/"])
def test_unusual_url_is_left_to_the_other_client(url: str) -> None:
    with opened() as client:
        assert isinstance(fetch(client, url), HandedOver)


def test_proxy_is_left_to_the_other_client(server: IndexServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    with opened() as client:
        assert isinstance(fetch(client, server.index_url), HandedOver)
    assert server.log == []


def test_host_that_cannot_be_reached_is_left_to_the_other_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with opened() as client:
        assert isinstance(fetch(client, f"http://127.0.0.1:{port}/"), HandedOver)


def test_certificate_of_the_users_is_trusted(
    encrypted: tuple[IndexServer, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, certificate = encrypted
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with opened() as client:
        found = fetch(client, f"{server.base_url}/")
    assert isinstance(found, Answered)
    assert found.body == b"encrypted"


def test_untrusted_certificate_is_left_to_the_other_client(encrypted: tuple[IndexServer, Path]) -> None:
    server, _ = encrypted
    with opened() as client:
        assert isinstance(fetch(client, f"{server.base_url}/"), HandedOver)
    assert server.log == []


def test_host_that_is_trusted_unseen_is_left_to_the_other_client(
    encrypted: tuple[IndexServer, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, certificate = encrypted
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with opened(trusted_hosts=("127.0.0.1",)) as client:
        assert isinstance(fetch(client, f"{server.base_url}/"), HandedOver)
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
