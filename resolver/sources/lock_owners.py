"""Which list each lock of a repository belongs to, and which locks a change of files concerns.

In: a folder, or changed files and the root of the repository. Out: locks, each with the source and the machine types
that write it. For the hook, and for programs that have only the files.

The lock that an app installs is that app's; any other belongs to the source that it records. Only for locks that record
none, or one that is gone, the owner is guessed, first by the names that `lock` gives. If they leave several lists, the
requirements in the lock decide: the list with the most items in common, which may have been edited since. The
comparison does not parse either list, since a check confirms the guess.

A change concerns all locks beside the file and in the folders above it, and any other lock whose list has changed or
may read the file. Whether a file reads another is not worked out: it is enough that it names it, as checking a lock in
vain takes milliseconds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lockfiles import LockfileError, read
from lockfiles._files import read_regular
from lockfiles._values import compile_later, dataclass
from resolver.errors import PinfoldError
from resolver.sources.apps.app_folder import iter_own_files, iter_own_folders, list_app_sources
from resolver.sources.lock_places import find_other_owner, name_source
from resolver.sources.reader import list_possible_sources, read_source
from resolver.sources.settings_file import find_settings, name_path
from resolver.sources.source import Source

__all__ = [
    "OwnedLock",
    "find_owned_locks",
    "iter_concerned_locks",
]

_LOCK = compile_later(r"pylock(?:\.([^.]+))?\.toml")
# Larger files are data sets and generated code, no lists.
_LARGEST_BYTES = 1_000_000
# Suffixes of files that can be a list, or name one.
_TEXTS = frozenset({".txt", ".in", ".py"})

# How a list is compared with a lock: without comments, white space and quotes, and with files that it includes.
_INCLUDED = compile_later(r"^\s*(?:-r|--requirement)[\s=]*(\S+)")
_COMMENT = compile_later(r"(?:^|\s)#.*")
_SPACES = compile_later(r"[\s\"'()]+")
_NAME = compile_later(r"[a-z0-9][a-z0-9._-]*")
_MOST_FILES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedLock:
    """A lock and what writes it: `source` as on the command line, `machine` as for `-m`.

    `source` is None for a lock that no list writes; `machine` is None if the source alone decides the machine types.
    """

    path: Path
    source: str | None
    machine: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A list that writes locks into the folder.

    `argument` is its name on the command line, `slugs` its parts in the names of locks, of now and of earlier versions,
    `lock_path` the one file that its app or settings name. `is_sure` is false for a text file, which only its content
    shows to be a list.
    """

    argument: str
    slugs: tuple[str, ...]
    source: Source
    lock_path: Path | None
    is_sure: bool


def find_owned_locks(folder: Path, *, seen_from: Path) -> tuple[OwnedLock, ...]:
    """The locks of a folder, by name, each with the list that writes it.

    That is a list of the folder, or else one anywhere below `seen_from` whose settings or app name the folder. Sources
    are named as seen from `seen_from`.
    """
    locks = sorted(path for path in folder.iterdir() if _is_lock(path) and path.is_file())
    if not locks:
        return ()
    candidates = tuple(_iter_candidates(folder, folder, seen_from))
    recorded = {one.path: one for path in locks if (one := _find_recorded(path, candidates, seen_from)) is not None}
    if len(recorded) == len(locks):
        return tuple(recorded.values())
    # A lock whose source is gone may be that of a list without a lock: a file that was renamed.
    taken = {one.source for one in recorded.values()}
    free = [one for one in candidates if one.argument not in taken]
    open_paths = [path for path in locks if path not in recorded]
    gone = [path for path in open_paths if _read_source(path) is not None]
    unknown = [path for path in open_paths if path not in gone]
    guessed = {one.path: one for one in (*_assign(gone, free), *_assign(unknown, candidates))}
    owned = tuple({**guessed, **recorded}[path] for path in locks)
    if all(one.source is not None for one in owned):
        return owned
    places = [place for place in iter_own_folders(seen_from) if place.resolve() != folder.resolve()]
    others = [one for place in places for one in _iter_candidates(place, folder, seen_from)]
    open_locks = [one.path for one in owned if one.source is None]
    owned_elsewhere = {one.path: one for one in _assign(open_locks, others)}
    return tuple(owned_elsewhere.get(one.path, one) for one in owned)


