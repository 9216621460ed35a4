"""Pages and metadata files by plain questions (`plain_http`), and pages laid down for the HTTP cache.

Both methods give the answer in a tuple of one, in which None stands for what is not there; or None where the question
is one for `HttpClient`. They raise BadStatusError for a first attempt of several.

Answers that wait to be taken over by the HTTP cache: one file to which they are appended.

Storing a page in hishel's database takes 2 to 5 ms and importing hishel and httpx 55; most pages are never looked up
there, since `row_store` has what was made of them. So the first answer of a URL is laid down here as it was received,
which takes 0.05 ms (a file for each took 0.5). When somebody asks for that URL again, hishel is given the answer first,
as if it had just arrived, and from then on decides alone what may be used and what must be asked again (RFC 9111). Then
a record without an answer follows: the database knows of it.

Any number of processes may append at once: a record is one write. What is damaged is asked for again; a file
that is cut or holds something else ends with the next record, which starts a new one.
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

from resolver.fetch.http.plain_connection import PlainClient
from resolver.fetch.http.responses import (
    Response,
    build_headers,
    find_fresh_until,
    find_validator,
    forbids_storing,
    normalize_caching_headers,
    unpack_gzip,
)
from resolver.fetch.projects.row_store import find_version, write_cache_file

__all__ = [
    "SPOOL_FILE_NAME",
    "PlainSession",
    "ResponseSpool",
]


SPOOL_FILE_NAME = "responses-v1.log"
_RECORD = struct.Struct("<4sIII")
"""Magic, checksum of what follows, bytes of URL and headers, bytes of the body."""
_MAGIC = b"pfs1"
_READ_AHEAD_BYTES = 2048
"""As much as URL and headers take as a rule."""
_WASTE_BYTES = 16 * 1024 * 1024
"""So much of the file may be answers that were taken over."""

_Place = tuple[int, int]
"""Where a record begins, and its size."""


class ResponseSpool:
    """The answers in a cache folder. May be used by any number of threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / SPOOL_FILE_NAME
        self._lock = threading.Lock()
        self._places: dict[str, _Place | None] | None = None
        self._is_damaged = False

    def knows(self, url: str) -> bool:
        """Whether the answer of a URL lies here, or was taken over."""
        return url in self._open()

    def put(self, url: str, headers: dict[str, str], body: bytes) -> None:
        """Lay down an answer of status 200, in place of an older one."""
        lines = "".join(f"{name}: {value}\n" for name, value in headers.items())
        self._append(url, f"{url}\n{lines}".encode(), body)

    def find(self, url: str) -> tuple[dict[str, str], bytes] | None:
        """The headers and the body of an answer that waits; None for one that is damaged, or was taken over."""
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
        told_url, *lines = content[:head_size].decode().split("\n")
        headers = {name: value for name, _, value in (line.partition(": ") for line in lines[:-1])}
        return (headers, content[head_size:]) if told_url == url else None

    def note(self, url: str) -> None:
        """Tell that the cache has seen what there is of a URL."""
        if self._open().get(url, (0, 0)) is not None:
            self._append(url, url.encode(), b"")

    def _open(self) -> dict[str, _Place | None]:
        """Where the answer of each known URL stands; None for one that was taken over."""
        with self._lock:
            if self._places is None:
                self._places, size, self._is_damaged = _read_places(self._path)
                waiting = sum(place[1] for place in self._places.values() if place is not None)
                if size - waiting > max(waiting, _WASTE_BYTES):
                    self._places = _rewrite(self._path, self._places)
            return self._places

    def _append(self, url: str, head: bytes, body: bytes) -> None:
        places = self._open()
        checksum = zlib.crc32(body, zlib.crc32(head))
        size = _RECORD.size + len(head) + len(body)
        record = b"".join((_RECORD.pack(_MAGIC, checksum, len(head), len(body)), head, body))
        with self._lock, suppress(OSError):
            if self._is_damaged:
                self._is_damaged = False
                places.clear()
                self._path.unlink(missing_ok=True)
            with self._path.open("ab", buffering=0) as file:
                if file.write(record) == size:
                    places[url] = (file.tell() - size, size) if b"\n" in head else None


def _read(path: Path, place: _Place) -> bytes:
    with path.open("rb", buffering=0) as file:
        file.seek(place[0])
        return file.read(place[1]) or b""


def _read_places(path: Path) -> tuple[dict[str, _Place | None], int, bool]:
    """The places of all records, the size of the file, and whether it is damaged; nothing but heads is read."""
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
                url, has_answer, _ = data[_RECORD.size : _RECORD.size + head_size].partition(b"\n")
                places[url.decode("utf-8", "replace")] = (at, size) if has_answer else None
                at += size
    except FileNotFoundError:
        return {}, 0, False
    except OSError:
        return {}, 0, False  # A cache that cannot be read is no error.
    return places, total, False


def _rewrite(path: Path, places: dict[str, _Place | None]) -> dict[str, _Place | None]:
    """The places in a new file, which has the answers that wait, and who was answered."""
    parts: list[bytes] = []
    for url, place in places.items():
        if place is None:
            head = url.encode()
            parts.append(_RECORD.pack(_MAGIC, zlib.crc32(head), len(head), 0) + head)
            continue
        with suppress(OSError):
            parts.append(_read(path, place))
    write_cache_file(path, b"".join(parts))
    return _read_places(path)[0]


class PlainSession:
    """Asks as long as answers are plain. May be used from many threads at once; `cache_folder` None keeps nothing."""

    def __init__(self, *, cache_folder: Path | None, refresh: bool, trusted_hosts: Iterable[str]) -> None:
        self._client = PlainClient(user_agent=f"pinfold/{find_version()}", trusted_hosts=trusted_hosts)
        self._spool = None if cache_folder is None else ResponseSpool(cache_folder)
        self._refresh = refresh

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def fetch_page(self, url: str, *, accept: str, limit_bytes: int) -> tuple[Response | None] | None:
        """A page that the HTTP cache has never seen, or with `refresh` any page; as it was sent, packed or not."""
        if self._spool is not None and not self._refresh and self._spool.knows(url):
            return None
        told = self._client.fetch(url, build_headers(accept), limit_bytes=limit_bytes)
        if told is None or told.status != 200:
            return None if told is None else (None,)
        told.headers.pop("set-cookie", None)  # A session of a host is nobody's to keep.
        normalize_caching_headers(told.headers, status=200, now=time.time())
        keep = None
        if self._spool is not None and not forbids_storing(told.headers):
            keep = partial(self._spool.put, url, told.headers, told.body)
        answer = Response(
            url=url,
            content_type=told.headers.get("content-type", ""),
            body=told.body,
            fresh_until=find_fresh_until(told.headers, now=time.time()),
            validator=find_validator(told.headers),
            is_packed=told.is_packed,
            store=keep,
        )
        return (answer,)

    def fetch_file(self, url: str, *, limit_bytes: int) -> tuple[bytes | None] | None:
        """A file that no cache keeps."""
        told = self._client.fetch(url, build_headers("*/*"), limit_bytes=limit_bytes)
        if told is None or told.status != 200:
            return None if told is None else (None,)
        body = unpack_gzip(told.body, limit_bytes=limit_bytes) if told.is_packed else told.body
        return None if body is None else (body,)
