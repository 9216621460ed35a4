"""One name lookup a host, for httpcore, httpx's own engine."""

from __future__ import annotations

from collections.abc import Iterable

import httpcore

from resolver.fetch.addresses import Addresses

__all__ = ["SingleLookupBackend"]


class SingleLookupBackend(httpcore.SyncBackend):
    """Opens connections to addresses that are looked up once."""

    def __init__(self) -> None:
        self._addresses = Addresses()

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
        try:
            return self._addresses.find(host)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
