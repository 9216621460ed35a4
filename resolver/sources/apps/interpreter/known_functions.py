"""The functions of Python itself that app files call, by their dotted names: each takes values and gives one.

In: values of arguments. Out: the value that Python would give, for the target instead of this machine. The first three
parameters of each function are the reader, the call and the scope, for those that need them.

Nothing here touches the disk except through the reader, and nothing runs code of the app except by interpreting it
(`map`, `filter`). A function that is not in the table is not understood. A module of its own because the table grows
with the apps that are read, and the reader of calls does not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any, Protocol

from resolver.sources.apps.interpreter.expressions import Context
from resolver.sources.apps.interpreter.operations import LONGEST_LIST, OperationRefused, apply_operator, join_parts
from resolver.sources.apps.interpreter.values import (
    AppTarget,
    Builtin,
    DictValue,
    EnvironmentText,
    EnvironmentVariable,
    FileLine,
    FileText,
    Imported,
    ListValue,
    LockedList,
    Namespace,
    OnceValue,
    PlacedText,
    SetValue,
    VersionInfo,
)

__all__ = ["FUNCTIONS", "KEEPS_VARIABLES", "PATHS", "find_known"]

PATHS = frozenset({"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath"})
"""Types whose instances are paths."""

# Python reads far longer texts as numbers, but no list has them.
_LONGEST_NUMBER = 18


class _FunctionContext(Protocol):
    """The parts of the reader of a call that these functions use: see `CallReader` for what each does."""

    context: Context

    def apply(self, function: Any, arguments: list[Any], node: ast.Call, scope: Namespace) -> Any:
        """The result of a function of the app."""

    def iterate(self, value: Any, node: ast.expr, scope: Namespace) -> list[Any]:
        """The items of a value, in order."""

    def known(self, value: Any, node: ast.expr, scope: Namespace) -> Any:
        """The value with its variables resolved."""

    def open_file(self, path: Any, node: ast.AST, scope: Namespace) -> FileText:
        """The text of a file of the repository."""

    def place(self, node: ast.AST, scope: Namespace) -> FileLine:
        """The line of a node."""

    def target(self, node: ast.AST, scope: Namespace) -> AppTarget:
        """The target. Raises NotUnderstood while there is none."""

    def usable(self, value: Any) -> Any:
        """The value. Raises NotUnderstood if it is unknown or uncertain."""

    def variable(self, variable: EnvironmentVariable, node: ast.expr, scope: Namespace) -> Any:
        """A variable as a text."""

    def whole(self, value: Any, node: ast.expr, scope: Namespace) -> Any:
        """The value with its items known, too."""


def _get_variable(
    reader: _FunctionContext, node: ast.Call, scope: Namespace, name: Any, *default: Any, **named: Any
) -> Any:
    """`os.environ.get` and `os.getenv`: the variable with its default, unresolved."""
    name = reader.known(name, node, scope)
    if not isinstance(name, str):
        raise OperationRefused("a variable without a name")
    # `os.environ.get` takes its default by position alone, `os.getenv` by keyword too.
    if named.keys() - {"default"} or len(default) + len(named) > 1:
        raise OperationRefused("a call like that")
    value = default[0] if default else named.get("default")
    variable = EnvironmentVariable(name=str(name), default=value, has_default=True)
    return reader.variable(variable, node, scope)


def _open(
    reader: _FunctionContext, node: ast.Call, scope: Namespace, path: Any, mode: Any = "r", *_: Any, **__: Any
) -> FileText:
    """`open` for reading text; any other mode is refused.

    The encoding is ignored: the file is decoded like a requirement file, by its byte order mark or encoding comment.
    """
    if mode not in ("r", "rt"):
        raise OperationRefused("a file that is opened so")
    return reader.open_file(path, node, scope)


def _platform(field: str) -> Callable[..., Any]:
    """A function of `platform`, by the marker of PEP 508 that has the same value."""

    def read(reader: _FunctionContext, node: ast.Call, scope: Namespace) -> Any:
        environment: Mapping[str, Any] = {**reader.target(node, scope).environment}
        return PlacedText(str(environment[field]), reader.place(node, scope))

    return read


def _version_tuple(reader: _FunctionContext, node: ast.Call, scope: Namespace) -> tuple[str, ...]:
    """`platform.python_version_tuple`."""
    return tuple(reader.target(node, scope).python.full.split("."))


def _items(reader: _FunctionContext, node: ast.Call, scope: Namespace, value: Any) -> list[Any]:
    """The items of a value, which may be a generator that this uses up."""
    return reader.iterate(value, node, scope)


def _make_list(reader: _FunctionContext, node: ast.Call, scope: Namespace, *value: Any) -> ListValue | LockedList:
    """`list`. The list of a lock stays one: `list(lockfiles.requirements(…))` is the same list."""
    if len(value) == 1 and isinstance(value[0], LockedList):
        return value[0]
    return ListValue(_items(reader, node, scope, value[0]) if value else ())


def _make_tuple(reader: _FunctionContext, node: ast.Call, scope: Namespace, *value: Any) -> tuple[Any, ...]:
    """`tuple`."""
    return tuple(_items(reader, node, scope, value[0]) if value else ())


def _make_set(reader: _FunctionContext, node: ast.Call, scope: Namespace, *value: Any) -> SetValue:
    """`set` and `frozenset`, whose items must all be known."""
    return SetValue(reader.whole(_items(reader, node, scope, value[0]), node, scope) if value else ())


def _make_dict(reader: _FunctionContext, node: ast.Call, scope: Namespace, *value: Any, **named: Any) -> DictValue:
    """`dict` of a dict or of pairs, with keywords."""
    if value and not isinstance(value[0], dict):
        return DictValue({**dict(map(tuple, _items(reader, node, scope, value[0]))), **named})
    return DictValue({**(value[0] if value else {}), **named})


def _sort(
    reader: _FunctionContext, node: ast.Call, scope: Namespace, value: Any, *, reverse: bool = False
) -> ListValue:
    """`sorted` without a key. A set is allowed here, since the result has an order."""
    items = reader.iterate(value, node, scope) if not isinstance(value, set) else list(value)
    return ListValue(sorted(reader.whole(items, node, scope), reverse=bool(reverse)))


def _filter(reader: _FunctionContext, node: ast.Call, scope: Namespace, function: Any, value: Any) -> OnceValue:
    """`filter`; without a function it keeps true items."""
    items = reader.iterate(value, node, scope)
    if function is None:
        return OnceValue(item for item in items if reader.known(reader.usable(item), node, scope))
    return OnceValue(item for item in items if reader.known(reader.apply(function, [item], node, scope), node, scope))


def _map(reader: _FunctionContext, node: ast.Call, scope: Namespace, function: Any, value: Any) -> OnceValue:
    """`map` over one list.

    Each call of the function is interpreted, so it counts towards the limit of steps.
    """
    return OnceValue(reader.apply(function, [item], node, scope) for item in reader.iterate(value, node, scope))


def _zip(reader: _FunctionContext, node: ast.Call, scope: Namespace, *values: Any, strict: bool = False) -> OnceValue:
    """`zip` with `strict`. Its result can be used once, as in Python."""
    return OnceValue(zip(*(reader.iterate(value, node, scope) for value in values), strict=bool(strict)))


def _enumerate(reader: _FunctionContext, node: ast.Call, scope: Namespace, value: Any, start: int = 0) -> OnceValue:
    """`enumerate`, from `start`."""
    return OnceValue(enumerate(reader.iterate(value, node, scope), start))


def _range(reader: _FunctionContext, node: ast.Call, scope: Namespace, *bounds: int) -> range:
    """`range`, not longer than a list may be."""
    found = range(*bounds)
    if len(found) > LONGEST_LIST:
        raise OperationRefused("a range that long")
    return found


def _is_instance(reader: _FunctionContext, node: ast.Call, scope: Namespace, value: Any, kinds: Any) -> bool:
    """`isinstance` for the types of plain values.

    Any other type is refused: whether a value is an instance of a class of the app is known at run time alone.
    """
    named = kinds if isinstance(kinds, tuple) else (kinds,)
    types = {"str": str, "list": list, "tuple": tuple, "dict": dict, "int": int, "bool": bool, "float": float}
    if not all(isinstance(kind, Builtin) and kind.name in types for kind in named):
        raise OperationRefused("a kind like that")
    return isinstance(value, tuple(types[kind.name] for kind in named))


def _text_of(reader: _FunctionContext, node: ast.Call, scope: Namespace, value: Any = "") -> Any:
    """`str` of a text, number, path or None. A text with variables stays as it is."""
    if isinstance(value, EnvironmentText):
        return value
    if not isinstance(value, str | int | float | PurePath | None):
        raise OperationRefused("such a value as text")
    return PlacedText(str(value), reader.place(node, scope))


def _number(kind: type[int] | type[float]) -> Callable[..., Any]:
    """`int` or `float` of a short text or a number.

    A text that is no number raises ValueError, as in Python.
    """

    def make(reader: _FunctionContext, node: ast.Call, scope: Namespace, value: Any = 0) -> Any:
        if not isinstance(value, str | int | float) or len(str(value)) > _LONGEST_NUMBER:
            raise OperationRefused("such a value as a number")
        return kind(value)

    return make


def _over(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of Python itself over one list, or over its arguments, if all values are known."""

    def call(reader: _FunctionContext, node: ast.Call, scope: Namespace, *values: Any) -> Any:
        items = reader.whole(reader.iterate(values[0], node, scope) if len(values) == 1 else list(values), node, scope)
        return function(items)

    return call


