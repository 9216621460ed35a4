"""A lockfile as a value: PEP 751's document beside the typed `[tool.pinfold]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, fields, is_dataclass, replace
from functools import cache
from typing import Any

from packaging.markers import Marker
from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from lockfiles.tool_table import ToolTable, build_tool_table
from lockfiles.value_classes import dataclass

__all__ = ["Lockfile", "build_document"]


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
