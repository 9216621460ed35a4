"""Who asked for what in a lock: its pins as a graph, from the lines of the list down.

In: a `Lockfile`. Out: requests by pin, dependencies both ways, paths, and the layer that each pin belongs to. A lock of
another tool has no lines and no words of who asked: its pins that nobody depends on stand for the list.

How to split a lock into image layers: what a builder installs and caches step by step.

In: a `Lockfile`. Out: groups of pins in installation order, each with a digest as its cache key. A list of several
layers says the split itself. Otherwise what is big and stable comes first, cut so that apps with the same heavy
packages get the same layer, whatever else they install.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, pairwise
from typing import Literal

from packaging.pylock import Package
from packaging.utils import NormalizedName, canonicalize_name

from lockfiles._files import hash_bytes
from lockfiles._values import dataclass
from lockfiles.identity import digest
from lockfiles.lockfile import Lockfile

__all__ = [
    "HEAVY_BYTES",
    "ImageLayer",
    "LayerReason",
    "LockGraph",
    "LockPath",
    "Request",
    "assign_layers",
    "build_graph",
    "find_paths",
    "size_bytes",
    "split_layers",
]


_LISTED = re.compile(r"layer (\d+): (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One who asked for a pin, and in which words: a line of `layer` (from 0), or the pin `parent`.

    Both are None for what stands in neither: a constraint or an override. `text` is empty where the lock does not say.
    """

    layer: int | None = None
    parent: NormalizedName | None = None
    text: str = ""

    def __str__(self) -> str:
        place = f"layer {self.layer}" if self.layer is not None else self.parent or "constraint"
        return f"{place}: {self.text}" if self.text else place


@dataclass(frozen=True, slots=True, kw_only=True)
class LockGraph:
    """The pins of a lock by name, sorted; `requests` in the order of the lock, the other two sorted by name.

    A name has several packages only in a lock of another tool, where markers keep them apart.
    """

    packages: Mapping[NormalizedName, tuple[Package, ...]]
    requests: Mapping[NormalizedName, tuple[Request, ...]]
    dependencies: Mapping[NormalizedName, tuple[NormalizedName, ...]]
    dependents: Mapping[NormalizedName, tuple[NormalizedName, ...]]

    @property
    def roots(self) -> tuple[NormalizedName, ...]:
        """The pins that the list itself names, layer by layer; else those that no other pin asks for, by name."""
        listed = sorted(
            (request.layer, place, name)
            for place, (name, requests) in enumerate(self.requests.items())
            for request in requests
            if request.layer is not None
        )
        return tuple(dict.fromkeys(name for _, _, name in listed)) or tuple(
            name for name in self.packages if not self.dependents[name]
        )

    def asked(self, name: NormalizedName, parent: NormalizedName) -> str:
        """What one pin asks of another: its words, several joined; empty where the lock does not say."""
        return ", ".join(request.text for request in self.requests[name] if request.parent == parent and request.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPath:
    """A way from a line of the list to a pin. `names` begin with the pin that `request` asked for.

    `asked` has one text a step, what each name asks of the next: one fewer than `names`.
    """

    request: Request
    names: tuple[NormalizedName, ...]
    asked: tuple[str, ...]


def build_graph(lockfile: Lockfile) -> LockGraph:
    """The graph of a lock."""
    packages: dict[NormalizedName, tuple[Package, ...]] = {}
    for package in sorted(lockfile.pylock.packages, key=lambda package: package.name):
        packages[package.name] = (*packages.get(package.name, ()), package)
    dependencies = {name: _dependencies(found, packages) for name, found in packages.items()}
    dependents: dict[NormalizedName, list[NormalizedName]] = {name: [] for name in packages}
    for name, needed in dependencies.items():
        for other in needed:
            dependents[other].append(name)
    told = lockfile.tool.requested_by if lockfile.tool is not None else {}
    requests = {
        name: _read_requests(told.get(name, ()), packages)
        or tuple(Request(parent=parent) for parent in dependents[name])
        for name in packages
    }
    return LockGraph(
        packages=packages,
        requests=requests,
        dependencies=dependencies,
        dependents={name: tuple(found) for name, found in dependents.items()},
    )


def find_paths(graph: LockGraph, name: NormalizedName, *, limit: int) -> tuple[tuple[LockPath, ...], bool]:
    """The paths from the list to a pin, shortest first, without circles; and whether there are more than `limit`.

    There can be exponentially many, so they are counted no further than that.
    """
    found = tuple(islice(_iter_paths(graph, name), limit + 1))
    return found[:limit], len(found) > limit


def assign_layers(lockfile: Lockfile) -> dict[NormalizedName, int]:
    """For each pin, sorted by name, the first layer that needs it, itself or through others; 0 where nobody says."""
    graph = build_graph(lockfile)
    layers = lockfile.tool.layers if lockfile.tool is not None else ()
    found: dict[NormalizedName, int] = {}
    for number, names in enumerate(layers):
        waiting = [name for name in names if name in graph.packages]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = number
                waiting += graph.dependencies[name]
    return {name: found.get(name, 0) for name in graph.packages}


def _dependencies(
    found: tuple[Package, ...], packages: Mapping[NormalizedName, tuple[Package, ...]]
) -> tuple[NormalizedName, ...]:
    names = {
        canonicalize_name(dependency["name"])
        for package in found
        for dependency in package.dependencies or ()
        if isinstance(dependency.get("name"), str)
    }
    return tuple(sorted(name for name in names if name in packages))


def _read_requests(
    texts: tuple[str, ...], packages: Mapping[NormalizedName, tuple[Package, ...]]
) -> tuple[Request, ...]:
    return tuple(_read_request(text, packages) for text in texts)


def _read_request(text: str, packages: Mapping[NormalizedName, tuple[Package, ...]]) -> Request:
    """One text of `requested-by`: `layer 0: numpy<2`, `scipy: numpy>=1.26`, or the words of a constraint."""
    listed = _LISTED.fullmatch(text)
    if listed is not None:
        return Request(layer=int(listed[1]), text=listed[2])
    parent, colon, words = text.partition(": ")
    if colon and parent in packages:
        return Request(parent=NormalizedName(parent), text=words)
    return Request(text=text)


def _iter_paths(graph: LockGraph, name: NormalizedName) -> Iterator[LockPath]:
    """Breadth first, from the pin up: shortest paths come first, and in the order of the requests."""
    level: list[tuple[NormalizedName, ...]] = [(name,)]
    while level:
        above: list[tuple[NormalizedName, ...]] = []
        for names in level:
            parents = dict.fromkeys(request.parent for request in graph.requests[names[0]] if request.parent)
            asked = tuple(graph.asked(child, parent) for parent, child in pairwise(names))
            for request in graph.requests[names[0]]:
                if request.parent is None:
                    yield LockPath(request=request, names=names, asked=asked)
            if not graph.requests[names[0]]:
                yield LockPath(request=Request(), names=names, asked=asked)
            above += [(parent, *names) for parent in parents if parent not in names]
        level = above


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
