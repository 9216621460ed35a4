"""The HTTP cache of project pages: hishel over one SQLite file.

In: a folder, a transport below, and the mode of the run. Out: a transport that answers from the cache where it may.
hishel decides what may be stored and what must be revalidated (RFC 9111). Here are the pages of requests that are not
plain ones: with credentials, through a proxy or a redirect. All others are in the store (`resolver.fetch.store`), as
are the rows of both.

The only module that imports hishel, and imported when `HttpClient` is made: importing hishel takes 25 ms, which a warm
run and a run of plain requests do not spend.

Measured on a page of 1.6 MB: a lookup takes 2.3 ms, storing 2.2 ms more with `synchronous=OFF` (5 ms with NORMAL); for
a page of 1 kB, 0.2 ms more. A power cut may then damage the file, which counts as an empty cache.
"""

from __future__ import annotations

import logging
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from resolver.fetch.access import DEFAULT_CACHE_BYTES
from resolver.fetch.http.transports import PUBLIC_URL, httpx

# Behind `transports`, which imports httpx without its command line; hishel would import all of it.
import hishel  # isort: skip

if TYPE_CHECKING:
    from hishel.httpx import CacheTransport
else:
    # hishel has a module for each library, of the same name.
    CacheTransport = import_module(f"hishel.{httpx.__name__}").CacheTransport

__all__ = ["CacheMode", "open_cache_transport"]

CacheMode = Literal["online", "offline", "refresh"]

_FILE_NAME = "http-v1.db"
_OPTIONS = hishel.CacheOptions(shared=False)
_FOREVER = "max-age=4000000000"

# hishel logs what it cannot store, and Python would print that. The run goes on without the cache, so none is needed.
logging.getLogger("hishel").addHandler(logging.NullHandler())


def open_cache_transport(
    folder: Path,
    below: httpx.BaseTransport,
    *,
    mode: CacheMode,
    find_id: Callable[[str], str] = lambda url: "",
    lock_wait_s: float = 1.0,
    limit_bytes: int = DEFAULT_CACHE_BYTES,
) -> httpx.BaseTransport:
    """A transport that answers from the cache in `folder` where it may, and else from the one below.

    `find_id` gives the id of the credentials of a request, by its public URL: responses are stored and found under it.
    With `offline`, everything stored counts as fresh; with `refresh`, nothing does. While another process locks the
    file, the first write waits `lock_wait_s` seconds; after one wait in vain, a response that cannot be stored at once
    is not stored. A file of more than `limit_bytes` is begun anew. Raises OSError or sqlite3.Error where no cache can
    be kept there.
    """
    path = folder / _FILE_NAME
    if path.exists() and path.stat().st_size > limit_bytes:
        _remove(path)
    try:
        storage = _open_storage(path, mode, lock_wait_s)
    except sqlite3.OperationalError:
        raise  # Locked or not accessible: other processes may be using it.
    except (sqlite3.DatabaseError, RuntimeError):
        # A damaged file, or one with the tables of another version of hishel, is replaced by an empty one.
        _remove(path)
        storage = _open_storage(path, mode, lock_wait_s)
    return _CacheOfCredentials(below, storage, find_id=find_id)


