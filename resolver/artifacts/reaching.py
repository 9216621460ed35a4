"""How a builder reaches the hosts of a lock: with its own credentials, and with the URLs of its own lists.

In: the `Access` that the builder configures, and plans of lists. Out: a `Session` that knows credentials by scheme,
host and port, and signatures by public URL. Of the lock nothing but public URLs is used: its words about hosts,
variables and indexes are hints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from resolver.fetch.access import Access
from resolver.fetch.host_guard import HostGuard
from resolver.fetch.session import Session
from resolver.known_secrets import build_credentials, check_signatures
from resolver.plan import LockPlan

__all__ = ["open_session"]


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
