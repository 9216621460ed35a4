"""GET requests without an HTTP library: over HTTP/1.1, to a host that is reached without a proxy.

In: a URL, headers and the limits of the answer. Out: `Answered`, `NotModified`, `Absent`, or `HandedOver` for whatever
is unusual: a proxy, a redirect, another status, a broken connection, a certificate that is not trusted. `HttpClient`
then makes the same request and handles that case or reports it. So this module has no error messages.

It exists for speed: importing httpx and hishel takes 55 ms, and a request through them 0.3 ms (2 to 5 ms where the
response is stored); here a request takes 0.1 ms, and the import 3 ms, or 9 ms with TLS. `resolver.fetch.http.wire` has
the connections and the one form of response that is read on them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lockfiles._values import compile_later
from resolver.fetch.access import AnswerLimits
from resolver.fetch.http.hosts import Addresses, find_proxy, open_socket
from resolver.fetch.http.wire import (
    CONDITIONS,
    PORTS,
    READ_TIMEOUT_S,
    Absent,
    Answered,
    Connection,
    HandedOver,
    NotModified,
    PlainAnswer,
    PlainRequest,
    build_tls_context,
)
from resolver.index.events import find_logger

if TYPE_CHECKING:
    import ssl

__all__ = ["PlainClient"]

_URL = compile_later(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/[!-\[\]-~]*")
"""URLs that need no quoting; without user information and without IPv6 addresses."""
_SWITCH = "PINFOLD_PLAIN_ENGINE"
"""An environment variable, for benchmarks: `off` leaves all requests to `HttpClient`."""

_SHOWN = {Answered: "200", NotModified: "304", Absent: "absent"}


class PlainClient:
    """Sends plain requests. May be used from many threads at once, each of which has connections of its own.

    Requests for `trusted_hosts` over https are not plain: they need a context that checks no certificate.
    """

    def __init__(self, *, user_agent: str, trusted_hosts: Iterable[str], addresses: Addresses | None = None) -> None:
        self._user_agent = user_agent
        self._trusted_hosts = frozenset(trusted_hosts)
        self._of_thread = threading.local()
        self._connections: list[Connection] = []
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
            request = PlainRequest(target, head, is_conditional=not CONDITIONS.isdisjoint(headers))
            answer = self._send(origin, request, limits)
        except (OSError, ValueError):
            # Most responses of such a host are unusual ones, so the other client makes all further requests to it.
            self._given_up.add(origin)
            return HandedOver()
        # Nobody reads the record of a program that has not loaded the module, which takes 3 ms. The query is left out,
        # as it may hold a signature.
        if (logger := find_logger("http")) is not None:
            logger.info("GET %s: %s", origin + parts.path, _SHOWN[type(answer)])
        return answer

    def _find_is_direct(self, scheme: str, authority: str) -> bool:
        """Whether a host is reached without a proxy, and its certificate is to be checked."""
        host, _, port = authority.partition(":")
        trusted = scheme == "https" and not self._trusted_hosts.isdisjoint((host, authority))
        return not trusted and find_proxy(scheme, host, int(port) if port else None) is None

    def _send(self, origin: str, request: PlainRequest, limits: AnswerLimits) -> PlainAnswer:
        """The response, on this thread's open connection or a new one.

        Raises OSError, and ValueError for a response of another form.
        """
        # Each thread has at most one connection for each origin, which is not in `own` during a request. After any
        # error, also Ctrl-C, it is closed: a later request must not take the rest for its response.
        own: dict[str, Connection] = self._of_thread.__dict__.setdefault("connections", {})
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

    def _send_on(self, connection: Connection, origin: str, request: PlainRequest, limits: AnswerLimits) -> PlainAnswer:
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

    def _connect(self, origin: str, limits: AnswerLimits) -> Connection:
        """A connection to the first address of the host that accepts one. Raises OSError, as `ssl.SSLError` is too."""
        parts = urlsplit(origin)
        host = parts.hostname or ""
        opened = open_socket(self._addresses.find(host), parts.port or PORTS[parts.scheme], limits=limits)
        try:
            if parts.scheme == "https":
                opened = self._find_context().wrap_socket(opened, server_hostname=host, do_handshake_on_connect=False)
                limits.wait_for(opened.do_handshake, idle_s=READ_TIMEOUT_S)
        except BaseException:
            opened.close()
            raise
        # For `close`: appending to a list is one step, so that threads need no lock here.
        connection = Connection(opened)
        self._connections.append(connection)
        return connection

    def _find_context(self) -> ssl.SSLContext:
        """One TLS context for all connections: reading the certificates takes 10 ms or more."""
        with self._lock:
            if self._context is None:
                self._context = build_tls_context()
                self._context.set_alpn_protocols(["http/1.1"])
            return self._context
