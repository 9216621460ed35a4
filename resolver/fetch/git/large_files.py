"""The files of a checkout that git-lfs keeps elsewhere: pointers become contents, or the user is told.

In: a checkout with pointer files, and the repository that it came from. Out: their contents in place. The LFS server
is that of the repository, on its own host; `.lfsconfig` may name another path there, and no other host.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath

from lockfiles._values import dataclass
from resolver.errors import Fault, FetchError, OfflineError
from resolver.fetch.git.command import Git, GitCommandError, RemoteRepository
from resolver.fetch.git.commit_store import FETCH_LIMIT_S, write_config
from resolver.fetch.git.failures import explain_git_failure
from resolver.fetch.git.repository import GitReferenceError, Repository, check_repository, render_printable
from resolver.requirements.url import parse_url

__all__ = ["Pointer", "find_pointers", "lay_out_large_files", "warn_of_pointers"]

_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")
_LARGEST_POINTER_BYTES = 1024
_MOST_NAMES = 3
_CHUNK_BYTES = 1 << 20
_PATHS_AT_ONCE = 200
_READ_BY_BUILDS = re.compile(r"pyproject\.toml|setup\.(?:py|cfg)|[^/]+\.(?:py|pyi|pyx|c|cc|cpp|h|rs|toml)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """A file that stands for a content: `path` from the top of the checkout, `oid` the content's SHA-256."""

    path: str
    oid: str


def find_pointers(git: Git, root: Path) -> tuple[Pointer, ...]:
    """The pointer files of a checkout, sorted by path."""
    attributes = git.run("ls-files", "-z", "--", ":(glob)**/.gitattributes", folder=root).split("\0")
    if not any(_mentions_lfs(root / name) for name in attributes if name):
        return ()
    listed = git.run("ls-files", "-z", "--", ":(attr:filter=lfs)", folder=root)
    found = []
    for name in sorted(filter(None, listed.split("\0"))):
        path = root / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST_POINTER_BYTES:
            continue
        match = _POINTER.match(path.read_bytes())
        if match is not None:
            found.append(Pointer(path=name, oid=match[1].decode()))
    return tuple(found)


def lay_out_large_files(
    git: Git,
    remote: RemoteRepository,
    root: Path,
    pointers: tuple[Pointer, ...],
    *,
    commit_id: str,
    storage: Path,
    offline: bool,
    shown: str,
) -> None:
    """Put contents in the place of pointers; they are kept in `storage`. Raises FetchError and GitReferenceError."""
    files = f"the LFS files of {shown}"
    address = _find_address(git, root, remote.repository, shown=shown)
    lfs = RemoteRepository(repository=address or remote.repository, logins=remote.logins, agent=remote.agent)
    if address is not None and not _lies_inside(address, remote.repository):
        lfs = RemoteRepository(repository=address, logins=remote.logins.for_repository(address), agent=remote.agent)
    options = ["-c", f"lfs.storage={storage}", "-c", f"remote.origin.url={remote.repository.clean_url}"]
    options += ["-c", f"lfs.url={lfs.repository.clean_url}"] if address is not None else []
    options += ["-c", "lfs.fetchinclude=*", "-c", "lfs.fetchexclude="]
    if any(not _stored(storage, pointer).is_file() for pointer in pointers):
        if offline:
            raise OfflineError(
                f"{files} are not in the cache", remedy="run once without `--offline`", url=lfs.repository.url.public
            )
        try:
            git.run_remote(lfs, *options, "lfs", "fetch", "origin", commit_id, limit_s=FETCH_LIMIT_S, folder=root)
        except GitCommandError as failed:
            raise explain_git_failure(failed, lfs.repository, shown=files) from None
    missing = tuple(pointer for pointer in pointers if not _put_content(root, storage, pointer))
    if missing:
        raise FetchError(
            f"{files} are not all there: {_name_some(missing)}",
            url=remote.repository.url.public,
            why="its LFS server does not have them, or has others of their names",
        )
    _settle(git, root, pointers, commit_id)


