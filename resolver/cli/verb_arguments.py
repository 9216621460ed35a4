"""What the verbs about locks have in common: a parser for their arguments, and the lockfiles that those name.

In: the arguments of a verb, and the folder that it runs in. Out: `ChosenLock`s, each a lockfile with the name that the
user gave it. Without a name, the only lockfile of the folder is chosen.

The errors of the parser show no credentials, because a user may type a URL in the wrong place. A lock that was edited
is used all the same; `find_lock_warnings` has the messages about it.

The verb `lock` has a parser of its own, in `resolver.cli.parser`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from packaging.pylock import is_valid_pylock_path

from lockfiles import Lockfile, LockfileError, read
from lockfiles._values import dataclass
from resolver.errors import Fault, InputError, InternalError, render_os_error
from resolver.requirements.url import redact

__all__ = [
    "ChosenLock",
    "add_lockfiles",
    "build_verb_parser",
    "choose_lockfiles",
    "explain_unusable",
    "find_lock_warnings",
    "find_parser",
    "list_lockfiles",
    "parse_number",
    "read_lockfile",
    "read_lockfiles",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenLock:
    """A lockfile that a verb is about. `shown` is its path for messages, relative to the folder of the run if below."""

    shown: str
    path: Path
    lockfile: Lockfile


class SafeParser(argparse.ArgumentParser):
    """A parser that accepts options between positional arguments: `lock why numpy --json LOCK`.

    Its errors show no credentials. While `is_shown` is set, parsing raises ParserShown in place of running the verb.
    """

    is_shown: ClassVar[bool] = False

    def parse_args(  # type: ignore[override]  # argparse has overloads for a namespace, which no verb gives
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> Any:
        """The parsed arguments. Raises SystemExit: code 2 for wrong ones, 0 for `--help`."""
        if self.is_shown:
            raise ParserShown(self)
        words = list(args or ())
        # `parse_intermixed_args` takes what follows `--` for options, against the convention.
        return super().parse_args(words) if "--" in words else self.parse_intermixed_args(words)

    def error(self, message: str) -> NoReturn:
        """Print the message without credentials, and raise SystemExit with code 2."""
        super().error(redact(message))


class ParserShown(Exception):  # noqa: N818  (no error: it ends `find_parser`)
    """A verb has come to its arguments; `parser` is the parser for them."""

    def __init__(self, parser: SafeParser) -> None:
        super().__init__()
        self.parser = parser


def find_parser(run: Callable[..., int], program: str) -> SafeParser:
    """The parser of a verb, which the function `run_VERB` makes before it does anything else."""
    SafeParser.is_shown = True
    try:
        run([], program=program)
    except ParserShown as shown:
        return shown.parser
    finally:
        SafeParser.is_shown = False
    raise InternalError(f"`{run.__name__}` has run without a parser")


def build_verb_parser(
    program: str, verb: str, description: str, *, usage: str = "", keeps_lines: bool = True
) -> SafeParser:
    """The parser of a verb, without arguments yet.

    `program` is the name of the command. The help has the lines of `description` as they are, or with `keeps_lines`
    false as one paragraph that is as wide as the terminal. `usage` replaces argparse's list of all options; it begins
    after the name of the verb.
    """
    return SafeParser(
        prog=f"{program} {verb}",
        usage=f"{program} {verb} {usage}" if usage else None,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter if keeps_lines else argparse.HelpFormatter,
        allow_abbrev=False,
    )


def add_lockfiles(parser: argparse.ArgumentParser) -> None:
    """Add `[LOCKFILE…]`, for verbs that take several locks. `read_lockfiles` reads them."""
    parser.add_argument("lockfile", nargs="*", metavar="LOCKFILE", help="default: the folder's only lock")


def choose_lockfiles(names: Sequence[str], *, folder: Path) -> tuple[Path, ...]:
    """The paths named, else the only lock of the folder (PEP 751: `pylock.toml`, `pylock.<name>.toml`).

    Raises InputError where none is named and the folder has none, or several, and for a URL, which may hold a secret.
    """
    for name in names:
        if "://" in name:
            raise InputError(f"`{redact(name)}` is a URL, and a lock is read from a file", remedy="download it first")
    if names:
        return tuple(Path(name) if Path(name).is_absolute() else folder / name for name in names)
    found = list_lockfiles(folder)
    if len(found) == 1:
        return (found[0],)
    if not found:
        raise InputError(
            "no lockfile is named, and the folder has no `pylock.toml`", remedy="name one, or make it: `lock`"
        )
    raise InputError(
        f"no lockfile is named, and the folder has several: {_join_names(found)}",
        remedy=f"name one of them: `{found[0].name}`",
    )


def list_lockfiles(folder: Path) -> tuple[Path, ...]:
    """The files of a folder with a name that PEP 751 has for locks, sorted; empty where there is no folder."""
    return tuple(sorted(path for path in folder.iterdir() if is_valid_pylock_path(path))) if folder.is_dir() else ()


def read_lockfiles(names: Sequence[str], *, folder: Path) -> tuple[ChosenLock, ...]:
    """The lockfiles that `choose_lockfiles` finds, read. Raises InputError for one that cannot be read."""
    return tuple(read_lockfile(path, folder=folder) for path in choose_lockfiles(names, folder=folder))


def read_lockfile(path: Path, *, folder: Path) -> ChosenLock:
    """Read one lockfile. `folder` is that of the run. Raises InputError for one that cannot be read or used."""
    shown = str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
    try:
        return ChosenLock(shown=shown, path=path, lockfile=read(path))
    except LockfileError as error:
        raise explain_unusable(error, shown=shown) from error
    except OSError as error:
        others = list_lockfiles(path.parent) if isinstance(error, FileNotFoundError) else ()
        details = (f"locks of that folder: {_join_names(others)}",) if others else ()
        raise InputError(f"`{shown}` cannot be read: {render_os_error(error)}", details=details) from error


def explain_unusable(error: LockfileError, *, shown: str) -> InputError:
    """The error for a lockfile that cannot be used, with all its faults; `shown` is its name for the message."""
    first, *others = error.faults
    return InputError.from_faults((Fault(what=f"`{shown}` is no lockfile that can be used: {first}"), *others))


def _join_names(paths: Sequence[Path]) -> str:
    return ", ".join(f"`{path.name}`" for path in paths)


def find_lock_warnings(chosen: ChosenLock) -> tuple[str, ...]:
    """Whole messages, without `warning: `: what reading the lock skipped, and that it was edited after it was made."""
    warnings = [f"{chosen.shown}: {warning}" for warning in chosen.lockfile.warnings]
    if chosen.lockfile.is_edited:
        what = f"`{chosen.shown}` was edited since it was made, by hand or by a merge"
        warnings.append(str(Fault(what=what, remedy="`lock`, which makes it anew")))
    return tuple(warnings)


def parse_number(text: str, *, lowest: int) -> int:
    """A whole number from `lowest` on, for `type=` of argparse. Raises ArgumentTypeError for any other text."""
    if text.isdecimal() and len(text) < 10 and int(text) >= lowest:
        return int(text)
    raise argparse.ArgumentTypeError(f"`{text}` is no whole number from {lowest} on")
