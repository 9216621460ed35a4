"""HTTP: one connection pool, retries, limits, and an error for everything that is no answer.

The only module that uses httpx, and imported when a request is about to be made: that takes 60 ms, which a warm run
has no use for.

A request passes, from top to bottom: `HttpClient` (redirects, retries, limits), hishel's cache where it is wanted,
`CacheableResponses` (so that the cache sees no errors), `AuthorizingTransport` (secrets), and `NetworkTransport`
(proxies, certificates, connections). All above `AuthorizingTransport` see public URLs only: it joins secrets below
everything that logs or stores.

Transports are driven without `httpx.Client`: 0.23 ms a request against 0.39 ms, and cookies, authentication and logging
of whole URLs have no place here.

What libraries below may log: httpcore, httpx's own engine, tells at DEBUG all headers that it receives.

A `Location` among them can hold a signature. So what a step returned is left out of its records.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from resolver.errors import FetchError
from resolver.fetch.access import Access
from resolver.fetch.http import http_errors
from resolver.fetch.http.credentials import Credentials, find_destination, render_host
from resolver.fetch.http.hosts import HostGuard
from resolver.fetch.http.responses import (
    ANNOUNCED_DELAY_S,
    ATTEMPTS,
    CONNECT_TIMEOUT_S,
    LONGEST_DELAY_S,
    READ_TIMEOUT_S,
    TRANSIENT_STATUSES,
    BadStatusError,
    Download,
    FileResponse,
    RangeResponse,
    Response,
    build_headers,
    find_delay_s,
    find_fresh_until,
    find_validator,
    hash_chunks,
    iter_bounded,
    read_range,
)
from resolver.fetch.http.transports import (
    COMPLETE,
    IS_PAGE,
    PUBLIC,
    REDIRECTS,
    AuthorizingTransport,
    BorrowedTransport,
    CacheableResponses,
    NetworkTransport,
    OfflineTransport,
    find_target,
    httpx,
    may_send,
)
from resolver.index.distribution_file import parse_size
from resolver.requirements.index_urls import is_private_host
from resolver.targets.families import is_absent_status

__all__ = [
    "HttpClient",
    "Response",
    "shorten_log_records",
]


_LOGGERS = ("httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")
_RETURNED = "return_value="


def shorten_log_records() -> None:
    """From now on httpcore's records say what was done, and not what came of it."""
    for name in _LOGGERS:
        # The same filter is added once only.
        logging.getLogger(name).addFilter(_hide)


