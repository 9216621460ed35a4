"""A requirement list with everything that the file it stands in says besides.

Flags that stand before a list: those of the command line, and those of `[tool.pinfold]` by their keys.

In: the settings of both. Out: items and statements in the order in which the parser is to read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, cast

from lockfiles._values import dataclass
from resolver.errors import Fault, ListError, Position
from resolver.requirements.entry import RequirementItems
from resolver.requirements.flags import FlagUse, RequirementUse, Statement, find_item_flag
from resolver.requirements.url import redact
from resolver.settings.settings import Settings

if TYPE_CHECKING:
    from resolver.targets.platforms import Platform
    from resolver.targets.target import PythonVersion, Target

__all__ = [
    "AppFile",
    "Form",
    "ItemList",
    "Positions",
    "PyprojectList",
    "RequirementFile",
    "Source",
    "StandardInput",
    "StatedValue",
    "TargetDependentList",
    "call_items",
    "leading_flags",
]


_T = TypeVar("_T")

Positions = tuple[Position, ...] | tuple[tuple[Position, ...], ...]
"""The positions of items, flat or in layers as the items are."""


class TargetDependentList(Protocol):
    """A list that depends on the target."""

    def read(self, source: Source, *, python: PythonVersion, platform: Platform) -> Source:
        """The source with its items for a target: one object for equal targets. Raises SourceError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementFile:
    """A requirement file, as its decoded text: the parser of such files counts its lines."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardInput:
    """A requirement file that came through standard input."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFile:
    """An app of a Python file, which was read and not run. `items` is as worked out: flat or in layers.

    `positions` are those of the items, in the same form. `late` reads the items again for a target, where they can
    only be told with it.
    """

    class_name: str
    line: int
    items: RequirementItems = field(repr=False)
    positions: Positions = field(default=(), repr=False, compare=False)
    late: TargetDependentList | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PyprojectList:
    """A list of pyproject.toml. `table` says which: `[tool.pinfold]` or `[project]`."""

    table: str
    items: RequirementItems = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemList:
    """A list that a program gave, flat or in layers. `positions` are as those of an app.

    An item may be a function of the target until `call_items` has called it.
    """

    items: RequirementItems = field(repr=False)
    positions: Positions = field(default=(), repr=False, compare=False)


