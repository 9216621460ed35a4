"""Lock an ordered pip requirement list for a target: the names that programs use.

`lock` takes a list and returns a lock. For a list in a file, as the command `lock` takes it, the steps are:

1. `read_source` reads the list and returns a `Source` (`requirements.txt`, `pyproject.toml`, the file of an app);
2. `plan_lock` joins list, `Settings` and `Target` to a `LockPlan`, or raises `ListError` with all faults;
3. `lock_plan` searches versions, and returns a `LockOutcome` with the lock and its warnings;
4. `fetch_artifacts` and `hydrate` download what the lock names and check each hash.

`verify_lockfile`, `compare_installed`, `audit_pins`, `find_newer`, `measure_pins` and `find_unused` inspect a finished
lock; `build_report` and `render_report` make a page about several. Every function that sends requests takes an
`Access`. Every error is a `PinfoldError`. The lock itself is a `lockfiles.Lockfile`, which the package `lockfiles`
reads, writes and compares without any of this.

A module is imported when one of its names is first used (PEP 562), because all of them together take longer to import
than a warm lock takes to check.
"""

from __future__ import annotations

TYPE_CHECKING = False  # What type checkers take for True. `typing` has the same name, and takes 3 ms to import.
if TYPE_CHECKING:
    # `A as A` exports a name to type checkers, which cannot read the table below.
    from resolver.artifacts.downloads import FetchedFile as FetchedFile
    from resolver.artifacts.downloads import Progress as Progress
    from resolver.artifacts.hydrating import Hydrated as Hydrated
    from resolver.artifacts.hydrating import hydrate as hydrate
    from resolver.artifacts.wheelhouse import FetchOutcome as FetchOutcome
    from resolver.artifacts.wheelhouse import fetch_artifacts as fetch_artifacts
    from resolver.errors import AuthenticationError as AuthenticationError
    from resolver.errors import Fault as Fault
    from resolver.errors import FetchError as FetchError
    from resolver.errors import HashMismatchError as HashMismatchError
    from resolver.errors import InputError as InputError
    from resolver.errors import InternalError as InternalError
    from resolver.errors import ListError as ListError
    from resolver.errors import MetadataError as MetadataError
    from resolver.errors import OfflineError as OfflineError
    from resolver.errors import PinfoldError as PinfoldError
    from resolver.errors import ResolutionError as ResolutionError
    from resolver.errors import RunCancelledError as RunCancelledError
    from resolver.errors import SettingsError as SettingsError
    from resolver.errors import SourceError as SourceError
    from resolver.errors import TargetError as TargetError
    from resolver.errors import UnboundVariableError as UnboundVariableError
    from resolver.fetch.access import Access as Access
    from resolver.fetch.access import Cancellation as Cancellation
    from resolver.fetch.access import LoginOptions as LoginOptions
    from resolver.fetch.projects.listings import read_advisories as read_advisories
    from resolver.fetch.projects.wheel_contents import fetch_contents as fetch_contents
    from resolver.index.project_health import Advisory as Advisory
    from resolver.index.project_health import AffectedRange as AffectedRange
    from resolver.index.project_health import parse_advisory as parse_advisory
    from resolver.index.wheel_directory import WheelContents as WheelContents
    from resolver.inspection.auditing import Finding as Finding
    from resolver.inspection.auditing import Listed as Listed
    from resolver.inspection.auditing import NewerRelease as NewerRelease
    from resolver.inspection.auditing import audit_pins as audit_pins
    from resolver.inspection.auditing import fetch_pin_listings as fetch_pin_listings
    from resolver.inspection.auditing import find_newer as find_newer
    from resolver.inspection.contents import PinSize as PinSize
    from resolver.inspection.contents import build_bill_of_materials as build_bill_of_materials
    from resolver.inspection.contents import find_unused as find_unused
    from resolver.inspection.contents import measure_pins as measure_pins
    from resolver.inspection.verification import Discrepancy as Discrepancy
    from resolver.inspection.verification import Installed as Installed
    from resolver.inspection.verification import InstalledDifference as InstalledDifference
    from resolver.inspection.verification import compare_installed as compare_installed
    from resolver.inspection.verification import read_environment as read_environment
    from resolver.inspection.verification import verify_lockfile as verify_lockfile
    from resolver.locking.locker import LockOutcome as LockOutcome
    from resolver.locking.old_lock import Upgrade as Upgrade
    from resolver.locking.plan_secrets import open_session as open_session
    from resolver.planning.plan import LockPlan as LockPlan
    from resolver.planning.plan import RunContext as RunContext
    from resolver.planning.plan import plan_lock as plan_lock
    from resolver.report.report_data import Report as Report
    from resolver.report.report_data import ReportSource as ReportSource
    from resolver.report.report_data import build_report as build_report
    from resolver.report.report_page import render_report as render_report
    from resolver.requirements.requirement_list import parse_requirement_list as parse_requirement_list
    from resolver.requirements.scopes import ScopeRules as ScopeRules
    from resolver.session import LockTarget as LockTarget
    from resolver.session import Session as Session
    from resolver.session import lock as lock
    from resolver.session import lock_plan as lock_plan
    from resolver.settings.settings import Settings as Settings
    from resolver.solve.diagnosis import NoSolutionError as NoSolutionError
    from resolver.solve.explanation import CollidingRequirement as CollidingRequirement
    from resolver.solve.explanation import Collision as Collision
    from resolver.solve.explanation import Explanation as Explanation
    from resolver.solve.explanation import Link as Link
    from resolver.solve.explanation import Obstacle as Obstacle
    from resolver.solve.explanation import Supply as Supply
    from resolver.solve.explanation import UnusableVersion as UnusableVersion
    from resolver.sources.apps.app_folder import read_imports as read_imports
    from resolver.sources.lock_owners import OwnedLock as OwnedLock
    from resolver.sources.lock_owners import find_owned_locks as find_owned_locks
    from resolver.sources.reader import read_source as read_source
    from resolver.sources.source import Source as Source
    from resolver.targets.platforms import parse_platform as parse_platform
    from resolver.targets.target import Target as Target
    from resolver.targets.target import parse_python_version as parse_python_version

