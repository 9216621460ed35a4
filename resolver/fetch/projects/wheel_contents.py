"""Contents of large wheels, by a few ranges of each: what they unpack to, and what one of torch is compiled for.

In: locked wheels, by URL or path, or a wheel of torch. Out: their `WheelContents` (`fetch_contents`), or the GPU
architectures in the form of the data (`75 80 ptx120`; `Kernels`). For a wheel whose host gives no ranges,
or that cannot be read, the result is None or empty, which is no error.

The directory of a wheel is at the end of the file, so its last bytes list all members. The architectures are the flags
that `libtorch_python.so` was compiled with and that `torch.cuda.get_arch_list()` splits. That library is read up to
these flags: some 10 MB of a wheel of 500 MB are fetched, and neither a GPU nor an import is needed. The result is kept
for later runs.

One module, because both read a wheel the same way: tail, directory, and then, for the library alone, its content.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from packaging.pylock import PackageWheel
from packaging.utils import NormalizedName

from lockfiles._files import open_regular
from lockfiles._values import compile_later, dataclass
from resolver.errors import FetchError
from resolver.fetch.http.http_errors import missing_offline
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.projects.record_store import dump_texts, load_texts
from resolver.index.distribution_file import DistributionFile
from resolver.index.wheel_directory import (
    Member,
    MoreBytes,
    WheelContents,
    WheelDirectoryError,
    list_members,
    read_contents,
)

__all__ = ["LIBRARY", "Kernels", "fetch_contents", "find_architectures"]

LIBRARY = "/libtorch_python.so"
"""The end of the library's name in a wheel."""

_FLAGS = compile_later(rb"(?<![0-9a-z_])(?:(?:sm|compute)_\d{2,3}[af]?(?: |(?=\0))){1,200}+(?=\0)")
"""`sm_75 sm_80 compute_120`, ended by a zero byte."""
_OVERLAP_BYTES = 4096
"""More than the longest list of flags, which may be cut between two chunks."""
_PROJECT = "torch"
_TAIL_BYTES = 64 * 1024
_STEPS = 4
"""At most so many parts are read until the directory is complete."""
_CHUNK_BYTES = 1024 * 1024
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
"""The header before the content of a zip member; its last two fields are the lengths of name and extra field."""
_DEFLATED = 8
_THREADS = 8

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _WheelBytes:
    """A wheel of which the last bytes are known; `read` returns those from one offset up to, without, another.

    `read` raises WheelDirectoryError where the host no longer gives ranges, or gives those of another file.
    """

    tail: bytes
    size: int
    read: Callable[[int, int], bytes]


class Kernels:
    """Finds what wheels of torch are compiled for. May be used from many threads."""

    def __init__(self, *, session: HttpSession) -> None:
        self._session = session
        self._records = session.open_records("kernels")

    def measure(self, file: DistributionFile) -> str:
        """The architectures in the form of the data (`75 80 ptx120`); empty where they cannot be found.

        Raises FetchError where the host does not answer, and OfflineError under `--offline` for a new wheel.
        """
        stored = self._find_stored(file)
        if stored is not None:
            return stored
        if self._session.offline:
            raise missing_offline(file.url, what="the kernels")
        found = self._find(file)
        record = dump_texts((found,))
        if found and record is not None and file.sha256 is not None:
            self._records.add(_PROJECT, {self._build_key(file): record})
        return found

    def _find_stored(self, file: DistributionFile) -> str | None:
        """The result of an earlier run; None for a new wheel, and for one without a hash, which may have changed."""
        if file.sha256 is None or self._session.refresh:
            return None
        record = self._records.find(_PROJECT, self._build_key(file))
        texts = None if record is None else load_texts(record)
        return texts[0] if texts else None

    def _build_key(self, file: DistributionFile) -> str:
        found = self._session.credential_ids.find(file.url, page=file.page)
        return f"{file.url}#{file.sha256}{f' {found}' if found else ''}"

    def _find(self, file: DistributionFile) -> str:
        """The architectures from the wheel itself; the reading of a remote one is announced."""
        self._session.check_link(file.url, page=file.link_source)
        path = self._session.find_local(file.url)
        try:
            if path is not None:
                return _read_local(path, _find_in_wheel)
            wheel = _fetch_tail(file.url, self._session)
            if wheel is None:
                return ""
            what = "to see what it is compiled for: some 10 MB of it"
            self._session.announce(what, filename=file.filename, size_bytes=wheel.size)
            return _find_in_wheel(wheel)
        except (WheelDirectoryError, zlib.error):
            return ""


def find_architectures(chunks: Iterable[bytes]) -> str:
    """The longest list of flags in `libtorch_python.so`, in the form of the data (`75 80 ptx120`); empty without any.

    `chunks` is not read any further once a list is found.
    """
    rest = b""
    for chunk in chunks:
        window = rest + chunk
        found = max(_FLAGS.findall(window), key=len, default=b"")
        # A single flag is a text about one architecture, not the list.
        if b" " in found:
            return found.decode("ascii").replace("sm_", "").replace("compute_", "ptx").strip()
        rest = window[-_OVERLAP_BYTES:]
    return ""