class _CacheOfCredentials(httpx.BaseTransport):
    """hishel's transport, which finds and stores responses under the credentials of their requests."""

    def __init__(
        self, below: httpx.BaseTransport, storage: hishel.SqliteStorage, *, find_id: Callable[[str], str]
    ) -> None:
        self._below = below
        self._cache = CacheTransport(next_transport=below, storage=storage, rfc=_OPTIONS)
        self._storage = storage
        self._find_id = find_id

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The cached response, or one from below that is then stored where it may be."""
        find_id = partial(self._find_id, str(request.extensions.get(PUBLIC_URL) or request.url))
        storage = _StorageOfCredentials(self._storage, find_id)
        return CacheTransport(next_transport=self._below, storage=storage, rfc=_OPTIONS).handle_request(request)

    def close(self) -> None:
        """Close the database and the transport below."""
        self._cache.close()


def _remove(path: Path) -> None:
    """Remove a database. A process that has it open goes on with its own copy."""
    for stale in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        stale.unlink(missing_ok=True)


def _open_storage(path: Path, mode: CacheMode, lock_wait_s: float) -> hishel.SqliteStorage:
    """Hishel's storage for a mode. Raises OSError, sqlite3.Error, and RuntimeError for tables of another version."""
    connection = sqlite3.connect(
        path, check_same_thread=False, isolation_level=None, timeout=lock_wait_s, factory=_FailFastConnection
    )
    kinds = {"online": _OneEntryStorage, "offline": _AgelessStorage, "refresh": _EmptyStorage}
    storage = kinds[mode](connection=connection, database_path=path)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
        # Creates the tables, in each mode. hishel also sets both pragmas below, to NORMAL and to 5 s.
        hishel.SqliteStorage.get_entries(storage, "")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(f"PRAGMA busy_timeout={round(lock_wait_s * 1000)}")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.close()
        raise
    return storage


class _FailFastConnection(sqlite3.Connection):
    """Waits for the lock of another process only once: otherwise each page of a run would wait as long, in vain."""

    def cursor(self, *_: object) -> sqlite3.Cursor:  # type: ignore[override]  # No caller passes a factory.
        """A cursor after whose first wait in vain no statement of the connection waits any more."""
        return super().cursor(_FailFastCursor)


class _FailFastCursor(sqlite3.Cursor):
    """Sets the wait of its connection to zero when the file was still locked at the end of a wait."""

    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        """As in `sqlite3.Cursor`."""
        try:
            return super().execute(sql, parameters)
        except sqlite3.OperationalError as error:
            # The low byte is the primary code of SQLite, without the reason.
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                super().execute("PRAGMA busy_timeout=0")
            raise


class _OneEntryStorage(hishel.SqliteStorage):
    """Keeps one response a URL: all requests for a page have the same headers, so there are no variants.

    hishel itself keeps the previous response beside the new one, and revalidates the one with the later `Date`.
    """

    def create_entry(
        self, request: hishel.Request, response: hishel.Response, key: str, **limits: float | None
    ) -> hishel.Entry:
        """The new entry, stored in place of any other of its key."""
        for entry in super().get_entries(key):
            self.remove_entry(entry.id)
        return super().create_entry(request, response, key, **limits)


class _AgelessStorage(_OneEntryStorage):
    """For `--offline`: a stored response may be used, however old it is."""

    def get_entries(self, key: str) -> list[hishel.Entry]:
        """The stored responses, each with a lifetime that never ends."""
        return [
            replace(
                entry,
                response=replace(
                    entry.response, headers=hishel.Headers({**entry.response.headers, "cache-control": _FOREVER})
                ),
            )
            for entry in super().get_entries(key)
        ]


class _EmptyStorage(_OneEntryStorage):
    """For `--refresh`: no stored response is found, and each new one is stored."""

    def get_entries(self, key: str) -> list[hishel.Entry]:
        """An empty list."""
        return []


class _StorageOfCredentials(hishel.BaseStorage):
    """The entries of one URL for one set of credentials.

    The id is found for each call: a 401 between looking up and storing may have led to the keyring.
    """

    def __init__(self, storage: hishel.SqliteStorage, find_id: Callable[[], str]) -> None:
        super().__init__()
        self._storage = storage
        self._find_id = find_id

    def create_entry(
        self, request: hishel.Request, response: hishel.Response, key: str, **limits: float | None
    ) -> hishel.Entry:
        return self._storage.create_entry(request, response, self._complete(key), **limits)

    def get_entries(self, key: str) -> list[hishel.Entry]:
        return self._storage.get_entries(self._complete(key))

    def update_headers(self, id: uuid.UUID, headers: hishel.Headers) -> None:
        self._storage.update_headers(id, headers)

    def remove_entry(self, id: uuid.UUID) -> None:
        self._storage.remove_entry(id)

    def _complete(self, key: str) -> str:
        """The key with the id; unchanged where there is none."""
        found = self._find_id()
        return f"{found} {key}" if found else key