def iter_concerned_locks(changed: Iterable[Path], *, root: Path) -> Iterator[OwnedLock]:
    """The locks to check when files of a repository have changed, folder by folder.

    `changed` are paths relative to `root`, also of deleted files.
    """
    paths = [root / path for path in changed]
    near = _list_folders_above(paths, root)
    for folder in near:
        yield from find_owned_locks(folder, seen_from=root)
    files = list(iter_own_files(root)) if paths else []
    far = sorted({path.parent for path in files if _is_lock(path)} - set(near))
    if not far:
        return
    touched = _find_touched({Path(os.path.realpath(path)) for path in paths}, files)
    for folder in far:
        for lock in find_owned_locks(folder, seen_from=root):
            if lock.source is not None and _is_touched(root / lock.source.partition("::")[0], touched):
                yield lock


def _assign(locks: Sequence[Path], candidates: Sequence[_Candidate]) -> tuple[OwnedLock, ...]:
    """The owner of each lock. A list that owns one by its name is no candidate for the others.

    The only list that is sure stays a candidate, as it may write locks under several names (`-o`).
    """
    named = {path: _find_named(path, candidates) for path in locks}
    taken = {candidate.argument for candidate, _ in filter(None, named.values())}
    sure = [candidate for candidate in candidates if candidate.is_sure]
    alone = sure if len(sure) == 1 else []
    rest = [candidate for candidate in candidates if candidate.argument not in taken] or alone
    return tuple(_build_owned(path, named[path], rest) for path in locks)


def _iter_candidates(place: Path, lock_folder: Path, seen_from: Path) -> Iterator[_Candidate]:
    """The lists in a folder that are locked into `lock_folder`, those of `[tool.pinfold]` first."""
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
                slugs=tuple(dict.fromkeys((_slug(name_source(source)), _slug(source.stem)))),
                source=source,
                lock_path=lock_place if lock_place.suffix == ".toml" else None,
                is_sure=argument in sure or argument in apps,
            )


def _is_small(path: Path) -> bool:
    """Whether it is a regular file that may be a list."""
    try:
        return path.is_file() and path.stat().st_size <= _LARGEST_BYTES
    except OSError:
        return False


def _find_lock_place(source: Source) -> Path | None:
    """The file, or else the folder, in which the source puts its locks; None for standard output."""
    output = source.settings.output
    if source.lock_path is not None or output == "-":
        return source.lock_path
    if output is None or source.settings_path is None:
        return source.folder
    return source.settings_path.parent / output


def _folder_of(place: Path) -> Path:
    """The folder of a place.

    A name that ends with `.toml` is a file, any other one a folder, as in `place_locks`.
    """
    return place.parent if place.suffix == ".toml" else place


def _read(argument: str, folder: Path) -> Source | None:
    """The source; None if it cannot be read as a list, and so owns no lock."""
    try:
        # Nothing is sent, so the app may see all variables that its settings name.
        return read_source(argument, folder=folder, variables=os.environ)
    except PinfoldError:
        return None


