"""Pages and metadata files by plain requests, and the log of responses that wait for the HTTP cache.

In: a URL. Out: a `Response` from `PlainClient`, `Absent`, or `HandedOver` where the request is one for `HttpClient`.

One module, because a plain session keeps its responses in the log (`ResponseSpool`), not in hishel. Storing a page in
hishel's database takes 2 to 5 ms and importing hishel and httpx 55; most pages are never looked up there, since
`RowStore` has the rows that were made of them. So the first response of a URL is appended to one file as it was
received, which takes 0.05 ms (a file for each response took 0.5). When the same URL is requested again, the logged
response is first stored through hishel, as if it had just arrived; from then on hishel decides what may be used and
what must be revalidated (RFC 9111). A record without a response then follows in the log: hishel has had that URL.

Any number of processes may append at once, since a record is one write. A damaged response is requested again. A file
that is cut short or holds anything else is replaced when the next record is written.
"""

from __future__ import annotations

import os
import struct
import threading
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from resolver.fetch.access import AnswerLimits
from resolver.fetch.http.hosts import Addresses
from resolver.fetch.http.plain_connection import PlainClient
from resolver.fetch.http.responses import (
    Absent,
    Answered,
    HandedOver,
    NotModified,
    Response,
    build_headers,
    confirms,
    find_conditions,
    find_fresh_until,
    find_validator,
    forbids_storing,
    normalize_caching_headers,
    unpack_gzip,
)
from resolver.fetch.projects.row_store import find_version, write_cache_file

__all__ = ["PlainSession", "ResponseSpool"]

_FILE_NAME = "responses-v1.log"
_RECORD = struct.Struct("<4sIII")
"""The head of a record: magic, CRC-32 of what follows, bytes of URL and headers, bytes of the body."""
_MAGIC = b"pfs1"
_READ_AHEAD_BYTES = 2048
"""URL and headers of a record are usually shorter, so that one read has them."""
_WASTE_BYTES = 16 * 1024 * 1024
"""When more of the file than this are responses that hishel has, the file is rewritten without them."""

_Place = tuple[int, int]
"""The offset of a record, and its size in bytes."""


