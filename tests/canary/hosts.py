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
from urllib.parse import parse_qs

from tests.loopback import Answer, LoopbackServer, RawListener, Request, find_part
from tests.servers import ServedFile

__all__ = ["Host", "Proxy", "has_login", "has_path", "has_query"]


Allow = Callable[[Request], bool]


def has_login(find: Callable[[], tuple[str, str]]) -> Allow:
    """Whether a request comes with the user and password of that moment."""

    def check(request: Request) -> bool:
        return request.login == ":".join(find())

    return check


def has_query(find: Callable[[], tuple[str, str]]) -> Allow:
    """Whether a request has the parameter of that moment: its name and value."""

    def check(request: Request) -> bool:
        name, value = find()
        return parse_qs(request.query).get(name) == [value]

    return check


def has_path(find: Callable[[], str]) -> Allow:
    """Whether a request's path begins as it should at that moment."""
    return lambda request: request.path.startswith(find())


class Host(LoopbackServer):
    """An index at `/…/simple/`, find-links at `/…/links/`, files at `/…/files/`; a context manager.

    `links` is put in front of the links of pages, `query` behind them; `redirects` maps a path to a whole URL.
    `answer` is what every request gets instead: a status and a body; with `is_cut` half of a body comes.
    `served` replaces the content of a file by name.
    """

    def __init__(
        self, projects: Mapping[str, Sequence[ServedFile]], *, allow: Allow, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(tls=tls)
        self.projects = {name: list(files) for name, files in projects.items()}
        self.allow = allow
        self.links = ""
        self.query = ""
        self.redirects: dict[str, str] = {}
        self.answer: tuple[int, str] | None = None
        self.is_cut = False
        self.served: dict[str, bytes] = {}

    def url(self, path: str, *, login: str = "") -> str:
        """The URL of a path, with user information if it is given."""
        return f"http://{login}{'@' if login else ''}{self.authority}{path}"

    def reset(self) -> None:
        """Tell the truth again, and let go of all who wait."""
        self.answer, self.hang_at, self.served, self.is_cut = None, "", {}, False
        self.go_on.set()
        self.hanging, self.go_on = threading.Event(), threading.Event()

    def respond(self, request: Request) -> Answer:
        """The page or file, whole or in part, to a request with its secret; half of it where `is_cut`."""
        status, headers, body = self._find(request)
        part = request.headers.get("range", "")
        if status == 200 and part.startswith("bytes=") and "/files/" in request.target:
            start, stop = find_part(part, size_bytes=len(body))
            status, headers = 206, {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}
            body = body[start:stop]
        return Answer(status=status, headers=headers, body=body, cut=self.is_cut)

    def _find(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        if request.method == "HEAD":
            return 403, {}, b""
        if self.answer is not None:
            return self.answer[0], {"WWW-Authenticate": 'Basic realm="a"'}, self.answer[1].encode()
        if not self.allow(request):
            told = f"you said {request.headers.get('authorization', '')} for {request.target}, which is wrong"
            return 401, {"WWW-Authenticate": 'Basic realm="a"'}, told.encode()
        path = request.path
        if path in self.redirects:
            return 302, {"Location": self.redirects[path]}, b""
        place, is_page, name = path.rpartition("/simple/")
        if is_page:
            return self._find_page(place, name.strip("/"))
        if path.endswith("/links/"):
            files = [file for all in self.projects.values() for file in all]
            return self._render_page(path.removesuffix("/links/"), files)
        return self._find_file(path.rpartition("/")[2])

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


class Proxy(RawListener):
    """A proxy that connects (`CONNECT`) those who have its `login`, to one host whatever name they ask for."""

    def __init__(self, target: Host) -> None:
        super().__init__()
        self.login = ""
        self.asked: list[str] = []
        self._target = target

    def serve(self, connection: socket.socket) -> None:
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
