"""What one location offers of one project for one target: rows by version, newest first, and their form in a cache.

In: the files of a page (from `resolver.index.page_building`), or the bytes of a dump. Out: `ProjectPage`, which a
search reads by row number and bit mask, and its implementation `ParsedPage`.

A dump holds first what a search needs of every page, then the end of each row, then the rows as text. Loading one is a
checksum, and a row is found without reading the others: the pages of a list are some MB, of which a search reads a few
rows. Versions are parsed on first use too. So a warm run neither parses pages nor reads files that the target cannot
use.

A row is one line of text. Files are separated by RS, fields by US, and usable files from rejected ones by GS: control
characters, which no text of a page holds, since `RawFile` values are clean. Upload times are one more text, so that a
cut-off date decides most rows without reading them; reading the files of every row took a third of a warm run.
"""

from __future__ import annotations

import re
import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol, overload

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import compile_later, dataclass
from resolver.index.distribution_file import DistributionFile

if TYPE_CHECKING:
    from resolver.index.distribution_file import FileName, RawFile

__all__ = [
    "LazyVersions",
    "ParsedPage",
    "ProjectPage",
    "Rejection",
    "dump_file",
    "dump_project_page",
    "dump_rejection",
    "dump_row",
    "load_project_page",
    "parse_build_tag",
    "write_upload_times",
]

# GS, RS and US.
_GROUP, _FILE, _FIELD = "\x1d", "\x1e", "\x1f"

_BUILD_TAG = compile_later(r"([0-9]+)(.*)", re.DOTALL)

_AT_FILENAME = "+"
"""Marks a URL that ends with the file name, which is left out then."""

_UNKNOWN = "~"
"""An unknown upload time. It sorts after every time, so that its row is among those to be read."""

_HEADER = struct.Struct("=16sIIII")
"""Magic with format version, checksum of all bytes after it, bytes of the head, number of rows, bytes of the content.

The byte order is that of the machine, as in the ends of the rows, so a cache from another machine may be refused.
"""

_MAGIC = b"pinfold page 5\n\0"

