"""The direct references of a plan: what `find_direct` is to be asked, and the package source with its answers.

In: a `LockPlan` and its package source. Out: `DirectSources`, and a source for the search.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from resolver.index.location import Location, order_locations
from resolver.index.package_source import PackageSource
from resolver.locking import find_locked_commits
from resolver.outcome import Upgrade
from resolver.plan import LockPlan
from resolver.requirements.url import Url

if TYPE_CHECKING:
    from resolver.direct import DirectSources
    from resolver.index.direct import FixedSource

__all__ = ["find_plan_direct", "locate_dependency", "with_direct"]


def find_plan_direct(
    plan: LockPlan,
    source: PackageSource,
    default_index: Url | None,
    upgrade: Upgrade,
) -> DirectSources | None:
    """What the direct references of the plan are; None where it has none. Raises as `find_direct`.

    Commits of the old lock are kept, but for those that an upgrade lets go of.
    """
    requirement_list = plan.requirement_list
    entries = (*requirement_list.entries, *requirement_list.constraints, *plan.overrides)
    if all(entry.direct is None for entry in entries):
        return None
    # Lazy: most lists name no source of a project directly.
    from resolver.direct import find_direct

    kept = None if upgrade.everything else plan.kept
    return find_direct(
        requirement_list,
        overrides=plan.overrides,
        excludes=plan.settings.exclude,
        target=plan.target,
        source=source,
        locked_commits={} if kept is None else find_locked_commits(kept, without=upgrade.names),
        locate=partial(locate_dependency, plan, default_index),
    )


def with_direct(
    source: PackageSource, fixed: Mapping[NormalizedName, FixedSource], plan: LockPlan, default_index: Url | None
) -> PackageSource:
    """The source, with the projects that direct references fix."""
    if not fixed:
        return source
    # Lazy, as above.
    from resolver.direct_source import SourceWithDirect

    return SourceWithDirect(source, fixed, target=plan.target, locate=partial(locate_dependency, plan, default_index))


def locate_dependency(plan: LockPlan, default_index: Url | None, name: NormalizedName) -> tuple[Location, ...]:
    """Where a project would be asked for that only dependencies mention."""
    return order_locations(
        name,
        plan.requirement_list.dependency_scope,
        default_index=default_index,
        families=plan.families,
        strategy=plan.settings.index_strategy,
    )
