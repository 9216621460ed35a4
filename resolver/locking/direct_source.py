"""The world with the sources that direct references fix: their projects have one candidate, whatever indexes list.

In: a package source, and the fixed sources of a problem. Out: a package source that answers for those projects itself,
and asks the other for all else.

Whether a wheel that a list names fits the target, told before anybody is asked for it.

In: references to wheels, by the names of their files. Out: nothing, or an error that says which tags a wheel has, what
the target is, and which wheel of an index would fit.

The page of a project whose source is a direct reference: one row with one file, whatever indexes list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import unquote

from packaging.utils import NormalizedName, parse_wheel_filename
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import Fault, FetchError, HashMismatchError, InputError, ListError, MetadataError, ResolutionError
from resolver.index.core_metadata import Dependencies, build_dependencies
from resolver.index.direct_distribution import DirectDistribution, DirectRequest, FixedSource
from resolver.index.distribution_file import Archive, DistributionFile
from resolver.index.location import Location
from resolver.index.package_source import DelegatingSource, PackageSource
from resolver.index.project_page import ProjectPage, Rejection
from resolver.requirements.entry import ArchiveUrl, DirectReference, LocalPath, VcsReference
from resolver.targets.target import Target

__all__ = [
    "DirectPage",
    "LocateProject",
    "SourceWithDirect",
    "check_name",
    "check_wheels_fit",
    "fetch_direct",
    "read_dependencies",
]


LocateProject = Callable[[NormalizedName], Sequence[Location]]
"""Where a project could be asked for, first one first."""

_SHOWN_TAGS = 3


def check_wheels_fit(
    requests: Iterable[DirectRequest], *, target: Target, source: PackageSource, locate: LocateProject
) -> None:
    """Raises ResolutionError that tells of all wheels which the target cannot use."""
    faults = [
        _build_fault(request, filename, target=target, source=source, locate=locate)
        for request in requests
        if (filename := _find_wheel(request.reference)) is not None and not _find_tags(filename, target)
    ]
    if faults:
        raise ResolutionError.from_faults(faults)


def _find_wheel(reference: DirectReference) -> str | None:
    """The file name of a wheel; None for anything else."""
    match reference:
        case ArchiveUrl(url=url):
            filename = unquote(re.split("[?#]", url.public)[0].rpartition("/")[2])
        case LocalPath(path=path):
            filename = re.split(r"[\\/]", path)[-1]
        case VcsReference():
            return None
    return filename if filename.endswith(".whl") else None


def _find_tags(filename: str, target: Target) -> list[str]:
    """The tags of a wheel that the target can use."""
    return [text for text in map(str, parse_wheel_filename(filename)[3]) if text in target.tag_ranks]


def _build_fault(
    request: DirectRequest, filename: str, *, target: Target, source: PackageSource, locate: LocateProject
) -> Fault:
    name, version, _, tags = parse_wheel_filename(filename)
    texts = sorted(map(str, tags))
    more = len(texts) - _SHOWN_TAGS
    shown = ", ".join(f"`{text}`" for text in texts[:_SHOWN_TAGS]) + (f" and {more} more" if more > 0 else "")
    remedy = ""
    found = _find_fitting(name, version, source, locate(name))
    if found is not None:
        file, location = found
        remedy = f"`{name}=={file.version}`, of which {location.url} has `{file.filename}`"
    return Fault(
        where=request.position,
        what=f"`{request.text}` cannot be used on {target}",
        why=f"the wheel is for {shown}",
        remedy=remedy,
    )


def _find_fitting(
    name: NormalizedName, version: Version, source: PackageSource, locations: Sequence[Location]
) -> tuple[DistributionFile, Location] | None:
    """The best wheel of the version that fits, or of the newest release that has one, and where it is."""
    for location in locations:
        try:
            page = source.project_page(name, location)
        except FetchError:
            return None  # A hint is not worth another error.
        if page is None:
            continue
        rows = [
            row for row in range(len(page.versions)) if page.wheel_mask >> row & 1 and not page.yanked_mask >> row & 1
        ]
        rows.sort(key=lambda row: (page.versions[row] != version, page.prerelease_mask >> row & 1, row))
        return (page.files(rows[0])[0], location) if rows else None
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectPage:
    """See `ProjectPage`. `location` is the public URL of the location that stands for the reference."""

    name: NormalizedName
    location: str
    file: DistributionFile
    version: Version
    file_count: int = 1
    yanked_mask: int = 0
    partly_yanked_mask: int = 0

    @property
    def versions(self) -> Sequence[Version]:
        """The one version."""
        return (self.version,)

    @property
    def wheel_mask(self) -> int:
        """Whether it is a wheel."""
        return int(self.file.is_wheel)

    @property
    def sdist_mask(self) -> int:
        """Whether it is anything that has to be built."""
        return int(not self.file.is_wheel)

    @property
    def prerelease_mask(self) -> int:
        """Whether it is a pre-release."""
        return int(self.version.is_prerelease)

    @property
    def local_mask(self) -> int:
        """Whether it has a local version label."""
        return int(self.version.local is not None)

    def files(self, row: int) -> tuple[DistributionFile, ...]:
        """The file."""
        del row
        return (self.file,)

    def late_rows(self, cutoff: datetime) -> tuple[int, int]:
        """None: nobody knows when it was uploaded, and the list names it."""
        del cutoff
        return 0, 0

    def rejections(self, row: int) -> tuple[Rejection, ...]:
        """None: a reference that the target cannot use ends the run."""
        del row
        return ()


class SourceWithDirect(DelegatingSource):
    """See `PackageSource`."""

    def __init__(
        self,
        source: PackageSource,
        fixed: Mapping[NormalizedName, FixedSource],
        *,
        target: Target,
        locate: LocateProject,
    ) -> None:
        super().__init__(source)
        self._fixed = fixed
        self._target = target
        self._locate = locate
        self._found = {one.found.file: one.found for one in fixed.values() if one.found is not None}
        self._read: dict[DistributionFile, Dependencies] = {}

    @property
    def answers(self) -> None:
        """None: what a direct reference leads to may change from run to run."""

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """The one row of a project that is fixed."""
        if location.form != "direct":
            return self._source.project_page(name, location)
        fixed = self._fixed[name]
        found = fixed.found
        if found is None:
            check_wheels_fit([fixed.request], target=self._target, source=self._source, locate=self._locate)
            found = fetch_direct(self._source, fixed.request)
            check_name(found, fixed.request, name)
            self._found[found.file] = found
        return DirectPage(name=name, location=location.url.public, file=found.file, version=found.version)

    def dependencies(self, file: DistributionFile) -> Dependencies:
        """What the file needs under the target."""
        if file.origin is None:
            return self._source.dependencies(file)
        known = self._read.get(file)
        if known is None:
            known = self._read[file] = read_dependencies(self._found[file], self._target)
        return known

    def needs_build(self, file: DistributionFile) -> bool:
        """Whether only a build can tell what the file needs; what the list names itself was read before."""
        return file.origin is None and self._source.needs_build(file)

    def complete(self, file: DistributionFile) -> DistributionFile:
        """The file; a commit and a folder are what they are."""
        return file if _is_tree(file) else self._source.complete(file)

    def prefetch_pages(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        *,
        until_found: bool,
        then: Callable[[Sequence[ProjectPage]], None] | None = None,
    ) -> None:
        """A fixed page that is here is passed on at once; one that is not causes no request before it is needed."""
        if not any(location.form == "direct" for location in locations):
            self._source.prefetch_pages(name, locations, until_found=until_found, then=then)
        elif then is not None and self._fixed[name].found is not None:
            pages = [self.project_page(name, location) for location in locations if location.form == "direct"]
            then([page for page in pages if page is not None])

    def prefetch_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        """As `prefetch_pages`."""
        for file in files:
            if file.origin is None:
                self._source.prefetch_dependencies([file], then=then)
            elif then is not None:
                self._tell(file, then)

    def prefetch_completion(self, files: Iterable[DistributionFile]) -> None:
        """See `PackageSource`."""
        self._source.prefetch_completion([file for file in files if not _is_tree(file)])

    def without_requests(self) -> PackageSource:
        """See `PackageSource`."""
        return SourceWithDirect(self._source.without_requests(), self._fixed, target=self._target, locate=self._locate)

    def _tell(self, file: DistributionFile, then: Callable[[Dependencies], None]) -> None:
        try:
            found = self.dependencies(file)
        except MetadataError:
            return  # It is raised where the result is asked for.
        then(found)


def fetch_direct(source: PackageSource, request: DirectRequest) -> DirectDistribution:
    """What a reference is; an error says which line of the list asked. Raises as `PackageSource.direct`."""
    try:
        return source.direct(request)
    except FetchError as error:
        raise error.at(f"{request.position}: `{request.text}`") from error
    except ListError:
        raise
    except (HashMismatchError, MetadataError, InputError) as error:
        raise error.at(request.position) from error


def read_dependencies(found: DirectDistribution, target: Target) -> Dependencies:
    """What a direct distribution needs under a target. Raises MetadataError."""
    try:
        return build_dependencies(found.metadata, environment=target.environment, built=found.built)
    except ValueError as error:
        raise MetadataError(
            f"the metadata of `{found.file.filename}` cannot be read: {error}",
            project=found.name,
            filename=found.file.filename,
        ) from error


def check_name(found: DirectDistribution, request: DirectRequest, name: NormalizedName) -> None:
    """Raises MetadataError where the reference leads to another project."""
    if found.name != name:
        raise MetadataError(
            f"`{request.text}` is `{found.name}`, not `{name}`",
            where=request.position,
            why="its metadata says so",
            remedy=f"write `{found.name}` in place of `{name}`",
            project=name,
            filename=found.file.filename,
            reason=f"`{request.text}` is `{found.name}`, not `{name}`",
        )


def _is_tree(file: DistributionFile) -> bool:
    return file.origin is not None and not isinstance(file.origin, Archive)
