"""Which source each lock of a folder belongs to, for whoever has only the files.

In: a folder of a repository. Out: its locks with the source and the machine types that write them. Names tell first:
the lock that an app installs, and the names that `lock` gives. Where they leave several lists, the list that the lock
itself holds tells which it was made from, though that may have been edited since.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lockfiles import LockfileError, read
from lockfiles.value_classes import dataclass
from resolver.errors import PinfoldError
from resolver.sources.app_folder import iter_own_folders, list_app_sources
from resolver.sources.list_words import collect_words, measure_likeness
from resolver.sources.reader import list_possible_sources, read_source
from resolver.sources.settings_file import name_path
from resolver.sources.source import Source

__all__ = ["OwnedLock", "find_owned_locks", "is_lock"]

_LOCK = re.compile(r"pylock(?:\.([^.]+))?\.toml")
_LARGEST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedLock:
    """A lock and what writes it: `source` as the command line names it, `machine` as `-m` does, None for the source's.

    `source` is None for a lock that no list writes.
    """

    path: Path
    source: str | None
    machine: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A list that writes locks into the folder. `is_sure` is false for a text file that only its content can tell."""

    argument: str
    slug: str
    source: Source
    lock_path: Path | None
    is_sure: bool


def is_lock(path: Path) -> bool:
    """Whether a file has the name of a lock (PEP 751)."""
    return _LOCK.fullmatch(path.name) is not None


def find_owned_locks(folder: Path, *, seen_from: Path) -> tuple[OwnedLock, ...]:
    """The locks that lie in a folder, by name, each with the list that writes it.

    That is a list of the folder, else one below `seen_from` whose settings or app say that its lock lies there.
    """
    locks = sorted(path for path in folder.iterdir() if is_lock(path) and path.is_file())
    if not locks:
        return ()
    owned = _assign(locks, tuple(_iter_candidates(folder, folder, seen_from)))
    if all(one.source is not None for one in owned):
        return owned
    places = [place for place in iter_own_folders(seen_from) if place.resolve() != folder.resolve()]
    others = [one for place in places for one in _iter_candidates(place, folder, seen_from)]
    open_locks = [one.path for one in owned if one.source is None]
    late = {one.path: one for one in _assign(open_locks, others)}
    return tuple(late.get(one.path, one) for one in owned)


def _assign(locks: Sequence[Path], candidates: Sequence[_Candidate]) -> tuple[OwnedLock, ...]:
    named = {path: _find_named(path, candidates) for path in locks}
    taken = {candidate.argument for candidate, _ in filter(None, named.values())}
    sure = [candidate for candidate in candidates if candidate.is_sure]
    alone = sure if len(sure) == 1 else []
    rest = [candidate for candidate in candidates if candidate.argument not in taken] or alone
    return tuple(_build_owned(path, named[path], rest) for path in locks)


def _iter_candidates(place: Path, lock_folder: Path, seen_from: Path) -> Iterator[_Candidate]:
    """The lists that stand in a folder and are locked into `lock_folder`, those of `[tool.pinfold]` first."""
    here = name_path(place, seen_from)
    prefix = "" if here in ("", ".") else f"{here}/"
    sure = {f"{prefix}{name}" for name in list_possible_sources(place) if not name.endswith(".py")}
    texts = {f"{prefix}{path.name}" for path in place.glob("*.txt") if _is_small(path)}
    apps = list_app_sources(place, seen_from=seen_from, is_deep=False)
    arguments = sorted({*sure, *texts, *apps}, key=lambda text: (not text.endswith("pyproject.toml"), text))
    for argument in arguments:
        source = _read(argument, seen_from)
        if source is None:
            continue
        lock_place = _find_lock_place(source)
        if lock_place is not None and _folder_of(lock_place).resolve() == lock_folder.resolve():
            yield _Candidate(
                argument=argument,
                slug=_slug(source.stem),
                source=source,
                lock_path=lock_place if lock_place.suffix == ".toml" else None,
                is_sure=argument in sure or argument in apps,
            )


def _is_small(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size <= _LARGEST_BYTES
    except OSError:
        return False


def _find_lock_place(source: Source) -> Path | None:
    """The file, or else the folder, that the source says its locks lie in; None for standard output."""
    output = source.settings.output
    if source.lock_path is not None or output == "-":
        return source.lock_path
    if output is None or source.settings_path is None:
        return source.folder
    return source.settings_path.parent / output


def _folder_of(place: Path) -> Path:
    return place.parent if place.suffix == ".toml" else place


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
            return candidate, _find_machine(name.removeprefix(f"{candidate.slug}-"), candidate.source)
    return None


def _build_owned(path: Path, named: tuple[_Candidate, str | None] | None, rest: Sequence[_Candidate]) -> OwnedLock:
    if named is not None:
        return OwnedLock(path=path, source=named[0].argument, machine=named[1])
    owner = _find_by_content(path, rest)
    if owner is None:
        return OwnedLock(path=path, source=None)
    return OwnedLock(path=path, source=owner.argument, machine=_find_machine(_name_part(path), owner.source))


def _find_by_content(path: Path, candidates: Sequence[_Candidate]) -> _Candidate | None:
    """The list that says most of what the lock was made from; the only one where there is no other."""
    sure = [candidate for candidate in candidates if candidate.is_sure]
    if len(candidates) == 1 and sure:
        return sure[0]
    locked = _read_locked_words(path)
    likeness = {one.argument: measure_likeness(locked, collect_words(one.source)) for one in candidates}
    usual = [one for one in candidates if one.slug == "requirements"]
    # A stable sort: among equals the usual name is first, then what stands first.
    order = sorted([*usual, *candidates], key=lambda one: likeness[one.argument], reverse=True)
    if order and likeness[order[0].argument] > (0, 0):
        return order[0]
    alone = usual or sure
    return alone[0] if len(alone) == 1 else None


def _read_locked_words(path: Path) -> frozenset[str]:
    try:
        tool = read(path).tool
    except (LockfileError, OSError):
        return frozenset()
    return frozenset() if tool is None else collect_words(tool.requirements)


def _find_machine(text: str, source: Source) -> str | None:
    """The machine types that a part of a lock's name stands for; None where it is a name of somebody's own."""
    # Lazy: most locks are of no machine type in their name.
    from resolver.targets.machines import parse_machine_types

    names = text.replace("-or-", ",")
    settings = source.settings.complete()
    if not names:
        return None
    try:
        choice = parse_machine_types(
            names.split(","),
            driver=None,
            configured_driver=None,
            machines=settings.machines,
            gpus=settings.gpus,
        )
    except PinfoldError:
        return names
    return None if choice.unknown else names


def _name_part(path: Path) -> str:
    match = _LOCK.fullmatch(path.name)
    return (match[1] or "") if match else ""
