"""Upload times as text against times as instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.index.upload_times import find_late_rows, write_upload_times

CUT_OFF = datetime(2026, 11, 1, tzinfo=UTC)
EARLY, LATE = "2026-10-31T23:59:59.999Z", "2026-11-01T00:00:00Z"


@pytest.mark.parametrize(
    ("times", "late", "mixed"),
    [
        ([EARLY], 0, 0),
        ([LATE], 1, 0),
        ([EARLY, LATE], 0, 1),
        ([LATE, LATE], 1, 0),
        ([None], 0, 1),
        ([LATE, None], 0, 1),
        ([EARLY, None], 0, 1),
        ([], 0, 0),
        (["2026-11-01T00:00:00.000Z"], 1, 0),
        (["2026-11-01T00:00:00.0001Z"], 1, 0),
    ],
)
def test_a_row_is_late_if_all_its_files_are(times: list[str | None], late: int, mixed: int) -> None:
    assert find_late_rows(write_upload_times([times]), CUT_OFF) == (late, mixed)


def test_rows_are_told_by_their_place() -> None:
    text = write_upload_times([[EARLY], [LATE], [], [None], [LATE, EARLY], [LATE]])
    assert find_late_rows(text, CUT_OFF) == (0b100010, 0b011000)


def test_a_cut_off_of_another_time_zone_is_the_same_instant() -> None:
    moved = CUT_OFF.astimezone(timezone(timedelta(hours=5)))
    assert find_late_rows(write_upload_times([[EARLY], [LATE]]), moved) == (0b10, 0)


def _render(instant: datetime, digits: int) -> str:
    fraction = f".{instant.microsecond:06d}"[: digits + 1] if digits else ""
    return f"{instant:%Y-%m-%dT%H:%M:%S}{fraction}Z"


INSTANTS = st.datetimes(
    min_value=datetime(2026, 10, 31, 23, 59, 59),
    max_value=datetime(2026, 11, 1, 0, 0, 2),
    timezones=st.just(UTC),
)
TIMES = st.none() | st.builds(_render, INSTANTS, st.integers(0, 6))


@given(st.lists(st.lists(TIMES, max_size=3), max_size=5), INSTANTS)
def test_the_answers_are_those_of_the_instants(rows: list[list[str | None]], cutoff: datetime) -> None:
    late, mixed = find_late_rows(write_upload_times(rows), cutoff)
    for number, times in enumerate(rows):
        judged = {None if time is None else datetime.fromisoformat(time) >= cutoff for time in times}
        assert bool(late >> number & 1) is (judged == {True})
        assert bool(mixed >> number & 1) is (None in judged or len(judged) > 1)
