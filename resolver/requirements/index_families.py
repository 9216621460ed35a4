"""Whether an index and a project belong to a family of packages (see `IndexFamily`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from packaging.utils import NormalizedName

from resolver.requirements.scopes import IndexFamily
from resolver.requirements.url import Url

__all__ = ["find_family", "is_family_index", "is_family_name"]


def find_family(url: Url, families: Iterable[IndexFamily]) -> IndexFamily | None:
    """The first family that this index belongs to."""
    return next((family for family in families if is_family_index(url, family)), None)


def is_family_index(url: Url, family: IndexFamily) -> bool:
    """Whether the URL begins with one of the family's, up to the end of a path segment."""
    return _begins_with_one(url.public, family.urls)


def is_family_name(name: NormalizedName, family: IndexFamily) -> bool:
    """Whether the project is one of the family's."""
    return any(fnmatchcase(name, pattern) for pattern in family.names)


@lru_cache(maxsize=4096)
def _begins_with_one(public: str, prefixes: tuple[str, ...]) -> bool:
    """Kept, since the same few indexes are asked about for every project."""
    public = re.sub(r"(?<=://)[^/@]*@", "", public)
    return any(
        # Most prefixes are of other hosts, which is told without compiling a pattern for each.
        public.startswith(prefix.rstrip("/").partition("{")[0]) and _compile_prefix(prefix).match(public) is not None
        for prefix in prefixes
    )


@lru_cache(maxsize=256)
def _compile_prefix(prefix: str) -> re.Pattern[str]:
    """A pattern for a URL prefix, in which `{cuda}` and `{torch}` stand for (part of) one path segment."""
    parts = re.split(r"\{[a-z]+\}", prefix.rstrip("/"))
    return re.compile("[^/]+".join(re.escape(part) for part in parts) + "(?=[/?#]|$)")
