"""The hash of a source tree on disk: equal for equal files, regardless of the folder's path.

In: a folder. Out: `sha256:hex`, which a lock holds, and which `lock --check` compares with the folder; docs/lockfile.md
defines it. Files that git ignores are not part of a tree, so that a build or a test run does not change the hash.

It is a module of its own because it imports little: `lock --check` has to start fast.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lockfiles._files import hash_bytes, hash_file
from resolver.errors import InputError, render_os_error

__all__ = ["hash_folder", "list_folder_files"]

# What each build or test run leaves behind, for trees without git's list of ignored files.
_LEFT_OUT = frozenset({".git", "__pycache__"})
_LEFT_OUT_ENDS = (".pyc", ".egg-info")
_GIT_TIMEOUT_S = 60.0
# `git ls-files` needs a path, a home for the user's ignored files, and folders for temporary files; no other variable.
_GIT_VARIABLES = {"HOME", "HOMEDRIVE", "HOMEPATH", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "USERPROFILE"} | {
    *("TEMP", "TMP", "TMPDIR", "XDG_CONFIG_HOME"),
}
_NO_REPOSITORY = "not a git repository"


def hash_folder(folder: Path) -> str:
    """`sha256:hex` of a source tree: the paths, contents, executable bits and link targets of its files.

    Raises InputError for a folder or file that cannot be read.
    """
    try:
        tree = b"".join([_describe(folder / path, path) for path in list_folder_files(folder)])
    except OSError as error:
        where = error.filename or folder
        raise InputError(f"`{where}` cannot be read: {render_os_error(error)}") from error
    return f"sha256:{hash_bytes(tree)}"


def list_folder_files(folder: Path) -> tuple[str, ...]:
    """The paths of the files of the tree, separated by `/`, in the order of their UTF-8 bytes.

    Inside a git work tree they are the files that git tracks or would add; elsewhere all but the results of builds.
    Raises InputError if git fails, and OSError.
    """
    found = _list_with_git(folder)
    # Git lists no file of a folder that it ignores as a whole; the user has named that folder nevertheless.
    paths = found or _walk(folder)
    return tuple(sorted({path for path in paths if not _is_left_out(path)}, key=_encode))


def _describe(file: Path, path: str) -> bytes:
    """The entry of one file: its mode as git writes it, the hash of its content, its path, and a NUL.

    Windows keeps no executable bit, so there each file has the mode of a plain one.
    """
    state = file.lstat()
    if stat.S_ISLNK(state.st_mode):
        mode, digest = "120000", hash_bytes(_encode(file.readlink().as_posix()))
    else:
        is_executable = os.name != "nt" and bool(state.st_mode & stat.S_IXUSR)
        mode, digest = ("100755" if is_executable else "100644"), hash_file(file)
    return f"{mode} {digest} ".encode() + _encode(path) + b"\0"


def _encode(path: str) -> bytes:
    """The path in UTF-8, with composed letters (NFC): file systems of macOS may return them decomposed."""
    if not path.isascii():
        from unicodedata import normalize  # Lazy: few trees have such a name.

        path = normalize("NFC", path)
    return path.encode("utf-8", "surrogateescape")


def _is_left_out(path: str) -> bool:
    """Whether a part of the path is the result of a build, or git's own folder."""
    return any(part in _LEFT_OUT or part.endswith(_LEFT_OUT_ENDS) for part in path.split("/"))


def _walk(folder: Path, prefix: str = "") -> Iterator[str]:
    """All files and links below `folder / prefix`. It follows no links to folders, and skips devices and pipes."""
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
    """The files that git tracks or would add, below `folder / prefix`; None outside a work tree, or without git."""
    listed = _run_git(folder / prefix)
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


def _run_git(folder: Path) -> list[str] | None:
    """The names that `git ls-files` prints; None if git is missing, or the folder is in no repository.

    The options in front turn off the programs that the configuration of a repository could start. Raises InputError.
    """
    if not any((parent / ".git").exists() for parent in (folder, *folder.absolute().parents)):
        return None
    import subprocess  # Lazy: it takes 8 ms, and most lists have no folder.

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
    error = done.stderr.decode(errors="replace").strip()
    if _NO_REPOSITORY in error:
        return None
    raise InputError(f"git does not say which files of `{folder}` it ignores: {error.partition(chr(10))[0]}")


def _git_environment() -> dict[str, str]:
    """The variables of `git ls-files`, with which it reaches no server, shows no prompt, writes no file, and prints
    messages in English.
    """
    kept = {name: value for name, value in os.environ.items() if name.upper() in _GIT_VARIABLES}
    local = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    return {**kept, **local, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
