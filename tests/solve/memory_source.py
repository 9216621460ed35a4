"""A package source over a dict, for tests: pages and metadata in memory, callbacks at once or never, counts kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import unquote

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from resolver.errors import FetchError, MetadataError
from resolver.index.core_metadata import CoreMetadata, Dependencies
from resolver.index.distribution_file import Archive, DirectDistribution, DirectRequest, DistributionFile
from resolver.index.events import Observe
from resolver.index.location import Location
from resolver.index.package_source import AnswerCache, PackageSource
from resolver.index.project_page import ProjectPage, Rejection
from resolver.requirements.direct_reference import render_reference, without_hashes
from resolver.requirements.url import Url
from resolver.targets.platforms import parse_platform
from resolver.targets.target import Target, parse_python_version

__all__ = ["DEFAULT_INDEX", "TARGET", "MemoryPage", "MemorySource", "Release", "build_page", "index_location"]

DEFAULT_INDEX = "https://index.example/simple/"
TARGET = Target(python=parse_python_version("3.11"), platform=parse_platform("manylinux_2_35_x86_64"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One version of a project as a test writes it.

    `wheels` are tags, `sdist` adds an sdist. `requires` are lines of Requires-Dist with markers. `error` is what
    reading its metadata ends with; `needs_build` makes that a build. `built` is
    for one that only a build can read, and that succeeds.
    """

    name: NormalizedName
    version: str
    requires: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ("py3-none-any",)
    sdist: bool = False
    extras: tuple[str, ...] = ()
    python: str | None = None
    metadata_python: str | None = None
    yanked: str | None = None
    uploaded: str | None = None
    hashes: tuple[str, ...] | None = None
    build_tag: str = ""
    error: str | None = None
    needs_build: bool = False
    built: bool = False


@dataclass(slots=True, kw_only=True)
class MemoryPage:
    """A project page over lists of files."""

    name: NormalizedName
    location: str
    versions: Sequence[Version]
    rows: Sequence[tuple[DistributionFile, ...]]
    rejected: Sequence[tuple[Rejection, ...]]
    file_count: int = field(init=False)
    wheel_mask: int = field(init=False)
    sdist_mask: int = field(init=False)
    prerelease_mask: int = field(init=False)
    yanked_mask: int = field(init=False)
    partly_yanked_mask: int = field(init=False)
    local_mask: int = field(init=False)

    def __post_init__(self) -> None:
        self.file_count = sum(map(len, self.rows)) + sum(map(len, self.rejected))
        self.wheel_mask = self._mask(lambda row: any(file.is_wheel for file in self.rows[row]))
        self.sdist_mask = self._mask(lambda row: any(not file.is_wheel for file in self.rows[row]))
        self.prerelease_mask = self._mask(lambda row: self.versions[row].is_prerelease)
        self.yanked_mask = self._mask(
            lambda row: bool(self.rows[row]) and all(file.yanked is not None for file in self.rows[row])
        )
        self.partly_yanked_mask = self._mask(lambda row: len({file.yanked is None for file in self.rows[row]}) == 2)
        self.local_mask = self._mask(lambda row: self.versions[row].local is not None)

    def _mask(self, has: Callable[[int], bool]) -> int:
        return sum(1 << row for row in range(len(self.versions)) if has(row))

    def files(self, row: int) -> tuple[DistributionFile, ...]:
        return self.rows[row]

    def late_rows(self, cutoff: datetime) -> tuple[int, int]:
        found = [{_is_late(file, cutoff) for file in row} for row in self.rows]
        mixed = self._mask(lambda row: None in found[row] or len(found[row]) > 1)
        return self._mask(lambda row: found[row] == {True}), mixed

    def rejections(self, row: int) -> tuple[Rejection, ...]:
        return self.rejected[row]


def _is_late(file: DistributionFile, cutoff: datetime) -> bool | None:
    """None where the page does not say: then some file has to be looked at."""
    time = None if file.upload_time is None else datetime.fromisoformat(file.upload_time)
    return None if time is None else (time if time.tzinfo else time.replace(tzinfo=UTC)) >= cutoff


def index_location(url: str = DEFAULT_INDEX) -> Location:
    """An index as a location."""
    return Location(url=Url(public=url))


