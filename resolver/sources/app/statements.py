"""The statements of an app file, read in order so that each name has the value that it would have.

What is not understood puts what it could have changed into doubt: a name that it gives a value, a list that it is
handed. Everything else stays known, so an app is read although most of its code is not. Inside a function that is
called, a statement that is not understood ends the call.
"""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from resolver.errors import SourceError
from resolver.sources.app.calls import Calls, find_known, is_harmless
from resolver.sources.app.expressions import Context
from resolver.sources.app.operations import Refused
from resolver.sources.app.values import (
    ClassValue,
    Container,
    DictValue,
    FunctionValue,
    Imported,
    ListValue,
    NotUnderstood,
    Opaque,
    Place,
    Scope,
)

__all__ = ["Interpreter", "parse_file"]

_MOST_CALLS_DEEP = 15
_PLATFORM = "fal"
_HARMLESS_CLASS_DECORATORS = frozenset({"dataclasses.dataclass", "typing.final", "typing.runtime_checkable"})
_CACHES = frozenset({"functools.cache", "functools.lru_cache"})


class _Break(Exception):  # noqa: N818  (control flow)
    pass


class _Continue(Exception):  # noqa: N818  (control flow)
    pass


class _Return(Exception):  # noqa: N818  (control flow)
    def __init__(self, value: Any) -> None:
        self.value = value


