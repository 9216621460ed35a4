"""Where the list's own pins contradict the table of what goes with a release of torch: the user's word counts more.

In: a problem and the rules of its target. Out: the same rules with the names whose rows of the table do not count. What
a dependency pins does not count more than the table, since such pins are not about builds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.solve.acceleration import TORCH_NAME, Acceleration
from resolver.solve.problem import Problem
from resolver.targets.families import is_torch_companion
from resolver.targets.torch_builds import iter_releases_of_companion

__all__ = ["untie_pinned"]


def untie_pinned(problem: Problem, acceleration: Acceleration) -> Acceleration:
    """The rules without the table for companions that the list pins, where it pins torch to another release."""
    pins = dict(_iter_pins(problem))
    torch = pins.get(TORCH_NAME)
    if torch is None:
        return acceleration
    untied = frozenset(
        name
        for name, version in pins.items()
        if is_torch_companion(name) and not _go_together(name, version, Version(torch.public))
    )
    return replace(acceleration, untied=untied)


def _iter_pins(problem: Problem) -> Iterator[tuple[NormalizedName, Version]]:
    for line in (*problem.roots, *problem.constraints, *problem.overrides):
        for part in line.specifier:
            if part.operator == "==" and not part.version.endswith(".*"):
                yield line.name, Version(part.version)


def _go_together(name: NormalizedName, version: Version, torch: Version) -> bool:
    releases = [release.version for release in iter_releases_of_companion(name, version)]
    return not releases or torch in releases
