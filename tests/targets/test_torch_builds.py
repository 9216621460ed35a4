import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from resolver.targets.accelerators import Accelerator, CudaVersion
from resolver.targets.machine_types import parse_machine_types
from resolver.targets.platforms import DEFAULT_PLATFORM, parse_platform
from resolver.targets.torch_builds import (
    TorchRelease,
    explain_no_build,
    find_default_cuda,
    find_release,
    has_cpu_label,
    iter_releases_of_companion,
    iter_running_builds,
    list_allowed_cuda,
    list_verdicts,
    load_releases,
    order_builds,
    uses_cxx11_abi,
)

AARCH64 = parse_platform("manylinux_2_35_aarch64")


def machine(names: str, driver: str | None = None) -> Accelerator:
    return parse_machine_types(names, driver=driver).accelerator


def release(version: str) -> TorchRelease:
    found = find_release(Version(version))
    assert found is not None
    return found


def order(version: str, names: str, driver: str | None = None) -> list[str]:
    return [str(build) for build in order_builds(release(version), DEFAULT_PLATFORM, machine(names, driver))]


def first_verified(names: str, driver: str | None = None) -> str:
    builds = iter_running_builds(DEFAULT_PLATFORM, machine(names, driver))
    return str(next(build for build in builds if build.verified))


def explain(version: str, names: str, driver: str | None = None, cuda: CudaVersion | None = None) -> str:
    return str(explain_no_build(Version(version), DEFAULT_PLATFORM, machine(names, driver), cuda=cuda))


@pytest.mark.parametrize("version", ["2.4", "2.4.0", "2.4.0+cu124", "2.4.0+anything"])
def test_a_release_is_found_by_its_version_without_label(version: str) -> None:
    assert release(version).version == Version("2.4.0")


@pytest.mark.parametrize("version", ["2.4.9", "2.4.0rc1", "2.4.0.post1", "9.0", "2.16.0.dev20261101+cu130"])
def test_a_version_that_the_data_does_not_know_is_no_release(version: str) -> None:
    assert find_release(Version(version)) is None
    assert find_default_cuda(Version(version), DEFAULT_PLATFORM) is None


def test_releases_come_newest_first() -> None:
    versions = [one.version for one in load_releases()]
    assert versions == sorted(versions, reverse=True)


@pytest.mark.parametrize(
    ("version", "platform", "expected"),
    [
        ("2.4.0", "manylinux_2_35_x86_64", CudaVersion(12, 1)),
        ("2.15.0", "manylinux_2_35_x86_64", CudaVersion(13, 2)),
        ("2.10.0", "manylinux_2_35_aarch64", "cpu"),
        ("2.11.0", "manylinux_2_35_aarch64", CudaVersion(13, 0)),
        ("2.15.0", "macosx_14_0_arm64", "cpu"),
        ("2.15.0", "win_amd64", "cpu"),
    ],
)
def test_the_default_index_carries_one_build_a_platform(
    version: str, platform: str, expected: CudaVersion | str
) -> None:
    assert find_default_cuda(Version(version), parse_platform(platform)) == expected


def test_on_an_a100_the_default_build_comes_first_and_then_cuda_descends() -> None:
    assert order("2.4.0", "A100") == ["2.4.0+cu121", "2.4.0+cu124", "2.4.0+cu118"]
    assert order("2.6.0", "A100") == ["2.6.0+cu124", "2.6.0+cu126", "2.6.0+cu118"]


def test_a_default_build_that_does_not_run_is_left_out() -> None:
    assert order("2.11.0", "A100") == ["2.11.0+cu129", "2.11.0+cu128", "2.11.0+cu126"]
    assert order("2.11.0", "A100", "580") == ["2.11.0+cu130", "2.11.0+cu129", "2.11.0+cu128", "2.11.0+cu126"]


def test_on_a_b200_only_builds_with_its_kernels_are_tried() -> None:
    builds = list(iter_running_builds(DEFAULT_PLATFORM, machine("B200")))
    assert [(str(build), build.verified) for build in builds[:5]] == [
        ("2.13.0+cu129", False),
        ("2.12.1+cu129", False),
        ("2.11.0+cu129", False),
        ("2.11.0+cu128", True),
        ("2.10.0+cu128", True),
    ]
    assert str(builds[-1]) == "2.7.0+cu128"