def warn_of_pointers(pointers: tuple[Pointer, ...], *, shown: str) -> str:
    """The warning about pointers that stay; raises GitReferenceError where a build would read one as its source."""
    needed = tuple(pointer for pointer in pointers if _READ_BY_BUILDS.fullmatch(PurePosixPath(pointer.path).name))
    if needed:
        raise GitReferenceError(
            f"{shown} keeps files that its build reads in LFS: {_name_some(needed)}",
            why="`git-lfs` is not installed",
            remedy="install git-lfs",
        )
    fault = Fault(
        what=f"{shown} keeps files in LFS, of which only pointers are here: {_name_some(pointers)}",
        why="`git-lfs` is not installed",
        remedy="install git-lfs, if the package needs them",
    )
    return str(fault)


def _mentions_lfs(path: Path) -> bool:
    return not path.is_symlink() and path.is_file() and b"filter=lfs" in path.read_bytes()


def _find_address(git: Git, root: Path, repository: Repository, *, shown: str) -> Repository | None:
    """Where the LFS server is; None where git-lfs is to find it out by the repository's own address."""
    try:
        text = git.run("config", "--no-includes", "--blob", "HEAD:.lfsconfig", "--get", "lfs.url", folder=root).strip()
    except GitCommandError:
        text = ""
    if not text:
        if repository.scheme not in ("https", "http"):
            return None
        base = repository.clean_url.rstrip("/")
        text = f"{base if base.endswith('.git') else f'{base}.git'}/info/lfs"
    what = f"the LFS server that `.lfsconfig` names in {shown}"
    named = check_repository(parse_url(text), what=what)
    if (named.scheme, named.host, named.port) != (repository.scheme, repository.host, repository.port):
        raise GitReferenceError(
            f"{what} is not followed: `{named.url}`",
            why=f"it is on another host than the repository, `{repository.place}`",
            remedy="ask its maintainers, or use a release of it",
        )
    return named


def _lies_inside(address: Repository, repository: Repository) -> bool:
    own = repository.path.removesuffix(".git")
    return address.path.startswith((f"{own}/", f"{own}.git/"))


def _stored(storage: Path, pointer: Pointer) -> Path:
    return storage / "objects" / pointer.oid[:2] / pointer.oid[2:4] / pointer.oid


def _put_content(root: Path, storage: Path, pointer: Pointer) -> bool:
    """Write a content over its pointer; false where it is not there, or is not what the pointer says."""
    digest = hashlib.sha256()
    try:
        with _stored(storage, pointer).open("rb") as source, (root / pointer.path).open("wb") as target:
            while part := source.read(_CHUNK_BYTES):
                digest.update(part)
                target.write(part)
    except FileNotFoundError:
        return False
    return digest.hexdigest() == pointer.oid


def _settle(git: Git, root: Path, pointers: tuple[Pointer, ...], commit_id: str) -> None:
    """Let git see that the contents are what is committed: else a build would call the tree changed.

    The configuration is written anew: git-lfs notes in it which kind of login a host wants.
    """
    write_config(root / ".git", commit_id, bare=False)
    with (root / ".git" / "config").open("a", encoding="utf-8") as file:
        file.write('[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\tsmudge = git-lfs smudge --skip -- %f\n')
    for start in range(0, len(pointers), _PATHS_AT_ONCE):
        names = [pointer.path for pointer in pointers[start : start + _PATHS_AT_ONCE]]
        git.run("update-index", "--", *names, folder=root)


def _name_some(pointers: tuple[Pointer, ...]) -> str:
    more = f" and {len(pointers) - _MOST_NAMES} more" if len(pointers) > _MOST_NAMES else ""
    return ", ".join(f"`{render_printable(pointer.path)}`" for pointer in pointers[:_MOST_NAMES]) + more
