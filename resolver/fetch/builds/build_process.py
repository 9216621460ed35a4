"""The child processes of builds: a time limit, an end for everything that they started, and the end of their output.

In: a command, a folder, a complete environment. Out: nothing, or `BuildFailedError` with the last lines of the output,
out of which `find_build_advice` reads what helps. Each child has a session of its own. So it has no terminal to show a
prompt on, and it is ended together with all the processes below it.

It is a module of its own because a run has to end its builds from another thread: `resolver.artifacts` and the package
source share one `BuildProcesses` for all builds of a run.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from resolver.fetch.access import Cancellation
from resolver.fetch.http.wire import SLICE_S
from resolver.requirements.url import redact

if TYPE_CHECKING:
    from resolver.index.events import Observe

__all__ = ["BuildAdvice", "BuildFailedError", "BuildProcesses", "find_build_advice"]

# The end of the output is shown in the error: enough for a traceback, and little enough to read.
_TAIL_LINES = 20
_TAIL_BYTES = 64 * 1024
_TIMEOUT_S = 1800.0
_ENDING_S = 5.0
_PARALLEL_BUILDS = max(1, min(4, os.cpu_count() or 1))
_SHORTEST_SECRET = 4
"""A shorter value of a setting is no secret, and replacing it would make the output unreadable."""


_MISSING_MODULE = r"No module named ['\"]([A-Za-z0-9_]+)"
_ASKED_MODULE = r"\b(numpy|(?:py)?torch) (?:is|are|must be|needs to be|not) (?:required|installed|found)"
_OF_THE_IMAGE = frozenset({"torch", "numpy", "torchvision", "tensorflow", "jax", "cupy"})
"""Packages that a build compiles against, so that the ones of the image are meant."""

_DEBIAN = (
    (r"Python\.h: No such file", "python3-dev"),
    (r"(?:ffi|ffitarget)\.h: No such file", "libffi-dev"),
    (r"(?:openssl/\w+|ssl)\.h: No such file", "libssl-dev"),
    (r"portaudio\.h: No such file", "portaudio19-dev"),
    (r"sndfile\.h: No such file", "libsndfile1-dev"),
    (r"zlib\.h: No such file", "zlib1g-dev"),
    (r"libxml/\w+\.h: No such file|libxml2 and libxslt development packages", "libxml2-dev libxslt1-dev"),
    (r"lber\.h: No such file|ldap\.h: No such file", "libldap2-dev libsasl2-dev"),
    (r"pg_config executable not found|libpq-fe\.h: No such file", "libpq-dev"),
    (r"mysql_config|valid pkg-config name", "default-libmysqlclient-dev pkg-config"),
    (r"pkg-config:? (?:command |is )?(?:not found|missing)", "pkg-config"),
    (r"[Cc]an(?:no|')t find (?:the )?Rust|cargo,? the Rust package manager|rustc?: command not found", "cargo"),
    (r"CMake (?:must|is required)|cmake: (?:command )?not found|such file or directory: 'cmake'", "cmake"),
    (r"gfortran: (?:command )?not found|No Fortran compiler found", "gfortran"),
    (r"swig: (?:command )?not found|command 'swig' failed: No such file", "swig"),
    (
        r"(?:command|execute) '[\w./-]*(?:gcc|g\+\+|cc|c\+\+|clang)'(?: failed)?: No such file"
        r"|(?:gcc|g\+\+|cc|c\+\+): (?:command )?not found|Unknown compiler\(s\)",
        "build-essential",
    ),
)
"""What the output of a build shows where a program or header is missing, with the Debian packages that have it.

