"""What a URL in a lockfile must not hold: user information and signatures, recognised by their form.

In: any text of the document. Out: the name of the part that is secret, never its value.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

__all__ = ["find_secret_part"]

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^\s/?#\"'<>]*)([^\s#\"'<>]*)(#[^\s\"'<>]*)?", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")

# AWS signature version 2 and Google Cloud Storage version 2 name an account; CloudFront signs with `signature` and
# names its key; `sig` is Azure's; the rest are tokens as package hosts and forges take them.
_SECRET_PARAMETERS = frozenset(
    {"awsaccesskeyid", "googleaccessid", "key-pair-id", "sig", "signature"}
    | {"access_key", "access_token", "api_key", "apikey", "auth", "auth_token", "authorization", "client_secret"}
    | {"job_token", "passwd", "password", "private_token", "secret", "token"}
)
# AWS signature version 4, Google Cloud Storage version 4.
_SECRET_PREFIXES = ("x-amz-", "x-goog-")


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
    return "ssh" in scheme or not _VARIABLE.sub("", user)


def _find_secret_parameter(query: str) -> str | None:
    """The first parameter of a query that authorises, with a value that is more than variables."""
    for parameter in re.split("[&;]", query):
        key, _, value = parameter.partition("=")
        name = unquote_plus(key).lower()
        if (name in _SECRET_PARAMETERS or name.startswith(_SECRET_PREFIXES)) and _VARIABLE.sub("", value):
            return name
    return None
