"""A place in which hostile inputs are tried, and a record of everything that they cause.

    trap.public      an index on loopback that the user allows, with a log of its requests
    trap.private     a port on loopback that no run may connect to, with the number of connections
    trap.outside     a folder with secrets, beside the one that the user works in
    trap.built       a file that every source here writes if its code runs

`Trap.watch` records connections, opened files and started programs of this process by the audit events of Python
(PEP 578), so that a request is seen whatever library makes it.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from resolver.cli.main import main
from tests.command import Project
from tests.distributions import make_sdist, make_wheel, wheel_filename
from tests.loopback import RawListener
from tests.servers import Answer, IndexServer, sdist, wheel

__all__ = ["CANARY", "VARIABLE", "Listener", "Trap", "make_trap"]

CANARY = "canary-7c1e-content"
"""The content of the files outside."""
VARIABLE = "canary-7c1e-variable"
"""The value of `CANARY` in the environment."""

_watching: list[Trap] = []
"""The trap that records now, if any: an audit hook cannot be removed."""


class Listener(RawListener):
    """A port that accepts connections, counts them, and says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.connections = 0

    def serve(self, connection: socket.socket) -> None:
        """Count the connection."""
        self.connections += 1
        connection.close()


@dataclass(kw_only=True)
class Trap:
    """See the module. `connected` are ports, `opened` paths below `outside`, `started` the words of programs.

    `looked_up` are the hosts that a name server is queried for, which learns the name.
    """

    project: Project
    public: IndexServer
    private: Listener
    outside: Path
    built: Path
    connected: set[int] = field(default_factory=set)
    opened: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    printed: str = ""
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.project.folder

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Record what this process does."""
        _watching.append(self)
        try:
            yield
        finally:
            _watching.remove(self)

    def run(self, *words: str) -> int:
        """The exit code of the command in the folder; what it prints is added to `printed`."""
        self.project.monkeypatch.chdir(self.folder)
        self.project.capture.readouterr()
        with self.watch():
            code = main(words)
        self.printed += "".join(self.project.capture.readouterr())
        self.codes[" ".join(words)] = code
        return code

    def check(self) -> None:
        """Fail for a connection, a file, a build or a text that no input here may cause."""
        assert self.private.connections == 0, self.codes
        # Port 0 is what a name server lookup connects to.
        assert self.connected <= {self.public.port}, self.codes
        assert self.opened == [], self.codes
        assert not self.built.exists(), self.codes
        assert CANARY not in self.printed
        assert VARIABLE not in self.printed
        assert VARIABLE not in "".join((*self.looked_up, *self.started))
        assert VARIABLE not in "".join(f"{one.target}{dict(one.headers)}" for one in self.public.log)
        assert not [letter for letter in self.printed if letter != "\n" and not letter.isprintable()]
        assert set(self.codes.values()) <= {0, 1, 2, 3, 4, 5}, self.codes
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert CANARY.encode() not in path.read_bytes(), path

    def _record(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            self.connected.add(int(arguments[1][1]))
        elif event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            path = os.path.realpath(os.fsdecode(arguments[0]))
            if Path(path).is_relative_to(self.outside) or path == "/etc/passwd":
                self.opened.append(path)
        elif event == "socket.getaddrinfo":
            self.looked_up.append(str(arguments[0]))
        elif event == "subprocess.Popen":
            self.started.append(str(arguments[1]))


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event in ("socket.connect", "socket.getaddrinfo", "open", "subprocess.Popen"):
        _watching[-1]._record(event, arguments)


sys.addaudithook(_audit)


@contextmanager
def make_trap(project: Project) -> Iterator[Trap]:
    """A trap around the folder of a project, whose index is the public one."""
    outside = project.folder.parent / "outside"
    built = project.folder.parent / "built"
    statement = f"open({str(built)!r}, 'w').close()"
    project.server.add("safe", wheel("safe", "1.0"))
    project.server.add("source", sdist("source", "1.0", static=False, backend_statement=statement))
    (outside / "wheels").mkdir(parents=True)
    (outside / "secret.txt").write_text(f"{CANARY}\n", encoding="utf-8")
    (outside / "wheels" / wheel_filename("near", "1.0")).write_bytes(make_wheel("near", "1.0"))
    (outside / "wheels" / "near-2.0.tar.gz").write_bytes(
        make_sdist("near", "2.0", static=False, backend_statement=statement)
    )
    _write_tree(outside / "tree", built)
    _write_tree(project.folder / "own", built)
    project.monkeypatch.setenv("CANARY", VARIABLE)
    with Listener() as private:
        project.server.always["/redirect/"] = Answer(
            status=302, headers={"Location": f"http://127.0.0.1:{private.port}/safe/"}
        )
        project.server.always["/redirect/safe/"] = project.server.always["/redirect/"]
        project.server.always["/redirect/info/refs"] = project.server.always["/redirect/"]
        yield Trap(project=project, public=project.server, private=private, outside=outside, built=built)


def _write_tree(folder: Path, built: Path) -> None:
    """A project whose metadata only a build tells, which runs its setup.py."""
    folder.mkdir(parents=True)
    lines = ("import setuptools", f"open({str(built)!r}, 'w').close()", "setuptools.setup(name='tree', version=str(1))")
    (folder / "setup.py").write_text("\n".join(lines), encoding="utf-8")
