"""Hosts on loopback that give nothing without the canary of their kind: an index, files, a proxy, encrypted or not.

    with Host({"alpha": [wheel("alpha", "1.0")]}, allow=has_login(lambda: ("robot", "secret"))) as host:
        host.url("/simple/")

So what was locked from a host has certainly had its secret in hand. What a host refuses it quotes, as some do.
"""

from __future__ import annotations

import base64
import select
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.servers import ServedFile

__all__ = ["Asked", "Host", "Proxy", "has_login", "has_path", "has_query"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request: its whole target and its `Authorization`."""

    target: str
    authorization: str

    @property
    def path(self) -> str:
        return urlsplit(self.target).path


Allow = Callable[[Asked], bool]


def has_login(find: Callable[[], tuple[str, str]]) -> Allow:
    """Whether a request comes with the user and password of that moment."""

    def check(asked: Asked) -> bool:
        return asked.authorization == f"Basic {base64.b64encode(':'.join(find()).encode()).decode()}"

    return check


def has_query(find: Callable[[], tuple[str, str]]) -> Allow:
    """Whether a request has the parameter of that moment: its name and value."""

    def check(asked: Asked) -> bool:
        name, value = find()
        return parse_qs(urlsplit(asked.target).query).get(name) == [value]

    return check


def has_path(find: Callable[[], str]) -> Allow:
    """Whether a request's path begins as it should at that moment."""
    return lambda asked: asked.path.startswith(find())


class Host:
    """An index at `/…/simple/`, find-links at `/…/links/`, files at `/…/files/`; a context manager.

    `links` is put in front of the links of pages, `query` behind them; `redirects` maps a path to a whole URL.
    `answer` is what every request gets instead: a status and a body; with `is_cut` half of a body comes. `hang_at` is a
    part of targets that wait until `go_on` is set; `hanging` tells that one does. `served` replaces the content of a
    file by name.
    """

    def __init__(
        self, projects: Mapping[str, Sequence[ServedFile]], *, allow: Allow, tls: ssl.SSLContext | None = None
    ) -> None:
        self.projects = {name: list(files) for name, files in projects.items()}
        self.allow = allow
        self.links = ""
        self.query = ""
        self.redirects: dict[str, str] = {}
        self.answer: tuple[int, str] | None = None
        self.is_cut = False
        self.served: dict[str, bytes] = {}
        self.hang_at = ""
        self.hanging = threading.Event()
        self.go_on = threading.Event()
        self.log: list[tuple[str, int, int]] = []
        """Of each request its target, the status of the answer, and how many bytes it had."""
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"host": self}))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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

    def url(self, path: str, *, login: str = "") -> str:
        """The URL of a path, with user information if it is given."""
        return f"http://{login}{'@' if login else ''}{self.authority}{path}"

    def reset(self) -> None:
        """Tell the truth again, and let go of all who wait."""
        self.answer, self.hang_at, self.served, self.is_cut = None, "", {}, False
        self.go_on.set()
        self.hanging, self.go_on = threading.Event(), threading.Event()

    def respond(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        if self.hang_at and self.hang_at in asked.target:
            self.hanging.set()
            self.go_on.wait(60)
        if self.answer is not None:
            return self.answer[0], {"WWW-Authenticate": 'Basic realm="a"'}, self.answer[1].encode()
        if not self.allow(asked):
            told = f"you said {asked.authorization} for {asked.target}, which is wrong"
            return 401, {"WWW-Authenticate": 'Basic realm="a"'}, told.encode()
        if asked.path in self.redirects:
            return 302, {"Location": self.redirects[asked.path]}, b""
        place, is_page, name = asked.path.rpartition("/simple/")
        if is_page:
            return self._find_page(place, name.strip("/"))
        if asked.path.endswith("/links/"):
            files = [file for all in self.projects.values() for file in all]
            return self._render_page(asked.path.removesuffix("/links/"), files)
        return self._find_file(asked.path.rpartition("/")[2])

    def _find_page(self, place: str, name: str) -> tuple[int, dict[str, str], bytes]:
        if name not in self.projects:
            return 404, {}, b""
        return self._render_page(place, self.projects[name])

    def _render_page(self, place: str, files: Sequence[ServedFile]) -> tuple[int, dict[str, str], bytes]:
        anchors = "".join(
            f'<a href="{self.links}{place}/files/{file.filename}{self.query}#sha256={file.listed_sha256}">'
            f"{file.filename}</a>\n"
            for file in files
        )
        headers = {"Content-Type": "text/html", "ETag": '"1"', "Cache-Control": "max-age=0"}
        return 200, headers, f"<!DOCTYPE html><html><body>{anchors}</body></html>".encode()

    def _find_file(self, name: str) -> tuple[int, dict[str, str], bytes]:
        contents = {file.filename: file.content for all in self.projects.values() for file in all} | self.served
        if name not in contents:
            return 404, {}, b""
        return 200, {"Content-Type": "application/octet-stream"}, contents[name]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    host: Host
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        status, headers, body = self.host.respond(
            Asked(target=self.path, authorization=self.headers.get("Authorization", ""))
        )
        wanted = self.headers.get("Range", "")
        if status == 200 and wanted.startswith("bytes=") and "/files/" in self.path:
            status, headers, body = _cut(body, wanted)
        self._send(status, headers, body)

    def do_HEAD(self) -> None:
        self._send(403, {}, b"")

    def log_message(self, format: str, *args: object) -> None:
        """Keep standard error clean; `Host.log` has it all."""

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.host.log.append((self.path, status, len(body)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.host.is_cut else body)
        self.close_connection = self.close_connection or self.host.is_cut


def _cut(body: bytes, wanted: str) -> tuple[int, dict[str, str], bytes]:
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    start = int(first) if first else max(0, len(body) - int(last))
    stop = min(int(last) + 1, len(body)) if first and last else len(body)
    return 206, {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}, body[start:stop]


class Proxy:
    """A proxy that connects (`CONNECT`) those who have its `login`, to one host whatever name they ask for."""

    def __init__(self, target: Host) -> None:
        self.login = ""
        self.asked: list[str] = []
        self._target = target
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

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                data = connection.recv(65536)
                if not data:
                    return
                head += data
            self.asked.append(head.partition(b"\r\n")[0].decode())
            if base64.b64encode(self.login.encode()) not in head:
                told = b'Proxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n" + told)
                return
            with socket.create_connection(("127.0.0.1", self._target.port)) as other:
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _relay(connection, other)


def _relay(one: socket.socket, other: socket.socket) -> None:
    ways = {one: other, other: one}
    while True:
        for source in select.select(list(ways), [], [], 60)[0]:
            try:
                data = source.recv(65536)
                if not data:
                    return
                ways[source].sendall(data)
            except OSError:
                return
