"""The members of a wheel, read from the last bytes of the file, and what follows from them.

In: the last bytes of a zip archive and its size, later the bytes of one member. Out: its members (`list_members`), the
place and the content of METADATA (`find_metadata_member`, `read_member`), and what the wheel unpacks to: its size on
disk and its modules (`read_contents`). Nothing here makes a request; the caller fetches ranges of bytes.

`zipfile` cannot be used, since it needs a complete and seekable file, and a range of bytes is neither.

Standards: PKWARE APPNOTE 6.3 (end of central directory, zip64 records, local headers), PEP 427 (binary distribution
format: files at the top, in `*.data/purelib` and in `*.data/platlib` can be imported).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO

from packaging.utils import canonicalize_name

from lockfiles._values import compile_later, dataclass
from lockfiles.errors import parser_boundary

__all__ = [
    "Member",
    "MoreBytes",
    "WheelContents",
    "WheelDirectoryError",
    "check_zip",
    "find_metadata_member",
    "list_members",
    "read_contents",
    "read_member",
]

# The records of a zip archive: both ends of the central directory, the locator of the second one, an entry of the
# directory, and the header before a member.
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
"""Ten times the largest known METADATA and more. The limit is needed, since deflate can expand a thousandfold."""

_DIRECTORY_LIMIT_BYTES = 16 * 1024 * 1024
"""Four times that of the largest known wheels. A member takes half a kilobyte of memory and 46 bytes here at least, so
that all take less than 200 MB."""

_DECEPTIVE = compile_later("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that no member has in its name: control characters, and those that change the direction of writing."""

_LIBRARY = compile_later(r"^[^/]+\.data/(?:purelib|platlib)/")
_MODULE = compile_later(r"([A-Za-z_]\w*)(?:\.py|(?:\.[\w-]+)*\.(?:so|pyd))")


class WheelDirectoryError(ValueError):
    """The bytes are not those of a readable wheel; the text describes the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreBytes:
    """The tail is too short: fetch the bytes from `start` to the end of the file and call again."""

    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a zip archive.

    The bytes from `start`, its local header, to `stop`, exclusive, contain all of it. `method` is its compression.
    """

    filename: str
    start: int
    stop: int
    method: int
    compressed_size: int
    size: int
    crc: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelContents:
    """The size of all members unpacked, the sorted names of the top-level modules that `import` finds, and the licence.

    `licence` is in the words of METADATA; None where that states none or was not read.
    """

    unpacked_bytes: int
    modules: tuple[str, ...]
    licence: str | None = None


@parser_boundary(WheelDirectoryError, own=WheelDirectoryError)
def find_metadata_member(tail: bytes, *, size: int, project: str | None = None) -> Member | MoreBytes:
    """The member `*.dist-info/METADATA`, found in the last bytes of a wheel of `size` bytes.

    With `project`, the `.dist-info` folder must be that of the project. Raises WheelDirectoryError.
    """
    found = _read_directory(tail, size=size)
    if isinstance(found, MoreBytes):
        return found
    members, directory = found
    return _set_stop(_find_metadata(members, project), members, directory=directory)


@parser_boundary(WheelDirectoryError, own=WheelDirectoryError)
def list_members(tail: bytes, *, size: int) -> tuple[Member, ...] | MoreBytes:
    """All members of a wheel of `size` bytes, in the order of the directory; their `stop` is unknown and equals
    `start`.

    Raises WheelDirectoryError.
    """
    found = _read_directory(tail, size=size)
    return found if isinstance(found, MoreBytes) else tuple(found[0])


