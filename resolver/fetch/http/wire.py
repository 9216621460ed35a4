"""Plain HTTP/1.1 on sockets: connections, and the one form of response that is read on them; pages confirmed on many.

In: an open socket and a request, or what is known of many pages. Out: the response, or which pages are unchanged.

One form of response is read: HTTP/1.1, status 200, 404 or 410, one Content-Length and no Transfer-Encoding, a body
packed with gzip or not at all, and not a byte behind it; and status 304 after a conditional request, without a body.
Its head must match one regular expression, which is stricter than RFC 9112; a test compares every answer with that of
h11. A response in chunks is of another form as well: the public index and most mirrors send lengths. Requests are sent
one after the other on a connection (no pipelining), and only GET without a body. A kept connection is used again only
if nothing lies unread on it: that would be taken for the response to the next request.

A run that only confirms pages loads this module and `freshness`, and nothing else of the product: so it imports
nothing that takes long, and has no error messages.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
import threading
import time
from contextlib import suppress
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol, TypeVar

    _T = TypeVar("_T")

    class Limits(Protocol):
        """What a connection needs of `AnswerLimits`."""

        @property
        def limit_bytes(self) -> int:
            """The most bytes of a body."""
            ...

        def wait_for(self, attempt: Callable[[], _T], *, idle_s: float, busy: type[Exception] = TimeoutError) -> _T:
            """See `AnswerLimits`."""
            ...

        def report(self, size_bytes: int) -> None:
            """See `AnswerLimits`."""
            ...


__all__ = [
    "CONDITIONS",
    "CONNECTIONS",
    "CONNECT_LIMIT_S",
    "PORTS",
    "READ_TIMEOUT_S",
    "SLICE_S",
    "Absent",
    "Answered",
    "Connection",
    "HandedOver",
    "NotModified",
    "PlainAnswer",
    "PlainRequest",
    "build_tls_context",
    "confirm_pages",
    "connect",
    "find_certificates",
    "parse_head",
]

SLICE_S = 0.25
"""The longest time that anything waits before it checks whether its run has ended."""
CONNECT_LIMIT_S = 10.0
"""For each address."""
READ_TIMEOUT_S = 30.0
"""The longest wait for the next bytes of a response."""
CONNECTIONS = 32
"""Threads of a run, each with connections of its own.

Measured with 200 pages and as many metadata files, 20 ms away: 0.74 s with 16, 0.58 s with 24. Pages that are
revalidated want more: 0.24 s with 24, 0.22 with 32, 0.21 with 50 for 48 of them; each costs a handshake behind TLS.
"""
PORTS = {"http": 80, "https": 443}
CONDITIONS = frozenset({"If-None-Match", "If-Modified-Since"})
_PATIENCE_S = 10.0
"""After so long a confirmation gives up, and the run takes its usual way."""

_TEXT = rb"[\t\x20-\x7e\x80-\xff]*"
_HEAD = re.compile(
    rb"HTTP/1\.1 (200|304|404|410)(?: " + _TEXT + rb")?\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:" + _TEXT + rb"\r\n)*)\r\n"
)
"""RFC 9112, sections 4 and 5: each byte can be matched in one way only."""
_LENGTH = re.compile(r"[0-9]{1,15}")
_HEAD_LIMIT_BYTES = 65_536
_RECEIVE_BYTES = 65_536
"""At most so much is received at once: a head with a small body comes in one piece."""


class Answered:
    """A response of status 200 to a plain request.

    Names of `headers` are in lower case. `body` is as it was sent: packed with gzip if `is_packed`.
    """

    __slots__ = ("body", "headers", "is_packed")

    def __init__(self, headers: dict[str, str], body: bytes, *, is_packed: bool) -> None:
        self.headers = headers
        self.body = body
        self.is_packed = is_packed


class NotModified:
    """A response of status 304 to a plain request. Names of `headers` are in lower case."""

    __slots__ = ("headers",)

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers


class Absent:
    """The server has no such page or file: status 404 or 410. Names of `headers` are in lower case."""

    __slots__ = ("headers",)

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers


class HandedOver:
    """`PlainClient` does not make the request, or does not read its response: it is one for `HttpClient`."""


PlainAnswer = Answered | NotModified | Absent


class PlainRequest:
    """A GET request as it is sent, and whether a 304 may answer it. `head` has lines that end with CRLF."""

    __slots__ = ("data", "is_conditional")

    def __init__(self, target: str, head: str, *, is_conditional: bool) -> None:
        self.data = f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("ascii")
        self.is_conditional = is_conditional


class Connection:
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

    def send(self, request: PlainRequest, limits: Limits) -> tuple[PlainAnswer, bool]:
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
        answer = Answered(headers, body, is_packed="content-encoding" in headers) if status == 200 else Absent(headers)
        return answer, may_stay_open

    def _read_body(self, received: bytes, size: int, limits: Limits) -> bytes:
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


def connect(address: str, port: int, limits: Limits) -> socket.socket:
    """As `open_socket`, for one address."""
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A request is one small packet, which must not wait for another one to join it.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.settimeout(0.0)
        with suppress(BlockingIOError):
            opened.connect((address, port))
        with selectors.DefaultSelector() as selector:
            selector.register(opened, selectors.EVENT_WRITE)

            def wait() -> None:
                if not selector.select(SLICE_S):
                    raise TimeoutError("timed out")

            limits.wait_for(wait, idle_s=CONNECT_LIMIT_S)
        code = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        opened.settimeout(SLICE_S)
    except BaseException:
        opened.close()
        raise
    return opened


def find_certificates() -> tuple[str | None, str | None]:
    """The file and the folder of CA certificates that the user names, each None where none is named.

    `SSL_CERT_FILE`, then `REQUESTS_CA_BUNDLE` (a file or a folder), and `SSL_CERT_DIR`. `PIP_CERT` is not read.
    """
    bundle = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE") or None
    folder = os.environ.get("SSL_CERT_DIR") or None
    if bundle is not None and os.path.isdir(bundle):  # noqa: PTH112  # the variable is a text, and stays one
        return None, bundle
    return bundle, folder


def build_tls_context() -> ssl.SSLContext:
    """A context that checks certificates and host names. Raises OSError where the user's files cannot be read."""
    # Lazy: a run over plain HTTP, or without a request, needs no TLS, whose import takes 13 ms.
    import ssl

    file, folder = find_certificates()
    if file is None and folder is None:
        # Lazy: a user who names certificates needs no others.
        import certifi

        file = certifi.where()
    return ssl.create_default_context(cafile=file, capath=folder)


