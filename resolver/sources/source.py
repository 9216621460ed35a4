"""A list to lock, together with everything that its file states about the lock: a `Source`, in one of five forms.

In: values that a reader has found, or a list that a program gives. Out: a `Source`; its items with functions of the
target called (`call_items`); and the flags that come before a list, from the command line and from `[tool.pinfold]`
(`leading_flags`).

A module of its own between readers, which make sources of files, and plans, which lock them: neither imports the other.
It is on the path of every lock, so it imports nothing about targets at run time.
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
_TABLE = "[tool.pinfold]"

Positions = tuple[Position, ...] | tuple[tuple[Position, ...], ...]
"""The positions of items, flat or in layers as the items are."""


class TargetDependentList(Protocol):
    """A list whose items depend on the target. Apps have one if code decides their items."""

    def read(self, source: Source, *, python: PythonVersion, platform: Platform) -> Source:
        """The source with its items for a target: one object for equal targets. Raises SourceError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementFile:
    """A requirement file, as its decoded text, because the parser of such files counts its lines."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardInput:
    """A requirement file from standard input, as its decoded text."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFile:
    """An app of a Python file. `line` is that of its list.

    `items` are flat or in layers, and `positions` in the same form. `target_dependent` reads the items again for a
    target; None if they do not depend on it.
    """

    class_name: str
    line: int
    items: RequirementItems = field(repr=False)
    positions: Positions = field(default=(), repr=False, compare=False)
    target_dependent: TargetDependentList | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PyprojectList:
    """A list of a pyproject.toml. `table` is the header of its table, such as `[tool.pinfold]` or `[project]`."""

    table: str
    items: RequirementItems = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemList:
    """A list that a program gives, flat or in layers. `positions` are in the same form.

    An item may be a function of the target until `call_items` has called it.
    """

    items: RequirementItems = field(repr=False)
    positions: Positions = field(default=(), repr=False, compare=False)


Form = RequirementFile | StandardInput | AppFile | PyprojectList | ItemList


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedValue(Generic[_T]):
    """A value that a source states, and where: `app.py:12`, or the name of a rule."""

    value: _T
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One list to lock.

    - `name` is its name in messages, as the user wrote it; `stem` is the name of its app or project, otherwise of its
      file. Locks are named after the file: see `lock_places`.
    - `path` is None for a list without a file. Relative paths in the list are relative to `folder`.
    - `python`, `machine_types` and `num_gpus` are stated by an app; `default_machine` is what its platform takes if
      nothing names a machine type.
    - `list_name` is the name of the list in positions, None for that of the file; `lock_path` is the lock that the app
      installs, None for any other source.
    - `adds_requirements` is whether the platform installs requirements of its own beside the list.
    - `warnings` are whole messages: values that the platform ignores, and packages that the lock does not hold.
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
        """The text of a requirement file; None if the list is made of items."""
        return self.form.text if isinstance(self.form, RequirementFile | StandardInput) else None

    @property
    def items(self) -> RequirementItems | None:
        """The items as written, flat or in layers; None if the list is a requirement file."""
        return self.form.items if isinstance(self.form, AppFile | PyprojectList | ItemList) else None

    @property
    def positions(self) -> Positions:
        """The positions of the items; empty if they only have numbers."""
        return self.form.positions if isinstance(self.form, AppFile | ItemList) else ()

    @property
    def layers(self) -> tuple[tuple[str, ...], ...] | None:
        """The items in layers, with a flat list as one layer; None if the list is a requirement file."""
        items = self.items
        if items is None:
            return None
        layers = tuple(item for item in items if isinstance(item, tuple))
        return layers or (tuple(item for item in items if isinstance(item, str)),)


def leading_flags(configured: Settings, arguments: Settings) -> list[str | Statement]:
    """The flags before item 0: those of the command line before those of `[tool.pinfold]`, which are `configured`.

    Formats (`--no-binary`, `--only-binary`) are in the opposite order, since the last one wins in pip. A configured
    `index-url` is not here: it replaces the default index. Paths are relative to the current folder.
    """
    return [*_configured_formats(configured), *_argument_tokens(arguments), *_configured_flags(configured, arguments)]