@parser_boundary(WheelDirectoryError, own=WheelDirectoryError)
def read_member(data: bytes, member: Member, *, start: int | None = None) -> bytes:
    """The content of a member, checked against size and checksum. Raises WheelDirectoryError.

    `data` begins at byte `start` of the file, None for the start of the member. So a tail that contains the member can
    be passed as well, with `start=size - len(tail)`.
    """
    header = member.start - (member.start if start is None else start)
    if header < 0 or header + _LOCAL.size > len(data):
        raise WheelDirectoryError(f"the bytes do not hold `{member.filename}`")
    fields = _LOCAL.unpack_from(data, header)
    if fields[0] != b"PK\x03\x04":
        raise WheelDirectoryError(f"no local header where the directory places `{member.filename}`")
    # The extra field of the local header may differ in length from that of the directory.
    name = data[header + _LOCAL.size : header + _LOCAL.size + fields[9]].decode("utf-8", "replace")
    if name != member.filename:
        raise WheelDirectoryError(f"the member that the directory calls `{member.filename}` has another name itself")
    begin = header + _LOCAL.size + fields[9] + fields[10]
    packed = data[begin : begin + member.compressed_size]
    if len(packed) != member.compressed_size:
        raise WheelDirectoryError(f"`{member.filename}` is cut short")
    content = _unpack(packed, member)
    if len(content) != member.size or zlib.crc32(content) != member.crc:
        raise WheelDirectoryError(f"`{member.filename}` differs from the size or checksum in the directory")
    return content


@parser_boundary(WheelDirectoryError, own=WheelDirectoryError)
def check_zip(archive: BinaryIO) -> None:
    """Raise WheelDirectoryError for a zip archive whose directory is broken, or too large for `zipfile` to read it."""
    size = archive.seek(0, 2)
    archive.seek(max(0, size - _END.size - _COMMENT_LIMIT))
    tail = archive.read()
    archive.seek(0)
    end = tail.rfind(_END_SIGNATURE)
    # What has no end record is left to `zipfile`.
    if end >= 0 and end + _END.size <= len(tail):
        _find_directory(tail, end, size - len(tail))


def read_contents(members: Iterable[Member]) -> WheelContents:
    """The contents of a wheel with these members, from `list_members`."""
    members = tuple(members)
    modules = {module for member in members if (module := _find_module(member.filename)) is not None}
    return WheelContents(unpacked_bytes=sum(member.size for member in members), modules=tuple(sorted(modules)))


def _read_directory(tail: bytes, *, size: int) -> tuple[list[Member], int] | MoreBytes:
    """The members, and the offset of the directory in the file."""
    tail_start = size - len(tail)
    if tail_start < 0:
        raise WheelDirectoryError(f"{len(tail)} bytes at the end of a file of {size} bytes")
    end = tail.rfind(_END_SIGNATURE)
    if end < 0 or end + _END.size > len(tail):
        # A comment of up to 64 KiB may follow the end record.
        if tail_start == 0 or len(tail) >= _END.size + _COMMENT_LIMIT:
            raise WheelDirectoryError("no zip directory at the end of the file")
        return MoreBytes(start=max(0, size - _END.size - _COMMENT_LIMIT))
    place = _find_directory(tail, end, tail_start)
    if isinstance(place, MoreBytes):
        return place
    start, stop, shift = place
    if start < tail_start:
        return MoreBytes(start=start)
    members = list(_iter_members(tail[start - tail_start : stop - tail_start], shift=shift))
    _check_names(members)
    return members, start


def _find_directory(tail: bytes, end: int, tail_start: int) -> tuple[int, int, int] | MoreBytes:
    """File offsets of the central directory (start, stop), and how far all offsets of the archive are shifted.

    A shift occurs where bytes were put before an archive, whose offsets then count from its own start.
    """
    _, _, _, _, _, length, offset, _ = _END.unpack_from(tail, end)
    stop = tail_start + end
    # With zip64, a locator lies directly before the end record, and the zip64 record before that.
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
    if length > _DIRECTORY_LIMIT_BYTES:
        raise WheelDirectoryError(f"its zip directory is larger than {_DIRECTORY_LIMIT_BYTES} bytes")
    if start < 0 or shift < 0:
        raise WheelDirectoryError("the zip directory lies outside the file")
    return start, stop, shift


