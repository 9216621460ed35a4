"""What would mend a list without a solution.

In: the collisions of an explanation. Out: actions as sentence parts, in the order of the collisions. Each hint is
certain: where it names an index, that index was read and has a version that fits; where it names `--pre`, a search with
pre-releases found a solution. So hints make requests, and a request that fails gives no hint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from packaging.specifiers import SpecifierSet

from resolver.errors import PinfoldError, Position
from resolver.index.location import Location
from resolver.solve.build_rules import BUILT_FOR_GPU
from resolver.solve.demand import is_readable, is_virtual, parse_dependency
from resolver.solve.explanation import Collision, Obstacle
from resolver.solve.project_table import ListedPage, ProjectTable, build_project_table, iter_rows
from resolver.solve.search.backtracking import search_by_backtracking
from resolver.solve.search.universe import Found, Universe
from resolver.targets.accelerators import Cpu

__all__ = ["find_hints"]

_TEST_ROUNDS = 200


def find_hints(universe: Universe, collisions: Sequence[Collision]) -> tuple[str, ...]:
    """Remedies for the collisions, each a clause with one action. Makes requests."""
    hints: list[str] = []
    for collision in collisions:
        if collision.obstacle is Obstacle.DIFFERENT_BUILDS and universe.rules is not None:
            hints += universe.rules.iter_wheel_hints(collision.project, collision.colliding)
        hints += _iter_location_hints(universe, collision)
        hints += _iter_family_hints(collision)
        hints += _iter_yanked_hints(collision)
        hints += _iter_allow_hints(universe, collision)
        hints += _iter_cpu_hints(universe, collision)
        hints += _iter_build_hints(universe, collision)
        hints += _iter_direct_hints(universe, collision)
    if not hints and not universe.problem.pre and _is_solved_by_prereleases(universe, collisions):
        hints.append("`--pre`: with pre-releases there is a solution")
    return tuple(dict.fromkeys(hints))


def _iter_location_hints(universe: Universe, collision: Collision) -> Iterator[str]:
    """Locations that were not read and have a version that all requirements admit."""
    name = collision.project
    if is_virtual(name):
        return
    table = universe.table(name)
    asked = {location.url for location in (*table.missing, *(listing.location for listing in table.listings))}
    for location in universe.problem.locations(name):
        if location.url not in asked and _offers(universe, collision, location):
            first = ", ".join(collision.supply.locations)
            is_of_family = any(listing.location.is_of_family for listing in table.listings)
            reason = "is for its family" if is_of_family else "comes first"
            change = "remove its flag" if is_of_family else "change their order"
            yield (
                f"`{location.url}` has a version that fits, but {first} {reason} and has the project:"
                f' {change}, or set `index-strategy = "best-match"`'
            )
    for location in universe.problem.later_locations(name):
        if location.url not in asked and _offers(universe, collision, location):
            yield (
                f"`{location.url}` has a version that fits, but does not serve this requirement:"
                f" {_find_remedy(universe, collision, location)}"
            )


def _find_remedy(universe: Universe, collision: Collision, location: Location) -> str:
    """The action that makes a location serve the collision's first requirement. A flag serves its own layer only."""
    flag = universe.problem.named_at.get(location.named_url)
    if flag is not None and _layer_of(flag) == _layer_of(collision.requirements[0].position):
        return 'move its flag up, or set `flag-scope = "list"`'
    name = "--extra-index-url" if location.form == "index" else "--find-links"
    return f"add `{name} {location.replaced or location.url}` to its layer"


def _layer_of(position: Position) -> int | None:
    """The layer of a list that a position is in, through all files."""
    while position.included_by is not None:
        position = position.included_by
    return position.layer


def _offers(universe: Universe, collision: Collision, location: Location) -> bool:
    try:
        page = universe.source.project_page(collision.project, location)
        if page is None:
            return False
        listing = ListedPage(location=location, page=page, rank=0)
        table = build_project_table(collision.project, universe.problem, (listing,))
        rows = table.all_rows
        for specifier in (*universe.listed_specifiers(collision.project), *_iter_needed(collision)):
            rows &= table.mask(specifier)
        return any(_runs(universe, table, row) for row in iter_rows(table.usable(rows)))
    except PinfoldError:
        return False


