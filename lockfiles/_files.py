"""Files as whole things: replace one atomically, and compute SHA-256 of texts and files.

In: a path and bytes. Out: a file that other programs see with its old content or its new content, never with half of
each; or a hash in hex. It is private to this repository, and both packages use it: a lock, a cache entry and a
wheelhouse are written in the same way.

Texts are hashed without OpenSSL, which `hashlib` loads in 2.5 ms of a run that hashes 2 KB.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["hash_bytes", "hash_file", "replace_file"]

_SHA256_MODULES = ("_sha2", "_sha256", "hashlib")
"""The module of CPython 3.12 and later, that of CPython 3.11, and the one that every Python has."""


def replace_file(path: Path, data: bytes, *, mode: int | None = None, is_durable: bool = False) -> None:
    """Write `data` to a temporary file beside `path`, then rename it to `path`; remove it if anything fails.

    `mode` None gives the permissions of the umask; any other mode applies from the first byte on. `is_durable` makes
    the content survive a power cut, which takes 4 ms. Raises OSError.
    """
    temporary = path.with_name(f".{path.name[:200]}.{os.urandom(6).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        # `tempfile` would make the file private to the user.
        with os.fdopen(os.open(temporary, flags, 0o666 if mode is None else mode), "wb") as file:
            file.write(data)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def hash_bytes(data: bytes) -> str:
    """The SHA-256 of `data` in hex."""
    digest: str = _find_sha256()(data).hexdigest()
    return digest


def hash_file(path: Path) -> str:
    """The SHA-256 of a file in hex. Raises OSError."""
    # Lazy: few runs read a file that is large enough for OpenSSL to be worth its start.
    from hashlib import file_digest

    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


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
