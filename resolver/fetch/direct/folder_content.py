"""The hash of a source tree on disk: the same for the same files, wherever they lie.

In: a folder. Out: `sha256:hex`, for the lock, and for comparing a lock with the folder; docs/lockfile.md has the
exact rule. What git ignores is no part of a tree. Little is imported here: `lock --check` has to start fast.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lockfiles._files import hash_bytes, hash_file
from resolver.errors import InputError, render_os_error

__all__ = ["hash_folder", "list_folder_files"]

_LEFT_OUT = frozenset({".git", "__pycache__"})
_LEFT_OUT_ENDS = (".pyc", ".egg-info")
_GIT_TIMEOUT_S = 60.0
_GIT_VARIABLES = {"HOME", "HOMEDRIVE", "HOMEPATH", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "USERPROFILE"} | {
    *("TEMP", "TMP", "TMPDIR", "XDG_CONFIG_HOME"),
}
_NO_REPOSITORY = "not a git repository"


def hash_folder(folder: Path) -> str:
    """`sha256:hex` of a source tree: paths, contents, executable bits and targets of links of what belongs to it.

    Raises InputError where it cannot be read.
    """
    try:
        tree = b"".join([_describe(folder / path, path) for path in list_folder_files(folder)])
    except OSError as error:
        where = error.filename or folder
        raise InputError(f"`{where}` cannot be read: {render_os_error(error)}") from error
    return f"sha256:{hash_bytes(tree)}"


def list_folder_files(folder: Path) -> tuple[str, ...]:
    """The paths that belong to the tree, with `/`, in the order of their bytes in UTF-8. Raises InputError, OSError.

    Inside a git work tree they are those that git tracks or would add; else all but what every build leaves behind.
    """
    found = _list_with_git(folder)
    # A folder that git ignores as a whole is wanted nevertheless.
    paths = found or _walk(folder)
    return tuple(sorted({path for path in paths if not _is_left_out(path)}, key=_encode))


def _describe(file: Path, path: str) -> bytes:
    """One file for the hash: its mode as git writes it, the hash of its content, its path, and a NUL."""
    state = file.lstat()
    if stat.S_ISLNK(state.st_mode):
        mode, digest = "120000", hash_bytes(_encode(file.readlink().as_posix()))
    else:
        is_executable = os.name != "nt" and bool(state.st_mode & stat.S_IXUSR)
        mode, digest = ("100755" if is_executable else "100644"), hash_file(file)
    return f"{mode} {digest} ".encode() + _encode(path) + b"\0"


def _encode(path: str) -> bytes:
    """The path in UTF-8, composed: macOS may hand out the letters of a name apart."""
    if not path.isascii():
        from unicodedata import normalize  # Imported where it is needed: few trees have such a name.

        path = normalize("NFC", path)
    return path.encode("utf-8", "surrogateescape")


def _is_left_out(path: str) -> bool:
    return any(part in _LEFT_OUT or part.endswith(_LEFT_OUT_ENDS) for part in path.split("/"))


def _walk(folder: Path, prefix: str = "") -> Iterator[str]:
    """All files and links below; links to folders are not followed, devices and pipes passed over."""
    with os.scandir(folder / prefix) as entries:
        for entry in entries:
            path = f"{prefix}{entry.name}"
            if _is_left_out(path):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(folder, f"{path}/")
            elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                yield path


def _list_with_git(folder: Path, prefix: str = "") -> list[str] | None:
    """What git tracks there or would add; None outside a work tree, or without git."""
    listed = _ask_git(folder / prefix)
    if listed is None:
        return None
    found: list[str] = []
    for name in listed:
        path = f"{prefix}{name}"
        place = folder / path
        if place.is_dir() and not place.is_symlink():
            # A submodule, or a repository inside this one: a work tree of its own.
            inner = f"{path.rstrip('/')}/"
            listed_inside = _list_with_git(folder, inner) if (place / ".git").exists() else None
            found += listed_inside or _walk(folder, inner)
        elif place.is_symlink() or place.is_file():
            found.append(path)
    return found


def _ask_git(folder: Path) -> list[str] | None:
    """The names that `git ls-files` gives; nothing that the repository's own configuration names is run for it."""
    if not any((parent / ".git").exists() for parent in (folder, *folder.absolute().parents)):
        return None
    import subprocess  # Imported where it is needed: 8 ms, which a list without folders has no use for.

    command = ["git", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.quotePath=false"]
    command += ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=_git_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired:
        raise InputError(f"git had not listed the files of `{folder}` after {_GIT_TIMEOUT_S:g} s") from None
    if done.returncode == 0:
        return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    said = done.stderr.decode(errors="replace").strip()
    if _NO_REPOSITORY in said:
        return None
    raise InputError(f"git does not say which files of `{folder}` it ignores: {said.partition(chr(10))[0]}")


def _git_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.upper() in _GIT_VARIABLES}
    asked_nobody = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    return {**kept, **asked_nobody, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
