"""HTTP responses as values, and the rules that both clients (`PlainClient` and `HttpClient`) apply to them.

In: headers, chunks and bodies as a server sent them. Out:

- bodies read up to a limit, hashed, and checked to be the part that was requested (RFC 9110, section 14);
- how long a response may be used without another request (RFC 9111), from its headers alone;
- whether a page links with secrets: no cache may store such a page, and its links are split before they become rows;
- whether and when a request is repeated: the same delays for the same responses.

One module, because both clients must decide alike. It imports no HTTP library and is pure but for the file that
`hash_chunks` writes: the clock is a parameter.

Only the explicit lifetime of a response counts (RFC 9111, section 4.2.1: `max-age`, then `Expires`). The heuristic of
section 4.2.2, a tenth of the age since `Last-Modified`, is left out on purpose: with it a static index that rarely
changes would hide a new release for days.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

from lockfiles._files import hash_bytes
from lockfiles._values import dataclass
from resolver.errors import InputError, render_os_error
from resolver.fetch.http.http_errors import too_large_error
from resolver.index.distribution_file import parse_size
from resolver.requirements.url import Url, parse_url

if TYPE_CHECKING:
    from resolver.fetch.access import AnswerLimits
    from resolver.index.distribution_file import RawFile
    from resolver.index.package_source import PageEvidence

__all__ = [
    "ACCEPT",
    "ANNOUNCED_DELAY_S",
    "ATTEMPTS",
    "FILE_LIMIT_BYTES",
    "LONGEST_DELAY_S",
    "LONGEST_LIFETIME_S",
    "PAGE_LIMIT_BYTES",
    "READ_TIMEOUT_S",
    "TRANSIENT_STATUSES",
    "Absent",
    "Answered",
    "BadStatusError",
    "Download",
    "FileResponse",
    "HandedOver",
    "NotModified",
    "RangeResponse",
    "Response",
    "build_absent",
    "build_headers",
    "confirms",
    "find_absent_until",
    "find_conditions",
    "find_delay_s",
    "find_fresh_until",
    "find_renewed_freshness",
    "find_validator",
    "forbids_storing",
    "hash_chunks",
    "is_packed_beyond",
    "iter_bounded",
    "iter_secret_links",
    "may_hold_secrets",
    "normalize_caching_headers",
    "read_range",
    "unpack_gzip",
]

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
"""The `Accept` header of a request for a page (PEP 691): JSON is preferred to HTML."""

READ_TIMEOUT_S = 30.0
"""The longest wait for the next bytes of a response."""
PAGE_LIMIT_BYTES = 64 * 1024 * 1024
"""For a page, on the wire and after unpacking."""
FILE_LIMIT_BYTES = 16 * 1024**3

LONGEST_LIFETIME_S = 86_400.0
"""A page is requested again after a day, whatever its server allows: `Cache-Control` of a year is meant for files."""

ATTEMPTS = 4
"""Requests for one URL before its error is raised."""
TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the request is repeated."""
LONGEST_DELAY_S = 60.0
"""The most that the `Retry-After` of all attempts may add up to. More is an error, which names the delay."""
ANNOUNCED_DELAY_S = 2.0
"""A wait of at least this delay is announced, with its reason."""
_FIRST_DELAY_S = 0.25

