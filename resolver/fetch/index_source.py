"""The `PackageSource` over indexes, repositories, disk and cache, for one target.

In: `Access` (how to reach hosts), `SourceOptions` (the rules of a list and its settings about files and builds) and a
target. Out: an open `PackageSource`, which the caller closes by leaving the context.

Each query is one `Task`, however many callers it has: a prefetch runs it in the background, and a caller that needs the
result runs it immediately if no thread has begun it. A query that the stores can answer is answered in the calling
thread, so a warm run starts no thread and imports no HTTP client.

This is the entrance to `fetch` for everything that solves: its parts (sessions, pages, metadata, direct references,
builds, evidence) are put together here, and callers use none of them directly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from packaging.utils import NormalizedName

from lockfiles._values import dataclass
from resolver.errors import FetchError, HashMismatchError, MetadataError, OfflineError, ResolutionError
from resolver.fetch.access import Access, Cancellation
from resolver.fetch.builds.permission import BuildPolicy, Builds, ConfigSettings, FindBuildWheels, find_build_python
from resolver.fetch.direct.run_support import BuildResources, DirectReferences
from resolver.fetch.evidence import Evidence
from resolver.fetch.http.credentials import Credentials
from resolver.fetch.http.http_errors import closed_error, missing_offline
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.http.wire import CONNECTIONS
from resolver.fetch.projects.dependencies import FileDependencies, check_listed_hashes, find_project, has_two_hashes
from resolver.fetch.projects.pages import ProjectPages
from resolver.fetch.projects.record_store import RowStore
from resolver.fetch.workers import CallbackQueue, PageBarrier, Task, Workers
from resolver.index.core_metadata import Dependencies
from resolver.index.distribution_file import DirectDistribution, DirectRequest, DistributionFile
from resolver.index.location import Location
from resolver.index.package_source import AnswerCache, PackageSource
from resolver.index.project_page import ProjectPage
from resolver.targets.target import PythonVersion, Target

if TYPE_CHECKING:
    from resolver.fetch.lock_policy import LockPolicy
    from resolver.fetch.projects.completion import KnownHashes
    from resolver.settings.settings import DependencyMetadata

__all__ = ["SourceOptions", "open_package_source"]


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """The rules of a list and its settings about files and builds; `Builds` has more on the last seven."""

    no_download: bool = False
    """Refuse to download a whole file only to learn its size or hash."""

    dependency_metadata: tuple[DependencyMetadata, ...] = ()
    """The user's own tables, `[[tool.pinfold.dependency-metadata]]`, which replace the metadata of a file."""

    build_policy: BuildPolicy = "if-compatible"
    """Whether a build may find the metadata of an sdist or source tree."""

    allow_build: frozenset[NormalizedName] = frozenset()
    """The projects that the policy `never` does not apply to."""

    build_metadata: bool = False
    """Whether a build comes before what an sdist states without being final."""

    build_python: Path | None = None
    """The interpreter of builds; None searches for one of the target's version, the running one first."""

    config_settings: ConfigSettings = field(default_factory=dict, repr=False, hash=False)
    """Config settings of build backends, by project. They may be secret, so the repr leaves them out."""

    without_isolation: frozenset[NormalizedName] = frozenset()
    """The projects of layers with `--no-build-isolation`, which are never built here."""

    find_build_wheels: FindBuildWheels | None = field(default=None, compare=False)
    """Chooses the wheels of build requirements; None fails for any requirement with a ResolutionError."""


@contextmanager
def open_package_source(
    access: Access,
    *,
    target: Target,
    options: SourceOptions = SourceOptions(),
    credentials: Credentials | None = None,
    known_hashes: KnownHashes | None = None,
    policy: LockPolicy | None = None,
    sleep: Callable[[float], None] | None = None,
) -> Iterator[PackageSource]:
    """A source of pages and metadata for one target. Leaving the context ends everything that it has under way.

    - `credentials` None sends no login.
    - `known_hashes` are size and SHA-256 by URL, out of the old lock.
    - `policy` is that of the lock that the list comes from; None for a list of the user.
    - `sleep` waits between attempts; None is `time.sleep`.
    """
    access = replace(access, cache_folder=_make_cache_folder(access.cache_folder))
    session = HttpSession(access, credentials=credentials, policy=policy, sleep=sleep)
    resources = BuildResources(session=session, folder=access.cache_folder)
    builds = _describe_builds(options, resources, target)
    direct = DirectReferences(
        session=session,
        target=target,
        builds=builds,
        tables=options.dependency_metadata,
        locked=known_hashes or {},
        folder=access.cache_folder,
        announce=access.announce,
    )
    source = _build_source(access, target, options, session=session, builds=builds, direct=direct, known=known_hashes)
    try:
        yield source
    finally:
        resources.close()
        direct.close()
        session.flush()
        # A worker may still be inside a request: the session closes when the last one has returned.
        source.close(then=session.close)


