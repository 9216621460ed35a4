"""Indexes that exist for a family of packages: the shipped rows, and which family a URL or a name belongs to.

In: `data/families.toml`, and the families that a user configures. Out: `IndexFamily` values. Which index is asked for
a name follows from them in later stages.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from packaging.utils import NormalizedName

from resolver.requirements.index_families import find_family, is_family_name
from resolver.requirements.scopes import IndexFamily
from resolver.requirements.url import Url

__all__ = ["family_of", "load_families", "serves"]


@cache
def load_families() -> tuple[IndexFamily, ...]:
    """The families that ship with pinfold, in file order: of two that match a URL, the first one counts."""
    # Not through importlib.resources, whose import takes longer than all the rest of this function.
    text = Path(__file__).with_name("data").joinpath("families.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["family"]
    return tuple(IndexFamily(name=row["name"], names=tuple(row["names"]), urls=tuple(row["urls"])) for row in rows)


def family_of(url: str, families: Iterable[IndexFamily]) -> IndexFamily | None:
    """The first family that an index or find-links URL (its public part) belongs to; None for an index of no family."""
    return find_family(Url(public=url), families)


def serves(family: IndexFamily, name: NormalizedName) -> bool:
    """Whether a project is one of the family's."""
    return is_family_name(name, family)
