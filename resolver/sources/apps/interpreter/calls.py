"""The values of calls that real app files make: Python's plain functions, paths and files, the environment, `platform`.

Whatever else is called is not understood, and says where it comes from. Functions of the app itself are for
`resolver.sources.apps.interpreter.statements`.
"""

from __future__ import annotations

import ast
from abc import abstractmethod
from pathlib import Path, PurePath
from typing import Any

from resolver.errors import SourceError
from resolver.sources.apps.interpreter.displays import DisplayReader
from resolver.sources.apps.interpreter.known_functions import FUNCTIONS, KEEPS_VARIABLES, PATHS
from resolver.sources.apps.interpreter.operations import call_method, fill_template, has_variables, join_parts
from resolver.sources.apps.interpreter.values import (
    BoundMethod,
    Builtin,
    ClassValue,
    EnvironmentText,
    FileLine,
    FileText,
    FunctionValue,
    Imported,
    ListValue,
    Namespace,
    PlacedText,
)

__all__ = ["CallReader", "is_harmless"]

_HARMLESS = frozenset({"print", "len", "isinstance", "repr", "str", "sorted", "list", "tuple", "set", "any", "all"})
_HARMLESS_METHODS = frozenset({"copy", "count", "format", "get", "index", "items", "join", "keys", "values"})


def is_harmless(node: ast.expr) -> bool:
    """Whether a function or method that is called by this name changes none of its arguments."""
    if isinstance(node, ast.Attribute):
        return node.attr in _HARMLESS_METHODS
    return isinstance(node, ast.Name) and node.id in _HARMLESS


class CallReader(DisplayReader):
    """Reads calls."""

    def call(self, node: ast.Call, scope: Namespace) -> Any:
        """The value of a call. Raises NotUnderstood, OperationRefused."""
        function = self.value(node.func, scope)
        if isinstance(function, Builtin) and function.name == "print":
            self._arguments(node, scope)
            return None
        if isinstance(function, Imported) and function.dotted not in FUNCTIONS and function.dotted not in PATHS:
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

    @abstractmethod
    def call_function(
        self, function: FunctionValue, arguments: list[Any], keywords: dict[str, Any], node: ast.Call, scope: Namespace
    ) -> Any:
        """What a function of the file returns. Raises NotUnderstood."""

    def apply(self, function: Any, arguments: list[Any], node: ast.Call, scope: Namespace) -> Any:
        """What a function that was handed over returns: for `map` and `filter`."""
        if isinstance(function, FunctionValue):
            return self.call_function(function, arguments, {}, node, scope)
        if isinstance(function, Builtin):
            return self._call_known(function, arguments, {}, node, scope)
        if isinstance(function, Imported) and function.module == "builtins.str":
            return call_method(self.known(arguments[0], node, scope), function.name, arguments[1:], {})
        return self.fail(node, scope, "such a function is not worked out")

    def open_file(self, path: Any, node: ast.AST, scope: Namespace) -> FileText:
        """The text of a file. Raises NotUnderstood for one that is not there or may not be read."""
        from resolver.requirements.requirement_file import decode_requirement_file

        if not isinstance(path, str | PurePath):
            self.fail(node, scope, "it is no path")
        files = self.context.files
        try:
            found = files.locate(str(path))
            text = decode_requirement_file(files.read(found))
        except SourceError as error:
            self.fail(node, scope, error.faults[0].headline)
        return FileText(text.replace("\r\n", "\n").replace("\r", "\n"), FileLine(file=files.name(found), line=1))

    def _arguments(self, node: ast.Call, scope: Namespace) -> tuple[list[Any], dict[str, Any]]:
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

    def _call_method(self, method: BoundMethod, node: ast.Call, scope: Namespace) -> Any:
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
        values = [*arguments, *keywords.values()]
        if isinstance(owner, str) and method.name == "format" and has_variables(values):
            count = len(arguments)
            filled = fill_template(
                owner,
                values,
                lambda marked: call_method(
                    owner, "format", marked[:count], dict(zip(keywords, marked[count:], strict=True))
                ),
                is_percent=False,
            )
            return join_parts(filled, self.place(node, scope))
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

    def _plain(self, value: Any, method: BoundMethod, node: ast.Call, scope: Namespace) -> Any:
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
        from resolver.sources.apps.interpreter.operations import place_lines

        match name:
            case "read":
                return text
            case "readlines":
                return ListValue(place_lines(text))
            case _:
                return None

    def _call_path_method(
        self, path: PurePath, name: str, arguments: list[Any], node: ast.Call, scope: Namespace
    ) -> Any:
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
        self,
        function: Builtin | Imported,
        arguments: list[Any],
        keywords: dict[str, Any],
        node: ast.Call,
        scope: Namespace,
    ) -> Any:
        name = function.name if isinstance(function, Builtin) else function.dotted
        if name in PATHS:
            return PurePath(*(self._text(one, node, scope) for one in arguments))
        if name not in KEEPS_VARIABLES:
            arguments = [self.known(one, node, scope) for one in arguments]
            keywords = {key: self.known(one, node, scope) for key, one in keywords.items()}
        try:
            return FUNCTIONS[name](self, node, scope, *arguments, **keywords)
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            self.fail(node, scope, f"it raises {type(error).__name__}")

    def _text(self, value: Any, node: ast.expr, scope: Namespace) -> str | PurePath:
        value = self.known(value, node, scope)
        if not isinstance(value, str | PurePath):
            self.fail(node, scope, "it is no path")
        return value
