"""A URL with its secret apart: split the moment it is parsed, so that nothing downstream can leak it.

In: URL text as a list or setting holds it. Out: `Url`, whose every rendering is its public part. Credentials and
signatures are recognised by form; only the transport in `resolver.fetch` opens a `Secret`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from urllib.parse import unquote

from lockfiles.value_classes import dataclass
from resolver.requirements.variables import VARIABLE, expand_variables

__all__ = ["Secret", "Url", "parse_url", "redact"]

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.DOTALL,
)
_QUOTED_URL = re.compile(
    r"(?P<url>[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s'\"`]*)|(?P<user_information>[^\s/@'\"`]{0,300}:[^\s/@'\"`]{0,300}@)"
)
_HARMLESS_FRAGMENT = re.compile(r"(?:(?:egg|subdirectory|sha\d+|md5)=[\w.\[\],/+-]*(?:&|$))+")
# `user:password@host/…`, a URL whose scheme was forgotten.
_NO_SCHEME = re.compile(r"[^\s/@]*:[^\s/@]*@(?P<rest>.*)", re.DOTALL)

_TOKEN_PARAMETERS = frozenset(
    {"access_key", "access_token", "api_key", "apikey", "auth", "auth_token", "authorization", "client_secret"}
    | {"job_token", "passwd", "password", "private_token", "secret", "sig", "signature", "token"}
)
_AZURE_PARAMETERS = frozenset(
    {"saoid", "scid", "sdd", "se", "si", "sip", "ske", "skoid", "sks", "skt", "sktid", "skv", "sp", "spr"}
    | {"sr", "srt", "ss", "st", "suoid", "sv"}
)
# AWS signature version 4 (and the session token of version 2), and Google Cloud Storage version 4.
_SIGNATURE_PREFIXES = ("x-amz-", "x-goog-")
# A parameter of the set is part of a signature where the query has the mark as well: AWS version 2, Google Cloud
# Storage version 2, CloudFront, Azure shared access signatures.
_SIGNATURE_FAMILIES = (
    ("awsaccesskeyid", frozenset({"awsaccesskeyid", "expires"})),
    ("googleaccessid", frozenset({"googleaccessid", "expires"})),
    ("key-pair-id", frozenset({"key-pair-id", "policy", "expires", "hash-algorithm"})),
    ("sig", _AZURE_PARAMETERS),
)


class Secret:
    """Text that no `repr`, `str`, `pickle` or log shows. `open_for_transport()` is the only way to its value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def open_for_transport(self) -> str:
        """The secret text; for the transport alone."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        raise TypeError("a secret cannot be pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """A URL: `public` is safe to print, store and compare.

    `secret`, if there is one, holds the complete URL with its user information, signature and variables in place: the
    transport asks for that and shows `public`.
    """

    public: str
    secret: Secret | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.public


def parse_url(text: str, *, variables: Mapping[str, str] | None = None) -> Url:
    """The URL (or path) with its secrets apart. Total: any text gives a `Url`.

    Variables are expanded part by part. One that may stand for a credential (in user information, path or query of
    anything but a file on disk) stays as `${VAR}` in `public`; when any such variable is unset there is no `secret`,
    and the text says which variable is needed. One at the very beginning holds the URL itself, or its beginning. A
    fragment is dropped: direct references read it first.
    """
    known = variables or {}
    match = _URL.fullmatch(text.strip())
    if match is None:
        return _parse_without_scheme(text.strip(), known)
    scheme = match["scheme"].lower()
    user_information, at, host = match["authority"].rpartition("@")
    public_user, open_user = _split_user_information(user_information, at, keeps_user="ssh" in scheme)
    public_query, open_query = _split_query(match["query"])
    host, path = _lower(expand_variables(host, known)), match["path"]
    # Nobody but the disk is told a path on disk.
    public_path = expand_variables(path, known) if scheme.endswith("file") else path
    public = f"{scheme}://{public_user}{host}{public_path}{public_query}"
    complete = expand_variables(f"{scheme}://{open_user}{host}{path}{open_query}", known)
    # A variable may itself hold user information or a signature.
    public = parse_url(public).public if known else public
    if complete == public or VARIABLE.search(complete):
        return Url(public=public)
    return Url(public=public, secret=Secret(complete))


def redact(text: str) -> str:
    """The text with every URL in it replaced by its public part: for messages that quote what the user wrote."""
    return _QUOTED_URL.sub(lambda match: _redact_url(match["url"]) if match["url"] else "…@", text)


def _redact_url(text: str) -> str:
    base, _, fragment = text.partition("#")
    return parse_url(base).public + (f"#{fragment}" if _HARMLESS_FRAGMENT.fullmatch(fragment) else "")


def _parse_without_scheme(text: str, variables: Mapping[str, str]) -> Url:
    """A path, a URL that a variable holds, or one whose scheme was forgotten."""
    first = VARIABLE.match(text)
    if first is not None and "://" in variables.get(first[1], ""):
        # The beginning of a URL, behind which others are those of its path.
        others = {name: value for name, value in variables.items() if name != first[1]}
        return parse_url(f"{variables[first[1]]}{text[first.end() :]}", variables=others)
    expanded = expand_variables(text, variables)
    if expanded != text:
        return parse_url(expanded)
    match = _NO_SCHEME.fullmatch(text)
    public = parse_url(match["rest"]).public if match else redact(text)
    return Url(public=public, secret=Secret(text) if public != text else None)


def _lower(host: str) -> str:
    """The host in lower case; unset variables stay as they are."""
    return re.sub(r"\$\{[A-Z0-9_]+\}|.", lambda match: match[0] if len(match[0]) > 1 else match[0].lower(), host)


def _split_user_information(text: str, at: str, *, keeps_user: bool) -> tuple[str, str]:
    """Public and complete user information, each with its `@`. The user of an SSH URL is a login name, no secret."""
    user, colon, password = text.partition(":")
    shown_user = user if keeps_user or VARIABLE.fullmatch(user) else ""
    shown = shown_user + (f":{password}" if VARIABLE.fullmatch(password) else "")
    return (f"{shown}@" if shown else ""), f"{user}{colon}{password}{at}"


def _split_query(query: str | None) -> tuple[str, str]:
    """Public and complete query, each with its `?`: signatures and tokens are left out, variables kept."""
    if query is None:
        return "", ""
    parts = re.split("[&;]", query)
    names = {unquote(part.partition("=")[0]).lower() for part in parts}
    kept = []
    for part in parts:
        name, _, value = part.partition("=")
        if not _is_secret_parameter(unquote(name).lower(), names) or VARIABLE.fullmatch(value):
            kept.append(part)
    public = "&".join(kept) if len(kept) < len(parts) else query
    return (f"?{public}" if public else ""), f"?{query}"


def _is_secret_parameter(name: str, names: set[str]) -> bool:
    """Whether a query parameter holds a token, or belongs to a signature that the query carries."""
    if name in _TOKEN_PARAMETERS or name.startswith(_SIGNATURE_PREFIXES):
        return True
    return any(mark in names and name in family for mark, family in _SIGNATURE_FAMILIES)
