"""The stage as a whole: a problem and a package source in, pins out.

The search, the rules about CUDA builds and the explanation of a failure are put together here: rules and explanation
import the search, which imports neither. It is a module of its own so that programs that only read pins load no search.

`CudaRules` joins the rules about CUDA builds for one universe: the demands of `CudaDemands`, and the warnings and
explanations of modules that import it and are loaded when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import MetadataError
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.solve.cuda.demands import CudaDemands
from resolver.solve.problem import Problem
from resolver.solve.resolution import Resolution
from resolver.solve.search.backtracking import search_by_backtracking
from resolver.solve.search.closure import build_resolution
from resolver.solve.search.speculation import Speculation
from resolver.solve.search.universe import BuildRules, Conflict, Found, Search, Universe

if TYPE_CHECKING:
    from resolver.solve.project_table import ProjectTable
    from resolver.solve.remedies import Trials
    from resolver.solve.resolution import ChosenBuild, Pin
    from resolver.targets.target import Target

__all__ = [
    "CudaRules",
    "solve",
]


_search: Search = search_by_backtracking


def solve(
    problem: Problem, source: PackageSource, open_source: Callable[[Target], PackageSource] | None = None
) -> Resolution:
    """The pins that meet the problem.

    `open_source` gives the package source of a target, to try remedies where there is no solution; None tries none.

    The result depends only on the problem and the source's answers, not on the order in which they arrive. Raises
    NoSolutionError, MetadataError, FetchError, HashMismatchError, SettingsError for files without upload time, and
    MissingHashesError under `--require-hashes`.
    """
    try:
        universe, outcome = _find(problem, source, partial(_start_trials, open_source))
    except MetadataError as error:
        if error.needs_build and (trials := _start_trials(open_source)) is not None:
            from resolver.solve.remedies import add_remedies  # As below.

            add_remedies(error, problem, source, trials)
        raise
    if isinstance(outcome, Conflict):
        # Imported where it is needed: most runs have nothing to explain.
        from resolver.solve.diagnosis import build_error

        raise build_error(universe, outcome, _start_trials(open_source))
    resolution = build_resolution(universe, outcome.rows)
    if problem.build_indexes is None and (problem.direct or any(pin.version.local for pin in resolution.pins)):
        # Few solutions have labelled builds to look at.
        from resolver.solve.cuda.chosen_builds import iter_unreadable, with_rules

        ruled = with_rules(problem, resolution)
        if ruled is not None:
            return solve(ruled, source, open_source)
        resolution = replace(resolution, warnings=(*resolution.warnings, *iter_unreadable(resolution.pins)))
    if problem.require_hashes:
        from resolver.solve.build_problem import check_required_hashes  # As above.

        check_required_hashes(problem, resolution, source)
    return resolution


def _start_trials(open_source: Callable[[Target], PackageSource] | None) -> Trials | None:
    """The trials of remedies for a list without a solution; None without sources for them."""
    if open_source is None:
        return None
    from resolver.solve.remedies import TRIAL_ROUNDS, Trials  # As in `solve`.

    search = partial(search_by_backtracking, max_rounds=TRIAL_ROUNDS)
    return Trials(look=partial(_find, search=search), open_source=open_source)


def _find(
    problem: Problem,
    source: PackageSource,
    start_trials: Callable[[], Trials | None] = lambda: None,
    search: Search | None = None,
) -> tuple[Universe, Found | Conflict]:
    """The universe of a search, and its outcome. Raises NoSolutionError where the data shows that no build runs."""
    if problem.build_indexes is None:
        return _look(problem, source=source, search=search)
    # Imported here: a target without a machine needs no rules about builds, whose data takes time to load.
    from resolver.solve.cuda.acceleration import Acceleration
    from resolver.solve.cuda.torch_rules import list_refused, untie_pinned, with_pages

    acceleration = Acceleration(
        target=problem.target,
        indexes=problem.build_indexes,
        allow=problem.allow,
        measure=source.kernels if problem.measures_kernels else None,
    )
    refused = list_refused(problem, acceleration)
    if refused:
        from resolver.solve.diagnosis import build_refusal  # As in `solve`.

        raise build_refusal(problem, refused, start_trials())
    acceleration = untie_pinned(problem, acceleration)
    rules_for = partial(CudaRules, acceleration=acceleration)
    look = partial(_look, source=source, rules_for=rules_for, fits=acceleration.fits, search=search)
    return look(with_pages(problem, source, acceleration, look))


def _look(
    problem: Problem,
    *,
    source: PackageSource,
    rules_for: Callable[[Universe], BuildRules] | None = None,
    fits: Callable[[NormalizedName, Version, Location], bool] | None = None,
    search: Search | None = None,
) -> tuple[Universe, Found | Conflict]:
    """The universe of a search, and its outcome."""
    speculation = Speculation(problem, source, fits=fits)
    speculation.start()
    universe = Universe(problem, source, prefetch=speculation.prefetch, rules_for=rules_for)
    return universe, (search or _search)(universe)


class CudaRules(CudaDemands):
    """See `BuildRules`."""

    def find_chosen_build(self, pins: Sequence[Pin]) -> ChosenBuild | None:
        """See `BuildRules`."""
        from resolver.solve.cuda.chosen_builds import find_chosen_build  # Lazy: a search that fails has no pins.

        return find_chosen_build(self, pins)

    def iter_warnings(self, pins: Sequence[Pin]) -> Iterator[str]:
        """See `BuildRules`."""
        from resolver.solve.cuda.chosen_builds import iter_build_warnings  # Lazy, as above.

        return iter_build_warnings(self, pins)

    def runs(self, name: NormalizedName, version: Version, location: Location) -> bool:
        """See `BuildRules`."""
        return self.acceleration.runs(name, version, location)

    def explain_rows(self, table: ProjectTable, matching: int) -> tuple[str, ...]:
        """See `BuildRules`."""
        from resolver.solve.cuda.torch_rules import explain_rows  # Lazy: a solution needs no explanation.

        return explain_rows(self.acceleration, table, matching)

    def explain_wheels(
        self, project: NormalizedName, colliding: Sequence[tuple[NormalizedName, Version]]
    ) -> tuple[str, ...]:
        """See `BuildRules`."""
        from resolver.solve.cuda.chosen_builds import explain_wheels  # Lazy, as above.

        return explain_wheels(self, project, colliding)

    def iter_wheel_hints(
        self, project: NormalizedName, colliding: Sequence[tuple[NormalizedName, Version]]
    ) -> Iterator[str]:
        """See `BuildRules`."""
        from resolver.solve.cuda.chosen_builds import iter_wheel_hints  # Lazy, as above.

        return iter_wheel_hints(self, project, colliding)
