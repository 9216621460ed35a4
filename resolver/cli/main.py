"""The entry points of the `lock` and `pinfold` commands: argv in, an exit code out.

The first argument may name a verb; without one the verb is `lock`. A source that has the name of a verb is written
`./why`. A PinfoldError becomes one message on standard error and its exit code; only bugs show a traceback.

Each verb is imported when it is called, because start-up time is most of the time of the short verbs. This module, and
all that it imports at the top, is loaded in every run.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import PurePath
from typing import NoReturn

from resolver.cli.output import drop_output, show_message
from resolver.errors import PinfoldError

__all__ = ["main", "run"]

_INTERRUPTED = 130
_BUG = 6
_GARBAGE_THRESHOLD = 100_000

_MODULES = (
    "allow",
    "audit",
    "diff",
    "digest",
    "export",
    "fetch",
    "hook",
    "hydrate",
    "layers",
    "machines",
    "outdated",
    "sbom",
    "secrets",
    "sizes",
    "tree",
    "verify",
    "why",
)
"""The verbs whose module has a function `run_VERB` (`allow` is in that of `secrets`); `lock` is the other one."""


def run() -> NoReturn:
    """The console script. Ends the process with the code of `main`."""
    # A run is short and makes few reference cycles; looking for them takes 5 % of it.
    gc.set_threshold(_GARBAGE_THRESHOLD)
    _end_as_interrupted()
    code = main(sys.argv[1:], program=PurePath(sys.argv[0]).name)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError):  # The stream is closed, or its reader has ended.
            stream.flush()
    # Not `sys.exit`, which waits for worker threads and frees every object (10 to 25 ms). Nothing needs either: files
    # are written, and what the threads still fetch is not used.
    os._exit(code)


def main(argv: Sequence[str], *, program: str = "lock") -> int:
    """Run a verb and return its exit code. The codes mean the same for every verb: `lock --help` lists them.

    `program` is the name of the command in help texts.
    """
    try:
        verb, words = _split_verb(argv)
        return _VERBS[verb](words, program)
    except PinfoldError as error:
        show_message(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted: nothing was written that is not whole", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        return _leave_pipe()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except Exception as error:  # noqa: BLE001  (the command line is where a bug becomes exit code 6)
        return _report_bug(error)


def _end_as_interrupted() -> None:
    """Make SIGTERM and SIGHUP end a run as Ctrl-C does: build processes end, and temporary files are deleted.

    An ignored signal stays ignored, as `nohup` expects.
    """
    for number in (getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")):
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _split_verb(argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The verb, and its arguments."""
    if argv and argv[0] in _VERBS:
        return argv[0], argv[1:]
    return "lock", argv


def _lock(words: Sequence[str], program: str) -> int:
    """The exit code of the verb `lock`."""
    # Lazy: other verbs need neither import, and `--help` ends before the second: 40 ms instead of 80.
    from resolver.cli.parser import parse_lock_arguments

    arguments = parse_lock_arguments(words, program=program)

    from resolver.cli.verbs.lock import run_lock

    return run_lock(arguments)


def _run_module(name: str, words: Sequence[str], program: str) -> int:
    """The exit code of any other verb: the result of `run_VERB` in its module, which is imported only now."""
    module = "secrets" if name == "allow" else name
    run: Callable[..., int] = getattr(import_module(f"resolver.cli.verbs.{module}"), f"run_{name}")
    return run(words, program=program)


def _leave_pipe() -> int:
    """The exit code where the reader of our output has ended (`lock … | head`).

    It is that of a process which SIGPIPE ends. What is still buffered is dropped, because writing it would fail again.
    """
    drop_output()
    return 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 1


def _report_bug(error: Exception) -> int:
    """Print a traceback; the exit code for bugs."""
    # Lazy: only a bug needs it.
    import traceback

    traceback.print_exception(error)
    print(f"error: a bug in pinfold: {type(error).__name__}; the lines above are what a report needs", file=sys.stderr)
    return _BUG


_VERBS: Mapping[str, Callable[[Sequence[str], str], int]] = {
    "lock": _lock,
    **{name: partial(_run_module, name) for name in _MODULES},
}