def parse_file(data: bytes, name: str) -> ast.Module:
    """The syntax tree of a file; its warnings about the code are for who runs it. Raises SourceError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Without a name: for a fault Python would open a file that has it, to quote from.
            return ast.parse(data)
    except SyntaxError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SourceError(f"{name}:{error.lineno or 1}: Python {version} cannot read this: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        raise SourceError(f"`{name}` is not Python that can be read: it is nested too deep") from error
    except ValueError as error:
        raise SourceError(f"`{name}` is not Python that can be read: {error}") from error


class Interpreter(Calls):
    """Reads a module from its first statement to its last."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.defined_twice: dict[str, list[int]] = {}
        self._modules: dict[Path, Scope | None] = {}
        self._depth = 0
        self._is_in_loop = 0
        self._in_try = 0

    def read_module(self, tree: ast.Module, *, file: str, path: Path) -> Scope:
        """The names of a module with their values."""
        scope = Scope(file=file, path=path)
        self._modules[path] = scope
        self._run(tree.body, scope, is_sure=False)
        return scope

    def imported(self, value: Imported, node: ast.expr, scope: Scope) -> Any:
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

    def _find_submodule(self, value: Imported) -> Imported | None:
        """The module of the app's own that a package has under a name."""
        dotted = f"{value.module}.{value.name}"
        if value.module.startswith("/"):
            found = self.context.files.find_module(value.name, level=1, beside=Path(value.module[1:]))
            return None if found is None else Imported(module=f"/{found}")
        return None if self._own_module(dotted) is None else Imported(module=dotted)

    def call_function(
        self, function: FunctionValue, arguments: list[Any], keywords: dict[str, Any], node: ast.Call, scope: Scope
    ) -> Any:
        """What a function of the file returns: its body is read with the arguments in place."""
        if self._depth >= _MOST_CALLS_DEEP:
            self.fail(node, scope, "it calls itself too deep")
        if isinstance(function.node, ast.AsyncFunctionDef) or not function.is_sure:
            self.fail(node, scope, "what it returns is known at run time alone")
        for decorator, _, _ in function.decorators:
            if not (isinstance(decorator, Imported) and decorator.dotted in _CACHES):
                self.fail(node, scope, "its decorator decides what it returns")
        inner = Scope(file=function.scope.file, outer=function.scope)
        self._bind_parameters(function, arguments, keywords, inner, node, scope)
        self._depth += 1
        try:
            if isinstance(function.node, ast.Lambda):
                return self.value(function.node.body, inner)
            self._run(function.node.body, inner, is_sure=True)
        except _Return as returned:
            return self.usable(returned.value)
        finally:
            self._depth -= 1
        return None

    def _bind_parameters(
        self,
        function: FunctionValue,
        arguments: list[Any],
        keywords: dict[str, Any],
        inner: Scope,
        node: ast.Call,
        scope: Scope,
    ) -> None:
        parameters = function.node.args
        names = [one.arg for one in (*parameters.posonlyargs, *parameters.args)]
        given = dict(zip(names, arguments, strict=False))
        rest = arguments[len(names) :]
        named = {*names, *(one.arg for one in parameters.kwonlyargs)}
        others = {name: value for name, value in keywords.items() if name not in named}
        if (rest and parameters.vararg is None) or (others and parameters.kwarg is None) or given.keys() & keywords:
            self.fail(node, scope, "its arguments do not fit")
        given = {**function.defaults, **given, **{name: one for name, one in keywords.items() if name in named}}
        if named - given.keys():
            self.fail(node, scope, "it lacks an argument")
        if parameters.vararg is not None:
            given[parameters.vararg.arg] = tuple(rest)
        if parameters.kwarg is not None:
            given[parameters.kwarg.arg] = DictValue(others)
        inner.names.update(given)

    def _run(self, statements: Iterable[ast.stmt], scope: Scope, *, is_sure: bool) -> None:
        """Reads statements in order. With `is_sure` one that is not understood ends the whole."""
        for statement in statements:
            if scope.outer is None and not self._depth and not self._is_in_loop:
                # A statement that takes too long does not take the time of those after it.
                self.context.steps_before += self.context.steps
                self.context.steps = 0
            try:
                self._read(statement, scope, is_sure=is_sure)
            except Refused as refused:
                reason = self._reason(statement, scope, f"{refused} cannot be worked out")
                if is_sure or (self._is_in_loop and _leaves(statement)):
                    raise reason from refused
                self._doubt(statement, scope, reason)
            except NotUnderstood as reason:
                if is_sure or (self._is_in_loop and _leaves(statement)):
                    raise
                self._doubt(statement, scope, reason)
            except (_Break, _Continue, _Return):
                if scope.outer is None and not self._depth and not self._is_in_loop:
                    return
                raise

    def _read(self, statement: ast.stmt, scope: Scope, *, is_sure: bool) -> None:
        self.context.steps += 1
        match statement:
            case ast.Expr(value=value):
                if not isinstance(value, ast.Constant):
                    self.value(value, scope)
            case ast.Assign(targets=targets, value=value):
                given = self.value_or_opaque(value, scope) if not is_sure else self.value(value, scope)
                for target in targets:
                    self.assign(target, given, scope)
                if isinstance(given, Opaque):
                    self._doubt(ast.Expr(value=value), scope, given.reason)
            case ast.AnnAssign(target=target, value=value):
                if value is not None:
                    self._read(
                        ast.copy_location(ast.Assign(targets=[target], value=value), statement), scope, is_sure=is_sure
                    )
            case ast.AugAssign():
                self._augment(statement, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                scope.bind(statement.name, self._define_function(statement, scope))
            case ast.ClassDef():
                scope.bind(statement.name, self._define_class(statement, scope))
            case ast.Import() | ast.ImportFrom():
                self._import(statement, scope)
            case ast.If(test=test, body=body, orelse=orelse):
                self._run(body if self.is_true(test, scope) else orelse, scope, is_sure=is_sure)
            case ast.For() | ast.While():
                self._loop(statement, scope, is_sure=is_sure)
            case ast.With(items=items, body=body):
                for item in items:
                    opened = self.value(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, opened, scope)
                self._run(body, scope, is_sure=is_sure)
            case ast.Try():
                self._try(statement, scope, is_sure=is_sure)
            case ast.Delete(targets=targets):
                for target in targets:
                    self._delete(target, scope)
            case ast.Global(names=names):
                scope.global_names.update(names)
            case ast.Pass() | ast.Assert():
                pass
            case ast.Raise(exc=error):
                if is_sure or self._in_try:
                    self.fail(error or statement, scope, "it is raised for this target")
            case ast.Return(value=value):
                raise _Return(None if value is None else self.value(value, scope))
            case ast.Break():
                raise _Break
            case ast.Continue():
                raise _Continue
            case _:
                self.fail(statement, scope, "such a statement is not worked out")

    def _augment(self, statement: ast.AugAssign, scope: Scope) -> None:
        target = statement.target
        loaded: ast.expr = ast.copy_location(_as_load(target), target)
        old = self.value(loaded, scope)
        added = self.value(statement.value, scope)
        if isinstance(old, ListValue) and isinstance(statement.op, ast.Add):
            # In place, as Python does: other names of the list see it.
            old.extend(self.iterate(added, statement.value, scope))
            return
        self.assign(target, self.operate(type(statement.op), old, added, statement, scope), scope)

    def _delete(self, target: ast.expr, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            scope.bind(target.id, Opaque(reason=self._reason(target, scope, "it is deleted")))
        else:
            self.fail(target, scope, "a deletion like that is not worked out")

    def _loop(self, statement: ast.For | ast.While, scope: Scope, *, is_sure: bool) -> None:
        self._is_in_loop += 1
        try:
            for _ in self._loop_rounds(statement, scope):
                self.context.steps += 1
                try:
                    self._run(statement.body, scope, is_sure=is_sure)
                except _Continue:
                    continue
            self._run(statement.orelse, scope, is_sure=is_sure)
        except _Break:
            pass
        finally:
            self._is_in_loop -= 1

    def _loop_rounds(self, statement: ast.For | ast.While, scope: Scope) -> Iterator[None]:
        if isinstance(statement, ast.While):
            while self.is_true(statement.test, scope):
                yield
            return
        for item in self.iterate(self.value(statement.iter, scope), statement.iter, scope):
            self.assign(statement.target, item, scope)
            yield

    def _try(self, statement: ast.Try, scope: Scope, *, is_sure: bool) -> None:
        """Whether an import works is known at run time alone, so what its handler changes comes into doubt."""
        uncertain = next(self._uncertain_imports(statement.body), None)
        if uncertain is not None and is_sure:
            self.fail(uncertain, scope, "whether it can be imported is known at run time alone")
        failures, late_failures = self.context.failures, self.context.late_failures
        self._in_try += bool(statement.handlers)
        try:
            self._run((*statement.body, *statement.orelse), scope, is_sure=is_sure)
        finally:
            self._in_try -= bool(statement.handlers)
        if statement.handlers and (uncertain is not None or self.context.failures > failures):
            why = "whether it can be imported is known at run time alone"
            if uncertain is None:
                why = "whether something in it fails is known at run time alone"
            reason = self._reason(uncertain or statement, scope, why)
            # Once the target is known it may well be read to its end.
            reason.needs_target = uncertain is None and self.context.late_failures > late_failures
            self._doubt_try(statement, scope, reason)
        self._run(statement.finalbody, scope, is_sure=is_sure)

    def _doubt_try(self, statement: ast.Try, scope: Scope, reason: NotUnderstood) -> None:
        """Notes that the body of a `try` may have ended early. What it imports keeps its name where no handler gives
        it another one."""
        known = frozenset(scope.names)
        for one in (*statement.body, *statement.orelse):
            if not isinstance(one, ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef):
                self._doubt(one, scope, reason)
        for handler in statement.handlers:
            self._doubt(handler, scope, reason, keeps_new_names=known)
            self._define_in(handler.body, scope, known=known)

    def _uncertain_imports(self, statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
        for statement in statements:
            for node in ast.walk(statement):
                if isinstance(node, ast.Import):
                    modules = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    modules = [node.module or ""]
                else:
                    continue
                roots = {module.partition(".")[0] for module in modules}
                if not roots <= {*sys.stdlib_module_names, _PLATFORM}:
                    yield node

    def _define_in(self, statements: Iterable[ast.stmt], scope: Scope, *, known: Iterable[str]) -> None:
        """Defines the classes and functions of a branch that may not be taken, for what asks for them by name."""
        for statement in statements:
            if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name not in known:
                earlier = scope.names.get(statement.name)
                if isinstance(earlier, ClassValue | FunctionValue):
                    self.defined_twice.setdefault(statement.name, [earlier.node.lineno]).append(statement.lineno)
                self._run([statement], scope, is_sure=False)
            elif isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
                for _, block in ast.iter_fields(statement):
                    if isinstance(block, list):
                        inner = [one for one in block if isinstance(one, ast.stmt)]
                        self._define_in(inner, scope, known=known)

    def _define_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> FunctionValue:
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

    def _read_decorator(self, node: ast.expr, scope: Scope) -> tuple[Any, dict[str, Any], Place]:
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

    def _read_keywords(self, keywords: Iterable[ast.keyword], scope: Scope) -> Iterator[tuple[str, Any, int]]:
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

    def _define_class(self, node: ast.ClassDef, scope: Scope) -> ClassValue:
        keywords: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for name, value, line in self._read_keywords(node.keywords, scope):
            keywords[name], lines[name] = value, line
        body = Scope(file=scope.file, outer=scope)
        made = ClassValue(
            name=node.name,
            node=node,
            file=scope.file,
            bases=tuple(self.value_or_opaque(base, scope) for base in node.bases),
            keywords=keywords,
            keyword_lines=lines,
            attributes=body.names,
            lines={},
            strange=self._find_strange(node, scope),
        )
        depth, self._depth = self._depth, max(self._depth, 1)
        try:
            self._run(node.body, body, is_sure=False)
        except (_Break, _Continue, _Return):
            pass
        finally:
            self._depth = depth
        made.lines.update(_attribute_lines(node))
        return made

    def _find_strange(self, node: ast.ClassDef, scope: Scope) -> NotUnderstood | None:
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

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
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
                if own is None and module.partition(".")[0] not in {*sys.stdlib_module_names, _PLATFORM}:
                    self._doubt_star(node, scope)
                for name, value in (own.names if own is not None else {}).items():
                    if not name.startswith("_"):
                        scope.bind(name, value)
            else:
                scope.bind(alias.asname or alias.name, Imported(module=module, name=alias.name))

    def _doubt_star(self, node: ast.ImportFrom, scope: Scope) -> None:
        """Notes that a module that is not read may have given any name another value."""
        reason = self._reason(node, scope, "which names it gives a value is known at run time alone")
        for name, value in scope.names.items():
            if not isinstance(value, Imported | ClassValue):
                scope.names[name] = Opaque(reason=reason)

    def _name_relative(self, node: ast.ImportFrom, scope: Scope) -> str | None:
        """A name for a relative import's module that leads back to its file."""
        beside = scope.module.path or self.context.files.path
        found = self.context.files.find_module(node.module or "", level=node.level, beside=beside)
        return None if found is None else f"/{found}"

    def _own_module(self, dotted: str) -> Scope | None:
        """The names of a module that is a file of the app's own; None for others, and while it is being read."""
        if dotted.startswith("/"):
            path: Path | None = Path(dotted[1:])
        elif dotted.startswith(".") or dotted.partition(".")[0] in {*sys.stdlib_module_names, _PLATFORM}:
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

    def _doubt(
        self, statement: ast.AST, scope: Scope, reason: NotUnderstood, *, keeps_new_names: Iterable[str] | None = None
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
                self._doubt_attribute(node, scope, reason)
            else:
                self._doubt_value(self._peek(node, scope), reason, seen)
        if isinstance(statement, ast.stmt) and keeps_new_names is None:
            blocks = [one for one in ast.iter_child_nodes(statement) if isinstance(one, ast.stmt | ast.ExceptHandler)]
            self._define_in([one for one in blocks if isinstance(one, ast.stmt)], scope, known=())

    def _peek(self, node: Any, scope: Scope) -> Any:
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

    def _doubt_attribute(self, node: ast.Attribute, scope: Scope, reason: NotUnderstood) -> None:
        owner = self._peek(node.value, scope)
        if isinstance(owner, ClassValue):
            owner.attributes[node.attr] = Opaque(reason=reason)
            owner.lines[node.attr] = node.lineno

    def _doubt_value(self, value: Any, reason: NotUnderstood, seen: set[int]) -> None:
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, Container):
            value.doubt = value.doubt or reason
        if isinstance(value, list | tuple | dict):
            for one in value.values() if isinstance(value, dict) else value:
                self._doubt_value(one, reason, seen)
        if isinstance(value, FunctionValue):
            for statement in ast.iter_child_nodes(value.node):
                for node in _iter_changes(statement):
                    if isinstance(node, ast.Name | ast.Attribute):
                        self._doubt_value(self._peek(node, value.scope), reason, seen)
                self._doubt_globals(statement, value, reason)

    @staticmethod
    def _doubt_globals(statement: ast.AST, function: FunctionValue, reason: NotUnderstood) -> None:
        for node in ast.walk(statement):
            if isinstance(node, ast.Global):
                for name in node.names:
                    function.scope.module.names[name] = Opaque(reason=reason)


def _as_load(target: ast.Name | ast.Attribute | ast.Subscript) -> ast.expr:
    """A target as an expression that is read."""
    match target:
        case ast.Name(id=name):
            return ast.Name(id=name, ctx=ast.Load())
        case ast.Attribute(value=value, attr=attribute):
            return ast.Attribute(value=value, attr=attribute, ctx=ast.Load())
        case ast.Subscript(value=value, slice=key):
            return ast.Subscript(value=value, slice=key, ctx=ast.Load())


def _leaves(statement: ast.stmt) -> bool:
    """Whether a statement holds a `break` or the like, which decides about the statements after it."""
    return any(isinstance(node, ast.Break | ast.Continue | ast.Return) for node in _walk_same_scope(statement))


def _walk_same_scope(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _walk_same_scope(child)


def _iter_changes(statement: ast.AST) -> Iterator[ast.expr | str]:
    """What a statement may change: names it stores, containers it changes in place or hands to a call."""
    for node in _walk_same_scope(statement):
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                yield node
            case ast.Subscript(value=owner, ctx=ast.Store() | ast.Del()):
                yield owner
            case ast.AugAssign(target=ast.Name(id=name) as target):
                yield ast.copy_location(ast.Name(id=name, ctx=ast.Load()), target)
            case ast.AugAssign(target=ast.Attribute() as target):
                yield _as_load(target)
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


def _attribute_lines(node: ast.ClassDef) -> dict[str, int]:
    """The line of the last statement that gives each attribute its value."""
    lines: dict[str, int] = {}
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            lines[statement.name] = statement.lineno
            continue
        for one in _walk_same_scope(statement):
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                value = getattr(statement, "value", None)
                lines[one.id] = value.lineno if isinstance(value, ast.expr) else one.lineno
    return lines
