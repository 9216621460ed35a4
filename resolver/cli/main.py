"""Entry of the `lock` and `pinfold` commands: argv in, an exit code out.

The first word may be a verb; without one it is `lock`. A source with a verb's name is written `./lock`. Errors become
one message on standard error and their exit code; only bugs show a traceback.
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

from resolver.cli.output import drop_output, escape_text
from resolver.errors import PinfoldError

__all__ = ["main", "run"]

_INTERRUPTED = 130
_GARBAGE_THRESHOLD = 100_000


def run() -> NoReturn:
    """The console script: exits with the code of `main`."""
    # A run is short and makes few cycles; looking for them takes 5 % of it.
    gc.set_threshold(_GARBAGE_THRESHOLD)
    _end_as_interrupted()
    code = main(sys.argv[1:], program=PurePath(sys.argv[0]).name)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError):  # It was closed, or its reader has gone.
            stream.flush()
    # Not `sys.exit`: worker threads may still wait for a host, and what they fetch is of no use any more; taking the
    # interpreter apart takes 10 to 25 ms; and everything that we write is written by now.
    os._exit(code)


def main(argv: Sequence[str], *, program: str = "lock") -> int:
    """The exit code of one run; the same meaning for every verb (see `lock --help`)."""
    try:
        verb, words = _split_verb(argv)
        return _VERBS[verb](words, program)
    except PinfoldError as error:
        print(escape_text(f"error: {error}"), file=sys.stderr)
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
    """What a supervisor or a closed terminal sends ends a run as Ctrl-C does: with its builds, and nothing left over.

    A signal that is ignored stays so (`nohup`).
    """
    for number in (getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")):
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _split_verb(argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    if argv and argv[0] in _VERBS:
        return argv[0], argv[1:]
    return "lock", argv


def _lock(words: Sequence[str], program: str) -> int:
    # Lazy: other verbs need none of it, and `--help` nothing but the words: 40 ms instead of 80.
    from resolver.cli.parser import parse_lock_arguments

    arguments = parse_lock_arguments(words, program=program)

    from resolver.cli.verbs.lock import run_lock

    return run_lock(arguments)


def _run_module(name: str, words: Sequence[str], program: str) -> int:
    """The exit code of a verb that is its module's `run_…`; lazy, as above."""
    module = name.replace("-", "_")
    run: Callable[..., int] = getattr(import_module(f"resolver.cli.verbs.{module}"), f"run_{module}")
    return run(words, program=program)


def _leave_pipe() -> int:
    """The reader of our output has gone (`lock … | head`); what is still buffered has nowhere to go."""
    drop_output()
    return 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 1


def _report_bug(error: Exception) -> int:
    # Lazy: only a bug needs it.
    import traceback

    traceback.print_exception(error)
    print(f"error: a bug in pinfold: {type(error).__name__}; the lines above are what a report needs", file=sys.stderr)
    return 6


_MODULES = (
    "audit",
    "compare-installers",
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
_VERBS: Mapping[str, Callable[[Sequence[str], str], int]] = {
    "lock": _lock,
    **{name: partial(_run_module, name) for name in _MODULES},
}
