"""The typed view of `[tool.pinfold]`: what a lock was made from, and who asked for each pin.

In: the table as TOML gives it, or values from a lock that is being built. Out: `ToolTable`, or the table to write.
PEP 751 leaves `[tool]` to each tool; docs/lockfile.md describes every key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.value_classes import dataclass

__all__ = ["SCHEMA", "BuildFacts", "BuildWheel", "SettingValue", "ToolTable"]

SCHEMA = 1
"""The schema number that this version writes and reads. Any new key that a reader must not overlook raises it."""

SettingValue = str | bool | int | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """What decides the outcome of building one project from source.

    `config_settings` are pairs in list order, whose values stand as `sha256:hex` (they may be secret). `isolation` is
    false under `--no-build-isolation`. `requirements` are the pinned build requirements (`setuptools==80.9.0`), sorted,
    with all that these need. `content` is the `sha256:hex` of a folder's content, None for anything but a folder.
    """

    config_settings: tuple[tuple[str, str], ...] = ()
    isolation: bool = True
    requirements: tuple[str, ...] = ()
    content: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildWheel:
    """A wheel that builds install, of which a requirement of `BuildFacts` names project and version.

    `file` is its name. It lies at `url`, which is public, or at `path` from the lock's folder on; the other is None.
    `index` is the public URL of the index that has it, None for other places. `size` is in bytes, `sha256` in hex.
    """

    name: NormalizedName
    version: Version
    file: str
    url: str | None = None
    path: str | None = None
    index: str | None = None
    size: int
    sha256: str

    @property
    def requirement(self) -> str:
        """The text by which builds name it."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolTable:
    """What `[tool.pinfold]` says.

    - `python` and `platform` name the target (`3.11.0`, `manylinux_2_35_x86_64`); `accelerator` holds its facts.
    - `requirement_digest` is `sha256:hex` over the list, the settings and the target.
    - `requirements` are the list's layers as canonical argv texts; `layers` the projects of each, in list order.
    - `settings` are those that influenced the result, by name; `exclude_newer` is an instant in RFC 3339.
    - `requested_by` gives for a project the texts of all that asked for it; `extras` the extras that were asked for.
    - `credentials` are hosts that an installation needs credentials for: a hint, never an instruction.
    - `built` are projects whose metadata came from a build; `build` what decides the outcome of building a project.
    - `build_wheels` are what those builds install, by name, version and file.
    """

    python: str
    platform: str
    accelerator: Mapping[str, str] = field(default_factory=dict)
    index_strategy: str = "first-index"
    requirement_digest: str
    exclude_newer: str | None = None
    requirements: tuple[tuple[str, ...], ...]
    layers: tuple[tuple[NormalizedName, ...], ...]
    credentials: tuple[str, ...] = ()
    built: tuple[NormalizedName, ...] = ()
    settings: Mapping[str, SettingValue] = field(default_factory=dict)
    extras: Mapping[NormalizedName, tuple[NormalizedName, ...]] = field(default_factory=dict)
    requested_by: Mapping[NormalizedName, tuple[str, ...]] = field(default_factory=dict)
    build: Mapping[NormalizedName, BuildFacts] = field(default_factory=dict)
    build_wheels: tuple[BuildWheel, ...] = ()
    schema: int = SCHEMA


def build_tool_table(tool: ToolTable) -> dict[str, Any]:
    """The table to write: keys in a fixed order, mappings sorted, what is empty left out."""
    table: dict[str, Any] = {
        "schema": tool.schema,
        "python": tool.python,
        "platform": tool.platform,
        "index-strategy": tool.index_strategy,
        "requirement-digest": tool.requirement_digest,
        "exclude-newer": tool.exclude_newer,
        "requirements": [list(layer) for layer in tool.requirements],
        "layers": [list(layer) for layer in tool.layers],
        "credentials": sorted(tool.credentials) or None,
        "built": sorted(tool.built) or None,
        "accelerator": _sorted_table(tool.accelerator),
        "settings": _sorted_table(tool.settings),
        "extras": _sorted_table({name: tuple(sorted(extras)) for name, extras in tool.extras.items()}),
        "requested-by": _sorted_table(tool.requested_by),
        "build": {name: _build_facts_table(tool.build[name]) for name in sorted(tool.build)} or None,
        "build-wheels": [_build_wheel_table(wheel) for wheel in sorted(tool.build_wheels, key=_wheel_order)] or None,
    }
    return {key: value for key, value in table.items() if value is not None}


def _sorted_table(mapping: Mapping[Any, Any]) -> dict[str, Any] | None:
    """The mapping by sorted key with arrays for tuples; None when it is empty."""
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in sorted(mapping.items())}
    return values or None


def _wheel_order(wheel: BuildWheel) -> tuple[str, Version, str]:
    return wheel.name, wheel.version, wheel.file


def _build_wheel_table(wheel: BuildWheel) -> dict[str, Any]:
    table: dict[str, Any] = {
        "name": wheel.name,
        "version": str(wheel.version),
        "index": wheel.index,
        "file": wheel.file,
        "url": wheel.url,
        "path": wheel.path,
        "size": wheel.size,
        "sha256": wheel.sha256,
    }
    return {key: value for key, value in table.items() if value is not None}


def _build_facts_table(facts: BuildFacts) -> dict[str, Any]:
    table: dict[str, Any] = {
        "isolation": facts.isolation,
        "requirements": sorted(facts.requirements),
        "content": facts.content,
        "config-settings": [list(pair) for pair in facts.config_settings] or None,
    }
    return {key: value for key, value in table.items() if value is not None}
