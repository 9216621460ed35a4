"""What processes below a run are told: argv and environment, written down while they run.

Three ways, since none sees all: a `git` in front of the real one; Python's audit events in the command's own process,
which tell each direct child exactly (see `entry`); and a look at /proc every few milliseconds, for what children start.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

__all__ = ["KEYRING_MAY_SEE", "ProcessWatch", "write_wrapper"]

KEYRING_MAY_SEE = ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "HTTPS_PROXY")
"""Variables that the command `keyring` gets as the user has them."""

_PAUSE_S = 0.006


def write_wrapper(folder: Path, records: Path, name: str) -> None:
    """A program in front of the real one of that name, which notes argv and environment and then becomes it."""
    program = shutil.which(name)
    assert program is not None
    folder.mkdir(parents=True, exist_ok=True)
    note = f"{{ printf '%s\\n' \"$0\" \"$@\"; env; }} >> '{records}/{name}'-$$.txt"
    (folder / name).write_text(f"#!/bin/sh\n{note}\nexec '{program}' \"$@\"\n", encoding="utf-8")
    (folder / name).chmod(0o755)


class ProcessWatch:
    """Looks at everything below a process until `stop`, and notes what it sees in a file.

    Between fork and exec a child still shows what its parent was told, and so does its copy of the parent's
    environment: what equals the root's own argv is left out.
    """

    def __init__(self, root: int, record: Path) -> None:
        self._root = root
        self._record = record
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        own = _read(self._root, "cmdline")
        seen: set[bytes] = set()
        with self._record.open("ab") as file:
            while not self._ended.wait(_PAUSE_S):
                for pid in _iter_below(self._root):
                    words, told, again = (_read(pid, name) for name in ("cmdline", "environ", "cmdline"))
                    own = own or _read(self._root, "cmdline")
                    note = words + b"\n" + (_leave_out_keyring(told) if b"keyring" in words else told)
                    if words and words == again != own and note not in seen:
                        seen.add(note)
                        file.write(note.replace(b"\0", b"\n") + b"\n")


def _leave_out_keyring(environment: bytes) -> bytes:
    """An environment (NUL between its variables) without what is the keyring's business.

    It is a program of the user that may need his other credentials and proxies, as those of cloud vendors do. What the
    list names, and what is pinfold's, is none of its business.
    """
    theirs = tuple(name.encode() + b"=" for name in KEYRING_MAY_SEE)
    return b"\0".join(one for one in environment.split(b"\0") if not one.startswith(theirs))


def _iter_below(root: int) -> Iterator[int]:
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        for child in _list_children(pid):
            yield child
            waiting.append(child)


def _list_children(pid: int) -> list[int]:
    """The children of all threads of a process."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    except OSError:
        pass
    return found


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
