"""What leaves by the standard streams: what lists, indexes and metadata say is shown, never obeyed."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from contextlib import suppress

from resolver.errors import InputError, render_os_error

__all__ = ["drop_output", "escape_text", "write_output"]

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
