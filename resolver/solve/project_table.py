"""All versions of a project, as the search reads them: by row number and bit mask, newest version first.

In: the pages of all locations of a project, read in the order of the index strategy, and the options of the list. Out:
one `ProjectTable`. Every rule about files (formats, hashes, cut-off date, ties) ends here: the search sees versions
only, and reads from a table the rows that a specifier admits. The rules about CUDA builds make tables of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import SettingsError
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.index.project_page import ProjectPage, Rejection
from resolver.index.version_sets import VersionSets
from resolver.solve.problem import Problem
from resolver.targets.accelerators import Gpu

__all__ = [
    "FileRules",
    "ListedPage",
    "ProjectTable",
    "build_project_table",
    "has_row",
    "iter_rows",
    "parse_instant",
    "rank_listings",
    "read_listings",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPage:
    """One location's page of a project; of equal files on several pages, that with the lowest `rank` is preferred."""

    location: Location
    page: ProjectPage
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """Which files of a project the list's options admit.

    `hashes` is None where no line of the list gives any; otherwise a file must have one of them. A file without a
    SHA-256 on its page is admitted for now, and checked once its content is known. `cutoff` is the instant before which
    a file must have been uploaded; `exempt` are locations without upload times.
    """

    wheels: bool = True
    sdists: bool = True
    hashes: frozenset[str] | None = None
    cutoff: datetime | None = None
    exempt: frozenset[str] = frozenset()

    @property
    def reads_files(self) -> bool:
        """Whether each file has to be looked at, because its format alone does not decide."""
        return self.hashes is not None or self.cutoff is not None

    @property
    def admits_all(self) -> bool:
        """Whether every file that the target can use is admitted."""
        return self.wheels and self.sdists and not self.reads_files


@dataclass(slots=True, kw_only=True, eq=False)
class ProjectTable:
    """All versions of a project that its locations list, row 0 the newest.

    The masks have bit `i` set where row `i` has the property; `yanked_mask` where no usable file is unyanked. `places`
    gives for each row its listings and their row numbers; `missing` are the locations that were read and lack the
    project. `left_out` are rows of pages that mix builds which are no candidates, with the reason; no mask has
    them as usable.
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
        """The rows of `within` that have a file which target and options admit."""
        rows = within & (self.wheel_mask | self.sdist_mask)
        if not self.rules.reads_files:
            return rows
        # Reading the files of every row takes long, and the upload times on the pages decide most rows.
        admitted, refused = self._decide_unread(rows) if self.rules.hashes is None else (0, 0)
        unread = rows & ~admitted & ~refused
        return rows & ~refused & ~sum(1 << row for row in iter_rows(unread) if not self.files(row))

    def yanked(self, within: int) -> int:
        """The rows of `within` whose admitted files are all yanked (PEP 592)."""
        unread = within & self._partly_yanked
        if unread:
            # The rules may refuse the unyanked files of such a row.
            self._partly_yanked &= ~unread
            self.yanked_mask |= sum(1 << row for row in iter_rows(unread) if self._has_only_yanked(row))
        return within & self.yanked_mask

    def _has_only_yanked(self, row: int) -> bool:
        """Whether every admitted file of a row is yanked; one that is not would be the first."""
        files = self.files(row)
        return bool(files) and files[0].yanked is not None

    def _decide_unread(self, within: int) -> tuple[int, int]:
        """Of some rows, those with an admitted file and those without one, where upload times alone decide."""
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
        """Why files of the row are no candidates: the reasons of the pages, then those of the list's options."""
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

    def newest(self) -> Version | None:
        """The newest version that a location has, without those of which every file is too new; None without one."""
        for row, version in enumerate(self.versions):
            is_too_new = not self.files(row) and any(one.reason == "exclude-newer" for one in self.rejections(row))
            if self.places(row) and not is_too_new:
                return version
        return None

    def neighbours(self, version: Version) -> tuple[Version, ...]:
        """The versions just below and above one that is not here; its own without its label.

        The newest one is among them only if it is the nearer one. Next to a pre-release, one of the same release is.
        """
        listed = [one for row, one in enumerate(self.versions) if self.places(row)]
        if version.local is not None and Version(version.public) in listed[1:]:
            return (Version(version.public),)
        below = [one for one in listed if one < version]
        above = [one for one in listed if one > version]
        near = [*([max(below)] if below else []), *([min(above)] if above else [])]
        early = [one for one in near if one.is_prerelease and one.release == version.release]
        if early and version.is_prerelease:
            return tuple(early)
        if len(near) == 2 and near[1] == listed[0] and _measure(version, near[1]) < _measure(version, near[0]):
            return (near[1],)
        return tuple(one for one in near if one != listed[0])

    def find_row(self, version: Version) -> int | None:
        """The row of a version, or None."""
        return next((row for row, known in enumerate(self.versions) if known == version), None)

    def ordered(self, mask: int) -> Iterator[int]:
        """The rows of a mask in the order to try."""
        return iter_rows(mask)

    def is_promised(self, row: int) -> bool:
        """Whether the row is a build that an index may have, where that index was not read yet."""
        return False

    def reason(self, row: int) -> str:
        """Why the row is no candidate, for reasons other than its files; empty if it is one."""
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


