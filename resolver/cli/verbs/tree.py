"""The verb `tree`: the pins of a lock under the pins that require them, with sizes.

In: lockfiles. Out: a tree on standard output for each, or a JSON document with the pins and their edges. The edges are
those that a lock records (`lockfiles.graph`), so no index is queried.

A pin that several others require has a branch of its own only at its first place. Later places refer to that one; a
tree with every repetition would be thousands of lines long for common locks.

The verb `why` is here too: who asked for a pin, on which paths, and what decided its index and its build.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from packaging.pylock import is_valid_pylock_path
from packaging.utils import NormalizedName, canonicalize_name

from lockfiles._values import dataclass
from lockfiles.graph import LockGraph, LockPath, Request, build_graph, find_paths, size_bytes
from resolver.cli.output import render_bytes, show_locks, show_text
from resolver.cli.verb_arguments import ChosenLock, add_lockfiles, build_verb_parser, parse_number, read_lockfiles
from resolver.errors import InputError

__all__ = ["run_tree", "run_why"]

_DESCRIPTION = "The pins of a lock, each under what requires it, with the requirements and the download size."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A line of the tree: a pin at one of its places.

    - `requirement` is that between the pin and the one above it, empty at the first level.
    - `bars` has one item for each level: whether more pins of that level follow below.
    - `is_repeated` is true where the branch below the pin was shown before.
    """

    name: NormalizedName
    requirement: str
    bars: tuple[bool, ...]
    is_repeated: bool


