"""Gives git the login of one repository, over a socket that only this user can open, while one command runs.

In: queries in git's credential format (git: git-credential, input/output format), which `credential_program` passes on.
Out: user and password, if the query is about the repository that the command was started for, or about a proxy on the
way to it; else nothing. This is the only module that opens the secret of a repository's URL.

It is a module of its own because logins must be in no command line, no environment and no file, where other processes
could read them.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from resolver.errors import PinfoldError
from resolver.fetch.git.repository import Repository
from resolver.fetch.http.credentials import FindLogin
from resolver.requirements.index_urls import is_loopback
from resolver.requirements.url import Secret

__all__ = ["PROXY_USER", "RepositoryLogins", "serve_logins"]


PROXY_USER = "pinfold"
"""The user in the URL of a proxy that needs a login: git queries the helper for this user's password."""

_PROGRAM = Path(__file__).with_name("credential_program.py")
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LONGEST_QUERY_BYTES = 65536
_SHORTEST_SECRET = 4
"""A shorter text is not hidden: replacing it would make the output unreadable."""
_END_WAIT_S = 5.0


class RepositoryLogins:
    """The logins for one repository, and the outcome of git's queries for them.

    `find_login` finds the login of a URL without one of its own; None finds none. The attributes are read after the
    command has ended.
    """

    def __init__(self, repository: Repository, *, find_login: FindLogin | None) -> None:
        self.repository = repository
        self.was_requested = False
        """Whether git needed a login for the repository."""
        self.was_given = False
        """Whether it got one."""
        self.unusable = self.unusable_remedy = ""
        """Why a login was not given although there is one, and what to do; empty if none was held back."""
        self.secrets: tuple[str, ...] = ()
        """The texts that no output may show."""
        self.error: PinfoldError | None = None
        """The error of `find_login`."""
        self._find_login = find_login

    def for_repository(self, repository: Repository) -> RepositoryLogins:
        """The logins of another repository, such as a submodule: found in the same way, without those of this URL."""
        return RepositoryLogins(repository, find_login=self._find_login)

    def answer(self, query: dict[str, str]) -> list[tuple[str, str]]:
        """The attributes of the response; empty if the query is not about the repository, or there is no usable login.

        A login with a line break is held back, since it could add attributes; so is one that http would send in clear.
        """
        if not self._is_about_repository(query):
            return []
        self.was_requested = True
        login = self._open_login()
        if login is None:
            return []
        user, password = login
        if any(letter in user + password for letter in "\n\r\0"):
            self.unusable = "its user or password holds a line break"
            self.unusable_remedy = "write it without one"
            return []
        if self.repository.scheme == "http" and not is_loopback(self.repository.host):
            self.unusable, self.unusable_remedy = "`http` is not encrypted", "write `https`"
            return []
        self.was_given = True
        self.secrets += _find_forms(user, password)
        return [("username", user), ("password", password)]

    def answer_for_proxy(self, query: dict[str, str], proxies: tuple[Secret, ...]) -> list[tuple[str, str]]:
        """The attributes of the response to a query about a proxy, whose user is `PROXY_USER`; else empty."""
        if query.get("username") != PROXY_USER or query.get("path"):
            return []
        for proxy in proxies:
            parts = urlsplit(proxy.open_for_transport())
            host = parts.netloc.rpartition("@")[2].lower()
            user, password = unquote(parts.username or ""), unquote(parts.password or "")
            if (query.get("protocol"), query.get("host", "").lower()) != (parts.scheme, host):
                continue
            if not any(letter in user + password for letter in "\n\r\0"):
                self.secrets += _find_forms(user, password)
                return [("username", user), ("password", password)]
        return []

    def _is_about_repository(self, query: dict[str, str]) -> bool:
        """Whether scheme, host and port are those of the repository, and the path is its own or inside of it."""
        repository = self.repository
        if query.get("protocol") != repository.scheme:
            return False
        try:
            parts = urlsplit(f"//{query.get('host', '')}")
            port = parts.port or _DEFAULT_PORTS[repository.scheme]
        except ValueError:
            return False
        if parts.username is not None or (parts.hostname, port) != (repository.host, repository.port):
            return False
        path = query.get("path", "").strip("/")
        if any(part in (".", "..") for part in path.split("/")):
            return False
        # Hosts redirect from `name` to `name.git`.
        own = {repository.path, f"{repository.path}.git"}
        return any(path == known or path.startswith(f"{known}/") for known in own)

    def _open_login(self) -> tuple[str, str] | None:
        """User and password: those of the URL itself, else those found for it; None if there are none."""
        if self.repository.url.secret is not None:
            parts = urlsplit(self.repository.url.secret.open_for_transport())
            if parts.username or parts.password:
                return unquote(parts.username or ""), unquote(parts.password or "")
        if self._find_login is None:
            return None
        try:
            login = self._find_login(self.repository.clean_url)
        except PinfoldError as error:
            self.error = error
            return None
        return None if login is None else (login.user.open_for_transport(), login.password.open_for_transport())


