"""The git repositories of a run: which commit a revision names, and the source tree of a commit.

In: VCS references of a list, and commit ids that the list or a lock has. Out: `FoundCommit` and `SourceTree`. Fetched
commits are kept in the cache by repository and commit id.

This is the entrance to the room: callers outside of it use `GitRepositories`, which checks each URL, opens the parts on
first use, and ends all git processes when it is closed.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lockfiles._values import dataclass
from resolver.errors import AuthenticationError, FetchError, render_os_error
from resolver.fetch.access import DEFAULT_TIMEOUT_S, Cancellation
from resolver.fetch.git.command import Git, JudgeConnection, RemoteRepository
from resolver.fetch.git.commit_store import CommitStore
from resolver.fetch.git.commit_trees import TreeMaker
from resolver.fetch.git.credential_server import RepositoryLogins
from resolver.fetch.git.finding import CommitFinder, FoundCommit, is_full_id
from resolver.fetch.git.repository import (
    GitReferenceError,
    Repository,
    check_repository,
    check_revision,
    check_subdirectory,
)
from resolver.fetch.http.credentials import FindLogin
from resolver.requirements.entry import VcsReference
from resolver.requirements.index_urls import is_loopback
from resolver.requirements.url import Url

if TYPE_CHECKING:
    from resolver.fetch.http.http_session import HttpSession
    from resolver.fetch.lock_policy import LockPolicy

__all__ = ["FoundCommit", "GitRepositories", "RepositoryRules", "SourceTree"]

_FOLDER = "git-v1"
"""The folder in the cache; another layout gets another number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTree:
    """The files of a commit, on disk."""

    root: Path
    """The folder of the checkout."""

    folder: Path
    """The subdirectory that was requested; `root` without one."""

    commit_time_s: int
    """The time of the commit, in seconds since 1970: the `SOURCE_DATE_EPOCH` of its build."""

    warnings: tuple[str, ...] = ()
    """Whole messages about what the tree lacks, without the position in the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRules:
    """What a run knows of hosts, credentials and limits, for its repositories."""

    find_id: Callable[[str], str] = lambda url: ""
    """The id of the credentials for a URL: a commit is kept for the credentials that fetched it."""

    judge: JudgeConnection | None = None
    """Decides where git may connect; None does not restrict it."""

    policy: LockPolicy | None = None
    """That of the lock that names the repositories; None where the user's own list names them."""

    limit_s: float = DEFAULT_TIMEOUT_S
    """The longest time for one git command; a list of references has 2 minutes at most."""

    ending: Cancellation | None = None
    """Ends the run, and each git command with it."""

    @classmethod
    def of_session(cls, session: HttpSession, *, policy: LockPolicy | None) -> Self:
        """The rules of a session, under the policy of a lock."""
        return cls(
            find_id=session.credential_ids.find,
            judge=session.judge_connection,
            policy=policy,
            limit_s=session.timeout_s,
            ending=session.ending,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """The parts that need a folder; made for the first repository."""

    git: Git
    store: CommitStore
    finder: CommitFinder
    trees: TreeMaker


class GitRepositories:
    """Repositories, reached through the `git` command. May be used from many threads; the owner closes it.

    - `cache_folder` None keeps fetched commits as long as this object.
    - `offline` uses the cache alone, and raises OfflineError for what it lacks.
    - `find_login` finds the login of a server if the URL has none.
    - `rules` are those of the run about hosts, credentials and limits; None are the defaults.
    - `announce` gets a line before a fetch that may take long, from any thread.
    - `environment` replaces that of the process.
    - `sleep` waits between attempts.
    """

    def __init__(
        self,
        *,
        cache_folder: Path | None,
        offline: bool = False,
        find_login: FindLogin | None = None,
        rules: RepositoryRules | None = None,
        announce: Callable[[str], None] | None = None,
        environment: Mapping[str, str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cache_folder = cache_folder
        self._offline = offline
        self._find_login = find_login
        self._rules = rules or RepositoryRules()
        self._announce = announce or (lambda line: None)
        self._environment = os.environ if environment is None else environment
        self._sleep = sleep
        self._lock = threading.Lock()
        self._busy: dict[str, threading.Lock] = {}
        self._found: dict[tuple[str, str | None], FoundCommit] = {}
        self._home: tempfile.TemporaryDirectory[str] | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._opened: _Opened | None = None
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the git processes that run, and remove the temporary folders."""
        with self._lock:
            self._closed = True
            opened, self._opened = self._opened, None
            temporary = [folder for folder in (self._home, self._temporary) if folder is not None]
            self._home = self._temporary = None
        if opened is not None:
            opened.git.close()
        for folder in temporary:
            folder.cleanup()

    def find_credential_id(self, url: Url) -> str:
        """The id of the credentials that a repository is read with; empty where it is read with none."""
        return self._rules.find_id(check_repository(url).clean_url)

    def find_commit(self, reference: VcsReference, *, text: str) -> FoundCommit:
        """The commit that a reference names now; `text` is the requirement, for messages.

        Each revision is looked up once. A full commit id is returned without a check that the repository has it, which
        `open_tree` does. Raises GitReferenceError for a reference that the list has to change, and FetchError.
        """
        shown = f"`{text}`"
        remote = self._check(reference.url, shown=shown)
        revision = reference.revision
        if revision is not None:
            check_revision(revision, shown=shown)
        check_subdirectory(reference.subdirectory, shown=shown)
        # Two entries of a list with the same revision must get the same commit, even if a branch moves meanwhile.
        with self._locked(remote.repository):
            key = (remote.repository.clean_url, revision)
            if key not in self._found:
                opened = self._open(remote.repository)
                self._found[key] = opened.finder.find(remote, revision, shown=shown)
            return self._found[key]

    @contextmanager
    def open_tree(self, url: Url, commit_id: str, *, subdirectory: str | None = None) -> Iterator[SourceTree]:
        """The files of a commit, with submodules and LFS files, in a folder that the caller may change.

        Leaving the context removes it. Its `.git` has no remote and no URL. Raises GitReferenceError and FetchError.
        """
        shown = f"`git+{url}`"
        remote = self._check(url, shown=shown)
        if not is_full_id(commit_id):
            raise GitReferenceError(f"`{commit_id}` is no commit id of {shown}", remedy="write it in full")
        commit_id = commit_id.lower()
        subdirectory = check_subdirectory(subdirectory, shown=shown)
        opened = self._open(remote.repository)
        with opened.store.temporary_folder() as folder:
            # Tools may derive a name from that of the folder, so it has the name of the repository.
            root = folder / remote.repository.name
            with self._locked(remote.repository), _disk_errors(url, shown=shown):
                inner, time_s, warnings = opened.trees.make(
                    remote, commit_id, root, subdirectory=subdirectory, shown=shown
                )
            yield SourceTree(root=root, folder=inner, commit_time_s=time_s, warnings=warnings)

    def _check(self, url: Url, *, shown: str) -> RemoteRepository:
        """The repository and its logins. Raises GitReferenceError or AuthenticationError for an unsafe URL.

        Raises FetchError or InputError for one that the policy does not allow.
        """
        repository = check_repository(url, what=shown)
        if self._rules.policy is not None:
            self._rules.policy.check_repository(repository.clean_url)
        if repository.scheme == "http" and url.secret is not None and not is_loopback(repository.host):
            raise AuthenticationError(
                f"the login for {shown} is not sent",
                why="`http` is not encrypted",
                remedy="write `https`",
                url=url.public,
            )
        logins = RepositoryLogins(repository, find_login=self._find_login)
        return RemoteRepository(repository=repository, logins=logins, find_id=self._rules.find_id)

    @contextmanager
    def _locked(self, repository: Repository) -> Iterator[None]:
        """Hold a repository for one thread. The next thread then finds what this one has fetched."""
        with self._lock:
            lock = self._busy.setdefault(repository.key, threading.Lock())
        with lock:
            yield

    def _open(self, repository: Repository) -> _Opened:
        """The parts that need a folder. Raises FetchError after `close`, and without a git that is new enough."""
        with self._lock:
            if self._closed:
                raise FetchError("the package source is closed", url=repository.url.public)
            if self._opened is None:
                self._opened = self._build()
            opened = self._opened
        # Here, so that the error names the repository.
        opened.git.find_program(repository.url.public)
        return opened

    def _build(self) -> _Opened:
        """Make the folders, and the parts that use them."""
        folder = self._make_folder()
        # A new folder for each run: no program can have put a `.netrc` there.
        self._home = tempfile.TemporaryDirectory(prefix="h", dir=folder / "work", ignore_cleanup_errors=True)
        home = Path(self._home.name)
        git = Git(
            home=home,
            judge=self._rules.judge,
            environment=self._environment,
            limit_s=self._rules.limit_s,
            # git would follow a redirect to any host.
            follows_redirects=self._rules.policy is None,
            sleep=self._sleep,
            ending=self._rules.ending,
        )
        store = CommitStore(git, folder)
        return _Opened(
            git=git,
            store=store,
            finder=CommitFinder(
                git, store, memory=folder / "references", offline=self._offline, announce=self._announce
            ),
            trees=TreeMaker(git, store, offline=self._offline, announce=self._announce, policy=self._rules.policy),
        )

    def _make_folder(self) -> Path:
        """The folder in the cache; a temporary one if there is no cache, or one that cannot be written."""
        if self._cache_folder is not None:
            folder = self._cache_folder.absolute() / _FOLDER
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                # Also for a folder that existed: private repositories must not be readable by others.
                folder.chmod(0o700)
                (folder / "work").mkdir(exist_ok=True, mode=0o700)
            except OSError:
                pass
            else:
                return folder
        self._temporary = tempfile.TemporaryDirectory(prefix="pinfold-git-", ignore_cleanup_errors=True)
        (Path(self._temporary.name) / "work").mkdir()
        return Path(self._temporary.name)


@contextmanager
def _disk_errors(url: Url, *, shown: str) -> Iterator[None]:
    """Raise the errors of the disk, such as a full one, as FetchError."""
    try:
        yield
    except OSError as error:
        why = f"{error.filename or 'the disk'}: {render_os_error(error)}"
        raise FetchError(f"{shown} cannot be laid out on disk", url=url.public, why=why) from error
