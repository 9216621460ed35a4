"""HTTP responses as values, and the rules that both clients (`PlainClient` and `HttpClient`) apply to them.

In: headers, chunks and bodies as a server sent them. Out:

- bodies read up to a limit, hashed, and checked to be the part that was requested (RFC 9110, section 14);
- how long a response may be used without another request (RFC 9111), from its headers alone;
- whether a page links with secrets: no cache may store such a page, and its links are split before they become rows;
- whether and when a request is repeated: the same delays for the same responses.

One module, because both clients must decide alike. It imports no HTTP library and is pure but for the file that
`hash_chunks` writes: the clock is a parameter.

Only the explicit lifetime of a response counts (RFC 9111, section 4.2.1: `max-age`, then `Expires`). The heuristic of
section 4.2.2, a tenth of the age since `Last-Modified`, is left out on purpose: with it a static index that rarely
changes would hide a new release for days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO

from lockfiles._values import compile_later, dataclass
from resolver.errors import InputError, render_os_error
from resolver.fetch.http.freshness import parse_http_date
from resolver.fetch.http.http_errors import too_large_error
from resolver.index.distribution_file import parse_size
from resolver.requirements.url import Url, parse_url

if TYPE_CHECKING:
    from resolver.fetch.access import AnswerLimits
    from resolver.index.distribution_file import RawFile

__all__ = [
    "ACCEPT",
    "ANNOUNCED_DELAY_S",
    "ATTEMPTS",
    "FILE_LIMIT_BYTES",
    "LONGEST_DELAY_S",
    "TRANSIENT_STATUSES",
    "BadStatusError",
    "Download",
    "FileResponse",
    "RangeResponse",
    "Response",
    "build_absent",
    "build_headers",
    "find_delay_s",
    "hash_chunks",
    "iter_bounded",
    "iter_secret_links",
    "may_hold_secrets",
    "read_range",
]

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
"""The `Accept` header of a request for a page (PEP 691): JSON is preferred to HTML."""

FILE_LIMIT_BYTES = 16 * 1024**3


ATTEMPTS = 4
"""Requests for one URL before its error is raised."""
TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the request is repeated."""
LONGEST_DELAY_S = 60.0
"""The most that the `Retry-After` of all attempts may add up to. More is an error, which names the delay."""
ANNOUNCED_DELAY_S = 2.0
"""A wait of at least this delay is announced, with its reason."""
_FIRST_DELAY_S = 0.25

