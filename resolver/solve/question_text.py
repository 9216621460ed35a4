"""A question to the solver as one text: equal texts are equal questions, and so have equal answers.

In: a problem, and the values that its functions were made of. Out: text with every field of every value, in a fixed
order. A value of a kind that is not known here has no text, and neither has one with a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from resolver.solve.problem import Problem
from resolver.targets.accelerators import UNSPECIFIED

__all__ = ["render_question"]


def render_question(problem: Problem, *behind: object) -> str | None:
    """The text of a problem, or None where it has none.

    `behind` are the values that `problem.locations` depends on, and whatever else decides the answer.
    """
    # Which builds run on a machine is asked of more than pages and metadata.
    if problem.build_indexes is not None or problem.target.accelerator != UNSPECIFIED:
        return None
    # What a direct reference leads to may have changed, and nothing here would show it.
    if problem.direct:
        return None
    try:
        return "\n".join((*_iter_problem(problem), *map(_render, behind)))
    except _UnknownKindError:
        return None


class _UnknownKindError(Exception):
    """Raised for a value that has no text."""


_FUNCTIONS = frozenset({"locations", "later_locations"})


def _iter_problem(problem: Problem) -> Iterator[str]:
    for name in _field_names(Problem):
        if name == "target":
            yield f"{problem.target.key} {problem.target!r}"
        elif name not in _FUNCTIONS:
            yield f"{name}={_render(getattr(problem, name))}"


def _render(value: object) -> str:
    if value is None or isinstance(value, bool | int | str):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"[{','.join(map(_render, value))}]"
    if isinstance(value, frozenset):
        return f"{{{','.join(sorted(map(_render, value)))}}}"
    if isinstance(value, Mapping):
        pairs = ((_render(key), _render(item)) for key, item in value.items())
        return f"{{{','.join(sorted(f'{key}:{item}' for key, item in pairs))}}}"
    if isinstance(value, Version | Marker):
        return f"{type(value).__name__}({str(value)!r})"
    if isinstance(value, SpecifierSet):
        return f"SpecifierSet({str(value)!r},{value.prereleases})"
    return _render_fields(value)


def _render_fields(value: object) -> str:
    if not is_dataclass(value) or isinstance(value, type):
        raise _UnknownKindError
    kind = type(value)
    # They reach only builds, and may hold secrets.
    if getattr(value, "config_settings", ()):
        raise _UnknownKindError
    return f"{kind.__name__}({','.join([_render(getattr(value, name)) for name in _field_names(kind)])})"


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
