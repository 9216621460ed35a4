"""Functions, classes and imports of an app file, and the effects of statements that are not understood.

In: statements. Out: the values that they bind in a `Namespace`. Modules of the app's own repository are read in the
same way, once each; the standard library and packages that the app can always import are known by name; any other
module is not read.

A statement that is not understood makes uncertain what it could have changed: the names that it binds, and the lists
and dicts that it changes in place or passes to a call. All other values stay known, so an app is read although most of
its code is not understood. Both classes are in one module because a definition in a branch that is not understood is
still a definition.
"""

from __future__ import annotations

import ast
import sys
import warnings
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from resolver.errors import SourceError
from resolver.sources.apps.interpreter.calls import CallReader, is_harmless
from resolver.sources.apps.interpreter.expressions import Context
from resolver.sources.apps.interpreter.known_functions import find_known
from resolver.sources.apps.interpreter.values import (
    ClassValue,
    Container,
    FileLine,
    FunctionValue,
    Imported,
    Namespace,
    NotUnderstood,
    Opaque,
)

__all__ = [
    "DefinitionReader",
    "as_load",
    "parse_file",
    "walk_same_scope",
]

_LIMIT_BYTES = 2_000_000
_LIMIT_LINES = 50_000

# Decorators that leave the attributes of a class as they are.
_HARMLESS_CLASS_DECORATORS = frozenset({"dataclasses.dataclass", "typing.final", "typing.runtime_checkable"})


