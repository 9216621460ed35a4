"""A view of a package source that makes no request: it has what was read before, for what other targets would get."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from packaging.utils import NormalizedName

from resolver.fetch.http_errors import missing_offline
from resolver.fetch.package_tasks import PackageTasks, is_complete
from resolver.index.core_metadata import Dependencies
from resolver.index.direct import DirectDistribution, DirectRequest
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.index.project_page import ProjectPage

__all__ = ["OfflineSource"]


class OfflineSource:
    """A `PackageSource` of the tasks that are done. What would need a request is an OfflineError."""

    answers = None

    def __init__(self, tasks: PackageTasks) -> None:
        self._tasks = tasks

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        task = self._tasks.page(name, location)
        if not task.is_done:
            raise missing_offline(location.url.public, what=f"the page of `{name}`")
        return task.result()

    def dependencies(self, file: DistributionFile) -> Dependencies:
        task = self._tasks.dependencies(file)
        if not task.is_done:
            raise missing_offline(file.url, what="the metadata")
        return task.result()

    def direct(self, request: DirectRequest) -> DirectDistribution:
        task = self._tasks.direct(request)
        if not task.is_done:
            raise missing_offline(request.text, what="the metadata")
        return task.result()

    def prefetch_direct(self, requests: Iterable[DirectRequest]) -> None:
        """Nothing: it would be a request."""

    def complete(self, file: DistributionFile) -> DistributionFile:
        if not is_complete(file):
            raise missing_offline(file.url, what="the hash")
        return file

    def prefetch_pages(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        *,
        until_found: bool,
        then: Callable[[Sequence[ProjectPage]], None] | None = None,
    ) -> None:
        """Nothing: it would be a request."""

    def prefetch_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        """Nothing: it would be a request."""

    def prefetch_completion(self, files: Iterable[DistributionFile]) -> None:
        """Nothing: it would be a request."""

    def build_requires(self, file: DistributionFile) -> tuple[str, ...]:
        raise missing_offline(file.url, what="the build requirements")

    def kernels(self, file: DistributionFile) -> str:
        task = self._tasks.kernels(file)
        if not task.is_done:
            raise missing_offline(file.url, what="the kernels")
        return task.result()

    def without_requests(self) -> PackageSource:
        return self