def _hide(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    if _RETURNED in message:
        record.msg, record.args = f"{message.partition(_RETURNED)[0]}{_RETURNED}…", ()
    return True


REDIRECT_LIMIT = 10
_NO_RANGE = frozenset({400, 403, 405, 406, 412, 416, 501})
"""Statuses of servers that give the file but not a part of it; a 403 is told again when the whole file is asked for."""
_TIMEOUT = {"connect": CONNECT_TIMEOUT_S, "read": READ_TIMEOUT_S, "write": READ_TIMEOUT_S, "pool": None}

_T = TypeVar("_T")


class HttpClient:
    """Asks servers; may be used from many threads at once.

    `with_cache` puts a cache above the transport that it is given, and `sleep` waits between attempts. `credentials`
    are joined to requests over https, to this machine, and to the trusted hosts. A `guard` is asked about each URL,
    redirects too.
    """

    def __init__(
        self,
        access: Access,
        *,
        user_agent: str,
        connections: int,
        credentials: Credentials | None = None,
        guard: HostGuard | None = None,
        with_cache: Callable[[httpx.BaseTransport], httpx.BaseTransport] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        shorten_log_records()
        trusted = frozenset(access.trusted_hosts)
        self._credentials = credentials or Credentials()
        network = (
            NetworkTransport(connections=connections, trusted_hosts=trusted)
            if access.transport is None
            else BorrowedTransport(access.transport)
        )
        authorizing = AuthorizingTransport(
            network, self._credentials, may_send=partial(may_send, trusted_hosts=trusted)
        )
        self._direct: httpx.BaseTransport = CacheableResponses(OfflineTransport() if access.offline else authorizing)
        self._cached = with_cache(self._direct) if with_cache is not None else self._direct
        self._guard = guard
        self._allowed_hosts = frozenset(host.lower() for host in access.allowed_hosts)
        self._find_addresses = network.find_addresses if isinstance(network, NetworkTransport) else _no_addresses
        self._user_agent = user_agent
        self._sleep = sleep
        self._announce = access.announce
        self._told: set[str] = set()

    def close(self) -> None:
        """Close all connections, and the cache."""
        self._cached.close()

    def fetch(
        self,
        url: str,
        *,
        accept: str,
        limit_bytes: int,
        cached: bool = False,
        known_validator: str = "",
        failure: BadStatusError | None = None,
    ) -> Response | None:
        """The body at a URL; None for 404 and 410, and for what means the same on its host.

        `cached` says that the answer may come from the cache and be stored there. Where the cache answers with
        `known_validator`, the body is not read again. `failure` is how a first attempt of somebody else has ended.
        """
        headers = build_headers(accept)
        # What such a page links to may hold the token, too.
        hides = self._credentials.holds_path_token(url)
        transport = self._cached if cached and not hides else self._direct

        def ask() -> Response:
            nonlocal failure
            if failure is not None:
                first, failure = failure, None
                raise first
            with self._opened(transport, "GET", url, headers) as (response, final_url):
                validator = find_validator(response.headers)
                kept = response.extensions.get("caching", {}).get("from_cache", False)
                known = bool(kept and validator and validator == known_validator)
                body = (
                    None if known else b"".join(iter_bounded(response.iter_bytes(), url=url, limit_bytes=limit_bytes))
                )
                return Response(
                    url=final_url,
                    content_type=response.headers.get("content-type", ""),
                    body=self._credentials.hide_in_body(body) if hides and body else body,
                    fresh_until=find_fresh_until(response.headers, now=time.time()),
                    validator=validator,
                )

        return self._unless_absent(url, ask)

    def fetch_range(self, url: str, *, start: int, stop: int | None = None) -> RangeResponse | None:
        """Bytes `start` up to, without, `stop`; a negative start counts from the end. None where the server gives none.

        404 and 410 are errors: a page has listed the file.
        """
        wanted = f"bytes={start}" if start < 0 else f"bytes={start}-{'' if stop is None else stop - 1}"

        def ask() -> RangeResponse | None:
            headers = {"Accept": "*/*", "Accept-Encoding": "identity", "Range": wanted}
            try:
                with self._opened(self._direct, "GET", url, headers) as (response, _):
                    if response.status_code != 206 or "content-encoding" in response.headers:
                        return None
                    told = response.headers.get("content-range", "")
                    return read_range(response.iter_bytes(), told, start=start, stop=stop)
            except BadStatusError as fault:
                if fault.status in _NO_RANGE and not (fault.status == 403 and self._credentials.is_signed(url)):
                    return None
                raise

        return self._with_retries(url, ask)

    def fetch_size(self, url: str) -> int | None:
        """The size of a file in bytes, by HEAD; None where the server does not tell.

        A signature for GET holds for no HEAD: there one byte is asked for, and an answer with all of them left unread.
        """
        method = "GET" if self._credentials.is_signed(url) else "HEAD"

        def ask() -> int | None:
            headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
            if method == "GET":
                headers["Range"] = "bytes=0-0"
            try:
                with self._opened(self._direct, method, url, headers) as (response, _):
                    if response.status_code == 206:
                        return parse_size(response.headers.get("content-range", "").rpartition("/")[2])
                    size = parse_size(response.headers.get("content-length", ""))
                    return size if "content-encoding" not in response.headers else None
            except BadStatusError as fault:
                if fault.status in _NO_RANGE:
                    return None
                raise

        return self._with_retries(url, ask)

    def download(
        self, url: str, *, into: Path | None, limit_bytes: int, algorithms: Iterable[str] = ()
    ) -> Download | None:
        """Read a whole body, into a file or only for its hashes; None as in `fetch`."""

        def ask() -> Download:
            headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
            with self._opened(self._direct, "GET", url, headers) as (response, _):
                # As they lie on the server, whatever it says of their encoding: a file's hash is over these bytes.
                assert isinstance(response.stream, httpx.SyncByteStream)
                chunks = iter_bounded(response.stream, url=url, limit_bytes=limit_bytes)
                if into is None:
                    return hash_chunks(chunks, algorithms=algorithms)
                with into.open("wb", buffering=0) as file:
                    return hash_chunks(chunks, into=file, algorithms=algorithms)

        return self._unless_absent(url, ask)

    def read_body(
        self, url: str, *, headers: Callable[[], Mapping[str, str]], read: Callable[[FileResponse], _T]
    ) -> _T | None:
        """What `read` makes of the answer to a GET; None as in `fetch`. A 416 is an answer, too.

        Where a body breaks off, it is asked for again, with the headers of that moment.
        """

        def ask() -> _T:
            try:
                with self._opened(self._direct, "GET", url, headers()) as (response, _):
                    assert isinstance(response.stream, httpx.SyncByteStream)
                    return read(
                        FileResponse(status=response.status_code, headers=response.headers, chunks=response.stream)
                    )
            except BadStatusError as fault:
                if fault.status != 416:
                    raise
                return read(FileResponse(status=416, headers={}, chunks=()))

        return self._unless_absent(url, ask)

    def _unless_absent(self, url: str, ask: Callable[[], _T]) -> _T | None:
        def ask_or_none() -> _T | None:
            try:
                return ask()
            except BadStatusError as fault:
                if fault.status in (404, 410) or is_absent_status(url, fault.status):
                    return None
                raise

        return self._with_retries(url, ask_or_none)

    def _with_retries(self, url: str, ask: Callable[[], _T]) -> _T:
        for attempt in range(ATTEMPTS):
            try:
                return ask()
            except BadStatusError as fault:
                if fault.status not in TRANSIENT_STATUSES or attempt + 1 == ATTEMPTS:
                    raise self._status_error(url, fault, attempts=attempt + 1) from None
                delay_s = find_delay_s(attempt, retry_after=fault.retry_after, now=time.time())
                self._check_delay(delay_s, url, fault, attempts=attempt + 1)
            except httpx.TimeoutException as fault:
                if attempt + 1 == ATTEMPTS:
                    limit_s = CONNECT_TIMEOUT_S if isinstance(fault, httpx.ConnectTimeout) else READ_TIMEOUT_S
                    raise http_errors.timeout_error(url, limit_s=limit_s, attempts=ATTEMPTS) from fault
                delay_s = find_delay_s(attempt, retry_after=None, now=0.0)
            except (httpx.NetworkError, httpx.RemoteProtocolError) as fault:
                if _is_untrusted(fault):
                    raise http_errors.tls_error(url, reason=_reason(fault), host=httpx.URL(url).host) from fault
                if attempt + 1 == ATTEMPTS:
                    raise http_errors.no_answer_error(url, reason=_reason(fault), attempts=ATTEMPTS) from fault
                delay_s = find_delay_s(attempt, retry_after=None, now=0.0)
            except httpx.ProxyError as fault:
                raise http_errors.no_answer_error(url, reason=f"the proxy: {_reason(fault)}", attempts=1) from fault
            except (httpx.HTTPError, httpx.InvalidURL) as fault:
                raise http_errors.broken_error(url, reason=_reason(fault)) from fault
            self._sleep(delay_s)
        raise AssertionError("the last attempt returns or raises")

    def _check_delay(self, delay_s: float, url: str, fault: BadStatusError, *, attempts: int) -> None:
        """Announce a wait that a server asks for. Raises FetchError where it is too long."""
        if delay_s > LONGEST_DELAY_S:
            raise http_errors.status_error(
                url, status=fault.status, attempts=attempts, wanted_delay_s=delay_s
            ) from None
        message = f"waiting {delay_s:.0f} s, as `{fault.host}` asks (status {fault.status})"
        if delay_s >= ANNOUNCED_DELAY_S and self._announce is not None and message not in self._told:
            self._told.add(message)
            self._announce(message)

    def _status_error(self, url: str, fault: BadStatusError, *, attempts: int) -> FetchError:
        if fault.status not in (401, 403):
            return http_errors.status_error(url, status=fault.status, attempts=attempts)
        return http_errors.authentication_error(
            url,
            status=fault.status,
            host=fault.host,
            credentials_source=fault.credentials_source,
            searched=self._credentials.name_sources(),
            refusal=fault.refusal,
        )

    def _check_target(self, target: str, *, start: str) -> None:
        """Raises FetchError where a public host redirects to one that is not, which nobody has named or allowed."""
        place = find_destination(target)
        if place is None or self._credentials.names(target) or {place.host, place.authority} & self._allowed_hosts:
            return
        if self._is_private(target) and not self._is_private(start):
            raise http_errors.private_redirect_error(start, target=target, host=place.authority)

    def leads_inside(self, url: str) -> bool:
        """Whether a URL's host is this machine or in a private network, by its name or the addresses behind it."""
        try:
            return self._is_private(url)
        except httpx.ConnectError:
            return False  # A name without an address leads nowhere: whoever asks for it is told.

    def _is_private(self, url: str) -> bool:
        addresses = () if is_private_host(url) else self._find_addresses(url)
        return is_private_host(url) or any(is_private_host(f"http://{render_host(one)}/") for one in addresses)

    @contextmanager
    def _opened(
        self, transport: httpx.BaseTransport, method: str, url: str, headers: Mapping[str, str]
    ) -> Iterator[tuple[httpx.Response, str]]:
        """The response after redirects with the URL that it came from; closed at the end."""
        sent, start, complete = {**headers, "User-Agent": self._user_agent}, url, None
        for _ in range(REDIRECT_LIMIT + 1):
            if self._guard is not None:
                self._guard.check(url, find_addresses=partial(self._find_addresses, url))
            is_page = transport is self._cached and transport is not self._direct
            extensions = {"timeout": _TIMEOUT, PUBLIC: url, COMPLETE: complete, IS_PAGE: is_page}
            request = httpx.Request(method, url, headers=sent, extensions=extensions)
            response = transport.handle_request(request)
            try:
                if response.status_code not in REDIRECTS:
                    yield response, url
                    return
                url, complete = find_target(request.url, response, self._credentials)
                self._check_target(url, start=start)
                transport = self._direct if complete is not None else transport
            finally:
                response.close()
        raise FetchError(f"more than {REDIRECT_LIMIT} redirects, the last one to {url}", url=start)


def _no_addresses(url: str) -> tuple[str, ...]:
    """Of a transport that stands in for the network."""
    return ()


def _is_untrusted(fault: BaseException) -> bool:
    """Whether a certificate was refused, anywhere in the chain of causes."""
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _reason(fault: Exception) -> str:
    text = str(fault).strip().rstrip(".")
    return text[:1].lower() + text[1:] if text else "the connection was closed"
