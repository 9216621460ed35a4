"""The seam between the search and the indexes: the queries that a search may make, and the results.

In: names, locations, files and direct references. Out: pages, dependencies and completed files, all for the one target
of the source. `resolver.fetch` implements `PackageSource` over HTTP and the cache; tests implement it over a dict. The
protocol is the whole contract: a search never inspects the type of its source. A source that changes some answers of
another one derives from `DelegatingSource`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from packaging.utils import NormalizedName

from lockfiles._values import dataclass
from resolver.index.core_metadata import Dependencies
from resolver.index.distribution_file import DirectDistribution, DirectRequest, DistributionFile
from resolver.index.location import Location
from resolver.index.project_page import ProjectPage

if TYPE_CHECKING:
    from resolver.index.events import Observe


__all__ = ["AnswerCache", "DelegatingSource", "PackageSource", "PageEvidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEvidence:
    """A page that the answers of a source rest on, with all that a later run needs to check that it is unchanged.

    - `url` is public, and that of the request: the page came from it without a redirect.
    - `headers` are those of the request, without conditions: `responses.find_conditions` makes them of `validator`.
    - `validator` is a text of `responses.find_validator`; `sha256:` and the hash of the unpacked body where the server
      sent none; empty for an absent page.
    - `fresh_until` is the instant, in seconds since 1970, up to which no request is needed.
    - `credential_id` is that of `CredentialIds`, empty for a request without a secret.
    - `rows` are the keys of what the store keeps of the page (`resolver.fetch.store`), each with its identity.

    `responses.find_renewed_freshness` tells from the response to a later request whether the page is unchanged.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    validator: str
    fresh_until: float
    is_absent: bool
    credential_id: str
    rows: tuple[tuple[str, int], ...] = ()


class AnswerCache(Protocol):
    """Results of earlier runs, each stored with the answers of the source that it depends on."""

    def find_answer(self, question: str) -> str | None:
        """The stored result for a query.

        None without one, or if the source now has other answers that it depends on.
        """
        ...

    def keep_answer(self, question: str, answer: str) -> None:
        """Store a result that depends on all queries to this source so far, unless one of them is not repeatable."""
        ...

    def list_pages(self) -> tuple[PageEvidence, ...] | None:
        """All pages that the queries to this source so far have relied on, sorted by URL.

        None if they relied on anything else that can change, or on a page that a plain request cannot check: a build, a
        direct reference, a folder on disk, a download for a missing hash, a page with secrets or behind a redirect.
        """
        ...

    def distrust_absence(self) -> None:
        """Ask in the next run for all pages that this one has found to be absent, although they may be known to be.

        For a run that has failed: the user may publish what it lacks, and try again at once.
        """
        ...


class PackageSource(Protocol):
    """Answers queries about projects for one target, from an index, a cache or a test.

    The `prefetch` methods return at once and never raise: the error of a prefetch is raised by the query for its
    result. They may be called from any thread, and their callbacks run in any thread.
    """

    @property
    def answers(self) -> AnswerCache | None:
        """The results of earlier runs with this source; None for a source that stores none."""
        ...

    @property
    def observe(self) -> Observe | None:
        """The listener of the run, which gets the decisions of the search; None for a run without one."""
        ...

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """The page of the project at a location; None if the location lacks the project (404, 410).

        Raises FetchError for every other failure: 401, 403, 5xx, a time-out, an unreadable page.
        """
        ...

    def dependencies(self, file: DistributionFile) -> Dependencies:
        """The dependencies of a file under the target. Raises MetadataError, FetchError, HashMismatchError."""
        ...

    def needs_build(self, file: DistributionFile) -> bool:
        """Whether only a build gives the metadata of the file: the same on every machine, found without a build.

        Raises FetchError, HashMismatchError.
        """
        ...

    def complete(self, file: DistributionFile) -> DistributionFile:
        """The file with `size_bytes` and a SHA-256. Raises FetchError, HashMismatchError."""
        ...

    def direct(self, request: DirectRequest) -> DirectDistribution:
        """The distribution of a direct reference.

        Raises MetadataError, FetchError, HashMismatchError, ResolutionError.
        """
        ...

    def prefetch_direct(self, requests: Iterable[DirectRequest]) -> None:
        """Start the work of later `direct` queries in the background."""
        ...

    def prefetch_pages(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        *,
        until_found: bool,
        then: Callable[[Sequence[ProjectPage]], None] | None = None,
    ) -> None:
        """Read the project's pages in the background, in the order of `locations`.

        With `until_found`, stop at the first location that has the project. `then` is called once with all pages found.
        """
        ...

    def prefetch_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        """Read the dependencies of files in the background; `then` is called with each as it arrives."""
        ...

    def prefetch_completion(self, files: Iterable[DistributionFile]) -> None:
        """Start the work of later `complete` queries in the background."""
        ...

    def build_requires(self, file: DistributionFile) -> tuple[str, ...]:
        """The requirements of a build of an sdist, as PEP 508 texts. Its dependencies must have been read before.

        Raises FetchError, HashMismatchError, MetadataError.
        """
        ...

    def kernels(self, file: DistributionFile) -> str:
        """The architectures that a wheel of torch is compiled for (`75 80 ptx120`), read from the wheel; empty if
        unknown.

        Raises FetchError.
        """
        ...

    def without_requests(self) -> PackageSource:
        """A view of this source that makes no request: a query whose answer was not read before raises OfflineError."""
        ...


class DelegatingSource:
    """A `PackageSource` that forwards each query to another one: the base of sources that change some answers."""

    def __init__(self, source: PackageSource) -> None:
        self._source = source

    @property
    def answers(self) -> AnswerCache | None:
        """See `PackageSource`. A source that changes answers must return None."""
        return self._source.answers

    @property
    def observe(self) -> Observe | None:
        """See `PackageSource`."""
        return self._source.observe

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
        """See `PackageSource`. A source that changes answers must return a view that changes them too."""
        return self._source.without_requests()
