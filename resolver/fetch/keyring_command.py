"""Logins of the user's keyring, through the command `keyring`: a password comes over a pipe and through nothing else.

As with pip's `subprocess` provider, nobody is asked anything. A user name that may be a token is in no argument: then
the keyring is asked whose login it has.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Collection, Sequence

from resolver.errors import SettingsError
from resolver.fetch.logins import Login
from resolver.requirements.url import Secret

__all__ = ["ask_keyring", "require_keyring"]

_LIMIT_S = 60
_KNOWN_USERS = frozenset({"__token__", "aws", "oauth2", "oauth2accesstoken", "token", "vsssessiontoken"})
"""User names that hosts prescribe; any other one may be a token."""


def require_keyring() -> None:
    """Raises SettingsError where there is no command `keyring`."""
    if shutil.which("keyring") is None:
        raise SettingsError("`--keyring-provider subprocess` needs the command `keyring`, which is not on PATH")


def ask_keyring(services: Sequence[str], known: Login | None, *, hidden: Collection[str] = ()) -> Login | None:
    """The login under the first service name that has one; with a known user, that user's.

    `hidden` are variables that the command does not see; those of pinfold are always among them.
    """
    command = shutil.which("keyring")
    if command is None:
        return None
    user = "" if known is None else known.user.open_for_transport()
    for service in dict.fromkeys(services):
        login = _ask_for_password(command, service, user, hidden) if user.lower() in _KNOWN_USERS else None
        login = login or _ask_for_login(command, service, hidden)
        if login is not None and user in ("", login.user.open_for_transport()):
            return login
    return None


def _ask_for_password(command: str, service: str, user: str, hidden: Collection[str]) -> Login | None:
    answer = _run([command, "get", service, user], hidden)
    password = answer.rstrip("\r\n")
    return Login(user=Secret(user), password=Secret(password)) if password and password.isprintable() else None


def _ask_for_login(command: str, service: str, hidden: Collection[str]) -> Login | None:
    try:
        answer = json.loads(_run([command, "--mode", "creds", "--output", "json", "get", service], hidden))
        user, password = answer["username"], answer["password"]
    except (ValueError, TypeError, LookupError):
        return None
    is_text = isinstance(user, str) and isinstance(password, str) and user.isprintable() and password.isprintable()
    return Login(user=Secret(user), password=Secret(password)) if is_text and password else None


def _run(words: Sequence[str], hidden: Collection[str]) -> str:
    """What the command prints; empty where it fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PINFOLD_") and name not in hidden}
    try:
        process = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**kept, "PYTHONIOENCODING": "utf-8"},
            timeout=_LIMIT_S,
            check=False,
        )
        return process.stdout.decode() if process.returncode == 0 else ""
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
