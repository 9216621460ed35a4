"""The transports below the HTTP client: which responses may be cached, secrets, and connections.

In: httpx requests for public URLs. Out: responses that a cache may see, or BadStatusError and errors of httpx without
the frames in which a secret was. From top to bottom:

- `CacheableResponses` removes from responses what no cache may store, such as cookies and signatures. Error statuses
  are raised, so that no cache stores one.
- `AuthorizingTransport` joins secrets to requests: below everything that logs or stores, right before the connection.
  An error from below is raised anew, since its frames hold the complete URL or the `Authorization` header.
- `NetworkTransport` opens connections, through proxies and with the certificates that the user names, within the
  limits of each answer. `HttpClient` has others to put in its place.

One module, because they are one stack. It alone imports httpx and httpcore: others import them from here, so that
`httpx2` and `httpcore2`, which go on where httpx has ended, can take their place in three lines (`.ci/run` tests that).
httpx is imported without its command line, which loads click, rich and pygments where they are installed (75 ms instead
of 120). httpx imports its command line if it can, and works without it.

How a secret stays out of errors and tracebacks: a function that opens a secret (`_complete`, `_open_pool`) is called by
one that catches every error and returns it as a value (`_call`, `_next`), without frames and causes. The caller raises
that value. So no frame of a raised error has a local variable with a secret, not even where locals are shown.
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
from importlib import import_module

import httpcore

from lockfiles._values import compile_later
from resolver.errors import PinfoldError
from resolver.fetch.access import AnswerLimits
from resolver.fetch.http import http_errors
from resolver.fetch.http.credentials import (
    Credentials,
    Destination,
    Login,
    RequestCredentials,
    find_destination,
)
from resolver.fetch.http.freshness import find_absent_until, normalize_caching_headers
from resolver.fetch.http.hosts import Addresses, find_proxy, open_socket
from resolver.fetch.http.responses import BadStatusError, iter_bounded, may_hold_secrets
from resolver.fetch.http.wire import READ_TIMEOUT_S, SLICE_S, build_tls_context, find_certificates
from resolver.requirements.index_urls import is_loopback
from resolver.requirements.url import Url

# If the program has imported httpx already, its modules stay unchanged.
_LIBRARY = "httpx"
_COMMAND_LINE = f"{_LIBRARY}._main"
_is_first = _LIBRARY not in sys.modules and _COMMAND_LINE not in sys.modules
if _is_first:
    sys.modules[_COMMAND_LINE] = None  # type: ignore[assignment]  # Python's mark of a module that cannot be imported.
try:
    import httpx
finally:
    if _is_first:
        del sys.modules[_COMMAND_LINE]
# The stream of httpcore over an open socket: its backend alone can make one, and connects on its own.
SyncStream = import_module(f"{httpcore.__name__}._backends.sync").SyncStream

__all__ = [
    "COMPLETE_URL",
    "IS_PAGE",
    "LIMITS",
    "PUBLIC_URL",
    "REDIRECTS",
    "AuthorizingTransport",
    "CacheableResponses",
    "NetworkTransport",
    "httpcore",
    "httpx",
    "may_send",
    "read_decoded",
    "without_query",
]

PUBLIC_URL = "pinfold_public"
"""Request extension: the public URL as text. httpx percent-encodes some of its characters."""
COMPLETE_URL = "pinfold_complete"
"""Request extension: the `Secret` that holds the complete URL, for the target of a redirect; None for no secret."""
IS_PAGE = "pinfold_is_page"
"""Request extension: whether the response may be stored in a cache."""
LIMITS = "pinfold_limits"
"""Request extension: the `AnswerLimits` of the answer."""
_CREDENTIALS_SOURCE = "pinfold_tried"
"""Response extension: where the credentials that were sent come from; empty for none."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})

