"""How long an answer may be used without asking again, from its headers alone. Pure but for the clock it is given.

Only what the server says counts (RFC 9111, section 4.2.1: `max-age`, then `Expires`). The heuristic of section 4.2.2, a
tenth of the age since `Last-Modified`, is left out on purpose: a static index that rarely changes would hide a new
release for days.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

__all__ = ["find_explicit_lifetime_s", "find_fresh_until", "find_validator", "parse_http_date"]


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


def parse_http_date(text: str) -> float | None:
    """Seconds since 1970 that an HTTP date names; None for anything else, which servers do send."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _parse_cache_control(text: str) -> dict[str, str]:
    """Directives by lower-case name (RFC 9111, section 5.2); no directive that is read here has commas in its value."""
    directives = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        directives[name.strip().lower()] = value.strip().strip('"')
    return directives
