"""Another GPU or driver is compared by data first; only where that does not suffice is anything solved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import FetchError, Position, ResolutionError
from resolver.index.location import Location
from resolver.locking.gpu_differences import (
    DriverChange,
    dump_changes,
    find_driver_changes,
    has_same_resolution,
    list_versions,
    load_changes,
)
from resolver.requirements.url import Url
from resolver.solve.resolution import ChosenBuild, Pin, Requester, Resolution
from resolver.targets.machine_types import choose_platform, parse_machine_types
from resolver.targets.target import Target, parse_python_version
from tests.lock_samples import build_file, build_pin
from tests.solve.memory_source import DEFAULT_INDEX, TARGET, MemorySource, Release, index_location

TORCH, NUMPY = NormalizedName("torch"), NormalizedName("numpy")


def make_target(machine: str, driver: str | None = None) -> Target:
    choice = parse_machine_types(machine, driver=driver)
    return Target(
        python=parse_python_version("3.11"), platform=choose_platform(choice, None), accelerator=choice.accelerator
    )


def pin_torch(version: str, text: str = "torch") -> Pin:
    requester = Requester(position=Position(item=0), parent=None, text=text)
    return build_pin(build_file(f"torch-{version}-cp311-cp311-manylinux_2_28_x86_64.whl", version), requester)


def resolve(version: str, text: str = "torch") -> Resolution:
    return Resolution(pins=(pin_torch(version, text),), build=ChosenBuild(cuda="cu126", why="it runs"))


def refuse(target: Target) -> Resolution:
    raise FetchError(f"a request for {target}", url=DEFAULT_INDEX)


def no_versions(name: NormalizedName) -> Sequence[Version]:
    del name
    return ()


A100, A10, H100 = make_target("A100"), make_target("A10G"), make_target("H100")


def test_gpus_with_the_same_running_builds_have_one_resolution() -> None:
    resolution = resolve("2.6.0", "torch==2.6.0")
    assert has_same_resolution(resolution, {TORCH, NUMPY}, here=A100, there=H100)
    assert has_same_resolution(resolution, {NUMPY}, here=A100, there=A10)


def test_a_gpu_that_needs_another_build_has_its_own_resolution() -> None:
    resolution = resolve("2.6.0", "torch==2.6.0")
    assert not has_same_resolution(resolution, {TORCH}, here=A100, there=make_target("V100", "450.80.02"))
    assert not has_same_resolution(resolution, {TORCH}, here=A100, there=make_target("A100", "450.80.02"))
    assert not has_same_resolution(resolution, {TORCH}, here=A100, there=make_target("CPU"))


def test_what_is_not_certain_is_no_equality() -> None:
    unknown = resolve("99.0", "torch==99.0")
    assert not has_same_resolution(unknown, {TORCH}, here=A100, there=H100)
    warned = Resolution(pins=(pin_torch("2.6.0"),), warnings=("something is not known",))
    assert not has_same_resolution(warned, {NUMPY}, here=A100, there=H100)


def test_a_driver_change_is_solved_where_that_needs_no_request() -> None:
    here = resolve("2.6.0")
    changes = find_driver_changes(here, A100, lambda target: resolve("2.7.0"), no_versions)
    assert changes
    assert {change.source for change in changes} == {"solved"}
    assert {change.changes for change in changes} == {("torch 2.6.0 -> 2.7.0",)}


def test_a_driver_without_a_solution_is_a_change() -> None:
    def fail(target: Target) -> Resolution:
        raise ResolutionError(f"no solution on {target}")

    changes = find_driver_changes(resolve("2.6.0"), A100, fail, no_versions)
    assert {change.changes for change in changes} == {("there is no solution",)}


def test_a_driver_change_follows_from_the_data_where_it_cannot_be_solved() -> None:
    changes = find_driver_changes(resolve("2.6.0"), A100, refuse, no_versions)
    assert changes
    assert {change.source for change in changes} == {"data"}
    assert all("torch" in line for change in changes for line in change.changes)


@pytest.mark.parametrize(
    ("listed", "expected"),
    [("torchvision>=0.20", "2.15.0"), ("torchvision==0.28.0", "2.13.0"), ("torchvision<0.29", "2.13.0")],
)
def test_a_companion_limits_torch_under_another_driver_only_if_it_is_limited(listed: str, expected: str) -> None:
    line = Requester(position=Position(item=1), parent=None, text=listed)
    companion = build_pin(build_file("torchvision-0.28.0-cp311-cp311-manylinux_2_28_x86_64.whl", "0.28.0"), line)
    torch = pin_torch("2.13.0+cu126")
    needed = Requester(position=None, parent=companion.name, text="torch==2.13.0")
    torch = replace(torch, requesters=(*torch.requesters, needed))
    resolution = Resolution(pins=(torch, companion), build=ChosenBuild(cuda="cu126", why="it runs"))

    changes = {change.driver: change.changes for change in find_driver_changes(resolution, A100, refuse, no_versions)}

    assert changes["580"] == (f"torch 2.13.0+cu126 -> {expected}",)


def test_drivers_that_run_the_same_resolution_are_left_out() -> None:
    here = resolve("2.6.0")
    assert find_driver_changes(here, A100, lambda target: here, no_versions) == ()


@pytest.mark.parametrize("resolution", [Resolution(pins=(pin_torch("2.6.0"),)), Resolution(pins=())])
def test_a_resolution_without_a_build_has_no_driver_changes(resolution: Resolution) -> None:
    assert find_driver_changes(resolution, A100, refuse, no_versions) == ()


def test_added_and_removed_pins_are_changes_with_torch_first() -> None:
    numpy = build_pin(build_file("numpy-2.0-py3-none-any.whl", "2.0"))
    scipy = build_pin(build_file("scipy-1.0-py3-none-any.whl", "1.0"))
    build = ChosenBuild(cuda="cu126", why="it runs")
    here = Resolution(pins=(numpy, pin_torch("2.6.0")), build=build)
    there = Resolution(pins=(scipy, pin_torch("2.7.0")), build=build)
    changes = find_driver_changes(here, A100, lambda target: there, no_versions)
    assert isinstance(changes[0], DriverChange)
    assert changes[0].changes == ("torch 2.6.0 -> 2.7.0", "- numpy 2.0", "+ scipy 1.0")


def test_versions_are_those_of_wheels_on_the_default_index() -> None:
    releases = {
        DEFAULT_INDEX: [
            Release(name=NUMPY, version="1.0"),
            Release(name=NUMPY, version="2.0"),
            Release(name=NUMPY, version="3.0", wheels=(), sdist=True),
        ]
    }
    default = Location(url=Url(public=DEFAULT_INDEX), is_default=True)
    source = MemorySource(releases=releases, target=TARGET)
    assert list_versions(source, lambda name: (default,), NUMPY) == (Version("2.0"), Version("1.0"))
    assert list_versions(source, lambda name: (index_location(),), NUMPY) == ()
    failing = MemorySource(releases=releases, target=TARGET, failing=frozenset({DEFAULT_INDEX}))
    assert list_versions(failing, lambda name: (default,), NUMPY) == ()


def test_changes_are_kept_as_text() -> None:
    changes = find_driver_changes(resolve("2.6.0"), A100, lambda target: resolve("2.7.0"), no_versions)
    assert load_changes(dump_changes(changes)) == changes
    for damaged in ("", "{}x", "[1]", "[[1, 2]]"):
        with pytest.raises((ValueError, TypeError)):
            load_changes(damaged)