_CODINGS = frozenset({"", "identity", "gzip", "deflate"})
"""Those that requests accept. httpx also decodes several in a row, each of which multiplies the size of the body."""
_INTERIM = compile_later(rb"HTTP/1\.[01] 1[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n")
"""A whole response of status 1xx (RFC 9110, section 15.2); h11 accepts a bare line feed too."""
_INTERIM_LIMIT = 16

_REFUSAL_LIMIT_BYTES = 4096
"""How much of the body of a refusal is read: the reason is at its beginning."""
_EXPIRED = "its signature has expired"
_REFUSALS = (
    (b"Request has expired", _EXPIRED),
    (b"Request signature expired", _EXPIRED),
    (b"ExpiredToken", "the temporary credentials that it was signed with have expired"),
    (b"Signature not valid in the specified time frame", _EXPIRED),
    (b"SignatureDoesNotMatch", "its signature does not match: the URL was changed or cut after it was signed"),
)
"""Texts of AWS, Google and Azure about a signature that they refuse, with our words; CloudFront gives no reason."""

_log = logging.getLogger("pinfold.http")


class CacheableResponses(httpx.BaseTransport):
    """Passes on responses that a cache may see, with headers by which hishel decides as `find_fresh_until` does."""

    def __init__(self, below: httpx.BaseTransport) -> None:
        self._below = below

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """A success, a 304 or a redirect. Raises BadStatusError for any other status."""
        response = self._below.handle_request(request)
        status = response.status_code
        if _log.isEnabledFor(logging.INFO):
            shown = str(request.extensions.get(PUBLIC_URL) or without_query(request.url)).partition("?")[0]
            _log.info("%s %s: %d", request.method, shown, status)
        if status not in (200, 206, 304) and status not in REDIRECTS:
            raise _read_bad_status(request, response)
        if (status == 206 and "range" not in request.headers) or (status == 304 and not _is_conditional(request)):
            response.close()
            url = str(request.extensions.get(PUBLIC_URL) or without_query(request.url))
            raise http_errors.broken_error(url, reason=f"status {status} answers a request for all of it")
        for name in ("set-cookie", "content-location", "link"):
            # Never cache cookies, nor URLs that may be signed.
            response.headers.pop(name, None)
        if status in REDIRECTS:
            # The target may hold a signature, which no cache may keep.
            response.headers["cache-control"] = "no-store"
        normalize_caching_headers(response.headers, status=status, now=time.time())
        if status == 200 and request.extensions.get(IS_PAGE):
            response = _read_page(response, request)
        return response

    def close(self) -> None:
        """Close the transport below."""
        self._below.close()


