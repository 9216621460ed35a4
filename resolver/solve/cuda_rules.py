"""The rules about CUDA builds as a whole: `BuildRules` for one universe.

In: a universe and the `Acceleration` of its target. Out: the demands of `CudaDemands`, warnings and explanations. It is
a module of its own because the modules that warn and explain import `CudaDemands`, and are loaded on need.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from resolver.solve.build_facts import CudaDemands

if TYPE_CHECKING:
    from packaging.utils import NormalizedName
    from packaging.version import Version

    from resolver.index.location import Location
    from resolver.solve.project_table import ProjectTable
    from resolver.solve.resolution import ChosenBuild, Pin

__all__ = ["CudaRules"]


class CudaRules(CudaDemands):
    """See `BuildRules`."""

    def find_chosen_build(self, pins: Sequence[Pin]) -> ChosenBuild | None:
        """See `BuildRules`."""
        from resolver.solve.chosen_builds import find_chosen_build  # Lazy: a search that fails has no pins.

        return find_chosen_build(self, pins)

    def iter_warnings(self, pins: Sequence[Pin]) -> Iterator[str]:
        """See `BuildRules`."""
        from resolver.solve.chosen_builds import iter_build_warnings  # Lazy, as above.

        return iter_build_warnings(self, pins)

    def runs(self, name: NormalizedName, version: Version, location: Location) -> bool:
        """See `BuildRules`."""
        return self.acceleration.runs(name, version, location)

    def explain_rows(self, table: ProjectTable, matching: int) -> tuple[str, ...]:
        """See `BuildRules`."""
        from resolver.solve.refused_builds import explain_rows  # Lazy: a solution needs no explanation.

        return explain_rows(self.acceleration, table, matching)

    def explain_wheels(
        self, project: NormalizedName, colliding: Sequence[tuple[NormalizedName, Version]]
    ) -> tuple[str, ...]:
        """See `BuildRules`."""
        from resolver.solve.wheel_lint import explain_wheels  # Lazy, as above.

        return explain_wheels(self, project, colliding)

    def iter_wheel_hints(
        self, project: NormalizedName, colliding: Sequence[tuple[NormalizedName, Version]]
    ) -> Iterator[str]:
        """See `BuildRules`."""
        from resolver.solve.wheel_lint import iter_wheel_hints  # Lazy, as above.

        return iter_wheel_hints(self, project, colliding)