_QUERY = re.compile(rb"\?[^\s\"'<>]*=")
_USER_INFORMATION = re.compile(rb"//[^/?#\s\"'<>]*@")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(
    rf"(?:{'|'.join(_DAYS)}), (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) ([01]\d|2[0-3]):([0-5]\d):([0-5]\d) GMT", re.ASCII
)
"""RFC 9110, section 5.6.7: the one form that servers may write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A page or metadata file, with what its headers mean for caching.

    `url` is its public URL after redirects. `body` is None where the caller has it already or the server has none
    (`is_absent`), and packed with gzip if `is_packed`. `fresh_until` is in seconds since 1970, 0 where the response
    must be revalidated. `validator` is equal for equal bodies, empty where the server sent none. `store` keeps the
    response for later runs: call it only for a page that links with no secret; None where there is nothing to store.
    """

    url: str
    content_type: str
    body: bytes | None
    fresh_until: float
    validator: str
    is_packed: bool = False
    is_absent: bool = False
    store: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResponse:
    """The response to a request for a file: status (200, 206 or 416), headers by lower-case name, the bytes as sent."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterable[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeResponse:
    """A part of a file: its bytes, the offset of the first one, and the size of the whole file in bytes."""

    data: bytes
    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """Size and hashes of a body that was read whole.

    `hashes` are `algorithm:hex`, sorted by algorithm: SHA-256, and all others that were requested.
    """

    hashes: tuple[str, ...]
    size_bytes: int

    @property
    def sha256(self) -> str:
        """The SHA-256 in hex."""
        return next(text for text in self.hashes if text.startswith("sha256:")).removeprefix("sha256:")


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


class BadStatusError(Exception):
    """A status other than success and redirect. Raised below the HTTP cache, so that the cache stores no error.

    `credentials_source` names where the credentials that were sent come from, `refusal` is the host's reason to refuse
    a signature; both may be empty. `fresh_until` is that of the absence, where the status means one.
    """

    def __init__(
        self,
        status: int,
        *,
        host: str,
        retry_after: str | None,
        credentials_source: str = "",
        refusal: str = "",
        fresh_until: float = 0.0,
    ) -> None:
        super().__init__(status)
        self.fresh_until = fresh_until
        self.status = status
        self.host = host
        self.retry_after = retry_after
        self.credentials_source = credentials_source
        self.refusal = refusal


def build_absent(url: str, fresh_until: float) -> Response:
    """The response for a page or file that the server does not have."""
    return Response(url=url, content_type="", body=None, fresh_until=fresh_until, validator="", is_absent=True)


def build_headers(accept: str) -> dict[str, str]:
    """The request headers for a page or metadata file: the same from both clients, so that one cache serves both."""
    return {"Accept": accept, "Accept-Encoding": "gzip, deflate"}


def unpack_gzip(body: bytes, *, limit_bytes: int) -> bytes | None:
    """A whole body without its gzip coding; None where it is not packed with gzip, or beyond the limit."""
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = stream.decompress(body, limit_bytes)
    except zlib.error:
        return None
    return content if stream.eof and not stream.unused_data else None


def is_packed_beyond(body: bytes, *, limit_bytes: int) -> bool:
    """Whether a body that `unpack_gzip` refuses has more content than the limit. No more than that is unpacked."""
    try:
        return len(zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(body, limit_bytes + 1)) > limit_bytes
    except zlib.error:
        return False


def iter_bounded(
    chunks: Iterable[bytes], *, url: str, limit_bytes: int, limits: AnswerLimits | None = None
) -> Iterator[bytes]:
    """The chunks, up to a limit of size and within the time of `limits`. Raises FetchError beyond them."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit_bytes:
            raise too_large_error(url, limit_bytes=limit_bytes)
        if limits is not None:
            limits.check()
        yield chunk


def hash_chunks(chunks: Iterable[bytes], *, into: BinaryIO | None = None, algorithms: Iterable[str] = ()) -> Download:
    """Size and hashes of all chunks, which are written to `into` if it is given.

    SHA-256 is always among the hashes; algorithms that Python does not have are left out. Raises InputError where the
    disk is full.
    """
    # Lazy: it loads OpenSSL, which takes 2.5 ms, and a warm run reads no body.
    import hashlib

    # Digests of `shake` have no length of their own.
    known = {name for name in hashlib.algorithms_guaranteed if not name.startswith("shake")}
    names = sorted({"sha256", *algorithms} & known)
    digests, size = [hashlib.new(name, usedforsecurity=False) for name in names], 0
    for chunk in chunks:
        for digest in digests:
            digest.update(chunk)
        size += len(chunk)
        if into is not None:
            _write_chunk(into, chunk)
    hashes = tuple(f"{name}:{digest.hexdigest()}" for name, digest in zip(names, digests, strict=True))
    return Download(hashes=hashes, size_bytes=size)


def read_range(chunks: Iterable[bytes], content_range: str, *, start: int, stop: int | None) -> RangeResponse | None:
    """The part that a 206 holds; None where `Content-Range` or the length differ from what was requested.

    `stop` is the offset behind the last byte, None for the end. A negative `start` counts from the end, as in
    `HttpClient.fetch_range`.
    """
    unit, _, span = content_range.partition(" ")
    ends, _, total = span.partition("/")
    first, _, last = ends.partition("-")
    sent_start, sent_last, size = parse_size(first), parse_size(last), parse_size(total)
    if unit != "bytes" or sent_start is None or sent_last is None or size is None:
        return None
    length = sent_last + 1 - sent_start
    wanted_start = max(0, size + start) if start < 0 else start
    wanted_stop = size if stop is None else min(stop, size)
    if (sent_start, sent_last + 1) != (wanted_start, wanted_stop):
        return None
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > length:
            return None
    return RangeResponse(data=bytes(data), start=sent_start, size=size) if len(data) == length else None


