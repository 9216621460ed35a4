"""What a plan holds that cannot be asked for, or names but is not there: refused before anybody is asked.

In: a `LockPlan`. Out: nothing, or a ListError that holds every fault with its position.

What is worth telling about an answer: indexes that position took away or that came first, and yanked pins.

In: a plan, its problem and resolution, and the source that was asked. Out: messages and pins. A remark is never a
reason to fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import NormalizedName

from resolver.errors import Fault, FetchError, ListError, Position
from resolver.fetch.http.credentials import Credentials
from resolver.fetch.http.local_files import find_local_path
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.planning.plan import LockPlan
from resolver.requirements.entry import ArchiveUrl, Entry, LocalPath, NamedLocation, VcsReference
from resolver.requirements.url import VARIABLE, Url, find_unset
from resolver.solve.problem import Problem
from resolver.solve.resolution import Pin, Resolution
from resolver.targets.accelerators import UNSPECIFIED

__all__ = [
    "find_shadowed",
    "find_taken",
    "iter_yanked",
    "refuse_unsupported",
]


def refuse_unsupported(plan: LockPlan, *, credentials: Credentials) -> None:
    """Raises ListError for direct references and for URLs with a variable that is not set, each with its position.

    A variable that is not set does no harm where `credentials` are known for its URL.
    """
    requirement_list, remedy = plan.requirement_list, plan.remedy_for_unset
    entries = (*requirement_list.entries, *requirement_list.constraints, *plan.overrides)
    faults = [fault for entry in entries for fault in _iter_unsupported(entry, credentials, remedy)]
    faults += [fault for location in requirement_list.named_locations for fault in _iter_missing(location)]
    if plan.default_index is not None:
        faults += _iter_url_faults(Position(source="[tool.pinfold] index-url"), plan.default_index, credentials, remedy)
    # Where no machine is named, no mirror is asked.
    for url in plan.mirrors.values() if plan.target.accelerator != UNSPECIFIED else ():
        faults += _iter_url_faults(Position(source="[tool.pinfold] mirrors"), url, credentials, remedy)
    if faults:
        raise ListError.from_faults(dict.fromkeys(faults))


def _iter_unsupported(entry: Entry, credentials: Credentials, remedy: str) -> Iterator[Fault]:
    match entry.direct:
        case ArchiveUrl(url=url) | VcsReference(url=url):
            yield from _iter_url_faults(entry.position, url, credentials, remedy)
            yield from _iter_missing_reference(entry, find_local_path(url.public))
        case LocalPath(path=path):
            yield from _iter_missing_reference(entry, Path(path))
        case None:
            pass
    for url in (*entry.scope.extra_indexes, *entry.scope.indexes, *entry.scope.find_links):
        yield from _iter_url_faults(entry.position, url, credentials, remedy)


def _iter_url_faults(position: Position, url: Url, credentials: Credentials, remedy: str) -> Iterator[Fault]:
    if (unset := find_unset(url)) and not _is_known(url, credentials):
        names = ", ".join(f"`{name}`" for name in unset)
        yield Fault(
            where=position,
            what=f"`{url}` is needed, and a variable in it is not set: {names}",
            remedy=remedy,
        )


def _is_known(url: Url, credentials: Credentials) -> bool:
    """Whether somebody else says what the variables of a URL stand for: a token in its path, or a login."""
    grant = credentials.find(url.public)
    return grant is not None and (grant.url is not None or VARIABLE.search(url.public) is None)


def _iter_missing_reference(entry: Entry, path: Path | None) -> Iterator[Fault]:
    """A fault where a direct reference names a place on disk and nothing lies there."""
    # `os.path` takes any text; methods of Path raise for a name that is too long.
    if path is not None and not os.path.exists(path):  # noqa: PTH110  (see above)
        yield Fault(
            where=entry.position,
            what=f"`{entry.text}` names a file or folder that does not exist",
            why="a relative path is relative to the file or folder that its list stands in",
            remedy="correct its path",
        )


def _iter_missing(location: NamedLocation) -> Iterator[Fault]:
    """A fault where the location is on disk and nothing lies there."""
    path = None if location.url.secret or find_unset(location.url) else find_local_path(location.url.public)
    # `os.path` takes any text; methods of Path raise for a name that is too long.
    if path is not None and not os.path.exists(path):  # noqa: PTH110  (see above)
        form, flag = ("folder", "as an index") if location.is_index else ("file or folder", "for `--find-links`")
        yield Fault(
            where=location.position,
            what=f"there is no {form} `{location.url}`, which is named {flag}",
            remedy="correct its path, or begin it with `https://` if it is a URL",
        )


def find_shadowed(
    plan: LockPlan, problem: Problem, resolution: Resolution, source: PackageSource, default_index: Url | None
) -> Iterator[Pin]:
    """Pins that only dependencies ask for, from an extra index although an index that is none has the project too."""
    scope = plan.requirement_list.dependency_scope
    defaults = {url.public for url in (*scope.indexes, default_index) if url is not None}
    for pin in resolution.pins:
        is_listed = any(requester.position is not None for requester in pin.requesters)
        if is_listed or pin.index is None or pin.index in defaults:
            continue
        others = [location for location in problem.locations(pin.name) if location.url.public in defaults]
        if any(_has(source, pin.name, location) for location in others):
            yield pin


def find_taken(plan: LockPlan, source: PackageSource) -> Iterator[str]:
    """Warnings for indexes that position takes away from an earlier item whose project they have."""
    for taken in plan.requirement_list.taken_indexes:
        name = taken.entry.name
        if name is not None and _has(source, name, Location(url=taken.index)):
            yield (
                f"{taken.entry.position}: `{taken.entry.text}` is not asked of `{taken.index}`, which has it: that flag"
                f' ({taken.position}) serves only what stands after it; move the flag up, or set `flag-scope = "list"`'
            )


def iter_yanked(resolution: Resolution) -> Iterator[str]:
    """Warnings for pins that their index has yanked (PEP 592): only a requirement that pins it brings one in."""
    for pin in resolution.pins:
        if pin.file.yanked is not None:
            reason = f": {pin.file.yanked}" if pin.file.yanked else ""
            yield f"`{pin.name} {pin.version}` is yanked{reason}; it is locked because it is pinned exactly"


def _has(source: PackageSource, name: NormalizedName, location: Location) -> bool:
    """Whether a location has a project, for a remark only: an index that does not answer has nothing to remark on."""
    try:
        return source.project_page(name, location) is not None
    except FetchError:
        return False
