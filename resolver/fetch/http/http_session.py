"""The session of a run: every page, metadata file and file that a run requests goes through it.

In: an `Access`, the credentials, and the policy of the lock that the URLs come from, if they come from one. Out:
responses, or an `OfflineError` where the cache does not have what a run under `--offline` needs.

A request goes to `PlainClient` first, and to `HttpClient` where it is not a plain one. Each is made when the first
request needs it: a run that finds everything in the store imports neither httpx nor hishel nor ssl, and a cold run over
plain HTTP imports none of them either. That is why this is a module apart from both clients.

Pages that plain requests have fetched are kept in the store, as they were received (`PageStore`); what goes through
`HttpClient` is kept by hishel, in a database of its own. Storing a page there takes 2 to 5 ms and importing hishel and
httpx 55; a file of the store takes 0.1 ms.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from resolver.fetch.access import Access, AnswerLimits
from resolver.fetch.http.credential_ids import CredentialIds
from resolver.fetch.http.credentials import Credentials
from resolver.fetch.http.freshness import (
    LONGEST_LIFETIME_S,
    PAGE_LIMIT_BYTES,
    confirms,
    find_absent_until,
    find_conditions,
    find_fresh_until,
    find_validator,
    forbids_storing,
    normalize_caching_headers,
    unpack_gzip,
)
from resolver.fetch.http.hosts import Addresses, LinkPolicy
from resolver.fetch.http.http_errors import closed_error, missing_offline
from resolver.fetch.http.local_files import find_local_path
from resolver.fetch.http.responses import ACCEPT, Response, build_absent, build_headers
from resolver.fetch.http.wire import CONNECTIONS, Absent, Answered, HandedOver, NotModified
from resolver.fetch.store import Store, StoredValue, find_version, is_current, open_store

if TYPE_CHECKING:
    from resolver.fetch.http.cache import CacheMode
    from resolver.fetch.http.client import HttpClient
    from resolver.fetch.http.plain_connection import PlainClient
    from resolver.fetch.http.responses import Download, FileResponse, RangeResponse
    from resolver.fetch.http.transports import httpx
    from resolver.fetch.lock_policy import LockPolicy
    from resolver.fetch.projects.record_store import RecordStore
    from resolver.fetch.snapshot import SnapshotPages
    from resolver.requirements.url import Url

__all__ = ["HttpSession", "PageStore"]

_T = TypeVar("_T")


_METADATA_LIMIT_BYTES = 32 * 1024 * 1024
_HTTP_CACHE = "http-v1.db"
"""The file of `cache`, which a run without a cache must not import."""
_CLAIM_S = 1.0
"""The longest wait for another process that fetches the same page, and that may have been killed."""
_CLAIM_POLL_S = 0.02


class HttpSession:
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
        self.credential_ids = _open_credential_ids(access, self.credentials)
        self.observe = access.observe
        self._access = access
        self._cache_folder = access.cache_folder
        self.store: Store | None = _choose_store(access)
        self._snapshot = _open_snapshot(access)
        self._pages = PageStore(self.store if self._snapshot is None else None)
        self._records: dict[str, RecordStore] = {}
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
        self._plain: PlainClient | None = None
        self._client: HttpClient | None = None
        self._closed = False

    def close(self) -> None:
        """Close all connections and the cache."""
        self.flush()
        with self._lock:
            self._closed = True
            if self._plain is not None:
                self._plain.close()
                self._plain = None
            if self._client is not None:
                self._client.close()
                self._client = None

    def open_records(self, subject: str) -> RecordStore:
        """The records of a subject in the store of this session."""
        # Lazy: a verb that solves nothing needs no records.
        from resolver.fetch.projects.record_store import open_records

        with self._lock:
            return self._records.setdefault(subject, open_records(self.store, subject))

    def flush(self) -> None:
        """Write the records that are new, and keep the store within its limit."""
        for records in list(self._records.values()):
            records.flush()
        if self.store is not None:
            self.store.prune()

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

    def fetch_page(self, url: str, *, known_validator: str = "", past_cache: bool = False) -> Response:
        """A project page or find-links page, or its absence. Offline, a stale one is used too.

        With `known_validator`, the body is None where it has not changed. With `past_cache`, the request goes to the
        server even if the cache has a fresh response. In a snapshot, only the first request for a page is made.
        """
        request = partial(self._request_page, url, past_cache=past_cache)
        # No cache keeps a page whose URL holds a token in its path.
        if self._snapshot is None or self.credentials.holds_path_token(url):
            return request(known_validator)
        find_id = self.credential_ids.find
        return self._snapshot.fetch(url, known_validator=known_validator, find_id=find_id, request=request)

    def _request_page(self, url: str, known_validator: str, *, past_cache: bool) -> Response:
        """As `fetch_page`, whatever a snapshot has."""
        if self.offline and self._snapshot is not None:
            raise missing_offline(url, what="the page")
        limits = self._access.begin(url, limit_bytes=PAGE_LIMIT_BYTES)
        with self._answering(url, is_page=True):
            if self._may_be_plain(url) and not past_cache:
                answer = (
                    self._find_page_offline(url)
                    if self.offline
                    else self._fetch_plain_page(url, limits, known_validator=known_validator)
                )
                if answer is not None:
                    return answer
            if self.offline and not (self._cache_folder is not None and (self._cache_folder / _HTTP_CACHE).exists()):
                raise missing_offline(url, what="the page")
            return self._open(url).fetch(
                url, accept=ACCEPT, limits=limits, cached=not past_cache, known_validator=known_validator
            )

    def fetch_metadata(self, url: str) -> bytes | None:
        """The content of a PEP 658 metadata file; None where there is none."""
        self._refuse_offline(url, what="the metadata file")
        limits = self._access.begin(url, limit_bytes=_METADATA_LIMIT_BYTES)
        with self._answering(url):
            # The content of a file is never stored: records keep what is made of it.
            answer = self._send_plain(url, build_headers("*/*"), limits) if self._may_be_plain(url) else HandedOver()
            if isinstance(answer, Absent):
                return None
            if isinstance(answer, Answered):
                body = unpack_gzip(answer.body, limit_bytes=limits.limit_bytes) if answer.is_packed else answer.body
                if body is not None:
                    return body
            return self._open(url).fetch(url, accept="*/*", limits=limits).body

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

    def is_checkable(self, url: str) -> bool:
        """Whether a later run may repeat the request for a page as a plain one, its login aside.

        Not so with a policy, which guards each request, with a program's own transport, and for a token in a path.
        """
        return self.policy is None and self._access.transport is None and not self.credentials.holds_path_token(url)

    def _refuse_offline(self, url: str, *, what: str) -> None:
        """Raises OfflineError under `--offline`."""
        if self.offline:
            raise missing_offline(url, what=what)

    def _may_be_plain(self, url: str) -> bool:
        """Whether `PlainClient` may make a request: not with a program's own transport, a policy, or secrets."""
        return (
            self._access.transport is None
            and self.policy is None
            and not self.credentials.has_path_tokens
            and self.credentials.find(url) is None
        )

    def _find_page_offline(self, url: str) -> Response | None:
        """The stored page, however old; None where hishel may have it."""
        stored = self._pages.find(url)
        return None if stored is None else stored.build_response(url)

    def _fetch_plain_page(self, url: str, limits: AnswerLimits, *, known_validator: str) -> Response | None:
        """The page from the store or by a plain request, as it was sent; None where `HttpClient` must request it.

        With the validator of a page that the caller has, the store is not looked up: the caller knows that it is stale.
        """
        looks_up = not known_validator and not self.refresh
        stored = self._pages.find(url) if looks_up else None
        if stored is None and looks_up:
            stored = self._pages.find_after_others(url, wait=self.ending.wait)
        is_stored_later = False
        try:
            if stored is not None and is_current(stored.fresh_until, now=time.time()):
                return stored.build_response(url)
            conditions = find_conditions(known_validator or (stored.validator if stored is not None else ""))
            answer = self._send_plain(url, {**build_headers(ACCEPT), **conditions}, limits)
            if isinstance(answer, NotModified) and stored is not None:
                return self._pages.renew(url, stored, answer.headers)
            if isinstance(answer, NotModified):
                return _build_unchanged(url, answer.headers, known_validator)
            if isinstance(answer, Absent):
                return build_absent(url, find_absent_until(answer.headers, now=time.time()))
            if isinstance(answer, HandedOver):
                return None
            response = self._pages.build_response(url, answer)
            is_stored_later = response.store is not None
            return response
        finally:
            if not is_stored_later:
                self._pages.release(url)

    def _send_plain(
        self, url: str, headers: Mapping[str, str], limits: AnswerLimits
    ) -> Answered | NotModified | Absent | HandedOver:
        """The answer to a plain request. Raises FetchError once the session is closed, and as `AnswerLimits.check`."""
        with self._lock:
            if self._closed:
                raise closed_error(url)
            if self._plain is None:
                # Lazy: a warm run makes no request.
                from resolver.fetch.http.plain_connection import PlainClient

                self._plain = PlainClient(
                    user_agent=f"pinfold/{find_version()}",
                    trusted_hosts=self._access.trusted_hosts,
                    addresses=self._addresses,
                )
            plain = self._plain
        return plain.fetch(url, headers, limits=limits)

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
            return open_cache_transport(
                self._cache_folder,
                below,
                mode=mode,
                find_id=self.credential_ids.find,
                limit_bytes=self._access.cache_limit_bytes,
            )
        except (OSError, sqlite3.Error):
            return below  # A cache that cannot be written is no error: every page is requested from the server.


