"""Locks of one run together: those that no target writes any more."""

from __future__ import annotations

import pytest

from tests.command import Project
from tests.servers import wheel


@pytest.fixture(autouse=True)
def locked(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b>=2"]))
    project.server.add("b", wheel("b", "2.1"), wheel("b", "1.0"))
    project.write_list("a")
    assert project.lock("requirements.txt").code == 0
    project.server.log.clear()


def test_lock_that_no_target_writes_any_more_is_told(project: Project) -> None:
    project.write_list("a")
    assert project.lock("requirements.txt", "-m", "M", "-m", "L").code == 0
    assert project.lock("requirements.txt", "-m", "M", "-o", "pylock.toml").code == 0
    project.write("pyproject.toml", '[tool.pinfold]\nmachine-type = "M"\n')

    run = project.lock("requirements.txt", "--check")

    assert (run.code, run.err) == (
        0,
        "requirements.txt: pylock.toml fits\n"
        "warning: `pylock.l.toml` is of the same list, and no target writes it any more\n"
        "warning: `pylock.m.toml` is of the same list, and no target writes it any more\n",
    )


def test_locks_of_targets_that_are_named_are_not_told(project: Project) -> None:
    project.write_list("a")
    assert project.lock("requirements.txt", "-m", "M", "-m", "L").code == 0

    assert "no target" not in project.lock("requirements.txt", "--check", "-m", "M").err
