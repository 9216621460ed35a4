"""The world with the sources that direct references fix: their projects have one candidate, whatever indexes list.

In: a package source, and the fixed sources of a problem. Out: a package source that answers for those projects itself,
and asks the other for all else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from packaging.utils import NormalizedName

from resolver.direct_fit import LocateProject, check_wheels_fit
from resolver.errors import FetchError, HashMismatchError, InputError, ListError, MetadataError
from resolver.index.core_metadata import Dependencies, build_dependencies
from resolver.index.direct import DirectDistribution, DirectRequest, FixedSource
from resolver.index.direct_page import DirectPage
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.index.origin import Archive
from resolver.index.package_source import DelegatingSource, PackageSource
from resolver.index.project_page import ProjectPage
from resolver.targets.target import Target

__all__ = ["SourceWithDirect", "check_name", "fetch_direct", "read_dependencies"]


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
