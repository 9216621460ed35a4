from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import TargetError
from resolver.targets.accelerators import (
    UNSPECIFIED,
    Cpu,
    Cuda,
    CudaMajor,
    CudaVersion,
    find_cuda_range,
    find_driver_floor,
    find_shipped_driver,
    parse_cuda,
    parse_driver,
)
from resolver.targets.machine_types import parse_machine_types
from resolver.targets.target import Target, parse_python_version


def target(names: str | None = None, driver: str | None = None) -> Target:
    accelerator = UNSPECIFIED if names is None else parse_machine_types(names, driver=driver).accelerator
    return Target(python=parse_python_version("3.11"), accelerator=accelerator)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("GPU-A100", None), ("GPU-A100-80GB", None)),
        (("GPU-L40", None), ("GPU-RTX4090", None)),
        (("GPU-H100", None), ("GPU-H200", "570")),
        (("A100,H100", None), ("H200,A100-80GB,A30", None)),
        (("A100", "570.133.20"), ("A100", "570.26")),
        (("XS", None), ("XL", None)),
    ],
)
def test_targets_that_run_the_same_builds_are_equal(
    left: tuple[str, str | None], right: tuple[str, str | None]
) -> None:
    assert target(*left) == target(*right)
    assert hash(target(*left)) == hash(target(*right))
    assert target(*left).key == target(*right).key


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("A100", None), ("H100", None)),
        (("A100", None), ("A100,H100", None)),
        (("A100", "570"), ("A100", "580")),
        (("A100", "570"), ("A100", "550")),
        (("A100", None), ("XL", None)),
        (("XL", None), (None, None)),
        (("A100", None), (None, None)),
    ],
)
def test_targets_that_run_other_builds_differ_and_have_other_keys(
    left: tuple[str | None, str | None], right: tuple[str | None, str | None]
) -> None:
    assert target(*left) != target(*right)
    assert target(*left).key != target(*right).key


@pytest.mark.parametrize(
    ("names", "driver", "key"),
    [
        (None, None, ""),
        ("XL", None, "-cpu"),
        ("A100", None, "-sm80-cuda12.8"),
        ("RTX5090,A6000,A100", None, "-sm80.sm86.sm120-cuda12.8"),
        ("B200", "580", "-sm100-cuda13.0"),
        ("A100", "580.10", "-sm80-cuda12.9.13x"),
    ],
)
def test_the_key_ends_with_what_runs(names: str | None, driver: str | None, key: str) -> None:
    assert target(names, driver).key == f"cp311-manylinux_2_35_x86_64{key}"
    assert target(names, driver).interpreter_key == "cp311-manylinux_2_35_x86_64"
    assert re.fullmatch(r"[a-z0-9_.-]+", target(names, driver).key)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (None, "Python 3.11 on manylinux_2_35_x86_64"),
        ("S", "Python 3.11 on manylinux_2_35_x86_64 without a GPU"),
        ("h100,a100", "Python 3.11 on manylinux_2_35_x86_64 for GPU-H100 or GPU-A100 with driver 570.133.20"),
    ],
)
def test_a_target_renders_its_machines_and_driver(names: str | None, text: str) -> None:
    assert str(target(names)) == text


def test_a_target_without_an_accelerator_is_unspecified() -> None:
    assert Target(python=parse_python_version("3.11")) == target()
    assert target("M").accelerator == Cpu()


RELEASES = ["10.2", "11.0", "11.8", "12.0", "12.4", "12.6", "12.8", "12.9", "13.0", "13.2", "13.4", "14.0"]


def version(text: str) -> CudaVersion:
    cuda = parse_cuda(text)
    assert isinstance(cuda, CudaVersion)
    return cuda


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12.4", CudaVersion(12, 4)),
        ("12.4.1", CudaVersion(12, 4)),
        ("124", CudaVersion(12, 4)),
        ("cu124", CudaVersion(12, 4)),
        ("CU118", CudaVersion(11, 8)),
        ("cu92", CudaVersion(9, 2)),
        ("cu100", CudaVersion(10, 0)),
        ("cu1210", CudaVersion(12, 10)),
        ("12", CudaMajor(12)),
        ("cuda13", CudaMajor(13)),
        ("", None),
        ("cu", None),
        ("cu1", None),
        ("cpu", None),
        ("cu12x", None),
        ("12.4rc1", None),
    ],
)
def test_a_release_is_read_with_and_without_dots(text: str, expected: Cuda | None) -> None:
    assert parse_cuda(text) == expected


@given(st.integers(10, 19), st.integers(0, 19))
def test_a_label_names_its_release(major: int, minor: int) -> None:
    cuda = CudaVersion(major, minor)
    assert parse_cuda(cuda.label) == parse_cuda(str(cuda)) == cuda


@given(st.text())
def test_no_text_makes_the_parser_of_releases_fail(text: str) -> None:
    assert isinstance(parse_cuda(text), CudaVersion | CudaMajor | None)


