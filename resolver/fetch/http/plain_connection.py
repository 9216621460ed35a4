"""GET requests without an HTTP library: over HTTP/1.1, to a host that is reached without a proxy.

In: a URL, headers and the limits of the answer. Out: `Answered`, `NotModified`, `Absent`, or `HandedOver` for whatever
is unusual: a proxy, a redirect, another status, a broken connection, a certificate that is not trusted. `HttpClient`
then makes the same request and handles that case or reports it. So this module has no error messages.

It exists for speed: importing httpx and hishel takes 55 ms, and a request through them 0.3 ms (2 to 5 ms where the
response is stored); here a request takes 0.1 ms, and the import 3 ms, or 9 ms with TLS.

One form of response is read: HTTP/1.1, status 200, 404 or 410, one Content-Length and no Transfer-Encoding, a body
packed with gzip or not at all, and not a byte behind it; and status 304 after a conditional request, without a body.
Its head must match one regular expression, which is stricter than RFC 9112; a test compares every answer with that of
h11. A response in chunks is handed over as well: the public index and most mirrors send lengths. Requests are sent one
after the other on a connection (no pipelining), and only GET without a body. A kept connection is used again only if
nothing lies unread on it: that would be taken for the response to the next request.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from resolver.fetch.access import SLICE_S, AnswerLimits
from resolver.fetch.http.hosts import Addresses, build_tls_context, find_proxy, open_socket
from resolver.fetch.http.responses import READ_TIMEOUT_S, Absent, Answered, HandedOver, NotModified

if TYPE_CHECKING:
    import ssl

__all__ = ["PlainClient", "parse_head"]

_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/[!-\[\]-~]*")
"""URLs that need no quoting; without user information and without IPv6 addresses."""
_TEXT = rb"[\t\x20-\x7e\x80-\xff]*"
_HEAD = re.compile(
    rb"HTTP/1\.1 (200|304|404|410)(?: " + _TEXT + rb")?\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:" + _TEXT + rb"\r\n)*)\r\n"
)
"""RFC 9112, sections 4 and 5: each byte can be matched in one way only."""
_LENGTH = re.compile(r"[0-9]{1,15}")
_HEAD_LIMIT_BYTES = 65_536
_RECEIVE_BYTES = 65_536
"""At most so much is received at once: a head with a small body comes in one piece."""
_SWITCH = "PINFOLD_PLAIN_ENGINE"
"""An environment variable, for benchmarks: `off` leaves all requests to `HttpClient`."""

_CONDITIONS = frozenset({"If-None-Match", "If-Modified-Since"})
_SHOWN = {Answered: "200", NotModified: "304", Absent: "absent"}

_log = logging.getLogger("pinfold.http")

PlainAnswer = Answered | NotModified | Absent


class _Request(NamedTuple):
    """A request as it is sent, and whether a 304 may answer it."""

    data: bytes
    is_conditional: bool


class PlainClient:
    """Sends plain requests. May be used from many threads at once, each of which has connections of its own.

    Requests for `trusted_hosts` over https are not plain: they need a context that checks no certificate.
    """

    def __init__(self, *, user_agent: str, trusted_hosts: Iterable[str], addresses: Addresses | None = None) -> None:
        self._user_agent = user_agent
        self._trusted_hosts = frozenset(trusted_hosts)
        self._of_thread = threading.local()
        self._connections: list[_Connection] = []
        self._given_up: set[str] = set()
        self._addresses = addresses or Addresses()
        # Guards `_context` alone. Of the others each thread has its own, or changes them in one step.
        self._lock = threading.Lock()
        # Reading the environment takes longer than a request.
        self._is_direct = cache(self._find_is_direct)
        self._is_off = os.environ.get(_SWITCH) == "off"
        # Made for the first https host: a run over plain HTTP loads no TLS.
        self._context: ssl.SSLContext | None = None

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()

    def fetch(self, url: str, headers: Mapping[str, str], *, limits: AnswerLimits) -> PlainAnswer | HandedOver:
        """The response at a URL, a `NotModified` only for a conditional request. Raises as `AnswerLimits.check`."""
        # A character that needs quoting could end the request line too soon.
        if self._is_off or not _URL.fullmatch(url):
            return HandedOver()
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin in self._given_up or not self._is_direct(parts.scheme, parts.netloc):
            return HandedOver()
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        lines = {"Host": parts.netloc, **headers, "User-Agent": self._user_agent, "Connection": "keep-alive"}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        try:
            request = _Request(
                f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("ascii"), not _CONDITIONS.isdisjoint(headers)
            )
            answer = self._send(origin, request, limits)
        except (OSError, ValueError):
            # Most responses of such a host are unusual ones, so the other client makes all further requests to it.
            self._given_up.add(origin)
            return HandedOver()
        # Without the query, which may hold a signature.
        if _log.isEnabledFor(logging.INFO):
            _log.info("GET %s: %s", origin + parts.path, _SHOWN[type(answer)])
        return answer

    def _find_is_direct(self, scheme: str, authority: str) -> bool:
        """Whether a host is reached without a proxy, and its certificate is to be checked."""
        host, _, port = authority.partition(":")
        trusted = scheme == "https" and not self._trusted_hosts.isdisjoint((host, authority))
        return not trusted and find_proxy(scheme, host, int(port) if port else None) is None

    def _send(self, origin: str, request: _Request, limits: AnswerLimits) -> PlainAnswer:
        """The response, on this thread's open connection or a new one.

        Raises OSError, and ValueError for a response of another form.
        """
        # Each thread has at most one connection for each origin, which is not in `own` during a request. After any
        # error, also Ctrl-C, it is closed: a later request must not take the rest for its response.
        own: dict[str, _Connection] = self._of_thread.__dict__.setdefault("connections", {})
        kept = own.pop(origin, None)
        if kept is not None and not kept.is_idle():
            kept.close()
            kept = None
        if kept is not None:
            try:
                return self._send_on(kept, origin, request, limits)
            except ConnectionError:
                pass  # A server may close a connection that is not in use at any time.
        return self._send_on(self._connect(origin, limits), origin, request, limits)

    def _send_on(self, connection: _Connection, origin: str, request: _Request, limits: AnswerLimits) -> PlainAnswer:
        """As `_send`; the connection is kept for the next request where the server allows that."""
        try:
            answer, may_stay_open = connection.send(request, limits)
        except BaseException:
            connection.close()
            raise
        if may_stay_open:
            self._of_thread.connections[origin] = connection
        else:
            connection.close()
        return answer

    def _connect(self, origin: str, limits: AnswerLimits) -> _Connection:
        """A connection to the first address of the host that accepts one. Raises OSError, as `ssl.SSLError` is too."""
        parts = urlsplit(origin)
        host = parts.hostname or ""
        opened = open_socket(self._addresses.find(host), parts.port or _PORTS[parts.scheme], limits=limits)
        try:
            if parts.scheme == "https":
                opened = self._find_context().wrap_socket(opened, server_hostname=host, do_handshake_on_connect=False)
                limits.wait_for(opened.do_handshake, idle_s=READ_TIMEOUT_S)
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


class _Connection:
    """An open connection to one host. After any error of `send` it must be closed."""

    __slots__ = ("_socket",)

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened

    def close(self) -> None:
        """Close the connection; it may be closed already."""
        self._socket.close()

    def is_idle(self) -> bool:
        """Whether the connection is open and nothing lies unread on it."""
        try:
            self._socket.settimeout(0.0)
            self._socket.recv(1)
        except OSError as error:
            # TLS has an error of its own for records without data, such as tickets of a session.
            is_empty = isinstance(error, BlockingIOError) or type(error).__name__ == "SSLWantReadError"
            if is_empty:
                self._socket.settimeout(SLICE_S)
            return is_empty
        return False

    def send(self, request: _Request, limits: AnswerLimits) -> tuple[PlainAnswer, bool]:
        """The response to one request, and whether another request may follow. Raises OSError and ValueError."""
        self._socket.sendall(request.data)
        received = b""
        while (end := received.find(b"\r\n\r\n") + 4) < 4:
            if len(received) > _HEAD_LIMIT_BYTES:
                raise ValueError("no end of the head")
            more = limits.wait_for(partial(self._socket.recv, _RECEIVE_BYTES), idle_s=READ_TIMEOUT_S)
            if not more:
                raise ConnectionError("closed")
            limits.report(len(more))
            received += more
        status, headers = parse_head(received[:end], is_conditional=request.is_conditional)
        may_stay_open = headers.get("connection", "keep-alive").lower() == "keep-alive"
        if status == 304:
            if len(received) > end:
                raise ValueError("a body where there is none")
            return NotModified(headers), may_stay_open
        size = int(headers["content-length"])
        if size > limits.limit_bytes:
            raise ValueError("too large")
        body = self._read_body(received[end:], size, limits)
        answer = Answered(headers, body, is_packed="content-encoding" in headers) if status == 200 else Absent()
        return answer, may_stay_open

    def _read_body(self, received: bytes, size: int, limits: AnswerLimits) -> bytes:
        """The body, of which some has been received; it is received into its place, without a copy of each part."""
        if len(received) >= size:
            if len(received) > size:
                raise ValueError("more than was announced")
            return received
        whole = bytearray(size)
        at = len(received)
        whole[:at] = received
        with memoryview(whole) as view:
            while at < size:
                more = limits.wait_for(partial(self._socket.recv_into, view[at:]), idle_s=READ_TIMEOUT_S)
                if not more:
                    raise ConnectionError("cut")
                limits.report(more)
                at += more
        return bytes(whole)


def parse_head(head: bytes, *, is_conditional: bool = False) -> tuple[int, dict[str, str]]:
    """Status and headers by lower-case name, with the length among them. Raises ValueError for any other form.

    Values of a repeated header are joined (RFC 9110, section 5.3). Status 304 answers a conditional request alone; it
    has no body, whatever length it names (RFC 9112, section 6.3).
    """
    found = _HEAD.fullmatch(head)
    if found is None:
        raise ValueError("another form")
    headers: dict[str, str] = {}
    for line in found[2].decode("latin-1").split("\r\n")[:-1]:
        name, _, text = line.partition(":")
        name, value = name.lower(), text.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if "transfer-encoding" in headers or headers.get("content-encoding", "gzip").lower() != "gzip":
        raise ValueError("another coding")
    status = int(found[1])
    if status == 304 and not is_conditional:
        raise ValueError("not modified, without a condition")
    if not _LENGTH.fullmatch(headers.get("content-length", "0" if status == 304 else "")):
        raise ValueError("no length, or two")
    return status, headers
