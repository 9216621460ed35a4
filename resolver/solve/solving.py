"""The stage as a whole: a problem and a package source in, pins out.

The search, the rules about CUDA builds and the explanation of a failure are put together here: rules and explanation
import the search, which imports neither. It is a module of its own so that programs that only read pins load no search.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.solve.backtracking import search_by_backtracking
from resolver.solve.build_rules import BuildRules
from resolver.solve.closure import build_resolution
from resolver.solve.problem import Problem
from resolver.solve.resolution import Resolution
from resolver.solve.search import Conflict, Found, Search
from resolver.solve.speculation import Speculation
from resolver.solve.universe import Universe

if TYPE_CHECKING:
    from resolver.index.family_indexes import FamilyIndexes

__all__ = ["solve"]

_search: Search = search_by_backtracking


def solve(problem: Problem, source: PackageSource) -> Resolution:
    """The pins that meet the problem.

    The result depends on the problem and the source's answers only, not on the order in which they come. Raises
    NoSolutionError, MetadataError, FetchError, HashMismatchError, SettingsError for files without upload time, and
    MissingHashesError under `--require-hashes`.
    """
    if problem.build_indexes is None:
        universe, outcome = _look(problem, source=source)
    else:
        universe, outcome = _look_with_rules(problem, problem.build_indexes, source)
    if isinstance(outcome, Conflict):
        # Imported where it is needed: most runs have nothing to explain.
        from resolver.solve.explain import build_error

        raise build_error(universe, outcome)
    resolution = build_resolution(universe, outcome.rows)
    if problem.build_indexes is None and any(pin.version.local for pin in resolution.pins):
        from resolver.solve.wheel_lint import with_rules  # Few solutions have labelled builds to look at.

        ruled = with_rules(problem, resolution)
        if ruled is not None:
            return solve(ruled, source)
    if problem.require_hashes:
        from resolver.solve.required_hashes import check_required_hashes  # As above.

        check_required_hashes(problem, resolution, source)
    return resolution


def _look_with_rules(
    problem: Problem, indexes: FamilyIndexes, source: PackageSource
) -> tuple[Universe, Found | Conflict]:
    """As `_look`, with the rules about builds. Raises NoSolutionError where the data alone shows that no build runs."""
    # Imported here: a target without a machine asks nothing of builds, and the data about them takes time to load.
    from resolver.solve.acceleration import Acceleration
    from resolver.solve.build_pages import with_pages
    from resolver.solve.companions import untie_pinned
    from resolver.solve.cuda_rules import CudaRules
    from resolver.solve.refused_builds import list_refused

    acceleration = Acceleration(
        target=problem.target,
        indexes=indexes,
        allow=problem.allow,
        measure=source.kernels if problem.measures_kernels else None,
    )
    refused = list_refused(problem, acceleration)
    if refused:
        from resolver.solve.explain import build_refusal  # As in `solve`.

        raise build_refusal(problem, refused)
    acceleration = untie_pinned(problem, acceleration)
    rules_for = partial(CudaRules, acceleration=acceleration)
    look = partial(_look, source=source, rules_for=rules_for, fits=acceleration.fits)
    return look(with_pages(problem, source, acceleration, look))


def _look(
    problem: Problem,
    *,
    source: PackageSource,
    rules_for: Callable[[Universe], BuildRules] | None = None,
    fits: Callable[[NormalizedName, Version, Location], bool] | None = None,
) -> tuple[Universe, Found | Conflict]:
    """What a search finds, and the universe that it went through."""
    speculation = Speculation(problem, source, fits=fits)
    speculation.start()
    universe = Universe(problem, source, prefetch=speculation.prefetch, rules_for=rules_for)
    return universe, _search(universe)
