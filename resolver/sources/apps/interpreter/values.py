"""The values of an app file, worked out without running it: Python's own plain values, and a few of ours.

Texts carry the line that they come from. Variables of the environment stay variables inside texts. A list, dict or set
can become uncertain, when a statement that is not understood may have changed it. A value that is not known is an
`Opaque` with the reason, so a fault is reported only if the value is used.

Also here: the names of a module (`Namespace`), and the target as `sys` and `platform` show it to an app. All other
modules of the interpreter build on these types, and the rules of the platform read them.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, NamedTuple

from packaging.markers import Environment

from lockfiles._values import dataclass
from resolver.requirements.url import redact
from resolver.targets.target import PythonVersion

__all__ = [
    "AppTarget",
    "BoundMethod",
    "Builtin",
    "ClassValue",
    "Container",
    "DictValue",
    "EnvironmentText",
    "EnvironmentVariable",
    "FileLine",
    "FileText",
    "FunctionValue",
    "Imported",
    "ListValue",
    "LockedList",
    "Namespace",
    "NotUnderstood",
    "OnceValue",
    "Opaque",
    "PlacedText",
    "SetValue",
    "VersionInfo",
    "linearize",
    "place_of",
    "quote",
]

# Quotes are part of a message of one line.
_LONGEST_QUOTE = 60
# A chain of bases that is longer is taken for a circle, which a class in two branches can make.
_DEEPEST_BASE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    """A line of a file, named as messages name it: relative to the folder of the run."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class NotUnderstood(Exception):  # noqa: N818  (it is a finding about a file, which becomes an error only if it matters)
    """An expression whose value is not known without running the file: its line, its text, and the reason.

    With `needs_target` it is known as soon as the Python and the platform of the target are known. `remedy` is empty
    if the usual one of the value fits.
    """

    def __init__(
        self, place: FileLine, expression: str, why: str, *, remedy: str = "", needs_target: bool = False
    ) -> None:
        super().__init__(f"{place}: {why}: `{expression}`")
        self.place = place
        self.expression = expression
        self.why = why
        self.remedy = remedy
        self.needs_target = needs_target


class PlacedText(str):
    """A text with the line that it comes from. Equal texts of different lines are equal."""

    __slots__ = ("place",)

    place: FileLine

    def __new__(cls, text: str, place: FileLine) -> PlacedText:
        made = super().__new__(cls, text)
        made.place = place
        return made


class FileText(PlacedText):
    """The text of a file. Its place is the first line; its pieces find their own lines."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentVariable:
    """A variable that the app reads.

    `default` replaces it if it is not set; without `has_default` the app would then fail.
    """

    name: str
    default: Any = None
    has_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentText:
    """A text with variables of the environment in it, which are not resolved: parts in order."""

    parts: tuple[str | EnvironmentVariable, ...]
    place: FileLine

    @property
    def variables(self) -> tuple[EnvironmentVariable, ...]:
        """The variables, in order; one that occurs twice is here twice."""
        return tuple(part for part in self.parts if isinstance(part, EnvironmentVariable))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque:
    """A value that is not known, and the reason."""

    reason: NotUnderstood


class Container:
    """A list, dict or set that the file can change. With an `uncertainty` its content is not known."""

    uncertainty: NotUnderstood | None = None


class ListValue(list[Any], Container):
    """A list of the file."""


class OnceValue(ListValue):
    """What a generator, `map`, `filter` or `zip` gives. As in Python, a second loop over it gives nothing."""

    is_used = False


class DictValue(dict[Any, Any], Container):
    """A dict of the file."""


class SetValue(set[Any], Container):
    """A set of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A module (`name` empty), or a name of a module. `import fal` is `fal`; `fal.App` is `App` of `fal`.

    A relative import is named by its file: `module` is then `/` and the absolute path.
    """

    module: str
    name: str = ""

    @property
    def dotted(self) -> str:
        """The whole dotted name."""
        return f"{self.module}.{self.name}" if self.name else self.module

    @property
    def shown(self) -> str:
        """The name for messages: a module that is named by its file is called by that."""
        module = Path(self.module).stem if self.module.startswith("/") else self.module
        return f"{module}.{self.name}" if self.name else module


@dataclass(frozen=True, slots=True, kw_only=True)
class Builtin:
    """A function or type of Python itself, or of a module that is understood, by its dotted name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundMethod:
    """A method of a value, which nothing has called yet."""

    owner: Any
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedList:
    """`lockfiles.requirements("pylock.toml")`: the app installs the lock at `path`, as it is written there."""

    path: str
    place: FileLine


