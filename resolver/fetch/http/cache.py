"""The HTTP cache of project pages: hishel over one SQLite file. The only module that imports hishel.

hishel decides what may be stored and what must be revalidated (RFC 9111); `row_store` keeps what was made of the
answers. Imported when a request is about to be made: importing hishel takes 25 ms, which a warm run has no use for.

Measured on a page of 1.6 MB: asking takes 2.3 ms, storing 2.2 ms more with `synchronous=OFF` (5 ms with NORMAL); for a
page of 1 kB, 0.2 ms more. A power cut may then damage the file: hishel calls that a miss, and so do we.
"""

from __future__ import annotations

import logging
import sqlite3
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from resolver.fetch.http.plain_session import ResponseSpool
from resolver.fetch.http.transports import httpx

# Behind httpx, which hishel would import whole.
import hishel  # isort: skip
from hishel.httpx import CacheTransport  # isort: skip

__all__ = ["CacheMode", "FailFastConnection", "open_cache_transport"]

CacheMode = Literal["online", "offline", "refresh"]

_FILE_NAME = "http-v1.db"
_OPTIONS = hishel.CacheOptions(shared=False)
_FOREVER = "max-age=4000000000"

# hishel logs what it cannot store, and Python would print that: a cache is never worth a word to the user.
logging.getLogger("hishel").addHandler(logging.NullHandler())


def open_cache_transport(
    folder: Path, below: httpx.BaseTransport, *, mode: CacheMode, lock_wait_s: float = 1.0
) -> httpx.BaseTransport:
    """A transport that answers from the cache in `folder` where it may, and else from the one below.

    Answers that `ResponseSpool` holds there count as its own.

    Offline, everything stored counts as fresh; with refresh, nothing does. Another process that holds the file is
    waited for once, `lock_wait_s` seconds: from then on what cannot be stored at once is not stored. Raises OSError or
    sqlite3.Error where no cache can be kept there.
    """
    path = folder / _FILE_NAME
    try:
        storage = _open_storage(path, mode, lock_wait_s)
    except sqlite3.OperationalError:
        raise  # Locked or not accessible: others may be using it.
    except (sqlite3.DatabaseError, RuntimeError):
        # A damaged file, or one with tables of another version, is a cache that is lost: it is started anew.
        for stale in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            stale.unlink(missing_ok=True)
        storage = _open_storage(path, mode, lock_wait_s)
    return _SpooledCache(below, storage, ResponseSpool(folder))


class _SpooledCache(httpx.BaseTransport):
    """hishel's transport, which is given the answers that wait for it before it is asked."""

    def __init__(self, below: httpx.BaseTransport, storage: hishel.SqliteStorage, spool: ResponseSpool) -> None:
        self._cache = CacheTransport(next_transport=below, storage=storage, rfc=_OPTIONS)
        self._storage = storage
        self._spool = spool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        waiting = self._spool.find(url)
        if waiting is not None:
            self._take_over(request, *waiting)
        response = self._cache.handle_request(request)
        self._spool.note(url)
        return response

    def close(self) -> None:
        self._cache.close()

    def _take_over(self, request: httpx.Request, headers: dict[str, str], body: bytes) -> None:
        """Let hishel store the answer, if it may be stored, as if it had just been sent."""
        answer = httpx.Response(200, headers=headers, stream=httpx.ByteStream(body))
        taking = CacheTransport(
            next_transport=httpx.MockTransport(lambda _: answer), storage=_WithoutLooking(self._storage), rfc=_OPTIONS
        )
        response = taking.handle_request(request)
        assert isinstance(response.stream, httpx.SyncByteStream)
        for _ in response.stream:
            pass  # What is read is what is stored.
        response.close()


def _open_storage(path: Path, mode: CacheMode, lock_wait_s: float) -> hishel.SqliteStorage:
    connection = sqlite3.connect(
        path, check_same_thread=False, isolation_level=None, timeout=lock_wait_s, factory=FailFastConnection
    )
    kinds = {"online": _OneAnswerStorage, "offline": _AgelessStorage, "refresh": _ForgetfulStorage}
    storage = kinds[mode](connection=connection, database_path=path)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
        # Creates the tables, whatever the mode finds in them; it also sets both of these, to NORMAL and to 5 s.
        hishel.SqliteStorage.get_entries(storage, "")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(f"PRAGMA busy_timeout={round(lock_wait_s * 1000)}")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.close()
        raise
    return storage


class FailFastConnection(sqlite3.Connection):
    """Loses its patience with whoever holds the file: otherwise each page of a run would wait for its turn in vain."""

    def cursor(self, *_: object) -> sqlite3.Cursor:  # type: ignore[override]  # Nobody here brings a factory.
        """A cursor that tells when it has waited in vain."""
        return super().cursor(_Cursor)


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        """As of any cursor; the first one that finds the file locked to the end waits for all that come after it."""
        try:
            return super().execute(sql, parameters)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                super().execute("PRAGMA busy_timeout=0")
            raise


class _OneAnswerStorage(hishel.SqliteStorage):
    """Keeps one answer a URL: we ask in one way only, so there are no variants.

    hishel itself keeps the answer before the last beside the new one, and revalidates whichever has the later `Date`.
    """

    def create_entry(
        self, request: hishel.Request, response: hishel.Response, key: str, **limits: float | None
    ) -> hishel.Entry:
        """The new entry, stored in place of any other of its key."""
        for entry in super().get_entries(key):
            self.remove_entry(entry.id)
        return super().create_entry(request, response, key, **limits)


class _WithoutLooking(hishel.BaseStorage):
    """Stores in another storage and finds nothing in it, so that what comes is new."""

    def __init__(self, storage: hishel.SqliteStorage) -> None:
        super().__init__()
        self._storage = storage

    def create_entry(
        self, request: hishel.Request, response: hishel.Response, key: str, **limits: float | None
    ) -> hishel.Entry:
        return self._storage.create_entry(request, response, key, **limits)

    def get_entries(self, key: str) -> list[hishel.Entry]:
        return []

    def update_headers(self, id: uuid.UUID, headers: hishel.Headers) -> None:
        """Nothing was found that could be updated."""

    def remove_entry(self, id: uuid.UUID) -> None:
        """Nothing was found that could be removed."""


class _AgelessStorage(_OneAnswerStorage):
    """For `--offline`: what is stored is good, however old."""

    def get_entries(self, key: str) -> list[hishel.Entry]:
        """The stored answers, each made to look as if it never went stale."""
        return [
            replace(
                entry,
                response=replace(
                    entry.response, headers=hishel.Headers({**entry.response.headers, "cache-control": _FOREVER})
                ),
            )
            for entry in super().get_entries(key)
        ]


class _ForgetfulStorage(_OneAnswerStorage):
    """For `--refresh`: nothing is found."""

    def get_entries(self, key: str) -> list[hishel.Entry]:
        """Nothing, always."""
        return []
