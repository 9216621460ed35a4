"""All versions of a project, as the search reads them: by row number and bit mask, newest version first.

Made by `resolver.solve.search.candidates`, which reads the pages, and by the rules about CUDA builds. Every rule about
files (formats, hashes, cut-off date, ties) ends here: the search sees versions only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from functools import lru_cache

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import SettingsError
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.index.project_page import ProjectPage, Rejection
from resolver.index.version_sets import VersionSets

__all__ = ["FileRules", "ListedPage", "ProjectTable", "has_row", "iter_rows", "parse_instant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPage:
    """One location's page of a project; the lower `rank`, the better a tie of equal files."""

    location: Location
    page: ProjectPage
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """Which files of a project the list's options let in.

    `hashes` is None where no line of the list gives any; else a file must have one of them, which only its content can
    tell where its page gives no SHA-256. `cutoff` is the instant before which a file must have been uploaded; `exempt`
    are locations without upload times.
    """

    wheels: bool = True
    sdists: bool = True
    hashes: frozenset[str] | None = None
    cutoff: datetime | None = None
    exempt: frozenset[str] = frozenset()

    @property
    def reads_files(self) -> bool:
        """Whether single files decide, not just their format."""
        return self.hashes is not None or self.cutoff is not None

    @property
    def admits_all(self) -> bool:
        """Whether every file that the target can use is let in."""
        return self.wheels and self.sdists and not self.reads_files


@dataclass(slots=True, kw_only=True, eq=False)
class ProjectTable:
    """All versions of a project that its locations list, row 0 the newest.

    The masks have bit `i` set where row `i` has the property; `yanked_mask` where no usable file is unyanked. `places`
    gives for each row its listings and their row numbers; `missing` are the locations asked that lack the project.
    `left_out` are rows of pages that mix builds which are no candidates, with the reason; no mask has them as usable.
    """

    name: NormalizedName
    versions: Sequence[Version]
    wheel_mask: int
    sdist_mask: int
    prerelease_mask: int
    yanked_mask: int
    listings: tuple[ListedPage, ...]
    missing: tuple[Location, ...]
    rules: FileRules
    _partly_yanked: int
    _sets: VersionSets
    _places: Sequence[tuple[tuple[ListedPage, int], ...]] | None = None
    _files: dict[int, tuple[DistributionFile, ...]] = field(default_factory=dict)
    left_out: Mapping[int, str] = field(default_factory=dict)

    @property
    def all_rows(self) -> int:
        """The mask of every row."""
        return (1 << len(self.versions)) - 1

    @property
    def file_count(self) -> int:
        """How many files all pages list, usable or not."""
        return sum(listing.page.file_count for listing in self.listings)

    def mask(self, specifier: SpecifierSet) -> int:
        """The rows whose version the specifier admits, pre-releases included."""
        # Not kept by specifier: hashing one takes longer than joining the masks of its parts, which are kept.
        return self._sets.mask(specifier)

    def usable(self, within: int) -> int:
        """The rows of `within` that have a file which target and options let in."""
        rows = within & (self.wheel_mask | self.sdist_mask)
        if not self.rules.reads_files:
            return rows
        # Reading the files of every row takes long, and the pages know when they were uploaded.
        admitted, refused = self._decide_unread(rows) if self.rules.hashes is None else (0, 0)
        unread = rows & ~admitted & ~refused
        return rows & ~refused & ~sum(1 << row for row in iter_rows(unread) if not self.files(row))

    def yanked(self, within: int) -> int:
        """The rows of `within` whose admitted files are all yanked (PEP 592)."""
        unread = within & self._partly_yanked
        if unread:
            # The good files of such a row may be those that the rules keep out.
            self._partly_yanked &= ~unread
            self.yanked_mask |= sum(1 << row for row in iter_rows(unread) if self._has_only_yanked(row))
        return within & self.yanked_mask

    def _has_only_yanked(self, row: int) -> bool:
        files = self.files(row)
        return bool(files) and files[0].yanked is not None

    def _decide_unread(self, within: int) -> tuple[int, int]:
        """Of some rows, those with an admitted file and those without, as far as upload times tell."""
        found = {id(listing): self._split_by_time(listing) for listing in self.listings}
        if self._places is None:
            return found[id(self.listings[0])]
        admitted = refused = 0
        for row in iter_rows(within):
            spots = [(*found[id(listing)], at) for listing, at in self._places[row]]
            admitted |= any(has_row(early, at) for early, _, at in spots) << row
            refused |= all(has_row(late, at) for _, late, at in spots) << row
        return admitted, refused

    def _split_by_time(self, listing: ListedPage) -> tuple[int, int]:
        """The rows of a listing with files of the right formats that are all early enough, and those with none."""
        page, rules = listing.page, self.rules
        rows = (page.wheel_mask if rules.wheels else 0) | (page.sdist_mask if rules.sdists else 0)
        if rules.cutoff is None or _is_exempt(listing.location, rules):
            return rows, 0
        late, mixed = page.late_rows(rules.cutoff)
        return rows & ~late & ~mixed, late

    def files(self, row: int) -> tuple[DistributionFile, ...]:
        """The admitted files of a row, best first; none that is yanked where another is not."""
        files = self._files.get(row)
        if files is None:
            files = self._files[row] = self._admitted_files(row)
        return files

    def rejections(self, row: int) -> tuple[Rejection, ...]:
        """Why files of the row are no candidates: what the pages say, then the options of the list."""
        found: list[Rejection] = []
        for listing, page_row in self.places(row):
            found += listing.page.rejections(page_row)
            for file in listing.page.files(page_row):
                reason = _refusal(file, listing.location, self.rules)
                if reason is not None:
                    found.append(Rejection(filename=file.filename, reason=reason[0], detail=reason[1]))
        return tuple(found)

    def places(self, row: int) -> tuple[tuple[ListedPage, int], ...]:
        """The listings that have the row's version, and its row number on each page."""
        if self._places is None:
            return ((self.listings[0], row),)
        return self._places[row]

    def find_row(self, version: Version) -> int | None:
        """The row of a version, or None."""
        return next((row for row, known in enumerate(self.versions) if known == version), None)

    def ordered(self, mask: int) -> Iterator[int]:
        """The rows of a mask in the order to try."""
        return iter_rows(mask)

    def is_promised(self, row: int) -> bool:
        """Whether the row stands for a build that an index may have, and that index was not read yet."""
        return False

    def reason(self, row: int) -> str:
        """Why the row is no candidate, whatever its files are; empty for one that is."""
        return self.left_out.get(row, "")

    def _admitted_files(self, row: int) -> tuple[DistributionFile, ...]:
        ranked = [
            (listing.rank, file)
            for listing, page_row in self.places(row)
            for file in listing.page.files(page_row)
            if _refusal(file, listing.location, self.rules) is None
        ]
        if len(self.listings) > 1:
            ranked.sort(key=_tie_key)
        files = tuple(file for _, file in ranked)
        return tuple(file for file in files if file.yanked is None) or files


