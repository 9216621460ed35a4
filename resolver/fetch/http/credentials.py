"""What a run knows about credentials, and which of it belongs to a request: found by scheme, host, port and path.

In: the URLs with a secret that list, settings and command line name, and what the user keeps elsewhere. Out: for a
public URL its `RequestCredentials`, which the transport alone opens. Nothing here is ever shown but
`RequestCredentials.source`, for messages.

A user and password for one URL, as whoever opens a connection asks for them.

Logins of a netrc file: `NETRC`, else `.netrc` in the home folder. Its `default` entry serves nobody.

netrc names hosts alone, so its logins go to the default port of https only.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from lockfiles._values import dataclass
from resolver.requirements.url import VARIABLE, Secret, Url

if TYPE_CHECKING:
    from netrc import netrc

__all__ = [
    "AskKeyring",
    "Credentials",
    "Destination",
    "FindLogin",
    "ListedLogins",
    "Login",
    "LoginSource",
    "NetrcLogins",
    "RequestCredentials",
    "find_destination",
    "find_netrc_login",
    "parse_netrc",
    "render_host",
    "split_login",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a host is told; `user` may be empty, and a token alone is the password or the user, as its source had it."""

    user: Secret
    password: Secret


FindLogin = Callable[[str], Login | None]
"""The login for a public URL: its scheme, host, port and path decide; None where there is none."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ENCODED_VARIABLE = re.compile(r"\$%7[Bb]([A-Z0-9_]+)%7[Dd]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a URL leads: a credential belongs to scheme, host and port, and first to its own path."""

    scheme: str
    host: str
    port: int
    path: tuple[str, ...] = field(compare=False)

    @property
    def authority(self) -> str:
        """Host and port as a user would write them."""
        host = render_host(self.host)
        return host if self.port == _DEFAULT_PORTS.get(self.scheme) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCredentials:
    """What is joined to a request: the complete URL (without user information), a login, or both.

    `source` says where it is from, in words for a message. `user` is a login name without a password, for a keyring.
    """

    url: Secret | None = None
    login: Login | None = None
    source: str


class LoginSource(Protocol):
    """Somewhere that logins are kept."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def find(self, place: Destination) -> RequestCredentials | None:
        """The login for a place, or None."""
        ...


AskKeyring = Callable[[Sequence[str], Login | None], Login | None]
"""A login under the first of some service names that has one; a known login without password says whose."""


class ListedLogins:
    """Logins that were given for URLs: the nearest path of the same scheme, host and port serves."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._logins: dict[Destination, list[tuple[Destination, RequestCredentials]]] = {}
        self._bound: list[RequestCredentials] = []

    def add(self, place: Destination, login: Login, *, source: str, is_bound: bool = False) -> None:
        """Keep a login for a URL; the first one of a path stays. One that is bound serves nothing beside its path."""
        known = RequestCredentials(login=login, source=source)
        self._logins.setdefault(place, []).append((place, known))
        if is_bound:
            self._bound.append(known)

    def find(self, place: Destination) -> RequestCredentials | None:
        """The login whose path has the most in common with this one: an index's login serves its files, too."""
        known = [
            (own, login)
            for own, login in self._logins.get(place, ())
            if not any(login is bound for bound in self._bound) or _lies_below(place.path, own.path)
        ]
        return max(known, key=lambda one: _count_common(one[0].path, place.path))[1] if known else None


