"""Runs the `git` command: with nothing of the user's configuration, a time limit, and an end when we are interrupted.

In: the words of a command. Out: what it wrote, or `GitFailed` with what it said. Commands that talk to a repository
get a way to ask for its login; it is open for as long as they run.
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
from collections.abc import Callable, Mapping
from pathlib import Path

from lockfiles._values import dataclass
from resolver.errors import FetchError
from resolver.fetch.git.credential_server import (
    RepositoryLogins,
    find_proxies,
    git_environment,
    git_options,
    serve_logins,
)
from resolver.fetch.git.repository import Repository, clean_lines, hide_texts

__all__ = ["OLDEST", "Git", "GitFailed"]

OLDEST = (2, 30)
LOCAL_LIMIT_S = 600.0
_END_WAIT_S = 3.0
_ATTEMPTS = 3
_TRANSIENT = re.compile(
    r"returned error: (?:429|5\d\d)|early eof|unexpected disconnect|hung up unexpectedly|connection reset"
    r"|operation too slow|transfer closed",
    re.IGNORECASE,
)


class GitFailed(Exception):  # noqa: N818 - the word for what it is; it never leaves this package
    """A command ended with an error. `lines` are the end of `text`, safe to show.

    `logins` is what was asked for on the way. `timed_out_s` is the limit that it went beyond, None where it did not.
    """

    def __init__(
        self, *, text: str, lines: tuple[str, ...], logins: RepositoryLogins | None, timed_out_s: float | None = None
    ) -> None:
        super().__init__(" / ".join(lines))
        self.text = text
        self.lines = lines
        self.logins = logins
        self.timed_out_s = timed_out_s


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRepository:
    """A repository that a command may talk to, and the logins that may be told to it."""

    repository: Repository
    logins: RepositoryLogins
    agent: bool = True


class Git:
    """Starts git processes and knows those that run; may be used from many threads.

    `home` is an empty folder of our own. `environment` is the caller's, of which little is passed on. `limit_s` is
    the longest time for a command that talks to a repository, where that is less than its own limit. `sleep` waits
    before a server that failed for a moment is asked again.
    """

    def __init__(
        self,
        *,
        home: Path,
        environment: Mapping[str, str] | None = None,
        limit_s: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._home = home
        self._caller = os.environ if environment is None else environment
        self._limit_s = limit_s
        self._sleep = sleep
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._program: str | None = None
        self._closed = False

    def close(self) -> None:
        """End all processes that still run; no other one is started."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            _end(process)

    def run(self, *words: str, folder: Path | None = None, stdin: str = "") -> str:
        """What a command without network writes; `folder` is where it runs. Raises GitFailed."""
        environment = git_environment(self._caller, scheme="", home=self._home)
        return self._start(list(words), environment, folder=folder, limit_s=LOCAL_LIMIT_S, stdin=stdin)

    def ask(self, remote: RemoteRepository, *words: str, limit_s: float, folder: Path | None = None) -> str:
        """What a command writes that talks to a repository; again where the server failed for a moment.

        Raises GitFailed.
        """
        for attempt in range(1, _ATTEMPTS):
            try:
                return self._ask(remote, words, limit_s=limit_s, folder=folder)
            except GitFailed as failed:
                if not _is_transient(failed):
                    raise
            self._sleep(0.5 * attempt)
        return self._ask(remote, words, limit_s=limit_s, folder=folder)

    def _ask(self, remote: RemoteRepository, words: tuple[str, ...], *, limit_s: float, folder: Path | None) -> str:
        scheme = remote.repository.scheme
        environment = git_environment(
            self._caller, scheme=scheme, home=self._home, agent=remote.agent, allow_http=scheme == "http"
        )
        with serve_logins(remote.logins, proxies=find_proxies(self._caller).secrets) as options:
            return self._start(
                [*options, *words],
                environment,
                folder=folder,
                limit_s=limit_s if self._limit_s is None else min(limit_s, self._limit_s),
                logins=remote.logins,
            )

    def has_lfs(self) -> bool:
        """Whether git-lfs is installed."""
        return shutil.which("git-lfs", path=self._caller.get("PATH")) is not None

    def find_program(self, url: str) -> str:
        """The path of a git that is new enough. Raises FetchError where there is none."""
        if self._program is None:
            program = shutil.which("git", path=self._caller.get("PATH"))
            if program is None:
                raise FetchError(f"`git` is not installed, and {url} is a repository", url=url, remedy="install git")
            shown = subprocess.run(
                [program, "--version"],
                env=git_environment(self._caller, scheme="", home=self._home),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            ).stdout.decode(errors="replace")
            match = re.search(r"(\d+)\.(\d+)", shown)
            if match is None or (int(match[1]), int(match[2])) < OLDEST:
                raise FetchError(
                    f"`git` is too old for {url}: {shown.strip() or 'it does not tell its version'}",
                    url=url,
                    why=f"it is called with options that came with git {OLDEST[0]}.{OLDEST[1]}",
                    remedy="install a newer git",
                )
            self._program = program
        return self._program

    def _start(
        self,
        words: list[str],
        environment: dict[str, str],
        *,
        folder: Path | None,
        limit_s: float,
        logins: RepositoryLogins | None = None,
        stdin: str = "",
    ) -> str:
        program = self.find_program("a requirement")
        with self._lock:
            if self._closed:
                raise FetchError("the package source is closed", url="")
            process = subprocess.Popen(
                [program, *git_options(), *words],
                cwd=folder or self._home,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # Without a terminal nobody can be asked for a password, and all its children end with it.
                start_new_session=True,
            )
            self._running.add(process)
        timed_out = False
        try:
            try:
                output, errors = process.communicate(os.fsencode(stdin), timeout=limit_s)
            except subprocess.TimeoutExpired:
                timed_out = True
                _end(process)
                output, errors = process.communicate()
        except BaseException:
            _end(process)
            raise
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode or timed_out:
            text = hide_texts(errors.decode(errors="replace"), logins.told if logins else ())
            lines = clean_lines(text)
            # A server may repeat what it was told, and frames are shown by some who report errors.
            del output, errors
            raise GitFailed(text=text, lines=lines, logins=logins, timed_out_s=limit_s if timed_out else None)
        return output.decode(errors="surrogateescape")


def _is_transient(failed: GitFailed) -> bool:
    """Whether the same question may be answered a moment later."""
    return failed.timed_out_s is None and _TRANSIENT.search(failed.text) is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_END_WAIT_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
