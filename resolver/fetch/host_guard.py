"""Which hosts a lock, and whoever it names, may lead to: those of the public network, and those that the user allows.

A lock is somebody else's text. A URL in it, or a redirect of its host, must not turn the machine that fetches into a
way to its own services, its network's, or to a cloud's metadata address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from resolver.errors import FetchError
from resolver.requirements.private_hosts import is_private_host

__all__ = ["HostGuard"]


class HostGuard:
    """Refuses hosts by name, and by the addresses that their names stand for. `allowed` are `host` or `host:port`."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(text.strip().lower() for text in allowed)

    def check(self, url: str, *, find_addresses: Callable[[], Sequence[str]] = tuple) -> None:
        """Raises FetchError for a URL that may not be asked for; `find_addresses` is called for public names alone."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            host, port = "", None
        if not host:
            raise FetchError(f"`{url}` is no URL that can be asked for: it names no host", url=url)
        port = port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        shown = f"[{host}]" if ":" in host else host
        if {host, shown, f"{shown}:{port}"} & self._allowed:
            return
        if is_private_host(url):
            raise _refuse(url, shown)
        for address in find_addresses():
            if is_private_host(f"http://[{address}]/" if ":" in address else f"http://{address}/"):
                raise _refuse(url, shown, why=f"its name stands for {address}")


def _refuse(url: str, host: str, *, why: str = "") -> FetchError:
    return FetchError(
        f"`{host}` is this machine or in a private network, and a lock does not decide who is asked there: {url}",
        why=why,
        remedy=f"`--allow-host {host}` if it is meant to be",
        url=url,
    )
