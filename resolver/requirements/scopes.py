"""Which indexes and find-links locations serve a requirement, by its position in the list.

In: flags with their positions. Out: one `Scope` an entry, and one for names that only dependencies mention.
Pure: whether an index really has a project is for later stages to ask.

Whether an index and a project belong to a family of packages (see `IndexFamily`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

from packaging.utils import NormalizedName

from lockfiles._values import dataclass
from resolver.requirements.url import Url

__all__ = [
    "BY_POSITION",
    "DEFAULT_SCOPE",
    "FlagScope",
    "IndexFamily",
    "Scope",
    "ScopeRules",
    "find_family",
    "is_family_index",
    "is_family_name",
    "merge_scopes",
]


FlagScope = Literal["position", "list"]
"""What an `--extra-index-url` or `--find-links` serves: the requirements after it, or the whole list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The locations in force at an entry, each tuple in list order without repeats.

    `extra_indexes` come from `--extra-index-url`, `indexes` from the layers' `--index-url`, and
    `default_index` says whether the built-in default (or the configured one) is in force as well.
    """

    extra_indexes: tuple[Url, ...] = ()
    indexes: tuple[Url, ...] = ()
    default_index: bool = True
    find_links: tuple[Url, ...] = ()


DEFAULT_SCOPE = Scope()
"""The built-in default index alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFamily:
    """Indexes that exist for a family of packages.

    `names` are shell patterns of normalized project names; `urls` are URL prefixes of the family's indexes, in which
    `{cuda}` and `{torch}` stand for one path segment or part of one. An `exclusive` family's names come from its
    indexes only.
    """

    name: str
    names: tuple[str, ...]
    urls: tuple[str, ...]
    exclusive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRules:
    """How the flags of a list make scopes: what `flag_scope` says, and which indexes are those of a family."""

    flag_scope: FlagScope = "position"
    families: tuple[IndexFamily, ...] = ()


BY_POSITION = ScopeRules()
"""The rules where nothing is configured."""


def merge_scopes(scopes: Iterable[Scope]) -> Scope:
    """The union of scopes, each location at its first place (a project named by several items, or by `-c`)."""
    scopes = tuple(scopes)
    return Scope(
        extra_indexes=tuple(dict.fromkeys(url for scope in scopes for url in scope.extra_indexes)),
        indexes=tuple(dict.fromkeys(url for scope in scopes for url in scope.indexes)),
        default_index=any(scope.default_index for scope in scopes),
        find_links=tuple(dict.fromkeys(url for scope in scopes for url in scope.find_links)),
    )


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
