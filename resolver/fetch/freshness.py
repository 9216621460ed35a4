"""How long an answer may be used without asking again, from its headers alone. Pure but for the clock it is given.

Only what the server says counts (RFC 9111, section 4.2.1: `max-age`, then `Expires`). The heuristic of section 4.2.2, a
tenth of the age since `Last-Modified`, is left out on purpose: a static index that rarely changes would hide a new
release for days.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime

__all__ = [
    "find_explicit_lifetime_s",
    "find_fresh_until",
    "find_validator",
    "forbids_storing",
    "normalize_caching_headers",
    "parse_http_date",
]

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