Form = RequirementFile | StandardInput | AppFile | PyprojectList | ItemList


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedValue(Generic[_T]):
    """A value that a source gives, and where it stands: `app.py:12`."""

    value: _T
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One list to lock.

    - `name` is what messages call it, as the user wrote it; `stem` names its locks where several lie in one folder.
    - `path` is None where the list stands in no file. `folder` is what relative paths in the list are relative to.
    - `python`, `machine_types` and `num_gpus` are what an app asks for; `default_machine` is what its platform takes
      where nothing names a machine type.
    - `list_name` is what positions call the list where that is not the file that was named; `lock_path` is the lock
      that the app installs, where it names one.
    - `adds_requirements` is whether the platform installs requirements of its own beside the list.
    - `warnings` are whole messages: what the platform ignores, and what the lock does not hold.
    - `settings` are those of the nearest `[tool.pinfold]`, without its `requirements`; `settings_path` is that file,
      and relative paths in the settings are relative to its folder.
    """

    name: str
    stem: str
    form: Form
    path: Path | None
    folder: Path
    python: StatedValue[str] | None = None
    machine_types: StatedValue[tuple[str, ...]] | None = None
    num_gpus: StatedValue[int] | None = None
    default_machine: StatedValue[tuple[str, ...]] | None = None
    list_name: str | None = None
    lock_path: Path | None = None
    adds_requirements: bool = True
    warnings: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)
    settings_path: Path | None = None

    @property
    def text(self) -> str | None:
        """The text of a requirement file; None where the list is made of items."""
        return self.form.text if isinstance(self.form, RequirementFile | StandardInput) else None

    @property
    def items(self) -> RequirementItems | None:
        """The items as written, flat or in layers; None where the list is a requirement file."""
        return self.form.items if isinstance(self.form, AppFile | PyprojectList | ItemList) else None

    @property
    def positions(self) -> Positions:
        """The positions of the items; empty where they only have numbers."""
        return self.form.positions if isinstance(self.form, AppFile | ItemList) else ()

    @property
    def layers(self) -> tuple[tuple[str, ...], ...] | None:
        """The items in layers, a flat list as one; None where the list is a requirement file."""
        items = self.items
        if items is None:
            return None
        layers = tuple(item for item in items if isinstance(item, tuple))
        return layers or (tuple(item for item in items if isinstance(item, str)),)


_TABLE = "[tool.pinfold]"


def leading_flags(configured: Settings, arguments: Settings) -> list[str | Statement]:
    """What stands before item 0: what is nearer first, but for formats, where the last word wins.

    A configured `index-url` does not: it takes the place of the default index. Paths are relative to the
    current folder.
    """
    return [*_configured_formats(configured), *_argument_tokens(arguments), *_configured_flags(configured, arguments)]


def _argument_tokens(arguments: Settings) -> list[str]:
    """Flags of the command line, as items."""
    tokens = ["--index-url", arguments.index_url] if arguments.index_url is not None else []
    for flag, values in _values_by_flag(arguments):
        tokens += [token for value in values for token in (flag, value)]
    tokens += [token for flag_and_value in arguments.format_flags or () for token in flag_and_value]
    return tokens + [flag for flag, is_set in _switches(arguments) if is_set]


def _configured_flags(configured: Settings, arguments: Settings) -> Iterator[Statement]:
    """Flags of the table that the command line does not say too, with their keys as positions."""
    said = dict(_values_by_flag(arguments))
    for flag, values in _values_by_flag(configured):
        for item, value in enumerate(values):
            if value not in said[flag]:
                yield _configured_flag(flag, value, item=item)
    for flag, is_set in _switches(configured):
        if is_set and dict(_switches(arguments))[flag] is None:
            yield _configured_flag(flag)
    key = f"{_TABLE} constraint-dependencies"
    for item, text in enumerate(configured.constraint_dependencies or ()):
        yield RequirementUse(position=Position(source=key, item=item), text=text, constraint=True)


def _configured_formats(configured: Settings) -> list[FlagUse]:
    """`no-binary` and `only-binary` of the table, which has no order of keys: `:all:` first, for names to override."""
    uses = [
        _configured_flag(flag, value, item=item)
        for flag, values in (("--no-binary", configured.no_binary), ("--only-binary", configured.only_binary))
        for item, value in enumerate(values or ())
    ]
    return sorted(uses, key=lambda use: ":all:" not in use.value.split(","))


def _configured_flag(flag: str, value: str = "", *, item: int | None = None) -> FlagUse:
    position = Position(source=f"{_TABLE} {flag.removeprefix('--')}", item=item)
    return FlagUse(position=position, flag=find_item_flag(flag), value=value)


def _values_by_flag(settings: Settings) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("--extra-index-url", settings.extra_index_url or ()),
        ("--find-links", settings.find_links or ()),
        ("--constraint", settings.constraint or ()),
    )


def _switches(settings: Settings) -> tuple[tuple[str, bool | None], ...]:
    return (
        ("--no-index", settings.no_index),
        ("--pre", settings.pre),
        ("--prefer-binary", settings.prefer_binary),
        ("--no-deps", settings.no_deps),
        ("--no-build-isolation", settings.no_build_isolation),
    )


def call_items(source: Source, target: Target) -> Source:
    """The source with each function replaced by what it gives for the target; an item that gives None is left out.

    Raises ListError, with the position of every function that fails or gives something else than text.
    """
    form = source.form
    if not isinstance(form, ItemList) or not _has_functions(form.items):
        return source
    faults: list[Fault] = []
    layers, is_flat = _split(form.items)
    called = [
        _call_layer(layer, source.name, None if is_flat else number, target, faults)
        for number, layer in enumerate(layers)
    ]
    if faults:
        raise ListError.from_faults(faults)
    items = tuple(tuple(item for _, item in layer) for layer in called)
    positions = tuple(tuple(position for position, _ in layer) for layer in called)
    return replace(
        source,
        form=replace(
            form,
            items=cast("RequirementItems", items[0] if is_flat else items),
            positions=positions[0] if is_flat else positions,
        ),
    )


def _has_functions(items: object) -> bool:
    if isinstance(items, Sequence) and not isinstance(items, str):
        return any(_has_functions(item) for item in items)
    return callable(items)


def _split(items: Sequence[object]) -> tuple[Sequence[Sequence[object]], bool]:
    """The layers, and whether the list is flat; a mixture is flat, for the parser to say what is wrong with it."""
    if all(isinstance(item, tuple) for item in items):
        return cast("Sequence[Sequence[object]]", items), False
    return (items,), True


def _call_layer(
    layer: Sequence[object], name: str, number: int | None, target: Target, faults: list[Fault]
) -> list[tuple[Position, object]]:
    found: list[tuple[Position, object]] = []
    for place, item in enumerate(layer):
        position = Position(source=name, layer=number, item=place)
        text = _call(item, position, target, faults) if callable(item) else item
        if text is not None:
            found.append((position, text))
    return found


def _call(function: Callable[[Target], object], position: Position, target: Target, faults: list[Fault]) -> str | None:
    shown = f"`{getattr(function, '__qualname__', type(function).__name__)}`"
    try:
        text = function(target)
    # It is the caller's code: whatever it raises, the list has a fault at this place.
    except Exception as error:  # noqa: BLE001  (see above)
        why = redact(f"{type(error).__name__}: {error}")
        faults.append(Fault(where=position, what=f"{shown} failed for {target}", why=why))
        return None
    if text is None or isinstance(text, str):
        return text
    faults.append(
        Fault(
            where=position,
            what=f"{shown} gave a value of type `{type(text).__name__}` for {target}",
            remedy="give text, or None to leave the item out",
        )
    )
    return None
