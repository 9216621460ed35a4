"""How a run reaches indexes and other hosts, how long it may take, and where it looks for the user's logins.

In: what the user configures. Out: `Access`, which each verb and function that sends requests takes, and which is
passed unchanged down to the connections; and `Credentials` with the logins that the user keeps outside of the list: in
the file of `--credentials`, environment variables, netrc or a keyring, in this order.

All that waits, waits through `AnswerLimits.wait_for` or `Cancellation.wait`: sockets of both HTTP clients, git, builds
and delays between attempts. So one check, a few times a second, ends a run that takes too long or is cancelled.

A login goes only to the host that the user binds it to. No list, page or lock can redirect one to another host.

It is a module of its own because the stages above `fetch` and the parts of `fetch` share it, and because it imports no
HTTP client.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar
from weakref import WeakSet

from lockfiles._values import compile_later, dataclass
from lockfiles.variable_bindings import VariableBinding, VariableBindings
from resolver.errors import Fault, RunCancelledError
from resolver.fetch.http import http_errors
from resolver.fetch.http.credentials import (
    Credentials,
    ListedLogins,
    Login,
    LoginSource,
    NetrcLogins,
    QueryKeyring,
    find_destination,
    split_login,
)
from resolver.requirements.url import Secret, parse_url

if TYPE_CHECKING:
    from resolver.fetch.store import SharedStore
    from resolver.index.events import Observe

__all__ = [
    "DEFAULT_CACHE_BYTES",
    "DEFAULT_TIMEOUT_S",
    "Access",
    "AnswerLimits",
    "Cancellation",
    "KeyringProvider",
    "LoginOptions",
    "Transport",
    "find_bindings",
    "open_credentials",
    "read_file_bindings",
]


KeyringProvider = Literal["auto", "disabled", "subprocess"]
"""pip's `--keyring-provider`: the command `keyring` if it is installed, never, or always (an error if it is not)."""

DEFAULT_CACHE_BYTES = 1_000_000_000
"""The size of what is kept between runs, beside repositories and builds."""
DEFAULT_TIMEOUT_S = 600.0
"""The longest time for one answer: a page, a file, a git command that reaches a repository."""

_T = TypeVar("_T")

_FRAMING_BYTES = 1024 * 1024
"""What the heads and chunks of an answer may add to its body on the wire."""

