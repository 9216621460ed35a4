"""The entry points of the `lock` and `pinfold` commands: argv in, an exit code out.

The first argument may name a verb; without one the verb is `lock`. A source that has the name of a verb is written
`./why`. A PinfoldError becomes one message on standard error and its exit code; only bugs show a traceback.

Each verb is imported when it is called, because start-up time is most of the time of the short verbs. This module, and
all that it imports at the top, is loaded in every run.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import PurePath
from typing import NoReturn

from resolver.cli.output import drop_output, show_message, write_output
from resolver.cli.recording import current_recording
from resolver.cli.records import Repeated, print_message
from resolver.errors import InputError, PinfoldError, render_os_error

__all__ = ["find_verbs", "guard", "main", "print_repeated", "run_unrecorded"]

_INTERRUPTED = 130
_BUG = 6
_ERROR_STREAM = 2

_SYSTEM_ERRORS = frozenset(
    getattr(errno, name, None)
    for name in ("EACCES", "EDQUOT", "EFBIG", "EIO", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "EPERM", "EROFS")
) - {None}
"""What a user mends, and no change of pinfold: full disks, quotas, permissions, limits."""
_GARBAGE_THRESHOLD = 100_000

_MODULES = (
    "allow",
    "audit",
    "completion",
    "diff",
    "digest",
    "export",
    "fetch",
    "fleet",
    "hook",
    "layers",
    "machines",
    "outdated",
    "report",
    "secrets",
    "sizes",
    "tree",
    "verify",
    "why",
)
"""The verbs whose module has a function `run_VERB`; `lock` is the other one."""
_SHARED = {
    "allow": "secrets",
    "completion": "hook",
    "digest": "sizes",
    "layers": "sizes",
    "outdated": "audit",
    "why": "tree",
}
"""Verbs that are in the module of another one."""
_OLD_SPELLINGS = {"hydrate": ("export", "--format", "hydrated"), "sbom": ("export", "--format", "sbom")}
"""Verbs of earlier versions that are an option of another one now."""


def print_repeated(repeated: Repeated) -> NoReturn:
    """Print what a repeated run has not printed yet, and end the process with its exit code."""
    _open_closed_streams()
    os._exit(_flush_output(guard(partial(_print_output, repeated))))


def run_unrecorded() -> NoReturn:
    """The console script, for a run without a record. Ends the process with the code of `main`."""
    # A run is short and makes few reference cycles; looking for them takes 5 % of it.
    gc.set_threshold(_GARBAGE_THRESHOLD)
    _open_closed_streams()
    _end_as_interrupted()
    code = _flush_output(main(sys.argv[1:], program=PurePath(sys.argv[0]).name))
    recording = current_recording()
    if recording is not None:
        recording.finish(code)
    # Not `sys.exit`, which waits for worker threads and frees every object (10 to 25 ms). Nothing needs either: files
    # are written, and what the threads still fetch is not used.
    os._exit(code)


def main(argv: Sequence[str], *, program: str = "lock") -> int:
    """Run a verb and return its exit code. The codes mean the same for every verb: `lock --help` lists them.

    `program` is the name of the command in help texts.
    """
    verb, words = _split_verb(argv)
    return guard(lambda: _VERBS[verb](words, program))


def find_verbs() -> dict[str, Callable[..., int]]:
    """The function of each verb but `lock`, by name. It imports them all: for what is about the command as a whole."""
    return {name: _find_run(name) for name in _MODULES}


def guard(act: Callable[[], int]) -> int:
    """The exit code of an action, or that of the error that it raises, which is reported."""
    try:
        return act()
    except PinfoldError as error:
        show_message(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        show_message("interrupted: nothing was written that is not whole")
        return _INTERRUPTED
    except BrokenPipeError:
        return _leave_pipe()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except OSError as error:
        return _report_system_error(error)
    except OverflowError as error:
        return _report_overflow(error)
    except Exception as error:  # noqa: BLE001  (the command line is where a bug becomes exit code 6)
        return _report_bug(error)


def _print_output(repeated: Repeated) -> int:
    """The exit code of a repeated run. Raises as `write_output`."""
    for part in repeated.output:
        if isinstance(part, bytes):
            write_output(part)
        else:
            print_message(part)
    return repeated.code


def _open_closed_streams() -> None:
    """Open the null device in place of closed standard streams: the next file would get their number, and with it what
    child processes and libraries write to standard error. Without an error stream, `print` takes standard output.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # It takes the lowest free number.
            if number == _ERROR_STREAM:
                sys.stderr = os.fdopen(number, "w", encoding="utf-8")


