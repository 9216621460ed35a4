"""Lock an ordered pip requirement list for a target: the names that programs use.

`lock` takes a list and gives a lock. `read_source`, `plan_lock` and `lock_plan` are its steps for a list that stands in
a file, as the `lock` command takes them. The lock itself is the business of `lockfiles`.

Each name is imported from its module when it is first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resolver.api import lock
    from resolver.artifacts.api import fetch_artifacts, hydrate
    from resolver.artifacts.downloads import FetchedFile, Progress
    from resolver.artifacts.hydrating import Hydrated
    from resolver.artifacts.reaching import Reaching
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
    from resolver.fetch.login_sources import LoginOptions
    from resolver.plan import LockPlan, plan_lock
    from resolver.requirements.requirement_list import parse_requirement_list
    from resolver.settings import Settings
    from resolver.sources.reader import read_source
    from resolver.sources.source import Source
    from resolver.targets.platforms import parse_platform
    from resolver.targets.python_version import parse_python_version
    from resolver.targets.target import Target
    from resolver.workflow import Access, LockOutcome, Upgrade
    from resolver.workflow import lock as lock_plan

__all__ = [
    "Access",
    "AuthenticationError",
    "Fault",
    "FetchError",
    "FetchOutcome",
    "FetchedFile",
    "HashMismatchError",
    "Hydrated",
    "InputError",
    "InternalError",
    "ListError",
    "LockOutcome",
    "LockPlan",
    "LoginOptions",
    "MetadataError",
    "OfflineError",
    "PinfoldError",
    "Progress",
    "Reaching",
    "ResolutionError",
    "Settings",
    "SettingsError",
    "Source",
    "SourceError",
    "Target",
    "TargetError",
    "Upgrade",
    "fetch_artifacts",
    "hydrate",
    "lock",
    "lock_plan",
    "parse_platform",
    "parse_python_version",
    "parse_requirement_list",
    "plan_lock",
    "read_source",
]

_ELSEWHERE = {
    "Access": "resolver.workflow",
    "FetchOutcome": "resolver.artifacts.wheelhouse",
    "FetchedFile": "resolver.artifacts.downloads",
    "Hydrated": "resolver.artifacts.hydrating",
    "LockOutcome": "resolver.workflow",
    "LockPlan": "resolver.plan",
    "LoginOptions": "resolver.fetch.login_sources",
    "Progress": "resolver.artifacts.downloads",
    "Reaching": "resolver.artifacts.reaching",
    "Settings": "resolver.settings",
    "Source": "resolver.sources.source",
    "Target": "resolver.targets.target",
    "Upgrade": "resolver.workflow",
    "fetch_artifacts": "resolver.artifacts.api",
    "hydrate": "resolver.artifacts.api",
    "lock": "resolver.api",
    "lock_plan": "resolver.workflow",
    "parse_platform": "resolver.targets.platforms",
    "parse_python_version": "resolver.targets.python_version",
    "parse_requirement_list": "resolver.requirements.requirement_list",
    "plan_lock": "resolver.plan",
    "read_source": "resolver.sources.reader",
}
"""Where each name comes from, but for the errors."""


def __getattr__(name: str) -> object:
    """The public name, from its module (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_ELSEWHERE.get(name, "resolver.errors"))
    value: object = getattr(module, "lock" if name == "lock_plan" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
