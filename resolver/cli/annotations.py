"""Annotations of GitHub Actions: a message at a place, as one line of its workflow commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from resolver.cli.terminal import escape_text, write_output

__all__ = ["render_annotation", "show_annotations"]

_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES = {**_ESCAPES, ":": "%3A", ",": "%2C"}


def render_annotation(
    message: str,
    *,
    file: str | None = None,
    line: int | None = None,
    title: str = "",
    level: Literal["error", "warning"] = "error",
) -> str:
    """`::error file=…,line=…,title=…::message`; what the texts hold can neither end the line nor begin a command."""
    properties = {"file": file, "line": None if line is None else str(line), "title": title or None}
    told = ",".join(f"{key}={_escape(value, _IN_PROPERTIES)}" for key, value in properties.items() if value is not None)
    return f"::{level} {told}::{_escape(message, _ESCAPES)}"


def show_annotations(annotations: Iterable[str]) -> None:
    """Prints them, a line each."""
    for annotation in annotations:
        # As text of ours, none of it would be a command; other characters are escaped as everywhere.
        _, command, rest = annotation.partition("::")
        write_output(f"{command}{escape_text(rest, keep_newlines=False)}\n".encode())


def _escape(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)
