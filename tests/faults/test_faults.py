"""Faults of the machine in real processes: the right exit code, a message that helps, and nothing wrong kept.

After each fault a healthy run in the same folder, with the same cache, must give the lock that it gives without one.
The parameters are the cases of `tests.faults.cases`. In CI some changes of a file meet a full disk or a kill;
`PINFOLD_LONG=1` (`bash .ci/long`) takes each.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.command import Run, child_environment
from tests.faults.cases import name_cases
from tests.faults.injection import ENTRY, compile_faults, iter_changes, run_command
from tests.loopback import Answer, LoopbackServer, Request
from tests.servers import IndexServer, sdist, wheel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the faults are those of Linux")

_STEP = 1 if "PINFOLD_LONG" in os.environ else 13
_KILLS = 100 if "PINFOLD_LONG" in os.environ else 3
_NOBODY = 65534
_GUARD = ("--allow-host", "127.0.0.1")


@dataclass(frozen=True, kw_only=True)
class World:
    """An index, and a folder with a list whose healthy lock is known."""

    folder: Path
    server: IndexServer
    library: Path
    reference: bytes

    @property
    def lock_path(self) -> Path:
        return self.folder / "pylock.toml"

    def lock(self, *argv: str, **environment: str) -> Run:
        words = ("requirements.txt", *argv, "--python", "3.11", "--cache-dir", str(self.folder / "cache"))
        return self.run(*words, **environment)

    def run(self, *argv: str, **environment: str) -> Run:
        return run_command(self.folder, *argv, environment={"TMPDIR": str(self.folder / "tmp"), **environment})

    def run_redirected(self, redirection: str, *argv: str) -> Run:
        """A run whose streams the shell has redirected."""
        return run_command(self.folder, *argv, before=("sh", "-c", f'exec "$@" {redirection}', "sh"))

    def write_list(self, *lines: str) -> None:
        (self.folder / "requirements.txt").write_text("\n".join((*lines, "")), encoding="utf-8")

    def reset(self, *, cache: bool = True) -> None:
        """The folder as before the first run."""
        for name in ("pylock.toml", "pylock.build.toml", "requirements.out"):
            (self.folder / name).unlink(missing_ok=True)
        for name in ("wheels", *(("cache",) if cache else ())):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        shutil.rmtree(self.folder / "tmp")
        (self.folder / "tmp").mkdir()

    def find_temporary(self) -> list[str]:
        """The temporary files beside the lock and the wheels: names that `lockfiles._files` gives."""
        paths = [*self.folder.glob(".*.tmp"), *self.folder.glob("wheels/**/.*.tmp")]
        return [str(path.relative_to(self.folder)) for path in paths]

    def assert_heals(self) -> None:
        """A healthy run gives the right lock, and leaves no temporary file."""
        run = self.lock()
        assert run.code == 0, run.err
        assert self.lock_path.read_bytes() == self.reference
        assert self.find_temporary() == []


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / "tmp").mkdir()
    with IndexServer() as server:
        server.add("a", wheel("a", "1.0", ["b"]))
        server.add("b", wheel("b", "1.0"))
        server.add("c", wheel("c", "1.0", metadata=None))
        server.add("x", sdist("x", "1.0"))
        library = compile_faults(tmp_path)
        made = World(folder=folder, server=server, library=library, reference=b"")
        made.write_list(f"--index-url {server.index_url}", "a", "c")
        assert made.lock().code == 0
        yield World(folder=folder, server=server, library=library, reference=made.lock_path.read_bytes())


_WORDS = {
    "lock": ["requirements.txt", "--python", "3.11"],
    "lock --verbose": ["requirements.txt", "--python", "3.11", "-vv"],
    "lock --json": ["requirements.txt", "--python", "3.11", "--json"],
    "check": ["requirements.txt", "--check"],
    "missing list": ["nothing.txt"],
    "unknown option": ["requirements.txt", "--bogus"],
    "tree": ["tree"],
    "help": ["--help"],
    "version": ["--version"],
}


@pytest.mark.parametrize("name", name_cases("full or closed streams"))
def test_streams_that_cannot_be_written(world: World, name: str) -> None:
    words = _WORDS[name]
    healthy = world.run(*words)

    for redirection in ("2>/dev/full", "2>&-"):
        lost = world.run_redirected(redirection, *words)
        assert (lost.code, lost.err) == (healthy.code, ""), redirection
        # Durations in `--json` differ; a message that went to the wrong stream would be a line more.
        assert len(lost.out.splitlines()) == len(healthy.out.splitlines()), lost.out
    world.assert_heals()
    if healthy.out:
        full = world.run_redirected(">/dev/full", *words)
        assert full.code == (healthy.code or 2)
        assert "standard output cannot be written: no space left on device" in full.err


def _commands(world: World) -> dict[str, Callable[..., Run]]:
    """The commands that are killed, by name of the case."""

    def first(**environment: str) -> Run:
        world.reset()
        return world.lock(**environment)

    def again(**environment: str) -> Run:
        shutil.rmtree(world.folder / "cache", ignore_errors=True)
        world.lock_path.write_bytes(world.reference + b"# edited\n")
        return world.lock("-U", **environment)

    def fetch(**environment: str) -> Run:
        world.reset(cache=False)
        world.lock_path.write_bytes(world.reference)
        return world.run("fetch", "--to", "wheels", *_GUARD, **environment)

    def hydrate(**environment: str) -> Run:
        return world.run("hydrate", "-o", "pylock.build.toml", **environment)

    def export(**environment: str) -> Run:
        return world.run("export", "--format", "requirements", "-o", "requirements.out", **environment)

    return {"lock": first, "relock": again, "fetch": fetch, "hydrate": hydrate, "export": export}


@pytest.mark.parametrize("name", name_cases("kills"))
def test_killed_before_each_change_of_a_file(world: World, name: str) -> None:
    command = _commands(world)[name]
    # `hydrate` refuses a place that git does not ignore.
    (world.folder / ".gitignore").write_text("*\n")
    shutil.rmtree(world.folder / ".git")
    healthy = command()
    assert healthy.code == 0, healthy.err
    expected = _read_results(world)
    step = 1 if name in ("hydrate", "export") else _STEP

    for number, _ in iter_changes(
        lambda fault: command(**fault), library=world.library, folder=world.folder, action="kill", step=step
    ):
        left = _read_results(world)
        assert {path: data for path, data in left.items() if data != expected[path]}.keys() <= {"pylock.toml"}, number
        # The lock is the old one or the new one; `relock` has an old one that was edited.
        assert left.get("pylock.toml", world.reference) == world.reference or left["pylock.toml"].endswith(b"edited\n")
        if name in ("lock", "relock"):
            world.assert_heals()
        else:
            assert command().code == 0
            assert (_read_results(world), world.find_temporary()) == (expected, []), number


@pytest.mark.parametrize("name", name_cases("kills at random moments"))
def test_killed_at_random_moments(world: World, name: str) -> None:
    random = Random(name)
    words = ["requirements.txt", "-U", "--python", "3.11", "--cache-dir", str(world.folder / "cache")]
    if name == "fetch":
        words = ["fetch", "--to", "wheels", *_GUARD]
    before = world.reference + b"# edited\n"
    duration_s = 1.0
    for number in range(_KILLS):
        shutil.rmtree(world.folder / ("wheels" if name == "fetch" else "cache"), ignore_errors=True)
        world.lock_path.write_bytes(before if name == "lock" else world.reference)
        since = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-c", ENTRY, *words],
            cwd=world.folder,
            env=child_environment(world.folder),
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=random.uniform(0.05, 1.1) * duration_s)
            duration_s = time.monotonic() - since
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            duration_s *= 1.05  # Runs of a machine that has become slower are killed later, too.
        assert world.lock_path.read_bytes() in (before, world.reference), number
        healthy = world.run("fetch", "--to", "wheels", *_GUARD) if name == "fetch" else world.lock("-U")
        assert healthy.code == 0, healthy.err
        assert (world.lock_path.read_bytes(), world.find_temporary()) == (world.reference, []), number


def _read_results(world: World) -> dict[str, bytes]:
    """What the commands have made so far, temporary files and downloads in progress aside."""
    paths = [*world.folder.glob("pylock.*"), world.folder / "requirements.out", *world.folder.glob("wheels/[!.]*")]
    return {path.relative_to(world.folder).as_posix(): path.read_bytes() for path in paths if path.is_file()}


@pytest.mark.parametrize("name", name_cases("disk full"))
def test_disk_that_is_full_from_each_change_on(world: World, name: str) -> None:
    command = _commands(world)["fetch" if name == "fetch" else "lock"]
    if name == "list with an sdist":
        world.write_list(f"--index-url {world.server.index_url}", "a", "c", "x")
    assert command().code == 0
    reference = world.lock_path.read_bytes()

    for number, run in iter_changes(
        lambda fault: command(**fault), library=world.library, folder=world.folder, action="full", step=_STEP
    ):
        assert run.code in (0, 2), (number, run.err)
        assert run.code == 0 or ("no space left on device" in run.err and "Traceback" not in run.err), run.err
        assert not world.lock_path.exists() or world.lock_path.read_bytes() == reference
        assert world.find_temporary() == []
        healthy = world.run("fetch", "--to", "wheels", *_GUARD) if name == "fetch" else world.lock()
        assert (healthy.code, world.lock_path.read_bytes()) == (0, reference), (number, healthy.err)


@pytest.mark.parametrize("name", name_cases("several runs on one folder"))
def test_runs_at_once_give_one_lock(world: World, name: str) -> None:
    words = ["requirements.txt", "--python", "3.11", "--cache-dir", str(world.folder / "cache")]
    if name == "six first runs":
        world.reset()
    else:
        words += ["-U", "--refresh"]
    command = [sys.executable, "-c", ENTRY, *words]
    environment = child_environment(world.folder)

    processes = [
        subprocess.Popen(command, cwd=world.folder, env=environment, stderr=subprocess.PIPE, encoding="utf-8")
        for _ in range(6)
    ]
    ends = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]

    assert [code for _, code in ends] == [0] * 6, ends
    assert world.lock_path.read_bytes() == world.reference
    assert world.find_temporary() == []


_DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "random bytes": lambda data: os.urandom(len(data)),
    "empty": lambda data: b"",
    "last bit changed": lambda data: data[:-1] + bytes(byte ^ 1 for byte in data[-1:]),
    "folders": lambda data: None,
    "first half": lambda data: data[: len(data) // 2],
}


@pytest.mark.parametrize("name", name_cases("cache of another version"))
def test_cache_whose_files_mean_nothing_is_no_error(world: World, name: str) -> None:
    for path in [path for path in (world.folder / "cache").rglob("*") if path.is_file()]:
        damaged = _DAMAGES[name](path.read_bytes())
        if damaged is None:
            path.unlink()
            path.mkdir()
        else:
            path.write_bytes(damaged)
    world.reset(cache=False)

    world.assert_heals()


@pytest.mark.parametrize("name", name_cases("cache without permission"))
def test_folder_without_permission(world: World, name: str) -> None:
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("becomes another user with setpriv, which root alone can")
    user = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
    if subprocess.run([*user, sys.executable, "-c", ""], capture_output=True, check=False).returncode != 0:
        pytest.skip("another user cannot run this Python: its library is in a folder of root alone")
    readable = Path(tempfile.mkdtemp(prefix="pinfold-faults-"))
    try:
        # The folders above `tmp_path` are open to their owner alone.
        shutil.copytree(world.folder, readable / "project", symlinks=True)
        readable.chmod(0o755)
        folder = readable / "project"
        (folder / "pylock.toml").unlink()
        for path in (folder, *folder.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)
        if name == "folder of another user":
            os.chown(folder / "cache", 0, 0)
            (folder / "cache").chmod(0o700)
        else:
            part = folder / "cache" if name == "read-only" else folder
            for path in (part, *part.rglob("*")):
                path.chmod(0o555 if path.is_dir() else 0o444)
        run = run_command(
            folder, "requirements.txt", "--python", "3.11", "--cache-dir", str(folder / "cache"), before=user
        )

        if name == "read-only project":
            assert (run.code, run.err) == (
                2,
                "error: `pylock.toml` cannot be written: permission denied\n  try: another place, with `-o`\n",
            )
        else:
            assert (run.code, (folder / "pylock.toml").read_bytes()) == (0, world.reference), run.err
    finally:
        shutil.rmtree(readable)


_YEAR_S = 31_556_952


@pytest.mark.parametrize("name", name_cases("clock"))
def test_clock_that_is_wrong(world: World, name: str) -> None:
    shifts = {"1970": 86_400 - int(time.time()), "2065": 39, "2185": 159, "2261": 234, "beyond 2262": 600}
    shift = shifts.get(name, 100)
    seconds = shift if shift < 0 else shift * _YEAR_S
    for argv in ((), ("-U",), ("--check",), ("-U", "--refresh")):
        run = world.lock(*argv, LD_PRELOAD=str(world.library), FAULT_CLOCK_S=str(seconds))
        if name == "beyond 2262":
            assert run.code == 2
            assert run.err == "error: the clock of this machine is beyond what Python can read\n  try: set it\n"
        else:
            assert run.code == 0, run.err
        assert world.lock_path.read_bytes() == world.reference
    world.reset()
    world.lock(LD_PRELOAD=str(world.library), FAULT_CLOCK_S=str(seconds))
    world.assert_heals()


class _DyingProxy(LoopbackServer):
    def respond(self, request: Request) -> Answer:
        return Answer(body=b"half of a page " * 50, cut=True, headers={"Content-Type": "text/html"})


_SITE = """
import socket
real = socket.getaddrinfo
def getaddrinfo(host, port, *rest, **options):
    if host not in ("two.example", b"two.example"):
        return real(host, port, *rest, **options)
    number = int(port or 0)
    return [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", number, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", number)),
    ]