def _build_source(
    access: Access,
    target: Target,
    options: SourceOptions,
    *,
    session: HttpSession,
    builds: Builds,
    direct: DirectReferences,
    known: KnownHashes | None,
) -> _IndexSource:
    """The source over the readers of pages, metadata and direct references."""
    metadata = FileDependencies(target=target, session=session, builds=builds, tables=options.dependency_metadata)
    pages = ProjectPages(
        target=target,
        session=session,
        rows=RowStore(session.store, target_key=target.key),
        # A forked reader would share the connections and files that the program's own transport has open.
        reader_count=access.reader_count if access.transport is None else 0,
    )
    tasks = _PackageTasks(
        pages=pages,
        metadata=metadata,
        fetch_direct=direct.fetch,
        complete=partial(_complete, session=session, known=known or {}, no_download=options.no_download),
        measure=partial(_measure, session=session),
    )
    # Offline and refreshing runs may see other answers than the next plain one, so they neither use nor keep any.
    evidence = (
        None
        if access.offline or access.refresh
        else Evidence(pages=pages, metadata=metadata, store=session.store, run_all=tasks.run_all)
    )
    return _IndexSource(tasks=tasks, metadata=metadata, evidence=evidence, session=session, ending=access.ending)


def _make_cache_folder(folder: Path | None) -> Path | None:
    """The cache folder, created if it is missing; None if it cannot be: a run without cache is slower, not wrong.

    It is absolute, because the child processes of builds run in folders of their own.
    """
    if folder is None:
        return None
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return None
    return folder


def _describe_builds(options: SourceOptions, resources: BuildResources, target: Target) -> Builds:
    """The rules and resources of builds, as the readers of metadata get them."""
    return Builds(
        policy=options.build_policy,
        find_wheels=options.find_build_wheels or _find_no_wheels,
        fetch_wheel=resources.fetch_wheel,
        children=resources.children,
        config_settings=options.config_settings,
        without_isolation=options.without_isolation,
        allowed=options.allow_build,
        preferred=options.build_metadata,
        # Once for each source: it may run programs.
        find_python=cache(partial(find_build_python, target, named=options.build_python)),
        python=target.python,
    )


def _find_no_wheels(requirements: Sequence[str], python: PythonVersion | None) -> Sequence[DistributionFile]:
    """A `FindBuildWheels` for a source without indexes: raises ResolutionError."""
    raise ResolutionError(f"no index is known for build requirements: {', '.join(requirements)}")


def _measure(file: DistributionFile, *, session: HttpSession) -> str:
    """The kernels of a wheel of torch, read out of the wheel."""
    # Lazy: few runs meet a release of torch that the data does not cover.
    from resolver.fetch.projects.wheel_contents import Kernels

    return Kernels(session=session).measure(file)


def _complete(file: DistributionFile, **options: Any) -> DistributionFile:
    """The file with size and SHA-256, from wherever they can be read."""
    # Lazy: most indexes publish size and hash of every file.
    from resolver.fetch.projects.completion import complete_file

    return complete_file(file, **options)


def _is_complete(file: DistributionFile) -> bool:
    """Whether size and SHA-256 of a file are known."""
    return file.size_bytes is not None and file.sha256 is not None


