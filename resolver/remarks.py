"""What is worth telling about an answer: indexes that position took away or that came first, and yanked pins.

In: a plan, its problem and resolution, and the source that was asked. Out: messages and pins. A remark is never a
reason to fail.
"""

from __future__ import annotations

from collections.abc import Iterator

from packaging.utils import NormalizedName

from resolver.errors import FetchError
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.plan import LockPlan
from resolver.requirements.url import Url
from resolver.solve.problem import Problem
from resolver.solve.resolution import Pin, Resolution

__all__ = ["find_shadowed", "find_taken", "iter_yanked"]


def find_shadowed(
    plan: LockPlan, problem: Problem, resolution: Resolution, source: PackageSource, default_index: Url | None
) -> Iterator[Pin]:
    """Pins that only dependencies ask for, from an extra index although an index that is none has the project too."""
    scope = plan.requirement_list.dependency_scope
    defaults = {url.public for url in (*scope.indexes, default_index) if url is not None}
    for pin in resolution.pins:
        is_listed = any(requester.position is not None for requester in pin.requesters)
        if is_listed or pin.index is None or pin.index in defaults:
            continue
        others = [location for location in problem.locations(pin.name) if location.url.public in defaults]
        if any(_has(source, pin.name, location) for location in others):
            yield pin


def find_taken(plan: LockPlan, source: PackageSource) -> Iterator[str]:
    """Warnings for indexes that position takes away from an earlier item whose project they have."""
    for taken in plan.requirement_list.taken_indexes:
        name = taken.entry.name
        if name is not None and _has(source, name, Location(url=taken.index)):
            yield (
                f"{taken.entry.position}: `{taken.entry.text}` is not asked of `{taken.index}`, which has it: that flag"
                f' ({taken.position}) serves only what stands after it; move the flag up, or set `flag-scope = "list"`'
            )


def iter_yanked(resolution: Resolution) -> Iterator[str]:
    """Warnings for pins that their index has yanked (PEP 592): only a requirement that pins it brings one in."""
    for pin in resolution.pins:
        if pin.file.yanked is not None:
            reason = f": {pin.file.yanked}" if pin.file.yanked else ""
            yield f"`{pin.name} {pin.version}` is yanked{reason}; it is locked because it is pinned exactly"


def _has(source: PackageSource, name: NormalizedName, location: Location) -> bool:
    """Whether a location has a project, for a remark only: an index that does not answer has nothing to remark on."""
    try:
        return source.project_page(name, location) is not None
    except FetchError:
        return False