_VARIABLE = compile_later(r"PINFOLD_INDEX_([A-Z0-9_]+)_(URL|USERNAME|PASSWORD)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOptions:
    """Where to look for logins that the list does not contain."""

    file: Path | None = None
    """The file of `--credentials`; None is the one that `PINFOLD_CREDENTIALS_FILE` names, if it is set."""

    keyring: KeyringProvider = "auto"


class Transport(Protocol):
    """A transport of httpx, or of a library with the same interface."""

    def handle_request(self, request: Any, /) -> Any:
        """The `httpx.Response` to an `httpx.Request`."""

    def close(self) -> None:
        """Close its connections."""


class Cancellation:
    """Ends the runs of every `Access` that holds it: at `cancel`, or `after_s` seconds after it was made.

    May be used from any thread. A run ends with RunCancelledError within a second; it leaves no thread, no process and
    no temporary file. Only a lookup of a host name cannot be interrupted: its thread ends when the system gives up.
    """

    __slots__ = ("__weakref__", "_after_s", "_cancelled", "_ends_at", "_joined", "_lock")

    def __init__(self, *, after_s: float | None = None) -> None:
        self._after_s = after_s
        self._ends_at = float("inf") if after_s is None else time.monotonic() + after_s
        self._cancelled = threading.Event()
        self._joined: WeakSet[Cancellation] = WeakSet()
        self._lock = threading.Lock()

    @classmethod
    def join(cls, *others: Cancellation) -> Cancellation:
        """One that ends as soon as any of the others does."""
        joined = cls()
        for other in others:
            if other._ends_at < joined._ends_at:
                joined._after_s, joined._ends_at = other._after_s, other._ends_at
            with other._lock:
                other._joined.add(joined)
                is_cancelled = other._cancelled.is_set()
            if is_cancelled:
                joined.cancel()
        return joined

    def __reduce__(self) -> tuple[object, ...]:
        """A copy has the time that is left, since the clock of another process starts elsewhere."""
        left_s = None if self._after_s is None else self._ends_at - time.monotonic()
        return _copy_cancellation, (self._after_s, left_s, self._cancelled.is_set())

    def cancel(self) -> None:
        """End the runs; a second call has no effect."""
        with self._lock:
            self._cancelled.set()
            joined = tuple(self._joined)
        for one in joined:
            one.cancel()

    def check(self) -> None:
        """Raises RunCancelledError where the runs must end."""
        if self._cancelled.is_set():
            raise RunCancelledError("the run was cancelled")
        if time.monotonic() >= self._ends_at:
            raise RunCancelledError(
                f"the run took longer than {self._after_s:g} s",
                is_overdue=True,
                remedy="a longer `--run-timeout`, or run it again",
            )

    def wait(self, delay_s: float) -> None:
        """Wait, but not beyond the end of the runs. Raises RunCancelledError there."""
        self._cancelled.wait(max(0.0, min(delay_s, self._ends_at - time.monotonic())))
        self.check()


def _copy_cancellation(after_s: float | None, left_s: float | None, is_cancelled: bool) -> Cancellation:
    """The copy of a cancellation in this process."""
    copy = Cancellation(after_s=after_s)
    if left_s is not None:
        copy._ends_at = time.monotonic() + left_s
    if is_cancelled:
        copy.cancel()
    return copy


_NO_END = Cancellation()


class AnswerLimits:
    """The limits of one answer, from the first attempt to the last byte: its time, and the bytes of each attempt.

    `url` is public, for messages. `observe` gets the bytes as they arrive. Used by one thread at a time.
    """

    __slots__ = ("_bytes_left", "_cancellation", "_ends_at", "_limit_bytes", "_observe", "_timeout_s", "_url")

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        limit_bytes: int,
        cancellation: Cancellation,
        observe: Observe | None = None,
    ) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._limit_bytes = limit_bytes
        self._cancellation = cancellation
        self._observe = observe
        self._ends_at = time.monotonic() + timeout_s
        self._bytes_left = limit_bytes

    @property
    def url(self) -> str:
        """The public URL of the request."""
        return self._url

    @property
    def limit_bytes(self) -> int:
        """The most bytes that the answer may have, on the wire and after unpacking alike."""
        return self._limit_bytes

    def begin_attempt(self) -> None:
        """Count the bytes of a new attempt from zero. The time goes on."""
        self._bytes_left = self._limit_bytes + _FRAMING_BYTES

    def count(self, size_bytes: int) -> None:
        """Count bytes from the wire. Raises FetchError beyond the limit."""
        self._bytes_left -= size_bytes
        if self._bytes_left < 0:
            raise http_errors.too_large_error(self._url, limit_bytes=self._limit_bytes)
        self.report(size_bytes)

    def report(self, size_bytes: int) -> None:
        """Tell the listener of the run, if it has one, that these bytes have arrived."""
        if self._observe is not None:
            # Lazy: few runs have a listener.
            from resolver.index.events import Received

            self._observe(Received(url=self._url, size_bytes=size_bytes))

    def check(self) -> None:
        """Raises FetchError once the time is over, and RunCancelledError where the run must end."""
        self._cancellation.check()
        if time.monotonic() >= self._ends_at:
            raise http_errors.answer_timeout_error(self._url, limit_s=self._timeout_s)

    def sleep(self, delay_s: float) -> None:
        """Wait between attempts. Raises as `check`, at once where the time would be over before the delay."""
        if time.monotonic() + delay_s >= self._ends_at:
            raise http_errors.answer_timeout_error(self._url, limit_s=self._timeout_s)
        self._cancellation.wait(delay_s)

    def wait_for(self, attempt: Callable[[], _T], *, idle_s: float, busy: type[Exception] = TimeoutError) -> _T:
        """The result of `attempt`, which waits `SLICE_S` at most and then raises `busy`.

        After `idle_s` seconds that error is raised. Raises as `check` too.
        """
        gives_up_at = time.monotonic() + idle_s
        while True:
            self.check()
            try:
                return attempt()
            except busy:
                if time.monotonic() >= gives_up_at:
                    raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach indexes and other hosts."""

    cache_folder: Path | None = None
    """Where responses are kept between runs. It is created with mode 0700; None keeps nothing."""

    cache_limit_bytes: int = DEFAULT_CACHE_BYTES
    """How large the store in that folder may grow (`resolver.fetch.store`); builds and commits are kept beside it."""

    offline: bool = False
    """Use the cache alone, and its responses regardless of their age."""

    refresh: bool = False
    """Use no stored response, and store those of servers."""

    announce: Callable[[str], None] | None = None
    """Gets each warning, and a line before a long download, wait or build. It is called from any thread."""

    observe: Observe | None = None
    """Gets each event of the run as a value of `resolver.index.events`, from any thread. None costs nothing."""

    logins: LoginOptions = LoginOptions()

    allowed_hosts: tuple[str, ...] = ()
    """Hosts that may be this machine or in a private network, although a public page links or redirects to them."""

    allowed_paths: tuple[Path, ...] = ()
    """Files and folders that a lock may lead to, beside those of its own folder and of the user's lists."""

    trusted_hosts: tuple[str, ...] = ()
    """Hosts, beside those that the list names, that get credentials over http and whose certificates are not checked
    (pip: `--trusted-host`)."""

    forbids_builds: bool = False
    """Run no build of an sdist or source tree, even if the settings allow it. The verb `hook` sets it."""

    python_executable: Path | None = None
    """The Python that builds; None searches for one of the target's version: the running one, then that of PATH."""

    clock: Callable[[], datetime] = partial(datetime.now, UTC)
    """The present time, in UTC: it decides which signed URLs have expired."""

    reader_count: int = 0
    """The number of processes that may be forked to parse pages. More than 0 only suits a program that has nothing
    open which its forks must not share."""

    timeout_s: float = DEFAULT_TIMEOUT_S
    """The longest time for one answer of any kind, with its redirects, attempts and delays: a page, a file, a git
    command that reaches a repository."""

    cancellation: Cancellation | None = None
    """Ends the runs that use this access, at a deadline or from another thread. None never ends them."""

    shared: SharedStore | None = field(default=None, repr=False, compare=False)
    """What a `Session` keeps pages, metadata and answers in. None is the store in the cache folder."""

    variable_bindings: tuple[VariableBinding, ...] = ()
    """The hosts that variables of the environment may be sent to, as `parse_binding("TOKEN=index.example")` gives them.
    `lock` uses them; for a plan, which is made before there is an `Access`, they are in its `RunContext`."""

    transport: Transport | None = None
    """Sends all HTTP requests in place of sockets; only `git` reaches its repositories without it. It is called from
    many threads, gets complete requests with their secrets, and is closed by its owner."""

    @property
    def ending(self) -> Cancellation:
        """What ends the runs, in every case an object to wait with."""
        return self.cancellation or _NO_END

    def begin(self, url: str, *, limit_bytes: int) -> AnswerLimits:
        """The limits of an answer whose first attempt begins now. Raises RunCancelledError where the run has ended."""
        self.ending.check()
        if self.observe is not None:
            # Lazy: few runs have a listener.
            from resolver.index.events import RequestBegan

            self.observe(RequestBegan(url=url))
        return AnswerLimits(
            url,
            timeout_s=self.timeout_s,
            limit_bytes=limit_bytes,
            cancellation=self.ending,
            observe=self.observe,
        )


