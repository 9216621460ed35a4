"""Why a problem has no solution: data first, text last."""

from __future__ import annotations

from resolver.errors import ResolutionError
from resolver.solve.search import Conflict, Search
from resolver.solve.universe import Universe

__all__ = ["NoSolutionError", "build_error"]


class NoSolutionError(ResolutionError):
    """The list has no solution for the target."""


def build_error(universe: Universe, conflict: Conflict, search: Search) -> NoSolutionError:
    """The error that says what collides."""
    lines = []
    for cause in conflict.causes:
        table = universe.table(cause.demand.node.name) if cause.demand.node.name else None
        parent = cause.parent
        who = f"{parent.node.name} {universe.table(parent.node.name).versions[parent.row]}" if parent else "list"
        lines.append(f"{who} needs {cause.demand.text} {table and len(table.versions)}")
    return NoSolutionError("no solution\n" + "\n".join(lines))
