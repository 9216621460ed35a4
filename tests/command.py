"""The `lock` command as tests run it: in a folder of its own, with a loopback index and fixed names for both."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import packaging
import pytest

import resolver
from lockfiles import Lockfile, loads
from resolver.cli.main import main
from tests.servers import IndexServer

__all__ = ["Project", "Run", "child_environment", "find_interpreter", "start_process"]

INDEX = "https://index.example"

_ENTRY = "import sys; sys.argv[0] = 'lock'; from resolver.cli import run; run()"
_HIDDEN = re.compile(r"(PIP|PINFOLD|UV|VIRTUAL_ENV|PYTHON|[A-Z]*_PROXY|NETRC)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the command. `out` and `err` have fixed names for the index and the folder, and no durations."""

    code: int
    out: str
    err: str


@dataclass(kw_only=True)
class Project:
    """A folder in which the command is run, by default in this process; the index answers at `server`."""

    folder: Path
    cache: Path
    server: IndexServer
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    python: str | None = "3.11"

    def write(self, name: str, text: str) -> Path:
        """A file in the folder; `INDEX` in its text is the index."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("INDEX", self.server.index_url), encoding="utf-8")
        return path

    def write_list(self, *lines: str) -> Path:
        """A requirements.txt whose default index is the server."""
        return self.write("requirements.txt", "\n".join(("--index-url INDEX", *lines, "")))

    def lock(self, *argv: str, within: str = ".") -> Run:
        """Run the command in this process, inside the folder."""
        self.monkeypatch.chdir(self.folder / within)
        self.capture.readouterr()
        code = main(self._complete(argv))
        out, err = self.capture.readouterr()
        return Run(code=code, out=self.fix(out), err=self.fix(err))

    def allow(self, *variables: str) -> str:
        """Let the variables be sent to the index from now on; the value of PINFOLD_ALLOW_VARIABLE that does so."""
        host = self.server.base_url.partition("://")[2]
        text = " ".join(f"{one}={host}" for one in variables)
        self.monkeypatch.setenv("PINFOLD_ALLOW_VARIABLE", text)
        return text

    def lock_in_process(self, *argv: str, within: str = ".", python: str = sys.executable, **environment: str) -> Run:
        """Run the command in a process of its own."""
        process = start_process(self._complete(argv), self.folder / within, python=python, environment=environment)
        out, err = process.communicate(timeout=60)
        return Run(code=process.returncode, out=self.fix(out), err=self.fix(err))

    def read(self, name: str = "pylock.toml") -> str:
        """The text of a lock, with a fixed name for the index."""
        return self.fix((self.folder / name).read_text(encoding="utf-8"))

    def pins(self, name: str = "pylock.toml") -> dict[str, str]:
        """The versions in a lock by project."""
        return {package.name: str(package.version) for package in self.load(name).pylock.packages}

    def load(self, name: str = "pylock.toml") -> Lockfile:
        """A lock as it lies there."""
        return loads((self.folder / name).read_text(encoding="utf-8"))

    def files(self) -> list[str]:
        """All files in the folder, sorted."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    def fix(self, text: str) -> str:
        """The text with names in it that are the same in every run."""
        text = text.replace(self.server.base_url, INDEX).replace(str(self.folder), "<folder>")
        # The size of a small file that a test packs depends on the compression of this Python.
        text = re.sub(r"download: \d+\.\d kB", "download: 0.0 kB", text)
        return re.sub(r"in \d+\.\d\d s\b", "in 0.00 s", re.sub(r'"duration_s": [\d.]+', '"duration_s": 0.0', text))

    def _complete(self, argv: Sequence[str]) -> list[str]:
        python = ["--python", self.python] if self.python is not None and "--python" not in argv else []
        cache = [] if "--cache-dir" in argv else ["--cache-dir", str(self.cache)]
        return [*argv, *python, *cache]


def start_process(
    argv: Sequence[str], folder: Path, *, python: str = sys.executable, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """The command in a process that sees nothing of this machine's configuration."""
    return subprocess.Popen(
        [python, "-c", _ENTRY, *argv],
        cwd=folder,
        env=child_environment(folder, **(environment or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def child_environment(folder: Path, **more: str) -> dict[str, str]:
    """An environment without settings of pip, uv, pinfold, proxies or the user, in which this pinfold is found."""
    kept = {name: value for name, value in os.environ.items() if not _HIDDEN.match(name)}
    sources = [str(Path(resolver.__file__).parents[1]), str(Path(packaging.__file__).parents[1])]
    return {
        **kept,
        "HOME": str(folder),
        "NETRC": os.devnull,
        "PYTHONPATH": os.pathsep.join(sources),
        "PYTHONUTF8": "1",
        # No record of `lock allow` on this machine counts.
        "XDG_STATE_HOME": os.devnull,
        **more,
    }


def hide_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out of this process's environment what could change a lock or the way to an index."""
    for name in list(os.environ):
        if _HIDDEN.match(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", os.devnull)
    # No record of `lock allow` on this machine counts.
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)


def find_interpreter(minor: str) -> str:
    """A CPython of that minor version from PATH or pyenv; skips the test where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *(str(path / "bin") for path in pyenv.glob(f"{minor}.*"))]
    for folder in folders:
        path = Path(folder) / f"python{minor}"
        if path.is_file() and _runs(path, minor):
            return str(path)
    pytest.skip(f"no Python {minor} on this machine")


def _runs(path: Path, minor: str) -> bool:
    """Whether it is that interpreter: pyenv's shims exist for versions that are not switched on."""
    shown = subprocess.run(
        [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip() == minor
