"""The tools under comparison: their command lines, in this one place, and how to read the pins they wrote.

In: a list in a file, an index, a cut-off. Out: a process to time, and its pins. Every tool gets the same question:
CPython on Linux x86_64 with glibc 2.35, wheels only, nothing uploaded after the cut-off.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

__all__ = ["TOOLS", "NoSolution", "Pins", "Question", "Tool", "ToolError", "find_executable", "render_difference"]

GLIBC_MINOR = 35

Pins = dict[NormalizedName, Version]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to resolve, for CPython `python` (a minor release, or with its patch: pip knows only the running one).

    `best_match` is pip's rule for several indexes, which only `lock` can choose here. Without `sdists` only wheels are
    candidates.
    """

    source: Path
    output: Path
    index_url: str
    cut_off: str
    cache: Path
    python: str
    best_match: bool = False
    sdists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSolution:
    """The tool looked and says that nothing satisfies the list; `said` is its explanation."""

    said: str


class ToolError(Exception):
    """A tool failed otherwise than by finding no solution; holds what it wrote to standard error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One program: its argv for a question, its version's argv, and the reader of what it wrote.

    `says_no_solution` tells from the exit code and standard error whether a failure is an answer.
    """

    name: str
    build_command: Callable[[Question], list[str]]
    version_command: list[str]
    read_pins: Callable[[Path], Pins]
    says_no_solution: Callable[[int, str], bool]
    variables: tuple[tuple[str, str], ...] = ()
    """Environment variables of the tool alone."""

    def resolve(self, question: Question) -> Pins | NoSolution:
        """The answer; raises `ToolError` where there is none."""
        finished = self.run(question)
        if finished.returncode == 0:
            return self.read_pins(question.output)
        if self.says_no_solution(finished.returncode, finished.stderr):
            return NoSolution(said=finished.stderr.strip())
        raise ToolError(f"{self.name} exits with {finished.returncode}:\n{finished.stderr.strip()}")

    def run(self, question: Question) -> subprocess.CompletedProcess[str]:
        """The finished process; neither its environment nor an old output can change the answer."""
        question.output.unlink(missing_ok=True)
        return subprocess.run(
            self.build_command(question),
            env={**_build_environment(question.cache), **dict(self.variables)},
            cwd=question.output.parent,
            capture_output=True,
            text=True,
            check=False,
        )

    def fetch_version(self) -> str:
        """The version line as the tool prints it."""
        if not Path(self.version_command[0]).exists():
            return "not installed"
        finished = subprocess.run(self.version_command, capture_output=True, text=True, check=False)
        return " ".join(finished.stdout.split()[:2])


def find_executable(name: str) -> str:
    """The path of a console command beside the running interpreter, which is where the extras install them."""
    return str(Path(sys.executable).parent / name)


def render_difference(left: Pins, right: Pins, *, names: tuple[str, str]) -> list[str]:
    """One line for each project that the two pin differently, in order of names; no line when they are equal."""
    return [
        f"{project}: {names[0]} {left.get(project, 'has none')}, {names[1]} {right.get(project, 'has none')}"
        for project in sorted({*left, *right})
        if left.get(project) != right.get(project)
    ]


