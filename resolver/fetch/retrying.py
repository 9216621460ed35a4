"""When to ask again, and how long to wait before: the same delays for the same answers."""

from __future__ import annotations

from resolver.fetch.freshness import parse_http_date

__all__ = ["ATTEMPTS", "LONGEST_DELAY_S", "NOTICED_DELAY_S", "TRANSIENT_STATUSES", "find_delay_s"]

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
