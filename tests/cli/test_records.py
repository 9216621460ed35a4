"""Records of whole runs: an unchanged run is repeated without solving, and any change of any input is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import Project, Run, child_environment
from tests.servers import wheel

_CODE = """
import os, sys
sys.argv[0] = 'lock'
leave = os._exit
def leave_and_tell(code):
    kind = 'usual' if 'resolver.cli.main' in sys.modules else 'repeated'
    print(kind, *sorted(sys.modules), file=open(os.environ['TOLD'], 'w'))
    leave(code)
os._exit = leave_and_tell
from resolver.cli import run
run()
"""


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b"]))
    project.server.add("b", wheel("b", "1.0"))
    project.write_list("a")


def run(project: Project, *argv: str, within: str = ".", **environment: str) -> tuple[Run, str]:
    """A run in a process of its own, and how it was made: `repeated` or `usual`."""
    told = project.cache.parent / "told"
    words = [*argv, "--cache-dir", str(project.cache), *(() if "--python" in argv else ("--python", "3.11"))]
    done = subprocess.run(
        [sys.executable, "-c", _CODE, *words],
        cwd=project.folder / within,
        env=child_environment(project.folder, TOLD=str(told), **environment),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    result = Run(code=done.returncode, out=project.fix(done.stdout), err=project.fix(done.stderr))
    return result, told.read_text().split()[0]


def settle(project: Project, *argv: str, **environment: str) -> Run:
    """Run until the run is repeated from its record, which takes at most three runs; the result."""
    for _ in range(4):
        result, how = run(project, *argv, **environment)
        if how == "repeated":
            return result
    raise AssertionError("never repeated")


def test_an_unchanged_run_is_repeated_with_the_same_output_and_lock(project: Project) -> None:
    run(project, "requirements.txt")
    usual, how = run(project, "requirements.txt")
    assert how == "usual"
    lock = project.read()

    repeated, how = run(project, "requirements.txt")

    assert (how, repeated, project.read()) == ("repeated", usual, lock)


def test_a_removed_lock_is_written_again_with_the_same_bytes(project: Project) -> None:
    first, _ = run(project, "requirements.txt")
    lock = (project.folder / "pylock.toml").read_bytes()
    (project.folder / "pylock.toml").unlink()

    again, how = run(project, "requirements.txt")

    assert (how, again) == ("repeated", first)
    assert (project.folder / "pylock.toml").read_bytes() == lock