# The checksum covers the header from this offset on.
_CHECKED_FROM = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A file that the target cannot use.

    `reason` is `python` (Requires-Python), `tags` (wheel tags) or `format` (malformed name); `detail` is the value in
    question, or the fault of the name.
    """

    filename: str
    reason: str
    detail: str


class LazyVersions(Sequence[Version]):
    """Versions that are parsed on first use."""

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
        """The versions as texts, without parsing any."""
        return [str(version) for version in self._versions]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParsedPage:
    """Rows of one project on one location; row 0 is the newest version, and each version has one row.

    - `location` is the public URL of the index or find-links location, `index` the same for an index and None for
      find-links. `redirected_to` is the public URL of the page itself where another host has given it, else empty.
      `file_count` counts all wheels and sdists that the location lists.
    - The masks have bit `i` set where row `i` has the property: a usable wheel, an sdist, a pre-release or
      development release (PEP 440), only yanked files among the usable ones, yanked and other files among them, a
      local version label. A row with neither wheel nor sdist has rejections only.
    - `unreadable` are files whose version cannot be read, so that they belong to no row.
    - `upload_times` is the text of `write_upload_times`, `row_texts` those of `dump_row`.
    """

    name: NormalizedName
    location: str
    redirected_to: str = ""
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
        places = {"index": self.index, "page": self.location, "link_source": self.redirected_to or self.location}
        return _read_files(self.row_texts[row], version=self.versions[row], places=places)

    def rejections(self, row: int) -> tuple[Rejection, ...]:
        """The files of a row that the target cannot use, by file name."""
        return _read_rejections(self.row_texts[row])

    def late_rows(self, cutoff: datetime) -> tuple[int, int]:
        """The rows without a usable file from before the cut-off, and those whose files must be read one by one."""
        return _find_late_rows(self.upload_times, cutoff)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ParsedPage) and dump_project_page(self) == dump_project_page(other)

    def __hash__(self) -> int:
        return hash((self.name, self.location, len(self.versions)))


class ProjectPage(Protocol):
    """Rows of one project on one location, as a search reads them; row 0 is the newest version.

    The masks have bit `i` set where row `i` has the property: a usable wheel, an sdist, a pre-release or
    development release (PEP 440), only yanked files among the usable ones, yanked and other files among them, a local
    version label. `file_count` counts all wheels and sdists of the project that the location lists.
    """

    @property
    def name(self) -> NormalizedName: ...
    @property
    def location(self) -> str: ...
    @property
    def file_count(self) -> int: ...
    @property
    def versions(self) -> Sequence[Version]: ...
    @property
    def wheel_mask(self) -> int: ...
    @property
    def sdist_mask(self) -> int: ...
    @property
    def prerelease_mask(self) -> int: ...
    @property
    def yanked_mask(self) -> int: ...
    @property
    def partly_yanked_mask(self) -> int: ...
    @property
    def local_mask(self) -> int: ...

    def files(self, row: int) -> tuple[DistributionFile, ...]:
        """The usable files of a row, best first: wheels by tag, higher build tag, then sdists."""
        ...

    def late_rows(self, cutoff: datetime) -> tuple[int, int]:
        """The rows without a usable file from before the cut-off, and those whose files must be read one by one."""
        ...

    def rejections(self, row: int) -> tuple[Rejection, ...]:
        """The files of a row that the target cannot use, for messages."""
        ...


def dump_row(files: Iterable[str], rejections: Iterable[str]) -> str:
    """A row from texts of `dump_file`, best file first, and of `dump_rejection`."""
    return _FILE.join(files) + _GROUP + _FILE.join(rejections)


def dump_file(raw: RawFile, name: FileName, tag_rank: int, *, row_version: Version) -> str:
    """One usable file as text. An empty field is None, or follows from the other fields."""
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
    """One rejected file as text. Wheel tags, the usual reason, are left out: the name contains them."""
    return filename if reason == "tags" else _FIELD.join((filename, reason, detail))


def parse_build_tag(text: str) -> tuple[int, str] | tuple[()]:
    """The build tag of a wheel as a sort key: number, then the rest (PEP 427). Empty for none."""
    match = _BUILD_TAG.fullmatch(text)
    return (int(match[1]), match[2]) if match else ()


def write_upload_times(rows: Iterable[Sequence[str | None]]) -> str:
    """The upload times of the usable files of all rows as one text: `last/first/row` for each, latest row first.

    `first` is empty if it equals `last`. Rows without usable files are left out.
    """
    spans = [
        (max(times), min(times), number)
        for number, row in enumerate(rows)
        if (times := [_UNKNOWN if time is None else _comparable(time) for time in row])
    ]
    spans.sort(key=lambda span: (span[0], -span[2]), reverse=True)
    return " ".join(f"{last}/{'' if first == last else first}/{number}" for last, first, number in spans)


def dump_project_page(page: object) -> bytes:
    """The page as bytes for a cache, read back by `load_project_page`.

    Raises TypeError for another implementation of `ProjectPage` than `ParsedPage`.
    """
    if not isinstance(page, ParsedPage):
        raise TypeError(f"{type(page).__name__} is not a page that can be stored")
    yanked = (page.yanked_mask, page.partly_yanked_mask)
    masks = (page.wheel_mask, page.sdist_mask, page.prerelease_mask, *yanked, page.local_mask)
    unreadable = (f"{rejection.filename}\x1f{rejection.detail}" for rejection in page.unreadable)
    head = (
        page.name,
        page.location,
        page.redirected_to,
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
    # The sizes in the header are part of the checksum, so that a cut dump is noticed.
    header = _HEADER.pack(_MAGIC, 0, *sizes)
    checksum = zlib.crc32(content, zlib.crc32(header[_CHECKED_FROM:]))
    return _HEADER.pack(_MAGIC, checksum, *sizes) + content


def load_project_page(data: bytes | memoryview) -> ParsedPage:
    """The page that `dump_project_page` wrote. Raises ValueError for damaged data and for another format.

    The page keeps a reference to the data.
    """
    view = memoryview(data)
    head, rows = _split(view)
    name, location, redirected_to, index, file_count, versions, masks, unreadable, upload_times = head.split("\n")
    wheel, sdist, prerelease, yanked, partly_yanked, local = (int(mask, 16) for mask in masks.split(" "))
    if len(rows) != (versions.count(" ") + 1 if versions else 0):
        raise ValueError("a project page with other rows than versions")
    return ParsedPage(
        name=NormalizedName(name),
        location=location,
        redirected_to=redirected_to,
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


def _read_files(row: str, *, version: Version, places: Mapping[str, str | None]) -> tuple[DistributionFile, ...]:
    """The usable files of a row, best first. `version` is the row's, `places` are the fields that all files share."""
    text = row.partition(_GROUP)[0]
    return tuple(_read_file(file, version, places) for file in text.split(_FILE)) if text else ()


