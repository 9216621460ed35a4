"""Run a page of the documentation as its reader does: write its files, type its commands, compare what they print.

- A code block with `title="NAME"` is a file of that name, written where the page has come to it.
- A block of `console` has commands after `$`, and below each what it prints; `# exit 1` behind one is its exit code.
- `…` stands for anything: alone for lines, at the end of a line for the rest of it. Numbers and hexadecimal digits are
  compared as such, not by value: versions, sizes and hashes age. Lines of programs other than `lock` count where the
  page shows any.

The hosts of a page are servers on loopback, of which `https://index.example` is the default index too; the Python of
the page is the running one.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from tests.command import child_environment
from tests.test_installation import MINOR

__all__ = ["DOCS", "Command", "File", "PageRun", "matches_shape", "read_steps"]

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r'(?ms)^(?P<indent> *)```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^ *```$')
_NUMBER = re.compile(r"[0-9a-f]{12,}|\d+(?:\.\d+)*(?: (?:kB|MB|GB))?")
_EXPORT = re.compile(r"export (\w+)=(\w+)$")
_EXIT = re.compile(r"\s+# exit (\d+)$")
_LOCK = "import sys; sys.argv[0] = 'lock'; from resolver.cli import run; run()"
_ASKING = ("audit", "fetch", "outdated", "sizes", "verify")
"""Verbs that read hosts from a lock and so need leave to ask this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that the reader writes."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that the reader types, the lines that the page shows below it, and its exit code."""

    line: str
    shown: tuple[str, ...]
    code: int

    @property
    def is_compared(self) -> bool:
        return bool(self.shown) or shlex.split(self.line, comments=True)[0] == "lock"


def read_steps(text: str) -> Iterator[File | Command]:
    """The files and commands of a page, in its order."""
    for block in _BLOCK.finditer(text):
        body = re.sub(rf"(?m)^{block['indent']}", "", block["text"])
        if block["title"]:
            yield File(name=block["title"], text=body)
        elif block["language"] == "console":
            yield from _read_commands(body)


def _read_commands(body: str) -> Iterator[Command]:
    for part in re.split(r"(?m)^\$ ", body)[1:]:
        first, *shown = part.replace("\\\n", "").rstrip("\n").splitlines()
        code = _EXIT.search(first)
        line = _EXIT.sub("", first)
        yield Command(line=line, shown=tuple(line for line in shown if line), code=int(code[1]) if code else 0)


def matches_shape(shown: tuple[str, ...], printed: str) -> bool:
    """Whether what a command prints has the shape of what a page shows."""
    pattern = ""
    for line in shown:
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            # A number may be longer than the one that stands in the page, and so what is aligned with it.
            plain = re.escape(_NUMBER.sub("0", line)).replace("…", ".*")
            pattern += re.sub(r"(?:\\ )+", r" +", plain) + r"\n"
    lines = (line for line in printed.splitlines() if line.strip())
    return re.fullmatch(pattern, "".join(f"{_NUMBER.sub('0', line)}\n" for line in lines)) is not None


class PageRun:
    """A folder, an environment and programs for the commands of one page."""

    def __init__(self, folder: Path, *, hosts: Mapping[str, str], environment: Path) -> None:
        self.folder = folder
        self._hosts = hosts
        programs = folder.parent / "programs"
        programs.mkdir()
        _write_programs(programs, environment)
        known = child_environment(folder, PINFOLD_CACHE_DIR=str(folder.parent / "cache"))
        known["PATH"] = f"{programs}:{known['PATH']}"
        known["XDG_STATE_HOME"] = str(folder.parent / "state")
        known |= {
            "VIRTUAL_ENV": str(environment),
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_CACHE_DIR": str(folder.parent / "uv"),
        }
        known |= {"UV_DEFAULT_INDEX": f"{hosts['index.example']}/simple/"}
        known |= {
            f"GIT_{who}_{what}": "a@index.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        self._environment = known

    def write(self, file: File) -> None:
        """Write a file of the page; a table of settings gets the default index, which the reader has anyway."""
        path = self.folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = self._localize(file.text)
        if path.name == "pyproject.toml" and "index-url" not in text:
            head, table, rest = text.partition("[tool.pinfold]\n")
            text = f'{head}[tool.pinfold]\nindex-url = "{self._hosts["index.example"]}/simple/"\n{rest}'
            assert table or "[tool.pinfold" not in head
        path.write_text(text, encoding="utf-8")

    def run(self, command: Command) -> None:
        """Run a command, and fail where its exit code or what it prints is not what the page shows."""
        if export := _EXPORT.match(command.line):
            self._environment[export[1]] = export[2]
            return
        line = self._localize(command.line)
        for verb in _ASKING:
            line = re.sub(rf"\block {verb}\b", f"lock {verb} --allow-host 127.0.0.1", line)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        printed = done.stdout
        for name, url in self._hosts.items():
            printed = printed.replace(url, f"https://{name}").replace(url.partition("://")[2], name)
        assert done.returncode == command.code, f"$ {command.line}\n{printed}"
        if command.is_compared:
            shown = "\n".join(command.shown)
            assert matches_shape(command.shown, printed), f"$ {command.line}\nshown:\n{shown}\nprinted:\n{printed}"

    def _localize(self, text: str) -> str:
        text = re.sub(r"(?<![\d.])3\.11(?![\d.])", MINOR, text)
        for name, url in self._hosts.items():
            # A login may stand before the host.
            text = re.sub(rf"https://(?=(?:[^/@\s\"']*@)?{name})", "http://", text)
            text = text.replace(name, url.partition("://")[2])
        return text


def _write_programs(folder: Path, environment: Path) -> None:
    """Programs as the reader's active environment has them: each sees the packages of `environment` alone."""
    python = environment / "bin/python"
    pip = f"{shlex.quote(sys.executable)} -m pip --isolated --disable-pip-version-check --python {python}"
    own = f"exec {shlex.quote(sys.executable)}"
    texts = {
        "lock": f'{own} -c {shlex.quote(_LOCK)} "$@"',
        "pip": f'unset PYTHONPATH; exec {pip} "$@"',
        "python": f'[ "$1 $2" = "-m pip" ] && {{ shift 2; exec pip "$@"; }}; unset PYTHONPATH; exec {python} "$@"',
        "pre-commit": f'unset PYTHONPATH; {own} -m pre_commit "$@"',
        "uv": f'unset PYTHONPATH; exec {shlex.quote(find_uv_bin())} "$@"',
    }
    for name, text in texts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)
