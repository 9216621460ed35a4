"""The values of calls that real app files make: Python's plain functions, paths and files, the environment, `platform`.

Whatever else is called is not understood, and says where it comes from. Functions of the app itself are for
`resolver.sources.app.statements`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

from resolver.errors import SourceError
from resolver.sources.app.expressions import Expressions, VersionInfo
from resolver.sources.app.operations import LONGEST_LIST, Refused, call_method
from resolver.sources.app.values import (
    BoundMethod,
    Builtin,
    ClassValue,
    DictValue,
    EnvironmentText,
    EnvironmentVariable,
    FileText,
    FunctionValue,
    Imported,
    ListValue,
    LockedList,
    OnceValue,
    Place,
    PlacedText,
    Scope,
    SetValue,
)

__all__ = ["Calls", "is_harmless"]

_PATHS = frozenset({"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath"})
_HARMLESS = frozenset({"print", "len", "isinstance", "repr", "str", "sorted", "list", "tuple", "set", "any", "all"})
_HARMLESS_METHODS = frozenset({"copy", "count", "format", "get", "index", "items", "join", "keys", "values"})


def is_harmless(node: ast.expr) -> bool:
    """Whether a function or method that is called by this name changes none of its arguments."""
    if isinstance(node, ast.Attribute):
        return node.attr in _HARMLESS_METHODS
    return isinstance(node, ast.Name) and node.id in _HARMLESS


class Calls(Expressions):
    """Reads calls."""

    def call(self, node: ast.Call, scope: Scope) -> Any:
        """The value of a call. Raises NotUnderstood, Refused."""
        function = self.value(node.func, scope)
        if isinstance(function, Builtin) and function.name == "print":
            return None
        if isinstance(function, Imported) and function.dotted not in _FUNCTIONS and function.dotted not in _PATHS:
            self.fail(node, scope, f"`{function.shown}` is not read here")
        if isinstance(function, Builtin | Imported):
            arguments, keywords = self._arguments(node, scope)
            return self._call_known(function, arguments, keywords, node, scope)
        if isinstance(function, BoundMethod):
            return self._call_method(function, node, scope)
        if isinstance(function, FunctionValue):
            arguments, keywords = self._arguments(node, scope)
            return self.call_function(function, arguments, keywords, node, scope)
        what = f"an instance of `{function.name}`" if isinstance(function, ClassValue) else "the result"
        return self.fail(node, scope, f"{what} is known at run time alone")

    def call_function(
        self, function: FunctionValue, arguments: list[Any], keywords: dict[str, Any], node: ast.Call, scope: Scope
    ) -> Any:
        """What a function of the file returns; for the class that reads statements."""
        self.fail(node, scope, "functions are not worked out")

    def apply(self, function: Any, arguments: list[Any], node: ast.Call, scope: Scope) -> Any:
        """What a function that was handed over returns: for `map` and `filter`."""
        if isinstance(function, FunctionValue):
            return self.call_function(function, arguments, {}, node, scope)
        if isinstance(function, Builtin):
            return self._call_known(function, arguments, {}, node, scope)
        if isinstance(function, Imported) and function.module == "builtins.str":
            return call_method(self.known(arguments[0], node, scope), function.name, arguments[1:], {})
        return self.fail(node, scope, "such a function is not worked out")

    def open_file(self, path: Any, node: ast.AST, scope: Scope) -> FileText:
        """The text of a file. Raises NotUnderstood for one that is not there or may not be read."""
        from resolver.requirements.requirement_file import decode_requirement_file

        if not isinstance(path, str | PurePath):
            self.fail(node, scope, "it is no path")
        files = self.context.files
        try:
            found = files.locate(str(path))
            text = decode_requirement_file(files.read(found))
        except SourceError as error:
            self.fail(node, scope, str(error).partition("\n")[0])
        return FileText(text.replace("\r\n", "\n").replace("\r", "\n"), Place(file=files.name(found), line=1))

    def _arguments(self, node: ast.Call, scope: Scope) -> tuple[list[Any], dict[str, Any]]:
        arguments: list[Any] = []
        for one in node.args:
            if isinstance(one, ast.Starred):
                arguments += self.iterate(self.value(one.value, scope), one.value, scope)
            else:
                arguments.append(self.value(one, scope))
        keywords: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
                keywords |= {str(key): self.usable(one) for key, one in value.items()}
            else:
                self.fail(keyword.value, scope, "these are no keywords")
        return arguments, keywords

    def _call_method(self, method: BoundMethod, node: ast.Call, scope: Scope) -> Any:
        owner = method.owner
        arguments, keywords = self._arguments(node, scope)
        if isinstance(owner, FileText) and method.name in ("read", "readlines", "close"):
            return self._read_open_file(owner, method.name)
        if isinstance(owner, EnvironmentText) and method.name in ("strip", "rstrip", "lstrip") and not arguments:
            return owner
        if isinstance(owner, PurePath):
            found = self._call_path_method(owner, method.name, arguments, node, scope)
            if found is not None:
                return found
        owner = self.known(owner, node, scope)
        arguments = [self._plain(one, method, node, scope) for one in arguments]
        keywords = {name: self.known(one, node, scope) for name, one in keywords.items()}
        if isinstance(owner, list) and method.name in ("index", "count", "sort", "remove", "pop"):
            owner = self.whole(owner, node, scope)
        if isinstance(owner, str) and method.name == "join" and arguments:
            arguments[0] = ListValue(
                self.known(self.usable(one), node, scope) for one in self.iterate(arguments[0], node, scope)
            )
        result = call_method(owner, method.name, arguments, keywords)
        if isinstance(result, str) and not isinstance(result, PlacedText):
            return PlacedText(result, self.place(node, scope))
        return self.usable(result)

    def _plain(self, value: Any, method: BoundMethod, node: ast.Call, scope: Scope) -> Any:
        """An argument; one that only goes into a list or dict keeps its variables."""
        keeps = isinstance(method.owner, list | dict) and method.name in (
            "append",
            "insert",
            "extend",
            "update",
            "setdefault",
            "get",
        )
        return value if keeps else self.known(value, node, scope)

    @staticmethod
    def _read_open_file(text: FileText, name: str) -> Any:
        from resolver.sources.app.operations import place_lines

        match name:
            case "read":
                return text
            case "readlines":
                return ListValue(place_lines(text))
            case _:
                return None

    def _call_path_method(self, path: PurePath, name: str, arguments: list[Any], node: ast.Call, scope: Scope) -> Any:
        """What a method of a path that asks the disk gives; None for the others."""
        if name == "resolve" and path.is_absolute():
            return PurePath(Path(path).resolve())
        if name in ("resolve", "absolute"):
            return path
        if name in ("read_text", "open"):
            return self.open_file(path, node, scope)
        if name in ("exists", "is_file"):
            return self.context.files.exists(str(path))
        return None

    def _call_known(
        self, function: Builtin | Imported, arguments: list[Any], keywords: dict[str, Any], node: ast.Call, scope: Scope
    ) -> Any:
        name = function.name if isinstance(function, Builtin) else function.dotted
        if name in _PATHS:
            return PurePath(*(self._text(one, node, scope) for one in arguments))
        if name not in _KEEPS_VARIABLES:
            arguments = [self.known(one, node, scope) for one in arguments]
            keywords = {key: self.known(one, node, scope) for key, one in keywords.items()}
        try:
            return _FUNCTIONS[name](self, node, scope, *arguments, **keywords)
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            self.fail(node, scope, f"it raises {type(error).__name__}")

    def _text(self, value: Any, node: ast.expr, scope: Scope) -> str | PurePath:
        value = self.known(value, node, scope)
        if not isinstance(value, str | PurePath):
            self.fail(node, scope, "it is no path")
        return value


def _get_variable(reader: Calls, node: ast.Call, scope: Scope, name: Any, *default: Any, **named: Any) -> Any:
    name = reader.known(name, node, scope)
    if not isinstance(name, str):
        raise Refused("a variable without a name")
    if named.keys() - {"default"} or len(default) + len(named) > 1:
        raise Refused("a call like that")
    value = default[0] if default else named.get("default")
    variable = EnvironmentVariable(name=str(name), default=value, has_default=True)
    return reader.variable(variable, node, scope)


def _open(reader: Calls, node: ast.Call, scope: Scope, path: Any, mode: Any = "r", *_: Any, **__: Any) -> FileText:
    if mode not in ("r", "rt"):
        raise Refused("a file that is opened so")
    return reader.open_file(path, node, scope)


def _platform(field: str) -> Callable[..., Any]:
    def ask(reader: Calls, node: ast.Call, scope: Scope) -> Any:
        environment: Mapping[str, Any] = {**reader.target(node, scope).environment}
        return PlacedText(str(environment[field]), reader.place(node, scope))

    return ask


def _version_tuple(reader: Calls, node: ast.Call, scope: Scope) -> tuple[str, ...]:
    return tuple(reader.target(node, scope).python.full.split("."))


def _items(reader: Calls, node: ast.Call, scope: Scope, value: Any) -> list[Any]:
    return reader.iterate(value, node, scope)


def _make_list(reader: Calls, node: ast.Call, scope: Scope, *value: Any) -> ListValue | LockedList:
    if len(value) == 1 and isinstance(value[0], LockedList):
        return value[0]
    return ListValue(_items(reader, node, scope, value[0]) if value else ())


def _make_tuple(reader: Calls, node: ast.Call, scope: Scope, *value: Any) -> tuple[Any, ...]:
    return tuple(_items(reader, node, scope, value[0]) if value else ())


def _make_set(reader: Calls, node: ast.Call, scope: Scope, *value: Any) -> SetValue:
    return SetValue(reader.whole(_items(reader, node, scope, value[0]), node, scope) if value else ())


def _make_dict(reader: Calls, node: ast.Call, scope: Scope, *value: Any, **named: Any) -> DictValue:
    if value and not isinstance(value[0], dict):
        return DictValue({**dict(map(tuple, _items(reader, node, scope, value[0]))), **named})
    return DictValue({**(value[0] if value else {}), **named})


def _sort(reader: Calls, node: ast.Call, scope: Scope, value: Any, *, reverse: bool = False) -> ListValue:
    items = reader.iterate(value, node, scope) if not isinstance(value, set) else list(value)
    return ListValue(sorted(reader.whole(items, node, scope), reverse=bool(reverse)))


def _filter(reader: Calls, node: ast.Call, scope: Scope, function: Any, value: Any) -> OnceValue:
    items = reader.iterate(value, node, scope)
    if function is None:
        return OnceValue(item for item in items if reader.known(reader.usable(item), node, scope))
    return OnceValue(item for item in items if reader.known(reader.apply(function, [item], node, scope), node, scope))


def _map(reader: Calls, node: ast.Call, scope: Scope, function: Any, value: Any) -> OnceValue:
    return OnceValue(reader.apply(function, [item], node, scope) for item in reader.iterate(value, node, scope))


def _zip(reader: Calls, node: ast.Call, scope: Scope, *values: Any, strict: bool = False) -> OnceValue:
    return OnceValue(zip(*(reader.iterate(value, node, scope) for value in values), strict=bool(strict)))


def _enumerate(reader: Calls, node: ast.Call, scope: Scope, value: Any, start: int = 0) -> OnceValue:
    return OnceValue(enumerate(reader.iterate(value, node, scope), start))


def _range(reader: Calls, node: ast.Call, scope: Scope, *bounds: int) -> range:
    found = range(*bounds)
    if len(found) > LONGEST_LIST:
        raise Refused("a range that long")
    return found


def _is_instance(reader: Calls, node: ast.Call, scope: Scope, value: Any, kinds: Any) -> bool:
    named = kinds if isinstance(kinds, tuple) else (kinds,)
    types = {"str": str, "list": list, "tuple": tuple, "dict": dict, "int": int, "bool": bool, "float": float}
    if not all(isinstance(kind, Builtin) and kind.name in types for kind in named):
        raise Refused("a kind like that")
    return isinstance(value, tuple(types[kind.name] for kind in named))


def _text_of(reader: Calls, node: ast.Call, scope: Scope, value: Any = "") -> Any:
    if isinstance(value, EnvironmentText):
        return value
    if not isinstance(value, str | int | float | PurePath | None):
        raise Refused("such a value as text")
    return PlacedText(str(value), reader.place(node, scope))


def _number(kind: type[int] | type[float]) -> Callable[..., Any]:
    def make(reader: Calls, node: ast.Call, scope: Scope, value: Any = 0) -> Any:
        if not isinstance(value, str | int | float) or len(str(value)) > 18:
            raise Refused("such a value as a number")
        return kind(value)

    return make


def _over(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of Python's own over one list of values that are all known."""

    def call(reader: Calls, node: ast.Call, scope: Scope, *values: Any) -> Any:
        items = reader.whole(reader.iterate(values[0], node, scope) if len(values) == 1 else list(values), node, scope)
        return function(items)

    return call


