"""Builds that give no metadata: what led to them, and `--skip-failed-builds`, which passes over them and records it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lockfiles import read
from tests.cli.verb_runs import LOOPBACK, run_verb
from tests.command import Project
from tests.servers import sdist, wheel

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
FAILING = "raise SystemExit(3)"


@pytest.fixture
def failing(project: Project) -> Project:
    """A list whose `beta` leads over a wheel to a gamma: the newest cannot be built, the older states what it needs."""
    project.server.add("alpha", wheel("alpha", "1.0"))
    project.server.add("beta", wheel("beta", "2.0", ["gamma>=1"]))
    project.server.add("gamma", sdist("gamma", "2.0", static=False, backend_statement=FAILING), sdist("gamma", "1.0"))
    project.write_list("alpha\nbeta>=1")
    return project


def test_a_build_that_fails_is_3_with_the_line_and_the_path_that_led_to_it(failing: Project) -> None:
    run = failing.lock("requirements.txt", "--python", MINOR)
    assert run.code == 3
    first, second, *_, last = run.err.splitlines()
    assert first == "error: requirements.txt:3: the build of `gamma-2.0.tar.gz` gave no metadata, and ended with:"
    assert second == "  `beta>=1` needs it: `beta 2.0` requires `gamma>=1`"
    assert last == "  try: pass over this version with `--skip-failed-builds`"


def test_build_that_fails_is_answered_with_the_python_and_the_version_that_have_wheels(project: Project) -> None:
    other = "cp312-cp312-manylinux_2_17_x86_64"
    failing = sdist("gamma", "1.0", static=False, backend_statement=FAILING)
    project.server.add("gamma", failing, wheel("gamma", "1.0", tags=other), wheel("gamma", "2.0"))
    project.write_list("gamma==1.0")
    run = project.lock("requirements.txt", "--python", "3.11", "--build-anyway")
    assert run.code == 3
    assert run.err.splitlines()[-4:] == [
        "  `gamma 1.0` has wheels for Python 3.12, not 3.11",
        "  try: `--python 3.12`, for which `gamma 1.0` has wheels (tested: it locks)",
        "  try: `gamma==2.0` at requirements.txt:2 (tested: it locks)",
        "  try: write its requirements into a `[[tool.pinfold.dependency-metadata]]` table of pyproject.toml",
    ]


def test_a_listed_project_needs_no_path(project: Project) -> None:
    project.server.add("gamma", sdist("gamma", "2.0", static=False))
    project.write_list("gamma")
    run = project.lock("requirements.txt", "--python", "3.8", "--no-build")
    assert run.code == 3
    run = project.lock("requirements.txt", "--python", "3.8")
    assert run.code == 3
    first, second, *_ = run.err.splitlines()
    assert first == (
        "error: requirements.txt:2: only a build can tell what `gamma-2.0.tar.gz` needs, and it was not built"
    )
    assert second.startswith("  because a build on Python ")


def test_a_version_whose_build_fails_is_passed_over_and_recorded(failing: Project) -> None:
    run = failing.lock("requirements.txt", "--python", MINOR, "--skip-failed-builds")
    assert run.code == 0, run.err
    assert "  passed over, since their builds failed: gamma 2.0" in run.err.splitlines()
    tool = read(failing.folder / "pylock.toml").tool
    assert tool is not None
    assert {name: [str(version) for version in facts.rejected] for name, facts in tool.build.items()} == {
        "gamma": ["2.0"]
    }


def test_a_recorded_rejection_is_an_input_of_the_next_run(failing: Project) -> None:
    assert failing.lock("requirements.txt", "--python", MINOR, "--skip-failed-builds").code == 0
    text = (failing.folder / "pylock.toml").read_bytes()
    failing.write_list("alpha\nbeta>=1\n# the same")
    run = failing.lock("requirements.txt", "--python", MINOR, "-P", "beta")
    assert run.code == 0, run.err
    assert (failing.folder / "pylock.toml").read_bytes() == text
    assert failing.lock("requirements.txt", "--python", MINOR, "-P", "gamma").code == 3
    assert failing.lock("requirements.txt", "--python", MINOR, "-U").code == 3


def test_a_rejected_project_need_not_be_in_the_lock(failing: Project) -> None:
    failing.server.add("beta", wheel("beta", "1.0"))
    failing.server.projects["gamma"] = failing.server.projects["gamma"][:1]
    run = failing.lock("requirements.txt", "--python", MINOR, "--skip-failed-builds")
    assert run.code == 0, run.err
    lock = read(failing.folder / "pylock.toml")
    assert [f"{one.name} {one.version}" for one in lock.pylock.packages] == ["alpha 1.0", "beta 1.0"]
    assert lock.tool is not None
    assert [str(version) for version in lock.tool.build[next(iter(lock.tool.build))].rejected] == ["2.0"]
    assert failing.lock("requirements.txt", "--python", MINOR).code == 0
    assert failing.lock("requirements.txt", "--python", MINOR, "--check").code == 0


@pytest.mark.parametrize("words", [(), ("--build",)], ids=["refused", "failed"])
def test_who_verifies_a_lock_gets_no_advice_for_its_author(
    project: Project, words: tuple[str, ...], tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    statement = f"import os, sys; os.path.exists({str(broken)!r}) and sys.exit(3)"
    project.server.add("gamma", sdist("gamma", "2.0", static=False, backend_statement=statement), sdist("gamma", "1.0"))
    project.write_list("gamma")
    assert project.lock("requirements.txt", "--python", MINOR).code == 0
    broken.touch()
    project.cache = tmp_path / "empty"

    run = run_verb(project, "verify", *LOOPBACK, *words)

    assert run.code == 3, run.err
    assert "gamma-2.0.tar.gz" in run.err
    assert "skip-failed-builds" not in run.err