def read_listings(
    name: NormalizedName, problem: Problem, source: PackageSource
) -> tuple[tuple[ListedPage, ...], tuple[Location, ...]]:
    """The pages that supply the project under the problem's index strategy, and the locations that lack it.

    The locations of the project's family are read first; the others, find-links included, only where none of those has
    it; and an index outside its family only where no other location has the project. Pages of the family that have
    nothing that the list admits join the others, as find-links do: uv and pip have an answer then. Raises FetchError.
    """
    locations = problem.locations(name)
    missing: list[Location] = []
    found: list[tuple[Location, ProjectPage]] = []
    best_match = problem.index_strategy == "best-match"
    for place in ("family", "plain", "outside"):
        group = [location for location in locations if _find_group(location) == place]
        found += _read_group(name, group, source, missing, first_only=not best_match)
        listings = rank_listings(found, best_match=best_match)
        if found and (place != "family" or _supplies(name, problem, listings)):
            return listings, tuple(missing)
    return rank_listings(found, best_match=best_match), tuple(missing)


def _supplies(name: NormalizedName, problem: Problem, listings: tuple[ListedPage, ...]) -> bool:
    """Whether locations of a family supply a project: an index always, find-links only what the list admits."""
    if any(listing.location.form == "index" for listing in listings):
        return True
    table = build_project_table(name, problem, listings)
    rows = table.all_rows
    for line in problem.lines.get(name, ()):
        rows &= table.mask(line.specifier)
    return bool(table.usable(rows))


def rank_listings(found: Sequence[tuple[Location, ProjectPage]], *, best_match: bool) -> tuple[ListedPage, ...]:
    """Listings in order of preference between equal files: as pip under best-match, as uv under first-index."""
    indexes = [item for item in found if item[0].form != "find-links"]
    links = [item for item in found if item[0].form == "find-links"]
    ordered = [*reversed(indexes), *reversed(links)] if best_match else [*links, *indexes]
    return tuple(ListedPage(location=location, page=page, rank=rank) for rank, (location, page) in enumerate(ordered))


def build_project_table(
    name: NormalizedName, problem: Problem, listings: tuple[ListedPage, ...], missing: tuple[Location, ...] = ()
) -> ProjectTable:
    """The project's table from its pages."""
    rules = _build_file_rules(name, problem)
    masks, versions, places = _single_page(listings[0].page) if len(listings) == 1 else _merged_pages(listings)
    wheel, sdist, prerelease, yanked, partly_yanked, local = masks
    left_out = _find_left_out(name, problem, listings, versions) if local else {}
    kept = ~sum(1 << row for row in left_out)
    return ProjectTable(
        name=name,
        versions=versions,
        wheel_mask=wheel & kept if rules.wheels else 0,
        sdist_mask=sdist & kept if rules.sdists else 0,
        prerelease_mask=prerelease,
        yanked_mask=yanked,
        listings=listings,
        missing=missing,
        rules=rules,
        _partly_yanked=0 if rules.admits_all else partly_yanked,
        _sets=VersionSets(versions, local),
        _places=places,
        left_out=left_out,
    )