def _length(reader: Calls, node: ast.Call, scope: Scope, value: Any) -> int:
    whole = reader.whole(value, node, scope)
    if not isinstance(whole, str | list | tuple | dict | set | range):
        raise Refused("the length of such a value")
    return len(whole)


def _chain(reader: Calls, node: ast.Call, scope: Scope, *values: Any) -> OnceValue:
    return OnceValue(item for value in values for item in reader.iterate(value, node, scope))


def _join_path(reader: Calls, node: ast.Call, scope: Scope, *parts: Any) -> PlacedText:
    return PlacedText(str(PurePath(*map(str, parts))), reader.place(node, scope))


def _path(change: Callable[[PurePath], object]) -> Callable[..., Any]:
    def call(reader: Calls, node: ast.Call, scope: Scope, path: Any, *_: Any) -> PlacedText:
        return PlacedText(str(change(PurePath(str(path)))), reader.place(node, scope))

    return call


def _copy(reader: Calls, node: ast.Call, scope: Scope, value: Any) -> Any:
    return ListValue(value) if isinstance(value, list) else DictValue(value) if isinstance(value, dict) else value


def _locked(reader: Calls, node: ast.Call, scope: Scope, path: Any, **_: Any) -> LockedList:
    return LockedList(path=str(path), place=reader.place(node, scope))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
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
    "sum": _over(sum),
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
_KEEPS_VARIABLES = frozenset(
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


def find_known(value: Imported, reader: Calls, node: ast.AST, scope: Scope) -> Any:
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