socket.getaddrinfo = getaddrinfo
"""


@pytest.mark.parametrize("name", name_cases("network"))
def test_network_that_fails(world: World, name: str, tmp_path: Path) -> None:
    if name == "IPv6 that hangs":
        _lock_beside_hanging_address(world, tmp_path)
        return
    world.reset()
    lists = {
        "name without address": "--index-url https://nothing.invalid/simple/\na",
        "name in a URL": "a @ https://nothing.invalid/a-1.0-py3-none-any.whl",
    }
    good = (world.folder / "requirements.txt").read_text()
    world.write_list(lists.get(name, "--index-url http://index.example/simple/\n--trusted-host index.example\na"))
    with _DyingProxy() as proxy:
        address = {"proxy that dies": proxy.base_url, "proxy that is gone": "http://127.0.0.1:1"}.get(name)
        run = world.lock(**({"HTTP_PROXY": address} if address else {}))

    host = "nothing.invalid" if name in lists else "index.example"
    assert (run.code, world.lock_path.exists()) == (4, False)
    assert host in run.err.splitlines()[-3] and run.err.splitlines()[-1].startswith("  try: "), run.err
    world.write_list(good.strip())
    world.assert_heals()


def _lock_beside_hanging_address(world: World, folder: Path) -> None:
    """Lock from a host whose first address never answers: its queue is full, so that the system drops what comes."""
    (folder / "sitecustomize.py").write_text(_SITE)
    with socket.socket(socket.AF_INET6) as full:
        full.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            full.bind(("::1", world.server.port))
        except OSError:
            pytest.skip("no IPv6 on this machine")
        full.listen(0)
        waiting = [socket.socket(socket.AF_INET6) for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("::1", world.server.port))
        url = f"http://two.example:{world.server.port}/simple/"
        world.write_list(f"--index-url {url}", "--trusted-host two.example", "b")
        path = os.pathsep.join((str(folder), child_environment(folder)["PYTHONPATH"]))
        run = world.lock("-o", "pylock.other.toml", PYTHONPATH=path)
        for one in waiting:
            one.close()

    assert run.code == 0, run.err
    assert "/simple/b/" in world.server.paths()