class AuthorizingTransport(httpx.BaseTransport):
    """Joins credentials to requests; `may_send` decides whether a destination may get them.

    A login that a host has refused is not sent again, since hosts lock accounts after several refusals. So of several
    requests with one login the first is sent alone, and the others wait for its status.
    """

    def __init__(
        self, below: httpx.BaseTransport, credentials: Credentials, *, may_send: Callable[[Destination], bool]
    ) -> None:
        self._below = below
        self._credentials = credentials
        self._may_send = may_send
        self._states: dict[tuple[Destination, Login], _LoginState] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The response to the request with its credentials; after a 401, that to a request with the keyring's login.

        Raises FetchError for credentials that would go out without encryption.
        """
        url = request.extensions.get(PUBLIC_URL) or str(request.url)
        complete = request.extensions.get(COMPLETE_URL)
        credentials = self._credentials.find(url) if complete is None else RequestCredentials(url=complete, source="")
        response = self._pass(request, None) if credentials is None else self._send(request, url, credentials)
        # The target of a redirect with a signature needs no login.
        if response.status_code == 401 and complete is None:
            other = self._credentials.query_keyring(url)
            if other is not None and (credentials is None or other.login != credentials.login):
                response.close()
                return self._send(request, url, other)
        return response

    def close(self) -> None:
        """Close the transport below."""
        self._below.close()

    def _send(self, request: httpx.Request, url: str, credentials: RequestCredentials) -> httpx.Response:
        """The response to a request with credentials; a 401 without a request where the host has refused the login."""
        place = find_destination(url)
        if place is None or credentials.login is None:
            return self._join(request, url, credentials)
        state = self._states.setdefault((place, credentials.login), _LoginState())
        # Threads that come here during the first request wait at the lock, and then use its result.
        if state.is_good is None:
            with state.lock:
                if state.is_good is None:
                    response = self._join(request, url, credentials)
                    state.is_good = response.status_code != 401
                    return response
        if not state.is_good:
            return httpx.Response(401, extensions={_CREDENTIALS_SOURCE: credentials.source})
        return self._join(request, url, credentials)

    def _join(self, request: httpx.Request, url: str, credentials: RequestCredentials) -> httpx.Response:
        """The response to a request with credentials. Raises FetchError where they may not be sent."""
        place = find_destination(url)
        if place is not None and not self._may_send(place):
            raise http_errors.unencrypted_error(url, host=place.authority)
        response = self._pass(request, credentials)
        response.extensions = {**response.extensions, _CREDENTIALS_SOURCE: credentials.source}
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _FramelessStream(response.stream)
        return response

    def _pass(self, request: httpx.Request, credentials: RequestCredentials | None) -> httpx.Response:
        """The response from below. An error is raised anew here, without the frames below, which hold secrets.

        Without credentials too: the frames may still hold the password of a proxy.
        """
        error, response = _call(self._below, request, credentials)
        if error is not None:
            raise error
        assert response is not None
        return response


class _LoginState:
    """Whether a host accepts a login; None until the first response. The lock is held during that first request."""

    __slots__ = ("is_good", "lock")

    def __init__(self) -> None:
        self.is_good: bool | None = None
        self.lock = threading.Lock()


class NetworkTransport(httpx.BaseTransport):
    """Connections to hosts, direct or through proxies. Each thread has its own pools, each made when it is needed.

    In a pool that threads share, httpcore holds a lock while it polls each connection, and for every poll it waits for
    the interpreter's lock: two thirds of the time of 24 threads were spent there.
    """

    def __init__(self, *, connections: int, trusted_hosts: frozenset[str], addresses: Addresses) -> None:
        self._limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._trusted_hosts = trusted_hosts
        self._lock = threading.Lock()
        self._of_thread = threading.local()
        self._pools: list[httpx.HTTPTransport] = []
        # Reading the environment takes longer than choosing a pool, and a run has few hosts.
        self._find_proxy = cache(find_proxy)
        self._find_context = cache(_build_tls_context)
        # One context for all pools that check no certificate: httpx would make one for each pool, which takes 1 ms.
        self._find_unverified_context = cache(partial(httpx.create_ssl_context, verify=False, trust_env=False))
        self._addresses = addresses
        self._lookup = _SingleLookupBackend(addresses)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The response of the host. Raises FetchError for a proxy or certificates that cannot be used."""
        pool = self._find_pool(request.url)
        _close_unread(pool)
        self._lookup.use(request.extensions[LIMITS])
        return pool.handle_request(request)

    def close(self) -> None:
        """Close the pools of all threads."""
        for pool in self._pools:
            pool.close()

    def find_addresses(self, url: str) -> tuple[str, ...]:
        """The addresses that a request for this URL connects to; empty where a proxy looks them up.

        Raises httpx.ConnectError for a name without an address.
        """
        target = httpx.URL(url)
        if self._find_proxy(target.scheme, target.host, target.port) is not None:
            return ()
        try:
            # As the connection looks it up: `host` is the decoded form of an internationalized name.
            return self._lookup.look_up(target.raw_host.decode("ascii"))
        except httpcore.ConnectError as error:
            raise httpx.ConnectError(str(error)) from error

    def _find_pool(self, url: httpx.URL) -> httpx.HTTPTransport:
        """This thread's pool for the URL's proxy, encryption and trust."""
        trusted = url.host in self._trusted_hosts or f"{url.host}:{url.port}" in self._trusted_hosts
        # The scheme is part of the key, since one proxy may serve both, and certificates are checked for https alone.
        encrypted = url.scheme == "https"
        key = (self._find_proxy(url.scheme, url.host, url.port), encrypted, trusted)
        pools: dict[object, httpx.HTTPTransport] = self._of_thread.__dict__.setdefault("pools", {})
        if key not in pools:
            with self._lock:
                pools[key] = self._build_pool(url, proxy=key[0], verified=encrypted and not trusted)
                self._pools.append(pools[key])
        return pools[key]

    def _build_pool(self, url: httpx.URL, *, proxy: Url | None, verified: bool) -> httpx.HTTPTransport:
        """A new pool. Raises FetchError for a proxy or certificates that cannot be used."""
        verify = self._find_context(str(url.copy_with(raw_path=b"/"))) if verified else self._find_unverified_context()
        pool = _open_pool(proxy, verify=verify, limits=self._limits)
        if pool is None:
            raise http_errors.proxy_error(str(url.copy_with(raw_path=b"/")), proxy=str(proxy))
        # httpx has no parameter for the backend of httpcore; a test counts the lookups.
        pool._pool._network_backend = self._lookup
        return pool