def _sum(reader: _FunctionContext, node: ast.Call, scope: Namespace, values: Any, start: Any = 0) -> Any:
    """`sum`, also of lists, which `sum(lists, [])` joins.

    The limits of `apply_operator` hold for each step.
    """
    total = start
    if isinstance(start, str):
        raise OperationRefused("a sum of texts, for which Python raises TypeError,")
    for value in reader.whole(reader.iterate(values, node, scope), node, scope):
        total = apply_operator(ast.Add, total, value)
    return total


def _length(reader: _FunctionContext, node: ast.Call, scope: Namespace, value: Any) -> int:
    """`len` of a value whose items are all known."""
    whole = reader.whole(value, node, scope)
    if not isinstance(whole, str | list | tuple | dict | set | range):
        raise OperationRefused("the length of such a value")
    return len(whole)


def _chain(reader: _FunctionContext, node: ast.Call, scope: Namespace, *values: Any) -> OnceValue:
    """`itertools.chain`."""
    return OnceValue(item for value in values for item in reader.iterate(value, node, scope))


def _join_path(reader: _FunctionContext, node: ast.Call, scope: Namespace, *parts: Any) -> Any:
    """`os.path.join`. A variable at the beginning stays one: apps join URLs so, too."""
    if parts and isinstance(parts[0], EnvironmentText):
        rest = [reader.known(part, node, scope) for part in parts[1:]]
        if any(not isinstance(part, str) or part.startswith("/") for part in rest):
            raise OperationRefused("a path of such parts")
        tail = "".join(f"/{part}" for part in rest)
        return EnvironmentText(parts=(*parts[0].parts, tail), place=parts[0].place)
    parts = tuple(reader.known(part, node, scope) for part in parts)
    return PlacedText(str(PurePath(*map(str, parts))), reader.place(node, scope))


