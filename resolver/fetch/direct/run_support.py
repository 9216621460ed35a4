"""The objects that the direct references and the builds of one run share, made when the first of them needs it.

In: the session, target, rules and cache folder of a run. Out: `DirectReferences`, which fetches a direct reference, and
`BuildResources`, which has the child processes and verified wheels of all builds.

It is a module of its own because every run opens both, while few runs have a direct reference or a build: the modules
that read archives and trees, run `git` and start backends are imported here on first use. Together they would add
50 ms to each start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.fetch.builds.permission import Builds
from resolver.fetch.http.http_session import HttpSession
from resolver.index.distribution_file import DirectDistribution, DirectRequest, DistributionFile
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.fetch.builds.build_process import BuildProcesses
    from resolver.fetch.builds.wheel_builds import BuildWheels
    from resolver.fetch.direct.direct_tree import DirectTrees
    from resolver.fetch.git.repositories import GitRepositories
    from resolver.fetch.projects.completion import KnownArchives, KnownHashes
    from resolver.settings.settings import DependencyMetadata

__all__ = [
    "BuildResources",
    "DirectReferences",
]


class DirectReferences:
    """Fetches direct references for one target. May be used from many threads; the owner closes it.

    - `tables` are the user's own metadata, `[[tool.pinfold.dependency-metadata]]`.
    - `locked` is size and SHA-256 by URL, out of old locks.
    - `folder` is that of the cache; None keeps nothing.
    - `announce` gets a line before a fetch that may take long.
    """

    def __init__(
        self,
        *,
        session: HttpSession,
        target: Target,
        builds: Builds,
        tables: Sequence[DependencyMetadata],
        locked: KnownHashes,
        folder: Path | None,
        announce: Callable[[str], None] | None,
    ) -> None:
        self._session = session
        self._target = target
        self._builds = builds
        self._tables = tuple(tables)
        self._locked = locked
        self._folder = folder
        self._announce = announce
        # Guards the parts below, each of which is made once.
        self._lock = threading.Lock()
        self._trees: DirectTrees | None = None
        self._known: KnownArchives | None = None
        self._repositories: GitRepositories | None = None

    def fetch(self, request: DirectRequest) -> DirectDistribution:
        """The distribution of a reference. Raises as `PackageSource.direct`."""
        # Lazy, as are the imports below: most lists have no direct reference.
        from resolver.fetch.direct.direct_archive import fetch_direct_distribution

        return fetch_direct_distribution(
            request,
            session=self._session,
            trees=self._find_trees(),
            known=self._find_known(),
            repositories=self._find_repositories,
        )

    def close(self) -> None:
        """End the `git` processes that still run, and remove their temporary folders."""
        with self._lock:
            repositories, self._repositories = self._repositories, None
        if repositories is not None:
            repositories.close()

    def _find_trees(self) -> DirectTrees:
        """The reader of source trees of this run; it keeps records in the cache folder."""
        from resolver.fetch.direct.direct_tree import DirectTrees

        with self._lock:
            if self._trees is None:
                self._trees = DirectTrees(
                    target=self._target,
                    builds=self._builds,
                    tables=self._tables,
                    records=self._session.open_records("trees"),
                    refresh=self._session.refresh,
                )
            return self._trees

    def _find_known(self) -> KnownArchives:
        """The facts about archives from earlier runs and old locks: sizes, hashes and metadata, by URL and by hash."""
        from resolver.fetch.projects.completion import KnownArchives

        with self._lock:
            if self._known is None:
                self._known = KnownArchives(
                    locked=self._locked,
                    records=self._session.open_records("archives"),
                    offline=self._session.offline,
                    refresh=self._session.refresh,
                    find_id=self._session.credential_ids.find,
                )
            return self._known

    def _find_repositories(self) -> GitRepositories:
        """The git repositories of this run. They get logins from the same credentials as all HTTP requests."""
        from resolver.fetch.git.repositories import GitRepositories, RepositoryRules

        with self._lock:
            if self._repositories is None:
                self._repositories = GitRepositories(
                    cache_folder=self._folder,
                    offline=self._session.offline,
                    find_login=self._session.credentials.find_login,
                    rules=RepositoryRules.of_session(self._session, policy=self._session.policy),
                    announce=self._announce,
                )
            return self._repositories


class BuildResources:
    """Child processes and wheels for the builds of a run. May be used from many threads; the owner closes it.

    `folder` is that of the cache; None keeps downloaded wheels until `close`.
    """

    def __init__(self, *, session: HttpSession, folder: Path | None) -> None:
        self._session = session
        self._folder = folder
        self._lock = threading.Lock()
        self._children: BuildProcesses | None = None
        self._wheels: BuildWheels | None = None

    def children(self) -> BuildProcesses:
        """The child processes of all builds of the run."""
        # Lazy, as below: few lists need a build.
        from resolver.fetch.builds.build_process import BuildProcesses

        with self._lock:
            if self._children is None:
                self._children = BuildProcesses(ending=self._session.ending, observe=self._session.observe)
            return self._children

    def fetch_wheel(self, file: DistributionFile) -> Path:
        """The verified file of a wheel, in the cache where there is one. Raises FetchError, HashMismatchError."""
        from resolver.fetch.builds.wheel_builds import BuildWheels

        with self._lock:
            if self._wheels is None:
                self._wheels = BuildWheels(
                    session=self._session, folder=None if self._folder is None else self._folder / "build-wheels-v1"
                )
            wheels = self._wheels
        # Outside of the lock: a download may take long.
        return wheels.fetch(file)

    def close(self) -> None:
        """End the builds that run, and remove the wheels that are not kept."""
        with self._lock:
            children, wheels = self._children, self._wheels
        if children is not None:
            children.stop()
        if wheels is not None:
            wheels.close()
