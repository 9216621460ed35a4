"""The values that a parsed requirement list consists of: entries, layers, and the options of the whole list.

In: flags that apply to the whole list. Out: `ListOptions`; all other classes are values that `requirement_list` builds.
The last functions give a list with one change, for remedies that are tried before they are proposed.
Every later stage reads a list through these values: planning, the search, the lock. The values hold what the list
contains and nothing that an index or a disk has to be read for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field, replace

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidName, NormalizedName, canonicalize_name

from lockfiles._values import dataclass
from resolver.errors import Position
from resolver.requirements.flags import FaultCollector, FlagUse, Refusal
from resolver.requirements.scopes import DEFAULT_SCOPE, Scope
from resolver.requirements.url import Url

__all__ = [
    "ArchiveUrl",
    "DirectReference",
    "Entry",
    "FormatControl",
    "Layer",
    "ListOptions",
    "LocalPath",
    "NamedLocation",
    "RequirementItems",
    "RequirementList",
    "TakenIndex",
    "VcsReference",
    "gather_list_options",
    "with_earlier_location",
    "with_line",
]

RequirementItems = tuple[str, ...] | tuple[tuple[str, ...], ...]
"""The items of a list, or those of each layer, as a source gives them: not parsed yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveUrl:
    """A wheel or sdist by URL (`https://…`, `file://…`).

    `hashes` come from its fragment, as `sha256:…`, sorted; `subdirectory` is the folder of the project in an archive.
    """

    url: Url
    hashes: tuple[str, ...] = ()
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VcsReference:
    """A git repository.

    `url` has no `git+` prefix. `revision` is a commit, tag or branch, None for the default branch. `subdirectory` is
    the folder of the project in the repository.
    """

    url: Url
    revision: str | None = None
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPath:
    """A folder, wheel or sdist on disk, as written. A relative path starts at the folder of the list or its file."""

    path: str


DirectReference = ArchiveUrl | VcsReference | LocalPath
"""Where a requirement takes its distribution from, if not from an index (PEP 440: Direct references)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One requirement of a list, or one constraint.

    - `text` is the requirement in canonical form without secrets.
    - `name` is None only for a direct reference whose text does not contain the name.
    - `extras` are normalized; `hashes` are `algorithm:hex`, sorted; `layer` counts from 0.
    - `config_settings` may hold secrets, so their `repr` is redacted.
    - `scope` is the union of the scopes of all entries and constraints of this project; `own_scope` is the scope that
      the position of this entry gives.
    - `inclusion` is the number of the `-r` of the list whose file holds the entry, if that file has indexes of its own.
    """

    position: Position
    text: str
    name: NormalizedName | None
    extras: frozenset[NormalizedName] = frozenset()
    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    marker: Marker | None = None
    direct: DirectReference | None = None
    editable: bool = False
    hashes: tuple[str, ...] = ()
    config_settings: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    layer: int = 0
    scope: Scope = DEFAULT_SCOPE
    own_scope: Scope = DEFAULT_SCOPE
    inclusion: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatControl:
    """The combined `--no-binary` and `--only-binary`: normalized names, or `:all:`.

    `:none:` is already applied. A name in one set overrides `:all:` in the other (pip: Requirements File Format).
    """

    no_binary: frozenset[str] = frozenset()
    only_binary: frozenset[str] = frozenset()

    def allows_wheel(self, name: str) -> bool:
        """Whether a wheel of this project may be used."""
        return name in self.only_binary or not (name in self.no_binary or ":all:" in self.no_binary)

    def allows_sdist(self, name: str) -> bool:
        """Whether an sdist of this project may be used."""
        return name in self.no_binary or not (name in self.only_binary or ":all:" in self.only_binary)


