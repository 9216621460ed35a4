"""What would mend a list without a solution.

In: the collisions of an explanation. Out: actions as sentence parts, in the order of the collisions. Where a hint names
an index, that index was read and has a version that fits; where it names `--pre` or another specifier, a search with
them found a solution. So hints make requests, and a request that fails gives no hint. Hints about names and versions
that are often confused come from the shipped data and make none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cache

from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag
from packaging.version import InvalidVersion, Version

from resolver.errors import PinfoldError, Position
from resolver.index.core_metadata import admits_python
from resolver.index.location import Location
from resolver.solve.demand import BUILT_FOR_GPU, is_readable, is_virtual, parse_dependency
from resolver.solve.explanation import CollidingRequirement, Collision, Obstacle
from resolver.solve.project_table import ListedPage, ProjectTable, build_project_table, iter_rows
from resolver.solve.search.backtracking import search_by_backtracking
from resolver.solve.search.universe import Found, Universe
from resolver.targets.accelerators import Cpu
from resolver.targets.data_files import read_data
from resolver.targets.families import is_torch_companion, list_build_locations
from resolver.targets.platforms import Glibc, Linux
from resolver.targets.target import Target
from resolver.targets.torch_builds import find_release

__all__ = ["describe_foreign", "find_hints"]

_TEST_ROUNDS = 200
_MOST_RELAXED = 3
_LIKENESS = 0.8
"""The least similarity of a misspelt name, as difflib measures it: `numpi` and `numpy` have 0.8."""
_SHORTEST_GUESSED = 4
_MOST_NAMED = 6
_MINORS = range(8, 16)
_SYSTEMS = (("win", "win32"), ("macosx", "darwin"), ("manylinux", "linux"), ("musllinux", "linux"), ("linux", "linux"))


def find_hints(universe: Universe, collisions: Sequence[Collision]) -> tuple[str, ...]:
    """Remedies for the collisions, each a clause with one action. Makes requests."""
    hints: list[str] = []
    for collision in collisions:
        hints += _iter_name_hints(universe, collision)
        hints += _iter_label_hints(collision)
        hints += _iter_companion_hints(collision)
        if collision.obstacle is Obstacle.DIFFERENT_BUILDS and universe.rules is not None:
            hints += universe.rules.iter_wheel_hints(collision.project, collision.colliding)
        places = tuple(_iter_location_hints(universe, collision))
        hints += places
        hints += _iter_family_hints(collision)
        hints += _iter_yanked_hints(collision)
        if not places:
            hints += _iter_python_hints(universe, collision)
            hints += _iter_marker_hints(universe, collision)
        hints += _iter_allow_hints(universe, collision)
        hints += _iter_cpu_hints(universe, collision)
        hints += _iter_build_hints(universe, collision)
        hints += _iter_direct_hints(universe, collision)
    if not hints and not universe.problem.pre and _is_solved_by_prereleases(universe, collisions):
        hints.append("`--pre`: with pre-releases there is a solution")
    if not hints:
        hints += _find_relaxations(universe, collisions)
    return tuple(dict.fromkeys(hints))


def _iter_name_hints(universe: Universe, collision: Collision) -> Iterator[str]:
    """For a name of the list that no location has: the project that an import name or a misspelt name may mean."""
    if collision.obstacle is not Obstacle.NOT_FOUND or collision.requirements[0].links:
        return
    name = collision.project
    project = read_data("names")["import"].get(name)
    if project is not None:
        yield f"`{project}` in place of `{name}`: the name to install is not the name to import"
        return
    listed = {root.name for root in universe.problem.roots if universe.table(root.name).listings}
    near = _find_near_name(name, _known_names() | listed)
    if near:
        yield f"`{near}` in place of `{name}`, if the name is misspelt"


@cache
def _known_names() -> frozenset[str]:
    """The projects of the shipped data."""
    names = set(read_data("names")["projects"])
    for row in read_data("packages")["package"]:
        names.update(row["names"])
    for row in read_data("families")["family"]:
        names.update(name for name in row["names"] if "*" not in name)
    return frozenset(names)


def _find_near_name(name: str, known: frozenset[str] | set[str]) -> str | None:
    """The one known name that a misspelt name may mean: equal but for separators, two swapped letters, or similar."""
    if len(name) < _SHORTEST_GUESSED:
        return None
    letters = name.replace("-", "")
    same = sorted(other for other in known if other.replace("-", "") == letters)
    swapped = (name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in range(len(name) - 1))
    same = same or sorted(known.intersection(swapped))
    similar = same or get_close_matches(name, sorted(known), n=1, cutoff=_LIKENESS)
    return similar[0] if similar and similar[0] != name else None


def _iter_label_hints(collision: Collision) -> Iterator[str]:
    """The index of a build with a CUDA label (`torch==2.4.0+cu124`) that no location in scope has."""
    if collision.obstacle is not Obstacle.NO_VERSION or not is_torch_companion(collision.project):
        return
    version = _find_exact(collision)
    label = None if version is None else version.local
    if label is None or not (label == "cpu" or label.startswith("cu")):
        return
    urls = [place.template for place in list_build_locations(collision.project) if place.fields == {"cuda"}]
    url = urls[0].replace("{cuda}", label) if urls else ""
    if url and url not in collision.supply.locations:
        yield f"`--extra-index-url {url}`, the index of builds with the label `+{label}`"


def _iter_companion_hints(collision: Collision) -> Iterator[str]:
    """The version that goes with a release of torch.

    Its number was given to a companion (`torchvision==2.5.1`), or the list pins torch and a companion for another one.
    """
    if collision.project == "torch" and collision.obstacle is Obstacle.EXCLUDE_EACH_OTHER:
        yield from _iter_pinned_companions(collision)
        return
    version = _find_exact(collision)
    if version is None or collision.obstacle is not Obstacle.NO_VERSION:
        return
    release = find_release(Version(version.public))
    versions = () if release is None else release.companions.get(collision.project, ())
    if versions:
        fitting = " or ".join(f"`{collision.project}=={one}`" for one in sorted(versions)[-2:])
        yield f"{fitting}, which goes with torch {version.public}"


def _iter_pinned_companions(collision: Collision) -> Iterator[str]:
    """The companions that go with the torch that the list pins, where those of the list need another one."""
    pins = [pin for one in collision.requirements if (pin := _read_pin(one)) is not None]
    release = find_release(Version(pins[0].public)) if len(pins) == 1 else None
    for requirement in collision.requirements:
        if release is not None and len(requirement.links) == 1:
            name = requirement.links[0].name
            versions = release.companions.get(name, ())
            if versions:
                yield f"`{name}=={max(versions)}`, which goes with torch {release.version}"


def _find_exact(collision: Collision) -> Version | None:
    """The version of the `==` of the one line of the list that collides; None for any other collision."""
    return _read_pin(collision.requirements[0]) if len(collision.requirements) == 1 else None


def _read_pin(requirement: CollidingRequirement) -> Version | None:
    """The version that a line of the list pins exactly; None for any other line."""
    if requirement.links or not is_readable(requirement.text):
        return None
    pins = [one.version for one in parse_dependency(requirement.text).specifier if one.operator in ("==", "===")]
    try:
        return Version(pins[0]) if len(pins) == 1 else None
    except InvalidVersion:  # `==3.*`, or the free text of `===`
        return None


def _iter_python_hints(universe: Universe, collision: Collision) -> Iterator[str]:
    """The nearest Python for which the newest version that fits has wheels for this platform."""
    nearest = collision.supply.nearest
    row = universe.table(collision.project).find_row(nearest[0].version) if nearest else None
    if collision.obstacle is not Obstacle.UNUSABLE or row is None or (collision.project, row) in universe.ruled_out:
        return
    rejections = universe.table(collision.project).rejections(row)
    target = universe.problem.target
    minors = _list_minors([one.detail for one in rejections if one.reason == "tags"], target)
    for one in rejections:
        if one.reason == "python":
            minors |= {minor for minor in _MINORS if admits_python(one.detail, f"3.{minor}.0")}
    if minors and target.python.minor not in minors:
        minor = min(minors, key=lambda minor: (abs(minor - target.python.minor), -minor))
        yield f"`--python 3.{minor}`, for which `{collision.project} {nearest[0].version}` has files"


def _iter_marker_hints(universe: Universe, collision: Collision) -> Iterator[str]:
    """The marker for a project with wheels for another operating system alone, such as pywin32."""
    requirement = collision.requirements[0]
    if collision.obstacle is not Obstacle.UNUSABLE or len(collision.requirements) != 1:
        return
    table = universe.table(collision.project)
    rejections = [one for row in range(len(table.versions)) for one in table.rejections(row)]
    if any(table.files(row) for row in range(len(table.versions))) or any(one.reason == "format" for one in rejections):
        return
    system = _find_only_system([one.detail for one in rejections if one.reason == "tags"])
    other = system not in (None, universe.problem.target.environment["sys_platform"])
    if other and ";" not in requirement.text:
        yield f'`{requirement.text}; sys_platform == "{system}"`, if only that system needs it'


def describe_foreign(tags: Sequence[str], target: Target) -> str:
    """What wheels with these compressed tags, none of which the target has, are for: a part of a sentence."""
    each = [tag for text in tags for tag in parse_tag(text)]
    platforms = {tag.platform for tag in target.tags}
    minors = sorted(_list_minors(tags, target))
    if minors:
        pythons = _join([f"3.{minor}" for minor in minors])
        return f"for Python {pythons}, not {target.python}"
    fitting = {(tag.interpreter, tag.abi) for tag in target.tags}
    others = sorted({tag.platform for tag in each if (tag.interpreter, tag.abi) in fitting} - platforms)
    glibc = _find_glibc(others, target)
    if glibc:
        return f"for glibc {glibc} or newer, and `{target.platform}` has an older one"
    if others:
        return f"for {_join(others)}, not {target.platform}"
    kinds = _join(sorted({f"{tag.interpreter}-{tag.abi} on {tag.platform}" for tag in each}))
    return f"for {kinds}, not {target.python.abi} on {target.platform}"


def _list_minors(tags: Sequence[str], target: Target) -> set[int]:
    """The minor releases of CPython whose wheels are among the tags, for platforms that the target has."""
    platforms = {tag.platform for tag in target.tags}
    found = {tag.interpreter for text in tags for tag in parse_tag(text) if tag.platform in platforms}
    minors = {int(name[3:]) for name in found if name.startswith("cp3") and name[3:].isdigit()}
    return minors - {target.python.minor}


def _find_glibc(platforms: Sequence[str], target: Target) -> str:
    """The oldest glibc that platform tags of the target's architecture name; empty where one names something else."""
    if not isinstance(target.platform, Linux) or not isinstance(target.platform.libc, Glibc):
        return ""
    releases = []
    for platform in platforms:
        family, _, rest = platform.partition("_")
        major, _, after = rest.partition("_")
        minor, _, arch = after.partition("_")
        if family != "manylinux" or arch != target.platform.arch or not (major + minor).isdigit():
            return ""
        releases.append((int(major), int(minor)))
    return "{}.{}".format(*min(releases)) if releases else ""


