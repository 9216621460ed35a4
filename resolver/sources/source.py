"""A requirement list with everything that the file it stands in says besides."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from lockfiles.value_classes import dataclass
from resolver.requirements.position import Position
from resolver.settings import RequirementItems, Settings

if TYPE_CHECKING:
    from resolver.targets.platforms import Platform
    from resolver.targets.python_version import PythonVersion

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
