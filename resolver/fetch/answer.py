"""What a server answered, whichever client has asked."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from lockfiles.value_classes import dataclass

__all__ = [
    "CONNECT_TIMEOUT_S",
    "PAGE_LIMIT_BYTES",
    "READ_TIMEOUT_S",
    "BadStatusError",
    "Response",
    "build_headers",
    "unpack",
]

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
PAGE_LIMIT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A body with what the server said about it.

    `url` is where it came from after redirects. `body` is None where it is the one that the caller knows already, and
    packed with gzip if `is_packed`. `keep` lays the answer down for the HTTP cache, and is called for a page that links
    with no secret; None where there is nothing to do.
    """

    url: str
    content_type: str
    body: bytes | None
    fresh_until: float
    validator: str
    is_packed: bool = False
    keep: Callable[[], None] | None = None


class BadStatusError(Exception):
    """A status that is no answer; raised below the cache, so that it never stores one.

    `tried` says where the credentials that were sent are from, `told` what the host writes about a signature; both may
    be empty.
    """

    def __init__(self, status: int, *, host: str, retry_after: str | None, tried: str = "", told: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.host = host
        self.retry_after = retry_after
        self.tried = tried
        self.told = told


def build_headers(accept: str) -> dict[str, str]:
    """What to ask with for a page or metadata file: the same from each client, so that one cache serves both."""
    return {"Accept": accept, "Accept-Encoding": "gzip, deflate"}


def unpack(body: bytes, *, limit_bytes: int) -> bytes | None:
    """A whole body that is packed with gzip; None where it is not, or beyond the limit."""
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = stream.decompress(body, limit_bytes)
    except zlib.error:
        return None
    return content if stream.eof and not stream.unused_data else None