@dataclass(slots=True, kw_only=True, eq=False)
class Namespace:
    """Names and their values: of a module, a class body or a call.

    `outer` is the scope around it, None for a module. `path` is the file of a module; `file` is its name in messages.
    `global_names` are those that a `global` statement declares.
    """

    file: str
    names: dict[str, Any] = field(default_factory=dict)
    outer: Namespace | None = None
    path: Path | None = None
    global_names: set[str] = field(default_factory=set)

    def find(self, name: str) -> Any:
        """The value of a name here or in a scope around it. Raises KeyError."""
        scope: Namespace | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        raise KeyError(name)

    @property
    def module(self) -> Namespace:
        """The scope of the module, at the end of the chain of outer scopes."""
        scope = self
        while scope.outer is not None:
            scope = scope.outer
        return scope

    def bind(self, name: str, value: Any) -> None:
        """Gives a name a value here, or in the module if it is declared global."""
        (self.module if name in self.global_names else self).names[name] = value


@dataclass(slots=True, kw_only=True, eq=False)
class FunctionValue:
    """A function of the file. `defaults` are the values of its parameters.

    Each decorator is its value, the arguments that it is given, and its line. Among the arguments, `""` is the first
    positional one, `*` and `**` are what could not be worked out, and `line of NAME` is the line of a keyword.
    `is_sure` is false if a branch that may not be taken defines it.
    """

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Namespace
    decorators: tuple[tuple[Any, Mapping[str, Any], FileLine], ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    is_sure: bool = True


@dataclass(slots=True, kw_only=True, eq=False)
class ClassValue:
    """A class of the file: its bases, keywords and attributes, with the lines that set them.

    `uncertainty` is a decorator, metaclass or hook that can change the class after its body has run.
    """

    name: str
    node: ast.ClassDef
    file: str
    bases: tuple[Any, ...]
    keywords: dict[str, Any]
    keyword_lines: dict[str, int]
    attributes: dict[str, Any]
    lines: dict[str, int]
    uncertainty: NotUnderstood | None = None


class VersionInfo(NamedTuple):
    """`sys.version_info` of the target."""

    major: int
    minor: int
    micro: int
    releaselevel: str = "final"
    serial: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AppTarget:
    """The answers of `sys` and `platform` for the target: its Python, and its marker environment (PEP 508)."""

    python: PythonVersion
    environment: Environment


def linearize(owner: ClassValue) -> list[ClassValue]:
    """A class of the file and its bases in the file, nearest first, each after all classes that derive from it.

    This is the order in which Python looks up attributes (its method resolution order) for every case in which Python
    accepts the bases.
    """
    found: list[ClassValue] = []

    def visit(one: ClassValue, depth: int) -> None:
        found.append(one)
        for base in one.bases if depth < _DEEPEST_BASE else ():
            if isinstance(base, ClassValue):
                visit(base, depth + 1)

    visit(owner, 0)
    return [one for place, one in enumerate(found) if one not in found[place + 1 :]]


def place_of(value: Any, otherwise: FileLine) -> FileLine:
    """The line of a value, if it is a text with one."""
    return value.place if isinstance(value, PlacedText | EnvironmentText) else otherwise


def quote(node: ast.AST) -> str:
    """The source text of a node on one line, for messages: at most 60 characters, with secrets in URLs redacted.

    `…` for a node that cannot be written out.
    """
    try:
        text = redact(" ".join(ast.unparse(_hide_defaults(node)).split()))
    except (RecursionError, ValueError):
        return "…"
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"


def _hide_defaults(node: ast.AST) -> ast.AST:
    """The node without the defaults of variables of the environment, which can be secrets."""
    if not any(map(_has_default, ast.walk(node))):
        return node
    shown = copy.deepcopy(node)
    for one in ast.walk(shown):
        if isinstance(one, ast.Call) and _has_default(one):
            one.args[1:] = [ast.Name(id="…", ctx=ast.Load())]
            one.keywords = []
    return shown


def _has_default(node: ast.AST) -> bool:
    """Whether a node looks like `os.environ.get(NAME, DEFAULT)` or `os.getenv(NAME, DEFAULT)`."""
    if not isinstance(node, ast.Call) or len(node.args) + len(node.keywords) < 2 or not node.args:
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    return name in ("get", "getenv")
