"""The session of a run: every page, metadata file and file that a run requests goes through it.

In: an `Access`, the credentials, and the policy of the lock that the URLs come from, if they come from one. Out:
responses, or an `OfflineError` where the cache does not have what a run under `--offline` needs.

A request goes to `PlainSession` first, and to `HttpClient` where it is not a plain one. Each is made when the first
request needs it: a run that finds everything in `RowStore` and `RecordStore` imports neither httpx nor hishel nor ssl,
and a cold run over plain HTTP imports none of them either. That is why this is a module apart from both clients.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from resolver.fetch.access import Access
from resolver.fetch.http.credential_ids import CredentialIds
from resolver.fetch.http.credentials import Credentials
from resolver.fetch.http.hosts import Addresses, LinkPolicy
from resolver.fetch.http.http_errors import closed_error, missing_offline
from resolver.fetch.http.local_files import find_local_path
from resolver.fetch.http.responses import PAGE_LIMIT_BYTES, Absent, HandedOver

if TYPE_CHECKING:
    from resolver.fetch.http.cache import CacheMode
    from resolver.fetch.http.client import HttpClient
    from resolver.fetch.http.plain_session import PlainSession
    from resolver.fetch.http.responses import Download, FileResponse, RangeResponse, Response
    from resolver.fetch.http.transports import httpx
    from resolver.fetch.lock_policy import LockPolicy
    from resolver.requirements.url import Url

__all__ = ["CONNECTIONS", "Session"]

_T = TypeVar("_T")

CONNECTIONS = 24
"""Threads of a run, each with connections of its own.

