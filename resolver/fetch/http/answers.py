"""What a server answered, whichever client has asked.

Reading bodies: limits, hashes, and whether a part is the part that was asked for.

Whether a page links with secrets: then no cache may keep it, and its links are split before they are rows.

How long an answer may be used without asking again, from its headers alone. Pure but for the clock it is given.

Only what the server says counts (RFC 9111, section 4.2.1: `max-age`, then `Expires`). The heuristic of section 4.2.2, a
tenth of the age since `Last-Modified`, is left out on purpose: a static index that rarely changes would hide a new
release for days.

When to ask again, and how long to wait before: the same delays for the same answers.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

from lockfiles._values import dataclass
from resolver.errors import InputError, render_os_error
from resolver.fetch.http.http_errors import too_large_error
from resolver.index.distribution_file import parse_size
from resolver.requirements.url import Url, parse_url

if TYPE_CHECKING:
    from resolver.index.distribution_file import RawFile

__all__ = [
    "ATTEMPTS",
    "CONNECT_TIMEOUT_S",
    "LONGEST_DELAY_S",
    "NOTICED_DELAY_S",
    "PAGE_LIMIT_BYTES",
    "READ_TIMEOUT_S",
    "TRANSIENT_STATUSES",
    "BadStatusError",
    "Body",
    "Download",
    "RangeResponse",
    "Response",
    "build_headers",
    "find_delay_s",
    "find_explicit_lifetime_s",
    "find_fresh_until",
    "find_validator",
    "forbids_storing",
    "hash_into",
    "iter_bounded",
    "iter_secret_links",
    "may_hold_secrets",
    "normalize_caching_headers",
    "parse_http_date",
    "read_range",
    "unpack",
]


CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
PAGE_LIMIT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A body with what the server said about it.

    `url` is where it came from after redirects. `body` is None where it is the one that the caller knows already, and
    packed with gzip if `is_packed`. `keep` lays the answer down for the HTTP cache, and is called for a page that links
    with no secret; None where there is nothing to do.
    """

    url: str
    content_type: str
    body: bytes | None
    fresh_until: float
    validator: str
    is_packed: bool = False
    keep: Callable[[], None] | None = None