class _IndexSource:
    """The `PackageSource` over its tasks; it records as evidence what it is queried for.

    `evidence` None keeps no answers. `ending` ends the run at the next query, also where the stores have it all.
    """

    def __init__(
        self,
        *,
        tasks: _PackageTasks,
        metadata: FileDependencies,
        evidence: Evidence | None,
        session: HttpSession,
        ending: Cancellation,
    ) -> None:
        self.observe = session.observe
        self._ending = ending
        self._tasks = tasks
        self._check_link = session.check_link
        self._metadata = metadata
        self._evidence = evidence
        self._callbacks = CallbackQueue()

    def close(self, *, then: Callable[[], None]) -> None:
        """Cancel all prefetches, and call `then` when no worker runs a task any more."""
        self._tasks.close(then=then)

    @property
    def answers(self) -> AnswerCache | None:
        """See `PackageSource`."""
        return self._evidence

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """See `PackageSource`. Raises RunCancelledError too."""
        self._ending.check()
        if self._evidence is not None:
            self._evidence.record_page(name, location)
        return self._tasks.page(name, location).result()

    def dependencies(self, file: DistributionFile) -> Dependencies:
        """See `PackageSource`. Raises RunCancelledError too."""
        self._ending.check()
        if self._evidence is not None:
            self._evidence.record_file(file)
        with self._distrusting(file):
            return self._tasks.dependencies(file).result()

    def needs_build(self, file: DistributionFile) -> bool:
        needs_build = self._metadata.needs_build(file)
        if needs_build and self._evidence is not None:
            self._evidence.mark_unrepeatable()  # There is no record of the fact that the metadata needs a build.
        return needs_build

    def direct(self, request: DirectRequest) -> DirectDistribution:
        """See `PackageSource`. The answer to a list is kept under what its references were found to be."""
        self._mark_uncheckable()
        return self._tasks.direct(request).result()

    def prefetch_direct(self, requests: Iterable[DirectRequest]) -> None:
        """See `PackageSource`."""
        for request in requests:
            self._tasks.schedule(self._tasks.direct(request))

    def complete(self, file: DistributionFile) -> DistributionFile:
        """See `PackageSource`. Raises HashMismatchError also for a file that is listed with two SHA-256.

        A completion is found anew in each run, so no answer that rests on one is kept.
        """
        if self._evidence is not None and not _is_complete(file):
            self._evidence.mark_unrepeatable()
        with self._distrusting(file):
            check_listed_hashes(file)
            self._check_link(file.url, page=file.link_source, is_requested=False)
            return file if _is_complete(file) else self._tasks.completion(file).result()

    def build_requires(self, file: DistributionFile) -> tuple[str, ...]:
        """See `PackageSource`."""
        self._mark_uncheckable()
        with self._distrusting(file):
            return self._metadata.fetch_build_requires(file)

    def kernels(self, file: DistributionFile) -> str:
        """See `PackageSource`."""
        self._mark_uncheckable()
        return self._tasks.kernels(file).result()

    def without_requests(self) -> PackageSource:
        """See `PackageSource`. The view shares the tasks of this source."""
        return _OfflineSource(self._tasks, self._evidence)

    def prefetch_pages(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        *,
        until_found: bool,
        then: Callable[[Sequence[ProjectPage]], None] | None = None,
    ) -> None:
        """See `PackageSource`."""
        if until_found:
            self._prefetch_until_found(name, tuple(locations), then)
            return
        tasks = [self._tasks.page(name, location) for location in locations]
        if then is not None:
            PageBarrier(tasks, partial(self._callbacks.call, then)).start()
        for task in tasks:
            self._tasks.schedule(task)

    def prefetch_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        """See `PackageSource`. It skips sdists: one may need a build, which is too much work for a guess."""
        for file in files:
            if not file.is_wheel:
                continue
            task = self._tasks.dependencies(file)
            if then is not None:
                task.then(partial(self._deliver, then))
            self._tasks.schedule(task)

    def prefetch_completion(self, files: Iterable[DistributionFile]) -> None:
        """See `PackageSource`."""
        for file in files:
            if not _is_complete(file) and not has_two_hashes(file):
                self._tasks.schedule(self._tasks.completion(file))

    @contextmanager
    def _distrusting(self, file: DistributionFile) -> Iterator[None]:
        """Distrust the page of a file that cannot be had or read, or is another one than the page promises."""
        try:
            yield
        except (FetchError, HashMismatchError, MetadataError) as error:
            if not isinstance(error, OfflineError) and not (isinstance(error, MetadataError) and error.needs_build):
                self._tasks.distrust(file)
            raise

    def _mark_uncheckable(self) -> None:
        """List no pages: they alone do not decide the answers of this source."""
        if self._evidence is not None:
            self._evidence.mark_uncheckable()

    def _deliver(self, then: Callable[[Dependencies], None], task: Task[Dependencies]) -> None:
        """Call `then` with the result of a prefetch; its error is raised where the result is needed."""
        if not task.has_failed:
            self._callbacks.call(then, task.result())

    def _prefetch_until_found(
        self,
        name: NormalizedName,
        locations: tuple[Location, ...],
        then: Callable[[Sequence[ProjectPage]], None] | None,
    ) -> None:
        """Schedule the page at the first location, and at the next one only if that lacks the project."""
        if not locations:
            return
        # Only the first location decides under first-index, so the others are not requested ahead.
        first, *rest = locations
        task = self._tasks.page(name, first)

        def continue_(done: Task[ProjectPage | None]) -> None:
            if done.has_failed:
                return
            page = done.result()
            if page is None:
                self._prefetch_until_found(name, tuple(rest), then)
            elif then is not None:
                self._callbacks.call(then, (page,))

        task.then(continue_)
        self._tasks.schedule(task)


