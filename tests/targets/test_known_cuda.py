from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from resolver.targets.accelerators import Capability, Cuda, CudaMajor, CudaVersion, Gpu, parse_driver
from resolver.targets.data_files import read_data
from resolver.targets.known_cuda import (
    Floor,
    KnownCuda,
    find_floors,
    find_known_cuda,
    find_version_lack,
    has_several_builds,
    list_family_builds,
    list_known_projects,
    list_templates,
    read_pinned_cuda,
    read_torch_pin,
)
from resolver.targets.labels import BuildLabel
from resolver.targets.machine_types import parse_machine_types
from resolver.targets.platforms import DEFAULT_PLATFORM, parse_platform


def gpu(machine: str, driver: str | None = None) -> Gpu:
    accelerator = parse_machine_types(machine, driver=driver).accelerator
    assert isinstance(accelerator, Gpu)
    return accelerator


def rows(name: str, machine: str, driver: str | None = None) -> list[tuple[str, str, str]]:
    found = list_family_builds(NormalizedName(name), DEFAULT_PLATFORM, gpu(machine, driver))
    return [(row.what, row.cuda, row.lack) for row in found]


def test_versions_have_the_cuda_of_the_data() -> None:
    others = ("every version", "torch's", "")
    assert rows("vllm", "A100") == [("==0.33.0", "13", "needs driver 580"), others]
    assert rows("vllm", "A100", "580") == [("==0.33.0", "13", ""), others]


def test_extras_and_names_of_variants_are_rows() -> None:
    assert rows("jax", "V100", "580") == [
        ("jax[cuda12]", "12", ""),
        ("jax[cuda13]", "13", "needs compute capability 7.5, and sm_70 is 7.0"),
        ("jax[cuda12-local]", "12", ""),
        ("jax[cuda13-local]", "13", "needs compute capability 7.5, and sm_70 is 7.0"),
    ]
    assert rows("cudf", "A100", "530") == [
        ("cudf-cu12", "12", "needs driver 535"),
        ("cudf-cu13", "13", "needs driver 580"),
    ]


def test_a_name_determines_the_major_release() -> None:
    assert rows("cupy-cuda12x", "A100") == [("every version", "12", "")]


def test_builds_without_a_cuda_of_their_own_are_rendered_so() -> None:
    assert rows("bitsandbytes", "B200") == [("every version", "any", "")]
    assert rows("torchaudio", "B200") == [("<3", "torch's", "")]


def test_rows_of_other_operating_systems_are_left_out() -> None:
    found = list_family_builds(NormalizedName("torchao"), parse_platform("win_amd64"), gpu("A100"))
    assert found == ()


@pytest.mark.parametrize(
    ("name", "expected"), [("onnxruntime-gpu", True), ("vllm", True), ("torchvision", False), ("bitsandbytes", False)]
)
def test_builds_with_the_cuda_of_torch_are_not_several(name: str, expected: bool) -> None:
    assert has_several_builds(NormalizedName(name)) is expected


@pytest.mark.parametrize(
    ("version", "expected"), [("1.26.0", ""), ("1.28.0", "needs driver 580"), ("1.27.0", ""), ("1.0", "")]
)
def test_a_version_lacks_what_its_row_requires_and_nothing_without_a_row(version: str, expected: str) -> None:
    name = NormalizedName("onnxruntime-gpu")
    assert find_version_lack(name, Version(version), DEFAULT_PLATFORM, gpu("A100")) == expected


def test_templates_are_those_of_all_families_once() -> None:
    assert list_templates(NormalizedName("flashinfer-jit-cache")) == ("https://flashinfer.ai/whl/{cuda}",)
    assert list_templates(NormalizedName("numpy")) == ()


def test_known_projects_have_rows() -> None:
    accelerator = gpu("H100")
    for name in list_known_projects():
        assert list_family_builds(NormalizedName(name), DEFAULT_PLATFORM, accelerator), name


