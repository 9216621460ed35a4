"""Whether a file with secrets would lie where the next commit takes it along."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from resolver.errors import InputError

__all__ = ["refuse_commitable"]

_SAFE = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
_VARIABLES = {"HOME", "HOMEDRIVE", "HOMEPATH", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "USERPROFILE"} | {
    *("TEMP", "TMP", "TMPDIR", "XDG_CONFIG_HOME"),
}
_NO_REPOSITORY = "not a git repository"
_TIMEOUT_S = 60.0


def refuse_commitable(path: Path) -> None:
    """Raises InputError where the file would lie in a git work tree that does not ignore it, or that cannot tell."""
    folder = path.parent.resolve()
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return
    why = _ask_git(folder, path.name)
    if why:
        raise InputError(
            f"`{path.name}` would hold secrets, and {why}",
            remedy="a place outside of the repository, or a line for it in `.gitignore`",
        )


def _ask_git(folder: Path, name: str) -> str:
    """Why the file could be committed; empty where git ignores it, or where there is no repository after all."""
    environment = {key: value for key, value in os.environ.items() if key.upper() in _VARIABLES}
    try:
        done = subprocess.run(
            ["git", *_SAFE, "-C", str(folder), "check-ignore", "--quiet", "--", name],
            env={**environment, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        return "there is no `git` command to tell whether the repository ignores it"
    except subprocess.TimeoutExpired:
        return f"git had not told after {_TIMEOUT_S:g} s whether the repository ignores it"
    if done.returncode == 0 or _NO_REPOSITORY in done.stderr.decode(errors="replace"):
        return ""
    return "git does not ignore it" if done.returncode == 1 else "git does not tell whether the repository ignores it"
