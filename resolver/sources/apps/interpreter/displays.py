"""The values of lists, tuples, sets, dicts and f-strings as they are written out, and of comprehensions.

An item of a list that is not understood is an Opaque: the others can still be told, and all faults of a list together.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from resolver.sources.apps.interpreter.expressions import ExpressionReader
from resolver.sources.apps.interpreter.operations import OperationRefused, format_value, join_parts
from resolver.sources.apps.interpreter.values import (
    ClassValue,
    DictValue,
    EnvironmentText,
    EnvironmentVariable,
    FileLine,
    FileText,
    ListValue,
    LockedList,
    Namespace,
    NotUnderstood,
    OnceValue,
    Opaque,
    PlacedText,
    SetValue,
)

__all__ = ["DisplayReader"]


class DisplayReader(ExpressionReader):
    """Reads lists, tuples, sets, dicts and f-strings (Python: displays)."""

    def _list(self, node: ast.List, scope: Namespace) -> ListValue | LockedList:
        match node.elts:
            case [ast.Starred(value=only)] if isinstance(locked := self.value_or_opaque(only, scope), LockedList):
                return locked
        return ListValue(self._elements(node.elts, scope))

    def _tuple(self, node: ast.Tuple, scope: Namespace) -> tuple[Any, ...]:
        return tuple(self._elements(node.elts, scope))

    def _set(self, node: ast.Set, scope: Namespace) -> SetValue:
        elements = [self.known(self.usable(one), node, scope) for one in self._elements(node.elts, scope)]
        try:
            return SetValue(elements)
        except TypeError:
            self.fail(node, scope, "a set of such values does not exist")

    def _elements(self, nodes: list[ast.expr], scope: Namespace) -> Iterator[Any]:
        """The items of a list display. One that is not understood is an Opaque: the others can still be told."""
        for node in nodes:
            if isinstance(node, ast.Starred):
                spread = self.value_or_opaque(node.value, scope)
                try:
                    yield from [spread] if isinstance(spread, Opaque) else self.iterate(spread, node.value, scope)
                except OperationRefused as refused:
                    yield Opaque(reason=self._reason(node, scope, f"{refused} cannot be worked out"))
                except NotUnderstood as reason:
                    yield Opaque(reason=reason)
            else:
                yield self._move(self.value_or_opaque(node, scope), self.place(node, scope))

    def _move(self, value: Any, place: FileLine) -> Any:
        """An item of a display stands where the display has it, wherever its text was written."""
        if isinstance(value, PlacedText) and not isinstance(value, FileText):
            return PlacedText(value, place)
        if isinstance(value, EnvironmentText):
            return EnvironmentText(parts=value.parts, place=place)
        return value

    def _dict(self, node: ast.Dict, scope: Namespace) -> DictValue:
        made = DictValue()
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                spread = self.value(value, scope)
                if not isinstance(spread, dict):
                    self.fail(value, scope, "it is no dict")
                made.update(spread)
                continue
            try:
                made[self.known(self.value(key, scope), key, scope)] = self.value_or_opaque(value, scope)
            except TypeError:
                self.fail(key, scope, "it cannot be a key")
        return made

    def _joined(self, node: ast.JoinedStr, scope: Namespace) -> Any:
        place = self.place(node, scope)
        parts: list[str | EnvironmentVariable] = []
        for piece in node.values:
            value = self.value(piece, scope)
            parts += value.parts if isinstance(value, EnvironmentText) else (str(value),)
        return join_parts(parts, place)

    def _formatted(self, node: ast.FormattedValue, scope: Namespace) -> Any:
        specification = "" if node.format_spec is None else self.value(node.format_spec, scope)
        value = self.value(node.value, scope)
        if isinstance(value, EnvironmentText) and not specification and node.conversion in (-1, ord("s")):
            return value
        return format_value(self.known(value, node.value, scope), node.conversion, str(specification))

    def _comprehend(self, node: ast.ListComp | ast.GeneratorExp, scope: Namespace) -> ListValue:
        place = self.place(node.elt, scope)
        found = OnceValue() if isinstance(node, ast.GeneratorExp) else ListValue()
        for inner in self._rounds(node.generators, scope):
            value = self.value_or_opaque(node.elt, inner)
            if isinstance(value, str) and not isinstance(value, PlacedText):
                value = PlacedText(value, place)
            found.append(value)
        return found

    def _comprehend_set(self, node: ast.SetComp, scope: Namespace) -> SetValue:
        return SetValue(
            self.known(self.value(node.elt, inner), node.elt, inner) for inner in self._rounds(node.generators, scope)
        )

    def _comprehend_dict(self, node: ast.DictComp, scope: Namespace) -> DictValue:
        return DictValue(
            {
                self.known(self.value(node.key, inner), node.key, inner): self.value(node.value, inner)
                for inner in self._rounds(node.generators, scope)
            }
        )

    def _rounds(self, generators: list[ast.comprehension], scope: Namespace) -> Iterator[Namespace]:
        """A scope for each round of the loops of a comprehension."""
        if not generators:
            yield scope
            return
        first, *others = generators
        if first.is_async:
            self.fail(first.iter, scope, "such a loop is not worked out")
        for item in self.each(self.value(first.iter, scope), first.iter, scope):
            self.context.steps += 1
            inner = Namespace(file=scope.file, outer=scope)
            self.assign(first.target, item, inner)
            if all(self.is_true(test, inner) for test in first.ifs):
                yield from self._rounds(others, inner)

    def assign(self, target: ast.expr, value: Any, scope: Namespace) -> None:
        """Gives the names of a target their values. Raises NotUnderstood, OperationRefused."""
        match target:
            case ast.Name(id=name):
                scope.bind(name, value)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                values = self.iterate(self.usable(value), target, scope)
                if any(isinstance(part, ast.Starred) for part in parts) or len(values) != len(parts):
                    self.fail(target, scope, "what it is given does not fit")
                for part, one in zip(parts, values, strict=True):
                    self.assign(part, one, scope)
            case ast.Subscript(value=owner_node, slice=key_node):
                owner, key = self.value(owner_node, scope), self._key(key_node, scope)
                if not isinstance(owner, ListValue | DictValue):
                    self.fail(target, scope, "it cannot be changed so")
                try:
                    owner[key] = self.iterate(value, target, scope) if isinstance(key, slice) else value
                except (IndexError, TypeError, ValueError) as error:
                    self.fail(target, scope, f"it raises {type(error).__name__}")
            case ast.Attribute(value=owner_node, attr=name):
                owner = self.value(owner_node, scope)
                if not isinstance(owner, ClassValue):
                    self.fail(target, scope, "it cannot be changed so")
                owner.attributes[name] = value
                owner.lines[name] = target.lineno
            case _:
                self.fail(target, scope, "it cannot be given a value so")

    def _named(self, node: ast.NamedExpr, scope: Namespace) -> Any:
        value = self.value(node.value, scope)
        self.assign(node.target, value, scope)
        return value
