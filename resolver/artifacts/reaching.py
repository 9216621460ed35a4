"""How a builder reaches the hosts of a lock: with its own credentials, and with the URLs of its own list.

In: what the builder configures. Out: a `Session` that knows credentials by scheme, host and port, and signatures by
public URL. Of the lock nothing but public URLs is used: its words about hosts, variables and indexes are hints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from lockfiles.value_classes import dataclass
from resolver.build_plan import find_config_settings
from resolver.fetch.host_guard import HostGuard
from resolver.fetch.login_sources import LoginOptions
from resolver.fetch.session import Session
from resolver.known_secrets import build_credentials, check_signatures
from resolver.plan import LockPlan, RunContext, plan_lock
from resolver.settings import Settings
from resolver.sources.source import Source

if TYPE_CHECKING:
    import httpx

__all__ = ["Reached", "Reaching", "open_session", "plan_source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaching:
    """How to reach hosts.

    - `source` is a list with the same URLs as the one that was locked, with fresh signatures and tokens.
    - `logins` say where else users and passwords are looked for.
    - `allowed_hosts` (`host`, `host:port`) may be asked though they are in a private network.
    - `trusted_hosts` get credentials over http, and their certificates are not checked.
    - `announce` gets warnings, and a line before a long wait or a build. `transport` stands in for the network.
    """

    source: Source | None = None
    logins: LoginOptions = LoginOptions()
    allowed_hosts: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    announce: Callable[[str], None] | None = None
    transport: httpx.BaseTransport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What reaching gives: a session, and the `--config-settings` of the source by project, which may be secret."""

    session: Session
    config_settings: Mapping[NormalizedName, tuple[tuple[str, str], ...]] = field(repr=False)


@contextmanager
def open_session(reaching: Reaching, *, variables: Mapping[str, str]) -> Iterator[Reached]:
    """A session for the files of a lock; closed at the end.

    Raises InputError where the source cannot be used, FetchError where signatures in it have ended.
    """
    plans = plan_source(reaching, variables=variables)
    for plan in plans:
        for warning in check_signatures(plan, now=datetime.now(UTC)):
            _announce(reaching, f"warning: {warning}")
    credentials = build_credentials(plans, logins=reaching.logins)
    for warning in credentials.warnings:
        _announce(reaching, f"warning: {warning}")
    session = Session(
        cache_folder=None,
        offline=False,
        refresh=False,
        trusted_hosts=reaching.trusted_hosts,
        credentials=credentials,
        guard=HostGuard(reaching.allowed_hosts),
        progress=reaching.announce,
        transport=reaching.transport,
    )
    settings = [find_config_settings(plan) for plan in plans]
    try:
        yield Reached(session=session, config_settings=settings[0] if settings else {})
    finally:
        session.close()


def plan_source(reaching: Reaching, *, variables: Mapping[str, str]) -> list[LockPlan]:
    """The list of the source as locking would read it, for the credentials in it; empty without a source."""
    if reaching.source is None:
        return []
    plan = plan_lock(
        reaching.source,
        arguments=Settings(),
        path=None,
        old=None,
        run=RunContext(folder=Path.cwd(), variables=variables, now=datetime.now(UTC)),
    )
    return [plan]


def _announce(reaching: Reaching, line: str) -> None:
    if reaching.announce is not None:
        reaching.announce(line)
