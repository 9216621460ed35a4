"""Reading a lockfile: TOML text in, a checked `Lockfile` or every fault out.

Writing a lockfile: a `Lockfile` in, the one TOML text that it has out; on disk all of it or nothing.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.pylock import Pylock, PylockValidationError, is_valid_pylock_path
from packaging.version import InvalidVersion, Version

from lockfiles._files import replace_file
from lockfiles.errors import (
    Fault,
    InvalidLockfileError,
    LockfileNameError,
    LockfileSyntaxError,
    UnsupportedLockfileError,
)
from lockfiles.identity import has_broken_seal, with_seal
from lockfiles.lockfile import SCHEMA, Lockfile, ToolTable, build_document, read_tool_table
from lockfiles.secret_forms import find_secret_part
from lockfiles.validation import iter_faults

__all__ = [
    "dumps",
    "loads",
    "parse_document",
    "read",
    "write",
]


_KNOWN = Version("1.0")
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read(path: str | Path) -> Lockfile:
    """The lockfile at `path`, by any file name. Raises LockfileError, or OSError where it cannot be read."""
    data = Path(path).read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise LockfileSyntaxError("not UTF-8, which TOML demands", line=line, column=column) from error
    return loads(text)


def loads(text: str) -> Lockfile:
    """The lockfile that `text` holds. Raises LockfileError with every fault and its document path."""
    try:
        return parse_document(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(text, error) from error
    except RecursionError as error:
        raise LockfileSyntaxError("nested too deeply to be a lockfile", line=None, column=None) from error
    except ValueError as error:
        # Python reads no integer of more than some thousand digits.
        raise LockfileSyntaxError("holds a number that is too long to be read", line=None, column=None) from error


def parse_document(document: Mapping[str, Any]) -> Lockfile:
    """The lockfile that a TOML document holds; a format that is not known is refused before faults are looked for."""
    warnings = _check_lock_version(document)
    table = _find_tool_table(document)
    _check_schema(table)
    faults = list(iter_faults(document))
    pylock = _parse_pylock(document, faults, is_newer=bool(warnings))
    tool = _parse_tool_table(table, faults)
    if faults or pylock is None:
        raise InvalidLockfileError.from_faults(_without_secret(fault) for fault in faults)
    return Lockfile(pylock=pylock, tool=tool, warnings=warnings, is_edited=has_broken_seal(document))


def _without_secret(fault: Fault) -> Fault:
    """The fault with a message that can be shown: one that quotes a URL with a secret in it says only that."""
    if find_secret_part(fault.what) is None:
        return fault
    return Fault(where=fault.where, what="not understood, and not shown, since it holds a secret")


def _syntax_error(text: str, error: tomllib.TOMLDecodeError) -> LockfileSyntaxError:
    """The parser's message with its line and column as numbers; the end of the document has them too."""
    message = str(error)
    match = _PLACE.search(message)
    what = message[: match.start()] if match else message
    if match is not None and match.group(1) is not None:
        line, column = int(match.group(1)), int(match.group(2))
    else:
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    what = what[:1].lower() + what[1:]
    return LockfileSyntaxError(f"not TOML in line {line}, column {column}: {what}", line=line, column=column)


def _check_lock_version(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Warnings about a newer minor version; a newer major one is refused. Missing or wrong texts are packaging's."""
    text = document.get("lock-version")
    try:
        version = Version(text) if isinstance(text, str) else _KNOWN
    except InvalidVersion:
        return ()
    if version.major != _KNOWN.major:
        message = f"lock-version {version} is not supported, only 1.0 is"
        raise UnsupportedLockfileError(message, where="lock-version")
    if version > _KNOWN:
        return (f"lock-version {version} is newer than 1.0: what it adds is not read",)
    return ()


def _find_tool_table(document: Mapping[str, Any]) -> Any:
    tool = document.get("tool")
    return tool.get("pinfold") if isinstance(tool, dict) else None


def _check_schema(table: Any) -> None:
    schema = table.get("schema") if isinstance(table, dict) else None
    if type(schema) is int and schema > SCHEMA:
        message = f"written by a newer pinfold: schema {schema} is not known, only {SCHEMA} is"
        raise UnsupportedLockfileError(message, where="tool.pinfold.schema")


def _parse_pylock(document: Mapping[str, Any], faults: list[Fault], *, is_newer: bool) -> Pylock | None:
    """The document without our table; packaging's first fault joins `faults`, unless that place has one already."""
    # Packaging logs a warning about a newer minor version, which would reach the terminal: it is told of 1.0 instead.
    known = {**document, "lock-version": str(_KNOWN)} if is_newer else document
    try:
        pylock = Pylock.from_dict(known)
    except PylockValidationError as error:
        path = error.context or ""
        if not any(str(fault.where).startswith(path) for fault in faults):
            # A marker's or specifier's error shows the text on lines of its own: the first line says what is wrong.
            message = error.message.partition("\n")[0]
            faults.append(Fault(where=path, what=message[:1].lower() + message[1:]))
        return None
    tool = {name: table for name, table in (pylock.tool or {}).items() if name != "pinfold"}
    return replace(pylock, lock_version=Version(document["lock-version"]), tool=tool or None)


def _parse_tool_table(table: Any, faults: list[Fault]) -> ToolTable | None:
    if table is None:
        return None
    if not isinstance(table, dict):
        faults.append(Fault(where="tool.pinfold", what="expected a table"))
        return None
    return read_tool_table(table, faults)


def dumps(lockfile: Lockfile) -> str:
    """The lock as TOML with PEP 751's key order, line feeds, and one at the end. Equal locks give equal text.

    Raises InvalidLockfileError for what `loads` would refuse, so that no secret can be written.
    """
    # Reading locks needs no writer: this import is saved on every path that writes nothing.
    import tomli_w

    document = build_document(lockfile)
    parse_document(document)
    return tomli_w.dumps(with_seal(document))


def write(lockfile: Lockfile, path: str | Path, *, check_name: bool = True) -> bool:
    """Whether the file changed: equal bytes leave it and its time stamps alone.

    The new file appears at once or not at all, keeps the permissions of the one before, and goes where a symbolic
    link points. Raises LockfileNameError for a name that PEP 751 does not allow, unless `check_name` is false.
    """
    path = Path(path)
    if check_name and not is_valid_pylock_path(path):
        raise LockfileNameError(path.name)
    data = dumps(lockfile).encode("utf-8")
    target = Path(os.path.realpath(path))
    try:
        if target.read_bytes() == data:
            return False
        mode = stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mode = None
    # A power cut must leave the old lock or the new one; a first lock has none to lose.
    replace_file(target, data, mode=mode, is_durable=mode is not None)
    return True
