"""The package source in which direct references fix projects: each has one candidate, and no index is read for it.

In: a package source, and the `FixedSource`s of a list. Out: a package source that answers for the fixed projects
itself and passes every other query on. The checks of a reference are here too, because a reference is fetched either
before the search (for the list) or during it (for a constraint or an override), with the same checks: the tags of a
wheel fit the target, and the metadata has the name that the list gives.
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
from resolver.index.distribution_file import Archive, DirectDistribution, DirectRequest, DistributionFile, FixedSource
from resolver.index.location import Location
from resolver.index.package_source import DelegatingSource, PackageSource
from resolver.index.project_page import ProjectPage, Rejection
from resolver.requirements.entry import ArchiveUrl, DirectReference, LocalPath, VcsReference
from resolver.targets.target import Target

__all__ = [
    "LocateProject",
    "SourceWithDirect",
    "check_name",
    "check_wheels_fit",
    "fetch_direct",
    "read_dependencies",
]

LocateProject = Callable[[NormalizedName], Sequence[Location]]
"""The locations of a project on indexes, the preferred one first."""

_SHOWN_TAGS = 3
"""How many tags of a wheel an error shows; manylinux wheels can have a dozen."""


class SourceWithDirect(DelegatingSource):
    """A package source that answers for the projects of `fixed` itself, for one target.

    A source that was not fetched before the search (`FixedSource.found` is None) is fetched when its page is needed.
    """

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
        self._distributions = {one.found.file: one.found for one in fixed.values() if one.found is not None}
        self._dependencies: dict[DistributionFile, Dependencies] = {}

    @property
    def answers(self) -> None:
        """None: the target of a direct reference may change from run to run, so no answer is kept."""

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """The one row of a fixed project at its own location; any other page is that of the source behind.

        Raises the errors of `fetch_direct`, `check_wheels_fit` and `check_name`.
        """
        if location.form != "direct":
            return self._source.project_page(name, location)
        fixed = self._fixed[name]
        found = fixed.found
        if found is None:
            # The reference of a constraint or an override, whose project only now came up in the search.
            check_wheels_fit([fixed.request], target=self._target, source=self._source, locate=self._locate)
            found = fetch_direct(self._source, fixed.request)
            check_name(found, fixed.request, name)
            self._distributions[found.file] = found
        return _DirectPage(name=name, location=location.url.public, file=found.file, version=found.version)

    def dependencies(self, file: DistributionFile) -> Dependencies:
        """The dependencies of the file under the target. Raises MetadataError."""
        if file.origin is None:
            return self._source.dependencies(file)
        known = self._dependencies.get(file)
        if known is None:
            known = self._dependencies[file] = read_dependencies(self._distributions[file], self._target)
        return known

    def needs_build(self, file: DistributionFile) -> bool:
        """Whether only a build gives the metadata; that of a direct reference was read before."""
        return file.origin is None and self._source.needs_build(file)

    def complete(self, file: DistributionFile) -> DistributionFile:
        """The file with size and SHA-256; a commit or a folder has neither and is returned unchanged."""
        return file if _is_tree(file) else self._source.complete(file)

    def prefetch_pages(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        *,
        until_found: bool,
        then: Callable[[Sequence[ProjectPage]], None] | None = None,
    ) -> None:
        """Calls `then` with the page of a fetched reference at once; pages of indexes are left to the source behind.

        A reference that was not fetched yet causes no request here, because the search may never need its project.
        """
        if not any(location.form == "direct" for location in locations):
            self._source.prefetch_pages(name, locations, until_found=until_found, then=then)
        elif then is not None and self._fixed[name].found is not None:
            pages = [self.project_page(name, location) for location in locations if location.form == "direct"]
            then([page for page in pages if page is not None])

    def prefetch_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        """Calls `then` with the dependencies of fixed files at once, since their metadata is known.

        All other files are left to the source behind, with one call per file, which keeps the order of `files`.
        """
        for file in files:
            if file.origin is None:
                self._source.prefetch_dependencies([file], then=then)
            elif then is not None:
                self._pass_on(file, then)

    def prefetch_completion(self, files: Iterable[DistributionFile]) -> None:
        """Starts to complete the files that are no source trees."""
        self._source.prefetch_completion([file for file in files if not _is_tree(file)])

    def without_requests(self) -> PackageSource:
        """The same references over a source that makes no request."""
        return SourceWithDirect(self._source.without_requests(), self._fixed, target=self._target, locate=self._locate)

    def _pass_on(self, file: DistributionFile, then: Callable[[Dependencies], None]) -> None:
        try:
            found = self.dependencies(file)
        except MetadataError:
            return  # A prefetch raises nothing: the search gets the error from `dependencies`.
        then(found)


def check_wheels_fit(
    requests: Iterable[DirectRequest], *, target: Target, source: PackageSource, locate: LocateProject
) -> None:
    """Raises ResolutionError with a fault for each request that names a wheel which the target cannot use.

    It reads file names alone, so that it can run before the wheels are fetched. `source` and `locate` serve the hint:
    which wheel of an index would fit.
    """
    faults = [
        _build_fault(request, filename, target=target, source=source, locate=locate)
        for request in requests
        if (filename := _find_wheel(request.reference)) is not None and not _find_tags(filename, target)
    ]
    if faults:
        raise ResolutionError.from_faults(faults)


def fetch_direct(source: PackageSource, request: DirectRequest) -> DirectDistribution:
    """The distribution of a reference.

    Raises the errors of `PackageSource.direct`, with the position of the reference in the list added, which `fetch`
    does not have.
    """
    try:
        return source.direct(request)
    except FetchError as error:
        raise error.at(f"{request.position}: `{request.text}`") from error
    except ListError:
        raise
    except (HashMismatchError, MetadataError, InputError) as error:
        raise error.at(request.position) from error


def read_dependencies(found: DirectDistribution, target: Target) -> Dependencies:
    """The dependencies of a direct distribution under a target. Raises MetadataError for unreadable metadata."""
    try:
        return build_dependencies(found.metadata, environment=target.environment, built=found.built)
    except ValueError as error:
        raise MetadataError(
            f"the metadata of `{found.file.filename}` cannot be read: {error}",
            project=found.name,
            filename=found.file.filename,
        ) from error


def check_name(found: DirectDistribution, request: DirectRequest, name: NormalizedName) -> None:
    """Raises MetadataError where the metadata has another name than the list gives (`name @ URL`)."""
    if found.name != name:
        raise MetadataError(
            f"`{request.text}` is `{found.name}`, not `{name}`",
            where=request.position,
            why="that is the name in its metadata",
            remedy=f"write `{found.name}` in place of `{name}`",
            project=name,
            filename=found.file.filename,
            reason=f"`{request.text}` is `{found.name}`, not `{name}`",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _DirectPage:
    """The `ProjectPage` of a fixed project: one row with one file.

    `location` is the public URL of the reference. Each mask has one bit, for the one row.
    """

    name: NormalizedName
    location: str
    file: DistributionFile
    version: Version
    file_count: int = 1
    yanked_mask: int = 0
    partly_yanked_mask: int = 0

    @property
    def versions(self) -> Sequence[Version]:
        """The version of the reference, as the only one."""
        return (self.version,)

    @property
    def wheel_mask(self) -> int:
        """1 for a wheel."""
        return int(self.file.is_wheel)

    @property
    def sdist_mask(self) -> int:
        """1 for a file or tree that has to be built."""
        return int(not self.file.is_wheel)

    @property
    def prerelease_mask(self) -> int:
        """1 for a pre-release."""
        return int(self.version.is_prerelease)

    @property
    def local_mask(self) -> int:
        """1 for a version with a local label."""
        return int(self.version.local is not None)

    def files(self, row: int) -> tuple[DistributionFile, ...]:
        """The one file."""
        del row
        return (self.file,)

    def late_rows(self, cutoff: datetime) -> tuple[int, int]:
        """No row: a reference has no upload time, and the list names it in spite of any cut-off."""
        del cutoff
        return 0, 0

    def rejections(self, row: int) -> tuple[Rejection, ...]:
        """No rejections: a reference that the target cannot use ends the run with an error."""
        del row
        return ()


def _is_tree(file: DistributionFile) -> bool:
    """Whether the file is a commit or a folder."""
    return file.origin is not None and not isinstance(file.origin, Archive)


def _find_wheel(reference: DirectReference) -> str | None:
    """The file name of a reference to a wheel; None for a reference to anything else."""
    match reference:
        # The public part suffices: a secret is in the user info or in the query, which is cut off here.
        case ArchiveUrl(url=url):
            filename = unquote(re.split("[?#]", url.public)[0].rpartition("/")[2])
        case LocalPath(path=path):
            filename = re.split(r"[\\/]", path)[-1]
        case VcsReference():
            return None
    return filename if filename.endswith(".whl") else None


def _find_tags(filename: str, target: Target) -> list[str]:
    """The tags of a wheel that the target can use (platform compatibility tags, PEP 425)."""
    return [text for text in map(str, parse_wheel_filename(filename)[3]) if text in target.tag_ranks]


def _build_fault(
    request: DirectRequest, filename: str, *, target: Target, source: PackageSource, locate: LocateProject
) -> Fault:
    """The fault for a wheel that does not fit: its tags, and the best wheel of an index as the remedy.

    The index is queried only now that the run fails, so a list without faults costs no request.
    """
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
    """The best fitting wheel and its location: of the same version, else of the newest release that has one.

    Only the first location with the project is read. None where nothing fits or the index does not answer.
    """
    for location in locations:
        try:
            page = source.project_page(name, location)
        except FetchError:
            return None  # The hint is left out: a second error would hide the first one.
        if page is None:
            continue
        rows = [
            row for row in range(len(page.versions)) if page.wheel_mask >> row & 1 and not page.yanked_mask >> row & 1
        ]
        # The wanted version first, then releases before pre-releases, then the newest: rows are newest first.
        rows.sort(key=lambda row: (page.versions[row] != version, page.prerelease_mask >> row & 1, row))
        return (page.files(rows[0])[0], location) if rows else None
    return None
