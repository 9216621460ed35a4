"""What is wrong with a plan before the first request, and what is worth a warning after the search.

In: a `LockPlan`; for the warnings also its problem, its resolution, and the package source. Out: a ListError that
holds every fault of the list with its position; warnings as whole messages; shadowed pins as values.

The two kinds are in one module because they follow one rule: a fault is everything that makes a lock impossible or
wrong, and a warning never makes a run fail, even where an index does not answer.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from packaging.utils import NormalizedName

from lockfiles._values import dataclass
from resolver.errors import Fault, FetchError, ListError, MetadataError, PinfoldError, Position, ResolutionError
from resolver.fetch.http.credentials import Credentials
from resolver.fetch.http.local_files import find_local_path
from resolver.index.location import Location, mirror_url
from resolver.index.package_source import DelegatingSource, PackageSource
from resolver.locking.plan_secrets import has_credentials
from resolver.planning.from_lock import find_named_paths
from resolver.planning.plan import LockPlan
from resolver.requirements.entry import (
    ArchiveUrl,
    Entry,
    LocalPath,
    NamedLocation,
    RequirementList,
    TakenIndex,
    VcsReference,
)
from resolver.requirements.scopes import is_family_name
from resolver.requirements.url import VARIABLE, Url, find_unset
from resolver.solve.problem import Problem
from resolver.solve.resolution import Pin, Resolution
from resolver.targets.accelerators import UNSPECIFIED
from resolver.targets.families import find_mirror

if TYPE_CHECKING:
    from resolver.index.distribution_file import DistributionFile
    from resolver.index.project_page import ProjectPage
    from resolver.solve.project_table import ListedPage, ProjectTable

__all__ = [
    "MovedLocations",
    "WatchedPages",
    "check_moved_files",
    "check_references",
    "find_idle_locations",
    "find_moved_locations",
    "find_shadowed",
    "iter_fall_warnings",
    "iter_idle_warnings",
    "iter_yank_warnings",
]


# How many names of projects a message shows, and how many lines of one kind.
_MOST_NAMES = 3
_DAYS_OF_A_YEAR = 365
# The folders in which conda's builders build projects: each path of such a build has one of them.
_CONDA_FOLDERS = frozenset({"croot", "feedstock_root", "conda-bld", "bld", "work"})


def check_references(plan: LockPlan, *, credentials: Credentials) -> None:
    """Raises ListError for paths that do not exist, and for URLs with a variable that is not set.

    An unset variable is no fault where `credentials` have a login or a token for its URL. All faults are reported at
    once, each with its position. Raises InputError for the list of a lock that leads to a path that its policy does not
    allow, before a message could say what is there.
    """
    if plan.policy is not None:
        for path in find_named_paths(plan):
            plan.policy.check_path(path)
    requirement_list, remedy = plan.requirement_list, plan.remedy_for_unset
    entries = (*requirement_list.entries, *requirement_list.constraints, *plan.overrides)
    faults = [fault for entry in entries for fault in _iter_entry_faults(entry, plan, credentials)]
    faults += [fault for location in requirement_list.named_locations for fault in _iter_location_faults(location)]
    if plan.default_index is not None and find_mirror(plan.default_index.public, plan.public_mirrors) is None:
        faults += _iter_url_faults(Position(source="[tool.pinfold] index-url"), plan.default_index, credentials, remedy)
    for url in _list_used_mirrors(plan):
        faults += _iter_url_faults(Position(source="[tool.pinfold] mirrors"), url, credentials, remedy)
    if faults:
        raise ListError.from_faults(dict.fromkeys(faults))


def find_shadowed(
    plan: LockPlan, problem: Problem, resolution: Resolution, source: PackageSource, default_index: Url | None
) -> Iterator[Pin]:
    """Pins that only dependencies name and that came from an extra index, although a default index has the project.

    This is how dependency confusion looks, and also how a stale copy on an extra index wins.
    """
    scope = plan.requirement_list.dependency_scope
    own = {mirror_url(url, plan.public_mirrors)[0].public for url in scope.indexes}
    defaults = own if default_index is None else {*own, default_index.public}
    for pin in resolution.pins:
        is_listed = any(requester.position is not None for requester in pin.requesters)
        if is_listed or pin.index is None or pin.index in defaults:
            continue
        others = [location for location in problem.locations(pin.name) if location.url.public in defaults]
        if any(_has_project(source, pin.name, location) for location in others):
            yield pin


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedLocations:
    """What entries lost to a later item: locations that list their projects.

    `undecided` are those of which only a search can tell whether another file is locked. `pins` are what a search with
    them pins, empty where it finds nothing. `warnings` are about locations that cannot be read.
    """

    undecided: tuple[TakenIndex, ...]
    pins: Mapping[NormalizedName, Pin]
    warnings: tuple[str, ...]


def find_moved_locations(
    plan: LockPlan, problem: Problem, source: PackageSource, build_problem: Callable[[LockPlan], Problem]
) -> MovedLocations | None:
    """What position takes away from earlier entries of the list; None if it takes nothing.

    Raises ListError where another file is certainly locked. This is found before the search: what it would choose may
    be the sdist of a stranger, which must not be built.
    """
    by_name: dict[NormalizedName, list[TakenIndex]] = {}
    for taken in plan.requirement_list.taken_indexes:
        name = taken.entry.name
        if name is not None and name not in problem.direct and plan.target.admits(taken.entry.marker):
            by_name.setdefault(name, []).append(taken)
    if not by_name:
        return None
    wide = build_problem(replace(plan, requirement_list=_give_back(plan.requirement_list, by_name)))
    for name in by_name:
        source.prefetch_pages(name, wide.locations(name), until_found=wide.index_strategy == "first-index")
    found: list[_OtherListings] = []
    warnings: list[str] = []
    for name, group in by_name.items():
        try:
            found += _compare_listings(name, group, problem, wide, source)
        except FetchError:
            warnings.append(_render_unreadable(group[-1]))
    _refuse_moved([one.taken for one in found if one.is_certain])
    try:
        pins = _search_wide(wide, source) if found else {}
    except FetchError:
        return MovedLocations(
            undecided=(), pins={}, warnings=(*warnings, *(_render_unreadable(one.taken) for one in found))
        )
    _refuse_moved([one.taken for one in found if one.lacks(pins.get(one.name))])
    return MovedLocations(undecided=tuple(one.taken for one in found), pins=pins, warnings=tuple(warnings))


def check_moved_files(moved: MovedLocations, resolution: Resolution, source: PackageSource) -> None:
    """Raises ListError with each entry for which another file would be locked if no location were taken from it."""
    pins = {pin.name: pin for pin in resolution.pins}
    _refuse_moved(
        [
            taken
            for taken in moved.undecided
            if (name := taken.entry.name) in pins and name in moved.pins
            if not _is_same_file(pins[name], moved.pins[name], source)
        ]
    )


class WatchedPages(DelegatingSource):
    """A package source that records which locations were asked for which projects, and which of them have one."""

    def __init__(self, source: PackageSource) -> None:
        super().__init__(source)
        self.names: dict[Url, list[NormalizedName]] = {}
        self.serving: set[Url] = set()

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """The page of the wrapped source."""
        page = super().project_page(name, location)
        self.names.setdefault(location.url, []).append(name)
        if page is not None:
            self.serving.add(location.url)
        return page


def find_idle_locations(plan: LockPlan, watched: WatchedPages) -> tuple[Fault, ...]:
    """A fault for each index and find-links location of the user that has none of the projects requested from it."""
    named = [(one.position, one.url) for one in plan.requirement_list.named_locations]
    if plan.default_index is not None:
        named.append((Position(source="[tool.pinfold] index-url"), plan.default_index))
    return tuple(
        Fault(
            where=position,
            what=f"`{url}` has none of the projects that were requested from it: {_list_names(watched.names[url])}",
            remedy="correct its address, which often ends in `/simple/`, or leave it out",
        )
        for url, position in {url: position for position, url in reversed(named)}.items()
        if url in watched.names and url not in watched.serving
    )


def iter_idle_warnings(
    plan: LockPlan, problem: Problem, resolution: Resolution, source: PackageSource
) -> Iterator[str]:
    """Warnings for locations of the list that have none of the projects requested from them."""
    if not plan.requirement_list.named_locations and plan.default_index is None:
        return
    # Lazy: a list without indexes of its own never loads the search here.
    from resolver.solve.project_table import read_listings

    # The search may have been saved, so its queries are made again: their answers are known.
    watched = WatchedPages(source)
    for pin in resolution.pins:
        if pin.name not in problem.direct:
            with contextlib.suppress(FetchError):
                read_listings(pin.name, problem, watched)
    # A project that position took from a location shows that its address is right.
    for taken in plan.requirement_list.taken_indexes:
        if taken.index not in watched.serving and taken.index in watched.names and taken.entry.name is not None:
            form: Literal["index", "find-links"] = "index" if taken.is_index else "find-links"
            _has_project(watched, taken.entry.name, Location(url=taken.index, form=form))
    for fault in find_idle_locations(plan, watched):
        yield f"{fault.where}: {fault.what}; {fault.remedy}"


def iter_fall_warnings(problem: Problem, resolution: Resolution, source: PackageSource) -> Iterator[str]:
    """A line for each listed project that is locked more than a year behind the newest release that its lines admit.

    At most three lines, then a count. The year is between the two upload times; a file without one gives no line.
    """
    pins = {pin.name: pin for pin in resolution.pins}
    falls: list[str] = []
    for name in dict.fromkeys(root.name for root in problem.roots):
        if name in pins and name not in problem.direct and not _has_builds(name, problem):
            with contextlib.suppress(PinfoldError):
                falls += _iter_falls(pins[name], pins, problem, source)
    yield from falls[:_MOST_NAMES]
    if len(falls) > _MOST_NAMES:
        more = len(falls) - _MOST_NAMES
        yield f"{more} more projects of the list are locked more than a year behind their newest release"


def iter_yank_warnings(resolution: Resolution) -> Iterator[str]:
    """Warnings for pins that their index has yanked (PEP 592): only an exact pin in the list admits such a file."""
    for pin in resolution.pins:
        if pin.file.yanked is not None:
            reason = f": {pin.file.yanked}" if pin.file.yanked else ""
            yield f"`{pin.name} {pin.version}` is yanked{reason}; it is locked because it is pinned exactly"


def _list_used_mirrors(plan: LockPlan) -> list[Url]:
    """The mirrors of the URLs in the list; all of them for a named machine, which may need any shipped family index."""
    if plan.target.accelerator != UNSPECIFIED:
        return list(plan.mirrors.values())
    named = [location.url for location in plan.requirement_list.named_locations]
    named += [plan.default_index] if plan.default_index is not None else []
    found = {mirror.prefix for url in named if (mirror := find_mirror(url.public, plan.public_mirrors)) is not None}
    return [url for prefix, url in plan.mirrors.items() if prefix in found]


def _iter_entry_faults(entry: Entry, plan: LockPlan, credentials: Credentials) -> Iterator[Fault]:
    """The faults of an entry's direct reference, then those of the indexes that serve it.

    An index is checked at each entry that it serves: one that serves no entry needs no value for its variables, nor
    does one that a mirror replaces.
    """
    remedy = plan.remedy_for_unset
    match entry.direct:
        case ArchiveUrl(url=url) | VcsReference(url=url):
            yield from _iter_url_faults(entry.position, url, credentials, remedy)
            yield from _iter_missing_path(entry, find_local_path(url.public), remedy)
        case LocalPath(path=path):
            yield from _iter_missing_path(entry, Path(path), remedy)
        case None:
            pass
    for url in (*entry.scope.extra_indexes, *entry.scope.indexes, *entry.scope.find_links):
        if find_mirror(url.public, plan.public_mirrors) is None:
            yield from _iter_url_faults(entry.position, url, credentials, remedy)


def _iter_url_faults(position: Position, url: Url, credentials: Credentials, remedy: str) -> Iterator[Fault]:
    """A fault where the URL has a variable without a value and without credentials in its place.

    pip sends such a URL with the text `${NAME}` in it, and the answer of the host then hides the reason.
    """
    if (unset := find_unset(url)) and not has_credentials(url, credentials):
        names = ", ".join(f"`{name}`" for name in unset)
        yield Fault(
            where=position,
            what=f"`{url}` is needed, and a variable in it is not set: {names}",
            remedy=remedy,
        )


def _iter_missing_path(entry: Entry, path: Path | None, remedy: str) -> Iterator[Fault]:
    """A fault where a direct reference names a path that does not exist; None is a reference to another host.

    `remedy` is for a variable that is not set: one that should hold a whole URL leaves a path.
    """
    if path is None or _exists(path):
        return
    if unset := VARIABLE.findall(str(path)):
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(unset))
        yield Fault(
            where=entry.position,
            what=f"`{unquote(entry.text).replace('file:./', '')}` is needed, and a variable in it is not set: {names}",
            remedy=remedy,
        )
        return
    if entry.name is not None and _CONDA_FOLDERS.intersection(path.parts):
        yield Fault(
            where=entry.position,
            what=f"`{entry.name} @ {path.as_uri()}` names a file or folder that does not exist",
            why="conda built the project in this folder, on another machine, and `pip freeze` prints the folder",
            remedy=f"write `{entry.name}==VERSION`, with the version that `pip list` shows",
        )
        return
    yield Fault(
        where=entry.position,
        what=f"`{entry.text}` names a file or folder that does not exist",
        why="a relative path is relative to the file or folder that contains its list",
        remedy="correct its path",
    )


def _iter_location_faults(location: NamedLocation) -> Iterator[Fault]:
    """A fault where an index or a `--find-links` is a path that does not exist.

    A URL with a secret or an unset variable is no path: its faults are those of the entries that it serves.
    """
    path = None if location.url.secret or find_unset(location.url) else find_local_path(location.url.public)
    if path is not None and not _exists(path):
        form, flag = ("folder", "as an index") if location.is_index else ("file or folder", "for `--find-links`")
        yield Fault(
            where=location.position,
            what=f"there is no {form} `{location.url}`, which is named {flag}",
            remedy="correct its path, or begin it with `https://` if it is a URL",
        )


def _give_back(
    requirement_list: RequirementList, taken: Mapping[NormalizedName, Sequence[TakenIndex]]
) -> RequirementList:
    """The list in which each entry has the locations that its position took away, in the order of the list."""

    def widen(entry: Entry) -> Entry:
        group = () if entry.name is None else taken.get(entry.name, ())
        if not group:
            return entry
        layer, own = requirement_list.layers[entry.layer].scope, entry.scope
        indexes = {*own.extra_indexes, *(one.index for one in group if one.is_index)}
        links = {*own.find_links, *(one.index for one in group if not one.is_index)}
        scope = replace(
            own,
            extra_indexes=tuple(
                dict.fromkeys((*filter(indexes.__contains__, layer.extra_indexes), *own.extra_indexes))
            ),
            find_links=tuple(dict.fromkeys((*filter(links.__contains__, layer.find_links), *own.find_links))),
        )
        return replace(entry, scope=scope)

    return replace(
        requirement_list,
        layers=tuple(replace(one, entries=tuple(map(widen, one.entries))) for one in requirement_list.layers),
        constraints=tuple(map(widen, requirement_list.constraints)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _OtherListings:
    """A project of which other listings are read with the location that an entry lost.

    `hashes` are the SHA-256 of the files without it, None for an unknown one. `is_certain` is whether none of them can
    be chosen with the location.
    """

    name: NormalizedName
    taken: TakenIndex
    hashes: frozenset[str | None]
    is_certain: bool

    def lacks(self, pin: Pin | None) -> bool:
        """Whether the file that is chosen with the location is certainly none of those without it."""
        return pin is not None and not self.hashes & {None, pin.file.sha256} and pin.file.sha256 is not None


def _compare_listings(
    name: NormalizedName, group: Sequence[TakenIndex], problem: Problem, wide: Problem, source: PackageSource
) -> Iterator[_OtherListings]:
    """The listings of a project in the wide problem; nothing if they are the same, or one problem has no files of it.

    Raises FetchError.
    """
    # Lazy: a list from which position takes nothing never loads the search here.
    from resolver.solve.project_table import read_listings

    (own, _), (others, _) = read_listings(name, problem, source), read_listings(name, wide, source)
    if [one.location for one in own] == [one.location for one in others]:
        return
    hashes, other_hashes = _list_hashes(name, problem, own), _list_hashes(name, wide, others)
    if not hashes or not other_hashes:
        return
    suppliers = {one.location.url for one in others}
    yield _OtherListings(
        name=name,
        taken=next((one for one in group if one.index in suppliers), group[0]),
        # With a machine, a build of a family may come from an index outside the scope.
        hashes=hashes if problem.build_indexes is None else frozenset({None}),
        is_certain=problem.build_indexes is None and None not in hashes | other_hashes and not hashes & other_hashes,
    )


def _search_wide(wide: Problem, source: PackageSource) -> dict[NormalizedName, Pin]:
    """The pins with all locations; none where such a list has no solution, so that position swapped no file of it.

    Raises FetchError.
    """
    # Lazy, as above.
    from resolver.solve.solving import solve

    try:
        return {pin.name: pin for pin in solve(wide, source).pins}
    except ResolutionError:
        return {}


def _list_hashes(name: NormalizedName, problem: Problem, listings: tuple[ListedPage, ...]) -> frozenset[str | None]:
    """The SHA-256 of each file that the list's own lines on the project admit; None stands for an unknown one."""
    # Lazy, as above.
    from resolver.solve.project_table import build_project_table, iter_rows

    if not listings:
        return frozenset()
    table = build_project_table(name, problem, listings)
    rows = table.all_rows
    for root in (*problem.roots, *problem.constraints):
        if root.name == name:
            rows &= table.mask(root.specifier)
    return frozenset(file.sha256 for row in iter_rows(table.usable(rows)) for file in table.files(row))


