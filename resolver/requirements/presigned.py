"""The expiry of a signed URL, as its query states it, for all forms of signature in `resolver.requirements.url`.

In: a `Url`, or the text of the complete one. Out: `Expiry`, or None. Pure: callers compare it with their own clock.
It is a module of its own because few runs have a signed URL to import it for.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from lockfiles._values import compile_later, dataclass
from resolver.requirements.url import Url

__all__ = ["Expiry", "find_expiry"]

# A time as AWS and Google write it (ISO 8601, basic format).
_BASIC_TIME = compile_later(r"(\d{8}T\d{6})Z")
# More digits are no time, and would be slow to convert.
_DIGITS = compile_later(r"\d{1,12}")
# A Unix time of any signature that is in use. A number with fewer digits may be a duration.
_LATE_TIME = compile_later(r"\d{9,12}")
# Parameters whose value may be a JSON web token.
_WEB_TOKEN_PARAMETERS = frozenset(
    {"access_token", "auth", "auth_token", "authorization", "download_token", "id_token", "jwt", "key", "token"}
)
# A Unix time beside one of the others is the end of that signature or token.
_UNIX_TIMES = ("expires", "exp", "expire", "expires_at", "expiry", "e", "se")
_SIGNED_PARAMETERS = _WEB_TOKEN_PARAMETERS | {
    *("accesskeyid", "awsaccesskeyid", "googleaccessid", "key-pair-id", "ossaccesskeyid"),
    *("sig", "sign", "signature", "st", "verify"),
}
_TEMPORARY_PARAMETERS = frozenset(
    {"security-token", "skoid", "x-amz-security-token", "x-cos-security-token", "x-oss-security-token"}
    | {"x-obs-security-token"}
)


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

    AWS, Google and Alibaba version 4 have a date and a duration; Tencent has a span of Unix times, and that of the key
    that signed; Akamai has `exp=` inside its token. Version 2 of AWS and Google, Alibaba version 1, Huawei and
    CloudFront have a Unix time, in CloudFront also inside a policy. Azure has the time itself, and that of its key. A
    JSON web token has `exp`, and other tokens have a Unix time beside them. Cloudflare states only when it signed. The
    earliest counts.
    """
    try:
        pairs = parse_qsl(urlsplit(complete).query, keep_blank_values=True)
    except ValueError:
        return None
    query = {name.lower(): value for name, value in pairs}
    ends = (
        *(_find_span_end(query, prefix) for prefix in ("x-amz-", "x-goog-", "x-oss-")),
        *(_parse_unix_time(query.get(name, "").partition(";")[2]) for name in ("q-sign-time", "q-key-time")),
        *(_find_akamai_end(value) for value in query.values() if "~hmac=" in value),
        *(_find_claimed_end(query[name]) for name in sorted(query.keys() & _WEB_TOKEN_PARAMETERS)),
        *_find_fixed_ends(query),
    )
    known = [end for end in ends if end is not None]
    is_temporary = not _TEMPORARY_PARAMETERS.isdisjoint(query)
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
    """The times in parameters of their own, and the end of CloudFront's policy; None for invalid ones.

    A Unix time counts beside a signature or a token only: the secret of the URL may be a login.
    """
    unix_times = [query.get(name, "") for name in _UNIX_TIMES] if _SIGNED_PARAMETERS & query.keys() else []
    policy = query.get("policy", "") if "key-pair-id" in query else ""
    return (
        None if _DIGITS.fullmatch(query.get("se", "")) else _parse_time(query.get("se", "")),
        _parse_time(query.get("ske", "")) if "sig" in query else None,
        *(_parse_unix_time(text) for text in unix_times if _LATE_TIME.fullmatch(text)),
        _find_policy_end(policy),
    )


def _find_akamai_end(token: str) -> datetime | None:
    """The end inside a token of Akamai, `st=1700000000~exp=1700003600~acl=/*~hmac=…`; None if it has none."""
    fields = dict(field.partition("=")[::2] for field in token.split("~"))
    return _parse_unix_time(fields.get("exp", ""))


def _find_claimed_end(token: str) -> datetime | None:
    """The `exp` of a JSON web token (RFC 7519, not verified); None for any other text."""
    pieces = token.split(".")
    if len(pieces) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(pieces[1] + "=" * (-len(pieces[1]) % 4)))
        return _parse_unix_time(str(int(claims["exp"])))
    except (ValueError, TypeError, LookupError, OverflowError, binascii.Error, RecursionError):
        return None


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