def _expand_variables(reader: _FunctionContext, node: ast.Call, scope: Namespace, text: Any) -> Any:
    """`os.path.expandvars`: `$NAME` and `${NAME}` as variables. Python leaves one as text that is not set."""
    pieces = re.split(r"\$(?:(\w+)|\{(\w+)\})", str(text), flags=re.ASCII)
    parts: list[str | EnvironmentVariable] = [pieces[0]] if pieces[0] else []
    for bare, braced, after in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        parts += [EnvironmentVariable(name=bare or braced), *([after] if after else [])]
    return join_parts(parts, reader.place(node, scope))


def _path(change: Callable[[PurePath], object]) -> Callable[..., Any]:
    """A function of `os.path` as the change of a pure path.

    The result is a text, as in Python, at the line of the call.
    """

    def call(reader: _FunctionContext, node: ast.Call, scope: Namespace, path: Any, *_: Any) -> PlacedText:
        return PlacedText(str(change(PurePath(str(path)))), reader.place(node, scope))

    return call


def _copy(reader: _FunctionContext, node: ast.Call, scope: Namespace, value: Any) -> Any:
    """`copy.copy` and `copy.deepcopy`: a list or dict of its own, with the same items."""
    return ListValue(value) if isinstance(value, list) else DictValue(value) if isinstance(value, dict) else value


