from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from resolver.index.location import FamilyIndexes, Location
from resolver.requirements.url import Url
from resolver.solve.cuda.acceleration import CUDA, CUDA_MAJOR, NO_CUDA, TORCH_NAME, Acceleration, build_virtual_table
from resolver.solve.demand import BUILT_FOR_GPU
from resolver.targets.accelerators import Gpu
from resolver.targets.data_files import read_data
from resolver.targets.kernels import Runs
from resolver.targets.known_cuda import list_family_builds
from resolver.targets.torch_builds import list_verdicts, load_releases
from tests.solve.cuda.machine_lists import build_target
from tests.solve.pytorch_indexes import PYTORCH

TORCHVISION = NormalizedName("torchvision")
DEFAULT = Location(url=Url(public="https://index.example/simple/"), is_default=True)
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


@pytest.mark.parametrize("driver", ["535", "570.133.20", "580", "595"])
@pytest.mark.parametrize("machine", ["GPU-A100", "GPU-H100", "GPU-B200", "GPU-T4", "GPU-V100"])
def test_the_table_of_machines_and_the_search_give_one_answer(machine: str, driver: str) -> None:
    if machine == "GPU-B200" and driver == "535":
        # No such machine exists: a driver knows the GPU from branch 570 on.
        driver = "570.133.20"
    rules = Acceleration(target=build_target(machine, driver), indexes=FamilyIndexes())
    gpu, platform = rules.target.accelerator, rules.target.platform
    assert isinstance(gpu, Gpu)
    for release in load_releases():
        for build, verdict in list_verdicts(release, platform, gpu):
            known = rules.find_known(TORCH_NAME, Version(str(build)), DEFAULT)
            reason = rules.find_reason(TORCH_NAME, Version(str(build)), known, named=False)
            assert reason == ("" if isinstance(verdict, Runs) else str(verdict)), build
    for row in read_data("packages")["package"]:
        text = next((part.version for part in SpecifierSet(row.get("versions", "")) if part.operator != "<"), "1.0")
        for name in map(canonicalize_name, row["names"]):
            known = rules.find_known(name, Version(text), DEFAULT)
            reason = rules.find_reason(name, Version(text), known, named=False)
            for found in list_family_builds(name, platform, gpu):
                is_of_row = found.what == row.get("versions", "every version") and not found.follows_torch
                if is_of_row and SpecifierSet(row.get("versions", "")).contains(text):
                    assert reason == found.lack, (name, text)
