"""A whole requirement list: items, layers or the text of a requirement file in, entries with positions and scopes out.

Files that `-r` and `-c` name come through `read_file`, variables through `variables`, so this needs neither disk nor
network. All faults of a list are raised together, as one ListError in list order.

The stages, in `_build_list`: the flags of the command line or settings, inclusions, the draft of each layer, the scope
of each project, then two steps over the whole list:

- Two exact pins or two direct references of one project contradict each other unless markers keep them apart. All
  other conflicts are left to the search.
- No location moves silently. A flag after the last requirement applies to its whole layer; with one more requirement
  after it, it becomes positional, and the requirements before it lose the location. Each such requirement is noted for
  later stages, which know whether another file would be locked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from lockfiles.errors import parser_boundary
from resolver.errors import ListError, Position
from resolver.requirements.direct_reference import is_same_source
from resolver.requirements.entry import (
    DirectReference,
    Entry,
    Layer,
    ListOptions,
    RequirementList,
    TakenIndex,
    gather_list_options,
)
from resolver.requirements.flags import FaultCollector, FlagReach, FlagUse, Refusal, RequirementUse, Statement
from resolver.requirements.items import DraftLayer, PlacedLocation, draft_layer, read_items
from resolver.requirements.requirement_file import ReadFile, include_files, read_statements
from resolver.requirements.scopes import BY_POSITION, Scope, ScopeRules, merge_scopes

__all__ = [
    "parse_requirement_file",
    "parse_requirement_list",
]


@parser_boundary(lambda reason: ListError(f"the list: {reason}"))
def parse_requirement_list(
    items: Sequence[str] | Sequence[Sequence[str]],
    *,
    source: str = "requirements",
    leading: Sequence[str | Statement] = (),
    read_file: ReadFile | None = None,
    variables: Mapping[str, str] | None = None,
    rules: ScopeRules = BY_POSITION,
    positions: Sequence[Position] | Sequence[Sequence[Position]] = (),
    additions: Sequence[RequirementUse] = (),
) -> RequirementList:
    """The list of these items, or of these layers of items.

    - `source` names the list in positions.
    - `leading` are the flags of the command line as items, or those of settings as statements with their own positions.
      They come before item 0 of every layer.
    - `positions` are those of the items, in the form of `items`, if the items have lines in a file.
    - `additions` are requirements beside the list. After layers they are a layer of their own; after a flat list they
      are its last requirements, and all of its flags apply to them.

    Raises ListError with all faults.
    """
    # Faults of all stages are collected, and raised at the end of `_build_list`.
    faults = FaultCollector()
    layers = [
        read_items(layer, source=source, layer=number, faults=faults, positions=_find_positions(number, positions))
        for number, layer in _split_layers(items, Position(source=source), faults)
    ]
    # `additions` go to the last layer: after layers, an empty one is made for them.
    if additions and isinstance(items, Sequence) and any(not isinstance(item, str) for item in items):
        layers.append(())
    return _build_list(
        layers,
        additions=additions,
        leading=leading,
        read_file=read_file,
        variables=variables or {},
        rules=rules,
        faults=faults,
    )


@parser_boundary(lambda reason: ListError(f"the list: {reason}"))
def parse_requirement_file(
    text: str,
    *,
    source: str = "requirements.txt",
    leading: Sequence[str | Statement] = (),
    read_file: ReadFile | None = None,
    variables: Mapping[str, str] | None = None,
    rules: ScopeRules = BY_POSITION,
    additions: Sequence[RequirementUse] = (),
) -> RequirementList:
    """The list, of one layer, of the text of a requirement file (pip: Requirements File Format).

    `source` is the name of the file as `read_file` would return it, so that a file that includes itself is found. The
    other arguments are those of `parse_requirement_list`. Raises ListError with all faults.
    """
    faults = FaultCollector()
    # The file is read as `-r` would read it, with no file around it.
    statements = read_statements(
        text, source=source, variables=variables or {}, included_by=None, constraint=False, faults=faults
    )
    return _build_list(
        [tuple(statements)],
        additions=additions,
        leading=leading,
        read_file=read_file,
        variables=variables or {},
        # As with pip and uv, the flags of requirement files serve all that is read in the run.
        rules=replace(rules, flag_scope=rules.flag_scope or "list"),
        faults=faults,
    )


def _find_positions(
    layer: int | None, positions: Sequence[Position] | Sequence[Sequence[Position]]
) -> Sequence[Position]:
    """The positions of one layer, or of a flat list if `layer` is None; empty if positions are unknown."""
    if layer is None or not positions:
        return tuple(one for one in positions if isinstance(one, Position))
    # The types allow a mixture of both forms, which no caller makes.
    inner = positions[layer]
    return () if isinstance(inner, Position) else inner


def _split_layers(
    items: object, position: Position, faults: FaultCollector
) -> Iterable[tuple[int | None, Sequence[object]]]:
    """The layers of a list with their numbers, None for a flat list.

    A mixture of items and layers counts as flat, so that `read_items` reports each layer in it.
    """
    if isinstance(items, str) or not isinstance(items, Sequence):
        refusal = Refusal(f"a list of type `{type(items).__name__}`", remedy="give a list of strings, or of such lists")
        faults.add(position, refusal)
        return [(None, ())]
    # An empty list is flat: it has no entries, but the flags of the command line still apply.
    is_layer = [isinstance(item, Sequence) and not isinstance(item, str) for item in items]
    if not items or not all(is_layer):
        return [(None, items)]
    return list(enumerate(items))


def _build_list(
    layers: Sequence[tuple[Statement, ...]],
    *,
    additions: Sequence[RequirementUse],
    leading: Sequence[str | Statement],
    read_file: ReadFile | None,
    variables: Mapping[str, str],
    rules: ScopeRules,
    faults: FaultCollector,
) -> RequirementList:
    """The list of these layers of statements, by the stages that the module docstring names.

    Raises ListError after the last stage, so that one report has the faults of all of them.
    """
    flags, constraints = _read_leading(leading, faults)
    drafts, options = [], []
    for number, layer in enumerate(layers):
        # Constraints of the command line apply to the whole list, so it is enough that the first layer names them.
        given = (*flags, *(constraints if number == 0 else ()), *layer)
        statements = tuple(include_files(given, read_file=read_file, variables=variables, faults=faults))
        if number == len(layers) - 1:
            statements = _insert_additions(additions, statements)
        drafts.append(
            draft_layer(statements, number=number, variables=variables, flag_scope=rules.flag_scope, faults=faults)
        )
        options += [use for use in statements if isinstance(use, FlagUse) and not use.constraint]
    # The checks need the scopes of all layers, since a later layer may name the same project.
    scopes = _merge_by_name(drafts)
    _check_contradictions([entry for draft in drafts for _, entry in draft.members], faults)
    # With `flag_scope`, the user has chosen what position means.
    taken = [one for draft in drafts if rules.flag_scope is None for one in _find_taken_indexes(draft, scopes)]
    gathered = gather_list_options(options, faults)
    faults.raise_if_any()
    return _assemble(drafts, scopes, gathered, taken)


def _read_leading(
    leading: Sequence[str | Statement], faults: FaultCollector
) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """The leading flags, and separately the leading constraints; a requirement among them is a fault."""
    flags: list[Statement] = []
    constraints: list[Statement] = []
    # Items are read together, because a flag and its value may be two of them.
    tokens = [token for token in leading if isinstance(token, str)]
    items = read_items(tokens, source="command line", layer=None, faults=faults)
    for use in _order_leading(leading, items):
        if isinstance(use, RequirementUse) and use.constraint:
            constraints.append(use)
        elif isinstance(use, RequirementUse) or use.flag.name == "--requirement":
            refusal = Refusal("a requirement among the flags", remedy="put it into the list")
            faults.add(use.position, refusal)
        else:
            (constraints if use.flag.reach is FlagReach.FILE else flags).append(use)
    return tuple(flags), tuple(constraints)


def _order_leading(leading: Sequence[str | Statement], items: Sequence[Statement]) -> Iterator[Statement]:
    """The statements of `leading`; the statements of all its items are in the place of the first item."""
    are_due = True
    for one in leading:
        if not isinstance(one, str):
            yield one
        elif are_due:
            yield from items
            are_due = False


def _insert_additions(additions: Sequence[RequirementUse], statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """The statements with `additions` after the last requirement, so that flags at the end still apply to the layer."""
    # A flag of a line belongs to the requirement before it, so it is not one of the flags at the end.
    end = len(statements)
    while end and isinstance(flag := statements[end - 1], FlagUse) and flag.flag.reach is not FlagReach.LINE:
        end -= 1
    return (*statements[:end], *additions, *statements[end:])


def _merge_by_name(drafts: Sequence[DraftLayer]) -> dict[NormalizedName, Scope]:
    """The scope of each project that the list names: the union over its entries and constraints, in list order.

    A project that only `-c` names is locked only as a dependency, so it has the scope of dependencies.
    """
    # A direct reference without a name has no project yet, so it keeps the scope of its position.
    by_name: dict[NormalizedName, list[Scope]] = {}
    requested = set()
    for draft in drafts:
        for place, entry in draft.members:
            if entry.name is not None:
                by_name.setdefault(entry.name, []).append(entry.own_scope)
                if place not in draft.constraint_places:
                    requested.add(entry.name)
    dependency_scope = merge_scopes(draft.scope for draft in drafts)
    return {name: merge_scopes(own) if name in requested else dependency_scope for name, own in by_name.items()}


def _check_contradictions(entries: Sequence[Entry], faults: FaultCollector) -> None:
    """Add a fault for each entry that contradicts an earlier one; `entries` include those of `-c`, in list order."""
    # Equal claims about one project are kept once: long lists repeat themselves.
    # By project, marker, and whether the claim is a pin: claims of these can be compared.
    seen: dict[tuple[NormalizedName, Marker | None, bool], dict[DirectReference | SpecifierSet, Entry]] = {}
    for entry in entries:
        claim = _find_claim(entry)
        if entry.name is None or claim is None:
            continue
        earlier = seen.setdefault((entry.name, entry.marker, entry.direct is None), {})
        if claim in earlier:
            continue
        other = next((one for one in earlier.values() if _contradict(one, entry)), None)
        if other is not None:
            faults.add(
                entry.position,
                Refusal(
                    f"`{entry.text}` contradicts `{other.text}` at {other.position}",
                    why="no file of the project can be both",
                    remedy="keep one of the two",
                ),
            )
        else:
            earlier[claim] = entry


def _find_claim(entry: Entry) -> DirectReference | SpecifierSet | None:
    """The claim of an entry that another one can contradict, its direct reference or exact pin; None without one."""
    if entry.direct is not None:
        return entry.direct
    return None if _find_pin(entry.specifier) is None else entry.specifier


def _contradict(one: Entry, other: Entry) -> bool:
    """Whether two entries of one project with the same marker contradict each other, on every index."""
    # The caller compares references with references, and pins with pins.
    if one.direct is not None or other.direct is not None:
        return one.direct is None or other.direct is None or not is_same_source(one.direct, other.direct)
    pin, other_pin = _find_pin(one.specifier), _find_pin(other.specifier)
    if pin is None or other_pin is None:
        return False
    # `==2.6.0` also matches 2.6.0+cu124 (PEP 440), so two pins agree if either version satisfies both.
    # Pre-releases count, since a pin may be one.
    both = one.specifier & other.specifier
    return not (both.contains(pin, prereleases=True) or both.contains(other_pin, prereleases=True))


def _find_pin(specifier: SpecifierSet) -> str | None:
    """The version of an exact pin, any text for `===`; None for a specifier that allows several versions."""
    # Several clauses may be exact pins; if they differ, no version satisfies the specifier anyway.
    for one in specifier:
        if one.operator == "===" or (one.operator == "==" and not one.version.endswith(".*")):
            return one.version
    return None


def _find_taken_indexes(draft: DraftLayer, scopes: Mapping[NormalizedName, Scope]) -> Iterator[TakenIndex]:
    """The locations of a layer that do not apply to earlier entries because of their position.

    `scopes` are the merged scopes by name.
    """
    for location in draft.locations:
        for entry in _entries_before(location, draft):
            # Another entry of the same project may come after the location: then its scope has it.
            if entry.name is not None and entry.direct is None and not _is_in_force(scopes[entry.name], location):
                yield TakenIndex(
                    entry=entry, index=location.url, position=location.position, is_index=location.is_index
                )


def _entries_before(location: PlacedLocation, draft: DraftLayer) -> Iterable[Entry]:
    """The entries before a location that applies by position; constraints take no project from an index."""
    # A location without a place applies to the whole layer, so it is in every scope.
    place = location.place
    if place is None:
        return ()
    return (entry for at, entry in draft.members if at < place and at not in draft.constraint_places)


def _is_in_force(scope: Scope, location: PlacedLocation) -> bool:
    """Whether a scope has the location."""
    return location.url in (scope.extra_indexes if location.is_index else scope.find_links)


def _assemble(
    drafts: Sequence[DraftLayer],
    scopes: Mapping[NormalizedName, Scope],
    options: ListOptions,
    taken: Sequence[TakenIndex],
) -> RequirementList:
    """The list of these drafts: each entry with the scope of its project, and the values of all layers joined."""
    # A member is an entry or a constraint of its layer, by its place.
    return RequirementList(
        layers=tuple(
            Layer(
                entries=tuple(_set_scope(e, scopes) for at, e in draft.members if at not in draft.constraint_places),
                scope=draft.scope,
                no_deps=draft.no_deps,
                no_build_isolation=draft.no_build_isolation,
            )
            for draft in drafts
        ),
        constraints=tuple(
            _set_scope(entry, scopes)
            for draft in drafts
            for at, entry in draft.members
            if at in draft.constraint_places
        ),
        dependency_scope=merge_scopes(draft.scope for draft in drafts),
        pre=options.pre,
        prefer_binary=options.prefer_binary,
        format_control=options.format_control,
        require_hashes=options.require_hashes,
        trusted_hosts=options.trusted_hosts,
        named_locations=tuple(location for draft in drafts for location in draft.named_locations),
        taken_indexes=tuple(replace(one, entry=_set_scope(one.entry, scopes)) for one in taken),
        warnings=tuple(dict.fromkeys(warning for draft in drafts for warning in draft.warnings)),
    )


def _set_scope(entry: Entry, scopes: Mapping[NormalizedName, Scope]) -> Entry:
    """The entry with the scope of its project; one without a name keeps its own."""
    return entry if entry.name is None else replace(entry, scope=scopes[entry.name])
