"""The core metadata inside a wheel, found from the last bytes of the file instead of from all of it.

In: the tail of a zip archive and, after that, the bytes of one member. Out: where METADATA stands, and its content.
Pure: whoever calls asks a server for the ranges. `zipfile` wants a seekable file that is complete; a range is neither.
Format: PKWARE APPNOTE 6.3 (end of central directory, zip64 records, local headers).

What a wheel unpacks to: its size on disk and the modules that it brings, from its directory alone.

In: the members of a wheel. Out: `WheelContents`. Pure. Names follow the binary distribution format (PEP 427): what lies
at the top, in `*.data/purelib` or in `*.data/platlib` can be imported.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from packaging.utils import canonicalize_name

from lockfiles._values import dataclass

__all__ = [
    "Member",
    "MoreBytes",
    "WheelContents",
    "WheelDirectoryError",
    "find_metadata_member",
    "list_members",
    "read_contents",
    "read_member",
]

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_END_SIGNATURE = b"PK\x05\x06"
_COMMENT_LIMIT = 0xFFFF
_STORED, _DEFLATED = 0, 8
_FOLDER_SUFFIX = ".dist-info"
_ENCRYPTED_FLAG = 0x1

_METADATA_LIMIT_BYTES = 32 * 1024 * 1024
"""More than ten times the largest METADATA known; a deflate stream can claim a thousand times its length."""

_LIBRARY = re.compile(r"[^/]+\.data/(?:purelib|platlib)/")
_MODULE = re.compile(r"([A-Za-z_]\w*)(?:\.py|(?:\.[\w-]+)*\.(?:so|pyd))")


class WheelDirectoryError(ValueError):
    """The bytes are not those of a wheel that can be read; the text says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreBytes:
    """The tail is too short: ask for the bytes from `start` to the end of the file and try again."""

    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a zip archive. Bytes `start` (its local header) up to, without, `stop` hold all of it."""

    filename: str
    start: int
    stop: int
    method: int
    compressed_size: int
    size: int
    crc: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelContents:
    """`unpacked_bytes` are those of all members; `modules` the names that `import` finds at the top, sorted."""

    unpacked_bytes: int
    modules: tuple[str, ...]


def find_metadata_member(tail: bytes, *, size: int, project: str | None = None) -> Member | MoreBytes:
    """Where `*.dist-info/METADATA` stands, read from the last bytes of a wheel that is `size` bytes long.

    With `project`, its `.dist-info` folder must be that project's. Raises WheelDirectoryError.
    """
    found = _read_directory(tail, size=size)
    if isinstance(found, MoreBytes):
        return found
    members, directory = found
    return _bounded(_choose(members, project), members, directory=directory)


def list_members(tail: bytes, *, size: int) -> tuple[Member, ...] | MoreBytes:
    """All members of a wheel of `size` bytes, in directory order; their `stop` is not known and equals `start`.

    Raises WheelDirectoryError.
    """
    found = _read_directory(tail, size=size)
    return found if isinstance(found, MoreBytes) else tuple(found[0])


def read_member(data: bytes, member: Member, *, start: int | None = None) -> bytes:
    """The content of a member. `data` begins at byte `start` of the file: at the member's own start if not given.

    So a tail that already holds the member serves as well (`start=size - len(tail)`). Raises WheelDirectoryError.
    """
    header = member.start - (member.start if start is None else start)
    if header < 0 or header + _LOCAL.size > len(data):
        raise WheelDirectoryError(f"the bytes do not hold `{member.filename}`")
    fields = _LOCAL.unpack_from(data, header)
    if fields[0] != b"PK\x03\x04":
        raise WheelDirectoryError(f"no local header where the directory places `{member.filename}`")
    begin = header + _LOCAL.size + fields[9] + fields[10]
    packed = data[begin : begin + member.compressed_size]
    if len(packed) != member.compressed_size:
        raise WheelDirectoryError(f"`{member.filename}` is cut short")
    content = _unpack(packed, member)
    if len(content) != member.size or zlib.crc32(content) != member.crc:
        raise WheelDirectoryError(f"`{member.filename}` differs from the size or checksum in the directory")
    return content


def read_contents(members: Iterable[Member]) -> WheelContents:
    """The contents that the members of a wheel make."""
    members = tuple(members)
    modules = {module for member in members if (module := _find_module(member.filename)) is not None}
    return WheelContents(unpacked_bytes=sum(member.size for member in members), modules=tuple(sorted(modules)))


def _read_directory(tail: bytes, *, size: int) -> tuple[list[Member], int] | MoreBytes:
    """The members, and where in the file the directory starts."""
    tail_start = size - len(tail)
    if tail_start < 0:
        raise WheelDirectoryError(f"{len(tail)} bytes at the end of a file of {size} bytes")
    end = tail.rfind(_END_SIGNATURE)
    if end < 0 or end + _END.size > len(tail):
        if tail_start == 0 or len(tail) >= _END.size + _COMMENT_LIMIT:
            raise WheelDirectoryError("no zip directory at the end of the file")
        return MoreBytes(start=max(0, size - _END.size - _COMMENT_LIMIT))
    place = _find_directory(tail, end, tail_start)
    if isinstance(place, MoreBytes):
        return place
    start, stop, shift = place
    if start < tail_start:
        return MoreBytes(start=start)
    return list(_iter_members(tail[start - tail_start : stop - tail_start], shift=shift)), start


def _find_directory(tail: bytes, end: int, tail_start: int) -> tuple[int, int, int] | MoreBytes:
    """File offsets of the central directory (start, stop), and how far all offsets of the archive are shifted."""
    _, _, _, _, _, length, offset, _ = _END.unpack_from(tail, end)
    stop = tail_start + end
    if tail[max(0, end - _LOCATOR_64.size) : end].startswith(b"PK\x06\x07"):
        record = stop - _LOCATOR_64.size - _END_64.size
        if record < tail_start:
            return MoreBytes(start=max(0, record))
        fields = _END_64.unpack_from(tail, record - tail_start)
        if fields[0] == b"PK\x06\x06":
            length, offset, stop = fields[8], fields[9], record
        elif 0xFFFFFFFF in (length, offset):
            raise WheelDirectoryError("the zip64 end record is not where it should be")
    start = stop - length
    shift = start - offset
    if start < 0 or shift < 0:
        raise WheelDirectoryError("the zip directory lies outside the file")
    return start, stop, shift


def _iter_members(directory: bytes, *, shift: int) -> Iterator[Member]:
    """The members in directory order; `stop` is not known yet and equals `start`."""
    at = 0
    while at + _CENTRAL.size <= len(directory):
        fields = _CENTRAL.unpack_from(directory, at)
        if fields[0] != b"PK\x01\x02":
            raise WheelDirectoryError("broken zip directory")
        name_end = at + _CENTRAL.size + fields[10]
        extra_end = name_end + fields[11]
        filename = directory[at + _CENTRAL.size : name_end].decode("utf-8", "replace")
        if fields[3] & _ENCRYPTED_FLAG:
            raise WheelDirectoryError(f"`{filename}` is encrypted")
        size, packed, offset = _full_sizes(
            (fields[9], fields[8], fields[16]), directory[name_end:extra_end], filename=filename
        )
        start = offset + shift
        yield Member(
            filename=filename,
            start=start,
            stop=start,
            method=fields[4],
            compressed_size=packed,
            size=size,
            crc=fields[7],
        )
        at = extra_end + fields[12]


def _full_sizes(sizes: tuple[int, int, int], extra: bytes, *, filename: str) -> tuple[int, int, int]:
    """Size, compressed size and offset; those that do not fit 32 bits stand in the zip64 extra field, in this order."""
    if 0xFFFFFFFF not in sizes:
        return sizes
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            wide = iter(value for (value,) in struct.iter_unpack("<Q", extra[at + 4 : at + 4 + length // 8 * 8]))
            size, packed, offset = (next(wide, value) if value == 0xFFFFFFFF else value for value in sizes)
            return size, packed, offset
        at += 4 + length
    raise WheelDirectoryError(f"the zip64 sizes of `{filename}` are missing")


def _bounded(member: Member, members: list[Member], *, directory: int) -> Member:
    """The member with `stop` set: the next member's start or the directory, which lie behind its data."""
    behind = (other.start for other in members if other.start > member.start)
    stop = min(behind, default=directory)
    # A gap of any size may follow; the member itself ends no later than with the longest possible local extra field.
    longest = _LOCAL.size + len(member.filename.encode()) + 0xFFFF + member.compressed_size
    stop = min(stop, directory, member.start + longest)
    if member.start < 0 or member.start + _LOCAL.size + member.compressed_size > stop:
        raise WheelDirectoryError(f"the directory places `{member.filename}` outside its room")
    return replace(member, stop=stop)


