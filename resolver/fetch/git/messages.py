"""What can be told about git: errors with their parts, and lines of git's own that are safe to quote."""

from __future__ import annotations

from collections.abc import Iterable

from resolver.errors import FetchError, InputError
from resolver.requirements.url import redact

__all__ = ["GitReferenceError", "build_fetch_error", "clean_lines", "hide_texts", "render_parts", "render_printable"]

_MOST_LINES = 3
_LONGEST_LINE = 300
_NOISE = ("remote: Enumerating", "remote: Counting", "remote: Compressing", "remote: Total", "Receiving objects")


class GitReferenceError(InputError):
    """A reference to a repository cannot be used as it stands; `what`, `why` and `remedy` are its parts."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        super().__init__(render_parts(what, why=why, remedy=remedy))
        self.what = what
        self.why = why
        self.remedy = remedy


def render_parts(what: str, *, why: str = "", remedy: str = "") -> str:
    """A message of up to three lines."""
    return what + (f"\n  because {why}" if why else "") + (f"\n  try: {remedy}" if remedy else "")


def build_fetch_error(what: str, *, url: str, why: str = "", remedy: str = "") -> FetchError:
    """A FetchError out of the parts of its message."""
    return FetchError(render_parts(what, why=why, remedy=remedy), url=url)


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
