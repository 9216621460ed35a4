"""The pins of a lock as a graph, and its division into the layers of a container image.

In: a `Lockfile`. Out: `LockGraph` (requests by pin, dependencies both ways), paths from the list to a pin, the list
layer of each pin, and `ImageLayer`s: groups of pins in installation order, each with a digest as its cache key.

A lock of another tool has no list and no `requested-by`: pins that no other pin depends on take the place of the list.

The layers of a list are the layers of the image. A list of one layer is split: big and stable pins come first, cut so
that apps with the same heavy packages get the same layer, even if their other packages differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from itertools import islice, pairwise
from typing import Literal

from packaging.pylock import Package
from packaging.utils import NormalizedName, canonicalize_name

from lockfiles._files import hash_bytes
from lockfiles._values import compile_later, dataclass
from lockfiles.identity import digest
from lockfiles.lockfile import Lockfile

__all__ = [
    "ImageLayer",
    "LayerReason",
    "LockGraph",
    "LockPath",
    "Request",
    "assign_layers",
    "build_graph",
    "find_dominators",
    "find_paths",
    "size_bytes",
    "split_layers",
]

_HEAVY_BYTES = 20_000_000
"""From this download size on, a package counts as heavy."""
# A text of `requested-by` that a line of the list has made; all others name a pin, or are a constraint.
_LIST_REQUEST = compile_later(r"layer (\d+): (.*)", re.DOTALL)
LayerReason = Literal["listed", "heavy", "light", "own"]
"""Why pins are one image layer: see `ImageLayer`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request for a pin: by a line of the list, in `layer` (counted from 0), or by the pin `parent`.

    Both are None for a constraint or an override. `text` is the requirement, empty if the lock does not record it.
    """

    layer: int | None = None
    parent: NormalizedName | None = None
    text: str = ""

    def __str__(self) -> str:
        place = f"layer {self.layer}" if self.layer is not None else self.parent or "constraint"
        return f"{place}: {self.text}" if self.text else place


@dataclass(frozen=True, slots=True, kw_only=True)
class LockGraph:
    """The pins of a lock and what connects them, each mapping sorted by name.

    - `packages`: the pins of a name. Only a lock of another tool has several, which markers keep apart.
    - `requests`: what requests a pin, in the order of the lock.
    - `dependencies` and `dependents`: the pins that a pin needs and those that need it, sorted by name.
    """

    packages: Mapping[NormalizedName, tuple[Package, ...]]
    requests: Mapping[NormalizedName, tuple[Request, ...]]
    dependencies: Mapping[NormalizedName, tuple[NormalizedName, ...]]
    dependents: Mapping[NormalizedName, tuple[NormalizedName, ...]]

    @property
    def roots(self) -> tuple[NormalizedName, ...]:
        """The pins that the list names, layer by layer; without a list the pins that no other pin needs, by name."""
        listed = sorted(
            (request.layer, place, name)
            for place, (name, requests) in enumerate(self.requests.items())
            for request in requests
            if request.layer is not None
        )
        return tuple(dict.fromkeys(name for _, _, name in listed)) or tuple(
            name for name in self.packages if not self.dependents[name]
        )

    def join_requirements(self, name: NormalizedName, parent: NormalizedName) -> str:
        """The requirements of `parent` on `name` with commas between them; empty if the lock does not record any."""
        return ", ".join(request.text for request in self.requests[name] if request.parent == parent and request.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPath:
    """A way from a line of the list to a pin.

    `names` begin with the pin that `request` is for. `requirements` are the texts by which each name requires the next,
    so one fewer than `names`.
    """

    request: Request
    names: tuple[NormalizedName, ...]
    requirements: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLayer:
    """One step of an installation, and so one layer of an image.

    `names` are sorted. `size_bytes` is the download size, without files whose size the lock does not record. `digest`
    is the cache key: that of a lock with these pins alone. `reason` is one of:

    - `listed`: a layer of the list;
    - `heavy`: big packages that need each other, or big packages without such a group;
    - `light`: all other packages of an index;
    - `own`: source trees and direct URLs, which change most often.
    """

    reason: LayerReason
    names: tuple[NormalizedName, ...]
    size_bytes: int
    digest: str


def build_graph(lockfile: Lockfile) -> LockGraph:
    """The graph of a lock. Dependencies without a pin, such as those that a marker excludes, are left out.

    A pin without `requested-by` texts counts as requested by each pin that depends on it.
    """
    packages: dict[NormalizedName, tuple[Package, ...]] = {}
    for package in sorted(lockfile.pylock.packages, key=lambda package: package.name):
        packages[package.name] = (*packages.get(package.name, ()), package)
    dependencies = {name: _find_dependencies(found, packages) for name, found in packages.items()}
    dependents: dict[NormalizedName, list[NormalizedName]] = {name: [] for name in packages}
    for name, needed in dependencies.items():
        for other in needed:
            dependents[other].append(name)
    requested_by = lockfile.tool.requested_by if lockfile.tool is not None else {}
    requests = {
        name: _parse_requests(requested_by.get(name, ()), packages)
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
    """The paths from the list to a pin, shortest first, without circles, and whether there are more than `limit`.

    Their number can grow exponentially with the pins, so the search stops at `limit`.
    """
    found = tuple(islice(_iter_paths(graph, name), limit + 1))
    return found[:limit], len(found) > limit


def find_dominators(graph: LockGraph) -> dict[NormalizedName, NormalizedName | None]:
    """By pin, the nearest other pin that is on every path from the list to it; None where there is no such pin.

    A pin and all that it dominates are what the lock loses with it. A name comes after its dominator. Pins that no line
    of the list leads to count as if the list named them.
    """
    # Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm": the list is node 0, pins count from 1.
    order, entries = _sort_from_list(graph)
    numbers = {name: number for number, name in enumerate(order, 1)}
    above = [
        ([0] if name in entries else []) + sorted(numbers[parent] for parent in graph.dependents[name])
        for name in order
    ]
    found = [0, *(-1 for _ in order)]
    is_changed = True
    while is_changed:
        before = found[:]
        for number, parents in enumerate(above, 1):
            known = [parent for parent in parents if found[parent] >= 0]
            found[number] = reduce(lambda one, other: _find_common(found, one, other), known)
        is_changed = found != before
    return {name: order[found[number] - 1] if found[number] else None for name, number in numbers.items()}


def assign_layers(lockfile: Lockfile) -> dict[NormalizedName, int]:
    """The layer of each pin, sorted by name: the first whose entries need it, directly or through other pins.

    It is 0 for a lock without layers, and for a pin that no entry leads to.
    """
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


def split_layers(lockfile: Lockfile) -> tuple[ImageLayer, ...]:
    """The layers in installation order, without empty ones; every pin is in exactly one.

    Equal locks give equal layers, so a builder can use their digests as cache keys.
    """
    if lockfile.tool is not None and len(lockfile.tool.layers) > 1:
        assigned = assign_layers(lockfile)
        groups: list[tuple[LayerReason, list[NormalizedName]]] = [
            ("listed", [name for name, layer in assigned.items() if layer == number])
            for number in range(len(lockfile.tool.layers))
        ]
    else:
        groups = list(_iter_groups(build_graph(lockfile)))
    return tuple(_build_layer(lockfile, reason, names) for reason, names in groups if names)


def size_bytes(package: Package) -> int | None:
    """The size of the file that an installer downloads; None for a source tree, and if the lock records no size."""
    files = (*(package.wheels or ()), package.sdist, package.archive)
    return next((file.size for file in files if file is not None), None)


def _sort_from_list(graph: LockGraph) -> tuple[list[NormalizedName], set[NormalizedName]]:
    """All pins, each before those that only it leads to, and the pins where paths begin.

    The order is the reverse postorder of a search from the list; a stack instead of recursion, as dependencies can be
    deeper than Python's limit.
    """
    postorder: list[NormalizedName] = []
    seen: set[NormalizedName] = set()
    entries: set[NormalizedName] = set(graph.roots)
    for entry in (*graph.roots, *graph.packages):
        if entry in seen:
            continue
        entries.add(entry)
        seen.add(entry)
        stack = [(entry, iter(graph.dependencies[entry]))]
        while stack:
            name, below = stack[-1]
            needed = next((one for one in below if one not in seen), None)
            if needed is None:
                postorder.append(name)
                stack.pop()
            else:
                seen.add(needed)
                stack.append((needed, iter(graph.dependencies[needed])))
    return postorder[::-1], entries


def _find_common(dominators: list[int], one: int, other: int) -> int:
    """The nearest node that dominates both, by number; each has a higher number than its dominator."""
    while one != other:
        if one < other:
            one, other = other, one
        one = dominators[one]
    return one


def _find_dependencies(
    found: tuple[Package, ...], packages: Mapping[NormalizedName, tuple[Package, ...]]
) -> tuple[NormalizedName, ...]:
    """The pins that these packages of one name depend on (PEP 751 `packages.dependencies`), sorted."""
    names = {
        canonicalize_name(dependency["name"])
        for package in found
        for dependency in package.dependencies or ()
        if isinstance(dependency.get("name"), str)
    }
    return tuple(sorted(name for name in names if name in packages))


def _parse_requests(
    texts: tuple[str, ...], packages: Mapping[NormalizedName, tuple[Package, ...]]
) -> tuple[Request, ...]:
    """The requests of one pin, in the order of its `requested-by` texts."""
    return tuple(_parse_request(text, packages) for text in texts)


def _parse_request(text: str, packages: Mapping[NormalizedName, tuple[Package, ...]]) -> Request:
    """One text of `requested-by`: `layer 0: numpy<2`, `scipy: numpy>=1.26`, or the words of a constraint."""
    listed = _LIST_REQUEST.fullmatch(text)
    if listed is not None:
        return Request(layer=int(listed[1]), text=listed[2])
    parent, colon, words = text.partition(": ")
    if colon and parent in packages:
        return Request(parent=NormalizedName(parent), text=words)
    return Request(text=text)


def _iter_paths(graph: LockGraph, name: NormalizedName) -> Iterator[LockPath]:
    """The paths to a pin, breadth first from the pin up: short paths first, equal ones in the order of requests."""
    level: list[tuple[NormalizedName, ...]] = [(name,)]
    while level:
        above: list[tuple[NormalizedName, ...]] = []
        for names in level:
            parents = dict.fromkeys(request.parent for request in graph.requests[names[0]] if request.parent)
            requirements = tuple(graph.join_requirements(child, parent) for parent, child in pairwise(names))
            for request in graph.requests[names[0]]:
                if request.parent is None:
                    yield LockPath(request=request, names=names, requirements=requirements)
            if not graph.requests[names[0]]:
                yield LockPath(request=Request(), names=names, requirements=requirements)
            above += [(parent, *names) for parent in parents if parent not in names]
        level = above


def _iter_groups(graph: LockGraph) -> Iterator[tuple[LayerReason, list[NormalizedName]]]:
    """The groups of a list of one layer in installation order: heavy ones, light ones, the user's own sources.

    What changes most often comes last, so that the layers below it stay in the cache of the builder.
    """
    own = [name for name, found in graph.packages.items() if any(map(_is_volatile, found))]
    heavy = {name for name in graph.packages if name not in own and _sum_sizes(graph, name) >= _HEAVY_BYTES}
    for names in _iter_heavy_groups(graph, heavy):
        yield "heavy", names
    yield "light", [name for name in graph.packages if name not in own and name not in heavy]
    yield "own", own


def _iter_heavy_groups(graph: LockGraph, heavy: set[NormalizedName]) -> Iterator[list[NormalizedName]]:
    """The heavy packages in groups: each with the heavy ones that it needs, then all that are in no such group.

    Groups with few members come first, so that a later group holds only what it adds. A package in a circle of
    dependencies starts no group, because each package of the circle would give the same one.
    """
    closures = {name: _find_closure(graph, name) & heavy for name in heavy}
    left = set(heavy)
    for name in sorted(heavy, key=lambda name: (len(closures[name]), name)):
        group = closures[name] & left
        if len(group) > 1 and not any(name in closures[other] and other in closures[name] for other in heavy - {name}):
            yield sorted(group)
            left -= group
    yield sorted(left)


def _find_closure(graph: LockGraph, name: NormalizedName) -> set[NormalizedName]:
    """The package and all packages that it needs, directly or through others."""
    found: set[NormalizedName] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += graph.dependencies[one]
    return found


def _sum_sizes(graph: LockGraph, name: NormalizedName) -> int:
    """The download size of a pin in bytes, as far as the lock records it."""
    return sum(size_bytes(package) or 0 for package in graph.packages[name])


def _is_volatile(package: Package) -> bool:
    """Whether the package is a source tree or a direct URL: these change more often than releases of an index."""
    is_tree = package.vcs is not None or package.directory is not None or package.archive is not None
    return is_tree or package.index is None


def _build_layer(lockfile: Lockfile, reason: LayerReason, names: Iterable[NormalizedName]) -> ImageLayer:
    """The image layer of these pins."""
    wanted = frozenset(names)
    packages = [package for package in lockfile.pylock.packages if package.name in wanted]
    return ImageLayer(
        reason=reason,
        names=tuple(sorted(wanted)),
        size_bytes=sum(size_bytes(package) or 0 for package in packages),
        digest=_digest_layer(lockfile, wanted),
    )


def _digest_layer(lockfile: Lockfile, names: frozenset[NormalizedName]) -> str:
    """The digest of a lock with these pins in one layer, so that other pins and the list do not count."""
    # Lazy: only image layers need it.
    from dataclasses import replace

    packages = [package for package in lockfile.pylock.packages if package.name in names]
    tool = lockfile.tool
    if tool is not None:
        build = {name: facts for name, facts in tool.build.items() if name in names}
        tool = replace(tool, layers=(tuple(sorted(names)),), build=build)
    part = Lockfile(pylock=replace(lockfile.pylock, packages=packages), tool=tool)
    whole = digest(part)
    return f"pinfold-layer-v1:sha256:{hash_bytes(json.dumps(whole).encode())}"
