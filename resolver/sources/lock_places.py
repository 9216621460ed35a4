"""The file of each lock: its folder, beside the source or as `-o` names it, its name (PEP 751), and whose lock it is.

In: sources with the labels of their machine types, and the settings of the command line. Out: one path for each lock,
or None for standard output. No two locks of a run have one file. PEP 751 allows `pylock.toml` and `pylock.<name>.toml`.

A lock belongs to its source, which it records (`record_source`). Its name depends on that source alone, not on what
else is locked: two runs never give one list two locks, and two lists never write one lock in turns and keep each
other's pins. Where two sources have one name all the same (`a.txt` and `a.in`), the lock stays that of the first
(`find_other_owner`).

A module of its own because every place must be known before the first lock is resolved: a collision found at the
end would waste the run.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.pylock import is_valid_pylock_path

from lockfiles._files import read_regular
from resolver.errors import SourceError
from resolver.settings.settings import Settings
from resolver.sources.settings_file import has_list, name_path
from resolver.sources.source import AppFile, Source, StandardInput

__all__ = [
    "find_other_owner",
    "list_old_names",
    "name_lock",
    "name_source",
    "place_locks",
    "record_source",
    "split_words",
]

# The lists of a folder as a whole: their locks have no name of a source.
_PLAIN_NAMES = ("pyproject.toml", "requirements.txt")
_STANDARD_INPUT = "-"
# A place that ends like one of these is meant as a file, and a lock has another suffix.
_FILE_SUFFIXES = {".in", ".json", ".lock", ".py", ".txt", ".yaml", ".yml"}


def place_locks(
    jobs: Sequence[tuple[Source, str | None]],
    arguments: Settings,
    *,
    folder: Path,
    unreadable: Sequence[str] = (),
) -> tuple[Path | None, ...]:
    """The file of each lock, in the order of `jobs`; None is standard output. Raises SourceError for a collision.

    A job is a source and the label of its machine types, None for the one lock of a source. Without `-o` a lock is
    beside its source. A name that ends with `.toml` is a file, any other one a folder. Sources that are `unreadable`
    count only where a single lock can be printed.
    """
    paths: list[Path | None] = []
    for source, machine in jobs:
        place = _output_folder(source, arguments, folder)
        if source.lock_path is not None and machine is None and arguments.output is None:
            # The app installs the file of this name.
            place = source.lock_path
        _check_folder(place)
        if place is not None and not _is_file(place):
            place /= name_lock(name_source(source), machine)
            if place.parent == source.folder and source.settings.output is None and arguments.output is None:
                _check_only_list(source)
        _check_lock_name(place, folder)
        paths.append(place)
    _check_only_one([source for (source, _), path in zip(jobs, paths, strict=True) if path is None], unreadable)
    names = [source.name if machine is None else f"{source.name} for {machine}" for source, machine in jobs]
    _check_collisions((name, path) for name, path in zip(names, paths, strict=True) if path is not None)
    return tuple(paths)


def record_source(source: Source, path: Path | None, *, folder: Path) -> str | None:
    """The source of a lock as the lock records it: its file relative to the lock at `path`, and the name of its app.

    An app that installs a lock shares the list of another file: the lock belongs to that file. A lock that is printed
    is recorded as if it were beside its source. Standard input is `-`; None is a list without a file. `folder` is that
    of the run.
    """
    if isinstance(source.form, StandardInput):
        return _STANDARD_INPUT
    if source.path is None:
        return None
    name = source.name if source.lock_path is None else source.list_name or source.name
    file, separator, app = name.partition("::")
    return f"{name_path(folder / file, source.folder if path is None else path.parent)}{separator}{app}"


def find_other_owner(recorded: str | None, own: str | None, *, lock_folder: Path) -> str | None:
    """The source that a lock records, if it exists and is another one than `own`; None if the lock is free.

    Both are relative to `lock_folder`. Of an app that was named by its file alone the class is unknown, so it is the
    same source as any class of that file.
    """
    if recorded is None or recorded == own:
        return None
    file, _, app = recorded.partition("::")
    own_file, _, own_app = (own or "").partition("::")
    if os.path.normpath(file) == os.path.normpath(own_file) and not (app and own_app):
        return None
    folders = (lock_folder, *([(lock_folder / own_file).parent] if own_file else []))
    return recorded if _is_source(lock_folder / file, app, folders=folders) else None


def name_source(source: Source) -> str:
    """The part of a lock's name that is its source's: empty for a pyproject.toml and a requirements.txt.

    Any other source has the stem of its file, followed by the name of the class or table if it was named with one.
    """
    if source.path is None:
        return source.stem
    file, _, app = source.name.replace("\\", "/").partition("::")
    name = Path(file).name
    if name in _PLAIN_NAMES and not app:
        return ""
    return "-".join([Path(name).stem, *([split_words(app)] if app else [])])


def list_old_names(source: Source, machine: str | None) -> tuple[str, ...]:
    """The names that the lock of a source had before names depended on the source alone.

    `pylock.toml` was the only lock of a folder; of several each had the name of its app, project or file.
    """
    old = (split_words(source.form.class_name) if isinstance(source.form, AppFile) else source.stem, "")
    return tuple(dict.fromkeys(name_lock(stem, machine) for stem in old))


def split_words(class_name: str) -> str:
    """A class name in the words of a file name: `TextToImage` as `text-to-image`, `SDXLTurbo` as `sdxl-turbo`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", class_name).lower()


