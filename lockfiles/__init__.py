"""Read, write, check, compare and digest lockfiles (PEP 751), without a solver and without a network."""

from lockfiles.comparison import Comparison, FactChange, LineChange, LockedFile, LockedPin, PinChange, compare
from lockfiles.errors import (
    InvalidLockfileError,
    LockfileError,
    LockfileFault,
    LockfileNameError,
    LockfileSyntaxError,
    UnsupportedLockfileError,
)
from lockfiles.identity import digest
from lockfiles.lockfile import Lockfile
from lockfiles.reading import loads, read
from lockfiles.tool_table import BuildFacts, SettingValue, ToolTable
from lockfiles.writing import dumps, write

__all__ = [
    "BuildFacts",
    "Comparison",
    "FactChange",
    "InvalidLockfileError",
    "LineChange",
    "LockedFile",
    "LockedPin",
    "Lockfile",
    "LockfileError",
    "LockfileFault",
    "LockfileNameError",
    "LockfileSyntaxError",
    "PinChange",
    "SettingValue",
    "ToolTable",
    "UnsupportedLockfileError",
    "compare",
    "digest",
    "dumps",
    "loads",
    "read",
    "write",
]
