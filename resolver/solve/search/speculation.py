"""Prefetching: pages and metadata that the search will probably need, so that it does not wait for them one by one.

A prefetch changes no result: what arrives stays in the package source, and a failure is never an error.
Callbacks run in threads of the source: they read the problem, and write to one dict, one key at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import PinfoldError
from resolver.index.core_metadata import Dependencies
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.index.project_page import ProjectPage
from resolver.solve.demand import ParsedRequirement, is_readable, names_prerelease, parse_dependency, pins_exactly
from resolver.solve.problem import Problem
from resolver.solve.project_table import ProjectTable, build_project_table, iter_rows, rank_listings
from resolver.solve.search.universe import select_rows

__all__ = ["Speculation"]

_MAX_NAMES = 3000


class Speculation:
    """Prefetches from a package source: all roots at once, then what the likely candidates depend on.

    `fits` is whether the search may take a version of a project at a location; None admits all of them.
    """

    def __init__(
        self,
        problem: Problem,
        source: PackageSource,
        *,
        fits: Callable[[NormalizedName, Version, Location], bool] | None = None,
    ) -> None:
        self._problem = problem
        self._source = source
        self._fits = fits
        self._asked: dict[NormalizedName, None] = {}

    def start(self) -> None:
        """Prefetch the pages of all requirements of the list, and those of the old lock: most of them are needed again.

        So pages that are stale are requested at once, and not one wave for each step from the list to a dependency.
        """
        for root in self._problem.roots:
            self._prefetch(root.name, root.specifier)
        for name in self._problem.preferences:
            self._prefetch(name, SpecifierSet())

    def prefetch(self, wanted: Iterable[ParsedRequirement]) -> None:
        """Prefetch the pages of requirements that came up."""
        for requirement in wanted:
            if requirement.url is None:
                self._prefetch(requirement.name, requirement.specifier)

    def _prefetch(self, name: NormalizedName, specifier: SpecifierSet) -> None:
        """Prefetch the pages of a name once, and then what its best candidate depends on.

        Links are read beside the indexes under every strategy; under `first-index` the first index ends the search.
        """
        if name in self._asked or len(self._asked) >= _MAX_NAMES or name in self._problem.excludes:
            return
        self._asked[name] = None
        inside = [location for location in self._problem.locations(name) if location.outside_family is None]
        outside = [location for location in self._problem.locations(name) if location.outside_family is not None]
        links = [location for location in inside if location.form == "find-links"]
        indexes = [location for location in inside if location.form != "find-links"]
        if links:
            self._source.prefetch_pages(name, links, until_found=False)
        first_only = self._problem.index_strategy == "first-index"
        asked = (indexes + outside) if first_only else (indexes or outside)
        self._source.prefetch_pages(
            name, asked, until_found=first_only, then=partial(self._choose, name, asked, specifier)
        )

    def _choose(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        specifier: SpecifierSet,
        pages: Sequence[ProjectPage],
    ) -> None:
        """Prefetch the dependencies of the candidate that the list alone would choose."""
        try:
            self._choose_best(name, locations, specifier, pages)
        except PinfoldError:
            return

    def _choose_best(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        specifier: SpecifierSet,
        pages: Sequence[ProjectPage],
    ) -> None:
        """As `_choose`. Raises what reading a table raises: this is a guess, so the caller drops it."""
        if not pages:
            return
        places = {location.url.public: location for location in locations}
        found = [(places[page.location], page) for page in pages]
        best_match = self._problem.index_strategy == "best-match"
        table = build_project_table(name, self._problem, rank_listings(found, best_match=best_match))
        lines = self._problem.lines.get(name, ())
        if lines and all(root.no_deps for root in lines):
            return
        specifiers = [specifier, *(root.specifier for root in lines)]
        rows = table.all_rows
        for part in specifiers:
            rows &= table.mask(part)
        prereleases = self._problem.pre or any(map(names_prerelease, specifiers))
        pinned = any(map(pins_exactly, specifiers))
        rows = select_rows(table, rows & (table.wheel_mask | table.sdist_mask), pinned=pinned, prereleases=prereleases)
        preferred = self._problem.preferences.get(name)
        row = None if preferred is None else table.find_row(preferred)
        if row is None or not rows >> row & 1:
            row = next((row for row in iter_rows(rows) if self._may_take(table, row) and table.files(row)), None)
        if row is not None and table.files(row):
            self._source.prefetch_dependencies([table.files(row)[0]], then=self._follow)

    def _may_take(self, table: ProjectTable, row: int) -> bool:
        return self._fits is None or self._fits(table.name, table.versions[row], table.places(row)[0][0].location)

    def _follow(self, dependencies: Dependencies) -> None:
        """Prefetch the pages that the dependencies name."""
        self.prefetch(parse_dependency(text) for text in dependencies.requires if is_readable(text))
