"""The tools that lock, each with the commands that make its lock from one kind of list.

In: a `Kind`, a folder, the host. Out: argv lists to run one after the other, with the files that they read written. A
tool that reads no requirement file gets the same facts in its own table of pyproject.toml.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.leak_host import Kind

__all__ = ["TOOLS", "Setting", "Tool", "find_command", "find_version"]

Commands = list[list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One run: the list's kind, its folder, the host's address, the secret."""

    kind: Kind
    folder: Path
    host: str
    canary: str

    def write_list(self) -> str:
        """The requirement file's name."""
        (self.folder / "requirements.txt").write_text(self.kind.lines(self.host, self.canary), encoding="utf-8")
        return "requirements.txt"

    def write_project(self, more: str = "", *, requirement: str | None = None) -> None:
        """A pyproject.toml with the requirement, and `more` behind it."""
        text = json.dumps(self.fill(self.kind.requirement if requirement is None else requirement))
        head = '[project]\nname = "demo"\nversion = "1"\nrequires-python = ">=3.11"\n'
        (self.folder / "pyproject.toml").write_text(f"{head}dependencies = [{text}]\n{more}", encoding="utf-8")

    def fill(self, text: str) -> str:
        """The text with host and secret in their places."""
        return text.replace("HOST", self.host).replace("CANARY", self.canary)

    @property
    def index(self) -> str | None:
        """The index URL of the kind, with its secret."""
        return None if self.kind.index is None else self.fill(self.kind.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool: what to install for it, its command, and the commands that lock. `locks` are the files they leave.

    pdm 2.29.3 does not start with the newest hishel and unearth, which its own bounds let in.
    """

    name: str
    install: tuple[str, ...]
    command: str
    build: Callable[[Setting, str], Commands]
    locks: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def find_command(tool: Tool, folder: Path) -> str:
    """The tool's executable, in a virtual environment of its own below the folder, made if it is not there."""
    if tool.name == "pinfold":
        return str(Path(sys.executable).parent / "lock")
    place = folder / tool.install[0]
    executable = place / "bin" / tool.command
    if not executable.exists():
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        install = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--upgrade", *tool.install]
        subprocess.run(install, check=True)
    return str(executable)


def find_version(tool: Tool, executable: str) -> str:
    """The version that the tool's distribution has in its environment."""
    python = Path(executable).parent / "python"
    name = tool.install[0]
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    return subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def _lock(setting: Setting, executable: str) -> Commands:
    return [[executable, setting.write_list(), "--python", _minor(), "-o", "pylock.toml", "-vv"]]


def _uv_compile(setting: Setting, executable: str) -> Commands:
    name = setting.write_list()
    outputs = ("requirements.txt", "pylock.toml")
    return [
        [executable, "pip", "compile", "-v", "--generate-hashes", name, "-o", f"{place}.{output}"]
        for place, output in zip(("out", "pylock"), outputs, strict=True)
    ]


def _uv_lock(setting: Setting, executable: str) -> Commands:
    table = f'[[tool.uv.index]]\nname = "private"\nurl = {json.dumps(setting.index)}\ndefault = true\n'
    setting.write_project(table if setting.index else "")
    export = [executable, "export", "-v", "--frozen"]
    return [
        [executable, "lock", "-v"],
        [*export, "--format", "requirements.txt", "-o", "out.txt"],
        [*export, "--format", "pylock.toml", "-o", "pylock.toml"],
        [*export, "--format", "cyclonedx1.5", "-o", "sbom.json"],
    ]


def _pip_lock(setting: Setting, executable: str) -> Commands:
    return [[executable, "lock", "-vv", "-r", setting.write_list(), "-o", "pylock.toml"]]


def _pip_compile(setting: Setting, executable: str) -> Commands:
    return [[executable, "--generate-hashes", "-v", setting.write_list(), "-o", "out.txt"]]


def _pdm(setting: Setting, executable: str) -> Commands:
    table = f'[[tool.pdm.source]]\nname = "pypi"\nurl = {json.dumps(setting.index)}\nverify_ssl = false\n'
    setting.write_project(table if setting.index else "")
    return [[executable, "lock", "-v"], [executable, "export", "-v", "-o", "out.txt"]]


def _poetry(setting: Setting, executable: str) -> Commands:
    table = f'[[tool.poetry.source]]\nname = "private"\nurl = {json.dumps(setting.index)}\npriority = "primary"\n'
    setting.write_project("[tool.poetry]\npackage-mode = false\n" + (table if setting.index else ""))
    return [[executable, "lock", "-vvv"]]


def _pex(setting: Setting, executable: str) -> Commands:
    return [[executable, "lock", "create", "-r", setting.write_list(), "-o", "lock.json", "--indent", "2", "-v"]]


def _nab(setting: Setting, executable: str) -> Commands:
    table = f'[[tool.nab.indexes]]\nname = "private"\nurl = {json.dumps(setting.index)}\n'
    setting.write_project(table if setting.index else "")
    return [[executable, "-vv", "lock", "pyproject.toml", "--output", "pylock.toml"]]


def _minor() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


TOOLS: Sequence[Tool] = (
    Tool(name="pinfold", install=("pinfold",), command="lock", build=_lock, locks=("pylock.toml",)),
    Tool(
        name="uv pip compile",
        install=("uv",),
        command="uv",
        build=_uv_compile,
        locks=("out.requirements.txt", "pylock.pylock.toml"),
    ),
    Tool(
        name="uv lock, export, SBOM",
        install=("uv",),
        command="uv",
        build=_uv_lock,
        locks=("uv.lock", "out.txt", "pylock.toml", "sbom.json"),
    ),
    Tool(name="pip lock", install=("pip",), command="pip", build=_pip_lock, locks=("pylock.toml",)),
    Tool(name="pip-compile", install=("pip-tools",), command="pip-compile", build=_pip_compile, locks=("out.txt",)),
    Tool(
        name="pdm lock, export",
        install=("pdm", "hishel<1.2", "unearth<0.19"),
        command="pdm",
        build=_pdm,
        locks=("pdm.lock", "out.txt"),
    ),
    Tool(name="poetry lock", install=("poetry",), command="poetry", build=_poetry, locks=("poetry.lock",)),
    Tool(name="pex3 lock", install=("pex",), command="pex3", build=_pex, locks=("lock.json",)),
    Tool(name="nab lock", install=("nab",), command="nab", build=_nab, locks=("pylock.toml",)),
)
