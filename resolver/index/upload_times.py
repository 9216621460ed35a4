"""When the usable files of a page's rows were uploaded, so that a cut-off date decides most rows without reading them.

In: the upload times of each row. Out: one line of text that is kept with the page, and for a cut-off the rows that it
rules out. Reading the files of every row instead took a third of a warm run. Times are RFC 3339 in UTC and compare as
texts once the `Z` and what zeros stand before it are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

__all__ = ["find_late_rows", "write_upload_times"]

_UNKNOWN = "~"
"""Sorts after every time: a row with a file of unknown time has to be read."""


def write_upload_times(rows: Iterable[Sequence[str | None]]) -> str:
    """The times of the usable files of each row as text: the last and first one and the row's number, latest first."""
    spans = [
        (max(times), min(times), number)
        for number, row in enumerate(rows)
        if (times := [_UNKNOWN if time is None else _comparable(time) for time in row])
    ]
    spans.sort(key=lambda span: (span[0], -span[2]), reverse=True)
    return " ".join(f"{last}/{'' if first == last else first}/{number}" for last, first, number in spans)


def find_late_rows(text: str, cutoff: datetime) -> tuple[int, int]:
    """Two masks: rows of which no usable file was uploaded before the cut-off, and rows to be read file by file."""
    bound = _comparable(cutoff.astimezone(UTC).isoformat().removesuffix("+00:00"))
    late = mixed = 0
    for span in _iter_spans(text):
        last, first, number = span.split("/")
        if last < bound:
            break
        if last != _UNKNOWN and (first or last) >= bound:
            late |= 1 << int(number)
        else:
            mixed |= 1 << int(number)
    return late, mixed


def _iter_spans(text: str) -> Iterator[str]:
    """Not `split`: of thousands of spans the first few are looked at."""
    start = 0
    while start < len(text):
        end = text.find(" ", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _comparable(time: str) -> str:
    time = time.removesuffix("Z")
    return time.rstrip("0").removesuffix(".") if "." in time else time
