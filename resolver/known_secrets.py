"""The secrets of a plan: which URLs hold one, and where in the list or the settings each of them stands.

In: a `LockPlan`. Out: URLs with their positions, for the transport to know and for messages to name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from resolver.fetch.credentials import Credentials
from resolver.plan import LockPlan
from resolver.requirements.entry import ArchiveUrl, VcsReference
from resolver.requirements.position import Position
from resolver.requirements.url import Url

__all__ = ["build_credentials", "iter_secret_urls"]


def build_credentials(plans: Iterable[LockPlan]) -> Credentials:
    """What the lists and settings of a run say about credentials."""
    credentials = Credentials()
    for plan in plans:
        for position, url in iter_secret_urls(plan):
            credentials.add(url, source=str(position))
    return credentials


def iter_secret_urls(plan: LockPlan) -> Iterator[tuple[Position, Url]]:
    """Every URL of list and settings that has a secret, with where it stands."""
    for position, url in _iter_urls(plan):
        if url.secret is not None:
            yield position, url


def _iter_urls(plan: LockPlan) -> Iterator[tuple[Position, Url]]:
    requirement_list = plan.requirement_list
    for location in requirement_list.named_locations:
        yield location.position, location.url
    for entry in (*requirement_list.entries, *requirement_list.constraints, *plan.overrides):
        if isinstance(entry.direct, ArchiveUrl | VcsReference):
            yield entry.position, entry.direct.url
    if plan.default_index is not None:
        yield Position(source="[tool.pinfold] index-url"), plan.default_index
    for url in plan.mirrors.values():
        yield Position(source="[tool.pinfold] mirrors"), url
