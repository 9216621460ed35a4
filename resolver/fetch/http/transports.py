"""The lowest transport: connections to hosts, straight or through proxies, with the certificates that the user names.

What passes here has its secrets in place. Errors of a library come from `AuthorizingTransport` without the frames that
saw them.

One name lookup a host, for httpcore, httpx's own engine.

Where a secret is joined to a request: below everything that logs or stores, right before the connection.

In: requests for public URLs. Out: requests with the complete URL or an `Authorization` header, which nobody but the
network sees. An error from below is raised anew, without the frames in which the secret stood.

Between the cache and the network: only answers that may be stored pass, in the form in which they may be.

In: answers of the network. Out: good ones, without sessions and signatures; all others are raised as BadStatusError.

What a host writes about a signature that it refuses, in our words.

Where a redirect leads: its public URL, and apart from it the complete one, which may hold a signature.

httpx without its command line, which brings click, rich and pygments where they are installed: 75 ms, not 120.

httpx imports that of itself and does without where it fails; whoever has imported httpx before keeps what is there.
"""

from __future__ import annotations

import logging
import ssl
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial

import httpcore

from resolver.fetch.http import http_errors
from resolver.fetch.http.credentials import (
    Credentials,
    Destination,
    Login,
    RequestCredentials,
    find_destination,
    split_login,
)
from resolver.fetch.http.hosts import Addresses, build_tls_context, find_certificates, find_proxy
from resolver.fetch.http.responses import (
    PAGE_LIMIT_BYTES,
    BadStatusError,
    iter_bounded,
    may_hold_secrets,
    normalize_caching_headers,
)
from resolver.requirements.index_urls import is_loopback
from resolver.requirements.url import Secret, Url

__all__ = [
    "COMPLETE",
    "IS_PAGE",
    "PUBLIC",
    "REDIRECTS",
    "TRIED",
    "AuthorizingTransport",
    "BorrowedTransport",
    "CacheableResponses",
    "NetworkTransport",
    "OfflineTransport",
    "SingleLookupBackend",
    "find_target",
    "httpx",
    "may_send",
    "read_refusal",
    "without_query",
]


class SingleLookupBackend(httpcore.SyncBackend):
    """Opens connections to addresses that are looked up once."""

    def __init__(self) -> None:
        self._addresses = Addresses()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address of the host that takes one."""
        *others, last = self.look_up(host)
        for address in others:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return super().connect_tcp(last, port, timeout, local_address, socket_options)

    def look_up(self, host: str) -> tuple[str, ...]:
        """The addresses of a host, asked for once. Raises httpcore.ConnectError where there are none."""
        try:
            return self._addresses.find(host)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error


_COMMAND_LINE = "httpx._main"

_is_first = "httpx" not in sys.modules and _COMMAND_LINE not in sys.modules
if _is_first:
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment]  # how Python says that a module is not to be had
try:
    import httpx
finally:
    if _is_first:
        del sys.modules[_COMMAND_LINE]


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


PUBLIC = "pinfold_public"
"""Request extension: the public URL as text. httpx escapes some of its characters."""
COMPLETE = "pinfold_complete"
"""Request extension: the `Secret` that holds the complete URL, for the target of a redirect."""
IS_PAGE = "pinfold_is_page"
"""Request extension: whether the answer may go into a cache."""
TRIED = "pinfold_tried"
"""Response extension: where the credentials that were sent are from; empty for none."""


class AuthorizingTransport(httpx.BaseTransport):
    """Joins credentials to requests. `may_send` says whether a place may be told them (see `HttpClient`).

    A login that was refused once is not sent again: hosts lock accounts. So the first request with a login goes alone.
    """

    def __init__(
        self, below: httpx.BaseTransport, credentials: Credentials, *, may_send: Callable[[Destination], bool]
    ) -> None:
        self._below = below
        self._credentials = credentials
        self._may_send = may_send
        self._states: dict[tuple[Destination, Login], _LoginState] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to the request with what belongs to it."""
        url = request.extensions.get(PUBLIC) or str(request.url)
        complete = request.extensions.get(COMPLETE)
        credentials = self._credentials.find(url) if complete is None else RequestCredentials(url=complete, source="")
        response = self._pass(request, None) if credentials is None else self._send(request, url, credentials)
        if response.status_code == 401 and complete is None:
            other = self._credentials.query_keyring(url)
            if other is not None and (credentials is None or other.login != credentials.login):
                response.close()
                return self._send(request, url, other)
        return response

    def close(self) -> None:
        """Close what lies below."""
        self._below.close()

    def _send(self, request: httpx.Request, url: str, credentials: RequestCredentials) -> httpx.Response:
        place = find_destination(url)
        if place is None or credentials.login is None:
            return self._join(request, url, credentials)
        state = self._states.setdefault((place, credentials.login), _LoginState())
        if state.is_good is None:
            with state.lock:
                if state.is_good is None:
                    response = self._join(request, url, credentials)
                    state.is_good = response.status_code != 401
                    return response
        if not state.is_good:
            return httpx.Response(401, extensions={TRIED: credentials.source})
        return self._join(request, url, credentials)

    def _join(self, request: httpx.Request, url: str, credentials: RequestCredentials) -> httpx.Response:
        place = find_destination(url)
        if place is not None and not self._may_send(place):
            raise http_errors.unencrypted_error(url, host=place.authority)
        response = self._pass(request, credentials)
        response.extensions = {**response.extensions, TRIED: credentials.source}
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _FramelessStream(response.stream)
        return response

    def _pass(self, request: httpx.Request, credentials: RequestCredentials | None) -> httpx.Response:
        """The answer from below. Frames there know secrets, that of a proxy too: a fault leaves them behind."""
        fault, response = _ask(self._below, request, credentials)
        if fault is not None:
            raise fault
        assert response is not None
        return response


