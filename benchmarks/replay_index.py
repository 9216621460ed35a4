"""A local replay of a package index: `record` fetches what clients ask for and keeps it, `serve` says it again.

Run any tool once against `record`; the same run against `serve` then needs no network and always gets the same answer:

    python -m benchmarks.replay_index record STORE --port 8091
    python -m benchmarks.replay_index serve STORE --port 8091 --latency-ms 20

The index is at `/simple/`; `/-/stats` counts requests, `/-/log` lists them, `/-/reset` starts the count again.
Nothing recorded belongs in the repository.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.remote_wheel import read_metadata
from benchmarks.replay_server import JSON_TYPE, PAGE_MAX_AGE_S, Ask, ReplayIndex
from benchmarks.replay_store import Answer, Question, Store
from resolver.fetch.projects.pages import default_index_url

__all__ = ["RunningIndex", "main", "running_index"]

KEPT_HEADERS = ("content-type", "content-length", "content-range", "accept-ranges", "location")
FETCH_ATTEMPTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningIndex:
    """A replay index in its own process; `url` is what to give as `--index-url`."""

    base: str
    control: str
    """Where the counters are, which a front in between does not count."""

    @property
    def url(self) -> str:
        """The simple API's address, with the slash at the end."""
        return f"{self.base}/simple/"

    def fetch_stats(self, *, reset: bool = False) -> dict[str, Any]:
        """The counters since the last reset, and the questions that had no recorded answer."""
        with urllib.request.urlopen(f"{self.control}/-/stats") as response:
            stats: dict[str, Any] = json.loads(response.read())
        if reset:
            urllib.request.urlopen(f"{self.control}/-/reset").close()
        return stats

    def fetch_log(self) -> list[str]:
        """The requests since the last reset, a line each: method, path, and range if it has one."""
        with urllib.request.urlopen(f"{self.control}/-/log") as response:
            log: list[str] = json.loads(response.read())["log"]
        return log


@contextlib.contextmanager
def running_index(
    store: Path,
    *,
    record: bool = False,
    latency_ms: float = 0.0,
    max_age_s: int = PAGE_MAX_AGE_S,
    upstream: str | None = None,
    base: str | None = None,
) -> Iterator[RunningIndex]:
    """A replay index for the length of the block; `base` is the address of a front, if clients go through one."""
    command = [sys.executable, "-m", "benchmarks.replay_index", "record" if record else "serve", str(store)]
    command += ["--latency-ms", str(latency_ms), "--max-age-s", str(max_age_s)]
    command += ["--upstream", upstream] if upstream else []
    command += ["--base", base] if base else []
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # `PIPE` was asked for.
        try:
            address = process.stdout.readline().strip().removesuffix("/simple/")
            yield RunningIndex(base=base or address, control=address)
        finally:
            process.terminate()


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="replay_index", description=__doc__.split("\n")[0])
    parser.add_argument("mode", choices=["record", "serve"])
    parser.add_argument("store", type=Path, help="folder of recorded answers, outside the repository")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="wait before each answer")
    parser.add_argument("--max-age-s", type=int, default=PAGE_MAX_AGE_S, help="how long a page is fresh; 0 for never")
    parser.add_argument("--base", default="", help="address of a front through which clients come")
    parser.add_argument("--upstream", help="simple API that was or is recorded; default: pip's built-in one")
    options = parser.parse_args(arguments)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(options))
    return 0


async def _run(options: argparse.Namespace) -> None:
    upstream = options.upstream or default_index_url().public
    async with contextlib.AsyncExitStack() as stack:
        ask = None
        if options.mode == "record":
            ask = _build_ask(await stack.enter_async_context(httpx.AsyncClient(timeout=60.0)))
        index = ReplayIndex(
            Store(options.store),
            upstream=upstream,
            ask=ask,
            latency_s=options.latency_ms / 1000,
            max_age_s=options.max_age_s,
            base=options.base,
        )
        server = await index.serve(port=options.port)
        print(f"{index.address}/simple/", flush=True)
        # Nothing here forms cycles, and a collection in the middle of a measured run would be charged to its client.
        gc.disable()
        await server.serve_forever()


def _build_ask(client: httpx.AsyncClient) -> Ask:
    """A function that asks the real index, at most eight at a time, again after a refusal or a dropped connection."""
    gate = asyncio.Semaphore(8)

    async def ask(question: Question) -> Answer:
        async with gate:
            for attempt in range(FETCH_ATTEMPTS):
                try:
                    return await _fetch(client, question)
                except (httpx.TransportError, httpx.HTTPStatusError):
                    if attempt + 1 == FETCH_ATTEMPTS:
                        raise
                    await asyncio.sleep(2.0**attempt)
        raise AssertionError("the last attempt either returns or raises")

    return ask


async def _fetch(client: httpx.AsyncClient, question: Question) -> Answer:
    answer = await _fetch_as_is(client, question)
    if answer.status == 404 and question.method == "GET" and question.url.endswith(".whl.metadata"):
        return await _extract_metadata(client, question.url.removesuffix(".metadata"))
    return answer


async def _extract_metadata(client: httpx.AsyncClient, wheel_url: str) -> Answer:
    """What the index would offer as PEP 658 metadata, read out of the wheel: some indexes and mirrors offer none."""
    head = await _fetch_as_is(client, Question(method="HEAD", url=wheel_url))
    if head.status != 200:
        return head

    async def read_range(start: int, end: int) -> bytes:
        byte_range = f"bytes={start}-{end - 1}"
        return (await _fetch_as_is(client, Question(method="GET", url=wheel_url, byte_range=byte_range))).body

    body = await read_metadata(int(head.headers["content-length"]), read_range)
    return Answer(status=200, headers={"content-type": "application/octet-stream"}, body=body)


async def _fetch_as_is(client: httpx.AsyncClient, question: Question) -> Answer:
    headers = {"Accept": JSON_TYPE} if question.url.endswith("/") else {"Accept-Encoding": "identity"}
    if question.byte_range:
        headers["Range"] = question.byte_range
    response = await client.request(question.method, question.url, headers=headers, follow_redirects=True)
    if response.status_code not in (200, 206, 404, 410, 416):
        response.raise_for_status()
    kept = {name: value for name in KEPT_HEADERS if (value := response.headers.get(name))}
    if question.method == "GET":
        kept.pop("content-length", None)
    return Answer(status=response.status_code, headers=kept, body=response.content)


if __name__ == "__main__":
    sys.exit(main())
