"""Responses as values: bodies that are read into a file, freshness, validators and delays."""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import InputError
from resolver.fetch.http.freshness import (
    find_fresh_until,
    find_renewed_freshness,
    find_validator,
    forbids_storing,
    is_packed_beyond,
    normalize_caching_headers,
)
from resolver.fetch.http.responses import find_delay_s, hash_chunks
from resolver.index.package_source import PageEvidence


def test_body_is_written_whole_and_hashed(tmp_path: Path) -> None:
    chunks = [b"a" * 100_000, b"", b"b" * 3]
    with (tmp_path / "file").open("wb", buffering=0) as file:
        download = hash_chunks(chunks, into=file)

    assert (tmp_path / "file").read_bytes() == b"".join(chunks)
    assert (download.sha256, download.size_bytes) == (hashlib.sha256(b"".join(chunks)).hexdigest(), 100_003)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_full_disk_is_an_input_error() -> None:
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(InputError) as caught:
        hash_chunks([b"a"], into=file)

    assert str(caught.value) == (
        "`/dev/full` cannot be written: no space left on device\n  try: set `TMPDIR` to a folder with more space"
    )


NOW = 784_111_777.0
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
MINUTE_BEFORE = "Sun, 06 Nov 1994 08:48:37 GMT"


def read_date(text: str) -> float:
    """An HTTP date in seconds since 1970, as the lifetime of a response made at that instant; 0 for any other text."""
    return find_fresh_until({"expires": text}, now=0.0)


@pytest.mark.parametrize(
    ("headers", "fresh_for_s"),
    [
        ({"cache-control": "max-age=600", "date": DATE}, 600),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": "public, Max-Age=600, immutable", "date": MINUTE_BEFORE}, 540),
        ({"cache-control": 'max-age="600"'}, 600),
        ({"cache-control": "max-age=600", "date": "Sun, 06 Nov 1994 09:49:37 GMT"}, 600),
        ({"expires": DATE, "date": MINUTE_BEFORE}, 0),
        ({"cache-control": "max-age=600", "expires": MINUTE_BEFORE}, 600),
    ],
)
def test_response_is_fresh_for_the_lifetime_that_the_server_sends(headers: dict[str, str], fresh_for_s: float) -> None:
    assert find_fresh_until(headers, now=NOW) == NOW + fresh_for_s


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"last-modified": "Sun, 06 Nov 1988 08:49:37 GMT"},
        {"cache-control": "no-cache"},
        {"cache-control": "no-store, max-age=600"},
        {"cache-control": "no-cache, max-age=600"},
        {"cache-control": "max-age=soon"},
        {"cache-control": "max-age=0"},
        {"expires": "0"},
        {"expires": MINUTE_BEFORE, "date": DATE},
    ],
)
def test_response_without_a_lifetime_is_never_fresh(headers: dict[str, str]) -> None:
    assert find_fresh_until(headers, now=NOW) == 0.0


def test_validator_is_empty_without_etag_and_last_modified() -> None:
    assert find_validator({"content-length": "12"}) == ""


def test_validator_differs_with_each_of_its_headers() -> None:
    answers = [
        {"etag": '"a"'},
        {"etag": '"b"'},
        {"last-modified": DATE},
        {"last-modified": MINUTE_BEFORE},
        {"last-modified": DATE, "content-length": "12"},
        {"etag": '"a"', "last-modified": DATE},
    ]
    assert len({find_validator(headers) for headers in answers}) == len(answers)


@pytest.mark.parametrize(
    "text", ["", "0", "yesterday", "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT"]
)
def test_text_that_is_no_date_is_never_fresh(text: str) -> None:
    assert read_date(text) == 0.0


def test_date_is_in_seconds_since_1970() -> None:
    assert read_date(DATE) == NOW


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC)))
def test_date_of_the_standard_form_is_read_as_the_standard_library_does(moment: datetime) -> None:
    text = format_datetime(moment, usegmt=True)
    assert read_date(text) == parsedate_to_datetime(text).timestamp()


