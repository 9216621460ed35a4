"""The stores in which users keep logins for indexes: a credentials file that they name, and the keyring.

In: the path of a file of tables in TOML, or of a netrc:

    [[credentials]]
    url = "https://index.example/simple/"
    username = "deploy"
    password-variable = "INDEX_PASSWORD"

Out: logins by scheme, host, port and path, and signed URLs. No message shows a value of the file, only its keys.

In: service names for the command `keyring`. Out: a login, or None. The password is read from a pipe only. As with pip's
`subprocess` provider there is no prompt. A user name that may be a token is not passed as an argument, which other
users of the machine can read: the keyring is then queried for the service alone.

A module apart from `credentials`, because most runs have no such file and meet no 401: it is imported when a store is
read.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from lockfiles._documents import DocumentError, parse_toml
from lockfiles._files import read_regular
from lockfiles._values import dataclass
from lockfiles.errors import parser_boundary
from lockfiles.table_reader import TableFault, TableReader, Value, array_of, filled_text, keyed_table
from lockfiles.variable_bindings import VariableBinding
from resolver.errors import Fault, SettingsError
from resolver.fetch.http.credentials import (
    Destination,
    ListedLogins,
    Login,
    RequestCredentials,
    find_destination,
    find_netrc_login,
    parse_netrc,
    split_login,
)
from resolver.requirements.url import Secret, Url, find_illegal_character, find_set, find_unset, parse_url, redact

__all__ = ["query_keyring", "read_credentials_file", "require_keyring"]

_NOT_PRIVATE = 0o077
"""Mode bits that let other users read or write a file."""
_KEYRING_LIMIT_S = 60
"""Long enough for a user to unlock the keyring in a window of their own."""
_PRESCRIBED_USERS = frozenset({"__token__", "aws", "oauth2", "oauth2accesstoken", "token", "vsssessiontoken"})
"""User names that hosts prescribe for tokens; any other name may be a token itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsFile:
    """The content of a credentials file.

    `urls` are complete: signed, or with a token in query or path. `bindings` are the variables of the rows with the
    hosts of their URLs. `warnings` are whole messages.
    """

    logins: _FileLogins
    urls: tuple[Url, ...] = ()
    bindings: tuple[VariableBinding, ...] = ()
    warnings: tuple[str, ...] = ()


class _FileLogins(ListedLogins):
    """Logins of tables, or of a netrc file, which are for the default port of https alone."""

    def __init__(self, name: str, *, netrc_path: Path | None = None) -> None:
        super().__init__(name)
        self._parsed = None if netrc_path is None else parse_netrc(netrc_path)
        self.is_netrc = self._parsed is not None and bool(self._parsed.hosts)

    def find(self, place: Destination) -> RequestCredentials | None:
        """The login for a destination, or None."""
        if self._parsed is None:
            return super().find(place)
        is_default = place.scheme == "https" and place.port == 443
        login = find_netrc_login(self._parsed, place.host) if is_default else None
        return None if login is None else RequestCredentials(login=login, source=f"the login of {self.name}")


@parser_boundary(lambda reason: SettingsError(f"the credentials: {reason}"))
def read_credentials_file(path: Path, *, variables: Mapping[str, str]) -> CredentialsFile:
    """The credentials of a file; `variables` are the environment, for `${VAR}` and `password-variable`.

    A file that other users can read is a warning. Raises SettingsError with all faults of the file.
    """
    # The path may be a URL by mistake, which `Path` has changed so that it no longer looks like one: redact its secret.
    name = f"`{redact(str(path))}`"
    try:
        text = read_regular(path).decode()
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or "it is not UTF-8").lower()
        raise SettingsError(f"the credentials in {name} cannot be read: {reason}") from None
    warnings: tuple[str, ...] = ()
    if os.name == "posix" and mode & _NOT_PRIVATE:
        fault = Fault(what=f"the credentials in {name} can be read by others", remedy=f"`chmod 600 {path}`")
        warnings = (str(fault),)
    try:
        table = parse_toml(text)
    except DocumentError:
        logins = _FileLogins(name, netrc_path=path)
        if not logins.is_netrc:
            # No cause: the error of the parser may quote a password.
            raise SettingsError(
                f"the credentials in {name} are neither TOML nor netrc",
                remedy="a table `[[credentials]]` with `url`, `username` and `password` for each host",
            ) from None
        return CredentialsFile(logins=logins, warnings=warnings)
    return _read_tables(table, name, variables, warnings)


def require_keyring() -> None:
    """Raises SettingsError where there is no command `keyring`."""
    if _find_keyring_command() is None:
        raise SettingsError("`--keyring-provider subprocess` needs the command `keyring`, which is not on PATH")