def _read_file(text: str, row_version: Version, places: Mapping[str, Any]) -> DistributionFile:
    """One usable file from its text, the reverse of `dump_file`.

    Only here are hashes sorted and values converted, for the few rows that a search reads.
    """
    filename, url, sha256, others, size, python, yanked, time, metadata, rank, build, version = text.split(_FIELD)
    hashes = others.split()
    if sha256:
        hashes = sorted((*hashes, f"sha256:{sha256}"))
    return DistributionFile(
        filename=filename,
        version=Version(version) if version else row_version,
        url=url[1:] + filename if url.startswith(_AT_FILENAME) else url,
        hashes=tuple(hashes),
        size_bytes=int(size) if size else None,
        requires_python=python or None,
        yanked=yanked[1:] if yanked else None,
        upload_time=time or None,
        core_metadata=_render_metadata_hash(metadata[1:]) if metadata else None,
        tag_rank=int(rank),
        build_tag=parse_build_tag(build),
        **places,
    )


def _render_metadata_hash(text: str) -> str:
    """As `DistributionFile.core_metadata`, from `RawFile.core_metadata`."""
    return f"sha256={text}" if text and "=" not in text else text


def _read_rejections(row: str) -> tuple[Rejection, ...]:
    """The rejected files of a row, by file name."""
    text = row.partition(_GROUP)[2]
    return tuple(_read_rejection(rejection) for rejection in text.split(_FILE)) if text else ()


def _read_rejection(text: str) -> Rejection:
    """One rejected file from its text, the reverse of `dump_rejection`."""
    filename, _, rest = text.partition(_FIELD)
    if not rest:
        return Rejection(filename=filename, reason="tags", detail="-".join(filename[:-4].rsplit("-", 3)[1:]))
    reason, _, detail = rest.partition(_FIELD)
    return Rejection(filename=filename, reason=reason, detail=detail)


def _find_late_rows(text: str, cutoff: datetime) -> tuple[int, int]:
    """Two masks: rows without a usable file from before the cut-off, and rows to be read file by file.

    The second are rows with times on both sides or with an unknown one. The text is read up to the first row that lies
    before the cut-off as a whole.
    """
    bound = _comparable(cutoff.astimezone(UTC).isoformat().removesuffix("+00:00"))
    late = mixed = 0
    for span in _iter_spans(text):
        last, first, number = span.split("/")
        if last < bound:
            break
        if last != _UNKNOWN and (first or last) >= bound:
            late |= 1 << int(number)
        else:
            mixed |= 1 << int(number)
    return late, mixed


def _comparable(time: str) -> str:
    """A time in UTC (RFC 3339) without `Z` and trailing zeros of its fraction: such texts compare as the times do."""
    time = time.removesuffix("Z")
    return time.rstrip("0").removesuffix(".") if "." in time else time


def _iter_spans(text: str) -> Iterator[str]:
    """The parts of the text. Without `split`, since only the first few of thousands are read."""
    start = 0
    while start < len(text):
        end = text.find(" ", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _split(data: memoryview) -> tuple[str, _LazyTexts]:
    """The head of a dump, and its rows.

    Raises ValueError unless magic, size and checksum are right. The rows are views into the data, so nothing is copied.
    """
    if len(data) >= _HEADER.size:
        magic, checksum, head_size, row_count, size = _HEADER.unpack_from(data)
        intact = magic == _MAGIC and len(data) == _HEADER.size + size and zlib.crc32(data[_CHECKED_FROM:]) == checksum
        if intact:
            ends_at = _HEADER.size + head_size
            rows_at = ends_at + row_count * array("I").itemsize
            if rows_at <= len(data):
                ends = data[ends_at:rows_at].cast("I")
                return str(data[_HEADER.size : ends_at], "utf-8"), _LazyTexts(data[rows_at:], ends)
    raise ValueError("not a project page of this format, or damaged")


class _LazyTexts(Sequence[str]):
    """Consecutive texts of a dump, decoded on each use. `ends` holds the end offset of each text."""

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


def _read_unreadable(text: str) -> Rejection:
    """A file without a row, from its text."""
    filename, _, detail = text.partition("\x1f")
    return Rejection(filename=filename, reason="format", detail=detail)
