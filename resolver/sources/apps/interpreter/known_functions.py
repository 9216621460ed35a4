"""Python's own functions that real app files call, by their dotted names: each takes values and gives one.

The first three parameters of each are the reader, the call and the scope, for what needs them. Nothing here touches
the disk but through the reader, and nothing runs code of the app.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any, Protocol

from resolver.sources.apps.interpreter.expressions import Context
from resolver.sources.apps.interpreter.operations import LONGEST_LIST, OperationRefused, apply_operator
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


class Evaluator(Protocol):
    """What these functions need of the object that reads the call."""

    context: Context

    def apply(self, function: Any, arguments: list[Any], node: ast.Call, scope: Namespace) -> Any: ...
    def iterate(self, value: Any, node: ast.expr, scope: Namespace) -> list[Any]: ...
    def known(self, value: Any, node: ast.expr, scope: Namespace) -> Any: ...
    def open_file(self, path: Any, node: ast.AST, scope: Namespace) -> FileText: ...
    def place(self, node: ast.AST, scope: Namespace) -> FileLine: ...
    def target(self, node: ast.AST, scope: Namespace) -> AppTarget: ...
    def usable(self, value: Any) -> Any: ...
    def variable(self, variable: EnvironmentVariable, node: ast.expr, scope: Namespace) -> Any: ...
    def whole(self, value: Any, node: ast.expr, scope: Namespace) -> Any: ...


def _get_variable(reader: Evaluator, node: ast.Call, scope: Namespace, name: Any, *default: Any, **named: Any) -> Any:
    name = reader.known(name, node, scope)
    if not isinstance(name, str):
        raise OperationRefused("a variable without a name")
    if named.keys() - {"default"} or len(default) + len(named) > 1:
        raise OperationRefused("a call like that")
    value = default[0] if default else named.get("default")
    variable = EnvironmentVariable(name=str(name), default=value, has_default=True)
    return reader.variable(variable, node, scope)


def _open(
    reader: Evaluator, node: ast.Call, scope: Namespace, path: Any, mode: Any = "r", *_: Any, **__: Any
) -> FileText:
    if mode not in ("r", "rt"):
        raise OperationRefused("a file that is opened so")
    return reader.open_file(path, node, scope)


def _platform(field: str) -> Callable[..., Any]:
    def ask(reader: Evaluator, node: ast.Call, scope: Namespace) -> Any:
        environment: Mapping[str, Any] = {**reader.target(node, scope).environment}
        return PlacedText(str(environment[field]), reader.place(node, scope))

    return ask


def _version_tuple(reader: Evaluator, node: ast.Call, scope: Namespace) -> tuple[str, ...]:
    return tuple(reader.target(node, scope).python.full.split("."))


def _items(reader: Evaluator, node: ast.Call, scope: Namespace, value: Any) -> list[Any]:
    return reader.iterate(value, node, scope)


def _make_list(reader: Evaluator, node: ast.Call, scope: Namespace, *value: Any) -> ListValue | LockedList:
    if len(value) == 1 and isinstance(value[0], LockedList):
        return value[0]
    return ListValue(_items(reader, node, scope, value[0]) if value else ())


def _make_tuple(reader: Evaluator, node: ast.Call, scope: Namespace, *value: Any) -> tuple[Any, ...]:
    return tuple(_items(reader, node, scope, value[0]) if value else ())


def _make_set(reader: Evaluator, node: ast.Call, scope: Namespace, *value: Any) -> SetValue:
    return SetValue(reader.whole(_items(reader, node, scope, value[0]), node, scope) if value else ())


def _make_dict(reader: Evaluator, node: ast.Call, scope: Namespace, *value: Any, **named: Any) -> DictValue:
    if value and not isinstance(value[0], dict):
        return DictValue({**dict(map(tuple, _items(reader, node, scope, value[0]))), **named})
    return DictValue({**(value[0] if value else {}), **named})


def _sort(reader: Evaluator, node: ast.Call, scope: Namespace, value: Any, *, reverse: bool = False) -> ListValue:
    items = reader.iterate(value, node, scope) if not isinstance(value, set) else list(value)
    return ListValue(sorted(reader.whole(items, node, scope), reverse=bool(reverse)))


def _filter(reader: Evaluator, node: ast.Call, scope: Namespace, function: Any, value: Any) -> OnceValue:
    items = reader.iterate(value, node, scope)
    if function is None:
        return OnceValue(item for item in items if reader.known(reader.usable(item), node, scope))
    return OnceValue(item for item in items if reader.known(reader.apply(function, [item], node, scope), node, scope))


def _map(reader: Evaluator, node: ast.Call, scope: Namespace, function: Any, value: Any) -> OnceValue:
    return OnceValue(reader.apply(function, [item], node, scope) for item in reader.iterate(value, node, scope))


def _zip(reader: Evaluator, node: ast.Call, scope: Namespace, *values: Any, strict: bool = False) -> OnceValue:
    return OnceValue(zip(*(reader.iterate(value, node, scope) for value in values), strict=bool(strict)))


def _enumerate(reader: Evaluator, node: ast.Call, scope: Namespace, value: Any, start: int = 0) -> OnceValue:
    return OnceValue(enumerate(reader.iterate(value, node, scope), start))


def _range(reader: Evaluator, node: ast.Call, scope: Namespace, *bounds: int) -> range:
    found = range(*bounds)
    if len(found) > LONGEST_LIST:
        raise OperationRefused("a range that long")
    return found


def _is_instance(reader: Evaluator, node: ast.Call, scope: Namespace, value: Any, kinds: Any) -> bool:
    named = kinds if isinstance(kinds, tuple) else (kinds,)
    types = {"str": str, "list": list, "tuple": tuple, "dict": dict, "int": int, "bool": bool, "float": float}
    if not all(isinstance(kind, Builtin) and kind.name in types for kind in named):
        raise OperationRefused("a kind like that")
    return isinstance(value, tuple(types[kind.name] for kind in named))


def _text_of(reader: Evaluator, node: ast.Call, scope: Namespace, value: Any = "") -> Any:
    if isinstance(value, EnvironmentText):
        return value
    if not isinstance(value, str | int | float | PurePath | None):
        raise OperationRefused("such a value as text")
    return PlacedText(str(value), reader.place(node, scope))


def _number(kind: type[int] | type[float]) -> Callable[..., Any]:
    def make(reader: Evaluator, node: ast.Call, scope: Namespace, value: Any = 0) -> Any:
        if not isinstance(value, str | int | float) or len(str(value)) > 18:
            raise OperationRefused("such a value as a number")
        return kind(value)

    return make


def _over(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of Python's own over one list of values that are all known."""

    def call(reader: Evaluator, node: ast.Call, scope: Namespace, *values: Any) -> Any:
        items = reader.whole(reader.iterate(values[0], node, scope) if len(values) == 1 else list(values), node, scope)
        return function(items)

    return call


