"""How a run reaches indexes and hosts: one value for every verb and function that sends requests.

In: what the user configures. Out: `Access`, which carries it unchanged down to the connections. It is a module of its
own because the stages above `fetch` and the parts of `fetch` share it.

Where a user keeps logins apart from lists: a file, the environment, netrc, a keyring, asked in this order.

In: options of a run. Out: `Credentials` that look there for what the list does not give. All of them are bound to a
host by the user alone; nothing that a list, a page or a lock says makes a login go anywhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lockfiles._values import dataclass
from resolver.errors import Fault
from resolver.fetch.http.credentials import (
    Credentials,
    ListedLogins,
    Login,
    LoginSource,
    NetrcLogins,
    QueryKeyring,
    find_destination,
    split_login,
)
from resolver.requirements.url import Secret, parse_url

if TYPE_CHECKING:
    import httpx

__all__ = [
    "Access",
    "KeyringProvider",
    "LoginOptions",
    "open_credentials",
]


KeyringProvider = Literal["auto", "disabled", "subprocess"]

_VARIABLE = re.compile(r"PINFOLD_INDEX_([A-Z0-9_]+)_(URL|USERNAME|PASSWORD)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOptions:
    """Where to look for logins. `file` is that of `--credentials`; None is what `PINFOLD_CREDENTIALS_FILE` names.

    `keyring` is pip's choice: `auto` asks the command `keyring` where it is installed.
    """

    file: Path | None = None
    keyring: KeyringProvider = "auto"


def open_credentials(
    options: LoginOptions = LoginOptions(),
    *,
    places: Mapping[str, Sequence[str]] | None = None,
    hidden: Collection[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> Credentials:
    """Credentials that know what the user keeps; `places` are URL prefixes by the name of an index family.

    `hidden` are variables that hold secrets of the list, which a keyring has no business with. Raises
    SettingsError for a file that cannot be used, and for a keyring that is wanted and not there.
    """
    sources: list[LoginSource] = []
    warnings: list[str] = []
    signed = []
    named = options.file or _find_named_file(environ)
    if named is not None:
        # Lazy: most runs have no such file.
        from resolver.fetch.http.login_stores import read_credentials_file

        content = read_credentials_file(named, variables=environ)
        sources.append(content.logins)
        warnings += content.warnings
        signed = list(content.urls)
    variables = _read_variables(environ, places or {}, warnings)
    if variables is not None:
        sources.append(variables)
    sources.append(NetrcLogins(environ))
    credentials = Credentials(sources, query_keyring=_find_keyring(options.keyring, hidden), warnings=warnings)
    for url in signed:
        credentials.add(url, source=f"`{named}`")
    return credentials


def _find_named_file(environ: Mapping[str, str]) -> Path | None:
    named = environ.get("PINFOLD_CREDENTIALS_FILE")
    return Path(named) if named else None


def _read_variables(
    environ: Mapping[str, str], places: Mapping[str, Sequence[str]], warnings: list[str]
) -> ListedLogins | None:
    """The logins of `PINFOLD_INDEX_NAME_URL`, `_USERNAME` and `_PASSWORD`; without a URL, NAME is that of a family."""
    indexes: dict[str, dict[str, str]] = {}
    for variable, value in environ.items():
        match = _VARIABLE.fullmatch(variable)
        if match is not None and value:
            indexes.setdefault(match[1], {})[match[2]] = value
    if not indexes:
        return None
    logins = ListedLogins("`PINFOLD_INDEX_…`")
    urls = {re.sub(r"[^A-Z0-9]", "_", name.upper()): prefixes for name, prefixes in places.items()}
    for name, values in sorted(indexes.items()):
        prefixes = [values["URL"]] if "URL" in values else list(urls.get(name, ()))
        if not _add(logins, name, prefixes, values):
            fault = Fault(
                what=f"`PINFOLD_INDEX_{name}_…` belongs to no host",
                remedy=f"set `PINFOLD_INDEX_{name}_URL` to the URL of its index, with `https://`",
            )
            warnings.append(str(fault))
    return logins


def _add(logins: ListedLogins, name: str, prefixes: Sequence[str], values: Mapping[str, str]) -> bool:
    """Whether the login has a place, where it then is kept."""
    added = False
    for url, login in _iter_logins(prefixes, values):
        place = find_destination(url)
        if place is not None:
            logins.add(place, login, source=f"the login of `PINFOLD_INDEX_{name}_…`")
            added = True
    return added


def _iter_logins(prefixes: Sequence[str], values: Mapping[str, str]) -> Iterator[tuple[str, Login]]:
    for prefix in prefixes:
        url = parse_url(prefix.partition("{")[0])
        _, login = split_login(url.secret) if url.secret is not None else (None, None)
        if "USERNAME" in values or "PASSWORD" in values:
            login = Login(user=Secret(values.get("USERNAME", "")), password=Secret(values.get("PASSWORD", "")))
        if login is not None:
            yield url.public, login


def _find_keyring(provider: KeyringProvider, hidden: Collection[str]) -> QueryKeyring | None:
    if provider == "disabled":
        return None
    # Lazy: `shutil` takes 5 ms, and most runs are asked for no password. One that must be there is looked for now.
    if provider == "subprocess":
        from resolver.fetch.http.login_stores import require_keyring

        require_keyring()
    return partial(_ask_keyring, hidden=frozenset(hidden))


def _ask_keyring(services: Sequence[str], known: Login | None, *, hidden: Collection[str]) -> Login | None:
    from resolver.fetch.http.login_stores import query_keyring  # Lazy, as above.

    return query_keyring(services, known, hidden=hidden)


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