@contextlib.contextmanager
def serve_logins(logins: RepositoryLogins, *, proxies: tuple[Secret, ...] = ()) -> Iterator[list[str]]:
    """The options that make git query us for logins, as long as the context is open.

    They are empty for schemes without logins of this kind (ssh, file), and on systems without Unix sockets. `proxies`
    are the URLs of those proxies that need a login.
    """
    if logins.repository.scheme not in _DEFAULT_PORTS or not hasattr(socket, "AF_UNIX"):
        yield []
        return
    folder, listener = _listen()
    ended = threading.Event()
    thread = threading.Thread(target=_serve, args=(listener, logins, proxies, ended), daemon=True, name="git logins")
    thread.start()
    command = shlex.join([sys.executable, "-I", "-S", str(_PROGRAM), str(folder / "s")])
    try:
        yield ["-c", f"credential.helper=!{command}"]
    finally:
        ended.set()
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as waking:
            # A connection ends the thread's wait for one; closing the listener would not.
            waking.connect(str(folder / "s"))
        thread.join(_END_WAIT_S)
        listener.close()
        shutil.rmtree(folder, ignore_errors=True)


def _listen() -> tuple[Path, socket.socket]:
    """A new folder that only this user can open, and a listening socket `s` in it.

    The path of a socket may have about 100 characters. Where the folder for temporary files has a longer one, the
    socket is in `/tmp`.
    """
    for parent in (None, "/tmp"):
        folder = Path(tempfile.mkdtemp(prefix="pinfold-", dir=parent))
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(folder / "s"))
            (folder / "s").chmod(0o600)
            listener.listen(8)
        except OSError:
            listener.close()
            shutil.rmtree(folder, ignore_errors=True)
            if parent is not None:
                raise
        else:
            return folder, listener
    raise AssertionError("the last attempt returns or raises")


def _serve(
    listener: socket.socket, logins: RepositoryLogins, proxies: tuple[Secret, ...], ended: threading.Event
) -> None:
    """Answer one connection after the other until the event is set."""
    while not ended.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            query = _read_query(connection)
            attributes = logins.answer_for_proxy(query, proxies) or logins.answer(query)
            connection.sendall(os.fsencode("".join(f"{name}={value}\n" for name, value in attributes)))


def _read_query(connection: socket.socket) -> dict[str, str]:
    """The attributes of a query, up to the end of the stream or the limit."""
    data = b""
    while len(data) < _LONGEST_QUERY_BYTES and (part := connection.recv(4096)):
        data += part
    lines = os.fsdecode(data).split("\n")
    return {name: value for name, separator, value in (line.partition("=") for line in lines) if separator}


def _find_forms(user: str, password: str) -> tuple[str, ...]:
    """The texts of a login that a server could repeat in a message: the password, also percent-encoded.

    A user without password is a token, and so a secret itself.
    """
    known = {password, quote(password, safe=""), *(() if password else (user, quote(user, safe="")))}
    return tuple(sorted(text for text in known if len(text) >= _SHORTEST_SECRET))
