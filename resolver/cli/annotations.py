"""Annotations of GitHub Actions: a message at a line of a file, as one line of its workflow commands.

In: what a check found about a lock, or an error. Out: lines on standard output such as
`::error file=app.py,line=12,title=…::message`, which GitHub shows beside the line in a pull request.

A requirement file and an app have lines. A difference that only the lock has is annotated at the file with the list;
where the list comes from standard input, at the lock.

This is a module of its own because only `--format github` needs it: it is imported lazily.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from packaging.utils import canonicalize_name

from lockfiles._values import compile_later
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

# GitHub Actions: Workflow commands. A property ends at a comma or a colon, a message at the end of the line.
_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY_ESCAPES = {**_ESCAPES, ":": "%3A", ",": "%2C"}

_NAME = compile_later(r"(?:--editable )?([A-Za-z0-9][A-Za-z0-9._-]*)")
"""The project at the beginning of a line of a list."""
_NOT_FILES = frozenset({"requirements", "command line", "standard input"})
"""Names of sources in messages that are not the name of a file."""


def render_annotation(
    message: str,
    *,
    file: str | None = None,
    line: int | None = None,
    title: str = "",
    level: Literal["error", "warning"] = "error",
) -> str:
    """`::error file=…,line=…,title=…::message`, without a newline.

    `file` None annotates the run as a whole. The texts are escaped, so they can neither end the line nor begin another
    command.
    """
    values = {"file": file, "line": None if line is None else str(line), "title": title or None}
    properties = ",".join(
        f"{key}={_escape(value, _PROPERTY_ESCAPES)}" for key, value in values.items() if value is not None
    )
    return f"::{level} {properties}::{_escape(message, _ESCAPES)}"


def show_annotations(annotations: Iterable[str]) -> None:
    """Print annotations, one a line."""
    for annotation in annotations:
        # `escape_text` would escape the `::` at the beginning too, and GitHub would not see a command.
        _, command, rest = annotation.partition("::")
        write_output(f"{command}{escape_text(rest, keep_newlines=False)}\n".encode())


def annotate_differences(plan: LockPlan, differences: Iterable[object], *, lock: str) -> None:
    """Print one annotation for each difference, in their order; `lock` is the lockfile as the user names it."""
    show_annotations(_iter_annotations(plan, differences, lock))


def annotate_error(error: PinfoldError, source: str | None) -> None:
    """Print the annotation of a source that cannot be checked; `source` None is an error of the whole run."""
    show_annotations([render_annotation(str(error), file=_find_file(source), title="lock")])


def annotate_left_over(message: str, *, lock: str) -> None:
    """Print the warning about a lock that no target writes any more."""
    show_annotations([render_annotation(message, file=lock, title="lock", level="warning")])


def _escape(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


def _iter_annotations(plan: LockPlan, differences: Iterable[object], lock: str) -> Iterator[str]:
    """The annotations of differences: at their line, else at the file with the list, else at the lock."""
    list_file = None if isinstance(plan.source.form, StandardInput) else _find_file(plan.source.name)
    for difference in differences:
        position = _find_position(plan, difference)
        file, line = (list_file or lock, None) if position is None else (position.source, position.line)
        yield render_annotation(str(difference), file=file, line=line, title=f"{lock} does not fit")


def _find_file(source: str | None) -> str | None:
    """The file of a source as the user names it (`app.py` of `app.py::Name`); None for a source that is not a file."""
    return None if source is None or source in _NOT_FILES else source.partition("::")[0]


def _find_position(plan: LockPlan, difference: object) -> Position | None:
    """The line of a file that the difference is about; None where there is none.

    An added line of the list has no position of its own: it is looked up by its project and layer.
    """
    match difference:
        case PinMissing(position=position) | PinUnfit(position=position):
            return position if _find_file(position.source) is not None else None
        case LineChange(layer=layer, text=text, is_added=True):
            name = _NAME.match(text)
            project = None if name is None else canonicalize_name(name[1])
            entries = (entry for entry in plan.requirement_list.entries if entry.layer == layer)
            positions = (entry.position for entry in entries if entry.name == project)
            return next((one for one in positions if _find_file(one.source) is not None), None)
        case _:
            return None
