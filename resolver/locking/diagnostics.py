"""What is wrong with a plan before the first request, and what is worth a warning after the search.

In: a `LockPlan`; for the warnings also its problem, its resolution, and the package source. Out: a ListError that
holds every fault of the list with its position; warnings as whole messages; shadowed pins as values.

The two kinds are in one module because they follow one rule: a fault is everything that makes a lock impossible or
wrong, and a warning never makes a run fail, even where an index does not answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import NormalizedName

from resolver.errors import Fault, FetchError, ListError, Position
from resolver.fetch.http.credentials import Credentials
from resolver.fetch.http.local_files import find_local_path
from resolver.index.location import Location, mirror_url
from resolver.index.package_source import PackageSource
from resolver.planning.plan import LockPlan
from resolver.requirements.entry import ArchiveUrl, Entry, LocalPath, NamedLocation, VcsReference
from resolver.requirements.url import VARIABLE, Url, find_unset
from resolver.solve.problem import Problem
from resolver.solve.resolution import Pin, Resolution
from resolver.targets.accelerators import UNSPECIFIED
from resolver.targets.families import find_mirror

__all__ = ["check_references", "find_shadowed", "iter_index_warnings", "iter_yank_warnings"]


def check_references(plan: LockPlan, *, credentials: Credentials) -> None:
    """Raises ListError for paths that do not exist, and for URLs with a variable that is not set.

    An unset variable is no fault where `credentials` have a login or a token for its URL. All faults are reported at
    once, each with its position.
    """
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


def iter_index_warnings(plan: LockPlan, source: PackageSource) -> Iterator[str]:
    """Warnings for indexes that have the project of an item but do not serve it, because their flag comes later."""
    for taken in plan.requirement_list.taken_indexes:
        name = taken.entry.name
        if name is not None and _has_project(source, name, _locate_index(taken.index, plan)):
            yield (
                f"{taken.entry.position}: `{taken.entry.text}` is not asked of `{taken.index}`, which has it: that flag"
                f' ({taken.position}) serves only what stands after it; move the flag up, or set `flag-scope = "list"`'
            )


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
            yield from _iter_missing_path(entry, find_local_path(url.public))
        case LocalPath(path=path):
            yield from _iter_missing_path(entry, Path(path))
        case None:
            pass
    for url in (*entry.scope.extra_indexes, *entry.scope.indexes, *entry.scope.find_links):
        if find_mirror(url.public, plan.public_mirrors) is None:
            yield from _iter_url_faults(entry.position, url, credentials, remedy)


def _iter_url_faults(position: Position, url: Url, credentials: Credentials, remedy: str) -> Iterator[Fault]:
    """A fault where the URL has a variable without a value and without credentials in its place.

    pip sends such a URL with the text `${NAME}` in it, and the answer of the host then hides the reason.
    """
    if (unset := find_unset(url)) and not _is_known(url, credentials):
        names = ", ".join(f"`{name}`" for name in unset)
        yield Fault(
            where=position,
            what=f"`{url}` is needed, and a variable in it is not set: {names}",
            remedy=remedy,
        )


def _is_known(url: Url, credentials: Credentials) -> bool:
    """Whether credentials replace the variables of a URL: with a token in its path, or with a login."""
    grant = credentials.find(url.public)
    return grant is not None and (grant.url is not None or VARIABLE.search(url.public) is None)


def _iter_missing_path(entry: Entry, path: Path | None) -> Iterator[Fault]:
    """A fault where a direct reference names a path that does not exist; None is a reference to another host."""
    if path is not None and not _exists(path):
        yield Fault(
            where=entry.position,
            what=f"`{entry.text}` names a file or folder that does not exist",
            why="a relative path is relative to the file or folder that its list stands in",
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


def _exists(path: Path) -> bool:
    """Whether there is a file or folder; False also for a name that is too long."""
    return os.path.exists(path)  # noqa: PTH110  (the method of Path raises OSError for a name that is too long)


def _locate_index(url: Url, plan: LockPlan) -> Location:
    """The location of an index of the list, or of its mirror."""
    found, replaced = mirror_url(url, plan.public_mirrors)
    return Location(url=found, replaced=replaced)


def _has_project(source: PackageSource, name: NormalizedName, location: Location) -> bool:
    """Whether a location has a project; False where it does not answer, because a warning must not end the run."""
    try:
        return source.project_page(name, location) is not None
    except FetchError:
        return False
