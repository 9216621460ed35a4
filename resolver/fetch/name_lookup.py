"""One name lookup a host, for httpcore, httpx's own engine.

Two dozen connections opened at once ask for the same name two dozen times. Small resolvers (routers, container
networks) drop most of such questions, and each one dropped costs the five seconds of the system's time-out: measured in
5 of 6 rounds of 24 lookups in a container.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable

import httpcore

__all__ = ["OneLookup"]


class OneLookup(httpcore.SyncBackend):
    """Opens connections to addresses that it looks up once, one host at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._addresses: dict[str, tuple[str, ...]] = {}

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address of the host that takes one."""
        *others, last = self.look_up(host)
        for address in others:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return super().connect_tcp(last, port, timeout, local_address, socket_options)

    def look_up(self, host: str) -> tuple[str, ...]:
        """The addresses of a host, asked for once. Raises httpcore.ConnectError where there are none."""
        with self._lock:
            found = self._addresses.get(host)
            if found is None:
                try:
                    entries = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
                except OSError as error:
                    raise httpcore.ConnectError(str(error)) from error
                found = self._addresses[host] = tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))
            return found