def _slug(text: str) -> str:
    """The text as it is part of the name of a lock: see `lock_places`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _find_named(path: Path, candidates: Sequence[_Candidate]) -> tuple[_Candidate, str | None] | None:
    """The list that the app or the name of the lock names, with the machine types in that name; None if neither does.

    The longest name is compared first: `pylock.web-gpu.toml` may be of `web-gpu` or of `web`.
    """
    for candidate in candidates:
        if candidate.lock_path is not None and candidate.lock_path.resolve() == path.resolve():
            return candidate, None
    name = _name_part(path)
    pairs = [(candidate, slug) for candidate in candidates for slug in candidate.slugs if slug]
    for candidate, slug in sorted(pairs, key=lambda pair: -len(pair[1])):
        if name == slug:
            return candidate, None
        if name.startswith(f"{slug}-"):
            return candidate, _find_machine(name.removeprefix(f"{slug}-"), candidate.source)
    return None


def _find_recorded(path: Path, candidates: Sequence[_Candidate], seen_from: Path) -> OwnedLock | None:
    """The lock with the app that installs it, or else with the source that it records; None if that is gone.

    A source outside of `seen_from` counts as gone.

    A source that exists and cannot be read is the owner too: a check of the lock reports its fault.
    """
    for candidate in candidates:
        if candidate.source.lock_path is not None and candidate.source.lock_path.resolve() == path.resolve():
            return OwnedLock(path=path, source=candidate.argument)
    recorded = find_other_owner(_read_source(path), None, lock_folder=path.parent)
    if recorded is None:
        return None
    file, separator, app = recorded.partition("::")
    # The author of a lock may be a stranger: it must not make a hook read files outside of the repository.
    if not Path(os.path.realpath(path.parent / file)).is_relative_to(os.path.realpath(seen_from)):
        return None
    argument = f"{name_path(path.parent / file, seen_from)}{separator}{app}"
    source = _read(argument, seen_from)
    if source is None:
        return OwnedLock(path=path, source=argument)
    slug, name = _slug(name_source(source)), _name_part(path)
    is_standard = not slug or name.startswith(f"{slug}-")
    machine = _find_machine(name.removeprefix(f"{slug}-") if slug else name, source) if is_standard else None
    return OwnedLock(path=path, source=argument, machine=machine)


def _read_source(path: Path) -> str | None:
    """The source that a lock records; None for a lock without one, and for one that cannot be read."""
    try:
        tool = read(path).tool
    except (LockfileError, OSError):
        return None
    return None if tool is None else tool.source


def _build_owned(path: Path, named: tuple[_Candidate, str | None] | None, rest: Sequence[_Candidate]) -> OwnedLock:
    """The lock with its owner by name, or else by its content among the `rest`."""
    if named is not None:
        return OwnedLock(path=path, source=named[0].argument, machine=named[1])
    owner = _find_by_content(path, rest)
    if owner is None:
        return OwnedLock(path=path, source=None)
    return OwnedLock(path=path, source=owner.argument, machine=_find_machine(_name_part(path), owner.source))


def _find_by_content(path: Path, candidates: Sequence[_Candidate]) -> _Candidate | None:
    """The list that has most in common with the list in the lock.

    Without anything in common it is the only list, or else the one of the usual name.
    """
    sure = [candidate for candidate in candidates if candidate.is_sure]
    if len(candidates) == 1 and sure:
        return sure[0]
    locked = _read_locked_words(path)
    likeness = {one.argument: _measure_likeness(locked, _collect_words(one.source)) for one in candidates}
    usual = [one for one in candidates if one.source.stem == "requirements"]
    # The sort is stable: among equals the usual name is first, then the order of the candidates.
    order = sorted([*usual, *candidates], key=lambda one: likeness[one.argument], reverse=True)
    if order and likeness[order[0].argument] > (0, 0):
        return order[0]
    alone = usual or sure
    return alone[0] if len(alone) == 1 else None


def _read_locked_words(path: Path) -> frozenset[str]:
    """The items of the list that a lock records; empty for a lock of other tools, and for one that cannot be read."""
    try:
        tool = read(path).tool
    except (LockfileError, OSError):
        return frozenset()
    return frozenset() if tool is None else _collect_words(tool.requirements)


def _find_machine(text: str, source: Source) -> str | None:
    """The machine types that a part of a lock's name means; None if it is any other name."""
    # Lazy: most locks have no machine type in their name.
    from resolver.targets.machine_types import parse_machine_types

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
    """The name of a lock between `pylock.` and `.toml`; empty for `pylock.toml`."""
    match = _LOCK.fullmatch(path.name)
    return (match[1] or "") if match else ""


def _collect_words(source: Source | Sequence[Sequence[str]]) -> frozenset[str]:
    """The items of a list, each as one word in small letters, with those of the files that it includes.

    A sequence is the layers of a lock.
    """
    if not isinstance(source, Source):
        items: Iterator[str] = (text for layer in source for text in layer)
    elif source.layers is not None:
        items = (text for layer in source.layers for text in layer)
    else:
        items = _iter_lines(source.text or "", source.folder, set())
    return frozenset(word for text in items if (word := _SPACES.sub("", text).lower()))


