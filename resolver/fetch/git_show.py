"""A file as a git revision has it, for comparisons with what lies there now."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from resolver.errors import InputError

__all__ = ["read_at_revision"]

_REVISION = re.compile(r"[^-\s:\x00-\x1f\x7f][^\s:\x00-\x1f\x7f]*")
_SAFE = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.pager=cat")
_TIMEOUT_S = 60.0


def read_at_revision(path: Path, revision: str) -> str:
    """The text of the file at `path` in a revision of its repository; nothing is fetched.

    Raises InputError where git is missing, the revision is unknown, or the file was not there.
    """
    shown = f"`{path.name}` of `{revision}`"
    if not _REVISION.fullmatch(revision):
        raise InputError(f"`{revision}` is neither a lockfile nor a git revision")
    command = ["git", *_SAFE, "-C", str(path.parent), "show", "--no-textconv", "--end-of-options"]
    try:
        done = subprocess.run(
            [*command, f"{revision}:./{path.name}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise InputError(f"{shown} cannot be read: there is no `git` command") from None
    except subprocess.TimeoutExpired:
        raise InputError(f"{shown} cannot be read: git had not answered after {_TIMEOUT_S:g} s") from None
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ").partition("\n")[0]
        raise InputError(
            f"`{revision}` is no lockfile, and git has none there: {reason}",
            remedy="name two lockfiles, or a revision that has it",
        )
    return done.stdout.decode("utf-8", "replace")
