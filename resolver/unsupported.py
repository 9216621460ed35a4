"""What a plan holds that cannot be asked for, or names but is not there: refused before anybody is asked.

In: a `LockPlan`. Out: nothing, or a ListError that holds every fault with its position.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from resolver.errors import Fault, ListError
from resolver.fetch.credentials import Credentials
from resolver.fetch.local_files import find_local_path
from resolver.plan import LockPlan
from resolver.requirements.entry import ArchiveUrl, Entry, LocalPath, NamedLocation, VcsReference
from resolver.requirements.position import Position
from resolver.requirements.url import Url, find_unset
from resolver.requirements.variables import VARIABLE
from resolver.targets.accelerators import UNSPECIFIED

__all__ = ["refuse_unsupported"]


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
