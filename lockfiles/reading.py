"""Reading and writing lockfiles: TOML text in, a checked `Lockfile` or every fault out, and the reverse.

Both directions are here because each uses the other: a lock is checked as a reader would check it before it is written,
so nothing is written that `loads` refuses. Equal locks are written as equal text.

Reading has these stages: TOML, the versions of the formats (PEP 751 lock-version, our schema), the rules that pinfold
adds (`lockfiles.validation`), the rules of PEP 751 (`packaging.pylock`), the table `[tool.pinfold]`, the seal.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.pylock import Pylock, PylockValidationError, is_valid_pylock_path
from packaging.version import Version

from lockfiles._documents import DocumentError, parse_toml
from lockfiles._files import read_regular, remove_strays, replace_file
from lockfiles.errors import (
    Fault,
    InvalidLockfileError,
    LockfileNameError,
    LockfileSyntaxError,
    UnsupportedLockfileError,
    parser_boundary,
)
from lockfiles.identity import has_broken_seal, with_seal
from lockfiles.lockfile import SCHEMA, Lockfile, ToolTable, build_document, read_tool_table
from lockfiles.secret_forms import find_secret_part
from lockfiles.validation import iter_faults

__all__ = [
    "dumps",
    "loads",
    "read",
    "write",
]

_LIMIT_BYTES = 64 * 1024 * 1024
"""Twenty times the largest known lock."""

_LOCK_VERSION = Version("1.0")


def read(path: str | Path) -> Lockfile:
    """The lockfile at `path`, which may have any name. Raises LockfileError, or OSError if it cannot be read."""
    data = read_regular(Path(path), limit_bytes=_LIMIT_BYTES)
    return _load(data)


def loads(text: str) -> Lockfile:
    """The lockfile that `text` holds. Raises LockfileError with every fault and its document path."""
    return _load(text)


@parser_boundary(lambda reason: LockfileSyntaxError(f"no lockfile: {reason}", line=None, column=None))
def _load(data: bytes | str) -> Lockfile:
    """The body of `read` and `loads`."""
    try:
        document = parse_toml(data)
    except DocumentError as error:
        place = f" in line {error.line}, column {error.column}" if error.line is not None else ""
        message = f"not TOML{place}: {error.what}"
        raise LockfileSyntaxError(message, line=error.line, column=error.column) from error
    return _parse_document(document)


def dumps(lockfile: Lockfile) -> str:
    """The lock as TOML in the key order of PEP 751, with line feeds and one at the end. Equal locks give equal text.

    Raises InvalidLockfileError for a lock that `loads` would refuse, so that no secret can be written.
    """
    # Lazy: reading locks needs no writer.
    import tomli_w

    document = build_document(lockfile)
    _parse_document(document)
    return tomli_w.dumps(with_seal(document))


def write(lockfile: Lockfile, path: str | Path, *, check_name: bool = True) -> bool:
    """Write the lock to `path`; return whether the file changed. Equal bytes leave it and its time stamps alone.

    The file is replaced atomically. It keeps the permissions of the old file, and a symbolic link stays one: its target
    is replaced. Raises LockfileNameError for a name that PEP 751 does not allow, unless `check_name` is false;
    InvalidLockfileError as `dumps` does; OSError.
    """
    path = Path(path)
    if check_name and not is_valid_pylock_path(path):
        raise LockfileNameError(path.name)
    return write_dumped(dumps(lockfile), path)


def write_dumped(text: str, path: Path) -> bool:
    """As `write`, for a lock that `dumps` has made a text of. The name is not checked."""
    data = text.encode("utf-8")
    target = Path(os.path.realpath(path))
    remove_strays(target.parent, target.name)
    try:
        if target.read_bytes() == data:
            return False
        mode = stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mode = None
    # A power cut must leave the old lock or the new one. Without an old lock nothing can be lost.
    replace_file(target, data, mode=mode, is_durable=mode is not None)
    return True


def _parse_document(document: Mapping[str, Any]) -> Lockfile:
    """The lockfile that a TOML document holds.

    Raises UnsupportedLockfileError for an unknown format before anything else is checked, because the rules of this
    version do not apply to it; else InvalidLockfileError with all faults.
    """
    warnings = _check_lock_version(document)
    table = _find_tool_table(document)
    _check_schema(table)
    faults = list(iter_faults(document))
    pylock = _parse_pylock(document, faults, is_newer=bool(warnings))
    tool = _parse_tool_table(table, faults)
    if faults or pylock is None:
        raise InvalidLockfileError.from_faults(_redact(fault) for fault in faults)
    return Lockfile(pylock=pylock, tool=tool, warnings=warnings, is_edited=has_broken_seal(document))


def _redact(fault: Fault) -> Fault:
    """The fault with a message that can be shown: packaging's messages may quote a URL with a secret."""
    if find_secret_part(fault.what) is None:
        return fault
    return Fault(where=fault.where, what="not understood, and not shown, since it holds a secret")


