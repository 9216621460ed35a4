"""What a search answers: one pin a project, with its file and everyone who asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.index.distribution_file import DistributionFile
from resolver.requirements.position import Position

if TYPE_CHECKING:
    from resolver.index.package_source import PackageSource
    from resolver.solve.problem import Problem

__all__ = ["ChosenBuild", "Pin", "Requester", "Resolution", "solve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who asked for a pin, and in which words: a list position, or another pin. One of the two is None."""

    position: Position | None
    parent: NormalizedName | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One project of a resolution.

    `dependencies` are the names of other pins that this one needs, sorted. `index` is the public URL of the index that
    the file came from, None for find-links. `built` marks metadata that came from a build on this machine.
    """

    name: NormalizedName
    version: Version
    file: DistributionFile
    extras: frozenset[NormalizedName]
    dependencies: tuple[NormalizedName, ...]
    requesters: tuple[Requester, ...]
    index: str | None
    built: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenBuild:
    """The build that a solution's pins are of: `cuda` is its label (`cu128`, `cu12`, `cpu`), `why` what decided it."""

    cuda: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """All pins, sorted by name, and warnings (whole messages, in a fixed order).

    `build` is None where no machine was named, and where no pin has a build to choose.
    """

    pins: tuple[Pin, ...]
    warnings: tuple[str, ...] = ()
    build: ChosenBuild | None = None


def solve(problem: Problem, source: PackageSource) -> Resolution:
    """The pins that meet the problem.

    The result depends on the problem and the source's answers only, not on the order in which they come. Raises
    NoSolutionError, MetadataError, FetchError, HashMismatchError, SettingsError for files without upload time, and
    MissingHashesError under `--require-hashes`.
    """
    # Imported here: readers of the types above load no resolvelib.
    from resolver.solve.backtracking import search_by_backtracking
    from resolver.solve.closure import build_resolution
    from resolver.solve.search import Conflict
    from resolver.solve.speculation import Speculation
    from resolver.solve.universe import Universe

    if problem.acceleration is not None:
        # Imported here: a target without a machine asks nothing of builds.
        from resolver.solve.companions import untie_pinned
        from resolver.solve.refused_builds import refuse_known

        refuse_known(problem, problem.acceleration)
        problem = untie_pinned(problem, problem.acceleration)
    speculation = Speculation(problem, source)
    speculation.start()
    universe = Universe(problem, source, ask_ahead=speculation.ask)
    outcome = search_by_backtracking(universe)
    if isinstance(outcome, Conflict):
        # Imported where it is needed: most runs have nothing to explain.
        from resolver.solve.explain import build_error

        raise build_error(universe, outcome)
    resolution = build_resolution(universe, outcome.rows)
    if problem.require_hashes:
        from resolver.solve.required_hashes import check_hashes  # As above.

        check_hashes(problem, resolution, source)
    return resolution
