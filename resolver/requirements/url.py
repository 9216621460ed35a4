"""A URL with its secret apart: split the moment it is parsed, so that nothing downstream can leak it.

In: URL text as a list or setting holds it. Out: `Url`, whose every rendering is its public part. Credentials and
signatures are recognised by form; only the transport in `resolver.fetch` opens a `Secret`.

A variable in user information or in a token's place of the query is left out of the public part, so that this is what
can be asked for and locked; `Url.text` has it, as `${VAR}`.

`${VAR}` as pip expands it (pip: Requirements File Format): upper case, digits and `_` in braces, nothing else.

In: text and a mapping that the caller made. Out: text. An unset or empty variable stays as text, as with pip.

Which parts of a query are a token or a signature, by form: names of parameters in, names of forms out.

The forms are those of AWS (signature versions 2 and 4), Google Cloud Storage (2 and 4), Azure (shared access signature)
and CloudFront, and tokens as package hosts and forges take them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from lockfiles._values import dataclass

__all__ = [
    "VARIABLE",
    "QueryParts",
    "Secret",
    "Url",
    "expand_line",
    "expand_variables",
    "find_illegal_character",
    "find_unset",
    "parse_url",
    "redact",
    "split_query",
]


VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_WORD = re.compile(r"\S+")


def expand_variables(text: str, variables: Mapping[str, str]) -> str:
    """The text with every set variable replaced by its value."""
    return VARIABLE.sub(lambda match: variables.get(match[1]) or match[0], text)


def expand_line(line: str, variables: Mapping[str, str]) -> str:
    """A line of a requirement file with its variables expanded, but for those inside URLs.

    A URL is expanded where it is split into its public part and its secret, so that a credential never stands in
    text that a message could show.
    """
    return _WORD.sub(lambda match: match[0] if "://" in match[0] else expand_variables(match[0], variables), line)


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
_SIGNATURE_FAMILIES = (
    ("awsaccesskeyid", frozenset({"awsaccesskeyid", "expires"}), "an AWS signature (version 2)"),
    ("googleaccessid", frozenset({"googleaccessid", "expires"}), "a Google Cloud Storage signature"),
    ("key-pair-id", frozenset({"key-pair-id", "policy", "expires", "hash-algorithm"}), "a CloudFront signature"),
    ("sig", _AZURE_PARAMETERS, "an Azure shared access signature"),
)
"""The mark of a form, the parameters that belong to its signature where the query has the mark, and its name."""
_PREFIX_FORMS = {"x-amz-": "an AWS signature (version 4)", "x-goog-": "a Google Cloud Storage signature"}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryParts:
    """A query as its parts in order. `forms` are the names of what is secret in it, `private` those parts' places."""

    parts: tuple[str, ...]
    private: frozenset[int]
    forms: tuple[str, ...]


def split_query(query: str) -> QueryParts:
    """The parts of a query, and which of them are a token or belong to a signature that it carries."""
    parts = tuple(re.split("[&;]", query))
    names = [unquote(part.partition("=")[0]).lower() for part in parts]
    marks = frozenset(names)
    private = frozenset(place for place, name in enumerate(names) if _is_private(name, marks))
    return QueryParts(parts=parts, private=private, forms=tuple(_iter_forms(names, marks)) if private else ())


def _is_private(name: str, marks: frozenset[str]) -> bool:
    if name in _TOKEN_PARAMETERS or name.startswith(_SIGNATURE_PREFIXES):
        return True
    return any(mark in marks and name in family for mark, family, _ in _SIGNATURE_FAMILIES)


def _iter_forms(names: Iterable[str], marks: frozenset[str]) -> Iterable[str]:
    """The forms, each once; what belongs to a signature is no token of its own."""
    families = [(family | {"signature", mark}, form) for mark, family, form in _SIGNATURE_FAMILIES if mark in marks]
    found = [form for _, form in families]
    for name in names:
        prefix = next((prefix for prefix in _SIGNATURE_PREFIXES if name.startswith(prefix)), None)
        if prefix is not None:
            found.append(_PREFIX_FORMS[prefix])
        elif name in _TOKEN_PARAMETERS and not any(name in members for members, _ in families):
            found.append(f"a token in the query (`{name}`)")
    return dict.fromkeys(found)


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
    """A URL: `public` is safe to print, store and compare, and what is asked for but for its secret.

    - `secret`, if there is one, holds the complete URL with its user information, signature and variables in place:
      the transport asks for that and shows `public`.
    - `written` is `public` with `${VAR}` where the user wrote it for a credential; empty where there is none.
    - `forms` name the secrets that stand in the text itself, none of which is a variable (`a user and password`).
    """

    public: str
    secret: Secret | None = field(default=None, compare=False)
    written: str = ""
    forms: tuple[str, ...] = field(default=(), compare=False)

    @property
    def text(self) -> str:
        """The URL as a list may hold it: its variables in place, its literal secrets left out."""
        return self.written or self.public

    def __str__(self) -> str:
        return self.text


