"""The files of a stored commit in a folder, as a work tree with a `.git` of its own.

In: a stored bare repository. Out: a folder in which a build may do as it likes, without a remote and without an
address in its configuration.
"""

from __future__ import annotations

import re
from pathlib import Path

from resolver.fetch.git.command import Git
from resolver.fetch.git.commit_store import copy_repository, write_config
from resolver.fetch.git.messages import GitReferenceError

__all__ = ["find_commit_time", "find_folder", "make_checkout", "wants_history"]

_READS_HISTORY = re.compile(
    rb"setuptools[_-]scm|hatch-vcs|vcs[_-]versioning|versioneer|versioningit|dunamai|dynamic-versioning"
    rb"|setuptools-git-version|miniver|\bpbr\b|source *= *[\"'](?:scm|vcs)[\"']|git[\"', ]+describe|flit[_-]scm"
)
_READ_FIRST_BYTES = 1 << 20


def make_checkout(git: Git, stored: Path, commit_id: str, root: Path) -> None:
    """Lay the files of a commit into a new folder, or into an empty one."""
    root.mkdir(exist_ok=True)
    copy_repository(stored, root / ".git")
    write_config(root / ".git", commit_id, bare=False)
    git.run("reset", "--hard", "--quiet", "--no-recurse-submodules", commit_id, folder=root)


def find_commit_time(git: Git, stored: Path, commit_id: str) -> int:
    """When the commit was made, in seconds since 1970: what `SOURCE_DATE_EPOCH` is for its build."""
    shown = git.run("--git-dir", str(stored), "log", "-1", "--no-show-signature", "--format=%ct", commit_id)
    return int(shown.strip() or "0")


def find_folder(root: Path, subdirectory: str | None, *, shown: str) -> Path:
    """The folder of a subdirectory, links resolved; raises GitReferenceError if it is none or lies elsewhere."""
    if subdirectory is None:
        return root
    folder = (root / subdirectory).resolve()
    if not folder.is_relative_to(root.resolve()):
        raise GitReferenceError(
            f"the subdirectory of {shown} is refused: `{subdirectory}`", why="it is a link out of the repository"
        )
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


def wants_history(folder: Path) -> bool:
    """Whether a build of the project would ask git for tags and earlier commits, to make up its version."""
    for name in ("pyproject.toml", "setup.cfg", "setup.py"):
        path = folder / name
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if _READS_HISTORY.search(file.read(_READ_FIRST_BYTES)):
                    return True
    return False


def _list_projects(root: Path) -> list[str]:
    """Up to three folders that hold a project, for a remedy."""
    found = {path.parent for pattern in ("*/", "*/*/") for path in root.glob(f"{pattern}pyproject.toml")}
    found |= {path.parent for pattern in ("*/", "*/*/") for path in root.glob(f"{pattern}setup.py")}
    return sorted(path.relative_to(root).as_posix() for path in found)[:3]
