"""The values of expressions, worked out from the syntax tree: no code of the app is imported, compiled or run.

In: an expression, the names in scope, and the `Context`: the target as far as it is known, the variables that may be
read, the files of the repository. Out: the value, or `NotUnderstood` with the innermost expression that is not
understood.

This is the first of a chain of classes, one chapter each, and each adds one more kind of syntax: `ExpressionReader`,
`DisplayReader` (lists and comprehensions), `CallReader`, `UncertaintyTracker` and `DefinitionReader`, `Interpreter`
(statements). Methods that a later chapter supplies are abstract here.
"""

from __future__ import annotations

import ast
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, NoReturn

from lockfiles._values import dataclass
from resolver.sources.apps.interpreter.files import AppFiles
from resolver.sources.apps.interpreter.operations import (
    OperationRefused,
    apply_comparison,
    apply_operator,
    fill_template,
    has_variables,
    iterate,
    join_parts,
    split_parts,
)
from resolver.sources.apps.interpreter.values import (
    AppTarget,
    BoundMethod,
    Builtin,
    ClassValue,
    Container,
    EnvironmentText,
    EnvironmentVariable,
    FileLine,
    FunctionValue,
    Imported,
    ListValue,
    Namespace,
    NotUnderstood,
    OnceValue,
    Opaque,
    PlacedText,
    VersionInfo,
    linearize,
    quote,
)

__all__ = ["Context", "ExpressionReader"]

# No statement of the recorded apps (tests/data/apps) takes more than 81 steps. The limits end loops that run away.
_MOST_STEPS = 20_000
_MOST_STEPS_OF_A_FILE = 1_000_000

# `%(name)s` of a template: any other conversion could change a variable. A text, which `re` compiles when it is needed.
_NAMED_PERCENT = r"(?<!%)%\((\w+)\)s"

# The names of Python itself that are understood; all others are unknown.
_BUILTINS = frozenset(
    {"all", "any", "bool", "dict", "enumerate", "filter", "float", "frozenset", "int", "isinstance", "len", "list"}
    | {"map", "max", "min", "open", "print", "range", "repr", "reversed", "set", "sorted", "str", "sum", "tuple", "zip"}
)


@dataclass(slots=True, kw_only=True)
class Context:
    """The facts that hold while a file is read for one target, and counters.

    - `target` is None while it is not known: a value that depends on it is then not understood.
    - `environment` are the names that `[tool.pinfold] environment` allows, `variables` the values of those that are
      set.
    - `installed` are packages that the app can always import, besides the standard library.
    - `steps` counts the work on the current statement, `steps_before` that on the statements before it.
    - `failures` counts expressions that were not understood, `target_failures` those of them that only lack the target.
    """

    files: AppFiles
    target: AppTarget | None = None
    environment: frozenset[str] = frozenset()
    variables: Mapping[str, str]
    installed: frozenset[str] = frozenset()
    steps: int = 0
    steps_before: int = 0
    failures: int = 0
    target_failures: int = 0


