"""Which pages of the evidence have changed: what decides which lists `lock fleet --changed` locks again.

In: the pages that searches have read, with their validators. Out: the numbers of those that are different now. Files
need no evidence of their own: a page lists each with its hash, and what has that hash has the same metadata for ever.

The workers make the requests, some pages each, because they have the logins. A request is conditional where plain HTTP
serves it; behind TLS the page is read and compared. A page that cannot be read counts as changed: locking its lists
reports why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lockfiles._files import hash_bytes
from resolver.errors import FetchError
from resolver.fetch.http.freshness import PAGE_LIMIT_BYTES, unpack_gzip
from resolver.fleet.cluster import Call, Client, run_calls
from resolver.fleet.pin_index import Page
from resolver.fleet.worker import WorkerOptions, build_access
from resolver.locking.plan_secrets import open_session

if TYPE_CHECKING:
    from resolver.fetch.http.responses import Response

__all__ = ["find_changed_pages", "list_changed"]

_CHUNK = 64
_THREADS = 16
_HASH = "sha256:"


def find_changed_pages(client: Client, pages: Sequence[Page], options: WorkerOptions) -> frozenset[int]:
    """The numbers of the pages that are not as they were. Raises FetchError without a scheduler.

    Pages that no worker could look at (its process died) count as changed.
    """
    changed: set[int] = set()

    def note(chunk: tuple[Page, ...], result: Any) -> None:
        changed.update((page.number for page in chunk) if isinstance(result, Exception) else result)

    run_calls(client, list_changed, deque(_iter_calls(pages, options)), note)
    return frozenset(changed)


def list_changed(pages: Sequence[Page], options: WorkerOptions) -> tuple[int, ...]:
    """The numbers of those pages that are not as they were, found by this process."""
    access = build_access(options)
    # Without a cache: what it has may be what was read before. The hosts are those of the lists, which may be private.
    hosts = {urlsplit(page.url).netloc for page in pages}
    access = replace(access, cache_folder=None, allowed_hosts=(*access.allowed_hosts, *sorted(hosts)))
    with open_session(access) as session, ThreadPoolExecutor(_THREADS) as pool:

        def is_same(page: Page) -> bool:
            known = "" if page.validator.startswith(_HASH) else page.validator
            try:
                return _holds(page, session.fetch_page(page.url, known_validator=known))
            except FetchError:
                return False

        return tuple(page.number for page, same in zip(pages, pool.map(is_same, pages), strict=True) if not same)


def _iter_calls(pages: Sequence[Page], options: WorkerOptions) -> Iterator[Call]:
    """The calls for all pages, `_CHUNK` at a time."""
    for start in range(0, len(pages), _CHUNK):
        chunk = tuple(pages[start : start + _CHUNK])
        yield f"pinfold-pages-{options.run}-{start}", chunk, (chunk, options)


def _holds(page: Page, response: Response) -> bool:
    """Whether a page is as it was.

    A validator is that of the server, or the hash of the body where the server has none, or the page came over TLS.
    """
    if page.is_absent or response.is_absent:
        return page.is_absent and response.is_absent
    if not page.validator.startswith(_HASH):
        return page.validator != "" and response.validator == page.validator
    body = response.body
    if body is not None and response.is_packed:
        body = unpack_gzip(body, limit_bytes=PAGE_LIMIT_BYTES)
    return body is not None and page.validator == f"{_HASH}{hash_bytes(body)}"
