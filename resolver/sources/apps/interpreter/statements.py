"""The statements of an app file, read in order so that each name gets the value that it has when the file runs.

In: the syntax tree of a module. Out: its `Namespace`. A statement that is not understood makes uncertain what it could
have changed (see `definitions`), and reading goes on. Inside a function that is called, it ends the call instead: the
call is then not understood.

This is the last chapter of the interpreter. `Interpreter` is the class that its users create.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from resolver.sources.apps.interpreter.definitions import DefinitionReader, as_load, walk_same_scope
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

__all__ = ["Interpreter"]

# Calls nest in Python's own stack here, ten frames and more for each.
_MOST_CALLS_DEEP = 15
# Decorators that leave the result of a function as it is.
_CACHES = frozenset({"functools.cache", "functools.lru_cache"})


class _Break(Exception):  # noqa: N818  (control flow)
    """`break`, on the way to its loop."""

    pass


class _Continue(Exception):  # noqa: N818  (control flow)
    """`continue`, on the way to its loop."""

    pass


class _Return(Exception):  # noqa: N818  (control flow)
    """`return`, with its value, on the way to the call."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Interpreter(DefinitionReader):
    """Reads modules, class bodies and calls of functions, statement by statement.

    `defined_twice` has the lines of each class or function that branches define more than once.
    """

    def __init__(self, context: Context) -> None:
        """`_loops` and `_in_try` count the loops and `try` statements around the current statement."""
        super().__init__(context)
        self.defined_twice: dict[str, list[int]] = {}
        self._loops = 0
        self._in_try = 0

    def read_module(self, tree: ast.Module, *, file: str, path: Path) -> Namespace:
        """The names of a module with their values. `file` is its name in messages.

        Nothing is raised for single statements.
        """
        scope = Namespace(file=file, path=path)
        self._modules[path] = scope
        self._run(tree.body, scope, is_sure=False)
        return scope

    def read_class_body(self, node: ast.ClassDef, body: Namespace) -> None:
        """Binds the names of a class body."""
        depth, self._depth = self._depth, max(self._depth, 1)
        try:
            self._run(node.body, body, is_sure=False)
        except (_Break, _Continue, _Return):
            # Python does not compile a class body with one of these.
            pass
        finally:
            self._depth = depth

    def call_function(
        self, function: FunctionValue, arguments: list[Any], keywords: dict[str, Any], node: ast.Call, scope: Namespace
    ) -> Any:
        """The result of a function of the file: its body is read with the arguments in place. Raises NotUnderstood.

        None is the result of a function without `return`. A decorator other than a cache can return anything, so such a
        function is not understood; neither is a coroutine.
        """
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
        """Binds the parameters of a function in the scope of its call.

        Raises NotUnderstood if the arguments do not fit.
        """
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
        """Reads statements in order.

        With `is_sure` a statement that is not understood raises its reason, because its result is needed. A statement
        in a loop raises it as well if it holds a `break` or the like, because the statements after it may or may not
        run.
        """
        for statement in statements:
            if scope.outer is None and not self._depth and not self._loops:
                # Each statement of a module has its own limit of steps.
                self.context.steps_before += self.context.steps
                self.context.steps = 0
            try:
                self._read(statement, scope, is_sure=is_sure)
            except OperationRefused as refused:
                reason = self._reason(statement, scope, f"{refused} cannot be worked out")
                if is_sure or (self._loops and _leaves(statement)):
                    raise reason from refused
                self._mark_uncertain(statement, scope, reason)
            except NotUnderstood as reason:
                if is_sure or (self._loops and _leaves(statement)):
                    raise
                self._mark_uncertain(statement, scope, reason)
            except (_Break, _Continue, _Return):
                if scope.outer is None and not self._depth and not self._loops:
                    return
                raise

    def _read(self, statement: ast.stmt, scope: Namespace, *, is_sure: bool) -> None:
        """Reads one statement: definitions, branches and assignments here, all others in `_read_simple`.

        Raises NotUnderstood, OperationRefused. A `raise` outside of functions and `try` is passed over.
        """
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
        """Reads a statement without statements in it. Raises NotUnderstood for kinds that are not worked out.

        An `assert` is passed over: a file whose assertion fails is no app that runs.
        """
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
        """Binds the targets of an assignment.

        An unknown value makes them unknown, and what its expression may have changed too.
        """
        given = self.value(value, scope) if is_sure else self.value_or_opaque(value, scope)
        for target in targets:
            self.assign(target, given, scope)
        if isinstance(given, Opaque):
            self._mark_uncertain(ast.Expr(value=value), scope, given.reason)

    def _with(self, statement: ast.With, scope: Namespace, *, is_sure: bool) -> None:
        """Reads a `with`, where `as` gives the opened value itself: files are the only ones that are understood."""
        for item in statement.items:
            opened = self.value(item.context_expr, scope)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, opened, scope)
        self._run(statement.body, scope, is_sure=is_sure)

    def _augment(self, statement: ast.AugAssign, scope: Namespace) -> None:
        """`target += value` and the like.

        A list is extended in place, so other names of the list see it, as in Python.
        """
        target = statement.target
        loaded: ast.expr = ast.copy_location(as_load(target), target)
        old = self.value(loaded, scope)
        added = self.value(statement.value, scope)
        if isinstance(old, ListValue) and isinstance(statement.op, ast.Add):
            old.extend(self.iterate(added, statement.value, scope))
            return
        self.assign(target, self.operate(type(statement.op), old, added, statement, scope), scope)

    def _delete(self, target: ast.expr, scope: Namespace) -> None:
        """`del name`.

        The name becomes unknown instead of unbound, so that a later use of it reports this line.
        """
        if isinstance(target, ast.Name):
            scope.bind(target.id, Opaque(reason=self._reason(target, scope, "it is deleted")))
        else:
            self.fail(target, scope, "a deletion like that is not worked out")

    def _loop(self, statement: ast.For | ast.While, scope: Namespace, *, is_sure: bool) -> None:
        """Reads a loop with its `else`. Each round counts as a step."""
        self._loops += 1
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
            self._loops -= 1

    def _loop_rounds(self, statement: ast.For | ast.While, scope: Namespace) -> Iterator[None]:
        """Yields once for each round, with the target of a `for` bound."""
        if isinstance(statement, ast.While):
            while self.is_true(statement.test, scope):
                yield
            return
        for item in self.each(self.value(statement.iter, scope), statement.iter, scope):
            self.assign(statement.target, item, scope)
            yield

    def _try(self, statement: ast.Try, scope: Namespace, *, is_sure: bool) -> None:
        """Reads a `try`. If its body may fail, everything that its body and handlers change becomes uncertain.

        Whether an import works, and whether something that is not understood fails, is known at run time alone.
        """
        uncertain = next(self._uncertain_imports(statement.body), None)
        if uncertain is not None and is_sure:
            self.fail(uncertain, scope, "whether it can be imported is known at run time alone")
        failures, target_failures = self.context.failures, self.context.target_failures
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
            # With a target nothing in it may fail, so the reason goes away.
            reason.needs_target = uncertain is None and self.context.target_failures > target_failures
            self._mark_try(statement, scope, reason)
        self._run(statement.finalbody, scope, is_sure=is_sure)

    def _mark_try(self, statement: ast.Try, scope: Namespace, reason: NotUnderstood) -> None:
        """Marks what a `try` may have changed, whose body may have ended early.

        Names that its body imports and defines stay known unless a handler binds them too.
        """
        known = frozenset(scope.names)
        for one in (*statement.body, *statement.orelse):
            if not isinstance(one, ast.Import | ast.ImportFrom | ast.ClassDef | ast.FunctionDef):
                self._mark_uncertain(one, scope, reason)
        for handler in statement.handlers:
            self._mark_uncertain(handler, scope, reason, only=known)
            self._define_in(handler.body, scope, known=known)

    def _uncertain_imports(self, statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
        """The imports that may fail: those of modules that are neither Python's own nor always installed.

        Imports inside of functions count too, since the body may call them.
        """
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
        """Defines the classes and functions of a branch that may not be taken, so that they can be named as an app.

        Two definitions of one name are noted, because the branch decides between them. Names in `known` stay as they
        are.
        """
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
    """Whether a statement holds a `break`, `continue` or `return`, which decides about the statements after it."""
    return any(isinstance(node, ast.Break | ast.Continue | ast.Return) for node in walk_same_scope(statement))
