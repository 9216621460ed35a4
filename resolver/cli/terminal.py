"""Text on its way to a terminal: what lists, indexes and metadata say is shown, never obeyed."""

from __future__ import annotations

import unicodedata

__all__ = ["escape_text"]

# Cc control, Cf format (bidi overrides among them), Cs lone surrogates, Zl/Zp line separators.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def escape_text(text: str, *, keep_newlines: bool = True) -> str:
    """The text with every control, format and separator character written as its escape (`\\x1b`, `\\u202e`)."""
    if text.isascii() and text.isprintable():
        return text
    kept = "\n" if keep_newlines else ""
    return "".join(
        character
        if character in kept or unicodedata.category(character) not in _UNSAFE_CATEGORIES
        else _escape(character)
        for character in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
