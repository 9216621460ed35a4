"""The credentials of a run, and which of them belong to a request: found by scheme, host, port and path.

In: URLs with a secret from the list, the settings and the command line, and the places where users keep logins
(`LoginSource`). Out: for a public URL its `RequestCredentials`: a complete URL, a login, or both. Secrets are opened
by `AuthorizingTransport` and by the code that starts git or pip; messages show only `RequestCredentials.source`.

One module, because one rule decides which login a URL gets: a complete URL first, then the login with the nearest path
on the same scheme, host and port, then the user's own stores in order, and the keyring only after a 401.

Logins of a netrc file are found here too (`NETRC`, else `.netrc` in the home folder), since almost every run searches
one. A netrc has hosts without ports, so its logins are sent to the default port of https only. Its `default` entry is
ignored, because it would send a password to every host.

A secret in a URL has one of three forms:

- `https://user:password@host/simple/`: a login, for all URLs of the host whose path has more in common with this one
  than with that of another login;
- `https://host/${TOKEN}/simple/`: a token in the path, for all URLs below the last variable (`_PathToken`);
- `https://host/file.whl?X-Amz-Signature=…`: a signature, for this one URL.
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

from lockfiles._files import read_regular
from lockfiles._values import compile_later, dataclass
from resolver.requirements.url import VARIABLE, Secret, Url

if TYPE_CHECKING:
    from netrc import netrc

__all__ = [
    "Credentials",
    "Destination",
    "FindLogin",
    "ListedLogins",
    "Login",
    "LoginSource",
    "NetrcLogins",
    "QueryKeyring",
    "RequestCredentials",
    "find_destination",
    "find_netrc_login",
    "parse_netrc",
    "render_host",
    "split_login",
]

_NETRC_PLACE = ("https", 443)
_NETRC_REACH = "a netrc file has no ports, so its logins go to port 443 of https alone"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SIGNERS = (
    "x-amz-credential",
    "x-goog-credential",
    "x-oss-credential",
    "awsaccesskeyid",
    "googleaccessid",
    "ossaccesskeyid",
    "accesskeyid",
    "q-ak",
    "key-pair-id",
    "skoid",
)
"""Parameters of signed URLs that name the key which signed, in lower case; a date and scope may follow behind `/`."""
_ENCODED_VARIABLE = compile_later(r"\$%7[Bb]([A-Z0-9_]+)%7[Dd]")
"""`${VAR}` after an HTTP client has percent-encoded its braces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """User and password for HTTP Basic authentication (RFC 7617).

    `user` may be empty. A token without a second part is the password or the user, depending on its source.
    """

    user: Secret
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Scheme, host, port and path of a URL, `path` as its names. Destinations that differ only in path are equal."""

    scheme: str
    host: str
    port: int
    path: tuple[str, ...] = field(compare=False)

    @property
    def authority(self) -> str:
        """Host and port as a user writes them: without the default port of the scheme."""
        host = render_host(self.host)
        return host if self.port == _DEFAULT_PORTS.get(self.scheme) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCredentials:
    """What is joined to a request: the complete URL (without user information), a login, or both.

    `source` names where they come from, as a part of a message (`the login of ~/.netrc`).
    """

    url: Secret | None = None
    login: Login | None = None
    source: str


FindLogin = Callable[[str], Login | None]
"""The login for a public URL: its scheme, host, port and path decide; None where there is none."""

QueryKeyring = Callable[[Sequence[str], Login | None], Login | None]
"""The login under the first of some service names that has one; with a known login without password, of its user."""


class LoginSource(Protocol):
    """A store of logins: a file of the user's, variables, or a netrc."""

    @property
    def name(self) -> str:
        """The name of the store in messages."""
        ...

    def find(self, place: Destination) -> RequestCredentials | None:
        """The login for a destination, or None."""
        ...


class ListedLogins:
    """Logins that were given for URLs: of one scheme, host and port, the login of the nearest path is used."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self._logins: dict[Destination, list[_ListedLogin]] = {}

    def add(self, place: Destination, login: Login, *, source: str, is_bound: bool = False) -> None:
        """Keep a login for a URL; of several for one path the first is used.

        A login that is bound, such as that of a repository, is used for URLs below its own path alone.
        """
        known = RequestCredentials(login=login, source=source)
        self._logins.setdefault(place, []).append(_ListedLogin(path=place.path, credentials=known, is_bound=is_bound))
        self.count += 1

    def knows(self, place: Destination) -> bool:
        """Whether there is a login for any path of this scheme, host and port."""
        return place in self._logins

    def find(self, place: Destination) -> RequestCredentials | None:
        """The login whose path has the most in common with this one: so an index's login is used for its files too."""
        known = [
            listed
            for listed in self._logins.get(place, ())
            if not listed.is_bound or _lies_below(place.path, listed.path)
        ]
        return max(known, key=lambda listed: _count_common(listed.path, place.path)).credentials if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _ListedLogin:
    """A login with the path of the URL that it was given for."""

    path: tuple[str, ...]
    credentials: RequestCredentials
    is_bound: bool


