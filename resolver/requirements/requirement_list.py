"""A requirement list, parsed: items, layers or a requirement file in, entries with positions and scopes out.

Everything that needs no network and no disk: files that `-r` and `-c` name come through `read_file`, variables
through `variables`. All faults of a list are raised together, as one ListError.

Requirements on one project that contradict each other whatever an index offers.

Two exact pins or two direct references contradict where their markers do not tell them apart. Everything else about
several requirements on one project is for the search to find out.

Nothing moves silently: indexes that position takes away from the requirements before them.

A flag after the last requirement serves its whole layer; one more requirement after it makes it positional, and
those before it lose the index. That is a fault where the index exists for the lost project's family, else a note for
later stages, which know whether the index has the project.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from resolver.errors import Position
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
from resolver.requirements.requirement_file import ReadFile, decode_requirement_file, include_files, read_statements
from resolver.requirements.scopes import (
    BY_POSITION,
    IndexFamily,
    Scope,
    ScopeRules,
    find_family,
    is_family_name,
    merge_scopes,
)

__all__ = [
    "ReadFile",
    "check_duplicates",
    "decode_requirement_file",
    "find_taken_indexes",
    "parse_requirement_file",
    "parse_requirement_list",
]


def check_duplicates(entries: Sequence[Entry], faults: FaultCollector) -> None:
    """Report every entry that contradicts an earlier one; `entries` include those of `-c`, in list order."""
    # Entries that say the same of the same project stand here once: long lists repeat themselves.
    seen: dict[tuple[NormalizedName, Marker | None, bool], dict[DirectReference | SpecifierSet, Entry]] = {}
    for entry in entries:
        says = _find_claim(entry)
        if entry.name is None or says is None:
            continue
        earlier = seen.setdefault((entry.name, entry.marker, entry.direct is None), {})
        if says in earlier:
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
            earlier[says] = entry


def _find_claim(entry: Entry) -> DirectReference | SpecifierSet | None:
    """What an entry says that another one can contradict: its direct reference or exact pin."""
    if entry.direct is not None:
        return entry.direct
    return None if _find_pin(entry.specifier) is None else entry.specifier


def _contradict(one: Entry, other: Entry) -> bool:
    """Whether two entries of one project under one marker contradict each other."""
    if one.direct is not None or other.direct is not None:
        return one.direct is None or other.direct is None or not is_same_source(one.direct, other.direct)
    pin, other_pin = _find_pin(one.specifier), _find_pin(other.specifier)
    if pin is None or other_pin is None:
        return False
    # `==2.6.0` also matches 2.6.0+cu124, so the two agree if either version satisfies both.
    both = one.specifier & other.specifier
    return not (both.contains(pin, prereleases=True) or both.contains(other_pin, prereleases=True))


def _find_pin(specifier: SpecifierSet) -> str | None:
    """The version of an exact pin. `===` may hold any text."""
    for one in specifier:
        if one.operator == "===" or (one.operator == "==" and not one.version.endswith(".*")):
            return one.version
    return None


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
    """The list that items, or layers of items, make.

    `leading` are flags of the command line, as items, or of settings, as statements with positions of their own; they
    stand before item 0 of every layer. `source` names the list in positions. `positions` are those of the items, in the
    same form, where they have lines. `additions` are requirements beside the list: a layer of their own behind layers,
    else the last ones of the list, whose flags serve them all. Raises ListError with all faults.
    """
    faults = FaultCollector()
    layers = [
        read_items(layer, source=source, layer=number, faults=faults, positions=_positions_of(number, positions))
        for number, layer in _split_layers(items, Position(source=source), faults)
    ]
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
    """The list, of one layer, that the text of a requirement file makes (pip: Requirements File Format).

    `source` is the file's name as `read_file` would give it. The other arguments are those of
    `parse_requirement_list`. Raises ListError with all faults.
    """
    faults = FaultCollector()
    statements = read_statements(
        text, source=source, variables=variables or {}, included_by=None, constraint=False, faults=faults
    )
    return _build_list(
        [tuple(statements)],
        additions=additions,
        leading=leading,
        read_file=read_file,
        variables=variables or {},
        rules=rules,
        faults=faults,
    )


def _positions_of(
    layer: int | None, positions: Sequence[Position] | Sequence[Sequence[Position]]
) -> Sequence[Position]:
    """The positions of one layer, or of a flat list."""
    if layer is None or not positions:
        return tuple(one for one in positions if isinstance(one, Position))
    inner = positions[layer]
    return () if isinstance(inner, Position) else inner


def _split_layers(
    items: object, position: Position, faults: FaultCollector
) -> Iterable[tuple[int | None, Sequence[object]]]:
    """The layers of a list with their numbers, None for a flat one; a mixture is left for the items to report."""
    if isinstance(items, str) or not isinstance(items, Sequence):
        refusal = Refusal(f"a list of type `{type(items).__name__}`", remedy="give a list of strings, or of such lists")
        faults.add(position, refusal)
        return [(None, ())]
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
    flags, constraints = _read_leading(leading, faults)
    drafts, options = [], []
    for number, layer in enumerate(layers):
        # Constraints of the command line belong to the first layer: one mention of them is enough.
        given = (*flags, *(constraints if number == 0 else ()), *layer)
        statements = tuple(include_files(given, read_file=read_file, variables=variables, faults=faults))
        if number == len(layers) - 1:
            statements = _insert(additions, statements)
        by_position = rules.flag_scope == "position"
        drafts.append(
            draft_layer(statements, number=number, variables=variables, by_position=by_position, faults=faults)
        )
        options += [use for use in statements if isinstance(use, FlagUse)]
    scopes = _merge_by_name(drafts)
    check_duplicates([entry for draft in drafts for _, entry in draft.members], faults)
    taken = [
        one for draft in drafts for one in find_taken_indexes(draft, scopes, families=rules.families, faults=faults)
    ]
    gathered = gather_list_options(options, faults)
    faults.raise_if_any()
    return _assemble(drafts, scopes, gathered, taken)


def _insert(additions: Sequence[RequirementUse], statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """The statements with others behind the last requirement: flags at the end still serve the whole layer."""
    end = len(statements)
    while end and isinstance(flag := statements[end - 1], FlagUse) and flag.flag.reach is not FlagReach.LINE:
        end -= 1
    return (*statements[:end], *additions, *statements[end:])


def _read_leading(
    leading: Sequence[str | Statement], faults: FaultCollector
) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """The flags of the command line or settings: constraints apart from all others."""
    flags: list[Statement] = []
    constraints: list[Statement] = []
    tokens = [token for token in leading if isinstance(token, str)]
    items = read_items(tokens, source="command line", layer=None, faults=faults)
    for use in _in_order(leading, items):
        if isinstance(use, RequirementUse) and use.constraint:
            constraints.append(use)
        elif isinstance(use, RequirementUse) or use.flag.name == "--requirement":
            refusal = Refusal("a requirement among the flags", remedy="put it into the list")
            faults.add(use.position, refusal)
        else:
            (constraints if use.flag.reach is FlagReach.FILE else flags).append(use)
    return tuple(flags), tuple(constraints)


def _in_order(leading: Sequence[str | Statement], items: Sequence[Statement]) -> Iterator[Statement]:
    """The statements of `leading`, those of its items together in the place of the first."""
    are_due = True
    for one in leading:
        if not isinstance(one, str):
            yield one
        elif are_due:
            yield from items
            are_due = False


def _merge_by_name(drafts: Sequence[DraftLayer]) -> dict[NormalizedName, Scope]:
    """The scope of each project that the list names: the union over its entries and constraints, in list order.

    A project that only `-c` names is reached through dependencies alone, so its scope is theirs.
    """
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


def _assemble(
    drafts: Sequence[DraftLayer],
    scopes: Mapping[NormalizedName, Scope],
    options: ListOptions,
    taken: Sequence[TakenIndex],
) -> RequirementList:
    return RequirementList(
        layers=tuple(
            Layer(
                entries=tuple(_with_scope(e, scopes) for at, e in draft.members if at not in draft.constraint_places),
                scope=draft.scope,
                no_deps=draft.no_deps,
                no_build_isolation=draft.no_build_isolation,
            )
            for draft in drafts
        ),
        constraints=tuple(
            _with_scope(entry, scopes)
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
        taken_indexes=tuple(replace(one, entry=_with_scope(one.entry, scopes)) for one in taken),
        warnings=tuple(dict.fromkeys(warning for draft in drafts for warning in draft.warnings)),
    )


def _with_scope(entry: Entry, scopes: Mapping[NormalizedName, Scope]) -> Entry:
    return entry if entry.name is None else replace(entry, scope=scopes[entry.name])