class UncertaintyTracker(CallReader):
    """Marks values as uncertain that a statement which is not understood may have changed."""

    @abstractmethod
    def _define_in(self, statements: Iterable[ast.stmt], scope: Namespace, *, known: Iterable[str]) -> None:
        """Defines the classes and functions of a branch that may not be taken (see `Interpreter`)."""

    def _mark_uncertain(
        self,
        statement: ast.AST,
        scope: Namespace,
        reason: NotUnderstood,
        *,
        only: Iterable[str] | None = None,
    ) -> None:
        """Marks everything as uncertain that a statement could have bound or changed, with the `reason`.

        With `only`, just these names become unknown and classes in the statement are not defined. That is for the
        handlers of a `try`: a name that only a handler binds keeps the value that the body gives it.
        """
        # A list can contain itself, and several names can share one.
        seen: set[int] = set()
        changed = list(_iter_changes(statement))
        for node in changed:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
                if only is None or node.id in only:
                    scope.bind(node.id, Opaque(reason=reason))
            elif isinstance(node, str):
                if only is None or node in only:
                    scope.bind(node, Opaque(reason=reason))
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
                self._mark_attribute(node, scope, reason)
            else:
                self._mark_value(self._peek(node, scope), reason, seen)
        # A class in a branch that is not understood may still be the app that the user names.
        if isinstance(statement, ast.stmt) and only is None:
            inner = [one for one in ast.iter_child_nodes(statement) if isinstance(one, ast.stmt)]
            self._define_in(inner, scope, known=())

    def _peek(self, node: Any, scope: Namespace) -> Any:
        """The value of a name or attribute, known or not; None if it has none. Nothing is raised or counted."""
        if isinstance(node, ast.Name):
            try:
                return scope.find(node.id)
            except KeyError:
                return None
        if isinstance(node, ast.Attribute):
            owner = self._peek(node.value, scope)
            return owner.attributes.get(node.attr) if isinstance(owner, ClassValue) else None
        return None

    def _mark_attribute(self, node: ast.Attribute, scope: Namespace, reason: NotUnderstood) -> None:
        """Makes an attribute of a class of the file unknown, at the line of the statement that may have changed it."""
        owner = self._peek(node.value, scope)
        if isinstance(owner, ClassValue):
            owner.attributes[node.attr] = Opaque(reason=reason)
            owner.lines[node.attr] = node.lineno

    def _mark_value(self, value: Any, reason: NotUnderstood, seen: set[int]) -> None:
        """Marks a container, and all that it contains, as uncertain. The first reason is the one that is reported.

        A function counts as called: everything that its body could change becomes uncertain too.
        """
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, Container):
            value.uncertainty = value.uncertainty or reason
        if isinstance(value, list | tuple | dict):
            for one in value.values() if isinstance(value, dict) else value:
                self._mark_value(one, reason, seen)
        if isinstance(value, FunctionValue):
            for statement in ast.iter_child_nodes(value.node):
                for node in _iter_changes(statement):
                    if isinstance(node, ast.Name | ast.Attribute):
                        self._mark_value(self._peek(node, value.scope), reason, seen)
                self._mark_globals(statement, value, reason)

    @staticmethod
    def _mark_globals(statement: ast.AST, function: FunctionValue, reason: NotUnderstood) -> None:
        """Makes the names unknown that a function declares `global`."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Global):
                for name in node.names:
                    function.scope.module.names[name] = Opaque(reason=reason)


class DefinitionReader(UncertaintyTracker):
    """Reads functions, classes and imports. The chapter on statements supplies modules and class bodies."""

    def __init__(self, context: Context) -> None:
        """`context` is shared by all modules that are read for one target."""
        super().__init__(context)
        self._modules: dict[Path, Namespace | None] = {}
        self._depth = 0

    @abstractmethod
    def read_module(self, tree: ast.Module, *, file: str, path: Path) -> Namespace:
        """The names of a module with their values."""

    @abstractmethod
    def read_class_body(self, node: ast.ClassDef, body: Namespace) -> None:
        """Binds the names of a class body."""

    def _define_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Namespace) -> FunctionValue:
        """A function with the values of its defaults and decorators.

        As in Python they are worked out once, when it is defined.
        """
        parameters = node.args
        names = [one.arg for one in (*parameters.posonlyargs, *parameters.args)]
        defaults = dict(zip(names[len(names) - len(parameters.defaults) :], parameters.defaults, strict=True))
        keyword_defaults = zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
        defaults |= {one.arg: value for one, value in keyword_defaults if value is not None}
        return FunctionValue(
            node=node,
            scope=scope,
            defaults={name: self.value_or_opaque(value, scope) for name, value in defaults.items()},
            decorators=tuple(self._read_decorator(one, scope) for one in node.decorator_list),
        )

    def _read_decorator(self, node: ast.expr, scope: Namespace) -> tuple[Any, dict[str, Any], FileLine]:
        """The value of a decorator, the arguments that it is given, and its line: see `FunctionValue`.

        Arguments are read for imported decorators alone, as those of the platform are.
        """
        function = node.func if isinstance(node, ast.Call) else node
        found = self.value_or_opaque(function, scope)
        given: dict[str, Any] = {}
        if isinstance(node, ast.Call) and isinstance(found, Imported):
            for number, argument in enumerate(node.args):
                if isinstance(argument, ast.Starred):
                    given["*"] = Opaque(reason=self._reason(argument, scope, "what it adds is not worked out"))
                else:
                    given["" if not number else f"{number}"] = self.value_or_opaque(argument, scope)
            for name, value, line in self._read_keywords(node.keywords, scope):
                given[name] = value
                given[f"line of {name}"] = line
        return found, given, self.place(node, scope)

    def _read_keywords(self, keywords: Iterable[ast.keyword], scope: Namespace) -> Iterator[tuple[str, Any, int]]:
        """Name, value and line of each keyword, with those of a known dict after `**` in place.

        An unknown dict gives the name `**`, since it can contain any keyword.
        """
        for keyword in keywords:
            value = self.value_or_opaque(keyword.value, scope)
            if keyword.arg is not None:
                yield keyword.arg, value, keyword.value.lineno
            elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
                yield from ((str(key), one, keyword.value.lineno) for key, one in value.items())
            else:
                reason = value.reason if isinstance(value, Opaque) else None
                why = "these are no keywords"
                unknown = Opaque(reason=reason or self._reason(keyword.value, scope, why))
                yield "**", unknown, keyword.value.lineno

    def _define_class(self, node: ast.ClassDef, scope: Namespace) -> ClassValue:
        """A class with its keywords, bases and attributes, where unknown values are Opaque.

        The names of its body are its attributes: both are one dict, which later assignments from outside change too.
        """
        keywords: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for name, value, line in self._read_keywords(node.keywords, scope):
            keywords[name], lines[name] = value, line
        body = Namespace(file=scope.file, outer=scope)
        made = ClassValue(
            name=node.name,
            node=node,
            file=scope.file,
            bases=tuple(self.value_or_opaque(base, scope) for base in node.bases),
            keywords=keywords,
            keyword_lines=lines,
            attributes=body.names,
            lines={},
            uncertainty=self._find_uncertainty(node, scope),
        )
        self.read_class_body(node, body)
        made.lines.update(_attribute_lines(node))
        return made

    def _find_uncertainty(self, node: ast.ClassDef, scope: Namespace) -> NotUnderstood | None:
        """The reason why the class may differ from its body, or None: a decorator, a metaclass, a hook for subclasses.

        The hook (`__init_subclass__`) concerns the classes that derive from this one: see `declarations`.
        """
        for decorator in node.decorator_list:
            found = self.value_or_opaque(decorator.func if isinstance(decorator, ast.Call) else decorator, scope)
            if not (isinstance(found, Imported) and found.dotted in _HARMLESS_CLASS_DECORATORS):
                return self._reason(decorator, scope, "what it makes of the class is known at run time alone")
        for keyword in node.keywords:
            if keyword.arg == "metaclass":
                return self._reason(keyword.value, scope, "what it makes of the class is known at run time alone")
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init_subclass__":
                place = self.place(statement, scope)
                return NotUnderstood(
                    place, "def __init_subclass__", "it can change every class that derives from this one"
                )
        return None

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Namespace) -> None:
        """Binds the names of an import. Their modules are read when a name is used, except for `import *`."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                module = alias.name if alias.asname else alias.name.partition(".")[0]
                scope.bind(alias.asname or module, Imported(module=module))
            return
        module = "." * node.level + (node.module or "")
        if node.level:
            module = self._name_relative(node, scope) or module
        for alias in node.names:
            # Python binds the public names, or those of `__all__`, which is not read.
            if alias.name == "*":
                own = self._own_module(module)
                if own is None and module.partition(".")[0] not in {*sys.stdlib_module_names, *self.context.installed}:
                    self._mark_star_import(node, scope)
                for name, value in (own.names if own is not None else {}).items():
                    if not name.startswith("_"):
                        scope.bind(name, value)
            else:
                scope.bind(alias.asname or alias.name, Imported(module=module, name=alias.name))

    def _mark_star_import(self, node: ast.ImportFrom, scope: Namespace) -> None:
        """Makes all names unknown that `import *` from a module that is not read may have bound.

        Imported names and classes stay known: without them no app of the file would be found.
        """
        reason = self._reason(node, scope, "which names it gives a value is known at run time alone")
        for name, value in scope.names.items():
            if not isinstance(value, Imported | ClassValue):
                scope.names[name] = Opaque(reason=reason)

    def _name_relative(self, node: ast.ImportFrom, scope: Namespace) -> str | None:
        """The module of a relative import, named by its file (see `Imported`); None if it is not found."""
        beside = scope.module.path or self.context.files.path
        found = self.context.files.find_module(node.module or "", level=node.level, beside=beside)
        return None if found is None else f"/{found}"

    def _own_module(self, dotted: str) -> Namespace | None:
        """The names of a module of the app's own repository; None for any other module, and while it is being read.

        A module that Python cannot parse is treated like one that is not there: its names are then not known.
        """
        if dotted.startswith("/"):
            path: Path | None = Path(dotted[1:])
        elif dotted.startswith(".") or dotted.partition(".")[0] in {*sys.stdlib_module_names, *self.context.installed}:
            return None
        else:
            path = self.context.files.find_module(dotted, level=0, beside=self.context.files.path)
        if path is None:
            return None
        if path not in self._modules:
            # Modules can import each other: while one is read, its names are unknown, as in a circle of Python.
            self._modules[path] = None
            name = self.context.files.name(path)
            # The module is read at its top level, also if a function imports it.
            depth, self._depth = self._depth, 0
            try:
                tree = parse_file(self.context.files.read(path), name)
                self.read_module(tree, file=name, path=path)
            except SourceError:
                return None
            finally:
                self._depth = depth
        return self._modules[path]

    def _find_submodule(self, value: Imported) -> Imported | None:
        """The module of the app's own that a package has under a name; None if there is none."""
        dotted = f"{value.module}.{value.name}"
        if value.module.startswith("/"):
            found = self.context.files.find_module(value.name, level=1, beside=Path(value.module[1:]))
            return None if found is None else Imported(module=f"/{found}")
        return None if self._own_module(dotted) is None else Imported(module=dotted)

    def imported(self, value: Imported, node: ast.expr, scope: Namespace) -> Any:
        """The value of an imported name: from the target, from a module of the app's own, or else just the name.

        Raises NotUnderstood for a name that is unknown or uncertain in its module.
        """
        found = find_known(value, self, node, scope)
        if found is not value or not value.name:
            return found
        module = self._own_module(value.module)
        if module is None:
            return value
        if value.name in module.names:
            return self.usable(module.names[value.name])
        return self._find_submodule(value) or value


