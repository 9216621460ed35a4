"""One layer out of its statements: entries and constraints with the scopes that position gives them.

In: statements of a layer without `-r` and `-c`. Out: `DraftLayer`, where an entry's scope is that of its own position;
`resolver.requirements.requirement_list` merges the scopes of entries of one project.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from lockfiles.value_classes import dataclass
from resolver.requirements.entry import Entry, NamedLocation
from resolver.requirements.flags import FlagReach
from resolver.requirements.locations import parse_location
from resolver.requirements.position import Position
from resolver.requirements.refusal import FaultCollector, Refusal
from resolver.requirements.requirement_text import parse_entry
from resolver.requirements.scopes import Scope
from resolver.requirements.statements import FlagUse, RequirementUse, Statement
from resolver.requirements.url import Url

__all__ = ["DraftLayer", "PlacedLocation", "draft_layer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLocation:
    """An extra index or a find-links location. `place` counts the statements before it; None serves the whole layer."""

    url: Url
    position: Position
    is_index: bool
    place: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLayer:
    """A layer with the scopes of its own positions.

    `members` are its entries and constraints in the order of the list, each with the number of statements before it.
    """

    members: tuple[tuple[int, Entry], ...]
    constraint_places: frozenset[int]
    locations: tuple[PlacedLocation, ...]
    named_locations: tuple[NamedLocation, ...]
    scope: Scope
    no_deps: bool
    no_build_isolation: bool
    warnings: tuple[str, ...]


def draft_layer(
    statements: Sequence[Statement],
    *,
    number: int,
    variables: Mapping[str, str],
    by_position: bool,
    faults: FaultCollector,
) -> DraftLayer:
    """The layer that these statements make. Faults go to `faults`; what could be read is in the result."""
    flags = [use for use in statements if isinstance(use, FlagUse)]
    locations = _place_locations(statements, variables, by_position=by_position, faults=faults)
    index = _find_index_url(flags, variables, faults)
    index_url = None if index is None else index.url
    no_index = any(use.flag.name == "--no-index" for use in flags)
    members, constraint_places = [], set()
    for place, use in enumerate(statements):
        if not isinstance(use, RequirementUse):
            continue
        try:
            entry = parse_entry(use, variables=variables, layer=number)
        except Refusal as refusal:
            faults.add(use.position, refusal)
            continue
        in_force = [location for location in locations if location.place is None or location.place < place]
        scope = _build_scope(in_force, index_url, no_index=no_index)
        members.append((place, replace(entry, scope=scope, own_scope=scope)))
        if use.constraint:
            constraint_places.add(place)
    return DraftLayer(
        members=tuple(members),
        constraint_places=frozenset(constraint_places),
        locations=() if no_index else tuple(locations),
        named_locations=tuple(_iter_effective(index, locations, no_index=no_index)),
        scope=_build_scope(locations, index_url, no_index=no_index),
        no_deps=any(use.flag.name == "--no-deps" for use in flags),
        no_build_isolation=any(use.flag.name == "--no-build-isolation" for use in flags),
        warnings=_warn_of_no_index(flags) if no_index else (),
    )


def _place_locations(
    statements: Sequence[Statement], variables: Mapping[str, str], *, by_position: bool, faults: FaultCollector
) -> list[PlacedLocation]:
    """The extra indexes and find-links locations in list order; those after the last requirement have no place."""
    requirements = (i for i, use in enumerate(statements) if isinstance(use, RequirementUse) and not use.constraint)
    last_requirement = max(requirements, default=-1)
    locations = []
    for place, use in enumerate(statements):
        if not isinstance(use, FlagUse) or use.flag.serves is not FlagReach.POSITION:
            continue
        try:
            url = parse_location(use, variables)
        except Refusal as refusal:
            faults.add(use.position, refusal)
            continue
        locations.append(
            PlacedLocation(
                url=url,
                position=use.position,
                is_index=use.flag.name == "--extra-index-url",
                place=place if by_position and place < last_requirement else None,
            )
        )
    return locations


def _find_index_url(
    flags: Iterable[FlagUse], variables: Mapping[str, str], faults: FaultCollector
) -> NamedLocation | None:
    """The one `--index-url` of the layer; a second, different one is a fault."""
    found: NamedLocation | None = None
    for use in flags:
        if use.flag.name != "--index-url":
            continue
        try:
            url = parse_location(use, variables)
            if found is not None and found.url != url:
                raise Refusal(
                    f"a second `--index-url`, `{url}`",
                    why=f"{found.position} names `{found.url}`, and a layer has one",
                    remedy="make one of them an `--extra-index-url`",
                )
            found = found or NamedLocation(url=url, position=use.position, is_index=True)
        except Refusal as refusal:
            faults.add(use.position, refusal)
    return found


def _iter_effective(
    index: NamedLocation | None, locations: Iterable[PlacedLocation], *, no_index: bool
) -> Iterator[NamedLocation]:
    if index is not None and not no_index:
        yield index
    for location in locations:
        if not (no_index and location.is_index):
            yield NamedLocation(url=location.url, position=location.position, is_index=location.is_index)


def _build_scope(locations: Iterable[PlacedLocation], index_url: Url | None, *, no_index: bool) -> Scope:
    """The scope of these locations. `--no-index` leaves find-links only, as with pip."""
    locations = tuple(locations)
    extra_indexes = tuple(dict.fromkeys(location.url for location in locations if location.is_index))
    return Scope(
        extra_indexes=() if no_index else extra_indexes,
        indexes=() if no_index or index_url is None else (index_url,),
        default_index=index_url is None and not no_index,
        find_links=tuple(dict.fromkeys(location.url for location in locations if not location.is_index)),
    )


def _warn_of_no_index(flags: Iterable[FlagUse]) -> tuple[str, ...]:
    return tuple(
        f"{use.position}: `{use.flag.name}` has no effect, because its layer has `--no-index`"
        for use in flags
        if use.flag.name in ("--index-url", "--extra-index-url")
    )
