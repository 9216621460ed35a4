"""The `PackageSource` over HTTP, disk and the cache, for one target.

Each question is one task: asked ahead in the background, or now by whoever needs the answer, but never twice. What the
stores can answer is answered in the asking thread, so that a warm run starts no thread and imports no HTTP client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from packaging.utils import NormalizedName

from lockfiles.value_classes import dataclass
from resolver.errors import ResolutionError
from resolver.fetch.access import Access
from resolver.fetch.build_support import BuildSupport
from resolver.fetch.builds import BuildPolicy, Builds, ConfigSettings, FindBuildWheels
from resolver.fetch.callbacks import Callbacks, Gathering
from resolver.fetch.credentials import Credentials
from resolver.fetch.dependencies import FileDependencies
from resolver.fetch.direct_support import DirectSupport
from resolver.fetch.evidence import Evidence
from resolver.fetch.http_errors import closed_error
from resolver.fetch.known_already import KnownAlready
from resolver.fetch.listed_hashes import check_listed_hashes, has_two_hashes
from resolver.fetch.pages import ProjectPages
from resolver.fetch.row_store import RowStore
from resolver.fetch.session import CONNECTIONS, Session
from resolver.fetch.workers import Task, Workers
from resolver.index.core_metadata import Dependencies
from resolver.index.direct import DirectDistribution, DirectRequest
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.index.project_page import ProjectPage
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.fetch.completion import KnownHashes
    from resolver.settings import DependencyMetadata

__all__ = [
    "SourceOptions",
    "fetch_build_requires",
    "find_evidence",
    "measure_kernels",
    "open_package_source",
    "without_asking",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """What a list and its settings say about files and builds.

    - `no_download` refuses to download a whole file for its size or hash alone.
    - `dependency_metadata` are the user's own tables, which replace what a file says.
    - `build_policy`, `allow_build`, `config_settings` (they may be secret) and `without_isolation` are those of
      `Builds`.
    - `find_build_wheels` decides on the build requirements of what must be built; None has none.
    """

    no_download: bool = False
    dependency_metadata: tuple[DependencyMetadata, ...] = ()
    build_policy: BuildPolicy = "if-compatible"
    allow_build: frozenset[NormalizedName] = frozenset()
    config_settings: ConfigSettings = field(default_factory=dict, repr=False, hash=False)
    without_isolation: frozenset[NormalizedName] = frozenset()
    find_build_wheels: FindBuildWheels | None = field(default=None, compare=False)


@contextmanager
def open_package_source(
    access: Access,
    *,
    target: Target,
    options: SourceOptions = SourceOptions(),
    credentials: Credentials | None = None,
    known_hashes: KnownHashes | None = None,
    sleep: Callable[[float], None] | None = None,
) -> Iterator[PackageSource]:
    """A source of pages and metadata for one target, closed at the end with everything it has under way.

    - `known_hashes` are size and SHA-256 by URL of the old lock.
    - `sleep` waits between attempts; None is the clock's.
    """
    folder = _prepare(access.cache_folder)
    session = Session(replace(access, cache_folder=folder), credentials=credentials, sleep=sleep)
    support = BuildSupport(session=session, folder=folder)
    builds = _open_builds(options, support)
    direct = DirectSupport(
        session=session,
        target=target,
        builds=builds,
        tables=options.dependency_metadata,
        locked=known_hashes or {},
        folder=folder,
        announce=access.announce,
    )
    pages = ProjectPages(
        target=target,
        session=session,
        rows=RowStore(folder, target_key=target.key),
        # A fork would share what the program's own transport has open.
        reader_count=access.reader_count if access.transport is None else 0,
    )
    metadata = FileDependencies(
        target=target, session=session, builds=builds, folder=folder, tables=options.dependency_metadata
    )
    source = _HttpPackageSource(
        pages=pages,
        metadata=metadata,
        evidence=None if access.offline or access.refresh else Evidence(pages=pages, metadata=metadata, folder=folder),
        look_at=direct.look_at,
        complete=partial(
            _complete,
            session=session,
            known=known_hashes or {},
            no_download=options.no_download,
        ),
        measure=partial(_measure, session=session, folder=folder),
    )
    try:
        yield source
    finally:
        support.stop()
        direct.close()
        source.close(then=session.close)


def _open_builds(options: SourceOptions, support: BuildSupport) -> Builds:
    return Builds(
        policy=options.build_policy,
        find_wheels=options.find_build_wheels or _find_no_wheels,
        fetch_wheel=support.fetch_wheel,
        children=support.children,
        config_settings=options.config_settings,
        without_isolation=options.without_isolation,
        allowed=options.allow_build,
    )


def find_evidence(source: PackageSource) -> Evidence | None:
    """What the answers of a source of `open_package_source` were; None for one that must ask, or must not."""
    return source.evidence if isinstance(source, _HttpPackageSource) else None


def fetch_build_requires(source: PackageSource, file: DistributionFile) -> tuple[str, ...]:
    """The texts of what a build of an sdist needs, by a source of `open_package_source` that has told of the file.

    Raises FetchError, HashMismatchError, MetadataError.
    """
    assert isinstance(source, _HttpPackageSource)
    return source.build_requires(file)


def measure_kernels(source: PackageSource, file: DistributionFile) -> str:
    """What a wheel of torch is compiled for (`75 80 ptx120`), by a source of `open_package_source` or a view of one.

    Empty where the wheel does not tell. Raises FetchError.
    """
    assert isinstance(source, _HttpPackageSource | KnownAlready)
    return source.kernels(file)


def without_asking(source: PackageSource) -> PackageSource:
    """A view of a source of `open_package_source` that knows what was read already, and asks nobody.

    What is not known is an OfflineError.
    """
    assert isinstance(source, _HttpPackageSource)
    return KnownAlready(source)


class _HttpPackageSource:
    """See `PackageSource`."""

    def __init__(
        self,
        *,
        pages: ProjectPages,
        metadata: FileDependencies,
        evidence: Evidence | None,
        look_at: Callable[[DirectRequest], DirectDistribution],
        complete: Callable[[DistributionFile], DistributionFile],
        measure: Callable[[DistributionFile], str],
    ) -> None:
        self.evidence = evidence
        self._pages = pages
        self._metadata = metadata
        self._look_at = look_at
        self._complete = complete
        self._measure = measure
        self._workers = Workers(CONNECTIONS)
        self._callbacks = Callbacks()

    def close(self, *, then: Callable[[], None]) -> None:
        """End all speculation. A request under way holds its connection: `then` is called when the last has ended."""
        self._workers.close(closed_error(""), then=then)
        self._pages.close()

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        if self.evidence is not None:
            self.evidence.note_page(name, location)
        return self._page_task(name, location).result()

    def dependencies(self, file: DistributionFile) -> Dependencies:
        if self.evidence is not None:
            self.evidence.note_file(file)
        return self._dependencies_task(file).result()

    def direct(self, request: DirectRequest) -> DirectDistribution:
        return self._direct_task(request).result()

    def ask_ahead_direct(self, requests: Iterable[DirectRequest]) -> None:
        for request in requests:
            self._workers.schedule(self._direct_task(request))

    def known_direct(self, request: DirectRequest) -> Task[DirectDistribution] | None:
        """The task of a direct reference that was looked at; None for one that was not."""
        task = self._direct_task(request)
        return task if task.is_done else None

    def completed(self, file: DistributionFile) -> DistributionFile:
        check_listed_hashes(file)
        if self.evidence is not None and not _is_complete(file):
            self.evidence.spoil()
        return file if _is_complete(file) else self._completion_task(file).result()

    def build_requires(self, file: DistributionFile) -> tuple[str, ...]:
        """See `fetch_build_requires`."""
        return self._metadata.fetch_build_requires(file)

    def kernels(self, file: DistributionFile) -> str:
        """See `measure_kernels`."""
        return self._kernels_task(file).result()

    def known_kernels(self, file: DistributionFile) -> Task[str] | None:
        """The task of a wheel that was measured in this run; None for any other."""
        task = self._kernels_task(file)
        return task if task.is_done else None

    def ask_ahead(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        *,
        until_found: bool,
        then: Callable[[Sequence[ProjectPage]], None] | None = None,
    ) -> None:
        if until_found:
            self._ask_until_found(name, tuple(locations), then)
            return
        tasks = [self._page_task(name, location) for location in locations]
        if then is not None:
            Gathering(tasks, partial(self._callbacks.call, then)).start()
        for task in tasks:
            self._workers.schedule(task)

    def ask_ahead_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        for file in files:
            if not file.is_wheel:
                continue  # An sdist may need a build: too much for a guess.
            task = self._dependencies_task(file)
            if then is not None:
                task.then(partial(self._tell, then))
            self._workers.schedule(task)

    def ask_ahead_completion(self, files: Iterable[DistributionFile]) -> None:
        for file in files:
            if not _is_complete(file) and not has_two_hashes(file):
                self._workers.schedule(self._completion_task(file))

    def _tell(self, then: Callable[[Dependencies], None], task: Task[Dependencies]) -> None:
        # A speculation that failed is told when its result is asked for.
        if not task.has_failed:
            self._callbacks.call(then, task.result())

    def _ask_until_found(
        self,
        name: NormalizedName,
        locations: tuple[Location, ...],
        then: Callable[[Sequence[ProjectPage]], None] | None,
    ) -> None:
        if not locations:
            return
        first, *rest = locations
        task = self._page_task(name, first)

        def continue_(done: Task[ProjectPage | None]) -> None:
            if done.has_failed:
                return
            page = done.result()
            if page is None:
                self._ask_until_found(name, tuple(rest), then)
            elif then is not None:
                self._callbacks.call(then, (page,))

        task.then(continue_)
        self._workers.schedule(task)

    def known_page(self, name: NormalizedName, location: Location) -> Task[ProjectPage | None] | None:
        """The task of a page that is here; None for one that would have to be asked for."""
        task = self._page_task(name, location)
        return task if task.is_done else None

    def known_dependencies(self, file: DistributionFile) -> Task[Dependencies] | None:
        """The same of what a file needs."""
        task = self._dependencies_task(file)
        return task if task.is_done else None

    def _page_task(self, name: NormalizedName, location: Location) -> Task[ProjectPage | None]:
        """The one task of a page; done already where the stores can answer."""
        key = (name, location.form, location.url.public)
        task = self._workers.find(key)
        if task is None:
            stored = self._pages.find_stored(name, location)
            if stored is not None:
                return self._workers.find_or_add(key, Task.of(stored[0]))
            task = self._workers.find_or_add(key, Task(partial(self._pages.fetch, name, location)))
        return task

    def _dependencies_task(self, file: DistributionFile) -> Task[Dependencies]:
        """The one task of a file; done already where the stores can answer."""
        key = (file.url, file.sha256)
        task = self._workers.find(key)
        if task is None:
            stored = self._metadata.find_stored(file)
            if stored is not None:
                return self._workers.find_or_add(key, Task.of(stored))
            task = self._workers.find_or_add(key, Task(partial(self._metadata.fetch, file)))
        return task

    def _direct_task(self, request: DirectRequest) -> Task[DirectDistribution]:
        key = ("direct", request)
        return self._workers.find(key) or self._workers.find_or_add(key, Task(partial(self._look_at, request)))

    def _kernels_task(self, file: DistributionFile) -> Task[str]:
        key = ("kernels", file.url)
        return self._workers.find(key) or self._workers.find_or_add(key, Task(partial(self._measure, file)))

    def _completion_task(self, file: DistributionFile) -> Task[DistributionFile]:
        """The one task of a file and of what its page says about it, which is checked against what is found."""
        key = ("completed", file)
        return self._workers.find(key) or self._workers.find_or_add(key, Task(partial(self._complete, file)))


def _is_complete(file: DistributionFile) -> bool:
    return file.size_bytes is not None and file.sha256 is not None


def _measure(file: DistributionFile, *, session: Session, folder: Path | None) -> str:
    # Imported where it is needed: few runs meet a release of torch that the data does not know.
    from resolver.fetch.kernels import Kernels

    return Kernels(session=session, folder=folder).measure(file)


def _complete(file: DistributionFile, **options: Any) -> DistributionFile:
    # Imported where it is needed: most indexes tell size and hash of every file.
    from resolver.fetch.completion import complete_file

    return complete_file(file, **options)


def _prepare(folder: Path | None) -> Path | None:
    """The cache folder, made if need be; None where it cannot be made: a cache is never a reason to fail."""
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    return folder


def _find_no_wheels(requirements: Sequence[str]) -> Sequence[DistributionFile]:
    raise ResolutionError(f"no index is known for build requirements: {', '.join(requirements)}")
