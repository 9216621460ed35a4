"""The source tree of a commit, with everything that belongs to it: submodules, LFS files, the history if it is needed.

In: a repository and a commit id. Out: a folder, the time of the commit, and warnings about what the folder lacks. The
folder is a work tree with a `.git` of its own, in which a build may change anything: it has no remote and no URL.

`git submodule update` and the filters of git-lfs are not used. They would take options and programs from the
configuration of the repository, and follow any URL; here each repository is checked before it is reached.

It is a module of its own because this is what a build sees, while the other modules of the room fetch objects.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from lockfiles._files import open_regular
from lockfiles._values import compile_later, dataclass
from resolver.errors import Fault, FetchError, OfflineError
from resolver.fetch.git.command import Git, GitCommandError, RemoteRepository
from resolver.fetch.git.commit_store import (
    CommitStore,
    MissingCommitError,
    copy_repository,
    remove_folder,
    write_config,
)
from resolver.fetch.git.failures import explain_git_failure
from resolver.fetch.git.large_files import find_pointers, lay_out_large_files, warn_of_pointers
from resolver.fetch.git.repository import GitReferenceError, Repository, check_repository, render_printable
from resolver.requirements.index_urls import is_private_host
from resolver.requirements.url import parse_url

if TYPE_CHECKING:
    from resolver.fetch.lock_policy import LockPolicy

__all__ = ["TreeMaker", "wants_history"]


# Tools that read a version out of tags or commits, as they are named in the files of a project.
_READS_HISTORY = compile_later(
    rb"setuptools[_-]scm|hatch-vcs|vcs[_-]versioning|versioneer|versioningit|dunamai|dynamic-versioning"
    rb"|setuptools-git-version|miniver|\bpbr\b|source *= *[\"'](?:scm|vcs)[\"']|git[\"', ]+describe|flit[_-]scm"
)
_READ_FIRST_BYTES = 1 << 20
_DEEPEST = 10
"""The levels of submodules that are followed: two repositories may name each other."""

_SCP_FORM = compile_later(r"(?:(?P<user>[\w.-]+)@)?(?P<host>[\w.-]+):(?P<path>(?!//)[^\s]+)")
"""The scp-like form of an ssh URL, `user@host:path` (git: git-clone, GIT URLS)."""
_ENTRY = compile_later(r"160000 ([0-9a-f]+) 0\t(.+)", re.DOTALL)
"""A submodule in the output of `git ls-files --stage`: its mode is 160000."""


class TreeMaker:
    """Makes the trees of commits, and fetches those that are not stored.

    `offline` raises OfflineError instead of fetching. `announce` gets a line before each fetch. `policy` is that of the
    lock that names the repositories, None without one.
    """

    def __init__(
        self,
        git: Git,
        store: CommitStore,
        *,
        offline: bool,
        announce: Callable[[str], None],
        policy: LockPolicy | None = None,
    ) -> None:
        self._policy = policy
        self._git = git
        self._store = store
        self._offline = offline
        self._announce = announce

    def make(
        self, remote: RemoteRepository, commit_id: str, root: Path, *, subdirectory: str | None, shown: str
    ) -> tuple[Path, int, tuple[str, ...]]:
        """The folder of the subdirectory below `root`, the time of the commit in seconds since 1970, and warnings.

        `shown` names the repository in messages. Raises GitReferenceError, FetchError.
        """
        try:
            return self._make(remote, commit_id, root, subdirectory=subdirectory, shown=shown)
        except GitCommandError as failed:
            if self._offline:
                raise _explain_damage(failed, remote, shown=shown) from None
        # The stored commit may be damaged: fetch it again, once.
        remove_folder(root)
        self._store.forget(remote.key, commit_id)
        try:
            return self._make(remote, commit_id, root, subdirectory=subdirectory, shown=shown)
        except GitCommandError as failed:
            raise _explain_damage(failed, remote, shown=shown) from None

    def _make(
        self, remote: RemoteRepository, commit_id: str, root: Path, *, subdirectory: str | None, shown: str
    ) -> tuple[Path, int, tuple[str, ...]]:
        """See `make`. Raises GitCommandError if the stored commit is damaged."""
        stored = self._find_stored(remote, commit_id, history=False, shown=shown)
        _make_checkout(self._git, stored, commit_id, root)
        # The shallow commit comes first: its files show whether the history is needed, which is rare.
        if self._wants_history(root, subdirectory, shown=shown):
            stored = self._find_stored(remote, commit_id, history=True, shown=shown)
            remove_folder(root)
            _make_checkout(self._git, stored, commit_id, root)
        warnings = self._complete(remote, commit_id, root, stored, shown=shown, depth=0)
        # Only after the submodules: the subdirectory may be inside of one.
        folder = _find_folder(root, subdirectory, shown=shown)
        return folder, _find_commit_time(self._git, stored, commit_id), warnings

    def _wants_history(self, root: Path, subdirectory: str | None, *, shown: str) -> bool:
        """Whether the project, or the one at the top of the repository, reads the history."""
        folders = [root]
        # A subdirectory that is missing now may be inside of a submodule; that one is not searched.
        with contextlib.suppress(GitReferenceError):
            folders.append(_find_folder(root, subdirectory, shown=shown))
        return any(wants_history(folder) for folder in folders)

    def _complete(
        self, remote: RemoteRepository, commit_id: str, root: Path, stored: Path, *, shown: str, depth: int
    ) -> tuple[str, ...]:
        """Add LFS files and submodules to a checkout. Returns warnings about what is missing.

        `depth` is the number of repositories around this one.
        """
        warnings = self._lay_out_large_files(remote, commit_id, root, stored, shown=shown)
        submodules, unknown = _find_submodules(self._git, root, remote.repository, shown=shown)
        if submodules and depth == _DEEPEST:
            raise GitReferenceError(f"the submodules of {shown} lie more than {_DEEPEST} deep in each other")
        for path in unknown:
            what = f"the submodule `{render_printable(path)}` of {shown} is empty"
            warnings.append(str(Fault(what=what, why="`.gitmodules` does not say what it is")))
        for submodule in submodules:
            place = _check_submodule_folder(root, submodule.path, shown=shown)
            inner_shown = (
                f"the submodule `{render_printable(submodule.path)}` (`{submodule.repository.url}`) of {shown}"
            )
            if self._policy is not None:
                self._policy.check_repository(submodule.repository.clean_url)
            # The agent has keys for many hosts: only a repository that is read by ssh may make ssh use them.
            inner = RemoteRepository(
                repository=submodule.repository,
                logins=remote.logins.for_repository(submodule.repository),
                agent=remote.agent and remote.repository.scheme == "ssh",
                parent=remote.repository.clean_url,
                find_id=remote.find_id,
            )
            stored = self._find_stored(inner, submodule.commit_id, history=False, shown=inner_shown)
            _make_checkout(self._git, stored, submodule.commit_id, place)
            warnings += self._complete(inner, submodule.commit_id, place, stored, shown=inner_shown, depth=depth + 1)
        return tuple(warnings)

    def _lay_out_large_files(
        self, remote: RemoteRepository, commit_id: str, root: Path, stored: Path, *, shown: str
    ) -> list[str]:
        """Put the LFS files of a checkout in place. Returns a warning if git-lfs is not installed."""
        pointers = find_pointers(self._git, root)
        # git-lfs asks any host that the LFS server names. Metadata can be read without the contents.
        if not pointers or (self._policy is not None and not self._policy.allows_builds):
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
        """The stored repository of a commit, fetched if it is not stored yet. Raises FetchError, GitReferenceError."""
        stored = self._store.find(remote.key, commit_id, history=history)
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
        except GitCommandError as failed:
            raise explain_git_failure(failed, remote.repository, shown=shown) from None
        except MissingCommitError as missing:
            raise _explain_missing(missing, commit_id, shown=shown) from None


def wants_history(folder: Path) -> bool:
    """Whether a build of the project would read tags and earlier commits, for its version.

    It searches the files that configure a build for the names of tools that do so.
    """
    for name in ("pyproject.toml", "setup.cfg", "setup.py"):
        path = folder / name
        if path.is_file() and not path.is_symlink():
            with open_regular(path) as file:
                if _READS_HISTORY.search(file.read(_READ_FIRST_BYTES)):
                    return True
    return False


def _explain_damage(failed: GitCommandError, remote: RemoteRepository, *, shown: str) -> FetchError:
    """The error for a commit that git cannot check out, although it was fetched."""
    return FetchError(
        f"git cannot lay out {shown}",
        url=remote.repository.url.public,
        why="; ".join(failed.lines),
        remedy="delete the folder `git-v1` of the cache, if it stays so",
    )


def _explain_missing(missing: MissingCommitError, commit_id: str, *, shown: str) -> GitReferenceError:
    """The error for an id that is not one of a commit in the repository."""
    if missing.kind:
        remedy = "name the tag, or the commit that it names" if missing.kind == "tag" else "name a commit"
        return GitReferenceError(f"`{commit_id}` is no commit of {shown}", why=f"it is a {missing.kind}", remedy=remedy)
    return GitReferenceError(
        f"there is no commit `{commit_id}` in {shown}",
        why="the server does not know it",
        remedy="name a commit that a branch or tag of it has; one that was removed by a forced push may be gone",
    )


def _make_checkout(git: Git, stored: Path, commit_id: str, root: Path) -> None:
    """Write the files of a stored commit into `root`, which is empty or does not exist."""
    root.mkdir(exist_ok=True)
    copy_repository(stored, root / ".git")
    write_config(root / ".git", commit_id, bare=False)
    git.run("reset", "--hard", "--quiet", "--no-recurse-submodules", commit_id, folder=root)


def _find_commit_time(git: Git, stored: Path, commit_id: str) -> int:
    """The time of the commit, in seconds since 1970: the `SOURCE_DATE_EPOCH` of its build."""
    shown = git.run("--git-dir", str(stored), "log", "-1", "--no-show-signature", "--format=%ct", commit_id)
    return int(shown.strip() or "0")


def _find_folder(root: Path, subdirectory: str | None, *, shown: str) -> Path:
    """The folder of a subdirectory, links resolved; `root` for None.

    Raises GitReferenceError if it is missing, no folder, git's own, or outside of `root`.
    """
    if subdirectory is None:
        return root
    folder = (root / subdirectory).resolve()
    if not folder.is_relative_to(root.resolve()):
        raise GitReferenceError(
            f"the subdirectory of {shown} is refused: `{subdirectory}`", why="it is a link out of the repository"
        )
    # The check of the reference refuses `.git` in its text; this one is about links.
    if ".git" in folder.relative_to(root.resolve()).parts:
        raise GitReferenceError(
            f"the subdirectory of {shown} is refused: `{subdirectory}`", why="it is git's own folder"
        )
    if not folder.is_dir():
        near = _list_projects(root)
        raise GitReferenceError(
            f"there is no folder `{subdirectory}` in {shown}",
            why="it is a file" if folder.exists() else "",
            remedy=" or ".join(f"`#subdirectory={name}`" for name in near),
        )
    return folder


def _list_projects(root: Path) -> list[str]:
    """Up to three folders that contain a project, for a remedy: no deeper than two levels, sorted by path."""
    found = {path.parent for pattern in ("*/", "*/*/") for path in root.glob(f"{pattern}pyproject.toml")}
    found |= {path.parent for pattern in ("*/", "*/*/") for path in root.glob(f"{pattern}setup.py")}
    return sorted(path.relative_to(root).as_posix() for path in found)[:3]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Submodule:
    """A repository inside of another one; `path` is its folder in the work tree, with `/`."""

    path: str
    repository: Repository
    commit_id: str


def _find_submodules(
    git: Git, root: Path, parent: Repository, *, shown: str
) -> tuple[tuple[_Submodule, ...], tuple[str, ...]]:
    """The submodules of a checkout, in the order of their paths, and the paths of those without a URL.

    One with `update = none` is left out (git: gitmodules). Raises GitReferenceError for a URL that is not followed.
    """
    links = _list_links(git, root)
    if not links:
        return (), ()
    settings = _read_settings(git, root)
    # `.gitmodules` may name submodules that the commit does not have, so the links of the commit decide.
    by_path = {values["path"].rstrip("/"): values for values in settings.values() if "path" in values}
    known, unknown = [], []
    for path, commit_id in links.items():
        values = by_path.get(path, {})
        if values.get("update") == "none":
            continue
        if "url" not in values:
            unknown.append(path)
            continue
        repository = _check_address(values["url"], parent, path=path, shown=shown)
        known.append(_Submodule(path=path, repository=repository, commit_id=commit_id))
    return tuple(known), tuple(unknown)


def _check_submodule_folder(root: Path, path: str, *, shown: str) -> Path:
    """The empty folder that git made for a submodule.

    Raises GitReferenceError if a part of its path is a link, or is `.git` on a file system that ignores case: files of
    the submodule could be written outside of the checkout, or into its configuration.
    """
    what = f"the submodule `{render_printable(path)}` of {shown}"
    place = root
    for part in path.split("/"):
        place = place / part
        if part in ("", ".", "..") or part.lower() == ".git" or place.is_symlink() or not place.is_dir():
            raise GitReferenceError(f"{what} is refused", why="its place is no folder")
    if next(place.iterdir(), None) is not None:
        raise GitReferenceError(f"{what} is refused", why="other files lie in its place")
    return place


def _list_links(git: Git, root: Path) -> dict[str, str]:
    """The commit ids of submodules, by their paths."""
    listed = git.run("ls-files", "--stage", "-z", folder=root)
    matches = [match for entry in listed.split("\0") if (match := _ENTRY.fullmatch(entry))]
    return {match[2]: match[1] for match in matches}


def _read_settings(git: Git, root: Path) -> dict[str, dict[str, str]]:
    """The settings in `.gitmodules`, by name of submodule; empty without that file.

    It is read out of the commit, not from the work tree, where it may be a link to another file.
    """
    try:
        text = git.run("config", "--no-includes", "--blob", "HEAD:.gitmodules", "--null", "--list", folder=root)
    except GitCommandError:
        return {}
    settings: dict[str, dict[str, str]] = {}
    for entry in text.split("\0"):
        key, _, value = entry.partition("\n")
        section, _, rest = key.partition(".")
        name, _, variable = rest.rpartition(".")
        if section == "submodule" and name:
            settings.setdefault(name, {})[variable] = value
    return settings


def _check_address(text: str, parent: Repository, *, path: str, shown: str) -> Repository:
    """The repository at the URL of a submodule, which may be relative to that of its parent.

    Raises GitReferenceError for a URL that a repository must not lead to: one with a variable, whose value would be
    sent to the host; one of another scheme than https, ssh or the parent's; one of a private network. A repository
    on disk does not lead to others on disk.
    """
    what = f"the submodule `{render_printable(path)}` of {shown}"
    match = _SCP_FORM.fullmatch(text)
    if text.startswith(("./", "../")):
        text = _join(parent.clean_url, text)
    elif match is not None and "::" not in text:
        user = f"{match['user']}@" if match["user"] else ""
        text = f"ssh://{user}{match['host']}/{match['path'].lstrip('/')}"
    repository = check_repository(parse_url(text), what=what)
    if repository.variables:
        raise GitReferenceError(f"{what} is not followed", why="its address holds a variable, which a list alone may")
    # `http` and `git` are not encrypted: only a repository that is read so itself may lead to another such one.
    allowed = {"https", "ssh", *({parent.scheme} - {"file"})}
    if repository.scheme not in allowed:
        raise GitReferenceError(
            f"{what} is not followed",
            why=f"a repository that is read by `{parent.scheme}` may lead to `https` and `ssh`, not to"
            f" `{repository.scheme}`",
        )
    if repository.host != parent.host and is_private_host(repository.clean_url):
        raise GitReferenceError(
            f"{what} is not followed", why=f"`{repository.host}` is an address inside of this machine or network"
        )
    return repository


def _join(base: str, relative: str) -> str:
    """The URL of a relative one, as git resolves it: the base counts as a folder."""
    parts = urlsplit(base)
    path = posixpath.normpath(posixpath.join(parts.path.rstrip("/") or "/", relative))
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
