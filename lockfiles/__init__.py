"""Read, write, check, compare and digest lockfiles (PEP 751), without a solver and without a network.

Each name is imported from its module when it is first used, so that whoever needs one of them loads no other.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    from lockfiles.exporting import export_list, export_requirements, move_paths, requirements, select_layer
    from lockfiles.graph import (
        ImageLayer,
        LockGraph,
        LockPath,
        Request,
        assign_layers,
        build_graph,
        find_paths,
        split_layers,
    )
    from lockfiles.identity import digest
    from lockfiles.lockfile import BuildFacts, BuildWheel, Lockfile, SettingValue, ToolTable
    from lockfiles.reading import dumps, loads, read, write
    from lockfiles.secret_forms import FoundSecret, find_secrets

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
    "BuildFacts": "lockfiles.lockfile",
    "BuildWheel": "lockfiles.lockfile",
    "ExportError": "lockfiles.errors",
    "Fault": "lockfiles.errors",
    "FoundSecret": "lockfiles.secret_forms",
    "ImageLayer": "lockfiles.graph",
    "InvalidLockfileError": "lockfiles.errors",
    "LockGraph": "lockfiles.graph",
    "LockPath": "lockfiles.graph",
    "Lockfile": "lockfiles.lockfile",
    "LockfileError": "lockfiles.errors",
    "LockfileNameError": "lockfiles.errors",
    "LockfileSyntaxError": "lockfiles.errors",
    "PinfoldError": "lockfiles.errors",
    "Request": "lockfiles.graph",
    "SettingValue": "lockfiles.lockfile",
    "ToolTable": "lockfiles.lockfile",
    "UnsupportedLockfileError": "lockfiles.errors",
    "assign_layers": "lockfiles.graph",
    "build_graph": "lockfiles.graph",
    "digest": "lockfiles.identity",
    "dumps": "lockfiles.reading",
    "export_list": "lockfiles.exporting",
    "export_requirements": "lockfiles.exporting",
    "find_paths": "lockfiles.graph",
    "find_secrets": "lockfiles.secret_forms",
    "loads": "lockfiles.reading",
    "move_paths": "lockfiles.exporting",
    "read": "lockfiles.reading",
    "requirements": "lockfiles.exporting",
    "select_layer": "lockfiles.exporting",
    "split_layers": "lockfiles.graph",
    "write": "lockfiles.reading",
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