class Credentials:
    """Finds the credentials of a request. May be used from many threads.

    `sources` are searched in order for a login that the list does not give. `query_keyring` is called after a 401
    only; None where no keyring may be used. `warnings` are whole messages about the sources.
    """

    def __init__(
        self,
        sources: Iterable[LoginSource] = (),
        *,
        query_keyring: QueryKeyring | None = None,
        warnings: Iterable[str] = (),
    ) -> None:
        self.warnings = tuple(warnings)
        self._listed = ListedLogins("the list")
        self._sources = tuple(sources)
        self._query_keyring = query_keyring
        self._complete: dict[str, RequestCredentials] = {}
        self._links: set[str] = set()
        self._path_tokens: list[_PathToken] = []
        self._named: dict[Destination, str] = {}
        self._from_keyring: dict[Destination, RequestCredentials | None] = {}
        self._keyring_lock = threading.Lock()

    def add(self, url: Url, *, source: str = "the list", is_bound: bool = False) -> None:
        """Keep the secret of a URL, if it has one; `source` is the place where the URL is written, for messages.

        The login of a URL that is bound, as that of a repository is, is used for URLs below its path alone.
        """
        place = find_destination(url.public)
        if place is None:
            return
        self._named.setdefault(place, url.public)
        if url.secret is None:
            return
        complete, login = split_login(url.secret)
        if find_destination(complete.open_for_transport()) != place:
            # The value of a variable has a `/` that ends the host: it is sent nowhere.
            return
        if login is not None:
            self._listed.add(place, login, source=f"the user and password of {source}", is_bound=is_bound)
        # The user information was the only secret of the URL.
        if _normalize(complete.open_for_transport()) == _normalize(url.public):
            return
        token = _find_path_token(url.public, complete, place, source)
        if token is not None:
            self._path_tokens.append(token)
        # A signature beside a token in the path is a second secret, and for this URL alone.
        if token is None or urlsplit(url.public).query != urlsplit(complete.open_for_transport()).query:
            self._complete[_normalize(url.public)] = RequestCredentials(
                url=complete, login=login, source=f"the signature or token of {source}"
            )

    def add_link(self, url: Url, *, source: str) -> None:
        """Keep the secret of a link of a page, which is for this one URL alone."""
        if url.secret is not None:
            complete, login = split_login(url.secret)
            key = _normalize(url.public)
            self._links.add(key)
            self._complete[key] = RequestCredentials(url=complete, login=login, source=f"the signature of {source}")

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
                # The login of the same host is sent as well: some indexes require both.
                return RequestCredentials(url=url, login=None if login is None else login.login, source=token.source)
        return login

    def find_identity(self, public_url: str) -> tuple[Secret, ...]:
        """The secrets that tell whose request this is, for `CredentialIds`; empty where it carries none.

        - Of a signed URL it is the key that has signed, where the URL names it: a new signature of the same key is the
          same identity. Where it names none, it is the whole query.
        - The signature of a link belongs to its page, which changes it in each run: it is no identity of its own.
        """
        place = find_destination(public_url)
        if place is None:
            return ()
        key = _normalize(public_url) if self._complete else ""
        signed = self._complete.get(key) if key not in self._links else None
        login = self._find_login(place) if signed is None else signed
        found: list[Secret] = [] if signed is None or signed.url is None else [_find_signer(signed.url)]
        for token in self._path_tokens:
            if token.join(public_url, place) is not None:
                found += [value for _, value in token.values]
        if login is not None and login.login is not None:
            found += [login.login.user, login.login.password]
        return tuple(found)

    def may_identify(self, public_url: str) -> bool:
        """Whether `find_identity` may find anything for a URL of this scheme, host and port, whatever its path is."""
        place = find_destination(public_url)
        if place is None:
            return False
        origin = f"{place.scheme}://{place.authority}/"
        return (
            self._listed.knows(place)
            or self._from_keyring.get(place) is not None
            or any(token.place == place for token in self._path_tokens)
            or any(key.startswith(origin) for key in self._complete if key not in self._links)
            or any(
                source.knows(place) if isinstance(source, ListedLogins) else source.find(place) is not None
                for source in self._sources
            )
        )

    @property
    def generation(self) -> tuple[int, ...]:
        """A value that changes when `may_identify` may give another answer."""
        signed = len(self._complete) - len(self._links)
        return signed, len(self._path_tokens), self._listed.count, len(self._from_keyring)

    @property
    def has_keyring(self) -> bool:
        """Whether a keyring may be queried."""
        return self._query_keyring is not None

    def is_from_keyring(self, public_url: str) -> bool:
        """Whether a 401 has led to a login of the keyring for this host."""
        place = find_destination(public_url)
        return place is not None and self._from_keyring.get(place) is not None

    def find_login(self, public_url: str) -> Login | None:
        """The login for a URL (`FindLogin`), from the keyring too where no password is known; None without any."""
        known = self.find(public_url)
        if known is None or not _has_password(known):
            known = self.query_keyring(public_url) or known
        return None if known is None else known.login

    def query_keyring(self, public_url: str) -> RequestCredentials | None:
        """The keyring's login for a URL that was answered with 401; the keyring is queried once for each host."""
        place = find_destination(public_url)
        if self._query_keyring is None or place is None:
            return None
        # The keyring is queried for two service names: the URL of the index, as pip does, and its host with the port.
        # The lock is held during the query, so that a keyring opens one prompt to unlock it and not one a thread.
        with self._keyring_lock:
            if place not in self._from_keyring:
                known = self._find_login(place)
                services = (self._named.get(place, public_url), place.authority)
                login = self._query_keyring(services, None if known is None else known.login)
                self._from_keyring[place] = (
                    None if login is None else RequestCredentials(login=login, source="the keyring")
                )
            return self._from_keyring[place]

    def hide(self, text: str) -> str:
        """The text with `${VAR}` for every known token of a path: the links of a page may repeat it."""
        for token in self._path_tokens:
            text = token.hide(text)
        return text

    def hide_in_body(self, body: bytes) -> bytes:
        """As `hide`, in a page as it was sent."""
        for token in self._path_tokens:
            body = token.hide_in_body(body)
        return body

    @property
    def has_path_tokens(self) -> bool:
        """Whether the path of any known URL holds a token, which its pages and their links may repeat."""
        return bool(self._path_tokens)

    def holds_path_token(self, public_url: str) -> bool:
        """Whether the path of this URL holds a token, so that the response may repeat it."""
        return bool(self._path_tokens) and VARIABLE.search(_decode_variables(public_url)) is not None

    def names(self, public_url: str) -> bool:
        """Whether list or settings name a URL of the same scheme, host and port."""
        return find_destination(public_url) in self._named

    def name_sources(self, public_url: str = "") -> tuple[str, ...]:
        """The names of all stores that are searched for a login, in the order of the search.

        For a URL that no login of a netrc file is sent to, the name of that file has the reason.
        """
        # A name may change: that of a netrc file has a remark where it could not be read.
        keyring = () if self._query_keyring is None else ("the keyring",)
        place = find_destination(public_url)
        is_default = place is None or (place.scheme, place.port) == _NETRC_PLACE
        names = [
            source.name if is_default or not isinstance(source, NetrcLogins) else f"{source.name} ({_NETRC_REACH})"
            for source in self._sources
        ]
        return (self._listed.name, *names, *keyring)

    def _find_login(self, place: Destination) -> RequestCredentials | None:
        """The nearest login of the list; if it has no password, that of the same user in a source, if there is one."""
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
    """The variables in the path of a URL (`/${TOKEN}/simple/`) with their values.

    They are joined to each URL of the same destination whose path begins with `prefix`.
    """

    place: Destination
    prefix: str
    # Names and values, in the order of the path.
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
        """See `Credentials.hide`."""
        for name, spelling in self._iter_spellings():
            text = text.replace(spelling, f"${{{name}}}")
        return text

    def hide_in_body(self, body: bytes) -> bytes:
        for name, spelling in self._iter_spellings():
            body = body.replace(spelling.encode(), f"${{{name}}}".encode())
        return body

    def _iter_spellings(self) -> Iterator[tuple[str, str]]:
        """Each variable with its value as written in the URL, and without percent-encoding where that differs."""
        for name, secret in self.values:
            value = secret.open_for_transport()
            for spelling in dict.fromkeys((value, unquote(value))):
                yield name, spelling


