"""The values of the calls that app files make: functions of Python, methods, paths and files, functions of the app.

In: a call and the names in scope. Out: its value, or `NotUnderstood`. Functions of Python come from the table of
`known_functions`, methods of plain values from `operations`; paths and open files are read here, through `AppFiles`. A
function of the app is interpreted by `statements`. Every other call is not understood, and its reason names where the
function comes from.
"""

from __future__ import annotations

import ast
from abc import abstractmethod
from pathlib import Path, PurePath
from typing import Any

from resolver.errors import SourceError
from resolver.requirements.requirement_file import decode_requirement_file
from resolver.sources.apps.interpreter.displays import DisplayReader
from resolver.sources.apps.interpreter.known_functions import FUNCTIONS, KEEPS_VARIABLES, PATHS
from resolver.sources.apps.interpreter.operations import (
    call_method,
    fill_template,
    has_variables,
    join_parts,
    place_lines,
    split_parts,
)
from resolver.sources.apps.interpreter.values import (
    BoundMethod,
    Builtin,
    ClassValue,
    EnvironmentText,
    EnvironmentVariable,
    FileLine,
    FileText,
    FunctionValue,
    Imported,
    ListValue,
    Namespace,
    PlacedText,
)

__all__ = ["CallReader", "is_harmless"]

# Functions and methods that change none of their arguments. Only the name is known when a statement is not understood.
_HARMLESS = frozenset({"print", "len", "isinstance", "repr", "str", "sorted", "list", "tuple", "set", "any", "all"})
_HARMLESS_METHODS = frozenset({"copy", "count", "format", "get", "index", "items", "join", "keys", "values"})
# Methods of lists and dicts that store or return an argument without looking at it.
_STORING_METHODS = frozenset({"append", "extend", "get", "insert", "setdefault", "update"})


def is_harmless(node: ast.expr) -> bool:
    """Whether a function or method that is called by this name changes none of its arguments.

    The name is compared as it is written, so an app that defines another function of the name can mislead it.
    """
    if isinstance(node, ast.Attribute):
        return node.attr in _HARMLESS_METHODS
    return isinstance(node, ast.Name) and node.id in _HARMLESS


