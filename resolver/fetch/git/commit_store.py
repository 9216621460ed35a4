"""Commits on disk: one small bare repository for each, kept in the cache by repository and commit id.

In: a commit id, and the repository that has it. Out: a folder with the objects of that commit, and on demand also its
history and tags. A folder is made beside the store and renamed when it is complete, so that two processes can share a
store. It contains no login: git gets the URL without one, and the `config` that git writes is replaced.

It is a module of its own because revisions (`finding`), trees (`commit_trees`) and LFS files share the store.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from resolver.fetch.git.command import Git, GitCommandError, RemoteRepository
from resolver.fetch.git.failures import is_refused_request, is_unknown_object

__all__ = ["CommitStore", "MissingCommitError", "copy_repository", "remove_folder", "write_config"]

"""The longest time for a command that reads files of a repository: large ones take minutes."""

_KEPT_REFERENCE = "refs/pinfold/commit"
_TAGS = "+refs/tags/*:refs/tags/*"
_ALL = ("+refs/heads/*:refs/heads/*", _TAGS)
_STALE_AFTER_S = 7 * 24 * 3600.0


class MissingCommitError(Exception):
    """The repository has no such commit. It does not leave this room.

    `kind` is `tag`, `tree` or `blob` if the id is that of another object, and empty if there is no such object.
    """

    def __init__(self, kind: str = "") -> None:
        super().__init__(kind)
        self.kind = kind


class CommitStore:
    """Bare repositories below `folder`, which only this user can open and which has a folder `work`.

    The path of a stored commit is `commits/KEY/COMMIT_ID`, with `-history` at its end if it has the history. KEY is
    `RemoteRepository.key`. A complete one is never changed, so readers need no lock.
    """

    def __init__(self, git: Git, folder: Path) -> None:
        self._git = git
        self._folder = folder
        self._work = folder / "work"
        _remove_stale(self._work)

    @contextlib.contextmanager
    def temporary_folder(self) -> Iterator[Path]:
        """A folder beside the stored commits, removed when the context closes."""
        folder = Path(tempfile.mkdtemp(prefix="t", dir=self._work))
        try:
            yield folder
        finally:
            remove_folder(folder)

    def find(self, key: str, commit_id: str, *, history: bool = False) -> Path | None:
        """The stored repository of a commit, with its history if that is wanted; or None."""
        path = self._path(key, commit_id, history=history)
        return path if path.is_dir() else None

    def forget(self, key: str, commit_id: str) -> None:
        """Remove a stored commit, with and without history."""
        for history in (False, True):
            remove_folder(self._path(key, commit_id, history=history))

    def fetch(self, remote: RemoteRepository, commit_id: str) -> Path:
        """Fetch and store a commit without history. Raises GitCommandError and MissingCommitError."""
        with self.temporary_folder() as folder:
            made = folder / "repository"
            self._init(made, commit_id)
            self._fetch_commit(remote, made, commit_id)
            self._finish(made, commit_id, history=False)
            return self._keep(made, remote, commit_id, history=False)

    def fetch_history(self, remote: RemoteRepository, commit_id: str) -> Path:
        """Fetch and store a commit with its ancestors and tags, which `git describe` reads, but without their files.

        Raises GitCommandError and MissingCommitError.
        """
        shallow = self.find(remote.key, commit_id) or self.fetch(remote, commit_id)
        with self.temporary_folder() as folder:
            made = folder / "repository"
            copy_repository(shallow, made)
            self._deepen(remote, made, commit_id)
            self._finish(made, commit_id, history=True)
            return self._keep(made, remote, commit_id, history=True)

    def fetch_commits(self, remote: RemoteRepository, folder: Path, *, like: str) -> None:
        """Fetch the commits of all branches and tags, without their files, into the new bare repository `folder`.

        `like` is any id of the repository: its length distinguishes SHA-1 from SHA-256. Raises GitCommandError.
        """
        self._init(folder, like)
        self._fetch_into(remote, folder, "--filter=tree:0", "--end-of-options", remote.repository.clean_url, *_ALL)

    def _fetch_into(self, remote: RemoteRepository, folder: Path, *arguments: str) -> None:
        """Run `git fetch` in a bare repository."""
        fetch = ("--git-dir", str(folder), "fetch", "--quiet", "--no-tags", "--no-write-fetch-head")
        self._git.run_remote(remote, *fetch, *arguments)

    def _fetch_commit(self, remote: RemoteRepository, folder: Path, commit_id: str) -> None:
        """Fetch the commit alone if the server sends commits by id; else all branches and tags."""
        url = remote.repository.clean_url
        kept = f"+{commit_id}:{_KEPT_REFERENCE}"
        try:
            self._fetch_into(remote, folder, "--depth=1", "--end-of-options", url, kept)
            return
        except GitCommandError as failed:
            if is_unknown_object(failed):
                raise MissingCommitError from failed
            if not is_refused_request(failed):
                raise
        self._fetch_into(remote, folder, "--end-of-options", url, *_ALL)
        if not self._kind(folder, commit_id):
            raise MissingCommitError

    def _deepen(self, remote: RemoteRepository, folder: Path, commit_id: str) -> None:
        """Fetch the ancestors of a commit, and the tags; those of all branches if the server sends nothing less."""
        depth = ["--unshallow"] if (folder / "shallow").exists() else []
        arguments = [*depth, "--filter=tree:0", "--end-of-options", remote.repository.clean_url]
        try:
            self._fetch_into(remote, folder, *arguments, f"+{commit_id}:{_KEPT_REFERENCE}", _TAGS)
        except GitCommandError as failed:
            if not is_refused_request(failed):
                raise
            self._fetch_into(remote, folder, *arguments, *_ALL)

    def _finish(self, folder: Path, commit_id: str, *, history: bool) -> None:
        """Check that the commit is there, point HEAD to it, and remove everything that depends on the server or git.

        Raises MissingCommitError.
        """
        kind = self._kind(folder, commit_id)
        if kind != "commit":
            raise MissingCommitError(kind)
        self._git.run("--git-dir", str(folder), "update-ref", _KEPT_REFERENCE, commit_id)
        self._git.run("--git-dir", str(folder), "update-ref", "--no-deref", "HEAD", commit_id)
        # Some servers send more references than were requested. A build must not see them on one machine only.
        unwanted = ["refs/heads"] if history else ["refs/heads", "refs/tags"]
        listed = self._git.run("--git-dir", str(folder), "for-each-ref", "--format=delete %(refname)", *unwanted)
        if listed:
            self._git.run("--git-dir", str(folder), "update-ref", "--stdin", stdin=listed)
        write_config(folder, commit_id, bare=True)
        for name in ("FETCH_HEAD", "description", "branches", "hooks", "logs", "info"):
            remove_folder(folder / name)

    def _kind(self, folder: Path, commit_id: str) -> str:
        """The type of an object (git: cat-file -t); empty if it is missing."""
        try:
            return self._git.run("--git-dir", str(folder), "cat-file", "-t", commit_id).strip()
        except GitCommandError:
            return ""

    def _init(self, folder: Path, commit_id: str) -> None:
        """Create an empty bare repository with the hash algorithm of an id."""
        kind = "sha256" if len(commit_id) == 64 else "sha1"
        self._git.run("init", "--quiet", "--bare", "--template=", f"--object-format={kind}", str(folder))

    def _keep(self, made: Path, remote: RemoteRepository, commit_id: str, *, history: bool) -> Path:
        """Rename a finished repository to its path in the store."""
        path = self._path(remote.key, commit_id, history=history)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            made.rename(path)
        except OSError:
            # Another process has stored the same commit first.
            if not path.is_dir():
                raise
        return path

    def _path(self, key: str, commit_id: str, *, history: bool) -> Path:
        return self._folder / "commits" / key / (f"{commit_id}-history" if history else commit_id)


def write_config(folder: Path, commit_id: str, *, bare: bool) -> None:
    """Replace the configuration of a repository by one without remotes and URLs.

    `bare` is false for a work tree's `.git`.
    """
    sha256 = len(commit_id) == 64
    lines = ["[core]", f"\trepositoryformatversion = {int(sha256)}", f"\tbare = {str(bare).lower()}"]
    lines += ["[extensions]", "\tobjectFormat = sha256"] if sha256 else []
    (folder / "config").write_text("\n".join([*lines, ""]), encoding="utf-8")


def remove_folder(path: Path) -> None:
    """Remove a file, or a folder with its content, as far as possible; write protection does not prevent it."""
    if not path.is_dir() or path.is_symlink():
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return
    for folder, folders, files in os.walk(path):
        # Windows refuses to remove a write-protected file, other systems a file in a write-protected folder.
        for name in (*folders, *(files if os.name == "nt" else ())):
            inner = Path(folder) / name
            with contextlib.suppress(OSError):
                if not inner.is_symlink():
                    inner.chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)


def copy_repository(stored: Path, target: Path) -> None:
    """Copy a stored repository, without its LFS files: another process may be adding some."""
    shutil.copytree(
        stored, target, copy_function=_link, ignore=lambda folder, _: ["lfs"] if Path(folder) == stored else []
    )


def _link(source: str, target: str) -> str:
    """Link a file of objects, which is never changed, and copy any other."""
    if "/objects/" in source.replace(os.sep, "/"):
        with contextlib.suppress(OSError):
            os.link(source, target)
            return target
    return shutil.copy2(source, target)


def _remove_stale(work: Path) -> None:
    """Remove temporary folders of killed runs: those that are older than a week."""
    now = time.time()
    with contextlib.suppress(OSError):
        for path in work.iterdir():
            if now - path.stat().st_mtime > _STALE_AFTER_S:
                remove_folder(path)
