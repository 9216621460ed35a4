"""The files that an app file may be read together with: regular files of moderate size in its own repository.

In: paths and module names as the code of the app makes them. Out: the file that each means, and its bytes. Without a
repository (a folder with `.git`) only the folder of the app counts. A device, a pipe and a large file are not read: no
list is one of these, and reading them could hang or fill the memory.

A module of its own because it is the only part of the interpreter that reads the disk.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from lockfiles._files import read_regular
from resolver.errors import SourceError, render_os_error
from resolver.sources.settings_file import iter_upwards, name_path

__all__ = ["AppFiles"]

_LARGEST_BYTES = 1_000_000
# The limit of Linux is 4096, with the final zero byte (PATH_MAX).
_LONGEST_PATH = 4000


class AppFiles:
    """The files around an app file at `path`. Messages name them as seen from `seen_from`."""

    def __init__(self, path: Path, *, seen_from: Path) -> None:
        self.path = path.absolute()
        self._seen_from = seen_from
        folders = list(iter_upwards(self.path.parent))
        self._folders = folders if (folders[-1] / ".git").exists() else folders[:1]

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that modules of the app can lie in, nearest first."""
        return tuple(self._folders)

    def name(self, path: Path) -> str:
        """The name of a file in messages."""
        return name_path(path, self._seen_from)

    def exists(self, path: str) -> bool:
        """Whether there is such a regular file that may be read. A path that could be several files exists."""
        try:
            return bool(self._candidates(path))
        except SourceError:
            return False

    def locate(self, path: str) -> Path:
        """The one file that a path means: relative to the app's folder, or to one above it in the repository.

        Raises SourceError: what a relative path is relative to is known at run time alone, so only a path that leads
        to one file is followed.
        """
        found = self._candidates(path)
        if not found:
            raise SourceError(f"there is no file `{Path(path).name}` that can be read in the app's repository")
        if len(found) > 1:
            names = ", ".join(f"`{self.name(one)}`" for one in found)
            raise SourceError(f"it can be {names}: the folder that the app is run in decides")
        return found[0]

    def read(self, path: Path) -> bytes:
        """The bytes of a located file. Raises SourceError."""
        try:
            return read_regular(path)
        except OSError as error:
            why = render_os_error(error)
            raise SourceError(f"`{self.name(path)}` cannot be read: {why}") from error

    def find_module(self, dotted: str, *, level: int, beside: Path) -> Path | None:
        """The file of a module of the app's own; None if there is none, or if several folders have one.

        `level` is the number of dots of a relative import, whose start is the folder of the file `beside`.
        """
        parts = dotted.split(".") if dotted else []
        if level:
            start = beside.parent
            for _ in range(level - 1):
                start = start.parent
            folders = [start]
        else:
            folders = self._folders
        found = [one for folder in folders if (one := self._find_in(folder, parts)) is not None]
        return found[0] if len({one.resolve() for one in found}) == 1 else None

    def _find_in(self, folder: Path, parts: list[str]) -> Path | None:
        """The module or package of this dotted name in a folder; the folder itself is a package for an empty name."""
        place = folder.joinpath(*parts)
        candidates = [place / "__init__.py"] if not parts else [place.with_suffix(".py"), place / "__init__.py"]
        return next((one for one in candidates if self._is_readable(one)), None)

    def _candidates(self, path: str) -> list[Path]:
        """The files that a path can mean, nearest folder first. Raises SourceError for a text that is no path."""
        if "\0" in path or len(path) > _LONGEST_PATH:
            raise SourceError("that is no path")
        places = [Path(path)] if Path(path).is_absolute() else [folder / path for folder in self._folders]
        found = dict.fromkeys(Path(os.path.normpath(place)) for place in places)
        return [place for place in found if self._is_readable(place)]

    def _is_readable(self, path: Path) -> bool:
        """Whether it is a regular file of moderate size that lies in the repository.

        Links are followed first, so that a link cannot lead outside of the repository.
        """
        try:
            status = path.stat()
            inside = path.resolve().is_relative_to(self._folders[-1].resolve())
        except (OSError, ValueError, RuntimeError):
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST_BYTES and inside
