import re

import pytest

from resolver.targets.accelerators import UNSPECIFIED, Cpu
from resolver.targets.machines import parse_machine_types
from resolver.targets.python_version import parse_python_version
from resolver.targets.target import Target


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
def test_a_target_tells_its_machines_and_driver(names: str | None, text: str) -> None:
    assert str(target(names)) == text


def test_a_target_without_an_accelerator_is_unspecified() -> None:
    assert Target(python=parse_python_version("3.11")) == target()
    assert target("M").accelerator == Cpu()
