"""The verb `diff`: what differs between two locks, each a file or the lock of a git revision.

In: the name of an old lock or a revision, and that of a new lock. Out: a text or JSON document, and exit code 1 if the
locks differ. `lockfiles.compare` compares them.

git is run for revisions, with options that keep the repository's configuration from running programs, and it fetches
nothing: a missing object in a partial clone is an error.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from datetime import date, time
from pathlib import Path
from typing import Any

from lockfiles import Comparison, Lockfile, LockfileError, compare, digest, loads
from lockfiles._values import compile_later, dataclass
from lockfiles.comparison import FactChange, LockedPin
from resolver.cli.output import show_json, show_text
from resolver.cli.verb_arguments import (
    build_verb_parser,
    choose_lockfiles,
    explain_unusable,
    list_lockfiles,
    read_lockfile,
)
from resolver.errors import InputError

__all__ = ["read_former", "run_diff"]

_DESCRIPTION = """\
What differs between two locks, pins first: `lock diff OLD NEW`. A git revision stands for the lock as it was then:
`lock diff HEAD~1` compares it with the folder's only lock, `lock diff HEAD~1 pylock.gpu-a100.toml` with that one."""

_REVISION = compile_later(r"[^-\s:\x00-\x1f\x7f][^\s:\x00-\x1f\x7f]*")
"""What git gets as a revision: no option, and no `:`, which would begin a path."""
_GIT_OPTIONS = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.pager=cat")
"""The configuration of a repository can name programs; these options keep git from running them."""
_TIMEOUT_S = 60.0


def run_diff(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock diff OLD [NEW]`: 0 where nothing differs, else 1. Raises InputError."""
    parser = build_verb_parser(program, "diff", _DESCRIPTION)
    parser.add_argument("old", metavar="OLD", help="a lockfile, or a git revision")
    parser.add_argument("new", nargs="?", metavar="NEW", help="a lockfile; default: the folder's only lock")
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same facts as JSON")
    values = parser.parse_args(list(argv))
    old, new = _read_sides(values.old, values.new, Path.cwd())
    comparison = compare(old.lockfile, new.lockfile)
    if values.as_json:
        show_json(_as_json(old, new, comparison))
    else:
        show_text(_render(old, new, comparison))
    return 1 if comparison else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two locks. `shown` is its name in messages: a path, or `REVISION:FILE`."""

    shown: str
    lockfile: Lockfile


def _read_sides(old: str, new: str | None, folder: Path) -> tuple[_Side, _Side]:
    """The old lock and the new one. `old` is a revision where there is no file of this name.

    Raises InputError where either cannot be read.
    """
    if new is None and (folder / old).is_file():
        new = _find_second(old, folder)
    (new_path,) = choose_lockfiles([] if new is None else [new], folder=folder)
    chosen = read_lockfile(new_path, folder=folder)
    right = _Side(shown=chosen.shown, lockfile=chosen.lockfile)
    shown, lockfile = read_former(old, new_path, folder=folder)
    return _Side(shown=shown, lockfile=lockfile), right


def _find_second(old: str, folder: Path) -> str:
    """The name of the folder's only lock, to compare the file `old` with. Raises InputError where that is not one."""
    locks = list_lockfiles(folder)
    others = [path for path in locks if not path.samefile(folder / old)]
    if len(locks) == len(others) == 1:
        return others[0].name
    remedies = f"`lock diff {old} {others[0].name if others else 'NEW'}`, or `lock diff HEAD {old}`"
    raise InputError(f"`{old}` is one lock, and two are compared", remedy=f"name a second lock: {remedies}")


def read_former(old: str, path: Path, *, folder: Path) -> tuple[str, Lockfile]:
    """The lock that came before the one at `path`, and its name in messages: the file `old`, else that of a revision.

    Raises InputError where it cannot be read.
    """
    # A file wins over a revision of the same name.
    if (folder / old).exists():
        found = read_lockfile(folder / old, folder=folder)
        return found.shown, found.lockfile
    return _read_revision(old, path)


def _read_revision(revision: str, path: Path) -> tuple[str, Lockfile]:
    """The lock at `path` as it was in a git revision. Raises InputError where there was none, or it cannot be used."""
    shown = f"{revision}:{path.name}"
    try:
        return shown, loads(_read_text_at(path, revision))
    except LockfileError as error:
        raise explain_unusable(error, shown=shown) from error


def _read_text_at(path: Path, revision: str) -> str:
    """The text of the file at `path` in a revision of its repository, from objects that are on disk.

    Raises InputError where git is missing, the revision is unknown, or the revision has no such file.
    """
    shown = f"`{path.name}` of `{revision}`"
    if not _REVISION.fullmatch(revision):
        raise InputError(f"`{revision}` is neither a lockfile nor a git revision")
    # `--no-textconv`: the attributes of a repository can name a program that converts the text.
    command = ["git", *_GIT_OPTIONS, "-C", str(path.parent), "show", "--no-textconv", "--end-of-options"]
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


def _render(old: _Side, new: _Side, comparison: Comparison) -> str:
    """The names of both locks, the lines of the comparison, and whether both install the same.

    Locks with one digest can still differ, for example in their list: a builder can use one image for both.
    """
    if not comparison:
        return f"{old.shown} and {new.shown} are the same"
    same = digest(old.lockfile) == digest(new.lockfile)
    end = "same digest: both install the same" if same else "another digest"
    return f"{old.shown} → {new.shown}\n{comparison}\n{end}"


def _as_json(old: _Side, new: _Side, comparison: Comparison) -> dict[str, Any]:
    """The comparison as data; all lists are empty where nothing differs.

    `other` has what is no pin, target, setting or line of the list, by its path in the lock.
    """
    return {
        "schema": 1,
        "old": {"lockfile": old.shown, "digest": digest(old.lockfile)},
        "new": {"lockfile": new.shown, "digest": digest(new.lockfile)},
        "added": [_pin_as_json(pin) for pin in comparison.added],
        "removed": [_pin_as_json(pin) for pin in comparison.removed],
        "changed": [
            {"name": one.name, "old": _pin_as_json(one.old), "new": _pin_as_json(one.new)} for one in comparison.changed
        ],
        "target": [_fact_as_json(one) for one in comparison.target],
        "settings": [_fact_as_json(one) for one in comparison.settings],
        "requirements": [
            {"layer": one.layer, "text": one.text, "added": one.is_added} for one in comparison.requirements
        ],
        "other": [_fact_as_json(one) for one in comparison.other],
    }


def _fact_as_json(change: FactChange) -> dict[str, Any]:
    """A value of the lock that differs. JSON has no times: they are texts."""
    old, new = (str(value) if isinstance(value, date | time) else value for value in (change.old, change.new))
    return {"key": change.key, "old": old, "new": new}


def _pin_as_json(pin: LockedPin) -> dict[str, Any]:
    """A pin with its files.

    `source` is the commit id or folder of a source tree, which has no version; other pins have null there.
    """
    return {
        "name": pin.name,
        "version": None if pin.version is None else str(pin.version),
        "source": pin.source,
        "index": pin.index,
        "files": [{"filename": file.filename, "sha256": file.sha256} for file in pin.files],
    }