class Credentials:
    """Finds what belongs to a request; may be asked from many threads.

    `sources` are asked in order for what the list does not give. `ask_keyring` is asked after a 401 only. `warnings`
    are whole messages about the sources.
    """

    def __init__(
        self,
        sources: Iterable[LoginSource] = (),
        *,
        ask_keyring: AskKeyring | None = None,
        warnings: Iterable[str] = (),
    ) -> None:
        self.warnings = tuple(warnings)
        self._listed = ListedLogins("the list")
        self._sources = tuple(sources)
        self._ask_keyring = ask_keyring
        self._complete: dict[str, RequestCredentials] = {}
        self._path_tokens: list[_PathToken] = []
        self._named: dict[Destination, str] = {}
        self._from_keyring: dict[Destination, RequestCredentials | None] = {}
        self._keyring_lock = threading.Lock()

    def add(self, url: Url, *, source: str = "the list", is_bound: bool = False) -> None:
        """Know a URL, with its secret if it has one; `source` says where it stands.

        The login of one that is bound, a repository's, serves what lies below its path alone.
        """
        place = find_destination(url.public)
        if place is None:
            return
        self._named.setdefault(place, url.public)
        if url.secret is None:
            return
        complete, login = split_login(url.secret)
        if login is not None:
            self._listed.add(place, login, source=f"the user and password of {source}", is_bound=is_bound)
        if _normalize(complete.open_for_transport()) == _normalize(url.public):
            return
        token = _find_path_token(url.public, complete, place, source)
        if token is not None:
            self._path_tokens.append(token)
        if token is None or urlsplit(url.public).query != urlsplit(complete.open_for_transport()).query:
            self._complete[_normalize(url.public)] = RequestCredentials(
                url=complete, login=login, source=f"the signature or token of {source}"
            )

    def add_link(self, url: Url, *, source: str) -> None:
        """Know a link of a page with its secret, which is that of this link alone."""
        if url.secret is not None:
            complete, login = split_login(url.secret)
            self._complete[_normalize(url.public)] = RequestCredentials(
                url=complete, login=login, source=f"the signature of {source}"
            )

    def is_signed(self, public_url: str) -> bool:
        """Whether a signature or token of this very URL is known."""
        return bool(self._complete) and _normalize(public_url) in self._complete

    def find(self, public_url: str) -> RequestCredentials | None:
        """What to join to a request for this URL; None where nothing is known."""
        complete = self._complete.get(_normalize(public_url)) if self._complete else None
        if complete is not None:
            return complete
        place = find_destination(public_url)
        if place is None:
            return None
        login = self._find_login(place)
        for token in self._path_tokens:
            url = token.join(public_url, place)
            if url is not None:
                return RequestCredentials(url=url, login=None if login is None else login.login, source=token.source)
        return login

    def find_login(self, public_url: str) -> Login | None:
        """The login for a URL (`FindLogin`), for a server that wants one; None where none is known."""
        known = self.find(public_url)
        if known is None or not _has_password(known):
            known = self.ask_keyring(public_url) or known
        return None if known is None else known.login

    def ask_keyring(self, public_url: str) -> RequestCredentials | None:
        """What the keyring has for a URL that was answered with 401; asked once for each host."""
        place = find_destination(public_url)
        if self._ask_keyring is None or place is None:
            return None
        with self._keyring_lock:
            if place not in self._from_keyring:
                known = self._find_login(place)
                services = (self._named.get(place, public_url), place.authority)
                login = self._ask_keyring(services, None if known is None else known.login)
                self._from_keyring[place] = (
                    None if login is None else RequestCredentials(login=login, source="the keyring")
                )
            return self._from_keyring[place]

    def hide(self, text: str) -> str:
        """The text with `${VAR}` for every token of a path that is known: what a page links to may hold it."""
        for token in self._path_tokens:
            text = token.hide(text)
        return text

    def hide_in_body(self, body: bytes) -> bytes:
        """The same of a page as it was sent."""
        for token in self._path_tokens:
            body = token.hide_in_body(body)
        return body

    @property
    def has_path_tokens(self) -> bool:
        """Whether any path has a token, which pages may hold and links to them hide."""
        return bool(self._path_tokens)

    def holds_path_token(self, public_url: str) -> bool:
        """Whether the answer to this URL may hold a token that stands in its path."""
        return bool(self._path_tokens) and VARIABLE.search(_decode_variables(public_url)) is not None

    def names(self, public_url: str) -> bool:
        """Whether list or settings name a URL of the same scheme, host and port."""
        return find_destination(public_url) in self._named

    def name_sources(self) -> tuple[str, ...]:
        """Where logins were looked for."""
        keyring = () if self._ask_keyring is None else ("the keyring",)
        return (self._listed.name, *(source.name for source in self._sources), *keyring)

    def _find_login(self, place: Destination) -> RequestCredentials | None:
        """The nearest login; one without password gives way to a password of the same user kept elsewhere."""
        if (kept := self._from_keyring.get(place)) is not None:
            return kept
        found = self._listed.find(place)
        if found is not None and _has_password(found):
            return found
        for source in self._sources:
            other = source.find(place)
            if other is not None and (found is None or _is_same_user(other, found)):
                return other
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _PathToken:
    """Variables of a path with their values: for URLs of one place whose path begins as the one that was given."""

    place: Destination
    prefix: str
    values: tuple[tuple[str, Secret], ...]
    source: str

    def join(self, public_url: str, place: Destination) -> Secret | None:
        """The complete URL, or None for one that is not below the path."""
        url = _decode_variables(public_url)
        if place != self.place or not f"{urlsplit(url).path}/".startswith(self.prefix):
            return None
        for name, value in self.values:
            url = url.replace(f"${{{name}}}", value.open_for_transport())
        return Secret(url)

    def hide(self, text: str) -> str:
        for name, spelling in self._iter_spellings():
            text = text.replace(spelling, f"${{{name}}}")
        return text

    def hide_in_body(self, body: bytes) -> bytes:
        for name, spelling in self._iter_spellings():
            body = body.replace(spelling.encode(), f"${{{name}}}".encode())
        return body

    def _iter_spellings(self) -> Iterator[tuple[str, str]]:
        for name, secret in self.values:
            value = secret.open_for_transport()
            for spelling in dict.fromkeys((value, unquote(value))):
                yield name, spelling