class _LoginState:
    __slots__ = ("is_good", "lock")

    def __init__(self) -> None:
        self.is_good: bool | None = None
        self.lock = threading.Lock()


def _ask(
    below: httpx.BaseTransport, request: httpx.Request, credentials: RequestCredentials | None
) -> tuple[Exception | None, httpx.Response | None]:
    """The answer, or the fault without its frames, in which the complete request stands."""
    try:
        return None, below.handle_request(request if credentials is None else _complete(request, credentials))
    except (httpx.TransportError, httpx.InvalidURL) as error:
        return _without_frames(error), None


def _complete(request: httpx.Request, credentials: RequestCredentials) -> httpx.Request:
    url = request.url if credentials.url is None else httpx.URL(credentials.url.open_for_transport())
    joined = httpx.Request(request.method, url, headers=request.headers, extensions=request.extensions)
    joined.headers["Host"] = request.headers["Host"]
    if credentials.login is not None:
        text = f"{credentials.login.user.open_for_transport()}:{credentials.login.password.open_for_transport()}"
        joined.headers["Authorization"] = f"Basic {b64encode(text.encode()).decode()}"
    return joined


class _FramelessStream(httpx.SyncByteStream):
    """A body whose errors come without the frames below."""

    def __init__(self, below: httpx.SyncByteStream) -> None:
        self._below = below

    def __iter__(self) -> Iterator[bytes]:
        chunks = iter(self._below)
        while True:
            fault, chunk = _next(chunks)
            if fault is not None:
                raise fault
            if chunk is None:
                return
            yield chunk

    def close(self) -> None:
        self._below.close()


def _next(chunks: Iterator[bytes]) -> tuple[Exception | None, bytes | None]:
    try:
        return None, next(chunks, None)
    except httpx.TransportError as error:
        return _without_frames(error), None


def _without_frames(error: httpx.TransportError | httpx.InvalidURL) -> Exception:
    """The same fault without its history. What a broken request says of itself may quote it."""
    is_local = isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol | httpx.InvalidURL)
    text = "the request cannot be sent" if is_local else str(error)
    fault = type(error)(text)
    cause = error.__cause__ or error.__context__
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            # What tells a certificate that is not trusted from a host that hangs up.
            fault.__cause__ = ssl.SSLCertVerificationError(*cause.args)
        cause = cause.__cause__ or cause.__context__
    return fault


