"""What the sources of a package tree look like, in figures: read with `ast`, without an import of what is measured.

In comes the root of a repository and the names of its packages; out comes a `Tree` of parsed modules, and from it each
figure that `limits` holds against its limit. Nothing is run, so a broken module can be measured too.
"""

from __future__ import annotations

import ast
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

__all__ = ["Definition", "ImportKind", "Module", "Tree", "find_circles", "read_tree"]

ImportKind = Literal["plain", "lazy", "typing"]
"""Where an import is written: at the top of a module, within a function, or below `if TYPE_CHECKING`."""

_BLOCKS = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match),
    *(ast.ClassDef, ast.ExceptHandler, ast.match_case),
)
"""Nodes with statements in them, functions aside: no search has to go down into expressions."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A function or method: where it is defined, how many parameters it has without `self`, and how many lines."""

    module: str
    name: str
    parameters: int
    lines: int

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class Module:
    """A source file. `name` is dotted; of an `__init__.py` it is the name of the package."""

    name: str
    path: Path
    text: str

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def is_bare_package(self) -> bool:
        """Whether it is an `__init__.py` with a docstring at most."""
        return self.is_package and all(isinstance(node, ast.Expr) and _is_text(node.value) for node in self.tree.body)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @cached_property
    def documentation_lines(self) -> int:
        """Lines of docstrings, their blank lines too, and lines with nothing but a comment.

        A docstring is the text at the beginning of a module, class or function, or below a field or constant. A comment
        behind code does not count, since most of those are `noqa` and `type: ignore`.
        """
        docstrings: set[int] = set()
        texts: set[int] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Expr) and _is_text(node.value):
                docstrings.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            elif isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno != node.lineno:
                texts.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        comments = {number for number, line in enumerate(self.text.splitlines(), 1) if line.lstrip().startswith("#")}
        return len(docstrings | (comments - texts))

    @cached_property
    def imports(self) -> tuple[tuple[str, ImportKind], ...]:
        """Each name that is imported, as dotted text, and where its import is written."""
        return tuple(_iter_imports(self.tree.body, self._own_package(), "plain"))

    @cached_property
    def definitions(self) -> tuple[Definition, ...]:
        """Functions and methods in order, those within functions too; a lambda is none."""
        return tuple(self._iter_definitions(self.tree, "", in_class=False))

    def iter_public_names(self) -> Iterator[tuple[str, Literal["class", "function"]]]:
        """Classes, type aliases and functions of the top level that have no leading underscore."""
        for node in self.tree.body:
            match node:
                case ast.ClassDef(name=name) if not name.startswith("_"):
                    yield name, "class"
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if not name.startswith("_"):
                    yield name, "function"
                case ast.Assign(targets=[ast.Name(id=name)]) if _is_type(name):
                    yield name, "class"
                case ast.AnnAssign(target=ast.Name(id=name)) if _is_type(name):
                    yield name, "class"

    def _own_package(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]

    def _iter_definitions(self, node: ast.AST, outer: str, *, in_class: bool) -> Iterator[Definition]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _Function):
                name = f"{outer}{child.name}"
                yield Definition(
                    module=self.name,
                    name=name,
                    parameters=_count_parameters(child, is_method=in_class),
                    lines=(child.end_lineno or child.lineno) - child.lineno + 1,
                )
                yield from self._iter_definitions(child, f"{name}.", in_class=False)
            elif isinstance(child, ast.ClassDef):
                yield from self._iter_definitions(child, f"{outer}{child.name}.", in_class=True)
            elif isinstance(child, _BLOCKS):
                yield from self._iter_definitions(child, outer, in_class=in_class)


