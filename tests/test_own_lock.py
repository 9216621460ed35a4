"""requirements.dev.txt: pinfold's own requirements, pinned by pinfold, fit pyproject.toml and are closed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from resolver.cli.main import main
from tests.own_lock import PATH, read_pins, strip_places

_PROJECT = tomllib.loads((PATH.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_TEXT = PATH.read_text(encoding="utf-8")
_PINS = read_pins(_TEXT)
_ENVIRONMENT = {"python_version": "3.11", "python_full_version": "3.11.9", "sys_platform": "linux", "extra": ""}


def iter_own_requirements() -> Iterator[Requirement]:
    """The dependencies, and those of every extra but for references to this project."""
    extras = _PROJECT["optional-dependencies"].values()
    for text in (*_PROJECT["dependencies"], *(text for extra in extras for text in extra)):
        requirement = Requirement(text)
        if canonicalize_name(requirement.name) != "pinfold":
            yield requirement


@pytest.mark.parametrize("requirement", [*iter_own_requirements()], ids=str)
def test_a_requirement_of_the_project_has_a_pin_that_satisfies_it(requirement: Requirement) -> None:
    version, _ = _PINS[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version), "run `python -m tests.own_lock --upgrade`"


def test_every_pin_has_a_hash_and_no_line_names_a_place() -> None:
    assert len(_PINS) == len(re.findall(r"^[^ #]", _TEXT, re.MULTILINE))
    assert all(hashes for _, hashes in _PINS.values())
    assert "://" not in _TEXT


def test_what_a_pinned_project_requires_is_pinned_too() -> None:
    """Of the projects that are installed here in the version of the pin; their metadata tells."""
    looked_at = 0
    for name, (version, _) in _PINS.items():
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        if installed.version != version:
            continue
        looked_at += 1
        for requirement in map(Requirement, installed.requires or ()):
            if requirement.marker is None or requirement.marker.evaluate(_ENVIRONMENT):
                pinned, _ = _PINS[canonicalize_name(requirement.name)]
                assert requirement.specifier.contains(pinned, prereleases=True), (name, requirement)
    assert looked_at or not _PINS


def test_exported_lines_lose_their_index_and_comments() -> None:
    text = "# c\n--index-url https://index.example/\na==1 \\\n    --hash=sha256:00\n"
    assert strip_places(text) == "a==1 \\\n    --hash=sha256:00\n"


@pytest.mark.network
def test_the_pins_are_a_whole_solution(tmp_path: Path) -> None:
    target = ["--python", "3.11", "--platform", "manylinux_2_28_x86_64", "--no-build"]
    lock, exported = tmp_path / "pylock.toml", tmp_path / "exported.txt"
    pinned = tmp_path / "requirements.txt"
    pinned.write_text("--require-hashes\n" + _TEXT, encoding="utf-8")
    assert main([str(pinned), *target, "-o", str(lock)]) == 0
    assert main(["export", str(lock), "--format", "requirements", "-o", str(exported)]) == 0
    assert read_pins(exported.read_text(encoding="utf-8")) == _PINS
