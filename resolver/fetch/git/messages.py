"""What can be told about git: an error of its own, and lines of git's output that are safe to quote."""

from __future__ import annotations

from collections.abc import Iterable

from resolver.errors import InputError
from resolver.requirements.url import redact

__all__ = ["GitReferenceError", "clean_lines", "hide_texts", "render_printable"]

_MOST_LINES = 3
_LONGEST_LINE = 300
_NOISE = ("remote: Enumerating", "remote: Counting", "remote: Compressing", "remote: Total", "Receiving objects")


class GitReferenceError(InputError):
    """A reference to a repository cannot be used as it stands."""


def hide_texts(text: str, hidden: Iterable[str]) -> str:
    """The text with `…` for each of the hidden ones."""
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, "…") if secret else text
    return text


def clean_lines(text: str) -> tuple[str, ...]:
    """The last lines that git wrote, without control characters and URL credentials."""
    lines = []
    # git writes progress over itself with carriage returns.
    for line in text.replace("\r", "\n").split("\n"):
        shown = redact("".join(letter if letter.isprintable() else " " for letter in line)).strip()
        if shown and not shown.startswith(_NOISE):
            lines.append(shown[:_LONGEST_LINE])
    return tuple(lines[-_MOST_LINES:])


def render_printable(text: str) -> str:
    """The text on one line, with control characters and what is no text in visible form."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
