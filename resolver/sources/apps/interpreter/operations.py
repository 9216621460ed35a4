"""What Python's own operators, methods and formats give for plain values, with a limit to the size of each result.

In: values that are known. Out: values, or `OperationRefused` with the reason. Nothing here can run code of the app:
each method is one of a short list, called on a value of exactly the types that it is listed for, and formats may not
look into a value.

Texts may hold variables of the environment, which stay variables. Joining keeps them as parts; `%` and `.format` carry
each through the formatting as a mark, which must come out as it went in, so a width or a conversion is refused.

A module of its own, without syntax tree or scope, so that each operation can be tested on values alone.
"""

from __future__ import annotations

import ast
import operator
import re
import string
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath
from typing import Any

from lockfiles._values import compile_later
from resolver.sources.apps.interpreter.values import (
    DictValue,
    EnvironmentText,
    EnvironmentVariable,
    FileLine,
    FileText,
    ListValue,
    PlacedText,
    SetValue,
)

__all__ = [
    "LONGEST_LIST",
    "OperationRefused",
    "apply_comparison",
    "apply_operator",
    "call_method",
    "fill_template",
    "format_value",
    "has_variables",
    "iterate",
    "join_parts",
    "place_lines",
    "split_parts",
]


LONGEST_LIST = 5_000
"""No list of an app comes near it; a longer one is a loop that runs away."""

_LONGEST_TEXT = 100_000
# Far beyond any version or size, and far below a number that takes long to print.
_LARGEST_NUMBER = 10**18

# Widths and precisions are limited, because `{:9999999999}` would take all memory.
_FORMAT = compile_later(r"(?:.?[<>=^])?[+\- ]?#?0?\d{0,3}[,_]?(?:\.\d{1,2})?[a-zA-Z%]?")
# A conversion of `%`, with the same limits.
_PERCENT = compile_later(r"%(?:%|[-+ #0]*\d{0,3}(?:\.\d{1,2})?[sdiuxXof])")

# `%s` and `%%`, which change nothing about a value.
_PLAIN_PERCENT = compile_later(r"%[%s]")
# The mark of a variable while a template is filled: its number between characters of private use.
_MARK = compile_later("\ue000([0-9]+)\ue001")

# The methods that are carried out, by the type of their owner. None of them calls code of the app.
_TEXT_METHODS = frozenset(
    {"capitalize", "casefold", "count", "endswith", "find", "format", "isalpha", "isalnum", "isdecimal", "isdigit"}
    | {"isidentifier", "islower", "isnumeric", "isspace", "isupper", "join", "lower", "lstrip", "partition"}
    | {"removeprefix", "removesuffix", "replace", "rpartition", "rsplit", "rstrip", "split", "splitlines"}
    | {"startswith", "strip", "title", "upper", "zfill"}
)
_LIST_METHODS = frozenset(
    {"append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"}
)
_DICT_METHODS = frozenset({"copy", "get", "items", "keys", "pop", "setdefault", "update", "values"})
_SET_METHODS = frozenset({"add", "copy", "difference", "discard", "intersection", "issubset", "union", "update"})
# Pure ones: methods that read the disk are for `CallReader`.
_PATH_METHODS = frozenset({"as_posix", "joinpath", "with_name", "with_suffix"})

# Operators by their node, as functions of two values that are known.
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
    ast.Is: lambda left, right: left is right,
    ast.IsNot: lambda left, right: left is not right,
}
_SET_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.Sub: operator.sub,
}
_NUMBER_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
# The types that may be put into a text.
_SCALARS = (str, int, float, bool, type(None))


class OperationRefused(Exception):  # noqa: N818  (its catcher makes a finding of it, with a place)
    """An operation that is not carried out.

    Its text is the subject of a sentence: "a text that long" cannot be worked out.
    """


def apply_operator(kind: type[ast.operator], left: Any, right: Any) -> Any:
    """`left + right` and the like, for values without variables. Raises OperationRefused.

    The types decide, not the operator alone: what Python gives for other types may depend on code of the app.
    """
    match kind, left, right:
        case (ast.Add, str(), str()):
            return _checked(str(left) + str(right))
        case (ast.Add, list(), list()):
            return _checked(ListValue([*left, *right]))
        case (ast.Add, tuple(), tuple()):
            return _checked((*left, *right))
        case (ast.Mult, (str() | list() | tuple()), int()) | (ast.Mult, int(), (str() | list() | tuple())):
            return _repeat(left, right)
        case (ast.Mod, str(), _):
            return _format_percent(str(left), right)
        case (ast.Div, PurePath(), (str() | PurePath())) | (ast.Div, str(), PurePath()):
            return PurePath(left) / right if isinstance(left, str) else left / right
        case (ast.BitOr, dict(), dict()):
            return _checked(DictValue({**left, **right}))
        case ((ast.BitOr | ast.BitAnd | ast.Sub), (set() | frozenset()), (set() | frozenset())):
            return SetValue(_SET_OPERATORS[kind](left, right))
        case (_, (int() | float()), (int() | float())) if kind in _NUMBER_OPERATORS:
            return _calculate(kind, left, right)
        case _:
            raise OperationRefused(f"such an operation on {_name(left)} and {_name(right)}")


