"""From plans to lockfiles, and for programs the steps of `resolver.lock` one by one, for a list in a file.

`read_source` reads the list, `plan_lock` decides all that needs no network, `lock_plan` makes the lock. The names are
imported from their modules when they are first used, as those of `resolver`.
"""

from __future__ import annotations

from lockfiles._values import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resolver.planning.plan import LockPlan as LockPlan
    from resolver.planning.plan import RunContext as RunContext
    from resolver.planning.plan import plan_lock as plan_lock
    from resolver.session import lock_plan as lock_plan
    from resolver.sources.reader import read_source as read_source
    from resolver.sources.source import Source as Source

_NAMES_BY_MODULE = {
    "resolver.planning.plan": ("LockPlan", "RunContext", "plan_lock"),
    "resolver.session": ("lock_plan",),
    "resolver.sources.reader": ("read_source",),
    "resolver.sources.source": ("Source",),
}

__all__ = sorted(name for names in _NAMES_BY_MODULE.values() for name in names)  # noqa: PLE0605 - a list all the same

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(globals(), _NAMES_BY_MODULE)
