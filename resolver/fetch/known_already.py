"""A view of a package source that knows what was read already, and asks nobody: for what other targets would get."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from packaging.utils import NormalizedName

from resolver.fetch.http_errors import missing_offline
from resolver.fetch.workers import Task
from resolver.index.core_metadata import Dependencies
from resolver.index.direct import DirectDistribution, DirectRequest
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.index.project_page import ProjectPage

__all__ = ["FinishedTasks", "OfflineSource"]


class FinishedTasks(Protocol):
    """Tasks that are done; each None where it would have to be asked."""

    def known_page(self, name: NormalizedName, location: Location) -> Task[ProjectPage | None] | None:
        """That of a page."""
        ...

    def known_dependencies(self, file: DistributionFile) -> Task[Dependencies] | None:
        """That of what a file needs."""
        ...

    def known_direct(self, request: DirectRequest) -> Task[DirectDistribution] | None:
        """That of a direct reference."""
        ...

    def known_kernels(self, file: DistributionFile) -> Task[str] | None:
        """That of the kernels in a file."""
        ...


class OfflineSource:
    """A `PackageSource`. What is not known is an OfflineError."""

    def __init__(self, source: FinishedTasks) -> None:
        self._source = source

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        task = self._source.known_page(name, location)
        if task is None:
            raise missing_offline(location.url.public, what=f"the page of `{name}`")
        return task.result()

    def dependencies(self, file: DistributionFile) -> Dependencies:
        task = self._source.known_dependencies(file)
        if task is None:
            raise missing_offline(file.url, what="the metadata")
        return task.result()

    def direct(self, request: DirectRequest) -> DirectDistribution:
        task = self._source.known_direct(request)
        if task is None:
            raise missing_offline(request.text, what="the metadata")
        return task.result()

    def ask_ahead_direct(self, requests: Iterable[DirectRequest]) -> None:
        """Nobody is asked."""

    def kernels(self, file: DistributionFile) -> str:
        task = self._source.known_kernels(file)
        if task is None:
            raise missing_offline(file.url, what="the kernels")
        return task.result()

    def completed(self, file: DistributionFile) -> DistributionFile:
        if file.size_bytes is None or file.sha256 is None:
            raise missing_offline(file.url, what="the hash")
        return file

    def ask_ahead(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        *,
        until_found: bool,
        then: Callable[[Sequence[ProjectPage]], None] | None = None,
    ) -> None:
        """Nobody is asked."""

    def ask_ahead_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        """Nobody is asked."""

    def ask_ahead_completion(self, files: Iterable[DistributionFile]) -> None:
        """Nobody is asked."""
