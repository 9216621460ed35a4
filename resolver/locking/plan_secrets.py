"""The secrets of plans: which URLs hold one, and how a run or a builder uses them to reach hosts.

In: the `LockPlan`s of a run, and the `Access` that the user configures. Out: `Credentials` by scheme, host and port for
the transport; warnings and errors about signatures and literal secrets; the hosts for which a lock needs credentials;
and a `HttpSession` for the files of a lock.

It is a module of its own because one rule holds for all of it: secrets come from the lists and settings of the user.
A lock gives only public URLs, and its text about hosts and variables is a hint, never a reason to send a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from lockfiles import Lockfile
from lockfiles.variable_bindings import VariableBinding
from resolver.errors import Fault, FetchError, ListError, Position, UnboundVariableError
from resolver.fetch.access import Access, LoginOptions, open_credentials
from resolver.fetch.http.credentials import Credentials, Destination, find_destination
from resolver.fetch.http.http_session import HttpSession
from resolver.planning.from_lock import build_lock_policy
from resolver.planning.plan import LockPlan
from resolver.requirements.entry import ArchiveUrl, VcsReference
from resolver.requirements.url import VARIABLE, Url
from resolver.sources.source import Source

if TYPE_CHECKING:
    from resolver.requirements.presigned import Expiry

__all__ = [
    "build_credentials",
    "check_bindings",
    "check_signatures",
    "find_named_bindings",
    "find_needed_credentials",
    "find_unbound",
    "has_credentials",
    "has_expiry",
    "list_literal_warnings",
    "open_session",
]

_SOON = timedelta(hours=1)
"""How long before its end a signature causes a warning: a lock and the download that follows can take that long."""


def build_credentials(plans: Iterable[LockPlan], *, logins: LoginOptions = LoginOptions()) -> Credentials:
    """The credentials in the URLs of all lists and settings of a run, with the logins that the user keeps elsewhere.

    A login in the URL of a repository is used for that repository alone, any other for its whole host. Raises
    SettingsError for a file of credentials that cannot be used, ListError for URLs that differ by a withheld query.
    """
    plans = tuple(plans)
    hidden = {name for plan in plans for _, url, _ in _iter_urls(plan) for name in VARIABLE.findall(url.text)}
    credentials = open_credentials(logins, hidden=hidden)
    _check_withheld(plans)
    for plan in plans:
        for position, url, is_repository in _iter_urls(plan):
            credentials.add(url, source=str(position), is_bound=is_repository)
    return credentials


def _check_withheld(plans: Iterable[LockPlan]) -> None:
    """Raise ListError for URLs that are different files, and equal without the queries that look random."""
    known: dict[str, tuple[Position, Url]] = {}
    for plan in plans:
        for position, url, _ in _iter_urls(plan):
            if not url.withheld:
                continue
            first, other = known.setdefault(url.public, (position, url))
            if other.secret != url.secret:
                names = ", ".join(f'"{name}"' for name in url.withheld)
                raise ListError(
                    f"`{url}` is the URL of two files without its query",
                    where=position,
                    why=f"the value of the query looks random, so the lock would not have it; the other is {first}",
                    remedy=f"`public-queries = [{names}]` in [tool.pinfold], if it is no secret",
                )


def check_bindings(plan: LockPlan, credentials: Credentials) -> None:
    """Raise UnboundVariableError for variables that are set and may not be sent to the hosts of their URLs.

    They are not in the URLs (see `parse_url`): without this error a host would be asked for `${NAME}`. A URL for which
    the user keeps credentials elsewhere needs no variable.
    """
    faults: dict[VariableBinding, Fault] = {}
    for position, url, binding in _iter_unbound(plan):
        if not has_credentials(url, credentials):
            faults.setdefault(binding, _build_unbound(position, url, binding, plan.source))
    if faults:
        raise UnboundVariableError.from_faults(faults.values(), bindings=tuple(faults))


def find_unbound(plan: LockPlan) -> tuple[VariableBinding, ...]:
    """The bindings that the URLs of list and settings lack, in the order of the list."""
    return tuple(dict.fromkeys(binding for _, _, binding in _iter_unbound(plan)))


def find_named_bindings(plan: LockPlan) -> tuple[VariableBinding, ...]:
    """The variables that the URLs of list and settings name, set or not, with the hosts of these URLs."""
    places = ((url, find_destination(url.public)) for _, url, _ in _iter_urls(plan))
    return tuple(
        VariableBinding(variable=name, host=place.authority)
        for url, place in places
        if place is not None
        for name in VARIABLE.findall(url.text)
    )


def _iter_unbound(plan: LockPlan) -> Iterator[tuple[Position, Url, VariableBinding]]:
    """Each variable that may not be sent to the host of its URL, with the URL and its position."""
    for position, url, _ in _iter_urls(plan):
        for name in url.unbound:
            yield position, url, VariableBinding(variable=name, host=url.destination)


def has_credentials(url: Url, credentials: Credentials) -> bool:
    """Whether credentials replace the variables of a URL: with a token in its path, or with a login."""
    grant = credentials.find(url.public)
    return grant is not None and (grant.url is not None or VARIABLE.search(url.public) is None)


def _build_unbound(position: Position, url: Url, binding: VariableBinding, source: Source) -> Fault:
    """The fault for one variable, with the line that binds it."""
    text = f"'{binding}'" if "$" in binding.host else f"{binding}"
    once = "" if source.path is None else f", or once for this file: `lock allow {source.name}`"
    return Fault(
        where=position,
        what=f"`{url}` is needed, and `{binding.variable}` may not be sent to `{binding.host}`",
        why="the value of a variable goes only to hosts that you have bound it to",
        remedy=f"`--allow-variable {text}`{once}",
    )


def check_signatures(plan: LockPlan, *, now: datetime) -> tuple[str, ...]:
    """Warnings about signatures that end within an hour. Raises FetchError for those that have ended."""
    urls = tuple(_iter_secret_urls(plan))
    if not urls:
        return ()
    # Lazy: few lists have a URL with a secret.
    from resolver.requirements.presigned import find_expiry

    ending = [(position, url, expiry) for position, url in urls if (expiry := find_expiry(url)) is not None]
    ended = [(position, url, expiry) for position, url, expiry in ending if expiry.at <= now]
    if ended:
        faults = [_build_expired(position, url, expiry) for position, url, expiry in ended]
        remedy = "sign the URLs anew" if len(faults) > 1 else "sign the URL anew"
        faults[-1] = replace(faults[-1], remedy=f"{remedy}; the lock does not change by that")
        raise FetchError.from_faults(faults, url=ended[0][1].public)
    return tuple(
        _render_ending(position, url, expiry, now) for position, url, expiry in ending if expiry.at - now <= _SOON
    )


def has_expiry(plan: LockPlan) -> bool:
    """Whether a URL of the plan has a signature that ends, so that another moment gives another outcome."""
    urls = tuple(_iter_secret_urls(plan))
    if not urls:
        return False
    from resolver.requirements.presigned import find_expiry  # Lazy, as above.

    return any(find_expiry(url) is not None for _, url in urls)


def list_literal_warnings(plan: LockPlan) -> tuple[str, ...]:
    """Warnings for secrets that are written out in a list, settings or command line, with a safer way to pass them.

    Queries that were withheld because they look random come last, with the setting that keeps them.

    Each form of secret (login, token, signature) has one warning, with all its positions. A signature causes one on
    the command line only: in a list it is the usual way to share a file, and it expires.
    """
    places: dict[tuple[bool, str], list[str]] = {}
    for position, url in _iter_secret_urls(plan):
        on_command_line = position.source.startswith("command line")
        for form in url.forms:
            if on_command_line or not form.endswith(("signature", ")")) or "token" in form:
                places.setdefault((on_command_line, form), []).append(str(position))
    literal = (_render_literal(form, where, on_command_line=shown) for (shown, form), where in places.items())
    return (*literal, *_iter_withheld_warnings(plan))


def _iter_withheld_warnings(plan: LockPlan) -> Iterator[str]:
    """A warning for each name of a query that looks random, with all its positions."""
    places: dict[str, list[str]] = {}
    for position, url, _ in _iter_urls(plan):
        for name in url.withheld:
            places.setdefault(name, []).append(str(position))
    for name, where in places.items():
        yield str(
            Fault(
                where=", ".join(dict.fromkeys(where)),
                what=f"{f'the query `{name}`' if name else 'a query'} of a URL is not in the lock",
                why="it looks random like a secret, and is no parameter that pinfold knows",
                remedy=f'`public-queries = ["{name}"]` in [tool.pinfold] keeps it, if it is public',
            )
        )


@contextmanager
def open_session(
    access: Access, *, lists: Sequence[LockPlan] = (), lock_folder: Path | None = None, build: bool = False
) -> Iterator[HttpSession]:
    """A session for the files of a lock, with the policy for what a lock may cause; closed at the end.

    `lock_folder` is the folder of the lock, where it may lead to files. `build` allows builds of its sources.
    `lists` are plans of lists with the same URLs as the one that was locked, with fresh signatures and tokens. Raises
    FetchError where signatures in them have ended, SettingsError for a file of credentials that cannot be used.
    """
    announce = access.announce or (lambda line: None)
    for plan in lists:
        for warning in check_signatures(plan, now=access.clock()):
            announce(f"warning: {warning}")
    credentials = build_credentials(lists, logins=access.logins)
    for plan in lists:
        check_bindings(plan, credentials)
    for warning in credentials.warnings:
        announce(f"warning: {warning}")
    policy = build_lock_policy(lock_folder, access=access, lists=lists, build=build)
    session = HttpSession(access, credentials=credentials, policy=policy)
    try:
        yield session
    finally:
        session.close()


def _iter_secret_urls(plan: LockPlan) -> Iterator[tuple[Position, Url]]:
    """Every URL of list and settings that has a secret, with its position."""
    for position, url, _ in _iter_urls(plan):
        if url.secret is not None:
            yield position, url


def _build_expired(position: Position, url: Url, expiry: Expiry) -> Fault:
    """The fault for a signature that has ended."""
    when = _render_instant(expiry)
    return Fault(where=position, what=f"the signature of `{url}` has expired: it was good until {when}")


def _render_ending(position: Position, url: Url, expiry: Expiry, now: datetime) -> str:
    """The warning for a signature that ends soon; one made with temporary credentials may end before its own time."""
    minutes = (expiry.at - now).seconds // 60
    sooner = ", or before: its credentials are temporary" if expiry.is_temporary else ""
    return f"{position}: the signature of `{url}` ends in {minutes} min, at {_render_instant(expiry)}{sooner}"


def _render_instant(expiry: Expiry) -> str:
    return f"{expiry.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _render_literal(form: str, positions: Iterable[str], *, on_command_line: bool) -> str:
    """One warning for all places that have a form of secret."""
    where = ", ".join(dict.fromkeys(positions))
    why = "which other users of this machine can see" if on_command_line else "which stays in that file"
    remedy = "`${VARIABLE}` in its place, in single quotes for a shell, or `--credentials FILE`"
    return str(Fault(where=where, what=f"{form} in a URL, {why}", remedy=remedy))


def find_needed_credentials(plan: LockPlan, lockfile: Lockfile) -> tuple[str, ...]:
    """The hosts of a lock's files for which list or settings have credentials, with the variables that hold them.

    Each is like `host.example (${TOKEN})`. Logins that are kept elsewhere (netrc, keyring) are left out: they belong to
    this machine, and a lock must not depend on the machine that made it.
    """
    known: dict[Destination, set[str]] = {}
    for _, url in _iter_secret_urls(plan):
        place = find_destination(url.public)
        if place is not None:
            known.setdefault(place, set()).update(VARIABLE.findall(url.text))
    if not known:
        return ()
    needed = {place: known[place] for url in _iter_locked_urls(lockfile) if (place := find_destination(url)) in known}
    return tuple(sorted(_render_need(place, variables) for place, variables in needed.items() if place is not None))


def _render_need(place: Destination, variables: Iterable[str]) -> str:
    """A host with the variables that hold its secrets; the host alone where the secret is written out."""
    names = ", ".join(f"${{{name}}}" for name in sorted(variables))
    return f"{place.authority} ({names})" if names else place.authority


def _iter_locked_urls(lockfile: Lockfile) -> Iterator[str]:
    """The URLs that an installation fetches: of wheels and sdists, then of repositories."""
    for _, file in lockfile.iter_files():
        if file.url is not None:
            yield file.url
    for package in lockfile.pylock.packages:
        if package.vcs is not None and package.vcs.url is not None:
            yield package.vcs.url


def _iter_urls(plan: LockPlan) -> Iterator[tuple[Position, Url, bool]]:
    """Every URL of list and settings with its position, and whether it is the URL of a repository."""
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
