"""The secrets of a plan: which URLs hold one, and where in the list or the settings each of them stands.

In: a `LockPlan`. Out: URLs with their positions, for the transport to know and for messages to name.

How a builder reaches the hosts of a lock: with its own credentials, and with the URLs of its own lists.

In: the `Access` that the builder configures, and plans of lists. Out: a `Session` that knows credentials by scheme,
host and port, and signatures by public URL. Of the lock nothing but public URLs is used: its words about hosts,
variables and indexes are hints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lockfiles import Lockfile
from resolver.errors import Fault, FetchError, Position
from resolver.fetch.access import Access, LoginOptions, open_credentials
from resolver.fetch.http.credentials import Credentials, Destination, find_destination
from resolver.fetch.http.hosts import HostGuard
from resolver.fetch.http.session import Session
from resolver.planning.plan import LockPlan
from resolver.requirements.entry import ArchiveUrl, VcsReference
from resolver.requirements.url import VARIABLE, Url

__all__ = [
    "build_credentials",
    "check_signatures",
    "find_needed_credentials",
    "iter_secret_urls",
    "open_session",
    "warn_of_literals",
]


_SOON = timedelta(hours=1)


def build_credentials(plans: Iterable[LockPlan], *, logins: LoginOptions = LoginOptions()) -> Credentials:
    """What the lists and settings of a run say about credentials, and what the user keeps elsewhere.

    Raises SettingsError for a file of credentials that cannot be used.
    """
    plans = tuple(plans)
    families = (family for plan in plans for family in plan.settings.families)
    hidden = {name for plan in plans for _, url, _ in _iter_urls(plan) for name in VARIABLE.findall(url.text)}
    places = {family.name: family.urls for family in families}
    credentials = open_credentials(logins, places=places, hidden=hidden)
    for plan in plans:
        for position, url, is_repository in _iter_urls(plan):
            credentials.add(url, source=str(position), is_bound=is_repository)
    return credentials


def iter_secret_urls(plan: LockPlan) -> Iterator[tuple[Position, Url]]:
    """Every URL of list and settings that has a secret, with where it stands."""
    for position, url, _ in _iter_urls(plan):
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
            ended.append(Fault(where=position, what=f"the signature of `{url}` has expired: it was good until {when}"))
        else:
            minutes = (expiry.at - now).seconds // 60
            sooner = ", or before: its credentials are temporary" if expiry.is_temporary else ""
            warnings.append(f"{position}: the signature of `{url}` ends in {minutes} min, at {when}{sooner}")
    if ended:
        remedy = "sign the URLs anew" if len(ended) > 1 else "sign the URL anew"
        ended[-1] = replace(ended[-1], remedy=f"{remedy}; the lock does not change by that")
        raise FetchError.from_faults(ended, url=first)
    return tuple(warnings)


def warn_of_literals(plan: LockPlan) -> tuple[str, ...]:
    """Warnings for secrets that stand in the text itself, each form once, with the safer way to write them.

    A signature is told of on the command line alone: in a list it is what one has, and it ends by itself.
    """
    places: dict[tuple[bool, str], list[str]] = {}
    for position, url in iter_secret_urls(plan):
        on_command_line = position.source.startswith("command line")
        for form in url.forms:
            if on_command_line or not form.endswith(("signature", ")")) or "token" in form:
                places.setdefault((on_command_line, form), []).append(str(position))
    return tuple(_render_literal(form, where, on_command_line=shown) for (shown, form), where in places.items())


def _render_literal(form: str, positions: Iterable[str], *, on_command_line: bool) -> str:
    where = ", ".join(dict.fromkeys(positions))
    why = "which other users of this machine can see" if on_command_line else "which stays in that file"
    remedy = "`${VARIABLE}` in its place, in single quotes for a shell, or `--credentials FILE`"
    return str(Fault(where=where, what=f"{form} in a URL, {why}", remedy=remedy))


def find_needed_credentials(plan: LockPlan, lockfile: Lockfile) -> tuple[str, ...]:
    """The hosts of a lock's files for which list or settings have credentials, with the variables that hold them.

    Logins that are kept elsewhere say nothing here: they are of this machine, and a lock is not.
    """
    known: dict[Destination, set[str]] = {}
    for _, url in iter_secret_urls(plan):
        place = find_destination(url.public)
        if place is not None:
            known.setdefault(place, set()).update(VARIABLE.findall(url.text))
    if not known:
        return ()
    needed = {place: known[place] for url in _iter_locked_urls(lockfile) if (place := find_destination(url)) in known}
    return tuple(sorted(_render_need(place, variables) for place, variables in needed.items() if place is not None))


def _render_need(place: Destination, variables: Iterable[str]) -> str:
    names = ", ".join(f"${{{name}}}" for name in sorted(variables))
    return f"{place.authority} ({names})" if names else place.authority


def _iter_locked_urls(lockfile: Lockfile) -> Iterator[str]:
    for _, file in lockfile.iter_files():
        if file.url is not None:
            yield file.url
    for package in lockfile.pylock.packages:
        if package.vcs is not None and package.vcs.url is not None:
            yield package.vcs.url


def _iter_urls(plan: LockPlan) -> Iterator[tuple[Position, Url, bool]]:
    """Every URL of list and settings, where it stands, and whether it is that of a repository."""
    requirement_list = plan.requirement_list
    for location in requirement_list.named_locations:
        yield location.position, location.url, False
    for entry in (*requirement_list.entries, *requirement_list.constraints, *plan.overrides):
        if isinstance(entry.direct, ArchiveUrl | VcsReference):
            yield entry.position, entry.direct.url, isinstance(entry.direct, VcsReference)
    if plan.default_index is not None:
        yield Position(source="[tool.pinfold] index-url"), plan.default_index, False
    for url in plan.mirrors.values():
        yield Position(source="[tool.pinfold] mirrors"), url, False


@contextmanager
def open_session(access: Access, *, lists: Sequence[LockPlan] = ()) -> Iterator[Session]:
    """A session for the files of a lock; closed at the end.

    `lists` are plans of lists with the same URLs as the one that was locked, with fresh signatures and tokens. Raises
    FetchError where signatures in them have ended, SettingsError for a file of credentials that cannot be used.
    """
    announce = access.announce or (lambda line: None)
    for plan in lists:
        for warning in check_signatures(plan, now=access.clock()):
            announce(f"warning: {warning}")
    credentials = build_credentials(lists, logins=access.logins)
    for warning in credentials.warnings:
        announce(f"warning: {warning}")
    session = Session(access, credentials=credentials, guard=HostGuard(access.allowed_hosts))
    try:
        yield session
    finally:
        session.close()
