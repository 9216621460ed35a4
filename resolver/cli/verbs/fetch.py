"""The verb `lock fetch`: all wheels of a lock in a folder, from which pip and uv install without a network.

In: a lockfile and a folder. Out: the wheelhouse, a summary on standard error, and with `--json` a document on standard
output. `resolver.artifacts.wheelhouse` fills the folder; this module has the options and the summary. The options about
hosts and credentials are those of other verbs, from `resolver.cli.host_options`; `resolver.cli.progress` shows how far
the run has come.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lockfiles import digest
from resolver.artifacts.downloads import Progress
from resolver.artifacts.wheelhouse import FetchOutcome, fetch_artifacts
from resolver.cli.host_options import add_credential_options, add_host_options, read_access, read_lists
from resolver.cli.output import describe_error, render_bytes, show_json, show_message
from resolver.cli.progress import DownloadState, ProgressDisplay, is_shown
from resolver.cli.verb_arguments import ChosenLock, build_verb_parser, find_lock_warnings, read_lockfiles
from resolver.errors import PinfoldError

__all__ = ["run_fetch"]

_DESCRIPTION = """\
Download every file of a lock into a folder of wheels, and check its size and sha256. A run that was broken off is
continued by the next one. Then, without a network:

  pip install --no-index --find-links DIR --require-hashes --no-deps -r DIR/requirements.txt

LOCKFILE is the folder's only pylock*.toml unless it is named."""

_OUTCOMES = ("downloaded", "copied", "built", "present")
"""How files came into the folder, in the order of the summary."""


def run_fetch(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock fetch --to DIR [LOCKFILE]`.

    Raises PinfoldError, after printing it as a document under `--json`.
    """
    values = _build_parser(program).parse_args(list(argv))
    try:
        return _fetch(values)
    except PinfoldError as error:
        # A program reads the document alone; `main` prints the message on standard error as well.
        if values.as_json:
            show_json({"schema": 1, **describe_error(error)})
        raise


def _build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help.

    `usage` is written out because the full list of options would hide `--to`, which is required.
    """
    parser = build_verb_parser(program, "fetch", _DESCRIPTION, usage="[LOCKFILE] --to DIR [options]")
    parser.add_argument("lockfile", nargs="?", metavar="LOCKFILE")
    parser.add_argument("--to", metavar="DIR", required=True, help="the folder of wheels; made if it is not there")
    parser.add_argument(
        "--build", action="store_true", help="build sources, which runs their code; without it they are refused"
    )
    parser.add_argument(
        "--python-executable", metavar="PATH", help="the Python that builds; it must be of the version that is locked"
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="the summary as JSON on standard output")
    parser.add_argument("-q", "--quiet", action="store_true", help="no summary; errors and warnings only")
    add_credential_options(parser)
    add_host_options(parser)
    return parser


def _fetch(values: argparse.Namespace) -> int:
    """Fill the folder and report it; the exit code."""
    since, folder = time.monotonic(), Path.cwd()
    (chosen,) = read_lockfiles([values.lockfile] if values.lockfile else [], folder=folder)
    state = DownloadState()
    display = ProgressDisplay(state)

    def announce(message: str) -> None:
        if not values.quiet or message.startswith("warning: "):
            show_message(message)

    for warning in find_lock_warnings(chosen):
        announce(f"warning: {warning}")
    lists = read_lists(values, folder=folder)

    def show(progress: Progress) -> None:
        state.note(progress)
        if not (values.quiet or values.as_json) and is_shown(sys.stderr):
            display.begin()

    # At every end of the run the line is gone, so that it does not remain above the prompt or an error.
    with display:
        outcome = fetch_artifacts(
            chosen.lockfile,
            lock_folder=chosen.path.parent,
            to=folder / values.to,
            access=read_access(values, announce=announce),
            lists=lists,
            build=values.build,
            python_executable=None if values.python_executable is None else folder / values.python_executable,
            on_progress=show,
        )
    if values.as_json:
        show_json(_as_json(chosen, values.to, outcome, duration_s=time.monotonic() - since))
    if not values.quiet:
        show_message(_render(chosen, values.to, outcome, time.monotonic() - since))
    return 0


def _render(chosen: ChosenLock, to: str, outcome: FetchOutcome, duration_s: float) -> str:
    """The summary: how many files and bytes came from where, and the command that installs them.

    `to` is the folder as the user wrote it, quoted for a shell in the command. A run that found everything in place
    still has counts: `42 present`. Only an empty lock has nothing to do.
    """
    counts = {kind: [file for file in outcome.files if file.outcome == kind] for kind in _OUTCOMES}
    parts = [
        f"{len(files)} {kind} ({render_bytes(sum(file.size_bytes for file in files))})"
        for kind, files in counts.items()
        if files
    ]
    # pip's `--find-links` takes a path as it is, so only the shell matters.
    place = shlex.quote(Path(to).as_posix())
    count = "1 file" if len(outcome.files) == 1 else f"{len(outcome.files)} files"
    return (
        f"{chosen.shown}: {count} in {to}: {', '.join(parts) or 'nothing to do'}, in"
        f" {duration_s:.2f} s\n"
        f"  pip install --no-index --find-links {place} --require-hashes --no-deps -r {place}/requirements.txt"
    )


def _as_json(chosen: ChosenLock, to: str, outcome: FetchOutcome, *, duration_s: float) -> dict[str, Any]:
    """The same facts as data, with each file.

    Paths begin with `to` as the user wrote it. `from` is the URL or path of a file without its secrets, so a document
    can be kept as the record of a build.
    """
    return {
        "schema": 1,
        "exit_code": 0,
        "lockfile": chosen.shown,
        "digest": digest(chosen.lockfile),
        "folder": to,
        "requirements": f"{Path(to).as_posix()}/{outcome.requirements.name}",
        "layers": [f"{Path(to).as_posix()}/{path.name}" for path in outcome.layers],
        "files": [
            {
                "name": file.project,
                "file": file.filename,
                "sha256": file.sha256,
                "size_bytes": file.size_bytes,
                "outcome": file.outcome,
                "from": file.place,
            }
            for file in outcome.files
        ],
        "duration_s": round(duration_s, 3),
    }