_QUERY = compile_later(rb"\?[^\s\"'<>]*=")
_USER_INFORMATION = compile_later(rb"//[^/?#\s\"'<>]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A page or metadata file, with what its headers mean for caching.

    `url` is its public URL after redirects. `body` is None where the caller has it already or the server has none
    (`is_absent`), and packed with gzip if `is_packed`. `fresh_until` is in seconds since 1970, 0 where the response
    must be revalidated. `validator` is equal for equal bodies, empty where the server sent none. `store` keeps the
    response for later runs: call it only for a page that links with no secret, and `drop` for all others. Both are None
    where there is nothing to store.
    """

    url: str
    content_type: str
    body: bytes | None
    fresh_until: float
    validator: str
    is_packed: bool = False
    is_absent: bool = False
    store: Callable[[], None] | None = None
    drop: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResponse:
    """The response to a request for a file: status (200, 206 or 416), headers by lower-case name, the bytes as sent."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterable[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeResponse:
    """A part of a file: its bytes, the offset of the first one, and the size of the whole file in bytes."""

    data: bytes
    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """Size and hashes of a body that was read whole.

    `hashes` are `algorithm:hex`, sorted by algorithm: SHA-256, and all others that were requested.
    """

    hashes: tuple[str, ...]
    size_bytes: int

    @property
    def sha256(self) -> str:
        """The SHA-256 in hex."""
        return next(text for text in self.hashes if text.startswith("sha256:")).removeprefix("sha256:")


class BadStatusError(Exception):
    """A status other than success and redirect. Raised below the HTTP cache, so that the cache stores no error.

    `credentials_source` names where the credentials that were sent come from, `refusal` is the host's reason to refuse
    a signature; both may be empty. `fresh_until` is that of the absence, where the status means one.
    """

    def __init__(
        self,
        status: int,
        *,
        host: str,
        retry_after: str | None,
        credentials_source: str = "",
        refusal: str = "",
        fresh_until: float = 0.0,
    ) -> None:
        super().__init__(status)
        self.fresh_until = fresh_until
        self.status = status
        self.host = host
        self.retry_after = retry_after
        self.credentials_source = credentials_source
        self.refusal = refusal


def build_absent(url: str, fresh_until: float) -> Response:
    """The response for a page or file that the server does not have."""
    return Response(url=url, content_type="", body=None, fresh_until=fresh_until, validator="", is_absent=True)


def build_headers(accept: str) -> dict[str, str]:
    """The request headers for a page or metadata file: the same from both clients, so that one cache serves both."""
    return {"Accept": accept, "Accept-Encoding": "gzip, deflate"}


def iter_bounded(
    chunks: Iterable[bytes], *, url: str, limit_bytes: int, limits: AnswerLimits | None = None
) -> Iterator[bytes]:
    """The chunks, up to a limit of size and within the time of `limits`. Raises FetchError beyond them."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit_bytes:
            raise too_large_error(url, limit_bytes=limit_bytes)
        if limits is not None:
            limits.check()
        yield chunk


def hash_chunks(chunks: Iterable[bytes], *, into: BinaryIO | None = None, algorithms: Iterable[str] = ()) -> Download:
    """Size and hashes of all chunks, which are written to `into` if it is given.

    SHA-256 is always among the hashes; algorithms that Python does not have are left out. Raises InputError where the
    disk is full.
    """
    # Lazy: it loads OpenSSL, which takes 2.5 ms, and a warm run reads no body.
    import hashlib

    # Digests of `shake` have no length of their own.
    known = {name for name in hashlib.algorithms_guaranteed if not name.startswith("shake")}
    names = sorted({"sha256", *algorithms} & known)
    digests, size = [hashlib.new(name, usedforsecurity=False) for name in names], 0
    for chunk in chunks:
        for digest in digests:
            digest.update(chunk)
        size += len(chunk)
        if into is not None:
            _write_chunk(into, chunk)
    hashes = tuple(f"{name}:{digest.hexdigest()}" for name, digest in zip(names, digests, strict=True))
    return Download(hashes=hashes, size_bytes=size)


def read_range(chunks: Iterable[bytes], content_range: str, *, start: int, stop: int | None) -> RangeResponse | None:
    """The part that a 206 holds; None where `Content-Range` or the length differ from what was requested.

    `stop` is the offset behind the last byte, None for the end. A negative `start` counts from the end, as in
    `HttpClient.fetch_range`.
    """
    unit, _, span = content_range.partition(" ")
    ends, _, total = span.partition("/")
    first, _, last = ends.partition("-")
    sent_start, sent_last, size = parse_size(first), parse_size(last), parse_size(total)
    if unit != "bytes" or sent_start is None or sent_last is None or size is None:
        return None
    length = sent_last + 1 - sent_start
    wanted_start = max(0, size + start) if start < 0 else start
    wanted_stop = size if stop is None else min(stop, size)
    if (sent_start, sent_last + 1) != (wanted_start, wanted_stop):
        return None
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > length:
            return None
    return RangeResponse(data=bytes(data), start=sent_start, size=size) if len(data) == length else None


def may_hold_secrets(body: bytes) -> bool:
    """Whether any link of a page has a query or user information, which may be secret.

    A quick test for pages without such links. `iter_secret_links` then parses the links and finds those with a secret.
    """
    return (b"?" in body and _QUERY.search(body) is not None) or (
        b"@" in body and _USER_INFORMATION.search(body) is not None
    )


def iter_secret_links(files: Iterable[RawFile]) -> Iterator[Url]:
    """The links of a page that hold a signature, a token or user information, in page order."""
    for file in files:
        if "?" in file.url or "@" in file.url:
            url = parse_url(file.url)
            if url.secret is not None:
                yield url


def find_delay_s(attempt: int, *, retry_after: str | None, now: float) -> float:
    """Seconds to wait after the failed attempt number `attempt`, counted from 0.

    `retry_after` is the header as sent: seconds or an HTTP date (RFC 9110, section 10.2.3). Without it, or where it
    cannot be read, the delay doubles with each attempt.
    """
    backoff_s = _FIRST_DELAY_S * 2.0**attempt
    if retry_after is None:
        return backoff_s
    if retry_after.strip().isdecimal():
        wanted_s = float(retry_after)
    else:
        instant = parse_http_date(retry_after)
        wanted_s = instant - now if instant is not None else backoff_s
    return max(0.0, wanted_s)


def _write_chunk(file: BinaryIO, chunk: bytes) -> None:
    """Write all of a chunk. Raises InputError where the disk is full."""
    rest = memoryview(chunk)
    try:
        # An unbuffered file may take a part; a buffered one reports a full disk only when it is closed.
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise InputError(
            f"`{file.name}` cannot be written: {render_os_error(error)}",
            remedy="set `TMPDIR` to a folder with more space",
        ) from error
