"""One run at a time in a folder of wheels: two that bring the same files would stand in each other's way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["hold_folder"]


@contextmanager
def hold_folder(folder: Path, *, announce: Callable[[], None]) -> Iterator[None]:
    """Hold a folder; where another process does, wait for that, which is announced once.

    Systems and disks without such locks go without: there the hashes of the files decide.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        yield  # It is none: whoever writes there next says so.
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            announce()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            pass  # Such as a network's disk.
        yield
    finally:
        os.close(descriptor)
