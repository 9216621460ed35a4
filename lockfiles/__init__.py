"""Read, write, check, compare and digest lockfiles (PEP 751), without a solver and without a network.

Each name is imported from its module when it is first used, so that whoever needs one of them loads no other.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockfiles.app_list import requirements
    from lockfiles.comparison import Comparison, FactChange, LineChange, LockedFile, LockedPin, PinChange, compare
    from lockfiles.errors import (
        ExportError,
        Fault,
        InvalidLockfileError,
        LockfileError,
        LockfileNameError,
        LockfileSyntaxError,
        PinfoldError,
        UnsupportedLockfileError,
    )
    from lockfiles.exporting import export_list, export_requirements, move_paths, select_layer
    from lockfiles.graph import LockGraph, LockPath, Request, assign_layers, build_graph, find_paths
    from lockfiles.identity import digest
    from lockfiles.image_layers import ImageLayer, split_layers
    from lockfiles.lockfile import Lockfile
    from lockfiles.reading import loads, read
    from lockfiles.secret_search import FoundSecret, find_secrets
    from lockfiles.tool_table import BuildFacts, BuildWheel, SettingValue, ToolTable
    from lockfiles.writing import dumps, write

__all__ = [
    "BuildFacts",
    "BuildWheel",
    "Comparison",
    "ExportError",
    "FactChange",
    "Fault",
    "FoundSecret",
    "ImageLayer",
    "InvalidLockfileError",
    "LineChange",
    "LockGraph",
    "LockPath",
    "LockedFile",
    "LockedPin",
    "Lockfile",
    "LockfileError",
    "LockfileNameError",
    "LockfileSyntaxError",
    "PinChange",
    "PinfoldError",
    "Request",
    "SettingValue",
    "ToolTable",
    "UnsupportedLockfileError",
    "assign_layers",
    "build_graph",
    "compare",
    "digest",
    "dumps",
    "export_list",
    "export_requirements",
    "find_paths",
    "find_secrets",
    "loads",
    "move_paths",
    "read",
    "requirements",
    "select_layer",
    "split_layers",
    "write",
]

_ELSEWHERE = {
    "BuildFacts": "lockfiles.tool_table",
    "BuildWheel": "lockfiles.tool_table",
    "ExportError": "lockfiles.errors",
    "Fault": "lockfiles.errors",
    "FoundSecret": "lockfiles.secret_search",
    "ImageLayer": "lockfiles.image_layers",
    "InvalidLockfileError": "lockfiles.errors",
    "LockGraph": "lockfiles.graph",
    "LockPath": "lockfiles.graph",
    "Lockfile": "lockfiles.lockfile",
    "LockfileError": "lockfiles.errors",
    "LockfileNameError": "lockfiles.errors",
    "LockfileSyntaxError": "lockfiles.errors",
    "PinfoldError": "lockfiles.errors",
    "Request": "lockfiles.graph",
    "SettingValue": "lockfiles.tool_table",
    "ToolTable": "lockfiles.tool_table",
    "UnsupportedLockfileError": "lockfiles.errors",
    "assign_layers": "lockfiles.graph",
    "build_graph": "lockfiles.graph",
    "digest": "lockfiles.identity",
    "dumps": "lockfiles.writing",
    "export_list": "lockfiles.exporting",
    "export_requirements": "lockfiles.exporting",
    "find_paths": "lockfiles.graph",
    "find_secrets": "lockfiles.secret_search",
    "loads": "lockfiles.reading",
    "move_paths": "lockfiles.exporting",
    "read": "lockfiles.reading",
    "requirements": "lockfiles.app_list",
    "select_layer": "lockfiles.exporting",
    "split_layers": "lockfiles.image_layers",
    "write": "lockfiles.writing",
}
"""Where each name comes from, but for the comparison."""


def __getattr__(name: str) -> object:
    """The public name, from its module (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_ELSEWHERE.get(name, "lockfiles.comparison")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
