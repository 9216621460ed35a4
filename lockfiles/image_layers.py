"""How to split a lock into image layers: what a builder installs and caches step by step.

In: a `Lockfile`. Out: groups of pins in installation order, each with a digest as its cache key. A list of several
layers says the split itself. Otherwise what is big and stable comes first, cut so that apps with the same heavy
packages get the same layer, whatever else they install.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Literal

from packaging.pylock import Package
from packaging.utils import NormalizedName

from lockfiles.graph import LockGraph, assign_layers, build_graph
from lockfiles.identity import digest
from lockfiles.lockfile import Lockfile
from lockfiles.sha256 import hash_bytes
from lockfiles.value_classes import dataclass

__all__ = ["HEAVY_BYTES", "ImageLayer", "LayerReason", "size_bytes", "split_layers"]

LayerReason = Literal["listed", "heavy", "light", "own"]

HEAVY_BYTES = 20_000_000
"""From this download size on, a package counts as heavy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLayer:
    """One step of an installation. `names` are sorted; `size_bytes` is what is downloaded, as far as the lock says.

    `reason` is `listed` (a layer of the list), `heavy` (big packages that need each other), `light` (everything else of
    an index) or `own` (source trees and direct URLs, which change most often). `digest` is the cache key: that of a
    lock with these pins alone.
    """

    reason: LayerReason
    names: tuple[NormalizedName, ...]
    size_bytes: int
    digest: str


def split_layers(lockfile: Lockfile) -> tuple[ImageLayer, ...]:
    """The layers in installation order; every pin is in exactly one. Equal locks give equal layers."""
    if lockfile.tool is not None and len(lockfile.tool.layers) > 1:
        assigned = assign_layers(lockfile)
        groups: list[tuple[LayerReason, list[NormalizedName]]] = [
            ("listed", [name for name, layer in assigned.items() if layer == number])
            for number in range(len(lockfile.tool.layers))
        ]
    else:
        groups = list(_group(build_graph(lockfile)))
    return tuple(_build_layer(lockfile, reason, names) for reason, names in groups if names)


def size_bytes(package: Package) -> int | None:
    """What an installer downloads for the package; None for a source tree, and where the lock does not say."""
    files = (*(package.wheels or ()), package.sdist, package.archive)
    return next((file.size for file in files if file is not None), None)


def _group(graph: LockGraph) -> Iterator[tuple[LayerReason, list[NormalizedName]]]:
    own = [name for name, found in graph.packages.items() if any(map(_is_own, found))]
    heavy = {name for name in graph.packages if name not in own and _weigh(graph, name) >= HEAVY_BYTES}
    for names in _group_heavy(graph, heavy):
        yield "heavy", names
    yield "light", [name for name in graph.packages if name not in own and name not in heavy]
    yield "own", own


def _group_heavy(graph: LockGraph, heavy: set[NormalizedName]) -> Iterator[list[NormalizedName]]:
    """A package together with the heavy ones that it needs, smallest such group first; then those that stand alone."""
    closures = {name: _close(graph, name) & heavy for name in heavy}
    left = set(heavy)
    for name in sorted(heavy, key=lambda name: (len(closures[name]), name)):
        group = closures[name] & left
        if len(group) > 1 and not any(name in closures[other] and other in closures[name] for other in heavy - {name}):
            yield sorted(group)
            left -= group
    yield sorted(left)


def _close(graph: LockGraph, name: NormalizedName) -> set[NormalizedName]:
    """The package and everything that it needs."""
    found: set[NormalizedName] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += graph.dependencies[one]
    return found


def _weigh(graph: LockGraph, name: NormalizedName) -> int:
    return sum(size_bytes(package) or 0 for package in graph.packages[name])


def _is_own(package: Package) -> bool:
    """Whether the package comes from a source tree or a URL of the list: such change more often than releases."""
    is_tree = package.vcs is not None or package.directory is not None or package.archive is not None
    return is_tree or package.index is None


def _build_layer(lockfile: Lockfile, reason: LayerReason, names: Iterable[NormalizedName]) -> ImageLayer:
    wanted = frozenset(names)
    packages = [package for package in lockfile.pylock.packages if package.name in wanted]
    return ImageLayer(
        reason=reason,
        names=tuple(sorted(wanted)),
        size_bytes=sum(size_bytes(package) or 0 for package in packages),
        digest=_digest(lockfile, wanted),
    )


def _digest(lockfile: Lockfile, names: frozenset[NormalizedName]) -> str:
    """The digest of a lock with some of the pins and one layer, so that other pins and the list do not count."""
    # Lazy: `replace` of packaging's own classes is needed here alone.
    from dataclasses import replace

    packages = [package for package in lockfile.pylock.packages if package.name in names]
    tool = lockfile.tool
    if tool is not None:
        build = {name: facts for name, facts in tool.build.items() if name in names}
        tool = replace(tool, layers=(tuple(sorted(names)),), build=build)
    part = Lockfile(pylock=replace(lockfile.pylock, packages=packages), tool=tool)
    whole = digest(part)
    return f"pinfold-layer-v1:sha256:{hash_bytes(json.dumps(whole).encode())}"
