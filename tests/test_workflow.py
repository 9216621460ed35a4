"""`Locker`: many plans in one run."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lockfiles import dumps
from resolver import Access, LockPlan, Settings
from resolver.plan import RunContext, plan_lock
from resolver.sources.source import ItemList, Source, StatedValue
from resolver.workflow import Locker, lock_plan
from tests.command import Project
from tests.servers import wheel


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("anyio", wheel("anyio", "4.3.0", ["idna"]), wheel("anyio", "4.4.0", ["idna"]))
    project.server.add("idna", wheel("idna", "3.7"))
    project.server.add("numpy", wheel("numpy", "2.0"))


def build_plan(project: Project, items: Sequence[str], **settings: object) -> LockPlan:
    source = Source(
        name="requirements",
        stem="requirements",
        form=ItemList(items=tuple(items)),
        path=None,
        folder=project.folder,
        python=StatedValue(value="3.11", where="`python`"),
        settings=replace(Settings(index_url=project.server.index_url), **settings),  # type: ignore[arg-type]
    )
    return plan_lock(
        source,
        arguments=Settings(),
        path=None,
        old=None,
        run=RunContext(folder=project.folder, variables=os.environ, now=datetime.now(UTC)),
    )


def test_locks_do_not_depend_on_plans_that_were_freed(project: Project) -> None:
    lists = (["numpy"], ["idna"], ["anyio"], ["anyio<4.4"], ["anyio", "numpy"])
    expected = [dumps(lock_plan(build_plan(project, items), access=Access()).lockfile) for items in lists]

    with Locker([], access=Access()) as locker:
        for round_number in range(60):
            at = round_number % len(lists)
            # The plan is freed after the call, so that the next one may lie at its address.
            assert dumps(locker.lock(build_plan(project, lists[at])).lockfile) == expected[at]
            if round_number % 7 == 0:
                gc.collect()


@pytest.mark.parametrize(
    "settings",
    [
        {"exclude": ("idna",)},
        {"override_dependencies": ("idna==3.6",)},
        {"constraint_dependencies": ("anyio<4.4",)},
        {"index_strategy": "best-match"},
        {"no_build": True},
    ],
)
def test_settings_are_part_of_the_question(project: Project, settings: dict[str, object]) -> None:
    project.server.add("idna", wheel("idna", "3.6"))
    plans = [build_plan(project, ["anyio"]), build_plan(project, ["anyio"], **settings)]
    expected = [dumps(lock_plan(plan, access=Access()).lockfile) for plan in plans]

    with Locker([], access=Access()) as locker:
        assert [dumps(locker.lock(plan).lockfile) for plan in plans] == expected


def test_equal_lists_share_one_answer(project: Project) -> None:
    with Locker([], access=Access()) as locker:
        first = locker.lock(build_plan(project, ["anyio"]))
        second = locker.lock(build_plan(project, ["anyio"]))

    assert second.resolution is first.resolution
