"""Where a project's files can be asked for: an index, or a find-links location, with its place in the order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from typing import Literal

from packaging.utils import NormalizedName

from lockfiles.value_classes import dataclass
from resolver.requirements.index_families import find_family, is_family_name
from resolver.requirements.scopes import IndexFamily, Scope
from resolver.requirements.url import Url

__all__ = ["Location", "order_locations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place that may list a project's files.

    `form` is `index` (simple API; the project's page is `url/name/`), `find-links` (one page or folder for all
    projects), or `direct` (the one source of one project, whose `url` is a text for messages). A location whose family
    does not serve the project stands behind all others of its scope; `outside_family` is the family's name then, else
    None. `is_default` marks the built-in or configured default index, which no list names. `may_be_missing` marks a
    find-links page that the data names: one that is not there has nothing.
    """

    url: Url
    form: Literal["index", "find-links", "direct"] = "index"
    outside_family: str | None = None
    is_default: bool = field(default=False, compare=False)
    may_be_missing: bool = field(default=False, compare=False)


def order_locations(
    name: NormalizedName,
    scope: Scope,
    *,
    default_index: Url | None,
    families: Sequence[IndexFamily],
    strategy: Literal["first-index", "best-match"],
) -> tuple[Location, ...]:
    """The locations to ask for a project, first one first; each URL once.

    Find-links of the scope, extra indexes in list order, `--index-url`s, then the default index. Under `first-index`
    the locations of families that do not serve the project come after all others, in the same order; under
    `best-match` all are asked together, so none moves. A project of an exclusive family is asked for at the locations
    of such families only, which may be none.
    """
    located = [(location, find_family(location.url, families)) for location in _iter_once(scope, default_index)]
    if any(family.exclusive and is_family_name(name, family) for family in families):
        located = [
            (location, family)
            for location, family in located
            if family is not None and family.exclusive and is_family_name(name, family)
        ]
    if strategy == "best-match":
        return tuple(location for location, _ in located)
    inside = [location for location, family in located if family is None or is_family_name(name, family)]
    outside = [
        replace(location, outside_family=family.name)
        for location, family in located
        if family is not None and not is_family_name(name, family)
    ]
    return (*inside, *outside)


def _iter_once(scope: Scope, default_index: Url | None) -> Iterator[Location]:
    seen: set[tuple[str, str]] = set()
    for location in _iter_locations(scope, default_index):
        key = (location.form, location.url.public.rstrip("/"))
        if key not in seen:
            seen.add(key)
            yield location


def _iter_locations(scope: Scope, default_index: Url | None) -> Iterable[Location]:
    for url in scope.find_links:
        yield Location(url=url, form="find-links")
    for url in (*scope.extra_indexes, *scope.indexes):
        yield Location(url=url)
    if scope.default_index and default_index is not None:
        yield Location(url=default_index, is_default=True)
