"""Questions that need no HTTP library: GET over HTTP/1.1 from a host that is reached straight and answers plainly.

In: a URL. Out: a `PlainResponse`, or None where anything at all is out of the ordinary: a proxy, a redirect, a status
that is no answer, a broken connection, an unknown coding, a certificate that is not trusted. Then the question is put
to `HttpClient`, which knows what to do and what to say about it.

Importing httpx and hishel takes 55 ms, and an answer through them 0.3 ms (2 to 5 where it is stored); here it takes
0.1 ms, and importing 3, or 9 with TLS.
"""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from resolver.fetch.http.hosts import Addresses, find_proxy
from resolver.fetch.http.responses import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, TRANSIENT_STATUSES, BadStatusError
from resolver.targets.families import is_absent_status

if TYPE_CHECKING:
    import ssl

__all__ = ["PlainClient", "PlainResponse"]

_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/[!-\[\]-~]*")
"""What needs no quoting; neither `@` in the host, nor addresses of IPv6."""
_STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [^\r\n]*)?\r\n")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")
_PLAIN_STATUSES = frozenset({200, 404, 410})
_HEAD_LIMIT_BYTES = 65_536
_CHUNK_BYTES = 65_536
_END = b"\r\n\r\n"

_log = logging.getLogger("pinfold.http")


class PlainResponse:
    """The answer of a server: status 200, or one that says that there is no such thing.

    Names of `headers` are in lower case. `body` is as it was sent: packed with gzip if `is_packed`.
    """

    __slots__ = ("body", "headers", "is_packed", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes, *, is_packed: bool) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.is_packed = is_packed


class PlainClient:
    """Asks servers; may be used from many threads at once, each of which has connections of its own."""

    def __init__(self, *, user_agent: str, trusted_hosts: Iterable[str]) -> None:
        self._user_agent = user_agent
        self._trusted_hosts = frozenset(trusted_hosts)
        self._own = threading.local()
        self._connections: list[_Connection] = []
        self._given_up: set[str] = set()
        self._addresses = Addresses()
        self._lock = threading.Lock()
        # Reading the environment takes longer than a request.
        self._is_straight = cache(self._find_is_straight)
        self._context: ssl.SSLContext | None = None

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()

    def fetch(self, url: str, headers: Mapping[str, str], *, limit_bytes: int) -> PlainResponse | None:
        """The answer at a URL, or None for whatever another client should ask for again.

        Raises BadStatusError for an attempt that counts as the first one of several.
        """
        if not _URL.fullmatch(url):
            return None
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin in self._given_up or not self._is_straight(parts.scheme, parts.netloc):
            return None
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        lines = {"Host": parts.netloc, **headers, "User-Agent": self._user_agent, "Connection": "keep-alive"}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        try:
            answer = self._ask(origin, f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("ascii"), limit_bytes)
        except (OSError, ValueError):
            answer = None
        if answer is not None:
            if _log.isEnabledFor(logging.INFO):
                _log.info("GET %s: %d", origin + parts.path, answer.status)
            if answer.status in _PLAIN_STATUSES or is_absent_status(url, answer.status):
                return answer
        # A host that was out of the ordinary once is so in most of its answers: all that follow are the other client's.
        self._given_up.add(origin)
        if answer is not None and answer.status in TRANSIENT_STATUSES:
            raise BadStatusError(
                answer.status, host=parts.hostname or "", retry_after=answer.headers.get("retry-after")
            )
        return None

    def _find_is_straight(self, scheme: str, authority: str) -> bool:
        host, _, port = authority.partition(":")
        trusted = scheme == "https" and not self._trusted_hosts.isdisjoint((host, authority))
        return not trusted and find_proxy(scheme, host, int(port) if port else None) is None

    def _ask(self, origin: str, request: bytes, limit_bytes: int) -> PlainResponse:
        """Raises OSError, and ValueError for an answer that is not plain."""
        own: dict[str, _Connection] = self._own.__dict__.setdefault("connections", {})
        connection = own.pop(origin, None)
        if connection is not None:
            try:
                return self._ask_on(connection, origin, request, limit_bytes)
            except _HungUpError:
                pass  # A server may close a connection that is not in use at any time.
        return self._ask_on(self._connect(origin), origin, request, limit_bytes)

    def _ask_on(self, connection: _Connection, origin: str, request: bytes, limit_bytes: int) -> PlainResponse:
        """As above; the connection is kept for the next question where it may be."""
        try:
            answer = connection.ask(request, limit_bytes)
        except BaseException:
            connection.close()
            raise
        if answer.headers.get("connection", "keep-alive").lower() == "keep-alive":
            self._own.connections[origin] = connection
        else:
            connection.close()
        return answer

    def _connect(self, origin: str) -> _Connection:
        """Raises OSError."""
        parts = urlsplit(origin)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        *others, last = self._addresses.find(host)
        for address in others:
            try:
                return self._open(parts.scheme, host, (address, port))
            except OSError:
                continue
        return self._open(parts.scheme, host, (last, port))

    def _open(self, scheme: str, host: str, address: tuple[str, int]) -> _Connection:
        opened = socket.create_connection(address, CONNECT_TIMEOUT_S)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if scheme == "https":
                opened = self._find_context().wrap_socket(opened, server_hostname=host)
            opened.settimeout(READ_TIMEOUT_S)
        except BaseException:
            opened.close()
            raise
        connection = _Connection(opened)
        self._connections.append(connection)
        return connection

    def _find_context(self) -> ssl.SSLContext:
        """One for all connections: reading the certificates takes 10 ms or more."""
        with self._lock:
            if self._context is None:
                # Imported where it is needed: TLS takes 6 ms.
                from resolver.fetch.http.hosts import build_tls_context

                self._context = build_tls_context()
                self._context.set_alpn_protocols(["http/1.1"])
            return self._context