def _measure_likeness(one: frozenset[str], other: frozenset[str]) -> tuple[float, float]:
    """The share of items that both lists have, then the share of projects, each from 0 to 1. Compared in this order."""
    names = [frozenset(match[0] for word in words if (match := _NAME.match(word))) for words in (one, other)]
    return _share(one, other), _share(*names)


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    """The number of common words as a part of all words of both lists; 0 for two empty lists."""
    both = one | other
    return len(one & other) / len(both) if both else 0.0


def _iter_lines(text: str, folder: Path, seen: set[Path]) -> Iterator[str]:
    """The lines of a requirement file, without comments and with included files in place. Missing ones are skipped."""
    for line in text.splitlines():
        included = _INCLUDED.match(line)
        if included is None:
            yield _COMMENT.sub("", line)
            continue
        path = folder / included[1]
        if path in seen or len(seen) >= _MOST_FILES:
            continue
        seen.add(path)
        try:
            yield from _iter_lines(read_regular(path).decode(errors="replace"), path.parent, seen)
        except (OSError, ValueError):
            continue


def _is_lock(path: Path) -> bool:
    """Whether a file has the name of a lock (PEP 751)."""
    return _LOCK.fullmatch(path.name) is not None


def _list_folders_above(paths: Iterable[Path], root: Path) -> tuple[Path, ...]:
    """The folders of the files and those above, up to `root`, sorted. Deleted folders are left out."""
    folders: set[Path] = set()
    for path in paths:
        place = path.parent
        while place.is_relative_to(root):
            folders.add(place)
            if place == root:
                break
            place = place.parent
    return tuple(sorted(folder for folder in folders if folder.is_dir()))


def _find_touched(changed: set[Path], files: Iterable[Path]) -> frozenset[Path]:
    """The changed files, all files that name one of them, and so on.

    Each round looks for the files that the round before has found.
    """
    touched = set(changed)
    texts = {Path(os.path.realpath(path)): text for path in files if (text := _read_text(path)) is not None}
    new = {path for path in changed if path.suffix in _TEXTS}
    while new:
        named = [(path, re.compile(_name_pattern(path))) for path in new]
        new = {
            path
            for path, text in texts.items()
            if any(_names_file(path, text, other, pattern) for other, pattern in named)
        } - touched
        touched |= new
    return frozenset(touched)


def _names_file(path: Path, text: bytes, other: Path, pattern: re.Pattern[bytes]) -> bool:
    """Whether a file names another: a list by its path, an app by the name of the module.

    A module is another one if the app has a file of that name beside itself.
    """
    found = [match[0].decode(errors="replace") for match in pattern.finditer(text)]
    if path.suffix != ".py":
        return any((path.parent / one).resolve() == other for one in found)
    beside = path.parent / other.name
    return bool(found) and (path.parent == other.parent or not beside.exists())


def _name_pattern(path: Path) -> bytes:
    """The pattern for a text that names a file: the name of a list, or the import of a module."""
    stem = path.parent.name if path.name == "__init__.py" else path.stem
    named = rb"[^\s=\"']*(?<![\w-])" + re.escape(path.name.encode())
    if path.suffix != ".py":
        return named
    return named + rb"|\b(?:from|import)\b[^\n]*\b" + re.escape(stem.encode()) + rb"\b"


def _read_text(path: Path) -> bytes | None:
    """The bytes of a list, an app or settings; None for any other file, and for one that is too large."""
    if path.suffix not in _TEXTS and path.name != "pyproject.toml":
        return None
    try:
        return read_regular(path, limit_bytes=_LARGEST_BYTES)
    except OSError:
        return None


def _is_touched(source: Path, touched: frozenset[Path]) -> bool:
    """Whether the list of a lock, or the file with its settings, is among these files."""
    if Path(os.path.realpath(source)) in touched:
        return True
    try:
        _, settings_path = find_settings(source.parent, seen_from=source.parent)
    except PinfoldError:
        return True
    return settings_path is not None and settings_path.resolve() in touched
