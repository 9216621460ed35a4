"""The output of the command: text that is safe for a terminal, JSON documents, and files.

In: text, values and errors of a verb. Out: bytes on standard output, messages on standard error, or a file that is
replaced as a whole.

Lists, indexes and metadata are untrusted: their control characters could change a terminal, and some lines are commands
to GitHub Actions. Every verb therefore prints through this module, which escapes both. It also has the few forms that
verbs share: a size in bytes, a relative path, an error as data.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TextIO

from lockfiles._files import remove_strays, replace_file
from lockfiles._values import compile_later
from resolver.cli.recording import current_recording
from resolver.cli.records import TIME_MARK
from resolver.errors import Fault, InputError, PinfoldError, render_os_error

__all__ = [
    "describe_error",
    "drop_output",
    "escape_text",
    "find_relative_path",
    "pause_for_messages",
    "render_bytes",
    "show_json",
    "show_locks",
    "show_message",
    "show_requests",
    "show_text",
    "write_file",
    "write_output",
]

# Cc control, Cf format (bidi overrides among them), Cs lone surrogates, Zl/Zp line separators.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# GitHub Actions: Workflow commands. A command is `::name …::` at the beginning of a line, or `##[name …]` anywhere.
_COMMAND = compile_later(r"^(\s*):(?=:)|#(?=#\[)", re.MULTILINE)

_pause: Callable[[], AbstractContextManager[None]] = nullcontext
"""See `pause_for_messages`."""

_UNITS = ("B", "kB", "MB", "GB", "TB")


def escape_text(text: str, *, keep_newlines: bool = True) -> str:
    """The text with every control, format and separator character replaced by its escape (`\\x1b`, `\\u202e`).

    The first character of a workflow command is escaped too. With `keep_newlines` the text may have several lines.
    """
    if "::" in text or "##[" in text:
        text = _COMMAND.sub(lambda match: rf"{match[1]}\x3a" if match[1] is not None else r"\x23", text)
    if text.isascii() and text.isprintable():
        return text
    kept = "\n" if keep_newlines else ""
    return "".join(
        character
        if character in kept or unicodedata.category(character) not in _UNSAFE_CATEGORIES
        else _escape(character)
        for character in text
    )


def write_output(data: bytes, *, recorded: bytes | None = None) -> None:
    """Write bytes to standard output, and flush it.

    `recorded` is what a record of the run keeps, where that differs: the duration of a run is not kept.
    Raises InputError where it cannot be written (closed, disk full), BrokenPipeError where its reader has ended.
    """
    recording = current_recording()
    if recording is not None:
        recording.note_output(data if recorded is None else recorded)
    stream = getattr(sys.stdout, "buffer", None)  # None in a process that was started without standard output.
    if stream is None:
        raise InputError("standard output cannot be written: it is closed")
    try:
        with _pause():  # Standard output may be the same terminal.
            sys.stdout.flush()
            stream.write(data)
            stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output(sys.stdout)
        raise InputError(f"standard output cannot be written: {render_os_error(error)}") from error


def drop_output(stream: TextIO) -> None:
    """Discard what is still buffered for a standard stream, so that no later flush of it fails."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def show_text(text: str) -> None:
    """Print lines, escaped, with a newline at the end; print nothing for an empty text."""
    write_output(f"{escape_text(text)}\n".encode() if text else b"")


def show_message(text: str, *, duration: str = "") -> None:
    """Print a message on standard error, escaped, with a newline at the end.

    `duration` is the time of the run where the text has it, which a record of the run does not keep.
    A message that cannot be written (disk full, stream closed, reader gone) is dropped: the lock is what a run is for,
    and its exit code tells how the run ended.
    """
    text = escape_text(text)
    recording = current_recording()
    if recording is not None:
        recording.note_message(text.replace(duration, TIME_MARK, 1) if duration else text)
    try:
        with _pause():
            print(text, file=sys.stderr, flush=True)
    except OSError:
        drop_output(sys.stderr)


