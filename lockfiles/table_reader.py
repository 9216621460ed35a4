"""Reading a TOML table key by key, with every fault of it in one report.

In: a table as `tomllib` gives it, and a parser for each key. Out: the parsed values; each fault as its document path,
what is wrong and how to fix it. It serves `[tool.pinfold]` of a lock (`lockfiles.lockfile`), that of a project and a
file of credentials (`resolver.settings.settings`, `resolver.fetch.http.login_files`), which differ in their parsers and
in the wording of their faults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import dataclass
from lockfiles.errors import join_key

__all__ = [
    "Parser",
    "TableFault",
    "TableReader",
    "Value",
    "Wording",
    "array_of",
    "choice",
    "filled_text",
    "flag",
    "keyed_table",
    "parsed",
    "project_name",
    "table_of",
    "text",
    "version",
]

_LAST_KEY = re.compile(r"(?<![^.])[A-Za-z0-9_-]+$")
_T = TypeVar("_T")
_D = TypeVar("_D")
_K = TypeVar("_K", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFault:
    """One fault. `path` is like `machines[0].name`; `what` is a clause or a sentence, as its `Wording` has it.

    `remedy` is one action, empty where there is none to advise.
    """

    path: str
    what: str
    remedy: str = ""


class Wording:
    """What faults of a table say: sentences that name the path, without any value, which may hold a secret."""

    def describe_missing(self, path: str) -> str:
        """A key that is required and missing."""
        return f"`{path}` is missing"

    def describe_unknown(self, path: str) -> str:
        """A key that no parser asked for."""
        return f"unknown key `{path}`"

    def describe_type(self, path: str, expected: str, found: object) -> str:
        """A value of another type than `expected`, which is like `a string`."""
        return f"`{path}` must be {expected}, not {_name_type(found)}"

    def describe_form(self, path: str, form: str, found: object) -> str:
        """A text that cannot be parsed as `form`, which is like `project name`."""
        return f"`{path}` is no {form}"


class Value:
    """A value in its place, as parsers get it: `raw` as TOML has it, `path` in the document."""

    __slots__ = ("faults", "path", "raw", "wording")

    def __init__(self, raw: object, path: str, faults: list[TableFault], wording: Wording) -> None:
        self.raw = raw
        self.path = path
        self.faults = faults
        self.wording = wording

    def at(self, path: str, raw: object) -> Value:
        """A value inside this one."""
        return Value(raw, path, self.faults, self.wording)

    def refuse(self, what: str, *, remedy: str = "") -> None:
        """Adds a fault of this value."""
        self.faults.append(TableFault(path=self.path, what=what, remedy=remedy))

    def refuse_type(self, expected: str) -> None:
        """Adds the fault that the value must be something else."""
        # `python = 3.11` lacks only its quotes.
        key = _LAST_KEY.search(self.path)
        unquoted = expected == "a string" and type(self.raw) in {int, float}
        remedy = f'`{key[0]} = "{self.raw}"`' if key is not None and unquoted else ""
        self.refuse(self.wording.describe_type(self.path, expected, self.raw), remedy=remedy)

    def refuse_form(self, form: str) -> None:
        """Adds the fault that the text is not of this form."""
        self.refuse(self.wording.describe_form(self.path, form, self.raw))


Parser = Callable[[Value], _T | None]
"""Gives the parsed value; None after adding a fault, which is no value of TOML."""


class TableReader:
    """Reads one table. What is missing or wrong is the default, None without one; `faults` grows meanwhile."""

    def __init__(
        self,
        table: Mapping[str, Any],
        *,
        path: str = "",
        faults: list[TableFault],
        wording: Wording = Wording(),  # noqa: B008 - it has no state
    ) -> None:
        self._table = table
        self._path = path
        self._known: list[str] = []
        self._faults = faults
        self._wording = wording

    @overload
    def read(self, key: str, parse: Parser[_T]) -> _T | None: ...

    @overload
    def read(self, key: str, parse: Parser[_T], default: _D) -> _T | _D: ...

    def read(self, key: str, parse: Parser[_T], default: _D | None = None) -> _T | _D | None:
        """The value of a key."""
        self._known.append(key)
        if key not in self._table:
            return default
        value = parse(self._find(key))
        return default if value is None else value

    def require(self, *keys: str) -> None:
        """Adds a fault for each of the keys that is missing."""
        for key in keys:
            if key not in self._table:
                place = self._find(key)
                place.refuse(self._wording.describe_missing(place.path))

    def refuse_unknown_keys(self) -> None:
        """Adds a fault for each key that was not read, with the nearest one that was."""
        for key in self._table:
            if key in self._known:
                continue
            # Lazy: a table without faults has no use for it.
            from difflib import get_close_matches

            close = get_close_matches(key.replace("_", "-").lower(), self._known, n=1)
            place = self._find(key)
            place.refuse(self._wording.describe_unknown(place.path), remedy=f"`{close[0]}`" if close else "")

    def refuse(self, key: str, what: str, *, remedy: str = "") -> None:
        """Adds a fault of a key's value that only its meaning shows."""
        self._find(key).refuse(what, remedy=remedy)

    def _find(self, key: str) -> Value:
        return Value(self._table.get(key), join_key(self._path, key), self._faults, self._wording)


