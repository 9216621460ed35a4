"""Running the children of a build: with a time limit, an ending for all that they started, and their last words.

In: a command, a folder, a complete environment. Out: nothing, or BuildFailedError. A child has a session of its own,
so no terminal to ask anything of, and everything below it can be ended at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from resolver.requirements.url import redact

__all__ = ["BuildFailedError", "BuildProcesses"]

_TAIL_LINES = 20
_TAIL_BYTES = 64 * 1024
_TIMEOUT_S = 1800.0
_ENDING_S = 5.0
_AT_ONCE = max(1, min(4, os.cpu_count() or 1))
_SHORTEST_SECRET = 4
"""A shorter value of a setting cannot be a secret, and would garble what a backend says."""


class BuildFailedError(Exception):
    """The build gave nothing; the text is the end of what was written, or why it was ended."""


class BuildProcesses:
    """The children of the builds of one run. May be used from many threads; `stop` ends all, from any."""

    def __init__(self, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._state = threading.Condition()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._builds = 0
        self._is_stopped = False

    @contextmanager
    def build(self) -> Iterator[None]:
        """One whole build, with its folder; no more of them at once than the machine has cores."""
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
        """End all children and start no more, and wait until their builds have removed what they left behind."""
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
        said: str = "",
        hide: Sequence[str] = (),
    ) -> None:
        """Run a command to its end.

        `log` gets what it writes, `said` stands on its standard input, and `hide` are texts that no message may show.

        Raises BuildFailedError where it fails, or has not ended in time.
        """
        with log.open("wb") as output:
            child = self._start(command, folder, environment, output.fileno())
            try:
                _say(child, said)
                code = child.wait(self._timeout_s)
            except subprocess.TimeoutExpired:
                raise BuildFailedError(f"it had not finished after {self._timeout_s:g} s") from None
            finally:
                # Also what it has left running: a build is over when its backend is.
                _end(child)
                child.wait()
                with self._state:
                    self._running.discard(child)
        if code != 0:
            raise BuildFailedError(render_tail(log, hide=hide) or f"nothing; it ended with status {code}")

    def _start(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], output: int
    ) -> subprocess.Popen[bytes]:
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
                start_new_session=True,
            )
            self._running.add(child)
            return child


def render_tail(log: Path, *, hide: Sequence[str] = ()) -> str:
    """The last lines of a log, with the public part of every URL and without the texts to hide."""
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


def _say(child: subprocess.Popen[bytes], text: str) -> None:
    assert child.stdin is not None, "it was started with one"
    try:
        with child.stdin:
            child.stdin.write(text.encode())
    except BrokenPipeError:
        pass  # It does not listen, or has ended.


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill a child and all of its session."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    except (ProcessLookupError, PermissionError):
        pass  # All have ended.
