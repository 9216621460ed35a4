"""Arguments and environment of every child of this process, recorded while they run (Linux)."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["ChildWatcher"]


class ChildWatcher:
    """Looks at all children again and again until its end; a context manager. `seen` is what they were given."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, bytes], bytes] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._known = set(_find_children(os.getpid()))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def text(self) -> bytes:
        """All arguments and environments."""
        return b"\n".join(part for (_, command), environment in self.seen.items() for part in (command, environment))

    def _watch(self) -> None:
        while not self._stop.wait(0.002):
            for pid in set(_find_children(os.getpid())) - self._known:
                command, environment = _read(f"/proc/{pid}/cmdline"), _read(f"/proc/{pid}/environ")
                if command:
                    self.seen[pid, command] = environment


def _find_children(pid: int) -> list[str]:
    """The processes below one, at any depth."""
    found: list[str] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208  (a process may end at any time)
    except OSError:
        return found
    for task in tasks:
        for child in _read(f"/proc/{pid}/task/{task}/children").decode().split():
            found += [child, *_find_children(int(child))]
    return found


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""