_MOST_BYTES = 4096
_EXPIRED = "its signature has expired"
_REFUSALS = (
    (b"Request has expired", _EXPIRED),
    (b"Request signature expired", _EXPIRED),
    (b"ExpiredToken", "the temporary credentials that it was signed with have expired"),
    (b"Signature not valid in the specified time frame", _EXPIRED),
    (b"SignatureDoesNotMatch", "its signature does not match: the URL was changed or cut after it was signed"),
)
"""What AWS, Google and Azure write, and what it means; CloudFront does not say."""


def read_refusal(response: httpx.Response) -> str:
    """What the body says about a signature; empty where it says nothing, or cannot be read."""
    body = b""
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) >= _MOST_BYTES:
                break
    except (httpx.HTTPError, httpx.StreamError):
        return ""
    return next((told for mark, told in _REFUSALS if mark in body[:_MOST_BYTES]), "")


def find_target(url: httpx.URL, response: httpx.Response, credentials: Credentials) -> tuple[str, Secret | None]:
    """The public and the complete URL that a redirect leads to; None where both are the same.

    A query is never public: many hosts redirect to URLs that they have signed. User information is dropped. Raises
    FetchError for a target that is not encrypted where the URL was, and for none.
    """
    location = response.headers.get("location")
    if location is None:
        raise http_errors.broken_error(str(url), reason=f"status {response.status_code} comes without `Location`")
    target = url.join(location)
    public = credentials.hide(without_query(target))
    if url.scheme == "https" and target.scheme != "https":
        raise http_errors.downgrade_error(str(url), target=public)
    complete, _ = split_login(Secret(str(target)))
    return public, complete if target.query else None


def without_query(url: httpx.URL) -> str:
    """The URL without a signature that it may hold."""
    return str(url.copy_with(query=None, fragment=None, userinfo=b""))


REDIRECTS = frozenset({301, 302, 303, 307, 308})

_log = logging.getLogger("pinfold.http")


class CacheableResponses(httpx.BaseTransport):
    """Lets through what may be stored, in a form that hishel judges as `freshness` does."""

    def __init__(self, below: httpx.BaseTransport) -> None:
        self._below = below

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._below.handle_request(request)
        status = response.status_code
        if _log.isEnabledFor(logging.INFO):
            shown = str(request.extensions.get(PUBLIC) or without_query(request.url)).partition("?")[0]
            _log.info("%s %s: %d", request.method, shown, status)
        if status not in (200, 206, 304) and status not in REDIRECTS:
            retry_after, tried = response.headers.get("retry-after"), response.extensions.get(TRIED, "")
            told = read_refusal(response) if status in (400, 401, 403) else ""
            response.close()
            raise BadStatusError(
                401 if told and status == 400 else status,
                host=request.url.host,
                retry_after=retry_after,
                credentials_source=tried,
                refusal=told,
            )
        for name in ("set-cookie", "content-location", "link"):
            # A session of a host is nobody's to keep, and neither are URLs that may be signed.
            response.headers.pop(name, None)
        if status in REDIRECTS:
            # The target may hold a signature, which no cache may keep.
            response.headers["cache-control"] = "no-store"
        normalize_caching_headers(response.headers, status=status, now=time.time())
        if status == 200 and request.extensions.get(IS_PAGE):
            response = _read_page(response, url=str(request.extensions[PUBLIC]))
        return response

    def close(self) -> None:
        self._below.close()


def _read_page(response: httpx.Response, *, url: str) -> httpx.Response:
    """The page, read and decoded; where it links with secrets, one that no cache stores."""
    body = b"".join(iter_bounded(response.iter_bytes(), url=url, limit_bytes=PAGE_LIMIT_BYTES))
    response.close()
    headers = response.headers.copy()
    for name in ("content-encoding", "content-length", "transfer-encoding"):
        headers.pop(name, None)
    if may_hold_secrets(body):
        headers["cache-control"] = "no-store"
    return httpx.Response(200, headers=headers, content=body, extensions=response.extensions)
