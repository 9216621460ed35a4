"""The expiry of a signed URL, as its query states it, for all forms of signature in `resolver.requirements.url`.

In: a `Url`, or the text of the complete one. Out: `Expiry`, or None. Pure: callers compare it with their own clock.
It is a module of its own because few runs have a signed URL to import it for.
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

__all__ = ["Expiry", "find_expiry"]

# A time as AWS and Google write it (ISO 8601, basic format).
_BASIC_TIME = re.compile(r"(\d{8}T\d{6})Z")
# More digits are no time, and would be slow to convert.
_DIGITS = re.compile(r"\d{1,12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """When a signature expires.

    `at` is in UTC. `is_temporary` is true if temporary credentials made the signature, which may expire before it.
    """

    at: datetime
    is_temporary: bool = False


def find_expiry(url: Url) -> Expiry | None:
    """When the signature of a URL expires; None for a URL without a signature, or one that does not expire."""
    return None if url.secret is None else _parse_expiry(url.secret.open_for_transport())


def _parse_expiry(complete: str) -> Expiry | None:
    """When the signature in the query of a complete URL expires; None if no expiry can be read from it.

    AWS version 4 and Google version 4 have a date and a duration. Version 2 of both and CloudFront have a Unix time, in
    CloudFront also inside a policy. Azure has the time itself, and that of the key that signed. The earliest counts.
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
    """The date plus the duration of a version 4 signature; `prefix` is that of its parameters."""
    start = _BASIC_TIME.fullmatch(query.get(f"{prefix}date", ""))
    length = query.get(f"{prefix}expires", "")
    if start is None or not _DIGITS.fullmatch(length):
        return None
    try:
        return datetime.strptime(start[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) + timedelta(seconds=int(length))
    except (ValueError, OverflowError):
        return None


def _find_fixed_ends(query: Mapping[str, str]) -> tuple[datetime | None, ...]:
    """The times that a query of Azure, CloudFront or a version 2 signature states; None for invalid ones."""
    if "sig" in query:
        return _parse_time(query.get("se", "")), _parse_time(query.get("ske", ""))
    if not {"awsaccesskeyid", "googleaccessid", "key-pair-id"} & query.keys():
        return ()
    return _parse_unix_time(query.get("expires", "")), _find_policy_end(query.get("policy", ""))


def _parse_unix_time(text: str) -> datetime | None:
    """The instant of a Unix time in seconds; None for a text that is none, or is out of range."""
    if not _DIGITS.fullmatch(text):
        return None
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _parse_time(text: str) -> datetime | None:
    """An instant of ISO 8601 as Azure writes it, with or without seconds, or a day; always UTC. None if invalid."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant


def _find_policy_end(policy: str) -> datetime | None:
    """The expiry inside a CloudFront policy, which is JSON in base64 with `-_~` for `+=/`; None if it has none."""
    try:
        document = json.loads(base64.b64decode(policy.translate(str.maketrans("-_~", "+=/")), validate=True))
        return _parse_unix_time(str(document["Statement"][0]["Condition"]["DateLessThan"]["AWS:EpochTime"]))
    except (ValueError, TypeError, LookupError, binascii.Error, RecursionError):
        return None
