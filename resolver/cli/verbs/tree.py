"""The verbs `tree` and `sbom`: the pins of a lock under the pins that require them, for people and as a document.

`sbom` is a software bill of materials (CycloneDX 1.6), which `resolver.inspection.contents` builds.

In: lockfiles. Out: a tree on standard output for each, or a JSON document with the pins and their edges. The edges are
those that a lock records (`lockfiles.graph`), so no index is queried.

A pin that several others require has a branch of its own only at its first place. Later places refer to that one; a
tree with every repetition would be thousands of lines long for common locks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name

from lockfiles._values import dataclass
from lockfiles.graph import LockGraph, build_graph, size_bytes
from resolver.cli.output import render_bytes, show_locks, show_text, write_file, write_output
from resolver.cli.verb_arguments import ChosenLock, add_lockfiles, build_verb_parser, parse_number, read_lockfiles
from resolver.errors import InputError

__all__ = ["run_sbom", "run_tree"]

_DESCRIPTION = "The pins of a lock, each under what asks for it, with what each asked and its download size."
_SBOM_DESCRIPTION = """\
A lock as a software bill of materials in CycloneDX 1.6 JSON, on standard output or into a file. The same lock gives the
same document. Needs the extra: pip install 'cyclonedx-python-lib>=11,<12'."""


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


def run_sbom(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock sbom [LOCKFILE]`.

    Raises InputError for a lock or file that cannot be read or written, and where the CycloneDX library is missing.
    """
    # Lazy: `tree` needs neither.
    from resolver.fetch.projects.pages import default_index_url
    from resolver.inspection.contents import build_bill_of_materials

    parser = build_verb_parser(program, "sbom", _SBOM_DESCRIPTION)
    parser.add_argument("lockfile", nargs="?", metavar="LOCKFILE", help="default: the folder's only lock")
    parser.add_argument("-o", "--output", metavar="FILE", default="-", help="default: standard output")
    parser.add_argument("--name", metavar="NAME", help="what is described; default: the folder's name")
    values = parser.parse_args(list(argv))
    (lock,) = read_lockfiles([values.lockfile] if values.lockfile else [], folder=Path.cwd())
    # A lock has no name of its own for what it describes; its folder is mostly that of the app.
    name = values.name or lock.path.resolve().parent.name or "app"
    text = build_bill_of_materials(lock.lockfile, name=name, default_index=default_index_url().public)
    if values.output == "-":
        write_output(text.encode())
    else:
        write_file(Path(values.output), text.encode())
    return 0


def _build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    parser = build_verb_parser(program, "tree", _DESCRIPTION, keeps_lines=False)
    add_lockfiles(parser)
    parser.add_argument("--invert", action="store_true", help="each pin over what asks for it")
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
