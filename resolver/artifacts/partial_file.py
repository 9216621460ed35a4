"""A file that is on its way: what has come of it so far, with its hash, so that a later run goes on from there."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from lockfiles.sha256 import hash_file
from resolver.errors import InputError, render_os_error

__all__ = ["PartialFile", "measure_file"]

_CHUNK_BYTES = 1 << 20


class PartialFile:
    """Bytes that have come, at the end of which more are written; a context manager.

    What an earlier run has left is read once, for its hash. Raises InputError for a place that cannot be written, and
    where another process is writing to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        try:
            # A link in place of the file would let somebody else choose what is written to.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            self._file = os.fdopen(os.open(path, flags, 0o666), "r+b")
        except OSError as error:
            raise InputError(f"`{path.name}` cannot be written: {render_os_error(error)}") from error
        try:
            self._keep_to_ourselves()
            while chunk := self._file.read(_CHUNK_BYTES):
                self._digest.update(chunk)
                self.size_bytes += len(chunk)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._close()
            return
        with suppress(OSError):  # What could not be written is told already.
            self._file.close()

    @property
    def sha256(self) -> str:
        """The SHA-256 of all that has come, in hex."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Put the next bytes behind what is there. Raises InputError where the disk is full."""
        try:
            self._file.write(chunk)
        except OSError as error:
            raise InputError(f"`{self.path.name}` cannot be written: {render_os_error(error)}") from error
        self._digest.update(chunk)
        self.size_bytes += len(chunk)

    def restart(self) -> None:
        """Forget all that has come."""
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def move_to(self, target: Path) -> None:
        """Close the file and let it be `target` from now on, in place of whatever was there.

        Raises InputError where the disk is full.
        """
        self._close()
        try:
            self.path.replace(target)
        except OSError as error:
            raise InputError(f"`{target.name}` cannot be written: {render_os_error(error)}") from error

    def remove(self) -> None:
        """Close the file and delete it."""
        with suppress(OSError):  # What it could not hold is not wanted.
            self._file.close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        """The last bytes may find the disk full."""
        try:
            self._file.close()
        except OSError as error:
            raise InputError(f"`{self.path.name}` cannot be written: {render_os_error(error)}") from error

    def _keep_to_ourselves(self) -> None:
        """Two runs that write to one file would spoil it for both; systems without such locks find out by the hash."""
        try:
            import fcntl
        except ImportError:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"`{self.path.name}` is being written by another process", remedy="again when that has ended"
            ) from None


def measure_file(path: Path) -> tuple[int, str] | None:
    """Size and SHA-256 of a regular file; None where there is none, or no such file."""
    if path.is_symlink() or not path.is_file():
        return None
    return path.stat().st_size, hash_file(path)