def iter_rows(mask: int) -> Iterator[int]:
    """The row numbers of a mask, newest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def has_row(mask: int, row: int) -> bool:
    """Whether the mask has the row."""
    return bool(mask >> row & 1)


@lru_cache(maxsize=4096)
def parse_instant(text: str) -> datetime:
    """The instant of RFC 3339 text; without an offset it is UTC."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def _tie_key(ranked: tuple[int, DistributionFile]) -> tuple[bool, int, tuple[int, str], int]:
    rank, file = ranked
    number, text = file.build_tag or (-1, "")
    return (not file.is_wheel, file.tag_rank, (-number, _Descending(text)), rank)


class _Descending(str):
    """A text that sorts after greater ones."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


def _may_have_one_of(hashes: frozenset[str], file: DistributionFile) -> bool:
    """Whether the file has one of the hashes, or can be found to have one once its content is read."""
    is_unknown = file.sha256 is None and any(text.startswith("sha256:") for text in hashes)
    return is_unknown or not hashes.isdisjoint(file.hashes)


def _refusal(file: DistributionFile, location: Location, rules: FileRules) -> tuple[str, str] | None:
    """The option that rules a file out, as (reason, detail), or None."""
    if file.is_wheel and not rules.wheels:
        return "no-binary", "the list forbids wheels of this project"
    if not file.is_wheel and not rules.sdists:
        return "only-binary", "the list allows wheels only"
    if rules.hashes is not None and not _may_have_one_of(rules.hashes, file):
        return "hash", "none of the hashes that the list gives is its own"
    if rules.cutoff is not None and not _is_exempt(location, rules):
        if file.upload_time is None:
            raise _missing_upload_time(file, location)
        if parse_instant(file.upload_time) >= rules.cutoff:
            return "exclude-newer", f"uploaded {file.upload_time}, not before the cut-off date"
    return None


def _is_exempt(location: Location, rules: FileRules) -> bool:
    return not rules.exempt.isdisjoint({location.url.public.rstrip("/"), location.named_url.rstrip("/")})


def _missing_upload_time(file: DistributionFile, location: Location) -> SettingsError:
    return SettingsError(
        f"`{file.filename}` on {location.url} has no upload time, so the cut-off date cannot be applied to it",
        remedy=f"add `{location.url}` to `exclude-newer-exempt` in `[tool.pinfold]`",
    )
