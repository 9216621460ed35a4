"""Until when a signed URL can be used, as its own query says: for every form of signature that is known.

In: the complete URL. Out: an instant, the name of the form, and whether the key itself may end sooner. Pure.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from lockfiles._values import dataclass
from resolver.requirements.url import Url

__all__ = ["Expiry", "find_expiry", "parse_expiry"]

_BASIC_TIME = re.compile(r"(\d{8}T\d{6})Z")
_DIGITS = re.compile(r"\d{1,12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """When a signature ends. `is_temporary`: it was made with temporary credentials, which may end before it."""

    at: datetime
    is_temporary: bool = False


def find_expiry(url: Url) -> Expiry | None:
    """When the signature of a URL ends; None for one without, or without an end."""
    return None if url.secret is None else parse_expiry(url.secret.open_for_transport())


def parse_expiry(complete: str) -> Expiry | None:
    """When the signature in the query of a complete URL ends; None where it has none that can be read.

    AWS version 4 and Google version 4 have a date and a duration, version 2 of both and CloudFront a Unix time (the
    latter also inside a policy), Azure the end itself, and the end of the key that signed.
    """
    try:
        pairs = parse_qsl(urlsplit(complete).query, keep_blank_values=True)
    except ValueError:
        return None
    query = {name.lower(): value for name, value in pairs}
    ends = (_find_span_end(query, "x-amz-"), _find_span_end(query, "x-goog-"), *_find_fixed_ends(query))
    known = [end for end in ends if end is not None]
    is_temporary = any(name in query for name in ("x-amz-security-token", "skoid"))
    return Expiry(at=min(known), is_temporary=is_temporary) if known else None


def _find_span_end(query: Mapping[str, str], prefix: str) -> datetime | None:
    start = _BASIC_TIME.fullmatch(query.get(f"{prefix}date", ""))
    length = query.get(f"{prefix}expires", "")
    if start is None or not _DIGITS.fullmatch(length):
        return None
    try:
        return datetime.strptime(start[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) + timedelta(seconds=int(length))
    except (ValueError, OverflowError):
        return None


def _find_fixed_ends(query: Mapping[str, str]) -> tuple[datetime | None, ...]:
    if "sig" in query:
        return _parse_time(query.get("se", "")), _parse_time(query.get("ske", ""))
    if not {"awsaccesskeyid", "googleaccessid", "key-pair-id"} & query.keys():
        return ()
    return _parse_unix_time(query.get("expires", "")), _find_policy_end(query.get("policy", ""))


def _parse_unix_time(text: str) -> datetime | None:
    if not _DIGITS.fullmatch(text):
        return None
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _parse_time(text: str) -> datetime | None:
    """An instant of ISO 8601 as Azure has it: with seconds, without, or a day alone; always UTC."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant


def _find_policy_end(policy: str) -> datetime | None:
    """The end inside a CloudFront policy: base64 with `-_~` for `+=/`, in it JSON."""
    try:
        document = json.loads(base64.b64decode(policy.translate(str.maketrans("-_~", "+=/")), validate=True))
        return _parse_unix_time(str(document["Statement"][0]["Condition"]["DateLessThan"]["AWS:EpochTime"]))
    except (ValueError, TypeError, LookupError, binascii.Error, RecursionError):
        return None
