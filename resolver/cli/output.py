"""What a verb prints on standard output: text that is safe for a terminal, or one JSON document."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from lockfiles.file_replacement import replace_file
from resolver.cli.terminal import escape_text, write_output
from resolver.errors import Fault, InputError, PinfoldError, render_os_error

__all__ = ["describe_error", "render_bytes", "show_json", "show_locks", "show_text", "write_file"]

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
