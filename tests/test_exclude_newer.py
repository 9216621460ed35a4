from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import SettingsError
from resolver.exclude_newer import parse_exclude_newer

NOW = datetime(2026, 11, 22, 13, 30, 15, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-01", "2026-11-02T00:00:00Z"),
        ("2026-12-31", "2027-01-01T00:00:00Z"),
        ("2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z"),
        ("2026-11-01t12:00:00z", "2026-11-01T12:00:00Z"),
        ("2026-11-01T12:00:00+02:00", "2026-11-01T10:00:00Z"),
        ("2026-11-01 12:00:00.250Z", "2026-11-01T12:00:00.250000Z"),
        ("P7D", "2026-11-15T13:30:15Z"),
        ("PT24H", "2026-11-21T13:30:15Z"),
        ("p1dt12h", "2026-11-21T01:30:15Z"),
        ("P2W", "2026-11-08T13:30:15Z"),
        ("7 days", "2026-11-15T13:30:15Z"),
        ("24h", "2026-11-21T13:30:15Z"),
        ("2 weeks", "2026-11-08T13:30:15Z"),
        ("1 Day 90 minutes", "2026-11-21T12:00:15Z"),
        ("1d, 30s", "2026-11-21T13:29:45Z"),
        ("3 days ago", "2026-11-19T13:30:15Z"),
    ],
)
def test_dates_instants_and_durations_become_an_instant(text: str, instant: str) -> None:
    assert parse_exclude_newer(text, now=NOW) == instant


def test_the_zone_of_the_clock_does_not_change_the_instant() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-9)))
    assert parse_exclude_newer("7 days", now=elsewhere) == parse_exclude_newer("7 days", now=NOW)


@given(instant=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_an_instant_in_its_final_form_stays_as_it_is(instant: datetime) -> None:
    text = instant.isoformat().replace("+00:00", "Z")
    assert parse_exclude_newer(text, now=NOW) == text


@given(text=st.text(max_size=30) | st.from_regex(r"[PT0-9YMDHS dayseko-]{1,12}", fullmatch=True))
def test_any_other_text_is_an_error_of_the_setting(text: str) -> None:
    try:
        result = parse_exclude_newer(text, now=NOW)
    except SettingsError as error:
        assert str(error).startswith("`exclude-newer`: ")
    else:
        assert parse_exclude_newer(result, now=NOW) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "yesterday",
            "`exclude-newer`: `yesterday` is neither a date, an instant nor a duration\n"
            "  try: `2026-11-01`, `2026-11-01T12:00:00Z`, `7 days` or `P7D`",
        ),
        (
            "7 fortnights",
            "`exclude-newer`: `7 fortnights` is neither a date, an instant nor a duration\n"
            "  try: `2026-11-01`, `2026-11-01T12:00:00Z`, `7 days` or `P7D`",
        ),
        ("2026-02-30", "`exclude-newer`: there is no such time as `2026-02-30`"),
        ("999999999999 days", "`exclude-newer`: there is no such time as `999999999999 days`"),
        (
            "2026-11-01T12:00:00",
            "`exclude-newer`: `2026-11-01T12:00:00` has no time zone\n  try: `2026-11-01T12:00:00Z`",
        ),
        ("6 months", "`exclude-newer`: `6 months` counts months, which differ in length\n  try: `180 days`"),
        ("P1Y", "`exclude-newer`: `P1Y` counts years, which differ in length\n  try: `365 days`"),
    ],
)
def test_a_time_that_cannot_be_used_says_what_can(text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_exclude_newer(text, now=NOW)
    assert str(caught.value) == message