def _open_credential_ids(access: Access, credentials: Credentials) -> CredentialIds:
    """The ids of credentials, with the salt of the session, if it has one."""
    salt = b"" if access.shared is None else access.shared.salt
    return CredentialIds(credentials, access.cache_folder, salt=salt)


def _choose_store(access: Access) -> Store | None:
    """The store of a session, or that of the cache folder."""
    if access.shared is not None:
        return access.shared.store
    return open_store(access.cache_folder, limit_bytes=access.cache_limit_bytes)


def _open_snapshot(access: Access) -> SnapshotPages | None:
    """The pages of the snapshot that a session shows; None where it shows the indexes as they are."""
    if access.shared is None or not access.shared.is_snapshot:
        return None
    # Lazy: only the workers of a fleet have a snapshot.
    from resolver.fetch.snapshot import SnapshotPages, SnapshotStore

    store = access.shared.store
    return SnapshotPages(store, wait=access.ending.wait) if isinstance(store, SnapshotStore) else None


def _find_none(url: str) -> tuple[str, ...]:
    """No addresses: a borrowed transport may not use the network at all."""
    return ()


class _StoredPage:
    """A response in the store: its headers by lower-case name, its body as it was sent, and its state."""

    __slots__ = ("_entry", "headers", "validator")

    def __init__(self, entry: StoredValue, headers: dict[str, str]) -> None:
        self._entry = entry
        self.headers = headers
        self.validator = find_validator(headers)

    @property
    def fresh_until(self) -> float:
        """The instant up to which it may be used without a request."""
        return self._entry.state.until

    @property
    def identity(self) -> int:
        """The identity of the value in the store."""
        return self._entry.state.identity

    def build_response(self, url: str, *, fresh_until: float | None = None) -> Response:
        """The response, as if it had just arrived."""
        body = bytes(self._entry.value).partition(b"\n\n")[2]
        return Response(
            url=url,
            content_type=self.headers.get("content-type", ""),
            body=body,
            fresh_until=self.fresh_until if fresh_until is None else fresh_until,
            validator=self.validator,
            is_packed="content-encoding" in self.headers,
        )


