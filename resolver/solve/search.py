"""The seam between a search and the rest of the stage: a universe in, a row for each node or a conflict out.

The rest of the stage uses these names only, so another search can replace the one of `resolver.solve.backtracking`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lockfiles.value_classes import dataclass
from resolver.solve.demand import Candidate, Demand, Node
from resolver.solve.universe import Universe

__all__ = ["Cause", "Conflict", "Found", "Search"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A demand that took part in the last collision, and the candidate that made it; None for the list itself."""

    demand: Demand
    parent: Candidate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A solution: the row of each node, also of some that nothing needs any more. `steps` counts candidates read."""

    rows: Mapping[Node, int]
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """No solution: `causes` collided last. `is_proven` is false where the search gave up after `steps`."""

    causes: tuple[Cause, ...]
    steps: int
    is_proven: bool = True


class Search(Protocol):
    """Searches for a solution. Raises what a package source raises."""

    def __call__(self, universe: Universe) -> Found | Conflict: ...
