"""How much each pin of a lock weighs, and which items of the list nobody seems to need.

In: a lock, what its wheels unpack to, what an app imports. Out: a row a pin. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from packaging.utils import NormalizedName

from lockfiles import Lockfile
from lockfiles.graph import assign_layers, build_graph
from lockfiles.image_layers import size_bytes
from lockfiles.value_classes import dataclass
from resolver.index.wheel_contents import WheelContents

__all__ = ["PinSize", "find_unused", "measure_pins"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinSize:
    """One pin. `download_bytes` and `unpacked_bytes` are None where nobody says; `layer` is the first that needs it."""

    name: NormalizedName
    version: str | None
    layer: int
    download_bytes: int | None
    unpacked_bytes: int | None


def measure_pins(lockfile: Lockfile, contents: Mapping[NormalizedName, WheelContents | None]) -> tuple[PinSize, ...]:
    """The pins by layer, largest download first; `contents` are by project name."""
    layers = assign_layers(lockfile)
    rows = [
        PinSize(
            name=package.name,
            version=None if package.version is None else str(package.version),
            layer=layers[package.name],
            download_bytes=size_bytes(package),
            unpacked_bytes=None if (found := contents.get(package.name)) is None else found.unpacked_bytes,
        )
        for package in lockfile.pylock.packages
    ]
    return tuple(sorted(rows, key=lambda row: (row.layer, -(row.download_bytes or 0), row.name)))


def find_unused(
    lockfile: Lockfile, contents: Mapping[NormalizedName, WheelContents | None], imports: frozenset[str]
) -> tuple[NormalizedName, ...]:
    """Items of the list, by name, that no other pin asks for and whose modules the app does not import.

    Where a wheel tells its modules, those count; else the project's name in the form of a module's.
    """
    graph = build_graph(lockfile)
    unused = []
    for name in graph.roots:
        found = contents.get(name)
        modules = (name.replace("-", "_"),) if found is None else found.modules
        if not graph.dependents[name] and not imports.intersection(modules):
            unused.append(name)
    return tuple(sorted(unused))