class _SingleLookupBackend(httpcore.SyncBackend):
    """Opens connections to addresses that are looked up once (see `Addresses`), within the limits of an answer.

    Each thread waits for one answer at a time, whose limits `use` sets: a connection serves many answers.
    """

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._of_thread = threading.local()

    def use(self, limits: AnswerLimits) -> None:
        """Apply these limits to all that this thread does from now on."""
        self._of_thread.limits = limits

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address of the host that accepts one."""
        try:
            opened = open_socket(self.look_up(host), port, limits=self._of_thread.limits)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return _LimitedStream(SyncStream(opened), self._of_thread)

    def look_up(self, host: str) -> tuple[str, ...]:
        """The addresses of a host. Raises httpcore.ConnectError where there are none."""
        try:
            return self._addresses.find(host)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error


class _LimitedStream(httpcore.NetworkStream):
    """A connection whose waits end with the limits of the answer that its thread waits for."""

    def __init__(self, below: httpcore.NetworkStream, of_thread: threading.local) -> None:
        self._below = below
        self._of_thread = of_thread
        # What was received of the head of the current answer, None behind it, and the 1xx before it.
        self._head: bytes | None = None
        self._interim = 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes. Raises FetchError beyond a limit."""
        limits: AnswerLimits = self._of_thread.limits
        data = limits.wait_for(
            lambda: self._below.read(max_bytes, SLICE_S),
            idle_s=READ_TIMEOUT_S if timeout is None else timeout,
            busy=httpcore.ReadTimeout,
        )
        limits.count(len(data))
        if self._head is not None:
            self._count_interim(data, limits)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes of a request, whose answer then begins with a head."""
        self._head, self._interim = b"", 0
        self._below.write(buffer, timeout)

    def close(self) -> None:
        """Close the connection."""
        self._below.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The connection with TLS on it."""
        below = self._below.get_extra_info("socket")
        if isinstance(below, ssl.SSLSocket):  # To a proxy over https, for which httpcore has an object of its own.
            return _LimitedStream(self._below.start_tls(ssl_context, server_hostname, timeout), self._of_thread)
        limits: AnswerLimits = self._of_thread.limits
        wrapped = ssl_context.wrap_socket(below, server_hostname=server_hostname, do_handshake_on_connect=False)
        try:
            limits.wait_for(wrapped.do_handshake, idle_s=READ_TIMEOUT_S if timeout is None else timeout)
        except BaseException as error:
            wrapped.close()
            if isinstance(error, TimeoutError):
                raise httpcore.ConnectTimeout(str(error)) from error
            if isinstance(error, OSError):
                raise httpcore.ConnectError(str(error)) from error
            raise
        return _LimitedStream(SyncStream(wrapped), self._of_thread)

    def get_extra_info(self, info: str) -> object:
        """See httpcore, which uses no connection again on which `is_readable` bytes lie."""
        return self._below.get_extra_info(info)

    def _count_interim(self, data: bytes, limits: AnswerLimits) -> None:
        """Count the responses of status 1xx before the head. Raises FetchError for too many."""
        head = (self._head or b"") + data
        while (found := _INTERIM.match(head)) is not None:
            head = head[found.end() :]
            self._interim += 1
            if self._interim > _INTERIM_LIMIT:
                raise http_errors.too_many_error(
                    limits.url, what="interim responses (status 1xx)", limit=_INTERIM_LIMIT
                )
        # httpcore refuses a head of more than 100 KB.
        self._head = None if b"\n\r\n" in head or b"\n\n" in head else head


