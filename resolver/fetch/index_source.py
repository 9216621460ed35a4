"""The `PackageSource` over HTTP, disk and the cache, for one target.

Each query is one task of `PackageTasks`: run ahead in the background, or now where its result is needed, and never
twice.

A view of a package source that makes no request: it has what was read before, for what other targets would get.

The tasks behind a package source: one for each query, however often and from wherever its result is asked for.

In: what reads pages and metadata, and the stores behind it. Out: `Task` values. What the stores can answer is done in
the asking thread, so that a warm run starts no thread and imports no HTTP client. It is a module of its own because the
source over HTTP runs these tasks, and its view without requests only looks at those that are done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName

from lockfiles._values import dataclass
from resolver.errors import ResolutionError
from resolver.fetch.access import Access
from resolver.fetch.builds.permission import BuildPolicy, Builds, ConfigSettings, FindBuildWheels
from resolver.fetch.direct.run_support import BuildSupport, DirectSupport
from resolver.fetch.evidence import Evidence
from resolver.fetch.http.credentials import Credentials
from resolver.fetch.http.http_errors import closed_error, missing_offline
from resolver.fetch.http.session import CONNECTIONS, Session
from resolver.fetch.projects.completion import check_listed_hashes, has_two_hashes
from resolver.fetch.projects.dependencies import FileDependencies
from resolver.fetch.projects.pages import ProjectPages
from resolver.fetch.projects.row_store import RowStore
from resolver.fetch.workers import CallbackQueue, PageBarrier, Task, Workers
from resolver.index.core_metadata import Dependencies
from resolver.index.direct_distribution import DirectDistribution, DirectRequest
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location
from resolver.index.package_source import AnswerCache, PackageSource
from resolver.index.project_page import ProjectPage
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.fetch.projects.completion import KnownHashes
    from resolver.settings.settings import DependencyMetadata

__all__ = [
    "OfflineSource",
    "PackageTasks",
    "SourceOptions",
    "is_complete",
    "open_package_source",
]


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

    def needs_build(self, file: DistributionFile) -> bool:
        # An sdist whose dependencies no search read was passed over for needing a build, or never reached.
        task = self._tasks.dependencies(file)
        return not file.is_wheel and (not task.is_done or task.result().built)

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
    tasks = PackageTasks(
        pages=pages,
        metadata=metadata,
        fetch_direct=direct.fetch,
        complete=partial(
            _complete,
            session=session,
            known=known_hashes or {},
            no_download=options.no_download,
        ),
        measure=partial(_measure, session=session, folder=folder),
    )
    evidence = None if access.offline or access.refresh else Evidence(pages=pages, metadata=metadata, folder=folder)
    try:
        yield _HttpPackageSource(tasks=tasks, metadata=metadata, evidence=evidence)
    finally:
        support.stop()
        direct.close()
        tasks.close(then=session.close)


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


class _HttpPackageSource:
    """See `PackageSource`."""

    def __init__(self, *, tasks: PackageTasks, metadata: FileDependencies, evidence: Evidence | None) -> None:
        self._tasks = tasks
        self._metadata = metadata
        self._evidence = evidence
        self._callbacks = CallbackQueue()

    @property
    def answers(self) -> AnswerCache | None:
        return self._evidence

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        if self._evidence is not None:
            self._evidence.note_page(name, location)
        return self._tasks.page(name, location).result()

    def dependencies(self, file: DistributionFile) -> Dependencies:
        if self._evidence is not None:
            self._evidence.note_file(file)
        return self._tasks.dependencies(file).result()

    def needs_build(self, file: DistributionFile) -> bool:
        needs_build = self._metadata.needs_build(file)
        if needs_build and self._evidence is not None:
            self._evidence.mark_unkeepable()  # No record says that nothing but a build can tell.
        return needs_build

    def direct(self, request: DirectRequest) -> DirectDistribution:
        return self._tasks.direct(request).result()

    def prefetch_direct(self, requests: Iterable[DirectRequest]) -> None:
        for request in requests:
            self._tasks.schedule(self._tasks.direct(request))

    def complete(self, file: DistributionFile) -> DistributionFile:
        check_listed_hashes(file)
        if self._evidence is not None and not is_complete(file):
            self._evidence.mark_unkeepable()
        return file if is_complete(file) else self._tasks.completion(file).result()

    def build_requires(self, file: DistributionFile) -> tuple[str, ...]:
        return self._metadata.fetch_build_requires(file)

    def kernels(self, file: DistributionFile) -> str:
        return self._tasks.kernels(file).result()

    def without_requests(self) -> PackageSource:
        return OfflineSource(self._tasks)

    def prefetch_pages(
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
        tasks = [self._tasks.page(name, location) for location in locations]
        if then is not None:
            PageBarrier(tasks, partial(self._callbacks.call, then)).start()
        for task in tasks:
            self._tasks.schedule(task)

    def prefetch_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        for file in files:
            if not file.is_wheel:
                continue  # An sdist may need a build: too much for a guess.
            task = self._tasks.dependencies(file)
            if then is not None:
                task.then(partial(self._tell, then))
            self._tasks.schedule(task)

    def prefetch_completion(self, files: Iterable[DistributionFile]) -> None:
        for file in files:
            if not is_complete(file) and not has_two_hashes(file):
                self._tasks.schedule(self._tasks.completion(file))

    def _tell(self, then: Callable[[Dependencies], None], task: Task[Dependencies]) -> None:
        # The error of a prefetch is raised where its result is asked for.
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
        task = self._tasks.page(name, first)

        def continue_(done: Task[ProjectPage | None]) -> None:
            if done.has_failed:
                return
            page = done.result()
            if page is None:
                self._ask_until_found(name, tuple(rest), then)
            elif then is not None:
                self._callbacks.call(then, (page,))

        task.then(continue_)
        self._tasks.schedule(task)


def _measure(file: DistributionFile, *, session: Session, folder: Path | None) -> str:
    # Imported where it is needed: few runs meet a release of torch that the data does not know.
    from resolver.fetch.projects.wheel_contents import Kernels

    return Kernels(session=session, folder=folder).measure(file)


def _complete(file: DistributionFile, **options: Any) -> DistributionFile:
    # Imported where it is needed: most indexes tell size and hash of every file.
    from resolver.fetch.projects.completion import complete_file

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