def as_load(target: ast.Name | ast.Attribute | ast.Subscript) -> ast.expr:
    """A target of an assignment as an expression that reads it."""
    match target:
        case ast.Name(id=name):
            return ast.Name(id=name, ctx=ast.Load())
        case ast.Attribute(value=value, attr=attribute):
            return ast.Attribute(value=value, attr=attribute, ctx=ast.Load())
        case ast.Subscript(value=value, slice=key):
            return ast.Subscript(value=value, slice=key, ctx=ast.Load())


def parse_file(data: bytes, name: str) -> ast.Module:
    """The syntax tree of a file. Raises SourceError.

    Warnings about its code (such as questionable escapes) are ignored: they are for those who run it. A file of more
    than 2 MB or 50,000 lines, which no person has written, is refused: its tree takes a hundred times its memory.
    """
    if len(data) > _LIMIT_BYTES or data.count(b"\n") > _LIMIT_LINES:
        raise SourceError(
            f"`{name}` is too large to be read: more than {_LIMIT_BYTES} bytes or {_LIMIT_LINES} lines of Python",
            remedy="keep data in files that are not Python",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Without a name: for a fault Python would open a file that has it, to quote from.
            return ast.parse(data)
    except SyntaxError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SourceError(
            f"Python {version} cannot read this: {error.msg}", where=f"{name}:{error.lineno or 1}"
        ) from error
    except (RecursionError, MemoryError) as error:
        raise SourceError(f"`{name}` is not Python that can be read: it is nested too deep") from error
    except ValueError as error:
        raise SourceError(f"`{name}` is not Python that can be read: {error}") from error


def walk_same_scope(node: ast.AST) -> Iterator[ast.AST]:
    """A node and the nodes in it, except functions and classes.

    These have names of their own, so what happens in them binds nothing in the scope around them.
    """
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from walk_same_scope(child)


def _iter_changes(statement: ast.AST) -> Iterator[ast.expr | str]:
    """What a statement may change: names that it binds, and containers that it changes in place or passes to a call.

    A name that is bound has a `Store` or `Del` context, or is a text if an import binds it. A name with a `Load`
    context means its value.
    """
    for node in walk_same_scope(statement):
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                yield node
            case ast.Subscript(value=owner, ctx=ast.Store() | ast.Del()):
                yield owner
            case ast.AugAssign(target=ast.Name(id=name) as target):
                yield ast.copy_location(ast.Name(id=name, ctx=ast.Load()), target)
            case ast.AugAssign(target=ast.Attribute() as target):
                yield as_load(target)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
            # `setattr(owner, "name", value)` binds like `owner.name = value`.
            case ast.Call(
                func=ast.Name(id="setattr"), args=[ast.Name() as changed, ast.Constant(value=str() as name), *_]
            ):
                yield ast.copy_location(ast.Attribute(value=changed, attr=name, ctx=ast.Store()), node)
            case ast.Call(func=function, args=arguments, keywords=keywords) if not is_harmless(function):
                yield function
                if isinstance(function, ast.Attribute):
                    yield function.value
                yield from _iter_handed_over((*arguments, *(keyword.value for keyword in keywords)))


def _iter_handed_over(arguments: Iterable[ast.expr]) -> Iterator[ast.expr]:
    """The names that a call gets as they are, also inside a list, tuple, dict or condition.

    A name whose value is only looked into (`NAMES[0]`, `len(NAMES)`) is not among them.
    """
    for argument in arguments:
        match argument:
            case ast.Name() | ast.Attribute():
                yield argument
            case ast.List(elts=items) | ast.Tuple(elts=items):
                yield from _iter_handed_over(items)
            case ast.Dict(values=items):
                yield from _iter_handed_over(items)
            case ast.IfExp(body=one, orelse=other):
                yield from _iter_handed_over((one, other))
            case ast.BoolOp(values=items):
                yield from _iter_handed_over(items)
            case ast.NamedExpr(value=value):
                yield from _iter_handed_over((value,))
            case _:
                pass


def _attribute_lines(node: ast.ClassDef) -> dict[str, int]:
    """The line of the last statement in a class body that binds each attribute: that of its value if it has one."""
    lines: dict[str, int] = {}
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            lines[statement.name] = statement.lineno
            continue
        for one in walk_same_scope(statement):
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                value = getattr(statement, "value", None)
                lines[one.id] = value.lineno if isinstance(value, ast.expr) else one.lineno
    return lines
