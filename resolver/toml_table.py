"""A TOML table read key by key, with every fault of it in one report. Pure: the table is already parsed."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from resolver.requirements.url import Secret

__all__ = ["TableReader"]

_T = TypeVar("_T")


class TableReader:
    """One TOML table, read key by key.

    Each `read_` method returns None for a key that is missing, and for one that is wrong after noting the fault.
    """

    def __init__(self, table: Mapping[str, object], *, prefix: str, faults: list[str]) -> None:
        self._table = table
        self._prefix = prefix
        self._faults = faults
        self._known: list[str] = []

    def report_unknown_keys(self) -> None:
        for key in self._table:
            if key not in self._known:
                # Imported where it is needed: a run without faults has no use for it.
                from difflib import get_close_matches

                close = get_close_matches(key.replace("_", "-").lower(), self._known, n=1)
                remedy = f"\n  try: `{close[0]}`" if close else ""
                self._faults.append(f"unknown key `{self._prefix}{key}`{remedy}")

    def has_table(self, key: str) -> bool:
        """Whether the value of a key is a table, where it may be something else too."""
        return isinstance(self._table.get(key), dict)

    def read_text(self, key: str) -> str | None:
        """A text. An empty one is a fault: it would pass for a key that is not there."""
        text = self._read(key, str, "a string")
        if text is not None and not text.strip():
            self._faults.append(f"`{self._prefix}{key}` is empty\n  try: leave it out")
        return text

    def read_secret(self, key: str) -> Secret | None:
        """A text that no message shows, whatever is wrong with it."""
        self._known.append(key)
        value = self._table.get(key)
        if value is None:
            return None
        if isinstance(value, str) and value:
            return Secret(value)
        self._faults.append(f"`{self._prefix}{key}` must be a string that is not empty")
        return None

    def read_flag(self, key: str) -> bool | None:
        return self._read(key, bool, "true or false")

    def read_texts(self, key: str) -> tuple[str, ...] | None:
        values = self._read(key, list, "an array of strings")
        return None if values is None else self._check_texts(key, values)

    def read_text_or_texts(self, key: str) -> tuple[str, ...] | None:
        """An array of texts, or one text, which stands for an array of it."""
        if isinstance(self._table.get(key), str):
            text = self.read_text(key)
            return None if text is None else (text,)
        return self.read_texts(key)

    def read_text_table(self, key: str) -> dict[str, str] | None:
        """A table whose keys are free and whose values are strings."""
        table = self._read(key, dict, "a table of strings")
        if table is None:
            return None
        # The message does not show the key, which may be a URL with a secret.
        for place, value in enumerate(table.values()):
            if not isinstance(value, str):
                self._report_type(f"{key}[{place}]", value, "a string")
        return {name: value for name, value in table.items() if isinstance(value, str)}

    def read_form(self, key: str, form: re.Pattern[str], what: str) -> str | None:
        """A text that the whole of a pattern matches."""
        text = self.read_text(key)
        if text is None or form.fullmatch(text):
            return text
        self._faults.append(f"`{self._prefix}{key}` is no {what}")
        return None

    def read_time(self, key: str) -> str | None:
        """A text, or one of TOML's own dates and times as a text."""
        value = self._table.get(key)
        if isinstance(value, datetime.date):
            self._known.append(key)
            return value.isoformat()
        return self.read_text(key)

    def read_choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        value = self.read_text(key)
        if value is None or value in choices:
            return value
        self._faults.append(
            f"`{self._prefix}{key}` must be {' or '.join(f'`{one}`' for one in choices)}, not `{value}`"
        )
        return None

    def read_items(self, key: str) -> tuple[str, ...] | tuple[tuple[str, ...], ...] | None:
        """A list of items; as soon as one of them is an array, a list of layers."""
        values = self._read(key, list, "an array")
        if values is None:
            return None
        if not any(isinstance(value, list) for value in values):
            return self._check_texts(key, values)
        layers: list[tuple[str, ...]] = []
        for place, layer in enumerate(values):
            if isinstance(layer, list):
                layers.append(self._check_texts(f"{key}[{place}]", layer) or ())
            else:
                self._report_type(f"{key}[{place}]", layer, "an array, as other layers are")
        return tuple(layers)

    def read_names(self, key: str) -> tuple[NormalizedName, ...] | None:
        return self._parse_each(key, self.read_texts(key), _parse_name, "project name")

    def read_requirements(self, key: str) -> tuple[str, ...] | None:
        """Requirements as written, each of which packaging can parse."""
        texts = self.read_texts(key)
        return texts if self._parse_each(key, texts, Requirement, "requirement (PEP 508)") is not None else None

    def read_version(self, key: str) -> Version | None:
        return self._parse_one(key, self.read_text(key), Version, "version (PEP 440)")

    def read_specifier(self, key: str) -> str | None:
        text = self.read_text(key)
        return None if self._parse_one(key, text, SpecifierSet, "version specifier (PEP 440)") is None else text

    def read_name(self, key: str) -> NormalizedName | None:
        return self._parse_one(key, self.read_text(key), _parse_name, "project name")

    def read_tables(self, key: str, read_one: Callable[[TableReader], _T | None]) -> tuple[_T, ...] | None:
        values = self._read(key, list, "an array of tables")
        if values is None:
            return None
        rows: list[_T] = []
        for place, value in enumerate(values):
            if not isinstance(value, dict):
                self._report_type(f"{key}[{place}]", value, "a table")
                continue
            reader = TableReader(value, prefix=f"{self._prefix}{key}[{place}].", faults=self._faults)
            row = read_one(reader)
            reader.report_unknown_keys()
            if row is not None:
                rows.append(row)
        return tuple(rows)

    def read_table(self, key: str, read_one: Callable[[TableReader], _T | None]) -> _T | None:
        """One table with keys of its own."""
        value = self._read(key, dict, "a table")
        if value is None:
            return None
        reader = TableReader(value, prefix=f"{self._prefix}{key}.", faults=self._faults)
        found = read_one(reader)
        reader.report_unknown_keys()
        return found

    def read_patterns(self, key: str) -> tuple[re.Pattern[str], ...] | None:
        """Regular expressions with one group each."""
        return self._parse_each(key, self.read_texts(key), _parse_pattern, "regular expression with one group")

    def require(self, *keys: str) -> None:
        """Reports those of the keys that are missing."""
        self._faults += [f"`{self._prefix}{key}` is missing" for key in keys if key not in self._table]

    def _read(self, key: str, kind: type[_T], expected: str) -> _T | None:
        self._known.append(key)
        value = self._table.get(key)
        if value is None or isinstance(value, kind):
            return value
        self._report_type(key, value, expected)
        return None

    def _check_texts(self, key: str, values: list[object]) -> tuple[str, ...] | None:
        texts = tuple(value for value in values if isinstance(value, str))
        for place, value in enumerate(values):
            if not isinstance(value, str):
                self._report_type(f"{key}[{place}]", value, "a string")
        return texts if len(texts) == len(values) else None

    def _parse_each(
        self, key: str, texts: tuple[str, ...] | None, parse: Callable[[str], _T], form: str
    ) -> tuple[_T, ...] | None:
        parsed = [self._parse_one(f"{key}[{place}]", text, parse, form) for place, text in enumerate(texts or ())]
        values = tuple(value for value in parsed if value is not None)
        return values if texts is not None and len(values) == len(texts) else None

    def _parse_one(self, key: str, text: str | None, parse: Callable[[str], _T], form: str) -> _T | None:
        """The parsed text. The message does not show the text, which may be a URL with a secret."""
        if text is None:
            return None
        try:
            return parse(text)
        except (InvalidName, InvalidRequirement, InvalidSpecifier, InvalidVersion, re.error):
            self._faults.append(f"`{self._prefix}{key}` is no {form}")
            return None

    def _report_type(self, key: str, value: object, expected: str) -> None:
        # `python = 3.11` is what people write; quotes are all it lacks.
        unquoted = expected == "a string" and type(value) in {int, float} and "[" not in key
        remedy = f'\n  try: `{key} = "{value}"`' if unquoted else ""
        self._faults.append(f"`{self._prefix}{key}` must be {expected}, not {_name_toml_type(value)}{remedy}")


def _parse_name(text: str) -> NormalizedName:
    return canonicalize_name(text, validate=True)


def _parse_pattern(text: str) -> re.Pattern[str]:
    pattern = re.compile(text)
    if pattern.groups != 1:
        raise re.error("not one group")
    return pattern


def _name_toml_type(value: object) -> str:
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
