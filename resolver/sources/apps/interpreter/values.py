"""What expressions of an app file come to, without running it: Python's own plain values, and a few of ours.

Texts know where they stand; what comes from the environment stays a variable; containers can come into doubt; and
whatever is not understood is an `Opaque` value that says why, so that only those who use it meet the fault.

What an app may ask about where it runs, answered for the target and not for this machine.
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


_LONGEST_QUOTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    """A line of a file, as messages call it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class NotUnderstood(Exception):  # noqa: N818  (it is a finding about a file, which becomes an error only if it matters)
    """An expression whose value cannot be told without running the file: where it stands, how it reads, and why.

    With `needs_target` it can be told as soon as the target's Python and platform are known.
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
    """Text that knows where it stands."""

    __slots__ = ("place",)

    place: FileLine

    def __new__(cls, text: str, place: FileLine) -> PlacedText:
        made = super().__new__(cls, text)
        made.place = place
        return made


class FileText(PlacedText):
    """Text that was read from a file: its pieces know their lines."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentVariable:
    """A variable that the app reads. `default` is what stands in for it where it is not set."""

    name: str
    default: Any = None
    has_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentText:
    """Text with variables of the environment in it, whose values are not looked at."""

    parts: tuple[str | EnvironmentVariable, ...]
    place: FileLine

    @property
    def variables(self) -> tuple[EnvironmentVariable, ...]:
        """The variables, in order."""
        return tuple(part for part in self.parts if isinstance(part, EnvironmentVariable))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque:
    """A value that is not known, and why."""

    reason: NotUnderstood


class Container:
    """A list, table or set that the file can change. With a `doubt` nobody knows what is in it."""

    doubt: NotUnderstood | None = None


class ListValue(list[Any], Container):
    """A list of the file."""


class OnceValue(ListValue):
    """What a generator, `map`, `filter` or `zip` gives: it can be gone through once."""

    is_used = False


class DictValue(dict[Any, Any], Container):
    """A dict of the file."""


class SetValue(set[Any], Container):
    """A set of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A module (`name` empty), or what a module is said to have. `import fal` is `fal`; `fal.App` is `App` of `fal`."""

    module: str
    name: str = ""

    @property
    def dotted(self) -> str:
        """The whole name."""
        return f"{self.module}.{self.name}" if self.name else self.module

    @property
    def shown(self) -> str:
        """The name for messages: a module that is named by its file is called by that."""
        module = Path(self.module).stem if self.module.startswith("/") else self.module
        return f"{module}.{self.name}" if self.name else module


@dataclass(frozen=True, slots=True, kw_only=True)
class Builtin:
    """A function or type of Python's own, or of a module that is understood, by its dotted name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundMethod:
    """A method of a value."""

    owner: Any
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedList:
    """`lockfiles.requirements("pylock.toml")`: the list is what the lock at `path` holds."""

    path: str
    place: FileLine


@dataclass(slots=True, kw_only=True, eq=False)
class Namespace:
    """Names and their values: of a module, a class body or a call."""

    file: str
    names: dict[str, Any] = field(default_factory=dict)
    outer: Namespace | None = None
    path: Path | None = None
    global_names: set[str] = field(default_factory=set)

    def find(self, name: str) -> Any:
        """The value of a name here or outside. Raises KeyError."""
        scope: Namespace | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        raise KeyError(name)

    @property
    def module(self) -> Namespace:
        """The scope of the module."""
        scope = self
        while scope.outer is not None:
            scope = scope.outer
        return scope

    def bind(self, name: str, value: Any) -> None:
        """Gives a name a value here, or in the module if it is declared global."""
        (self.module if name in self.global_names else self).names[name] = value


@dataclass(slots=True, kw_only=True, eq=False)
class FunctionValue:
    """A function of the file, with what its decorators were given. `defaults` are the values of its parameters."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Namespace
    decorators: tuple[tuple[Any, Mapping[str, Any], FileLine], ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    is_sure: bool = True


@dataclass(slots=True, kw_only=True, eq=False)
class ClassValue:
    """A class of the file: its bases, keywords and attributes, the latter with the lines that set them.

    `strange` is what can make another class of it than its body says.
    """

    name: str
    node: ast.ClassDef
    file: str
    bases: tuple[Any, ...]
    keywords: dict[str, Any]
    keyword_lines: dict[str, int]
    attributes: dict[str, Any]
    lines: dict[str, int]
    strange: NotUnderstood | None = None


def linearize(owner: ClassValue) -> list[ClassValue]:
    """A class of the file and its bases in the file, nearest first, each after all that derive from it."""
    found: list[ClassValue] = []

    def visit(one: ClassValue, depth: int) -> None:
        found.append(one)
        for base in one.bases if depth < 50 else ():
            if isinstance(base, ClassValue):
                visit(base, depth + 1)

    visit(owner, 0)
    return [one for place, one in enumerate(found) if one not in found[place + 1 :]]


def place_of(value: Any, otherwise: FileLine) -> FileLine:
    """Where a value stands, if it is a text that knows."""
    return value.place if isinstance(value, PlacedText | EnvironmentText) else otherwise


def quote(node: ast.AST) -> str:
    """The source text of a node on one line, short and without secrets."""
    try:
        text = redact(" ".join(ast.unparse(_hide_defaults(node)).split()))
    except (RecursionError, ValueError):
        return "…"
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"


def _hide_defaults(node: ast.AST) -> ast.AST:
    """The node without what stands in for variables of the environment: a default can be a secret."""
    if not any(map(_has_default, ast.walk(node))):
        return node
    shown = copy.deepcopy(node)
    for one in ast.walk(shown):
        if isinstance(one, ast.Call) and _has_default(one):
            one.args[1:] = [ast.Name(id="…", ctx=ast.Load())]
            one.keywords = []
    return shown


def _has_default(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or len(node.args) + len(node.keywords) < 2 or not node.args:
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    return name in ("get", "getenv")


class VersionInfo(NamedTuple):
    """`sys.version_info` of the target."""

    major: int
    minor: int
    micro: int
    releaselevel: str = "final"
    serial: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AppTarget:
    """What the target says to an app that asks."""

    python: PythonVersion
    environment: Environment
