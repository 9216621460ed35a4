"""Where each locking tool leaves the secrets of a list: the same lists, host and search for all.

    python -m benchmarks.leaks --tools FOLDER

For each tool and kind of secret there is one run in a home of its own. Then its locks (L), what it printed at `-v` (O),
its cache and home (C) and the argv of its children (A) are searched for the secret: raw, percent-encoded, in base64,
and inside of gzip and zlib streams. `B` says that the code which was built had it in its environment or home. A dot
says that nothing was found, `?` that the tool did not lock the list, with what was found nevertheless behind it. The
tools are installed below FOLDER where they are not there yet. Exit code 1 says that pinfold left something.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import secrets
import subprocess
import tempfile
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks.leak_host import KINDS, Kind, PrivateHost
from benchmarks.leak_tools import TOOLS, Setting, Tool, find_command, find_version

__all__ = ["Finding", "find_forms", "holds", "main"]

_TIMEOUT_S = 300.0
_STREAMS = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x9c\xda]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one tool left of one kind of secret: the letters of the places, and whether it made its lock."""

    places: str
    locked: bool

    def __str__(self) -> str:
        return ("" if self.locked else "?") + (self.places or ("·" if self.locked else ""))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 if pinfold left something, or did not lock."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leaks", description=__doc__)
    parser.add_argument("--tools", type=Path, required=True, metavar="FOLDER", help="where the tools are installed")
    parser.add_argument("--only", action="append", metavar="TOOL", help="a tool by name; several times")
    parser.add_argument("--kind", action="append", metavar="KIND", help="a kind of secret by name; several times")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what the runs left in this folder")
    options = parser.parse_args(arguments)
    tools = [tool for tool in TOOLS if not options.only or tool.name in options.only]
    kinds = [kind for kind in KINDS if not options.kind or kind.name in options.kind]
    print("| tool | " + " | ".join(kind.name for kind in kinds) + " |")
    print("|---" * (len(kinds) + 1) + "|")
    clean = True
    for tool in tools:
        executable = find_command(tool, options.tools)
        findings = [_run(tool, executable, kind, options.keep) for kind in kinds]
        print(f"| {tool.name} {find_version(tool, executable)} | " + " | ".join(map(str, findings)) + " |", flush=True)
        clean = clean and (tool.name != "pinfold" or all(str(finding) == "·" for finding in findings))
    return 0 if clean else 1


def find_forms(secret: str) -> tuple[bytes, ...]:
    """The secret as it can stand in a file: raw, percent-encoded throughout, and in base64 at any of three offsets."""
    raw = secret.encode()
    encoded = "".join(f"%{byte:02X}" for byte in raw)
    shifted = [base64.b64encode(b"x" * shift + raw)[4 if shift else 0 :].rstrip(b"=")[:-2] for shift in range(3)]
    return (raw, quote(secret, safe="").encode(), encoded.encode(), encoded.lower().encode(), *shifted)


def holds(data: bytes, forms: Iterable[bytes]) -> bool:
    """Whether any form stands in the bytes, or in a gzip or zlib stream inside them."""
    return any(form in part for part in (data, *_iter_streams(data)) for form in forms)


def _run(tool: Tool, executable: str, kind: Kind, keep: Path | None) -> Finding:
    with tempfile.TemporaryDirectory(prefix="leaks-") as scratch:
        root = Path(scratch) if keep is None else keep / re.sub(r"\W+", "-", f"{tool.name} {kind.name}")
        canary = f"c4n4ry{secrets.token_hex(12)}"
        home, folder = root / "home", root / "project"
        for path in (home, folder):
            path.mkdir(parents=True)
        with PrivateHost(root / "host", canary) as host:
            setting = Setting(kind=kind, folder=folder, host=host.address, canary=canary)
            if kind.name == "build":
                # Somebody else's login, which a build has no business with.
                (home / ".netrc").write_text(f"machine other.example login a password {canary}\n", encoding="utf-8")
                (home / ".netrc").chmod(0o600)
            inputs = set()
            commands = tool.build(setting, executable)
            inputs = {path.name for path in folder.iterdir()}
            watch = _ArgvWatch(find_forms(canary))
            environment = _build_environment(home, kind, canary)
            done = [watch.run(command, folder, environment) for command in commands]
        (root / "output.txt").write_bytes(b"".join(one.stdout for one in done))
        return _search(tool, root, find_forms(canary), done=done, inputs=inputs, watch=watch, host=host)


def _search(
    tool: Tool,
    root: Path,
    forms: tuple[bytes, ...],
    *,
    done: Sequence[subprocess.CompletedProcess[bytes]],
    inputs: set[str],
    watch: _ArgvWatch,
    host: PrivateHost,
) -> Finding:
    folder, home = root / "project", root / "home"
    locks = [folder / name for name in tool.locks]
    others = [path for path in _iter_files(folder) if path not in locks and path.name not in inputs]
    planted = home / ".netrc"
    kept = [*others, *(path for path in _iter_files(home) if path != planted)]
    found = {
        "L": any(holds(path.read_bytes(), forms) for path in locks if path.exists()),
        "O": any(holds(one.stdout, forms) for one in done),
        "C": any(holds(path.read_bytes(), forms) for path in kept),
        "A": watch.found,
        "B": any(holds(path.read_bytes(), forms) for path in _iter_files(host.dump)),
    }
    locked = all(one.returncode == 0 for one in done) and any(path.exists() for path in locks)
    return Finding(places="".join(letter for letter, is_found in found.items() if is_found), locked=locked)


class _ArgvWatch:
    """Runs commands and looks at the argv of everything below them while they run."""

    def __init__(self, forms: tuple[bytes, ...]) -> None:
        self.found = False
        self._forms = forms

    def run(self, command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
        """The finished process with both outputs in one."""
        with subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            ended = threading.Event()
            watcher = threading.Thread(target=self._watch, args=(process.pid, ended))
            watcher.start()
            try:
                output, _ = process.communicate(timeout=_TIMEOUT_S)
            finally:
                process.kill()
                ended.set()
                watcher.join()
        return subprocess.CompletedProcess(command, process.returncode, output)

    def _watch(self, root: int, ended: threading.Event) -> None:
        while not ended.wait(0.002):
            for pid in _iter_children(root):
                try:
                    words = Path(f"/proc/{pid}/cmdline").read_bytes()
                except OSError:
                    continue
                self.found = self.found or holds(words, self._forms)


def _iter_children(root: int) -> Iterator[int]:
    waiting = [root]
    while waiting:
        for child in _list_children(waiting.pop()):
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


def _build_environment(home: Path, kind: Kind, canary: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SSL_CERT_FILE") if name in os.environ}
    own = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "NO_COLOR": "1", "POETRY_VIRTUALENVS_CREATE": "0"}
    return {**kept, **own, **({kind.variable: canary} if kind.variable else {})}


def _iter_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _iter_streams(data: bytes) -> Iterator[bytes]:
    for match in _STREAMS.finditer(data):
        bits = 31 if match[0].startswith(b"\x1f") else 15
        try:
            yield zlib.decompressobj(bits).decompress(data[match.start() :], 8_000_000)
        except zlib.error:
            continue


if __name__ == "__main__":
    start = time.monotonic()
    code = main()
    print(f"\n{time.monotonic() - start:.0f} s")
    raise SystemExit(code)
