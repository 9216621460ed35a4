"""A lockfile as a value: PEP 751's document beside the typed `[tool.pinfold]`.

The typed view of `[tool.pinfold]`: what a lock was made from, and who asked for each pin.

In: the table as TOML gives it, or values from a lock that is being built. Out: `ToolTable` or every fault with its
document path, and the table to write.
PEP 751 leaves `[tool]` to each tool; docs/lockfile.md describes every key.

The seal of a lock: a hash over all of the document, so that an edit by hand or by a merge shows.

It proves nothing against somebody who means harm and can make a new one: `lock verify` asks the indexes for that.

The tokens of a layer as lines that read like a requirements file, for diffs: `--extra-index-url URL` is one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, fields, is_dataclass, replace
from functools import cache
from typing import Any

from packaging.markers import Marker
from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, is_normalized_name
from packaging.version import Version

from lockfiles._files import hash_bytes
from lockfiles._values import dataclass
from lockfiles.errors import Fault
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

__all__ = [
    "SCHEMA",
    "SEAL_KEY",
    "BuildFacts",
    "BuildWheel",
    "LineChange",
    "Lockfile",
    "SettingValue",
    "ToolTable",
    "build_document",
    "build_seal",
    "build_tool_table",
    "has_broken_seal",
    "join_lines",
    "read_tool_table",
    "with_seal",
]


SEAL_KEY = "contents"
_BEHIND = "requirement-digest"


def build_seal(document: Mapping[str, Any]) -> str:
    """`sha256:hex` over the document as JSON without white space, keys sorted, without the seal itself.

    Dates and times stand as texts, as Python writes them.
    """
    tool = document.get("tool")
    table = tool.get("pinfold") if isinstance(tool, Mapping) else None
    if isinstance(tool, Mapping) and isinstance(table, Mapping):
        bare = {key: value for key, value in table.items() if key != SEAL_KEY}
        document = {**document, "tool": {**tool, "pinfold": bare}}
    # Lazy: a run without an old lock needs no JSON until it writes.
    import json

    text = json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=str)
    return f"sha256:{hash_bytes(text.encode('ascii'))}"


def with_seal(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its seal in `[tool.pinfold]`; one without that table is as it was."""
    tool = document.get("tool")
    if not isinstance(tool, Mapping) or "pinfold" not in tool:
        return dict(document)
    table: dict[str, Any] = {}
    for key, value in tool["pinfold"].items():
        table[key] = value
        if key == _BEHIND:
            table[SEAL_KEY] = build_seal(document)
    return {**document, "tool": {**tool, "pinfold": table}}


def has_broken_seal(document: Mapping[str, Any]) -> bool:
    """Whether the document has a seal that is not its own; one without seal or table has none to break."""
    tool = document.get("tool")
    table = tool.get("pinfold") if isinstance(tool, Mapping) else None
    seal = table.get(SEAL_KEY) if isinstance(table, Mapping) else None
    return seal is not None and seal != build_seal(document)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockfile:
    """A lockfile. `pylock.tool` holds the tables of other tools only; `tool` is None where pip or uv wrote the lock.

    `warnings` tell what reading it passed over, as whole messages (a newer minor lock-version). `is_edited` is whether
    the file that it was read from is no longer as it was written: its seal is broken.
    """

    pylock: Pylock
    tool: ToolTable | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)
    is_edited: bool = field(default=False, compare=False)

    def iter_files(self) -> Iterator[tuple[Package, PackageWheel | PackageSdist]]:
        """Each wheel and sdist with its package, packages in the order of the file, wheels before the sdist."""
        for package in self.pylock.packages:
            for wheel in package.wheels or ():
                yield package, wheel
            if package.sdist is not None:
                yield package, package.sdist


def build_document(lockfile: Lockfile) -> dict[str, Any]:
    """The lock as a TOML document in PEP 751's key order; equal locks in whatever order give equal documents."""
    packages = lockfile.pylock.packages
    document = dict(replace(lockfile.pylock, packages=[]).to_dict())
    document["packages"] = sorted((_build_package(_to_table(package)) for package in packages), key=_package_order)
    tool = dict(document.pop("tool", None) or {})
    if lockfile.tool is not None:
        tool["pinfold"] = build_tool_table(lockfile.tool)
    if tool:
        document["tool"] = {name: tool[name] for name in sorted(tool)}
    return document


def _to_table(value: Any) -> dict[str, Any]:
    """One of packaging's dataclasses as its `to_dict` has it, which copies every text: a third of the time."""
    kind: Any = type(value)
    pairs = ((key, getattr(value, name)) for name, key in _list_keys(kind))
    return {key: _to_toml(item) for key, item in pairs if item is not None}


@cache
def _list_keys(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    """Names of the fields, and what they are called in TOML."""
    return tuple((field.name, field.name.replace("_", "-")) for field in fields(kind))


def _to_toml(value: Any) -> Any:
    if isinstance(value, str | int):
        return value
    if isinstance(value, Version | Marker | SpecifierSet):
        return str(value)
    if isinstance(value, list | tuple):
        return [_to_toml(item) for item in value]
    return _to_table(value) if is_dataclass(value) else value


def _build_package(package: Mapping[str, Any]) -> dict[str, Any]:
    """One `[[packages]]` table with everything in it that has no order of its own sorted."""
    table = dict(package)
    if table.get("dependencies") is not None:
        table["dependencies"] = sorted(table["dependencies"], key=_mapping_order)
    if table.get("wheels") is not None:
        table["wheels"] = sorted((_build_file(wheel) for wheel in table["wheels"]), key=_file_order)
    for source in ("sdist", "archive"):
        if source in table:
            table[source] = _build_file(table[source])
    return table


def _build_file(file: Mapping[str, Any]) -> dict[str, Any]:
    return {**file, "hashes": dict(sorted(file["hashes"].items()))}


def _package_order(package: Mapping[str, Any]) -> tuple[str, str, str]:
    """By name; entries of one name, which markers keep apart, by version and marker."""
    return package["name"], package.get("version", ""), package.get("marker", "")


def _file_order(file: Mapping[str, Any]) -> str:
    """By file name, which the path or URL gives where `name` is missing."""
    return PackageWheel(
        name=file.get("name"), path=file.get("path"), url=file.get("url"), hashes=file["hashes"]
    ).filename


def _mapping_order(mapping: Mapping[str, Any]) -> str:
    return repr(sorted((key, repr(value)) for key, value in mapping.items()))


_VALUE_FLAGS = frozenset(
    {
        "--constraint",
        "--extra-index-url",
        "--find-links",
        "--index-url",
        "--no-binary",
        "--only-binary",
        "--trusted-host",
    }
)
_LINE_FLAGS = frozenset({"--config-settings", "--hash"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """One line of the requirement list that only one of two lists has; `layer` counts from 0."""

    layer: int
    text: str
    is_added: bool

    def __str__(self) -> str:
        return f"{'+' if self.is_added else '-'} {self.text}"


def join_lines(tokens: Iterable[str]) -> tuple[str, ...]:
    """A flag with its value, `--editable` with its path, and a requirement with the flags of its own line."""
    lines: list[str] = []
    is_open = False
    for token in tokens:
        if (is_open or token in _LINE_FLAGS) and lines:
            lines[-1] += f" {token}"
        else:
            lines.append(token)
        is_open = not is_open and (token in _VALUE_FLAGS or token in _LINE_FLAGS or token == "--editable")
    return tuple(lines)
