"""How a run reaches indexes and hosts: one value for every verb and function that sends requests.

In: what the user configures. Out: `Access`, which carries it unchanged down to the connections. It is a module of its
own because the stages above `fetch` and the parts of `fetch` share it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lockfiles.value_classes import dataclass
from resolver.fetch.login_sources import LoginOptions

if TYPE_CHECKING:
    import httpx

__all__ = ["Access"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach indexes and other hosts.

    - `cache_folder` None keeps nothing; a folder is made with mode 0700.
    - `offline` answers from the cache alone, however old; `refresh` from servers alone, and stores the answers.
    - `announce` gets warnings, and a line before a long download, wait or build; from any thread.
    - `logins` say where a user and password are looked for that the list does not give.
    - `allowed_hosts` may be this machine or in a private network though a public host redirects there.
    - `trusted_hosts` get credentials over http, and their certificates are not checked, beside those that a list names.
    - `clock` tells which signatures have expired.
    - `reader_count` processes may be forked to read pages: for a program that has nothing open which they must not
      share.
    - `transport` sends all HTTP requests in place of sockets. It is called from many threads and gets complete
      requests, with their secrets; its owner closes it. Only `git` reaches its repositories without it.
    """

    cache_folder: Path | None = None
    offline: bool = False
    refresh: bool = False
    announce: Callable[[str], None] | None = None
    logins: LoginOptions = LoginOptions()
    allowed_hosts: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    forbids_builds: bool = False
    clock: Callable[[], datetime] = partial(datetime.now, UTC)
    reader_count: int = 0
    transport: httpx.BaseTransport | None = None
