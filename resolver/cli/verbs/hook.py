"""The verbs that other programs call: `hook` for pre-commit, `completion` for shells.

`hook`: in are the names of changed files: lists, apps, files that a list includes, settings or locks. Out are messages
on standard error, new locks with `hook lock`, and an exit code that pre-commit takes for its result.
`resolver.sources.lock_owners` finds the locks that the files concern and the list of each. A check takes milliseconds
and no network. It is the verb `lock --check` for that one lock, so hooks and users get the same answer.

`completion` prints a script that shtab makes of the parsers of all verbs: their options, choices, machine types and
files. It has nothing of the environment or of a list, so it can be kept in a file.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from lockfiles._values import compile_later
from resolver.cli.output import show_message, write_output
from resolver.cli.verb_arguments import build_verb_parser, find_parser
from resolver.errors import InputError
from resolver.sources.lock_owners import OwnedLock, iter_concerned_locks

__all__ = ["run_completion", "run_hook"]

_ABOUT_COMPLETION = """\
Print the script that completes `lock` in a shell. It needs: pip install 'shtab>=1.13,<2'

  bash  lock completion bash > ~/.local/share/bash-completion/completions/lock
  zsh   lock completion zsh > "${fpath[1]}/_lock"
  fish  lock completion fish > ~/.config/fish/completions/lock.fish"""
_PLACES = frozenset(
    {"DIR", "FILE", "FILE|FOLDER|-", "FOLDER", "LOCKFILE", "NEW", "OLD", "PATH", "PLACE", "SOURCE", "URL|PATH"}
)
"""The names of values that are files or folders, or may be."""
_FIRST_CLAUSE = compile_later(r"(?s).*?(?=[.:](?:\s|$)|$)")
_PREAMBLES = {
    # The first word is a file or a verb.
    "bash": """\
_lock_sources() {
  compgen -f -- "$1"
  [ "$COMP_CWORD" = 1 ] && compgen -W "${_shtab_lock_subparsers[*]} help" -- "$1"
}""",
    "zsh": """\
functions[_lock_verbs]=$functions[_shtab_lock_commands]
_shtab_lock_commands() { _lock_verbs; _files }""",
}

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


def run_completion(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock completion bash|zsh|fish`. Raises InputError where shtab is missing."""
    own = build_verb_parser(program, "completion", _ABOUT_COMPLETION)
    own.add_argument("shell", choices=("bash", "zsh", "fish"))
    shell: str = own.parse_args(list(argv)).shell
    try:
        # Lazy: an extra, which no other verb needs.
        import shtab
    except ModuleNotFoundError as error:
        raise InputError(
            "completion needs `shtab`, which is not installed",
            remedy="install the extra `completion`: `pip install 'shtab>=1.13,<2'`",
        ) from error
    parser = _build_whole_parser(shell, shtab.FILE)
    write_output(f"{shtab.complete(parser, shell, preamble=_PREAMBLES.get(shell, '')).rstrip()}\n".encode())
    return 0


def _build_whole_parser(shell: str, files: Mapping[str, object]) -> argparse.ArgumentParser:
    """The parser of `lock` with those of all other verbs below it, in the form that shtab reads.

    `files` is what shtab has for a value that is a file. For zsh it has no list of sources, because shtab would not
    complete verbs beside it: the preamble completes the first word.
    """
    # Lazy: only completion needs all of them, and the command imports this module for one verb.
    from resolver.cli.main import find_verbs
    from resolver.cli.parser import build_parser
    from resolver.targets.machine_types import load_machines

    own = build_parser("lock")
    verbs = {name: find_parser(run, "lock") for name, run in find_verbs().items()}
    whole = argparse.ArgumentParser(prog="lock", description=own.description, add_help=False)
    machines = [machine.name for machine in load_machines() if not machine.deprecated]
    for parser in (own, *verbs.values()):
        for action in parser._actions:
            if action.dest in ("machine", "machine_type"):
                action.choices = machines
            elif action.metavar in _PLACES:
                action.complete = files  # type: ignore[attr-defined]  # where shtab looks for it
    for action in own._actions:
        if action.dest != "sources":
            whole._add_action(action)
        elif shell != "zsh":
            action.complete = {**files, "bash": "_lock_sources"}  # type: ignore[attr-defined]  # as above
            whole._add_action(action)
    below = whole.add_subparsers()
    for name, parser in verbs.items():
        first = _FIRST_CLAUSE.match(parser.description or "")[0].replace("\n", " ")  # type: ignore[index]  # it matches any text
        below.add_parser(name, parents=[parser], add_help=False, help=first, description=first)
    return whole