def may_hold_secrets(body: bytes) -> bool:
    """Whether any link of a page has a query or user information, which may be secret.

    A quick test for pages without such links. `iter_secret_links` then parses the links and finds those with a secret.
    """
    return (b"?" in body and _QUERY.search(body) is not None) or (
        b"@" in body and _USER_INFORMATION.search(body) is not None
    )


def iter_secret_links(files: Iterable[RawFile]) -> Iterator[Url]:
    """The links of a page that hold a signature, a token or user information, in page order."""
    for file in files:
        if "?" in file.url or "@" in file.url:
            url = parse_url(file.url)
            if url.secret is not None:
                yield url


def find_fresh_until(headers: Mapping[str, str], *, now: float) -> float:
    """The instant (seconds since 1970) up to which the response is fresh; 0 where it must be revalidated at once.

    `Date` is when the response was made, but never later than now. Call `normalize_caching_headers` first, which
    subtracts `Age` from it.
    """
    lifetime_s = _find_lifetime_s(headers, now=now)
    made = _parse_http_date(headers.get("date", ""))
    return min(now, made if made is not None else now) + lifetime_s if lifetime_s > 0 else 0.0


def find_absent_until(headers: Mapping[str, str], *, now: float) -> float:
    """As `find_fresh_until` for a 404 or 410, of the headers as they were sent.

    Where they say nothing, each run asks again, as uv 0.13 does: a project that was just uploaded to an extra index
    must not come from a later one. A run asks for all such pages at once, so that costs the time of one request.
    """
    known = {**headers}
    normalize_caching_headers(known, status=404, now=now)
    return find_fresh_until(known, now=now)


def find_validator(headers: Mapping[str, str]) -> str:
    """A text that is equal for equal bodies: ETag, Last-Modified and length. Empty without ETag and Last-Modified."""
    etag = headers.get("etag", "")
    modified = headers.get("last-modified", "")
    if not etag and not modified:
        return ""
    return f"{etag}\n{modified}\n{headers.get('content-length', '')}"


def find_conditions(validator: str) -> dict[str, str]:
    """The headers that make a request conditional, for a text of `find_validator`; empty for any other text.

    Only what is sent as it is written: a validator with other characters than those of ASCII is left out.
    """
    etag, _, rest = validator.partition("\n")
    modified = rest.partition("\n")[0]
    found = {"If-None-Match": etag, "If-Modified-Since": modified} if rest else {}
    return {name: text for name, text in found.items() if text and text.isascii() and text.isprintable()}


def confirms(headers: Mapping[str, str], validator: str) -> bool:
    """Whether a 304 with these headers is about the response with this validator (RFC 9111, section 4.3.4)."""
    etag, _, rest = validator.partition("\n")
    modified = rest.partition("\n")[0]
    return headers.get("etag", etag) == etag and headers.get("last-modified", modified) == modified


def find_renewed_freshness(
    page: PageEvidence, status: int, headers: Mapping[str, str], *, body: bytes | None, now: float
) -> float | None:
    """The `fresh_until` of a page after the response to a new request for it; None if it may have changed.

    Names of `headers` are in lower case. `body` is that of a 200 as it was sent; it is needed only for a page whose
    validator is a hash, and None means that it was not read. A page that may not be stored is never fresh.
    """
    known = {**headers}
    normalize_caching_headers(known, status=status, now=now)
    if status == 304:
        # Without `Cache-Control` that of the stored response goes on (RFC 9111, section 4.3.4), which was not kept.
        is_same = not page.is_absent and bool(find_conditions(page.validator)) and confirms(headers, page.validator)
        fresh_until = find_fresh_until(known, now=now) if "cache-control" in headers else 0.0
    elif status == 200:
        is_same = not page.is_absent and page.validator != "" and page.validator == _identify(headers, body)
        fresh_until = find_fresh_until(known, now=now)
    else:
        is_same = page.is_absent and status in (404, 410)
        fresh_until = find_absent_until(headers, now=now)
    return min(fresh_until, now + LONGEST_LIFETIME_S) if is_same else None


