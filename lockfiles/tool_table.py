"""The typed view of `[tool.pinfold]`: what a lock was made from, and who asked for each pin.

In: the table as TOML gives it, or values from a lock that is being built. Out: `ToolTable` or every fault with its
document path, and the table to write.
PEP 751 leaves `[tool]` to each tool; docs/lockfile.md describes every key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from packaging.utils import NormalizedName, is_normalized_name
from packaging.version import Version

from lockfiles.errors import Fault
from lockfiles.seal import SEAL_KEY
from lockfiles.table_reader import (
    Parser,
    TableFault,
    TableReader,
    Value,
    Wording,
    array_of,
    flag,
    keyed_table,
    parsed,
    table_of,
    text,
)
from lockfiles.value_classes import dataclass

__all__ = ["SCHEMA", "BuildFacts", "BuildWheel", "SettingValue", "ToolTable", "build_tool_table", "read_tool_table"]

SCHEMA = 1
"""The schema number that this version writes and reads. Any new key that a reader must not overlook raises it."""

SettingValue = str | bool | int | tuple[str, ...]

_NO_VERSION = Version("0")
_TYPES: Mapping[type, str] = {
    dict: "a table",
    list: "an array",
    str: "a string",
    bool: "true or false",
    int: "a number",
}


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


def read_tool_table(table: Mapping[str, Any], faults: list[Fault]) -> ToolTable:
    """The whole of `[tool.pinfold]`; of use only when no faults were added: what is wrong has a harmless value."""
    found: list[TableFault] = []
    reader = TableReader(table, path="tool.pinfold", faults=found, wording=_LockWording())
    reader.require("schema", "python", "platform", "index-strategy", "requirement-digest", "requirements", "layers")
    tool = ToolTable(
        schema=reader.read("schema", _schema, SCHEMA),
        python=reader.read("python", text, ""),
        platform=reader.read("platform", text, ""),
        index_strategy=reader.read("index-strategy", text, ""),
        requirement_digest=reader.read("requirement-digest", _sha256, ""),
        exclude_newer=reader.read("exclude-newer", text),
        requirements=reader.read("requirements", array_of(_texts), ()),
        layers=reader.read("layers", array_of(_names), ()),
        credentials=reader.read("credentials", _texts, ()),
        built=reader.read("built", _names, ()),
        accelerator=reader.read("accelerator", table_of(text), {}),
        settings=reader.read("settings", table_of(_setting), {}),
        extras=reader.read("extras", table_of(_names, key=_name), {}),
        requested_by=reader.read("requested-by", table_of(_texts, key=_name), {}),
        build=reader.read("build", table_of(_BUILD_FACTS, key=_name), {}),
        build_wheels=reader.read("build-wheels", array_of(_BUILD_WHEEL), ()),
    )
    reader.read(SEAL_KEY, _sha256)
    reader.refuse_unknown_keys()
    faults += [Fault(where=fault.path, what=fault.what) for fault in found]
    return tool


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


class _LockWording(Wording):
    """Clauses that stand behind the path of a fault; short texts are shown."""

    def describe_missing(self, path: str) -> str:
        return "missing"

    def describe_unknown(self, path: str) -> str:
        return f"no key of schema {SCHEMA}"

    def describe_type(self, path: str, expected: str, found: object) -> str:
        if isinstance(found, str) and len(found) <= 40 and found.isprintable():
            return f"expected {expected}, found `{found}`"
        return f"expected {expected}, found {_TYPES.get(type(found), 'a value of another type')}"

    def describe_form(self, path: str, form: str, found: object) -> str:
        return self.describe_type(path, form, found)


def _schema(value: Value) -> int | None:
    if type(value.raw) is int and value.raw >= 1:
        return value.raw
    value.refuse_type("a number from 1")
    return None


def _size(value: Value) -> int | None:
    if type(value.raw) is int and value.raw >= 0:
        return value.raw
    value.refuse_type("a number of bytes")
    return None


def _name(value: Value) -> NormalizedName | None:
    if isinstance(value.raw, str) and is_normalized_name(value.raw):
        return NormalizedName(value.raw)
    value.refuse_type("a normalized project name")
    return None


def _matching(pattern: str, expected: str) -> Parser[str]:
    def parse(value: Value) -> str | None:
        if isinstance(value.raw, str) and re.fullmatch(pattern, value.raw):
            return value.raw
        value.refuse_type(expected)
        return None

    return parse


def _setting(value: Value) -> SettingValue | None:
    if isinstance(value.raw, str | bool | int):
        return value.raw
    if isinstance(value.raw, list):
        return _texts(value)
    value.refuse_type("a string, a number, true, false or an array of strings")
    return None


def _pair(value: Value) -> tuple[str, str] | None:
    texts = _texts(value)
    if texts is None:
        return None
    if len(texts) != 2:
        value.refuse("expected a name and a hash")
        return None
    digest = _sha256(value.at(f"{value.path}[1]", texts[1]))
    return None if digest is None else (texts[0], digest)


def _read_build_facts(reader: TableReader) -> BuildFacts:
    return BuildFacts(
        isolation=reader.read("isolation", flag, True),
        requirements=reader.read("requirements", _texts, ()),
        content=reader.read("content", _sha256),
        config_settings=reader.read("config-settings", array_of(_pair), ()),
    )


def _read_build_wheel(reader: TableReader) -> BuildWheel:
    reader.require("name", "version", "file", "size", "sha256")
    return BuildWheel(
        name=reader.read("name", _name, NormalizedName("")),
        version=reader.read("version", parsed(Version, "a version of PEP 440"), _NO_VERSION),
        index=reader.read("index", text),
        file=reader.read("file", text, ""),
        url=reader.read("url", text),
        path=reader.read("path", text),
        size=reader.read("size", _size, 0),
        sha256=reader.read("sha256", _matching("[0-9a-f]{64}", "64 digits of lower-case hex"), ""),
    )


_sha256 = _matching("sha256:[0-9a-f]{64}", "`sha256:` and 64 digits of lower-case hex")
_texts = array_of(text)
_names = array_of(_name)
_BUILD_FACTS = keyed_table(_read_build_facts)
_BUILD_WHEEL = keyed_table(_read_build_wheel)
