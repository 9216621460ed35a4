"""pip-tools, pdm, poetry and nab under comparison, each in an environment of its own: their dependencies conflict.

    python -m benchmarks.other_tools --install FOLDER
    export BENCHMARK_TOOLS=FOLDER
    python -m benchmarks.compare --store STORE --record --runs 1 --tools lock,uv,pip-tools,pdm,poetry,nab

In: a `Question`. Out: a `Tool` as those of `benchmarks.tools`. pdm, poetry and nab read no requirement list, so a
project with the lines of the list is written before each run, outside of what is timed. Not all of them can be given
the whole question:

- poetry locks for every platform, has no setting for wheels alone, and its cut-off is a number of days;
- pip-tools locks for the interpreter and the machine that it runs on, as `pip lock` does, and without hashes, for which
  it would ask for more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from benchmarks.tools import GLIBC_MINOR, Pins, Question, Tool, read_lockfile

__all__ = ["OTHER_TOOLS", "main"]

_FOLDER = Path(os.environ.get("BENCHMARK_TOOLS", "benchmark-tools")).absolute()
_BESIDE = {"pdm": ("hishel[httpx2]<2",)}
"""What a tool imports but does not ask for in this version, or not below the release that breaks it."""
_COMMANDS = {"pip-tools": "pip-compile", "pdm": "pdm", "poetry": "poetry", "nab": "nab"}


def main(arguments: list[str] | None = None) -> int:
    """Install each tool into an environment below a folder; the newest releases that fit this Python."""
    parser = argparse.ArgumentParser(
        prog="other_tools", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--install", type=Path, required=True, metavar="FOLDER")
    folder = parser.parse_args(arguments).install
    for name in _COMMANDS:
        venv.create(folder / name, with_pip=True, symlinks=True)
        pip = [folder / name / "bin/python", "-m", "pip", "install", "-q", "-U", "pip"]
        subprocess.run([*pip, name, *_BESIDE.get(name, ())], check=True)
        print(name)
    return 0


def _find_command(name: str) -> str:
    return str(_FOLDER / name / "bin" / _COMMANDS[name])


def _build_pip_tools_command(question: Question) -> list[str]:
    wheels = "" if question.sdists else " --only-binary :all:"
    return [
        *(_find_command("pip-tools"), str(question.source), "-o", str(question.output), "-q", "--no-config"),
        *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-options", "--strip-extras"),
        *("--index-url", question.index_url, "--cache-dir", str(question.cache)),
        *("--pip-args", f"--isolated --uploaded-prior-to {question.cut_off}{wheels}"),
    ]


def _build_pdm_command(question: Question) -> list[str]:
    return [
        *(_find_command("pdm"), "lock", "-q", "-p", str(question.source.parent), "-L", str(question.output)),
        *("--exclude-newer", question.cut_off, "--python", f"=={question.python}", "--implementation", "cpython"),
        *("--platform", f"manylinux_2_{GLIBC_MINOR}_x86_64"),
    ]


def _build_poetry_command(question: Question) -> list[str]:
    return [_find_command("poetry"), "lock", "-q", "-n", "-C", str(question.source.parent)]


def _build_nab_command(question: Question) -> list[str]:
    return [
        *(_find_command("nab"), "-qq", "--no-progress", "lock", str(question.source.parent / "pyproject.toml")),
        *("--output", str(question.output), "--format", "pylock"),
        *("--cache-dir", str(question.cache), "--project-uploaded-prior-to", question.cut_off),
        *("--project-dist-policy", "wheel-or-sdist" if question.sdists else "wheel-only"),
        *("--project-mode", "specific", "--project-environment-python", question.python),
        *("--project-environment-platform", "linux_x86_64", "libc=glibc", f"runs-on-libc=2.{GLIBC_MINOR}"),
    ]


def _write_project(question: Question, tables: Callable[[Question], str]) -> None:
    """A `pyproject.toml` beside the list, with the lines of the list as dependencies; other tools find no such file."""
    lines = [line.partition(" #")[0].strip() for line in question.source.read_text(encoding="utf-8").splitlines()]
    requirements = [str(Requirement(line)) for line in lines if line and not line.startswith("#")]
    listed = "".join(f"    {requirement!r},\n" for requirement in requirements)
    minor = ".".join(question.python.split(".")[:2])
    project = (
        f'[project]\nname = "measured"\nversion = "1"\nrequires-python = "=={minor}.*"\ndependencies = [\n{listed}]\n'
    )
    (question.source.parent / "pyproject.toml").write_text(f"{project}\n{tables(question)}", encoding="utf-8")


def _render_pdm_tables(question: Question) -> str:
    return (
        f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{question.index_url}"\nverify_ssl = true\n'
        "[tool.pdm]\ndistribution = false\n"
    )


def _render_poetry_tables(question: Question) -> str:
    return (
        f'[[tool.poetry.source]]\nname = "measured-index"\nurl = "{question.index_url}"\npriority = "primary"\n'
        "[tool.poetry]\npackage-mode = false\n"
    )


def _render_nab_tables(question: Question) -> str:
    return f'[[tool.nab.indexes]]\nname = "measured-index"\nurl = "{question.index_url}"\n'


def _list_pdm_variables(question: Question) -> dict[str, str]:
    wheels = {} if question.sdists else {"PDM_ONLY_BINARY": ":all:"}
    return {"PDM_CACHE_DIR": str(question.cache), "PDM_CHECK_UPDATE": "false", **wheels}


def _list_poetry_variables(question: Question) -> dict[str, str]:
    age = datetime.now(UTC) - datetime.fromisoformat(question.cut_off)
    return {"POETRY_CACHE_DIR": str(question.cache), "POETRY_SOLVER_MIN_RELEASE_AGE": str(age.days)}


def _read_requirements(path: Path) -> Pins:
    lines = [line.removesuffix("\\").strip() for line in path.read_text(encoding="utf-8").splitlines()]
    pins = [line.partition("==") for line in lines if "==" in line]
    return {canonicalize_name(name): Version(version.partition(" ")[0]) for name, _, version in pins}


def _read_packages(path: Path, table: str) -> Pins:
    packages = tomllib.loads(path.read_text(encoding="utf-8"))[table]
    return {canonicalize_name(package["name"]): Version(package["version"]) for package in packages}


def _read_poetry_lock(path: Path) -> Pins:
    """Poetry writes its lock beside the project, wherever the output of the question is."""
    return _read_packages(path.parent / "poetry.lock", "package")


_OTHER = Tool(
    name="",
    build_command=_build_pip_tools_command,
    version_command=[],
    read_pins=_read_requirements,
    says_no_solution=lambda _code, _said: False,
)

OTHER_TOOLS = {
    tool.name: replace(tool, version_command=[_find_command(tool.name), "--version"])
    for tool in (
        replace(_OTHER, name="pip-tools", needs_interpreter=True),
        replace(
            _OTHER,
            name="pdm",
            build_command=_build_pdm_command,
            read_pins=partial(_read_packages, table="package"),
            prepare=partial(_write_project, tables=_render_pdm_tables),
            list_variables=_list_pdm_variables,
        ),
        replace(
            _OTHER,
            name="poetry",
            build_command=_build_poetry_command,
            read_pins=_read_poetry_lock,
            prepare=partial(_write_project, tables=_render_poetry_tables),
            list_variables=_list_poetry_variables,
        ),
        replace(
            _OTHER,
            name="nab",
            build_command=_build_nab_command,
            read_pins=read_lockfile,
            prepare=partial(_write_project, tables=_render_nab_tables),
        ),
    )
}
"""By the name of the distribution; none says in a stable form that a list has no solution."""


if __name__ == "__main__":
    sys.exit(main())
