"""`lock compare-installers`: the same list under the rules of pip and uv."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cli.verb_runs import run_verb
from tests.command import INDEX, Project
from tests.servers import IndexServer, wheel


@pytest.fixture
def extra() -> Iterator[IndexServer]:
    with IndexServer({}) as server:
        yield server


def test_list_with_one_index_is_the_same_for_all(project: Project) -> None:
    project.server.add("app", wheel("app", "1.0"), wheel("app", "2.0"))
    project.write_list("app")
    assert project.lock("requirements.txt").code == 0

    run = run_verb(project, "compare-installers")

    assert (run.code, run.out, run.err) == (0, "pip and uv would take the same files\n", "")


def test_pip_takes_the_best_version_of_all_indexes(project: Project, extra: IndexServer) -> None:
    project.server.add("app", wheel("app", "2.0"))
    extra.add("app", wheel("app", "1.0"))
    project.write_list(f"--extra-index-url {extra.index_url}", "app")
    assert project.lock("requirements.txt").code == 0

    run = run_verb(project, "compare-installers")

    place = extra.index_url
    assert (run.code, run.out) == (
        1,
        "app\n"
        f"  pinfold  app-1.0-py3-none-any.whl from {place}\n"
        f"  pip      app-2.0-py3-none-any.whl from {INDEX}/simple/\n"
        f"  uv       app-1.0-py3-none-any.whl from {place}\n",
    )


def test_position_makes_a_difference_to_both(project: Project, extra: IndexServer) -> None:
    project.server.add("app", wheel("app", "1.0"))
    project.server.add("late", wheel("late", "1.0"))
    extra.add("app", wheel("app", "3.0"))
    project.write_list("app", f"--extra-index-url {extra.index_url}", "late")
    assert project.lock("requirements.txt").code == 0

    (found,) = json.loads(run_verb(project, "compare-installers", "--json").out)["locks"]

    (difference,) = found["differences"]
    assert {rule: difference[rule]["filename"] for rule in ("pinfold", "pip", "uv")} == {
        "pinfold": "app-1.0-py3-none-any.whl",
        "pip": "app-3.0-py3-none-any.whl",
        "uv": "app-3.0-py3-none-any.whl",
    }


def test_newer_release_makes_no_difference(project: Project) -> None:
    project.server.add("app", wheel("app", "1.0"))
    project.write_list("app")
    assert project.lock("requirements.txt").code == 0
    project.server.add("app", wheel("app", "2.0"))

    assert run_verb(project, "compare-installers").code == 0


def test_rule_without_a_solution_says_why(project: Project, extra: IndexServer) -> None:
    project.server.add("app", wheel("app", "1.0", ["core<2"]))
    project.server.add("core", wheel("core", "1.0"))
    project.server.add("late", wheel("late", "1.0"))
    extra.add("core", wheel("core", "2.0"))
    project.write_list("app", "core", f"--extra-index-url {extra.index_url}", "late")
    assert project.lock("requirements.txt").code == 0

    run = run_verb(project, "compare-installers")

    assert run.code == 1
    assert run.out.startswith("uv finds no solution: ")
