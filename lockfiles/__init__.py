"""Read, write, compare, digest and export lockfiles (PEP 751), without a solver and without a network.

- `read` and `loads` return a `Lockfile`, or raise a `LockfileError` with every fault; `write` and `dumps` reverse them.
- `digest` identifies what an installation leaves behind. `compare` lists what differs between two locks.
- `requirements`, `export_list` and `export_requirements` render a lock for pip, uv and apps.

What only some programs need is by topic in the modules:

- `lockfiles.errors`: each kind of LockfileError;
- `lockfiles.comparison`: the values of a `Comparison`;
- `lockfiles.lockfile`: those of `Lockfile.tool`;
- `lockfiles.graph`: why a pin is in the lock, and how pins are grouped into image layers;
- `lockfiles.exporting`: one layer of a lock, and a lock for another folder;
- `lockfiles.secret_forms`, `lockfiles.variable_bindings`: literal secrets, and where variables may be sent.

A module is imported when one of its names is first used (PEP 562), so that reading a lock loads no exporter.
"""

from __future__ import annotations

from lockfiles._values import lazy_names

TYPE_CHECKING = False  # What type checkers take for True. `typing` has the same name, and takes 3 ms to import.
if TYPE_CHECKING:
    # `A as A` exports a name to type checkers, which cannot read the table below.
    from lockfiles.comparison import Comparison as Comparison
    from lockfiles.comparison import compare as compare
    from lockfiles.errors import LockfileError as LockfileError
    from lockfiles.errors import PinfoldError as PinfoldError
    from lockfiles.exporting import export_list as export_list
    from lockfiles.exporting import export_requirements as export_requirements
    from lockfiles.exporting import requirements as requirements
    from lockfiles.identity import digest as digest
    from lockfiles.lockfile import Lockfile as Lockfile
    from lockfiles.reading import dumps as dumps
    from lockfiles.reading import loads as loads
    from lockfiles.reading import read as read
    from lockfiles.reading import write as write

_NAMES_BY_MODULE = {
    "lockfiles.comparison": ("Comparison", "compare"),
    "lockfiles.errors": ("LockfileError", "PinfoldError"),
    "lockfiles.exporting": ("export_list", "export_requirements", "requirements"),
    "lockfiles.identity": ("digest",),
    "lockfiles.lockfile": ("Lockfile",),
    "lockfiles.reading": ("dumps", "loads", "read", "write"),
}

__all__ = sorted(name for names in _NAMES_BY_MODULE.values() for name in names)  # noqa: PLE0605 - a list all the same

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(globals(), _NAMES_BY_MODULE)
