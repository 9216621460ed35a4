"""How a host is reached, and whether it may be reached: addresses, proxies, certificates, private networks.

In: a host or URL, and the environment variables that users set for other programs too. Out: addresses, the proxy to go
through, a TLS context, or a FetchError for a host that a lock must not lead to.

One module, because `PlainClient`, the transports of httpx and git must all reach a host the same way.

- Names are looked up once a run. Two dozen connections opened at once look up the same name two dozen times. Small
  resolvers (routers, container networks) drop most of these queries, and each one dropped costs the five seconds of the
  system's time-out: measured in 5 of 6 rounds of 24 lookups in a container.
- Proxies come from environment variables alone. The registry of Windows and the system settings of macOS are not read,
  so that the same environment gives the same proxy.
- Certificates are those that the user names, otherwise those of `certifi`.
- A host may be requested or not by where its URL comes from. `HostGuard` is for URLs of a lock: its author may be a
  stranger to the user who fetches its files. `LinkPolicy` is for links of pages and redirects: the operator of a public
  index must not lead to services of this machine or its network, nor anybody to a cloud's metadata service. URLs of
  the user's own list and settings are not judged.

A host is judged by its name and by the addresses that its name resolves to. These are looked up once, by the one
`Addresses` of a run, and connections are opened to them: a name server cannot give one address to be judged and
another to connect to. `git` opens its connections through a `Relay`, which judges them in the same way, also those to
the targets of redirects. Where a proxy is in between, the proxy looks names up, and only the written host is judged.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from resolver.errors import FetchError
from resolver.fetch.http.http_errors import link_error, no_answer_error
from resolver.fetch.http.local_files import find_local_path
from resolver.fetch.http.responses import ATTEMPTS, find_delay_s
from resolver.fetch.http.wire import CONNECT_LIMIT_S, connect
from resolver.requirements.index_urls import is_link_local, is_private_host
from resolver.requirements.url import Url, parse_url

if TYPE_CHECKING:
    import socket

    from resolver.fetch.access import AnswerLimits

__all__ = [
    "Addresses",
    "HostGuard",
    "LinkPolicy",
    "Relay",
    "find_proxy",
    "open_socket",
]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SOCKS_IPV4, _SOCKS_NAME = 1, 3
"""The kinds of an address in RFC 1928; the third is IPv6."""
_RELAY_BYTES = 65_536


class Addresses:
    """The addresses of hosts, each looked up once. Threads wait for each other, so that one query is open at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, tuple[str, ...]] = {}

    def find(self, host: str) -> tuple[str, ...]:
        """The addresses of a host, at least one, in the order in which the system prefers them. Raises OSError."""
        # Lazy: a warm run uses the guard of this module and opens no connection.
        import socket

        with self._lock:
            found = self._found.get(host)
            if found is None:
                entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
                found = self._found[host] = tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))
            return found

    def find_for(self, url: str) -> tuple[str, ...]:
        """The addresses that a request for this URL connects to; empty where a proxy looks them up. Raises OSError."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if not host.isascii():
            # Lazy: nearly all hosts are ASCII. httpx encodes the others with this package, before it connects.
            import idna

            try:
                host = idna.encode(host).decode("ascii")
            except idna.IDNAError:
                return ()  # The request fails: no client can send it.
        return () if find_proxy(parts.scheme, host, parts.port) is not None else self.find(host)


class HostGuard:
    """Refuses hosts by name, and by the addresses that their names resolve to.

    `allowed` are `host` or `host:port`, as in `--allow-host`.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = _AllowedHosts(allowed)

    def check(self, url: str, *, find_addresses: Callable[[], Sequence[str]] = tuple) -> None:
        """Raises FetchError for a URL of this machine or a private network that is not allowed, or without a host.

        `find_addresses` looks up the host of the URL; it is called only where the name itself is a public one.
        """
        shown = _find_shown_host(url)
        if not shown:
            raise FetchError(f"`{url}` is no URL that can be asked for: it names no host", url=url)
        if self._allowed.has(url):
            return
        if is_private_host(url):
            raise _refuse(url, shown)
        for address in find_addresses():
            if is_private_host(_render_url(address)):
                raise _refuse(url, shown, why=f"its name resolves to {address}")


def open_socket(addresses: Sequence[str], port: int, *, limits: AnswerLimits) -> socket.socket:
    """A connection to the first of some addresses that accepts one: the only place that connects.

    Each call of the socket waits for a short time, so that `limits` are checked between calls. Raises OSError (the
    TimeoutError of the last address among them), and as `AnswerLimits.check`.
    """
    *others, last = addresses
    for address in others:
        try:
            return connect(address, port, limits)
        except OSError:
            continue
    return connect(last, port, limits)