def _runs(universe: Universe, table: ProjectTable, row: int) -> bool:
    """Whether the target's accelerator runs a build, as far as its name, version and index determine it."""
    location = table.places(row)[0][0].location
    return universe.rules is None or universe.rules.runs(table.name, table.versions[row], location)


def _iter_needed(collision: Collision) -> Iterator[SpecifierSet]:
    """The specifiers of the dependencies in the collision."""
    for requirement in collision.requirements:
        if requirement.links and is_readable(requirement.links[-1].needs):
            yield parse_dependency(requirement.links[-1].needs).specifier


def _iter_family_hints(collision: Collision) -> Iterator[str]:
    """The index of the project's exclusive family, if there is exactly one."""
    supply = collision.supply
    urls = [url for family in supply.exclusive for url in family.urls]
    if not supply.locations and not supply.missing and len(urls) == 1 and "{" not in urls[0]:
        yield f"`--extra-index-url {urls[0]}`"


def _iter_yanked_hints(collision: Collision) -> Iterator[str]:
    nearest = collision.supply.nearest
    if collision.obstacle is Obstacle.UNUSABLE and nearest and len(collision.requirements) == 1:
        reasons = nearest[0].reasons
        if len(reasons) == 1 and reasons[0].startswith("yanked") and not collision.requirements[0].links:
            yield f"`{collision.project}=={nearest[0].version}`, if the yanked version is meant"


def _iter_allow_hints(universe: Universe, collision: Collision) -> Iterator[str]:
    """`allow`, where builds come from another index than the default one: the user may want them all the same."""
    table = universe.table(collision.project)
    is_named = any(not listing.location.is_default for listing in table.listings)
    if collision.supply.builds and is_named:
        yield f'`allow = ["{collision.project}"]` in `[tool.pinfold]`, to lock it all the same'


def _iter_cpu_hints(universe: Universe, collision: Collision) -> Iterator[str]:
    """A machine with a GPU: an app that names no machine gets the default of its platform, which may have none."""
    if universe.rules is None or not isinstance(universe.problem.target.accelerator, Cpu):
        return
    if any(BUILT_FOR_GPU in version.reasons for version in collision.supply.nearest):
        yield (
            f'`-m GPU-A100` or another machine with a GPU, if it is meant for one; `allow = ["{collision.project}"]` in'
            " `[tool.pinfold]` locks the build for GPUs all the same"
        )


def _iter_direct_hints(universe: Universe, collision: Collision) -> Iterator[str]:
    """The direct URL that metadata requires: it is followed only if the list names it as well."""
    table = universe.table(collision.project)
    for version in collision.supply.nearest:
        row = table.find_row(version.version)
        known = None if row is None else universe.ruled_out.get((collision.project, row))
        if known is not None and known.reason == "direct-url" and "`" in known.detail:
            yield f"name it in the list: `{known.detail.split('`')[1]}`"
            return


def _iter_build_hints(universe: Universe, collision: Collision) -> Iterator[str]:
    table = universe.table(collision.project)
    for version in collision.supply.nearest:
        row = table.find_row(version.version)
        known = None if row is None else universe.ruled_out.get((collision.project, row))
        if known is not None and known.reason == "build":
            yield (
                f"leave out `--no-build`, or write what `{collision.project} {version.version}` needs into a"
                " `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml"
            )
            return


def _is_solved_by_prereleases(universe: Universe, collisions: Sequence[Collision]) -> bool:
    names = {collision.project for collision in collisions}
    names |= {link.name for one in collisions for requirement in one.requirements for link in requirement.links}
    if not any(universe.candidate_rows(name) != universe.shown_rows(name) for name in sorted(names)):
        return False
    tables = [universe.table(name) for name in sorted(names)]
    if any(table.is_promised(row) for table in tables for row in range(len(table.versions))):
        return False  # A hint is not worth a request to an index that nothing else needs.
    try:
        with_prereleases = universe.posed(replace(universe.problem, pre=True))
        return isinstance(search_by_backtracking(with_prereleases, max_rounds=_TEST_ROUNDS), Found)
    except PinfoldError:
        return False