def _choose(members: list[Member], project: str | None) -> Member:
    """The METADATA of the one `.dist-info` folder at the top.

    Any other number of them, or a folder whose name does not begin with the project's, is refused, as pip and uv do.
    """
    tops = {member.filename.partition("/")[0] for member in members if "/" in member.filename}
    folders = sorted(top.removesuffix(_FOLDER_SUFFIX) for top in tops if top.endswith(_FOLDER_SUFFIX))
    if len(folders) > 1:
        raise WheelDirectoryError(f"it has several `.dist-info` folders: `{'`, `'.join(folders)}`")
    if not folders:
        raise WheelDirectoryError("it has no `.dist-info` folder")
    (folder,) = folders
    if project is not None and not canonicalize_name(folder).startswith(canonicalize_name(project)):
        raise WheelDirectoryError(f"its `.dist-info` folder is that of `{folder}`")
    path = f"{folder}{_FOLDER_SUFFIX}/METADATA"
    found = next((member for member in members if member.filename == path), None)
    if found is None:
        raise WheelDirectoryError(f"it has no `{path}`")
    return found


def _unpack(packed: bytes, member: Member) -> bytes:
    if member.size > _METADATA_LIMIT_BYTES:
        raise WheelDirectoryError(f"`{member.filename}` claims {member.size} bytes")
    if member.method == _STORED:
        return packed
    if member.method != _DEFLATED:
        raise WheelDirectoryError(f"`{member.filename}` uses compression method {member.method}, not 0 or 8")
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.size + 1)
    except zlib.error as error:
        raise WheelDirectoryError(f"`{member.filename}` does not unpack: {error}") from error


def _find_module(filename: str) -> str | None:
    """The top-level module that a file belongs to; None for metadata, scripts and data."""
    path = _LIBRARY.sub("", filename, count=1)
    top, slash, rest = path.partition("/")
    if slash:
        return top if top.isidentifier() and rest.endswith((".py", ".so", ".pyd")) else None
    match = _MODULE.fullmatch(top)
    return match[1] if match else None
