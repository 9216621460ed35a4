"""The verb `verify`: whether a lock agrees with its indexes, or an environment with the lock.

In: lockfiles, and with `--environment` the folder of an environment. Out: what does not agree, as text, JSON or
annotations of GitHub, and exit code 1 if there is something.

Against indexes, the facts about every pin are read again from the index or host that the list in the lock names, so a
manipulated lock is not confirmed by its own hashes. Against an environment, the metadata of installed packages is read
from disk. `resolver.inspection.verification` does both; one of several locks may fail while the others are verified.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lockfiles._values import dataclass
from resolver.cli.host_options import add_access_options, read_access, read_lists
from resolver.cli.output import describe_error, show_locks, show_message, show_text
from resolver.cli.verb_arguments import ChosenLock, add_lockfiles, build_verb_parser, read_lockfiles
from resolver.errors import PinfoldError

__all__ = ["run_verify"]

_DESCRIPTION = """\
Check a lock against its indexes: its list is resolved again, and every URL, size, hash and dependency is read from the
index or host that the list names. A changed hash, a file on another host and an added package are reported by
name, with exit code 1. `--environment` compares the lock with what is installed instead, without a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verified:
    """The result for one lock: its differences, or the error that kept it from being verified.

    A difference is the name of its pin, None for one of the lock itself, and a text.
    """

    lock: ChosenLock
    texts: tuple[tuple[str | None, str], ...] = ()
    error: PinfoldError | None = None

    @property
    def code(self) -> int:
        """The exit code for this lock."""
        if self.error is not None:
            return self.error.exit_code
        return 1 if self.texts else 0


def run_verify(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock verify [LOCKFILE…]`: 0 where all agree, 1 where one does not, or that of an error.

    The highest one wins. Raises InputError for a lock that cannot be read.
    """
    values = _build_parser(program).parse_args(list(argv))
    locks = read_lockfiles(values.lockfile, folder=Path.cwd())
    found = []
    for lock in locks:
        try:
            found.append(_Verified(lock=lock, texts=tuple(_verify(lock, values))))
        except PinfoldError as error:
            # The other locks are verified all the same.
            show_message(f"error: {lock.shown}: {error}")
            found.append(_Verified(lock=lock, error=error))
    _show(values, found)
    return max(one.code for one in found)


def _build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    parser = build_verb_parser(program, "verify", _DESCRIPTION)
    add_lockfiles(parser)
    parser.add_argument(
        "--environment", metavar="FOLDER", help="compare with a virtual environment, or a folder of packages"
    )
    parser.add_argument("--format", choices=("text", "json", "github"), default="text", help="default: %(default)s")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="the same as --format json")
    parser.add_argument(
        "--build", action="store_true", help="build sources that state no metadata, which runs their code"
    )
    add_access_options(parser)
    return parser


def _verify(lock: ChosenLock, values: argparse.Namespace) -> list[tuple[str | None, str]]:
    """The differences of one lock, as pairs of the pin's name and a text. Raises PinfoldError."""
    if values.environment is not None:
        # Lazy: so that each of both uses imports only what it needs.
        from resolver.inspection.verification import compare_installed, read_environment

        differences = compare_installed(lock.lockfile, read_environment(Path(values.environment)))
        return [(difference.name, str(difference)) for difference in differences]
    # Lazy: an environment is compared without solver and network.
    from resolver.inspection.verification import verify_lockfile

    discrepancies = verify_lockfile(
        lock.lockfile,
        path=lock.path,
        shown=lock.shown,
        access=read_access(values, announce=show_message, refresh=True),
        lists=read_lists(values, folder=Path.cwd()),
        build=values.build,
    )
    return [(one.name, str(one)) for one in discrepancies]


def _show(values: argparse.Namespace, found: Sequence[_Verified]) -> None:
    """Print the results of all locks on standard output, in the chosen format.

    As text, an error is not repeated here: it is on standard error already.
    """
    match values.format:
        case "json":
            show_locks([_as_json(one) for one in found])
        case "github":
            # Lazy: only a workflow of GitHub reads annotations.
            from resolver.cli.annotations import render_annotation, show_annotations

            show_annotations(
                render_annotation(text, file=one.lock.shown, title=name or "lock")
                for one in found
                for name, text in (*one.texts, *([] if one.error is None else [(None, str(one.error))]))
            )
        case _:
            several = len(found) > 1
            lines = [f"{one.lock.shown}: {text}" if several else text for one in found for _, text in one.texts]
            lines += [f"{one.lock.shown}: verified" for one in found if one.code == 0]
            show_text("\n".join(lines))


def _as_json(one: _Verified) -> dict[str, Any]:
    """The result for one lock as data: `findings`, or the parts of an error."""
    if one.error is not None:
        return {"lockfile": one.lock.shown, **describe_error(one.error)}
    return {"lockfile": one.lock.shown, "findings": [{"name": name, "text": text} for name, text in one.texts]}
