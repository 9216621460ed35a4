"""Reading `[tool.pinfold]`: a TOML table in, a `ToolTable` or every fault with its document path out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from packaging.utils import NormalizedName, is_normalized_name
from packaging.version import InvalidVersion, Version

from lockfiles.document_path import join_key
from lockfiles.errors import Fault
from lockfiles.seal import SEAL_KEY
from lockfiles.tool_table import SCHEMA, BuildFacts, BuildWheel, SettingValue, ToolTable

__all__ = ["TableReader"]

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_NO_VERSION = Version("0")
_K = TypeVar("_K", bound=str)
_T = TypeVar("_T")


class TableReader:
    """Reads one table key by key; `faults` grows, and what is wrong reads as a harmless empty value meanwhile."""

    def __init__(self, table: Mapping[str, Any], path: str, faults: list[Fault]) -> None:
        self._table = table
        self._path = path
        self._unread = dict.fromkeys(table)
        self.faults = faults

    def read_tool_table(self) -> ToolTable:
        """The whole of `[tool.pinfold]`; of use only when no faults were added."""
        tool = ToolTable(
            schema=self._required("schema", self._schema, SCHEMA),
            python=self._required("python", self._text, ""),
            platform=self._required("platform", self._text, ""),
            index_strategy=self._required("index-strategy", self._text, ""),
            requirement_digest=self._required("requirement-digest", self._sha256, ""),
            exclude_newer=self._optional("exclude-newer", self._text, None),
            requirements=self._required("requirements", self._array_of(self._array_of(self._text)), ()),
            layers=self._required("layers", self._array_of(self._array_of(self._name)), ()),
            credentials=self._optional("credentials", self._array_of(self._text), ()),
            built=self._optional("built", self._array_of(self._name), ()),
            accelerator=self._optional("accelerator", self._table_of(self._key, self._text), {}),
            settings=self._optional("settings", self._table_of(self._key, self._setting), {}),
            extras=self._optional("extras", self._table_of(self._name, self._array_of(self._name)), {}),
            requested_by=self._optional("requested-by", self._table_of(self._name, self._array_of(self._text)), {}),
            build=self._optional("build", self._table_of(self._name, self._build_facts), {}),
            build_wheels=self._optional("build-wheels", self._array_of(self._build_wheel), ()),
        )
        self._optional(SEAL_KEY, self._sha256, "")
        self._refuse_unread_keys()
        return tool

    def _required(self, key: str, read: Callable[[Any, str], _T], empty: _T) -> _T:
        if key not in self._table:
            self._fault(f"{self._path}.{key}", "missing")
            return empty
        return self._optional(key, read, empty)

    def _optional(self, key: str, read: Callable[[Any, str], _T], empty: _T) -> _T:
        self._unread.pop(key, None)
        if key not in self._table:
            return empty
        try:
            return read(self._table[key], f"{self._path}.{key}")
        except _WrongValueError as error:
            self._fault(error.path, error.message)
            return empty

    def _refuse_unread_keys(self) -> None:
        for key in self._unread:
            self._fault(join_key(self._path, key), f"no key of schema {SCHEMA}")

    def _fault(self, path: str, message: str) -> None:
        self.faults.append(Fault(where=path, what=message))

    def _build_facts(self, value: Any, path: str) -> BuildFacts:
        if not isinstance(value, dict):
            raise _WrongValueError(path, _expected("a table", value))
        reader = TableReader(value, path, self.faults)
        facts = BuildFacts(
            isolation=reader._optional("isolation", self._flag, True),
            requirements=reader._optional("requirements", self._array_of(self._text), ()),
            content=reader._optional("content", self._sha256, None),
            config_settings=reader._optional("config-settings", self._array_of(self._pair), ()),
        )
        reader._refuse_unread_keys()
        return facts

    def _build_wheel(self, value: Any, path: str) -> BuildWheel:
        if not isinstance(value, dict):
            raise _WrongValueError(path, _expected("a table", value))
        reader = TableReader(value, path, self.faults)
        wheel = BuildWheel(
            name=reader._required("name", self._name, NormalizedName("")),
            version=reader._required("version", self._version, _NO_VERSION),
            index=reader._optional("index", self._text, None),
            file=reader._required("file", self._text, ""),
            url=reader._optional("url", self._text, None),
            path=reader._optional("path", self._text, None),
            size=reader._required("size", self._size, 0),
            sha256=reader._required("sha256", self._hex, ""),
        )
        reader._refuse_unread_keys()
        return wheel

    @staticmethod
    def _schema(value: Any, path: str) -> int:
        if type(value) is not int or value < 1:
            raise _WrongValueError(path, _expected("a number from 1", value))
        return value

    @staticmethod
    def _text(value: Any, path: str) -> str:
        if not isinstance(value, str):
            raise _WrongValueError(path, _expected("a string", value))
        return value

    @staticmethod
    def _key(value: str, path: str) -> str:
        return value

    @staticmethod
    def _flag(value: Any, path: str) -> bool:
        if not isinstance(value, bool):
            raise _WrongValueError(path, _expected("true or false", value))
        return value

    @staticmethod
    def _name(value: Any, path: str) -> NormalizedName:
        if not isinstance(value, str) or not is_normalized_name(value):
            raise _WrongValueError(path, _expected("a normalized project name", value))
        return NormalizedName(value)

    @staticmethod
    def _sha256(value: Any, path: str) -> str:
        if not isinstance(value, str) or not _SHA256.fullmatch(value):
            raise _WrongValueError(path, _expected("`sha256:` and 64 digits of lower-case hex", value))
        return value

    @staticmethod
    def _version(value: Any, path: str) -> Version:
        try:
            return Version(value)
        except (InvalidVersion, TypeError):
            raise _WrongValueError(path, _expected("a version of PEP 440", value)) from None

    @staticmethod
    def _size(value: Any, path: str) -> int:
        if type(value) is not int or value < 0:
            raise _WrongValueError(path, _expected("a number of bytes", value))
        return value

    @staticmethod
    def _hex(value: Any, path: str) -> str:
        if not isinstance(value, str) or not _SHA256.fullmatch(f"sha256:{value}"):
            raise _WrongValueError(path, _expected("64 digits of lower-case hex", value))
        return value

    @classmethod
    def _setting(cls, value: Any, path: str) -> SettingValue:
        if isinstance(value, str | bool | int):
            return value
        if isinstance(value, list):
            return cls._array_of(cls._text)(value, path)
        raise _WrongValueError(path, _expected("a string, a number, true, false or an array of strings", value))

    @classmethod
    def _pair(cls, value: Any, path: str) -> tuple[str, str]:
        texts = cls._array_of(cls._text)(value, path)
        if len(texts) != 2:
            raise _WrongValueError(path, "expected a name and a hash")
        return texts[0], cls._sha256(texts[1], f"{path}[1]")

    @staticmethod
    def _array_of(read: Callable[[Any, str], _T]) -> Callable[[Any, str], tuple[_T, ...]]:
        def read_array(value: Any, path: str) -> tuple[_T, ...]:
            if not isinstance(value, list):
                raise _WrongValueError(path, _expected("an array", value))
            return tuple(read(item, f"{path}[{number}]") for number, item in enumerate(value))

        return read_array

    @staticmethod
    def _table_of(
        read_key: Callable[[str, str], _K], read: Callable[[Any, str], _T]
    ) -> Callable[[Any, str], Mapping[_K, _T]]:
        def read_table(value: Any, path: str) -> Mapping[_K, _T]:
            if not isinstance(value, dict):
                raise _WrongValueError(path, _expected("a table", value))
            paths = {key: join_key(path, key) for key in value}
            return {read_key(key, paths[key]): read(item, paths[key]) for key, item in value.items()}

        return read_table


class _WrongValueError(Exception):
    """A value of another type or form than its key has."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(path, message)
        self.path = path
        self.message = message


def _expected(what: str, found: object) -> str:
    """`expected …, found …`, with short texts shown and all else named by type."""
    if isinstance(found, str) and len(found) <= 40 and found.isprintable():
        return f"expected {what}, found `{found}`"
    names: Mapping[type, str] = {
        dict: "a table",
        list: "an array",
        str: "a string",
        bool: "true or false",
        int: "a number",
    }
    return f"expected {what}, found {names.get(type(found), 'a value of another type')}"