class _OfflineSource:
    """A `PackageSource` of the tasks that are done or that the stores can answer.

    It raises OfflineError for everything that would need a request; its prefetches do nothing. The pages that it has
    given are among those that `evidence` lists.
    """

    answers = None
    observe = None

    def __init__(self, tasks: _PackageTasks, evidence: Evidence | None) -> None:
        self._tasks = tasks
        self._evidence = evidence

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """See `PackageSource`."""
        page = _find_result(self._tasks.page(name, location), location.url.public, what=f"the page of `{name}`")
        if self._evidence is not None:
            self._evidence.record_page(name, location)
        return page

    def dependencies(self, file: DistributionFile) -> Dependencies:
        """See `PackageSource`."""
        return _find_result(self._tasks.dependencies(file), file.url, what="the metadata")

    def needs_build(self, file: DistributionFile) -> bool:
        # An sdist whose dependencies no search read was passed over because it needs a build, or was never reached.
        task = self._tasks.dependencies(file)
        return not file.is_wheel and (not task.is_done or task.result().built)

    def direct(self, request: DirectRequest) -> DirectDistribution:
        """See `PackageSource`."""
        return _find_result(self._tasks.direct(request), request.text, what="the metadata")

    def complete(self, file: DistributionFile) -> DistributionFile:
        """See `PackageSource`. A completion is never stored, so only a file that is complete already is known."""
        if not _is_complete(file):
            raise missing_offline(file.url, what="the hash")
        return file

    def build_requires(self, file: DistributionFile) -> tuple[str, ...]:
        """See `PackageSource`. Always an OfflineError: they are read from the sdist itself."""
        raise missing_offline(file.url, what="the build requirements")

    def kernels(self, file: DistributionFile) -> str:
        """See `PackageSource`."""
        return _find_result(self._tasks.kernels(file), file.url, what="the kernels")

    def without_requests(self) -> PackageSource:
        """See `PackageSource`: this source."""
        return self

    def prefetch_direct(self, requests: Iterable[DirectRequest]) -> None:
        """Does nothing: it would send requests."""

    def prefetch_pages(
        self,
        name: NormalizedName,
        locations: Sequence[Location],
        *,
        until_found: bool,
        then: Callable[[Sequence[ProjectPage]], None] | None = None,
    ) -> None:
        """Does nothing: it would send requests."""

    def prefetch_dependencies(
        self, files: Iterable[DistributionFile], *, then: Callable[[Dependencies], None] | None = None
    ) -> None:
        """Does nothing: it would send requests."""

    def prefetch_completion(self, files: Iterable[DistributionFile]) -> None:
        """Does nothing: it would send requests."""


def _find_result(task: Task[_T], place: str, *, what: str) -> _T:
    """The result of a task that is done; else OfflineError, which names `what` is missing and its `place`."""
    if not task.is_done:
        raise missing_offline(place, what=what)
    return task.result()


class _PackageTasks:
    """The tasks of one package source: one for each query. None runs before it is scheduled or its result is needed.

    `complete` finds the size and SHA-256 of a file, and `measure` the kernels of a wheel.
    """

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
        """Cancel all tasks that no thread has begun, and call `then` when the last running one has ended."""
        self._workers.close(closed_error(""), then=then)
        self._pages.close()

    def schedule(self, task: Task[Any]) -> None:
        """Run the task in a worker thread."""
        self._workers.schedule(task)

    def run_all(self, work: Sequence[Callable[[], _T]]) -> Sequence[_T]:
        """The results of pieces of work, which are done at once, in as many threads as there are connections."""
        tasks = [Task(piece) for piece in work]
        for task in tasks[1:]:
            self._workers.schedule(task)
        return [task.result() for task in tasks]

    def distrust(self, file: DistributionFile) -> None:
        """Fetch the page that lists a file anew in the next run."""
        if file.page:
            self._pages.distrust(find_project(file), "find-links" if file.index is None else "index", file.page)

    # `find_or_add` is called last in each of these: two threads that miss the key get the same task.

    def page(self, name: NormalizedName, location: Location) -> Task[ProjectPage | None]:
        """The one task of a page; done already if the stores have it."""
        key = (name, location.form, location.url.public)
        task = self._workers.find(key)
        if task is None:
            stored = self._pages.find_stored(name, location)
            if stored is not None:
                return self._workers.find_or_add(key, Task.of(stored[0]))
            task = self._workers.find_or_add(key, Task(partial(self._pages.fetch, name, location)))
        return task

    def dependencies(self, file: DistributionFile) -> Task[Dependencies]:
        """The one task of the dependencies of a file; done already if the stores have them."""
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
        """The one task of the kernels that a wheel of torch holds."""
        key = ("kernels", file.url)
        return self._workers.find(key) or self._workers.find_or_add(key, Task(partial(self._measure, file)))

    def completion(self, file: DistributionFile) -> Task[DistributionFile]:
        """The one task that completes a file. The key holds its listed hashes, since each are checked."""
        key = ("completed", file)
        return self._workers.find(key) or self._workers.find_or_add(key, Task(partial(self._complete, file)))
