"""Tells git the login of one repository, over a socket that only this user can open, while one command runs.

In: questions in git's credential format (git: git-credential, input/output format). Out: user and password, if the
question is about the very repository that the command was started for; otherwise nothing. This is where the secret
of a repository's URL is opened.

What a git process is told by its environment and its configuration: names let in one by one, nothing by default.

In: the caller's environment and the kind of repository. Out: the environment, and `-c` options that come before the
command. Neither holds a secret: logins are asked for through `credential_server`.
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
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from lockfiles._values import dataclass
from resolver.errors import PinfoldError
from resolver.fetch.git.repository import Repository
from resolver.fetch.http.credentials import FindLogin
from resolver.fetch.http.hosts import find_certificates
from resolver.requirements.index_urls import is_loopback
from resolver.requirements.url import Secret, parse_url

__all__ = [
    "PROXY_USER",
    "Proxies",
    "RepositoryLogins",
    "find_proxies",
    "git_environment",
    "git_options",
    "serve_logins",
]


_SYSTEM = {"PATH", "TEMP", "TMP", "TMPDIR", "TZ"}
_WINDOWS = {"COMSPEC", "PATHEXT", "SYSTEMDRIVE", "SYSTEMROOT", "WINDIR"}
_SSH = {"HOME", "USER", "LOGNAME", "GIT_SSH", "GIT_SSH_VARIANT"}
_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
_OFF = "/dev/null"
PROXY_USER = "pinfold"
"""Stands for the user of a proxy on the way to git."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Variables that name proxies without their logins, and the URLs with them."""

    variables: dict[str, str]
    secrets: tuple[Secret, ...]


def git_environment(
    caller: Mapping[str, str], *, scheme: str, home: Path, agent: bool = True, allow_http: bool = False
) -> dict[str, str]:
    """The variables of a git process for a repository of that scheme; an empty scheme is a process without network.

    Only ssh gets the user's HOME: elsewhere curl would look for a `.netrc` there, and take its `default` entry for
    every host. `agent` lets ssh ask the user's agent. `allow_http` is for repositories that are named by `http:`.
    """
    kept = {name: value for name, value in caller.items() if name.upper() in _SYSTEM | _WINDOWS}
    fixed = {
        "GIT_ALLOW_PROTOCOL": scheme or "none",
        "GIT_ASKPASS": "",
        "GIT_CEILING_DIRECTORIES": str(home.parent),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_DEFAULT_REF_FORMAT": "files",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": str(home),
        # What git says is read by this program.
        "LC_ALL": "C",
        "XDG_CONFIG_HOME": str(home),
    }
    if scheme == "ssh":
        return {**kept, **fixed, **_ssh_variables(caller, agent=agent)}
    if scheme in ("https", "http"):
        fixed["GIT_ALLOW_PROTOCOL"] = "https:http" if allow_http else "https"
        return {**kept, **fixed, **_certificates(), **find_proxies(caller).variables}
    return {**kept, **fixed}


def git_options() -> list[str]:
    """The options in front of every command: no programs of the repository's or the user's are run."""
    settings = {
        "advice.detachedHead": "false",
        "core.askPass": "",
        "core.attributesFile": _OFF,
        "core.autocrlf": "false",
        "core.excludesFile": _OFF,
        "core.fsmonitor": "false",
        "core.hooksPath": _OFF,
        "credential.helper": "",
        "credential.useHttpPath": "true",
        "fetch.recurseSubmodules": "false",
        "gc.auto": "0",
        # The first answer may lead elsewhere, as GitLab's do to `.git`; what is asked then must not.
        "http.followRedirects": "initial",
        "http.lowSpeedLimit": "1",
        "http.lowSpeedTime": "60",
        "init.defaultBranch": "none",
        "maintenance.auto": "false",
        "protocol.file.allow": "never",
        "submodule.recurse": "false",
    }
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def find_proxies(caller: Mapping[str, str]) -> Proxies:
    """The proxies that the environment names. One that wants a login is named with a user who stands for it.

    git asks for the login of such a user as it does for that of a host; the name that it is told takes its place.
    """
    lower = {name.lower(): value for name, value in caller.items() if name.lower().endswith("_proxy") and value}
    # Those in lower case go first, as everywhere.
    lower |= {name: caller[name] for name in lower if caller.get(name)}
    variables: dict[str, str] = {}
    secrets = []
    for name, value in lower.items():
        if name == "no_proxy":
            variables |= {name: value, name.upper(): value}
        elif name in _PROXIES:
            url = parse_url(value if "://" in value else f"http://{value}")
            shown = url.public if url.secret is None else url.public.replace("://", f"://{PROXY_USER}@", 1)
            secrets += [url.secret] if url.secret is not None else []
            variables |= {name: shown, name.upper(): shown}
    return Proxies(variables=variables, secrets=tuple(secrets))


def _ssh_variables(caller: Mapping[str, str], *, agent: bool) -> dict[str, str]:
    """What ssh needs; it never asks anybody a question."""
    names = _SSH | ({"SSH_AUTH_SOCK"} if agent else set())
    kept = {name: value for name, value in caller.items() if name in names}
    command = caller.get("GIT_SSH_COMMAND") or ("" if "GIT_SSH" in kept else "ssh")
    # Behind the user's own options: the first one that ssh is given wins, but for this one nobody sets it otherwise.
    return {**kept, **({"GIT_SSH_COMMAND": f"{command} -o BatchMode=yes"} if command else {})}


def _certificates() -> dict[str, str]:
    file, folder = find_certificates()
    return {**({"GIT_SSL_CAINFO": file} if file else {}), **({"GIT_SSL_CAPATH": folder} if folder else {})}


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
