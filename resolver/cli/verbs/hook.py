"""The verb `hook`, for pre-commit: the locks that changed files concern are checked, or made again if they are stale.

A hook gets the names of changed files. Those may be lists, apps, files that a list includes, settings or locks: the
locks that they can concern are looked at, which takes milliseconds and no network.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from resolver.cli.lock_choice import SafeParser
from resolver.cli.output import escape_text
from resolver.sources.lock_owners import OwnedLock, iter_concerned_locks

__all__ = ["run_hook"]

_DESCRIPTION = """\
What the hooks of pre-commit run. `check` fails where a lock no longer fits its list, with the difference; `lock` makes
such locks again, without building anything that `allow-build` in [tool.pinfold] does not name."""


def run_hook(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock hook check|lock FILE…`."""
    parser = SafeParser(
        prog=f"{program} hook",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("what", choices=("check", "lock"))
    parser.add_argument("file", nargs="*", default=[], metavar="FILE", help="files that changed")
    values = parser.parse_args(list(argv))
    locks = tuple(iter_concerned_locks(map(Path, values.file), root=Path.cwd()))
    checked = max((_check(lock, program, is_quiet=values.what == "lock") for lock in locks), default=0)
    if values.what == "check" or checked == 0:
        return checked
    return max(_renew(lock, program) for lock in locks if _check(lock, program, is_quiet=True))


def _check(lock: OwnedLock, program: str, *, is_quiet: bool) -> int:
    """The exit code of a check, which tells what differs unless it is quiet."""
    if lock.source is None:
        if not is_quiet:
            print(escape_text(f"{_show(lock)}: no list writes this lock any more"), file=sys.stderr)
        return 1
    return _run([*_name(lock), "--check", "--quiet"], program, is_silent=is_quiet)


def _renew(lock: OwnedLock, program: str) -> int:
    """The exit code of a relock; a lock without a list is left alone, and told about."""
    if lock.source is None:
        return _check(lock, program, is_quiet=False)
    return _run(_name(lock), program, is_silent=False)


def _name(lock: OwnedLock) -> list[str]:
    """The words that name this one lock: its list, its place, its machine types."""
    assert lock.source is not None
    machine = [] if lock.machine is None else ["--machine-type", lock.machine]
    return [lock.source, "--output", _show(lock), *machine]


def _show(lock: OwnedLock) -> str:
    root = Path.cwd()
    return str(lock.path.relative_to(root)) if lock.path.is_relative_to(root) else str(lock.path)


def _run(words: list[str], program: str, *, is_silent: bool) -> int:
    # Lazy: a hook without a lock to look at does nothing.
    import contextlib
    import io
    from dataclasses import replace

    from resolver.cli.parser import parse_lock_arguments
    from resolver.cli.verbs.lock import run_lock

    # Not `--no-build`, which is a setting that a lock records: a hook makes the lock that anybody would make, or none.
    arguments = replace(parse_lock_arguments(words, program=program), forbids_builds=True)
    if not is_silent:
        return run_lock(arguments)
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        return run_lock(arguments)