def iter_rows(mask: int) -> Iterator[int]:
    """The row numbers of a mask, newest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _measure(version: Version, other: Version) -> tuple[int, ...]:
    """How far two versions are apart, the first part of their releases first."""
    size = max(len(version.release), len(other.release))
    first, second = ((*one.release, *(0,) * (size - len(one.release))) for one in (version, other))
    return tuple(abs(left - right) for left, right in zip(first, second, strict=True))


def has_row(mask: int, row: int) -> bool:
    """Whether the mask has the row."""
    return bool(mask >> row & 1)


@lru_cache(maxsize=4096)
def parse_instant(text: str) -> datetime:
    """The instant of RFC 3339 text; without an offset it is UTC."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


def _find_left_out(
    name: NormalizedName, problem: Problem, listings: Sequence[ListedPage], versions: Sequence[Version]
) -> dict[int, str]:
    """The rows that a page which mixes builds has for another backend than is wanted, each with the reason.

    Labels order by their text, so `2.6.0+xpu` would win over `2.6.0+cu126` for no other reason. Builds for ROCm and XPU
    count only where a label in the list or the URL of the page names them, and for a GPU that holds for builds without
    CUDA too. A page on which nothing else can be used is meant as it is.
    """
    if name in problem.allow or name in problem.direct:
        return {}
    # Lazy: few projects have labelled builds.
    from resolver.targets.labels import parse_index_label, parse_label, parse_version_label

    unwanted = {"rocm", "xpu", *(["cpu"] if isinstance(problem.target.accelerator, Gpu) else [])}
    unwanted -= {label.backend for text in _iter_named(problem) if (label := parse_label(text)) is not None}
    found: dict[Version, str] = {}
    meant: set[Version] = set()
    for listing in listings:
        index, usable = parse_index_label(listing.location.named_url), listing.page.wheel_mask | listing.page.sdist_mask
        out: dict[int, str] = {}
        for row in iter_rows(listing.page.local_mask & usable):
            label = parse_version_label(listing.page.versions[row])
            if label is not None and label.backend in unwanted and (index is None or label.backend != index.backend):
                out[row] = _describe_unwanted(label.backend)
        if usable & ~sum(1 << row for row in out):
            found |= {listing.page.versions[row]: reason for row, reason in out.items()}
        else:
            meant.update(listing.page.versions[row] for row in out)
    return {row: found[version] for row, version in enumerate(versions) if version in found and version not in meant}


def _describe_unwanted(backend: str) -> str:
    """Why a build for a backend is left out."""
    if backend == "cpu":
        return "is built for the CPU alone"
    return f"is built for {backend}, which neither the list nor the index names"


def _iter_named(problem: Problem) -> Iterator[str]:
    """The labels that the list names, in `torch==2.6.0+xpu` or by a wheel of its own; they count for all projects."""
    for line in (*problem.roots, *problem.constraints, *problem.overrides):
        yield from (label for part in line.specifier if (label := part.version.partition("+")[2]))
    for fixed in problem.direct.values():
        if fixed.found is not None and fixed.found.version.local is not None:
            yield fixed.found.version.local


def _find_group(location: Location) -> Literal["family", "plain", "outside"]:
    """The group that a location is read with."""
    if location.outside_family is not None:
        return "outside"
    return "family" if location.is_of_family else "plain"


_Masks = tuple[int, int, int, int, int, int]
_Places = list[tuple[tuple[ListedPage, int], ...]]


def _read_group(
    name: NormalizedName,
    group: Sequence[Location],
    source: PackageSource,
    missing: list[Location],
    *,
    first_only: bool,
) -> list[tuple[Location, ProjectPage]]:
    """The pages of locations that have the project, read in their order; `missing` gets the locations without it.

    With `first_only` no index after the first one that has it is read; links and folders always are.
    """
    found: list[tuple[Location, ProjectPage]] = []
    index_found = False
    for location in group:
        if location.form == "index" and first_only and index_found:
            continue
        page = source.project_page(name, location)
        if page is None:
            missing.append(location)
            continue
        index_found = index_found or location.form == "index"
        found.append((location, page))
    return found


