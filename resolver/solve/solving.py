"""The stage as a whole: a problem and a package source in, pins out. Who only reads pins loads no search."""

from __future__ import annotations

from functools import partial

from resolver.index.package_source import PackageSource
from resolver.solve.backtracking import search_by_backtracking
from resolver.solve.closure import build_resolution
from resolver.solve.problem import Problem
from resolver.solve.resolution import Resolution
from resolver.solve.search import Conflict, Found, Search
from resolver.solve.speculation import Speculation
from resolver.solve.universe import Universe

__all__ = ["solve"]

_search: Search = search_by_backtracking


def solve(problem: Problem, source: PackageSource) -> Resolution:
    """The pins that meet the problem.

    The result depends on the problem and the source's answers only, not on the order in which they come. Raises
    NoSolutionError, MetadataError, FetchError, HashMismatchError, SettingsError for files without upload time, and
    MissingHashesError under `--require-hashes`.
    """
    if problem.acceleration is not None:
        # Imported here: a target without a machine asks nothing of builds.
        from resolver.solve.build_pages import with_pages
        from resolver.solve.companions import untie_pinned
        from resolver.solve.refused_builds import refuse_known

        refuse_known(problem, problem.acceleration)
        problem = with_pages(untie_pinned(problem, problem.acceleration), source, partial(_look, source=source))
    universe, outcome = _look(problem, source=source)
    if isinstance(outcome, Conflict):
        # Imported where it is needed: most runs have nothing to explain.
        from resolver.solve.explain import build_error

        raise build_error(universe, outcome)
    resolution = build_resolution(universe, outcome.rows)
    if problem.acceleration is None and any(pin.version.local for pin in resolution.pins):
        from resolver.solve.wheel_lint import with_rules  # Few solutions have labelled builds to look at.

        ruled = with_rules(problem, resolution)
        if ruled is not None:
            return solve(ruled, source)
    if problem.require_hashes:
        from resolver.solve.required_hashes import check_hashes  # As above.

        check_hashes(problem, resolution, source)
    return resolution


def _look(problem: Problem, *, source: PackageSource) -> tuple[Universe, Found | Conflict]:
    """What a search finds, and the universe that it went through."""
    speculation = Speculation(problem, source)
    speculation.start()
    universe = Universe(problem, source, ask_ahead=speculation.ask)
    return universe, _search(universe)