def call_items(source: Source, target: Target) -> Source:
    """The source with each function replaced by its result for the target. An item whose result is None is left out.

    The other items keep their numbers in positions. Raises ListError with the position of every function that fails or
    returns something else than text.
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


def _argument_tokens(arguments: Settings) -> list[str]:
    """Flags of the command line, as items."""
    tokens = ["--index-url", arguments.index_url] if arguments.index_url is not None else []
    for flag, values in _values_by_flag(arguments):
        tokens += [token for value in values for token in (flag, value)]
    tokens += [token for flag_and_value in arguments.format_flags or () for token in flag_and_value]
    return tokens + [flag for flag, is_set in _switches(arguments) if is_set]


def _configured_flags(configured: Settings, arguments: Settings) -> Iterator[Statement]:
    """Flags of the table that the command line does not repeat, with their keys as positions.

    Constraints of the table follow them.
    """
    repeated = dict(_values_by_flag(arguments))
    for flag, values in _values_by_flag(configured):
        for item, value in enumerate(values):
            if value not in repeated[flag]:
                yield _configured_flag(flag, value, item=item)
    for flag, is_set in _switches(configured):
        if is_set and dict(_switches(arguments))[flag] is None:
            yield _configured_flag(flag)
    key = f"{_TABLE} constraint-dependencies"
    for item, text in enumerate(configured.constraint_dependencies or ()):
        yield RequirementUse(position=Position(source=key, item=item), text=text, constraint=True)


def _configured_formats(configured: Settings) -> list[FlagUse]:
    """`no-binary` and `only-binary` of the table, with `:all:` first, so that names override it.

    The keys of a TOML table have no order, unlike the flags of a command line.
    """
    uses = [
        _configured_flag(flag, value, item=item)
        for flag, values in (("--no-binary", configured.no_binary), ("--only-binary", configured.only_binary))
        for item, value in enumerate(values or ())
    ]
    return sorted(uses, key=lambda use: ":all:" not in use.value.split(","))


def _configured_flag(flag: str, value: str = "", *, item: int | None = None) -> FlagUse:
    """A flag at the position of its key: `[tool.pinfold] find-links[0]`."""
    position = Position(source=f"{_TABLE} {flag.removeprefix('--')}", item=item)
    return FlagUse(position=position, flag=find_item_flag(flag), value=value)


def _values_by_flag(settings: Settings) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The flags that can be repeated, with their values."""
    return (
        ("--extra-index-url", settings.extra_index_url or ()),
        ("--find-links", settings.find_links or ()),
        ("--constraint", settings.constraint or ()),
    )


def _switches(settings: Settings) -> tuple[tuple[str, bool | None], ...]:
    """The flags without a value; None is a flag that is not set either way."""
    return (
        ("--no-index", settings.no_index),
        ("--pre", settings.pre),
        ("--prefer-binary", settings.prefer_binary),
        ("--no-deps", settings.no_deps),
        ("--no-build-isolation", settings.no_build_isolation),
    )


def _has_functions(items: object) -> bool:
    """Whether an item is a function, in a flat list or in a layer."""
    if isinstance(items, Sequence) and not isinstance(items, str):
        return any(_has_functions(item) for item in items)
    return callable(items)


def _split(items: Sequence[object]) -> tuple[Sequence[Sequence[object]], bool]:
    """The layers, and whether the list is flat.

    A mixture counts as flat: the parser then reports the layers among its items.
    """
    if all(isinstance(item, tuple) for item in items):
        return cast("Sequence[Sequence[object]]", items), False
    return (items,), True


def _call_layer(
    layer: Sequence[object], name: str, number: int | None, target: Target, faults: list[Fault]
) -> list[tuple[Position, object]]:
    """The items of a layer with their positions, after functions have been called.

    `number` is that of the layer, None for a flat list.
    """
    found: list[tuple[Position, object]] = []
    for place, item in enumerate(layer):
        position = Position(source=name, layer=number, item=place)
        text = _call(item, position, target, faults) if callable(item) else item
        if text is not None:
            found.append((position, text))
    return found


def _call(function: Callable[[Target], object], position: Position, target: Target, faults: list[Fault]) -> str | None:
    """The result of a function for a target; None if it leaves the item out, or after adding a fault."""
    shown = f"`{getattr(function, '__qualname__', type(function).__name__)}`"
    try:
        text = function(target)
    # The function is code of the caller: any exception of it is a fault of the list at this position.
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
