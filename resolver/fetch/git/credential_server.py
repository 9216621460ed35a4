"""Tells git the login of one repository, over a socket that only this user can open, while one command runs.

In: questions in git's credential format (git: git-credential, input/output format). Out: user and password, if the
question is about the very repository that the command was started for; otherwise nothing. This is where the secret
of a repository's URL is opened.
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
from resolver.fetch.git.environment import PROXY_USER
from resolver.fetch.git.repository import Repository
from resolver.fetch.logins import FindLogin
from resolver.requirements.private_hosts import is_loopback
from resolver.requirements.url import Secret

__all__ = ["RepositoryLogins", "serve_logins"]

_PROGRAM = Path(__file__).with_name("credential_program.py")
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LONGEST_QUESTION = 65536
_SHORTEST_HIDDEN = 4
_END_WAIT_S = 5.0


class RepositoryLogins:
    """The logins that one repository may be told, and what became of the questions.

    `asked` says that git wanted one; `answered` that there was one; `unusable` why one was not told; `told` are the
    texts that no output may show; `error` is what went wrong while one was looked for. All are read after the command
    has ended.
    """

    def __init__(self, repository: Repository, *, find_login: FindLogin | None) -> None:
        self.repository = repository
        self.asked = False
        self.answered = False
        self.unusable = self.unusable_remedy = ""
        self.told: tuple[str, ...] = ()
        self.error: PinfoldError | None = None
        self._find_login = find_login

    def for_repository(self, repository: Repository) -> RepositoryLogins:
        """Those of another repository, such as a submodule: with the same places to look, and nothing of this URL."""
        return RepositoryLogins(repository, find_login=self._find_login)

    def answer(self, question: dict[str, str]) -> list[tuple[str, str]]:
        """The lines to answer with; none for a question about anything but the repository."""
        if not self._is_ours(question):
            return []
        self.asked = True
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
        self.answered = True
        self.told += _forms(user, password)
        return [("username", user), ("password", password)]

    def answer_for_proxy(self, question: dict[str, str], proxies: tuple[Secret, ...]) -> list[tuple[str, str]]:
        """The lines for a question about a proxy: it asks for the user that stands for its login, and for no path."""
        if question.get("username") != PROXY_USER or question.get("path"):
            return []
        for proxy in proxies:
            parts = urlsplit(proxy.open_for_transport())
            host = parts.netloc.rpartition("@")[2].lower()
            user, password = unquote(parts.username or ""), unquote(parts.password or "")
            if (question.get("protocol"), question.get("host", "").lower()) != (parts.scheme, host):
                continue
            if not any(letter in user + password for letter in "\n\r\0"):
                self.told += _forms(user, password)
                return [("username", user), ("password", password)]
        return []

    def _is_ours(self, question: dict[str, str]) -> bool:
        """Whether scheme, host and port are the repository's, and the path is its own or lies inside of it."""
        repository = self.repository
        if question.get("protocol") != repository.scheme:
            return False
        try:
            parts = urlsplit(f"//{question.get('host', '')}")
            port = parts.port or _DEFAULT_PORTS[repository.scheme]
        except ValueError:
            return False
        if parts.username is not None or (parts.hostname, port) != (repository.host, repository.port):
            return False
        path = question.get("path", "").strip("/")
        if any(part in (".", "..") for part in path.split("/")):
            return False
        # Hosts send on from `name` to `name.git`.
        own = {repository.path, f"{repository.path}.git"}
        return any(path == known or path.startswith(f"{known}/") for known in own)

    def _open_login(self) -> tuple[str, str] | None:
        """User and password: of the URL itself, else what is known for it."""
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
    """The options that make git ask us, for as long as the context is open; none where git asks nobody.

    `proxies` are the URLs of those proxies that want a login.
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
            # Closing the listener alone would not wake the thread that waits for a connection.
            waking.connect(str(folder / "s"))
        thread.join(_END_WAIT_S)
        listener.close()
        shutil.rmtree(folder, ignore_errors=True)


def _listen() -> tuple[Path, socket.socket]:
    """A folder that is this user's alone, and a socket in it; the path of a socket may have about 100 letters."""
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
    while not ended.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            question = _read_question(connection)
            lines = logins.answer_for_proxy(question, proxies) or logins.answer(question)
            connection.sendall(os.fsencode("".join(f"{name}={value}\n" for name, value in lines)))


def _read_question(connection: socket.socket) -> dict[str, str]:
    data = b""
    while len(data) < _LONGEST_QUESTION and (part := connection.recv(4096)):
        data += part
    lines = os.fsdecode(data).split("\n")
    return {name: value for name, separator, value in (line.partition("=") for line in lines) if separator}


def _forms(user: str, password: str) -> tuple[str, ...]:
    """The texts of a login that a server could repeat in what it says."""
    known = {password, quote(password, safe=""), *(() if password else (user, quote(user, safe="")))}
    return tuple(sorted(text for text in known if len(text) >= _SHORTEST_HIDDEN))
