"""Build requirements are met by wheels alone, and equal ones are solved once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import ResolutionError
from resolver.locking.build_requirements import (
    BuildRequirements,
    build_scope,
    find_build_pins,
    find_config_settings,
    find_isolated,
    find_without_isolation,
)
from resolver.requirements.url import Url
from resolver.settings.settings import Settings
from tests.lock_samples import REQUIREMENTS, build_resolution
from tests.planning.plans import make_plan
from tests.solve.memory_source import DEFAULT_INDEX, TARGET, MemorySource, Release

FLIT, WHEEL = NormalizedName("flit"), NormalizedName("wheel")


class BuildingSource(MemorySource):
    """A source whose sdists all need `flit>=1` to build."""

    def build_requires(self, file: object) -> tuple[str, ...]:
        del file
        return ("flit>=1",)


def make_requirements(folder: Path, *, constraints: tuple[str, ...] = ()) -> tuple[BuildRequirements, MemorySource]:
    releases = {
        DEFAULT_INDEX: [
            Release(name=FLIT, version="2.0", requires=("wheel",)),
            Release(name=FLIT, version="1.0"),
            Release(name=FLIT, version="3.0", wheels=(), sdist=True),
            Release(name=WHEEL, version="1.0"),
        ]
    }
    source = BuildingSource(releases=releases, target=TARGET)
    plan = make_plan(folder, "numpy", settings=Settings(build_constraint_dependencies=constraints))
    scope = build_scope(plan, Url(public=DEFAULT_INDEX))
    return BuildRequirements(scope, open_source=lambda target: source), source


def pins(requirements: BuildRequirements, *texts: str, **kept: str) -> dict[str, str]:
    preferences = {NormalizedName(name): Version(text) for name, text in kept.items()}
    return {pin.name: str(pin.version) for pin in requirements.solve(texts, target=TARGET, preferences=preferences)}


def test_build_requirements_are_met_by_wheels_with_all_that_they_need(tmp_path: Path) -> None:
    requirements, _ = make_requirements(tmp_path)
    assert pins(requirements, "flit", "colorama; sys_platform == 'win32'") == {"flit": "2.0", "wheel": "1.0"}
    assert pins(requirements) == {}


def test_equal_build_requirements_are_solved_once(tmp_path: Path) -> None:
    requirements, source = make_requirements(tmp_path)
    assert pins(requirements, "flit") == pins(requirements, "flit")
    assert source.asked_pages.count((FLIT, DEFAULT_INDEX)) == 1


def test_versions_of_the_old_lock_and_build_constraints_count(tmp_path: Path) -> None:
    assert pins(make_requirements(tmp_path)[0], "flit", flit="1.0") == {"flit": "1.0"}
    assert pins(make_requirements(tmp_path, constraints=("flit<2",))[0], "flit") == {"flit": "1.0"}


def test_a_direct_reference_is_not_followed(tmp_path: Path) -> None:
    with pytest.raises(ResolutionError, match="is a direct reference, which is not followed"):
        pins(make_requirements(tmp_path)[0], "flit @ https://files.example/flit-1.0-py3-none-any.whl")


def test_only_isolated_builds_have_pins(tmp_path: Path) -> None:
    requirements, source = make_requirements(tmp_path)
    resolution = build_resolution()
    arguments = {"target": TARGET, "source": source, "fixed": {}, "requirements": requirements, "kept": {}}
    assert find_build_pins(resolution, REQUIREMENTS, **arguments) == {}  # type: ignore[arg-type]  # a dict of keywords
    isolated = replace(
        REQUIREMENTS, layers=tuple(replace(one, no_build_isolation=False) for one in REQUIREMENTS.layers)
    )
    found = find_build_pins(resolution, isolated, **arguments)  # type: ignore[arg-type]  # as above
    assert {name: [pin.name for pin in pins] for name, pins in found.items()} == {"idna": ["flit", "wheel"]}


def test_build_requirements_without_wheels_name_the_pin(tmp_path: Path) -> None:
    requirements, source = make_requirements(tmp_path, constraints=("flit>=3",))
    isolated = replace(
        REQUIREMENTS, layers=tuple(replace(one, no_build_isolation=False) for one in REQUIREMENTS.layers)
    )
    with pytest.raises(ResolutionError, match=r"the image cannot build `idna 3\.7`: no wheels meet its build"):
        find_build_pins(
            build_resolution(), isolated, target=TARGET, source=source, fixed={}, requirements=requirements, kept={}
        )


def test_the_first_layer_that_needs_a_dependency_decides_its_isolation() -> None:
    assert find_isolated(build_resolution(), REQUIREMENTS) == {"anyio"}
    first, second = REQUIREMENTS.layers
    turned = replace(REQUIREMENTS, layers=(replace(first, no_build_isolation=True), second))
    assert find_isolated(build_resolution(), turned) == frozenset()


def test_config_settings_and_isolation_of_a_list_are_by_project(tmp_path: Path) -> None:
    plan = replace(make_plan(tmp_path, "numpy"), requirement_list=REQUIREMENTS)
    assert find_config_settings(plan) == {"idna": (("--fast", "${SECRET}"),)}
    assert find_without_isolation(plan) == {"idna"}
