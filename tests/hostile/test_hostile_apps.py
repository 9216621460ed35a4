"""Apps of strangers are read and never run: what locking, checking and scanning them may cause."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.command import Project
from tests.hostile.hostile_apps import CASES, HostileApp
from tests.hostile.trap import CANARY, Trap, make_trap


@pytest.fixture
def trap(project: Project) -> Iterator[Trap]:
    with make_trap(project) as trap:
        yield trap


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_app_is_never_run(case: HostileApp, trap: Trap) -> None:
    case.write(trap)

    code = trap.run("app.py::Demo", "--python", "3.11", "--cache-dir", "../cache", "-o", "pylock.app.toml")
    trap.run("app.py", "--check", "--python", "3.11", "-o", "pylock.app.toml")
    trap.run(".", "--check", "--python", "3.11")
    trap.run("secrets", "app.py")
    trap.run("hook", "check", "app.py")

    assert code in case.code, trap.printed
    if case.reads:
        # A list may name any file, as with pip. Its lines are requirements: an error shows them, a lock records them.
        trap.opened.clear()
        (trap.folder / "pylock.app.toml").unlink(missing_ok=True)
        trap.printed = trap.printed.replace(CANARY, "")
    trap.check()


def test_names_of_cases_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
