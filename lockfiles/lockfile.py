"""A lockfile as a value: PEP 751's document, and the typed table `[tool.pinfold]` beside it.

In: the table as TOML gives it, or values of a lock that is being built. Out: `ToolTable` or every fault with its
document path; a `Lockfile`; and the document that it is written as, in one order for equal locks.

PEP 751 leaves `[tool]` to each tool: `[tool.pinfold]` records what a lock was made from, and what requests each pin.
docs/lockfile.md describes every key. Each key is named here twice, where it is read and where it is written.
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
    "join_lines",
    "read_tool_table",
]

SCHEMA = 1
"""The schema number that this version writes and reads. A new key that a reader must not ignore raises it."""
SEAL_KEY = "contents"
"""The key of the seal: see `lockfiles.identity`."""
SettingValue = str | bool | int | tuple[str, ...]
"""The value of a setting as a lock records it."""
# The value of a missing or wrong version: harmless, since its fault makes the whole table invalid.
_NO_VERSION = Version("0")
# The names of TOML types in messages. A date, time or float is valid nowhere in the table.
_TYPE_NAMES: Mapping[type, str] = {
    dict: "a table",
    list: "an array",
    str: "a string",
    bool: "true or false",
    int: "a number",
}
# Flags of a list whose value is the next token.
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
# Flags that belong to the requirement before them, in the same line.
_LINE_FLAGS = frozenset({"--config-settings", "--hash"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """The inputs that decide the result of building one project from source.

    - `config_settings` are pairs in list order; each value is a `sha256:hex`, since the value itself may be secret.
    - `isolation` is false under `--no-build-isolation`.
    - `requirements` are the pinned build requirements (`setuptools==80.9.0`) with their dependencies, sorted.
    - `content` is the `sha256:hex` of the content of a folder, None for any other source.
    - `rejected` are versions that were passed over because their build gave no metadata, sorted. The project of such
      facts need not be in the lock.
    """

    config_settings: tuple[tuple[str, str], ...] = ()
    isolation: bool = True
    requirements: tuple[str, ...] = ()
    content: str | None = None
    rejected: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildWheel:
    """A wheel that a build installs; a requirement of `BuildFacts` names its project and version.

    `file` is its name. Either `url`, which is public, or `path`, relative to the folder of the lock, is the place; the
    other is None. `index` is the public URL of its index, None if it comes from elsewhere. `size` is in bytes.
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
        """The text by which `BuildFacts.requirements` name this wheel."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolTable:
    """The table `[tool.pinfold]`.

    - `python` and `platform` name the target (`3.11.0`, `manylinux_2_35_x86_64`); `accelerator` holds the facts of its
      GPU or other accelerator.
    - `source` is what the lock was made from, relative to the folder of the lock: `requirements.txt`, `app.py::Chat`,
      `-` for standard input. None if it was made by a program.
    - `requirement_digest` is `sha256:hex` over the list, the settings and the target.
    - `requirements` are the layers of the list as canonical tokens; `layers` the projects of each, in list order.
    - `settings` are those that influenced the result, by name; `exclude_newer` is an instant in RFC 3339.
    - `requested_by` holds the texts of all requests for a project; `extras` the requested extras.
    - `credentials` are hosts that an installation needs credentials for: a hint for people, never an instruction.
    - `built` are projects whose metadata came from a build; `build` the inputs of each build.
    - `unverified` are projects whose metadata no build has confirmed yet, with the requirements that they were locked
      with. A build of the project must give the same.
    - `build_wheels` are the wheels that those builds install, by name, version and file.
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
    unverified: Mapping[NormalizedName, tuple[str, ...]] = field(default_factory=dict)
    settings: Mapping[str, SettingValue] = field(default_factory=dict)
    extras: Mapping[NormalizedName, tuple[NormalizedName, ...]] = field(default_factory=dict)
    requested_by: Mapping[NormalizedName, tuple[str, ...]] = field(default_factory=dict)
    build: Mapping[NormalizedName, BuildFacts] = field(default_factory=dict)
    build_wheels: tuple[BuildWheel, ...] = ()
    source: str | None = None
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockfile:
    """A lockfile: the document of PEP 751 and the table of pinfold.

    `pylock.tool` holds the tables of other tools only; `tool` is None if another tool, such as pip or uv, wrote the
    lock. `warnings` are whole messages about parts that were ignored (a newer minor lock-version). `is_edited` is true
    if the file was changed after it was written, so that its seal is broken. Equality ignores the last two.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """A line that only one of two requirement lists has. `layer` counts from 0."""

    layer: int
    text: str
    is_added: bool

    def __str__(self) -> str:
        """The line as a diff shows it, without its layer."""
        return f"{'+' if self.is_added else '-'} {self.text}"


def read_tool_table(table: Mapping[str, Any], faults: list[Fault]) -> ToolTable:
    """The value of `[tool.pinfold]`. Every fault is added to `faults`.

    A missing or wrong value becomes a harmless one, so the result must not be used if there are faults.
    """
    found: list[TableFault] = []
    reader = TableReader(table, path="tool.pinfold", faults=found, wording=_LockWording())
    reader.require("schema", "python", "platform", "index-strategy", "requirement-digest", "requirements", "layers")
    tool = ToolTable(
        schema=reader.read("schema", _parse_schema, SCHEMA),
        source=reader.read("source", text),
        python=reader.read("python", text, ""),
        platform=reader.read("platform", text, ""),
        index_strategy=reader.read("index-strategy", text, ""),
        requirement_digest=reader.read("requirement-digest", _SHA256, ""),
        exclude_newer=reader.read("exclude-newer", text),
        requirements=reader.read("requirements", array_of(_TEXTS), ()),
        layers=reader.read("layers", array_of(_NAMES), ()),
        credentials=reader.read("credentials", _TEXTS, ()),
        built=reader.read("built", _NAMES, ()),
        unverified=reader.read("unverified", table_of(_TEXTS, key=_parse_name), {}),
        accelerator=reader.read("accelerator", table_of(text), {}),
        settings=reader.read("settings", table_of(_parse_setting), {}),
        extras=reader.read("extras", table_of(_NAMES, key=_parse_name), {}),
        requested_by=reader.read("requested-by", table_of(_TEXTS, key=_parse_name), {}),
        build=reader.read("build", table_of(_BUILD_FACTS_TABLE, key=_parse_name), {}),
        build_wheels=reader.read("build-wheels", array_of(_BUILD_WHEEL_TABLE), ()),
    )
    # Only its form is checked here: a broken seal is a warning, no fault.
    reader.read(SEAL_KEY, _SHA256)
    reader.refuse_unknown_keys()
    faults += [Fault(where=fault.path, what=fault.what) for fault in found]
    return tool


def _build_tool_table(tool: ToolTable) -> dict[str, Any]:
    """The table to write: keys in a fixed order, mappings sorted, empty values left out.

    It is the reverse of `read_tool_table`, and equal values give equal tables.
    """
    table: dict[str, Any] = {
        "schema": tool.schema,
        "source": tool.source,
        "python": tool.python,
        "platform": tool.platform,
        "index-strategy": tool.index_strategy,
        "requirement-digest": tool.requirement_digest,
        "exclude-newer": tool.exclude_newer,
        "requirements": [list(layer) for layer in tool.requirements],
        "layers": [list(layer) for layer in tool.layers],
        "credentials": sorted(tool.credentials) or None,
        "built": sorted(tool.built) or None,
        "unverified": _build_mapping(tool.unverified),
        "accelerator": _build_mapping(tool.accelerator),
        "settings": _build_mapping(tool.settings),
        "extras": _build_mapping({name: tuple(sorted(extras)) for name, extras in tool.extras.items()}),
        "requested-by": _build_mapping(tool.requested_by),
        "build": {name: _build_facts_table(tool.build[name]) for name in sorted(tool.build)} or None,
        "build-wheels": [_build_wheel_table(wheel) for wheel in sorted(tool.build_wheels, key=_wheel_order)] or None,
    }
    return {key: value for key, value in table.items() if value is not None}


def build_document(lockfile: Lockfile) -> dict[str, Any]:
    """The lock as a TOML document in the key order of PEP 751, without its seal.

    Locks that differ only in the order of packages, files or keys give equal documents.
    """
    packages = lockfile.pylock.packages
    # packaging's own `to_dict` gives the keys outside the packages, in the order of PEP 751.
    document = dict(replace(lockfile.pylock, packages=[]).to_dict())
    document["packages"] = sorted(
        (_build_package(_convert_value_class(package)) for package in packages), key=_package_order
    )
    # Tables of other tools are written as they were read, sorted by name with ours.
    tool = dict(document.pop("tool", None) or {})
    if lockfile.tool is not None:
        tool["pinfold"] = _build_tool_table(lockfile.tool)
    if tool:
        document["tool"] = {name: tool[name] for name in sorted(tool)}
    return document


def join_lines(tokens: Iterable[str]) -> tuple[str, ...]:
    """The tokens of a layer as lines of a requirement file, for diffs.

    A line is a flag with its value, `--editable` with its path, or a requirement with the flags of its own line.
    """
    lines: list[str] = []
    # Whether the next token is the value of the last one, even if it looks like a flag.
    is_open = False
    for token in tokens:
        if (is_open or token in _LINE_FLAGS) and lines:
            lines[-1] += f" {token}"
        else:
            lines.append(token)
        is_open = not is_open and (token in _VALUE_FLAGS or token in _LINE_FLAGS or token == "--editable")
    return tuple(lines)


def _build_mapping(mapping: Mapping[Any, Any]) -> dict[str, Any] | None:
    """The mapping with sorted keys and arrays for tuples; None if it is empty."""
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in sorted(mapping.items())}
    return values or None


def _wheel_order(wheel: BuildWheel) -> tuple[str, Version, str]:
    """The sort key of a build wheel."""
    return wheel.name, wheel.version, wheel.file


def _build_wheel_table(wheel: BuildWheel) -> dict[str, Any]:
    """One `[[tool.pinfold.build-wheels]]` table, without keys that have no value."""
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
    """One `[tool.pinfold.build.name]` table, without keys that have no value."""
    table: dict[str, Any] = {
        "isolation": facts.isolation,
        "requirements": sorted(facts.requirements),
        "content": facts.content,
        "rejected": [str(version) for version in sorted(facts.rejected)] or None,
        "config-settings": [list(pair) for pair in facts.config_settings] or None,
    }
    return {key: value for key, value in table.items() if value is not None}


class _LockWording(Wording):
    """Wording for faults of a lock: clauses, because a message names the path before them. It shows short texts."""

    def describe_missing(self, path: str) -> str:
        """The clause for a missing key."""
        return "missing"

    def describe_unknown(self, path: str) -> str:
        """The clause for an unknown key, which a later schema may have."""
        return f"no key of schema {SCHEMA}"

    def describe_type(self, path: str, expected: str, found: object) -> str:
        """The clause for a wrong value. A lock holds no secrets, so a short text helps to find the place."""
        if isinstance(found, str) and len(found) <= 40 and found.isprintable():
            return f"expected {expected}, found `{found}`"
        return f"expected {expected}, found {_TYPE_NAMES.get(type(found), 'a value of another type')}"

    def describe_form(self, path: str, form: str, found: object) -> str:
        """The clause for a text of a wrong form: the same as for a wrong type."""
        return self.describe_type(path, form, found)


def _parse_schema(value: Value) -> int | None:
    """A schema number. `lockfiles.reading` has already refused one that is too high."""
    if type(value.raw) is int and value.raw >= 1:
        return value.raw
    value.refuse_type("a number from 1")
    return None


def _parse_size(value: Value) -> int | None:
    """A number of bytes; 0 is valid, and `true` is no number here."""
    if type(value.raw) is int and value.raw >= 0:
        return value.raw
    value.refuse_type("a number of bytes")
    return None


def _parse_name(value: Value) -> NormalizedName | None:
    """A project name or extra that is normalized (PEP 503)."""
    if isinstance(value.raw, str) and is_normalized_name(value.raw):
        return NormalizedName(value.raw)
    value.refuse_type("a normalized project name")
    return None


def _match_pattern(pattern: str, expected: str) -> Parser[str]:
    """A parser for texts that match a pattern as a whole; `expected` describes them in a fault."""

    def parse(value: Value) -> str | None:
        if isinstance(value.raw, str) and re.fullmatch(pattern, value.raw):
            return value.raw
        value.refuse_type(expected)
        return None

    return parse


def _parse_setting(value: Value) -> SettingValue | None:
    """The value of a setting, as `SettingValue` has it."""
    # An array of strings is the only other type that settings have.
    if isinstance(value.raw, str | bool | int):
        return value.raw
    if isinstance(value.raw, list):
        return _TEXTS(value)
    value.refuse_type("a string, a number, true, false or an array of strings")
    return None


def _parse_pair(value: Value) -> tuple[str, str] | None:
    """A name and a `sha256:hex`, as `config-settings` have them."""
    # Its own check of the length, so that the fault names the pair and not one of its texts.
    texts = _TEXTS(value)
    if texts is None:
        return None
    if len(texts) != 2:
        value.refuse("expected a name and a hash")
        return None
    digest = _SHA256(value.at(f"{value.path}[1]", texts[1]))
    return None if digest is None else (texts[0], digest)


def _read_build_facts(reader: TableReader) -> BuildFacts:
    """The value of one `[tool.pinfold.build.name]` table."""
    return BuildFacts(
        isolation=reader.read("isolation", flag, True),
        requirements=reader.read("requirements", _TEXTS, ()),
        content=reader.read("content", _SHA256),
        rejected=reader.read("rejected", array_of(parsed(Version, "a version of PEP 440")), ()),
        config_settings=reader.read("config-settings", array_of(_parse_pair), ()),
    )


def _read_build_wheel(reader: TableReader) -> BuildWheel:
    """The value of one `[[tool.pinfold.build-wheels]]` table."""
    reader.require("name", "version", "file", "size", "sha256")
    return BuildWheel(
        name=reader.read("name", _parse_name, NormalizedName("")),
        version=reader.read("version", parsed(Version, "a version of PEP 440"), _NO_VERSION),
        index=reader.read("index", text),
        file=reader.read("file", text, ""),
        url=reader.read("url", text),
        path=reader.read("path", text),
        size=reader.read("size", _parse_size, 0),
        sha256=reader.read("sha256", _match_pattern("[0-9a-f]{64}", "64 digits of lower-case hex"), ""),
    )


# Parsers that several keys use. They are defined here because they are made of the functions above.
_SHA256 = _match_pattern("sha256:[0-9a-f]{64}", "`sha256:` and 64 digits of lower-case hex")
_TEXTS = array_of(text)
_NAMES = array_of(_parse_name)
_BUILD_FACTS_TABLE = keyed_table(_read_build_facts)
_BUILD_WHEEL_TABLE = keyed_table(_read_build_wheel)


def _convert_value_class(value: Any) -> dict[str, Any]:
    """One of packaging's dataclasses as a TOML table.

    Its own `to_dict` gives the same, but copies every text: this takes a third of the time.
    """
    kind: Any = type(value)
    pairs = ((key, getattr(value, name)) for name, key in _find_keys(kind))
    return {key: _convert_value(item) for key, item in pairs if item is not None}


# Cached, because a lock has hundreds of values of the same few classes.
@cache
def _find_keys(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    """The names of the fields with their keys in TOML."""
    return tuple((field.name, field.name.replace("_", "-")) for field in fields(kind))


def _convert_value(value: Any) -> Any:
    """A value inside packaging's dataclasses as TOML has it; versions, markers and specifiers are strings."""
    if isinstance(value, str | int):
        return value
    if isinstance(value, Version | Marker | SpecifierSet):
        return str(value)
    if isinstance(value, list | tuple):
        return [_convert_value(item) for item in value]
    return _convert_value_class(value) if is_dataclass(value) else value


