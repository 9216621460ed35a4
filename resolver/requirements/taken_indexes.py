"""Nothing moves silently: indexes that position takes away from the requirements before them.

A flag after the last requirement serves its whole layer; one more requirement after it makes it positional, and
those before it lose the index. That is a fault where the index exists for the lost project's family, else a note for
later stages, which know whether the index has the project.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.utils import NormalizedName

from resolver.requirements.entry import Entry, TakenIndex
from resolver.requirements.index_families import find_family, is_family_name
from resolver.requirements.layers import DraftLayer, PlacedLocation
from resolver.requirements.refusal import FaultCollector, Refusal
from resolver.requirements.scopes import IndexFamily, Scope

__all__ = ["find_taken_indexes"]


def find_taken_indexes(
    draft: DraftLayer,
    scopes: Mapping[NormalizedName, Scope],
    *,
    families: Sequence[IndexFamily],
    faults: FaultCollector,
) -> Iterator[TakenIndex]:
    """The indexes of a layer that position takes away from earlier entries; `scopes` are the merged ones, by name."""
    for location in draft.locations:
        for entry in _entries_before(location, draft):
            if entry.name is None or entry.direct is not None or _sees(scopes[entry.name], location):
                continue
            if _is_for(location, entry.name, families):
                faults.add(location.position, _refuse(location, entry))
            elif location.is_index:
                yield TakenIndex(entry=entry, index=location.url, position=location.position)


def _entries_before(location: PlacedLocation, draft: DraftLayer) -> Iterable[Entry]:
    place = location.place
    if place is None:
        return ()
    return (entry for at, entry in draft.members if at < place and at not in draft.constraint_places)


def _sees(scope: Scope, location: PlacedLocation) -> bool:
    return location.url in (scope.extra_indexes if location.is_index else scope.find_links)


def _is_for(location: PlacedLocation, name: NormalizedName, families: Sequence[IndexFamily]) -> bool:
    family = find_family(location.url, families)
    return family is not None and is_family_name(name, family)


def _refuse(location: PlacedLocation, entry: Entry) -> Refusal:
    flag = "--extra-index-url" if location.is_index else "--find-links"
    return Refusal(
        f"`{flag} {location.url}` does not serve `{entry.text}` at {entry.position}",
        why="a flag serves the requirements after it, and this one is for the family of that project",
        remedy=f'move the flag above {entry.position}, or set `flag-scope = "list"`',
    )