_NAMES_BY_MODULE = {
    "resolver.artifacts.downloads": ("FetchedFile", "Progress"),
    "resolver.artifacts.hydrating": ("Hydrated", "hydrate"),
    "resolver.artifacts.wheelhouse": ("FetchOutcome", "fetch_artifacts"),
    "resolver.errors": (
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
        "RunCancelledError",
        "SettingsError",
        "SourceError",
        "TargetError",
        "UnboundVariableError",
    ),
    "resolver.fetch.access": ("Access", "Cancellation", "LoginOptions"),
    "resolver.fetch.projects.listings": ("read_advisories",),
    "resolver.fetch.projects.wheel_contents": ("fetch_contents",),
    "resolver.index.project_health": ("Advisory", "AffectedRange", "parse_advisory"),
    "resolver.index.wheel_directory": ("WheelContents",),
    "resolver.inspection.auditing": (
        "Finding",
        "Listed",
        "NewerRelease",
        "audit_pins",
        "fetch_pin_listings",
        "find_newer",
    ),
    "resolver.inspection.contents": ("PinSize", "build_bill_of_materials", "find_unused", "measure_pins"),
    "resolver.inspection.verification": (
        "Discrepancy",
        "Installed",
        "InstalledDifference",
        "compare_installed",
        "read_environment",
        "verify_lockfile",
    ),
    "resolver.locking.locker": ("LockOutcome",),
    "resolver.locking.old_lock": ("Upgrade",),
    "resolver.locking.plan_secrets": ("open_session",),
    "resolver.planning.plan": ("LockPlan", "RunContext", "plan_lock"),
    "resolver.report.report_data": ("Report", "ReportSource", "build_report"),
    "resolver.report.report_page": ("render_report",),
    "resolver.requirements.requirement_list": ("parse_requirement_list",),
    "resolver.requirements.scopes": ("ScopeRules",),
    "resolver.session": ("LockTarget", "Session", "lock", "lock_plan"),
    "resolver.settings.settings": ("Settings",),
    "resolver.solve.diagnosis": ("NoSolutionError",),
    "resolver.solve.explanation": (
        "CollidingRequirement",
        "Collision",
        "Explanation",
        "Link",
        "Obstacle",
        "Supply",
        "UnusableVersion",
    ),
    "resolver.sources.apps.app_folder": ("read_imports",),
    "resolver.sources.lock_owners": ("OwnedLock", "find_owned_locks"),
    "resolver.sources.reader": ("read_source",),
    "resolver.sources.source": ("Source",),
    "resolver.targets.platforms": ("parse_platform",),
    "resolver.targets.target": ("Target", "parse_python_version"),
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
    """All public names, also those that are not imported yet.

    Completion in an interactive interpreter and `help` use it.
    """
    return sorted({*globals(), *__all__})
