"""`lock outdated`: what is newer than a lock's pins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.verb_runs import run_verb
from tests.command import Project, Run
from tests.git_server import GitServer, make_repository
from tests.servers import sdist, wheel


@pytest.fixture
def locked(project: Project) -> Project:
    project.server.add("thing", wheel("thing", "1.0"))
    project.write_list("thing")
    assert project.lock("requirements.txt").code == 0
    return project


def judge(project: Project, *argv: str) -> Run:
    return run_verb(project, *argv, "--allow-host", "127.0.0.1")


def test_outdated_names_newer_releases_for_the_python_of_the_lock(locked: Project) -> None:
    locked.server.add("thing", wheel("thing", "1.1"), sdist("thing", "1.2"), wheel("thing", "2.0rc1"))
    locked.server.add("thing", wheel("thing", "3.0", requires_python=">=3.12"), wheel("thing", "4.0", yanked="no"))

    assert (judge(locked, "outdated").code, judge(locked, "outdated").out) == (1, "thing 1.0 -> 1.2\n")
    assert judge(locked, "outdated", "--pre").out == "thing 1.0 -> 2.0rc1\n"


def test_outdated_leaves_out_what_a_listed_pin_fixes_exactly(project: Project) -> None:
    project.server.add("thing", wheel("thing", "1.0", ["exact==1.0", "free>=1", "prefix==1.*", "loose"]))
    project.server.add("exact", wheel("exact", "1.0", ["deeper===1.0"]))
    project.server.add("loose", wheel("loose", "1.0", ["held==1.0"]))
    for name in ("free", "prefix", "deeper", "held", "own"):
        project.server.add(name, wheel(name, "1.0"))
    project.write_list("thing", "own==1.0")
    assert project.lock("requirements.txt").code == 0
    for name in ("exact", "free", "prefix", "deeper", "loose", "held", "own"):
        project.server.add(name, wheel(name, "1.9"))

    lines = judge(project, "outdated").out.splitlines()

    # `held` is fixed by a pin of no line, which can move by itself; `own` is a line to edit.
    assert [line.partition(" ")[0] for line in lines] == ["free", "held", "loose", "own", "prefix"]


def test_outdated_of_a_lock_with_the_newest_pins_exits_0(locked: Project) -> None:
    run = judge(locked, "outdated")

    assert (run.code, run.out) == (0, "nothing newer than its 1 pins\n")


def test_outdated_tells_branches_that_have_moved(project: Project, tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "git" / "app")
    build = '[build-system]\nrequires = []\nbuild-backend = "own"\n'
    locked = repository.commit({"pyproject.toml": f'[project]\nname = "app"\nversion = "1.0"\n{build}'})
    with GitServer(tmp_path / "git") as server:
        project.write_list(f"app @ git+{server.url('app')}@main")
        assert project.lock("requirements.txt").code == 0
        assert judge(project, "outdated").out == "nothing newer than its 1 pins\n"
        moved = repository.commit({"more.txt": "more"})

        run = judge(project, "outdated")

    assert (run.code, run.out) == (1, f"app: `main` is {moved[:12]} now, {locked[:12]} is locked\n")
