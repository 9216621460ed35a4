"""The file of each lock of a run: its folder, beside the source or as `-o` names it, and its name (PEP 751).

In: sources with the labels of their machine types, and the settings of the command line. Out: one path for each lock,
or None for standard output. No two locks of a run have one file. PEP 751 allows `pylock.toml` and `pylock.<name>.toml`.

A module of its own because every place must be known before the first lock is resolved: a collision found at the end
would waste the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from packaging.pylock import is_valid_pylock_path

from resolver.errors import SourceError
from resolver.settings.settings import Settings
from resolver.sources.source import Source

__all__ = ["place_locks"]

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
    still count among those that share a folder, so that the name of a lock does not depend on them.
    """
    folders = {id(source): _output_folder(source, arguments, folder) for source, _ in jobs}
    shared = [*folders.values(), *(folder / (arguments.output or PurePath(name).parent) for name in unreadable)]
    paths: list[Path | None] = []
    for source, machine in jobs:
        place = folders[id(source)]
        if source.lock_path is not None and machine is None and arguments.output is None:
            # The app installs the file of this name.
            place = source.lock_path
        _check_folder(place)
        if place is not None and not _is_file(place):
            place /= _name_lock(source.stem, machine, several=shared.count(place) > 1)
        _check_lock_name(place)
        paths.append(place)
    _check_only_one([source for (source, _), path in zip(jobs, paths, strict=True) if path is None], unreadable)
    names = [source.name if machine is None else f"{source.name} for {machine}" for source, machine in jobs]
    _check_collisions((name, path) for name, path in zip(names, paths, strict=True) if path is not None)
    return tuple(paths)


def _name_lock(stem: str, machine: str | None = None, *, several: bool = False) -> str:
    """The file name of a lock: `pylock.toml`, `pylock.gpu-a100.toml`, `pylock.text-to-image-gpu-h100.toml`.

    `stem` is that of the source and takes part if `several` sources are locked into one folder; `machine` is the
    machine type, or several joined with `-or-`. Raises SourceError if nothing is left of a name but punctuation.
    """
    parts = [stem] if several else []
    parts += [machine] if machine else []
    name = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")
    if parts and not name:
        raise SourceError(f"`{'-'.join(parts)}` leaves no name for its lock", remedy="`-o pylock.NAME.toml`")
    return f"pylock.{name}.toml" if name else "pylock.toml"


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


def _check_lock_name(path: Path | None) -> None:
    """Raises SourceError for a name that PEP 751 does not allow, which no installer would find."""
    if path is not None and not is_valid_pylock_path(path):
        stem = path.stem.removeprefix("pylock.").replace(".", "-")
        raise SourceError(
            f"`{path.name}` is no name for a lock, which is `pylock.toml` or `pylock.NAME.toml` without more"
            " dots (PEP 751)",
            remedy=f"`-o pylock.{stem}.toml`",
        )
