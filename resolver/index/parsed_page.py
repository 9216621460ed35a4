"""A project page as it is kept: versions unparsed and rows unread until a search comes to them.

In: what `build_project_page` found, or the bytes of a dump. Out: `ParsedPage`, the `ProjectPage` of indexes. In a dump
stand what a search asks of every page, where each row ends, and the rows as text: loading is a checksum, and a row is
found without looking at the others. The pages of a list are some MB, of which a search reads a few rows.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import accumulate
from typing import overload

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.index.distribution_file import DistributionFile
from resolver.index.page_rows import Rejection, read_files, read_rejections
from resolver.index.upload_times import find_late_rows

__all__ = ["LazyVersions", "ParsedPage", "dump_project_page", "load_project_page"]

_HEADER = struct.Struct("=16sIIII")
"""Magic with format version, checksum of all that follows it, bytes of the head, number of rows, bytes of the rows.

In the machine's own byte order, as the ends of the rows are: a cache from elsewhere is refused.
"""
_MAGIC = b"pinfold page 4\n\0"
_CHECKED_FROM = 20


class LazyVersions(Sequence[Version]):
    """Versions that are parsed when they are first looked at."""

    __slots__ = ("_versions",)

    def __init__(self, versions: list[str | Version]) -> None:
        self._versions = versions

    def __len__(self) -> int:
        return len(self._versions)

    @overload
    def __getitem__(self, index: int) -> Version: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Version]: ...
    def __getitem__(self, index: int | slice) -> Version | Sequence[Version]:
        if isinstance(index, slice):
            return LazyVersions(self._versions[index])
        found = self._versions[index]
        if isinstance(found, str):
            found = self._versions[index] = Version(found)
        return found

    def __iter__(self) -> Iterator[Version]:
        return (self[row] for row in range(len(self._versions)))

    def texts(self) -> list[str]:
        """The versions as texts, none of them parsed."""
        return [str(version) for version in self._versions]


class LazyTexts(Sequence[str]):
    """Texts that stand one behind the other in a dump, decoded when they are looked at."""

    __slots__ = ("_data", "_ends")

    def __init__(self, data: memoryview, ends: memoryview) -> None:
        self._data = data
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not 0 <= index < len(self._ends):
            raise IndexError(index)
        return str(self._data[self._ends[index - 1] if index else 0 : self._ends[index]], "utf-8")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParsedPage:
    """Rows of one project on one location; row 0 is the newest version, and each version has one row.

    - `name` is the project's, `location` the public URL of the index or find-links location, `index` the same for an
      index and None for find-links. `file_count` counts all wheels and sdists that the location lists.
    - The masks have bit `i` set where row `i` has the property: a usable wheel, an sdist, a pre-release or
      development release (PEP 440), only yanked files among the usable ones, yanked and other files among them, a
      local version label. A row with neither wheel nor sdist has rejections only.
    - `unreadable` are files whose very version cannot be read, so that they belong to no row.
    - `upload_times` is what `write_upload_times` makes of the rows.
    """

    name: NormalizedName
    location: str
    index: str | None
    file_count: int
    versions: LazyVersions
    wheel_mask: int
    sdist_mask: int
    prerelease_mask: int
    yanked_mask: int
    partly_yanked_mask: int
    local_mask: int
    unreadable: tuple[Rejection, ...]
    upload_times: str
    row_texts: Sequence[str]

    def files(self, row: int) -> tuple[DistributionFile, ...]:
        """The usable files of a row, best first: wheels by tag, higher build tag, file name; then sdists."""
        return read_files(self.row_texts[row], version=self.versions[row], index=self.index)

    def rejections(self, row: int) -> tuple[Rejection, ...]:
        """The files of a row that the target cannot use, by file name."""
        return read_rejections(self.row_texts[row])

    def late_rows(self, cutoff: datetime) -> tuple[int, int]:
        """The rows without a usable file from before the cut-off, and those whose files have to be looked at."""
        return find_late_rows(self.upload_times, cutoff)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParsedPage) and dump_project_page(self) == dump_project_page(other)

    def __hash__(self) -> int:
        return hash((self.name, self.location, len(self.versions)))


def dump_project_page(page: object) -> bytes:
    """The page as bytes for a cache.

    Raises TypeError for another kind of page than `build_project_page` gives.
    """
    if not isinstance(page, ParsedPage):
        raise TypeError(f"{type(page).__name__} is not a page that can be stored")
    yanked = (page.yanked_mask, page.partly_yanked_mask)
    masks = (page.wheel_mask, page.sdist_mask, page.prerelease_mask, *yanked, page.local_mask)
    unreadable = (f"{rejection.filename}\x1f{rejection.detail}" for rejection in page.unreadable)
    head = (
        page.name,
        page.location,
        "" if page.index is None else page.index,
        str(page.file_count),
        " ".join(page.versions.texts()),
        " ".join(f"{mask:x}" for mask in masks),
        "\x1e".join(unreadable),
        page.upload_times,
    )
    head_data = "\n".join(head).encode()
    rows = [text.encode() for text in page.row_texts]
    ends = array("I", accumulate(map(len, rows)))
    content = b"".join((head_data, ends.tobytes(), *rows))
    sizes = (len(head_data), len(rows), len(content))
    header = _HEADER.pack(_MAGIC, 0, *sizes)
    checksum = zlib.crc32(content, zlib.crc32(header[_CHECKED_FROM:]))
    return _HEADER.pack(_MAGIC, checksum, *sizes) + content


def load_project_page(data: bytes | memoryview) -> ParsedPage:
    """The page that `dump_project_page` wrote. Raises ValueError for anything else: damaged, cut, of another format.

    It refers to the data as long as it lives.
    """
    view = memoryview(data)
    head, rows = _split(view)
    name, location, index, file_count, versions, masks, unreadable, upload_times = head.split("\n")
    wheel, sdist, prerelease, yanked, partly_yanked, local = (int(mask, 16) for mask in masks.split(" "))
    return ParsedPage(
        name=NormalizedName(name),
        location=location,
        index=index or None,
        file_count=int(file_count),
        versions=LazyVersions(list(versions.split(" ")) if versions else []),
        wheel_mask=wheel,
        sdist_mask=sdist,
        prerelease_mask=prerelease,
        yanked_mask=yanked,
        partly_yanked_mask=partly_yanked,
        local_mask=local,
        unreadable=tuple(_read_unreadable(text) for text in unreadable.split("\x1e")) if unreadable else (),
        upload_times=upload_times,
        row_texts=rows,
    )


def _split(data: memoryview) -> tuple[str, LazyTexts]:
    """The head of a dump, and its rows. Raises ValueError."""
    if len(data) >= _HEADER.size:
        magic, checksum, head_size, row_count, size = _HEADER.unpack_from(data)
        intact = magic == _MAGIC and len(data) == _HEADER.size + size and zlib.crc32(data[_CHECKED_FROM:]) == checksum
        if intact:
            ends_at = _HEADER.size + head_size
            rows_at = ends_at + row_count * array("I").itemsize
            return str(data[_HEADER.size : ends_at], "utf-8"), LazyTexts(
                data[rows_at:], data[ends_at:rows_at].cast("I")
            )
    raise ValueError("not a project page of this format, or damaged")


def _read_unreadable(text: str) -> Rejection:
    filename, _, detail = text.partition("\x1f")
    return Rejection(filename=filename, reason="format", detail=detail)
