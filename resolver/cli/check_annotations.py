"""What a check finds, as annotations of GitHub Actions at the lines of the list that are meant.

In: a plan and what does not fit. Out: annotations on standard output. A line is known in a requirement file and in an
app; what only the lock has is told of the file that the list stands in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from packaging.utils import canonicalize_name

from lockfiles.requirement_lines import LineChange
from resolver.checking import PinMissing, PinUnfit
from resolver.cli.annotations import render_annotation, show_annotations
from resolver.errors import PinfoldError
from resolver.plan import LockPlan
from resolver.requirements.position import Position
from resolver.sources.source import StandardInput

__all__ = ["annotate_differences", "annotate_error", "annotate_left_over"]

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
