"""Logins of a netrc file: `NETRC`, else `.netrc` in the home folder. Its `default` entry serves nobody.

netrc names hosts alone, so its logins go to the default port of https only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from resolver.fetch.credentials import Destination, RequestCredentials
from resolver.fetch.logins import Login
from resolver.requirements.url import Secret

if TYPE_CHECKING:
    from netrc import netrc

__all__ = ["NetrcLogins", "find_netrc_login", "parse_netrc"]


class NetrcLogins:
    """The logins of the user's netrc file, which is read when the first host is looked for in it."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._named = environ.get("NETRC")
        self._parsed: netrc | None = None
        self._is_read = False

    @property
    def name(self) -> str:
        """What messages call it; a file that cannot be read is told as such."""
        path = self._find_path()
        shown = f"`{self._named}`" if self._named else "`~/.netrc`"
        return f"{shown} (which cannot be read)" if self._is_read and path is not None and not self._parsed else shown

    def find(self, place: Destination) -> RequestCredentials | None:
        """The login of a host on the default port of https."""
        if place.scheme != "https" or place.port != 443:
            return None
        if not self._is_read:
            path = self._find_path()
            self._parsed = None if path is None else parse_netrc(path)
            self._is_read = True
        login = None if self._parsed is None else find_netrc_login(self._parsed, place.host)
        return None if login is None else RequestCredentials(login=login, source=f"the login of {self.name}")

    def _find_path(self) -> Path | None:
        names = [self._named] if self._named else ["~/.netrc", "~/_netrc"]
        for name in names:
            path = os.path.expanduser(name)  # noqa: PTH111  (Path.home raises where there is none)
            if os.path.isfile(path):  # noqa: PTH113  (any text is asked for)
                return Path(path)
        return None


def parse_netrc(path: Path) -> netrc | None:
    """The file as Python reads it; None for one that cannot be read. What is wrong with it may be a password."""
    # Lazy: netrc is asked about hosts only, and a warm run asks none.
    import netrc

    try:
        return netrc.netrc(str(path))
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        return None


def find_netrc_login(parsed: netrc, host: str) -> Login | None:
    """The login of a host; None for one that only `default` would serve."""
    entry = parsed.hosts.get(host) if host != "default" else None
    return None if entry is None else Login(user=Secret(entry[0] or ""), password=Secret(entry[2] or ""))