@pytest.mark.parametrize(
    ("driver", "floor", "expected"),
    [
        ("570.133.20", "570.133.20", True),
        ("570.124.06", "570.133.20", False),
        ("570", "570.133.20", True),
        ("569", "570.26", False),
        ("571", "570.133.20", True),
        ("570.133.20", "570", True),
        ("525.60.13", "525.60.13", True),
        ("525.60.2", "525.60.13", False),
        ("450.80.02", "450.80.2", True),
    ],
)
def test_a_driver_satisfies_older_floors_and_a_branch_all_inside_it(driver: str, floor: str, expected: bool) -> None:
    assert parse_driver(driver).satisfies(parse_driver(floor)) is expected


def test_drivers_are_equal_by_number_and_keep_their_text() -> None:
    assert parse_driver("450.80.02") == parse_driver("450.80.2")
    assert str(parse_driver("r450.80.02")) == "450.80.02"


@pytest.mark.parametrize("text", ["", "57", "5700", "570.", "570.133.20.1", "12.8", "latest"])
def test_what_is_no_driver_version_is_refused(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_driver(text)
    assert str(caught.value) == (
        f"`{text}` is no Linux driver version of NVIDIA\n  try: `570.133.20`, or `570` for its branch"
    )


@pytest.mark.parametrize(
    ("driver", "native", "newest"),
    [
        ("450.36.06", "11.0", "11.0"),
        ("450.80.02", "11.0", "11.8"),
        ("520.61.05", "11.8", "11.8"),
        ("535", "12.2", "12.9"),
        ("550", "12.4", "12.9"),
        ("570.26", "12.8", "12.9"),
        ("570.133.20", "12.8", "12.9"),
        ("570", "12.8", "12.9"),
        ("575", "12.9", "12.9"),
        ("580", "13.0", "13.4"),
        ("580.65.06", "13.0", "13.4"),
        ("610", "13.3", "13.4"),
    ],
)
def test_a_driver_runs_older_releases_and_newer_ones_of_its_major(driver: str, native: str, newest: str) -> None:
    found = find_cuda_range(parse_driver(driver))
    assert [release for release in RELEASES if found.runs(version(release))] == [
        release for release in RELEASES if version(release) <= version(newest)
    ]
    assert found.native == version(native)
    assert found.compiles_ptx_of(version(native))
    assert not found.compiles_ptx_of(CudaVersion(version(native).major, version(native).minor + 1))


@pytest.mark.parametrize(
    ("driver", "majors"), [("450.36.06", [10, 11]), ("535", [10, 11, 12]), ("580", [10, 11, 12, 13])]
)
def test_a_driver_runs_major_releases_up_to_its_own(driver: str, majors: list[int]) -> None:
    found = find_cuda_range(parse_driver(driver))
    assert [major for major in range(10, 15) if found.runs(CudaMajor(major))] == majors


def test_drivers_of_one_branch_run_the_same_releases() -> None:
    assert find_cuda_range(parse_driver("570")) == find_cuda_range(parse_driver("570.133.20"))
    assert find_cuda_range(parse_driver("570")) != find_cuda_range(parse_driver("575"))


def test_a_range_is_rendered_in_words() -> None:
    assert str(find_cuda_range(parse_driver("570"))) == "CUDA up to 12.x, PTX up to 12.8"
    assert str(find_cuda_range(parse_driver("450.36.06"))) == "CUDA up to 11.0, PTX up to 11.0"


def test_a_driver_older_than_the_data_is_refused() -> None:
    with pytest.raises(TargetError) as caught:
        find_cuda_range(parse_driver("390.46"))
    assert str(caught.value) == (
        "driver `390.46` is older than any that is known\n  try: 410.48 or later, for CUDA 10.0"
    )


@pytest.mark.parametrize(
    ("cuda", "floor"),
    [("12.8", "525.60.13"), ("13.4", "580"), ("11.8", "450.80.02"), ("10.2", "440.33"), ("14.0", None)],
)
def test_the_floor_of_a_release_is_that_of_its_major(cuda: str, floor: str | None) -> None:
    assert find_driver_floor(version(cuda)) == (None if floor is None else parse_driver(floor))


def test_the_shipped_driver_is_that_of_the_first_toolkit() -> None:
    assert str(find_shipped_driver(version("12.8"))) == "570.26"
    assert find_shipped_driver(version("13.5")) is None


@pytest.mark.parametrize("cuda", ["13.4", "13.5"])
def test_a_release_without_a_published_driver_has_the_floor_of_its_major_and_compiles_nowhere(cuda: str) -> None:
    version = parse_cuda(cuda)
    assert isinstance(version, CudaVersion)
    assert find_shipped_driver(version) is None
    assert str(find_driver_floor(version)) == "580"
    assert find_cuda_range(parse_driver("580")).runs(version)
    assert not find_cuda_range(parse_driver("620")).compiles_ptx_of(version)
