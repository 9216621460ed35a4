"""The verb `report`: one page about locks that a browser shows without a network, or its data.

In: lockfiles, and with `--against` the locks that came before them. Out: an HTML file that appears as a whole, or a
JSON document. `resolver.report` finds the facts and makes the page; this module reads and writes.

A lock has no licences and no sizes on disk: both are in the wheels, whose last kilobytes `--read-wheels` requests, as
`lock sizes --unpacked` does. Without that option no host is asked, and the same locks give the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lockfiles import Lockfile
from resolver.cli.host_options import add_access_options
from resolver.cli.output import show_message, write_file, write_output
from resolver.cli.verb_arguments import (
    ChosenLock,
    add_lockfiles,
    build_verb_parser,
    find_lock_warnings,
    read_lockfiles,
)
from resolver.cli.verbs.diff import read_former
from resolver.cli.verbs.sizes import fetch_directories
from resolver.errors import InputError
from resolver.fetch.projects.pages import default_index_url
from resolver.report.report_data import ReportSource, build_report, render_json
from resolver.report.report_page import render_report

__all__ = ["run_report"]

_DESCRIPTION = """\
One page about locks, in a file that loads nothing: what is in the image by size, who asked for each pin, its index,
CUDA label and licence, several locks side by side, and what has changed since a former lock."""


def run_report(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock report [LOCKFILE…]`, which is always 0.

    Raises InputError for a lock that cannot be read, a file that cannot be written, and a page that would fill a
    terminal, FetchError for a host that does
    not answer.
    """
    values = _build_parser(program).parse_args(list(argv))
    if values.output is None and not values.as_json and sys.stdout.isatty():
        raise InputError("a report is a page for a browser", remedy="`-o report.html`; `-o -` prints it all the same")
    locks = read_lockfiles(values.lockfile, folder=Path.cwd())
    output = None if values.output in (None, "-") else Path(values.output)
    if output is not None:
        _check_output(output, locks)
    for lock in locks:
        for warning in find_lock_warnings(lock):
            show_message(f"warning: {warning}")
    report = build_report(_build_sources(locks, values), default_index=default_index_url().public)
    text = render_json(report, indent=2) if values.as_json else render_report(report)
    if output is None:
        write_output(text.encode())
    else:
        write_file(output, text.encode())
        if not values.as_json:
            show_message(_summarize(output, locks))
    return 0


def _summarize(output: Path, locks: Sequence[ChosenLock]) -> str:
    """The line that tells what was written: `report.html: 62 pins of 3 locks`."""
    pins = sum(len({package.name for package in lock.lockfile.pylock.packages}) for lock in locks)
    counts = (f"{number} {word}{'' if number == 1 else 's'}" for number, word in ((pins, "pin"), (len(locks), "lock")))
    return f"{output}: {' of '.join(counts)}"


def _build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    parser = build_verb_parser(program, "report", _DESCRIPTION, keeps_lines=False)
    add_lockfiles(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="default: standard output, if that is no terminal")
    parser.add_argument(
        "--against",
        metavar="OLD",
        action="append",
        default=[],
        help="the former lock: a file or a git revision; several times: one for each LOCKFILE, in their order",
    )
    parser.add_argument(
        "--read-wheels",
        action="store_true",
        help="read the end of each wheel (some kB) for its size on disk and its licence",
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="the data of the page alone")
    add_access_options(parser)
    return parser


def _check_output(output: Path, locks: Sequence[ChosenLock]) -> None:
    """Raises InputError where the page would replace one of the locks."""
    for lock in locks:
        if output.exists() and output.samefile(lock.path):
            raise InputError(f"`{output}` is a lock that the report is about", remedy="another name: `-o report.html`")


def _build_sources(locks: Sequence[ChosenLock], values: argparse.Namespace) -> list[ReportSource]:
    """Each lock with its former one and what its wheels tell.

    One `--against` is for all locks: of a revision, each is compared with itself as it was then. Raises InputError,
    FetchError.
    """
    against: list[str] = values.against
    if len(against) > 1 and len(against) != len(locks):
        raise InputError(
            f"--against is given {len(against)} times for {len(locks)} locks",
            remedy="once for all, or once for each lock",
        )
    sources = []
    for number, lock in enumerate(locks):
        old = against[number % len(against)] if against else None
        sources.append(
            ReportSource(
                name=_find_name(lock.shown),
                lockfile=lock.lockfile,
                former=None if old is None else _read_former(old, lock),
                contents=fetch_directories(lock, values) if values.read_wheels else {},
            )
        )
    return sources


def _read_former(old: str, lock: ChosenLock) -> tuple[str, Lockfile]:
    """The former lock with its name for the page. Raises InputError."""
    shown, lockfile = read_former(old, lock.path, folder=Path.cwd())
    return _find_name(shown), lockfile


def _find_name(shown: str) -> str:
    """The name of a lock for the page: of an absolute path, which tells of this machine, the file with its folder."""
    path = Path(shown)
    return "/".join(path.parts[-2:]) if path.is_absolute() else shown
