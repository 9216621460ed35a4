"""Until when a signed URL can be used, for every form of signature."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.requirements.presigned import Expiry, find_expiry
from resolver.requirements.url import parse_url

END = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
POLICY = {"Statement": [{"Resource": "*", "Condition": {"DateLessThan": {"AWS:EpochTime": int(END.timestamp())}}}]}
ENCODED = base64.b64encode(json.dumps(POLICY).encode()).decode().translate(str.maketrans("+=/", "-_~"))
UNIX = int(END.timestamp())
WEB_TOKEN = "eyJhbGciOiJIUzI1NiJ9." + base64.urlsafe_b64encode(b'{"exp": %d}' % UNIX).decode().rstrip("=") + ".s"


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261122T170000Z&X-Amz-Expires=3600&X-Amz-Signature=s",
        f"AWSAccessKeyId=k&Signature=s&Expires={int(END.timestamp())}",
        "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Date=20261122T170000Z&X-Goog-Expires=3600&X-Goog-Signature=s",
        f"GoogleAccessId=k&Expires={int(END.timestamp())}&Signature=s",
        "sv=2024-01-01&sr=b&sig=s&se=2026-11-22T18%3A00%3A00Z",
        "sv=2024-01-01&sr=b&sig=s&se=2026-11-22T18:00Z",
        "sig=s&se=2026-11-23&ske=2026-11-22T18:00:00Z",
        f"Expires={int(END.timestamp())}&Signature=s&Key-Pair-Id=k",
        f"Policy={ENCODED}&Signature=s&Key-Pair-Id=k",
        "x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-date=20261122T170000Z&x-oss-expires=3600&x-oss-signature=s",
        f"OSSAccessKeyId=k&Expires={UNIX}&Signature=s",
        f"AccessKeyId=k&Expires={UNIX}&Signature=s",
        f"q-sign-algorithm=sha1&q-ak=k&q-sign-time={UNIX - 60};{UNIX}&q-key-time={UNIX - 60};{UNIX + 9}&q-signature=s",
        f"q-sign-algorithm=sha1&q-ak=k&q-sign-time={UNIX - 60}%3B{UNIX}&q-signature=s",
        f"hdnts=exp={UNIX}~acl=/*~hmac=s",
        f"hdnea=st={UNIX - 60}~exp={UNIX}~acl=%2f*~hmac=s",
        f"__token__=ip=1.1.1.1~exp={UNIX}~url=/a~hmac=s",
        f"token=exp={UNIX}~acl=/*~hmac=s",
        f"jwt={WEB_TOKEN}",
        f"token={WEB_TOKEN}",
        f"token=s&expires={UNIX}",
        f"st=s&e={UNIX}",
        f"token=s&st={UNIX - 60}&se={UNIX}",
        "key=s&se=2026-11-22T18:00:00Z",
        f"download_token=s&exp={UNIX}",
    ],
)
def test_end_of_a_signature_is_read_from_its_query(query: str) -> None:
    assert find_expiry(parse_url(f"https://bucket.example/a.whl?{query}")) == Expiry(at=END)


def test_day_alone_ends_at_its_beginning() -> None:
    assert find_expiry(parse_url("https://z.example/a?sig=s&se=2026-11-22")) == Expiry(
        at=datetime(2026, 11, 22, tzinfo=UTC)
    )


@pytest.mark.parametrize("query", ["X-Oss-Security-Token=t&X-Oss-", "x-cos-security-token=t&x-oss-", "x-oss-"])
def test_temporary_credentials_of_other_clouds_are_known(query: str) -> None:
    found = find_expiry(parse_url(f"https://b.example/a?{query}Date=20261122T170000Z&x-oss-expires=3600"))
    assert found == Expiry(at=END, is_temporary="token" in query.lower())


@pytest.mark.parametrize("name", ["X-Amz-Security-Token", "x-amz-security-token"])
def test_signature_of_temporary_credentials_is_known_as_one(name: str) -> None:
    found = find_expiry(parse_url(f"https://b.example/a?X-Amz-Date=20261122T170000Z&X-Amz-Expires=3600&{name}=t"))
    assert found == Expiry(at=END, is_temporary=True)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "Expires=1700000000",
        "X-Amz-Date=20261122T170000Z",
        "X-Amz-Date=20269922T170000Z&X-Amz-Expires=60",
        "X-Amz-Date=20261122T170000Z&X-Amz-Expires=999999999999",
        "AWSAccessKeyId=k&Expires=999999999999",
        "Key-Pair-Id=k&Policy=!!!",
        "Key-Pair-Id=k&Policy=e30_",
        "sig=s&se=tomorrow",
        "token=s&expires=3600",
        "token=s&se=20261122",
        "q-ak=k&q-sign-time=1700000000&q-signature=s",
        "hdnts=acl=/*~hmac=s",
        "hdnts=exp=soon~hmac=s",
        "jwt=a.!!!.c",
        "jwt=a.e30.c",
        "jwt=a.bnVsbA.c",
        "verify=1700000000-s",
    ],
)
def test_signature_without_a_readable_end_has_none(query: str) -> None:
    assert find_expiry(parse_url(f"https://b.example/a?{query}")) is None


@given(st.text() | st.text("X-Amzdatexpirs=&;%0123456789TZ"))
def test_any_query_can_be_looked_at(query: str) -> None:
    found = find_expiry(parse_url(f"https://b.example/a?{query}"))
    assert found is None or found.at.tzinfo is not None
