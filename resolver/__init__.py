"""Lock an ordered pip requirement list for a target: the names that programs use.

`lock` takes a list and gives a lock. `read_source`, `plan_lock` and `lock_plan` are its steps for a list that stands in
a file, as the `lock` command takes them. The lock itself is the business of `lockfiles`.

Each name is imported from its module when it is first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resolver.advisories import Advisory, AffectedRange, parse_advisory
    from resolver.api import lock
    from resolver.artifacts.api import fetch_artifacts, hydrate
    from resolver.artifacts.downloads import FetchedFile, Progress
    from resolver.artifacts.hydrating import Hydrated
    from resolver.artifacts.reaching import open_session
    from resolver.artifacts.wheelhouse import FetchOutcome
    from resolver.auditing import Finding, Listed, NewerRelease, audit_pins, find_newer
    from resolver.bill_of_materials import build_bill_of_materials
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
    from resolver.fetch.access import Access
    from resolver.fetch.advisory_database import read_advisories
    from resolver.fetch.login_sources import LoginOptions
    from resolver.fetch.wheel_listing import fetch_contents
    from resolver.index.wheel_contents import WheelContents
    from resolver.index_questions import ask_indexes
    from resolver.installed import Installed, InstalledDifference, compare_installed, read_environment
    from resolver.installer_rules import InstallerChoice, InstallerComparison, InstallerDifference, compare_installers
    from resolver.outcome import LockOutcome, Upgrade
    from resolver.plan import LockPlan, RunContext, plan_lock
    from resolver.requirements.requirement_list import parse_requirement_list
    from resolver.requirements.scopes import ScopeRules
    from resolver.settings import Settings
    from resolver.sizes import PinSize, find_unused, measure_pins
    from resolver.sources.imports import read_imports
    from resolver.sources.lock_owners import OwnedLock, find_owned_locks
    from resolver.sources.reader import read_source
    from resolver.sources.source import Source
    from resolver.targets.platforms import parse_platform
    from resolver.targets.python_version import parse_python_version
    from resolver.targets.target import Target
    from resolver.verification import Discrepancy, verify_lockfile
    from resolver.workflow import lock_plan

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
    "Advisory": "resolver.advisories",
    "AffectedRange": "resolver.advisories",
    "Discrepancy": "resolver.verification",
    "FetchOutcome": "resolver.artifacts.wheelhouse",
    "FetchedFile": "resolver.artifacts.downloads",
    "Finding": "resolver.auditing",
    "Hydrated": "resolver.artifacts.hydrating",
    "Installed": "resolver.installed",
    "InstalledDifference": "resolver.installed",
    "InstallerChoice": "resolver.installer_rules",
    "InstallerComparison": "resolver.installer_rules",
    "InstallerDifference": "resolver.installer_rules",
    "Listed": "resolver.auditing",
    "LockOutcome": "resolver.outcome",
    "LockPlan": "resolver.plan",
    "LoginOptions": "resolver.fetch.login_sources",
    "NewerRelease": "resolver.auditing",
    "OwnedLock": "resolver.sources.lock_owners",
    "PinSize": "resolver.sizes",
    "Progress": "resolver.artifacts.downloads",
    "RunContext": "resolver.plan",
    "ScopeRules": "resolver.requirements.scopes",
    "Settings": "resolver.settings",
    "Source": "resolver.sources.source",
    "Target": "resolver.targets.target",
    "Upgrade": "resolver.outcome",
    "WheelContents": "resolver.index.wheel_contents",
    "ask_indexes": "resolver.index_questions",
    "audit_pins": "resolver.auditing",
    "build_bill_of_materials": "resolver.bill_of_materials",
    "compare_installed": "resolver.installed",
    "compare_installers": "resolver.installer_rules",
    "fetch_artifacts": "resolver.artifacts.api",
    "fetch_contents": "resolver.fetch.wheel_listing",
    "find_newer": "resolver.auditing",
    "find_owned_locks": "resolver.sources.lock_owners",
    "find_unused": "resolver.sizes",
    "hydrate": "resolver.artifacts.api",
    "lock": "resolver.api",
    "lock_plan": "resolver.workflow",
    "measure_pins": "resolver.sizes",
    "open_session": "resolver.artifacts.reaching",
    "parse_advisory": "resolver.advisories",
    "parse_platform": "resolver.targets.platforms",
    "parse_python_version": "resolver.targets.python_version",
    "parse_requirement_list": "resolver.requirements.requirement_list",
    "plan_lock": "resolver.plan",
    "read_advisories": "resolver.fetch.advisory_database",
    "read_environment": "resolver.installed",
    "read_imports": "resolver.sources.imports",
    "read_source": "resolver.sources.reader",
    "verify_lockfile": "resolver.verification",
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