class _FramelessStream(httpx.SyncByteStream):
    """A body whose errors come without the frames below."""

    def __init__(self, below: httpx.SyncByteStream) -> None:
        self._below = below

    def __iter__(self) -> Iterator[bytes]:
        """The parts of the body."""
        chunks = iter(self._below)
        while True:
            error, chunk = _next(chunks)
            if error is not None:
                raise error
            if chunk is None:
                return
            yield chunk

    def close(self) -> None:
        """Close the stream below."""
        self._below.close()


def may_send(place: Destination, *, trusted_hosts: frozenset[str]) -> bool:
    """Whether credentials may go to a destination: encrypted, to this machine, or to a host that the user trusts."""
    if place.scheme == "https" or {place.host, place.authority} & trusted_hosts:
        return True
    # An unencrypted request to this machine may still go through a proxy, which is another machine.
    return is_loopback(place.host) and find_proxy(place.scheme, place.host, place.port) is None


def without_query(url: httpx.URL) -> str:
    """The URL without a signature that it may hold."""
    return str(url.copy_with(query=None, fragment=None, userinfo=b""))


def _read_bad_status(request: httpx.Request, response: httpx.Response) -> BadStatusError:
    """The error for a status, with the host's reason where it refuses a signature; the response is closed."""
    status = response.status_code
    refusal = _read_refusal(response) if status in (400, 401, 403) else ""
    response.close()
    return BadStatusError(
        # AWS answers temporary credentials that have expired with 400.
        401 if refusal and status == 400 else status,
        host=request.url.host,
        retry_after=response.headers.get("retry-after"),
        credentials_source=response.extensions.get(_CREDENTIALS_SOURCE, ""),
        refusal=refusal,
        fresh_until=find_absent_until(response.headers, now=time.time()),
    )


def _read_refusal(response: httpx.Response) -> str:
    """Why the host refuses a signature, from the body; empty where the body gives no reason or cannot be read."""
    body = b""
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) >= _REFUSAL_LIMIT_BYTES:
                break
    except (httpx.HTTPError, httpx.StreamError):
        return ""
    return next((reason for mark, reason in _REFUSALS if mark in body[:_REFUSAL_LIMIT_BYTES]), "")