Measured with 200 pages and as many metadata files, 20 ms away: 0.74 s with 16, 0.58 s with 24.
"""

_METADATA_LIMIT_BYTES = 32 * 1024 * 1024
_CACHE_FILES = ("http-v1.db", "responses-v1.log")
"""The files of `cache` and `plain_session`, which a run without a cache must not import."""


class Session:
    """Fetches pages, metadata and files. May be used from many threads at once.

    Offline, pages come from the HTTP cache and nothing else is fetched. All methods that fetch raise FetchError, an
    OfflineError among them; after `close` they raise it too. `sleep` waits between attempts; None is a wait that ends
    with the run. `policy` is None where the user's own list names what is fetched.
    """

    def __init__(
        self,
        access: Access,
        *,
        credentials: Credentials | None = None,
        policy: LockPolicy | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.offline = access.offline
        self.refresh = access.refresh
        self.timeout_s = access.timeout_s
        self.ending = access.ending
        self.credentials = credentials or Credentials()
        self.policy = policy
        self.credential_ids = CredentialIds(self.credentials, access.cache_folder)
        self.observe = access.observe
        self._access = access
        self._cache_folder = access.cache_folder
        self._sleep = sleep
        # One for both clients: the addresses that are judged are those that connections are opened to.
        self._addresses = Addresses()
        self._links = LinkPolicy(
            access.allowed_hosts,
            is_named=self.credentials.names,
            find_addresses=self._addresses.find_for if access.transport is None else _find_none,
        )
        # `git` uses the network even where a program has its own transport.
        self._repository_links = LinkPolicy(
            access.allowed_hosts, is_named=self.credentials.names, find_addresses=self._addresses.find_for
        )
        self._check_origin = cache(self._links.check_link)
        self._lock = threading.Lock()
        self._plain: PlainSession | None = None
        self._client: HttpClient | None = None
        self._closed = False

    def close(self) -> None:
        """Close all connections and the cache."""
        with self._lock:
            self._closed = True
            if self._plain is not None:
                self._plain.close()
                self._plain = None
            if self._client is not None:
                self._client.close()
                self._client = None

    def add_url(self, url: Url, *, source: str = "the list") -> None:
        """Join the secret of a URL to each later request for its public part.

        `source` is the place where the URL is written, for messages.
        """
        self.credentials.add(url, source=source)

    def add_link(self, url: Url, *, source: str) -> None:
        """As `add_url` for a link of a page, whose secret is for this link alone."""
        self.credentials.add_link(url, source=source)

    def find_local(self, url: str) -> Path | None:
        """The path that a `file:` URL or plain path names; None for a URL of any other scheme.

        Raises InputError for a path that the policy does not allow to open.
        """
        path = find_local_path(url)
        return None if path is None else self.check_path(path)

    def check_path(self, path: Path) -> Path:
        """The path itself, if the policy allows to open it. Raises InputError."""
        return path if self.policy is None else self.policy.check_path(path)

    def announce(self, what: str, *, filename: str, size_bytes: int | None) -> None:
        """Announce a download that may take long, before it begins; from any thread."""
        if self._access.observe is not None:
            # Lazy, as everywhere: few runs have a listener.
            from resolver.index.events import FileBegan

            self._access.observe(FileBegan(filename=filename, size_bytes=size_bytes))
        if self._access.announce is not None:
            size = "of unknown size" if size_bytes is None else f"{size_bytes / 1_000_000:.1f} MB"
            self._access.announce(f"reading `{filename}` ({size}) {what}")

    def fetch_page(self, url: str, *, known_validator: str = "", past_cache: bool = False) -> Response | None:
        """A project page or find-links page; None where there is none. Offline, a stale one is used too.

        With `known_validator`, the body is None where it has not changed. With `past_cache`, the request goes to the
        server even if the cache has a fresh response.
        """
        if self.offline and not _has_cache(self._cache_folder):
            raise missing_offline(url, what="the page")
        # Lazy: a warm run parses no page.
        from resolver.index.page_building import ACCEPT

        limits = self._access.begin(url, limit_bytes=PAGE_LIMIT_BYTES)
        with self._answering(url, is_page=True):
            plain = None if past_cache else self._open_plain(url)
            if plain is not None:
                answer = plain.fetch_page(url, accept=ACCEPT, limits=limits, known_validator=known_validator)
                if not isinstance(answer, HandedOver):
                    return None if isinstance(answer, Absent) else answer
            return self._open(url).fetch(
                url, accept=ACCEPT, limits=limits, cached=not past_cache, known_validator=known_validator
            )

    def fetch_metadata(self, url: str) -> bytes | None:
        """The content of a PEP 658 metadata file; None where there is none."""
        self._refuse_offline(url, what="the metadata file")
        limits = self._access.begin(url, limit_bytes=_METADATA_LIMIT_BYTES)
        with self._answering(url):
            plain = self._open_plain(url)
            if plain is not None:
                answer = plain.fetch_file(url, limits=limits)
                if not isinstance(answer, HandedOver):
                    return None if isinstance(answer, Absent) else answer
            response = self._open(url).fetch(url, accept="*/*", limits=limits)
            return None if response is None else response.body

    def fetch_range(self, url: str, *, start: int, stop: int | None = None) -> RangeResponse | None:
        """Bytes `start` up to, without, `stop` (`HttpClient.fetch_range`); None where the server gives no ranges."""
        self._refuse_offline(url, what="the file")
        with self._answering(url):
            return self._open(url).fetch_range(url, start=start, stop=stop)

    def check_link(self, url: str, *, page: str, is_requested: bool = True) -> None:
        """Raises FetchError for the link of a page that leads where it may not (`LinkPolicy`).

        `page` is the public URL of the location; empty for a URL that no page links to, which is not checked here. The
        host of a link that is not requested is judged as it is written. Offline nothing is.
        """
        if page and self.policy is None and not self.offline:
            # Pages list hundreds of files on one host. What decides is in front of their paths.
            scheme, mark, rest = url.partition("://")
            self._check_origin(
                f"{scheme}{mark}{rest.partition('/')[0]}/",
                page=page,
                sleep=self._sleep or self.ending.wait,
                looks_up=is_requested,
            )

    def judge_connection(self, url: str, source: str) -> Sequence[str]:
        """The addresses for a connection of `git` to the host of a URL. Raises FetchError where it may not connect.

        `source` is the URL of the repository that leads there, empty for the host of a URL of the list. In runs with a
        guard, all hosts have to pass it. Raises OSError for a name without an address.
        """
        if self.policy is not None:
            self.policy.guard.check(url, find_addresses=partial(self._addresses.find_for, url))
        elif source:
            self._repository_links.check_redirect(url, source=source, verb="leads")
        return self._addresses.find_for(url)

    def leads_inside(self, url: str) -> bool:
        """Whether a URL leads to this machine or into a private network. Offline, no name is looked up: False."""
        try:
            return not self.offline and self._links.leads_inside(url)
        except OSError:
            return False  # The name has no address, which is the error of the request that follows.

    def fetch_size(self, url: str) -> int | None:
        """The size of a file in bytes, without its content; None where the server does not give it."""
        self._refuse_offline(url, what="the size of the file")
        with self._answering(url):
            return self._open(url).fetch_size(url)

    def download(self, url: str, *, into: Path | None, algorithms: Iterable[str] = ()) -> Download | None:
        """A whole file, written to a path or only hashed; None where there is none."""
        self._refuse_offline(url, what="the file")
        with self._answering(url):
            return self._open(url).download(url, into=into, algorithms=algorithms)

    def read_body(
        self, url: str, *, headers: Callable[[], Mapping[str, str]], read: Callable[[FileResponse], _T]
    ) -> _T | None:
        """The result of `read` for the response to a request for a file or the rest of one; None where there is none.

        `headers` is called before each attempt: the rest that is missing changes.
        """
        self._refuse_offline(url, what="the file")
        with self._answering(url):
            return self._open(url).read_body(url, headers=headers, read=read)

    @contextmanager
    def _answering(self, url: str, *, is_page: bool = False) -> Iterator[None]:
        """A context for one request, whose end the listener of the run gets."""
        try:
            yield
        finally:
            if self._access.observe is not None:
                # Lazy, as above.
                from resolver.index.events import RequestEnded

                self._access.observe(RequestEnded(url=url, is_page=is_page))

    def _refuse_offline(self, url: str, *, what: str) -> None:
        """Raises OfflineError under `--offline`."""
        if self.offline:
            raise missing_offline(url, what=what)

    def _open_plain(self, url: str) -> PlainSession | None:
        """The plain session, made if need be; None where `HttpClient` must make the request.

        That is so offline, with a program's own transport, with a policy, and for a URL with secrets.
        """
        if self.offline or self._access.transport is not None or self.policy is not None:
            return None
        if self.credentials.has_path_tokens or self.credentials.find(url) is not None:
            return None
        with self._lock:
            if self._closed:
                raise closed_error(url)
            if self._plain is None:
                # Lazy: a warm run makes no request.
                from resolver.fetch.http.plain_session import PlainSession

                self._plain = PlainSession(
                    cache_folder=self._cache_folder,
                    refresh=self.refresh,
                    trusted_hosts=self._access.trusted_hosts,
                    addresses=self._addresses,
                )
            return self._plain

    def _open(self, url: str) -> HttpClient:
        """The HTTP client, made if need be. Raises FetchError once the session is closed."""
        with self._lock:
            if self._closed:
                raise closed_error(url)
            if self._client is None:
                self._client = self._build_client()
            return self._client

    def _build_client(self) -> HttpClient:
        # Lazy: 35 ms for httpx, 20 ms for hishel.
        from resolver.fetch.http.client import HttpClient
        from resolver.fetch.projects.row_store import find_version

        return HttpClient(
            self._access,
            user_agent=f"pinfold/{find_version()}",
            connections=CONNECTIONS,
            credentials=self.credentials,
            guard=None if self.policy is None else self.policy.guard,
            addresses=self._addresses,
            with_cache=self._with_cache,
            sleep=self._sleep,
        )

    def _with_cache(self, below: httpx.BaseTransport) -> httpx.BaseTransport:
        """The HTTP cache above a transport, or the transport alone where there is no folder for a cache."""
        if self._cache_folder is None:
            return below
        # Lazy: imported with the client, and not by a run that keeps no cache.
        import sqlite3

        from resolver.fetch.http.cache import open_cache_transport

        mode: CacheMode = "offline" if self.offline else "refresh" if self.refresh else "online"
        try:
            return open_cache_transport(self._cache_folder, below, mode=mode, find_id=self.credential_ids.find)
        except (OSError, sqlite3.Error):
            return below  # A cache that cannot be written is no error: every page is requested from the server.


def _find_none(url: str) -> tuple[str, ...]:
    """No addresses: a borrowed transport may not use the network at all."""
    return ()


def _has_cache(folder: Path | None) -> bool:
    """Whether there is any file that a page may be in."""
    return folder is not None and any((folder / name).exists() for name in _CACHE_FILES)