def apply_comparison(kind: type[ast.cmpop], left: Any, right: Any) -> bool:
    """`left == right`, `left in right` and the like. Raises OperationRefused where Python raises TypeError."""
    try:
        return bool(_COMPARISONS[kind](left, right))
    except (TypeError, RecursionError) as error:
        raise OperationRefused(f"{_name(left)} and {_name(right)} cannot be compared so") from error


def format_value(value: Any, conversion: int, specification: str) -> str:
    """The text of `{value!c:specification}` in an f-string. Raises OperationRefused.

    `conversion` is the code of the letter behind `!`, or -1 (`ast.FormattedValue.conversion`).
    """
    if not isinstance(value, (*_SCALARS, PurePath)):
        raise OperationRefused(f"{_name(value)} in a text")
    if not _FORMAT.fullmatch(specification):
        raise OperationRefused("a format like that")
    plain = str(value) if isinstance(value, str) else value
    # PEP 498: the conversion comes before the format.
    for code, convert in ((ord("s"), str), (ord("r"), repr), (ord("a"), ascii)):
        plain = convert(plain) if conversion == code else plain
    try:
        return _check_text(format(plain, specification))
    except (TypeError, ValueError, OverflowError) as error:
        raise OperationRefused("a format that does not fit") from error


def iterate(value: Any) -> list[Any]:
    """The items that a loop over the value gives, in order.

    Raises OperationRefused for a value without items, and for a set of texts, whose order differs from run to run.
    """
    match value:
        case FileText():
            return place_lines(value)
        case str():
            found: list[Any] = list(str(value))
        case list() | tuple() | dict():
            found = list(value)
        case range():
            found = list(value[: LONGEST_LIST + 1])
        case set() | frozenset():
            # Hashes of texts change with each process, those of numbers do not.
            if any(isinstance(one, str) for one in value) and len(value) > 1:
                raise OperationRefused("the order of a set of texts differs from run to run")
            found = sorted(value, key=repr)
        case _:
            raise OperationRefused(f"{_name(value)} is nothing to go through")
    _check_length(len(found))
    return found