def _iter_members(directory: bytes, *, shift: int) -> Iterator[Member]:
    """The members in the order of the directory; `stop` is not known yet and equals `start`."""
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
        size, packed, offset = _read_sizes(
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


def _check_names(members: Iterable[Member]) -> None:
    """Raise WheelDirectoryError for members that installers would read in different ways.

    Those are two of one name that are not the same, of which each installer takes another, and a path that leads out of
    the archive or does not look like what it is.
    """
    known: dict[str, Member] = {}
    for member in members:
        name = member.filename
        first = known.setdefault(name, member)
        if (first.size, first.crc) != (member.size, member.crc):
            raise WheelDirectoryError(f"it has two members `{name}` that are not the same")
        if _DECEPTIVE.search(name):
            raise WheelDirectoryError(f"its member {name!a} has characters that no file name may have")
        if name.startswith("/") or "\\" in name or (".." in name and ".." in name.split("/")):
            raise WheelDirectoryError(f"its member `{name}` leads out of the archive")


def _read_sizes(sizes: tuple[int, int, int], extra: bytes, *, filename: str) -> tuple[int, int, int]:
    """Size, compressed size and offset of a member.

    Values that do not fit into 32 bits are in the zip64 extra field, in this order.
    """
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


def _set_stop(member: Member, members: list[Member], *, directory: int) -> Member:
    """The member with `stop` set to the start of the next member or of the directory, whichever comes first."""
    behind = (other.start for other in members if other.start > member.start)
    stop = min(behind, default=directory)
    # A gap of any size may follow, so the longest possible local extra field bounds the member too.
    longest = _LOCAL.size + len(member.filename.encode()) + 0xFFFF + member.compressed_size
    stop = min(stop, directory, member.start + longest)
    if member.start < 0 or member.start + _LOCAL.size + member.compressed_size > stop:
        raise WheelDirectoryError(f"the directory places `{member.filename}` outside its room")
    return replace(member, stop=stop)


def _find_metadata(members: list[Member], project: str | None) -> Member:
    """The METADATA of the one `.dist-info` folder at the top.

    Any other number of them, and a folder of another project, is refused; pip and uv refuse those whose name does not
    begin with the project's.
    """
    tops = {member.filename.partition("/")[0] for member in members if "/" in member.filename}
    folders = sorted(top.removesuffix(_FOLDER_SUFFIX) for top in tops if top.endswith(_FOLDER_SUFFIX))
    if len(folders) > 1:
        raise WheelDirectoryError(f"it has several `.dist-info` folders: `{'`, `'.join(folders)}`")
    if not folders:
        raise WheelDirectoryError("it has no `.dist-info` folder")
    (folder,) = folders
    if project is not None and not _is_folder_of(folder, project):
        raise WheelDirectoryError(f"its `.dist-info` folder is that of `{folder}`")
    path = f"{folder}{_FOLDER_SUFFIX}/METADATA"
    found = [member for member in members if member.filename == path]
    if not found:
        raise WheelDirectoryError(f"it has no `{path}`")
    if len(found) > 1:
        raise WheelDirectoryError(f"it has {len(found)} members `{path}`")
    return found[0]


def _is_folder_of(folder: str, project: str) -> bool:
    """Whether `NAME-VERSION` is of a project. Old wheels have dashes in both, so each split is tried."""
    parts = folder.split("-")
    name = canonicalize_name(project)
    return any(
        canonicalize_name("-".join(parts[:count])) == name and parts[count][:1].isdigit()
        for count in range(1, min(len(parts), 40))
    )


def _unpack(packed: bytes, member: Member) -> bytes:
    """The content of a member, at most one byte longer than it claims.

    Raises WheelDirectoryError for more than 32 MiB, and for another method than stored and deflated.
    """
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
    """The top-level module that a file belongs to; None for metadata, scripts and data files."""
    path = _LIBRARY.sub("", filename, count=1)
    top, slash, rest = path.partition("/")
    if slash:
        return top if top.isidentifier() and rest.endswith((".py", ".so", ".pyd")) else None
    match = _MODULE.fullmatch(top)
    return match[1] if match else None