def _build_environment(cache: Path) -> dict[str, str]:
    """The least that lets the tools run, with the certificates of this machine; configuration files are not found."""
    kept = {name: os.environ[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ}
    home = str(cache.parent)
    return {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "TMPDIR": tempfile.gettempdir(),
        "LANG": "C.UTF-8",
        "PIP_CONFIG_FILE": os.devnull,
        **kept,
    }


def _build_lock_command(question: Question) -> list[str]:
    return [
        find_executable("lock"),
        str(question.source),
        *("-o", str(question.output)),
        *("--python", question.python, "--platform", f"manylinux_2_{GLIBC_MINOR}_x86_64"),
        *("--index-url", question.index_url, "--cache-dir", str(question.cache)),
        *_build_format_arguments(question),
        *("--exclude-newer", question.cut_off),
        *(("--index-strategy", "best-match") if question.best_match else ()),
        "-q",
    ]


def _build_uv_command(question: Question) -> list[str]:
    return [
        *(find_executable("uv"), "pip", "compile", str(question.source)),
        *("-o", str(question.output), "--format", "pylock.toml", "--no-header", "--no-config", "-q"),
        *("--python", sys.executable, "--no-python-downloads"),
        *("--python-version", question.python, "--python-platform", f"x86_64-manylinux_2_{GLIBC_MINOR}"),
        *("--default-index", question.index_url, "--cache-dir", str(question.cache)),
        *_build_format_arguments(question),
        *("--exclude-newer", question.cut_off, "--index-strategy", "first-index"),
    ]


def _build_pip_arguments(question: Question) -> list[str]:
    return [
        *("-r", str(question.source), "--isolated", "--disable-pip-version-check", "-q"),
        *("--index-url", question.index_url, "--cache-dir", str(question.cache)),
        *_build_format_arguments(question),
        *("--uploaded-prior-to", question.cut_off),
    ]


def _build_format_arguments(question: Question) -> list[str]:
    return [] if question.sdists else ["--only-binary", ":all:"]


def _build_pip_lock_command(question: Question) -> list[str]:
    """`pip lock` locks for the interpreter that runs it and takes no platform."""
    return [sys.executable, "-m", "pip", "lock", *_build_pip_arguments(question), "-o", str(question.output)]


def _build_pip_report_command(question: Question) -> list[str]:
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in range(GLIBC_MINOR, 4, -1)]
    platforms += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]
    return [
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"),
        *_build_pip_arguments(question),
        *("--report", str(question.output), "--python-version", question.python, "--implementation", "cp"),
        *(argument for platform in platforms for argument in ("--platform", platform)),
    ]


def _read_lockfile(path: Path) -> Pins:
    packages = tomllib.loads(path.read_text(encoding="utf-8"))["packages"]
    return {canonicalize_name(package["name"]): Version(package["version"]) for package in packages}


def _read_report(path: Path) -> Pins:
    items = [item["metadata"] for item in json.loads(path.read_text(encoding="utf-8"))["install"]]
    return {canonicalize_name(item["name"]): Version(item["version"]) for item in items}


def _lock_says_no_solution(exit_code: int, _said: str) -> bool:
    return exit_code == 3


def _uv_says_no_solution(_exit_code: int, said: str) -> bool:
    return "No solution found" in said


def _pip_says_no_solution(_exit_code: int, said: str) -> bool:
    return "ResolutionImpossible" in said or "No matching distribution found" in said


_LOCK = Tool(
    name="lock",
    build_command=_build_lock_command,
    version_command=[sys.executable, "-c", "import importlib.metadata as m; print('pinfold', m.version('pinfold'))"],
    read_pins=_read_lockfile,
    says_no_solution=_lock_says_no_solution,
)

TOOLS = {
    tool.name: tool
    for tool in (
        _LOCK,
        # Without the plain HTTP engine: all requests are made by httpx.
        replace(_LOCK, name="lock-httpx", variables=(("PINFOLD_PLAIN_ENGINE", "off"),)),
        Tool(
            name="uv",
            build_command=_build_uv_command,
            version_command=[find_executable("uv"), "--version"],
            read_pins=_read_lockfile,
            says_no_solution=_uv_says_no_solution,
        ),
        Tool(
            name="pip",
            build_command=_build_pip_report_command,
            version_command=[sys.executable, "-m", "pip", "--version"],
            read_pins=_read_report,
            says_no_solution=_pip_says_no_solution,
        ),
        Tool(
            name="pip-lock",
            build_command=_build_pip_lock_command,
            version_command=[sys.executable, "-m", "pip", "--version"],
            read_pins=_read_lockfile,
            says_no_solution=_pip_says_no_solution,
        ),
    )
}
