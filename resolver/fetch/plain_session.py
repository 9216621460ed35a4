"""Pages and metadata files by plain questions (`plain_http`), and pages laid down for the HTTP cache.

Both methods give the answer in a tuple of one, in which None stands for what is not there; or None where the question
is one for `HttpClient`. They raise BadStatusError for a first attempt of several.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from resolver.fetch.answer import Response, build_headers, unpack
from resolver.fetch.answer_spool import ResponseSpool
from resolver.fetch.freshness import find_fresh_until, find_validator, forbids_storing, normalize_caching_headers
from resolver.fetch.plain_http import PlainClient
from resolver.fetch.product import find_version

__all__ = ["PlainSession"]


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
            keep=keep,
        )
        return (answer,)

    def fetch_file(self, url: str, *, limit_bytes: int) -> tuple[bytes | None] | None:
        """A file that no cache keeps."""
        told = self._client.fetch(url, build_headers("*/*"), limit_bytes=limit_bytes)
        if told is None or told.status != 200:
            return None if told is None else (None,)
        body = unpack(told.body, limit_bytes=limit_bytes) if told.is_packed else told.body
        return None if body is None else (body,)
