"""Which indexes and find-links locations serve a requirement, by its position in the list.

In: flags with their positions. Out: one `Scope` an entry, and one for names that only dependencies mention.
Pure: whether an index really has a project is for later stages to ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from lockfiles.value_classes import dataclass
from resolver.requirements.url import Url

__all__ = ["BY_POSITION", "DEFAULT_SCOPE", "FlagScope", "IndexFamily", "Scope", "ScopeRules", "merge_scopes"]

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
