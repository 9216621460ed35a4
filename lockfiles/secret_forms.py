"""Literal secrets in texts, recognised by their form: in URLs, and tokens with the prefix of their issuer.

In: one text of a lock, or a whole file (a list, an app, a lock). Out: the name of the secret part, or `FoundSecret`s by
line; never the secret itself. A lock must not hold any of the URLs; the verb `secrets` searches files for both.

A URL is secret by its user information or by a parameter of its query; `${VAR}` in such a place is no secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_plus

from lockfiles._values import compile_later, dataclass

__all__ = [
    "FoundSecret",
    "find_secret_part",
    "find_secrets",
]

_URL = compile_later(r"([a-z][a-z0-9+.-]{0,30})://([^\s/?#\"'<>]*)([^\s#\"'<>]*)(#[^\s\"'<>]*)?", re.IGNORECASE)
_VARIABLE = compile_later(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")

# AWS signature version 2, Google Cloud Storage version 2, Alibaba Cloud version 1, Huawei and Tencent Cloud name an
# account; CloudFront signs with `signature` and names its key; `sig` is Azure's, `hdn…` and `__token__` are Akamai's,
# `verify` is Cloudflare's; the rest are tokens as package hosts, forges and download servers take them.
_SECRET_PARAMETERS = frozenset(
    {"accesskeyid", "awsaccesskeyid", "googleaccessid", "key-pair-id", "ossaccesskeyid", "q-ak", "sig", "signature"}
    | {"__token__", "hdnea", "hdntl", "hdnts", "verify"}
    | {"access_key", "access_token", "api_key", "apikey", "auth", "auth_key", "auth_token", "authorization"}
    | {"client_secret", "deploy_token", "download_token", "id_token", "job_token", "jwt", "key", "passwd", "password"}
    | {"private_token", "se", "secret", "security-token", "session_token", "sign", "st", "token"}
)
# Cloudflare signs with a parameter that other servers use as a switch: `verify=1700000000-…`, `verify=false`.
_SWITCHES = frozenset({"", "0", "1", "false", "no", "off", "on", "true", "yes"})

# AWS signature version 4, Google Cloud Storage version 4, Alibaba Cloud version 4, Tencent Cloud, Huawei Cloud.
_SECRET_PREFIXES = ("x-amz-", "x-goog-", "x-oss-", "q-sign", "x-cos-", "x-obs-")

# Texts, which `re` compiles when a file is searched: reading a lock needs only the patterns above.
# The length of a scheme is limited: one of any length makes a line of 250,000 letters take minutes.
_LONG_URL = r"[a-z][a-z0-9+.-]{0,30}://[^\s\"'`<>]+"
_PATH = r"(?<=[^/:])/[^?#]*"
_HOST = r"://(?:[^/?#]*@)?([^/?#@\s]*)"

# `{name}` of an f-string, `{{ name }}` and `<name>` of templates, `$NAME` of a shell: the text holds no secret there.
_SEARCHED_PATH = 1000
"""Characters of a path in which the patterns of the user are searched, which may take a third power of that."""
_PLACEHOLDER = r"(?<!\$)\{{1,9}[^{}]*\}{1,9}|<[^<>\s]*>|\$\(?[A-Za-z_]\w*\)?|%\([^()]*\)s"
_NEUTRAL_VARIABLE = "${PLACEHOLDER}"

# The issuers' own documentation gives these beginnings: GitHub "About authentication", GitLab "Token overview",
# Hugging Face "User access tokens", AWS IAM "Identifiers", Google Cloud "API keys", Slack "Token types".
_TOKEN_FORMS = (
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})"),
    ("a GitLab token", r"\bgl(?:pat|dt|cbt|rt|ft)-[\w-]{20,}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("a Google API key", r"\bAIza[\w-]{35}"),
    ("a Slack token", r"\bxox[abeoprs]-[\w-]{20,}"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSecret:
    """One literal secret. `line` counts from 1, `what` names its form, `host` is that of its URL, if it is in one."""

    line: int
    what: str
    host: str | None = None

    def __str__(self) -> str:
        return f"{self.what} in a URL of `{self.host}`" if self.host is not None else self.what


def find_secret_part(text: str) -> str | None:
    """The secret part of the first URL in `text` that has one, by name; None if no URL in it holds a secret.

    `${VAR}` is no secret, nor is a user name without password before an SSH host.
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


def find_secrets(text: str, *, patterns: Sequence[re.Pattern[str]] = ()) -> tuple[FoundSecret, ...]:
    """The literal secrets of a text, in its order. `${VAR}` and placeholders of templates and f-strings are none.

    Each of `patterns` has one group, which matches a token in the path of a URL. A token that occurs twice is reported
    twice. Continued lines (`\\` at the end) are not joined, because a URL does not extend over two lines.
    """
    return tuple(
        found
        for number, line in enumerate(text.splitlines(), 1)
        for found in _iter_line_secrets(line, number, patterns)
    )


def _is_public_user(scheme: str, user_information: str) -> bool:
    """Whether user information holds no secret: variables only, or the login name of an SSH URL."""
    user, _, password = user_information.partition(":")
    if _VARIABLE.sub("", password):
        return False
    return "ssh" in scheme or not _VARIABLE.sub("", user)


def _find_secret_parameter(query: str) -> str | None:
    """The name of the first parameter of a query that authorises the request, unless its value is a variable."""
    for parameter in re.split("[&;]", query):
        key, _, value = parameter.partition("=")
        name = unquote_plus(key).lower()
        if name == "verify" and unquote_plus(value).lower() in _SWITCHES:
            continue
        if (name in _SECRET_PARAMETERS or name.startswith(_SECRET_PREFIXES)) and _VARIABLE.sub("", value):
            return name
    return None


def _iter_line_secrets(line: str, number: int, patterns: Sequence[re.Pattern[str]]) -> Iterator[FoundSecret]:
    """The secrets of one line: first those in its URLs, then tokens outside of the URLs that have one."""
    in_urls: list[tuple[int, int]] = []
    for match in re.finditer(_LONG_URL, line, re.IGNORECASE):
        part = find_secret_part(re.sub(_PLACEHOLDER, _NEUTRAL_VARIABLE, match[0]))
        if part is not None:
            in_urls.append(match.span())
            host = re.search(_HOST, match[0])
            yield FoundSecret(line=number, what=part, host=host[1] if host else "")
        yield from _iter_path_tokens(match[0], number, patterns)
    for what, pattern in _TOKEN_FORMS:
        for match in re.finditer(pattern, line):
            if not any(start <= match.start() < stop for start, stop in in_urls):
                yield FoundSecret(line=number, what=what)


def _iter_path_tokens(url: str, number: int, patterns: Sequence[re.Pattern[str]]) -> Iterator[FoundSecret]:
    """The tokens that the user's patterns find in the path of a URL, without placeholders."""
    host, path = re.search(_HOST, url), re.search(_PATH, url)
    for pattern in patterns if path else ():
        for match in pattern.finditer(path[0][:_SEARCHED_PATH] if path else ""):
            if match[1] and not re.search(_PLACEHOLDER, match[1]) and "${" not in match[1]:
                yield FoundSecret(line=number, what="a token in the path", host=host[1] if host else "")
