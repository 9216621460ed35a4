"""The values that a requirement list is made of once it is parsed: entries, layers, the list's own options.

The flags that serve the whole list, gathered: what pip's finder would be told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidName, NormalizedName, canonicalize_name

from lockfiles._values import dataclass
from resolver.errors import Position
from resolver.requirements.flags import FaultCollector, FlagUse, Refusal
from resolver.requirements.scopes import DEFAULT_SCOPE, Scope
from resolver.requirements.url import Url

__all__ = [
    "ANY_FORMAT",
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
]

RequirementItems = tuple[str, ...] | tuple[tuple[str, ...], ...]
"""A list of items, or a list of layers, as a source gives it: not parsed yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveUrl:
    """A wheel or sdist by URL (`https://…`, `file://…`). `hashes` come from its fragment, as `sha256:…`."""

    url: Url
    hashes: tuple[str, ...] = ()
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VcsReference:
    """A git repository: `url` without the `git+` prefix, the revision asked for, the folder inside."""

    url: Url
    revision: str | None = None
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPath:
    """A folder, wheel or sdist on disk, as written; relative to the file or folder that the list stands in."""

    path: str


DirectReference = ArchiveUrl | VcsReference | LocalPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One requirement of a list, or one constraint.

    `text` is the requirement in canonical form without secrets; `name` is None only for a direct reference that
    does not say its name; `extras` are normalized; `hashes` are `algorithm:hex`, sorted; `layer` counts from 0.
    `config_settings` may hold secrets and are not shown. `scope` is the union of the scopes of all entries and
    constraints of this project; `own_scope` is what this entry's position alone gives it.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatControl:
    """pip's `--no-binary` and `--only-binary`: normalized names, or `:all:`; `:none:` has emptied what stood before it.

    A name in one set overrides `:all:` in the other (pip: Requirements File Format).
    """

    no_binary: frozenset[str] = frozenset()
    only_binary: frozenset[str] = frozenset()

    def allows_wheel(self, name: str) -> bool:
        """Whether a wheel of this project may be used."""
        return name in self.only_binary or not (name in self.no_binary or ":all:" in self.no_binary)

    def allows_sdist(self, name: str) -> bool:
        """Whether an sdist of this project may be used."""
        return name in self.no_binary or not (name in self.only_binary or ":all:" in self.only_binary)


ANY_FORMAT = FormatControl()
"""No `--no-binary` and no `--only-binary`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One inner list: an installation step of its own. `scope` is that of the whole layer (all its flags)."""

    entries: tuple[Entry, ...]
    scope: Scope = DEFAULT_SCOPE
    no_deps: bool = False
    no_build_isolation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedLocation:
    """An index or a find-links location, and the flag that names it."""

    url: Url
    position: Position
    is_index: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIndex:
    """An index that position takes away from an earlier entry: a warning if that index has the entry's project."""

    entry: Entry
    index: Url
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementList:
    """A whole list. `constraints` are entries of `-c`; `dependency_scope` serves names that only dependencies mention.

    `named_locations` are those of flags that have an effect, in list order a layer.
    `taken_indexes` are for the "nothing moves silently" warning; `warnings` are whole messages, in list order.
    """

    layers: tuple[Layer, ...]
    constraints: tuple[Entry, ...] = ()
    dependency_scope: Scope = DEFAULT_SCOPE
    pre: bool = False
    prefer_binary: bool = False
    format_control: FormatControl = ANY_FORMAT
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
    """The options of a whole list. `trusted_hosts` are in list order without repeats."""

    pre: bool
    prefer_binary: bool
    require_hashes: bool
    trusted_hosts: tuple[str, ...]
    format_control: FormatControl


def gather_list_options(flags: Iterable[FlagUse], faults: FaultCollector) -> ListOptions:
    """The options that the flags of all layers add up to. Faults go to `faults`."""
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
    """`--no-binary` and `--only-binary` in the order given: the later word about a name wins."""
    no_binary: set[str] = set()
    only_binary: set[str] = set()
    for use in flags:
        try:
            if use.flag.name == "--no-binary":
                _apply_format(use, no_binary, only_binary)
            elif use.flag.name == "--only-binary":
                _apply_format(use, only_binary, no_binary)
        except Refusal as refusal:
            faults.add(use.position, refusal)
    return FormatControl(no_binary=frozenset(no_binary), only_binary=frozenset(only_binary))


def _apply_format(use: FlagUse, chosen: set[str], other: set[str]) -> None:
    """Add the names of one flag. `:all:` empties both sets, and names after it count only if `:none:` follows it.

    Raises Refusal.
    """
    names = [name.strip() for name in use.value.split(",")]
    for name in filter(None, names):
        _check_name(name, use)
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


def _check_name(name: str, use: FlagUse) -> None:
    if name in (":all:", ":none:"):
        return
    try:
        canonicalize_name(name, validate=True)
    except InvalidName as error:
        raise Refusal(
            f"`{use.flag.name} {use.value}` holds `{name}`, which is no project name",
            why="it takes names with commas between them, `:all:` or `:none:`",
        ) from error
