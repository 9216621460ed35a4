"""Items that are functions of the target, through `resolver.lock`."""

from __future__ import annotations

from typing import Any

import pytest

from resolver import LockOutcome, Settings, lock
from resolver.errors import ListError
from resolver.targets.target import Target
from tests.command import Project
from tests.servers import wheel


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0"))
    project.server.add("b", wheel("b", "1.0"))


def lock_here(project: Project, requirements: Any) -> LockOutcome:
    settings = Settings(index_url=project.server.index_url)
    return lock(requirements, python="3.11", settings=settings, folder=project.folder)


def list_requirements(outcome: LockOutcome) -> tuple[tuple[str, ...], ...]:
    assert outcome.lockfile.tool is not None
    return outcome.lockfile.tool.requirements


def render_faults(project: Project, requirements: Any) -> str:
    with pytest.raises(ListError) as caught:
        lock_here(project, requirements)
    return str(caught.value)


def pick_by_python(target: Target) -> str:
    return "a" if target.python.minor == 11 else "b"


def test_function_gives_an_item_for_the_target(project: Project) -> None:
    assert list_requirements(lock_here(project, ["b", pick_by_python])) == (("b", "a"),)


def test_function_is_called_once(project: Project) -> None:
    asked: list[Target] = []

    def note(target: Target) -> str:
        asked.append(target)
        return "a"

    lock_here(project, [note])

    assert [str(target) for target in asked] == ["Python 3.11 on manylinux_2_35_x86_64"]


def test_function_that_gives_none_leaves_its_item_out(project: Project) -> None:
    assert list_requirements(lock_here(project, [[lambda target: None, "b"], [pick_by_python]])) == (("b",), ("a",))


def test_function_may_give_the_value_of_a_flag(project: Project) -> None:
    outcome = lock_here(project, ["--extra-index-url", lambda target: project.server.index_url, "a"])

    assert list_requirements(outcome) == (("--extra-index-url", project.server.index_url, "a"),)


def test_items_after_one_that_was_left_out_keep_their_positions(project: Project) -> None:
    assert render_faults(project, ["a", lambda target: None, "b =="]) == (
        "requirements[2]: `b ==` is no requirement\n  because no version follows `==`"
    )


def test_failing_functions_are_told_with_their_positions(project: Project) -> None:
    def fail(target: Target) -> str:
        raise ValueError(f"nothing for {target.python} at https://me:hunter2@files.example/")

    name = "test_failing_functions_are_told_with_their_positions.<locals>.fail"
    assert render_faults(project, [["a"], ["b", fail]]) == (
        f"requirements[1][1]: `{name}` failed for Python 3.11 on manylinux_2_35_x86_64\n"
        "  because ValueError: nothing for 3.11 at https://files.example/"
    )


def test_function_that_gives_no_text_is_told_with_its_position(project: Project) -> None:
    assert render_faults(project, [len_of]) == (
        "requirements[0]: `len_of` gave a value of type `int` for Python 3.11 on manylinux_2_35_x86_64\n"
        "  try: give text, or None to leave the item out"
    )


def len_of(target: Target) -> int:
    return len(str(target))