class PageStore:
    """The pages that plain requests have fetched, by URL. A store of None keeps nothing."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._claimed: set[str] = set()

    def find(self, url: str) -> _StoredPage | None:
        """The stored response of a URL, fresh or not."""
        entry = None if self._store is None else self._store.get(f"page\n{url}")
        if entry is None:
            return None
        head, mark, _ = bytes(entry.value).partition(b"\n\n")
        lines = [line.partition(": ") for line in head.decode("utf-8", "replace").split("\n")]
        return _StoredPage(entry, {name: text for name, _, text in lines}) if mark else None

    def find_after_others(self, url: str, *, wait: Callable[[float], None]) -> _StoredPage | None:
        """As `find`, where no page was found before: if another process is fetching it, wait for that a short while."""
        if self._store is None:
            return None
        while (left_s := self._store.claim(f"page\n{url}", for_s=_CLAIM_S)) > 0.0:
            wait(min(left_s, _CLAIM_POLL_S))
            found = self.find(url)
            if found is not None:
                return found
        self._claimed.add(url)
        return self.find(url)

    def release(self, url: str) -> None:
        """End the claim of a page, if there is one: it is stored, or will not be."""
        if self._store is not None and url in self._claimed:
            self._claimed.discard(url)
            self._store.release(f"page\n{url}")

    def build_response(self, url: str, answer: Answered) -> Response:
        """A response of status 200, which is stored when its `store` is called."""
        now = time.time()
        answer.headers.pop("set-cookie", None)  # Never cache cookies.
        normalize_caching_headers(answer.headers, status=200, now=now)
        fresh_until = find_fresh_until(answer.headers, now=now)
        may_store = self._store is not None and not forbids_storing(answer.headers)
        return Response(
            url=url,
            content_type=answer.headers.get("content-type", ""),
            body=answer.body,
            fresh_until=fresh_until,
            validator=find_validator(answer.headers),
            is_packed=answer.is_packed,
            store=partial(self._put, url, answer, fresh_until) if may_store else None,
        )

    def renew(self, url: str, stored: _StoredPage, headers: dict[str, str]) -> Response | None:
        """The stored response after a 304 (RFC 9111, section 4.3.4); None for one about another page."""
        if not confirms(headers, stored.validator):
            return None
        now = time.time()
        # Headers of the stored response go on where the 304 has none, but for the time at which it was made.
        known = {name: text for name, text in stored.headers.items() if name not in ("date", "age")} | headers
        normalize_caching_headers(known, status=304, now=now)
        fresh_until = min(find_fresh_until(known, now=now), now + LONGEST_LIFETIME_S)
        if self._store is not None:
            self._store.expire(f"page\n{url}", fresh_until, identity=stored.identity)
        return stored.build_response(url, fresh_until=fresh_until)

    def _put(self, url: str, answer: Answered, fresh_until: float) -> None:
        """Store a response."""
        if self._store is not None:
            head = "\n".join(f"{name}: {text}" for name, text in answer.headers.items())
            until = min(fresh_until, time.time() + LONGEST_LIFETIME_S)
            self._store.put(f"page\n{url}", f"{head}\n\n".encode() + answer.body, until=until)
            self.release(url)


def _build_unchanged(url: str, headers: dict[str, str], validator: str) -> Response | None:
    """The response without body for a 304, fresh as long as its headers say; None for one about another page.

    Without `Cache-Control` that of the stored response goes on (RFC 9111, section 4.3.4), which no row has: not fresh.
    """
    if not confirms(headers, validator):
        return None
    now = time.time()
    normalize_caching_headers(headers, status=304, now=now)
    fresh_until = find_fresh_until(headers, now=now) if "cache-control" in headers else 0.0
    return Response(url=url, content_type="", body=None, fresh_until=fresh_until, validator=validator)