def name_lock(stem: str, machine: str | None = None) -> str:
    """The file name of a lock: `pylock.toml`, `pylock.gpu-a100.toml`, `pylock.text-to-image-gpu-h100.toml`.

    `stem` is that of `name_source`; `machine` is the machine type, or several joined with `-or-`. Raises SourceError
    if nothing is left of a name but punctuation.
    """
    parts = [stem] if stem else []
    parts += [machine] if machine else []
    name = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
    if parts and not name:
        raise SourceError(f"`{'-'.join(parts)}` leaves no name for its lock", remedy="`-o pylock.NAME.toml`")
    return f"pylock.{name}.toml" if name else "pylock.toml"


def _is_source(path: Path, app: str, *, folders: Iterable[Path]) -> bool:
    """Whether a recorded source still exists: its file, and the name of its app in the text of the file.

    Of a file in none of the folders only its existence counts: the author of a lock may be a stranger, and must not
    decide what is read elsewhere.
    """
    try:
        if not path.is_file():
            return False
        is_near = any(Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)) for folder in folders)
        return not app or not is_near or app.encode() in read_regular(path)
    except OSError:
        return False


def _check_only_list(source: Source) -> None:
    """Raises SourceError if the pyproject.toml and the requirements.txt of a folder both have a list: one name is left.

    `output` in [tool.pinfold] settles it, as a name that is then somebody's choice.
    """
    if name_source(source) or source.path is None or source.path.name not in _PLAIN_NAMES:
        return
    pyproject, requirements = (source.folder / name for name in _PLAIN_NAMES)
    if pyproject.is_file() and requirements.is_file() and has_list(pyproject):
        raise SourceError(
            "`pyproject.toml` and `requirements.txt` both hold a list, and the lock of either is `pylock.toml`",
            remedy='`output = "pylock.NAME.toml"` in [tool.pinfold], or `-o` for one of them',
        )


def _check_collisions(outputs: Iterable[tuple[str, Path]]) -> None:
    """Raises SourceError if two locks would be in one file. Letter case is ignored: some file systems ignore it.

    `outputs` are the locks by their names in messages (`app.py`, `app.py for GPU-A100`), with their files.
    """
    owners: dict[str, str] = {}
    for name, path in outputs:
        key = str(path.absolute()).casefold()
        if key in owners:
            raise SourceError(
                f"`{owners[key]}` and `{name}` would both be locked into `{path.name}`",
                remedy=_remedy(owners[key], name),
            )
        owners[key] = name


def _remedy(one: str, other: str) -> str:
    """The remedy for two locks in one file: another one if they are of one source."""
    source, is_for_machine, _ = one.partition(" for ")
    if is_for_machine and other.startswith(f"{source} for "):
        return "`-o FOLDER`, or one `-m`; `-m A,B` is one lock for both"
    return "lock them one by one with `-o`, or rename one of them"


def _output_folder(source: Source, arguments: Settings, folder: Path) -> Path | None:
    """The file or folder that `-o` or the `output` setting names, or else the folder of the source; None for `-`."""
    output = arguments.output or source.settings.output
    if output is None:
        return source.folder
    if output == "-":
        return None
    if arguments.output is not None or source.settings_path is None:
        return folder / output
    return source.settings_path.parent / output


def _check_only_one(printed: Sequence[Source], unreadable: Sequence[str]) -> None:
    """Raises SourceError if more than one lock would be printed."""
    if not printed:
        return
    if len({id(source) for source in printed}) + len(unreadable) > 1:
        raise SourceError("`-o -` prints one lock, and several sources are named", remedy="`-o FOLDER`, or one source")
    if len(printed) > 1:
        raise SourceError(
            "`-o -` prints one lock, and several `-m` are named",
            remedy="`-o FOLDER`, or one `-m`; `-m A,B` is one lock for both",
        )


def _is_file(place: Path) -> bool:
    """Whether a place is meant as a file.

    A folder may be called `x.toml`, too.
    """
    return place.suffix == ".toml" and not place.is_dir()


def _check_folder(place: Path | None) -> None:
    """Raises SourceError for a file, or a name like that of a file, in the place of a folder."""
    if place is None or _is_file(place) or place.is_dir():
        return
    if place.exists() or place.suffix in _FILE_SUFFIXES:
        raise SourceError(
            f"`{place.name}` is no folder and no name for a lock, which is `pylock.toml` or `pylock.NAME.toml`"
            " (PEP 751)",
            remedy="`-o pylock.toml`, or `-o -` to print it",
        )


def _check_lock_name(path: Path | None, folder: Path) -> None:
    """Raises SourceError for a name that PEP 751 does not allow, which no installer would find.

    `folder` is that of the run, from which the remedy names the file.
    """
    if path is not None and not is_valid_pylock_path(path):
        stem = path.stem.removeprefix("pylock.").replace(".", "-")
        near = path.with_name(f"pylock.{stem}.toml")
        shown = name_path(near, folder) if near.is_relative_to(folder) else near.as_posix()
        raise SourceError(
            f"`{path.name}` is no name for a lock, which is `pylock.toml` or `pylock.NAME.toml` without more"
            " dots (PEP 751)",
            remedy=f"`-o {shlex.quote(shown)}`",
        )