def parse_url(text: str, *, variables: Mapping[str, str] | None = None) -> Url:
    """The URL (or path) with its secrets apart. Total: any text gives a `Url`.

    Variables are expanded part by part. One that may stand for a credential (in user information, path or query of
    anything but a file on disk) is in no public part with its value; when any such variable is unset there is no
    `secret`, and `find_unset` says which variable is needed. One at the very beginning holds the URL itself, or its
    beginning. A fragment is dropped: direct references read it first.
    """
    known = variables or {}
    match = _URL.fullmatch(text.strip())
    if match is None:
        return _parse_without_scheme(text.strip(), known)
    scheme = match["scheme"].lower()
    user_information, at, host = match["authority"].rpartition("@")
    user = _split_user_information(user_information, at, keeps_user="ssh" in scheme)
    query = _split_query(match["query"])
    host, path = _lower(expand_variables(host, known)), match["path"]
    # Nobody but the disk is told a path on disk.
    public_path = expand_variables(path, known) if scheme.endswith("file") else path
    public = f"{scheme}://{user.public}{host}{public_path}{query.public}"
    written = f"{scheme}://{user.written}{host}{public_path}{query.written}"
    complete = expand_variables(f"{scheme}://{user.complete}{host}{path}{query.complete}", known)
    if known:
        # A variable may itself hold user information or a signature.
        public, written = parse_url(public).public, parse_url(written).text
    written = written if written != public else ""
    if complete == public or VARIABLE.search(complete):
        return Url(public=public, written=written)
    return Url(public=public, secret=Secret(complete), written=written, forms=(*user.forms, *query.forms))


def find_unset(url: Url) -> tuple[str, ...]:
    """The variables without which nobody can be asked for this URL; empty where it is complete."""
    return () if url.secret is not None else tuple(dict.fromkeys(VARIABLE.findall(url.text)))


def find_illegal_character(url: Url) -> str:
    """Which character makes this no URL, by name and never with what stands around it; empty for a sound one.

    A line break in it could add a line to whatever file or protocol it is written to, so also one that is hidden: in
    the value of a variable, or percent-encoded in user information.
    """
    flaw = _find_bad_character(url.text)
    if flaw or url.secret is None:
        return flaw
    complete = url.secret.open_for_transport()
    try:
        user_information = urlsplit(complete).netloc.rpartition("@")[0]
    except ValueError:
        user_information = ""
    hidden = _find_bad_character(complete) or _find_bad_character(unquote(user_information).replace(" ", ""))
    return f"{hidden} in its credentials" if hidden else ""


def _find_bad_character(text: str) -> str:
    for character in text:
        if not character.isprintable():
            return "a line break" if character in "\n\r" else f"the control character U+{ord(character):04X}"
        if character.isspace():
            return "a space"
        if character == '"':
            return "a quotation mark"
    return ""


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
        return replace(parse_url(f"{variables[first[1]]}{text[first.end() :]}", variables=others), forms=())
    expanded = expand_variables(text, variables)
    if expanded != text:
        return replace(parse_url(expanded), forms=())
    match = _NO_SCHEME.fullmatch(text)
    public = parse_url(match["rest"]).public if match else redact(text)
    return Url(public=public, secret=Secret(text) if public != text else None)


def _lower(host: str) -> str:
    """The host in lower case; unset variables stay as they are."""
    return re.sub(r"\$\{[A-Z0-9_]+\}|.", lambda match: match[0] if len(match[0]) > 1 else match[0].lower(), host)


class _Part(NamedTuple):
    """A part of a URL, each with the sign that parts it from the rest: without secrets, with variables, complete."""

    public: str
    written: str
    complete: str
    forms: tuple[str, ...]


def _split_user_information(text: str, at: str, *, keeps_user: bool) -> _Part:
    """User information with its `@`. The user of an SSH URL is a login name, no secret."""
    user, colon, password = text.partition(":")
    public = f"{user}@" if keeps_user and user else ""
    user_variable, password_variable = VARIABLE.fullmatch(user), VARIABLE.fullmatch(password)
    shown = (user if keeps_user or user_variable else "") + (f":{password}" if password_variable else "")
    is_literal = (bool(password) and not password_variable) or bool(
        user and not colon and not public and not user_variable
    )
    form = "a user and password" if password else "a user name, which may be a token"
    return _Part(public, f"{shown}@" if shown else "", f"{user}{colon}{password}{at}", (form,) if is_literal else ())


def _split_query(query: str | None) -> _Part:
    """A query with its `?`: signatures and tokens are left out, but for variables where they are to be shown."""
    if query is None:
        return _Part("", "", "", ())
    split = split_query(query)
    if not split.private:
        return _Part(f"?{query}" if query else "", f"?{query}" if query else "", f"?{query}", ())
    numbered = list(enumerate(split.parts))
    public = "&".join(part for place, part in numbered if place not in split.private)
    variables = {place for place, part in numbered if VARIABLE.fullmatch(part.partition("=")[2])}
    written = "&".join(part for place, part in numbered if place not in split.private - variables)
    forms = split.forms if split.private - variables else ()
    return _Part(f"?{public}" if public else "", f"?{written}" if written else "", f"?{query}", forms)