def _is_same_file(pin: Pin, other: Pin, source: PackageSource) -> bool:
    """Whether two pins of a project have the same content. Raises FetchError."""
    return pin.file.url == other.file.url or pin.file.sha256 == source.complete(other.file).sha256


def _refuse_moved(moved: Sequence[TakenIndex]) -> None:
    """Raise ListError with each entry that would be locked with another file if the location served it."""
    if moved:
        raise ListError.from_faults(
            Fault(
                where=one.position,
                what=f"`{_flag_name(one)} {one.index}` does not serve `{one.entry.text}` at {one.entry.position}",
                why="a flag serves the requirements after it, and with this one another file would be locked",
                remedy=f'move the flag above {one.entry.position}, or set `flag-scope = "list"`;'
                ' `flag-scope = "position"` keeps the list as written',
            )
            for one in moved
        )


def _render_unreadable(taken: TakenIndex) -> str:
    """The warning for a location that cannot be read, so that it is not known whether it would change anything."""
    return (
        f"{taken.position}: `{_flag_name(taken)} {taken.index}` does not serve `{taken.entry.text}` at"
        f" {taken.entry.position}, and it cannot be read to see whether another file would be locked with it"
    )


def _flag_name(taken: TakenIndex) -> str:
    """The flag that names a location."""
    return "--extra-index-url" if taken.is_index else "--find-links"


