"""The seam between the solver and the world: what the solver may ask, and what it gets.

`resolver.fetch` implements `PackageSource` over HTTP and the cache; tests implement it over a dict. All values are for
the one target that the source was made for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from packaging.utils import NormalizedName

from resolver.index.core_metadata import Dependencies
from resolver.index.direct import DirectDistribution, DirectRequest
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.index.project_page import ProjectPage

__all__ = ["PackageSource"]


class PackageSource(Protocol):
    """What an index, a cache or a test knows about projects, for one target.

    The `ask_ahead` methods return at once and never raise: a speculation that fails is told only when its result is
    asked for. They may be called from any thread; their callbacks run in any thread.
    """

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """What `location` offers of the project; None where it lacks the project (404, 410).

        Raises FetchError for everything else: 401, 403, 5xx, a time-out, an unreadable page.
        """
        ...

    def dependencies(self, file: DistributionFile) -> Dependencies:
        """What the file needs under the target. Raises MetadataError, FetchError, HashMismatchError."""
        ...

    def completed(self, file: DistributionFile) -> DistributionFile:
        """The file with `size_bytes` and a sha256. Raises FetchError, HashMismatchError."""
        ...

    def direct(self, request: DirectRequest) -> DirectDistribution:
        """What a direct reference is. Raises MetadataError, FetchError, HashMismatchError, ResolutionError."""
        ...

    def ask_ahead_direct(self, requests: Iterable[DirectRequest]) -> None:
        """Ask in the background for what `direct` will tell."""
        ...

    def ask_ahead(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        *,
        until_found: bool,
        then: Callable[[Sequence[ProjectPage]], None] | None = None,
    ) -> None:
        """Ask for the project's pages in the background, in order; with `until_found`, stop at the first that has it.

        `then` gets the pages found, once they are here.
        """
        ...

    def ask_ahead_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        """Ask for the dependencies of files in the background; `then` gets each as it arrives."""
        ...

    def ask_ahead_completion(self, files: Iterable[DistributionFile]) -> None:
        """Ask in the background for what `completed` will tell."""
        ...
