"""The command as the canaries meet it: `entry.py RECORDS API|COMMAND WORDS…`.

The root logger is at DEBUG and writes whole records. Every process that is started is noted with argv and environment.
`API` locks through the functions that programs use, and shows a failure with the values of all locals of all frames.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

_KEYRING_MAY_SEE = ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "HTTPS_PROXY")
_EVENTS = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system")


def run() -> None:
    """Run the rest of argv."""
    records, form, *words = sys.argv[1:]
    folder = Path(records)
    _note_processes(folder / f"audit-{os.getpid()}.txt")
    if "CANARY_READ_LIMIT_S" in os.environ:
        # Not even a test that is about waiting waits for as long as users do.

        from resolver.fetch.http import wire

        wire.READ_TIMEOUT_S = float(os.environ["CANARY_READ_LIMIT_S"])
    _log_everything(folder / f"log-{os.getpid()}.txt")
    if form == "API":
        _show_locals_of_failures()
        _lock_by_functions(words)
        return
    sys.argv = ["lock", *words]
    from resolver.cli import run as run_command

    (folder / f"begun-{os.getpid()}").touch()
    run_command()


def _note_processes(place: Path) -> None:
    stream = place.open("a", encoding="utf-8", buffering=1)

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event in _EVENTS:
            environment = dict(arguments[-1] if isinstance(arguments[-1], Mapping) else os.environ)
            if "keyring" in repr(arguments[:-1]):
                # See `children`.
                environment = {name: value for name, value in environment.items() if name not in _KEYRING_MAY_SEE}
            stream.write(f"{event} {arguments[:-1]!r} {environment!r}\n")

    sys.addaudithook(note)


class _WholeRecords(logging.FileHandler):
    """Writes a record's text and everything that it carries."""

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        if self.stream is not None:
            self.stream.write(f"{record.__dict__!r}\n")
            self.flush()


def _log_everything(place: Path) -> None:
    root = logging.getLogger()
    root.setLevel(logging.DEBUG)
    root.addHandler(_WholeRecords(place, encoding="utf-8"))


def _show_locals_of_failures() -> None:
    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        whole = traceback.TracebackException(kind, error, trace, capture_locals=True, max_group_width=99)
        sys.stderr.write("".join(whole.format(chain=True)))
        _show_chain(error, set())

    def show_of_thread(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            show(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    sys.excepthook = show
    threading.excepthook = show_of_thread


def _show_chain(error: BaseException | None, seen: set[int]) -> None:
    """Also what `from None` hides, and the attributes of each error."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    told = traceback.TracebackException(type(error), error, error.__traceback__, capture_locals=True)
    sys.stderr.write(
        "".join(told.format(chain=False)) + f"{error!r} {error.args!r} {getattr(error, '__dict__', {})!r}\n"
    )
    _show_chain(error.__cause__, seen)
    _show_chain(error.__context__, seen)


def _lock_by_functions(words: list[str]) -> None:
    """Lock the pyproject.toml of the folder: `CACHE CREDENTIALS`."""
    from lockfiles.variable_bindings import VariableBindings, parse_binding
    from resolver import Access, Settings
    from resolver.fetch.access import LoginOptions
    from resolver.locking import RunContext, lock_plan, plan_lock, read_source

    cache, credentials = words
    plan = plan_lock(
        read_source("pyproject.toml", folder=Path.cwd()),
        arguments=Settings(),
        path=Path("pylock.toml"),
        old=None,
        run=RunContext(
            folder=Path.cwd(),
            variables=os.environ,
            now=datetime.now(UTC),
            bindings=VariableBindings(map(parse_binding, os.environ["PINFOLD_ALLOW_VARIABLE"].split())),
        ),
    )
    lock_plan(plan, access=Access(cache_folder=Path(cache), logins=LoginOptions(file=Path(credentials))))


if __name__ == "__main__":
    run()
