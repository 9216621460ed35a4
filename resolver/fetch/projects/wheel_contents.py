"""The architectures that a wheel of torch was compiled for, read out of it by ranges and kept for the next run.

Some 10 MB of a wheel of 500 MB travel: its directory, and its library of Python bindings up to where the flags stand.

The architectures that a build of torch was compiled for, found in the library that knows them.

In: the bytes of `libtorch_python.so` as they come, in chunks. Out: text as the data has it (`75 80 ptx120`). It holds
the flags that it was compiled with, which `torch.cuda.get_arch_list()` splits: no GPU and no import is needed.

The contents of locked wheels, by a range or two of each: their directory stands at the end of the file.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from packaging.pylock import PackageWheel
from packaging.utils import NormalizedName

from resolver.errors import FetchError
from resolver.fetch.http.http_errors import missing_offline
from resolver.fetch.http.local_files import find_local_path
from resolver.fetch.http.session import Session
from resolver.fetch.projects.record_store import RecordStore, dump_texts, load_texts
from resolver.index.distribution_file import DistributionFile
from resolver.index.wheel_directory import (
    Member,
    MoreBytes,
    WheelContents,
    WheelDirectoryError,
    list_members,
    read_contents,
)

__all__ = [
    "LIBRARY",
    "Kernels",
    "fetch_contents",
    "find_architectures",
]


LIBRARY = "/libtorch_python.so"
"""How the name of the library ends in a wheel."""

_FLAGS = re.compile(rb"(?<![0-9a-z_])(?:(?:sm|compute)_\d{2,3}[af]?(?: |(?=\0)))+(?=\0)")
"""`sm_75 sm_80 compute_120`, ended by a zero byte."""
_OVERLAP_BYTES = 4096


def find_architectures(chunks: Iterable[bytes]) -> str:
    """The longest list of flags, as `75 80 ptx120`; reading ends once one is found. Empty without any."""
    rest = b""
    for chunk in chunks:
        window = rest + chunk
        found = max(_FLAGS.findall(window), key=len, default=b"")
        if b" " in found:
            return found.decode("ascii").replace("sm_", "").replace("compute_", "ptx").strip()
        rest = window[-_OVERLAP_BYTES:]
    return ""


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


_TAIL_BYTES_WHEEL_LISTING = 65_536
_AT_ONCE = 8


def fetch_contents(
    wheels: Mapping[NormalizedName, PackageWheel], *, folder: Path, session: Session
) -> Mapping[NormalizedName, WheelContents | None]:
    """What each wheel unpacks to, by project; None where its host gives no part of it or it cannot be read.

    `folder` is the lock's: paths in it are relative to that. Raises FetchError where a host does not answer.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(partial(_fetch_one, folder=folder, session=session), wheels.values())
        return dict(zip(wheels, found, strict=True))


def _fetch_one(wheel: PackageWheel, *, folder: Path, session: Session) -> WheelContents | None:
    try:
        if wheel.path is not None:
            return _read_local_of_wheel_listing(folder / wheel.path)
        local = None if wheel.url is None else find_local_path(wheel.url)
        if local is not None:
            return _read_local_of_wheel_listing(local)
        return None if wheel.url is None else _fetch_by_ranges(wheel.url, session)
    except WheelDirectoryError:
        return None


def _fetch_by_ranges(url: str, session: Session) -> WheelContents | None:
    part = session.fetch_range(url, start=-_TAIL_BYTES_WHEEL_LISTING)
    if part is None:
        return None
    tail, size = part.data, part.size
    for _ in range(_STEPS):
        members = list_members(tail, size=size)
        if not isinstance(members, MoreBytes):
            return read_contents(members)
        more = session.fetch_range(url, start=members.start, stop=size - len(tail))
        if more is None or more.size != size:
            return None
        tail = more.data + tail
    return None


def _read_local_of_wheel_listing(path: Path) -> WheelContents | None:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FetchError(f"{path} cannot be read", why=f"{error.strerror}", url=path.as_uri()) from error
    members = list_members(data, size=len(data))
    return None if isinstance(members, MoreBytes) else read_contents(members)