def _has_builds(name: NormalizedName, problem: Problem) -> bool:
    """Whether the machine decides which releases of a project can be used, so that its newest one may not run."""
    return problem.build_indexes is not None and any(is_family_name(name, family) for family in problem.families)


def _iter_falls(pin: Pin, pins: Mapping[NormalizedName, Pin], problem: Problem, source: PackageSource) -> Iterator[str]:
    """The line for a project that is locked more than a year behind; nothing for any other. Raises PinfoldError."""
    # Lazy: a resolution may come from the cache, without the search.
    from resolver.solve.project_table import build_project_table, iter_rows, parse_instant, read_listings

    if pin.file.upload_time is None:
        return
    listings = read_listings(pin.name, problem, source)[0]
    if all(one.page.versions[0] <= pin.version for one in listings if one.page.versions):
        return
    table = build_project_table(pin.name, problem, listings)
    newest = next((file for row in iter_rows(_select_own_rows(table, pin, problem)) for file in table.files(row)), None)
    if newest is None or newest.upload_time is None or newest.version <= pin.version:
        return
    behind = parse_instant(newest.upload_time) - parse_instant(pin.file.upload_time)
    if behind.days > _DAYS_OF_A_YEAR:
        reason = _find_hold(pin, newest, pins, problem, source)
        yield (
            f"`{pin.name} {pin.version}` is {behind.days} days older than {newest.version}, the newest release that the"
            f" list admits: {reason}"
        )