def query_keyring(services: Sequence[str], known: Login | None, *, hidden: Collection[str] = ()) -> Login | None:
    """The login under the first service name that has one (`QueryKeyring`); with a known user, that user's.

    `hidden` are environment variables that the command does not get; those of pinfold are always among them.
    """
    command = _find_keyring_command()
    if command is None:
        return None
    user = "" if known is None else known.user.open_for_transport()
    for service in dict.fromkeys(services):
        login = _query_password(command, service, user, hidden) if user.lower() in _PRESCRIBED_USERS else None
        login = login or _query_login(command, service, hidden)
        if login is not None and user in ("", login.user.open_for_transport()):
            return login
    return None


def _read_tables(
    table: Mapping[str, object], name: str, variables: Mapping[str, str], warnings: tuple[str, ...]
) -> CredentialsFile:
    """The logins and signed URLs of `[[credentials]]`. Raises SettingsError with the faults of all rows."""
    faults: list[TableFault] = []
    reader = TableReader(table, faults=faults)
    row = keyed_table(lambda row: _read_row(row, variables))
    rows = reader.read("credentials", array_of(row, of="tables"), ())
    reader.refuse_unknown_keys()
    if faults:
        raise SettingsError.from_faults(Fault(where=name, what=fault.what, remedy=fault.remedy) for fault in faults)
    logins, urls, bindings = _FileLogins(name), [], []
    for url, login, names in rows:
        # A row whose URL leads nowhere is a fault.
        place = find_destination(url.public)
        assert place is not None
        bindings += [VariableBinding(variable=one, host=place.authority) for one in names]
        if login is not None:
            logins.add(place, login, source=f"the login of {name}")
        elif url.secret is not None:
            urls.append(url)
    return CredentialsFile(logins=logins, urls=tuple(urls), bindings=tuple(bindings), warnings=warnings)


def _read_row(reader: TableReader, variables: Mapping[str, str]) -> tuple[Url, Login | None, tuple[str, ...]] | None:
    """The URL of a row, its login (None for a signed URL) and its variables; None where the row has a fault."""
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
    names = find_set(text.open_for_transport(), variables)
    if variable is not None:
        password = Secret(variables[variable])
        names = (*names, variable)
    if user is None and password is None:
        return url, _find_login_alone(url), names
    return url, Login(user=user or Secret(""), password=password or Secret("")), names


def _parse_secret(value: Value) -> Secret | None:
    """A string as a secret; no message about it shows its value."""
    if isinstance(value.raw, str) and value.raw:
        return Secret(value.raw)
    value.refuse(f"`{value.path}` must be a string that is not empty")
    return None


def _find_fault(url: Url, password: Secret | None, variable: str | None, variables: Mapping[str, str]) -> Fault | None:
    """The first fault of a row, or None; it shows the public URL alone."""
    # Credentials are joined to requests for http(s) URLs only.
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
    """The user information of a URL that has no other secret; None for a signed one, which is used as a whole."""
    bare, login = (None, None) if url.secret is None else split_login(url.secret)
    return login if bare is not None and bare.open_for_transport() == url.public else None


def _find_keyring_command() -> str | None:
    """The path of the command, or None."""
    # Lazy: it takes 5 ms, and a run that reads a credentials file rarely needs the keyring too.
    import shutil

    return shutil.which("keyring")


def _query_password(command: str, service: str, user: str, hidden: Collection[str]) -> Login | None:
    """The password of a user whose name is no secret; None without one."""
    output = _run([command, "get", service, user], hidden)
    password = output.rstrip("\r\n")
    return Login(user=Secret(user), password=Secret(password)) if password and password.isprintable() else None


def _query_login(command: str, service: str, hidden: Collection[str]) -> Login | None:
    """User and password of a service; None without them, or where the keyring is older than this mode."""
    try:
        output = json.loads(_run([command, "--mode", "creds", "--output", "json", "get", service], hidden))
        user, password = output["username"], output["password"]
    except (ValueError, TypeError, LookupError):
        return None
    is_text = isinstance(user, str) and isinstance(password, str) and user.isprintable() and password.isprintable()
    return Login(user=Secret(user), password=Secret(password)) if is_text and password else None


def _run(words: Sequence[str], hidden: Collection[str]) -> str:
    """The output of the command; empty where it fails. Its errors are not shown, since they may hold a secret."""
    # The command gets no variable that holds a secret of pinfold or of the list.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PINFOLD_") and name not in hidden}
    try:
        process = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, "PYTHONIOENCODING": "utf-8"},
            timeout=_KEYRING_LIMIT_S,
            check=False,
        )
        return process.stdout.decode() if process.returncode == 0 else ""
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