def _single_page(page: ProjectPage) -> tuple[_Masks, Sequence[Version], None]:
    """The table of one page: its rows are those of the page."""
    yanked = (page.yanked_mask, page.partly_yanked_mask)
    return (page.wheel_mask, page.sdist_mask, page.prerelease_mask, *yanked, page.local_mask), page.versions, None


def _merged_pages(listings: Sequence[ListedPage]) -> tuple[_Masks, Sequence[Version], _Places]:
    """The table of several pages: a row has the files that each page has of its version."""
    by_version: dict[Version, list[tuple[ListedPage, int]]] = {}
    for listing in listings:
        for row, version in enumerate(listing.page.versions):
            by_version.setdefault(version, []).append((listing, row))
    versions = sorted(by_version, reverse=True)
    places = [tuple(by_version[version]) for version in versions]
    wheel = sdist = prerelease = yanked = partly_yanked = local = 0
    for row, spots in enumerate(places):
        wheel |= any(has_row(spot.page.wheel_mask, at) for spot, at in spots) << row
        sdist |= any(has_row(spot.page.sdist_mask, at) for spot, at in spots) << row
        prerelease |= any(has_row(spot.page.prerelease_mask, at) for spot, at in spots) << row
        local |= any(has_row(spot.page.local_mask, at) for spot, at in spots) << row
        all_yanked, some_yanked = _find_yanked(spots)
        yanked |= all_yanked << row
        partly_yanked |= (some_yanked and not all_yanked) << row
    return (wheel, sdist, prerelease, yanked, partly_yanked, local), versions, places


def _find_yanked(spots: Sequence[tuple[ListedPage, int]]) -> tuple[bool, bool]:
    """Whether all, and whether some, of the usable files that several pages have of one version are yanked."""
    usable = [(spot.page, at) for spot, at in spots if has_row(spot.page.wheel_mask | spot.page.sdist_mask, at)]
    only = [has_row(page.yanked_mask, at) for page, at in usable]
    return bool(only) and all(only), any(only) or any(has_row(page.partly_yanked_mask, at) for page, at in usable)


def _build_file_rules(name: NormalizedName, problem: Problem) -> FileRules:
    """What the options of a problem say about the files of one project."""
    if name in problem.direct:
        return FileRules()  # The list names the file itself; its hashes are compared once its content is known.
    return FileRules(
        wheels=problem.format_control.allows_wheel(name),
        sdists=problem.format_control.allows_sdist(name),
        hashes=problem.allowed_hashes(name),
        cutoff=parse_instant(problem.exclude_newer) if problem.exclude_newer is not None else None,
        exempt=frozenset(url.rstrip("/") for url in problem.exclude_newer_exempt),
    )


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
        return "hash", "none of its hashes is in the list"
    if rules.cutoff is not None and not _is_exempt(location, rules):
        if file.upload_time is None:
            raise _missing_upload_time(file, location)
        if parse_instant(file.upload_time) >= rules.cutoff:
            return "exclude-newer", f"uploaded {file.upload_time}, not before the cut-off date"
    return None


def _is_exempt(location: Location, rules: FileRules) -> bool:
    """Whether the cut-off date does not apply to a location, under its own URL or that of its mirror."""
    return not rules.exempt.isdisjoint({location.url.public.rstrip("/"), location.named_url.rstrip("/")})


def _missing_upload_time(file: DistributionFile, location: Location) -> SettingsError:
    """The error for a file whose index does not tell when it was uploaded, while a cut-off date is set."""
    return SettingsError(
        f"`{file.filename}` on {location.url} has no upload time, so the cut-off date cannot be applied to it",
        remedy=f"add `{location.url}` to `exclude-newer-exempt` in `[tool.pinfold]`",
    )
