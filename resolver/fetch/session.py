"""The one HTTP client of a run, made when the first request is about to be made, or never.

So a run that finds everything in `row_store` and `record_store` imports neither httpx nor hishel nor ssl.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from resolver.fetch.credentials import Credentials
from resolver.fetch.http_errors import closed_error, missing_offline

if TYPE_CHECKING:
    import httpx

    from resolver.fetch.bodies import Body, Download, RangeAnswer
    from resolver.fetch.host_guard import HostGuard
    from resolver.fetch.http_cache import CacheMode
    from resolver.fetch.http_client import Answer, HttpClient
    from resolver.requirements.url import Url

__all__ = ["Session"]

T = TypeVar("T")

CONNECTIONS = 24
"""Threads, each with its own: 200 pages and as many metadata files, 20 ms away: 0.74 s with 16, 0.58 s with 24."""

_PAGE_LIMIT_BYTES = 256 * 1024 * 1024
_METADATA_LIMIT_BYTES = 32 * 1024 * 1024
_FILE_LIMIT_BYTES = 16 * 1024**3


class Session:
    """Asks for pages, metadata and files; offline, only the cache is asked. May be used from many threads."""

    def __init__(
        self,
        *,
        cache_folder: Path | None,
        offline: bool,
        refresh: bool,
        trusted_hosts: tuple[str, ...] = (),
        credentials: Credentials | None = None,
        guard: HostGuard | None = None,
        progress: Callable[[str], None] | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.offline = offline
        self.refresh = refresh
        self._cache_folder = cache_folder
        self._mode: CacheMode = "offline" if offline else "refresh" if refresh else "online"
        self._trusted_hosts = trusted_hosts
        self.credentials = credentials or Credentials()
        self.guard = guard
        self._progress = progress
        self._transport = transport
        self._sleep = sleep
        self._lock = threading.Lock()
        self._client: HttpClient | None = None
        self._closed = False

    def close(self) -> None:
        """Close what was opened; nothing is asked any more."""
        with self._lock:
            self._closed = True
            if self._client is not None:
                self._client.close()
                self._client = None

    def know(self, url: Url, *, source: str = "the list") -> None:
        """Ask for a URL's public part with its secret from now on; `source` says where it stands, for messages."""
        self.credentials.add(url, source=source)

    def know_link(self, url: Url, *, source: str) -> None:
        """The same of a link of a page, whose secret serves this link alone."""
        self.credentials.add_link(url, source=source)

    def announce(self, what: str, *, filename: str, size_bytes: int | None) -> None:
        """Tell about a download that may take long, before it begins; from any thread."""
        if self._progress is not None:
            size = "of unknown size" if size_bytes is None else f"{size_bytes / 1_000_000:.1f} MB"
            self._progress(f"reading `{filename}` ({size}) {what}")

    def fetch_page(self, url: str, *, known_validator: str = "", past_cache: bool = False) -> Answer | None:
        """A project page or find-links page; None where there is none. Offline, an old one will do.

        `past_cache` asks the server whatever the cache has.
        """
        if self.offline and (self._cache_folder is None or not (self._cache_folder / "http-v1.db").exists()):
            raise missing_offline(url, what="the page")
        from resolver.index.simple_api import ACCEPT  # Imported where it is needed: a warm run parses no page.

        return self._open(url).fetch(
            url, accept=ACCEPT, limit_bytes=_PAGE_LIMIT_BYTES, cached=not past_cache, known_validator=known_validator
        )

    def fetch_metadata(self, url: str) -> bytes | None:
        """A PEP 658 file; None where there is none."""
        self._refuse_offline(url, what="the metadata file")
        answer = self._open(url).fetch(url, accept="*/*", limit_bytes=_METADATA_LIMIT_BYTES)
        return None if answer is None else answer.body

    def fetch_range(self, url: str, *, start: int, stop: int | None = None) -> RangeAnswer | None:
        """A part of a file; None where the server gives none."""
        self._refuse_offline(url, what="the file")
        return self._open(url).fetch_range(url, start=start, stop=stop)

    def fetch_size(self, url: str) -> int | None:
        """The size of a file by HEAD; None where the server does not tell."""
        self._refuse_offline(url, what="the size of the file")
        return self._open(url).fetch_size(url)

    def download(self, url: str, *, into: Path | None, algorithms: Iterable[str] = ()) -> Download | None:
        """A whole file, kept or only hashed; None where there is none."""
        self._refuse_offline(url, what="the file")
        return self._open(url).download(url, into=into, limit_bytes=_FILE_LIMIT_BYTES, algorithms=algorithms)

    def read_body(
        self, url: str, *, headers: Callable[[], Mapping[str, str]], read: Callable[[Body], T]
    ) -> T | None:
        """What `read` makes of the answer to a request for a file or the rest of one; None where there is none."""
        self._refuse_offline(url, what="the file")
        return self._open(url).read_body(url, headers=headers, read=read)

    def _refuse_offline(self, url: str, *, what: str) -> None:
        if self.offline:
            raise missing_offline(url, what=what)

    def _open(self, url: str) -> HttpClient:
        with self._lock:
            if self._closed:
                raise closed_error(url)
            if self._client is None:
                self._client = self._build_client()
            return self._client

    def _build_client(self) -> HttpClient:
        # The imports of a cold run: 60 ms for httpx, 25 ms for hishel.
        import time
        from importlib.metadata import version

        from resolver.fetch.http_client import HttpClient

        return HttpClient(
            user_agent=f"pinfold/{version('pinfold')}",
            connections=CONNECTIONS,
            offline=self.offline,
            trusted_hosts=self._trusted_hosts,
            credentials=self.credentials,
            guard=self.guard,
            with_cache=self._with_cache,
            transport=self._transport,
            sleep=self._sleep or time.sleep,
            announce=self._progress,
        )

    def _with_cache(self, below: httpx.BaseTransport) -> httpx.BaseTransport:
        if self._cache_folder is None:
            return below
        import sqlite3

        from resolver.fetch.http_cache import open_cache_transport

        try:
            return open_cache_transport(self._cache_folder, below, mode=self._mode)
        except (OSError, sqlite3.Error):
            return below  # A cache that cannot be written is no error; without one everything is asked for again.
