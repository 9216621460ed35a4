"""One name lookup a host for all connections of a run.

Two dozen connections opened at once ask for the same name two dozen times. Small resolvers (routers, container
networks) drop most of such questions, and each one dropped costs the five seconds of the system's time-out: measured in
5 of 6 rounds of 24 lookups in a container.
"""

from __future__ import annotations

import socket
import threading

__all__ = ["Addresses"]


class Addresses:
    """The addresses of hosts, each looked up once, one host at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, tuple[str, ...]] = {}

    def find(self, host: str) -> tuple[str, ...]:
        """The addresses of a host, best first, at least one. Raises OSError."""
        with self._lock:
            found = self._found.get(host)
            if found is None:
                entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
                found = self._found[host] = tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))
            return found
