"""One layer of a list: its items read as statements, and its statements made into entries with scopes.

In: items, which are arguments of a command line. A flag and its value are two items, `--flag=value`, or one string
`--flag value`. Out: statements with the position of their item. `-r` and `-c` stay statements, which
`resolver.requirements.requirement_file` replaces by the content of their files.

In: the statements of a layer without `-r` and `-c`. Out: `DraftLayer`, in which each entry has the scope of its own
position. `resolver.requirements.requirement_list` then merges the scopes of entries of one project in all layers.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from lockfiles._values import compile_later, dataclass
from resolver.errors import Position
from resolver.requirements.entry import Entry, NamedLocation
from resolver.requirements.flags import (
    FaultCollector,
    Flag,
    FlagReach,
    FlagUse,
    Refusal,
    RequirementUse,
    Statement,
    find_item_flag,
)
from resolver.requirements.index_urls import parse_location
from resolver.requirements.requirement_file import check_length, split_tail
from resolver.requirements.requirement_text import parse_entry
from resolver.requirements.scopes import FlagScope, Scope, merge_scopes
from resolver.requirements.url import Url

__all__ = [
    "DraftLayer",
    "PlacedLocation",
    "draft_layer",
    "read_items",
]

# A `#` at the start or after white space: others belong to a URL.
_COMMENT = compile_later(r"(^|\s)#")
# The flags that a scope is made of.
_LOCATION_FLAGS = frozenset({"--index-url", "--extra-index-url", "--find-links", "--no-index"})
# In the value of a flag: two flags in one string, which a shell would have split.
_SECOND_FLAG = compile_later(r"\s-")


# These two are values between this module and `requirement_list`; later stages never see them.
@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLocation:
    """An extra index or a find-links location. `place` counts the statements before it; None means the whole layer.

    `inclusion` is the number of the included file that it serves alone; None for one of the list itself.
    """

    url: Url
    position: Position
    is_index: bool
    place: int | None = None
    inclusion: int | None = None

    def serves(self, place: int, inclusion: int | None) -> bool:
        """Whether it applies to an entry at this place, which an included file with indexes of its own may hold."""
        if self.inclusion is not None:
            return self.inclusion == inclusion
        return self.place is None or self.place < place


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLayer:
    """A layer whose entries have the scopes of their own positions.

    - `members` are its entries and constraints in list order, each with the number of statements before it (its place).
    - `constraint_places` are the places of those members that are constraints.
    - `locations` are those of the list itself, and empty under `--no-index`. `named_locations` are those of flags that
      have an effect, also in included files.
    - `scope` is that of the whole layer. `warnings` are whole messages.
    """

    members: tuple[tuple[int, Entry], ...]
    constraint_places: frozenset[int]
    locations: tuple[PlacedLocation, ...]
    named_locations: tuple[NamedLocation, ...]
    scope: Scope
    no_deps: bool
    no_build_isolation: bool
    warnings: tuple[str, ...]


def read_items(
    items: Sequence[object],
    *,
    source: str,
    layer: int | None,
    faults: FaultCollector,
    positions: Sequence[Position] = (),
) -> tuple[Statement, ...]:
    """The statements of one layer; items that cannot be used are added to `faults`.

    `layer` is None for a flat list. `positions` has one position for each item; if it is empty, positions are made of
    `source`, `layer` and the number of the item.
    """
    statements: list[Statement] = []
    places = positions or [Position(source=source, layer=layer, item=index) for index in range(len(items))]
    numbered = iter(list(zip(places, items, strict=True)))
    # An item that a flag takes as its value is not visited by the loop.
    pending = _Lookahead(numbered)
    for position, item in pending:
        # The loop goes on after a fault, so that one report has all of them.
        try:
            text = _check_item(item)
            check_length(text)
            if text.startswith("-"):
                _add_flag(statements, _read_flag(text, position, pending))
            else:
                statements.append(_read_requirement(text, position))
        except Refusal as refusal:
            faults.add(position, refusal)
    return tuple(statements)


def draft_layer(
    statements: Sequence[Statement],
    *,
    number: int,
    variables: Mapping[str, str],
    flag_scope: FlagScope | None,
    faults: FaultCollector,
) -> DraftLayer:
    """The layer of these statements.

    `number` is that of the layer. `flag_scope` is what a flag applies to; None is the rule for lists: by position, and
    the flags of an included file apply to that file. Faults are added to `faults`, and the result holds all statements
    without faults, so that later checks find more of them.
    """
    ignored = [use for use in statements if isinstance(use, FlagUse) and use.constraint]
    statements = [use for use in statements if isinstance(use, RequirementUse) or not use.constraint]
    if flag_scope is None and _is_one_file(statements):
        flag_scope = "list"
    statements = _mark_inclusions(statements, flag_scope)
    # Flags of the layer count wherever they are in it; only extra indexes and find-links depend on their place.
    flags = [use for use in statements if isinstance(use, FlagUse)]
    names = {use.flag.name for use in flags}
    locations = _place_locations(statements, variables, by_position=flag_scope != "list", faults=faults)
    parts = _LayerParts(flags, locations, variables, faults)
    members: list[tuple[int, Entry]] = []
    constraint_places = {place for place, use in enumerate(statements) if use.constraint}
    for place, use, entry in _iter_entries(statements, number, variables, faults):
        scope = parts.build_scope(place, use.inclusion)
        members.append((place, replace(entry, scope=scope, own_scope=scope, inclusion=use.inclusion)))
    served = {entry.inclusion for place, entry in members if place not in constraint_places}
    return DraftLayer(
        members=tuple(members),
        constraint_places=frozenset(constraint_places),
        locations=() if parts.has_no_index(None) else tuple(one for one in locations if one.inclusion is None),
        named_locations=tuple(parts.iter_effective_locations()),
        scope=parts.build_layer_scope(served or {None}),
        no_deps="--no-deps" in names,
        no_build_isolation="--no-build-isolation" in names,
        warnings=(*_list_ignored_flags(ignored), *parts.iter_warnings()),
    )


class _Lookahead:
    """An iterator over items with positions, from which the value of a flag can be taken in between."""

    def __init__(self, items: Iterator[tuple[Position, object]]) -> None:
        self._items = deque(items)

    def __iter__(self) -> Iterator[tuple[Position, object]]:
        """The items that are left, each removed before it is yielded."""
        while self._items:
            yield self._items.popleft()

    def take_value(self, flag: Flag) -> str | None:
        """Remove and return the next item if it can be the value of `flag`; None otherwise."""
        value = self._items[0][1] if self._items else None
        if not isinstance(value, str) or not value.strip():
            return None
        # Only a build setting may begin like a flag: `--config-settings --build-option=…`.
        if value.strip().startswith("-") and flag.name != "--config-settings":
            return None
        # A comment as an item is a fault of its own, unless the flag takes any text.
        if flag.reach is not FlagReach.LINE and _COMMENT.match(value):
            return None
        self._items.popleft()
        return value.strip()


def _check_item(item: object) -> str:
    """The text of an item, without white space around it.

    Raises Refusal for an item that is no text, is empty, or holds a comment, which only files may have.
    """
    # Programs may give any value; a layer among items is the most frequent mistake.
    if not isinstance(item, str):
        if isinstance(item, Sequence):
            raise Refusal(
                "a list among strings",
                why="a list holds either items or layers",
                remedy="put every item into a layer: `[[…], […]]`",
            )
        raise Refusal(f"an item of type `{type(item).__name__}`", remedy="give text: a requirement or a flag")
    text = item.strip()
    if not text:
        raise Refusal("an empty item", why="an installer refuses an empty argument", remedy="remove it")
    if _COMMENT.match(text):
        raise Refusal("a comment as an item", why="items are arguments, which know no comments", remedy="remove it")
    if _COMMENT.search(text):
        raise Refusal(
            f"`{text}` holds a comment",
            why="items are arguments, which know no comments",
            remedy="remove it, from the `#` on",
        )
    return text


def _read_flag(text: str, position: Position, pending: _Lookahead) -> FlagUse:
    """The flag of an item with its value, which is attached, in the same string, or the next item. Raises Refusal."""
    spelling, attached = _split_spelling(text)
    flag = find_item_flag(spelling)
    # A switch has no value, not even an empty one after `=`.
    if not flag.value:
        if attached is not None:
            raise Refusal(f"`{spelling}` takes no value", remedy=f"write `{flag.name}` alone, as an item of its own")
        return FlagUse(position=position, flag=flag)
    # An attached value wins, even an empty one: `--index-url=` has no value, and takes no item.
    value = attached if attached is not None else pending.take_value(flag)
    if not value:
        raise Refusal(f"`{spelling}` has no value", remedy=f"write `{flag.name}={flag.value}`")
    # `--index-url URL --pre` as one string; a shell would have made three items of it.
    if attached is not None and flag.reach is not FlagReach.LINE and _SECOND_FLAG.search(value):
        raise Refusal("two flags in one item", remedy="make each flag an item of its own")
    return FlagUse(position=position, flag=flag, value=value)


def _split_spelling(text: str) -> tuple[str, str | None]:
    """The flag of an item and the value in the same string: `--flag=value`, `--flag value`, `-fvalue`; else None."""
    # A short flag has one letter, and its value may follow without a separator.
    if text.startswith("--"):
        match = re.match(r"(--[^\s=]*)(?:=|\s+)(.*)", text, re.DOTALL)
        return (match[1], match[2].strip()) if match else (text, None)
    return text[:2], text[2:].strip() or None


def _read_requirement(text: str, position: Position) -> RequirementUse:
    """A requirement with the flags after it in the same item. Raises Refusal for a flag that a line cannot have."""
    # The same split as in a file: flags begin at the first word with a dash.
    requirement, tail = split_tail(text)
    line_flags = []
    if tail:
        # In a requirement file pip allows two flags here. An item allows the same, so that a line can become an item.
        for word in _split_line_flags(tail):
            spelling, value = _split_spelling(word)
            flag = find_item_flag(spelling)
            if flag.reach is not FlagReach.LINE:
                raise Refusal(
                    f"`{flag.name}` after a requirement in the same item",
                    why="in a requirement file pip ignores it there",
                    remedy="make it an item of its own",
                )
            if not value:
                raise Refusal(f"`{spelling}` has no value", remedy=f"write `{flag.name}={flag.value}`")
            line_flags.append(FlagUse(position=position, flag=flag, value=value))
    return RequirementUse(position=position, text=requirement, line_flags=tuple(line_flags))


def _split_line_flags(tail: str) -> list[str]:
    """The flags after a requirement, each with its value: a flag begins at each word with a dash and a letter.

    Unlike in a file, quotation marks have no meaning here, because items are arguments that a shell has split already.
    """
    return [word for word in re.split(r"(?<!\s)\s++(?=--?[A-Za-z])", tail) if word]


def _add_flag(statements: list[Statement], use: FlagUse) -> None:
    """Add a flag to the statements, or to the requirement right before it if it belongs to a line.

    `--editable` becomes a requirement of its own. Raises Refusal for a flag of a line without a requirement.
    """
    # `-e path`: its value is the requirement.
    if use.flag.reach is FlagReach.REQUIREMENT:
        statements.append(RequirementUse(position=use.position, text=use.value, editable=True))
    elif use.flag.reach is not FlagReach.LINE:
        statements.append(use)
    elif statements and isinstance(last := statements[-1], RequirementUse):
        statements[-1] = replace(last, line_flags=(*last.line_flags, use))
    else:
        raise Refusal(
            f"`{use.flag.name}` follows no requirement",
            why="it belongs to the requirement right before it",
            remedy="move it behind its requirement",
        )


def _iter_entries(
    statements: Iterable[Statement], number: int, variables: Mapping[str, str], faults: FaultCollector
) -> Iterator[tuple[int, RequirementUse, Entry]]:
    """Each requirement and constraint without a fault, with its place and its entry, which has no scope yet."""
    # Places count all statements, so that those of locations and members can be compared.
    for place, use in enumerate(statements):
        if not isinstance(use, RequirementUse):
            continue
        try:
            yield place, use, parse_entry(use, variables=variables, layer=number)
        except Refusal as refusal:
            faults.add(use.position, refusal)


def _mark_inclusions(statements: Sequence[Statement], flag_scope: FlagScope | None) -> Sequence[Statement]:
    """The statements, of which those of a file have its number only if it has indexes of its own that serve it alone.

    A file without such flags is the same as its requirements in the list.
    """
    if all(use.inclusion is None for use in statements):
        return statements
    own = {use.inclusion for use in statements if isinstance(use, FlagUse) and use.flag.name in _LOCATION_FLAGS}
    if flag_scope is not None:
        own = set()
    return [use if use.inclusion in own else replace(use, inclusion=None) for use in statements]


def _is_one_file(statements: Sequence[Statement]) -> bool:
    """Whether all requirements come from one included file: then the flags of both serve all of them."""
    inclusions = {use.inclusion for use in statements if isinstance(use, RequirementUse) and not use.constraint}
    return len(inclusions) == 1 and None not in inclusions


class _LayerParts:
    """The scopes of a layer and of those included files in it that have indexes of their own, by their numbers.

    The number of the layer itself is None. What the layer names applies to each part; `--no-index` does so too.
    """

    def __init__(
        self,
        flags: Sequence[FlagUse],
        locations: Sequence[PlacedLocation],
        variables: Mapping[str, str],
        faults: FaultCollector,
    ) -> None:
        self._flags = flags
        self._locations = locations
        # Of the whole layer, so that a second one is a fault wherever it is.
        self._index = _find_index_url(flags, variables, faults)
        self._has_index = {use.inclusion for use in flags if use.flag.name == "--index-url"}
        self._has_no_index = {use.inclusion for use in flags if use.flag.name == "--no-index"}

    def has_no_index(self, inclusion: int | None) -> bool:
        """Whether `--no-index` applies to a part."""
        return not self._has_no_index.isdisjoint({None, inclusion})

    def build_scope(self, place: int, inclusion: int | None) -> Scope:
        """The scope of an entry at this place."""
        return self._build_scope([one for one in self._locations if one.serves(place, inclusion)], inclusion)

    def build_layer_scope(self, served: Iterable[int | None]) -> Scope:
        """The scope of all flags of the layer; `served` are the parts that hold requirements."""
        everywhere = max((one.place or 0 for one in self._locations), default=0) + 1
        scopes = {inclusion: self.build_scope(everywhere, inclusion) for inclusion in served}
        merged = merge_scopes(scopes.values())
        # In list order, which the order of the parts is not.
        return replace(
            merged,
            extra_indexes=tuple(
                dict.fromkeys(one.url for one in self._locations if one.is_index and one.url in merged.extra_indexes)
            ),
            find_links=tuple(
                dict.fromkeys(one.url for one in self._locations if not one.is_index and one.url in merged.find_links)
            ),
        )

    def iter_effective_locations(self) -> Iterator[NamedLocation]:
        """The locations of flags that have an effect, the `--index-url` first."""
        # `--no-index` makes every flag that names an index ineffective, even one after it.
        if self._index is not None and not all(map(self.has_no_index, self._has_index)):
            yield self._index
        for location in self._locations:
            if not (location.is_index and self.has_no_index(location.inclusion)):
                yield NamedLocation(url=location.url, position=location.position, is_index=location.is_index)

    def iter_warnings(self) -> Iterator[str]:
        """Warnings about flags that name an index where there is a `--no-index`."""
        for use in self._flags:
            if use.flag.name in ("--index-url", "--extra-index-url") and self.has_no_index(use.inclusion):
                yield f"{use.position}: `{use.flag.name}` has no effect, because its layer has `--no-index`"

    def _build_scope(self, locations: Sequence[PlacedLocation], inclusion: int | None) -> Scope:
        """The scope of these locations in a part. With `--no-index` it has find-links locations only, as with pip."""
        no_index = self.has_no_index(inclusion)
        is_replaced = not self._has_index.isdisjoint({None, inclusion}) and self._index is not None
        # Two spellings of one URL are equal here, and the first position counts.
        extra_indexes = tuple(dict.fromkeys(location.url for location in locations if location.is_index))
        return Scope(
            extra_indexes=() if no_index else extra_indexes,
            indexes=(self._index.url,) if self._index is not None and is_replaced and not no_index else (),
            default_index=not is_replaced and not no_index,
            find_links=tuple(dict.fromkeys(location.url for location in locations if not location.is_index)),
        )


def _place_locations(
    statements: Sequence[Statement], variables: Mapping[str, str], *, by_position: bool, faults: FaultCollector
) -> list[PlacedLocation]:
    """The extra indexes and find-links locations in list order.

    Those after the last requirement have no place: with nothing after them, they apply to the whole layer.
    """
    # A constraint is no requirement: a flag between the last requirement and a `-c` is at the end too.
    requirements = (i for i, use in enumerate(statements) if isinstance(use, RequirementUse) and not use.constraint)
    last_requirement = max(requirements, default=-1)
    locations = []
    for place, use in enumerate(statements):
        if not isinstance(use, FlagUse) or use.flag.reach is not FlagReach.POSITION:
            continue
        try:
            url = parse_location(use, variables)
        except Refusal as refusal:
            faults.add(use.position, refusal)
            continue
        # Without positional rules no location has a place.
        locations.append(
            PlacedLocation(
                url=url,
                position=use.position,
                is_index=use.flag.name == "--extra-index-url",
                place=place if by_position and place < last_requirement else None,
                inclusion=use.inclusion,
            )
        )
    return locations


def _find_index_url(
    flags: Iterable[FlagUse], variables: Mapping[str, str], faults: FaultCollector
) -> NamedLocation | None:
    """The `--index-url` of the layer, None without one; a second one with another URL is a fault."""
    found: NamedLocation | None = None
    for use in flags:
        if use.flag.name != "--index-url":
            continue
        try:
            url = parse_location(use, variables)
            # `[tool.pinfold]` and the list may both name the same one.
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


def _list_ignored_flags(flags: Iterable[FlagUse]) -> tuple[str, ...]:
    """Warnings about flags in constraint files. As with uv, such a file only limits versions."""
    return tuple(
        f"{use.position}: `{use.flag.name}` has no effect, because a constraint file contributes no flags"
        for use in flags
    )