def find_bindings(access: Access) -> VariableBindings:
    """The bindings of an `Access`, and those of its credentials file: a login that the file has for a host."""
    return VariableBindings(access.variable_bindings, load=partial(read_file_bindings, access.logins))


def read_file_bindings(
    options: LoginOptions, *, environ: Mapping[str, str] = os.environ
) -> tuple[VariableBinding, ...]:
    """The variables of the user's credentials file with the hosts that it names for them. Raises SettingsError."""
    named = options.file or _find_named_file(environ)
    if named is None:
        return ()
    from resolver.fetch.http.login_stores import read_credentials_file  # Lazy, as below.

    return read_credentials_file(named, variables=environ).bindings


def open_credentials(
    options: LoginOptions = LoginOptions(),
    *,
    hidden: Collection[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> Credentials:
    """Credentials with the user's logins.

    `hidden` are variables with secrets of the list, which
    the command `keyring` must not see. Raises SettingsError for a file that cannot be used, and for a keyring that is
    required and not installed.
    """
    sources: list[LoginSource] = []
    warnings: list[str] = []
    signed = []
    named = options.file or _find_named_file(environ)
    if named is not None:
        # Lazy: most runs have no such file.
        from resolver.fetch.http.login_stores import read_credentials_file

        content = read_credentials_file(named, variables=environ)
        sources.append(content.logins)
        warnings += content.warnings
        signed = list(content.urls)
    variables = _read_variables(environ, warnings)
    if variables is not None:
        sources.append(variables)
    sources.append(NetrcLogins(environ))
    credentials = Credentials(sources, query_keyring=_find_keyring(options.keyring, hidden), warnings=warnings)
    for url in signed:
        credentials.add(url, source=f"`{named}`")
    return credentials


def _find_named_file(environ: Mapping[str, str]) -> Path | None:
    """The credentials file that the environment names; an empty value counts as unset."""
    named = environ.get("PINFOLD_CREDENTIALS_FILE")
    return Path(named) if named else None


def _read_variables(environ: Mapping[str, str], warnings: list[str]) -> ListedLogins | None:
    """The logins of `PINFOLD_INDEX_NAME_URL`, `_USERNAME` and `_PASSWORD`, or None if no such variable is set.

    The URL decides the host. A project's settings could name any host. Adds a warning for a login without a URL.
    """
    indexes: dict[str, dict[str, str]] = {}
    for variable in environ:
        match = _VARIABLE.fullmatch(variable)
        # Only values that are used are looked up: the record of a run depends on each of them.
        if match is not None and (value := environ[variable]):
            indexes.setdefault(match[1], {})[match[2]] = value
    if not indexes:
        return None
    logins = ListedLogins("`PINFOLD_INDEX_…`")
    for name, values in sorted(indexes.items()):
        if not _add_login(logins, name, values):
            fault = Fault(
                what=f"`PINFOLD_INDEX_{name}_…` belongs to no host",
                remedy=f"set `PINFOLD_INDEX_{name}_URL` to the URL of its index, with `https://`",
            )
            warnings.append(str(fault))
    return logins


def _add_login(logins: ListedLogins, name: str, values: Mapping[str, str]) -> bool:
    """Add the login of one NAME for its URL; False if there is no URL, or one without a host or a login.

    `_USERNAME` and `_PASSWORD` take precedence over a login in the URL.
    """
    url = parse_url(values.get("URL", ""))
    place = find_destination(url.public)
    _, login = split_login(url.secret) if url.secret is not None else (None, None)
    if "USERNAME" in values or "PASSWORD" in values:
        login = Login(user=Secret(values.get("USERNAME", "")), password=Secret(values.get("PASSWORD", "")))
    if place is None or login is None:
        return False
    logins.add(place, login, source=f"the login of `PINFOLD_INDEX_{name}_…`")
    return True


def _find_keyring(provider: KeyringProvider, hidden: Collection[str]) -> QueryKeyring | None:
    """The query to the keyring, or None if it is disabled. Raises SettingsError if a required one is missing."""
    if provider == "disabled":
        return None
    # Lazy: `shutil` takes 5 ms, and most runs need no password. Only a required keyring is looked for immediately.
    if provider == "subprocess":
        from resolver.fetch.http.login_stores import require_keyring

        require_keyring()
    return partial(_query_keyring, hidden=frozenset(hidden))


def _query_keyring(services: Sequence[str], known: Login | None, *, hidden: Collection[str]) -> Login | None:
    """The login that the keyring has for the first of some services; see `QueryKeyring`."""
    from resolver.fetch.http.login_stores import query_keyring  # Lazy, as above.

    return query_keyring(services, known, hidden=hidden)