def pause_for_messages(pause: Callable[[], AbstractContextManager[None]] | None) -> None:
    """Print each later message inside the context that `pause` makes; None prints it as it is.

    The lines of a progress display are removed meanwhile, since a message would begin at their end.
    """
    global _pause  # noqa: PLW0603 - one process has one standard error, and messages come from everywhere
    _pause = pause or nullcontext


def show_json(value: object) -> None:
    """Print one JSON document. It is ASCII, so it needs no other escape."""
    import json  # Lazy: only --json needs it.

    write_output(f"{json.dumps(value, indent=2)}\n".encode())


def describe_error(error: PinfoldError) -> dict[str, object]:
    """An error for a JSON document: the whole message, and its parts as data; null for a part that it does not have.

    `docs/command.md` describes the keys.
    """
    return {
        "error": str(error),
        "exit_code": error.exit_code,
        "what": error.what,
        "where": str(error.where) or None,
        "why": error.why or None,
        "remedy": error.remedy or None,
        "faults": [_describe_fault(fault) for fault in error.faults],
    }


def show_locks(locks: Sequence[object]) -> None:
    """Print the document of a verb that has one value for each lock."""
    show_json({"schema": 1, "locks": locks})


def write_file(path: Path, data: bytes, *, shown: str | None = None) -> None:
    """Write a file that appears as a whole or not at all. An existing file keeps its mode.

    A link is followed: its target is replaced. A device or pipe (`/dev/stdout`) is written to, not replaced. `shown` is
    the path for messages. Raises InputError where the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            remove_strays(target.parent, target.name)
            replace_file(target, data, mode=stat.S_IMODE(target.stat().st_mode) if target.exists() else None)
    except OSError as error:
        raise InputError(
            f"`{shown or path}` cannot be written: {render_os_error(error)}", remedy="another place, with `-o`"
        ) from error


def render_bytes(size: int | None) -> str:
    """A size in decimal units with three digits: `3.91 GB`, `24 B`; `?` for an unknown one (None)."""
    if size is None:
        return "?"
    value, unit = float(size), 0
    # The bounds are those of rounding: 999.5 kB would be shown as 1000 kB.
    while value >= 999.5 and unit + 1 < len(_UNITS):
        value, unit = value / 1000, unit + 1
    digits = 0 if unit == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {_UNITS[unit]}"


def find_relative_path(folder: Path, start: Path) -> str:
    """The relative path that leads from `start` to `folder`, with slashes.

    Raises InputError where there is none: on Windows, folders may be on different drives.
    """
    try:
        return Path(os.path.relpath(folder.resolve(), start.resolve())).as_posix()
    except ValueError as error:
        raise InputError("the lock lies on another drive, to which no relative path leads") from error


def _escape(character: str) -> str:
    """The escape of a character as in a Python string."""
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def _describe_fault(fault: Fault) -> dict[str, object]:
    """One fault of an error as data; every key is always there."""
    return {
        "what": fault.what,
        "where": str(fault.where) or None,
        "involved": list(fault.involved),
        "why": fault.why or None,
        "details": list(fault.details),
        "remedy": fault.remedy or None,
        "other_remedies": list(fault.other_remedies),
        "quoted": list(fault.quoted),
    }


def show_requests() -> None:
    """For `-vv`: print the requests that pinfold records from now on, each as a line on standard error.

    The records of httpx and httpcore are not printed: they may have secrets of a URL, which our records leave out.
    """
    import logging  # Lazy: 8 ms, which only a run with `-vv` spends here.

    class SafeFormatter(logging.Formatter):
        """Records as text whose control characters are escaped, so that they have no effect on a terminal."""

        def format(self, record: logging.LogRecord) -> str:
            """The record in one line."""
            return escape_text(super().format(record), keep_newlines=False)

    logger = logging.getLogger("pinfold.http")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SafeFormatter("%(message)s"))
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