class ExpressionReader(ABC):
    """Reads expressions. A part that is not understood makes the whole unknown, except an item of a list."""

    def __init__(self, context: Context) -> None:
        """`context` is shared by all modules that are read for one target."""
        self.context = context

    def value(self, node: ast.expr, scope: Namespace) -> Any:
        """The value of an expression. Raises NotUnderstood.

        Every node counts as a step; beyond the limit the expression is not understood.
        """
        self.context.steps += 1
        if self.context.steps > min(_MOST_STEPS, _MOST_STEPS_OF_A_FILE - self.context.steps_before):
            self.fail(node, scope, "working it out takes too many steps")
        reader = _READERS.get(type(node))
        if reader is None:
            self.fail(node, scope, "such an expression is not worked out")
        try:
            return self.usable(getattr(self, reader)(node, scope))
        except OperationRefused as refused:
            self.fail(node, scope, f"{refused} cannot be worked out", refused=refused)

    def value_or_opaque(self, node: ast.expr, scope: Namespace) -> Any:
        """The value of an expression, or an Opaque with the reason why there is none."""
        try:
            return self.value(node, scope)
        except NotUnderstood as reason:
            return Opaque(reason=reason)

    def usable(self, value: Any) -> Any:
        """The value itself. Raises its reason if it is unknown or uncertain."""
        if isinstance(value, Opaque):
            raise value.reason
        if isinstance(value, Container) and value.uncertainty is not None:
            raise value.uncertainty
        return value

    def known(self, value: Any, node: ast.expr, scope: Namespace) -> Any:
        """The value with variables of the environment resolved.

        Raises NotUnderstood for a variable that the settings do not name or that is not set, and for an imported name,
        whose module is not read. None is the value of a single variable that is not set and has None as default.
        """
        if isinstance(value, Imported):
            self.fail(node, scope, f"`{value.shown}` is not read here")
        if not isinstance(value, EnvironmentText):
            return value
        for variable in value.variables:
            if variable.name not in self.context.environment:
                self.fail(
                    node,
                    scope,
                    f"`{variable.name}` is read from the environment, which no lock may depend on unasked",
                    remedy=f'`environment = ["{variable.name}"]` in [tool.pinfold]',
                )
        parts = [self._look_up(part, node, scope) for part in value.parts]
        if len(parts) == 1 and parts[0] is None:
            return None
        return PlacedText("".join(map(str, parts)), value.place)

    def whole(self, value: Any, node: ast.expr, scope: Namespace) -> Any:
        """The value with its variables resolved and all items of a list known. Raises NotUnderstood."""
        value = self.known(value, node, scope)
        for item in value if isinstance(value, list | tuple | set) else ():
            self.known(self.usable(item), node, scope)
        return value

    def is_true(self, node: ast.expr, scope: Namespace) -> bool:
        """Whether an expression is true. Raises NotUnderstood."""
        return self.counts_as_true(self.value(node, scope), node, scope)

    def counts_as_true(self, value: Any, node: ast.expr, scope: Namespace) -> bool:
        """Whether a value is true. Raises NotUnderstood.

        Modules, functions and classes are true; a name of a module that is not read can be anything.
        """
        if not isinstance(value, Imported):
            value = self.known(value, node, scope)
        if isinstance(value, Imported | FunctionValue | ClassValue | Builtin | BoundMethod):
            if isinstance(value, Imported) and value.name:
                self.fail(node, scope, f"`{value.shown}` is not read here")
            return True
        return bool(value)

    @abstractmethod
    def call(self, node: ast.Call, scope: Namespace) -> Any:
        """The value of a call (see `CallReader`). Raises NotUnderstood, OperationRefused."""

    @abstractmethod
    def imported(self, value: Imported, node: ast.expr, scope: Namespace) -> Any:
        """The value of an imported name (see `DefinitionReader`). Raises NotUnderstood."""

    @abstractmethod
    def assign(self, target: ast.expr, value: Any, scope: Namespace) -> None:
        """Assigns a value to a target (see `DisplayReader`). Raises NotUnderstood, OperationRefused."""

    def fail(
        self,
        node: ast.AST,
        scope: Namespace,
        why: str,
        *,
        remedy: str = "",
        needs_target: bool = False,
        refused: OperationRefused | None = None,
    ) -> NoReturn:
        """Raises NotUnderstood for a node and counts the failure.

        `refused` is the operation that was not carried out, if any.
        """
        self.context.failures += 1
        self.context.target_failures += needs_target
        place = self.place(node, scope)
        raise NotUnderstood(place, quote(node), why, remedy=remedy, needs_target=needs_target) from refused

    def place(self, node: ast.AST, scope: Namespace) -> FileLine:
        """The line of a node."""
        return FileLine(file=scope.file, line=getattr(node, "lineno", 1))

    def target(self, node: ast.AST, scope: Namespace) -> AppTarget:
        """The target. Raises NotUnderstood while it is not known, with `needs_target` set."""
        if self.context.target is None:
            self.fail(node, scope, "it depends on the target", needs_target=True)
        return self.context.target

    def iterate(self, value: Any, node: ast.expr, scope: Namespace) -> list[Any]:
        """The items of a loop, in order. A generator can be gone through once.

        Raises NotUnderstood, and OperationRefused for a value without items. Each item counts as a step.
        """
        if isinstance(value, OnceValue):
            if value.is_used:
                self.fail(node, scope, "it has been gone through before, and gives nothing more")
            value.is_used = True
        items = iterate(self.known(value, node, scope))
        self.context.steps += len(items)
        return items

    def each(self, value: Any, node: ast.expr, scope: Namespace) -> Iterator[Any]:
        """The items of a loop one by one. As in Python, a list that the loop changes is seen as it is by then."""
        if not isinstance(value, ListValue) or isinstance(value, OnceValue):
            yield from self.iterate(value, node, scope)
            return
        # The length is read anew in each round, since the loop may have changed the list or made it uncertain.
        place = 0
        while place < len(self.usable(value)):
            self.context.steps += 1
            if self.context.steps > _MOST_STEPS:
                self.fail(node, scope, "working it out takes too many steps")
            yield value[place]
            place += 1

    def _look_up(self, part: str | EnvironmentVariable, node: ast.expr, scope: Namespace) -> Any:
        """A part of a text, with a variable as its value or else its default.

        A default may itself be a text with variables.
        """
        if isinstance(part, str):
            return part
        found = self.context.variables.get(part.name)
        if found is not None:
            return found
        if not part.has_default:
            self.fail(node, scope, f"`{part.name}` is not set in the environment")
        return self.known(part.default, node, scope)

    def _constant(self, node: ast.Constant, scope: Namespace) -> Any:
        """A text with its line, a number, a truth value or None. Bytes and `...` are not understood."""
        if isinstance(node.value, str):
            return PlacedText(node.value, self.place(node, scope))
        if node.value is None or isinstance(node.value, bool | int | float):
            return node.value
        return self.fail(node, scope, "it is no text, number or truth value")

    def _name(self, node: ast.Name, scope: Namespace) -> Any:
        """The value of a name. `__file__` and `__name__` are those of the module that contains the expression."""
        try:
            found = scope.find(node.id)
        except KeyError:
            if node.id == "__file__":
                return PlacedText(self._own_path(scope), self.place(node, scope))
            if node.id == "__name__":
                # As under `--evaluate`: the program of a file does not run.
                return "<run_path>"
            if node.id in _BUILTINS:
                return Builtin(name=node.id)
            self.fail(node, scope, "nothing that is read here gives it a value")
        return self.imported(found, node, scope) if isinstance(found, Imported) else found

    def _own_path(self, scope: Namespace) -> str:
        """The path of the module that contains the expression."""
        return str(self.context.files.path if scope.module.path is None else scope.module.path)

    def _reason(self, node: ast.AST, scope: Namespace, why: str) -> NotUnderstood:
        """A reason for a node, counted as a failure, for a caller that stores it instead of raising it."""
        self.context.failures += 1
        return NotUnderstood(self.place(node, scope), quote(node), why)

    def _binary(self, node: ast.BinOp, scope: Namespace) -> Any:
        """`left + right` and the like."""
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        return self.operate(type(node.op), left, right, node, scope)

    def operate(self, kind: type[ast.operator], left: Any, right: Any, node: ast.AST, scope: Namespace) -> Any:
        """The result of an operator, with variables of the environment kept in texts. Raises OperationRefused.

        A text has the line of its left part, so that a message leads to the beginning of the item.
        """
        place = left.place if isinstance(left, PlacedText | EnvironmentText) else self.place(node, scope)
        # Joining texts needs no value of a variable.
        both = (left, right)
        if kind is ast.Add and has_variables(both) and all(isinstance(one, str | EnvironmentText) for one in both):
            return join_parts([part for one in (left, right) for part in split_parts(one)], place)
        if kind is ast.Mod and isinstance(left, str):
            left, right = self._fill_by_name(str(left), right, node, scope)
        values = right if isinstance(right, tuple) else (right,)
        if kind is ast.Mod and isinstance(left, str) and has_variables(values):
            filled = fill_template(
                left, values, lambda marked: apply_operator(kind, str(left), tuple(marked)), is_percent=True
            )
            return join_parts(filled, place)
        # An augmented assignment is a statement, which is no expression to report: only its line is used.
        expression = node if isinstance(node, ast.expr) else ast.Constant(value=None)
        result = apply_operator(kind, self.known(left, expression, scope), self.known(right, expression, scope))
        return PlacedText(result, place) if isinstance(result, str) else result

    def _fill_by_name(self, template: str, values: Any, node: ast.AST, scope: Namespace) -> tuple[str, Any]:
        """A template of `%(name)s` and its values as one of `%s`, where a variable is among the values.

        `values` are a dict, or `os.environ`; all others stay as they are.
        """
        names = re.findall(_NAMED_PERCENT, template)
        if isinstance(values, Imported) and values.dotted == "os.environ":
            place = self.place(node, scope)
            values = {one: EnvironmentText(parts=(EnvironmentVariable(name=one),), place=place) for one in names}
        if not names or not isinstance(values, dict) or not has_variables(values.values()):
            return template, values
        if not all(name in values for name in names):
            raise OperationRefused("a format with a name that has no value")
        return re.sub(_NAMED_PERCENT, "%s", template), tuple(values[name] for name in names)

    def _boolean(self, node: ast.BoolOp, scope: Namespace) -> Any:
        """`and`, `or`: the first operand that decides. Those after it are not read.

        Like Python it gives the operand itself, not its truth value.
        """
        wanted = isinstance(node.op, ast.Or)
        for operand in node.values[:-1]:
            value = self.value(operand, scope)
            if self.counts_as_true(value, operand, scope) is wanted:
                return value
        return self.value(node.values[-1], scope)

    def _unary(self, node: ast.UnaryOp, scope: Namespace) -> Any:
        """`not` of any value, and the sign of a number."""
        if isinstance(node.op, ast.Not):
            return not self.is_true(node.operand, scope)
        value = self.value(node.operand, scope)
        if isinstance(value, int | float) and isinstance(node.op, ast.USub | ast.UAdd):
            return -value if isinstance(node.op, ast.USub) else +value
        return self.fail(node, scope, "it is no number")

    def _compare(self, node: ast.Compare, scope: Namespace) -> bool:
        """A chain of comparisons, up to the first that is false.

        Both sides must be known with all their items.
        """
        left_node: ast.expr = node.left
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            left = self.whole(self.value(left_node, scope), left_node, scope)
            right = self.value(right_node, scope)
            # `"NAME" in os.environ` is the one comparison with a value that is never resolved.
            if (
                isinstance(right, Imported)
                and right.dotted == "os.environ"
                and isinstance(operator, ast.In | ast.NotIn)
            ):
                found = self._is_set(left, node, scope) is isinstance(operator, ast.In)
            else:
                found = apply_comparison(type(operator), left, self.whole(right, right_node, scope))
            if not found:
                return False
            left_node = right_node
        return True

    def _is_set(self, name: Any, node: ast.expr, scope: Namespace) -> bool:
        """Whether a variable that the settings name is set."""
        variable = EnvironmentVariable(name=str(name), has_default=True)
        place = self.place(node, scope)
        return self.known(EnvironmentText(parts=(variable,), place=place), node, scope) is not None

    def _conditional(self, node: ast.IfExp, scope: Namespace) -> Any:
        """The branch of `a if test else b` that the test chooses. The other one is not read."""
        return self.value(node.body if self.is_true(node.test, scope) else node.orelse, scope)

    def _subscript(self, node: ast.Subscript, scope: Namespace) -> Any:
        """An item or slice of a value, or a variable of `os.environ`."""
        owner = self.value(node.value, scope)
        if isinstance(owner, Imported) and owner.dotted == "os.environ":
            name = self.known(self.value(node.slice, scope), node.slice, scope)
            return self.variable(EnvironmentVariable(name=str(name)), node, scope)
        if isinstance(owner, Imported | Builtin | ClassValue):
            # `list[str]` in an annotation, or a generic base class: the type without its parameters.
            return owner
        owner = owner if isinstance(owner, dict) else self.whole(owner, node.value, scope)
        if not isinstance(owner, str | list | tuple | dict):
            self.fail(node, scope, "nothing can be looked up in it")
        key = self._key(node.slice, scope)
        try:
            found = (str(owner) if isinstance(owner, str) else owner)[key]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            self.fail(node, scope, f"it raises {type(error).__name__}")
        # A piece of a text keeps its line; a slice of a list becomes a list that can be marked as uncertain.
        if isinstance(found, str) and isinstance(owner, PlacedText):
            return PlacedText(found, owner.place)
        return ListValue(found) if type(found) is list else found

    def _key(self, node: ast.expr, scope: Namespace) -> Any:
        """The key of a subscript, or the slice.

        A variable of the environment as key is resolved, which the settings must allow.
        """
        if not isinstance(node, ast.Slice):
            return self.known(self.value(node, scope), node, scope)
        bounds = (None if one is None else self.value(one, scope) for one in (node.lower, node.upper, node.step))
        return slice(*bounds)

    def _attribute(self, node: ast.Attribute, scope: Namespace) -> Any:
        """An attribute: of a module, a class of the file, a version, a path; or a method of a plain value."""
        owner = self.value(node.value, scope)
        if isinstance(owner, Imported):
            found = self.imported(Imported(module=owner.dotted, name=node.attr), node, scope)
            # Whether the module has such an attribute is not known, so inside a `try` its handler may run.
            self.context.failures += isinstance(found, Imported)
            return found
        # `str.strip`, for `map`.
        if isinstance(owner, Builtin) and owner.name == "str":
            return Imported(module="builtins.str", name=node.attr)
        if isinstance(owner, ClassValue):
            return self.find_attribute(owner, node.attr, node, scope)
        if isinstance(owner, VersionInfo) and node.attr in VersionInfo._fields:
            return getattr(owner, node.attr)
        if isinstance(owner, PurePath) and node.attr in ("name", "parent", "parents", "stem", "suffix"):
            found = getattr(owner, node.attr)
            return tuple(found) if node.attr == "parents" else found
        if isinstance(owner, EnvironmentText | str | list | tuple | dict | set | PurePath):
            return BoundMethod(owner=owner, name=node.attr)
        return self.fail(node, scope, "such an attribute is not worked out")

    def find_attribute(self, owner: ClassValue, name: str, node: ast.AST, scope: Namespace) -> Any:
        """An attribute of a class of the file, its own or that of a base. Raises NotUnderstood."""
        for one in linearize(owner):
            if name in one.attributes:
                return one.attributes[name]
        return self.fail(node, scope, "nothing that is read here gives it a value")

    def variable(self, variable: EnvironmentVariable, node: ast.expr, scope: Namespace) -> Any:
        """A variable of the environment as a text that consists of it."""
        return EnvironmentText(parts=(variable,), place=self.place(node, scope))

    def _lambda(self, node: ast.Lambda, scope: Namespace) -> FunctionValue:
        """A function without a name. Its body is read when it is called."""
        return FunctionValue(node=node, scope=scope)


# The method for each node, by name: later chapters define some of them.
_READERS: dict[type[ast.expr], str] = {
    ast.Constant: "_constant",
    ast.Name: "_name",
    ast.List: "_list",
    ast.Tuple: "_tuple",
    ast.Set: "_set",
    ast.Dict: "_dict",
    ast.JoinedStr: "_joined",
    ast.FormattedValue: "_formatted",
    ast.BinOp: "_binary",
    ast.BoolOp: "_boolean",
    ast.UnaryOp: "_unary",
    ast.Compare: "_compare",
    ast.IfExp: "_conditional",
    ast.Subscript: "_subscript",
    ast.Attribute: "_attribute",
    ast.Call: "call",
    ast.ListComp: "_comprehend",
    ast.GeneratorExp: "_comprehend",
    ast.SetComp: "_comprehend_set",
    ast.DictComp: "_comprehend_dict",
    ast.NamedExpr: "_named",
    ast.Lambda: "_lambda",
}