DEFAULT = "https://index.example/simple/"
CU124 = "https://download.pytorch.org/whl/cu124"


def find(
    name: str,
    version: str,
    index_url: str = DEFAULT,
    *,
    is_default: bool = True,
    platform: str = "manylinux_2_35_x86_64",
) -> KnownCuda | None:
    return find_known_cuda(
        canonicalize_name(name),
        Version(version),
        index_url=index_url,
        is_default_index=is_default,
        platform=parse_platform(platform),
    )


def pinned(*requirements: str) -> Cuda | None:
    return read_pinned_cuda([Requirement(text) for text in requirements])


def test_the_label_of_a_version_comes_first() -> None:
    label = BuildLabel(backend="cuda", cuda=CudaVersion(11, 8))
    expected = KnownCuda(cuda=CudaVersion(11, 8), rule="label", label=label)
    assert find("torch", "2.4.0+cu118", CU124, is_default=False) == expected
    assert find("torch", "2.4.0+cu118") == expected


def test_the_index_comes_next() -> None:
    label = BuildLabel(backend="cuda", cuda=CudaVersion(12, 4))
    assert find("torchvision", "0.19.0", CU124, is_default=False) == KnownCuda(
        cuda=CudaVersion(12, 4), rule="index", label=label
    )


def test_a_cpu_build_holds_no_cuda() -> None:
    cpu = BuildLabel(backend="cpu")
    assert find("torch", "2.4.0+cpu") == KnownCuda(cuda=None, rule="label", label=cpu)
    assert find("torch", "2.4.0", "https://download.pytorch.org/whl/cpu", is_default=False) == KnownCuda(
        cuda=None, rule="index", label=cpu
    )


def test_a_default_index_of_any_url_is_not_read_as_a_label() -> None:
    assert find("torch", "2.4.0", "https://mirror.example/cu118/simple/") == KnownCuda(
        cuda=CudaVersion(12, 1), rule="data"
    )


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("torch", "2.4.0", CudaVersion(12, 1)),
        ("torch", "2.15.0", CudaVersion(13, 2)),
        ("torchvision", "0.19.0", CudaVersion(12, 1)),
        ("torchvision", "0.29.0", CudaVersion(13, 0)),
        ("torchvision", "0.29.2", CudaMajor(13)),
        ("torchaudio", "2.0.2", CudaMajor(11)),
        ("torchaudio", "2.4.0", CudaMajor(12)),
        ("torchaudio", "2.11.0", CudaMajor(13)),
        ("torchaudio", "2.11.1", CudaMajor(13)),
        ("torchaudio", "2.12.0", CudaMajor(13)),
        ("torchvision", "0.31.0", CudaMajor(13)),
        ("triton", "3.0.0", None),
        ("xformers", "0.0.22.post7", CudaVersion(12, 1)),
        ("xformers", "0.0.28.post1", CudaVersion(12, 1)),
        ("xformers", "0.0.28.post3", CudaMajor(12)),
        ("xformers", "0.0.30", CudaVersion(12, 6)),
        ("xformers", "0.0.31.post1", CudaMajor(12)),
        ("xformers", "0.0.33", CudaMajor(13)),
        ("xformers", "0.0.34", CudaVersion(12, 8)),
        ("xformers", "0.0.35", CudaMajor(12)),
        ("torchao", "0.17.0", CudaMajor(13)),
        ("torchao", "0.16.0", CudaMajor(12)),
        ("torchcodec", "0.17.0", CudaMajor(13)),
        ("torchcodec", "0.1.0", None),
        ("onnxruntime-gpu", "1.19.2", CudaMajor(12)),
        ("onnxruntime-gpu", "1.31.1", CudaMajor(13)),
        ("bitsandbytes", "0.50.2", None),
        ("cupy-cuda12x", "13.6.0", CudaMajor(12)),
        ("nvidia-cublas-cu12", "12.4.5.8", CudaMajor(12)),
        ("spconv-cu124", "2.3.8", CudaMajor(12)),
        ("jax-cuda13-plugin", "0.12.0.1", CudaMajor(13)),
    ],
)
def test_the_data_has_the_builds_of_the_default_index(name: str, version: str, expected: Cuda | None) -> None:
    found = find(name, version)
    assert found is not None
    assert (found.cuda, found.rule) == (expected, "data")


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("torch", "9.0"),
        ("torchvision", "1.0.0"),
        ("torchaudio", "3.0.0"),
        ("onnxruntime-gpu", "1.27.0"),
        ("numpy", "2.0"),
        ("tensorflow", "2.21.0"),
        ("nvidia-cutlass-dsl-libs-cu12", "4.8.0"),
        ("nvidia-deepstream-videodecode-cu13", "9.0.2"),
        ("holoscan-cu13", "4.0.0"),
        ("vllm", "0.32.0"),
    ],
)
def test_what_the_data_does_not_hold_is_not_known(name: str, version: str) -> None:
    assert find(name, version) is None