def run_tree(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock tree [LOCKFILE…]`, which is always 0.

    Raises InputError for a lock that cannot be read, and for a `--package` that a lock does not have.
    """
    values = _build_parser(program).parse_args(list(argv))
    locks = read_lockfiles(values.lockfile, folder=Path.cwd())
    if values.as_json:
        show_locks([_as_json(lock, values) for lock in locks])
    else:
        show_text("\n\n".join(_render(lock, values, named=len(locks) > 1) for lock in locks))
    return 0


def _build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    parser = build_verb_parser(program, "tree", _DESCRIPTION, keeps_lines=False)
    add_lockfiles(parser)
    parser.add_argument("--invert", action="store_true", help="each pin above what requires it")
    parser.add_argument("--package", action="append", metavar="NAME", help="begin with this pin; several times")
    parser.add_argument(
        "--depth", type=partial(parse_number, lowest=0), metavar="N", help="levels below the first to show"
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="the pins with their edges as JSON")
    return parser


def _render(lock: ChosenLock, values: argparse.Namespace, *, named: bool) -> str:
    """The tree of one lock, and a last line with the totals. `named` puts the name of the lock above."""
    graph = build_graph(lock.lockfile)
    total = sum(size_bytes(package) or 0 for packages in graph.packages.values() for package in packages)
    lines = [f"{lock.shown}:"] if named else []
    lines += [_render_node(graph, node) for node in _iter_nodes(graph, lock, values)]
    lines.append(f"{len(graph.packages)} pins, {render_bytes(total)} to download")
    return "\n".join(lines)


def _iter_nodes(graph: LockGraph, lock: ChosenLock, values: argparse.Namespace) -> Iterator[_Node]:
    """The lines of the tree, depth first. A pin that comes again is shown without its branch.

    A stack instead of recursion: dependencies can be deeper than Python's limit for recursion, and can have circles.
    """
    seen: set[NormalizedName] = set()
    edges = graph.dependents if values.invert else graph.dependencies
    stack: list[tuple[NormalizedName, str, tuple[bool, ...]]] = [
        (name, "", ()) for name in reversed(_find_roots(graph, lock, values))
    ]
    while stack:
        name, requirement, bars = stack.pop()
        below = edges[name] if values.depth is None or len(bars) < values.depth else ()
        is_repeated = name in seen and bool(below)
        yield _Node(name=name, requirement=requirement, bars=bars, is_repeated=is_repeated)
        seen.add(name)
        if not is_repeated:
            for place, other in reversed(list(enumerate(below))):
                needed = graph.join_requirements(name, other) if values.invert else graph.join_requirements(other, name)
                stack.append((other, needed, (*bars, place + 1 < len(below))))


def _find_roots(graph: LockGraph, lock: ChosenLock, values: argparse.Namespace) -> tuple[NormalizedName, ...]:
    """The pins of the first level: `--package`, else the items of the list; with `--invert` pins without dependencies.

    Raises InputError for a `--package` that the lock does not have.
    """
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
    """One line: `│   ├── numpy 2.1.0 (asks numpy>=1.26, 16.1 MB, shown above)`.

    A detail is left out where it is not known, or only repeats the name.
    """
    *above, last = node.bars or (False,)
    lines = "".join("│   " if bar else "    " for bar in above) + ("├── " if last else "└── ") if node.bars else ""
    (package, *_) = graph.packages[node.name]
    text = f"{node.name} {package.version}" if package.version is not None else str(node.name)
    size = size_bytes(package)
    details = [f"asks {node.requirement}" if node.requirement and node.requirement != node.name else ""]
    details.append(render_bytes(size) if size is not None else "")
    details.append("shown above" if node.is_repeated else "")
    shown = ", ".join(filter(None, details))
    return f"{lines}{text}" + (f" ({shown})" if shown else "")


def _as_json(lock: ChosenLock, values: argparse.Namespace) -> dict[str, Any]:
    """All pins of one lock with their edges; `--depth` has no effect here. `roots` are those of the text."""
    graph = build_graph(lock.lockfile)
    return {
        "lockfile": lock.shown,
        "roots": list(_find_roots(graph, lock, values)),
        "packages": [_package_as_json(graph, name) for name in graph.packages],
    }


def _package_as_json(graph: LockGraph, name: NormalizedName) -> dict[str, Any]:
    """A pin with its edges. A requester is a layer of the list, or the pin `name`."""
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


_WHY_DESCRIPTION = "Every path from a line of the list to a pin, with what each step asked for."
_WHY_LIMIT = 8
_WHY_JSON_LIMIT = 50
"""The default of `--limit`, without and with `--json`."""
_WHY_COUNTED = 200
"""How many more paths are counted: there can be exponentially many."""


def run_why(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock why NAME [LOCKFILE…]`: 0, or 1 where one of several locks does not have the pin.

    Raises InputError where no lock has it, for a lock that cannot be read, and for a lock in the place of NAME.
    """
    values = _why_build_parser(program).parse_args(list(argv))
    limit = values.limit or (_WHY_JSON_LIMIT if values.as_json else _WHY_LIMIT)
    if not values.lockfile and is_valid_pylock_path(Path(values.name)):
        raise InputError(
            f"`{values.name}` is a lock, and no project is named", remedy=f"`{program} why NAME {values.name}`"
        )
    name = canonicalize_name(values.name)
    locks = read_lockfiles(values.lockfile, folder=Path.cwd())
    graphs = [(lock, build_graph(lock.lockfile)) for lock in locks]
    if not any(name in graph.packages for _, graph in graphs):
        raise _why_build_unknown_error(values.name, graphs)
    if values.as_json:
        show_locks([_why_as_json(lock, graph, name, limit) for lock, graph in graphs])
    else:
        show_text("\n\n".join(_why_render(lock, graph, name, limit, named=len(graphs) > 1) for lock, graph in graphs))
    return 0 if all(name in graph.packages for _, graph in graphs) else 1


def _why_build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    parser = build_verb_parser(program, "why", _WHY_DESCRIPTION, keeps_lines=False)
    parser.add_argument("name", metavar="NAME", help="the project")
    parser.add_argument("lockfile", nargs="*", default=[], metavar="LOCKFILE", help="default: the folder's only lock")
    parser.add_argument(
        "--limit",
        type=partial(parse_number, lowest=1),
        metavar="N",
        help=f"paths to show, default: {_WHY_LIMIT}, with --json {_WHY_JSON_LIMIT}",
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same facts as JSON")
    return parser


def _why_build_unknown_error(name: str, graphs: Sequence[tuple[ChosenLock, LockGraph]]) -> InputError:
    """The error for a name that no lock has, with up to three similar names of pins."""
    known = sorted({one for _, graph in graphs for one in graph.packages})
    near = difflib.get_close_matches(canonicalize_name(name), known, n=3)
    where = ", ".join(f"`{lock.shown}`" for lock, _ in graphs)
    return InputError(f"`{name}` is no pin of {where}", remedy=" or ".join(f"`{one}`" for one in near))


def _why_render(lock: ChosenLock, graph: LockGraph, name: NormalizedName, limit: int, *, named: bool) -> str:
    """The pin, then a line for each path. `named` puts the name of the lock before the pin."""
    head = f"{lock.shown}: " if named else ""
    if name not in graph.packages:
        return f"{head}no `{name}`"
    paths, is_endless = find_paths(graph, name, limit=limit + _WHY_COUNTED)
    lines = [head + ", ".join(_why_render_pin_versions(graph, name))]
    lines += [f"  {_why_render_path(graph, path)}" for path in paths[:limit]]
    if more := len(paths[limit:]):
        lines.append(f"  … and {'more than ' if is_endless else ''}{more} more, `--limit {len(paths)}`")
    return "\n".join(lines)


def _why_render_pin_versions(graph: LockGraph, name: NormalizedName) -> Iterator[str]:
    """Each package of a name as `numpy 2.1.0`; a source tree has no version.

    A lock of another tool can have several packages of one name, for different environments.
    """
    for package in graph.packages[name]:
        yield f"{name} {package.version}" if package.version is not None else name


def _why_render_path(graph: LockGraph, path: LockPath) -> str:
    """The line of the list, then each step: `requirements[0]: web → web: http>=2 → http: log`."""
    steps = [_why_render_request(path.request)]
    steps += [
        f"{parent}: {text or child}"
        for parent, child, text in zip(path.names, path.names[1:], path.requirements, strict=False)
    ]
    return " → ".join(steps)


def _why_render_request(request: Request) -> str:
    """The beginning of a path: a line of the list, a constraint, or an override.

    A lock that does not record which line it was has only the fact that the list names the project.
    """
    if request.layer is None and request.parent is None:
        return f"constraint or override: {request.text}" if request.text else "named by the list"
    return str(request)


def _why_as_json(lock: ChosenLock, graph: LockGraph, name: NormalizedName, limit: int) -> dict[str, Any]:
    """The paths of one lock as data; both lists are empty where the lock does not have the pin.

    `more` is true where `limit` has left paths out.
    """
    if name not in graph.packages:
        return {"lockfile": lock.shown, "name": name, "versions": [], "paths": [], "more": False}
    paths, more = find_paths(graph, name, limit=limit)
    return {
        "lockfile": lock.shown,
        "name": name,
        "versions": [None if package.version is None else str(package.version) for package in graph.packages[name]],
        "paths": [
            {
                "layer": path.request.layer,
                "asked": path.request.text,
                "steps": [
                    {"name": parent, "asked": text} for parent, text in zip(path.names, path.requirements, strict=False)
                ],
            }
            for path in paths
        ],
        "more": more,
    }
