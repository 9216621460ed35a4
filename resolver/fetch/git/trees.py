"""The source tree of a commit with all that belongs to it: history where a build reads it, submodules, LFS files.

In: a repository and a commit id. Out: a folder, and warnings about what it lacks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from resolver.errors import Fault, FetchError, OfflineError
from resolver.fetch.git.checkout import find_commit_time, find_folder, make_checkout, wants_history
from resolver.fetch.git.command import Git, GitFailed, RemoteRepository
from resolver.fetch.git.commit_store import CommitStore, MissingCommit, remove_folder
from resolver.fetch.git.failures import explain_git_failure
from resolver.fetch.git.large_files import find_pointers, lay_out_large_files, warn_of_pointers
from resolver.fetch.git.messages import GitReferenceError, render_printable
from resolver.fetch.git.submodules import check_submodule_folder, find_submodules

__all__ = ["TreeMaker"]

_DEEPEST = 10


class TreeMaker:
    """Lays out trees of commits that are stored, or are fetched for it."""

    def __init__(self, git: Git, store: CommitStore, *, offline: bool, announce: Callable[[str], None]) -> None:
        self._git = git
        self._store = store
        self._offline = offline
        self._announce = announce

    def make(
        self, remote: RemoteRepository, commit_id: str, root: Path, *, subdirectory: str | None, shown: str
    ) -> tuple[Path, int, tuple[str, ...]]:
        """The folder of the subdirectory, the time of the commit, and warnings."""
        try:
            return self._make(remote, commit_id, root, subdirectory=subdirectory, shown=shown)
        except GitFailed as failed:
            if self._offline:
                raise _explain_damage(failed, remote, shown=shown) from None
        # What is kept may be damaged: it is asked for again, once.
        remove_folder(root)
        self._store.forget(remote.repository.key, commit_id)
        try:
            return self._make(remote, commit_id, root, subdirectory=subdirectory, shown=shown)
        except GitFailed as failed:
            raise _explain_damage(failed, remote, shown=shown) from None

    def _make(
        self, remote: RemoteRepository, commit_id: str, root: Path, *, subdirectory: str | None, shown: str
    ) -> tuple[Path, int, tuple[str, ...]]:
        stored = self._find_stored(remote, commit_id, history=False, shown=shown)
        make_checkout(self._git, stored, commit_id, root)
        if self._wants_history(root, subdirectory, shown=shown):
            stored = self._find_stored(remote, commit_id, history=True, shown=shown)
            remove_folder(root)
            make_checkout(self._git, stored, commit_id, root)
        warnings = self._complete(remote, commit_id, root, stored, shown=shown, depth=0)
        # Only now: a subdirectory may lie in a submodule.
        folder = find_folder(root, subdirectory, shown=shown)
        return folder, find_commit_time(self._git, stored, commit_id), warnings

    def _wants_history(self, root: Path, subdirectory: str | None, *, shown: str) -> bool:
        folders = [root]
        with contextlib.suppress(GitReferenceError):
            folders.append(find_folder(root, subdirectory, shown=shown))
        return any(wants_history(folder) for folder in folders)

    def _complete(
        self, remote: RemoteRepository, commit_id: str, root: Path, stored: Path, *, shown: str, depth: int
    ) -> tuple[str, ...]:
        """Lay out LFS files and submodules of a checkout; gives warnings."""
        warnings = self._lay_out_large_files(remote, commit_id, root, stored, shown=shown)
        submodules, unknown = find_submodules(self._git, root, remote.repository, shown=shown)
        if submodules and depth == _DEEPEST:
            raise GitReferenceError(f"the submodules of {shown} lie more than {_DEEPEST} deep in each other")
        for path in unknown:
            what = f"the submodule `{render_printable(path)}` of {shown} is empty"
            warnings.append(str(Fault(what=what, why="`.gitmodules` does not say what it is")))
        for submodule in submodules:
            place = check_submodule_folder(root, submodule.path, shown=shown)
            inner_shown = (
                f"the submodule `{render_printable(submodule.path)}` (`{submodule.repository.url}`) of {shown}"
            )
            inner = RemoteRepository(
                repository=submodule.repository,
                logins=remote.logins.for_repository(submodule.repository),
                agent=remote.agent and remote.repository.scheme == "ssh",
            )
            stored = self._find_stored(inner, submodule.commit_id, history=False, shown=inner_shown)
            make_checkout(self._git, stored, submodule.commit_id, place)
            warnings += self._complete(inner, submodule.commit_id, place, stored, shown=inner_shown, depth=depth + 1)
        return tuple(warnings)

    def _lay_out_large_files(
        self, remote: RemoteRepository, commit_id: str, root: Path, stored: Path, *, shown: str
    ) -> list[str]:
        pointers = find_pointers(self._git, root)
        if not pointers:
            return []
        if not self._git.has_lfs():
            return [warn_of_pointers(pointers, shown=shown)]
        lay_out_large_files(
            self._git,
            remote,
            root,
            pointers,
            commit_id=commit_id,
            storage=stored / "lfs",
            offline=self._offline,
            shown=shown,
        )
        return []

    def _find_stored(self, remote: RemoteRepository, commit_id: str, *, history: bool, shown: str) -> Path:
        """The stored repository of a commit, fetched if need be."""
        stored = self._store.find(remote.repository.key, commit_id, history=history)
        if stored is not None:
            return stored
        what = f"the history of commit `{commit_id}`" if history else f"commit `{commit_id}`"
        if self._offline:
            raise OfflineError(
                f"{what} is not in the cache: {shown}",
                remedy="run once without `--offline`",
                url=remote.repository.url.public,
            )
        self._announce(f"fetching {what} of {shown}")
        try:
            fetch = self._store.fetch_history if history else self._store.fetch
            return fetch(remote, commit_id)
        except GitFailed as failed:
            raise explain_git_failure(failed, remote.repository, shown=shown) from None
        except MissingCommit as missing:
            raise _explain_missing(missing, commit_id, shown=shown) from None


def _explain_damage(failed: GitFailed, remote: RemoteRepository, *, shown: str) -> FetchError:
    return FetchError(
        f"git cannot lay out {shown}",
        url=remote.repository.url.public,
        why="; ".join(failed.lines),
        remedy="delete the folder `git-v1` of the cache, if it stays so",
    )


def _explain_missing(missing: MissingCommit, commit_id: str, *, shown: str) -> GitReferenceError:
    if missing.kind:
        remedy = "name the tag, or the commit that it names" if missing.kind == "tag" else "name a commit"
        return GitReferenceError(f"`{commit_id}` is no commit of {shown}", why=f"it is a {missing.kind}", remedy=remedy)
    return GitReferenceError(
        f"there is no commit `{commit_id}` in {shown}",
        why="the server does not know it",
        remedy="name a commit that a branch or tag of it has; one that was removed by a forced push may be gone",
    )
