"""Reading a TOML table key by key, with all of its faults in one report.

In: a table as `tomllib` gives it, and a parser for each key. Out: the parsed values; for each fault the document path,
what is wrong and a remedy. It serves `[tool.pinfold]` of a lock (`lockfiles.lockfile`), that of a project and a
file of credentials (`resolver.settings.settings`, `resolver.fetch.http.login_stores`), which differ in their parsers
and in the wording of their faults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import compile_later, dataclass
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

# The last part of a document path, if it is a bare key.
_LAST_KEY = compile_later(r"(?<![^.])[A-Za-z0-9_-]+$")
_T = TypeVar("_T")
_D = TypeVar("_D")
_K = TypeVar("_K", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFault:
    """One fault. `path` is like `machines[0].name`; `what` is a clause or a sentence, depending on the `Wording`.

    `remedy` is one action, empty if no action is certain to help.
    """

    path: str
    what: str
    remedy: str = ""


class Wording:
    """The texts of faults: sentences that name the path, and no value, since a value may hold a secret.

    A subclass may use other texts: `lockfiles.lockfile` has clauses that show short values.
    """

    def describe_missing(self, path: str) -> str:
        """The text for a required key that is missing."""
        return f"`{path}` is missing"

    def describe_unknown(self, path: str) -> str:
        """The text for a key that no call of `TableReader.read` names."""
        return f"unknown key `{path}`"

    def describe_type(self, path: str, expected: str, found: object) -> str:
        """The text for a value of another type than `expected`, which is like `a string`."""
        return f"`{path}` must be {expected}, not {_name_type(found)}"

    def describe_form(self, path: str, form: str, found: object) -> str:
        """The text for a string that cannot be parsed as `form`, which is like `project name`."""
        return f"`{path}` is no {form}"


class Value:
    """A value and its place, the argument of parsers: `raw` as TOML has it, `path` in the document.

    `faults` is the list of the whole report, which parsers add to through the methods below.
    """

    __slots__ = ("faults", "path", "raw", "wording")

    def __init__(self, raw: object, path: str, faults: list[TableFault], wording: Wording) -> None:
        self.raw = raw
        self.path = path
        self.faults = faults
        self.wording = wording

    def at(self, path: str, raw: object) -> Value:
        """A value inside this one, an item of an array or table, with its own path."""
        return Value(raw, path, self.faults, self.wording)

    def refuse(self, what: str, *, remedy: str = "") -> None:
        """Add a fault of this value."""
        self.faults.append(TableFault(path=self.path, what=what, remedy=remedy))

    def refuse_type(self, expected: str) -> None:
        """Add the fault that the value has another type than `expected`, which is like `a string`."""
        # `python = 3.11` only lacks quotation marks, so the remedy can be written out.
        key = _LAST_KEY.search(self.path)
        unquoted = expected == "a string" and type(self.raw) in {int, float}
        remedy = f'`{key[0]} = "{self.raw}"`' if key is not None and unquoted else ""
        self.refuse(self.wording.describe_type(self.path, expected, self.raw), remedy=remedy)

    def refuse_form(self, form: str) -> None:
        """Add the fault that the text does not have this form, which is like `project name`."""
        self.refuse(self.wording.describe_form(self.path, form, self.raw))


Parser = Callable[[Value], _T | None]
"""A function from a value to what it means. It returns None after it has added a fault; TOML has no such value."""


class TableReader:
    """Reads one table, one key at a time.

    A missing or wrong value is replaced by the default of `read`, so that reading goes on and all faults are found. At
    the end, `refuse_unknown_keys` reports the keys that were not read.
    """

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
        """The parsed value of a key; `default` if the key is missing or its value is wrong.

        None as a result means that `default` is None; a wrong value has added a fault.
        """
        self._known.append(key)
        if key not in self._table:
            return default
        value = parse(self._find(key))
        return default if value is None else value

    def require(self, *keys: str) -> None:
        """Add a fault for each of these keys that is missing."""
        for key in keys:
            if key not in self._table:
                place = self._find(key)
                place.refuse(self._wording.describe_missing(place.path))

    def refuse_unknown_keys(self) -> None:
        """Add a fault for each key that was not read; its remedy is the most similar key that was read."""
        for key in self._table:
            if key in self._known:
                continue
            # Lazy: needed only for faults.
            from difflib import get_close_matches

            close = get_close_matches(key.replace("_", "-").lower(), self._known, n=1)
            place = self._find(key)
            place.refuse(self._wording.describe_unknown(place.path), remedy=f"`{close[0]}`" if close else "")

    def refuse(self, key: str, what: str, *, remedy: str = "") -> None:
        """Add a fault of a key whose value was parsed, but contradicts something outside of it."""
        self._find(key).refuse(what, remedy=remedy)

    def _find(self, key: str) -> Value:
        """The value of a key, None if it is missing, with its path."""
        return Value(self._table.get(key), join_key(self._path, key), self._faults, self._wording)


def text(value: Value) -> str | None:
    """Parser: any string."""
    return _check(value, str, "a string")


def filled_text(value: Value) -> str | None:
    """Parser: a string that is not blank. A blank one could be mistaken for a missing key."""
    word = text(value)
    if word is None or word.strip():
        return word
    value.refuse(f"`{value.path}` is empty", remedy="leave it out")
    return None


def flag(value: Value) -> bool | None:
    """Parser: true or false."""
    return _check(value, bool, "true or false")


def choice(*choices: str) -> Parser[str]:
    """A parser for one of these strings."""
    expected = " or ".join(f"`{one}`" for one in choices)

    def parse(value: Value) -> str | None:
        word = filled_text(value)
        if word is None or word in choices:
            return word
        value.refuse(f"`{value.path}` must be {expected}, not `{word}`")
        return None

    return parse


def parsed(parse_text: Callable[[str], _T], form: str) -> Parser[_T]:
    """A parser that applies `parse_text` to a string that is not blank.

    `parse_text` raises ValueError for a string that is not of the form, which `form` names in the fault.
    """

    def parse(value: Value) -> _T | None:
        word = filled_text(value)
        if word is None:
            return None
        try:
            return parse_text(word)
        except ValueError:
            # The fault does not show the text, which may be a URL with a secret.
            value.refuse_form(form)
            return None

    return parse


def array_of(parse_one: Parser[_T], *, of: str = "") -> Parser[tuple[_T, ...]]:
    """A parser for an array, which returns None if one of its items is wrong, after all items were parsed.

    `of` names the items in a fault (`strings`).
    """
    expected = f"an array of {of}" if of else "an array"
    takes_text: bool = parse_one is text

    def parse(value: Value) -> tuple[_T, ...] | None:
        items = _check(value, list, expected)
        if items is None:
            return None
        # A lock has hundreds of arrays of strings. Without a `Value` for each string it is read in two thirds of the
        # time.
        if takes_text and all(isinstance(item, str) for item in items):
            return tuple(items)
        found = [parse_one(value.at(f"{value.path}[{number}]", item)) for number, item in enumerate(items)]
        good = tuple([item for item in found if item is not None])
        return good if len(good) == len(found) else None

    return parse


def table_of(parse_one: Parser[_T], *, key: Callable[[Value], _K | None] = text) -> Parser[dict[_K, _T]]:  # type: ignore[assignment]  # a string is the K of callers without a parser for keys
    """A parser for a table with arbitrary keys, which returns None if one of its keys or values is wrong.

    `key` parses the keys; by default they are texts.
    """

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
    """A parser for a table with fixed keys, which `read_table` reads; any other key is a fault."""

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
    """The raw value if it has the type; None after adding a fault otherwise."""
    if isinstance(value.raw, kind):
        return value.raw
    value.refuse_type(expected)
    return None


def _name_type(value: object) -> str:
    """The name of the type of a value in TOML."""
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


# Parsers that several tables use. They are defined here because they are made of the functions above.
project_name: Parser[NormalizedName] = parsed(lambda word: canonicalize_name(word, validate=True), "project name")
"""Parser: the name of a project, which the table may write in any way (PEP 503)."""

version: Parser[Version] = parsed(Version, "version (PEP 440)")
"""Parser: one version, which is not a specifier (PEP 440)."""