def _locked(reader: _FunctionContext, node: ast.Call, scope: Namespace, path: Any, **_: Any) -> LockedList:
    """`lockfiles.requirements`: the list of a lock, which is not read here."""
    return LockedList(path=str(path), place=reader.place(node, scope))


def find_known(value: Imported, reader: _FunctionContext, node: ast.AST, scope: Namespace) -> Any:
    """The value of an imported name, if the target or the standard library decides it; else the name itself.

    Raises NotUnderstood for a name that depends on a target that is not known yet.
    """
    match value.dotted:
        case "sys.version_info":
            python = reader.target(node, scope).python
            return VersionInfo(python.major, python.minor, python.patch)
        case "sys.platform":
            return PlacedText(reader.target(node, scope).environment["sys_platform"], reader.place(node, scope))
        case "os.name":
            return PlacedText(reader.target(node, scope).environment["os_name"], reader.place(node, scope))
        case "typing.TYPE_CHECKING":
            return False
        case "os.sep":
            return "/"
        case _:
            return value


FUNCTIONS: dict[str, Callable[..., Any]] = {
    # Built into Python.
    "all": _over(all),
    "any": _over(any),
    "bool": lambda reader, node, scope, value=False: bool(value),
    "dict": _make_dict,
    "enumerate": _enumerate,
    "filter": _filter,
    "float": _number(float),
    "frozenset": _make_set,
    "int": _number(int),
    "isinstance": _is_instance,
    "len": _length,
    "list": _make_list,
    "map": _map,
    "max": _over(max),
    "min": _over(min),
    "open": _open,
    "range": _range,
    "repr": lambda reader, node, scope, value: repr(str(value) if isinstance(value, str) else value),
    "reversed": lambda reader, node, scope, value: OnceValue(reversed(_items(reader, node, scope, value))),
    "set": _make_set,
    "sorted": _sort,
    "str": _text_of,
    "sum": _sum,
    "tuple": _make_tuple,
    "zip": _zip,
    # The standard library, and `lockfiles`.
    "copy.copy": _copy,
    "copy.deepcopy": _copy,
    "io.open": _open,
    "itertools.chain": _chain,
    "itertools.chain.from_iterable": lambda reader, node, scope, value: _chain(reader, node, scope, *value),
    "lockfiles.requirements": _locked,
    "os.environ.get": _get_variable,
    "os.getenv": _get_variable,
    "os.path.abspath": _path(lambda path: path),
    "os.path.basename": _path(lambda path: path.name),
    "os.path.dirname": _path(lambda path: path.parent),
    # Only files of the repository exist: see `AppFiles`.
    "os.path.exists": lambda reader, node, scope, path: reader.context.files.exists(str(path)),
    "os.path.expandvars": _expand_variables,
    "os.path.isfile": lambda reader, node, scope, path: reader.context.files.exists(str(path)),
    "os.path.join": _join_path,
    "os.path.normpath": _path(lambda path: path),
    # A relative path stays: what it is relative to is known at run time alone.
    "os.path.realpath": _path(lambda path: Path(path).resolve() if path.is_absolute() else path),
    "platform.machine": _platform("platform_machine"),
    "platform.python_implementation": _platform("platform_python_implementation"),
    "platform.python_version": _platform("python_full_version"),
    "platform.python_version_tuple": _version_tuple,
    "platform.system": _platform("platform_system"),
    "typing.cast": lambda reader, node, scope, _, value: value,
}
"""What is called, by its dotted name. Wrong arguments raise what Python raises, which the caller reports."""

KEEPS_VARIABLES = frozenset(
    {
        "os.environ.get",
        "os.getenv",
        "str",
        "list",
        "tuple",
        "dict",
        "copy.copy",
        "copy.deepcopy",
        "typing.cast",
        "os.path.join",
        "filter",
    }
    | {"itertools.chain", "map", "zip", "enumerate", "reversed"}
)
"""Functions that pass texts on unchanged, so that variables of the environment stay variables in them."""
