"""What a search is asked: roots, constraints, overrides, scopes and preferences; all decided, nothing to fetch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.index.direct import FixedSource
from resolver.index.location import Location
from resolver.requirements.entry import FormatControl
from resolver.requirements.position import Position
from resolver.requirements.scopes import IndexFamily
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.index.family_indexes import FamilyIndexes

__all__ = ["Problem", "Root"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A requirement or constraint of the list whose marker holds for the target.

    `text` is its canonical form for messages; `hashes` limit its files to these (`algorithm:hex`); `no_deps` says that
    its layer asks for no dependencies.
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
    """A complete question to the solver.

    - `roots` and `constraints` are in list order. `overrides` replace every other requirement on their project
      (several on one project hold together); `excludes` are names that no dependency brings in.
    - `locations(name)` gives the places to ask for a project, first one first; `later_locations(name)` those outside
      its scope that the list names for others, for hints. `named_at` says which flag names a location first, by its
      public URL; `families` are for messages.
    - `direct` are the projects whose one source is fixed; their location is of the form `direct`.
    - `preferences` are versions to keep where they still fit (an old lock's pins).
    - `exclude_newer` is an instant in RFC 3339 UTC; `exclude_newer_exempt` are index URLs without upload times.
    - `no_build` makes versions that would need a build no candidates.
    - `build_indexes` are the indexes with builds for one CUDA each; None asks nothing about builds. `allow` are names
      whose builds need not fit machine and torch. With `measures_kernels`, what a build of torch is compiled for is
      read out of its wheel where the data does not say.
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
    build_indexes: FamilyIndexes | None = None
    allow: frozenset[NormalizedName] = frozenset()
    measures_kernels: bool = False

    def allowed_hashes(self, name: NormalizedName) -> frozenset[str] | None:
        """The hashes that every line with hashes on the project gives, as in pip; None where no line gives any."""
        lines = [frozenset(root.hashes) for root in (*self.roots, *self.constraints) if root.name == name]
        given = [hashes for hashes in lines if hashes]
        return frozenset.intersection(*given) if given else None