class ResponseSpool:
    """The logged responses in a cache folder. May be used by any number of threads and processes.

    A folder that cannot be read or written keeps nothing, which is no error.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE_NAME
        self._lock = threading.Lock()
        self._places: dict[str, _Place | None] | None = None
        self._is_damaged = False

    def knows(self, url: str) -> bool:
        """Whether the response of a URL is here, or was here until hishel took it over."""
        return url in self._open()

    def put(self, url: str, headers: dict[str, str], body: bytes) -> None:
        """Append a response of status 200, in place of an older one. Names of `headers` are in lower case."""
        lines = "".join(f"{name}: {value}\n" for name, value in headers.items())
        self._append(url, f"{url}\n{lines}".encode(), body)

    def find(self, url: str) -> tuple[dict[str, str], bytes] | None:
        """The headers and the body of a response; None for one that is damaged, or that hishel has."""
        place = self._open().get(url)
        if place is None:
            return None
        try:
            data = _read(self._path, place)
        except OSError:
            return None
        if len(data) != place[1]:
            return None
        magic, checksum, head_size, _ = _RECORD.unpack_from(data)
        content = data[_RECORD.size :]
        if magic != _MAGIC or zlib.crc32(content) != checksum:
            return None
        written_url, *lines = content[:head_size].decode().split("\n")
        headers = {name: value for name, _, value in (line.partition(": ") for line in lines[:-1])}
        # Another process may have rewritten the file since its places were read.
        return (headers, content[head_size:]) if written_url == url else None

    def note(self, url: str) -> None:
        """Record that hishel has been queried for a URL: from now on its response is no longer found here."""
        if self._open().get(url, (0, 0)) is not None:
            self._append(url, url.encode(), b"")

    def _open(self) -> dict[str, _Place | None]:
        """The place of each known URL; None for one that hishel has. The file is read at the first call."""
        with self._lock:
            if self._places is None:
                self._places, size, self._is_damaged = _read_places(self._path)
                waiting = sum(place[1] for place in self._places.values() if place is not None)
                if size - waiting > max(waiting, _WASTE_BYTES):
                    self._places = _rewrite(self._path, self._places)
            return self._places

    def _append(self, url: str, head: bytes, body: bytes) -> None:
        """Append a record with one write; a head without a line break is a URL that hishel has."""
        places = self._open()
        record = _render(head, body)
        with self._lock, suppress(OSError):
            # Bytes behind a damaged record would never be found.
            if self._is_damaged:
                self._is_damaged = False
                places.clear()
                self._path.unlink(missing_ok=True)
            with self._path.open("ab", buffering=0) as file:
                if file.write(record) == len(record):
                    places[url] = (file.tell() - len(record), len(record)) if b"\n" in head else None


class PlainSession:
    """Fetches pages and files by plain requests. May be used from many threads at once.

    `cache_folder` None logs nothing. Both methods raise as `AnswerLimits.check`.
    """

    def __init__(
        self, *, cache_folder: Path | None, refresh: bool, trusted_hosts: Iterable[str], addresses: Addresses
    ) -> None:
        self._client = PlainClient(
            user_agent=f"pinfold/{find_version()}", trusted_hosts=trusted_hosts, addresses=addresses
        )
        self._spool = None if cache_folder is None else ResponseSpool(cache_folder)
        self._refresh = refresh

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def fetch_page(
        self, url: str, *, accept: str, limits: AnswerLimits, known_validator: str = ""
    ) -> Response | Absent | HandedOver:
        """A page that the HTTP cache has never seen, or with `refresh` any page; as it was sent, packed or not.

        With the validator of a page that the caller has, the body is None where it has not changed. Without one, a page
        that the cache may have is handed over: `HttpClient` revalidates it.
        """
        conditions = find_conditions(known_validator)
        if not conditions and self._spool is not None and not self._refresh and self._spool.knows(url):
            return HandedOver()
        answer = self._client.fetch(url, {**build_headers(accept), **conditions}, limits=limits)
        if isinstance(answer, NotModified):
            return _build_unchanged(url, answer.headers, known_validator)
        if not isinstance(answer, Answered):
            return answer
        answer.headers.pop("set-cookie", None)  # Never cache cookies.
        normalize_caching_headers(answer.headers, status=200, now=time.time())
        store = None
        if self._spool is not None and not forbids_storing(answer.headers):
            store = partial(self._spool.put, url, answer.headers, answer.body)
        return Response(
            url=url,
            content_type=answer.headers.get("content-type", ""),
            body=answer.body,
            fresh_until=find_fresh_until(answer.headers, now=time.time()),
            validator=find_validator(answer.headers),
            is_packed=answer.is_packed,
            store=store,
        )

    def fetch_file(self, url: str, *, limits: AnswerLimits) -> bytes | Absent | HandedOver:
        """The content of a file, which is never stored: `RecordStore` keeps what is made of it."""
        answer = self._client.fetch(url, build_headers("*/*"), limits=limits)
        if not isinstance(answer, Answered):
            return HandedOver() if isinstance(answer, NotModified) else answer
        body = unpack_gzip(answer.body, limit_bytes=limits.limit_bytes) if answer.is_packed else answer.body
        return HandedOver() if body is None else body


def _build_unchanged(url: str, headers: dict[str, str], validator: str) -> Response | HandedOver:
    """The response without body for a 304, fresh as long as its headers say; one about another page is handed over.

    Without `Cache-Control` that of the stored response goes on (RFC 9111, section 4.3.4), which no row has: not fresh.
    """
    if not confirms(headers, validator):
        return HandedOver()
    now = time.time()
    normalize_caching_headers(headers, status=304, now=now)
    fresh_until = find_fresh_until(headers, now=now) if "cache-control" in headers else 0.0
    return Response(url=url, content_type="", body=None, fresh_until=fresh_until, validator=validator)


def _read(path: Path, place: _Place) -> bytes:
    """The bytes of a record, or fewer where the file has changed. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        file.seek(place[0])
        return file.read(place[1]) or b""


def _read_places(path: Path) -> tuple[dict[str, _Place | None], int, bool]:
    """The places of all records, the size of the file, and whether it is damaged. Bodies are not read."""
    places: dict[str, _Place | None] = {}
    at = 0
    try:
        with path.open("rb", buffering=0) as file:
            total = os.fstat(file.fileno()).st_size
            while at < total:
                file.seek(at)
                data = file.read(_READ_AHEAD_BYTES) or b""
                if len(data) < _RECORD.size:
                    return places, total, True
                magic, _, head_size, body_size = _RECORD.unpack_from(data)
                size = _RECORD.size + head_size + body_size
                if magic != _MAGIC or at + size > total:
                    return places, total, True
                if _RECORD.size + head_size > len(data):
                    file.seek(at)
                    data = file.read(_RECORD.size + head_size) or b""
                url, has_response, _ = data[_RECORD.size : _RECORD.size + head_size].partition(b"\n")
                places[url.decode("utf-8", "replace")] = (at, size) if has_response else None
                at += size
    except OSError:
        return {}, 0, False  # No file yet, or one that cannot be read: a cache is never a reason to fail.
    return places, total, False


def _rewrite(path: Path, places: dict[str, _Place | None]) -> dict[str, _Place | None]:
    """The places in a new file, which has the waiting responses, and the URLs that hishel has without theirs."""
    parts: list[bytes] = []
    for url, place in places.items():
        if place is None:
            parts.append(_render(url.encode(), b""))
            continue
        with suppress(OSError):
            parts.append(_read(path, place))
    write_cache_file(path, b"".join(parts))
    return _read_places(path)[0]


def _render(head: bytes, body: bytes) -> bytes:
    """A record. The head is a URL, or a URL and header lines, each of them ended by a line break."""
    checksum = zlib.crc32(body, zlib.crc32(head))
    return b"".join((_RECORD.pack(_MAGIC, checksum, len(head), len(body)), head, body))