def build_page(
    name: NormalizedName, location: str, releases: Iterable[Release], *, target: Target = TARGET, index: bool = True
) -> MemoryPage:
    """The page of one project from releases in any order; several releases of one version share its row."""
    usable: dict[Version, list[DistributionFile]] = {}
    rejected: dict[Version, list[Rejection]] = {}
    for release in releases:
        version = Version(release.version)
        usable.setdefault(version, [])
        rejected.setdefault(version, [])
        for file, rejection in _iter_files(release, location if index else None, location, target):
            if rejection is None:
                usable[version].append(file)
            else:
                rejected[version].append(rejection)
    versions = sorted(usable, reverse=True)
    return MemoryPage(
        name=name,
        location=location,
        versions=versions,
        rows=[tuple(sorted(usable[version], key=_file_key)) for version in versions],
        rejected=[tuple(sorted(rejected[version], key=lambda item: item.filename)) for version in versions],
    )


def _iter_files(
    release: Release, index: str | None, location: str, target: Target
) -> Iterable[tuple[DistributionFile, Rejection | None]]:
    stem = f"{release.name.replace('-', '_')}-{release.version}"
    build = f"-{release.build_tag}" if release.build_tag else ""
    names = [f"{stem}{build}-{tag}.whl" for tag in release.wheels] + ([f"{stem}.tar.gz"] if release.sdist else [])
    for place, filename in enumerate(names):
        ranks = [-1]
        if filename.endswith(".whl"):
            known = target.tag_ranks
            ranks = [known[str(tag)] for tag in parse_tag(release.wheels[place]) if str(tag) in known]
        file = DistributionFile(
            filename=filename,
            version=Version(release.version),
            url=f"{location.rstrip('/')}/files/{filename}",
            index=index,
            hashes=(f"sha256:{abs(hash_text(filename)):064x}",) if release.hashes is None else release.hashes,
            size_bytes=1,
            requires_python=release.python,
            yanked=release.yanked,
            upload_time=release.uploaded,
            tag_rank=min(ranks, default=-1),
            build_tag=(int(release.build_tag), "") if release.build_tag else (),
        )
        yield file, _rejection(file, ranks, release, target)


def hash_text(text: str) -> int:
    """A number for a text, the same in every process."""
    return int.from_bytes(text.encode()[-24:], "big")


def _rejection(file: DistributionFile, ranks: list[int], release: Release, target: Target) -> Rejection | None:
    if release.python is not None and not SpecifierSet(release.python).contains(target.python.full):
        return Rejection(filename=file.filename, reason="python", detail=release.python)
    if not ranks:
        tag = "-".join(file.filename.removesuffix(".whl").rsplit("-", 3)[-3:])
        return Rejection(filename=file.filename, reason="tags", detail=tag)
    return None


def _file_key(file: DistributionFile) -> tuple[bool, int, int, str]:
    build = file.build_tag[0] if file.build_tag else -1
    return (not file.is_wheel, file.tag_rank, -build, file.filename)


