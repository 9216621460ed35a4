"""The list of an app: class attributes of a Python file, read with `ast`. The file is never imported or run.

In: the bytes of the file, and the class that `app.py::Name` names. Out: its `requirements`, `machine_type` and
`python_version`, if each is a literal assigned in the class body. What else gives or changes one of them (a name, a
call, `+=`, a branch, an assignment from outside) cannot be known without running it, so it is refused with its line.
"""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterable, Iterator

from lockfiles.value_classes import dataclass
from resolver.errors import SourceError
from resolver.requirements.url import redact
from resolver.settings import RequirementItems
from resolver.sources.source import Hint

__all__ = ["App", "read_app"]

_ATTRIBUTES = ("requirements", "machine_type", "python_version")
_LONGEST_QUOTE = 60
_WHY = "an app file is read and not run"
_REMEDIES = {
    "requirements": "write it out as a literal, or put the list into a requirements.txt",
    "machine_type": "write it out as a literal",
    "python_version": "write it out as a literal, or give `--python`",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """What a class of an app file says. `line` is that of its `requirements`."""

    class_name: str
    line: int
    items: RequirementItems
    python: Hint[str] | None = None
    machine_types: Hint[tuple[str, ...]] | None = None


def read_app(data: bytes, *, name: str, class_name: str | None) -> App:
    """The app in a file: the named class, else the only one that has `requirements`. Raises SourceError.

    `name` is the file's, for messages.
    """
    tree = _parse(data, name)
    chosen = _choose_class(tree, name, class_name)
    reader = _ClassReader(chosen, name)
    reader.find_changes(tree)
    app = reader.read()
    if reader.faults:
        raise SourceError("\n".join(fault for _, fault in sorted(reader.faults)))
    return app


def _parse(data: bytes, name: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            # Warnings about the app's code (`"\d"`) are for who runs it.
            warnings.simplefilter("ignore")
            return ast.parse(data, filename=name)
    except SyntaxError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SourceError(f"{name}:{error.lineno or 1}: Python {version} cannot read this: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        raise SourceError(f"`{name}` is not Python that can be read: it is nested too deep") from error
    except ValueError as error:
        raise SourceError(f"`{name}` is not Python that can be read: {error}") from error


def _choose_class(tree: ast.Module, name: str, class_name: str | None) -> ast.ClassDef:
    classes = list(_iter_classes(tree.body))
    apps = [node for node in classes if any(_mentions(statement) for statement in node.body)]
    known = " or ".join(f"`{name}::{app.name}`" for app in apps)
    remedy = f"\n  try: {known}" if apps else ""
    if class_name is None:
        if len({app.name for app in apps}) > 1:
            names = ", ".join(f"`{app.name}`" for app in apps)
            raise SourceError(f"`{name}` holds {len(apps)} apps: {names}{remedy}")
        if not apps:
            raise SourceError(f"`{name}` has no class with `requirements`")
        class_name = apps[0].name
    named = [node for node in classes if node.name == class_name]
    if not named:
        raise SourceError(f"`{name}` has no class `{class_name}`{remedy}")
    if len(named) > 1:
        lines = ", ".join(str(node.lineno) for node in named)
        raise SourceError(f"`{name}` defines class `{class_name}` more than once, in lines {lines}")
    if named[0] not in apps:
        raise SourceError(
            f"{name}:{named[0].lineno}: class `{class_name}` has no `requirements` of its own"
            f"\n  because an app file is read and not run, so what a class inherits is not known{remedy}"
        )
    return named[0]


def _iter_classes(body: Iterable[ast.AST]) -> Iterator[ast.ClassDef]:
    """The classes of a module, those inside `if` and `try` too, but none inside functions or classes."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield node
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Constant):
            yield from _iter_classes(node.body if node.test.value else node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.expr):
            yield from _iter_classes(ast.iter_child_nodes(node))


def _mentions(statement: ast.stmt) -> bool:
    """Whether a statement of a class body gives the class its `requirements`, in whichever way."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name == "requirements"
        case ast.AnnAssign(value=None):
            return False
        case _:
            stored = (
                node for node in _walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            )
            return any(node.id == "requirements" for node in stored)


def _walk(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement in the scope of the class: functions, lambdas and inner classes have their own."""
    yield statement
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _walk(child)


class _ClassReader:
    """Reads the attributes of one class, collecting faults."""

    def __init__(self, node: ast.ClassDef, name: str) -> None:
        self._node = node
        self._name = name
        self.faults: list[tuple[int, str]] = []

    def read(self) -> App:
        """The app; not to be used if there are faults."""
        values = self._find_values()
        requirements = values.get("requirements")
        items = self._read_items(requirements) if requirements is not None else ()
        python, machines = values.get("python_version"), values.get("machine_type")
        return App(
            class_name=self._node.name,
            line=requirements.lineno if requirements is not None else self._node.lineno,
            items=items,
            python=Hint(value=self._read_text(python, "python_version"), where=self._place(python)) if python else None,
            machine_types=Hint(value=self._read_machines(machines), where=self._place(machines)) if machines else None,
        )

    def find_changes(self, tree: ast.Module) -> None:
        """Notes each place outside the class body that changes one of the attributes (`App.requirements += …`)."""
        for node in ast.walk(tree):
            for changed in _iter_changed(node):
                if isinstance(changed.value, ast.Name) and changed.value.id == self._node.name:
                    self._refuse(node, changed.attr, "is changed from outside the class")

    def _find_values(self) -> dict[str, ast.expr]:
        """The expression that each attribute is assigned; later assignments win, as they do in Python."""
        values: dict[str, ast.expr] = {}
        for statement in self._node.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=attribute)], value=value) if attribute in _ATTRIBUTES:
                    values[attribute] = value
                case ast.AnnAssign(target=ast.Name(id=attribute), value=annotated) if attribute in _ATTRIBUTES:
                    if annotated is not None:
                        values[attribute] = annotated
                case _:
                    self._refuse_other_changes(statement)
        return values

    def _refuse_other_changes(self, statement: ast.stmt) -> None:
        """Notes a statement of the class body that gives or changes an attribute in a way that has to be run."""
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if statement.name in _ATTRIBUTES:
                self._refuse(statement, statement.name, "is no literal")
            return
        for node in _walk(statement):
            match node:
                case ast.Name(id=attribute, ctx=ast.Store() | ast.Del()) if attribute in _ATTRIBUTES:
                    self._refuse(statement, attribute, "is not assigned plainly")
                case ast.Call(func=ast.Attribute(value=ast.Name(id=attribute))) if attribute in _ATTRIBUTES:
                    self._refuse(statement, attribute, "is changed")
                case ast.Subscript(value=ast.Name(id=attribute), ctx=ast.Store() | ast.Del()) if (
                    attribute in _ATTRIBUTES
                ):
                    self._refuse(statement, attribute, "is changed")

    def _read_items(self, node: ast.expr) -> RequirementItems:
        if not isinstance(node, ast.List | ast.Tuple):
            self._refuse(node, "requirements", "is no literal list")
            return ()
        if not any(isinstance(item, ast.List | ast.Tuple) for item in node.elts):
            return tuple(self._read_text(item, f"requirements[{place}]") for place, item in enumerate(node.elts))
        return tuple(self._read_layer(layer, place) for place, layer in enumerate(node.elts))

    def _read_layer(self, node: ast.expr, place: int) -> tuple[str, ...]:
        attribute = f"requirements[{place}]"
        if not isinstance(node, ast.List | ast.Tuple):
            self._refuse(node, attribute, "is no literal list, as other layers are")
            return ()
        return tuple(self._read_text(item, f"{attribute}[{index}]") for index, item in enumerate(node.elts))

    def _read_machines(self, node: ast.expr) -> tuple[str, ...]:
        if isinstance(node, ast.List | ast.Tuple):
            return tuple(self._read_text(item, f"machine_type[{place}]") for place, item in enumerate(node.elts))
        return (self._read_text(node, "machine_type"),)

    def _read_text(self, node: ast.expr, attribute: str) -> str:
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Constant(value=int() | float()) if attribute == "python_version":
                self._refuse(
                    node,
                    attribute,
                    "is a number",
                    why="it must be text, where `3.10` and `3.1` differ",
                    remedy=f'`python_version = "{_quote(node)}"`',
                )
            case _:
                self._refuse(node, attribute, "is no literal text")
        return ""

    def _refuse(self, node: ast.AST, attribute: str, what: str, *, why: str = _WHY, remedy: str = "") -> None:
        self.faults.append(
            (
                getattr(node, "lineno", 1),
                f"{self._place(node)}: `{attribute}` {what}: `{_quote(node)}`\n"
                f"  because {why}\n"
                f"  try: {remedy or _REMEDIES[attribute.partition('[')[0]]}",
            )
        )

    def _place(self, node: ast.AST) -> str:
        return f"{self._name}:{getattr(node, 'lineno', 1)}"


def _iter_changed(node: ast.AST) -> Iterator[ast.Attribute]:
    """The attributes that a node assigns, deletes, or calls a method of."""
    match node:
        case ast.Attribute(attr=attribute, ctx=ast.Store() | ast.Del()) if attribute in _ATTRIBUTES:
            yield node
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=attribute) as changed)) if attribute in _ATTRIBUTES:
            yield changed
        case ast.Subscript(value=ast.Attribute(attr=attribute) as changed, ctx=ast.Store() | ast.Del()) if (
            attribute in _ATTRIBUTES
        ):
            yield changed


def _quote(node: ast.AST) -> str:
    """The source text of a node on one line, short and without secrets."""
    text = redact(" ".join(ast.unparse(node).split()))
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
