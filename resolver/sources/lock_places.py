"""Where the locks of a run lie: beside their sources, or where `-o` says; never two in one place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath

from packaging.pylock import is_valid_pylock_path

from resolver.errors import SourceError
from resolver.settings import Settings
from resolver.sources.lock_names import check_collisions, lockfile_name
from resolver.sources.source import Source

__all__ = ["place_locks"]

_FILE_SUFFIXES = {".in", ".json", ".lock", ".py", ".txt", ".yaml", ".yml"}


def place_locks(
    jobs: Sequence[tuple[Source, str | None]],
    arguments: Settings,
    *,
    folder: Path,
    unreadable: Sequence[str] = (),
) -> tuple[Path | None, ...]:
    """Where each lock lies; None is standard output. Raises SourceError if two would lie in one place.

    A job is a source and the label of its machine types, None for the one lock of a source. Without `-o` a lock lies
    beside its source. A name that ends with `.toml` is a file, any other one a folder. Sources of the run that are
    `unreadable` count where several share a folder: a lock's name does not depend on them.
    """
    folders = {id(source): _output_folder(source, arguments, folder) for source, _ in jobs}
    shared = [*folders.values(), *(folder / (arguments.output or PurePath(name).parent) for name in unreadable)]
    paths: list[Path | None] = []
    for source, machine in jobs:
        place = folders[id(source)]
        if source.lock_path is not None and machine is None and arguments.output is None:
            # The app installs this very file.
            place = source.lock_path
        _check_folder(place)
        if place is not None and not _is_file(place):
            place /= lockfile_name(source.stem, machine, several=shared.count(place) > 1)
        _check_lock_name(place)
        paths.append(place)
    _check_only_one([source for (source, _), path in zip(jobs, paths, strict=True) if path is None], unreadable)
    names = [source.name if machine is None else f"{source.name} for {machine}" for source, machine in jobs]
    check_collisions((name, path) for name, path in zip(names, paths, strict=True) if path is not None)
    return tuple(paths)


def _output_folder(source: Source, arguments: Settings, folder: Path) -> Path | None:
    """What `-o` or the `output` setting names, else the folder of the source."""
    output = arguments.output or source.settings.output
    if output is None:
        return source.folder
    if output == "-":
        return None
    if arguments.output is not None or source.settings_path is None:
        return folder / output
    return source.settings_path.parent / output


def _check_only_one(printed: Sequence[Source], unreadable: Sequence[str]) -> None:
    """Raises SourceError where more than one lock would be printed."""
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
    return place.suffix == ".toml" and not place.is_dir()


def _check_folder(place: Path | None) -> None:
    """Refuse a file, or what is named like one, in the place of a folder."""
    if place is None or _is_file(place) or place.is_dir():
        return
    if place.exists() or place.suffix in _FILE_SUFFIXES:
        raise SourceError(
            f"`{place.name}` is no folder and no name for a lock, which is `pylock.toml` or `pylock.NAME.toml`"
            " (PEP 751)",
            remedy="`-o pylock.toml`, or `-o -` to print it",
        )


def _check_lock_name(path: Path | None) -> None:
    if path is not None and not is_valid_pylock_path(path):
        stem = path.stem.removeprefix("pylock.").replace(".", "-")
        raise SourceError(
            f"`{path.name}` is no name for a lock, which is `pylock.toml` or `pylock.NAME.toml` without more"
            " dots (PEP 751)",
            remedy=f"`-o pylock.{stem}.toml`",
        )
