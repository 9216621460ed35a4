"""Runs the `git` command: with none of the user's configuration, with time limits, ended when a run is interrupted.

In: the arguments of a command, and the repository that it may reach. Out: its output, or `GitCommandError` with the end
of its errors. Variables and settings are allowed one by one, so that neither the caller's environment nor a repository
makes git run a program, follow a redirect to another place, or show a prompt. Neither holds a secret: a command that
reaches a repository gets a credential helper (`credential_server`), which is open for as long as it runs.

It is a module of its own because every part of the room runs git, and none may run it in another way.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import field
from pathlib import Path

from lockfiles._values import compile_later, dataclass
from resolver.errors import FetchError
from resolver.fetch.access import DEFAULT_TIMEOUT_S, Cancellation
from resolver.fetch.git.credential_server import PROXY_USER, RepositoryLogins, serve_logins
from resolver.fetch.git.repository import Repository, clean_lines, hide_texts
from resolver.fetch.http.hosts import Relay
from resolver.fetch.http.http_errors import no_answer_error
from resolver.fetch.http.wire import SLICE_S, find_certificates
from resolver.requirements.url import Secret, parse_url

__all__ = ["Git", "GitCommandError", "JudgeConnection", "RemoteRepository"]

JudgeConnection = Callable[[str, str], Sequence[str]]
"""The addresses for a connection to the host of a URL, which the URL of a repository leads to, or empty for one of the
list. Raises FetchError for a host that must not be reached, OSError for one without an address."""

# Older versions lack options that are used here.
_OLDEST_GIT = (2, 30)
_LOCAL_LIMIT_S = 600.0
_END_WAIT_S = 3.0
_ATTEMPTS = 3
# The messages of errors that may pass: too many requests, an overload, a broken connection.
_TRANSIENT = compile_later(
    r"returned error: (?:429|5\d\d)|early eof|unexpected disconnect|hung up unexpectedly|connection reset"
    r"|operation too slow|transfer closed",
    re.IGNORECASE,
)

# The variables of the caller that git gets: those of each system, then those for ssh and for proxies.
_SYSTEM = {"PATH", "TEMP", "TMP", "TMPDIR", "TZ"}
_WINDOWS = {"COMSPEC", "PATHEXT", "SYSTEMDRIVE", "SYSTEMROOT", "WINDIR"}
_SSH = {"HOME", "USER", "LOGNAME", "GIT_SSH", "GIT_SSH_VARIANT"}
_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
_EMPTY_FILE = "/dev/null"
"""Git for Windows accepts this name too."""


class GitCommandError(Exception):
    """A git command failed. It does not leave this room: `explain_git_failure` turns it into an error for the user."""

    def __init__(
        self, *, text: str, lines: tuple[str, ...], logins: RepositoryLogins | None, timed_out_s: float | None = None
    ) -> None:
        super().__init__(" / ".join(lines))
        self.text = text
        """Its whole error output, without the secrets that it was given."""
        self.lines = lines
        """The last lines of `text`, safe to show."""
        self.logins = logins
        """The logins of the command, with the outcome of git's queries for them; None for a command without network."""
        self.timed_out_s = timed_out_s
        """The limit that the command exceeded, in seconds; None if it ended by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRepository:
    """A repository that a command may reach."""

    repository: Repository

    logins: RepositoryLogins
    """The logins that git may be given for it."""

    agent: bool = True
    """Whether ssh may use the user's agent. A submodule of an https repository may not."""

    parent: str = ""
    """The URL of the repository whose submodule it is; empty for one that the list names."""

    find_id: Callable[[str], str] = field(default=lambda url: "", compare=False, repr=False)
    """The id of the credentials for a URL (`CredentialIds`)."""

    @property
    def key(self) -> str:
        """A name for folders in the cache, for this repository and the credentials that it is read with."""
        found = self.find_id(self.repository.clean_url)
        return f"{self.repository.key}-{found}" if found else self.repository.key


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proxies:
    """Variables that name proxies without their logins, and the URLs of those proxies that need a login."""

    variables: dict[str, str]
    secrets: tuple[Secret, ...]


