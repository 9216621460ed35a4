"""What a Requires-Python admits: one answer for pages and for core metadata, which may say different things."""

from __future__ import annotations

import re
from functools import lru_cache

from packaging.specifiers import SpecifierSet

__all__ = ["admits_python"]

_WILDCARD_BOUND = re.compile(r"([<>]=?\s*[0-9.]*[0-9])\.\*")


@lru_cache(maxsize=4096)
def admits_python(requires_python: str, python_full_version: str) -> bool:
    """Whether a Requires-Python admits a Python. One that cannot be read admits all, as pip has it.

    Old uploads write `>=3.6.*`, which uv and earlier pips read as `>=3.6`.
    """
    for text in (requires_python, _WILDCARD_BOUND.sub(r"\1", requires_python)):
        try:
            return SpecifierSet(text).contains(python_full_version, prereleases=True)
        except ValueError:  # InvalidSpecifier, or a number with more digits than Python reads.
            continue
    return True
