"""Core metadata out of a wheel that stays on its server, for indexes that do not offer it as a file of its own.

In: the wheel's size and a function that reads a byte range. Out: the bytes of METADATA. `zipfile` does the reading, on
a file that knows only the ranges fetched so far and says which one it lacks.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Awaitable, Callable

__all__ = ["read_metadata"]

BLOCK_BYTES = 16 * 1024
MAX_READS = 40

ReadRange = Callable[[int, int], Awaitable[bytes]]


async def read_metadata(size_bytes: int, read_range: ReadRange) -> bytes:
    """The wheel's METADATA; `read_range(start, end)` reads the half-open range."""
    file = _SparseFile(size_bytes)
    for _ in range(MAX_READS):
        try:
            return _find_metadata(file)
        except _MissingRangeError as missing:
            start = max(0, missing.start - BLOCK_BYTES) if missing.end == size_bytes else missing.start
            end = min(size_bytes, max(missing.end, start + BLOCK_BYTES))
            file.add(start, await read_range(start, end))
    raise ValueError(f"the wheel's directory needs more than {MAX_READS} reads")


def _find_metadata(file: _SparseFile) -> bytes:
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")]
        if len(names) != 1:
            raise ValueError(f"the wheel has {len(names)} METADATA files, not one")
        return archive.read(names[0])


class _MissingRangeError(Exception):
    """A read met bytes that were not fetched yet. Not an OSError: `zipfile` would swallow that."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end


class _SparseFile(io.BytesIO):
    """A file of the wheel's size of which only some ranges are known."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__()
        self._size = size_bytes
        self._place = 0
        self._known: list[tuple[int, bytes]] = []

    def add(self, start: int, content: bytes) -> None:
        self._known.append((start, content))

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise OSError("before the start of the file")
        self._place = origin + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, size: int | None = -1, /) -> bytes:
        start = self._place
        end = self._size if size is None or size < 0 else min(self._size, start + size)
        if start >= end:
            return b""
        for known_start, content in self._known:
            if known_start <= start and end <= known_start + len(content):
                self._place = end
                return content[start - known_start : end - known_start]
        raise _MissingRangeError(start, end)
