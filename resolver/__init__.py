"""Lock an ordered pip requirement list for a target: the names that programs use.

`lock` takes a list and gives a lock. `read_source`, `plan_lock` and `lock_plan` are its steps for a list that stands in
a file, as the `lock` command takes them. The lock itself is the business of `lockfiles`.

Each name is imported from its module when it is first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resolver.artifacts.downloads import FetchedFile, Progress
    from resolver.artifacts.hydrating import Hydrated, hydrate
    from resolver.artifacts.wheelhouse import FetchOutcome, fetch_artifacts
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

__all__ = [
    "Access",
    "Advisory",
    "AffectedRange",
    "AuthenticationError",
    "Discrepancy",
    "Fault",
    "FetchError",
    "FetchOutcome",
    "FetchedFile",
    "Finding",
    "HashMismatchError",
    "Hydrated",
    "InputError",
    "Installed",
    "InstalledDifference",
    "InstallerChoice",
    "InstallerComparison",
    "InstallerDifference",
    "InternalError",
    "ListError",
    "Listed",
    "LockOutcome",
    "LockPlan",
    "LoginOptions",
    "MetadataError",
    "NewerRelease",
    "OfflineError",
    "OwnedLock",
    "PinSize",
    "PinfoldError",
    "Progress",
    "ResolutionError",
    "RunContext",
    "ScopeRules",
    "Settings",
    "SettingsError",
    "Source",
    "SourceError",
    "Target",
    "TargetError",
    "Upgrade",
    "WheelContents",
    "ask_indexes",
    "audit_pins",
    "build_bill_of_materials",
    "compare_installed",
    "compare_installers",
    "fetch_artifacts",
    "fetch_contents",
    "find_newer",
    "find_owned_locks",
    "find_unused",
    "hydrate",
    "lock",
    "lock_plan",
    "measure_pins",
    "open_session",
    "parse_advisory",
    "parse_platform",
    "parse_python_version",
    "parse_requirement_list",
    "plan_lock",
    "read_advisories",
    "read_environment",
    "read_imports",
    "read_source",
    "verify_lockfile",
]

_ELSEWHERE = {
    "Access": "resolver.fetch.access",
    "Advisory": "resolver.index.project_health",
    "AffectedRange": "resolver.index.project_health",
    "Discrepancy": "resolver.inspection.verification",
    "FetchOutcome": "resolver.artifacts.wheelhouse",
    "FetchedFile": "resolver.artifacts.downloads",
    "Finding": "resolver.inspection.auditing",
    "Hydrated": "resolver.artifacts.hydrating",
    "Installed": "resolver.inspection.verification",
    "InstalledDifference": "resolver.inspection.verification",
    "InstallerChoice": "resolver.inspection.installers",
    "InstallerComparison": "resolver.inspection.installers",
    "InstallerDifference": "resolver.inspection.installers",
    "Listed": "resolver.inspection.auditing",
    "LockOutcome": "resolver.locking.document",
    "LockPlan": "resolver.planning.plan",
    "LoginOptions": "resolver.fetch.access",
    "NewerRelease": "resolver.inspection.auditing",
    "OwnedLock": "resolver.sources.lock_owners",
    "PinSize": "resolver.inspection.contents",
    "Progress": "resolver.artifacts.downloads",
    "RunContext": "resolver.planning.plan",
    "ScopeRules": "resolver.requirements.scopes",
    "Settings": "resolver.settings.settings",
    "Source": "resolver.sources.source",
    "Target": "resolver.targets.target",
    "Upgrade": "resolver.locking.document",
    "WheelContents": "resolver.index.wheel_directory",
    "ask_indexes": "resolver.inspection.auditing",
    "audit_pins": "resolver.inspection.auditing",
    "build_bill_of_materials": "resolver.inspection.contents",
    "compare_installed": "resolver.inspection.verification",
    "compare_installers": "resolver.inspection.installers",
    "fetch_artifacts": "resolver.artifacts.wheelhouse",
    "fetch_contents": "resolver.fetch.projects.wheel_contents",
    "find_newer": "resolver.inspection.auditing",
    "find_owned_locks": "resolver.sources.lock_owners",
    "find_unused": "resolver.inspection.contents",
    "hydrate": "resolver.artifacts.hydrating",
    "lock": "resolver.locking.locker",
    "lock_plan": "resolver.locking.locker",
    "measure_pins": "resolver.inspection.contents",
    "open_session": "resolver.locking.plan_secrets",
    "parse_advisory": "resolver.index.project_health",
    "parse_platform": "resolver.targets.platforms",
    "parse_python_version": "resolver.targets.target",
    "parse_requirement_list": "resolver.requirements.requirement_list",
    "plan_lock": "resolver.planning.plan",
    "read_advisories": "resolver.fetch.projects.listings",
    "read_environment": "resolver.inspection.verification",
    "read_imports": "resolver.sources.apps.app_folder",
    "read_source": "resolver.sources.reader",
    "verify_lockfile": "resolver.inspection.verification",
}
"""Where each name comes from, but for the errors."""


def __getattr__(name: str) -> object:
    """The public name, from its module (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_ELSEWHERE.get(name, "resolver.errors"))
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
