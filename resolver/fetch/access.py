"""How a run reaches indexes and other hosts, and where it looks for the user's logins.

In: what the user configures. Out: `Access`, which each verb and function that sends requests takes, and which is
passed unchanged down to the connections; and `Credentials` with the logins that the user keeps outside of the list: in
the file of `--credentials`, environment variables, netrc or a keyring, in this order.

A login goes only to the host that the user binds it to. No list, page or lock can redirect one to another host.

It is a module of its own because the stages above `fetch` and the parts of `fetch` share it, and because it imports no
HTTP client.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lockfiles._values import dataclass
from lockfiles.variable_bindings import VariableBinding, VariableBindings
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
    "find_bindings",
    "open_credentials",
    "read_file_bindings",
]


KeyringProvider = Literal["auto", "disabled", "subprocess"]
"""pip's `--keyring-provider`: the command `keyring` if it is installed, never, or always (an error if it is not)."""

_VARIABLE = re.compile(r"PINFOLD_INDEX_([A-Z0-9_]+)_(URL|USERNAME|PASSWORD)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOptions:
    """Where to look for logins that the list does not contain."""

    file: Path | None = None
    """The file of `--credentials`; None is the one that `PINFOLD_CREDENTIALS_FILE` names, if it is set."""

    keyring: KeyringProvider = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach indexes and other hosts."""

    cache_folder: Path | None = None
    """Where responses are kept between runs. It is created with mode 0700; None keeps nothing."""

    offline: bool = False
    """Use the cache alone, and its responses regardless of their age."""

    refresh: bool = False
    """Use no stored response, and store those of servers."""

    announce: Callable[[str], None] | None = None
    """Gets each warning, and a line before a long download, wait or build. It is called from any thread."""

    logins: LoginOptions = LoginOptions()

    allowed_hosts: tuple[str, ...] = ()
    """Hosts that may be this machine or in a private network, although a public host redirects to them."""

    trusted_hosts: tuple[str, ...] = ()
    """Hosts, beside those that the list names, that get credentials over http and whose certificates are not checked
    (pip: `--trusted-host`)."""

    forbids_builds: bool = False
    """Run no build of an sdist or source tree, even if the settings allow it. The verb `hook` sets it."""

    python_executable: Path | None = None
    """The Python that builds; None searches for one of the target's version: the running one, then that of PATH."""

    clock: Callable[[], datetime] = partial(datetime.now, UTC)
    """The present time, in UTC: it decides which signed URLs have expired."""

    reader_count: int = 0
    """The number of processes that may be forked to parse pages. More than 0 only suits a program that has nothing
    open which its forks must not share."""

    variable_bindings: tuple[VariableBinding, ...] = ()
    """The hosts that variables of the environment may be sent to, as `parse_binding("TOKEN=index.example")` gives them.
    `lock` uses them; for a plan, which is made before there is an `Access`, they are in its `RunContext`."""

    transport: httpx.BaseTransport | None = None
    """Sends all HTTP requests in place of sockets; only `git` reaches its repositories without it. It is called from
    many threads, gets complete requests with their secrets, and is closed by its owner."""


def find_bindings(access: Access) -> VariableBindings:
    """The bindings of an `Access`, and those of its credentials file: a login that the file has for a host."""
    return VariableBindings(access.variable_bindings, load=partial(read_file_bindings, access.logins))


def read_file_bindings(
    options: LoginOptions, *, environ: Mapping[str, str] = os.environ
) -> tuple[VariableBinding, ...]:
    """The variables of the user's credentials file with the hosts that it names for them. Raises SettingsError."""
    named = options.file or _find_named_file(environ)
    if named is None:
        return ()
    from resolver.fetch.http.login_stores import read_credentials_file  # Lazy, as below.

    return read_credentials_file(named, variables=environ).bindings


def open_credentials(
    options: LoginOptions = LoginOptions(),
    *,
    hidden: Collection[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> Credentials:
    """Credentials with the user's logins.

    `hidden` are variables with secrets of the list, which
    the command `keyring` must not see. Raises SettingsError for a file that cannot be used, and for a keyring that is
    required and not installed.
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
    variables = _read_variables(environ, warnings)
    if variables is not None:
        sources.append(variables)
    sources.append(NetrcLogins(environ))
    credentials = Credentials(sources, query_keyring=_find_keyring(options.keyring, hidden), warnings=warnings)
    for url in signed:
        credentials.add(url, source=f"`{named}`")
    return credentials


def _find_named_file(environ: Mapping[str, str]) -> Path | None:
    """The credentials file that the environment names; an empty value counts as unset."""
    named = environ.get("PINFOLD_CREDENTIALS_FILE")
    return Path(named) if named else None


def _read_variables(environ: Mapping[str, str], warnings: list[str]) -> ListedLogins | None:
    """The logins of `PINFOLD_INDEX_NAME_URL`, `_USERNAME` and `_PASSWORD`, or None if no such variable is set.

    The URL decides the host. A project's settings could name any host. Adds a warning for a login without a URL.
    """
    indexes: dict[str, dict[str, str]] = {}
    for variable, value in environ.items():
        match = _VARIABLE.fullmatch(variable)
        if match is not None and value:
            indexes.setdefault(match[1], {})[match[2]] = value
    if not indexes:
        return None
    logins = ListedLogins("`PINFOLD_INDEX_…`")
    for name, values in sorted(indexes.items()):
        if not _add_login(logins, name, values):
            fault = Fault(
                what=f"`PINFOLD_INDEX_{name}_…` belongs to no host",
                remedy=f"set `PINFOLD_INDEX_{name}_URL` to the URL of its index, with `https://`",
            )
            warnings.append(str(fault))
    return logins


def _add_login(logins: ListedLogins, name: str, values: Mapping[str, str]) -> bool:
    """Add the login of one NAME for its URL; False if there is no URL, or one without a host or a login.

    `_USERNAME` and `_PASSWORD` take precedence over a login in the URL.
    """
    url = parse_url(values.get("URL", ""))
    place = find_destination(url.public)
    _, login = split_login(url.secret) if url.secret is not None else (None, None)
    if "USERNAME" in values or "PASSWORD" in values:
        login = Login(user=Secret(values.get("USERNAME", "")), password=Secret(values.get("PASSWORD", "")))
    if place is None or login is None:
        return False
    logins.add(place, login, source=f"the login of `PINFOLD_INDEX_{name}_…`")
    return True


def _find_keyring(provider: KeyringProvider, hidden: Collection[str]) -> QueryKeyring | None:
    """The query to the keyring, or None if it is disabled. Raises SettingsError if a required one is missing."""
    if provider == "disabled":
        return None
    # Lazy: `shutil` takes 5 ms, and most runs need no password. Only a required keyring is looked for immediately.
    if provider == "subprocess":
        from resolver.fetch.http.login_stores import require_keyring

        require_keyring()
    return partial(_query_keyring, hidden=frozenset(hidden))


def _query_keyring(services: Sequence[str], known: Login | None, *, hidden: Collection[str]) -> Login | None:
    """The login that the keyring has for the first of some services; see `QueryKeyring`."""
    from resolver.fetch.http.login_stores import query_keyring  # Lazy, as above.

    return query_keyring(services, known, hidden=hidden)
