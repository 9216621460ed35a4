"""The verb `hook`, for pre-commit: check the locks that changed files concern, or make stale ones again.

In: the names of changed files: lists, apps, files that a list includes, settings or locks. Out: messages on standard
error, new locks with `hook lock`, and an exit code that pre-commit takes for its result.

`resolver.sources.lock_owners` finds the locks that the files concern and the list of each. A check takes milliseconds
and no network. It is the verb `lock --check` for that one lock, so hooks and users get the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resolver.cli.output import show_message
from resolver.cli.verb_arguments import build_verb_parser
from resolver.sources.lock_owners import OwnedLock, iter_concerned_locks

__all__ = ["run_hook"]

_DESCRIPTION = """\
What the hooks of pre-commit run. `check` fails where a lock no longer fits its list, with the difference; `lock` makes
such locks again, without building anything that `allow-build` in [tool.pinfold] does not name."""


def run_hook(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock hook check|lock FILE…`: that of `lock` for the lock with the highest one."""
    parser = build_verb_parser(program, "hook", _DESCRIPTION)
    parser.add_argument("what", choices=("check", "lock"))
    parser.add_argument("file", nargs="*", default=[], metavar="FILE", help="files that changed")
    values = parser.parse_args(list(argv))
    locks = tuple(iter_concerned_locks(map(Path, values.file), root=Path.cwd()))
    checked = max((_check(lock, program, is_quiet=values.what == "lock") for lock in locks), default=0)
    # `hook lock` makes only the locks that do not fit. The first check was quiet, so each lock is checked once more.
    if values.what == "check" or checked == 0:
        return checked
    return max(_renew(lock, program) for lock in locks if _check(lock, program, is_quiet=True))


def _check(lock: OwnedLock, program: str, *, is_quiet: bool) -> int:
    """The exit code of a check. It prints what differs unless it is quiet.

    A lock that no list writes any more (`source` None) does not fit.
    """
    if lock.source is None:
        if not is_quiet:
            show_message(f"{_show(lock)}: no list writes this lock any more")
        return 1
    return _run([*_build_arguments(lock), "--check", "--quiet"], program, is_silent=is_quiet)


def _renew(lock: OwnedLock, program: str) -> int:
    """Make a lock again; the exit code. A lock without a list cannot be made: it is reported as by `_check`."""
    if lock.source is None:
        return _check(lock, program, is_quiet=False)
    return _run(_build_arguments(lock), program, is_silent=False)


def _build_arguments(lock: OwnedLock) -> list[str]:
    """The arguments that make `lock` work on this lock alone: its list, its path, its machine types."""
    assert lock.source is not None
    machine = [] if lock.machine is None else ["--machine-type", lock.machine]
    return [lock.source, "--output", _show(lock), *machine]


def _show(lock: OwnedLock) -> str:
    """The path of a lock, relative to the folder of the run if it is below it."""
    root = Path.cwd()
    return str(lock.path.relative_to(root)) if lock.path.is_relative_to(root) else str(lock.path)


def _run(words: list[str], program: str, *, is_silent: bool) -> int:
    """The exit code of `lock` with these arguments, in this process. `is_silent` drops all that it prints."""
    # Lazy: most commits concern no lock.
    import contextlib
    import io
    from dataclasses import replace

    from resolver.cli.parser import parse_lock_arguments
    from resolver.cli.verbs.lock import run_lock

    # Not `--no-build`, because a lock records that setting: a hook must make the same lock as `lock`, or fail.
    arguments = replace(parse_lock_arguments(words, program=program), forbids_builds=True)
    if not is_silent:
        return run_lock(arguments)
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        return run_lock(arguments)