class NetrcLogins:
    """The logins of the user's netrc file, which is read when the first host is looked up in it."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._named = environ.get("NETRC")
        self._parsed: netrc | None = None
        self._is_read = False

    @property
    def name(self) -> str:
        """The name of the file in messages, with a remark if it cannot be read."""
        path = self._find_path()
        shown = f"`{self._named}`" if self._named else "`~/.netrc`"
        return f"{shown} (which cannot be read)" if self._is_read and path is not None and not self._parsed else shown

    def find(self, place: Destination) -> RequestCredentials | None:
        """The login of a host on the default port of https; None for any other destination."""
        if (place.scheme, place.port) != _NETRC_PLACE:
            return None
        if not self._is_read:
            path = self._find_path()
            self._parsed = None if path is None else parse_netrc(path)
            self._is_read = True
        login = None if self._parsed is None else find_netrc_login(self._parsed, place.host)
        return None if login is None else RequestCredentials(login=login, source=f"the login of {self.name}")

    def _find_path(self) -> Path | None:
        """The file, where it exists; `_netrc` is its name on Windows."""
        names = [self._named] if self._named else ["~/.netrc", "~/_netrc"]
        for name in names:
            path = os.path.expanduser(name)  # noqa: PTH111  # Path.home raises where there is no home folder
            if os.path.isfile(path):  # noqa: PTH113  # a text with a null byte is no error here
                return Path(path)
        return None


def parse_netrc(path: Path) -> netrc | None:
    """The file as Python reads it; None for one that cannot be read: the reason might quote a password."""
    # Lazy: most users have no such file.
    import netrc

    try:
        read_regular(path)  # A pipe or device, and a file that is too large, is refused before it is parsed.
        return netrc.netrc(str(path))
    except (netrc.NetrcParseError, OSError, ValueError):
        return None


def find_netrc_login(parsed: netrc, host: str) -> Login | None:
    """The login of a host; None where only the `default` entry would match."""
    entry = parsed.hosts.get(host) if host != "default" else None
    return None if entry is None else Login(user=Secret(entry[0] or ""), password=Secret(entry[2] or ""))


def render_host(host: str) -> str:
    """The host as it is written in a URL: an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def find_destination(url: str) -> Destination | None:
    """Where a URL leads; None for one without a host. `port` is the scheme's own where the URL has none."""
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
    """A complete URL without its user information, and the login in that; None without user information."""
    parts = urlsplit(complete.open_for_transport())
    user_information, at, host = parts.netloc.rpartition("@")
    bare = Secret(urlunsplit(parts._replace(netloc=host, fragment="")))
    user, _, password = user_information.partition(":")
    if not at or not user_information:
        return bare, None
    return bare, Login(user=Secret(unquote(user)), password=Secret(unquote(password)))


