"""Functions, classes and imports of an app file: what their statements give a name.

What a statement that is not understood could have changed, so that nobody takes it for known.

That is: the names it gives a value, and the lists and dicts that it changes in place or hands to somebody.
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
    "UncertaintyTracker",
    "as_load",
    "parse_file",
    "walk_same_scope",
]


class UncertaintyTracker(CallReader):
    """Marks values as uncertain that a statement which is not understood may have changed."""

    @abstractmethod
    def _define_in(self, statements: Iterable[ast.stmt], scope: Namespace, *, known: Iterable[str]) -> None:
        """Defines the classes and functions of a branch that may not be taken."""

    def _mark_uncertain(
        self,
        statement: ast.AST,
        scope: Namespace,
        reason: NotUnderstood,
        *,
        keeps_new_names: Iterable[str] | None = None,
    ) -> None:
        """Notes that what a statement could have given a value or changed is no longer known."""
        seen: set[int] = set()
        changed = list(_iter_changes(statement))
        for node in changed:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
                if keeps_new_names is None or node.id in keeps_new_names:
                    scope.bind(node.id, Opaque(reason=reason))
            elif isinstance(node, str):
                if keeps_new_names is None or node in keeps_new_names:
                    scope.bind(node, Opaque(reason=reason))
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
                self._mark_attribute(node, scope, reason)
            else:
                self._mark_value(self._peek(node, scope), reason, seen)
        if isinstance(statement, ast.stmt) and keeps_new_names is None:
            blocks = [one for one in ast.iter_child_nodes(statement) if isinstance(one, ast.stmt | ast.ExceptHandler)]
            self._define_in([one for one in blocks if isinstance(one, ast.stmt)], scope, known=())

    def _peek(self, node: Any, scope: Namespace) -> Any:
        """The value that a name or attribute has, without a judgement about it."""
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
        owner = self._peek(node.value, scope)
        if isinstance(owner, ClassValue):
            owner.attributes[node.attr] = Opaque(reason=reason)
            owner.lines[node.attr] = node.lineno

    def _mark_value(self, value: Any, reason: NotUnderstood, seen: set[int]) -> None:
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
        for node in ast.walk(statement):
            if isinstance(node, ast.Global):
                for name in node.names:
                    function.scope.module.names[name] = Opaque(reason=reason)


def walk_same_scope(node: ast.AST) -> Iterator[ast.AST]:
    """A node and those in it, but for functions and classes, which have names of their own."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from walk_same_scope(child)


def _iter_changes(statement: ast.AST) -> Iterator[ast.expr | str]:
    """What a statement may change: names it stores, containers it changes in place or hands to a call."""
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
    """The names that a call is given as they are; not those whose value is only looked into."""
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
            case _:
                pass


def as_load(target: ast.Name | ast.Attribute | ast.Subscript) -> ast.expr:
    """A target as an expression that is read."""
    match target:
        case ast.Name(id=name):
            return ast.Name(id=name, ctx=ast.Load())
        case ast.Attribute(value=value, attr=attribute):
            return ast.Attribute(value=value, attr=attribute, ctx=ast.Load())
        case ast.Subscript(value=value, slice=key):
            return ast.Subscript(value=value, slice=key, ctx=ast.Load())


_HARMLESS_CLASS_DECORATORS = frozenset({"dataclasses.dataclass", "typing.final", "typing.runtime_checkable"})


class DefinitionReader(UncertaintyTracker):
    """Reads functions, classes and imports. Subclasses read modules, which are statements."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._modules: dict[Path, Namespace | None] = {}
        self._depth = 0

    @abstractmethod
    def read_module(self, tree: ast.Module, *, file: str, path: Path) -> Namespace:
        """The names of a module with their values."""

    @abstractmethod
    def read_class_body(self, node: ast.ClassDef, body: Namespace) -> None:
        """Gives the names of a class body their values."""

    def _define_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Namespace) -> FunctionValue:
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
        """What decorates, the arguments that it is given, and where it stands. `""` is the first positional one."""
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
        """Name, value and line of each keyword; those of a dict after `**` too, `**` itself if it is not known."""
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
        """What can make another class of it than its body says: a decorator, a metaclass, a hook for subclasses."""
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
        if isinstance(node, ast.Import):
            for alias in node.names:
                module = alias.name if alias.asname else alias.name.partition(".")[0]
                scope.bind(alias.asname or module, Imported(module=module))
            return
        module = "." * node.level + (node.module or "")
        if node.level:
            module = self._name_relative(node, scope) or module
        for alias in node.names:
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
        """Notes that a module that is not read may have given any name another value."""
        reason = self._reason(node, scope, "which names it gives a value is known at run time alone")
        for name, value in scope.names.items():
            if not isinstance(value, Imported | ClassValue):
                scope.names[name] = Opaque(reason=reason)

    def _name_relative(self, node: ast.ImportFrom, scope: Namespace) -> str | None:
        """A name for a relative import's module that leads back to its file."""
        beside = scope.module.path or self.context.files.path
        found = self.context.files.find_module(node.module or "", level=node.level, beside=beside)
        return None if found is None else f"/{found}"

    def _own_module(self, dotted: str) -> Namespace | None:
        """The names of a module that is a file of the app's own; None for others, and while it is being read."""
        if dotted.startswith("/"):
            path: Path | None = Path(dotted[1:])
        elif dotted.startswith(".") or dotted.partition(".")[0] in {*sys.stdlib_module_names, *self.context.installed}:
            return None
        else:
            path = self.context.files.find_module(dotted, level=0, beside=self.context.files.path)
        if path is None:
            return None
        if path not in self._modules:
            self._modules[path] = None
            name = self.context.files.name(path)
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
        """The module of the app's own that a package has under a name."""
        dotted = f"{value.module}.{value.name}"
        if value.module.startswith("/"):
            found = self.context.files.find_module(value.name, level=1, beside=Path(value.module[1:]))
            return None if found is None else Imported(module=f"/{found}")
        return None if self._own_module(dotted) is None else Imported(module=dotted)

    def imported(self, value: Imported, node: ast.expr, scope: Namespace) -> Any:
        """What an imported name stands for: from the target, from a file of the app's own, or just itself."""
        found = find_known(value, self, node, scope)
        if found is not value or not value.name:
            return found
        module = self._own_module(value.module)
        if module is None:
            return value
        if value.name in module.names:
            return self.usable(module.names[value.name])
        return self._find_submodule(value) or value


def _attribute_lines(node: ast.ClassDef) -> dict[str, int]:
    """The line of the last statement that gives each attribute its value."""
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


def parse_file(data: bytes, name: str) -> ast.Module:
    """The syntax tree of a file; its warnings about the code are for who runs it. Raises SourceError."""
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
