"""Reading bodies: limits, hashes, and whether a part is the part that was asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

from lockfiles.value_classes import dataclass
from resolver.errors import InputError, render_os_error
from resolver.fetch.http_errors import too_large_error
from resolver.index.distribution_file import parse_size

__all__ = ["Body", "Download", "RangeResponse", "hash_into", "iter_bounded", "read_range"]

_ALGORITHMS = frozenset(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake"))
"""Those whose digests have one length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The answer to a request for a file: status (200, 206 or 416), headers by lower-case name, the bytes as sent."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterable[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeResponse:
    """A part of a file: its bytes, where they start, and the size of the whole."""

    data: bytes
    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """What a whole body turned out to be; `hashes` are `algorithm:hex`, of SHA-256 and all others asked for."""

    hashes: tuple[str, ...]
    size_bytes: int

    @property
    def sha256(self) -> str:
        """The SHA-256 in hex."""
        return next(text for text in self.hashes if text.startswith("sha256:")).removeprefix("sha256:")


def iter_bounded(chunks: Iterable[bytes], *, url: str, limit_bytes: int) -> Iterator[bytes]:
    """The chunks, up to a limit. Raises FetchError beyond it."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit_bytes:
            raise too_large_error(url, limit_bytes=limit_bytes)
        yield chunk


def hash_into(chunks: Iterable[bytes], file: BinaryIO | None, *, algorithms: Iterable[str] = ()) -> Download:
    """Size and hashes of all chunks, which are written to the file if there is one; unknown algorithms are left out."""
    names = sorted({"sha256", *algorithms} & _ALGORITHMS)
    digests, size = [hashlib.new(name, usedforsecurity=False) for name in names], 0
    for chunk in chunks:
        for digest in digests:
            digest.update(chunk)
        size += len(chunk)
        if file is not None:
            _write(file, chunk)
    hashes = tuple(f"{name}:{digest.hexdigest()}" for name, digest in zip(names, digests, strict=True))
    return Download(hashes=hashes, size_bytes=size)


def _write(file: BinaryIO, chunk: bytes) -> None:
    """Raises InputError where the disk is full."""
    rest = memoryview(chunk)
    try:
        # An unbuffered file may take a part; a buffered one tells of a full disk when it is closed.
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise InputError(
            f"`{file.name}` cannot be written: {render_os_error(error)}",
            remedy="set `TMPDIR` to a folder with more space",
        ) from error


def read_range(chunks: Iterable[bytes], content_range: str, *, start: int, stop: int | None) -> RangeResponse | None:
    """The part that a 206 holds; None where Content-Range or length are not those of what was asked for.

    A negative `start` counts from the end, as in `fetch_range`.
    """
    unit, _, span = content_range.partition(" ")
    ends, _, total = span.partition("/")
    first, _, last = ends.partition("-")
    told_start, told_last, size = parse_size(first), parse_size(last), parse_size(total)
    if unit != "bytes" or told_start is None or told_last is None or size is None:
        return None
    told_stop = told_last + 1
    wanted_start = max(0, size + start) if start < 0 else start
    wanted_stop = size if stop is None else min(stop, size)
    if (told_start, told_stop) != (wanted_start, wanted_stop):
        return None
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > told_stop - told_start:
            return None
    return RangeResponse(data=bytes(data), start=told_start, size=size) if len(data) == told_stop - told_start else None
