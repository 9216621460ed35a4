"""Lock an ordered pip requirement list for a target: the names that programs use.

`lock` takes a list and returns a lock. For a list in a file, as the command `lock` takes it, the steps are:

1. `read_source` reads the list and returns a `Source` (`requirements.txt`, `pyproject.toml`, the file of an app);
2. `plan_lock` joins list, `Settings` and `Target` to a `LockPlan`, or raises `ListError` with all faults;
3. `lock_plan` searches versions, and returns a `LockOutcome` with the lock and its warnings;
4. `fetch_artifacts` and `hydrate` download what the lock names and check each hash.

`verify_lockfile`, `compare_installed`, `audit_pins`, `find_newer`, `measure_pins` and `find_unused` inspect a finished
lock. Every function that sends requests takes an `Access`. Every error is a `PinfoldError`. The lock itself is a
`lockfiles.Lockfile`, which the package `lockfiles` reads, writes and compares without any of this.

A module is imported when one of its names is first used (PEP 562), because all of them together take longer to import
than a warm lock takes to check.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

# The order of both lists below is that of the modules, so that a new name is easy to add to both.
# For type checkers alone: at run time `__getattr__` imports a module when one of its names is first used.
if TYPE_CHECKING:
    from resolver.artifacts.downloads import FetchedFile, Progress
    from resolver.artifacts.hydrating import Hydrated, fetch_artifacts, hydrate
    from resolver.artifacts.wheelhouse import FetchOutcome
    from resolver.errors import (
        AuthenticationError,
        Fault,
        FetchError,
        HashMismatchError,
        InputError,
        InternalError,
        ListError,
        MetadataError,
        OfflineError,
        PinfoldError,
        ResolutionError,
        SettingsError,
        SourceError,
        TargetError,
    )
    from resolver.fetch.access import Access, LoginOptions
    from resolver.fetch.projects.listings import read_advisories
    from resolver.fetch.projects.wheel_contents import fetch_contents
    from resolver.index.project_health import Advisory, AffectedRange, parse_advisory
    from resolver.index.wheel_directory import WheelContents
    from resolver.inspection.auditing import Finding, Listed, NewerRelease, ask_indexes, audit_pins, find_newer
    from resolver.inspection.contents import PinSize, build_bill_of_materials, find_unused, measure_pins
    from resolver.inspection.installers import (
        InstallerChoice,
        InstallerComparison,
        InstallerDifference,
        compare_installers,
    )
    from resolver.inspection.verification import (
        Discrepancy,
        Installed,
        InstalledDifference,
        compare_installed,
        read_environment,
        verify_lockfile,
    )
    from resolver.locking.document import LockOutcome, Upgrade
    from resolver.locking.locker import lock, lock_plan
    from resolver.locking.plan_secrets import open_session
    from resolver.planning.plan import LockPlan, RunContext, plan_lock
    from resolver.requirements.requirement_list import parse_requirement_list
    from resolver.requirements.scopes import ScopeRules
    from resolver.settings.settings import Settings
    from resolver.sources.apps.app_folder import read_imports
    from resolver.sources.lock_owners import OwnedLock, find_owned_locks
    from resolver.sources.reader import read_source
    from resolver.sources.source import Source
    from resolver.targets.platforms import parse_platform
    from resolver.targets.target import Target, parse_python_version

# Each public name is written in two places, above for type checkers and below for `__getattr__`. Type checkers accept
# `__all__` only as literals, so a table that maps names to modules would repeat every name a third time. Instead, the
# names of a module are added together, and `_ENDS` records where in `__all__` they end.
__all__: list[str] = []
_ENDS: dict[str, int] = {}
"""By module, the number of names in `__all__` up to its last one, before `__all__` is sorted."""


# Files of a lock: downloads, wheelhouses, folders to install from.
__all__ += ["FetchedFile", "Progress"]
_ENDS["resolver.artifacts.downloads"] = len(__all__)
__all__ += ["Hydrated", "fetch_artifacts", "hydrate"]
_ENDS["resolver.artifacts.hydrating"] = len(__all__)
__all__ += ["FetchOutcome"]
_ENDS["resolver.artifacts.wheelhouse"] = len(__all__)

# Errors. Each is a `PinfoldError`; `resolver.errors` draws the tree with the exit codes.
__all__ += [
    "AuthenticationError",
    "Fault",
    "FetchError",
    "HashMismatchError",
    "InputError",
    "InternalError",
    "ListError",
    "MetadataError",
    "OfflineError",
    "PinfoldError",
    "ResolutionError",
    "SettingsError",
    "SourceError",
    "TargetError",
]
_ENDS["resolver.errors"] = len(__all__)

# The network, and what index and files report about a project.
__all__ += ["Access", "LoginOptions"]
_ENDS["resolver.fetch.access"] = len(__all__)
__all__ += ["read_advisories"]
_ENDS["resolver.fetch.projects.listings"] = len(__all__)
__all__ += ["fetch_contents"]
_ENDS["resolver.fetch.projects.wheel_contents"] = len(__all__)

# Values that describe projects and wheels.
__all__ += ["Advisory", "AffectedRange", "parse_advisory"]
_ENDS["resolver.index.project_health"] = len(__all__)
__all__ += ["WheelContents"]
_ENDS["resolver.index.wheel_directory"] = len(__all__)

# Inspection of a finished lock.
__all__ += ["Finding", "Listed", "NewerRelease", "ask_indexes", "audit_pins", "find_newer"]
_ENDS["resolver.inspection.auditing"] = len(__all__)
__all__ += ["PinSize", "build_bill_of_materials", "find_unused", "measure_pins"]
_ENDS["resolver.inspection.contents"] = len(__all__)
__all__ += ["InstallerChoice", "InstallerComparison", "InstallerDifference", "compare_installers"]
_ENDS["resolver.inspection.installers"] = len(__all__)
__all__ += [
    "Discrepancy",
    "Installed",
    "InstalledDifference",
    "compare_installed",
    "read_environment",
    "verify_lockfile",
]
_ENDS["resolver.inspection.verification"] = len(__all__)

# Locking: from a plan to a lock.
__all__ += ["LockOutcome", "Upgrade"]
_ENDS["resolver.locking.document"] = len(__all__)
__all__ += ["lock", "lock_plan"]
_ENDS["resolver.locking.locker"] = len(__all__)
__all__ += ["open_session"]
_ENDS["resolver.locking.plan_secrets"] = len(__all__)

# Planning: list, settings and target joined and checked.
__all__ += ["LockPlan", "RunContext", "plan_lock"]
_ENDS["resolver.planning.plan"] = len(__all__)

# Requirement lists, without disk and network.
__all__ += ["parse_requirement_list"]
_ENDS["resolver.requirements.requirement_list"] = len(__all__)
__all__ += ["ScopeRules"]
_ENDS["resolver.requirements.scopes"] = len(__all__)

# Settings, as `[tool.pinfold]` or a program gives them.
__all__ += ["Settings"]
_ENDS["resolver.settings.settings"] = len(__all__)

# Sources of a list, and the locks that belong to them.
__all__ += ["read_imports"]
_ENDS["resolver.sources.apps.app_folder"] = len(__all__)
__all__ += ["OwnedLock", "find_owned_locks"]
_ENDS["resolver.sources.lock_owners"] = len(__all__)
__all__ += ["read_source"]
_ENDS["resolver.sources.reader"] = len(__all__)
__all__ += ["Source"]
_ENDS["resolver.sources.source"] = len(__all__)

# Targets.
__all__ += ["parse_platform"]
_ENDS["resolver.targets.platforms"] = len(__all__)
__all__ += ["Target", "parse_python_version"]
_ENDS["resolver.targets.target"] = len(__all__)

# `_ENDS` counts in the order of definition, so this table is made before the names are sorted.
_MODULES = {name: next(module for module, end in _ENDS.items() if place < end) for place, name in enumerate(__all__)}
"""By public name, the module that `__getattr__` imports for it."""

# Sorted as tools and `from resolver import *` expect it, and as the documentation lists the names.
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
    """All public names, also those that are not imported yet.

    Completion in an interactive interpreter and `help` use it.
    """
    return sorted({*globals(), *__all__})
