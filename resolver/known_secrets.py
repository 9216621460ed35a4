"""The secrets of a plan: which URLs hold one, and where in the list or the settings each of them stands.

In: a `LockPlan`. Out: URLs with their positions, for the transport to know and for messages to name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from resolver.errors import FetchError
from resolver.fetch.credentials import Credentials
from resolver.fetch.login_sources import LoginOptions, open_credentials
from resolver.plan import LockPlan
from resolver.requirements.entry import ArchiveUrl, VcsReference
from resolver.requirements.position import Position
from resolver.requirements.url import Url

__all__ = ["build_credentials", "check_signatures", "iter_secret_urls"]

_SOON = timedelta(hours=1)


def build_credentials(plans: Iterable[LockPlan], *, logins: LoginOptions = LoginOptions()) -> Credentials:
    """What the lists and settings of a run say about credentials, and what the user keeps elsewhere.

    Raises SettingsError for a file of credentials that cannot be used.
    """
    plans = tuple(plans)
    families = (family for plan in plans for family in plan.settings.families or ())
    credentials = open_credentials(logins, places={family.name: family.urls for family in families})
    for plan in plans:
        for position, url in _iter_urls(plan):
            credentials.add(url, source=str(position))
    return credentials


def iter_secret_urls(plan: LockPlan) -> Iterator[tuple[Position, Url]]:
    """Every URL of list and settings that has a secret, with where it stands."""
    for position, url in _iter_urls(plan):
        if url.secret is not None:
            yield position, url


def check_signatures(plan: LockPlan, *, now: datetime) -> tuple[str, ...]:
    """Warnings about signatures that end within an hour. Raises FetchError for those that have ended."""
    urls = tuple(iter_secret_urls(plan))
    if not urls:
        return ()
    # Lazy: few lists have a URL with a secret.
    from resolver.requirements.presigned import find_expiry

    ended, warnings = [], []
    first = ""
    for position, url in urls:
        expiry = find_expiry(url)
        if expiry is None or expiry.at - now > _SOON:
            continue
        when = f"{expiry.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        if expiry.at <= now:
            first = first or url.public
            ended.append(f"{position}: the signature of `{url}` has expired: it was good until {when}")
        else:
            minutes = (expiry.at - now).seconds // 60
            warnings.append(f"{position}: the signature of `{url}` ends in {minutes} min, at {when}")
    if ended:
        remedy = "sign the URLs anew" if len(ended) > 1 else "sign the URL anew"
        raise FetchError("\n".join((*ended, f"  try: {remedy}; the lock does not change by that")), url=first)
    return tuple(warnings)


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
