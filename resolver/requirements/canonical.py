"""A parsed list as canonical tokens without secrets, layer by layer, which a lock stores and compares.

In: a `RequirementList`. Out: tokens of a command line; and the reverse, `parse_canonical_layers`, which gives equal
entries. Two lists of equal meaning give equal tokens: they contain no comments, no other spellings, no names of
included files, and flags whose order has no effect are sorted.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from lockfiles._files import hash_bytes
from lockfiles._values import compile_later, dataclass
from resolver.requirements.entry import Entry, FormatControl, Layer, RequirementList
from resolver.requirements.requirement_list import parse_requirement_list
from resolver.requirements.scopes import FlagScope, Scope, ScopeRules
from resolver.requirements.url import Url

__all__ = ["canonical_layers", "parse_canonical_layers"]

# The start of the content of an included file, whose lines follow it as words of a shell: a lock holds no line break.
_INCLUDED = "included: "
# A value of `--config-settings` from a lock: it is the hash already.
_DIGEST = compile_later(r"sha256:[0-9a-f]{64}")


def canonical_layers(requirement_list: RequirementList) -> tuple[tuple[str, ...], ...]:
    """The tokens of each layer; a flag and its value are two tokens. The first layer has the flags of the whole list.

    Values of `--config-settings` may be secret, so each is replaced by its SHA-256, which still shows a change.
    """
    layers = []
    # The options of the list are in the first layer alone; constraints are in the layer that names them.
    for number, layer in enumerate(requirement_list.layers):
        constraints = [entry for entry in requirement_list.constraints if entry.layer == number]
        tokens = [*(_list_flags(requirement_list) if number == 0 else ()), *_layer_tokens(layer, constraints)]
        layers.append(tuple(tokens))
    return tuple(layers)


def parse_canonical_layers(
    layers: Sequence[Sequence[str]],
    *,
    source: str = "requirements",
    flag_scope: FlagScope | None = None,
) -> RequirementList:
    """The list of canonical tokens, whose `-c` and `-r` hold the content of a file itself and not its name.

    `flag_scope` is that of the settings that the tokens were made under. Raises ListError for edited tokens.
    """
    return parse_requirement_list(
        [list(layer) for layer in layers],
        source=source,
        read_file=_read_token,
        rules=ScopeRules(flag_scope=flag_scope),
    )


def _read_token(reference: str, including: str) -> tuple[str, str]:
    """The name and text of a file whose content is the token itself: a constraint, or an included file with flags."""
    # No folder is in the name, because relative paths in the content are those of the list.
    if reference.startswith(_INCLUDED):
        return "included", "\n".join(shlex.split(reference.removeprefix(_INCLUDED)))
    return f"-c {reference}", reference


def _list_flags(requirement_list: RequirementList) -> Iterator[str]:
    """The flags that apply to the whole list, in a fixed order."""
    if requirement_list.pre:
        yield "--pre"
    if requirement_list.prefer_binary:
        yield "--prefer-binary"
    yield from _format_flags(requirement_list.format_control)
    if requirement_list.require_hashes:
        yield "--require-hashes"
    for host in sorted(requirement_list.trusted_hosts):
        yield from ("--trusted-host", host)


def _format_flags(control: FormatControl) -> Iterator[str]:
    """The tokens of `--no-binary` and `--only-binary`: `:all:` first, because it removes the names before it."""
    choices = (("--no-binary", control.no_binary), ("--only-binary", control.only_binary))
    for flag, names in choices:
        if ":all:" in names:
            yield from (flag, ":all:")
    for flag, names in choices:
        if ":all:" not in names and names:
            yield from (flag, ",".join(sorted(names)))
        elif names - {":all:"}:
            yield from (flag, ",".join(sorted(names - {":all:"})))


def _layer_tokens(layer: Layer, constraints: Sequence[Entry]) -> Iterator[str]:
    """The flags of the layer, then its members, each after the locations that apply to it and to no earlier one."""
    yield from _index_tokens(layer.scope)
    if layer.no_deps:
        yield "--no-deps"
    if layer.no_build_isolation:
        yield "--no-build-isolation"
    # The sort is stable and scopes grow along a list, so entries keep the order of the list.
    members = _order_members(layer, constraints)
    own = [member for member in members if member.entry.inclusion is None]
    # Each entry of an included file, with the number of the list's own members before it.
    files = [
        (sum(one.entry.inclusion is None for one in members[:at]), member.entry.own_scope)
        for at, member in enumerate(members)
        if member.entry.inclusion is not None
    ]
    extras = _spread(
        [member.entry.own_scope.extra_indexes for member in own],
        layer.scope.extra_indexes,
        [(at, scope.extra_indexes) for at, scope in files],
    )
    links = _spread(
        [member.entry.own_scope.find_links for member in own],
        layer.scope.find_links,
        [(at, scope.find_links) for at, scope in files],
    )
    places = iter(zip(extras.before, links.before, strict=True))
    for inclusion, group in groupby(members, key=lambda member: member.entry.inclusion):
        if inclusion is not None:
            yield from ("--requirement", _render_file(list(group)))
            continue
        for member in group:
            yield from _location_tokens(*next(places))
            yield from _entry_tokens(member)
    if own or not members:
        yield from _location_tokens(extras.after, links.after)


def _index_tokens(scope: Scope) -> Iterator[str]:
    """The flags by which a scope has no default index; none for a scope that has it.

    The layer of an included file with an `--index-url` has the default index too, for its other requirements.
    """
    if scope.default_index:
        return
    # `--no-index`: the only way to have neither the default index nor another one.
    if not scope.indexes:
        yield "--no-index"
    for url in scope.indexes:
        yield from ("--index-url", url.text)


def _render_file(members: Sequence[_Member]) -> str:
    """The content of an included file with indexes of its own: its flags, then its members, one in each line."""
    scope = members[0].entry.own_scope
    flags = [*_index_tokens(scope), *_location_tokens(scope.extra_indexes, scope.find_links)]
    lines = [one if one.startswith("--") else f" {shlex.quote(one)}" for one in flags]
    for member in members:
        tokens = _entry_tokens(member)
        if member.is_constraint or member.entry.editable:
            flag, value = next(tokens), next(tokens)
            lines.append(f"{flag} {shlex.quote(value)}")
        else:
            lines.append(next(tokens))
        lines += [f" {one}" if one.startswith("--") else f" {shlex.quote(one)}" for one in tokens]
    # A flag or a requirement begins a line; a value, and a flag of the line, follow a space.
    text = "".join(line if line.startswith(" ") else f"\n{line}" for line in lines)
    return _INCLUDED + shlex.join(text.strip().split("\n"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """An entry or a constraint of a layer."""

    entry: Entry
    is_constraint: bool


def _order_members(layer: Layer, constraints: Sequence[Entry]) -> list[_Member]:
    """Entries and constraints in an order in which scopes only grow, constraints as early as their scope allows."""
    members = [_Member(entry=entry, is_constraint=True) for entry in constraints]
    members += [_Member(entry=entry, is_constraint=False) for entry in layer.entries]
    if all(member.entry.inclusion is None for member in members):
        return sorted(members, key=lambda member: _count_locations(member.entry.own_scope))
    # A file with indexes of its own stays where its first requirement is, with its constraints.
    ordered = _order_members(
        replace(layer, entries=tuple(one for one in layer.entries if one.inclusion is None)),
        [one for one in constraints if one.inclusion is None],
    )
    for inclusion in dict.fromkeys(entry.inclusion for entry in (*layer.entries, *constraints)):
        if inclusion is not None:
            group = [member for member in members if member.entry.inclusion == inclusion]
            place = _find_place(ordered, layer.entries, inclusion)
            ordered[place:place] = group
    return ordered


def _find_place(ordered: Sequence[_Member], entries: Sequence[Entry], inclusion: int) -> int:
    """Where an included file belongs among the members: right after the entry that precedes its first requirement."""
    first = next((at for at, entry in enumerate(entries) if entry.inclusion == inclusion), len(entries))
    if first == 0:
        return 0
    before = entries[first - 1]
    return next(at for at, member in enumerate(ordered) if member.entry is before) + 1


def _count_locations(scope: Scope) -> int:
    """The number of locations that position decides about."""
    return len(scope.extra_indexes) + len(scope.find_links)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spread:
    """Where locations are named: `before` each member, and `after` the last one, which applies to all."""

    before: tuple[tuple[Url, ...], ...]
    after: tuple[Url, ...]


def _spread(
    scopes: Sequence[tuple[Url, ...]], whole: tuple[Url, ...], files: Sequence[tuple[int, tuple[Url, ...]]]
) -> _Spread:
    """The places of locations that give each member its own scope.

    `files` are the scopes in included files with the number of members before each: what is named there comes first.
    A member has the locations named before it, then those named at the end. As few as possible are named at the end, so
    that equal lists have equal tokens. A solution exists, because the scopes come from a list of this form.
    """
    # The locations at the end are the last ones of every scope, so those of the first scope suffice as candidates.
    first = scopes[0] if scopes else whole
    for count in range(len(first) + 1):
        after = first[len(first) - count :]
        before = _split_before(scopes, after)
        if before is not None and all(
            scope[: len(named)] == named
            for at, scope in files
            for named in [tuple(url for urls in before[:at] for url in urls)]
        ):
            return _Spread(before=before, after=after if scopes else whole)
    return _Spread(before=((),) * len(scopes), after=whole)


def _split_before(scopes: Sequence[tuple[Url, ...]], after: tuple[Url, ...]) -> tuple[tuple[Url, ...], ...] | None:
    """The locations to name before each member if `after` are named at the end; None if that gives wrong scopes."""
    # Scopes grow from member to member: each begins with the locations that are named so far.
    named: tuple[Url, ...] = ()
    steps = []
    for scope in scopes:
        length = next((n for n in range(len(named), len(scope) + 1) if _join(scope[:n], after) == scope), None)
        if length is None or scope[: len(named)] != named:
            return None
        steps.append(scope[len(named) : length])
        named = scope[:length]
    return tuple(steps)


def _join(one: tuple[Url, ...], other: tuple[Url, ...]) -> tuple[Url, ...]:
    """Both tuples without repeats, as locations before and after a member give its scope."""
    return tuple(dict.fromkeys((*one, *other)))


def _location_tokens(extra_indexes: Sequence[Url], find_links: Sequence[Url]) -> Iterator[str]:
    """The flags of these locations: indexes first, whose order counts, then find-links."""
    # Each URL without its literal secrets, and with the variables that the user wrote for them.
    for url in extra_indexes:
        yield from ("--extra-index-url", url.text)
    for url in find_links:
        yield from ("--find-links", url.text)


def _entry_tokens(member: _Member) -> Iterator[str]:
    """The tokens of an entry, or of a constraint, whose flags are part of the value of `--constraint`."""
    entry = member.entry
    # Quoted as in a requirement file, since `parse_canonical_layers` reads this value as a line of one.
    if member.is_constraint:
        line_flags = "".join(f" {flag} {shlex.quote(value)}" for flag, value in _line_flags(entry))
        yield from ("--constraint", f"{entry.text}{line_flags}")
        return
    if entry.editable:
        yield "--editable"
    yield entry.text
    for flag, value in _line_flags(entry):
        yield from (flag, value)


def _line_flags(entry: Entry) -> Iterator[tuple[str, str]]:
    """The flags of the entry's line with their values: sorted hashes, then settings in list order."""
    for value in sorted(entry.hashes):
        yield "--hash", value
    # The order of settings counts: pip makes a list of the values of a repeated key.
    for key, value in entry.config_settings:
        shown = value if _DIGEST.fullmatch(value) else f"sha256:{hash_bytes(value.encode())}"
        yield "--config-settings", f"{key}={shown}"
