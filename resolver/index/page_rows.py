"""The files of one row of a project page, as one line of text and back.

A row is written once, when its page is built, and read only if a search comes to its version. Parts are separated by
ASCII control characters, which no text of a page holds (`RawFile` values are clean): files by RS, fields by US, and
usable files from rejected ones by GS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.index.distribution_file import DistributionFile

if TYPE_CHECKING:
    # Whoever only reads rows, as every warm run does, has no use for what writes them.
    from resolver.index.file_names import FileName
    from resolver.index.raw_file import RawFile

__all__ = [
    "Rejection",
    "dump_file",
    "dump_rejection",
    "dump_row",
    "parse_build_tag",
    "read_files",
    "read_rejections",
]

_GROUP, _FILE, _FIELD = "\x1d", "\x1e", "\x1f"
_BUILD_TAG = re.compile(r"([0-9]+)(.*)", re.DOTALL)
_AT_FILENAME = "+"
"""Begins the URL of a file that ends with its file name, which then is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A file that the target cannot use, and why: `python` (Requires-Python), `tags`, or `format` (unreadable name)."""

    filename: str
    reason: str
    detail: str


def dump_row(files: Iterable[str], rejections: Iterable[str]) -> str:
    """A row out of what `dump_file` and `dump_rejection` give, best and first one first."""
    return _FILE.join(files) + _GROUP + _FILE.join(rejections)


def dump_file(raw: RawFile, name: FileName, tag_rank: int, *, row_version: Version) -> str:
    """One usable file. Empty fields stand for None, or for what follows from the others."""
    core_metadata, filename, sha256, python, size, time, url, yanked, others = raw
    if url.endswith(filename):
        url = _AT_FILENAME + url[: -len(filename)]
    version = "" if name.version is row_version else str(name.version)
    yanked = "" if yanked is None else f"!{yanked}"
    core_metadata = "" if core_metadata is None else f"!{core_metadata}"
    # The separators are _FIELD; an f-string takes half the time of a join, and this runs for every usable file.
    return (
        f"{filename}\x1f{url}\x1f{sha256 or ''}\x1f{others}\x1f{size or ''}\x1f{python or ''}\x1f{yanked}"
        f"\x1f{time or ''}\x1f{core_metadata}\x1f{tag_rank}\x1f{name.build}\x1f{version}"
    )


def dump_rejection(filename: str, reason: str, detail: str) -> str:
    """One rejected file. The wheel tags are read from the name again, since most rejections are for them."""
    return filename if reason == "tags" else _FIELD.join((filename, reason, detail))


def read_files(row: str, *, version: Version, index: str | None) -> tuple[DistributionFile, ...]:
    """The usable files of a row, in the order in which they were written."""
    text = row.partition(_GROUP)[0]
    return tuple(_read_file(file, version, index) for file in text.split(_FILE)) if text else ()


def read_rejections(row: str) -> tuple[Rejection, ...]:
    """The rejected files of a row."""
    text = row.partition(_GROUP)[2]
    return tuple(_read_rejection(rejection) for rejection in text.split(_FILE)) if text else ()


def parse_build_tag(text: str) -> tuple[int, str] | tuple[()]:
    """The build tag of a wheel as it is ordered: number, then the rest (PEP 427). Empty for none."""
    match = _BUILD_TAG.fullmatch(text)
    return (int(match[1]), match[2]) if match else ()


def _read_file(text: str, row_version: Version, index: str | None) -> DistributionFile:
    filename, url, sha256, others, size, python, yanked, time, metadata, rank, build, version = text.split(_FIELD)
    hashes = others.split()
    if sha256:
        hashes = sorted((*hashes, f"sha256:{sha256}"))
    return DistributionFile(
        filename=filename,
        version=Version(version) if version else row_version,
        url=url[1:] + filename if url.startswith(_AT_FILENAME) else url,
        index=index,
        hashes=tuple(hashes),
        size_bytes=int(size) if size else None,
        requires_python=python or None,
        yanked=yanked[1:] if yanked else None,
        upload_time=time or None,
        core_metadata=_render_metadata_hash(metadata[1:]) if metadata else None,
        tag_rank=int(rank),
        build_tag=parse_build_tag(build),
    )


def _render_metadata_hash(sha256: str) -> str:
    return f"sha256={sha256}" if sha256 else ""


def _read_rejection(text: str) -> Rejection:
    filename, _, rest = text.partition(_FIELD)
    if not rest:
        return Rejection(filename=filename, reason="tags", detail="-".join(filename[:-4].rsplit("-", 3)[1:]))
    reason, _, detail = rest.partition(_FIELD)
    return Rejection(filename=filename, reason=reason, detail=detail)
