"""The tasks behind a package source: one for each query, however often and from wherever its result is asked for.

In: what reads pages and metadata, and the stores behind it. Out: `Task` values. What the stores can answer is done in
the asking thread, so that a warm run starts no thread and imports no HTTP client. It is a module of its own because the
source over HTTP runs these tasks, and its view without requests only looks at those that are done.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from packaging.utils import NormalizedName

from resolver.fetch.dependencies import FileDependencies
from resolver.fetch.http_errors import closed_error
from resolver.fetch.pages import ProjectPages
from resolver.fetch.session import CONNECTIONS
from resolver.fetch.workers import Task, Workers
from resolver.index.core_metadata import Dependencies
from resolver.index.direct import DirectDistribution, DirectRequest
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.index.project_page import ProjectPage

__all__ = ["PackageTasks", "is_complete"]


class PackageTasks:
    """The tasks of one package source. None is run before it is scheduled or its result is asked for."""

    def __init__(
        self,
        *,
        pages: ProjectPages,
        metadata: FileDependencies,
        fetch_direct: Callable[[DirectRequest], DirectDistribution],
        complete: Callable[[DistributionFile], DistributionFile],
        measure: Callable[[DistributionFile], str],
    ) -> None:
        self._pages = pages
        self._metadata = metadata
        self._fetch_direct = fetch_direct
        self._complete = complete
        self._measure = measure
        self._workers = Workers(CONNECTIONS)

    def close(self, *, then: Callable[[], None]) -> None:
        """End all speculation. A request under way holds its connection: `then` is called when the last has ended."""
        self._workers.close(closed_error(""), then=then)
        self._pages.close()

    def schedule(self, task: Task[Any]) -> None:
        """Run the task in the background."""
        self._workers.schedule(task)

    def page(self, name: NormalizedName, location: Location) -> Task[ProjectPage | None]:
        """The one task of a page; done already where the stores can answer."""
        key = (name, location.form, location.url.public)
        task = self._workers.find(key)
        if task is None:
            stored = self._pages.find_stored(name, location)
            if stored is not None:
                return self._workers.find_or_add(key, Task.of(stored[0]))
            task = self._workers.find_or_add(key, Task(partial(self._pages.fetch, name, location)))
        return task

    def dependencies(self, file: DistributionFile) -> Task[Dependencies]:
        """The one task of what a file needs; done already where the stores can answer."""
        key = (file.url, file.sha256)
        task = self._workers.find(key)
        if task is None:
            stored = self._metadata.find_stored(file)
            if stored is not None:
                return self._workers.find_or_add(key, Task.of(stored))
            task = self._workers.find_or_add(key, Task(partial(self._metadata.fetch, file)))
        return task

    def direct(self, request: DirectRequest) -> Task[DirectDistribution]:
        """The one task of a direct reference."""
        key = ("direct", request)
        return self._workers.find(key) or self._workers.find_or_add(key, Task(partial(self._fetch_direct, request)))

    def kernels(self, file: DistributionFile) -> Task[str]:
        """The one task of what a wheel of torch is compiled for."""
        key = ("kernels", file.url)
        return self._workers.find(key) or self._workers.find_or_add(key, Task(partial(self._measure, file)))

    def completion(self, file: DistributionFile) -> Task[DistributionFile]:
        """The one task of a file and of what its page says about it, which is checked against what is found."""
        key = ("completed", file)
        return self._workers.find(key) or self._workers.find_or_add(key, Task(partial(self._complete, file)))


def is_complete(file: DistributionFile) -> bool:
    """Whether size and SHA-256 of a file are known."""
    return file.size_bytes is not None and file.sha256 is not None
