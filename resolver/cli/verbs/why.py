"""The verb `why`: every path from a line of the list to a pin, with the requirement of each step.

In: the name of a project, and lockfiles. Out: for each lock the version of the pin and its paths, as text or as a JSON
document; exit code 1 where one of several locks does not have the pin.

The paths are found in the edges that a lock records (`lockfiles.graph`), so no index is queried. There can be thousands
of them, so the shortest ones are shown, up to `--limit`.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name

from lockfiles.graph import LockGraph, LockPath, Request, build_graph, find_paths
from resolver.cli.output import show_locks, show_text
from resolver.cli.verb_arguments import ChosenLock, build_verb_parser, parse_number, read_lockfiles
from resolver.errors import InputError

__all__ = ["run_why"]

_DESCRIPTION = "Every path from a line of the list to a pin, with what each step asked for."
_LIMIT = 50
"""The default of `--limit`."""


def run_why(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock why NAME [LOCKFILE…]`: 0, or 1 where one of several locks does not have the pin.

    Raises InputError where no lock has it, and for a lock that cannot be read.
    """
    values = _build_parser(program).parse_args(list(argv))
    name = canonicalize_name(values.name)
    locks = read_lockfiles(values.lockfile, folder=Path.cwd())
    graphs = [(lock, build_graph(lock.lockfile)) for lock in locks]
    if not any(name in graph.packages for _, graph in graphs):
        raise _build_unknown_error(values.name, graphs)
    if values.as_json:
        show_locks([_as_json(lock, graph, name, values.limit) for lock, graph in graphs])
    else:
        show_text(
            "\n\n".join(_render(lock, graph, name, values.limit, named=len(graphs) > 1) for lock, graph in graphs)
        )
    return 0 if all(name in graph.packages for _, graph in graphs) else 1


def _build_parser(program: str) -> argparse.ArgumentParser:
    """The parser of the verb; `program` is the name of the command in its help."""
    parser = build_verb_parser(program, "why", _DESCRIPTION, keeps_lines=False)
    parser.add_argument("name", metavar="NAME", help="the project")
    parser.add_argument("lockfile", nargs="*", default=[], metavar="LOCKFILE", help="default: the folder's only lock")
    parser.add_argument(
        "--limit",
        type=partial(parse_number, lowest=1),
        default=_LIMIT,
        metavar="N",
        help="paths to show, default: %(default)s",
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same facts as JSON")
    return parser


def _build_unknown_error(name: str, graphs: Sequence[tuple[ChosenLock, LockGraph]]) -> InputError:
    """The error for a name that no lock has, with up to three similar names of pins."""
    known = sorted({one for _, graph in graphs for one in graph.packages})
    near = difflib.get_close_matches(canonicalize_name(name), known, n=3)
    where = ", ".join(f"`{lock.shown}`" for lock, _ in graphs)
    return InputError(f"`{name}` is no pin of {where}", remedy=" or ".join(f"`{one}`" for one in near))


def _render(lock: ChosenLock, graph: LockGraph, name: NormalizedName, limit: int, *, named: bool) -> str:
    """The pin, then a line for each path. `named` puts the name of the lock before the pin."""
    head = f"{lock.shown}: " if named else ""
    if name not in graph.packages:
        return f"{head}no `{name}`"
    paths, more = find_paths(graph, name, limit=limit)
    lines = [head + ", ".join(_render_pin_versions(graph, name))]
    lines += [f"  {_render_path(graph, path)}" for path in paths]
    if more:
        lines.append(f"  … and more: `--limit` shows them, {limit} are shown")
    return "\n".join(lines)


def _render_pin_versions(graph: LockGraph, name: NormalizedName) -> Iterator[str]:
    """Each package of a name as `numpy 2.1.0`; a source tree has no version.

    A lock of another tool can have several packages of one name, for different environments.
    """
    for package in graph.packages[name]:
        yield f"{name} {package.version}" if package.version is not None else name


def _render_path(graph: LockGraph, path: LockPath) -> str:
    """The line of the list, then each step: `requirements[0]: web → web: http>=2 → http: log`."""
    steps = [_render_request(path.request)]
    steps += [
        f"{parent}: {text or child}"
        for parent, child, text in zip(path.names, path.names[1:], path.requirements, strict=False)
    ]
    return " → ".join(steps)


def _render_request(request: Request) -> str:
    """The beginning of a path: a line of the list, a constraint, or an override.

    A lock that does not record which line it was has only the fact that the list names the project.
    """
    if request.layer is None and request.parent is None:
        return f"constraint or override: {request.text}" if request.text else "named by the list"
    return str(request)


def _as_json(lock: ChosenLock, graph: LockGraph, name: NormalizedName, limit: int) -> dict[str, Any]:
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
