"""Numbers that no version can have: Python makes no number of so many digits, and raises a plain ValueError."""

from __future__ import annotations

import re

__all__ = ["MOST_DIGITS", "has_long_number"]

MOST_DIGITS = 4300
"""Python's own limit (`sys.int_info.default_max_str_digits`), here fixed, so that no variable can move it."""

_LONG_NUMBER = re.compile(rf"[0-9]{{{MOST_DIGITS + 1}}}")


def has_long_number(text: str) -> bool:
    """Whether the text holds a number of more than `MOST_DIGITS` digits."""
    return len(text) > MOST_DIGITS and _LONG_NUMBER.search(text) is not None