@dataclass(frozen=True)
class Tree:
    """The modules of some packages, and what they look like together."""

    root: Path
    modules: Mapping[str, Module]

    @property
    def line_counts(self) -> list[int]:
        return [module.lines for module in self.modules.values()]

    @property
    def median_lines(self) -> float:
        return statistics.median(self.line_counts)

    @property
    def longest(self) -> Module:
        return max(self.modules.values(), key=lambda module: (module.lines, module.name))

    def short_modules(self, *, limit: int) -> list[Module]:
        """Modules of fewer lines, without each `__init__.py` that holds nothing but its docstring."""
        return [module for module in self.modules.values() if module.lines < limit and not module.is_bare_package]

    def bare_packages(self) -> list[Module]:
        """The `__init__.py` files that hold a docstring at most."""
        return [module for module in self.modules.values() if module.is_bare_package]

    def room_entries(self) -> dict[str, tuple[int, int]]:
        """By package, how many modules (its `__init__` included) and how many folders it holds at its level.

        A folder of data counts as a folder, and a file that is no module (`py.typed`) does not count.
        """
        entries = {}
        for name, module in sorted(self.modules.items()):
            if module.is_package:
                inside = list(module.path.parent.iterdir())
                folders = sum(path.is_dir() and path.name != "__pycache__" for path in inside)
                entries[name] = (sum(path.suffix == ".py" for path in inside), folders)
        return entries

    def import_graph(self, kinds: Iterable[ImportKind]) -> dict[str, set[str]]:
        """By module, the modules that it imports in one of these ways; the packages above a module are not added."""
        wanted = set(kinds)
        return {
            name: {
                target
                for imported, kind in module.imports
                if kind in wanted and (target := self._find_module(imported)) not in (None, name)
            }
            for name, module in self.modules.items()
        }

    def wide_definitions(self, *, limit: int, exceptions: Iterable[str] = ()) -> list[Definition]:
        """Functions with more parameters; an exception is the public name of one, such as `resolver.lock`."""
        allowed = {self.find_definition(name) for name in exceptions}
        return [each for each in self.iter_definitions() if each.parameters > limit and str(each) not in allowed]

    def long_definitions(self, *, limit: int) -> list[Definition]:
        return [each for each in self.iter_definitions() if each.lines > limit]

    def iter_definitions(self) -> Iterator[Definition]:
        for module in self.modules.values():
            yield from module.definitions

    def find_definition(self, public_name: str) -> str:
        """Where a package takes one of its public names from, as dotted text; the name itself if it imports none."""
        package, _, name = public_name.rpartition(".")
        if package not in self.modules:  # A method of a public class.
            return f"{self.find_definition(package)}.{name}"
        for node in ast.walk(self.modules[package].tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return f"{node.module}.{alias.name}"
        return public_name

    def repeated_names(self, kind: Literal["class", "function"]) -> dict[str, list[str]]:
        """By public name, the modules that define it, where there are two or more."""
        homes: dict[str, set[str]] = defaultdict(set)
        for module in self.modules.values():
            for name, its_kind in module.iter_public_names():
                if its_kind == kind:
                    homes[name].add(module.name)
        return {name: sorted(modules) for name, modules in sorted(homes.items()) if len(modules) > 1}

    def repeated_module_names(self) -> dict[str, list[str]]:
        """By last part of a module's name, the modules that have it, where there are two or more."""
        homes: dict[str, list[str]] = defaultdict(list)
        for module in self.modules.values():
            if not module.is_package:
                homes[module.name.rpartition(".")[2]].append(module.name)
        return {name: sorted(modules) for name, modules in sorted(homes.items()) if len(modules) > 1}

    def documentation_share(self) -> float:
        """The lines that hold docstrings and comments, as a share of all lines, blank ones among them."""
        return sum(module.documentation_lines for module in self.modules.values()) / sum(self.line_counts)

    def mirrored_modules(self) -> tuple[list[str], list[str]]:
        """Modules with a test at the mirrored place, and those without; an `__init__` is in neither.

        The test of `resolver/a/b.py` is `tests/a/test_b.py`, that of `lockfiles/b.py` is `tests/lockfiles/test_b.py`.
        """
        mirrored: tuple[list[str], list[str]] = ([], [])
        for module in self.modules.values():
            if not module.is_package:
                place = module.path.relative_to(self.root)
                folder = Path(*place.parent.parts[1:]) if place.parts[0] == "resolver" else place.parent
                has_test = (self.root / "tests" / folder / f"test_{place.name.lstrip('_')}").exists()
                mirrored[0 if has_test else 1].append(module.name)
        return mirrored

    def _find_module(self, imported: str) -> str | None:
        """The module that an import reaches: of `a.b.c` either the module `a.b.c`, or `a.b` that defines `c`."""
        if imported in self.modules:
            return imported
        parent = imported.rpartition(".")[0]
        return parent if parent in self.modules else None


def read_tree(root: Path, packages: Iterable[str]) -> Tree:
    """Every module below the folders of some packages, in order of their names."""
    modules = {}
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            modules[name] = Module(name, path, path.read_text(encoding="utf-8"))
    return Tree(root, modules)


def find_circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The groups of modules that reach each other: the strongly connected components of two or more (Tarjan)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for target in sorted(graph[name]):
            if target not in order:
                visit(target)
                lowest[name] = min(lowest[name], lowest[target])
            elif target in stack:
                lowest[name] = min(lowest[name], order[target])
        if lowest[name] == order[name]:
            start = stack.index(name)
            if len(stack) - start > 1:
                circles.append(sorted(stack[start:]))
            del stack[start:]

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return sorted(circles)


def _iter_imports(body: Iterable[ast.AST], package: str, kind: ImportKind) -> Iterator[tuple[str, ImportKind]]:
    for node in body:
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, kind) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                above = ".".join(package.split(".")[: len(package.split(".")) - level + 1]) if level else ""
                source = ".".join(part for part in (above, module) if part)
                yield from ((f"{source}.{alias.name}", kind) for alias in names)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _iter_imports(node.body, package, "lazy" if kind == "plain" else kind)
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from _iter_imports(node.body, package, "typing")
                yield from _iter_imports(node.orelse, package, kind)
            case _ if isinstance(node, _BLOCKS):
                yield from _iter_imports(ast.iter_child_nodes(node), package, kind)


def _count_parameters(function: _Function, *, is_method: bool) -> int:
    """How many parameters a function has; `*rest` and `**rest` are one each, `self` and `cls` none."""
    arguments = function.args
    count = len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)
    count += (arguments.vararg is not None) + (arguments.kwarg is not None)
    is_static = any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in function.decorator_list)
    return count - 1 if is_method and not is_static else count


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_type(name: str) -> bool:
    """Whether a constant's name is written as a type's: `Listing`, not `LISTING`, `_Listing` or `listing`."""
    return name[0].isupper() and not name.isupper() and "_" not in name
