"""Read, write, check, compare and digest lockfiles (PEP 751), without a solver and without a network.

- `read` and `loads` return a `Lockfile`, or raise a `LockfileError` with every fault; `write` and `dumps` reverse them.
- `digest` identifies what an installation leaves behind. `compare` lists what differs between two locks.
- `build_graph` and `find_paths` explain why a pin is in the lock; `split_layers` groups pins into image layers.
- `export_requirements`, `export_list` and `requirements` render a lock for pip and uv.

A module is imported when one of its names is first used (PEP 562), so that reading a lock loads no exporter.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

# For type checkers alone: at run time `__getattr__` imports a module when one of its names is first used.
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

# Each public name is written in two places, above for type checkers and below for `__getattr__`. Type checkers accept
# `__all__` only as literals, so a table that maps names to modules would repeat every name a third time. Instead, the
# names of a module are added together, and `_ENDS` records where in `__all__` they end.
__all__: list[str] = []
_ENDS: dict[str, int] = {}
"""By module, the number of names in `__all__` up to its last one, before `__all__` is sorted."""

__all__ += ["Comparison", "FactChange", "LineChange", "LockedFile", "LockedPin", "PinChange", "compare"]
_ENDS["lockfiles.comparison"] = len(__all__)
__all__ += [
    "ExportError",
    "Fault",
    "InvalidLockfileError",
    "LockfileError",
    "LockfileNameError",
    "LockfileSyntaxError",
    "PinfoldError",
    "UnsupportedLockfileError",
]
_ENDS["lockfiles.errors"] = len(__all__)
__all__ += ["export_list", "export_requirements", "move_paths", "requirements", "select_layer"]
_ENDS["lockfiles.exporting"] = len(__all__)
__all__ += [
    "ImageLayer",
    "LockGraph",
    "LockPath",
    "Request",
    "assign_layers",
    "build_graph",
    "find_paths",
    "split_layers",
]
_ENDS["lockfiles.graph"] = len(__all__)
__all__ += ["digest"]
_ENDS["lockfiles.identity"] = len(__all__)
__all__ += ["BuildFacts", "BuildWheel", "Lockfile", "SettingValue", "ToolTable"]
_ENDS["lockfiles.lockfile"] = len(__all__)
__all__ += ["dumps", "loads", "read", "write"]
_ENDS["lockfiles.reading"] = len(__all__)
__all__ += ["FoundSecret", "find_secrets"]
_ENDS["lockfiles.secret_forms"] = len(__all__)

# `_ENDS` counts in the order of definition, so this table is made before the names are sorted.
_MODULES = {name: next(module for module, end in _ENDS.items() if place < end) for place, name in enumerate(__all__)}
"""By public name, the module that `__getattr__` imports for it."""

# Sorted as tools and `from lockfiles import *` expect it, and as the documentation lists the names.
__all__.sort()


def __getattr__(name: str) -> object:
    """The public name, imported from its module and kept for the next access (PEP 562).

    Raises AttributeError for a name that is not public, so that `hasattr` and `from … import` work as usual.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """All public names, also those that are not imported yet: for completion and `help`."""
    return sorted({*globals(), *__all__})
