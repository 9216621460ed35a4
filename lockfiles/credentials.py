"""What a URL in a lockfile must not hold: user information and signatures, recognised by their form.

In: any text of the document. Out: the name of the part that is secret, never its value.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

__all__ = ["find_secret_part"]

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^\s/?#\"'<>]*)([^\s#\"'<>]*)(#[^\s\"'<>]*)?", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")

_SECRET_PARAMETERS = frozenset(
    {
        # AWS Signature Version 4 and Version 2; CloudFront signs with `signature` as well.
        "x-amz-signature", "x-amz-credential", "x-amz-security-token", "signature", "awsaccesskeyid",
        # Google Cloud Storage V4 and V2.
        "x-goog-signature", "x-goog-credential", "x-goog-security-token", "googleaccessid",
        # CloudFront's key and policy; Azure's shared access signature.
        "key-pair-id", "policy", "sig",
        # Tokens as package hosts and forges take them.
        "token", "access_token", "private_token", "job_token", "auth_token", "api_key", "apikey", "auth",
        "authorization", "password", "passwd", "secret", "client_secret", "jwt", "x-access-token",
    }
)  # fmt: skip


def find_secret_part(text: str) -> str | None:
    """The secret part of the first URL in `text` that has one, by name; None if no URL in it holds a secret.

    `${VAR}` is no secret, and neither is a user name without password before an SSH host.
    """
    if "://" not in text:
        return None
    for match in _URL.finditer(text):
        scheme, authority, rest, fragment = match.group(1).lower(), match.group(2), match.group(3), match.group(4) or ""
        user_information, at, _ = authority.rpartition("@")
        if at and not _is_public_user(scheme, user_information):
            return "user information"
        name = _find_secret_parameter(rest.partition("?")[2]) or _find_secret_parameter(fragment[1:])
        if name is not None:
            return f"query parameter `{name}`"
    return None


def _is_public_user(scheme: str, user_information: str) -> bool:
    user, _, password = user_information.partition(":")
    if _VARIABLE.sub("", password):
        return False
    return scheme.endswith("ssh") or not _VARIABLE.sub("", user)


def _find_secret_parameter(query: str) -> str | None:
    """The first parameter of a query that authorises, with a value that is more than variables."""
    for parameter in re.split("[&;]", query):
        key, _, value = parameter.partition("=")
        name = unquote_plus(key).lower()
        if name in _SECRET_PARAMETERS and _VARIABLE.sub("", value):
            return name
    return None
