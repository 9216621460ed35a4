"""A parsed list as canonical argv tokens without secrets, layer by layer: what a lock stores and compares.

Two lists of equal meaning give equal tokens: comments, spellings, files and the order of flags that change nothing
are gone. The tokens, parsed again by `parse_canonical_layers`, give equal entries.
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

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def canonical_layers(requirement_list: RequirementList) -> tuple[tuple[str, ...], ...]:
    """The tokens of each layer; a flag and its value are two tokens. Those of the whole list stand in the first.

    Values of `--config-settings` may be secret: a SHA-256 stands for each, so that a change still shows.
    """
    layers = []
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
    """The list that canonical tokens stand for. Their `-c` holds a constraint itself, not the name of a file."""
    return parse_requirement_list(
        [list(layer) for layer in layers],
        source=source,
        read_file=lambda reference, including: (f"-c {reference}", reference),
        rules=ScopeRules(flag_scope=flag_scope),
    )


def _list_flags(requirement_list: RequirementList) -> Iterator[str]:
    """The flags that serve the whole list, in a fixed order."""
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
    """`--no-binary` and `--only-binary`: `:all:` first, because it empties what stands before it."""
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
    """The layer's own flags, then its members, each after the locations that serve it and not the ones before."""
    if not layer.scope.default_index and not layer.scope.indexes:
        yield "--no-index"
    for url in layer.scope.indexes:
        yield from ("--index-url", url.text)
    if layer.no_deps:
        yield "--no-deps"
    if layer.no_build_isolation:
        yield "--no-build-isolation"
    members = _order_members(layer, constraints)
    extras = _spread([member.entry.own_scope.extra_indexes for member in members], layer.scope.extra_indexes)
    links = _spread([member.entry.own_scope.find_links for member in members], layer.scope.find_links)
    for member, extra_indexes, find_links in zip(members, extras.before, links.before, strict=True):
        yield from _location_tokens(extra_indexes, find_links)
        yield from _entry_tokens(member)
    yield from _location_tokens(extras.after, links.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    entry: Entry
    is_constraint: bool


def _order_members(layer: Layer, constraints: Sequence[Entry]) -> list[_Member]:
    """Entries and constraints in an order in which scopes only grow; constraints as early as theirs allows."""
    members = [_Member(entry=entry, is_constraint=True) for entry in constraints]
    members += [_Member(entry=entry, is_constraint=False) for entry in layer.entries]
    return sorted(members, key=lambda member: _size(member.entry.own_scope))


def _size(scope: Scope) -> int:
    return len(scope.extra_indexes) + len(scope.find_links)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spread:
    """Where locations are named: `before` each member, and `after` the last one, serving all."""

    before: tuple[tuple[Url, ...], ...]
    after: tuple[Url, ...]


def _spread(scopes: Sequence[tuple[Url, ...]], whole: tuple[Url, ...]) -> _Spread:
    """The shortest way to name locations such that each member sees its own.

    A member sees those named before it, then those named at the end. The fewest are named at the end for which that
    gives every member what it had; there always is such a number, since the scopes come from a list of this form.
    """
    first = scopes[0] if scopes else whole
    for count in range(len(first) + 1):
        after = first[len(first) - count :]
        before = _name_before(scopes, after)
        if before is not None:
            return _Spread(before=before, after=after if scopes else whole)
    return _Spread(before=((),) * len(scopes), after=whole)


def _name_before(scopes: Sequence[tuple[Url, ...]], after: tuple[Url, ...]) -> tuple[tuple[Url, ...], ...] | None:
    """What to name before each member, or None where no choice gives every member its scope."""
    named: tuple[Url, ...] = ()
    steps = []
    for scope in scopes:
        length = next((n for n in range(len(named), len(scope) + 1) if _union(scope[:n], after) == scope), None)
        if length is None or scope[: len(named)] != named:
            return None
        steps.append(scope[len(named) : length])
        named = scope[:length]
    return tuple(steps)


def _union(one: tuple[Url, ...], other: tuple[Url, ...]) -> tuple[Url, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _location_tokens(extra_indexes: Sequence[Url], find_links: Sequence[Url]) -> Iterator[str]:
    for url in extra_indexes:
        yield from ("--extra-index-url", url.text)
    for url in find_links:
        yield from ("--find-links", url.text)


def _entry_tokens(member: _Member) -> Iterator[str]:
    entry = member.entry
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
    for value in sorted(entry.hashes):
        yield "--hash", value
    for key, value in entry.config_settings:
        shown = value if _DIGEST.fullmatch(value) else f"sha256:{hash_bytes(value.encode())}"
        yield "--config-settings", f"{key}={shown}"
