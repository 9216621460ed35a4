"""Answers that wait for the HTTP cache, and how it takes them over."""

from __future__ import annotations

import gzip
import time
from email.utils import formatdate
from pathlib import Path
from typing import Literal

import httpx
import pytest

from resolver.fetch.answer_spool import AnswerSpool
from resolver.fetch.http_cache import open_cache_transport

URL = "https://index.example/simple/a/"
ETAG = {"etag": '"1"', "cache-control": "max-age=600"}


class Server:
    """Answers 304 to whoever has the answer, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        known = request.headers.get("if-none-match") == '"1"'
        return httpx.Response(304 if known else 200, headers=ETAG, content=b"" if known else b"new")


def read(folder: Path, server: Server, mode: Literal["online", "offline", "refresh"] = "online") -> bytes:
    transport = open_cache_transport(folder, httpx.MockTransport(server), mode=mode)
    body = transport.handle_request(httpx.Request("GET", URL)).read()
    transport.close()
    return body


def test_answer_is_found_as_it_was_put(tmp_path: Path) -> None:
    spool = AnswerSpool(tmp_path)
    assert not spool.knows(URL)
    assert spool.find(URL) is None
    spool.put(URL, {"etag": 'W/"a: b"', "x": ""}, b"\n\n\x00body")
    assert spool.knows(URL)
    assert spool.find(URL) == ({"etag": 'W/"a: b"', "x": ""}, b"\n\n\x00body")
    assert not spool.knows(f"{URL}b")


@pytest.mark.parametrize("damage", [b"", b"pfrespo1\n", b"other"])
def test_damaged_answer_is_none(tmp_path: Path, damage: bytes) -> None:
    spool = AnswerSpool(tmp_path)
    spool.put(URL, ETAG, b"body")
    (file,) = (tmp_path / "responses-v1").iterdir()
    file.write_bytes(damage)
    assert spool.find(URL) is None
    file.write_bytes(b"")
    spool.put(URL, ETAG, b"body")
    file.write_bytes(file.read_bytes()[:-1] + b"Y")
    assert spool.find(URL) is None


def test_cache_answers_with_what_waits_for_it(tmp_path: Path) -> None:
    server = Server()
    AnswerSpool(tmp_path).put(URL, ETAG, b"old")
    assert read(tmp_path, server) == b"old"
    assert read(tmp_path, server) == b"old"
    assert read(tmp_path, server, "offline") == b"old"
    assert server.asked == 0
    assert AnswerSpool(tmp_path).knows(URL)
    assert AnswerSpool(tmp_path).find(URL) is None


def test_cache_answers_offline_with_what_waits_for_it(tmp_path: Path) -> None:
    server = Server()
    AnswerSpool(tmp_path).put(URL, {"etag": '"1"', "cache-control": "no-cache"}, b"old")
    assert read(tmp_path, server, "offline") == b"old"
    assert server.asked == 0


def test_packed_answer_is_unpacked_when_it_is_read(tmp_path: Path) -> None:
    server, packed = Server(), gzip.compress(b"old")
    AnswerSpool(tmp_path).put(URL, {**ETAG, "content-encoding": "gzip", "content-length": str(len(packed))}, packed)
    assert read(tmp_path, server) == read(tmp_path, server) == b"old"
    assert server.asked == 0


def test_cache_revalidates_what_waited_too_long(tmp_path: Path) -> None:
    server = Server()
    AnswerSpool(tmp_path).put(URL, {**ETAG, "date": formatdate(time.time() - 700, usegmt=True)}, b"old")
    assert read(tmp_path, server) == b"old"
    assert server.asked == 1


def test_newer_answer_that_waits_takes_the_place_of_the_one_in_the_cache(tmp_path: Path) -> None:
    server = Server()
    assert read(tmp_path, server) == b"new"
    AnswerSpool(tmp_path).put(URL, ETAG, b"newer")
    assert read(tmp_path, server) == b"newer"
    assert server.asked == 1


def test_refresh_does_not_use_what_waits(tmp_path: Path) -> None:
    server = Server()
    AnswerSpool(tmp_path).put(URL, ETAG, b"old")
    assert read(tmp_path, server, "refresh") == b"new"
    assert read(tmp_path, server) == b"new"
    assert server.asked == 1


def test_url_that_the_cache_was_asked_for_is_known(tmp_path: Path) -> None:
    read(tmp_path, Server())
    assert AnswerSpool(tmp_path).knows(URL)
    assert AnswerSpool(tmp_path).find(URL) is None
