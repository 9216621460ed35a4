"""The architectures that a wheel of torch was compiled for, read out of it by ranges and kept for the next run.

Some 10 MB of a wheel of 500 MB travel: its directory, and its library of Python bindings up to where the flags stand.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from resolver.fetch.http_errors import missing_offline
from resolver.fetch.local_files import find_local_path
from resolver.fetch.metadata_records import dump_texts, load_texts
from resolver.fetch.record_store import RecordStore
from resolver.fetch.session import Session
from resolver.index.distribution_file import DistributionFile
from resolver.index.wheel_directory import Member, MoreBytes, WheelDirectoryError, list_members
from resolver.targets.kernel_flags import LIBRARY, find_architectures

__all__ = ["Kernels"]

_PROJECT = "torch"
_TAIL_BYTES = 64 * 1024
_STEPS = 4
_CHUNK_BYTES = 1024 * 1024
_LOCAL = struct.Struct("<4s5H3L2H")
_DEFLATED = 8

_ReadBytes = Callable[[int, int], bytes]


class Kernels:
    """What wheels of torch are compiled for. May be used from many threads."""

    def __init__(self, *, session: Session, folder: Path | None) -> None:
        self._session = session
        self._records = RecordStore(None if folder is None else folder / "kernels-v1")

    def find_stored(self, file: DistributionFile) -> str | None:
        """What a run before has read; None where the wheel must be asked."""
        if file.sha256 is None or self._session.refresh:
            return None
        record = self._records.find(_PROJECT, _key(file))
        texts = None if record is None else load_texts(record)
        return texts[0] if texts else None

    def measure(self, file: DistributionFile) -> str:
        """The architectures as the data has them (`75 80 ptx120`); empty where nobody can tell. Raises FetchError."""
        stored = self.find_stored(file)
        if stored is not None:
            return stored
        if self._session.offline:
            raise missing_offline(file.url, what="the kernels")
        found = self._read(file)
        record = dump_texts((found,))
        if found and record is not None and file.sha256 is not None:
            self._records.add(_PROJECT, {_key(file): record})
        return found

    def _read(self, file: DistributionFile) -> str:
        path = find_local_path(file.url)
        try:
            if path is None:
                return self._read_remote(file)
            return _read_local(path)
        except (WheelDirectoryError, zlib.error):
            return ""

    def _read_remote(self, file: DistributionFile) -> str:
        tail = self._session.fetch_range(file.url, start=-_TAIL_BYTES)
        if tail is None:
            return ""

        def read(start: int, stop: int) -> bytes:
            part = self._session.fetch_range(file.url, start=start, stop=stop)
            if part is None:
                raise WheelDirectoryError("the host gives ranges only now and then")
            return part.data

        what = "to see what it is compiled for: some 10 MB of it"
        self._session.announce(what, filename=file.filename, size_bytes=tail.size)
        return _find(tail.data, size=tail.size, read=read)


def _read_local(path: Path) -> str:
    with path.open("rb") as wheel:
        size = wheel.seek(0, 2)

        def read(start: int, stop: int) -> bytes:
            wheel.seek(start)
            return wheel.read(stop - start)

        return _find(read(max(0, size - _TAIL_BYTES), size), size=size, read=read)


def _find(tail: bytes, *, size: int, read: _ReadBytes) -> str:
    for _ in range(_STEPS):
        members = list_members(tail, size=size)
        if not isinstance(members, MoreBytes):
            library = next((one for one in members if one.filename.endswith(LIBRARY)), None)
            return "" if library is None else find_architectures(_iter_content(library, read))
        tail = read(members.start, size - len(tail)) + tail
    raise WheelDirectoryError("the zip directory cannot be found")


def _iter_content(member: Member, read: _ReadBytes) -> Iterator[bytes]:
    """The unpacked content of a member, read step by step."""
    fields = _LOCAL.unpack(read(member.start, member.start + _LOCAL.size))
    start = member.start + _LOCAL.size + fields[9] + fields[10]
    end = start + member.compressed_size
    unpack = zlib.decompressobj(-zlib.MAX_WBITS).decompress if member.method == _DEFLATED else bytes
    while start < end:
        stop = min(end, start + _CHUNK_BYTES)
        yield unpack(read(start, stop))
        start = stop


def _key(file: DistributionFile) -> str:
    return f"{file.url}#{file.sha256}"