def _sum(reader: Evaluator, node: ast.Call, scope: Namespace, values: Any, start: Any = 0) -> Any:
    """Also of lists, which `sum(lists, [])` joins."""
    total = start
    if isinstance(start, str):
        raise OperationRefused("a sum of texts, for which Python raises TypeError,")
    for value in reader.whole(reader.iterate(values, node, scope), node, scope):
        total = apply_operator(ast.Add, total, value)
    return total


def _length(reader: Evaluator, node: ast.Call, scope: Namespace, value: Any) -> int:
    whole = reader.whole(value, node, scope)
    if not isinstance(whole, str | list | tuple | dict | set | range):
        raise OperationRefused("the length of such a value")
    return len(whole)


def _chain(reader: Evaluator, node: ast.Call, scope: Namespace, *values: Any) -> OnceValue:
    return OnceValue(item for value in values for item in reader.iterate(value, node, scope))


def _join_path(reader: Evaluator, node: ast.Call, scope: Namespace, *parts: Any) -> PlacedText:
    return PlacedText(str(PurePath(*map(str, parts))), reader.place(node, scope))


def _path(change: Callable[[PurePath], object]) -> Callable[..., Any]:
    def call(reader: Evaluator, node: ast.Call, scope: Namespace, path: Any, *_: Any) -> PlacedText:
        return PlacedText(str(change(PurePath(str(path)))), reader.place(node, scope))

    return call


def _copy(reader: Evaluator, node: ast.Call, scope: Namespace, value: Any) -> Any:
    return ListValue(value) if isinstance(value, list) else DictValue(value) if isinstance(value, dict) else value


def _locked(reader: Evaluator, node: ast.Call, scope: Namespace, path: Any, **_: Any) -> LockedList:
    return LockedList(path=str(path), place=reader.place(node, scope))


def find_known(value: Imported, reader: Evaluator, node: ast.AST, scope: Namespace) -> Any:
    """What an imported name stands for where the target or the standard library says it; else the name itself."""
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
    "os.path.exists": lambda reader, node, scope, path: reader.context.files.exists(str(path)),
    "os.path.isfile": lambda reader, node, scope, path: reader.context.files.exists(str(path)),
    "os.path.join": _join_path,
    "os.path.normpath": _path(lambda path: path),
    "os.path.realpath": _path(lambda path: Path(path).resolve() if path.is_absolute() else path),
    "platform.machine": _platform("platform_machine"),
    "platform.python_implementation": _platform("platform_python_implementation"),
    "platform.python_version": _platform("python_full_version"),
    "platform.python_version_tuple": _version_tuple,
    "platform.system": _platform("platform_system"),
    "typing.cast": lambda reader, node, scope, _, value: value,
}
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
        "filter",
    }
    | {"itertools.chain", "map", "zip", "enumerate", "reversed"}
)