def call_method(owner: Any, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """The result of a method of a plain value, which may change a list, dict or set in place.

    Raises OperationRefused for a method that is not listed for the type, and for one that would raise in Python.
    """
    allowed = _allowed_methods(owner)
    if name not in allowed:
        raise OperationRefused(f"`.{name}` of {_name(owner)}")
    if isinstance(owner, str):
        return _call_text_method(owner, name, arguments, keywords)
    # These two could run code of the app, or grow without a limit.
    if isinstance(owner, list) and name in ("extend", "sort"):
        return _call_list_method(owner, name, arguments, keywords)
    try:
        result = getattr(owner, name)(*arguments, **keywords)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise OperationRefused(f"it raises {type(error).__name__}") from error
    # The method may have made its owner too large.
    _checked(owner)
    # Views and new containers become ours, so that they can be marked as uncertain.
    if isinstance(owner, dict) and name in ("items", "keys", "values"):
        return ListValue(result)
    if isinstance(result, list) and not isinstance(result, ListValue):
        return ListValue(result)
    if isinstance(result, dict) and not isinstance(result, DictValue):
        return DictValue(result)
    return SetValue(result) if isinstance(result, set) and not isinstance(result, SetValue) else result


def place_lines(text: FileText) -> list[Any]:
    """The lines of a file with their places.

    They keep their line ends, as iterating over an open file does: apps strip them.
    """
    first = text.place
    lines = str(text).splitlines(keepends=True)
    return [PlacedText(line, FileLine(file=first.file, line=first.line + n)) for n, line in enumerate(lines)]


def join_parts(parts: list[str | EnvironmentVariable], place: FileLine) -> Any:
    """A text of parts: with variables an EnvironmentText, else a PlacedText. Raises OperationRefused."""
    if any(isinstance(part, EnvironmentVariable) for part in parts):
        return EnvironmentText(parts=tuple(parts), place=place)
    text = "".join(part for part in parts if isinstance(part, str))
    return PlacedText(_check_text(text), place)


def split_parts(value: str | EnvironmentText) -> tuple[str | EnvironmentVariable, ...]:
    """The parts of a text; a text without variables is one part."""
    return value.parts if isinstance(value, EnvironmentText) else (str(value),)


def has_variables(values: Iterable[Any]) -> bool:
    """Whether one of the values is a text with variables of the environment in it."""
    return any(isinstance(value, EnvironmentText) for value in values)


def fill_template(
    template: str, values: Sequence[Any], fill: Callable[[list[Any]], str], *, is_percent: bool
) -> list[str | EnvironmentVariable]:
    """The parts of the text that `fill` makes of a template and its values, some of which have variables.

    `fill` is called with a mark in place of each value with variables. `is_percent` is whether the template is one of
    `%` instead of `.format`. Raises OperationRefused for a template that could change a variable, and for texts that
    contain marks already.
    """
    if not (_is_plain_percent(template) if is_percent else _is_plain_format(template)):
        raise OperationRefused("a format that could change what the environment gives")
    variables = [value for value in values if isinstance(value, EnvironmentText)]
    # A text of the app with such a character would be taken for a mark.
    if any("\ue000" in text for text in (template, *(value for value in values if isinstance(value, str)))):
        raise OperationRefused("a text with characters of private use")
    numbers = iter(range(len(variables)))
    marked = [f"\ue000{next(numbers)}\ue001" if isinstance(value, EnvironmentText) else value for value in values]
    parts: list[str | EnvironmentVariable] = []
    for place, piece in enumerate(_MARK.split(fill(marked))):
        # Every second piece is the number of a mark.
        parts += variables[int(piece)].parts if place % 2 else [piece]
    return [part for part in parts if part != ""]


def _allowed_methods(owner: Any) -> frozenset[str]:
    """The names of the methods that are carried out for an owner of this type."""
    for kind, methods in (
        (str, _TEXT_METHODS),
        (list, _LIST_METHODS),
        (dict, _DICT_METHODS),
        (set, _SET_METHODS),
        (PurePath, _PATH_METHODS),
    ):
        if isinstance(owner, kind):
            return methods
    return frozenset({"count", "index"}) if isinstance(owner, tuple) else frozenset()


def _call_text_method(owner: str, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """A method of a text. Sizes are checked first, as the result of `replace`, `join` and `zfill` can be far larger.

    The result has the place of the text; pieces of a file have the line that they are in.
    """
    # A plain `str`, since methods of a subclass could return that subclass without its place.
    plain = str(owner)
    if name == "format":
        return _format(plain, arguments, keywords)
    if name == "join":
        pieces = iterate(arguments[0]) if len(arguments) == 1 else []
        # Items without a length are texts no more, and `join` raises TypeError for them.
        if sum(len(one) + len(plain) for one in pieces if isinstance(one, str)) > _LONGEST_TEXT:
            raise OperationRefused("a text that long")
        arguments = [pieces]
    if name == "replace" and len(arguments) > 1 and isinstance(arguments[1], str):
        _check_size(len(plain) + (len(plain) + 1) * len(arguments[1]))
    if name == "zfill" and not (arguments and isinstance(arguments[0], int) and arguments[0] <= 100):
        raise OperationRefused("a number that wide")
    try:
        result = getattr(plain, name)(*arguments, **keywords)
    except (TypeError, ValueError, OverflowError) as error:
        raise OperationRefused(f"it raises {type(error).__name__}") from error
    if isinstance(result, str):
        return type(owner)(result, owner.place) if isinstance(owner, PlacedText) else result
    if isinstance(result, list):
        return _checked(ListValue(_place_pieces(owner, result)))
    return result


def _place_pieces(owner: str, pieces: list[str]) -> list[Any]:
    """The pieces of a text with their lines if the text is a file's. Pieces are found one after the other."""
    if not isinstance(owner, PlacedText):
        return list(pieces)
    placed: list[Any] = []
    line, start = owner.place.line, 0
    for piece in pieces:
        found = owner.find(piece, start) if isinstance(owner, FileText) else -1
        if found >= 0:
            line += owner.count("\n", start, found)
            start = found
        placed.append(PlacedText(piece, FileLine(file=owner.place.file, line=line)))
    return placed


def _call_list_method(owner: list[Any], name: str, arguments: list[Any], keywords: dict[str, Any]) -> None:
    """`extend`, with a limit, and `sort` of texts without arguments.

    A `key` for `sort` would be code of the app. Raises OperationRefused for it.
    """
    if name == "extend" and len(arguments) == 1 and not keywords:
        added = iterate(arguments[0])
        _check_length(len(owner) + len(added))
        owner.extend(added)
    elif name == "sort" and not arguments and not keywords and all(isinstance(one, str) for one in owner):
        owner.sort()
    else:
        raise OperationRefused(f"`.{name}` with such arguments")


def _format(text: str, arguments: list[Any], keywords: dict[str, Any]) -> str:
    """`text.format(…)` with plain fields: `{0.__class__}` and `{0[key]}` would look into a value."""
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError as error:
        raise OperationRefused("a format that is none") from error
    for _, name, specification, _ in fields:
        if name is not None and not re.fullmatch(r"\w*", name):
            raise OperationRefused("a format that looks into a value")
        if not _FORMAT.fullmatch(specification or ""):
            raise OperationRefused("a format like that")
    values = [*arguments, *keywords.values()]
    if not all(isinstance(value, (*_SCALARS, PurePath)) for value in values):
        raise OperationRefused("a value that is no text or number")
    _check_size(sum(len(str(value)) for value in values) * max(1, len(fields)))
    try:
        return _check_text(text.format(*arguments, **keywords))
    except (IndexError, KeyError, ValueError, TypeError) as error:
        raise OperationRefused(f"it raises {type(error).__name__}") from error


def _format_percent(text: str, right: Any) -> str:
    """`text % right` for texts and numbers.

    A mapping on the right is refused, because `%(name)s` is no form that apps use.
    """
    if _PERCENT.sub("", text).count("%"):
        raise OperationRefused("a format like that")
    values = right if isinstance(right, tuple) else (right,)
    if not all(isinstance(value, _SCALARS) for value in values):
        raise OperationRefused("a value that is no text or number")
    _check_size(sum(len(str(value)) for value in values) + len(text))
    try:
        return _check_text(text % right)
    except (TypeError, ValueError, OverflowError) as error:
        raise OperationRefused(f"it raises {type(error).__name__}") from error


def _repeat(left: Any, right: Any) -> Any:
    """A text, list or tuple times a number, with the size checked before it is built.

    `[x] * n` gives a ListValue, so that a statement can mark it as uncertain.
    """
    value, times = (right, left) if isinstance(left, int) else (left, right)
    if isinstance(times, bool) or times > _LONGEST_TEXT:
        raise OperationRefused("a repetition that long")
    (_check_size if isinstance(value, str) else _check_length)(len(value) * times)
    if isinstance(value, str):
        return str(value) * times
    return ListValue(list(value) * times) if isinstance(value, list) else value * times


def _calculate(kind: type[ast.operator], left: float, right: float) -> float:
    """An operation on numbers. Powers and shifts are no operation here, because their results can be huge."""
    try:
        result: float = _NUMBER_OPERATORS[kind](left, right)
    except (ZeroDivisionError, OverflowError) as error:
        raise OperationRefused(f"it raises {type(error).__name__}") from error
    if abs(result) > _LARGEST_NUMBER:
        raise OperationRefused("a number that large")
    return result


def _checked(value: Any) -> Any:
    """The value itself. Raises OperationRefused if it is too large."""
    if isinstance(value, str):
        _check_size(len(value))
    elif isinstance(value, list | tuple | dict | set):
        _check_length(len(value))
    return value


def _check_text(text: str) -> str:
    """The text itself. Raises OperationRefused if it is too large."""
    _check_size(len(text))
    return text


def _check_size(length: int) -> None:
    """Raises OperationRefused for a text of this length."""
    if length > _LONGEST_TEXT:
        raise OperationRefused("a text that long")


def _check_length(length: int) -> None:
    """Raises OperationRefused for a list of this length."""
    if length > LONGEST_LIST:
        raise OperationRefused("a list that long")


def _name(value: Any) -> str:
    """The kind of a value in words, for messages.

    A truth value comes before a number, because Python's `bool` is an `int`.
    """
    for kind, word in (
        (type(None), "`None`"),
        (bool, "a truth value"),
        (str, "text"),
        ((int, float), "a number"),
        (list, "a list"),
        (tuple, "a tuple"),
        (dict, "a dict"),
        ((set, frozenset), "a set"),
        (PurePath, "a path"),
    ):
        if isinstance(value, kind):
            return word
    return "such a value"


def _is_plain_percent(template: str) -> bool:
    """Whether a template of `%` has no conversion but `%s`.

    A width would count the characters of the mark, not those of the variable.
    """
    return "%" not in _PLAIN_PERCENT.sub("", template)


def _is_plain_format(template: str) -> bool:
    """Whether no field of a template of `.format` has a format or a conversion.

    Raises OperationRefused for a template that Python cannot parse.
    """
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError as error:
        raise OperationRefused("a format that is none") from error
    return not any(specification or conversion for _, _, specification, conversion in fields)
