"""The statements of an app file, read in order so that each name has the value that it would have.

What is not understood puts what it could have changed into doubt: a name that it gives a value, a list that it is
handed. Everything else stays known, so an app is read although most of its code is not. Inside a function that is
called, a statement that is not understood ends the call.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from resolver.sources.apps.interpreter.definitions import (
    DefinitionReader,
    as_load,
    parse_file,
    walk_same_scope,
)
from resolver.sources.apps.interpreter.expressions import Context
from resolver.sources.apps.interpreter.operations import OperationRefused
from resolver.sources.apps.interpreter.values import (
    ClassValue,
    DictValue,
    FunctionValue,
    Imported,
    ListValue,
    Namespace,
    NotUnderstood,
    Opaque,
)

__all__ = ["Interpreter", "parse_file"]

_MOST_CALLS_DEEP = 15
_CACHES = frozenset({"functools.cache", "functools.lru_cache"})


class _Break(Exception):  # noqa: N818  (control flow)
    pass


class _Continue(Exception):  # noqa: N818  (control flow)
    pass


class _Return(Exception):  # noqa: N818  (control flow)
    def __init__(self, value: Any) -> None:
        self.value = value


class Interpreter(DefinitionReader):
    """Reads a module from its first statement to its last."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.defined_twice: dict[str, list[int]] = {}
        self._is_in_loop = 0
        self._in_try = 0

    def read_module(self, tree: ast.Module, *, file: str, path: Path) -> Namespace:
        """The names of a module with their values."""
        scope = Namespace(file=file, path=path)
        self._modules[path] = scope
        self._run(tree.body, scope, is_sure=False)
        return scope

    def read_class_body(self, node: ast.ClassDef, body: Namespace) -> None:
        """Gives the names of a class body their values."""
        depth, self._depth = self._depth, max(self._depth, 1)
        try:
            self._run(node.body, body, is_sure=False)
        except (_Break, _Continue, _Return):
            # Python would not have compiled it.
            pass
        finally:
            self._depth = depth

    def call_function(
        self, function: FunctionValue, arguments: list[Any], keywords: dict[str, Any], node: ast.Call, scope: Namespace
    ) -> Any:
        """What a function of the file returns: its body is read with the arguments in place."""
        if self._depth >= _MOST_CALLS_DEEP:
            self.fail(node, scope, "it calls itself too deep")
        if isinstance(function.node, ast.AsyncFunctionDef) or not function.is_sure:
            self.fail(node, scope, "what it returns is known at run time alone")
        for decorator, _, _ in function.decorators:
            if not (isinstance(decorator, Imported) and decorator.dotted in _CACHES):
                self.fail(node, scope, "its decorator decides what it returns")
        inner = Namespace(file=function.scope.file, outer=function.scope)
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
        inner: Namespace,
        node: ast.Call,
        scope: Namespace,
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

    def _run(self, statements: Iterable[ast.stmt], scope: Namespace, *, is_sure: bool) -> None:
        """Reads statements in order. With `is_sure` one that is not understood ends the whole."""
        for statement in statements:
            if scope.outer is None and not self._depth and not self._is_in_loop:
                # A statement that takes too long does not take the time of those after it.
                self.context.steps_before += self.context.steps
                self.context.steps = 0
            try:
                self._read(statement, scope, is_sure=is_sure)
            except OperationRefused as refused:
                reason = self._reason(statement, scope, f"{refused} cannot be worked out")
                if is_sure or (self._is_in_loop and _leaves(statement)):
                    raise reason from refused
                self._mark_uncertain(statement, scope, reason)
            except NotUnderstood as reason:
                if is_sure or (self._is_in_loop and _leaves(statement)):
                    raise
                self._mark_uncertain(statement, scope, reason)
            except (_Break, _Continue, _Return):
                if scope.outer is None and not self._depth and not self._is_in_loop:
                    return
                raise

    def _read(self, statement: ast.stmt, scope: Namespace, *, is_sure: bool) -> None:
        self.context.steps += 1
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                scope.bind(statement.name, self._define_function(statement, scope))
            case ast.ClassDef():
                scope.bind(statement.name, self._define_class(statement, scope))
            case ast.If(test=test, body=body, orelse=orelse):
                self._run(body if self.is_true(test, scope) else orelse, scope, is_sure=is_sure)
            case ast.For() | ast.While():
                self._loop(statement, scope, is_sure=is_sure)
            case ast.With():
                self._with(statement, scope, is_sure=is_sure)
            case ast.Try():
                self._try(statement, scope, is_sure=is_sure)
            case ast.Assign(targets=targets, value=value):
                self._assign_all(targets, value, scope, is_sure=is_sure)
            case ast.AnnAssign(target=target, value=value):
                if value is not None:
                    self._assign_all([target], value, scope, is_sure=is_sure)
            case ast.Raise(exc=error):
                if is_sure or self._in_try:
                    self.fail(error or statement, scope, "it is raised for this target")
            case _:
                self._read_simple(statement, scope)

    def _read_simple(self, statement: ast.stmt, scope: Namespace) -> None:
        match statement:
            case ast.Expr(value=value):
                if not isinstance(value, ast.Constant):
                    self.value(value, scope)
            case ast.AugAssign():
                self._augment(statement, scope)
            case ast.Import() | ast.ImportFrom():
                self._import(statement, scope)
            case ast.Delete(targets=targets):
                for target in targets:
                    self._delete(target, scope)
            case ast.Global(names=names):
                scope.global_names.update(names)
            case ast.Pass() | ast.Assert():
                pass
            case ast.Return(value=value):
                raise _Return(None if value is None else self.value(value, scope))
            case ast.Break():
                raise _Break
            case ast.Continue():
                raise _Continue
            case _:
                self.fail(statement, scope, "such a statement is not worked out")

    def _assign_all(self, targets: list[ast.expr], value: ast.expr, scope: Namespace, *, is_sure: bool) -> None:
        given = self.value(value, scope) if is_sure else self.value_or_opaque(value, scope)
        for target in targets:
            self.assign(target, given, scope)
        if isinstance(given, Opaque):
            self._mark_uncertain(ast.Expr(value=value), scope, given.reason)

    def _with(self, statement: ast.With, scope: Namespace, *, is_sure: bool) -> None:
        for item in statement.items:
            opened = self.value(item.context_expr, scope)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, opened, scope)
        self._run(statement.body, scope, is_sure=is_sure)

    def _augment(self, statement: ast.AugAssign, scope: Namespace) -> None:
        target = statement.target
        loaded: ast.expr = ast.copy_location(as_load(target), target)
        old = self.value(loaded, scope)
        added = self.value(statement.value, scope)
        if isinstance(old, ListValue) and isinstance(statement.op, ast.Add):
            # In place, as Python does: other names of the list see it.
            old.extend(self.iterate(added, statement.value, scope))
            return
        self.assign(target, self.operate(type(statement.op), old, added, statement, scope), scope)

    def _delete(self, target: ast.expr, scope: Namespace) -> None:
        if isinstance(target, ast.Name):
            scope.bind(target.id, Opaque(reason=self._reason(target, scope, "it is deleted")))
        else:
            self.fail(target, scope, "a deletion like that is not worked out")

    def _loop(self, statement: ast.For | ast.While, scope: Namespace, *, is_sure: bool) -> None:
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

    def _loop_rounds(self, statement: ast.For | ast.While, scope: Namespace) -> Iterator[None]:
        if isinstance(statement, ast.While):
            while self.is_true(statement.test, scope):
                yield
            return
        for item in self.each(self.value(statement.iter, scope), statement.iter, scope):
            self.assign(statement.target, item, scope)
            yield

    def _try(self, statement: ast.Try, scope: Namespace, *, is_sure: bool) -> None:
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
            self._mark_try(statement, scope, reason)
        self._run(statement.finalbody, scope, is_sure=is_sure)

    def _mark_try(self, statement: ast.Try, scope: Namespace, reason: NotUnderstood) -> None:
        """Notes that the body of a `try` may have ended early. What it imports keeps its name where no handler gives
        it another one."""
        known = frozenset(scope.names)
        for one in (*statement.body, *statement.orelse):
            if not isinstance(one, ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef):
                self._mark_uncertain(one, scope, reason)
        for handler in statement.handlers:
            self._mark_uncertain(handler, scope, reason, keeps_new_names=known)
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
                if not roots <= {*sys.stdlib_module_names, *self.context.installed}:
                    yield node

    def _define_in(self, statements: Iterable[ast.stmt], scope: Namespace, *, known: Iterable[str]) -> None:
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


def _leaves(statement: ast.stmt) -> bool:
    """Whether a statement holds a `break` or the like, which decides about the statements after it."""
    return any(isinstance(node, ast.Break | ast.Continue | ast.Return) for node in walk_same_scope(statement))
