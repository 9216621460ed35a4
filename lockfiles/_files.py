"""Files as whole things: open and read them within limits, replace one atomically, and compute SHA-256.

In: a path and bytes. Out: the content of a regular file of bounded size; a file that other programs see with its old
content or its new content, never with half of each; or a hash in hex. It is private to this repository, and both
packages use it: a lock, a cache entry and a wheelhouse are written in the same way, and every file that a user, a list
or an archive names is opened here, so that none of them can make a run wait or fill its memory. A process that is
killed leaves its temporary file, which a later run removes.

Texts are hashed without OpenSSL, which `hashlib` loads in 2.5 ms of a run that hashes 2 KB.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockfiles._values import compile_later

if TYPE_CHECKING:
    from io import BufferedReader

__all__ = [
    "FILE_LIMIT_BYTES",
    "hash_bytes",
    "hash_file",
    "open_regular",
    "read_regular",
    "remove_strays",
    "replace_file",
    "temporary_file",
]

FILE_LIMIT_BYTES = 8 * 1024 * 1024
"""The most that is read of a file that people write: a list, settings, logins. A list of hundreds of projects, with all
hashes, has a fifth of that."""

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

try:
    _fcntl: Any = import_module("fcntl")
except ImportError:  # Windows.
    _fcntl = None

_TEMPORARY = compile_later(r"\.(.+)\.[0-9a-f]{12}\.tmp")
"""The names that `temporary_file` gives."""

_SHA256_MODULES = ("_sha2", "_sha256", "hashlib")
"""The module of CPython 3.12 and later, that of CPython 3.11, and the one that every Python has."""


def replace_file(path: Path, data: bytes, *, mode: int | None = None, is_durable: bool = False) -> None:
    """Write `data` to a temporary file beside `path`, then rename it to `path`; remove it if anything fails.

    `mode` None gives the permissions of the umask; any other mode applies from the first byte on. `is_durable` makes
    the content survive a power cut, which takes 4 ms. Raises OSError.
    """
    with temporary_file(path, mode=mode) as temporary:
        with temporary.open("r+b") as file:
            file.write(data)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)


@contextmanager
def temporary_file(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """A new empty file beside `path`, removed at the end unless it was renamed. Raises OSError.

    It is locked while it is in use, so that `remove_strays` of another run leaves it alone.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    while True:
        temporary = path.with_name(f".{path.name[:200]}.{os.urandom(6).hex()}.tmp")
        # `tempfile` would make the file private to the user.
        descriptor = os.open(temporary, flags, 0o666 if mode is None else mode)
        if not _lock(descriptor, waits=True) or os.fstat(descriptor).st_nlink:
            break
        os.close(descriptor)  # Another run took it for a stray one before it was locked.
    try:
        if _fcntl is None:  # Windows renames no open file.
            os.close(descriptor)
        yield temporary
    finally:
        if _fcntl is not None:
            os.close(descriptor)
        temporary.unlink(missing_ok=True)


def remove_strays(folder: Path, name: str | None = None) -> None:
    """Remove temporary files in `folder` whose process was killed: those for the file `name`, or None for all.

    A file that is still locked belongs to a run that is at work. Where files cannot be locked (Windows, some network
    file systems), or the folder cannot be read or written, nothing is removed.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _TEMPORARY.fullmatch(entry.name)
            if match and (name is None or name[:200] == match[1]) and entry.is_file(follow_symlinks=False):
                _remove_unlocked(entry.path)


def _remove_unlocked(path: str) -> None:
    """Remove a file that no process has locked."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0))
        try:
            if _lock(descriptor):
                os.unlink(path)  # noqa: PTH108  # a directory entry has its path as a text
        finally:
            os.close(descriptor)


def _lock(descriptor: int, *, waits: bool = False) -> bool:
    """Lock an open file until it is closed or its process ends; False where another holds it, or nothing can be locked.

    `waits` waits for another that holds it. On Windows nothing is locked.
    """
    if _fcntl is None:
        return False
    try:
        _fcntl.flock(descriptor, _fcntl.LOCK_EX if waits else _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def open_regular(path: Path) -> BufferedReader:
    """A file, open for reading. Raises OSError for a path that leads to anything but a regular file, at once.

    A pipe would wait for a writer, and a device may never end. The `strerror` is a reason that can be shown.
    """
    try:
        # Judged before it is opened, which alone changes the state of some devices, and after, as it may be replaced.
        _check_kind(path.stat().st_mode, path)
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(path, flags), "rb")
    except ValueError as error:
        raise OSError(errno.EINVAL, "its path has characters that no path may have", str(path)) from error
    try:
        _check_kind(os.fstat(file.fileno()).st_mode, path)
    except OSError:
        file.close()
        raise
    return file


def read_regular(path: Path, *, limit_bytes: int = FILE_LIMIT_BYTES) -> bytes:
    """The content of a regular file. Raises OSError as `open_regular` does, and for a file of more than the limit."""
    with open_regular(path) as file:
        # The size is no promise: the files of `/proc` tell 0, and a file may grow.
        data = file.read(limit_bytes + 1) if os.fstat(file.fileno()).st_size <= limit_bytes else None
    if data is None or len(data) > limit_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {limit_bytes} bytes, the most for such a file", str(path))
    return data


def hash_bytes(data: bytes) -> str:
    """The SHA-256 of `data` in hex."""
    digest: str = _find_sha256()(data).hexdigest()
    return digest


def hash_file(path: Path) -> str:
    """The SHA-256 of a file in hex. Raises OSError."""
    # Lazy: few runs read a file that is large enough for OpenSSL to be worth its start.
    from hashlib import file_digest

    with open_regular(path) as file:
        return file_digest(file, "sha256").hexdigest()


def _check_kind(mode: int, path: Path) -> None:
    """Raise OSError unless the mode is that of a regular file."""
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))


@cache
def _find_sha256() -> Callable[[bytes], Any]:
    """The constructor of the first module that this Python has. Raises ImportError if it has none of them."""
    for name in _SHA256_MODULES:
        try:
            found: Callable[[bytes], Any] = import_module(name).sha256
        except (ImportError, AttributeError):
            continue
        return found
    raise ImportError("this Python has no SHA-256")
