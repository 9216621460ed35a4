"""A problem: roots, constraints, overrides, scopes and preferences; markers are decided, nothing is fetched.

`build_problem` makes it from a list, and the solver reads nothing else of the list. `render_question` turns it into one
text for the store of earlier answers: equal texts have equal answers. The text has every field of every value, in a
fixed order. A value of an unknown kind has no text, and neither has one with a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import Position
from resolver.index.distribution_file import FixedSource
from resolver.index.location import Location
from resolver.requirements.entry import FormatControl
from resolver.requirements.scopes import IndexFamily
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.index.location import FamilyIndexes
    from resolver.solve.explanation import Change

__all__ = [
    "Problem",
    "Root",
    "render_question",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A requirement or constraint of the list whose marker holds for the target.

    `text` is its canonical form for messages; `hashes` limit its files to these (`algorithm:hex`); `no_deps` is whether
    its layer has `--no-deps`.
    """

    position: Position
    text: str
    name: NormalizedName
    extras: frozenset[NormalizedName] = frozenset()
    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    hashes: tuple[str, ...] = ()
    no_deps: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The complete input of a search.

    - `roots` and `constraints` are in list order. `overrides` replace every other requirement on their project
      (several on one project hold together); `excludes` are names that no dependency brings in.
    - `locations(name)` gives the locations of a project, the preferred one first; `later_locations(name)` those outside
      its scope that the list names for other entries, for hints. `named_at` has the position of the flag that first
      names a location, by public URL; `families` are for messages.
    - `direct` are the projects whose one source is fixed; their location is of the form `direct`.
    - `preferences` are versions to keep where they still fit (an old lock's pins).
    - `exclude_newer` is an instant in RFC 3339 UTC; `exclude_newer_exempt` are index URLs without upload times.
    - With `no_build`, versions that need a build are no candidates; with `skips_failed_builds`, only those whose build
      fails or is impossible here. `rejected_builds` are such versions of an old lock. No message proposes this where
      the list is that of a lock (`is_of_lock`), whose reader cannot choose it.
    - `build_indexes` are the indexes with builds for one CUDA each; None means no rules about builds. `allow` are names
      whose builds need not fit machine and torch. With `measures_kernels`, the architectures of a build of torch are
      read out of its wheel where the data lacks them.
    - `variant(changes)` is the problem of the same list with some changes, to try remedies; None where it is not known.
    - `lines` are the roots and then the constraints on each project, and follow from these.
    """

    target: Target
    roots: Sequence[Root]
    constraints: Sequence[Root] = ()
    overrides: Sequence[Root] = ()
    excludes: frozenset[NormalizedName] = frozenset()
    locations: Callable[[NormalizedName], tuple[Location, ...]]
    later_locations: Callable[[NormalizedName], tuple[Location, ...]] = lambda name: ()
    named_at: Mapping[str, Position] = field(default_factory=dict)
    families: Sequence[IndexFamily] = ()
    direct: Mapping[NormalizedName, FixedSource] = field(default_factory=dict)
    index_strategy: Literal["first-index", "best-match"] = "first-index"
    preferences: Mapping[NormalizedName, Version] = field(default_factory=dict)
    pre: bool = False
    prefer_binary: bool = False
    format_control: FormatControl = field(default_factory=FormatControl)
    exclude_newer: str | None = None
    exclude_newer_exempt: frozenset[str] = frozenset()
    require_hashes: bool = False
    no_build: bool = False
    skips_failed_builds: bool = False
    rejected_builds: frozenset[tuple[NormalizedName, Version]] = frozenset()
    is_of_lock: bool = False
    build_indexes: FamilyIndexes | None = None
    allow: frozenset[NormalizedName] = frozenset()
    measures_kernels: bool = False
    variant: Callable[[Sequence[Change]], Problem | None] = lambda changes: None
    lines: Mapping[NormalizedName, Sequence[Root]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        lines: dict[NormalizedName, list[Root]] = {}
        for line in (*self.roots, *self.constraints):
            lines.setdefault(line.name, []).append(line)
        object.__setattr__(self, "lines", lines)

    def allowed_hashes(self, name: NormalizedName) -> frozenset[str] | None:
        """The hashes that every line with hashes on the project gives, as in pip; None where no line gives any."""
        given = [frozenset(line.hashes) for line in self.lines.get(name, ()) if line.hashes]
        return frozenset.intersection(*given) if given else None


def render_question(problem: Problem, *behind: object) -> str | None:
    """The text of a problem, or None where it has none.

    `behind` are the values that `problem.locations` depends on, and all others that decide the result.
    """
    # What a wheel holds is found by ranges of it, which are neither pages nor metadata.
    if problem.measures_kernels:
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


_SEARCH_RULES = 2
"""Raised whenever the search answers a problem differently, so that answers of earlier rules are not used."""

_LEFT_OUT = frozenset({"locations", "later_locations", "lines", "variant"})
"""The fields that are functions, and the one that follows from others."""


def _iter_problem(problem: Problem) -> Iterator[str]:
    """The parts of a text that is equal for equal problems, field by field."""
    yield f"rules={_SEARCH_RULES}"
    for name in _field_names(Problem):
        if name == "target":
            yield f"{problem.target.key} {problem.target!r}"
        elif name not in _LEFT_OUT:
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
    # Only builds use config settings, and these may be secret.
    if getattr(value, "config_settings", ()):
        raise _UnknownKindError
    return f"{kind.__name__}({','.join([_render(getattr(value, name)) for name in _field_names(kind)])})"


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