def forbids_storing(headers: Mapping[str, str]) -> bool:
    """Whether no cache may store the response (RFC 9111, section 5.2.2.5)."""
    return "no-store" in _parse_cache_control(headers.get("cache-control", ""))


def normalize_caching_headers(headers: MutableMapping[str, str], *, status: int, now: float) -> None:
    """Rewrite the headers of a response so that hishel 2.0 decides as this module does.

    hishel ignores `Age` and applies the heuristic of RFC 9111, section 4.2.2. A response that varies by what no header
    tells (`Vary: *`, section 4.1) fits no other request.
    """
    if "*" in headers.get("vary", ""):
        headers["cache-control"] = "no-store"
    if status == 200 and "cache-control" not in headers and "expires" not in headers:
        # Without a validator the stored body could never be used again: such a page is stored as rows alone.
        headers["cache-control"] = "no-cache" if find_validator(headers) else "no-store"
    age = headers.get("age", "")
    if age.isdecimal() and len(age) < 10:
        made = now - int(age)
        date = _parse_http_date(headers.get("date", ""))
        headers["date"] = _render_http_date(made if date is None else min(made, date))


def find_delay_s(attempt: int, *, retry_after: str | None, now: float) -> float:
    """Seconds to wait after the failed attempt number `attempt`, counted from 0.

    `retry_after` is the header as sent: seconds or an HTTP date (RFC 9110, section 10.2.3). Without it, or where it
    cannot be read, the delay doubles with each attempt.
    """
    backoff_s = _FIRST_DELAY_S * 2.0**attempt
    if retry_after is None:
        return backoff_s
    if retry_after.strip().isdecimal():
        wanted_s = float(retry_after)
    else:
        instant = _parse_http_date(retry_after)
        wanted_s = instant - now if instant is not None else backoff_s
    return max(0.0, wanted_s)


def _identify(headers: Mapping[str, str], body: bytes | None) -> str:
    """The validator of a response, or the hash of its unpacked body; empty where neither can be had."""
    validator = find_validator(headers)
    if validator or body is None:
        return validator
    is_packed = headers.get("content-encoding", "").lower() == "gzip"
    content = unpack_gzip(body, limit_bytes=PAGE_LIMIT_BYTES) if is_packed else body
    return "" if content is None else f"sha256:{hash_bytes(content)}"


def _write_chunk(file: BinaryIO, chunk: bytes) -> None:
    """Write all of a chunk. Raises InputError where the disk is full."""
    rest = memoryview(chunk)
    try:
        # An unbuffered file may take a part; a buffered one reports a full disk only when it is closed.
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise InputError(
            f"`{file.name}` cannot be written: {render_os_error(error)}",
            remedy="set `TMPDIR` to a folder with more space",
        ) from error


def _find_lifetime_s(headers: Mapping[str, str], *, now: float) -> float:
    """The explicit lifetime in seconds, counted from `Date`; 0 where there is none or the headers forbid reuse."""
    directives = _parse_cache_control(headers.get("cache-control", ""))
    if "no-cache" in directives or "no-store" in directives:
        return 0.0
    if "max-age" in directives:
        text = directives["max-age"]
        return float(text) if text.isdecimal() else 0.0
    expires = _parse_http_date(headers.get("expires", ""))
    if expires is None:
        return 0.0
    return max(0.0, expires - (_parse_http_date(headers.get("date", "")) or now))


def _parse_cache_control(text: str) -> dict[str, str]:
    """Directives by lower-case name (RFC 9111, section 5.2); no directive that is used here has commas in its value."""
    directives = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        directives[name.strip().lower()] = value.strip().strip('"')
    return directives


def _parse_http_date(text: str) -> float | None:
    """Seconds since 1970 of an HTTP date; None for any other text, which servers do send (`Expires: 0`)."""
    if not text:
        return None
    match = _DATE.fullmatch(text)
    try:
        if match is not None:
            month = _MONTHS.index(match[2]) + 1
            day, year, hour, minute, second = (int(match[group]) for group in (1, 3, 4, 5, 6))
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
        # Lazy: it takes 6 ms, and only the obsolete forms of a date need it.
        from email.utils import parsedate_to_datetime

        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _render_http_date(instant: float) -> str:
    """An instant (seconds since 1970) as an HTTP date: as `%a` and `%b` render it, but in English in every locale."""
    moment = datetime.fromtimestamp(instant, UTC)
    return f"{_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} {moment:%Y %H:%M:%S} GMT"