def _select_own_rows(table: ProjectTable, pin: Pin, problem: Problem) -> int:
    """The rows that the lines and constraints of the list on the project admit, without yanked ones.

    Pre-releases count only under `--pre`, and where one is locked.
    """
    rows = table.wheel_mask if problem.no_build else table.all_rows
    for root in (*problem.roots, *problem.constraints):
        if root.name == table.name:
            rows &= table.mask(root.specifier)
    if not (problem.pre or pin.version.is_prerelease):
        rows &= ~table.prerelease_mask
    rows = table.usable(rows)
    return rows & ~table.yanked(rows)


def _find_hold(
    pin: Pin,
    newest: DistributionFile,
    pins: Mapping[NormalizedName, Pin],
    problem: Problem,
    source: PackageSource,
) -> str:
    """What keeps the newest release of a project out of the lock, as far as one requirement shows it.

    Raises PinfoldError.
    """
    from resolver.solve.demand import is_readable, parse_dependency  # Lazy, as above.

    for requester in pin.requesters:
        if requester.parent is not None and is_readable(requester.text):
            needed = parse_dependency(requester.text)
            if not needed.specifier.contains(newest.version, prereleases=True):
                return f"`{requester.parent} {pins[requester.parent].version}` needs `{requester.text}`"
    if source.needs_build(newest):
        return "only a build would tell what it needs"
    try:
        requires = source.dependencies(newest).requires
    except MetadataError as error:
        return error.reason
    for text in requires:
        needed = parse_dependency(text)
        other = pins.get(needed.name)
        if other is not None and not needed.specifier.contains(other.version, prereleases=True):
            return f"it needs `{text}`, and `{other.name} {other.version}` is locked"
    if problem.preferences.get(pin.name) == pin.version:
        return f"the old lock keeps it, and `lock -P {pin.name}` upgrades it"
    return "what it needs does not go with the other pins"


def _list_names(names: Sequence[NormalizedName]) -> str:
    """The first names of a sequence, and how many more there are."""
    shown = list(dict.fromkeys(names))
    more = f" and {len(shown) - _MOST_NAMES} more" if len(shown) > _MOST_NAMES else ""
    return ", ".join(f"`{name}`" for name in shown[:_MOST_NAMES]) + more


def _exists(path: Path) -> bool:
    """Whether there is a file or folder; False also for a name that is too long."""
    return os.path.exists(path)  # noqa: PTH110  (the method of Path raises OSError for a name that is too long)


def _has_project(source: PackageSource, name: NormalizedName, location: Location) -> bool:
    """Whether a location has a project; False where it does not answer, because a warning must not end the run."""
    try:
        return source.project_page(name, location) is not None
    except FetchError:
        return False
