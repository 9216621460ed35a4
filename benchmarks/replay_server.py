"""The replay index as a server: recorded project pages and files over HTTP/1.1 on loopback.

In: a store, and when recording a function that asks the real index. Out: pages as JSON or HTML with file URLs that
point back here, metadata files, and counters under `/-/`. It answers as the real index does where clients can tell the
difference: validators, `Cache-Control`, gzip, keep-alive, `core-metadata`.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import html
import json
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import httpx

from benchmarks.replay_store import Answer, Question, Store

__all__ = ["ReplayIndex"]

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "text/html; charset=utf-8"
PAGE_MAX_AGE_S = 600
FILE_CACHE_CONTROL = "max-age=365000000, immutable, public"
REASONS = {
    200: "OK",
    206: "Partial Content",
    301: "Moved Permanently",
    304: "Not Modified",
    404: "Not Found",
    502: "Bad Gateway",
}

Ask = Callable[[Question], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A body ready to be sent: its type, validator, and both encodings (`gzipped` is `None` where it does not pay)."""

    content_type: str
    cache_control: str
    etag: str
    plain: bytes
    gzipped: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The parts of a request head that the answer depends on; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]


class ReplayIndex:
    """Answers requests from the store; what is not there is asked of `ask` and kept, or is 404 and counted."""

    def __init__(
        self,
        store: Store,
        *,
        upstream: str,
        ask: Ask | None = None,
        latency_s: float = 0.0,
        offer_metadata: bool = True,
        max_age_s: int = PAGE_MAX_AGE_S,
        base: str = "",
    ) -> None:
        self.latency_s = latency_s
        self.address = ""
        self.base = base
        self._page_cache_control = f"max-age={max_age_s}, public"
        self.counts: Counter[str] = Counter()
        self.missing: list[str] = []
        self.log: list[str] = []
        self._store = store
        self._upstream = upstream.rstrip("/") + "/"
        self._ask = ask
        self._offer_metadata = offer_metadata
        self._metadata_digests = {
            question.url: hashlib.sha256(answer.body).hexdigest()
            for question, answer in store.iter_answers()
            if question.url.endswith(".metadata") and answer.status == 200
        }
        self._documents: dict[tuple[str, str], Document | None] = {}
        self._pending: dict[Question, asyncio.Lock] = {}

    async def serve(self, *, port: int = 0) -> asyncio.Server:
        """Listen on loopback; afterwards `base` is this index's own address, unless a front's was given."""
        server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self), "127.0.0.1", port, backlog=1024
        )
        self.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self.base = self.base or self.address
        return server

    def answer_now(self, request: Request) -> bytes | None:
        """The response when it needs no waiting, else `None`."""
        if request.path.startswith("/-/"):
            return self._answer_control(request)
        self.log.append(f"{request.method} {request.path} {request.headers.get('range', '')}".rstrip())
        match request.path.split("/", 2)[1:]:
            case ["simple", rest]:
                return self._answer_page(request, rest)
            case ["files", rest] if request.method == "GET" and "range" not in request.headers:
                document = self._documents.get(("file", rest))
                return None if document is None else self._render(request, document)
        return None

    async def answer_later(self, request: Request) -> bytes:
        """The response, read from disk or asked of the real index."""
        kind, _, rest = request.path[1:].partition("/")
        if kind == "simple":
            name = rest.rstrip("/")
            answer = await self._find(Question(method="GET", url=f"{self._upstream}{name}/"))
            self._remember_page(name, answer)
            return self._answer_page(request, rest) or _render_head(404, [])
        if kind != "files":
            return _render_head(404, [])
        return await self._answer_file(request, rest)

    def _answer_control(self, request: Request) -> bytes:
        if request.path == "/-/reset":
            self.counts.clear()
            self.missing.clear()
            self.log.clear()
        log = {"log": self.log} if request.path == "/-/log" else {}
        stats = {"counts": self.counts, "missing": self.missing, **log}
        body = json.dumps(stats).encode()
        return _render_head(200, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]) + body

    def _answer_page(self, request: Request, rest: str) -> bytes | None:
        name = re.sub(r"[-_.]+", "-", rest.rstrip("/")).lower()
        if rest != f"{name}/":
            return _render_head(301, [("Location", f"/simple/{name}/"), ("Content-Length", "0")])
        form = "json" if JSON_TYPE in request.headers.get("accept", "") else "html"
        try:
            document = self._documents[form, name]
        except KeyError:
            return None
        if document is None:
            self.counts["absent pages"] += 1
            return _render_head(404, [("Content-Length", "0"), ("Cache-Control", self._page_cache_control)])
        self.counts["pages"] += 1
        return self._render(request, document)

    def _remember_page(self, name: str, answer: Answer | None) -> None:
        if answer is None or answer.status != 200:
            self._documents["json", name] = self._documents["html", name] = None
            return
        page = json.loads(answer.body)
        for file in page["files"]:
            self._localise(file)
        body = json.dumps(page, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        self._documents["json", name] = self._build_page(body, JSON_TYPE)
        self._documents["html", name] = self._build_page(_render_html(page), HTML_TYPE)

    def _build_page(self, body: bytes, content_type: str) -> Document:
        return Document(
            content_type=content_type,
            cache_control=self._page_cache_control,
            etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"',
            plain=body,
            gzipped=gzip.compress(body, compresslevel=6, mtime=0),
        )

    def _localise(self, file: dict[str, Any]) -> None:
        """Point the file at this index and offer its core metadata (PEP 714).

        What is not recorded gets a made-up hash, so that the page has its usual size and form.
        """
        address = file["url"].removeprefix("https://")
        if self._offer_metadata and file["filename"].endswith(".whl"):
            metadata_url = f"https://{address}.metadata"
            digest = self._metadata_digests.get(metadata_url)
            if digest is None and self._ask is None:
                digest = hashlib.sha256(metadata_url.encode()).hexdigest()
            file["core-metadata"] = file["data-dist-info-metadata"] = {"sha256": digest} if digest else True
        file["url"] = f"{self.base}/files/{address}"

    async def _answer_file(self, request: Request, rest: str) -> bytes:
        question = Question(
            method=request.method, url=f"https://{rest}", byte_range=request.headers.get("range", "").lower()
        )
        answer = await self._find(question)
        if answer is None:
            return _render_head(404, [("Content-Length", "0")])
        if answer.status == 200 and question.method == "GET":
            document = _build_file(answer)
            self._documents["file", rest] = document
            return self._render(request, document)
        self.counts[f"{request.method} {'range' if question.byte_range else 'file'}"] += 1
        headers = [(name.title(), value) for name, value in answer.headers.items()]
        if "content-length" not in answer.headers:
            headers.append(("Content-Length", str(len(answer.body))))
        return _render_head(answer.status, headers) + answer.body

    async def _find(self, question: Question) -> Answer | None:
        async with self._pending.setdefault(question, asyncio.Lock()):
            answer = self._store.read(question)
            if answer is None and self._ask is not None:
                answer = await self._ask(question)
                self._store.write(question, answer)
                self.counts["recorded"] += 1
        if answer is None:
            self.missing.append(f"{question.method} {question.url} {question.byte_range}".rstrip())
        return answer

    def _render(self, request: Request, document: Document) -> bytes:
        headers = [("ETag", document.etag), ("Cache-Control", document.cache_control), ("Vary", "Accept-Encoding")]
        if request.headers.get("if-none-match") == document.etag:
            self.counts["not modified"] += 1
            return _render_head(304, headers)
        body = document.plain
        if document.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            body = document.gzipped
            headers.append(("Content-Encoding", "gzip"))
        headers += [("Content-Type", document.content_type), ("Content-Length", str(len(body)))]
        self.counts["documents"] += 1
        self.counts["bytes"] += len(body)
        head = _render_head(200, headers)
        return head if request.method == "HEAD" else head + body


class _Connection(asyncio.Protocol):
    """One client connection: requests are answered one after the other, each after the chosen latency."""

    def __init__(self, index: ReplayIndex) -> None:
        self._index = index
        self._buffer = b""
        self._waiting: deque[Request] = deque()
        self._busy = False
        self._transport: asyncio.Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._index.counts["connections"] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                break
            self._buffer = rest
            self._waiting.append(_parse_head(head))
        if not self._busy:
            self._answer_next()

    def _answer_next(self) -> None:
        self._busy = bool(self._waiting)
        if not self._waiting:
            return
        request = self._waiting.popleft()
        self._index.counts["requests"] += 1
        response = self._index.answer_now(request)
        if response is None:
            task = asyncio.get_running_loop().create_task(self._answer_later(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif self._index.latency_s and not request.path.startswith("/-/"):
            asyncio.get_running_loop().call_later(self._index.latency_s, self._send, response)
        else:
            self._send(response)

    async def _answer_later(self, request: Request) -> None:
        try:
            response = await self._index.answer_later(request)
        except (httpx.HTTPError, ValueError) as error:
            # The client gets an answer at once, and the log has the reason.
            self._index.log.append(f"502 {request.path} {error!r}")
            response = _render_head(502, [("Content-Length", "0")])
        await asyncio.sleep(self._index.latency_s)
        self._send(response)

    def _send(self, response: bytes) -> None:
        if self._transport is not None:
            self._transport.write(response)
            self._answer_next()


def _parse_head(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method=method, path=path, headers=headers)


def _render_head(status: int, headers: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Answer')}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _build_file(answer: Answer) -> Document:
    return Document(
        content_type=answer.headers.get("content-type", "application/octet-stream"),
        cache_control=FILE_CACHE_CONTROL,
        etag=f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"',
        plain=answer.body,
    )


def _render_html(page: dict[str, Any]) -> bytes:
    """The PEP 503 view of a PEP 691 page, with the attributes of PEP 592, 658 and 714."""
    lines = ["<!DOCTYPE html><html><head>", '<meta name="pypi:repository-version" content="1.1">', "</head><body>"]
    for file in page["files"]:
        href = file["url"]
        if "sha256" in file["hashes"]:
            href += f"#sha256={file['hashes']['sha256']}"
        attributes = [f'href="{html.escape(href)}"']
        if file.get("requires-python"):
            attributes.append(f'data-requires-python="{html.escape(file["requires-python"])}"')
        match file.get("core-metadata"):
            case {"sha256": digest}:
                attributes.append(f'data-core-metadata="sha256={digest}"')
            case True:
                attributes.append('data-core-metadata="true"')
        if file.get("yanked"):
            reason = file["yanked"] if isinstance(file["yanked"], str) else ""
            attributes.append(f'data-yanked="{html.escape(reason)}"')
        lines.append(f"<a {' '.join(attributes)}>{html.escape(file['filename'])}</a><br/>")
    lines.append("</body></html>")
    return "\n".join(lines).encode()