class LinkPolicy:
    """Decides whether a page or a host may lead to a URL, by a link or a redirect. May be used from many threads.

    - A link-local address or metadata service: never.
    - This machine or a private network: where the page or host that leads there is one of these itself.
    - A file: only where the page is a file.
    - Hosts that `allowed` has (as in `--allow-host`) or that `is_named` knows from the user's own list are followed.

    `find_addresses` gives the addresses to which a request for a URL connects; empty where they are not known. It
    raises OSError for a name that cannot be looked up.
    """

    def __init__(
        self,
        allowed: Iterable[str] = (),
        *,
        is_named: Callable[[str], bool] = lambda url: False,
        find_addresses: Callable[[str], Sequence[str]] = lambda url: (),
    ) -> None:
        self._allowed = _AllowedHosts(allowed)
        self._is_named = is_named
        self._find_addresses = find_addresses

    def check_link(self, url: str, *, page: str, sleep: Callable[[float], None], looks_up: bool = True) -> None:
        """Raises FetchError for a link that a page may not have; `page` is the public URL of its location.

        A lookup that fails is repeated, and `sleep` waits in between: no request may follow without its addresses. With
        `looks_up` false the host of the link is judged as it is written.
        """
        for attempt in range(ATTEMPTS):
            try:
                self._check(url, source=page, verb="links", looks_up=looks_up)
            except OSError as error:
                if attempt + 1 == ATTEMPTS:
                    raise no_answer_error(url, reason=str(error), attempts=ATTEMPTS) from error
            else:
                return
            sleep(find_delay_s(attempt, retry_after=None, now=0.0))

    def check_redirect(self, target: str, *, source: str, verb: str = "redirects") -> None:
        """Raises FetchError for a redirect that the host of `source` may not send; OSError where a lookup fails.

        Another `verb` is for what leads from a repository to another one.
        """
        self._check(target, source=source, verb=verb)

    def leads_inside(self, url: str) -> bool:
        """Whether a URL's host is this machine or in a private network, by its name or an address. Raises OSError."""
        return is_private_host(url) or any(is_private_host(_render_url(one)) for one in self._find_addresses(url))

    def _check(self, target: str, *, source: str, verb: str, looks_up: bool = True) -> None:
        """Raises FetchError for a target that the source may not lead to; OSError where a lookup fails."""
        from_disk = find_local_path(source) is not None
        if find_local_path(target) is not None:
            if not from_disk:
                raise link_error(source, verb=verb, target=target, what="a file of this machine")
            return
        shown = _find_shown_host(target)
        if shown and (self._is_named(target) or self._allowed.has(target)):
            return
        # A link to the host of the page itself is the usual case: only a link-local one is then refused.
        is_same = bool(shown) and shown == _find_shown_host(source)
        addresses = () if not looks_up or is_private_host(target) else self._find_addresses(target)
        known = (target, *map(_render_url, addresses))
        why = f"its name resolves to {', '.join(addresses)}" if addresses else ""
        if any(map(is_link_local, known)) and not (is_same and self._is_named(source)):
            what = "a link-local address or metadata service"
            raise link_error(source, verb=verb, target=target, what=what, why=why, host=shown)
        if is_same or from_disk or not any(map(is_private_host, known)):
            return
        if not self.leads_inside(source):
            what = "this machine or in a private network"
            raise link_error(source, verb=verb, target=target, what=what, why=why, host=shown)