def _find_only_system(tags: Sequence[str]) -> str | None:
    """The `sys_platform` that all wheels with these tags are for; None for several or for wheels of any system."""
    platforms = {tag.platform for text in tags for tag in parse_tag(text)}
    systems = {next((system for start, system in _SYSTEMS if name.startswith(start)), None) for name in platforms}
    return systems.pop() if len(systems) == 1 else None


def _join(words: Sequence[str]) -> str:
    """Words as a part of a sentence, the first ones of a long list."""
    shown = list(words[:_MOST_NAMED])
    if len(words) > _MOST_NAMED:
        return f"{', '.join(shown)} and {len(words) - _MOST_NAMED} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def _find_relaxations(universe: Universe, collisions: Sequence[Collision]) -> Iterator[str]:
    """Lines of the list without their specifier, where a search over what was read then finds a solution."""
    problem = universe.problem
    lines = {str(one.position) for collision in collisions for one in collision.requirements if not one.is_override}
    tried = [root for root in (*problem.roots, *problem.constraints) if str(root.position) in lines and root.specifier]
    found = 0
    for root in tried:
        relaxed = replace(root, specifier=SpecifierSet())
        changed = replace(
            problem,
            roots=tuple(relaxed if other is root else other for other in problem.roots),
            constraints=tuple(relaxed if other is root else other for other in problem.constraints),
        )
        narrowed = universe.closed(changed)
        outcome = search_by_backtracking(narrowed, max_rounds=_TEST_ROUNDS)
        if not isinstance(outcome, Found):
            continue
        row = next((row for node, row in outcome.rows.items() if node.name == root.name and not node.part), None)
        needs_metadata = all(collision.project != root.name for collision in collisions)
        if (
            row is None
            or universe.table(root.name).is_promised(row)
            or (needs_metadata and (root.name, row) not in universe.read)
        ):
            continue
        version = universe.table(root.name).versions[row]
        yield f"allow `{root.name} {version}` at {root.position}, which fits all other requirements that were read"
        found += 1
        if found == _MOST_RELAXED:
            return


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
