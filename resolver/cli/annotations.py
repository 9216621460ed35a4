"""Annotations of GitHub Actions: a message at a place, as one line of its workflow commands.

What a check finds, as annotations of GitHub Actions at the lines of the list that are meant.

In: a plan and what does not fit. Out: annotations on standard output. A line is known in a requirement file and in an
app; what only the lock has is told of the file that the list stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from packaging.utils import canonicalize_name

from lockfiles.lockfile import LineChange
from resolver.cli.output import escape_text, write_output
from resolver.errors import PinfoldError, Position
from resolver.planning.check import PinMissing, PinUnfit
from resolver.planning.plan import LockPlan
from resolver.sources.source import StandardInput

__all__ = [
    "annotate_differences",
    "annotate_error",
    "annotate_left_over",
    "render_annotation",
    "show_annotations",
]


_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES = {**_ESCAPES, ":": "%3A", ",": "%2C"}


def render_annotation(
    message: str,
    *,
    file: str | None = None,
    line: int | None = None,
    title: str = "",
    level: Literal["error", "warning"] = "error",
) -> str:
    """`::error file=…,line=…,title=…::message`; what the texts hold can neither end the line nor begin a command."""
    properties = {"file": file, "line": None if line is None else str(line), "title": title or None}
    told = ",".join(f"{key}={_escape(value, _IN_PROPERTIES)}" for key, value in properties.items() if value is not None)
    return f"::{level} {told}::{_escape(message, _ESCAPES)}"


def show_annotations(annotations: Iterable[str]) -> None:
    """Prints them, a line each."""
    for annotation in annotations:
        # As text of ours, none of it would be a command; other characters are escaped as everywhere.
        _, command, rest = annotation.partition("::")
        write_output(f"{command}{escape_text(rest, keep_newlines=False)}\n".encode())


def _escape(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


_NAME = re.compile(r"(?:--editable )?([A-Za-z0-9][A-Za-z0-9._-]*)")
_NO_FILES = frozenset({"requirements", "command line", "standard input"})


def annotate_differences(plan: LockPlan, differences: Iterable[object], *, lock: str) -> None:
    """Prints one annotation a difference, in their order; `lock` is the lockfile as the user names it."""
    show_annotations(_iter_annotations(plan, differences, lock))


def annotate_error(error: PinfoldError, source: str | None) -> None:
    """Prints the annotation of a source that cannot be checked; None for what is wrong with all of them."""
    show_annotations([render_annotation(str(error), file=_find_file(source), title="lock")])


def annotate_left_over(message: str, *, lock: str) -> None:
    """Prints the warning about a lock that no target writes any more."""
    show_annotations([render_annotation(message, file=lock, title="lock", level="warning")])


def _iter_annotations(plan: LockPlan, differences: Iterable[object], lock: str) -> Iterator[str]:
    place = None if isinstance(plan.source.form, StandardInput) else _find_file(plan.source.name)
    for difference in differences:
        position = _find_position(plan, difference)
        file, line = (place or lock, None) if position is None else (position.source, position.line)
        yield render_annotation(str(difference), file=file, line=line, title=f"{lock} does not fit")


def _find_file(source: str | None) -> str | None:
    """The file of a source as the user names it (`app.py` of `app.py::Name`); None for what is no file."""
    return None if source is None or source in _NO_FILES else source.partition("::")[0]


def _find_position(plan: LockPlan, difference: object) -> Position | None:
    """Where in a file the difference stands; None for what stands in none."""
    match difference:
        case PinMissing(position=position) | PinUnfit(position=position):
            return position if _find_file(position.source) is not None else None
        case LineChange(layer=layer, text=text, is_added=True):
            name = _NAME.match(text)
            wanted = None if name is None else canonicalize_name(name[1])
            entries = (entry for entry in plan.requirement_list.entries if entry.layer == layer)
            positions = (entry.position for entry in entries if entry.name == wanted)
            return next((one for one in positions if _find_file(one.source) is not None), None)
        case _:
            return None