class Git:
    """Starts git processes, and ends those that run. May be used from many threads; the owner closes it.

    - `home` is an empty folder of ours, the home of git.
    - `environment` is the caller's; None is that of this process.
    - `limit_s` is the longest time for a command that reaches a repository, with its repetitions.
    - `follows_redirects` is whether the first response may redirect.
    - `sleep` waits between attempts.
    - `judge` decides where git may connect; None does not restrict it.
    - `ending` ends the run, and each command with it.
    """

    def __init__(
        self,
        *,
        home: Path,
        judge: JudgeConnection | None = None,
        environment: Mapping[str, str] | None = None,
        limit_s: float = DEFAULT_TIMEOUT_S,
        follows_redirects: bool = True,
        sleep: Callable[[float], None] = time.sleep,
        ending: Cancellation | None = None,
    ) -> None:
        self._options = _build_options(follows_redirects=follows_redirects)
        self._home = home
        self._judge = judge
        self._caller = os.environ if environment is None else environment
        self._limit_s = limit_s
        self._sleep = sleep
        self._ending = ending
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._program: str | None = None
        self._closed = False

    def close(self) -> None:
        """End all processes that run, and start no other."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            _end(process)

    def run(self, *arguments: str, folder: Path | None = None, stdin: str = "") -> str:
        """The output of a command without network, run in `folder` (None: git's home). Raises GitCommandError."""
        environment = _build_environment(self._caller, scheme="", home=self._home)
        return self._run(list(arguments), environment, folder=folder, limit_s=_LOCAL_LIMIT_S, stdin=stdin)

    def run_remote(
        self, remote: RemoteRepository, *arguments: str, limit_s: float | None = None, folder: Path | None = None
    ) -> str:
        """The output of a command that reaches a repository. Raises GitCommandError, and RunCancelledError.

        It is run up to three times, while the server fails with an error that may pass. `limit_s` is a limit that may
        be shorter than that of all commands.
        """
        limit_s = self._limit_s if limit_s is None else min(limit_s, self._limit_s)
        ends_at = time.monotonic() + limit_s
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._run_with_logins(remote, arguments, limit_s=ends_at - time.monotonic(), folder=folder)
            except GitCommandError as failed:
                if failed.timed_out_s is not None:
                    failed.timed_out_s = limit_s
                if attempt == _ATTEMPTS or not _is_transient(failed):
                    raise
            self._sleep(0.5 * attempt)
        raise AssertionError("the last attempt returns or raises")

    def has_lfs(self) -> bool:
        """Whether git-lfs is installed."""
        return shutil.which("git-lfs", path=self._caller.get("PATH")) is not None

    def find_program(self, url: str) -> str:
        """The path of a git that is new enough. Raises FetchError if there is none; `url` is for that message."""
        if self._program is None:
            program = shutil.which("git", path=self._caller.get("PATH"))
            if program is None:
                raise FetchError(f"`git` is not installed, and {url} is a repository", url=url, remedy="install git")
            self._check_version(program, url)
            self._program = program
        return self._program

    def _check_version(self, program: str, url: str) -> None:
        """Raise FetchError for a git without the options that we use."""
        shown = subprocess.run(
            [program, "--version"],
            env=_build_environment(self._caller, scheme="", home=self._home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        ).stdout.decode(errors="replace")
        match = re.search(r"(\d{1,9})\.(\d{1,9})", shown)
        if match is None or (int(match[1]), int(match[2])) < _OLDEST_GIT:
            raise FetchError(
                f"`git` is too old for {url}: {shown.strip() or 'it does not tell its version'}",
                url=url,
                why=f"it is called with options that came with git {_OLDEST_GIT[0]}.{_OLDEST_GIT[1]}",
                remedy="install a newer git",
            )

    def _run_with_logins(
        self, remote: RemoteRepository, arguments: tuple[str, ...], *, limit_s: float, folder: Path | None
    ) -> str:
        """One attempt of a command that reaches a repository."""
        environment = _build_environment(
            self._caller, scheme=remote.repository.scheme, home=self._home, agent=remote.agent
        )
        self._check_parent(remote)
        with ExitStack() as stack:
            options = stack.enter_context(serve_logins(remote.logins, proxies=_find_proxies(self._caller).secrets))
            relay = self._open_relay(remote)
            if relay is not None:
                options = [*options, "-c", f"http.proxy={stack.enter_context(relay).url}"]
                environment = {name: value for name, value in environment.items() if name.lower() not in _PROXIES}
            try:
                return self._run(
                    [*options, *arguments],
                    environment,
                    folder=folder,
                    limit_s=limit_s,
                    logins=remote.logins,
                )
            except GitCommandError:
                if relay is not None and relay.refusal is not None:
                    raise relay.refusal from None
                raise

    def _check_parent(self, remote: RemoteRepository) -> None:
        """Raises FetchError for a submodule on a host that its parent may not lead to, whatever its scheme."""
        repository = remote.repository
        if self._judge is None or not remote.parent or not repository.host:
            return
        try:
            self._judge(repository.clean_url, remote.parent)
        except OSError as error:
            # `ssh` looks names up by itself, and could get another answer.
            raise no_answer_error(repository.url.public, reason=str(error), attempts=1) from error

    def _open_relay(self, remote: RemoteRepository) -> Relay | None:
        """The relay for a command over HTTP: it judges redirects, and connects to the addresses that were judged.

        None for other schemes, and where the environment names a proxy: then that one looks names up.
        """
        repository, judge = remote.repository, self._judge
        if judge is None or repository.scheme not in ("https", "http"):
            return None
        if any(name != "no_proxy" for name in map(str.lower, _find_proxies(self._caller).variables)):
            return None

        def find_addresses(host: str, port: int) -> Sequence[str]:
            url = f"{repository.scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
            source = remote.parent if host.lower() == repository.host else repository.clean_url
            return judge(url, source)

        return Relay(find_addresses)

    def _run(
        self,
        arguments: list[str],
        environment: dict[str, str],
        *,
        folder: Path | None,
        limit_s: float,
        logins: RepositoryLogins | None = None,
        stdin: str = "",
    ) -> str:
        """The output of one process. Raises GitCommandError, and FetchError after `close`."""
        process = self._start(arguments, environment, folder or self._home)
        try:
            output, errors, timed_out = _communicate(process, stdin, limit_s, self._ending)
        except BaseException:
            # Ctrl-C must not leave a git behind that writes to the cache.
            _end(process)
            raise
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode or timed_out:
            # A server may repeat the login it was given. It must be neither in the error nor in the locals of a frame.
            text = hide_texts(errors.decode(errors="replace"), logins.secrets if logins else ())
            del output, errors
            raise GitCommandError(
                text=text, lines=clean_lines(text), logins=logins, timed_out_s=limit_s if timed_out else None
            )
        return output.decode(errors="surrogateescape")

    def _start(self, arguments: list[str], environment: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
        """Start a process and add it to those that run. Raises FetchError after `close`."""
        program = self.find_program("a requirement")
        with self._lock:
            if self._closed:
                raise FetchError("the package source is closed", url="")
            process = subprocess.Popen(
                [program, *self._options, *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # It has no terminal for a prompt, and its children end with it.
                start_new_session=True,
            )
            self._running.add(process)
            return process


def _build_environment(caller: Mapping[str, str], *, scheme: str, home: Path, agent: bool = True) -> dict[str, str]:
    """The variables of a git process for a repository of that scheme; an empty scheme is a process without network.

    Only ssh gets the user's HOME: elsewhere curl would look for a `.netrc` there, and send its `default` entry to
    every host. `agent` lets ssh use the user's agent. Redirects to `http` are allowed only if the list names `http`.
    """
    kept = {name: value for name, value in caller.items() if name.upper() in _SYSTEM | _WINDOWS}
    fixed = {
        "GIT_ALLOW_PROTOCOL": scheme or "none",
        "GIT_ASKPASS": "",
        "GIT_CEILING_DIRECTORIES": str(home.parent),
        # No configuration of the user or the system: it can name programs, and other URLs for ours.
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_DEFAULT_REF_FORMAT": "files",
        # A checkout gets the pointers of LFS files, which `large_files` replaces.
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_NO_LAZY_FETCH": "1",
        # A commit id must name its own content (git: git-replace).
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": str(home),
        # The output is parsed, so it must be English.
        "LC_ALL": "C",
        "XDG_CONFIG_HOME": str(home),
    }
    if scheme == "ssh":
        return {**kept, **fixed, **_build_ssh_variables(caller, agent=agent)}
    if scheme in ("https", "http"):
        fixed["GIT_ALLOW_PROTOCOL"] = "https:http" if scheme == "http" else "https"
        return {**kept, **fixed, **_find_certificate_variables(), **_find_proxies(caller).variables}
    return {**kept, **fixed}


def _build_ssh_variables(caller: Mapping[str, str], *, agent: bool) -> dict[str, str]:
    """The variables that ssh needs, with a command that makes it show no prompt."""
    names = _SSH | ({"SSH_AUTH_SOCK"} if agent else set())
    kept = {name: value for name, value in caller.items() if name in names}
    command = caller.get("GIT_SSH_COMMAND") or ("" if "GIT_SSH" in kept else "ssh")
    # ssh takes the first value of an option, so the user's own options, in front, take precedence.
    return {**kept, **({"GIT_SSH_COMMAND": f"{command} -o BatchMode=yes"} if command else {})}


def _find_certificate_variables() -> dict[str, str]:
    """The variables of git for the certificates that all requests of a run use."""
    file, folder = find_certificates()
    return {**({"GIT_SSL_CAINFO": file} if file else {}), **({"GIT_SSL_CAPATH": folder} if folder else {})}


def _find_proxies(caller: Mapping[str, str]) -> _Proxies:
    """The proxies that the environment names. The login of one is replaced by the user `PROXY_USER`.

    git queries the credential helper for the password of that user, and gets the real user along with it.
    """
    lower = {name.lower(): value for name, value in caller.items() if name.lower().endswith("_proxy") and value}
    # Variables in lower case take precedence, as for curl.
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
    return _Proxies(variables=variables, secrets=tuple(secrets))


def _build_options(*, follows_redirects: bool) -> list[str]:
    """The options in front of every command. They turn off the programs that a repository or a user could configure."""
    settings = {
        "advice.detachedHead": "false",
        "core.askPass": "",
        "core.attributesFile": _EMPTY_FILE,
        # Files have the line ends of the commit on each system.
        "core.autocrlf": "false",
        "core.excludesFile": _EMPTY_FILE,
        "core.fsmonitor": "false",
        "core.hooksPath": _EMPTY_FILE,
        "credential.helper": "",
        # The helper gives a login for one path of a host, so it has to get the path.
        "credential.useHttpPath": "true",
        "fetch.recurseSubmodules": "false",
        "gc.auto": "0",
        # The first response may redirect, as GitLab's do to `.git`. The later ones, which carry logins, must not.
        "http.followRedirects": "initial" if follows_redirects else "false",
        # A connection without a byte in 60 s is broken.
        "http.lowSpeedLimit": "1",
        "http.lowSpeedTime": "60",
        "init.defaultBranch": "none",
        "maintenance.auto": "false",
        "protocol.file.allow": "never",
        "submodule.recurse": "false",
    }
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _communicate(
    process: subprocess.Popen[bytes], stdin: str, limit_s: float, ending: Cancellation | None
) -> tuple[bytes, bytes, bool]:
    """Output and errors of a process, and whether it was ended because it exceeded the limit.

    Raises RunCancelledError where the run ends; the caller then ends the process.
    """
    ends_at, given = time.monotonic() + limit_s, os.fsencode(stdin) or None
    while (left_s := ends_at - time.monotonic()) > 0:
        try:
            return *process.communicate(given, timeout=min(left_s, SLICE_S)), False
        except subprocess.TimeoutExpired:
            given = None  # It is being written already.
        if ending is not None:
            ending.check()
    _end(process)
    return *process.communicate(), True


def _is_transient(failed: GitCommandError) -> bool:
    """Whether the same command may succeed a moment later."""
    return failed.timed_out_s is None and _TRANSIENT.search(failed.text) is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children: by SIGTERM, and after 3 s by SIGKILL. Windows has only the latter."""
    _send(process, None if sys.platform == "win32" else signal.SIGTERM)
    try:
        process.wait(_END_WAIT_S)
    except subprocess.TimeoutExpired:
        _send(process, None if sys.platform == "win32" else signal.SIGKILL)
        process.wait()


def _send(process: subprocess.Popen[bytes], number: signal.Signals | None) -> None:
    """Send a signal to a process and its session; None kills the process alone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32" or number is None:
            process.kill()
        else:
            os.killpg(process.pid, number)