def text(value: Value) -> str | None:
    """A string."""
    return _check(value, str, "a string")


def filled_text(value: Value) -> str | None:
    """A string that is not blank: a blank one would pass for a key that is missing."""
    word = text(value)
    if word is None or word.strip():
        return word
    value.refuse(f"`{value.path}` is empty", remedy="leave it out")
    return None


def flag(value: Value) -> bool | None:
    """True or false."""
    return _check(value, bool, "true or false")


def choice(*choices: str) -> Parser[str]:
    """One of these strings."""
    expected = " or ".join(f"`{one}`" for one in choices)

    def parse(value: Value) -> str | None:
        word = filled_text(value)
        if word is None or word in choices:
            return word
        value.refuse(f"`{value.path}` must be {expected}, not `{word}`")
        return None

    return parse


def parsed(parse_text: Callable[[str], _T], form: str) -> Parser[_T]:
    """What a function makes of a string. A ValueError of it says that the string is not of the form."""

    def parse(value: Value) -> _T | None:
        word = filled_text(value)
        if word is None:
            return None
        try:
            return parse_text(word)
        except ValueError:
            # Not shown: the text may be a URL with a secret.
            value.refuse_form(form)
            return None

    return parse


def array_of(parse_one: Parser[_T], *, of: str = "") -> Parser[tuple[_T, ...]]:
    """An array; None where one of its values is wrong. `of` says in a fault what it holds (`strings`)."""
    expected = f"an array of {of}" if of else "an array"
    takes_text: bool = parse_one is text

    def parse(value: Value) -> tuple[_T, ...] | None:
        items = _check(value, list, expected)
        if items is None:
            return None
        # A lock has hundreds of arrays of strings: without a `Value` for each, it is read in two thirds of the time.
        if takes_text and all(isinstance(item, str) for item in items):
            return tuple(items)
        found = [parse_one(value.at(f"{value.path}[{number}]", item)) for number, item in enumerate(items)]
        good = tuple([item for item in found if item is not None])
        return good if len(good) == len(found) else None

    return parse


def table_of(parse_one: Parser[_T], *, key: Callable[[Value], _K | None] = text) -> Parser[dict[_K, _T]]:  # type: ignore[assignment]  # a string is the K of callers without a parser for keys
    """A table whose keys are free; None where one of its keys or values is wrong."""

    def parse(value: Value) -> dict[_K, _T] | None:
        items = _check(value, dict, "a table")
        if items is None:
            return None
        found = {}
        for name, item in items.items():
            path = join_key(value.path, name)
            parsed_key, parsed_item = key(value.at(path, name)), parse_one(value.at(path, item))
            if parsed_key is not None and parsed_item is not None:
                found[parsed_key] = parsed_item
        return found if len(found) == len(items) else None

    return parse


def keyed_table(read_table: Callable[[TableReader], _T | None]) -> Parser[_T]:
    """A table with keys of its own; others are faults."""

    def parse(value: Value) -> _T | None:
        items = _check(value, dict, "a table")
        if items is None:
            return None
        reader = TableReader(items, path=value.path, faults=value.faults, wording=value.wording)
        found = read_table(reader)
        reader.refuse_unknown_keys()
        return found

    return parse


def _check(value: Value, kind: type[_T], expected: str) -> _T | None:
    if isinstance(value.raw, kind):
        return value.raw
    value.refuse_type(expected)
    return None


def _name_type(value: object) -> str:
    """What TOML calls the type of a value."""
    match value:
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int():
            return "an integer"
        case float():
            return "a float"
        case list():
            return "an array"
        case dict():
            return "a table"
        case _:
            return "a date or time"


project_name: Parser[NormalizedName] = parsed(lambda word: canonicalize_name(word, validate=True), "project name")
"""The name of a project, which need not be normalized (PEP 503)."""

version: Parser[Version] = parsed(Version, "version (PEP 440)")
