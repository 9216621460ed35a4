"""Between the cache and the network: only answers that may be stored pass, in the form in which they may be.

In: answers of the network. Out: good ones, without sessions and signatures; all others are raised as BadStatusError.
"""

from __future__ import annotations

import logging
import time

from resolver.fetch.answer import PAGE_LIMIT_BYTES, BadStatusError
from resolver.fetch.authorization import IS_PAGE, PUBLIC, TRIED
from resolver.fetch.bodies import iter_bounded
from resolver.fetch.freshness import normalize_caching_headers
from resolver.fetch.lean_httpx import httpx
from resolver.fetch.page_secrets import may_hold_secrets
from resolver.fetch.redirects import without_query
from resolver.fetch.refusals import read_refusal

__all__ = ["REDIRECTS", "CacheableResponses"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})

_log = logging.getLogger("pinfold.http")


class CacheableResponses(httpx.BaseTransport):
    """Lets through what may be stored, in a form that hishel judges as `freshness` does."""

    def __init__(self, below: httpx.BaseTransport) -> None:
        self._below = below

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._below.handle_request(request)
        status = response.status_code
        if _log.isEnabledFor(logging.INFO):
            shown = str(request.extensions.get(PUBLIC) or without_query(request.url)).partition("?")[0]
            _log.info("%s %s: %d", request.method, shown, status)
        if status not in (200, 206, 304) and status not in REDIRECTS:
            retry_after, tried = response.headers.get("retry-after"), response.extensions.get(TRIED, "")
            told = read_refusal(response) if status in (400, 401, 403) else ""
            response.close()
            raise BadStatusError(
                401 if told and status == 400 else status,
                host=request.url.host,
                retry_after=retry_after,
                tried=tried,
                told=told,
            )
        for name in ("set-cookie", "content-location", "link"):
            # A session of a host is nobody's to keep, and neither are URLs that may be signed.
            response.headers.pop(name, None)
        if status in REDIRECTS:
            # The target may hold a signature, which no cache may keep.
            response.headers["cache-control"] = "no-store"
        normalize_caching_headers(response.headers, status=status, now=time.time())
        if status == 200 and request.extensions.get(IS_PAGE):
            response = _read_page(response, url=str(request.extensions[PUBLIC]))
        return response

    def close(self) -> None:
        self._below.close()


def _read_page(response: httpx.Response, *, url: str) -> httpx.Response:
    """The page, read and decoded; where it links with secrets, one that no cache stores."""
    body = b"".join(iter_bounded(response.iter_bytes(), url=url, limit_bytes=PAGE_LIMIT_BYTES))
    response.close()
    headers = response.headers.copy()
    for name in ("content-encoding", "content-length", "transfer-encoding"):
        headers.pop(name, None)
    if may_hold_secrets(body):
        headers["cache-control"] = "no-store"
    return httpx.Response(200, headers=headers, content=body, extensions=response.extensions)
