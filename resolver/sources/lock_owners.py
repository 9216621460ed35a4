"""Which source each lock of a folder belongs to, by the names that `lock` gives: for whoever has only the files.

In: a folder, or files of a repository that changed. Out: locks with the source and the machine types that write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath

from lockfiles.value_classes import dataclass
from resolver.errors import PinfoldError
from resolver.sources.app_folder import list_app_sources
from resolver.sources.reader import list_possible_sources, read_source
from resolver.sources.settings_file import name_path
from resolver.sources.source import Source

__all__ = ["OwnedLock", "find_owned_locks", "list_lock_folders"]

_LOCK = re.compile(r"pylock(?:\.([^.]+))?\.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedLock:
    """A lock and what writes it: `source` as the command line names it, `machine` as `-m` does, None for the source's.

    `source` is None for a lock that no list of its folder writes.
    """

    path: Path
    source: str | None
    machine: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    argument: str
    slug: str
    lock_path: Path | None


def list_lock_folders(changed: Iterable[Path], *, root: Path) -> tuple[Path, ...]:
    """The folders whose locks the changed files can concern: their own and those above, up to `root`, sorted."""
    folders: set[Path] = set()
    for path in changed:
        place = (root / path).parent
        while place.is_relative_to(root):
            folders.add(place)
            if place == root:
                break
            place = place.parent
    return tuple(sorted(folder for folder in folders if folder.is_dir()))


def find_owned_locks(folder: Path, *, seen_from: Path) -> tuple[OwnedLock, ...]:
    """The locks that lie in a folder, by name, each with the list of that folder that writes it."""
    locks = sorted(path for path in folder.iterdir() if _LOCK.fullmatch(path.name) and path.is_file())
    if not locks:
        return ()
    candidates = tuple(_iter_candidates(folder, seen_from))
    named = {path: _find_named(path, candidates) for path in locks}
    taken = {candidate.argument for candidate, _ in filter(None, named.values())}
    rest = [candidate for candidate in candidates if candidate.argument not in taken] or list(candidates)
    return tuple(_build_owned(path, named[path], rest) for path in locks)


def _iter_candidates(folder: Path, seen_from: Path) -> Iterator[_Candidate]:
    """The lists that stand in the folder itself, those of `[tool.pinfold]` first."""
    here = name_path(folder, seen_from)
    prefix = "" if here in ("", ".") else f"{here}/"
    arguments = [f"{prefix}{name}" for name in list_possible_sources(folder) if not name.endswith(".py")]
    arguments += [name for name in list_app_sources(folder, seen_from=seen_from) if _folder_of(name) == prefix]
    for argument in sorted(dict.fromkeys(arguments), key=lambda text: (not text.endswith("pyproject.toml"), text)):
        source = _read(argument, seen_from)
        if source is not None:
            yield _Candidate(argument=argument, slug=_slug(source.stem), lock_path=source.lock_path)


def _folder_of(argument: str) -> str:
    parent = str(PurePath(argument.partition("::")[0]).parent.as_posix())
    return "" if parent == "." else f"{parent}/"


def _read(argument: str, folder: Path) -> Source | None:
    """The source; None where it cannot be read as a list, which is then no owner of a lock."""
    try:
        return read_source(argument, folder=folder)
    except PinfoldError:
        return None


def _slug(text: str) -> str:
    """The text as it stands in the name of a lock."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _find_named(path: Path, candidates: Sequence[_Candidate]) -> tuple[_Candidate, str | None] | None:
    """The list that the lock's name or the app says, with the machine types in the name; None where neither does."""
    for candidate in candidates:
        if candidate.lock_path is not None and candidate.lock_path.resolve() == path.resolve():
            return candidate, None
    name = _name_part(path)
    for candidate in sorted(candidates, key=lambda one: -len(one.slug)):
        if name == candidate.slug:
            return candidate, None
        if candidate.slug and name.startswith(f"{candidate.slug}-"):
            return candidate, name.removeprefix(f"{candidate.slug}-").replace("-or-", ",")
    return None


def _build_owned(path: Path, named: tuple[_Candidate, str | None] | None, rest: Sequence[_Candidate]) -> OwnedLock:
    if named is not None:
        return OwnedLock(path=path, source=named[0].argument, machine=named[1])
    if len(rest) != 1:
        return OwnedLock(path=path, source=None)
    return OwnedLock(path=path, source=rest[0].argument, machine=_name_part(path).replace("-or-", ",") or None)


def _name_part(path: Path) -> str:
    match = _LOCK.fullmatch(path.name)
    return (match[1] or "") if match else ""
