"""The HTTP client: redirects, retries, limits, and an error for every response that cannot be used.

In: a public URL. Out: a body, a part of a file, a size or a download; None where the server has no such page or file;
a FetchError for everything else.

A request passes, from top to bottom: `HttpClient` (redirects, retries, limits), hishel's cache where it is wanted, and
the transports of `resolver.fetch.http.transports`. All above `AuthorizingTransport` see public URLs only.

The module is imported before the first request that `PlainClient` cannot make: httpx takes 60 ms, which a warm run does
not spend. Transports are used without `httpx.Client`: a request takes 0.23 ms instead of 0.39 ms, and cookies,
authentication and logs of whole URLs are not wanted here.

A request is repeated after these faults, with at most `ATTEMPTS` attempts in all:

- a status of `TRANSIENT_STATUSES`, after the delay that the server gives in `Retry-After`, if it is short enough;
- a timeout, a network error or a broken response, after a delay that doubles each time.

A certificate that is not trusted, a proxy that refuses and a request that cannot be sent are errors at once.

httpcore, the engine of httpx, logs all headers that it receives at DEBUG. A `Location` among them can hold a
signature, so its log records are cut off before the value that a step returned.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from resolver.errors import FetchError
from resolver.fetch.access import Access, AnswerLimits, Transport
from resolver.fetch.http import http_errors
from resolver.fetch.http.credentials import Credentials, split_login
from resolver.fetch.http.freshness import find_fresh_until, find_validator
from resolver.fetch.http.hosts import Addresses, HostGuard, LinkPolicy
from resolver.fetch.http.responses import (
    ANNOUNCED_DELAY_S,
    ATTEMPTS,
    FILE_LIMIT_BYTES,
    LONGEST_DELAY_S,
    TRANSIENT_STATUSES,
    BadStatusError,
    Download,
    FileResponse,
    RangeResponse,
    Response,
    build_absent,
    build_headers,
    find_delay_s,
    hash_chunks,
    iter_bounded,
    read_range,
)
from resolver.fetch.http.transports import (
    COMPLETE_URL,
    IS_PAGE,
    LIMITS,
    PUBLIC_URL,
    REDIRECTS,
    AuthorizingTransport,
    CacheableResponses,
    NetworkTransport,
    httpcore,
    httpx,
    may_send,
    read_decoded,
    without_query,
)
from resolver.fetch.http.wire import CONNECT_LIMIT_S, READ_TIMEOUT_S
from resolver.index.distribution_file import parse_size
from resolver.requirements.url import Secret
from resolver.targets.families import is_absent_status

__all__ = ["HttpClient"]

_REDIRECT_LIMIT = 10
"""The same for every request; browsers follow 20."""
_NO_RANGE = frozenset({400, 403, 405, 406, 412, 416, 501})
"""Statuses of servers that give the file but no part of it. After a 403 the request for the whole file fails again."""
_TIMEOUT = {"connect": READ_TIMEOUT_S, "read": READ_TIMEOUT_S, "write": READ_TIMEOUT_S, "pool": None}
"""`open_socket` has a limit of its own for connecting; here `connect` is for the handshake of TLS."""
_UNENCODED = {"Accept": "*/*", "Accept-Encoding": "identity"}
"""Headers of requests for files, whose hashes, sizes and ranges are those of the bytes on the server."""
# The loggers of httpcore, and the text before the value that a step has returned.
_LOGGERS = tuple(f"{httpcore.__name__}.{name}" for name in ("connection", "http11", "http2", "proxy", "socks"))
_RETURNED = "return_value="

_T = TypeVar("_T")


class HttpClient:
    """Fetches pages and files. May be used from many threads at once.

    `with_cache` puts a cache above the transport that it gets, and `sleep` waits between attempts. `credentials` are
    joined to requests over https, to this machine, and to the trusted hosts. A `guard` checks each URL before its
    request, the targets of redirects too. `addresses` are those of the run, to which connections are opened.
    """

    def __init__(
        self,
        access: Access,
        *,
        user_agent: str,
        connections: int,
        credentials: Credentials | None = None,
        guard: HostGuard | None = None,
        addresses: Addresses | None = None,
        with_cache: Callable[[httpx.BaseTransport], httpx.BaseTransport] | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        # Before the first connection, which logs.
        _shorten_log_records()
        trusted = frozenset(access.trusted_hosts)
        self._access = access
        self._credentials = credentials or Credentials()
        network = (
            NetworkTransport(connections=connections, trusted_hosts=trusted, addresses=addresses or Addresses())
            if access.transport is None
            else _BorrowedTransport(access.transport)
        )
        authorizing = AuthorizingTransport(
            network, self._credentials, may_send=partial(may_send, trusted_hosts=trusted)
        )
        self._direct: httpx.BaseTransport = CacheableResponses(_OfflineTransport() if access.offline else authorizing)
        # Made at the first use: most runs take ranges of files alone from here, and importing a cache takes 25 ms.
        self._with_cache = with_cache
        self._found_cache: httpx.BaseTransport | None = None
        self._lock = threading.Lock()
        self._guard = guard
        self._find_addresses = network.find_addresses if isinstance(network, NetworkTransport) else _find_no_addresses
        self._links = LinkPolicy(
            access.allowed_hosts, is_named=self._credentials.names, find_addresses=self._find_addresses
        )
        self._user_agent = user_agent
        self._sleep = sleep
        self._announce = access.announce
        self._announced: set[str] = set()

    def close(self) -> None:
        """Close all connections, and the cache. A borrowed transport stays open."""
        with self._lock:
            (self._found_cache or self._direct).close()
            # A thread that still ends opens no cache.
            self._with_cache = None

    @property
    def _cached(self) -> httpx.BaseTransport:
        """The transport with the cache on top."""
        with self._lock:
            if self._found_cache is None:
                self._found_cache = self._direct if self._with_cache is None else self._with_cache(self._direct)
            return self._found_cache

    def fetch(
        self,
        url: str,
        *,
        accept: str,
        limits: AnswerLimits,
        cached: bool = False,
        known_validator: str = "",
    ) -> Response:
        """The page or metadata file at a URL, or its absence: 404, 410, and statuses with the same meaning on its host.

        With `cached` the response may come from the cache and be stored there. Where the cache has the response of
        `known_validator`, the body is not read again and is None. Some of the time of `limits` may be used up.
        """
        headers = build_headers(accept)
        # The links of a page whose URL holds a token in its path may hold that token, too.
        hides_token = self._credentials.holds_path_token(url)
        transport = self._cached if cached and not hides_token else self._direct

        def send() -> Response:
            with self._opened(transport, "GET", url, headers, limits) as (response, final_url):
                validator = find_validator(response.headers)
                from_cache = response.extensions.get("caching", {}).get("from_cache", False)
                body = None
                if not (from_cache and validator and validator == known_validator):
                    body = read_decoded(response, url=url, limits=limits)
                return Response(
                    url=final_url,
                    content_type=response.headers.get("content-type", ""),
                    body=self._credentials.hide_in_body(body) if hides_token and body else body,
                    fresh_until=find_fresh_until(response.headers, now=time.time()),
                    validator=validator,
                )

        return self._with_retries(url, partial(_absent_if_missing, url, send), limits)

    def fetch_range(self, url: str, *, start: int, stop: int | None = None) -> RangeResponse | None:
        """Bytes `start` up to, without, `stop`; a negative start counts from the end (RFC 9110, section 14.1.2).

        None where the server gives no ranges. 404 and 410 are errors: a page has listed the file.
        """
        # RFC 9110, section 14.1.2: both ends of a range belong to it, and `-n` are the last n bytes.
        wanted = f"bytes={start}" if start < 0 else f"bytes={start}-{'' if stop is None else stop - 1}"
        limits = self._access.begin(url, limit_bytes=FILE_LIMIT_BYTES)
        headers = {**_UNENCODED, "Range": wanted}

        def send() -> RangeResponse | None:
            try:
                with self._opened(self._direct, "GET", url, headers, limits) as (response, _):
                    if response.status_code != 206 or "content-encoding" in response.headers:
                        return None
                    content_range = response.headers.get("content-range", "")
                    chunks = iter_bounded(response.iter_bytes(), url=url, limit_bytes=FILE_LIMIT_BYTES, limits=limits)
                    return read_range(chunks, content_range, start=start, stop=stop)
            except BadStatusError as error:
                # For a signed URL, a 403 is about the signature and not about the range.
                if error.status in _NO_RANGE and not (error.status == 403 and self._credentials.is_signed(url)):
                    return None
                raise

        return self._with_retries(url, send, limits)

    def fetch_size(self, url: str) -> int | None:
        """The size of a file in bytes, by HEAD; None where the server does not give it.

        A signature for GET is not valid for HEAD: for a signed URL the request is for one byte, and if all of them
        come, the body is not read.
        """
        method = "GET" if self._credentials.is_signed(url) else "HEAD"
        headers = {**_UNENCODED, "Range": "bytes=0-0"} if method == "GET" else _UNENCODED
        limits = self._access.begin(url, limit_bytes=FILE_LIMIT_BYTES)

        def send() -> int | None:
            try:
                with self._opened(self._direct, method, url, headers, limits) as (response, _):
                    if response.status_code == 206:
                        return parse_size(response.headers.get("content-range", "").rpartition("/")[2])
                    size = parse_size(response.headers.get("content-length", ""))
                    return size if "content-encoding" not in response.headers else None
            except BadStatusError as error:
                if error.status in _NO_RANGE:
                    return None
                raise

        return self._with_retries(url, send, limits)

    def download(
        self, url: str, *, into: Path | None, limit_bytes: int = FILE_LIMIT_BYTES, algorithms: Iterable[str] = ()
    ) -> Download | None:
        """Read a whole body, into a file or only for its hashes; None as in `fetch`."""
        limits = self._access.begin(url, limit_bytes=limit_bytes)

        def send() -> Download:
            with self._opened(self._direct, "GET", url, _UNENCODED, limits) as (response, _):
                # The bytes as they are on the server, still encoded: the hash of a file is over these.
                assert isinstance(response.stream, httpx.SyncByteStream)
                chunks = iter_bounded(response.stream, url=url, limit_bytes=limit_bytes, limits=limits)
                if into is None:
                    return hash_chunks(chunks, algorithms=algorithms)
                with into.open("wb", buffering=0) as file:
                    return hash_chunks(chunks, into=file, algorithms=algorithms)

        return self._with_retries(url, partial(self._none_if_absent, url, send), limits)

    def read_body(
        self, url: str, *, headers: Callable[[], Mapping[str, str]], read: Callable[[FileResponse], _T]
    ) -> _T | None:
        """The result of `read` for the response to a GET; None as in `fetch`. `read` gets a 416, too.

        Where a body breaks off, the request is repeated with new `headers`, which then name the part that is missing.
        """
        limits = self._access.begin(url, limit_bytes=FILE_LIMIT_BYTES)

        def send() -> _T:
            try:
                with self._opened(self._direct, "GET", url, headers(), limits) as (response, _):
                    assert isinstance(response.stream, httpx.SyncByteStream)
                    chunks = iter_bounded(response.stream, url=url, limit_bytes=FILE_LIMIT_BYTES, limits=limits)
                    return read(FileResponse(status=response.status_code, headers=response.headers, chunks=chunks))
            except BadStatusError as error:
                if error.status != 416:
                    raise
                return read(FileResponse(status=416, headers={}, chunks=()))

        return self._with_retries(url, partial(self._none_if_absent, url, send), limits)

    def _none_if_absent(self, url: str, send: Callable[[], _T]) -> _T | None:
        """The result of `send`; None for 404, 410, and statuses with the same meaning on the host."""
        try:
            return send()
        except BadStatusError as error:
            if _means_absent(url, error.status):
                return None
            raise

    def _with_retries(self, url: str, send: Callable[[], _T], limits: AnswerLimits) -> _T:
        """The result of `send`, which is repeated after transient faults. Raises FetchError for all others."""
        asked_s = 0.0  # What `Retry-After` has added up to.
        for attempt in range(ATTEMPTS):
            attempts, delay_s = attempt + 1, find_delay_s(attempt, retry_after=None, now=0.0)
            limits.begin_attempt()
            try:
                return send()
            except BadStatusError as error:
                if error.status not in TRANSIENT_STATUSES or attempts == ATTEMPTS:
                    raise self._status_error(url, error, attempts=attempts) from None
                delay_s = self._find_allowed_delay_s(attempt, url, error, asked_s)
                asked_s += delay_s if error.retry_after is not None else 0.0
            except httpx.TimeoutException as error:
                if attempts == ATTEMPTS:
                    raise _connection_error(url, error) from error
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                # A certificate is refused again at the next attempt.
                if attempts == ATTEMPTS or _is_untrusted(error):
                    raise _connection_error(url, error) from error
            except httpx.ProxyError as error:
                raise http_errors.no_answer_error(url, reason=f"the proxy: {_reason(error)}", attempts=1) from error
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise http_errors.broken_error(url, reason=_reason(error)) from error
            (self._sleep or limits.sleep)(delay_s)
        raise AssertionError("the last attempt returns or raises")

    def _find_allowed_delay_s(self, attempt: int, url: str, error: BadStatusError, asked_s: float) -> float:
        """The seconds to wait after a status; a long wait is announced once. Raises FetchError where it is too long.

        `asked_s` is what the server has asked for before.
        """
        delay_s = find_delay_s(attempt, retry_after=error.retry_after, now=time.time())
        if delay_s + asked_s > LONGEST_DELAY_S:
            raise http_errors.status_error(
                url, status=error.status, attempts=attempt + 1, wanted_delay_s=delay_s
            ) from None
        message = f"waiting {delay_s:.0f} s, as `{error.host}` asks (status {error.status})"
        if delay_s >= ANNOUNCED_DELAY_S and self._announce is not None and message not in self._announced:
            self._announced.add(message)
            self._announce(message)
        return delay_s

    def _status_error(self, url: str, error: BadStatusError, *, attempts: int) -> FetchError:
        """The error to raise for a status, with where credentials were searched for a 401 or 403."""
        if error.status not in (401, 403):
            return http_errors.status_error(url, status=error.status, attempts=attempts)
        return http_errors.authentication_error(
            url,
            status=error.status,
            host=error.host,
            credentials_source=error.credentials_source,
            searched=self._credentials.name_sources(url),
            refusal=error.refusal,
        )

    @contextmanager
    def _opened(
        self, transport: httpx.BaseTransport, method: str, url: str, headers: Mapping[str, str], limits: AnswerLimits
    ) -> Iterator[tuple[httpx.Response, str]]:
        """The response after redirects with the public URL that it came from; closed at the end."""
        sent, start, complete = {**headers, "User-Agent": self._user_agent}, url, None
        for _ in range(_REDIRECT_LIMIT + 1):
            if self._guard is not None:
                self._guard.check(url, find_addresses=partial(self._find_addresses, url))
            limits.check()
            is_page = transport is not self._direct
            extensions = {
                "timeout": _TIMEOUT,
                PUBLIC_URL: url,
                COMPLETE_URL: complete,
                IS_PAGE: is_page,
                LIMITS: limits,
            }
            request = httpx.Request(method, url, headers=sent, extensions=extensions)
            response = transport.handle_request(request)
            try:
                if response.status_code not in REDIRECTS:
                    yield response, url
                    return
                source = url
                url, complete = _find_redirect_target(request.url, response, self._credentials)
                self._links.check_redirect(url, source=source)
                # The response of a signed URL is not cached: the next run gets another signature, so another URL.
                transport = self._direct if complete is not None else transport
            finally:
                response.close()
        raise FetchError(f"more than {_REDIRECT_LIMIT} redirects, the last one to {url}", url=start)


def _absent_if_missing(url: str, send: Callable[[], Response]) -> Response:
    """The result of `send`, or the absence of the page. Raises BadStatusError for other statuses."""
    try:
        return send()
    except BadStatusError as error:
        if not _means_absent(url, error.status):
            raise
        # Behind a redirect to another host, other credentials may decide.
        return build_absent(url, error.fresh_until if error.host == httpx.URL(url).host else 0.0)


def _means_absent(url: str, status: int) -> bool:
    """Whether a host says with a status that it has no such page or file."""
    return status in (404, 410) or is_absent_status(url, status)


class _OfflineTransport(httpx.BaseTransport):
    """The transport below the cache under `--offline`: what the cache does not have is an OfflineError."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises OfflineError."""
        raise http_errors.missing_offline(str(request.url), what="the page")