Patterns are texts, which `re` compiles on first use.
"""


class BuildAdvice(NamedTuple):
    """What helps against the cause of a failed build, and lines to write as it advises."""

    remedy: str
    quoted: tuple[str, ...] = ()


def find_build_advice(output: str) -> BuildAdvice | None:
    """The advice for the cause that the output of a build shows; None for any other cause."""
    module = re.search(_MISSING_MODULE, output) or re.search(_ASKED_MODULE, output, re.IGNORECASE)
    name = None if module is None else module[1].lower().removeprefix("py")
    if name == "pkg_resources":
        table = ("[tool.pinfold]", 'build-constraint-dependencies = ["setuptools<81"]')
        return BuildAdvice("build it with an older setuptools, which has `pkg_resources`: in pyproject.toml", table)
    if name in _OF_THE_IMAGE:
        return BuildAdvice(
            f"move it to a layer of its own with `--no-build-isolation`, after the one that has `{name}`, and"
            " write its requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml"
        )
    packages = next((packages for pattern, packages in _DEBIAN if re.search(pattern, output)), None)
    return None if packages is None else BuildAdvice(f"install what it compiles with: `apt-get install {packages}`")


class BuildFailedError(Exception):
    """A build failed. The text is the end of its output, or the reason why it was ended.

    It does not leave `fetch` and `artifacts`, which name the tree and the remedy in an error of their own.
    """


class BuildProcesses:
    """The child processes of the builds of one run. May be used from many threads.

    `timeout_s` is the longest time for one process; `ending` ends the run, and each process with it.
    `observe` is the listener of the run, for those that begin a build.
    """

    def __init__(
        self,
        *,
        timeout_s: float = _TIMEOUT_S,
        ending: Cancellation | None = None,
        observe: Observe | None = None,
    ) -> None:
        self.observe = observe
        self._timeout_s = timeout_s
        self._ending = ending
        self._slots = threading.BoundedSemaphore(_PARALLEL_BUILDS)
        self._state = threading.Condition()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._builds = 0
        self._is_stopped = False

    @contextmanager
    def build(self) -> Iterator[None]:
        """A context for one build, from the creation of its temporary folder to the removal of it.

        Waits while as many builds run as the machine has cores, at most four.
        """
        with self._slots:
            with self._state:
                self._builds += 1
            try:
                yield
            finally:
                with self._state:
                    self._builds -= 1
                    self._state.notify_all()

    def stop(self) -> None:
        """End all processes, start no more, and wait up to 5 s for the builds to remove their temporary folders."""
        with self._state:
            self._is_stopped = True
            for child in self._running:
                _end(child)
            self._state.wait_for(lambda: not self._builds, timeout=_ENDING_S)

    def run(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        log: Path,
        stdin: str = "",
        hide: Sequence[str] = (),
    ) -> None:
        """Run a command to its end, and end everything that it has started.

        `environment` is complete: no variable of this process is added. `log` gets its output and errors, `stdin` is
        its standard input, and `hide` are texts that an error must not show.

        Raises BuildFailedError if it fails, or has not ended in time, and RunCancelledError where the run ends.
        """
        with log.open("wb") as output:
            child = self._start(command, folder, environment, output.fileno())
            try:
                _write_stdin(child, stdin)
                code = self._wait(child)
            finally:
                # Also for a command that has ended: it may have left processes of its session running.
                _end(child)
                child.wait()
                with self._state:
                    self._running.discard(child)
        if code != 0:
            raise BuildFailedError(_render_tail(log, hide=hide) or f"nothing; it ended with status {code}")

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        """The exit code of a process. Raises as `run`."""
        ends_at = time.monotonic() + self._timeout_s
        while (left_s := ends_at - time.monotonic()) > 0:
            with suppress(subprocess.TimeoutExpired):
                return child.wait(min(left_s, SLICE_S))
            if self._ending is not None:
                self._ending.check()
        raise BuildFailedError(f"it had not finished after {self._timeout_s:g} s")

    def _start(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], output: int
    ) -> subprocess.Popen[bytes]:
        """Start a process whose output goes to a file descriptor. Raises BuildFailedError after `stop`."""
        with self._state:
            if self._is_stopped:
                raise BuildFailedError("it was ended together with the run")
            child = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                # It has no terminal for a prompt, and its whole session can be ended.
                start_new_session=True,
            )
            self._running.add(child)
            return child


def _render_tail(log: Path, *, hide: Sequence[str]) -> str:
    """The last lines of a log, with the public part of each URL, and `…` in place of the texts to hide."""
    with log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _TAIL_BYTES))
        text = stream.read().decode(errors="replace")
    # The longest first: one may be part of another.
    for secret in sorted(hide, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "…")
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(redact(line) for line in lines[-_TAIL_LINES:])


def _write_stdin(child: subprocess.Popen[bytes], text: str) -> None:
    """Write the standard input of a child, and close it."""
    assert child.stdin is not None, "it was started with one"
    try:
        with child.stdin:
            child.stdin.write(text.encode())
    except BrokenPipeError:
        pass  # It does not read its input, or has ended.


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill a child and its session; Windows has no sessions, so there only the child."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    except (ProcessLookupError, PermissionError):
        pass  # They have ended.
