"""What a verb prints on standard output: text that is safe for a terminal, or one JSON document.

The way from one folder to another, for paths in files that are written elsewhere than the lock lies.

What leaves by the standard streams: what lists, indexes and metadata say is shown, never obeyed.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lockfiles._files import replace_file
from resolver.errors import Fault, InputError, PinfoldError, render_os_error

__all__ = [
    "describe_error",
    "drop_output",
    "escape_text",
    "render_bytes",
    "show_json",
    "show_locks",
    "show_text",
    "way_to",
    "write_file",
    "write_output",
]


# Cc control, Cf format (bidi overrides among them), Cs lone surrogates, Zl/Zp line separators.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# What GitHub Actions takes for a command in the output of a step: `::name …::` where a line begins, `##[name …]`.
_COMMAND = re.compile(r"^(\s*):(?=:)|#(?=#\[)", re.MULTILINE)


def escape_text(text: str, *, keep_newlines: bool = True) -> str:
    """The text with every control, format and separator character written as its escape (`\\x1b`, `\\u202e`).

    So is the first character of what a workflow of GitHub would take for a command.
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


def write_output(data: bytes) -> None:
    """Puts bytes on standard output, whole. Raises InputError if it takes none, BrokenPipeError if nobody reads it."""
    stream = getattr(sys.stdout, "buffer", None)  # None where the process was started without one.
    if stream is None:
        raise InputError("standard output cannot be written: it is closed")
    try:
        sys.stdout.flush()
        stream.write(data)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        raise InputError(f"standard output cannot be written: {render_os_error(error)}") from error


def drop_output() -> None:
    """From here on what is still buffered for standard output has nowhere to go, and no flush of it fails."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


_UNITS = ("B", "kB", "MB", "GB", "TB")


def show_text(text: str) -> None:
    """Prints lines; what lists, metadata and file names hold is escaped."""
    write_output(f"{escape_text(text)}\n".encode() if text else b"")


def show_json(value: object) -> None:
    """Prints one JSON document in ASCII."""
    import json  # Lazy: only --json needs it.

    write_output(f"{json.dumps(value, indent=2)}\n".encode())


def describe_error(error: PinfoldError) -> dict[str, object]:
    """An error for a JSON document: the whole message, and its parts as data; null for a part that it does not have."""
    return {
        "error": str(error),
        "exit_code": error.exit_code,
        "what": error.what,
        "where": str(error.where) or None,
        "why": error.why or None,
        "remedy": error.remedy or None,
        "faults": [_describe_fault(fault) for fault in error.faults],
    }


def _describe_fault(fault: Fault) -> dict[str, object]:
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


def show_locks(locks: Sequence[object]) -> None:
    """Prints what a verb has to say of each lock, as one JSON document."""
    show_json({"schema": 1, "locks": locks})


def write_file(path: Path, data: bytes, *, shown: str | None = None) -> None:
    """Puts a file in its place, whole or not at all. Raises InputError where it cannot be written.

    It goes where a link points; what is no regular file (`/dev/stdout`, a pipe) is written to, never replaced.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            replace_file(target, data, mode=stat.S_IMODE(target.stat().st_mode) if target.exists() else None)
    except OSError as error:
        raise InputError(
            f"`{shown or path}` cannot be written: {render_os_error(error)}", remedy="another place, with `-o`"
        ) from error


def render_bytes(size: int | None) -> str:
    """A size in decimal units, three digits: `3.91 GB`, `24 B`; `?` for one that is not known."""
    if size is None:
        return "?"
    value, unit = float(size), 0
    while value >= 999.5 and unit + 1 < len(_UNITS):
        value, unit = value / 1000, unit + 1
    digits = 0 if unit == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {_UNITS[unit]}"


def way_to(folder: Path, start: Path) -> str:
    """The relative path from one folder to another. Raises InputError where there is none: another drive."""
    try:
        return Path(os.path.relpath(folder.resolve(), start.resolve())).as_posix()
    except ValueError as error:
        raise InputError("the lock lies on another drive, to which no relative path leads") from error
