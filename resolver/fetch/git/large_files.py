"""The files of a checkout that git-lfs keeps on a server: pointers become contents, or the user gets a warning.

In: a checkout with pointer files, and the repository that it came from. Out: the contents in place of the pointers. The
LFS server is on the host of the repository; `.lfsconfig` may name another path there, and no other host.

It is a module of its own because git-lfs is a program of its own, which may be missing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from lockfiles._files import read_regular
from lockfiles._values import compile_later, dataclass
from resolver.errors import Fault, FetchError, OfflineError
from resolver.fetch.git.command import Git, GitCommandError, RemoteRepository
from resolver.fetch.git.commit_store import write_config
from resolver.fetch.git.failures import explain_git_failure
from resolver.fetch.git.repository import GitReferenceError, Repository, check_repository, render_printable
from resolver.requirements.url import parse_url

__all__ = ["LargeFilePointer", "find_pointers", "lay_out_large_files", "warn_of_pointers"]

# git-lfs: docs/spec.md, a pointer file and its size.
_POINTER = compile_later(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")
_LARGEST_POINTER_BYTES = 1024
_MOST_NAMES = 3
_CHUNK_BYTES = 1 << 20
# The length of a command line is limited, so paths are given in portions.
_PATHS_AT_ONCE = 200
# Files that a build reads as source: with a pointer in place of one, it would fail or give a broken wheel.
_READ_BY_BUILDS = compile_later(r"pyproject\.toml|setup\.(?:py|cfg)|[^/]+\.(?:py|pyi|pyx|c|cc|cpp|h|rs|toml)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeFilePointer:
    """A small file in place of a large one."""

    path: str
    """The path below the top of the checkout, with `/`."""

    oid: str
    """The SHA-256 of the content, in hex."""


def find_pointers(git: Git, root: Path) -> tuple[LargeFilePointer, ...]:
    """The pointer files of a checkout, sorted by path: small files with the filter `lfs` and the text of a pointer.

    It runs git for the attributes only if a `.gitattributes` names the filter, which few repositories do.
    """
    attributes = git.run("ls-files", "-z", "--", ":(glob)**/.gitattributes", folder=root).split("\0")
    if not any(_mentions_lfs(root / name) for name in attributes if name):
        return ()
    listed = git.run("ls-files", "-z", "--", ":(attr:filter=lfs)", folder=root)
    found = []
    for name in sorted(filter(None, listed.split("\0"))):
        path = root / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST_POINTER_BYTES:
            continue
        match = _POINTER.match(read_regular(path))
        if match is not None:
            found.append(LargeFilePointer(path=name, oid=match[1].decode()))
    return tuple(found)


def lay_out_large_files(
    git: Git,
    remote: RemoteRepository,
    root: Path,
    pointers: tuple[LargeFilePointer, ...],
    *,
    commit_id: str,
    storage: Path,
    offline: bool,
    shown: str,
) -> None:
    """Replace pointers by contents, which are kept in the folder `storage`.

    `offline` uses those that are there. Raises FetchError, GitReferenceError.
    """
    files = f"the LFS files of {shown}"
    server = _find_server(git, root, remote, shown=shown)
    lfs = server or remote
    options = ["-c", f"lfs.storage={storage}", "-c", f"remote.origin.url={remote.repository.clean_url}"]
    options += ["-c", f"lfs.url={server.repository.clean_url}"] if server is not None else []
    # The repository could leave some out in its `.lfsconfig`. Eight attempts, the default, take half a minute.
    options += ["-c", "lfs.fetchinclude=*", "-c", "lfs.fetchexclude=", "-c", "lfs.transfer.maxretries=3"]
    if any(not _stored(storage, pointer).is_file() for pointer in pointers):
        if offline:
            raise OfflineError(
                f"{files} are not in the cache", remedy="run once without `--offline`", url=lfs.repository.url.public
            )
        try:
            git.run_remote(lfs, *options, "lfs", "fetch", "origin", commit_id, folder=root)
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


def warn_of_pointers(pointers: tuple[LargeFilePointer, ...], *, shown: str) -> str:
    """The warning about pointers that are left in place.

    Raises GitReferenceError if a build would read one of them as its source.
    """
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
    """Whether a `.gitattributes` names the filter `lfs`; it is not read through a link."""
    return not path.is_symlink() and path.is_file() and b"filter=lfs" in read_regular(path)


def _find_server(git: Git, root: Path, remote: RemoteRepository, *, shown: str) -> RemoteRepository | None:
    """The LFS server; None where git-lfs has to derive it from the URL of the repository, as for ssh.

    The login of the repository itself is given to a server whose path is below its own, as by default. Raises
    GitReferenceError if `.lfsconfig` names a server on another host: that could take the login of the repository.
    """
    repository = remote.repository
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
    logins = remote.logins if _is_inside(named, repository) else remote.logins.for_repository(named)
    return RemoteRepository(repository=named, logins=logins, agent=remote.agent)


def _is_inside(server: Repository, repository: Repository) -> bool:
    """Whether the path of an LFS server is below that of the repository."""
    own = repository.path.removesuffix(".git")
    return server.path.startswith((f"{own}/", f"{own}.git/"))


def _stored(storage: Path, pointer: LargeFilePointer) -> Path:
    """The path of a content in the storage of git-lfs."""
    return storage / "objects" / pointer.oid[:2] / pointer.oid[2:4] / pointer.oid


def _put_content(root: Path, storage: Path, pointer: LargeFilePointer) -> bool:
    """Write a content over its pointer. False if it is missing, or has another SHA-256 than the pointer names."""
    digest = hashlib.sha256()
    try:
        with _stored(storage, pointer).open("rb") as source, (root / pointer.path).open("wb") as target:
            while part := source.read(_CHUNK_BYTES):
                digest.update(part)
                target.write(part)
    except FileNotFoundError:
        return False
    return digest.hexdigest() == pointer.oid


def _settle(git: Git, root: Path, pointers: tuple[LargeFilePointer, ...], commit_id: str) -> None:
    """Make git take the contents as committed: otherwise a build would add `dirty` to its version.

    The configuration is replaced, since git-lfs writes the kind of login of a host into it.
    """
    write_config(root / ".git", commit_id, bare=False)
    with (root / ".git" / "config").open("a", encoding="utf-8") as file:
        file.write('[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\tsmudge = git-lfs smudge --skip -- %f\n')
    for start in range(0, len(pointers), _PATHS_AT_ONCE):
        names = [pointer.path for pointer in pointers[start : start + _PATHS_AT_ONCE]]
        git.run("update-index", "--", *names, folder=root)


def _name_some(pointers: tuple[LargeFilePointer, ...]) -> str:
    """The first paths, for messages."""
    more = f" and {len(pointers) - _MOST_NAMES} more" if len(pointers) > _MOST_NAMES else ""
    return ", ".join(f"`{render_printable(pointer.path)}`" for pointer in pointers[:_MOST_NAMES]) + more
