"""Indexes that exist for a family of packages: the shipped rows, and which family a URL or a name belongs to.

In: `data/families.toml`, and the families that a user configures. Out: `IndexFamily` values. Which index is asked for
a name follows from them in later stages.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from resolver.requirements.scopes import IndexFamily

__all__ = ["family_of", "load_families", "serves"]

_PLACEHOLDER = re.compile(r"\\{[a-z]+\\}")


@cache
def load_families() -> tuple[IndexFamily, ...]:
    """The families that ship with pinfold, in file order."""
    # Not through importlib.resources, whose import takes longer than all the rest of this function.
    text = Path(__file__).with_name("data").joinpath("families.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["family"]
    return tuple(IndexFamily(name=row["name"], names=tuple(row["names"]), urls=tuple(row["urls"])) for row in rows)


def family_of(url: str, families: Iterable[IndexFamily]) -> IndexFamily | None:
    """The family that an index or find-links URL (its public part) belongs to; None for an index of no family.

    Of several that match, the longest prefix decides, and among equal ones the first: so users' families stand first.
    """
    matches = [
        (len(prefix.rstrip("/")), -place, family)
        for place, family in enumerate(families)
        for prefix in family.urls
        if _compile_prefix(prefix).match(url)
    ]
    return max(matches, key=lambda match: match[:2])[2] if matches else None


def serves(family: IndexFamily, name: str) -> bool:
    """Whether a project, by its normalized name, is one of the family's."""
    return any(fnmatchcase(name, pattern) for pattern in family.names)


@cache
def _compile_prefix(prefix: str) -> re.Pattern[str]:
    """A pattern that matches the prefix at whole path segments; `{cuda}` and the like match inside one segment."""
    return re.compile(_PLACEHOLDER.sub("[^/]+", re.escape(prefix.rstrip("/"))) + "(?:/|$)")
