"""The HTTP server of the tests: one port on loopback, with or without TLS, and a log of what was asked.

Each subclass has its own answers: `tests.servers` an index, `tests.git_server` repositories, `tests.private.buckets` an
object store, and `tests.canary.hosts` hosts that want a secret.

    class Hello(LoopbackServer):
        def respond(self, request: Request) -> Answer:
            return Answer(body=b"hello")

    with Hello() as server:
        ... server.base_url ...
        assert server.paths() == ["/"]
"""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import ClassVar, Self

__all__ = ["Answer", "LoggedRequest", "LoopbackServer", "RawListener", "Request", "find_part"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to answer. `drop` closes the connection unanswered; `cut` sends half of the body and closes.

    `length` is the length that the answer claims, None for the true one. The connection closes after a false one.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    drop: bool = False
    cut: bool = False
    delay_s: float = 0.0
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it arrives; header names are in lower case.

    `target` is the path with its query, or the URL in a request to a proxy.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        """The path alone; of a request to a proxy, the URL without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def login(self) -> str | None:
        """What basic authentication gives as `user:password`; None without it."""
        return self.find_login("authorization")

    def find_login(self, header: str) -> str | None:
        """The same of another header, such as `proxy-authorization`."""
        scheme, _, value = self.headers.get(header, "").partition(" ")
        return base64.b64decode(value).decode() if scheme.lower() == "basic" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest(Request):
    """A request with the status that it got, 0 for a dropped connection."""

    status: int


class LoopbackServer(ABC):
    """A server on a free port; a context manager. Every attribute may be changed while it runs.

    A request whose target contains `hang_at` waits until `go_on` is set; `hanging` is set while one waits, or has.
    """

    methods: ClassVar[frozenset[str]] = frozenset({"GET", "HEAD"})
    """Others get status 501."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.log: list[LoggedRequest] = []
        self.latency_s = 0.0
        self.open_requests = 0
        """How many requests wait for their answer."""
        self.hang_at = ""
        self.hanging = threading.Event()
        self.go_on = threading.Event()
        self.lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _QuietServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"loopback": self}))
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            # The handshake is left to the thread of the connection: a client that breaks it off must not end the rest.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self._scheme}://{self.authority}"

    def paths(self, prefix: str = "/") -> list[str]:
        """The paths asked for so far, in order of arrival."""
        return [request.path for request in self.log if request.path.startswith(prefix)]

    @abstractmethod
    def respond(self, request: Request) -> Answer:
        """The answer to a request, which each subclass gives."""

    def wait(self, request: Request) -> None:
        """Hold a request back that is to hang."""
        if self.hang_at and self.hang_at in request.target:
            self.hanging.set()
            self.go_on.wait(60)

    def delay(self, answer: Answer) -> None:
        """Wait as the answer or the whole server says, but no longer than the server runs."""
        with self.lock:
            self.open_requests += 1
        self._closing.wait(answer.delay_s or self.latency_s)
        with self.lock:
            self.open_requests -= 1

    def note(self, request: Request, answer: Answer) -> None:
        """Put a request into the log, before its answer is sent."""
        logged = LoggedRequest(
            method=request.method,
            target=request.target,
            headers=request.headers,
            body=request.body,
            status=0 if answer.drop else answer.status,
        )
        with self.lock:
            self.log.append(logged)


class RawListener(ABC):
    """A port on loopback below HTTP: each connection goes to `serve`, in a thread of its own. A context manager."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    @abstractmethod
    def serve(self, connection: socket.socket) -> None:
        """Answer one connection, and close it."""

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()


def find_part(header: str, *, size_bytes: int) -> tuple[int, int]:
    """The first byte of a `Range`, and the one behind its last (RFC 9110, 14.1.2), for one range alone."""
    first, _, last = header.removeprefix("bytes=").partition("-")
    if not first:
        return max(0, size_bytes - int(last)), size_bytes
    return int(first), min(int(last) + 1, size_bytes) if last else size_bytes


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    loopback: LoopbackServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._respond()

    def do_HEAD(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def log_message(self, format: str, *args: object) -> None:
        """Keep standard error clean; `LoopbackServer.log` has it all."""

    def _respond(self) -> None:
        if self.command not in self.loopback.methods:
            self.send_error(501)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(method=self.command, target=self.path, headers=headers, body=self._read_body())
        self.loopback.wait(request)
        answer = self.loopback.respond(request)
        self.loopback.delay(answer)
        self.loopback.note(request, answer)
        if answer.drop:
            self.close_connection = True
        else:
            self._send(answer)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
        self.end_headers()
        if self.command != "HEAD" and answer.status != 304:
            self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)
        self.close_connection = self.close_connection or answer.cut or answer.length is not None