@dataclass(slots=True, kw_only=True)
class MemorySource:
    """Releases by location URL, and by direct reference.

    `failing` locations raise; with `eager`, what is prefetched arrives at once. `measured` is what the wheels of torch
    are compiled for, by version.
    """

    releases: Mapping[str, Sequence[Release]]
    target: Target = TARGET
    failing: frozenset[str] = frozenset()
    direct_releases: Mapping[str, Release] = field(default_factory=dict)
    measured: Mapping[str, str] = field(default_factory=dict)
    eager: bool = True
    observe: Observe | None = None
    asked_pages: list[tuple[str, str]] = field(default_factory=list)
    asked_direct: list[str] = field(default_factory=list)
    asked_dependencies: list[str] = field(default_factory=list)
    built: list[str] = field(default_factory=list)
    ahead: list[str] = field(default_factory=list)
    ahead_pages: list[tuple[str, str]] = field(default_factory=list)

    @property
    def answers(self) -> AnswerCache | None:
        return None

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        url = location.url.public
        if url in self.failing:
            raise FetchError(f"`{url}` answered 503", url=url)
        self.asked_pages.append((name, url))
        return self._page(name, location)

    def _page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        url = location.url.public
        found = [release for release in self.releases.get(url, ()) if release.name == name]
        if not found:
            return None
        return build_page(name, url, found, target=self.target, index=location.form == "index")

    def dependencies(self, file: DistributionFile) -> Dependencies:
        self.asked_dependencies.append(file.filename)
        release = self._release(file)
        if release.error is not None or release.needs_build:
            message = release.error or f"`{file.filename}` has no static metadata and would have to be built"
            raise MetadataError(message, project=release.name, filename=file.filename, needs_build=release.needs_build)
        if release.built:
            self.built.append(file.filename)
        return replace(evaluate(release, self.target), built=release.built)

    def needs_build(self, file: DistributionFile) -> bool:
        release = self._release(file)
        return release.needs_build or release.built

    def _release(self, file: DistributionFile) -> Release:
        stem = file.filename.split("-")[0].replace("_", "-").lower()
        for url, releases in self.releases.items():
            for release in releases:
                if file.url.startswith(url) and release.name == stem and Version(release.version) == file.version:
                    return release
        raise KeyError(file.filename)

    def direct(self, request: DirectRequest) -> DirectDistribution:
        reference = render_reference(without_hashes(request.reference))
        self.asked_direct.append(reference)
        release = self.direct_releases.get(reference)
        if release is None:
            raise FetchError(f"`{reference}` answered 404", url=reference)
        version = Version(release.version)
        metadata = CoreMetadata(
            name=release.name,
            version=version,
            metadata_version="2.2",
            requires_dist=release.requires,
            requires_python=release.metadata_python,
            provides_extra=tuple(canonicalize_name(extra) for extra in release.extras),
        )
        filename = unquote(reference.partition("#")[0].rpartition("/")[2])
        file = DistributionFile(
            filename=filename if filename.endswith(".whl") else release.name,
            version=version,
            url=reference,
            hashes=release.hashes or (),
            tag_rank=0,
            origin=Archive(),
        )
        return DirectDistribution(name=release.name, version=version, file=file, metadata=metadata)

    def prefetch_direct(self, requests: Iterable[DirectRequest]) -> None:
        self.ahead += [request.text for request in requests]

    def complete(self, file: DistributionFile) -> DistributionFile:
        return replace(file, size_bytes=file.size_bytes or 1)

    def prefetch_pages(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        *,
        until_found: bool,
        then: Callable[[Sequence[ProjectPage]], None] | None = None,
    ) -> None:
        self.ahead.append(name)
        for location in locations:
            self.ahead_pages.append((name, location.url.public))
            if until_found and self._page(name, location) is not None:
                break
        if not self.eager or then is None:
            return
        pages: list[ProjectPage] = []
        for location in locations:
            page = self._page(name, location) if location.url.public not in self.failing else None
            if page is not None:
                pages.append(page)
                if until_found:
                    break
        then(pages)

    def prefetch_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        for file in files:
            self.ahead.append(file.filename)
            release = self._release(file)
            if self.eager and then is not None and release.error is None and not release.needs_build:
                then(evaluate(release, self.target))

    def prefetch_completion(self, files: Iterable[DistributionFile]) -> None:
        """Nothing is slow here."""

    def build_requires(self, file: DistributionFile) -> tuple[str, ...]:
        raise MetadataError(
            f"`{file.filename}` is not built here", project=self._release(file).name, filename=file.filename
        )

    def kernels(self, file: DistributionFile) -> str:
        return self.measured[str(file.version)]

    def for_target(self, target: Target) -> MemorySource:
        """A source of the same releases for a target, with counts of its own."""
        return replace(self, target=target, asked_pages=[], asked_dependencies=[], ahead=[], ahead_pages=[])

    def without_requests(self) -> PackageSource:
        """The source itself: it makes no requests."""
        return self


def evaluate(release: Release, target: Target) -> Dependencies:
    """The dependencies of a release under a target: markers decided, extras apart."""
    environment = dict(target.environment)
    requires: list[str] = []
    extras: dict[NormalizedName, list[str]] = {canonicalize_name(extra): [] for extra in release.extras}
    for line in release.requires:
        requirement = Requirement(line)
        marker, requirement.marker = requirement.marker, None
        if marker is None or marker.evaluate({**environment, "extra": ""}):
            requires.append(str(requirement))
            continue
        for extra, texts in extras.items():
            if marker.evaluate({**environment, "extra": extra}):
                texts.append(str(requirement))
    return Dependencies(
        requires=tuple(requires),
        extras={extra: tuple(texts) for extra, texts in extras.items()},
        requires_python=release.metadata_python,
    )
