"""How long a response may be used, and whether a later one confirms it (RFC 9111), from its headers alone.

In: headers by lower-case name, and the clock as a parameter. Out: instants, validators, the conditions of a request.

Only the explicit lifetime of a response counts (RFC 9111, section 4.2.1: `max-age`, then `Expires`). The heuristic of
section 4.2.2, a tenth of the age since `Last-Modified`, is left out on purpose: with it a static index that rarely
changes would hide a new release for days.

A module apart from the other rules about responses, because a run that only revalidates pages loads nothing else.
"""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from typing import Protocol

    class KnownPage(Protocol):
        """What is known of a page: `PageEvidence`, or a record of it."""

        @property
        def validator(self) -> str:
            """A text of `find_validator`, the hash of a body, or empty for an absent page."""
            ...

        @property
        def is_absent(self) -> bool:
            """Whether there was no such page."""
            ...


__all__ = [
    "LONGEST_LIFETIME_S",
    "PAGE_LIMIT_BYTES",
    "confirms",
    "find_absent_until",
    "find_conditions",
    "find_fresh_until",
    "find_renewed_freshness",
    "find_validator",
    "forbids_storing",
    "is_packed_beyond",
    "normalize_caching_headers",
    "parse_http_date",
    "unpack_gzip",
]

PAGE_LIMIT_BYTES = 64 * 1024 * 1024
"""For a page, on the wire and after unpacking."""
LONGEST_LIFETIME_S = 86_400.0
"""A page is requested again after a day, whatever its server allows: `Cache-Control` of a year is meant for files."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(
    rf"(?:{'|'.join(_DAYS)}), (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) ([01]\d|2[0-3]):([0-5]\d):([0-5]\d) GMT", re.ASCII
)
"""RFC 9110, section 5.6.7: the one form that servers may write."""


def find_fresh_until(headers: Mapping[str, str], *, now: float) -> float:
    """The instant (seconds since 1970) up to which the response is fresh; 0 where it must be revalidated at once.

    `Date` is when the response was made, but never later than now. Call `normalize_caching_headers` first, which
    subtracts `Age` from it.
    """
    lifetime_s = _find_lifetime_s(headers, now=now)
    made = parse_http_date(headers.get("date", ""))
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
    page: KnownPage, status: int, headers: Mapping[str, str], *, body: bytes | None, now: float
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
        date = parse_http_date(headers.get("date", ""))
        headers["date"] = _render_http_date(made if date is None else min(made, date))


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


def _identify(headers: Mapping[str, str], body: bytes | None) -> str:
    """The validator of a response, or the hash of its unpacked body; empty where neither can be had."""
    validator = find_validator(headers)
    if validator or body is None:
        return validator
    is_packed = headers.get("content-encoding", "").lower() == "gzip"
    content = unpack_gzip(body, limit_bytes=PAGE_LIMIT_BYTES) if is_packed else body
    if content is None:
        return ""
    from lockfiles._files import hash_bytes  # Lazy: most indexes send validators.

    return f"sha256:{hash_bytes(content)}"


def _find_lifetime_s(headers: Mapping[str, str], *, now: float) -> float:
    """The explicit lifetime in seconds, counted from `Date`; 0 where there is none or the headers forbid reuse."""
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


def _parse_cache_control(text: str) -> dict[str, str]:
    """Directives by lower-case name (RFC 9111, section 5.2); no directive that is used here has commas in its value."""
    directives = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        directives[name.strip().lower()] = value.strip().strip('"')
    return directives


def parse_http_date(text: str) -> float | None:
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
