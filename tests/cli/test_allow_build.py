"""`--no-build` with names that may be built all the same."""

from __future__ import annotations

import sys

import pytest

from tests.command import Project
from tests.servers import sdist, wheel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a build tells for the target on this machine alone")


@pytest.fixture
def built(project: Project) -> Project:
    project.server.add("needed", wheel("needed", "1.0"))
    for name in ("one", "two"):
        project.server.add(name, sdist(name, "1.0", ["needed"], static=False))
    project.write("pyproject.toml", '[tool.pinfold]\nallow-build = ["One"]\n')
    project.python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return project


def test_name_that_may_be_built_is_built_though_nothing_else_is(built: Project) -> None:
    built.write_list("one")

    run = built.lock("requirements.txt", "--no-build")

    assert run.code == 0, run.err
    assert built.pins() == {"needed": "1.0", "one": "1.0"}
    lock = built.load()
    assert lock.tool is not None
    assert lock.tool.settings["allow-build"] == ("one",)


def test_other_names_are_not_built(built: Project) -> None:
    built.write_list("two")

    run = built.lock("requirements.txt", "--no-build")

    assert run.code == 3
    assert "only a build can tell what `two-1.0.tar.gz` needs, and `--no-build` forbids it" in run.err


def test_without_no_build_the_names_change_nothing(built: Project) -> None:
    built.write_list("two")

    assert built.lock("requirements.txt").code == 0
    lock = built.load()
    assert lock.tool is not None
    assert "allow-build" not in lock.tool.settings
