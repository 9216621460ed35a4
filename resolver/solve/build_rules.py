"""The seam between the search and the rules about CUDA builds: the queries of the search and of its explanation.

`resolver.solve.solving` implements `BuildRules` for one universe. A problem without a machine is searched without these
rules, and then the data about builds is not loaded. Neither the search nor the explanation imports the implementation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.location import Location
from resolver.solve.demand import Demand, Node
from resolver.solve.project_table import ProjectTable
from resolver.solve.resolution import ChosenBuild, Pin

__all__ = ["BUILT_FOR_GPU", "BuildRules"]

BUILT_FOR_GPU = "is built for a GPU, and the target has none"
"""Why a machine without a GPU takes no build of torch that has CUDA."""


class BuildRules(Protocol):
    """The rules about builds in one universe.

    The search reads tables and demands, and reports collisions. The methods after `open_wanted` describe a solution, or
    the reason why there is none.
    """

    def build_virtual(self, name: NormalizedName) -> ProjectTable | None:
        """The table of a virtual project; None for any other."""
        ...

    def read_table(self, name: NormalizedName) -> ProjectTable | None:
        """The table of a project whose builds differ; None for any other project. Raises FetchError."""
        ...

    def early_demands(self, node: Node, row: int) -> tuple[Demand, ...]:
        """The demands on virtual projects that follow from a candidate's name, version and index alone."""
        ...

    def late_demands(self, node: Node, row: int) -> tuple[Demand, ...]:
        """The demands on virtual projects that need metadata, read before. May rule the row out. Raises FetchError."""
        ...

    def find_absent(self, name: NormalizedName, row: int) -> list[tuple[int, str]]:
        """The rows that turn out not to exist when this one is looked for, each with the reason. Raises FetchError."""
        ...

    def note_collision(self, name: NormalizedName, row: int, on: Node) -> None:
        """Record that a candidate collided with others on a node."""
        ...

    def open_wanted(self, rows: Mapping[Node, int] | None) -> bool:
        """Admit builds that collisions showed to be needed; whether that can change the result of a search.

        `rows` are those of its solution, None for a conflict.
        """
        ...

    def find_chosen_build(self, pins: Sequence[Pin]) -> ChosenBuild | None:
        """The build that the pins of a solution are of; None where no machine is named or no pin has a known build."""
        ...

    def iter_warnings(self, pins: Sequence[Pin]) -> Iterator[str]:
        """Whole messages about the builds of a solution, in the order of the pins."""
        ...

    def runs(self, name: NormalizedName, version: Version, location: Location) -> bool:
        """Whether the target runs a build, as far as its name, version and index determine it."""
        ...

    def explain_rows(self, table: ProjectTable, matching: int) -> tuple[str, ...]:
        """What the required builds lack; empty if some of the rows are ruled out for other reasons."""
        ...

    def explain_wheels(
        self, project: NormalizedName, colliding: Sequence[tuple[NormalizedName, Version]]
    ) -> tuple[str, ...]:
        """A line for each wheel that collides on a virtual project: what it is built for, and the torch of the lock."""
        ...

    def iter_wheel_hints(
        self, project: NormalizedName, colliding: Sequence[tuple[NormalizedName, Version]]
    ) -> Iterator[str]:
        """Remedies for wheels that collide on a virtual project, each a whole action."""
        ...