class CallReader(DisplayReader):
    """Reads calls. The later chapter on statements supplies `call_function`."""

    def call(self, node: ast.Call, scope: Namespace) -> Any:
        """The value of a call. Raises NotUnderstood, OperationRefused."""
        function = self.value(node.func, scope)
        if isinstance(function, Builtin) and function.name == "print":
            # Its arguments are worked out for what they may change, and nothing is printed.
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
        # Creating an instance runs `__init__`, whose effects are not followed.
        what = f"an instance of `{function.name}`" if isinstance(function, ClassValue) else "the result"
        return self.fail(node, scope, f"{what} is known at run time alone")

    @abstractmethod
    def call_function(
        self, function: FunctionValue, arguments: list[Any], keywords: dict[str, Any], node: ast.Call, scope: Namespace
    ) -> Any:
        """The result of a function of the file. Raises NotUnderstood."""

    def apply(self, function: Any, arguments: list[Any], node: ast.Call, scope: Namespace) -> Any:
        """The result of a function that was handed over, for `map` and `filter`. Raises NotUnderstood.

        These are functions of the app, functions of Python itself, and methods of `str` such as `str.strip`.
        """
        if isinstance(function, FunctionValue):
            return self.call_function(function, arguments, {}, node, scope)
        if isinstance(function, Builtin):
            return self._call_known(function, arguments, {}, node, scope)
        if isinstance(function, Imported) and function.module == "builtins.str":
            return call_method(self.known(arguments[0], node, scope), function.name, arguments[1:], {})
        return self.fail(node, scope, "such a function is not worked out")

    def open_file(self, path: Any, node: ast.AST, scope: Namespace) -> FileText:
        """The text of a file of the repository, with its lines.

        Raises NotUnderstood for a file that may not be read.
        """
        if not isinstance(path, str | PurePath):
            self.fail(node, scope, "it is no path")
        files = self.context.files
        try:
            found = files.locate(str(path))
            text = decode_requirement_file(files.read(found))
        except SourceError as error:
            self.fail(node, scope, error.faults[0].headline)
        # Universal newlines, as `open` and `read_text` have them.
        return FileText(text.replace("\r\n", "\n").replace("\r", "\n"), FileLine(file=files.name(found), line=1))

    def _arguments(self, node: ast.Call, scope: Namespace) -> tuple[list[Any], dict[str, Any]]:
        """The positional and keyword arguments of a call, in order of evaluation, with `*` and `**` unpacked.

        Raises NotUnderstood for the first that is not known.
        """
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
        """The result of a method. Raises NotUnderstood, OperationRefused.

        Open files and paths come first, then texts with variables, then plain values with their arguments resolved.
        """
        owner = method.owner
        arguments, keywords = self._arguments(node, scope)
        if isinstance(owner, FileText) and method.name in ("read", "readlines", "close"):
            return self._read_open_file(owner, method.name)
        # Stripping keeps a variable: white space around an item or URL means nothing to pip.
        # A `/` at the end of a URL is stripped for the one that is joined to it.
        is_strip = method.name in ("strip", "rstrip", "lstrip") and not arguments
        if isinstance(owner, EnvironmentText) and (is_strip or (method.name == "rstrip" and arguments == ["/"])):
            return owner
        # The methods that `operations` has for paths are pure, and their result is never None.
        if isinstance(owner, PurePath):
            found = self._call_path_method(owner, method.name, arguments, node, scope)
            if found is not None:
                return found
        owner = self.known(owner, node, scope)
        if isinstance(owner, str) and method.name == "format" and has_variables((*arguments, *keywords.values())):
            return join_parts(_fill_format(owner, arguments, keywords), self.place(node, scope))
        if isinstance(owner, str) and method.name == "join" and len(arguments) == 1:
            pieces = [self.usable(one) for one in self.iterate(arguments[0], node, scope)]
            if has_variables(pieces) and all(isinstance(one, str | EnvironmentText) for one in pieces):
                return join_parts(_join(owner, pieces), self.place(node, scope))
            arguments = [ListValue(pieces)]
        arguments = [self._resolve(one, method, node, scope) for one in arguments]
        keywords = {name: self.known(one, node, scope) for name, one in keywords.items()}
        # These look at the items, so each item must be known.
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

    def _resolve(self, value: Any, method: BoundMethod, node: ast.Call, scope: Namespace) -> Any:
        """An argument with its variables resolved, unless the method only stores it in a list or dict."""
        keeps = isinstance(method.owner, list | dict) and method.name in _STORING_METHODS
        return value if keeps else self.known(value, node, scope)

    @staticmethod
    def _read_open_file(text: FileText, name: str) -> Any:
        """`read` and `readlines` of an open file, and None for `close`.

        A file is read from its beginning each time: apps read a file once.
        """
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
        """A method of a path that reads the disk; None for all other methods.

        `resolve` of a relative path returns it as it is: the current folder at run time is not known.
        """
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
        """The result of a function of the table. Raises NotUnderstood for arguments for which Python would raise."""
        name = function.name if isinstance(function, Builtin) else function.dotted
        if name in PATHS:
            return PurePath(*(self._text(one, node, scope) for one in arguments))
        # Other functions would look at the values of variables.
        if name not in KEEPS_VARIABLES:
            arguments = [self.known(one, node, scope) for one in arguments]
            keywords = {key: self.known(one, node, scope) for key, one in keywords.items()}
        try:
            return FUNCTIONS[name](self, node, scope, *arguments, **keywords)
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            self.fail(node, scope, f"it raises {type(error).__name__}")

    def _text(self, value: Any, node: ast.expr, scope: Namespace) -> str | PurePath:
        """An argument of `Path(…)`.

        Raises NotUnderstood for a value that is neither text nor path.
        """
        value = self.known(value, node, scope)
        if not isinstance(value, str | PurePath):
            self.fail(node, scope, "it is no path")
        return value


def _join(separator: str, pieces: list[Any]) -> list[str | EnvironmentVariable]:
    """The parts of `separator.join(pieces)`."""
    parts: list[str | EnvironmentVariable] = []
    for number, piece in enumerate(pieces):
        parts += [separator, *split_parts(piece)] if number else split_parts(piece)
    return [part for part in parts if part != ""]


def _fill_format(template: str, arguments: list[Any], keywords: dict[str, Any]) -> list[str | EnvironmentVariable]:
    """The parts of `template.format(…)` for arguments of which some have variables. Raises OperationRefused."""
    count = len(arguments)

    def fill(marked: list[Any]) -> str:
        named = dict(zip(keywords, marked[count:], strict=True))
        return str(call_method(template, "format", marked[:count], named))

    return fill_template(template, [*arguments, *keywords.values()], fill, is_percent=False)
