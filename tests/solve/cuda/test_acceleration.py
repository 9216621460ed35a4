from __future__ import annotations

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.location import FamilyIndexes, Location
from resolver.requirements.url import Url
from resolver.solve.build_rules import BUILT_FOR_GPU
from resolver.solve.cuda.acceleration import CUDA, CUDA_MAJOR, NO_CUDA, TORCH_NAME, Acceleration, build_virtual_table
from tests.solve.cuda.machine_lists import build_target
from tests.solve.pytorch_indexes import PYTORCH

TORCHVISION = NormalizedName("torchvision")
CU124 = Location(url=Url(public=f"{PYTORCH}cu124"))


def rules_for(machine: str, *, allow: frozenset[NormalizedName] = frozenset()) -> Acceleration:
    return Acceleration(target=build_target(machine, "570.133.20"), indexes=FamilyIndexes(), allow=allow)


def test_the_virtual_project_of_cuda_has_the_releases_that_the_driver_runs_and_none() -> None:
    accelerator = rules_for("GPU-A100").target.accelerator
    bound = build_virtual_table(CUDA, accelerator, is_bound=True).versions
    free = build_virtual_table(CUDA, accelerator, is_bound=False).versions
    assert Version("12.8") in bound
    assert Version("13.0") not in bound
    assert Version("13.0") in free
    assert bound[-1] == free[-1] == NO_CUDA


def test_a_companion_of_torch_demands_the_cuda_release_and_its_major_release() -> None:
    rules, version = rules_for("GPU-A100"), Version("0.21.0+cu124")
    known = rules.find_known(TORCHVISION, version, CU124)
    demands = [(one.name, one.versions) for one in rules.iter_demands(TORCHVISION, version, known)]
    assert demands == [(CUDA, (Version("12.4"),)), (CUDA_MAJOR, (Version("12"),))]


@pytest.mark.parametrize(
    ("machine", "version", "named", "lack"),
    [
        ("M", "2.6.0+cu124", False, BUILT_FOR_GPU),
        ("M", "2.6.0+cu124", True, ""),
        ("M", "2.6.0+cpu", False, ""),
        ("GPU-A100", "2.6.0+cu124", False, ""),
        ("GPU-A100", "2.6.0+rocm6.2", False, "is built for rocm, not for CUDA"),
        ("GPU-B200", "2.6.0+cu124", False, "has no kernels for sm_100 (GPU-B200)"),
    ],
)
def test_a_build_that_the_machine_does_not_run_is_no_candidate(
    machine: str, version: str, named: bool, lack: str
) -> None:
    rules, parsed = rules_for(machine), Version(version)
    assert rules.find_reason(TORCH_NAME, parsed, rules.find_known(TORCH_NAME, parsed, CU124), named=named) == lack


def test_an_allowed_build_is_a_candidate_whatever_it_lacks() -> None:
    rules, version = rules_for("GPU-B200", allow=frozenset({TORCH_NAME})), Version("2.6.0+cu124")
    known = rules.find_known(TORCH_NAME, version, CU124)
    assert rules.find_reason(TORCH_NAME, version, known, named=False) == ""
    assert rules.find_lack(TORCH_NAME, version, known, named=False) == "has no kernels for sm_100 (GPU-B200)"