def render_host(host: str) -> str:
    """The host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def find_destination(url: str) -> Destination | None:
    """Where a URL leads; None for one without a host."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    scheme = parts.scheme.lower()
    path = tuple(part for part in parts.path.split("/") if part)
    return Destination(scheme=scheme, host=host, port=port or _DEFAULT_PORTS.get(scheme, 0), path=path)


def split_login(complete: Secret) -> tuple[Secret, Login | None]:
    """A complete URL without its user information, and the login that this is."""
    parts = urlsplit(complete.open_for_transport())
    user_information, at, host = parts.netloc.rpartition("@")
    bare = Secret(urlunsplit(parts._replace(netloc=host, fragment="")))
    user, _, password = user_information.partition(":")
    if not at or not user_information:
        return bare, None
    return bare, Login(user=Secret(unquote(user)), password=Secret(unquote(password)))


def _find_path_token(public: str, complete: Secret, place: Destination, source: str) -> _PathToken | None:
    """The variables of the public path with their values, which the complete one has in their places."""
    template, path = urlsplit(public).path, urlsplit(complete.open_for_transport()).path
    names = VARIABLE.findall(template)
    if not names:
        return None
    literals = [re.escape(text) for text in VARIABLE.split(template)[::2]]
    match = re.fullmatch("(.+?)".join(literals), path, re.DOTALL)
    if match is None:
        return None
    values = dict(zip(names, match.groups(), strict=True))
    end = max(found.end() for found in VARIABLE.finditer(template))
    prefix = f"{template[:end]}{template[end:].partition('/')[0]}/"
    return _PathToken(
        place=place,
        prefix=prefix,
        values=tuple((name, Secret(value)) for name, value in values.items()),
        source=f"the token in the path of {source}",
    )


def _normalize(url: str) -> str:
    """The same text for spellings of one URL: escapes that need not be, capitals in the host, the default port."""
    place, parts = find_destination(url), urlsplit(url)
    if place is None:
        return url
    return f"{place.scheme}://{place.authority}{unquote(parts.path)}?{unquote(parts.query)}"


def _decode_variables(url: str) -> str:
    """`${VAR}` as it was written: HTTP clients escape the braces."""
    return _ENCODED_VARIABLE.sub(r"${\1}", url)


def _count_common(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _lies_below(path: Sequence[str], folder: Sequence[str]) -> bool:
    """Whether a path is that of a repository, with or without `.git`, or below it."""
    start = list(path[: len(folder)])
    return [name.removesuffix(".git") for name in start] == [name.removesuffix(".git") for name in folder]


def _has_password(known: RequestCredentials) -> bool:
    return known.login is not None and bool(known.login.password.open_for_transport())


def _is_same_user(one: RequestCredentials, other: RequestCredentials) -> bool:
    return (
        one.login is not None and other.login is not None and one.login.user == other.login.user and _has_password(one)
    )


class NetrcLogins:
    """The logins of the user's netrc file, which is read when the first host is looked for in it."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._named = environ.get("NETRC")
        self._parsed: netrc | None = None
        self._is_read = False

    @property
    def name(self) -> str:
        """What messages call it; a file that cannot be read is told as such."""
        path = self._find_path()
        shown = f"`{self._named}`" if self._named else "`~/.netrc`"
        return f"{shown} (which cannot be read)" if self._is_read and path is not None and not self._parsed else shown

    def find(self, place: Destination) -> RequestCredentials | None:
        """The login of a host on the default port of https."""
        if place.scheme != "https" or place.port != 443:
            return None
        if not self._is_read:
            path = self._find_path()
            self._parsed = None if path is None else parse_netrc(path)
            self._is_read = True
        login = None if self._parsed is None else find_netrc_login(self._parsed, place.host)
        return None if login is None else RequestCredentials(login=login, source=f"the login of {self.name}")

    def _find_path(self) -> Path | None:
        names = [self._named] if self._named else ["~/.netrc", "~/_netrc"]
        for name in names:
            path = os.path.expanduser(name)  # noqa: PTH111  (Path.home raises where there is none)
            if os.path.isfile(path):  # noqa: PTH113  (any text is asked for)
                return Path(path)
        return None


def parse_netrc(path: Path) -> netrc | None:
    """The file as Python reads it; None for one that cannot be read. What is wrong with it may be a password."""
    # Lazy: netrc is asked about hosts only, and a warm run asks none.
    import netrc

    try:
        return netrc.netrc(str(path))
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        return None


def find_netrc_login(parsed: netrc, host: str) -> Login | None:
    """The login of a host; None for one that only `default` would serve."""
    entry = parsed.hosts.get(host) if host != "default" else None
    return None if entry is None else Login(user=Secret(entry[0] or ""), password=Secret(entry[2] or ""))
