"""The lowest transport: connections to hosts, straight or through proxies, with the certificates that the user names.

What passes here has its secrets in place. Errors of a library come from `AuthorizingTransport` without the frames that
saw them.
"""

from __future__ import annotations

import ssl
import threading
from functools import cache, partial

import httpcore

from resolver.fetch import http_errors
from resolver.fetch.credentials import Destination
from resolver.fetch.lean_httpx import httpx
from resolver.fetch.name_lookup import SingleLookupBackend
from resolver.fetch.proxies import find_certificates, find_proxy
from resolver.fetch.tls import build_tls_context
from resolver.requirements.private_hosts import is_loopback
from resolver.requirements.url import Url

__all__ = ["BorrowedTransport", "NetworkTransport", "OfflineTransport", "may_send"]


class OfflineTransport(httpx.BaseTransport):
    """Below the cache under `--offline`."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise http_errors.missing_offline(str(request.url), what="the page")


class BorrowedTransport(httpx.BaseTransport):
    """A transport that a program puts in place of the network; its owner closes it, since several runs may share it."""

    def __init__(self, below: httpx.BaseTransport) -> None:
        self._below = below

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._below.handle_request(request)

    def close(self) -> None:
        pass


class NetworkTransport(httpx.BaseTransport):
    """Connections to hosts, straight or through proxies: for each thread one pool for each way out, made when needed.

    In a pool that threads share, httpcore holds a lock while it asks the system about every connection, and behind each
    such question it waits for the interpreter's lock: two thirds of the time of 24 threads went there.
    """

    def __init__(self, *, connections: int, trusted_hosts: frozenset[str]) -> None:
        self._limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._trusted_hosts = trusted_hosts
        self._lock = threading.Lock()
        self._own = threading.local()
        self._pools: list[httpx.HTTPTransport] = []
        # Reading the environment takes longer than choosing a pool, and a run asks few hosts.
        self._find_proxy = cache(find_proxy)
        self._find_context = cache(_build_tls_context)
        # One for all pools, with and without encryption: httpx would make one each, which takes 1 ms.
        self._find_blind_context = cache(partial(httpx.create_ssl_context, verify=False, trust_env=False))
        self._lookup = SingleLookupBackend()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._find_pool(request.url).handle_request(request)

    def close(self) -> None:
        for pool in self._pools:
            pool.close()

    def find_addresses(self, url: str) -> tuple[str, ...]:
        """The addresses that a request for this URL connects to; empty where a proxy looks them up."""
        target = httpx.URL(url)
        if self._find_proxy(target.scheme, target.host, target.port) is not None:
            return ()
        try:
            return self._lookup.look_up(target.host)
        except httpcore.ConnectError as error:
            raise httpx.ConnectError(str(error)) from error

    def _find_pool(self, url: httpx.URL) -> httpx.HTTPTransport:
        trusted = url.host in self._trusted_hosts or f"{url.host}:{url.port}" in self._trusted_hosts
        encrypted = url.scheme == "https"
        key = (self._find_proxy(url.scheme, url.host, url.port), encrypted, trusted)
        pools: dict[object, httpx.HTTPTransport] = self._own.__dict__.setdefault("pools", {})
        if key not in pools:
            with self._lock:
                pools[key] = self._build_pool(url, proxy=key[0], verified=encrypted and not trusted)
                self._pools.append(pools[key])
        return pools[key]

    def _build_pool(self, url: httpx.URL, *, proxy: Url | None, verified: bool) -> httpx.HTTPTransport:
        verify = self._find_context(str(url.copy_with(raw_path=b"/"))) if verified else self._find_blind_context()
        pool = _open_pool(proxy, verify=verify, limits=self._limits)
        if pool is None:
            raise http_errors.proxy_error(str(url.copy_with(raw_path=b"/")), proxy=str(proxy))
        # httpx hands no such parameter on to httpcore; a test counts the lookups.
        pool._pool._network_backend = self._lookup
        return pool


def _build_tls_context(url: str) -> ssl.SSLContext:
    """See `build_tls_context`. Raises FetchError where they cannot be read."""
    try:
        return build_tls_context()
    except OSError as error:
        file, folder = find_certificates()
        raise http_errors.certificates_error(url, path=file or folder or "", reason=error.strerror or "") from error


def _open_pool(proxy: Url | None, *, verify: ssl.SSLContext, limits: httpx.Limits) -> httpx.HTTPTransport | None:
    """A pool for one way out; None for a proxy that is none of HTTP. Nothing is raised: causes quote its password."""
    complete = None if proxy is None else proxy.public
    if proxy is not None and proxy.secret is not None:
        complete = proxy.secret.open_for_transport()
    try:
        return httpx.HTTPTransport(verify=verify, proxy=complete, limits=limits, trust_env=False)
    except (ImportError, ValueError, httpx.InvalidURL):
        return None


def may_send(place: Destination, *, trusted_hosts: frozenset[str]) -> bool:
    """Whether credentials may go to a place: nobody on the way can read them, or the user says so."""
    if place.scheme == "https" or {place.host, place.authority} & trusted_hosts:
        return True
    # A proxy that an unencrypted request passes is not this machine.
    return is_loopback(place.host) and find_proxy(place.scheme, place.host, place.port) is None