@pytest.mark.parametrize(
    ("names", "driver", "expected"),
    [
        ("A100", "535", "2.13.0+cu126"),
        ("A100", "550", "2.13.0+cu126"),
        ("A100", "570", "2.13.0+cu126"),
        ("A100", "580", "2.15.0+cu132"),
        ("H100", "570", "2.13.0+cu126"),
        ("H100", "580", "2.15.0+cu132"),
        ("T4", "535", "2.13.0+cu126"),
        ("V100", "580", "2.13.0+cu126"),
        ("B200", "570", "2.11.0+cu128"),
        ("B200", "580", "2.15.0+cu132"),
        ("RTX5090", "570", "2.11.0+cu128"),
        ("RTX5090,A6000,A100", "570", "2.11.0+cu128"),
        ("RTX5090,A6000,A100", "580", "2.15.0+cu132"),
        ("A100", "520.61.05", "2.7.1+cu118"),
    ],
)
def test_the_newest_build_that_is_known_to_run(names: str, driver: str, expected: str) -> None:
    assert first_verified(names, driver) == expected


def test_a_release_without_wheels_for_the_python_is_not_tried() -> None:
    builds = iter_running_builds(DEFAULT_PLATFORM, machine("A100", "580"), python_tag="cp310")
    assert str(next(iter(builds))) == "2.14.1+cu130"


@pytest.mark.parametrize(
    ("names", "driver", "expected"),
    [
        ("B200", "570", ["12.9", "12.8"]),
        ("A100", "570", ["12.9", "12.8", "12.6", "12.4", "12.1", "11.8", "11.7", "11.6"]),
        ("V100", "580", ["12.9", "12.8", "12.6", "12.4", "12.1", "11.8", "11.7", "11.6"]),
        ("B200", "580", ["13.4", "13.2", "13.0", "12.9", "12.8"]),
        ("A100", "520.61.05", ["11.8", "11.7", "11.6"]),
    ],
)
def test_the_cuda_releases_of_a_machine_are_those_of_builds_that_run(
    names: str, driver: str, expected: list[str]
) -> None:
    assert [str(cuda) for cuda in list_allowed_cuda(DEFAULT_PLATFORM, machine(names, driver))] == expected


def test_a_fallback_list_on_a_named_build_runs_it_on_each_of_its_gpus() -> None:
    accelerator = machine("GPU-RTX5090,GPU-A6000,GPU-A100")
    verdicts = {
        build.label: str(verdict) for build, verdict in list_verdicts(release("2.8.0"), DEFAULT_PLATFORM, accelerator)
    }
    assert verdicts == {
        "cu126": "has no kernels for sm_120 (GPU-RTX5090)",
        "cu128": "runs",
        "cu129": "runs",
    }


def test_every_build_of_a_release_has_a_verdict() -> None:
    verdicts = list_verdicts(release("2.12.0"), DEFAULT_PLATFORM, machine("B200"))
    assert [(build.label, str(verdict)) for build, verdict in verdicts] == [
        ("cu126", "has no kernels for sm_100 (GPU-B200)"),
        ("cu130", "needs driver 580"),
        ("cu132", "needs driver 580"),
    ]


@pytest.mark.parametrize(
    ("name", "version", "releases"),
    [
        ("torchvision", "0.19.0", ["2.4.0"]),
        ("torchvision", "0.19.0+cu124", ["2.4.0"]),
        ("torchvision", "0.29.1", ["2.15.0", "2.14.1", "2.14.0"]),
        ("torchaudio", "2.11.0", ["2.15.0", "2.14.1", "2.14.0", "2.13.0", "2.12.1", "2.12.0", "2.11.0"]),
        ("torchaudio", "2.6.0", ["2.6.0"]),
        ("xformers", "0.0.22.post7", ["2.1.0"]),
        ("xformers", "0.0.28.post3", ["2.5.1"]),
        ("numpy", "2.0.0", []),
        ("torchvision", "0.1.0", []),
    ],
)
def test_companions_go_with_their_releases(name: str, version: str, releases: list[str]) -> None:
    found = iter_releases_of_companion(canonicalize_name(name), Version(version))
    assert [str(one.version) for one in found] == releases


@pytest.mark.parametrize(
    ("version", "platform", "expected"),
    [
        ("2.4.0", "manylinux_2_35_x86_64", True),
        ("2.4.0", "manylinux_2_35_aarch64", False),
        ("2.6.0", "manylinux_2_35_aarch64", True),
        ("2.4.0", "win_amd64", True),
        ("2.15.0", "macosx_14_0_arm64", False),
    ],
)
def test_cpu_builds_are_labelled_where_the_platform_has_a_label(version: str, platform: str, expected: bool) -> None:
    assert has_cpu_label(Version(version), parse_platform(platform)) is expected


@pytest.mark.parametrize(
    ("version", "platform", "expected"),
    [
        ("2.5.1", "manylinux_2_35_x86_64", False),
        ("2.5.1+cpu.cxx11.abi", "manylinux_2_35_x86_64", True),
        ("2.6.0", "manylinux_2_35_x86_64", False),
        ("2.6.0+cu124", "manylinux_2_35_x86_64", False),
        ("2.6.0+cu126", "manylinux_2_35_x86_64", True),
        ("2.7.0", "manylinux_2_35_x86_64", True),
        ("2.15.0+cu130", "manylinux_2_35_x86_64", True),
        ("2.5.1", "manylinux_2_35_aarch64", False),
        ("2.6.0", "manylinux_2_35_aarch64", True),
        ("2.6.0", "win_amd64", None),
        ("2.6.0", "macosx_14_0_arm64", None),
    ],
)
def test_the_cxx11_abi_came_with_manylinux_2_28(version: str, platform: str, expected: bool | None) -> None:
    assert uses_cxx11_abi(Version(version), parse_platform(platform)) is expected