def _build_package(package: Mapping[str, Any]) -> dict[str, Any]:
    """One `[[packages]]` table (PEP 751), with every array and table sorted whose order has no meaning."""
    table = dict(package)
    if table.get("dependencies") is not None:
        table["dependencies"] = sorted(table["dependencies"], key=_dependency_order)
    if table.get("wheels") is not None:
        table["wheels"] = sorted((_build_file(wheel) for wheel in table["wheels"]), key=_file_order)
    for source in ("sdist", "archive"):
        if source in table:
            table[source] = _build_file(table[source])
    return table


def _build_file(file: Mapping[str, Any]) -> dict[str, Any]:
    """A table of a file with its hashes sorted by algorithm."""
    return {**file, "hashes": dict(sorted(file["hashes"].items()))}


def _package_order(package: Mapping[str, Any]) -> tuple[str, str, str]:
    """The sort key of a package: its name, then version and marker, for entries that markers keep apart."""
    return package["name"], package.get("version", ""), package.get("marker", "")


def _file_order(file: Mapping[str, Any]) -> str:
    """The sort key of a wheel: its file name, from the path or URL if `name` is missing (PEP 751)."""
    return PackageWheel(
        name=file.get("name"), path=file.get("path"), url=file.get("url"), hashes=file["hashes"]
    ).filename


def _dependency_order(mapping: Mapping[str, Any]) -> str:
    """The sort key of a dependency, whose keys PEP 751 leaves open."""
    return repr(sorted((key, repr(value)) for key, value in mapping.items()))
