"""What a lock holds and whether it still holds: sizes, newer releases, advisories, an audit, an installed environment.

The names that programs use; they are imported from their modules when they are first used, as those of `resolver`.
`open_session` opens the connections that several of them share.
"""

from __future__ import annotations

from lockfiles._values import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
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
    from resolver.locking.plan_secrets import open_session as open_session
    from resolver.sources.apps.app_folder import read_imports as read_imports
    from resolver.sources.lock_owners import OwnedLock as OwnedLock
    from resolver.sources.lock_owners import find_owned_locks as find_owned_locks

_NAMES_BY_MODULE = {
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
    "resolver.locking.plan_secrets": ("open_session",),
    "resolver.sources.apps.app_folder": ("read_imports",),
    "resolver.sources.lock_owners": ("OwnedLock", "find_owned_locks"),
}

__all__ = sorted(name for names in _NAMES_BY_MODULE.values() for name in names)  # noqa: PLE0605 - a list all the same

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(globals(), _NAMES_BY_MODULE)
