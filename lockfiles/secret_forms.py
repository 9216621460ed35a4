"""What a URL in a lockfile must not hold: user information and signatures, recognised by their form.

In: any text of the document. Out: the name of the part that is secret, never its value.

Literal secrets in the text of a list, an app or a lock: where they stand and what they are, never their value.

In: the text of a file. Out: `FoundSecret`s by line. A URL is judged by its form, as everywhere; a token that stands
outside a URL by the beginning that its issuer gives it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_plus

from lockfiles._values import dataclass

__all__ = [
    "FoundSecret",
    "find_secret_part",
    "find_secrets",
]


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


# A scheme that may be of any length makes a line of 250,000 letters take minutes.
_URL_SECRET_SEARCH = re.compile(r"[a-z][a-z0-9+.-]{0,30}://[^\s\"'`<>]+", re.IGNORECASE)
_PATH = re.compile(r"(?<=[^/:])/[^?#]*")
_HOST = re.compile(r"://(?:[^/?#]*@)?([^/?#@\s]*)")
# `{name}` of an f-string, `{{ name }}` and `<name>` of templates: something will stand there, but not here.
_PLACEHOLDER = re.compile(r"(?<!\$)\{+[^{}]*\}+|<[^<>\s]*>|\$\(?[A-Za-z_]\w*\)?|%\([^()]*\)s")
_STANDS_IN = "${PLACEHOLDER}"
# The issuers' own documentation gives these beginnings: GitHub "About authentication", GitLab "Token overview",
# Hugging Face "User access tokens", AWS IAM "Identifiers", Google Cloud "API keys", Slack "Token types".
_TOKENS = (
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})")),
    ("a GitLab token", re.compile(r"\bgl(?:pat|dt|cbt|rt|ft)-[\w-]{20,}")),
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    ("a Google API key", re.compile(r"\bAIza[\w-]{35}")),
    ("a Slack token", re.compile(r"\bxox[abeoprs]-[\w-]{20,}")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSecret:
    """One literal secret. `line` counts from 1; `what` says its form; `host` is that of its URL, None outside one."""

    line: int
    what: str
    host: str | None = None

    def __str__(self) -> str:
        return f"{self.what} in a URL of `{self.host}`" if self.host is not None else self.what


def find_secrets(text: str, *, patterns: Sequence[re.Pattern[str]] = ()) -> tuple[FoundSecret, ...]:
    """The literal secrets of a text, in its order. `${VAR}` and the placeholders of templates and f-strings are none.

    `patterns` tell tokens in the paths of URLs by their one group. A token that a URL holds twice is told twice.
    A line that is continued (`\\` at its end) is not joined: a URL does not go over two lines.
    """
    return tuple(
        found for number, line in enumerate(text.splitlines(), 1) for found in _iter_line(line, number, patterns)
    )


def _iter_line(line: str, number: int, patterns: Sequence[re.Pattern[str]]) -> Iterator[FoundSecret]:
    in_urls: list[tuple[int, int]] = []
    for match in _URL_SECRET_SEARCH.finditer(line):
        part = find_secret_part(_PLACEHOLDER.sub(_STANDS_IN, match[0]))
        if part is not None:
            in_urls.append(match.span())
            host = _HOST.search(match[0])
            yield FoundSecret(line=number, what=part, host=host[1] if host else "")
        yield from _iter_path_tokens(match[0], number, patterns)
    for what, pattern in _TOKENS:
        for match in pattern.finditer(line):
            if not any(start <= match.start() < stop for start, stop in in_urls):
                yield FoundSecret(line=number, what=what)


def _iter_path_tokens(url: str, number: int, patterns: Sequence[re.Pattern[str]]) -> Iterator[FoundSecret]:
    """What the user's patterns find in the path of a URL, but for placeholders."""
    host, path = _HOST.search(url), _PATH.search(url)
    for pattern in patterns if path else ():
        for match in pattern.finditer(path[0] if path else ""):
            if match[1] and not _PLACEHOLDER.search(match[1]) and "${" not in match[1]:
                yield FoundSecret(line=number, what="a token in the path", host=host[1] if host else "")
