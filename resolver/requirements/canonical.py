"""A parsed list as canonical tokens without secrets, layer by layer, which a lock stores and compares.

In: a `RequirementList`. Out: tokens of a command line; and the reverse, `parse_canonical_layers`, which gives equal
entries. Two lists of equal meaning give equal tokens: they contain no comments, no other spellings, no names of
included files, and flags whose order has no effect are sorted.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from lockfiles._files import hash_bytes
from lockfiles._values import dataclass
from resolver.requirements.entry import Entry, FormatControl, Layer, RequirementList
from resolver.requirements.requirement_list import parse_requirement_list
from resolver.requirements.scopes import FlagScope, Scope, ScopeRules
from resolver.requirements.url import Url

__all__ = ["canonical_layers", "parse_canonical_layers"]

# A value of `--config-settings` from a lock: it is the hash already.
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


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
    flag_scope: FlagScope = "position",
) -> RequirementList:
    """The list of canonical tokens, whose `-c` holds a constraint itself and not the name of a file.

    `flag_scope` is that of the settings that the tokens were made under. Raises ListError for edited tokens.
    """
    return parse_requirement_list(
        [list(layer) for layer in layers],
        source=source,
        read_file=lambda reference, including: (f"-c {reference}", reference),
        rules=ScopeRules(flag_scope=flag_scope),
    )


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
    # `--no-index`: the only way to have neither the default index nor another one.
    if not layer.scope.default_index and not layer.scope.indexes:
        yield "--no-index"
    for url in layer.scope.indexes:
        yield from ("--index-url", url.text)
    if layer.no_deps:
        yield "--no-deps"
    if layer.no_build_isolation:
        yield "--no-build-isolation"
    # The sort is stable and scopes grow along a list, so entries keep the order of the list.
    members = _order_members(layer, constraints)
    extras = _spread([member.entry.own_scope.extra_indexes for member in members], layer.scope.extra_indexes)
    links = _spread([member.entry.own_scope.find_links for member in members], layer.scope.find_links)
    for member, extra_indexes, find_links in zip(members, extras.before, links.before, strict=True):
        yield from _location_tokens(extra_indexes, find_links)
        yield from _entry_tokens(member)
    yield from _location_tokens(extras.after, links.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """An entry or a constraint of a layer."""

    entry: Entry
    is_constraint: bool


def _order_members(layer: Layer, constraints: Sequence[Entry]) -> list[_Member]:
    """Entries and constraints in an order in which scopes only grow, constraints as early as their scope allows."""
    members = [_Member(entry=entry, is_constraint=True) for entry in constraints]
    members += [_Member(entry=entry, is_constraint=False) for entry in layer.entries]
    return sorted(members, key=lambda member: _count_locations(member.entry.own_scope))


def _count_locations(scope: Scope) -> int:
    """The number of locations that position decides about."""
    return len(scope.extra_indexes) + len(scope.find_links)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spread:
    """Where locations are named: `before` each member, and `after` the last one, which applies to all."""

    before: tuple[tuple[Url, ...], ...]
    after: tuple[Url, ...]


def _spread(scopes: Sequence[tuple[Url, ...]], whole: tuple[Url, ...]) -> _Spread:
    """The places of locations that give each member its own scope.

    A member has the locations named before it, then those named at the end. As few as possible are named at the end, so
    that equal lists have equal tokens. A solution exists, because the scopes come from a list of this form.
    """
    # The locations at the end are the last ones of every scope, so those of the first scope suffice as candidates.
    first = scopes[0] if scopes else whole
    for count in range(len(first) + 1):
        after = first[len(first) - count :]
        before = _split_before(scopes, after)
        if before is not None:
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