@pytest.mark.parametrize("text", ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 6 Nov 1994 09:49:37 +0100"])
def test_date_of_another_form_is_read(text: str) -> None:
    assert read_date(text) == NOW


@pytest.mark.parametrize(
    ("headers", "settled"),
    [
        ({}, {"cache-control": "no-store"}),
        ({"etag": '"a"'}, {"etag": '"a"', "cache-control": "no-cache"}),
        ({"expires": DATE}, {"expires": DATE}),
        (
            {"cache-control": "max-age=600", "age": "60", "date": DATE},
            {"cache-control": "max-age=600", "age": "60", "date": MINUTE_BEFORE},
        ),
        (
            {"cache-control": "max-age=600", "age": "60"},
            {"cache-control": "max-age=600", "age": "60", "date": MINUTE_BEFORE},
        ),
        (
            {"cache-control": "max-age=600", "age": "6", "date": MINUTE_BEFORE},
            {"cache-control": "max-age=600", "age": "6", "date": MINUTE_BEFORE},
        ),
        ({"cache-control": "no-cache", "age": "9" * 99}, {"cache-control": "no-cache", "age": "9" * 99}),
    ],
)
def test_headers_say_how_old_an_answer_is_and_whether_to_keep_it(
    headers: dict[str, str], settled: dict[str, str]
) -> None:
    normalize_caching_headers(headers, status=200, now=NOW)
    assert headers == settled


def test_headers_of_a_304_stay_without_a_lifetime() -> None:
    headers: dict[str, str] = {}
    normalize_caching_headers(headers, status=304, now=NOW)
    assert headers == {}


def test_no_store_forbids_storing() -> None:
    assert forbids_storing({"cache-control": "private, No-Store"})
    assert not forbids_storing({"cache-control": "no-cache"})
    assert not forbids_storing({})


@pytest.mark.parametrize(
    ("retry_after", "delay_s"),
    [
        (None, 1.0),
        ("3", 3.0),
        ("0", 0.0),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        ("Sun, 06 Nov 1994 08:49:07 GMT", 0.0),
        ("Sun, 06 Nov 1995 08:49:37 GMT", 31_536_000.0),
        ("soon", 1.0),
        ("-5", 1.0),
    ],
)
def test_delay_follows_retry_after_and_else_the_attempt(retry_after: str | None, delay_s: float) -> None:
    assert find_delay_s(2, retry_after=retry_after, now=NOW) == delay_s


def test_response_that_varies_by_anything_is_not_stored() -> None:
    headers = {"cache-control": "max-age=600", "vary": "*", "etag": '"1"'}
    normalize_caching_headers(headers, status=200, now=0.0)
    assert forbids_storing(headers)
    assert find_fresh_until(headers, now=0.0) == 0.0


def test_packed_body_beyond_a_limit_is_told_from_a_broken_one() -> None:
    packed = gzip.compress(bytes(100))
    assert [is_packed_beyond(packed, limit_bytes=limit) for limit in (99, 100)] == [True, False]
    assert not is_packed_beyond(packed[:5] + b"x" + packed[5:], limit_bytes=99)
    assert not is_packed_beyond(b"no gzip", limit_bytes=0)


HASHED = f"sha256:{hashlib.sha256(b'body').hexdigest()}"
ETAGGED = {"etag": '"1"', "cache-control": "max-age=600"}


@pytest.mark.parametrize(
    ("validator", "status", "headers", "body", "lifetime_s"),
    [
        ('"1"\n\n5', 304, ETAGGED, None, 600.0),
        ('"1"\n\n5', 304, {"etag": '"1"'}, None, 0.0),
        ('"1"\n\n5', 304, {**ETAGGED, "age": "100"}, None, 500.0),
        ('"1"\n\n5', 304, {**ETAGGED, "cache-control": "max-age=99999999"}, None, 86_400.0),
        ('"1"\n\n5', 304, {**ETAGGED, "etag": '"2"'}, None, None),
        ('"1"\n\n5', 200, {**ETAGGED, "content-length": "5"}, None, 600.0),
        ('"1"\n\n5', 200, {**ETAGGED, "content-length": "6"}, None, None),
        ('"1"\n\n5', 404, {}, None, None),
        (HASHED, 200, {}, b"body", 0.0),
        (
            f"sha256:{hashlib.sha256(b'body').hexdigest()}",
            200,
            {"content-encoding": "gzip"},
            gzip.compress(b"body", mtime=0),
            0.0,
        ),
        (HASHED, 200, {}, b"other", None),
        (HASHED, 200, {}, None, None),
        (HASHED, 304, {"cache-control": "max-age=600"}, None, None),
        ("", 404, {}, None, 0.0),
        ("", 410, {}, None, 0.0),
        ("", 304, ETAGGED, None, None),
        ("", 200, ETAGGED, b"body", None),
    ],
)
def test_response_to_a_later_request_tells_whether_a_page_is_unchanged(
    validator: str, status: int, headers: dict[str, str], body: bytes | None, lifetime_s: float | None
) -> None:
    page = PageEvidence(
        url="https://index.example/simple/a/",
        headers=(),
        validator=validator,
        fresh_until=0.0,
        is_absent=not validator,
        credential_id="",
    )
    found = find_renewed_freshness(page, status, headers, body=body, now=1000.0)
    assert found == (lifetime_s and 1000.0 + lifetime_s)
