"""Standard streams that are closed or full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import Project, child_environment
from tests.servers import wheel

_ENTRY = "import sys; sys.argv[0] = 'lock'; from resolver.cli import run; run()"
_FULL = Path("/dev/full")


def test_closed_standard_input_is_bad_input(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    run = project.lock("-")

    assert (run.code, run.err) == (2, "error: standard input cannot be read: it is closed\n")


@pytest.mark.skipif(not _FULL.exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("option", [["-o", "-"], ["--json", "-q"]])
def test_full_standard_output_is_an_error_with_its_reason(project: Project, option: list[str]) -> None:
    project.server.add("a", wheel("a", "1.0"))
    path = project.write_list("a")
    command = [sys.executable, "-c", _ENTRY, path.name, "--python", "3.11", "--cache-dir", str(project.cache), *option]

    with _FULL.open("wb") as full:
        run = subprocess.run(
            command,
            cwd=project.folder,
            env=child_environment(project.folder),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )

    reason = os.strerror(28).lower()
    assert run.returncode == 2
    assert run.stderr.decode().splitlines()[-1] == f"error: standard output cannot be written: {reason}"


def test_closed_standard_output_hinders_no_run_that_prints_nothing(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0"))
    path = project.write_list("a")
    script = "import os, subprocess, sys; os.close(1); sys.exit(subprocess.call(sys.argv[1:]))"
    command = [sys.executable, "-c", _ENTRY, path.name, "--python", "3.11", "--cache-dir", str(project.cache)]

    run = subprocess.run(
        [sys.executable, "-c", script, *command],
        cwd=project.folder,
        env=child_environment(project.folder),
        stderr=subprocess.PIPE,
        check=False,
    )

    assert (run.returncode, project.pins()) == (0, {"a": "1.0"})