def _flush_output(code: int) -> int:
    """Write what is buffered; the exit code of the run, or 2 if its output could not be written."""
    with suppress(AttributeError, OSError):
        sys.stderr.flush()
    try:
        sys.stdout.flush()
    except AttributeError:
        pass  # A run without standard output that printed something has failed before.
    except BrokenPipeError:
        return _leave_pipe()
    except OSError as error:
        show_message(f"error: standard output cannot be written: {render_os_error(error)}")
        return code or InputError.exit_code
    return code


def _end_as_interrupted() -> None:
    """Make SIGTERM and SIGHUP end a run as Ctrl-C does: build processes end, and temporary files are deleted.

    An ignored signal stays ignored, as `nohup` expects.
    """
    for number in (getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")):
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _split_verb(argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The verb, and its arguments; `help VERB` is the `--help` of a verb, `help all` the whole help of `lock`."""
    match argv:
        case ["help"]:
            return "lock", ["--help"]
        case ["help", "all"]:
            return "lock", ["--help-all"]
        case ["help", verb, *words] if verb in _VERBS or verb in _OLD_SPELLINGS:
            return _OLD_SPELLINGS.get(verb, (verb,))[0], [*words, "--help"]
        case [verb, *words] if verb in _OLD_SPELLINGS:
            new, *options = _OLD_SPELLINGS[verb]
            return new, [*options, *words]
        case [verb, *words] if verb in _VERBS:
            return verb, words
        case _:
            return "lock", argv


def _lock(words: Sequence[str], program: str) -> int:
    """The exit code of the verb `lock`."""
    # Lazy: other verbs need neither import, and `--help` ends before the second: 40 ms instead of 80.
    from resolver.cli.parser import parse_lock_arguments

    arguments = parse_lock_arguments(words, program=program)
    if words and words[0] in arguments.sources:
        _check_verb(words, program)

    from resolver.cli.verbs.lock import run_lock

    return run_lock(arguments)


def _check_verb(words: Sequence[str], program: str) -> None:
    """Raises InputError for a first word that is no file, and nearly the name of a verb."""
    if not words[0].isalpha() or os.path.lexists(words[0]):
        return
    # Lazy: a run without faults has no use for them.
    import shlex
    from difflib import get_close_matches

    from resolver.requirements.url import redact

    # Below 0.6 is no likeness, and 0.6 is that of `torch` and `fetch`.
    for verb in get_close_matches(words[0], [name for name in _MODULES if name != words[0]], n=1, cutoff=0.66):
        meant = redact(shlex.join([program, verb, *words[1:]]))
        raise InputError(f"`{words[0]}` is neither a file nor a verb", remedy=f"`{meant}`")


def _run_module(name: str, words: Sequence[str], program: str) -> int:
    """The exit code of any other verb: the result of `run_VERB` in its module, which is imported only now."""
    return _find_run(name)(words, program=program)


def _find_run(name: str) -> Callable[..., int]:
    """The function of a verb."""
    module = _SHARED.get(name, name)
    run: Callable[..., int] = getattr(import_module(f"resolver.cli.verbs.{module}"), f"run_{name}")
    return run


def _leave_pipe() -> int:
    """The exit code where the reader of our output has ended (`lock … | head`).

    It is that of a process which SIGPIPE ends. What is still buffered is dropped, because writing it would fail again.
    """
    drop_output(sys.stdout)
    return 128 + signal.SIGPIPE if hasattr(signal, "SIGPIPE") else 1


def _report_system_error(error: OSError) -> int:
    """The exit code where the system has no more of something, or refuses it, at a place that has no error of its own.

    Temporary folders are made and filled at many places. Any other error of the system is a bug.
    """
    if error.errno not in _SYSTEM_ERRORS and "temporary directory" not in str(error):
        return _report_bug(error)
    place = f"`{error.filename}`" if error.filename else "a temporary file"
    fault = InputError(
        f"{place} cannot be used: {render_os_error(error)}",
        remedy="make room there, or choose other folders with `TMPDIR` and `--cache-dir`",
    )
    show_message(f"error: {fault}")
    return fault.exit_code


def _report_overflow(error: OverflowError) -> int:
    """The exit code where Python cannot read the clock: its own modules then fail from the year 2262 on."""
    try:
        time.time()
    except OverflowError:
        fault = InputError("the clock of this machine is beyond what Python can read", remedy="set it")
        show_message(f"error: {fault}")
        return fault.exit_code
    return _report_bug(error)


def _report_bug(error: Exception) -> int:
    """Print a traceback; the exit code for bugs."""
    # Lazy: only a bug needs it.
    import traceback

    show_message("".join(traceback.format_exception(error)).rstrip())
    show_message(f"error: a bug in pinfold: {type(error).__name__}; the lines above are what a report needs")
    return _BUG


_VERBS: Mapping[str, Callable[[Sequence[str], str], int]] = {
    "lock": _lock,
    **{name: partial(_run_module, name) for name in _MODULES},
}
