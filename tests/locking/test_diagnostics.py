"""Faults of a plan are reported together before any request; warnings about a resolution never fail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from resolver.errors import ListError
from resolver.locking.diagnostics import check_references, find_shadowed, iter_yank_warnings
from resolver.locking.old_lock import Upgrade
from resolver.locking.plan_secrets import build_credentials
from resolver.locking.plan_solver import PlanSolver
from resolver.planning.plan import LockPlan
from resolver.requirements.url import Url
from resolver.settings.settings import Settings
from resolver.solve.resolution import Resolution
from tests.lock_samples import asked_by_pin, build_file, build_pin
from tests.planning.plans import make_plan
from tests.solve.memory_source import DEFAULT_INDEX, TARGET, MemorySource, Release

EXTRA = "https://extra.example/simple"


def check(plan: LockPlan) -> list[str]:
    """The faults of a plan."""
    with pytest.raises(ListError) as caught:
        check_references(plan, credentials=build_credentials([plan]))
    return [str(fault) for fault in caught.value.faults]


def make_source(failing: frozenset[str] = frozenset()) -> MemorySource:
    """The default index and an extra one, both with the project `a`."""
    releases = {DEFAULT_INDEX: [Release(name=A.name, version="1.0")], EXTRA: [Release(name=A.name, version="1.0")]}
    return MemorySource(releases=releases, target=TARGET, failing=failing)


A = build_pin(build_file("a-1.0-py3-none-any.whl", "1.0"), asked_by_pin("b", "a"), index=EXTRA)


def test_all_paths_that_do_not_exist_are_reported_together(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, "./missing", "--find-links=./wheels", "a")
    assert check(plan) == [
        "requirements[0]: `./missing` names a file or folder that does not exist\n"
        "  because a relative path is relative to the file or folder that contains its list\n"
        "  try: correct its path",
        f"requirements[1]: there is no file or folder `{tmp_path / 'wheels'}`, which is named for `--find-links`\n"
        "  try: correct its path, or begin it with `https://` if it is a URL",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/croot/numpy_1682520569166/work",
        "/home/conda/feedstock_root/build_artifacts/numpy_1682520569166/work",
        "/opt/conda/conda-bld/numpy_1682520569166/src",
        "/tmp/build/80754af9/numpy_1682520569166/work/dist/numpy-1.24.3-cp311-cp311-linux_x86_64.whl",
    ],
)
def test_a_folder_of_a_conda_build_is_shown_as_written_with_the_pin_to_write(tmp_path: Path, path: str) -> None:
    assert check(make_plan(tmp_path, "six", f"numpy @ file://{path}")) == [
        f"requirements[1]: `numpy @ file://{path}` names a file or folder that does not exist\n"
        "  because conda built the project in this folder, on another machine, and `pip freeze` prints the folder\n"
        "  try: write `numpy==VERSION`, with the version that `pip list` shows"
    ]


def test_a_variable_without_value_is_a_fault_of_each_url_that_needs_it(tmp_path: Path) -> None:
    plan = make_plan(
        tmp_path,
        "b @ https://${TOKEN}@files.example/b-1.0-py3-none-any.whl",
        settings=Settings(index_url="https://${TOKEN}@index.example/simple"),
    )
    faults = check(plan)
    assert len(faults) == 2
    assert all("a variable in it is not set: `TOKEN`" in fault for fault in faults)
    assert faults[1].startswith("[tool.pinfold] index-url")


@pytest.mark.parametrize("item", ["${WHEELS}/b-1.0-py3-none-any.whl", "b @ ${WHEELS}/b-1.0-py3-none-any.whl"])
def test_a_variable_without_value_at_the_start_of_a_url_is_named(tmp_path: Path, item: str) -> None:
    assert check(make_plan(tmp_path, item)) == [
        "requirements[0]: `b @ ${WHEELS}/b-1.0-py3-none-any.whl` is needed, and a variable in it is not set: `WHEELS`\n"
        "  try: set it in the environment"
    ]


def test_a_plan_without_faults_passes(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    plan = make_plan(
        tmp_path,
        "./own",
        "b @ https://${TOKEN}@files.example/b-1.0-py3-none-any.whl",
        variables={"TOKEN": "hunter2"},
        bindings=["TOKEN=files.example"],
    )
    check_references(plan, credentials=build_credentials([plan]))


def test_a_pin_from_an_extra_index_shadows_the_default_index(tmp_path: Path) -> None:
    plan = make_plan(tmp_path, f"--extra-index-url={EXTRA}", "b")
    default_index = Url(public=DEFAULT_INDEX)
    plan = replace(plan, default_index=default_index)
    problem = PlanSolver(upgrade=Upgrade(), has_one_plan=True).build_problem(plan, {})
    resolution = Resolution(pins=(A,))
    assert list(find_shadowed(plan, problem, resolution, make_source(), default_index)) == [A]
    failing = make_source(failing=frozenset({DEFAULT_INDEX}))
    assert list(find_shadowed(plan, problem, resolution, failing, default_index)) == []


def test_a_yanked_pin_is_a_warning_with_its_reason() -> None:
    yanked = replace(A, file=replace(A.file, yanked="breaks disks"))
    silent = replace(A, file=replace(A.file, yanked=""))
    assert list(iter_yank_warnings(Resolution(pins=(A, yanked, silent)))) == [
        "`a 1.0` is yanked: breaks disks; it is locked because it is pinned exactly",
        "`a 1.0` is yanked; it is locked because it is pinned exactly",
    ]
