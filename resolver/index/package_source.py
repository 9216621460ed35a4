"""The seam between the solver and the world: what the solver may ask, and what it gets.

`resolver.fetch` implements `PackageSource` over HTTP and the cache; tests implement it over a dict. All values are for
the one target that the source was made for. `PackageSource` is the whole contract. A source that changes some answers
of another one derives from `DelegatingSource`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from packaging.utils import NormalizedName

from resolver.index.core_metadata import Dependencies
from resolver.index.direct_distribution import DirectDistribution, DirectRequest
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.index.project_page import ProjectPage

__all__ = ["AnswerCache", "DelegatingSource", "PackageSource"]


class AnswerCache(Protocol):
    """Answers of earlier runs to whole questions, each kept with what the source had answered for it."""

    def find_answer(self, question: str) -> str | None:
        """The answer kept for a question, if the source would answer all that it rests on as before; else None."""
        ...

    def keep_answer(self, question: str, answer: str) -> None:
        """Keep an answer that rests on what this source was asked, unless some of that changes from run to run."""
        ...


class PackageSource(Protocol):
    """What an index, a cache or a test knows about projects, for one target.

    The `prefetch` methods return at once and never raise: an error of a prefetch is raised only where its result is
    asked for. They may be called from any thread; their callbacks run in any thread.
    """

    @property
    def answers(self) -> AnswerCache | None:
        """What earlier runs found out from this source; None for a source whose answers are not kept."""
        ...

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """What `location` offers of the project; None where it lacks the project (404, 410).

        Raises FetchError for everything else: 401, 403, 5xx, a time-out, an unreadable page.
        """
        ...

    def dependencies(self, file: DistributionFile) -> Dependencies:
        """What the file needs under the target. Raises MetadataError, FetchError, HashMismatchError."""
        ...

    def needs_build(self, file: DistributionFile) -> bool:
        """Whether only a build can tell what the file needs; the answer is the same on every machine, and builds nothing.

        Raises FetchError, HashMismatchError.
        """
        ...

    def complete(self, file: DistributionFile) -> DistributionFile:
        """The file with `size_bytes` and a sha256. Raises FetchError, HashMismatchError."""
        ...

    def direct(self, request: DirectRequest) -> DirectDistribution:
        """What a direct reference is. Raises MetadataError, FetchError, HashMismatchError, ResolutionError."""
        ...

    def prefetch_direct(self, requests: Iterable[DirectRequest]) -> None:
        """Start in the background what `direct` will ask for."""
        ...

    def prefetch_pages(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        *,
        until_found: bool,
        then: Callable[[Sequence[ProjectPage]], None] | None = None,
    ) -> None:
        """Read the project's pages in the background, in order; with `until_found`, stop at the first that has it.

        `then` gets the pages found, once they are here.
        """
        ...

    def prefetch_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        """Read the dependencies of files in the background; `then` gets each as it arrives."""
        ...

    def prefetch_completion(self, files: Iterable[DistributionFile]) -> None:
        """Start in the background what `complete` will ask for."""
        ...

    def build_requires(self, file: DistributionFile) -> tuple[str, ...]:
        """The texts of what a build of an sdist needs, whose dependencies were read before.

        Raises FetchError, HashMismatchError, MetadataError.
        """
        ...

    def kernels(self, file: DistributionFile) -> str:
        """What a wheel of torch is compiled for (`75 80 ptx120`), read out of the wheel; empty where it does not tell.

        Raises FetchError.
        """
        ...

    def without_requests(self) -> PackageSource:
        """A view of this source that knows what was read before and makes no request: all else is an OfflineError."""
        ...


class DelegatingSource:
    """A `PackageSource` that has all answers from another one: the base of sources that change some of them."""

    def __init__(self, source: PackageSource) -> None:
        self._source = source

    @property
    def answers(self) -> AnswerCache | None:
        """See `PackageSource`. A source that changes answers has None."""
        return self._source.answers

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """See `PackageSource`."""
        return self._source.project_page(name, location)

    def dependencies(self, file: DistributionFile) -> Dependencies:
        """See `PackageSource`."""
        return self._source.dependencies(file)

    def needs_build(self, file: DistributionFile) -> bool:
        """See `PackageSource`."""
        return self._source.needs_build(file)

    def complete(self, file: DistributionFile) -> DistributionFile:
        """See `PackageSource`."""
        return self._source.complete(file)

    def direct(self, request: DirectRequest) -> DirectDistribution:
        """See `PackageSource`."""
        return self._source.direct(request)

    def prefetch_direct(self, requests: Iterable[DirectRequest]) -> None:
        """See `PackageSource`."""
        self._source.prefetch_direct(requests)

    def prefetch_pages(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        *,
        until_found: bool,
        then: Callable[[Sequence[ProjectPage]], None] | None = None,
    ) -> None:
        """See `PackageSource`."""
        self._source.prefetch_pages(name, locations, until_found=until_found, then=then)

    def prefetch_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        """See `PackageSource`."""
        self._source.prefetch_dependencies(files, then=then)

    def prefetch_completion(self, files: Iterable[DistributionFile]) -> None:
        """See `PackageSource`."""
        self._source.prefetch_completion(files)

    def build_requires(self, file: DistributionFile) -> tuple[str, ...]:
        """See `PackageSource`."""
        return self._source.build_requires(file)

    def kernels(self, file: DistributionFile) -> str:
        """See `PackageSource`."""
        return self._source.kernels(file)

    def without_requests(self) -> PackageSource:
        """See `PackageSource`. A source that changes answers makes a view that changes them too."""
        return self._source.without_requests()