def test_completeness_is_said_by_platform() -> None:
    assert release("2.13.0").is_complete_on(DEFAULT_PLATFORM)
    assert not release("2.13.0").is_complete_on(AARCH64)
    assert not release("2.15.0").is_complete_on(DEFAULT_PLATFORM)


def test_other_hosts_have_their_own_builds() -> None:
    builds = order_builds(release("2.11.0"), AARCH64, machine("GH200", "580"))
    assert [(str(build), build.is_default) for build in builds] == [("2.11.0+cu130", True)]
    assert order_builds(release("2.10.0"), AARCH64, machine("GH200", "580")) == ()


def test_torch_2_4_0_on_a_b200_names_its_builds_what_they_lack_and_the_first_that_does_not() -> None:
    assert explain("2.4.0", "B200") == (
        "torch 2.4.0 has builds for cu118, cu121, cu124; none has kernels for sm_100 (GPU-B200);"
        " the first that does is 2.7.0+cu128"
    )


def test_builds_that_lack_different_things_are_listed_apart_and_an_assumed_driver_is_marked() -> None:
    assert explain("2.12.0", "B200") == (
        "torch 2.12.0 has builds for cu126, cu130, cu132; cu126 has no kernels for sm_100 (GPU-B200), cu130 and cu132"
        " need driver 580 (570.133.20 is assumed); the last that runs is 2.11.0+cu128"
    )


def test_builds_that_all_need_another_driver_are_rendered_with_it() -> None:
    assert explain("2.8.0", "A100", "520.61.05") == (
        "torch 2.8.0 has builds for cu126, cu128, cu129; all need driver 525.60.13; the last that runs is 2.7.1+cu118"
    )


def test_one_requested_build_is_rendered_alone() -> None:
    assert explain("2.12.0", "B200", "570", cuda=CudaVersion(13, 0)) == (
        "torch 2.12.0+cu130 needs driver 580; the last that runs is 2.11.0+cu128"
    )
    assert explain("2.12.0", "A100", cuda=CudaVersion(12, 6)) == "None"
    assert explain("2.4.0", "A100", "570", cuda=CudaVersion(12, 8)) == (
        "torch 2.4.0 has no cu128 build for `manylinux_2_35_x86_64` that is known; the first that runs is 2.4.1+cu121"
    )


def test_the_first_gpu_of_a_fallback_list_that_fails_is_named() -> None:
    assert explain("2.6.0", "A100,RTX5090,A6000") == (
        "torch 2.6.0 has builds for cu118, cu124, cu126; none has kernels for sm_120 (GPU-RTX5090);"
        " the first that does is 2.7.0+cu128"
    )


def test_a_platform_without_builds_is_rendered_and_is_not_certain() -> None:
    found = explain_no_build(Version("2.4.0"), AARCH64, machine("GH200", "580"))
    assert found is not None
    assert not found.is_certain
    assert str(found) == (
        "torch 2.4.0 has no CUDA build for `manylinux_2_35_aarch64` that is known; the first that runs is 2.11.0+cu130"
    )


def test_the_nearest_release_has_wheels_for_the_python() -> None:
    found = explain_no_build(Version("2.4.0"), DEFAULT_PLATFORM, machine("B200"), python_tag="cp314")
    assert found is not None
    assert str(found.later) == "2.9.0+cu128"
    assert found.earlier is None
    assert found.is_certain


@pytest.mark.parametrize(("version", "names"), [("2.4.0", "A100"), ("9.9.0", "B200")])
def test_a_release_that_runs_or_is_unknown_needs_no_explanation(version: str, names: str) -> None:
    assert explain(version, names) == "None"


@pytest.mark.parametrize(
    ("name", "version", "oldest"),
    [
        ("torchaudio", "2.11.1", "2.11.0"),
        ("torchaudio", "2.12.0", "2.11.0"),
        ("torchvision", "0.30.0", "2.14.0"),
        ("xformers", "0.0.36", "2.10.0"),
    ],
)
def test_a_companion_with_the_stable_abi_goes_with_every_torch_from_one_on(
    name: str, version: str, oldest: str
) -> None:
    found = [str(one.version) for one in iter_releases_of_companion(canonicalize_name(name), Version(version))]
    assert (found[0], found[-1]) == (str(load_releases()[0].version), oldest)