def confirm_pages(
    pages: Sequence[tuple[str, Mapping[str, str]]], judge: Callable[[int, int, Mapping[str, str], bytes | None], bool]
) -> bool:
    """Whether the servers confirm all pages, each a URL with the headers of its request; they are requested at once.

    `judge` gets the number of a page, and status, headers and body of its response. False also where a response is of
    another form than this module reads, where a proxy is set, and after a time that is longer than any patience.
    """
    if any(name.lower().endswith("_proxy") and os.environ[name] for name in os.environ):
        return False
    return _Confirmation(pages, judge).run()


class _Confirmation:
    """One confirmation of many pages, on as many connections as a cold run has."""

    def __init__(
        self,
        pages: Sequence[tuple[str, Mapping[str, str]]],
        judge: Callable[[int, int, Mapping[str, str], bytes | None], bool],
    ) -> None:
        self._pages = pages
        self._judge = judge
        self._waiting = list(range(len(pages)))[::-1]
        self._has_failed = False
        self._limits = _Patience()
        self._addresses: dict[str, str] = {}
        self._context: ssl.SSLContext | None = None

    def run(self) -> bool:
        """Whether all are confirmed."""
        try:
            # Before the threads: each host is looked up once.
            for url, _ in self._pages:
                self._look_up(_split_url(url)[1])
        except OSError:
            return False
        count = min(CONNECTIONS, len(self._waiting))
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return not self._has_failed

    def _work(self) -> None:
        """Confirm pages until none is left, or one fails."""
        own: dict[str, Connection] = {}
        try:
            while not self._has_failed:
                try:
                    number = self._waiting.pop()
                except IndexError:
                    break
                if not self._confirm(number, own):
                    self._has_failed = True
        except (OSError, ValueError):
            self._has_failed = True
        finally:
            for connection in own.values():
                connection.close()

    def _confirm(self, number: int, own: dict[str, Connection]) -> bool:
        """Whether one page is confirmed. Raises OSError, and ValueError for a response of another form."""
        url, headers = self._pages[number]
        scheme, authority, target = _split_url(url)
        origin = f"{scheme}://{authority}"
        connection = own.pop(origin, None) or self._connect(scheme, authority)
        lines = {"Host": authority, **headers, "Connection": "keep-alive"}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        request = PlainRequest(target, head, is_conditional=not CONDITIONS.isdisjoint(headers))
        try:
            answer, may_stay_open = connection.send(request, self._limits)
        except BaseException:
            connection.close()
            raise
        if may_stay_open:
            own[origin] = connection
        else:
            connection.close()
        status, known, body = _describe(answer)
        return self._judge(number, status, known, body)

    def _connect(self, scheme: str, authority: str) -> Connection:
        """A new connection to a host. Raises OSError, and ValueError for a port that is none."""
        host, _, port = authority.partition(":")
        opened = connect(self._look_up(authority), int(port) if port else PORTS[scheme], self._limits)
        try:
            if scheme == "https":
                self._context = self._context or build_tls_context()
                opened = self._context.wrap_socket(opened, server_hostname=host, do_handshake_on_connect=False)
                self._limits.wait_for(opened.do_handshake, idle_s=CONNECT_LIMIT_S)
        except BaseException:
            opened.close()
            raise
        return Connection(opened)

    def _look_up(self, authority: str) -> str:
        """The address of a host. Raises OSError."""
        host = authority.partition(":")[0]
        address = self._addresses.get(host)
        if address is None:
            address = self._addresses[host] = str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
        return address


class _Patience:
    """The limits of a confirmation, in the form of `AnswerLimits`: beyond them, the run takes its usual way."""

    limit_bytes = 64 * 1024 * 1024

    def __init__(self) -> None:
        self._ends_at = time.monotonic() + _PATIENCE_S

    def wait_for(self, attempt: Callable[[], _T], *, idle_s: float, busy: type[Exception] = TimeoutError) -> _T:
        """As `AnswerLimits.wait_for`. Raises OSError once the time is over."""
        gives_up_at = min(self._ends_at, time.monotonic() + idle_s)
        while True:
            try:
                return attempt()
            except busy:
                if time.monotonic() >= gives_up_at:
                    raise

    def report(self, size_bytes: int) -> None:
        """As `AnswerLimits.report`: nobody listens."""


def _split_url(url: str) -> tuple[str, str, str]:
    """Scheme, host with port, and the target of a request for a URL that was requested in this way before."""
    scheme, _, rest = url.partition("://")
    authority, mark, path = rest.partition("/")
    return scheme, authority, f"{mark or '/'}{path}"


def _describe(answer: PlainAnswer) -> tuple[int, Mapping[str, str], bytes | None]:
    """Status, headers and body of a response."""
    if isinstance(answer, Answered):
        return 200, answer.headers, answer.body
    if isinstance(answer, NotModified):
        return 304, answer.headers, None
    return 404, answer.headers, None
