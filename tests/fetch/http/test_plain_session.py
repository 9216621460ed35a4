"""Responses that wait for the HTTP cache, and how it takes them over."""

from __future__ import annotations

import gzip
import time
from email.utils import formatdate
from pathlib import Path
from typing import Literal

import httpx
import pytest

from resolver.fetch.http.cache import open_cache_transport
from resolver.fetch.http.plain_session import ResponseSpool

URL = "https://index.example/simple/a/"
ETAG = {"etag": '"1"', "cache-control": "max-age=600"}
FILE_NAME = "responses-v1.log"


class Server:
    """Answers 304 to a request with the right ETag and 200 to any other, and counts the requests."""

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
    spool = ResponseSpool(tmp_path)
    assert not spool.knows(URL)
    assert spool.find(URL) is None
    spool.put(URL, {"etag": 'W/"a: b"', "x": ""}, b"\n\n\x00body")
    assert spool.knows(URL)
    assert spool.find(URL) == ({"etag": 'W/"a: b"', "x": ""}, b"\n\n\x00body")
    assert not spool.knows(f"{URL}b")


def test_answers_of_several_processes_are_found(tmp_path: Path) -> None:
    one, other = ResponseSpool(tmp_path), ResponseSpool(tmp_path)
    for number in range(3):
        one.put(f"{URL}{number}", ETAG, b"one" * number)
        other.put(f"{URL}other-{number}", {"x": "y" * 3000}, b"other")
    assert one.find(f"{URL}2") == (ETAG, b"oneone")
    third = ResponseSpool(tmp_path)
    assert [third.find(f"{URL}{number}") for number in range(3)] == [(ETAG, b"one" * number) for number in range(3)]
    assert third.find(f"{URL}other-1") == ({"x": "y" * 3000}, b"other")


def test_last_answer_of_a_url_counts(tmp_path: Path) -> None:
    spool = ResponseSpool(tmp_path)
    spool.put(URL, ETAG, b"old")
    spool.note(URL)
    spool.put(URL, ETAG, b"new")
    assert spool.find(URL) == ResponseSpool(tmp_path).find(URL) == (ETAG, b"new")


def test_answer_with_a_changed_byte_is_none(tmp_path: Path) -> None:
    ResponseSpool(tmp_path).put(URL, ETAG, b"body")
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:-1] + b"Y")
    assert ResponseSpool(tmp_path).find(URL) is None


@pytest.mark.parametrize("damage", ["cut", "more", "other"])
def test_file_that_is_damaged_is_started_anew(tmp_path: Path, damage: str) -> None:
    spool = ResponseSpool(tmp_path)
    spool.put(URL, ETAG, b"one")
    spool.put(f"{URL}two", ETAG, b"two")
    path = tmp_path / FILE_NAME
    data = path.read_bytes()
    path.write_bytes({"cut": data[:-1], "more": data + b"more", "other": b"other" * 10}[damage])
    after = ResponseSpool(tmp_path)
    assert after.find(URL) == (None if damage == "other" else (ETAG, b"one"))
    after.put(f"{URL}three", ETAG, b"three")
    assert ResponseSpool(tmp_path).find(URL) is None
    assert ResponseSpool(tmp_path).find(f"{URL}three") == (ETAG, b"three")


def test_answers_that_were_taken_over_do_not_stay_for_ever(tmp_path: Path) -> None:
    spool, body = ResponseSpool(tmp_path), bytes(1_000_000)
    for number in range(20):
        spool.put(f"{URL}{number}", ETAG, body)
        if number:
            spool.note(f"{URL}{number}")
    after = ResponseSpool(tmp_path)
    assert all(after.knows(f"{URL}{number}") for number in range(20))
    assert after.find(f"{URL}0") == (ETAG, body)
    assert (tmp_path / FILE_NAME).stat().st_size < 1_100_000


def test_folder_that_cannot_be_written_to_is_no_error(tmp_path: Path) -> None:
    spool = ResponseSpool(tmp_path / "none")
    spool.put(URL, ETAG, b"body")
    assert not spool.knows(URL)


def test_cache_answers_with_what_waits_for_it(tmp_path: Path) -> None:
    server = Server()
    ResponseSpool(tmp_path).put(URL, ETAG, b"old")
    assert read(tmp_path, server) == b"old"
    assert read(tmp_path, server) == b"old"
    assert read(tmp_path, server, "offline") == b"old"
    assert server.asked == 0
    assert ResponseSpool(tmp_path).knows(URL)
    assert ResponseSpool(tmp_path).find(URL) is None


def test_cache_answers_offline_with_what_waits_for_it(tmp_path: Path) -> None:
    server = Server()
    ResponseSpool(tmp_path).put(URL, {"etag": '"1"', "cache-control": "no-cache"}, b"old")
    assert read(tmp_path, server, "offline") == b"old"
    assert server.asked == 0


def test_packed_answer_is_unpacked_when_it_is_read(tmp_path: Path) -> None:
    server, packed = Server(), gzip.compress(b"old")
    ResponseSpool(tmp_path).put(URL, {**ETAG, "content-encoding": "gzip", "content-length": str(len(packed))}, packed)
    assert read(tmp_path, server) == read(tmp_path, server) == b"old"
    assert server.asked == 0


def test_cache_revalidates_what_waited_too_long(tmp_path: Path) -> None:
    server = Server()
    ResponseSpool(tmp_path).put(URL, {**ETAG, "date": formatdate(time.time() - 700, usegmt=True)}, b"old")
    assert read(tmp_path, server) == b"old"
    assert server.asked == 1


def test_newer_answer_that_waits_takes_the_place_of_the_one_in_the_cache(tmp_path: Path) -> None:
    server = Server()
    assert read(tmp_path, server) == b"new"
    ResponseSpool(tmp_path).put(URL, ETAG, b"newer")
    assert read(tmp_path, server) == b"newer"
    assert server.asked == 1


def test_refresh_does_not_use_what_waits(tmp_path: Path) -> None:
    server = Server()
    ResponseSpool(tmp_path).put(URL, ETAG, b"old")
    assert read(tmp_path, server, "refresh") == b"new"
    assert read(tmp_path, server) == b"new"
    assert server.asked == 1


def test_url_that_was_requested_through_the_cache_is_known(tmp_path: Path) -> None:
    read(tmp_path, Server())
    assert ResponseSpool(tmp_path).knows(URL)
    assert ResponseSpool(tmp_path).find(URL) is None
