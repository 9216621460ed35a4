from __future__ import annotations

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.targets.accelerators import Gpu
from resolver.targets.family_builds import (
    find_version_lack,
    has_several_builds,
    list_family_builds,
    list_known_projects,
    list_templates,
)
from resolver.targets.machines import parse_machine_types
from resolver.targets.platforms import DEFAULT_PLATFORM, parse_platform


def gpu(machine: str, driver: str | None = None) -> Gpu:
    accelerator = parse_machine_types(machine, driver=driver).accelerator
    assert isinstance(accelerator, Gpu)
    return accelerator


def rows(name: str, machine: str, driver: str | None = None) -> list[tuple[str, str, str]]:
    found = list_family_builds(NormalizedName(name), DEFAULT_PLATFORM, gpu(machine, driver))
    return [(row.what, row.cuda, row.lack) for row in found]


def test_versions_have_the_cuda_of_the_data() -> None:
    assert rows("vllm", "A100") == [("==0.33.0", "13", "needs driver 580")]
    assert rows("vllm", "A100", "580") == [("==0.33.0", "13", "")]


def test_extras_and_names_of_variants_are_rows() -> None:
    assert rows("jax", "V100", "580") == [
        ("jax[cuda12]", "12", ""),
        ("jax[cuda13]", "13", "needs compute capability 7.5, and sm_70 is 7.0"),
    ]
    assert rows("cudf", "A100", "530") == [
        ("cudf-cu12", "12", "needs driver 535"),
        ("cudf-cu13", "13", "needs driver 580"),
    ]


def test_name_says_the_major_release() -> None:
    assert rows("cupy-cuda12x", "A100") == [("every version", "12", "")]


def test_what_has_no_cuda_of_its_own_says_so() -> None:
    assert rows("bitsandbytes", "B200") == [("every version", "any", "")]
    assert rows("torchaudio", "B200") == [("<=2.11.0", "torch's", "")]


def test_rows_of_other_operating_systems_are_left_out() -> None:
    found = list_family_builds(NormalizedName("torchao"), parse_platform("win_amd64"), gpu("A100"))
    assert found == ()


@pytest.mark.parametrize(
    ("name", "expected"), [("onnxruntime-gpu", True), ("vllm", True), ("torchvision", False), ("bitsandbytes", False)]
)
def test_builds_that_follow_torch_are_none_of_their_own(name: str, expected: bool) -> None:
    assert has_several_builds(NormalizedName(name)) is expected


@pytest.mark.parametrize(
    ("version", "expected"), [("1.26.0", ""), ("1.28.0", "needs driver 580"), ("1.27.0", ""), ("1.0", "")]
)
def test_version_lacks_what_its_row_says_and_nothing_where_there_is_none(version: str, expected: str) -> None:
    name = NormalizedName("onnxruntime-gpu")
    assert find_version_lack(name, Version(version), DEFAULT_PLATFORM, gpu("A100")) == expected


def test_templates_are_those_of_all_families_once() -> None:
    assert list_templates(NormalizedName("flashinfer-jit-cache")) == ("https://flashinfer.ai/whl/{cuda}",)
    assert list_templates(NormalizedName("numpy")) == ()


def test_known_projects_have_rows() -> None:
    accelerator = gpu("H100")
    for name in list_known_projects():
        assert list_family_builds(NormalizedName(name), DEFAULT_PLATFORM, accelerator), name
