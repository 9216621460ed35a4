"""The tools under comparison: their command lines, in this one place, and how to read the pins they wrote.

pip-tools, pdm, poetry and nab are in `benchmarks.other_tools`.

In: a list in a file, an index, a cut-off. Out: a process to time, and its pins. Every tool gets the same question:
CPython on Linux x86_64 with glibc 2.35, nothing uploaded after the cut-off. pip, which evaluates markers for no other
Python than the one that runs it, and sdists for no other platform, runs in the question's interpreter on this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

__all__ = [
    "TOOLS",
    "NoSolution",
    "Pins",
    "Question",
    "Run",
    "Tool",
    "ToolError",
    "ToolTimeoutError",
    "find_executable",
    "read_lockfile",
    "render_difference",
]

GLIBC_MINOR = 35

Pins = dict[NormalizedName, Version]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to resolve, for CPython `python`, a minor release or one with its patch.

    `interpreter` is an executable of that release, or None where this machine has none. Without `sdists` only wheels
    are candidates. `limit_s` is how long a tool may take, None for any time. `machine` and `check` are for `lock`
    alone: a machine type, and `--check` of the output. `authority` is the file of the certificate authority of an
    index behind TLS. An empty `index_url` is the default index, an empty `cut_off` none.
    """

    source: Path
    output: Path
    index_url: str
    cut_off: str
    cache: Path
    python: str
    interpreter: str | None = sys.executable
    sdists: bool = False
    limit_s: float | None = None
    machine: str | None = None
    check: bool = False
    authority: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished process: wall time and processor time (its children's too), in seconds, and peak memory in MB.

    `printed` is its standard output, `said` its standard error.
    """

    exit_code: int
    printed: str
    said: str
    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSolution:
    """The tool looked and says that nothing satisfies the list; `said` is its explanation."""

    said: str


class ToolError(Exception):
    """A tool failed otherwise than by finding no solution; holds what it wrote to standard error."""


class ToolTimeoutError(ToolError):
    """A tool was stopped because it took longer than the question allows; this says nothing about the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One program: its argv for a question, its version's argv, and the reader of what it wrote.

    `says_no_solution` tells from the exit code and standard error whether a failure is an answer. `needs_interpreter`
    holds for a tool that only knows the Python that runs it.
    """

    name: str
    build_command: Callable[[Question], list[str]]
    version_command: list[str]
    read_pins: Callable[[Path], Pins]
    says_no_solution: Callable[[int, str], bool]
    needs_interpreter: bool = False
    prepare: Callable[[Question], None] = lambda _question: None
    """What is written before each run, outside of what is timed."""
    list_variables: Callable[[Question], dict[str, str]] = lambda _question: {}
    """Environment variables of the tool alone."""

    def resolve(self, question: Question) -> Pins | NoSolution:
        """The answer; raises `ToolError` where there is none."""
        question.output.unlink(missing_ok=True)
        finished = self.run(question)
        if finished.exit_code == 0:
            return self.read_pins(question.output)
        if self.says_no_solution(finished.exit_code, finished.said):
            return NoSolution(said=finished.said)
        raise ToolError(f"{self.name} exits with {finished.exit_code}:\n{finished.said}")

    def run(self, question: Question, arguments: Sequence[str] = ()) -> Run:
        """The finished process, in the folder of the list, with further arguments. Raises ToolTimeoutError.

        Its environment cannot change the answer; an output of an earlier run may.
        """
        self.prepare(question)
        with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
            started = time.perf_counter()
            process = subprocess.Popen(
                [*self.build_command(question), *arguments],
                env={**_build_environment(question), **self.list_variables(question)},
                cwd=question.source.parent,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=errors,
                start_new_session=True,
            )
            timer = threading.Timer(question.limit_s or 0.0, _kill_group, [process.pid])
            if question.limit_s is not None:
                timer.start()
            _, status, usage = os.wait4(process.pid, 0)
            timer.cancel()
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode == -signal.SIGKILL and question.limit_s is not None and seconds >= question.limit_s:
                raise ToolTimeoutError(f"{self.name} takes more than {question.limit_s:g} s")
            printed.seek(0)
            errors.seek(0)
            return Run(
                exit_code=process.returncode,
                printed=printed.read().decode(errors="replace"),
                said=errors.read().decode(errors="replace").strip(),
                seconds=seconds,
                cpu_seconds=usage.ru_utime + usage.ru_stime,
                peak_mb=usage.ru_maxrss / 1024,
            )

    def fetch_version(self) -> str:
        """The version line as the tool prints it."""
        if not Path(self.version_command[0]).exists():
            return "not installed"
        finished = subprocess.run(self.version_command, capture_output=True, text=True, check=False)
        return " ".join(finished.stdout.split()[:2])


def _kill_group(group: int) -> None:
    """End a tool and what it has started: builds, and the other Python that pip runs, are processes of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


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


def _build_environment(question: Question) -> dict[str, str]:
    """The least that lets the tools run, with the certificates of this machine; configuration files are not found."""
    kept = {name: os.environ[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ}
    if question.authority is not None:
        trusted = str(question.authority)
        kept = {"SSL_CERT_FILE": trusted, "REQUESTS_CA_BUNDLE": trusted, "PIP_CERT": trusted}
    home = str(question.cache.parent)
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
        *(("--index-url", question.index_url) if question.index_url else ()),
        *("--cache-dir", str(question.cache)),
        *_build_format_arguments(question),
        *(("--exclude-newer", question.cut_off) if question.cut_off else ()),
        *(("--python-executable", question.interpreter) if question.sdists and question.interpreter else ()),
        *(("-m", question.machine) if question.machine else ()),
        *(("--check",) if question.check else ()),
        "-q",
    ]


def _build_uv_command(question: Question) -> list[str]:
    return [
        *(find_executable("uv"), "pip", "compile", str(question.source)),
        *("-o", str(question.output), "--format", "pylock.toml", "--no-header", "--no-config", "-q"),
        *("--python", question.interpreter or sys.executable, "--no-python-downloads"),
        *("--python-version", question.python, "--python-platform", f"x86_64-manylinux_2_{GLIBC_MINOR}"),
        *(("--default-index", question.index_url) if question.index_url else ()),
        *("--cache-dir", str(question.cache)),
        *_build_format_arguments(question),
        *(("--exclude-newer", question.cut_off) if question.cut_off else ()),
        *("--index-strategy", "first-index"),
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
    interpreter = question.interpreter or sys.executable
    return [
        *(sys.executable, "-m", "pip", "--python", interpreter, "install", "--dry-run", "--ignore-installed"),
        *_build_pip_arguments(question),
        *("--report", str(question.output)),
        *(() if question.sdists else _build_pip_target_arguments(question)),
    ]


def _build_pip_target_arguments(question: Question) -> list[str]:
    """The target as pip takes it, which is for wheels alone."""
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in range(GLIBC_MINOR, 4, -1)]
    platforms += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]
    return [
        *("--python-version", question.python, "--implementation", "cp"),
        *(argument for platform in platforms for argument in ("--platform", platform)),
    ]


def read_lockfile(path: Path) -> Pins:
    """The version of each project in a PEP 751 lockfile."""
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
    read_pins=read_lockfile,
    says_no_solution=_lock_says_no_solution,
)

TOOLS = {
    tool.name: tool
    for tool in (
        _LOCK,
        # Without the plain HTTP engine: all requests are made by httpx.
        replace(_LOCK, name="lock-httpx", list_variables=lambda _question: {"PINFOLD_PLAIN_ENGINE": "off"}),
        Tool(
            name="uv",
            build_command=_build_uv_command,
            version_command=[find_executable("uv"), "--version"],
            read_pins=read_lockfile,
            says_no_solution=_uv_says_no_solution,
        ),
        Tool(
            name="pip",
            build_command=_build_pip_report_command,
            version_command=[sys.executable, "-m", "pip", "--version"],
            read_pins=_read_report,
            says_no_solution=_pip_says_no_solution,
            needs_interpreter=True,
        ),
        Tool(
            name="pip-lock",
            build_command=_build_pip_lock_command,
            version_command=[sys.executable, "-m", "pip", "--version"],
            read_pins=read_lockfile,
            says_no_solution=_pip_says_no_solution,
            needs_interpreter=True,
        ),
    )
}
