"""Commits on disk: one small bare repository each, kept in the cache under the repository and the commit id.

In: a commit id and the repository that has it. Out: a folder with the objects of that commit, and on demand with its
history and tags. Folders are made apart and renamed when they are whole, so that two processes may share them.
Nothing in them holds a login: git is told the clean URL alone, and what it writes into `config` is replaced.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from resolver.fetch.git.command import Git, GitFailed, RemoteRepository
from resolver.fetch.git.failures import is_refused_request, is_unknown_object

__all__ = ["FETCH_LIMIT_S", "CommitStore", "MissingCommit", "copy_repository", "remove_folder", "write_config"]

FETCH_LIMIT_S = 1800.0
_KEPT_REFERENCE = "refs/pinfold/commit"
_TAGS = "+refs/tags/*:refs/tags/*"
_ALL = ("+refs/heads/*:refs/heads/*", _TAGS)
_STALE_AFTER_S = 7 * 24 * 3600.0


class MissingCommit(Exception):  # noqa: N818 - the word for what it is; it never leaves this package
    """The repository has no such commit, or the id is that of something else: `kind` is `tag`, `tree` or `blob`."""

    def __init__(self, kind: str = "") -> None:
        super().__init__(kind)
        self.kind = kind


class CommitStore:
    """Bare repositories under `folder`, which is this user's alone and has a folder `work`."""

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
        """The stored repository of a commit, or None."""
        path = self._path(key, commit_id, history=history)
        return path if path.is_dir() else None

    def forget(self, key: str, commit_id: str) -> None:
        """Remove what is stored of a commit."""
        for history in (False, True):
            remove_folder(self._path(key, commit_id, history=history))

    def fetch(self, remote: RemoteRepository, commit_id: str) -> Path:
        """The stored repository of a commit, asked for now. Raises GitFailed and MissingCommit."""
        with self.temporary_folder() as folder:
            made = folder / "repository"
            self._init(made, commit_id)
            self._fetch_commit(remote, made, commit_id)
            self._finish(made, commit_id, history=False)
            return self._keep(made, remote, commit_id, history=False)

    def fetch_history(self, remote: RemoteRepository, commit_id: str) -> Path:
        """The same with all commits before it, and with the tags: what `git describe` reads. No old files."""
        shallow = self.find(remote.repository.key, commit_id) or self.fetch(remote, commit_id)
        with self.temporary_folder() as folder:
            made = folder / "repository"
            copy_repository(shallow, made)
            self._deepen(remote, made, commit_id)
            self._finish(made, commit_id, history=True)
            return self._keep(made, remote, commit_id, history=True)

    def fetch_commits(self, remote: RemoteRepository, folder: Path, *, like: str) -> None:
        """All commits that branches and tags reach, without their files, into a new bare repository.

        `like` is one of its ids, which tells their kind.
        """
        self._init(folder, like)
        self._fetch_into(remote, folder, "--filter=tree:0", "--end-of-options", remote.repository.clean_url, *_ALL)

    def _fetch_into(self, remote: RemoteRepository, folder: Path, *words: str) -> None:
        """One `git fetch`."""
        fetch = ("--git-dir", str(folder), "fetch", "--quiet", "--no-tags", "--no-write-fetch-head")
        self._git.ask(remote, *fetch, *words, limit_s=FETCH_LIMIT_S)

    def _fetch_commit(self, remote: RemoteRepository, folder: Path, commit_id: str) -> None:
        """Just the commit, where the server gives one that is asked for by its id; else everything."""
        url = remote.repository.clean_url
        kept = f"+{commit_id}:{_KEPT_REFERENCE}"
        try:
            self._fetch_into(remote, folder, "--depth=1", "--end-of-options", url, kept)
            return
        except GitFailed as failed:
            if is_unknown_object(failed):
                raise MissingCommit from failed
            if not is_refused_request(failed):
                raise
        self._fetch_into(remote, folder, "--end-of-options", url, *_ALL)
        if not self._kind(folder, commit_id):
            raise MissingCommit

    def _deepen(self, remote: RemoteRepository, folder: Path, commit_id: str) -> None:
        """The commits before one that is there, and the tags; of everything, where a server gives nothing else."""
        depth = ["--unshallow"] if (folder / "shallow").exists() else []
        words = [*depth, "--filter=tree:0", "--end-of-options", remote.repository.clean_url]
        try:
            self._fetch_into(remote, folder, *words, f"+{commit_id}:{_KEPT_REFERENCE}", _TAGS)
        except GitFailed as failed:
            if not is_refused_request(failed):
                raise
            self._fetch_into(remote, folder, *words, *_ALL)

    def _finish(self, folder: Path, commit_id: str, *, history: bool) -> None:
        """Check what came, and leave neither configuration nor notes of git's in it."""
        kind = self._kind(folder, commit_id)
        if kind != "commit":
            raise MissingCommit(kind)
        self._git.run("--git-dir", str(folder), "update-ref", _KEPT_REFERENCE, commit_id)
        self._git.run("--git-dir", str(folder), "update-ref", "--no-deref", "HEAD", commit_id)
        # What came only because a server gives nothing less is not there on others.
        unwanted = ["refs/heads"] if history else ["refs/heads", "refs/tags"]
        listed = self._git.run("--git-dir", str(folder), "for-each-ref", "--format=delete %(refname)", *unwanted)
        if listed:
            self._git.run("--git-dir", str(folder), "update-ref", "--stdin", stdin=listed)
        write_config(folder, commit_id, bare=True)
        for name in ("FETCH_HEAD", "description", "branches", "hooks", "logs", "info"):
            remove_folder(folder / name)

    def _kind(self, folder: Path, commit_id: str) -> str:
        try:
            return self._git.run("--git-dir", str(folder), "cat-file", "-t", commit_id).strip()
        except GitFailed:
            return ""

    def _init(self, folder: Path, commit_id: str) -> None:
        kind = "sha256" if len(commit_id) == 64 else "sha1"
        self._git.run("init", "--quiet", "--bare", "--template=", f"--object-format={kind}", str(folder))

    def _keep(self, made: Path, remote: RemoteRepository, commit_id: str, *, history: bool) -> Path:
        path = self._path(remote.repository.key, commit_id, history=history)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            made.rename(path)
        except OSError:
            # Another process was faster; what it made is the same.
            if not path.is_dir():
                raise
        return path

    def _path(self, key: str, commit_id: str, *, history: bool) -> Path:
        return self._folder / "commits" / key / (f"{commit_id}-history" if history else commit_id)


