"""The verb `tree`: the pins of a lock under what asks for them, with sizes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name

from lockfiles._values import dataclass
from lockfiles.graph import LockGraph, build_graph, size_bytes
from resolver.cli.lock_choice import ChosenLock, SafeParser, parse_number, read_lockfiles
from resolver.cli.output import render_bytes, show_locks, show_text
from resolver.errors import InputError

__all__ = ["run_tree"]

_DESCRIPTION = "The pins of a lock, each under what asks for it, with what each asked and its download size."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A pin at its place in the tree. `is_repeated` is one whose own branch was shown before; `bars` draw the lines."""

    name: NormalizedName
    asked: str
    bars: tuple[bool, ...]
    is_repeated: bool


def run_tree(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock tree [LOCKFILE…]`."""
    values = _build_parser(program).parse_args(list(argv))
    locks = read_lockfiles(values.lockfile, folder=Path.cwd())
    if values.as_json:
        show_locks([_as_json(lock, values) for lock in locks])
    else:
        show_text("\n\n".join(_render(lock, values, named=len(locks) > 1) for lock in locks))
    return 0


def _build_parser(program: str) -> argparse.ArgumentParser:
    parser = SafeParser(prog=f"{program} tree", description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument("lockfile", nargs="*", metavar="LOCKFILE", help="default: the folder's only lock")
    parser.add_argument("--invert", action="store_true", help="each pin over what asks for it")
    parser.add_argument("--package", action="append", metavar="NAME", help="begin with this pin; several times")
    parser.add_argument(
        "--depth", type=partial(parse_number, lowest=0), metavar="N", help="levels below the first to show"
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="the pins with their edges as JSON")
    return parser


def _render(lock: ChosenLock, values: argparse.Namespace, *, named: bool) -> str:
    graph = build_graph(lock.lockfile)
    total = sum(size_bytes(package) or 0 for packages in graph.packages.values() for package in packages)
    lines = [f"{lock.shown}:"] if named else []
    lines += [_render_node(graph, node) for node in _iter_nodes(graph, lock, values)]
    lines.append(f"{len(graph.packages)} pins, {render_bytes(total)} to download")
    return "\n".join(lines)


def _iter_nodes(graph: LockGraph, lock: ChosenLock, values: argparse.Namespace) -> Iterator[_Node]:
    """Depth first; a pin that comes up again is shown without its branch."""
    seen: set[NormalizedName] = set()
    edges = graph.dependents if values.invert else graph.dependencies
    waiting = [(name, "", ()) for name in reversed(_find_roots(graph, lock, values))]
    stack: list[tuple[NormalizedName, str, tuple[bool, ...]]] = list(waiting)
    while stack:
        name, asked, bars = stack.pop()
        below = edges[name] if values.depth is None or len(bars) < values.depth else ()
        is_repeated = name in seen and bool(below)
        yield _Node(name=name, asked=asked, bars=bars, is_repeated=is_repeated)
        seen.add(name)
        if not is_repeated:
            for place, other in reversed(list(enumerate(below))):
                words = graph.join_requirements(name, other) if values.invert else graph.join_requirements(other, name)
                stack.append((other, words, (*bars, place + 1 < len(below))))


def _find_roots(graph: LockGraph, lock: ChosenLock, values: argparse.Namespace) -> tuple[NormalizedName, ...]:
    if values.package:
        names = tuple(dict.fromkeys(map(canonicalize_name, values.package)))
        unknown = [name for name in names if name not in graph.packages]
        if unknown:
            raise InputError(f"`{unknown[0]}` is no pin of `{lock.shown}`")
        return names
    if values.invert:
        return tuple(name for name in graph.packages if not graph.dependencies[name])
    return graph.roots


def _render_node(graph: LockGraph, node: _Node) -> str:
    *above, last = node.bars or (False,)
    lines = "".join("│   " if bar else "    " for bar in above) + ("├── " if last else "└── ") if node.bars else ""
    (package, *_) = graph.packages[node.name]
    text = f"{node.name} {package.version}" if package.version is not None else str(node.name)
    size = size_bytes(package)
    details = [f"asks {node.asked}" if node.asked and node.asked != node.name else ""]
    details.append(render_bytes(size) if size is not None else "")
    details.append("shown above" if node.is_repeated else "")
    told = ", ".join(filter(None, details))
    return f"{lines}{text}" + (f" ({told})" if told else "")


def _as_json(lock: ChosenLock, values: argparse.Namespace) -> dict[str, Any]:
    graph = build_graph(lock.lockfile)
    return {
        "lockfile": lock.shown,
        "roots": list(_find_roots(graph, lock, values)),
        "packages": [_package_as_json(graph, name) for name in graph.packages],
    }


def _package_as_json(graph: LockGraph, name: NormalizedName) -> dict[str, Any]:
    package = graph.packages[name][0]
    return {
        "name": name,
        "version": None if package.version is None else str(package.version),
        "size_bytes": size_bytes(package),
        "requested_by": [
            {"layer": request.layer, "name": request.parent, "asked": request.text} for request in graph.requests[name]
        ],
        "dependencies": list(graph.dependencies[name]),
    }