class _HungUpError(OSError):
    """The other side closed the connection before it sent anything."""


class _NotPlainError(ValueError):
    """An answer of another form than is read here."""


class _Connection:
    """An open connection to one host, and what was received on it but not read yet."""

    __slots__ = ("_received", "_socket")

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._received = b""

    def close(self) -> None:
        self._socket.close()

    def ask(self, request: bytes, limit_bytes: int) -> PlainResponse:
        """The answer to one request. Raises OSError and _NotPlainError; then the connection is of no use any more."""
        try:
            self._socket.sendall(request)
            self._receive()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise _HungUpError from error
        status, headers = _parse_head(self._read_until(_END, limit_bytes=_HEAD_LIMIT_BYTES))
        encoding = headers.get("content-encoding", "identity").lower()
        if encoding not in ("gzip", "identity"):
            raise _NotPlainError(encoding)
        if "transfer-encoding" not in headers:
            body = self._read(_parse_length(headers.get("content-length", ""), limit_bytes))
        elif headers["transfer-encoding"].lower() == "chunked" and "content-length" not in headers:
            body = self._read_chunks(limit_bytes)
        else:
            raise _NotPlainError("two lengths")
        if self._received:
            raise _NotPlainError("more than was announced")
        return PlainResponse(status, headers, body, is_packed=encoding == "gzip")

    def _receive(self) -> None:
        data = self._socket.recv(_CHUNK_BYTES)
        if not data:
            raise _HungUpError
        self._received += data

    def _read_until(self, mark: bytes, *, limit_bytes: int) -> bytes:
        """What comes up to a mark, with the mark."""
        while (end := self._received.find(mark)) < 0:
            if len(self._received) > limit_bytes:
                raise _NotPlainError("no end")
            self._receive()
        end += len(mark)
        found, self._received = self._received[:end], self._received[end:]
        return found

    def _read(self, count: int) -> bytes:
        """So many bytes."""
        if len(self._received) >= count:
            found, self._received = self._received[:count], self._received[count:]
            return found
        whole = bytearray(count)
        at = len(self._received)
        whole[:at] = self._received
        self._received = b""
        with memoryview(whole) as view:
            while at < count:
                more = self._socket.recv_into(view[at:])
                if not more:
                    raise _NotPlainError("cut")
                at += more
        return bytes(whole)

    def _read_chunks(self, limit_bytes: int) -> bytes:
        """A body in chunks (RFC 9112, section 7.1); fields behind it are not read."""
        chunks: list[bytes] = []
        left = limit_bytes
        while True:
            size = self._read_until(b"\r\n", limit_bytes=_HEAD_LIMIT_BYTES)[:-2].partition(b";")[0].strip()
            if not _CHUNK_SIZE.fullmatch(size):
                raise _NotPlainError("no size")
            count = int(size, 16)
            left -= count
            if left < 0:
                raise _NotPlainError("too large")
            chunk = self._read(count + 2)
            if chunk[-2:] != b"\r\n":
                raise _NotPlainError("no end of a chunk")
            if not count:
                return b"".join(chunks)
            chunks.append(chunk[:-2])


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers; those that come several times are joined (RFC 9110, section 5.3). Raises _NotPlainError."""
    status = _STATUS.match(head)
    if status is None:
        raise _NotPlainError("not HTTP/1.1")
    headers: dict[str, str] = {}
    for line in head[status.end() : -len(_END)].decode("latin-1").split("\r\n"):
        found = _HEADER.fullmatch(line)
        if found is None:
            raise _NotPlainError("not a header")
        name, value = found[1].lower(), found[2]
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(status[1]), headers


def _parse_length(text: str, limit_bytes: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 16) or int(text) > limit_bytes:
        raise _NotPlainError("no length, or too large")
    return int(text)
