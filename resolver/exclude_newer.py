"""The cut-off of `--exclude-newer`: a date, an instant or a duration in, one instant out. Pure: the clock is given.

As in uv, a date without a time includes that whole day, a duration counts days of 24 hours, and months and years are
refused because they have no fixed length. Unlike uv, a date is one of UTC, not of the machine's time zone: the same
setting has to give the same lock everywhere.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from resolver.errors import SettingsError

__all__ = ["parse_exclude_newer"]

_SETTING = "`exclude-newer`"

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?P<offset>Z|[+-]\d{2}:\d{2})?", re.IGNORECASE)
# Texts, which `re` compiles where they are first needed: most runs name no duration.
_ISO_DURATION = (
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)
_FRIENDLY_DURATION = r"(?:\d+\s*[a-z]+[\s,]*)+(?:\bago)?"
_FRIENDLY_PART = r"(\d+)\s*([a-z]+)"

_UNITS = {
    **dict.fromkeys(("year", "years", "yr", "yrs", "y"), "years"),
    **dict.fromkeys(("month", "months", "mo", "mos"), "months"),
    **dict.fromkeys(("week", "weeks", "wk", "wks", "w"), "weeks"),
    **dict.fromkeys(("day", "days", "d"), "days"),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), "hours"),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "m"), "minutes"),
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), "seconds"),
}
_DAYS_OF_CALENDAR_UNIT = {"years": 365, "months": 30}


def parse_exclude_newer(text: str, *, now: datetime) -> str:
    """The instant, in RFC 3339 UTC (`2026-11-02T00:00:00Z`), from which on uploaded files are left out.

    `text` is a date, an RFC 3339 instant, or a duration before `now` (which has a time zone): `7 days`, `24h`, `P7D`.
    Raises SettingsError.
    """
    text = text.strip()
    try:
        if _DATE.fullmatch(text):
            return _render(datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1))
        if match := _INSTANT.fullmatch(text):
            return _parse_instant(text, has_offset=match["offset"] is not None)
        if (duration := _parse_duration(text)) is not None:
            return _render(now.replace(microsecond=0) - duration)
    except (ValueError, OverflowError) as error:
        raise SettingsError(f"there is no such time as `{text}`", where=_SETTING) from error
    raise SettingsError(
        f"`{text}` is neither a date, an instant nor a duration",
        where=_SETTING,
        remedy="`2026-11-01`, `2026-11-01T12:00:00Z`, `7 days` or `P7D`",
    )


def _parse_instant(text: str, *, has_offset: bool) -> str:
    if not has_offset:
        raise SettingsError(f"`{text}` has no time zone", where=_SETTING, remedy=f"`{text}Z`")
    return _render(datetime.fromisoformat(text.upper()))


def _parse_duration(text: str) -> timedelta | None:
    """The length of a duration; None for what has not the form of one."""
    if (match := re.fullmatch(_ISO_DURATION, text, re.IGNORECASE)) and text[-1].upper() not in "PT":
        parts = [(int(number), unit) for unit, number in match.groupdict().items() if number is not None]
    elif re.fullmatch(_FRIENDLY_DURATION, text, re.IGNORECASE):
        named = re.findall(_FRIENDLY_PART, text, re.IGNORECASE)
        if any(unit.lower() not in _UNITS for _, unit in named):
            return None
        parts = [(int(number), _UNITS[unit.lower()]) for number, unit in named]
    else:
        return None
    for number, unit in parts:
        if days := _DAYS_OF_CALENDAR_UNIT.get(unit):
            raise SettingsError(
                f"`{text}` counts {unit}, which differ in length", where=_SETTING, remedy=f"`{number * days} days`"
            )
    return sum((timedelta(**{unit: number}) for number, unit in parts), timedelta())


def _render(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