def read_decoded(response: httpx.Response, *, url: str, limits: AnswerLimits) -> bytes:
    """The whole body without its content coding. Raises FetchError for another coding, and beyond the limits."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        raise http_errors.broken_error(url, reason=f"it is sent as `{coding}`, which was not asked for")
    return b"".join(iter_bounded(response.iter_bytes(), url=url, limit_bytes=limits.limit_bytes, limits=limits))


def _read_page(response: httpx.Response, request: httpx.Request) -> httpx.Response:
    """The page, read whole and decoded; with `no-store` where it may link with secrets."""
    try:
        body = read_decoded(response, url=request.extensions[PUBLIC_URL], limits=request.extensions[LIMITS])
    finally:
        response.close()
    # These describe the body as it was sent; the new response has it decoded.
    headers = response.headers.copy()
    for name in ("content-encoding", "content-length", "transfer-encoding"):
        headers.pop(name, None)
    if may_hold_secrets(body):
        headers["cache-control"] = "no-store"
    return httpx.Response(200, headers=headers, content=body, extensions=response.extensions)


def _is_conditional(request: httpx.Request) -> bool:
    """Whether the request lets the server answer that nothing has changed."""
    return "if-none-match" in request.headers or "if-modified-since" in request.headers


def _close_unread(pool: httpx.HTTPTransport) -> None:
    """Close the connections on which more came than the last answer announced.

    httpcore would take these bytes for the answer to the next request. It has no public view of them, as it has of
    bytes that are still in the socket (`is_readable`).
    """
    for connection in pool._pool.connections:
        inner = connection
        while (below := getattr(inner, "_connection", None)) is not None:
            inner = below
        state = getattr(inner, "_h11_state", None)
        if state is not None and inner.is_idle() and state.trailing_data[0]:
            connection.close()


def _call(
    below: httpx.BaseTransport, request: httpx.Request, credentials: RequestCredentials | None
) -> tuple[Exception | None, httpx.Response | None]:
    """The response, or the error without its frames, which hold the complete request."""
    try:
        return None, below.handle_request(request if credentials is None else _complete(request, credentials))
    except (httpx.TransportError, httpx.InvalidURL, PinfoldError) as error:
        return _without_frames(error), None


def _complete(request: httpx.Request, credentials: RequestCredentials) -> httpx.Request:
    """The request with its secrets."""
    url = request.url if credentials.url is None else httpx.URL(credentials.url.open_for_transport())
    joined = httpx.Request(request.method, url, headers=request.headers, extensions=request.extensions)
    joined.headers["Host"] = request.headers["Host"]
    if credentials.login is not None:
        text = f"{credentials.login.user.open_for_transport()}:{credentials.login.password.open_for_transport()}"
        joined.headers["Authorization"] = f"Basic {b64encode(text.encode()).decode()}"
    return joined


def _next(chunks: Iterator[bytes]) -> tuple[Exception | None, bytes | None]:
    """The next part of a body, or the error without its frames; both None at the end."""
    try:
        return None, next(chunks, None)
    except (httpx.TransportError, PinfoldError) as error:
        return _without_frames(error), None


def _without_frames(error: httpx.TransportError | httpx.InvalidURL | PinfoldError) -> Exception:
    """The same error without frames and causes. The text of an error about the request itself may quote a secret."""
    if isinstance(error, PinfoldError):
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    is_local = isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol | httpx.InvalidURL)
    # The type stays: by it `HttpClient` decides whether to repeat the request.
    text = "the request cannot be sent" if is_local else str(error)
    bare = type(error)(text)
    cause = error.__cause__ or error.__context__
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            # This cause distinguishes a certificate that is not trusted from a host that closes the connection.
            bare.__cause__ = ssl.SSLCertVerificationError(*cause.args)
        cause = cause.__cause__ or cause.__context__
    return bare


def _build_tls_context(url: str) -> ssl.SSLContext:
    """See `build_tls_context`. Raises FetchError where the user's certificates cannot be read."""
    try:
        return build_tls_context()
    except OSError as error:
        file, folder = find_certificates()
        raise http_errors.certificates_error(url, path=file or folder or "", reason=error.strerror or "") from error


def _open_pool(proxy: Url | None, *, verify: ssl.SSLContext, limits: httpx.Limits) -> httpx.HTTPTransport | None:
    """A pool for one proxy or none; None for a proxy of another protocol, since the error could quote its password."""
    complete = None if proxy is None else proxy.public
    if proxy is not None and proxy.secret is not None:
        complete = proxy.secret.open_for_transport()
    try:
        return httpx.HTTPTransport(verify=verify, proxy=complete, limits=limits, trust_env=False)
    except (ImportError, ValueError, httpx.InvalidURL):
        return None