def write_config(folder: Path, commit_id: str, *, bare: bool) -> None:
    """The whole configuration of a repository: no remote, no address."""
    sha256 = len(commit_id) == 64
    lines = ["[core]", f"\trepositoryformatversion = {int(sha256)}", f"\tbare = {str(bare).lower()}"]
    lines += ["[extensions]", "\tobjectFormat = sha256"] if sha256 else []
    (folder / "config").write_text("\n".join([*lines, ""]), encoding="utf-8")


def remove_folder(path: Path) -> None:
    """Remove a file or a folder with all that is in it, also what is write-protected; as far as that can be done."""
    if not path.is_dir() or path.is_symlink():
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return
    for folder, folders, files in os.walk(path):
        # Windows removes no file that is write-protected, others remove none in a folder that is.
        for name in (*folders, *(files if os.name == "nt" else ())):
            inner = Path(folder) / name
            with contextlib.suppress(OSError):
                if not inner.is_symlink():
                    inner.chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)


def copy_repository(stored: Path, target: Path) -> None:
    """A repository of its own with the same objects. LFS files stay where they are: others may be fetching some."""
    shutil.copytree(
        stored, target, copy_function=_link, ignore=lambda folder, _: ["lfs"] if Path(folder) == stored else []
    )


def _link(source: str, target: str) -> str:
    """A second name for a file of objects, which nobody writes to; a copy of all others."""
    if "/objects/" in source.replace(os.sep, "/"):
        with contextlib.suppress(OSError):
            os.link(source, target)
            return target
    return shutil.copy2(source, target)


def _remove_stale(work: Path) -> None:
    """Remove what runs that were killed have left."""
    now = time.time()
    with contextlib.suppress(OSError):
        for path in work.iterdir():
            if now - path.stat().st_mtime > _STALE_AFTER_S:
                remove_folder(path)
