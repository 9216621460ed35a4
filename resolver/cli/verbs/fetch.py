"""The verb `lock fetch`: all wheels of a lock in a folder, from which pip and uv install without a network.

A line on a terminal that says how far a download has come; nothing where standard error is no terminal.
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
from resolver.cli.lock_choice import ChosenLock, SafeParser, find_lock_warnings, read_lockfiles
from resolver.cli.output import describe_error, escape_text, render_bytes, show_json
from resolver.errors import PinfoldError

__all__ = [
    "ProgressLine",
    "run_fetch",
]


_EVERY_S = 0.2
_CLEAR = "\r\x1b[K"


class ProgressLine:
    """Shows one line, over and over; `clear` takes it away."""

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown and sys.stderr.isatty()
        self._next_s = 0.0
        self._has_line = False

    def show(self, progress: Progress) -> None:
        """The state of now, not more often than can be read."""
        now = time.monotonic()
        if not self._is_shown or now < self._next_s:
            return
        self._next_s, self._has_line = now + _EVERY_S, True
        sizes = f"{render_bytes(progress.bytes_done)} of {render_bytes(progress.bytes)}"
        sys.stderr.write(f"{_CLEAR}{progress.files_done} of {progress.files} files, {sizes}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._has_line:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
            self._has_line = False


_DESCRIPTION = """\
Download every file of a lock into a folder of wheels, and check its size and sha256. A run that was broken off is
continued by the next one. Then, without a network:

  pip install --no-index --find-links DIR --require-hashes --no-deps -r DIR/requirements.txt

LOCKFILE is the folder's only pylock*.toml unless it is named."""


def run_fetch(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock fetch` with these words. Raises PinfoldError."""
    values = _build_parser(program).parse_args(list(argv))
    try:
        return _fetch(values)
    except PinfoldError as error:
        if values.as_json:
            show_json({"schema": 1, **describe_error(error)})
        raise


def _build_parser(program: str) -> argparse.ArgumentParser:
    parser = SafeParser(
        prog=f"{program} fetch",
        usage=f"{program} fetch [LOCKFILE] --to DIR [options]",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("lockfile", nargs="?", metavar="LOCKFILE")
    parser.add_argument("--to", metavar="DIR", required=True, help="the folder of wheels; made if it is not there")
    parser.add_argument("--no-build", action="store_true", help="build nothing: a lock with sources is refused")
    parser.add_argument(
        "--python-executable", metavar="PATH", help="the Python that builds; it must be of the version that is locked"
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="the summary as JSON on standard output")
    parser.add_argument("-q", "--quiet", action="store_true", help="no summary; errors and warnings only")
    add_credential_options(parser)
    add_host_options(parser)
    return parser


def _fetch(values: argparse.Namespace) -> int:
    since, folder = time.monotonic(), Path.cwd()
    (chosen,) = read_lockfiles([values.lockfile] if values.lockfile else [], folder=folder)
    line = ProgressLine(is_shown=not values.quiet)

    def tell(message: str) -> None:
        line.clear()
        if not values.quiet or message.startswith("warning: "):
            print(escape_text(message), file=sys.stderr, flush=True)

    for warning in find_lock_warnings(chosen):
        tell(f"warning: {warning}")
    lists = read_lists(values, folder=folder)
    try:
        outcome = fetch_artifacts(
            chosen.lockfile,
            lock_folder=chosen.path.parent,
            to=folder / values.to,
            access=read_access(values, announce=tell),
            lists=lists,
            build=not values.no_build,
            python_executable=None if values.python_executable is None else folder / values.python_executable,
            on_progress=line.show,
        )
    finally:
        line.clear()
    if values.as_json:
        show_json(_as_json(chosen, values.to, outcome, duration_s=time.monotonic() - since))
    if not values.quiet:
        print(escape_text(_render(chosen, values.to, outcome, time.monotonic() - since)), file=sys.stderr)
    return 0


def _render(chosen: ChosenLock, to: str, outcome: FetchOutcome, duration_s: float) -> str:
    counts = {kind: [file for file in outcome.files if file.outcome == kind] for kind in _KINDS}
    parts = [
        f"{len(files)} {kind} ({render_bytes(sum(file.size_bytes for file in files))})"
        for kind, files in counts.items()
        if files
    ]
    place = shlex.quote(Path(to).as_posix())
    count = "1 file" if len(outcome.files) == 1 else f"{len(outcome.files)} files"
    return (
        f"{chosen.shown}: {count} in {to}: {', '.join(parts) or 'nothing to do'}, in"
        f" {duration_s:.2f} s\n"
        f"  pip install --no-index --find-links {place} --require-hashes --no-deps -r {place}/requirements.txt"
    )


_KINDS = ("downloaded", "copied", "built", "present")


def _as_json(chosen: ChosenLock, to: str, outcome: FetchOutcome, *, duration_s: float) -> dict[str, Any]:
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
