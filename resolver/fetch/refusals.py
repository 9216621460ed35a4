"""What a host writes about a signature that it refuses, in our words."""

from __future__ import annotations

from resolver.fetch.lean_httpx import httpx

__all__ = ["read_refusal"]

_MOST_BYTES = 4096
_EXPIRED = "its signature has expired"
_REFUSALS = (
    (b"Request has expired", _EXPIRED),
    (b"Request signature expired", _EXPIRED),
    (b"ExpiredToken", "the temporary credentials that it was signed with have expired"),
    (b"Signature not valid in the specified time frame", _EXPIRED),
    (b"SignatureDoesNotMatch", "its signature does not match: the URL was changed or cut after it was signed"),
)
"""What AWS, Google and Azure write, and what it means; CloudFront does not say."""


def read_refusal(response: httpx.Response) -> str:
    """What the body says about a signature; empty where it says nothing, or cannot be read."""
    body = b""
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) >= _MOST_BYTES:
                break
    except (httpx.HTTPError, httpx.StreamError):
        return ""
    return next((told for mark, told in _REFUSALS if mark in body[:_MOST_BYTES]), "")
