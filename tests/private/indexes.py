"""pypiserver on loopback behind a user and password, with a log of what it was told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers import ServedFile

__all__ = ["PrivateIndex"]

_SCRIPT = Path(__file__).with_name("serve_index.py")


class PrivateIndex:
    """A real index that lists and serves its files to some users only; a context manager."""

    def __init__(self, folder: Path, files: Iterable[ServedFile], *, users: Mapping[str, str]) -> None:
        self._files, self._users, self._log = (folder / name for name in ("files", "users", "log"))
        self._files.mkdir(parents=True)
        self._log.touch()
        for file in files:
            (self._files / file.filename).write_bytes(file.content)
        self.set_users(users)
        command = [sys.executable, "-W", "ignore", *map(str, (_SCRIPT, self._files, self._users, self._log))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self._port}"

    def url(self, user_information: str = "") -> str:
        """The index, with user information where some is given."""
        return f"http://{user_information}{'@' if user_information else ''}{self.authority}/simple/"

    def set_users(self, users: Mapping[str, str]) -> None:
        """Admit these users, by password, and no others."""
        self._users.write_text("".join(f"{user}:{password}\n" for user, password in users.items()))

    @property
    def log(self) -> list[tuple[str, tuple[str, str] | None]]:
        """For each request its path, and the user and password that came with it (None without)."""
        rows = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [(path, None if login is None else (login[0], login[1])) for path, login, _ in rows]

    @property
    def downloads(self) -> list[str]:
        """The files that were asked for whole."""
        rows = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [path for path, _, part in rows if path.startswith("/packages/") and part is None]

    def clear_log(self) -> None:
        self._log.write_text("")
