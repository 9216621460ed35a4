"""Which locks of a repository the files concern that have changed, for a hook.

In: changed files and the root of the repository. Out: locks with the lists that write them. All locks beside a changed
file and in the folders above it count; of the others, those whose list, or a file that this one may read, has changed.
Whether a file reads another is not worked out: it is enough that it names it. A lock that is looked at in vain takes
milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from resolver.errors import PinfoldError
from resolver.sources.app_folder import iter_own_files
from resolver.sources.lock_owners import OwnedLock, find_owned_locks, is_lock
from resolver.sources.settings_file import find_settings

__all__ = ["iter_concerned_locks"]

_TEXTS = frozenset({".txt", ".in", ".py"})
_LARGEST_BYTES = 1_000_000


def iter_concerned_locks(changed: Iterable[Path], *, root: Path) -> Iterator[OwnedLock]:
    """The locks to look at when files of a repository have changed, folder by folder."""
    paths = [root / path for path in changed]
    near = _list_folders_above(paths, root)
    for folder in near:
        yield from find_owned_locks(folder, seen_from=root)
    files = list(iter_own_files(root)) if paths else []
    far = sorted({path.parent for path in files if is_lock(path)} - set(near))
    if not far:
        return
    touched = _find_touched({path.resolve() for path in paths}, files)
    for folder in far:
        for lock in find_owned_locks(folder, seen_from=root):
            if lock.source is not None and _is_touched(root / lock.source.partition("::")[0], touched):
                yield lock


def _list_folders_above(paths: Iterable[Path], root: Path) -> tuple[Path, ...]:
    """The folders of files and those above, up to `root`, sorted."""
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
    """The changed files, and all files that name one of them, or name one that does."""
    touched = set(changed)
    texts = {path.resolve(): text for path in files if (text := _read_text(path)) is not None}
    new = {path for path in changed if path.suffix in _TEXTS}
    while new:
        named = [(path, re.compile(_name_pattern(path))) for path in new]
        new = {
            path for path, text in texts.items() if any(_names(path, text, other, pattern) for other, pattern in named)
        } - touched
        touched |= new
    return frozenset(touched)


def _names(path: Path, text: bytes, other: Path, pattern: re.Pattern[bytes]) -> bool:
    """Whether a file names another: a list by its path, an app by its name unless it has such a file beside itself."""
    found = [match[0].decode(errors="replace") for match in pattern.finditer(text)]
    if path.suffix != ".py":
        return any((path.parent / one).resolve() == other for one in found)
    beside = path.parent / other.name
    return bool(found) and (path.parent == other.parent or not beside.exists())


def _name_pattern(path: Path) -> bytes:
    """What a file has in it that names another: the name of a list, the import of a module."""
    stem = path.parent.name if path.name == "__init__.py" else path.stem
    named = rb"[^\s=\"']*(?<![\w-])" + re.escape(path.name.encode())
    if path.suffix != ".py":
        return named
    return named + rb"|\b(?:from|import)\b[^\n]*\b" + re.escape(stem.encode()) + rb"\b"


def _read_text(path: Path) -> bytes | None:
    """The bytes of a list, an app or settings; None for any other file, and for one that is too large for them."""
    if path.suffix not in _TEXTS and path.name != "pyproject.toml":
        return None
    try:
        return path.read_bytes() if path.stat().st_size <= _LARGEST_BYTES else None
    except OSError:
        return None


def _is_touched(source: Path, touched: frozenset[Path]) -> bool:
    """Whether the list of a lock, or the file with its settings, is one of these files."""
    if source.resolve() in touched:
        return True
    try:
        _, settings_path = find_settings(source.parent, seen_from=source.parent)
    except PinfoldError:
        return True
    return settings_path is not None and settings_path.resolve() in touched