def _find_signer(complete: Secret) -> Secret:
    """The key that has signed a URL, else its whole query."""
    query = urlsplit(complete.open_for_transport()).query
    named = {name.lower(): value for name, _, value in (part.partition("=") for part in query.split("&"))}
    signer = next((named[name] for name in _SIGNERS if named.get(name)), "")
    return Secret(unquote(signer).partition("/")[0] or query)


def _count_common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many names two paths have in common at their beginning."""
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


def _find_path_token(public: str, complete: Secret, place: Destination, source: str) -> _PathToken | None:
    """The variables of the public path with the values that the complete path has in their places; None without any."""
    template, path = urlsplit(public).path, urlsplit(complete.open_for_transport()).path
    names = VARIABLE.findall(template)
    if not names:
        return None
    # `split` returns texts and names in turn: the texts between the variables are found in both paths.
    literals = [re.escape(text) for text in VARIABLE.split(template)[::2]]
    match = re.fullmatch("(.+?)".join(literals), path, re.DOTALL)
    if match is None:
        return None
    values = dict(zip(names, match.groups(), strict=True))
    # The token is joined to all URLs below the folder that the last variable is in.
    end = max(found.end() for found in VARIABLE.finditer(template))
    prefix = f"{template[:end]}{template[end:].partition('/')[0]}/"
    return _PathToken(
        place=place,
        prefix=prefix,
        values=tuple((name, Secret(value)) for name, value in values.items()),
        source=f"the token in the path of {source}",
    )


def _normalize(url: str) -> str:
    """One text for all spellings of a URL: without needless escapes, capitals in the host and the default port."""
    place, parts = find_destination(url), urlsplit(url)
    if place is None:
        return url
    return f"{place.scheme}://{place.authority}{unquote(parts.path)}?{unquote(parts.query)}"


def _decode_variables(url: str) -> str:
    """`${VAR}` as it was written: HTTP clients percent-encode the braces."""
    return _ENCODED_VARIABLE.sub(r"${\1}", url)


def _has_password(known: RequestCredentials) -> bool:
    """Whether there is a login with a password that is not empty."""
    return known.login is not None and bool(known.login.password.open_for_transport())


def _is_same_user(one: RequestCredentials, other: RequestCredentials) -> bool:
    """Whether both are logins of one user, and the first has a password."""
    return (
        one.login is not None and other.login is not None and one.login.user == other.login.user and _has_password(one)
    )
