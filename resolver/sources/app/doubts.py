"""What a statement that is not understood could have changed, so that nobody takes it for known.

That is: the names it gives a value, and the lists and dicts that it changes in place or hands to somebody.
"""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from resolver.sources.app.calls import CallReader, is_harmless
from resolver.sources.app.values import ClassValue, Container, FunctionValue, Namespace, NotUnderstood, Opaque

__all__ = ["UncertaintyTracker", "as_load", "walk_same_scope"]


class UncertaintyTracker(CallReader):
    """Marks values as uncertain that a statement which is not understood may have changed."""

    @abstractmethod
    def _define_in(self, statements: Iterable[ast.stmt], scope: Namespace, *, known: Iterable[str]) -> None:
        """Defines the classes and functions of a branch that may not be taken."""

    def _doubt(
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
                self._doubt_attribute(node, scope, reason)
            else:
                self._doubt_value(self._peek(node, scope), reason, seen)
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

    def _doubt_attribute(self, node: ast.Attribute, scope: Namespace, reason: NotUnderstood) -> None:
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
