"""`resolver.lock`: locking a list that a program holds, and its documentation, executed.

`Locker`: many plans in one run.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName

from lockfiles import dumps
from resolver import (
    Access,
    ListError,
    LockOutcome,
    LockPlan,
    Settings,
    TargetError,
    Upgrade,
    lock,
    parse_python_version,
)
from resolver.locking.locker import Locker, lock_plan
from resolver.planning.plan import RunContext, plan_lock
from resolver.sources.source import ItemList, Source, StatedValue
from tests.command import Project
from tests.distributions import make_wheel
from tests.servers import wheel

_DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("anyio", wheel("anyio", "4.3.0", ["idna"]), wheel("anyio", "4.4.0", ["idna"]))
    project.server.add("idna", wheel("idna", "3.7"))


def lock_here(project: Project, requirements: Any, **options: Any) -> LockOutcome:
    settings = Settings(index_url=project.server.index_url)
    return lock(requirements, **{"python": "3.11", "settings": settings, "folder": project.folder, **options})


def pins(outcome: LockOutcome) -> dict[str, str]:
    return {package.name: str(package.version) for package in outcome.lockfile.pylock.packages}


def test_list_is_locked(project: Project) -> None:
    assert pins(lock_here(project, ["anyio"])) == {"anyio": "4.4.0", "idna": "3.7"}


def test_lock_of_the_api_is_that_of_the_command(project: Project) -> None:
    project.write("pyproject.toml", '[tool.pinfold]\nrequirements = ["anyio"]\nindex-url = "INDEX"\n')
    project.lock()

    made = lock_here(project, ["anyio"]).lockfile
    assert made.tool is not None
    assert made.tool.source is None
    assert project.fix(dumps(replace(made, tool=replace(made.tool, source="pyproject.toml")))) == project.read()


def test_layers_are_kept_apart(project: Project) -> None:
    tool = lock_here(project, [["idna"], ["anyio"]]).lockfile.tool
    assert tool is not None
    assert tool.layers == (("idna",), ("anyio",))


def test_python_may_be_a_parsed_version(project: Project) -> None:
    tool = lock_here(project, ["idna"], python=parse_python_version("3.13t")).lockfile.tool
    assert tool is not None
    assert tool.python == "3.13t"


def test_platform_of_the_settings_is_used(project: Project) -> None:
    settings = Settings(index_url=project.server.index_url, platform="musllinux_1_2_aarch64")
    tool = lock_here(project, ["idna"], settings=settings).lockfile.tool
    assert tool is not None
    assert tool.platform == "musllinux_1_2_aarch64"


def test_pins_of_the_old_lock_are_kept_until_released(project: Project) -> None:
    old = lock_here(project, ["anyio<4.4"]).lockfile
    names = frozenset({NormalizedName("anyio")})

    assert pins(lock_here(project, ["anyio"], old=old))["anyio"] == "4.3.0"
    assert pins(lock_here(project, ["anyio"], old=old, upgrade=Upgrade(names=names)))["anyio"] == "4.4.0"


def test_cache_folder_is_used(project: Project) -> None:
    lock_here(project, ["idna"], access=Access(cache_folder=project.cache))
    project.server.log.clear()

    assert pins(lock_here(project, ["idna"], access=Access(cache_folder=project.cache))) == {"idna": "3.7"}
    assert project.server.log == []


def test_paths_start_from_the_folder(project: Project) -> None:
    (project.folder / "wheels").mkdir()
    (project.folder / "wheels" / "c-1.0-py3-none-any.whl").write_bytes(make_wheel("c", "1.0"))

    outcome = lock_here(project, ["--no-index", "-f", "wheels", "c"])

    assert [file.path for _, file in outcome.lockfile.iter_files()] == ["wheels/c-1.0-py3-none-any.whl"]


def test_faults_are_named_by_their_place_in_the_list(project: Project) -> None:
    with pytest.raises(ListError) as caught:
        lock_here(project, [["idna"], ["anyio ==", 5]])
    assert [str(fault.where) for fault in caught.value.faults] == ["requirements[1][0]", "requirements[1][1]"]


def test_text_instead_of_a_list_is_refused(project: Project) -> None:
    with pytest.raises(ListError) as caught:
        lock_here(project, "idna")
    assert str(caught.value) == "requirements: a list of type `str`\n  try: give a list of strings, or of such lists"


def test_unsupported_python_is_named_by_its_argument(project: Project) -> None:
    with pytest.raises(TargetError) as caught:
        lock_here(project, ["idna"], python="2.7")
    assert str(caught.value) == "`python`: Python `2.7` is not supported: CPython 3.8 to 3.15 are"


@pytest.mark.parametrize("names", ["B20", ["GPU-H100", "B20"]])
def test_unknown_machine_type_is_named_by_its_argument(names: str | list[str]) -> None:
    with pytest.raises(TargetError) as caught:
        lock(["a"], python="3.11", machine_type=names)
    assert str(caught.value) == (
        "`machine_type`: unknown machine type `B20`\n"
        "  try: `GPU-B200`, `GPU-H200`, `GPU-GB200` or a row in `[[tool.pinfold.machines]]`"
    )


def test_examples_of_the_documentation_give_the_documented_results(project: Project) -> None:
    project.monkeypatch.chdir(project.folder)
    blocks = re.findall(r"```(python|)\n(.*?)```", _DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    for (language, code), (_, expected) in zip(blocks[::2], blocks[1::2], strict=True):
        assert language == "python"
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(code.replace("https://index.example/simple/", project.server.index_url), names)
        assert project.fix(output.getvalue()) == expected


@pytest.fixture(autouse=True)
def index_of_workflow(project: Project) -> None:
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
