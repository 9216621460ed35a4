"""The values of lists, tuples, sets, dicts, f-strings and comprehensions, and assignments to their parts.

In: an expression (Python: displays and comprehensions) and the names in scope. Out: its value. An item of a list that
is not understood is an `Opaque`, so the other items are still known and all faults of a list are reported together.

A class of its own between `ExpressionReader`, which gives the values of single expressions, and `CallReader`:
comprehensions assign, and so do statements, through the same `assign`.
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
    """Reads displays and comprehensions, and assigns values to targets."""

    def _list(self, node: ast.List, scope: Namespace) -> ListValue | LockedList:
        """A list display.

        `[*lockfiles.requirements(…)]` alone is still the list of a lock, which must not be read here.
        """
        match node.elts:
            case [ast.Starred(value=only)] if isinstance(locked := self.value_or_opaque(only, scope), LockedList):
                return locked
        return ListValue(self._elements(node.elts, scope))

    def _tuple(self, node: ast.Tuple, scope: Namespace) -> tuple[Any, ...]:
        """A tuple display, with unknown items as Opaque values."""
        return tuple(self._elements(node.elts, scope))

    def _set(self, node: ast.Set, scope: Namespace) -> SetValue:
        """A set display, whose items must be known: an unknown one may be equal to another."""
        elements = [self.known(self.usable(one), node, scope) for one in self._elements(node.elts, scope)]
        try:
            return SetValue(elements)
        except TypeError:
            self.fail(node, scope, "a set of such values does not exist")

    def _elements(self, nodes: list[ast.expr], scope: Namespace) -> Iterator[Any]:
        """The items of a display in order, those behind `*` in place. One that is not understood is an Opaque.

        An unknown value behind `*` is one Opaque, because its number of items is unknown too.
        """
        for node in nodes:
            if isinstance(node, ast.Starred):
                # The items of a known value, or one Opaque in their place.
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
        """The item with its line in the display, even if its text was written elsewhere.

        Lines of a file keep their own: a message about a requirement names the file that it is read from.
        """
        if isinstance(value, PlacedText) and not isinstance(value, FileText):
            return PlacedText(value, place)
        if isinstance(value, EnvironmentText):
            return EnvironmentText(parts=value.parts, place=place)
        return value

    def _dict(self, node: ast.Dict, scope: Namespace) -> DictValue:
        """A dict display. A value may be unknown, a key may not."""
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
        """An f-string, with its variables as parts."""
        place = self.place(node, scope)
        parts: list[str | EnvironmentVariable] = []
        for piece in node.values:
            value = self.value(piece, scope)
            parts += value.parts if isinstance(value, EnvironmentText) else (str(value),)
        return join_parts(parts, place)

    def _formatted(self, node: ast.FormattedValue, scope: Namespace) -> Any:
        """One `{…}` of an f-string. A variable stays one if nothing is done to it; a format needs its value."""
        specification = "" if node.format_spec is None else self.value(node.format_spec, scope)
        value = self.value(node.value, scope)
        if isinstance(value, EnvironmentText) and not specification and node.conversion in (-1, ord("s")):
            return value
        return format_value(self.known(value, node.value, scope), node.conversion, str(specification))

    def _comprehend(self, node: ast.ListComp | ast.GeneratorExp, scope: Namespace) -> ListValue:
        """A list comprehension or generator, with unknown items as Opaque values.

        New texts have the line of the element.
        """
        place = self.place(node.elt, scope)
        found = OnceValue() if isinstance(node, ast.GeneratorExp) else ListValue()
        for inner in self._rounds(node.generators, scope):
            value = self.value_or_opaque(node.elt, inner)
            if isinstance(value, str) and not isinstance(value, PlacedText):
                value = PlacedText(value, place)
            found.append(value)
        return found

    def _comprehend_set(self, node: ast.SetComp, scope: Namespace) -> SetValue:
        """A set comprehension, whose items must be known."""
        return SetValue(
            self.known(self.value(node.elt, inner), node.elt, inner) for inner in self._rounds(node.generators, scope)
        )

    def _comprehend_dict(self, node: ast.DictComp, scope: Namespace) -> DictValue:
        """A dict comprehension, whose keys and values must be known."""
        return DictValue(
            {
                self.known(self.value(node.key, inner), node.key, inner): self.value(node.value, inner)
                for inner in self._rounds(node.generators, scope)
            }
        )

    def _rounds(self, generators: list[ast.comprehension], scope: Namespace) -> Iterator[Namespace]:
        """A scope for each round of the loops of a comprehension, with the names of its targets.

        The first generator is the outermost loop. Conditions must be known, because they decide how many items there
        are.
        """
        if not generators:
            yield scope
            return
        first, *others = generators
        if first.is_async:
            self.fail(first.iter, scope, "such a loop is not worked out")
        for item in self.each(self.value(first.iter, scope), first.iter, scope):
            # Each round counts, also one whose condition is false.
            self.context.steps += 1
            inner = Namespace(file=scope.file, outer=scope)
            self.assign(first.target, item, inner)
            if all(self.is_true(test, inner) for test in first.ifs):
                yield from self._rounds(others, inner)

    def assign(self, target: ast.expr, value: Any, scope: Namespace) -> None:
        """Assigns a value to a target: a name, several names, an item or an attribute of a class of the file.

        Raises NotUnderstood for a target that is not worked out, and OperationRefused for a value without items.
        """
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
        """`name := value`."""
        value = self.value(node.value, scope)
        self.assign(node.target, value, scope)
        return value
