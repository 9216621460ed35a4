"""The scope of a requirement: the indexes and find-links locations in force at its position in the list.

In: locations, and the rules that a user has set. Out: `Scope`, the union of scopes, and whether an index or a project
belongs to an `IndexFamily`. Everything is decided by names and URLs: whether an index really has a project is for later
stages. A module of its own because entries, settings and the search all use these values.
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
    "is_family_name",
    "merge_scopes",
]


_SPECIAL = frozenset("*?[")
"""The characters that mean something in a pattern of names."""

FlagScope = Literal["position", "list"]
"""What an `--extra-index-url` or `--find-links` applies to: the requirements after it, or its whole layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The locations in force at an entry, each tuple in list order without repeats.

    `extra_indexes` come from `--extra-index-url`, `indexes` from the `--index-url` of layers. `default_index` is
    whether the default index, built-in or configured, is in force too.
    """

    extra_indexes: tuple[Url, ...] = ()
    indexes: tuple[Url, ...] = ()
    default_index: bool = True
    find_links: tuple[Url, ...] = ()


DEFAULT_SCOPE = Scope()
"""The built-in default index alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFamily:
    """Indexes that exist for a family of packages, such as the CUDA builds of torch.

    `names` are shell patterns of normalized project names. `urls` are URL prefixes of the family's indexes, in which
    `{cuda}` and `{torch}` match a path segment or a part of one. The projects of an `exclusive` family come from its
    indexes only.
    """

    name: str
    names: tuple[str, ...]
    urls: tuple[str, ...]
    exclusive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRules:
    """The rules by which the flags of a list make scopes: what a flag applies to, and the families of indexes.

    `flag_scope` None is the rule of the form: by position in a list, the whole run in a requirement file.
    """

    flag_scope: FlagScope | None = None
    families: tuple[IndexFamily, ...] = ()


BY_POSITION = ScopeRules()
"""The rules without any configuration, which go by position in a list."""


def merge_scopes(scopes: Iterable[Scope]) -> Scope:
    """The union of scopes, each location at its first place.

    A project that several items or constraints name has the union of their scopes.
    """
    scopes = tuple(scopes)
    return Scope(
        extra_indexes=tuple(dict.fromkeys(url for scope in scopes for url in scope.extra_indexes)),
        indexes=tuple(dict.fromkeys(url for scope in scopes for url in scope.indexes)),
        default_index=any(scope.default_index for scope in scopes),
        find_links=tuple(dict.fromkeys(url for scope in scopes for url in scope.find_links)),
    )


def find_family(url: Url, families: Iterable[IndexFamily]) -> IndexFamily | None:
    """The first family that this index belongs to; None if it belongs to no family."""
    return next((family for family in families if _is_family_index(url, family)), None)


def _is_family_index(url: Url, family: IndexFamily) -> bool:
    """Whether the URL begins with a prefix of the family that ends at the end of a path segment."""
    return _begins_with_one(url.public, family.urls)


def is_family_name(name: NormalizedName, family: IndexFamily) -> bool:
    """Whether the project is one of the family's: a name matches one of its patterns."""
    exact, prefixes, others = _sort_patterns(tuple(family.names))
    return name in exact or name.startswith(prefixes) or any(fnmatchcase(name, pattern) for pattern in others)


@lru_cache(maxsize=256)
def _sort_patterns(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...], tuple[str, ...]]:
    """The patterns that are names, the beginnings of those that end with their only `*`, and all others.

    Each project is compared with those of every family, and `fnmatchcase` takes as long as the rest of that.
    """
    plain = [pattern for pattern in patterns if not _SPECIAL.intersection(pattern)]
    prefixes = [one[:-1] for one in patterns if one.endswith("*") and not _SPECIAL.intersection(one[:-1])]
    others = [one for one in patterns if one not in plain and one[:-1] not in prefixes]
    return frozenset(plain), tuple(prefixes), tuple(others)


@lru_cache(maxsize=4096)
def _begins_with_one(public: str, prefixes: tuple[str, ...]) -> bool:
    """Whether a URL, without its user information, begins with one of the prefixes.

    Cached, because the same few indexes are checked for every project.
    """
    public = re.sub(r"(?<=://)[^/@]*@", "", public)
    return any(
        # Most prefixes have another host: comparing texts first avoids compiling a pattern for each.
        public.startswith(prefix.rstrip("/").partition("{")[0]) and _compile_prefix(prefix).match(public) is not None
        for prefix in prefixes
    )


@lru_cache(maxsize=256)
def _compile_prefix(prefix: str) -> re.Pattern[str]:
    """A pattern for a URL prefix, in which each name in braces matches a path segment or a part of one."""
    parts = re.split(r"\{[a-z]+\}", prefix.rstrip("/"))
    return re.compile("[^/]+".join(re.escape(part) for part in parts) + "(?=[/?#]|$)")
