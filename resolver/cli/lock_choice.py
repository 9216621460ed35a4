"""Which lockfiles a verb is about: those named, else the only one of the folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from packaging.pylock import is_valid_pylock_path

from lockfiles import Lockfile, LockfileError, read
from lockfiles.value_classes import dataclass
from resolver.errors import Fault, InputError, render_os_error
from resolver.requirements.url import redact

__all__ = ["ChosenLock", "choose_lockfiles", "explain_unusable", "read_lockfile", "read_lockfiles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenLock:
    """A lockfile with the name that the user gave it."""

    shown: str
    path: Path
    lockfile: Lockfile


def choose_lockfiles(names: Sequence[str], *, folder: Path) -> tuple[Path, ...]:
    """The paths named, else the only lock of the folder (PEP 751: `pylock.toml`, `pylock.<name>.toml`).

    Raises InputError where none is named and the folder has none, or several, and for a URL, which may hold a secret.
    """
    for name in names:
        if "://" in name:
            raise InputError(f"`{redact(name)}` is a URL, and a lock is read from a file", remedy="download it first")
    if names:
        return tuple(Path(name) if Path(name).is_absolute() else folder / name for name in names)
    found = sorted(path for path in folder.iterdir() if is_valid_pylock_path(path))
    if len(found) == 1:
        return (found[0],)
    if not found:
        raise InputError(
            "no lockfile is named, and the folder has no `pylock.toml`", remedy="name one, or make it: `lock`"
        )
    listed = ", ".join(f"`{path.name}`" for path in found)
    raise InputError(f"no lockfile is named, and the folder has several: {listed}", remedy="name one of them")


def read_lockfiles(names: Sequence[str], *, folder: Path) -> tuple[ChosenLock, ...]:
    """The locks that `choose_lockfiles` finds, read. Raises InputError for one that cannot be."""
    return tuple(read_lockfile(path, folder=folder) for path in choose_lockfiles(names, folder=folder))


def read_lockfile(path: Path, *, folder: Path) -> ChosenLock:
    """One lock, read. Raises InputError where it cannot be."""
    shown = str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
    try:
        return ChosenLock(shown=shown, path=path, lockfile=read(path))
    except LockfileError as error:
        raise explain_unusable(error, shown=shown) from error
    except OSError as error:
        raise InputError(f"`{shown}` cannot be read: {render_os_error(error)}") from error


def explain_unusable(error: LockfileError, *, shown: str) -> InputError:
    """The error for a lockfile that cannot be used, with all that is wrong with it."""
    first, *others = error.faults
    return InputError.from_faults((Fault(what=f"`{shown}` is no lockfile that can be used: {first}"), *others))
