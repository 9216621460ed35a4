"""Locking a list that a program holds: items in, a lock out, in one call.

Beside the command line this is the only code that asks the environment (for `${VAR}` in URLs) and the clock (for a
relative `exclude-newer`); of the host's Python nothing is asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from lockfiles import Lockfile
from resolver.fetch.access import Access
from resolver.outcome import LockOutcome, Upgrade
from resolver.plan import RunContext, plan_lock
from resolver.settings import RequirementItems, Settings
from resolver.sources.source import ItemList, Source, StatedValue
from resolver.targets.platforms import Platform
from resolver.targets.python_version import PythonVersion
from resolver.targets.target import Target
from resolver.workflow import lock_plan

__all__ = ["Item", "lock"]

Item = str | Callable[[Target], str | None]
"""A requirement or flag, or a function that gives one for a target."""


def lock(
    requirements: Sequence[Item] | Sequence[Sequence[Item]],
    *,
    python: PythonVersion | str,
    platform: Platform | str | None = None,
    machine_type: str | Sequence[str] | None = None,
    settings: Settings = Settings(),
    old: Lockfile | None = None,
    upgrade: Upgrade = Upgrade(),
    access: Access = Access(),
    folder: Path | None = None,
) -> LockOutcome:
    """A lock for the list, or for its layers; nothing is written.

    - An item is text, or a function that is called once with the target and gives text, or None for no item.
    - `python` is like `3.11`, `platform` like `manylinux_2_35_x86_64`, which is what None means where `settings` says
      nothing else.
    - `machine_type` is like `GPU-A100`, or a fallback list; None is what `settings` say.
    - `settings` are those of a `[tool.pinfold]`: an `index_url` takes the place of the default index.
    - Pins of `old` that still fit are kept, but for those that `upgrade` lets go of.
    - `access` says how to reach indexes; by default no cache is kept.
    - `folder` is what paths in the list and the settings are relative to, and where the lock is meant to lie: files
      below it are locked by relative path. None is the current folder.

    In messages the list is `requirements`: `requirements[4]`. Raises PinfoldError, whose subclasses tell bad input,
    no solution, network and hash mismatch apart.
    """
    where = folder or Path.cwd()
    source = Source(
        name="requirements",
        stem="requirements",
        form=ItemList(items=_freeze(requirements)),
        path=None,
        folder=where,
        python=StatedValue(value=str(python), where="`python`"),
        machine_types=None if machine_type is None else _name_machines(machine_type),
        settings=settings,
    )
    plan = plan_lock(
        source,
        arguments=Settings(platform=None if platform is None else str(platform)),
        path=None,
        old=old,
        run=RunContext(folder=where, variables=os.environ, now=datetime.now(UTC), may_ask_host=False),
        upgrade=upgrade.everything,
    )
    return lock_plan(plan, access=access, upgrade=upgrade)


def _name_machines(machine_type: str | Sequence[str]) -> StatedValue[tuple[str, ...]]:
    names = (machine_type,) if isinstance(machine_type, str) else tuple(machine_type)
    return StatedValue(value=names, where="`machine_type`")


def _freeze(requirements: object) -> RequirementItems:
    """The items as tuples; what is no list of texts stays as it is, for the parser to say what is wrong with it."""
    if isinstance(requirements, str) or not isinstance(requirements, Sequence):
        return cast("RequirementItems", requirements)
    return tuple(
        tuple(item) if isinstance(item, Sequence) and not isinstance(item, str) else item for item in requirements
    )