_ANY_FORMAT = FormatControl()
"""The value without `--no-binary` and `--only-binary`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One inner list: a separate step of the installation. `scope` is that of all flags of the layer."""

    entries: tuple[Entry, ...]
    scope: Scope = DEFAULT_SCOPE
    no_deps: bool = False
    no_build_isolation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedLocation:
    """An index or a find-links location, with the position of the flag that names it."""

    url: Url
    position: Position
    is_index: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIndex:
    """An index or a find-links location that does not apply to an earlier entry because of its position.

    Later stages refuse the list if another file would be locked with it.
    """

    entry: Entry
    index: Url
    position: Position
    is_index: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementList:
    """A whole list.

    - `constraints` are the entries of `-c`, of all layers.
    - `dependency_scope` is the scope of projects that only dependencies name.
    - `named_locations` come from flags that have an effect, in list order within each layer.
    - `taken_indexes` are the locations that an earlier entry does not have; empty where `flag-scope` is set.
    - `warnings` are whole messages, in list order.
    """

    layers: tuple[Layer, ...]
    constraints: tuple[Entry, ...] = ()
    dependency_scope: Scope = DEFAULT_SCOPE
    pre: bool = False
    prefer_binary: bool = False
    format_control: FormatControl = _ANY_FORMAT
    require_hashes: bool = False
    trusted_hosts: tuple[str, ...] = ()
    named_locations: tuple[NamedLocation, ...] = ()
    taken_indexes: tuple[TakenIndex, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries of all layers, in list order."""
        return tuple(entry for layer in self.layers for entry in layer.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """The options that apply to a whole list. `trusted_hosts` are in list order without repeats."""

    pre: bool
    prefer_binary: bool
    require_hashes: bool
    trusted_hosts: tuple[str, ...]
    format_control: FormatControl


def gather_list_options(flags: Iterable[FlagUse], faults: FaultCollector) -> ListOptions:
    """The options that the flags of all layers give together, in list order. Faults are added to `faults`."""
    flags = tuple(flags)
    names = {use.flag.name for use in flags}
    return ListOptions(
        pre="--pre" in names,
        prefer_binary="--prefer-binary" in names,
        require_hashes="--require-hashes" in names,
        trusted_hosts=tuple(dict.fromkeys(use.value for use in flags if use.flag.name == "--trusted-host")),
        format_control=_gather_format_control(flags, faults),
    )


def _gather_format_control(flags: Iterable[FlagUse], faults: FaultCollector) -> FormatControl:
    """The combination of `--no-binary` and `--only-binary` in list order: a later flag overrides an earlier one."""
    no_binary: set[str] = set()
    only_binary: set[str] = set()
    for use in flags:
        try:
            if use.flag.name == "--no-binary":
                _apply_format_flag(use, no_binary, only_binary)
            elif use.flag.name == "--only-binary":
                _apply_format_flag(use, only_binary, no_binary)
        except Refusal as refusal:
            faults.add(use.position, refusal)
    return FormatControl(no_binary=frozenset(no_binary), only_binary=frozenset(only_binary))


def _apply_format_flag(use: FlagUse, chosen: set[str], other: set[str]) -> None:
    """Add the names of one flag to `chosen`, and remove them from `other` (pip: `--no-binary`).

    `:all:` empties both sets, and names after it count only if `:none:` follows it. Raises Refusal.
    """
    names = [name.strip() for name in use.value.split(",")]
    for name in filter(None, names):
        _check_format_name(name, use)
    if ":all:" in names:
        chosen.clear()
        other.clear()
        chosen.add(":all:")
        last = len(names) - 1 - names[::-1].index(":all:")
        names = names[last + 1 :]
        if ":none:" not in names:
            return
    for name in filter(None, names):
        if name == ":none:":
            chosen.clear()
            continue
        other.discard(canonicalize_name(name))
        chosen.add(canonicalize_name(name))


def _check_format_name(name: str, use: FlagUse) -> None:
    """Raise Refusal for a text that is neither a project name (PEP 503) nor `:all:` or `:none:`."""
    if name in (":all:", ":none:"):
        return
    try:
        canonicalize_name(name, validate=True)
    except InvalidName as error:
        raise Refusal(
            f"`{use.flag.name} {use.value}` holds `{name}`, which is no project name",
            why="it takes names with commas between them, `:all:` or `:none:`",
        ) from error


def with_line(requirement_list: RequirementList, position: Position, text: str) -> RequirementList:
    """The list with the entries and constraints at a position written as a requirement without a direct reference."""
    requirement = Requirement(text)
    name = canonicalize_name(requirement.name)

    def write(entry: Entry) -> Entry:
        if entry.position != position:
            return entry
        return replace(
            entry,
            text=text,
            name=name,
            extras=frozenset(map(canonicalize_name, requirement.extras)),
            specifier=requirement.specifier,
            marker=requirement.marker,
            direct=None,
            hashes=(),
            # `scope` is that of all entries of a project, and another project has others.
            scope=entry.scope if name == entry.name else entry.own_scope,
        )

    return _with_entries(requirement_list, write)


def with_earlier_location(
    requirement_list: RequirementList, location: NamedLocation, before: Position
) -> RequirementList | None:
    """The list as if the flag of a location came before the entry at `before`, in its layer; None without the entry."""
    layers = [layer for layer in requirement_list.layers if any(entry.position == before for entry in layer.entries)]
    if not layers:
        return None
    entries = layers[0].entries
    start = next(place for place, entry in enumerate(entries) if entry.position == before)
    widened = frozenset(entry.position for entry in entries[start:])
    order = layers[0].scope

    def widen(entry: Entry) -> Entry:
        if entry.position not in widened:
            return entry
        own = _widen(entry.own_scope, location, order)
        return replace(entry, scope=_widen(entry.scope, location, order), own_scope=own)

    return _with_entries(requirement_list, widen)


def _with_entries(requirement_list: RequirementList, change: Callable[[Entry], Entry]) -> RequirementList:
    """The list with a change made to each entry and each constraint."""
    return replace(
        requirement_list,
        layers=tuple(replace(one, entries=tuple(map(change, one.entries))) for one in requirement_list.layers),
        constraints=tuple(map(change, requirement_list.constraints)),
    )


def _widen(scope: Scope, location: NamedLocation, order: Scope) -> Scope:
    """The scope with one more location, at its place in the scope of the layer."""
    known, all_known = (
        (scope.extra_indexes, order.extra_indexes) if location.is_index else (scope.find_links, order.find_links)
    )
    wanted = {*known, location.url}
    urls = tuple(dict.fromkeys((*filter(wanted.__contains__, all_known), *known, location.url)))
    return replace(scope, extra_indexes=urls) if location.is_index else replace(scope, find_links=urls)
