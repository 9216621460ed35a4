"""Read, write, check, compare and digest lockfiles (PEP 751), without a solver and without a network.

- `read` and `loads` return a `Lockfile`, or raise a `LockfileError` with every fault; `write` and `dumps` reverse them.
- `digest` identifies what an installation leaves behind. `compare` lists what differs between two locks.
- `build_graph` and `find_paths` explain why a pin is in the lock; `split_layers` groups pins into image layers.
- `export_requirements`, `export_list` and `requirements` render a lock for pip and uv.

A module is imported when one of its names is first used (PEP 562), so that reading a lock loads no exporter.
"""

from __future__ import annotations

TYPE_CHECKING = False  # What type checkers take for True. `typing` has the same name, and takes 3 ms to import.
if TYPE_CHECKING:
    # `A as A` exports a name to type checkers, which cannot read the table below.
    from lockfiles.comparison import Comparison as Comparison
    from lockfiles.comparison import FactChange as FactChange
    from lockfiles.comparison import LineChange as LineChange
    from lockfiles.comparison import LockedFile as LockedFile
    from lockfiles.comparison import LockedPin as LockedPin
    from lockfiles.comparison import PinChange as PinChange
    from lockfiles.comparison import compare as compare
    from lockfiles.errors import ExportError as ExportError
    from lockfiles.errors import Fault as Fault
    from lockfiles.errors import InvalidLockfileError as InvalidLockfileError
    from lockfiles.errors import LockfileError as LockfileError
    from lockfiles.errors import LockfileNameError as LockfileNameError
    from lockfiles.errors import LockfileSyntaxError as LockfileSyntaxError
    from lockfiles.errors import PinfoldError as PinfoldError
    from lockfiles.errors import UnsupportedLockfileError as UnsupportedLockfileError
    from lockfiles.exporting import export_list as export_list
    from lockfiles.exporting import export_requirements as export_requirements
    from lockfiles.exporting import move_paths as move_paths
    from lockfiles.exporting import requirements as requirements
    from lockfiles.exporting import select_layer as select_layer
    from lockfiles.graph import ImageLayer as ImageLayer
    from lockfiles.graph import LockGraph as LockGraph
    from lockfiles.graph import LockPath as LockPath
    from lockfiles.graph import Request as Request
    from lockfiles.graph import assign_layers as assign_layers
    from lockfiles.graph import build_graph as build_graph
    from lockfiles.graph import find_paths as find_paths
    from lockfiles.graph import split_layers as split_layers
    from lockfiles.identity import digest as digest
    from lockfiles.lockfile import BuildFacts as BuildFacts
    from lockfiles.lockfile import BuildWheel as BuildWheel
    from lockfiles.lockfile import Lockfile as Lockfile
    from lockfiles.lockfile import SettingValue as SettingValue
    from lockfiles.lockfile import ToolTable as ToolTable
    from lockfiles.reading import dumps as dumps
    from lockfiles.reading import loads as loads
    from lockfiles.reading import read as read
    from lockfiles.reading import write as write
    from lockfiles.secret_forms import FoundSecret as FoundSecret
    from lockfiles.secret_forms import find_secrets as find_secrets
    from lockfiles.variable_bindings import VariableBinding as VariableBinding
    from lockfiles.variable_bindings import VariableBindings as VariableBindings
    from lockfiles.variable_bindings import parse_binding as parse_binding

_NAMES_BY_MODULE = {
    "lockfiles.comparison": (
        "Comparison",
        "FactChange",
        "LineChange",
        "LockedFile",
        "LockedPin",
        "PinChange",
        "compare",
    ),
    "lockfiles.errors": (
        "ExportError",
        "Fault",
        "InvalidLockfileError",
        "LockfileError",
        "LockfileNameError",
        "LockfileSyntaxError",
        "PinfoldError",
        "UnsupportedLockfileError",
    ),
    "lockfiles.exporting": ("export_list", "export_requirements", "move_paths", "requirements", "select_layer"),
    "lockfiles.graph": (
        "ImageLayer",
        "LockGraph",
        "LockPath",
        "Request",
        "assign_layers",
        "build_graph",
        "find_paths",
        "split_layers",
    ),
    "lockfiles.identity": ("digest",),
    "lockfiles.lockfile": ("BuildFacts", "BuildWheel", "Lockfile", "SettingValue", "ToolTable"),
    "lockfiles.reading": ("dumps", "loads", "read", "write"),
    "lockfiles.secret_forms": ("FoundSecret", "find_secrets"),
    "lockfiles.variable_bindings": ("VariableBinding", "VariableBindings", "parse_binding"),
}
_MODULES = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names}

__all__ = sorted(_MODULES)  # noqa: PLE0605 - a list all the same


def __getattr__(name: str) -> object:
    """The public name, imported from its module and kept for the next access (PEP 562).

    Raises AttributeError for a name that is not public, so that `hasattr` and `from … import` work as usual.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # Lazy: a run that is repeated from its record needs no name.

    value: object = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """All public names, also those that are not imported yet: for completion and `help`."""
    return sorted({*globals(), *__all__})