class BadStatusError(Exception):
    """A status that is no answer; raised below the cache, so that it never stores one.

    `tried` says where the credentials that were sent are from, `told` what the host writes about a signature; both may
    be empty.
    """

    def __init__(self, status: int, *, host: str, retry_after: str | None, tried: str = "", told: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.host = host
        self.retry_after = retry_after
        self.tried = tried
        self.told = told


def build_headers(accept: str) -> dict[str, str]:
    """What to ask with for a page or metadata file: the same from each client, so that one cache serves both."""
    return {"Accept": accept, "Accept-Encoding": "gzip, deflate"}


def unpack(body: bytes, *, limit_bytes: int) -> bytes | None:
    """A whole body that is packed with gzip; None where it is not, or beyond the limit."""
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = stream.decompress(body, limit_bytes)
    except zlib.error:
        return None
    return content if stream.eof and not stream.unused_data else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The answer to a request for a file: status (200, 206 or 416), headers by lower-case name, the bytes as sent."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterable[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeResponse:
    """A part of a file: its bytes, where they start, and the size of the whole."""

    data: bytes
    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What a whole body turned out to be; `hashes` are `algorithm:hex`, of SHA-256 and all others asked for."""

    hashes: tuple[str, ...]
    size_bytes: int

    @property
    def sha256(self) -> str:
        """The SHA-256 in hex."""
        return next(text for text in self.hashes if text.startswith("sha256:")).removeprefix("sha256:")


def iter_bounded(chunks: Iterable[bytes], *, url: str, limit_bytes: int) -> Iterator[bytes]:
    """The chunks, up to a limit. Raises FetchError beyond it."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit_bytes:
            raise too_large_error(url, limit_bytes=limit_bytes)
        yield chunk


def hash_into(chunks: Iterable[bytes], file: BinaryIO | None, *, algorithms: Iterable[str] = ()) -> Download:
    """Size and hashes of all chunks, which are written to the file if there is one; unknown algorithms are left out."""
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
        if file is not None:
            _write(file, chunk)
    hashes = tuple(f"{name}:{digest.hexdigest()}" for name, digest in zip(names, digests, strict=True))
    return Download(hashes=hashes, size_bytes=size)


def _write(file: BinaryIO, chunk: bytes) -> None:
    """Raises InputError where the disk is full."""
    rest = memoryview(chunk)
    try:
        # An unbuffered file may take a part; a buffered one tells of a full disk when it is closed.
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise InputError(
            f"`{file.name}` cannot be written: {render_os_error(error)}",
            remedy="set `TMPDIR` to a folder with more space",
        ) from error


def read_range(chunks: Iterable[bytes], content_range: str, *, start: int, stop: int | None) -> RangeResponse | None:
    """The part that a 206 holds; None where Content-Range or length are not those of what was asked for.

    A negative `start` counts from the end, as in `fetch_range`.
    """
    unit, _, span = content_range.partition(" ")
    ends, _, total = span.partition("/")
    first, _, last = ends.partition("-")
    told_start, told_last, size = parse_size(first), parse_size(last), parse_size(total)
    if unit != "bytes" or told_start is None or told_last is None or size is None:
        return None
    told_stop = told_last + 1
    wanted_start = max(0, size + start) if start < 0 else start
    wanted_stop = size if stop is None else min(stop, size)
    if (told_start, told_stop) != (wanted_start, wanted_stop):
        return None
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > told_stop - told_start:
            return None
    return RangeResponse(data=bytes(data), start=told_start, size=size) if len(data) == told_stop - told_start else None


_QUERY = re.compile(rb"\?[^\s\"'<>]*=")
_USER_INFORMATION = re.compile(rb"//[^/?#\s\"'<>]*@")


def may_hold_secrets(body: bytes) -> bool:
    """Whether a link of the page has a query or user information: which of them are secret, nobody need decide here."""
    return (b"?" in body and _QUERY.search(body) is not None) or (
        b"@" in body and _USER_INFORMATION.search(body) is not None
    )


def iter_secret_links(files: Iterable[RawFile]) -> Iterator[Url]:
    """The links of a page that hold a signature, a token or user information."""
    for file in files:
        if "?" in file.url or "@" in file.url:
            url = parse_url(file.url)
            if url.secret is not None:
                yield url


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(
    rf"(?:{'|'.join(_DAYS)}), (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) ([01]\d|2[0-3]):([0-5]\d):([0-5]\d) GMT", re.ASCII
)
"""RFC 9110, section 5.6.7: the one form that servers may write."""


def find_explicit_lifetime_s(headers: Mapping[str, str], *, now: float) -> float:
    """Seconds that the server vouches for, counted from `Date`; 0 where it vouches for none or forbids it."""
    directives = _parse_cache_control(headers.get("cache-control", ""))
    if "no-cache" in directives or "no-store" in directives:
        return 0.0
    if "max-age" in directives:
        text = directives["max-age"]
        return float(text) if text.isdecimal() else 0.0
    expires = parse_http_date(headers.get("expires", ""))
    if expires is None:
        return 0.0
    return max(0.0, expires - (parse_http_date(headers.get("date", "")) or now))


def find_fresh_until(headers: Mapping[str, str], *, now: float) -> float:
    """The instant (seconds since 1970) up to which the answer is fresh; 0 where it never was.

    `Date` is taken as when the answer was made, but never later than now. `Age` must be folded into it by now.
    """
    lifetime_s = find_explicit_lifetime_s(headers, now=now)
    made = parse_http_date(headers.get("date", ""))
    return min(now, made if made is not None else now) + lifetime_s if lifetime_s > 0 else 0.0


def find_validator(headers: Mapping[str, str]) -> str:
    """A text that is equal for equal bodies, from ETag or Last-Modified with the length; empty where there is none."""
    etag = headers.get("etag", "")
    modified = headers.get("last-modified", "")
    if not etag and not modified:
        return ""
    return f"{etag}\n{modified}\n{headers.get('content-length', '')}"


def forbids_storing(headers: Mapping[str, str]) -> bool:
    """Whether no cache may keep the answer."""
    return "no-store" in _parse_cache_control(headers.get("cache-control", ""))


def normalize_caching_headers(headers: MutableMapping[str, str], *, status: int, now: float) -> None:
    """Rewrite the headers of an answer so that hishel 2.0 judges them as this module does.

    hishel takes no notice of `Age` and applies the heuristic of RFC 9111, section 4.2.2.
    """
    if status == 200 and "cache-control" not in headers and "expires" not in headers:
        # Without a validator it could never be used again: such a page is kept as rows alone.
        headers["cache-control"] = "no-cache" if find_validator(headers) else "no-store"
    age = headers.get("age", "")
    if age.isdecimal() and len(age) < 10:
        made = now - int(age)
        date = parse_http_date(headers.get("date", ""))
        headers["date"] = _render_http_date(made if date is None else min(made, date))


def parse_http_date(text: str) -> float | None:
    """Seconds since 1970 that an HTTP date names; None for anything else, which servers do send."""
    match = _DATE.fullmatch(text)
    try:
        if match is not None:
            month = _MONTHS.index(match[2]) + 1
            day, year, hour, minute, second = (int(match[group]) for group in (1, 3, 4, 5, 6))
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
        # Imported where it is needed, for older forms: it takes 6 ms.
        from email.utils import parsedate_to_datetime

        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _render_http_date(instant: float) -> str:
    """As `%a` and `%b` would write it, but in English whatever the locale."""
    moment = datetime.fromtimestamp(instant, UTC)
    return f"{_DAYS[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} {moment:%Y %H:%M:%S} GMT"


def _parse_cache_control(text: str) -> dict[str, str]:
    """Directives by lower-case name (RFC 9111, section 5.2); no directive that is read here has commas in its value."""
    directives = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        directives[name.strip().lower()] = value.strip().strip('"')
    return directives


ATTEMPTS = 4
TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})
_FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 60.0
"""What asks for more is not waited for: the user has to know of it."""
NOTICED_DELAY_S = 2.0
"""From here on a user would wonder what is going on."""


def find_delay_s(attempt: int, *, retry_after: str | None, now: float) -> float:
    """Seconds to wait after the failed attempt number `attempt`, counted from 0.

    `retry_after` is the header as sent: seconds or an HTTP date (RFC 9110, section 10.2.3).
    """
    backoff_s = _FIRST_DELAY_S * 2.0**attempt
    if retry_after is None:
        return backoff_s
    if retry_after.strip().isdecimal():
        wanted_s = float(retry_after)
    else:
        instant = parse_http_date(retry_after)
        wanted_s = instant - now if instant is not None else backoff_s
    return max(0.0, wanted_s)