def test_the_data_of_versions_is_for_the_default_index_alone() -> None:
    assert find("torch", "2.4.0", "https://other.example/simple/", is_default=False) is None
    known = find("cupy-cuda12x", "13.6.0", "https://other.example/simple/", is_default=False)
    assert known is not None
    assert known.cuda == CudaMajor(12)


@pytest.mark.parametrize(
    ("name", "version"), [("triton", "3.2.0"), ("bitsandbytes", "0.45.0"), ("ctranslate2", "4.5.0")]
)
def test_projects_without_code_of_one_cuda_are_so_on_every_index(name: str, version: str) -> None:
    known = find(name, version, "https://other.example/simple/", is_default=False)
    assert known == KnownCuda(cuda=None, rule="data")


def test_the_build_without_a_gpu_of_a_family_is_known_to_have_no_cuda() -> None:
    assert find("onnxruntime", "1.32.0") == KnownCuda(cuda=None, rule="data")


def test_sdists_of_the_default_index_say_nothing_of_wheels_elsewhere() -> None:
    assert find("flash-attn", "2.8.3") == KnownCuda(cuda=None, rule="data")
    assert find("flash-attn", "2.8.3", "https://other.example/simple/", is_default=False) is None


def test_on_another_platform_the_default_index_carries_other_builds() -> None:
    cpu = KnownCuda(cuda=None, rule="data")
    assert find("torch", "2.10.0", platform="manylinux_2_35_aarch64") == cpu
    assert find("torchvision", "0.25.0", platform="manylinux_2_35_aarch64") == cpu
    assert find("torchaudio", "2.11.0", platform="macosx_14_0_arm64") == cpu
    assert find("torchcodec", "0.17.0", platform="macosx_14_0_arm64") is None
    assert find("torch", "2.15.0", platform="win_amd64") == cpu
    assert find("torch", "2.15.0", platform="macosx_14_0_arm64") == cpu


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        (["nvidia-cuda-runtime-cu12==12.4.127", "nvidia-cufft-cu12==11.2.1.3"], CudaVersion(12, 4)),
        (["nvidia-cuda-nvrtc-cu12==12.1.105", "nvidia-nccl-cu12==2.20.5"], CudaVersion(12, 1)),
        (["cuda-toolkit[cudart]==13.0.2", "nvidia-cublas<=13.1.1.3,>=13.1.0.3"], CudaVersion(13, 0)),
        (["nvidia-cuda-runtime-cu11 (==11.7.99)", "nvidia-cublas-cu11 (==11.10.3.66)"], CudaVersion(11, 7)),
        (["nvidia-cuda-runtime-cu11==11.7.99", "nvidia-cufft-cu11==10.9.0.58"], CudaVersion(11, 7)),
        (["nvidia-cublas==13.1.0.3"], CudaVersion(13, 0)),
        (["nvidia-cublas==13.2.0.9"], CudaVersion(13, 1)),
        (["cuda-bindings==12.9.4", "nvidia-cuda-runtime-cu12==12.8.90"], CudaVersion(12, 8)),
        (["nvidia-cudnn-cu12==9.1.0.70"], CudaMajor(12)),
        (["nvidia-cuda-runtime-cu12==12.4.127", "nvidia-cuda-nvrtc-cu12==12.6.85"], CudaMajor(12)),
        (["nvidia-cudnn-cu12==9.1.0.70", "nvidia-nccl-cu13==2.28.9"], None),
        (["nvidia-cublas-cu12<13.0,>=12.5.3.2"], None),
        (["nvidia-cublas-cu12==12.*"], None),
        (["cupy-cuda12x==13.6.0", "numpy==2.0"], None),
        (["nvidia-ml-py==12.570.86"], None),
        ([], None),
    ],
)  # fmt: skip
def test_exact_pins_of_components_determine_the_release_or_its_major(
    requirements: list[str], expected: Cuda | None
) -> None:
    assert pinned(*requirements) == expected