class Relay:
    """A SOCKS5 server (RFC 1928) on loopback for one command, which connects only where `judge` allows it.

    `judge` gets host and port, and returns the addresses to connect to. It raises FetchError for a host that must not
    be reached, which is kept as `refusal`, and OSError. A context manager: leaving it ends all connections.
    """

    def __init__(self, judge: Callable[[str, int], Sequence[str]]) -> None:
        # Lazy: few runs read a repository.
        import socket

        self.refusal: FetchError | None = None
        self._judge = judge
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closing, self._closed = socket.socketpair()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True, name="git relay")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        import socket

        self._closing.close()  # It ends the thread's wait for a connection.
        self._thread.join(CONNECT_LIMIT_S)
        self._closed.close()
        self._listener.close()
        for one in tuple(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        """The URL of the proxy; `socks5h` has it look names up."""
        return f"socks5h://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        """Serve each connection in a thread of its own."""
        import selectors  # Lazy, as above.

        with selectors.DefaultSelector() as ready, suppress(OSError):
            ready.register(self._listener, selectors.EVENT_READ)
            ready.register(self._closed, selectors.EVENT_READ)
            while all(key.fileobj is self._listener for key, _ in ready.select()):
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True, name="git relay").start()

    def _serve(self, client: socket.socket) -> None:
        """Connect one client, and pass on bytes both ways until one side ends."""
        self._open.add(client)
        with client, suppress(OSError, ValueError):
            client.settimeout(CONNECT_LIMIT_S)
            server = self._connect(client)
            if server is not None:
                self._open.add(server)
                with server:
                    client.settimeout(None)
                    server.settimeout(None)
                    _pass_on(client, server)
                self._open.discard(server)
        self._open.discard(client)

    def _connect(self, client: socket.socket) -> socket.socket | None:
        """The connection that a client wants; None after a refusal. Raises OSError."""
        import socket

        _, count = _receive(client, 2)
        _receive(client, count)
        client.sendall(b"\x05\x00")  # Version 5, without a login.
        _, _, _, kind = _receive(client, 4)
        if kind == _SOCKS_NAME:
            host = _receive(client, _receive(client, 1)[0]).decode("ascii")
        else:
            family = socket.AF_INET if kind == _SOCKS_IPV4 else socket.AF_INET6
            host = socket.inet_ntop(family, _receive(client, 4 if kind == _SOCKS_IPV4 else 16))
        port = int.from_bytes(_receive(client, 2), "big")
        answer = b"\x05%c\x00\x01\x00\x00\x00\x00\x00\x00"
        try:
            *others, last = self._judge(host, port)
            for address in others:
                with suppress(OSError):
                    server = socket.create_connection((address, port), CONNECT_LIMIT_S)
                    client.sendall(answer % 0)
                    return server
            server = socket.create_connection((last, port), CONNECT_LIMIT_S)
        except FetchError as error:
            self.refusal = error
            client.sendall(answer % 2)  # Not allowed by the rules.
            return None
        except (OSError, ValueError):
            client.sendall(answer % 4)  # The host cannot be reached.
            return None
        client.sendall(answer % 0)
        return server


class _AllowedHosts:
    """The hosts of `--allow-host`: `host` or `host:port`."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = frozenset(text.strip().lower() for text in texts)

    def has(self, url: str) -> bool:
        """Whether the host of a URL that can be parsed is one of them, with its port or without."""
        shown, parts = _find_shown_host(url), urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        return bool({shown.strip("[]"), shown, f"{shown}:{port}"} & self._texts)


def find_proxy(scheme: str, host: str, port: int | None) -> Url | None:
    """The proxy for a host: `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY`, unless `NO_PROXY` names the host."""
    if not any(name.lower().endswith("_proxy") and os.environ[name] for name in os.environ):
        return None
    # Lazy: it takes 20 ms, and most machines need no proxy.
    import urllib.request

    proxies = urllib.request.getproxies_environment()
    authority = f"{host}:{port}" if port else host
    # Both functions are what `urllib` itself uses where it reads the environment alone.
    if urllib.request.proxy_bypass_environment(authority, proxies):  # type: ignore[attr-defined]  # typeshed lacks it
        return None
    proxy = proxies.get(scheme) or proxies.get("all")
    return None if proxy is None else parse_url(proxy if "://" in proxy else f"http://{proxy}")


def _receive(connection: socket.socket, size: int) -> bytes:
    """The next `size` bytes. Raises OSError where the connection ends before."""
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionResetError
        data += more
    return data


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Pass on bytes both ways until both sides have ended. Raises OSError."""
    import selectors
    import socket

    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while ready.get_map():
            for key, _ in ready.select():
                assert isinstance(key.fileobj, socket.socket)
                data = key.fileobj.recv(_RELAY_BYTES)
                if data:
                    key.data.sendall(data)
                else:
                    ready.unregister(key.fileobj)
                    key.data.shutdown(socket.SHUT_WR)


def _find_shown_host(url: str) -> str:
    """The host of a URL as messages and `--allow-host` name it; empty for a URL without a host, or with a bad port."""
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    return f"[{host}]" if ":" in host else host


def _render_url(address: str) -> str:
    """A URL whose host is the address."""
    return f"http://[{address}]/" if ":" in address else f"http://{address}/"


def _refuse(url: str, host: str, *, why: str = "") -> FetchError:
    """The error for a host of this machine or a private network; `why` names the address behind a public name."""
    return FetchError(
        f"`{host}` is this machine or in a private network, and a lock alone may not cause requests to it: {url}",
        why=why,
        remedy=f"`--allow-host {host}` if it is meant to be",
        url=url,
    )
