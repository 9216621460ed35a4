"""A file of credentials that the user names: tables in TOML, or netrc.

    [[credentials]]
    url = "https://index.example/simple/"
    username = "deploy"
    password-variable = "INDEX_PASSWORD"

In: a path. Out: logins by scheme, host, port and path, and signed URLs. No message shows what stands in the file but
its keys.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from lockfiles.table_reader import TableFault, TableReader, Value, array_of, filled_text, keyed_table
from lockfiles.value_classes import dataclass
from resolver.errors import Fault, SettingsError
from resolver.fetch.credentials import Destination, ListedLogins, RequestCredentials, find_destination, split_login
from resolver.fetch.logins import Login
from resolver.fetch.netrc_file import find_netrc_login, parse_netrc
from resolver.requirements.url import Secret, Url, find_illegal_character, find_unset, parse_url, redact

__all__ = ["CredentialsFile", "read_credentials_file"]

_PRIVATE = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsFile:
    """What a file holds. `urls` are complete: signed, or with a token in query or path."""

    logins: _FileLogins
    urls: tuple[Url, ...] = ()
    warnings: tuple[str, ...] = ()


class _FileLogins(ListedLogins):
    """Logins of tables, or of a netrc file, which serves the default port of https alone."""

    def __init__(self, name: str, *, netrc_path: Path | None = None) -> None:
        super().__init__(name)
        self._parsed = None if netrc_path is None else parse_netrc(netrc_path)
        self.is_netrc = self._parsed is not None and bool(self._parsed.hosts)

    def find(self, place: Destination) -> RequestCredentials | None:
        if self._parsed is None:
            return super().find(place)
        is_default = place.scheme == "https" and place.port == 443
        login = find_netrc_login(self._parsed, place.host) if is_default else None
        return None if login is None else RequestCredentials(login=login, source=f"the login of {self.name}")


def read_credentials_file(path: Path, *, variables: Mapping[str, str]) -> CredentialsFile:
    """The credentials of a file; one that others may read is a warning. Raises SettingsError with all its faults."""
    # A URL in its place, which a path no longer shows as one, may hold a secret itself.
    name = f"`{redact(str(path))}`"
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or "it is not UTF-8").lower()
        raise SettingsError(f"the credentials in {name} cannot be read: {reason}") from None
    warnings: tuple[str, ...] = ()
    if os.name == "posix" and mode & _PRIVATE:
        fault = Fault(what=f"the credentials in {name} can be read by others", remedy=f"`chmod 600 {path}`")
        warnings = (str(fault),)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        logins = _FileLogins(name, netrc_path=path)
        if not logins.is_netrc:
            # Not chained: what is wrong with the file may be a password.
            raise SettingsError(
                f"the credentials in {name} are neither TOML nor netrc",
                remedy="a table `[[credentials]]` with `url`, `username` and `password` for each host",
            ) from None
        return CredentialsFile(logins=logins, warnings=warnings)
    return _read_tables(table, name, variables, warnings)


def _read_tables(
    table: Mapping[str, object], name: str, variables: Mapping[str, str], warnings: tuple[str, ...]
) -> CredentialsFile:
    faults: list[TableFault] = []
    reader = TableReader(table, faults=faults)
    row = keyed_table(lambda row: _read_row(row, variables))
    rows = reader.read("credentials", array_of(row, of="tables"), ())
    reader.refuse_unknown_keys()
    if faults:
        raise SettingsError.from_faults(Fault(where=name, what=fault.what, remedy=fault.remedy) for fault in faults)
    logins, urls = _FileLogins(name), []
    for url, login in rows:
        place = find_destination(url.public)
        assert place is not None
        if login is not None:
            logins.add(place, login, source=f"the login of {name}")
        elif url.secret is not None:
            urls.append(url)
    return CredentialsFile(logins=logins, urls=tuple(urls), warnings=warnings)


def _read_row(reader: TableReader, variables: Mapping[str, str]) -> tuple[Url, Login | None] | None:
    reader.require("url")
    text, user, password = (reader.read(key, _parse_secret) for key in ("url", "username", "password"))
    variable = reader.read("password-variable", filled_text)
    if text is None:
        return None
    url = parse_url(text.open_for_transport(), variables=variables)
    fault = _find_fault(url, password, variable, variables)
    if fault:
        reader.refuse("url", fault.what, remedy=fault.remedy)
        return None
    if variable is not None:
        password = Secret(variables[variable])
    if user is None and password is None:
        return url, _find_login_alone(url)
    return url, Login(user=user or Secret(""), password=password or Secret(""))


def _parse_secret(value: Value) -> Secret | None:
    """A text that no message shows, whatever is wrong with it."""
    if isinstance(value.raw, str) and value.raw:
        return Secret(value.raw)
    value.refuse(f"`{value.path}` must be a string that is not empty")
    return None


def _find_fault(url: Url, password: Secret | None, variable: str | None, variables: Mapping[str, str]) -> Fault | None:
    place = find_destination(url.public)
    if place is None or place.scheme not in ("https", "http"):
        return Fault(what=f"`url` is `{url}`, which names no host", remedy="begin it with `https://`")
    if flaw := find_illegal_character(url):
        return Fault(what=f"`url` holds {flaw}")
    if unset := find_unset(url):
        return Fault(what=f"`{url}` needs a variable that is not set: `{unset[0]}`")
    if variable is not None and password is not None:
        return Fault(what=f"`{url}` has `password` and `password-variable`", remedy="leave out one of them")
    if variable is not None and not variables.get(variable):
        return Fault(what=f"`{url}` needs a variable that is not set: `{variable}`")
    return None


def _find_login_alone(url: Url) -> Login | None:
    """The user information of a URL without any other secret."""
    bare, login = (None, None) if url.secret is None else split_login(url.secret)
    return login if bare is not None and bare.open_for_transport() == url.public else None
