"""Verbs over a lock as a user calls them, without the options that `Project.lock` adds; and a small lock for them."""

from __future__ import annotations

from dataclasses import replace

from packaging.pylock import Package
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from resolver.cli.main import main
from tests.command import Project, Run
from tests.lockfiles.samples import build_pylock, build_tool, build_wheel

__all__ = ["LOOPBACK", "build_web_lock", "build_web_package", "parts", "run_verb"]

LOOPBACK = ("--allow-host", "127.0.0.1")
"""The word of the user that a lock may lead to the servers of the tests."""


def run_verb(project: Project, *argv: str, within: str = ".") -> Run:
    """Run a verb in this process, inside the folder."""
    project.monkeypatch.chdir(project.folder / within)
    project.capture.readouterr()
    code = main(argv)
    out, err = project.capture.readouterr()
    return Run(code=code, out=project.fix(out), err=project.fix(err))


def parts(
    what: str, *, where: str | None = None, why: str | None = None, remedy: str | None = None
) -> dict[str, object]:
    """The parts that `--json` has for an error of one fault, as data."""
    shown = {"what": what, "where": where, "why": why, "remedy": remedy}
    return {**shown, "faults": [{**shown, "involved": [], "details": [], "other_remedies": [], "quoted": []}]}


def build_web_lock(*, http: str = "2.0") -> Lockfile:
    """Four pins: `web` needs `http`, which needs `json`, which `log` needs too. The list has `web` and `log`."""
    names = [NormalizedName(name) for name in ("http", "json", "log", "web")]
    tool = replace(
        build_tool("web", "log"),
        requested_by={
            names[0]: ("web: http>=1",),
            names[1]: ("http: json", "log: json>=2"),
            names[2]: ("layer 0: log",),
            names[3]: ("layer 0: web~=1.0",),
        },
    )
    packages = (
        build_web_package("web", "1.0", "http"),
        build_web_package("http", http, "json", size=30_000_000),
        build_web_package("json", "3.0"),
        build_web_package("log", "1.0", "json"),
    )
    return Lockfile(pylock=build_pylock(*packages), tool=tool)


def build_web_package(name: str, version: str, *needs: str, size: int = 1500) -> Package:
    return Package(
        name=NormalizedName(name),
        version=Version(version),
        index="https://index.example/simple/",
        dependencies=[{"name": one} for one in needs] or None,
        wheels=[replace(build_wheel(name, version), size=size)],
    )