class _BorrowedTransport(httpx.BaseTransport):
    """A transport that a program puts in place of the network. Only its owner closes it: several runs may share it."""

    def __init__(self, below: Transport) -> None:
        self._below = below

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The response of the borrowed transport."""
        response: httpx.Response = self._below.handle_request(request)
        return response

    def close(self) -> None:
        """Leave the borrowed transport open."""


def _find_redirect_target(
    url: httpx.URL, response: httpx.Response, credentials: Credentials
) -> tuple[str, Secret | None]:
    """The public and the complete URL that a redirect leads to; the latter None where both are the same.

    A query is never public: many hosts redirect to URLs that they have signed. User information is dropped. Raises
    FetchError for a redirect from https to another scheme, and for one without `Location`.
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


def _find_no_addresses(url: str) -> tuple[str, ...]:
    """No addresses, for a borrowed transport: it may not use the network at all."""
    return ()


def _connection_error(url: str, error: httpx.TransportError) -> FetchError:
    """The error to raise for a host that cannot be reached, is not trusted, or does not answer in time.

    A timeout names the limit that was exceeded: that of connecting, or that between two parts of a body.
    """
    if isinstance(error, httpx.TimeoutException):
        limit_s = CONNECT_LIMIT_S if isinstance(error, httpx.ConnectTimeout) else READ_TIMEOUT_S
        return http_errors.timeout_error(url, limit_s=limit_s, attempts=ATTEMPTS)
    if _is_untrusted(error):
        return http_errors.tls_error(url, reason=_reason(error), host=httpx.URL(url).host)
    return http_errors.no_answer_error(url, reason=_reason(error), attempts=ATTEMPTS)


def _is_untrusted(error: BaseException) -> bool:
    """Whether a certificate was refused, anywhere in the chain of causes.

    `AuthorizingTransport` keeps the cause; an error of another transport may have only the text of OpenSSL.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _reason(error: Exception) -> str:
    """The text of an error as a part of a sentence."""
    text = str(error).strip().rstrip(".")
    return text[:1].lower() + text[1:] if text else "the connection was closed"


def _shorten_log_records() -> None:
    """From now on the log records of httpcore name each step without the values that it returned."""
    for name in _LOGGERS:
        # The same filter is added once only.
        logging.getLogger(name).addFilter(_cut_record)


def _cut_record(record: logging.LogRecord) -> bool:
    """Cut a record off before the returned value. True, so that the record is logged."""
    message = record.getMessage()
    if _RETURNED in message:
        record.msg, record.args = f"{message.partition(_RETURNED)[0]}{_RETURNED}…", ()
    return True