def _check_lock_version(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Warnings about a newer minor version of PEP 751. Raises UnsupportedLockfileError for another major version.

    A missing or wrong version is left to packaging, which reports it as a fault.
    """
    text = document.get("lock-version")
    try:
        version = Version(text) if isinstance(text, str) else _LOCK_VERSION
    except ValueError:  # `InvalidVersion`, and numbers of thousands of digits.
        return ()
    if version.major != _LOCK_VERSION.major:
        message = f"lock-version {version} is not supported, only 1.0 is"
        raise UnsupportedLockfileError(message, where="lock-version")
    if version > _LOCK_VERSION:
        return (f"lock-version {version} is newer than 1.0: what it adds is not read",)
    return ()


def _find_tool_table(document: Mapping[str, Any]) -> Any:
    """The table `[tool.pinfold]` as TOML has it, of any type; None if there is none."""
    tool = document.get("tool")
    return tool.get("pinfold") if isinstance(tool, dict) else None


def _check_schema(table: Any) -> None:
    """Raise UnsupportedLockfileError for a schema of a later version. Wrong types are reported as faults later."""
    schema = table.get("schema") if isinstance(table, dict) else None
    if type(schema) is int and schema > SCHEMA:
        message = f"written by a newer pinfold: schema {schema} is not known, only {SCHEMA} is"
        raise UnsupportedLockfileError(message, where="tool.pinfold.schema")


def _parse_pylock(document: Mapping[str, Any], faults: list[Fault], *, is_newer: bool) -> Pylock | None:
    """The document without our table; None if packaging refuses it.

    Packaging stops at its first fault, which is added to `faults` unless they already have one at that place.
    """
    # Packaging logs a warning about a newer minor version, which would reach the terminal. It gets 1.0 instead.
    known = {**document, "lock-version": str(_LOCK_VERSION)} if is_newer else document
    try:
        pylock = Pylock.from_dict(known)
    except PylockValidationError as error:
        path = error.context or ""
        if not any(str(fault.where).startswith(path) for fault in faults):
            # The message for a marker or specifier continues with lines that show the text: only the first is kept.
            message = error.message.partition("\n")[0]
            faults.append(Fault(where=path, what=message[:1].lower() + message[1:]))
        return None
    tool = {name: table for name, table in (pylock.tool or {}).items() if name != "pinfold"}
    return replace(pylock, lock_version=Version(document["lock-version"]), tool=tool or None)


def _parse_tool_table(table: Any, faults: list[Fault]) -> ToolTable | None:
    """The typed `[tool.pinfold]`; None for a lock of another tool. Faults are added to `faults`."""
    if table is None:
        return None
    if not isinstance(table, dict):
        faults.append(Fault(where="tool.pinfold", what="expected a table"))
        return None
    return read_tool_table(table, faults)