def fetch_contents(
    wheels: Mapping[NormalizedName, PackageWheel], *, folder: Path, session: HttpSession
) -> Mapping[NormalizedName, WheelContents | None]:
    """What each wheel unpacks to, by project; None where its host gives no part of it or it cannot be read.

    `folder` is the lock's: paths in it are relative to that. METADATA, which has the licence, is mostly near the end of
    a wheel, so that one request reads all. Raises FetchError where a host does not answer, or a file on disk cannot be
    read.
    """
    # Lazy: the verbs about sizes alone need it, and `Kernels` does not.
    from concurrent.futures import ThreadPoolExecutor

    def fetch(item: tuple[NormalizedName, PackageWheel]) -> WheelContents | None:
        return _fetch_one(item[1], partial(_read_contents, item[0]), folder=folder, session=session)

    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(wheels, pool.map(fetch, wheels.items()), strict=True))


def _fetch_one(
    wheel: PackageWheel, find: Callable[[_WheelBytes], _T], *, folder: Path, session: HttpSession
) -> _T | None:
    """The result of `find`; None where the host gives no part of the wheel, or it is broken. Raises FetchError."""
    path = session.check_path(folder / wheel.path) if wheel.path is not None else None
    if path is None and wheel.url is not None:
        path = session.find_local(wheel.url)
    try:
        if path is not None:
            return _read_local(path, find)
        remote = None if wheel.url is None else _fetch_tail(wheel.url, session)
        return None if remote is None else find(remote)
    except WheelDirectoryError:
        return None


def _fetch_tail(url: str, session: HttpSession) -> _WheelBytes | None:
    """The end of a wheel on a host; None where the host gives no ranges. Raises FetchError."""
    tail = session.fetch_range(url, start=-_TAIL_BYTES)
    if tail is None:
        return None

    def read(start: int, stop: int) -> bytes:
        part = session.fetch_range(url, start=start, stop=stop)
        if part is None or part.size != tail.size:
            raise WheelDirectoryError("the host gives ranges only now and then")
        return part.data

    return _WheelBytes(tail=tail.data, size=tail.size, read=read)


def _read_local(path: Path, find: Callable[[_WheelBytes], _T]) -> _T:
    """The result of `find` for a wheel on disk. Raises FetchError where the file cannot be read."""
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)

            def read(start: int, stop: int) -> bytes:
                file.seek(start)
                return file.read(stop - start)

            return find(_WheelBytes(tail=read(max(0, size - _TAIL_BYTES), size), size=size, read=read))
    except OSError as error:
        raise FetchError(f"{path} cannot be read", why=f"{error.strerror}", url=path.absolute().as_uri()) from error


def _read_contents(project: NormalizedName, wheel: _WheelBytes) -> WheelContents:
    """The contents of a wheel; one whose METADATA cannot be found has contents all the same, without a licence."""
    # Lazy: `lock`, which measures kernels, reads no licence.
    from resolver.fetch.projects.wheel_metadata import find_metadata
    from resolver.index.core_metadata import find_licence

    contents = read_contents(_list_members(wheel))
    try:
        metadata = find_metadata(wheel.tail, size=wheel.size, project=project, read=wheel.read)
    except WheelDirectoryError:
        return contents
    return replace(contents, licence=find_licence(metadata))


def _find_in_wheel(wheel: _WheelBytes) -> str:
    """The architectures of a wheel of torch; empty for one without the library, such as a wheel for CPUs."""
    library = next((one for one in _list_members(wheel) if one.filename.endswith(LIBRARY)), None)
    return "" if library is None else find_architectures(_iter_content(library, wheel.read))


def _list_members(wheel: _WheelBytes) -> tuple[Member, ...]:
    """All members, with more of the wheel read where the directory is longer than the tail.

    Raises WheelDirectoryError.
    """
    tail = wheel.tail
    for _ in range(_STEPS):
        members = list_members(tail, size=wheel.size)
        if not isinstance(members, MoreBytes):
            return members
        tail = wheel.read(members.start, wheel.size - len(tail)) + tail
    raise WheelDirectoryError("the zip directory cannot be found")


def _iter_content(member: Member, read: Callable[[int, int], bytes]) -> Iterator[bytes]:
    """The unpacked content of a member, read in parts of 1 MiB."""
    fields = _LOCAL_HEADER.unpack(read(member.start, member.start + _LOCAL_HEADER.size))
    start = member.start + _LOCAL_HEADER.size + fields[9] + fields[10]
    end = start + member.compressed_size
    unpack = zlib.decompressobj(-zlib.MAX_WBITS).decompress if member.method == _DEFLATED else bytes
    while start < end:
        stop = min(end, start + _CHUNK_BYTES)
        yield unpack(read(start, stop))
        start = stop
