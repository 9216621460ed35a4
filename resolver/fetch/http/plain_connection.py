"""GET requests without an HTTP library: over HTTP/1.1, to a host that is reached without a proxy.

In: a URL and headers. Out: a `PlainResponse`, or None in every unusual case: a proxy, a redirect, any status but
success and absence, a broken connection, an unknown coding, a certificate that is not trusted. The caller then makes
the same request with `HttpClient`, which handles that case or reports it. So this module handles only the usual case,
and has no error messages.

It exists for speed: importing httpx and hishel takes 55 ms, and a request through them 0.3 ms (2 to 5 ms where the
response is stored); here a request takes 0.1 ms, and the import 3 ms, or 9 ms with TLS.

HTTP/1.1 (RFC 9112) is read strictly on purpose: after one wrong byte in a head, two lengths, or bytes behind the
announced end, the connection is closed, and the other client makes the request again and reads the response by its own
rules. Requests are sent one after the other on a connection (no pipelining), and only GET without a body.
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

from resolver.fetch.http.hosts import Addresses, build_tls_context, find_proxy
from resolver.fetch.http.responses import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, TRANSIENT_STATUSES, BadStatusError
from resolver.targets.families import is_absent_status

if TYPE_CHECKING:
    import ssl

__all__ = ["PlainClient"]

_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/[!-\[\]-~]*")
"""URLs that need no quoting; without user information and without IPv6 addresses."""
_STATUS = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [^\r\n]*)?\r\n")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*+(.*[^ \t]|)[ \t]*")
"""RFC 9110, section 5.1: a token, and a value without the blanks around it."""
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")
_PLAIN_STATUSES = frozenset({200, 404, 410})
"""Success and absence; on some hosts other statuses mean absence too (`is_absent_status`)."""
_HEAD_LIMIT_BYTES = 65_536
"""For a head, and for the line with the size of a chunk."""
_RECEIVE_BYTES = 65_536
"""At most so much is received at once: a head with a small body comes in one piece."""
_END_OF_HEAD = b"\r\n\r\n"

_log = logging.getLogger("pinfold.http")


class PlainResponse:
    """A response of status 200, or of a status that means that there is no such page or file.

    Names of `headers` are in lower case. `body` is as it was sent: packed with gzip if `is_packed`.
    """

    __slots__ = ("body", "headers", "is_packed", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes, *, is_packed: bool) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.is_packed = is_packed


class PlainClient:
    """Sends plain requests. May be used from many threads at once, each of which has connections of its own.

    Requests for `trusted_hosts` over https are not plain: they need a context that checks no certificate.
    """

    def __init__(self, *, user_agent: str, trusted_hosts: Iterable[str]) -> None:
        self._user_agent = user_agent
        self._trusted_hosts = frozenset(trusted_hosts)
        self._of_thread = threading.local()
        self._connections: list[_Connection] = []
        self._given_up: set[str] = set()
        self._addresses = Addresses()
        # Guards `_context` alone. Of the others each thread has its own, or changes them in one step.
        self._lock = threading.Lock()
        # Reading the environment takes longer than a request.
        self._is_direct = cache(self._find_is_direct)
        # Made for the first https host: a run over plain HTTP loads no TLS.
        self._context: ssl.SSLContext | None = None

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()

    def fetch(self, url: str, headers: Mapping[str, str], *, limit_bytes: int) -> PlainResponse | None:
        """The response at a URL, or None where another client should make the same request.

        Raises BadStatusError for a transient status: the attempt then counts as the first one of several.
        """
        # A character that needs quoting could end the request line too soon.
        if not _URL.fullmatch(url):
            return None
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin in self._given_up or not self._is_direct(parts.scheme, parts.netloc):
            return None
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        lines = {"Host": parts.netloc, **headers, "User-Agent": self._user_agent, "Connection": "keep-alive"}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        try:
            response = self._send(origin, f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("ascii"), limit_bytes)
        except (OSError, ValueError):
            response = None
        if response is not None:
            # Without the query, which may hold a signature.
            if _log.isEnabledFor(logging.INFO):
                _log.info("GET %s: %d", origin + parts.path, response.status)
            if response.status in _PLAIN_STATUSES or is_absent_status(url, response.status):
                return response
        # Most responses of such a host are unusual ones, so the other client makes all further requests to it.
        self._given_up.add(origin)
        if response is not None and response.status in TRANSIENT_STATUSES:
            raise BadStatusError(
                response.status, host=parts.hostname or "", retry_after=response.headers.get("retry-after")
            )
        return None

    def _find_is_direct(self, scheme: str, authority: str) -> bool:
        """Whether a host is reached without a proxy, and its certificate is to be checked."""
        host, _, port = authority.partition(":")
        trusted = scheme == "https" and not self._trusted_hosts.isdisjoint((host, authority))
        return not trusted and find_proxy(scheme, host, int(port) if port else None) is None

    def _send(self, origin: str, request: bytes, limit_bytes: int) -> PlainResponse:
        """The response, on this thread's open connection or a new one.

        Raises OSError, and ValueError for a response that is not plain.
        """
        # Each thread has at most one connection for each origin, which is not in `own` during a request.
        own: dict[str, _Connection] = self._of_thread.__dict__.setdefault("connections", {})
        connection = own.pop(origin, None)
        if connection is not None:
            try:
                return self._send_on(connection, origin, request, limit_bytes)
            except _ClosedByHostError:
                pass  # A server may close a connection that is not in use at any time.
        return self._send_on(self._connect(origin), origin, request, limit_bytes)

    def _send_on(self, connection: _Connection, origin: str, request: bytes, limit_bytes: int) -> PlainResponse:
        """As `_send`; the connection is kept for the next request where the server allows that."""
        # After any error, also Ctrl-C, there may be unread bytes, which a later request must not take for its response.
        try:
            response = connection.send(request, limit_bytes)
        except BaseException:
            connection.close()
            raise
        if response.headers.get("connection", "keep-alive").lower() == "keep-alive":
            self._of_thread.connections[origin] = connection
        else:
            connection.close()
        return response

    def _connect(self, origin: str) -> _Connection:
        """A connection to the first address of the host that accepts one. Raises OSError."""
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
        """A connection to one address. Raises OSError, as `ssl.SSLError` is too."""
        opened = socket.create_connection(address, CONNECT_TIMEOUT_S)
        try:
            # A request is one small packet, which must not wait for another one to join it.
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if scheme == "https":
                opened = self._find_context().wrap_socket(opened, server_hostname=host)
            opened.settimeout(READ_TIMEOUT_S)
        except BaseException:
            opened.close()
            raise
        # For `close`: appending to a list is one step, so that threads need no lock here.
        connection = _Connection(opened)
        self._connections.append(connection)
        return connection

    def _find_context(self) -> ssl.SSLContext:
        """One TLS context for all connections: reading the certificates takes 10 ms or more."""
        with self._lock:
            if self._context is None:
                self._context = build_tls_context()
                self._context.set_alpn_protocols(["http/1.1"])
            return self._context


class _ClosedByHostError(OSError):
    """The host closed the connection before it sent anything."""


class _NotPlainError(ValueError):
    """A response of a form that is not read here."""


class _Connection:
    """An open connection to one host, and the bytes that were received on it but not read yet."""

    __slots__ = ("_received", "_socket")

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._received = b""

    def close(self) -> None:
        """Close the connection; it may be closed already."""
        self._socket.close()

    def send(self, request: bytes, limit_bytes: int) -> PlainResponse:
        """The response to one request. After OSError and _NotPlainError the connection must be closed."""
        try:
            self._socket.sendall(request)
            self._receive()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise _ClosedByHostError from error
        status, headers = _parse_head(self._read_until(_END_OF_HEAD, limit_bytes=_HEAD_LIMIT_BYTES))
        encoding = headers.get("content-encoding", "identity").lower()
        if encoding not in ("gzip", "identity"):
            raise _NotPlainError(encoding)
        # RFC 9112, section 6.3: a message with both lengths may be an attack.
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
        """Receive more bytes. Raises _ClosedByHostError if the host has closed the connection."""
        data = self._socket.recv(_RECEIVE_BYTES)
        if not data:
            raise _ClosedByHostError
        self._received += data

    def _read_until(self, mark: bytes, *, limit_bytes: int) -> bytes:
        """The bytes up to a mark, with the mark."""
        while (end := self._received.find(mark)) < 0:
            if len(self._received) > limit_bytes:
                raise _NotPlainError("no end")
            self._receive()
        end += len(mark)
        found, self._received = self._received[:end], self._received[end:]
        return found

    def _read(self, count: int) -> bytes:
        """The next `count` bytes; a large body is received into its place, without a copy of each part."""
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
        """A body in chunks (RFC 9112, section 7.1). Trailer fields make the response one that is not plain."""
        # Each chunk is a line with its size in hex, its bytes, and a line break; the last one is empty.
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
    """Status and headers; values of a repeated header are joined (RFC 9110, section 5.3). Raises _NotPlainError."""
    status = _STATUS.match(head)
    if status is None:
        raise _NotPlainError("not HTTP/1.1")
    headers: dict[str, str] = {}
    for line in head[status.end() : -len(_END_OF_HEAD)].decode("latin-1").split("\r\n"):
        found = _HEADER.fullmatch(line)
        if found is None:
            raise _NotPlainError("not a header")
        name, value = found[1].lower(), found[2]
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(status[1]), headers


def _parse_length(text: str, limit_bytes: int) -> int:
    """The value of Content-Length. Raises _NotPlainError for no number and for one beyond the limit."""
    if not (text.isascii() and text.isdecimal() and len(text) < 16) or int(text) > limit_bytes:
        raise _NotPlainError("no length, or too large")
    return int(text)