def test_every_component_version_of_the_data_determines_its_toolkit() -> None:
    for name, toolkits in read_data("cuda_components")["versions"].items():
        for toolkit, versions in toolkits.items():
            for version in versions.split():
                assert str(pinned(f"{name}=={version}")) == toolkit, (name, version)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["nvidia-cublas", "nvidia-cublas-cu12", "cuda-toolkit", "nvidia-cudnn-cu13", "spconv-cu124", "x"]
            ),
            st.sampled_from(["==", ">=", "~=", "===", "==1!", "=="]),
            st.lists(st.integers(0, 200), min_size=2, max_size=4).map(lambda numbers: ".".join(map(str, numbers))),
            st.sampled_from(["", "rc1", ".post1", ".dev0"]),
        )
    )
)
def test_pins_of_any_version_determine_a_release_its_major_or_nothing(pins: list[tuple[str, str, str, str]]) -> None:
    found = pinned(*("".join(pin) for pin in pins))
    assert isinstance(found, CudaVersion | CudaMajor | None)
    assert found is None or any(operator.startswith("==") and operator != "===" for _, operator, _, _ in pins)


@given(
    st.sampled_from(["torch", "torchaudio", "xformers", "numpy"]),
    st.integers(0, 9),
    st.integers(0, 99),
    st.text("cu124.", max_size=6),
)
def test_any_version_has_a_known_cuda_or_none(name: str, major: int, minor: int, label: str) -> None:
    try:
        version = Version(f"{major}.{minor}+{label}")
    except InvalidVersion:
        version = Version(f"{major}.{minor}")
    assert isinstance(find(name, str(version)), KnownCuda | None)


def test_projects_with_floors_list_them() -> None:
    assert find_floors(canonicalize_name("cudf-cu12")) == (
        Floor(driver=parse_driver("535"), capability=Capability(7, 0)),
    )
    assert find_floors(canonicalize_name("jax_cuda13_plugin")) == (
        Floor(driver=parse_driver("580"), capability=Capability(7, 5)),
    )
    assert find_floors(canonicalize_name("torch")) == ()


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        (["torch==2.13.0", "torchvision==0.28.0"], CudaMajor(13)),
        (["torch==2.10.0"], CudaMajor(12)),
        (["torch>=2.10"], None),
        (["torch==9.0"], None),
        (["numpy"], None),
    ],
)
def test_a_project_that_is_built_with_the_torch_it_pins_has_its_major_release(
    requirements: list[str], expected: CudaMajor | None
) -> None:
    parsed = [Requirement(text) for text in requirements]
    for name in ("vllm", "sglang"):
        assert read_torch_pin(NormalizedName(name), Version("0.32.0"), parsed, DEFAULT_PLATFORM) == expected
    assert read_torch_pin(NormalizedName("accelerate"), Version("1.0"), parsed, DEFAULT_PLATFORM) is None
