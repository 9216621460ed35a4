"""The limits of the shape of the code, in one table, and the figures that are held against them.

A limit has two figures: `today`, which the test holds, and `goal`, where the figure is to come. When a change brings a
figure nearer to its goal, write the new one in `today`. A limit without a goal yet to reach has the same figure twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.measures import ImportKind, Tree, find_circles, read_tree

__all__ = ["LIMITS", "PACKAGES", "ROOT", "Figure", "Limit", "find_figures", "read_sources"]


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure may be `today`, and the `goal`; a minimum where `at_least` is set, a maximum otherwise."""

    name: str
    today: float
    goal: float
    at_least: bool = False

    def holds(self, value: float, limit: float) -> bool:
        return value >= limit if self.at_least else value <= limit


LIMITS = (
    Limit("modules", 240, 240),
    Limit("median lines of a module, at most", 300, 300),
    Limit("median lines of a module, at least", 160, 160, at_least=True),
    Limit("lines of the longest module", 600, 600),
    Limit("modules under 60 lines", 30, 30),
    Limit("entries of resolver/", 18, 18),
    Limit("modules of the fullest room", 20, 20),
    Limit("import circles: imports at the top", 0, 0),
    Limit("import circles: lazy imports too", 0, 0),
    Limit("import circles: lazy and typing imports too", 0, 0),
    Limit("functions of more than 8 parameters", 0, 0),
    Limit("functions of more than 40 lines", 1, 0),
    Limit("public classes and types defined twice", 0, 0),
    Limit("public functions defined twice", 1, 1),
    Limit("module names used twice", 1, 1),
    Limit("documentation, percent of all lines", 20, 20, at_least=True),
    Limit("modules with a test at the mirrored place, percent", 90, 90, at_least=True),
)

ROOT = Path(__file__).parents[2]
PACKAGES = ("resolver", "lockfiles")
MANY_PARAMETERS_ALLOWED = ("resolver.lock", "resolver.Session.lock")
"""Public names of functions that may have more than 8 parameters."""
_KINDS: dict[str, tuple[ImportKind, ...]] = {
    "import circles: imports at the top": ("plain",),
    "import circles: lazy imports too": ("plain", "lazy"),
    "import circles: lazy and typing imports too": ("plain", "lazy", "typing"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, and what counts towards it, a line each: what to change where it is beyond its limit."""

    value: float
    details: tuple[str, ...] = ()


def read_sources() -> Tree:
    """The packages of this repository."""
    return read_tree(ROOT, PACKAGES)


def find_figures(tree: Tree) -> dict[str, Figure]:
    """By the name of its limit, each figure of a tree."""
    entries = tree.room_entries()
    with_test, without = tree.mirrored_modules()
    figures = {
        "modules": Figure(len(tree.modules)),
        "median lines of a module, at most": Figure(tree.median_lines),
        "median lines of a module, at least": Figure(tree.median_lines),
        "lines of the longest module": Figure(tree.longest.lines, (tree.longest.name,)),
        "modules under 60 lines": _list(f"{each.name}: {each.lines}" for each in tree.short_modules(limit=60)),
        "entries of resolver/": Figure(sum(entries["resolver"])),
        "modules of the fullest room": Figure(
            max(modules for modules, _ in entries.values()),
            tuple(f"{name}: {modules} modules, {folders} folders" for name, (modules, folders) in entries.items()),
        ),
        "functions of more than 8 parameters": _list(
            f"{each}: {each.parameters}" for each in tree.wide_definitions(limit=8, exceptions=MANY_PARAMETERS_ALLOWED)
        ),
        "functions of more than 40 lines": _list(f"{each}: {each.lines}" for each in tree.long_definitions(limit=40)),
        "public classes and types defined twice": _list_homes(tree.repeated_names("class")),
        "public functions defined twice": _list_homes(tree.repeated_names("function")),
        "module names used twice": _list_homes(tree.repeated_module_names()),
        "documentation, percent of all lines": Figure(round(100 * tree.documentation_share(), 1)),
        "modules with a test at the mirrored place, percent": Figure(
            round(100 * len(with_test) / (len(with_test) + len(without)), 1), tuple(without)
        ),
    }
    for name, kinds in _KINDS.items():
        figures[name] = _list(" ↔ ".join(circle) for circle in find_circles(tree.import_graph(kinds)))
    return figures


def _list(details: Iterable[str]) -> Figure:
    """The figure that counts the things that are listed."""
    listed = tuple(details)
    return Figure(len(listed), listed)


def _list_homes(homes: Mapping[str, list[str]]) -> Figure:
    return _list(f"{name}: {', '.join(modules)}" for name, modules in homes.items())
