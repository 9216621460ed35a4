from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from resolver.targets.accelerators import Cuda, CudaMajor, CudaVersion
from resolver.targets.data_files import read_data
from resolver.targets.families import list_build_locations
from resolver.targets.labels import (
    BuildLabel,
    TorchFacts,
    complete_label,
    contradicts,
    describe_label,
    describe_torch,
    is_torch_extension,
    is_unreadable,
    parse_index_label,
    parse_label,
    parse_name_label,
    parse_version_label,
    suggest_filename,
)
from resolver.targets.torch_builds import load_releases


def cuda(major: int, minor: int | None = None, torch: str | None = None, abi: bool | None = None) -> BuildLabel:
    return BuildLabel(
        backend="cuda",
        cuda=CudaMajor(major) if minor is None else CudaVersion(major, minor),
        torch=None if torch is None else Version(torch),
        cxx11_abi=abi,
    )


CPU = BuildLabel(backend="cpu")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("cu124", cuda(12, 4)),
        ("cu118", cuda(11, 8)),
        ("cu12", cuda(12)),
        ("cu12torch2.5", cuda(12, torch="2.5")),
        ("cu12torch2.5cxx11abiFALSE", cuda(12, torch="2.5", abi=False)),
        ("cu12torch2.8cxx11abiTRUE", cuda(12, torch="2.8", abi=True)),
        ("cu122torch2.1cxx11abiFALSE", cuda(12, 2, torch="2.1", abi=False)),
        ("pt24cu121", cuda(12, 1, torch="2.4")),
        ("pt210cu128", cuda(12, 8, torch="2.10")),
        ("pt24cpu", BuildLabel(backend="cpu", torch=Version("2.4"))),
        ("torch211cu121", cuda(12, 1, torch="2.1.1")),
        ("torch2100cu128", cuda(12, 8, torch="2.10.0")),
        ("cu.12.8.torch.2.11", cuda(12, 8, torch="2.11")),
        ("cu121.torch2.4.0", cuda(12, 1, torch="2.4.0")),
        ("cu128_torch28", cuda(12, 8, torch="2.8")),
        ("cu117.with.pypi.cudnn", cuda(11, 7)),
        ("cuda12.cudnn89", cuda(12)),
        ("torch2.7", BuildLabel(torch=Version("2.7"))),
        ("torch2.7.1", BuildLabel(torch=Version("2.7.1"))),
        ("pt2.4.1cu121", cuda(12, 1, torch="2.4.1")),
        ("cu128torch2.7.1.post3", cuda(12, 8, torch="2.7.1")),
        ("torch2.6.0cu124", cuda(12, 4, torch="2.6.0")),
        ("9f3ab12.cu124torch2.6", cuda(12, 4, torch="2.6")),
        ("gitabc1234.pt2.4cu121", cuda(12, 1, torch="2.4")),
        ("torch2.6.9f3ab12", BuildLabel(torch=Version("2.6"))),
        ("cu124.torch2.6.0.1234567", cuda(12, 4, torch="2.6.0")),
        ("1234567.torch2.7.cu128.cxx11abiTRUE", cuda(12, 8, torch="2.7", abi=True)),
        ("cxx11abiFALSEcu12.torch2.5", cuda(12, torch="2.5", abi=False)),
        ("torch27.cu126", cuda(12, 6, torch="2.7")),
        ("torch210.cu128", cuda(12, 8, torch="2.10")),
        ("cuda12.8.pytorch2.9", cuda(12, 8, torch="2.9")),
        ("torch2.5cpu", BuildLabel(backend="cpu", torch=Version("2.5"))),
        ("post1.cu118", cuda(11, 8)),
        ("cpu", CPU),
        ("cpu-cxx11-abi", CPU),
        ("rocm6.4", BuildLabel(backend="rocm")),
        ("xpu", BuildLabel(backend="xpu")),
    ],
)
def test_a_label_has_cuda_torch_and_abi(label: str, expected: BuildLabel) -> None:
    assert parse_label(label) == expected


@pytest.mark.parametrize("label", ["", "ubuntu1", "cu", "cu1", "cu999", "cu12x", "cuda", "1", "local.4", "git1234abc"])
def test_any_other_label_is_none(label: str) -> None:
    assert parse_label(label) is None


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("cu999", True),
        ("torch2", True),
        ("cu121torch2.4.cu128", True),
        ("torch2.4.torch2.6", True),
        ("pt2x4cu121", True),
        ("cu12x", True),
        ("torch2.7", False),
        ("9f3ab12", False),
        ("ubuntu1", False),
        ("local.4", False),
        ("opt2", False),
    ],
)
def test_a_label_that_looks_like_one_and_has_no_form_is_unreadable(label: str, expected: bool) -> None:
    assert is_unreadable(Version(f"1.0+{label}")) is expected


def test_a_version_has_the_label_of_its_local_part() -> None:
    assert parse_version_label(Version("2.7.0.post1+cu12torch2.5cxx11abiFALSE")) == cuda(12, torch="2.5", abi=False)
    assert parse_version_label(Version("2.5.0")) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://download.pytorch.org/whl/cu128", cuda(12, 8)),
        ("https://download.pytorch.org/whl/cu128/", cuda(12, 8)),
        ("https://download.pytorch.org/whl/nightly/cu130", cuda(13, 0)),
        ("https://download.pytorch.org/whl/cpu", CPU),
        ("https://download.pytorch.org/whl/rocm6.4", BuildLabel(backend="rocm")),
        ("https://data.pyg.org/whl/torch-2.5.0+cu124.html", cuda(12, 4, torch="2.5.0")),
        ("https://data.pyg.org/whl/torch-2.5.0%2Bcu124.html", cuda(12, 4, torch="2.5.0")),
        ("https://data.pyg.org/whl/torch-2.5.0+cpu.html", BuildLabel(backend="cpu", torch=Version("2.5.0"))),
        ("https://data.dgl.ai/wheels/torch-2.4/cu124/repo.html", cuda(12, 4, torch="2.4")),
        ("https://flashinfer.ai/whl/cu126/torch2.6", cuda(12, 6, torch="2.6")),
        ("https://wheels.vllm.ai/0.20.0/cu129", cuda(12, 9)),
        ("https://feeds.example/_packaging/onnxruntime-cuda-12/pypi/simple/", cuda(12)),
        ("https://mirror.example/CU124/simple/?x=cu118#cu118", cuda(12, 4)),
        ("https://mirror.example/cu12/cu124/", cuda(12, 4)),
        ("https://mirror.example/cu124/cu12/", cuda(12, 4)),
        (
            "https://github.example/x/releases/download/v1.0-cu128torch2.7/x-1.0-cp311-linux.whl",
            cuda(12, 8, torch="2.7"),
        ),
        ("https://mirror.example/pt2.4.1_cu121/x-1.0+torch2.6-cp311-linux.whl", cuda(12, 1, torch="2.4.1")),
        ("https://mirror.example/torch2.7.1-9f3ab12/", BuildLabel(torch=Version("2.7.1"))),
        ("https://mirror.example/torch2.6/simple/", BuildLabel(torch=Version("2.6"))),
    ],
)
def test_the_path_of_an_index_is_read_as_a_label(url: str, expected: BuildLabel) -> None:
    assert parse_index_label(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://index.example/simple/",
        "https://cu124.example/simple/",
        "https://download.pytorch.org/whl/",
        "https://mirror.example/cu118/cu124/",
        "https://mirror.example/cpu/cu124/",
        "https://mirror.example/torch-2.4/torch2.5/cu124/",
        "https://mirror.example/cu13/cu124/",
        "https://github.example/torch2trt/releases/download/v0.5.0/x-1.0+cu121torch2.4-cp311-linux.whl",
        "https://mirror.example/cu121torch2.4-torch2.6/",
        "x @ git+https://github.example/torch2.7/x@v1",
        "x @ https://cu124torch2.7.example/x-1.0-cp311-linux.whl",
        "",
    ],
)
def test_a_url_without_a_build_or_with_two_has_no_label(url: str) -> None:
    assert parse_index_label(url) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nvidia-cublas-cu12", cuda(12)),
        ("cupy-cuda13x", cuda(13)),
        ("jax-cuda12-plugin", cuda(12)),
        ("jax-cuda13-pjrt", cuda(13)),
        ("spconv-cu124", cuda(12, 4)),
        ("nvidia-dali-cuda120", cuda(12, 0)),
        ("cudf-cu13", cuda(13)),
        ("torch", None),
        ("cupy", None),
        ("cu12", None),
        ("nvidia-cublas", None),
    ],
)
def test_the_suffix_of_a_name_is_read_as_its_cuda(name: str, expected: BuildLabel | None) -> None:
    assert parse_name_label(canonicalize_name(name)) == expected


def test_every_form_of_the_data_matches_its_example_before_any_other() -> None:
    for row in read_data("labels")["label"]:
        assert parse_label(row["example"]) is not None, row
    for row in read_data("labels")["segment"]:
        assert parse_index_label(f"https://index.example/{row['example']}/") is not None, row
    for row in read_data("labels")["name"]:
        assert parse_name_label(canonicalize_name(row["example"])) is not None, row


def test_every_build_of_the_data_is_read_from_its_label_and_its_index() -> None:
    location = next(iter(list_build_locations(canonicalize_name("torch"))))
    for release in load_releases():
        for build in (one for builds in release.builds.values() for one in builds):
            assert parse_version_label(Version(str(build))) == BuildLabel(backend="cuda", cuda=build.cuda)
            url = location.render(cuda=build.cuda)
            assert url is not None
            assert parse_index_label(url) == BuildLabel(backend="cuda", cuda=build.cuda)


@given(st.text())
def test_no_text_makes_a_parser_of_labels_fail(text: str) -> None:
    assert isinstance(parse_label(text), BuildLabel | None)
    assert isinstance(parse_index_label(text), BuildLabel | None)
    assert isinstance(parse_index_label(f"https://index.example/{text}"), BuildLabel | None)
    assert isinstance(parse_name_label(canonicalize_name(text)), BuildLabel | None)


@given(
    st.lists(
        st.sampled_from(["cu", "12", "124", ".", "torch", "2.5", "pt", "24", "cpu", "-", "+", "cxx11abi", "true", "/"])
    )
)
def test_no_mix_of_the_words_of_labels_makes_a_parser_fail(words: list[str]) -> None:
    text = "".join(words)
    label = parse_label(text)
    assert label is None or label != BuildLabel()
    assert isinstance(parse_index_label(f"https://index.example/{text}"), BuildLabel | None)


@given(st.integers(11, 15), st.integers(0, 9), st.integers(1, 2), st.integers(0, 19))
def test_forms_with_the_same_meaning_are_read_alike(major: int, minor: int, torch_major: int, torch_minor: int) -> None:
    torch = f"{torch_major}.{torch_minor}"
    expected = cuda(major, minor, torch=torch)
    assert parse_label(f"cu{major}{minor}torch{torch}") == expected
    assert parse_label(f"pt{torch_major}{torch_minor}cu{major}{minor}") == expected
    assert parse_label(f"cu.{major}.{minor}.torch.{torch}") == expected
    assert parse_label(f"torch{torch_major}{torch_minor}0cu{major}{minor}") == cuda(major, minor, torch=f"{torch}.0")


@pytest.mark.parametrize(
    ("label", "torch", "expected"),
    [
        ("cu12torch2.5cxx11abiFALSE", "2.5.1", True),
        ("cu12torch2.5cxx11abiFALSE", "2.5.1+cu124", True),
        ("cu12torch2.5cxx11abiFALSE", "2.6.0", False),
        ("cu12torch2.5cxx11abiFALSE", "2.50.0", False),
        ("cu121.torch2.4.0", "2.4.1", False),
        ("cu121.torch2.4.0", "2.4", True),
        ("torch280cu128", "2.8.0", True),
        ("pt210cu128", "2.1.0", False),
        ("cu124", "2.6.0", True),
    ],
)
def test_a_label_fits_the_versions_of_torch_that_it_names(label: str, torch: str, expected: bool) -> None:
    parsed = parse_label(label)
    assert parsed is not None
    assert parsed.fits_torch(Version(torch)) is expected


@pytest.mark.parametrize(
    ("label", "url", "expected"),
    [
        ("cu124", "https://data.dgl.ai/wheels/torch-2.4/cu124/repo.html", cuda(12, 4, torch="2.4")),
        ("cu124", "https://data.dgl.ai/wheels/torch-2.4/cu121/repo.html", cuda(12, 4)),
        ("pt25cu124", "https://data.pyg.org/whl/torch-2.5.0+cu124.html", cuda(12, 4, torch="2.5")),
        ("cpu", "https://download.pytorch.org/whl/cu124", CPU),
    ],
)
def test_a_page_completes_a_label_unless_they_contradict(label: str, url: str, expected: BuildLabel) -> None:
    parsed = parse_label(label)
    assert parsed is not None
    assert complete_label(parsed, parse_index_label(url)) == expected


CU124 = CudaVersion(12, 4)
CU130 = CudaVersion(13, 0)


def torch(version: str, cuda: Cuda | None = CU124, *, abi: bool | None = False, known: bool = True) -> TorchFacts:
    return TorchFacts(version=Version(version), cuda=cuda, knows_cuda=known, cxx11_abi=abi)


@pytest.mark.parametrize(
    ("label", "build", "expected"),
    [
        ("cu12torch2.5cxx11abiFALSE", torch("2.5.1"), False),
        ("cu12torch2.5cxx11abiFALSE", torch("2.6.0"), True),
        ("cu12torch2.5cxx11abiTRUE", torch("2.5.1"), True),
        ("cu12torch2.5cxx11abiTRUE", torch("2.5.1", abi=None), False),
        ("cu11torch2.5cxx11abiFALSE", torch("2.5.1"), True),
        ("cu122torch2.5cxx11abiFALSE", torch("2.5.1"), False),
        ("cu12torch2.5cxx11abiFALSE", torch("2.5.1", None), True),
        ("cu12torch2.5cxx11abiFALSE", torch("2.5.1", None, known=False), False),
        ("cu13torch2.11cxx11abiTRUE", torch("2.11.0", CudaMajor(13), abi=True), False),
        ("pt25cu124", torch("2.5.0"), False),
        ("pt25cu124", torch("2.6.0"), True),
        ("pt25cpu", torch("2.5.0"), True),
        ("pt25cpu", torch("2.5.0", None), False),
    ],
)
def test_wheel_goes_with_its_torch_its_major_cuda_and_its_abi_as_far_as_known(
    label: str, build: TorchFacts, expected: bool
) -> None:
    parsed = parse_label(label)
    assert parsed is not None
    assert contradicts(parsed, build) is expected


@pytest.mark.parametrize(("label", "expected"), [("cu124", False), ("cpu", False), ("pt25cu124", True)])
def test_only_labels_that_name_a_torch_are_looked_at(label: str, expected: bool) -> None:
    assert is_torch_extension(parse_label(label)) is expected


def test_no_label_is_not_looked_at() -> None:
    assert not is_torch_extension(None)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("cu12torch2.5cxx11abiFALSE", "torch 2.5 and CUDA 12, without the C++11 ABI"),
        ("cu122torch2.1cxx11abiTRUE", "torch 2.1 and CUDA 12.2, with the C++11 ABI"),
        ("pt24cpu", "torch 2.4 and cpu"),
    ],
)
def test_what_a_wheel_is_built_for_is_said_in_words(label: str, expected: str) -> None:
    parsed = parse_label(label)
    assert parsed is not None
    assert describe_label(parsed) == expected


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (torch("2.6.0"), "torch 2.6.0 for CUDA 12.4, without the C++11 ABI"),
        (torch("2.7.0", None, abi=True), "torch 2.7.0 without CUDA, with the C++11 ABI"),
        (torch("2.7.0", None, abi=None, known=False), "torch 2.7.0"),
    ],
)
def test_a_build_of_torch_is_described_in_words(build: TorchFacts, expected: str) -> None:
    assert describe_torch(build) == expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("cu12torch2.5cxx11abiFALSE", "cu13torch2.11cxx11abiTRUE"),
        ("cu122torch2.1cxx11abiFALSE", "cu130torch2.11cxx11abiTRUE"),
        ("cu12.torch2.5.1", "cu13.torch2.11.0"),
        ("cu12torch2.5.1", "cu13torch2.11.0"),
        ("pt24cu121", "pt211cu130"),
        ("torch280cu128", "torch2110cu130"),
        ("cu.12.8.torch.2.11", "cu.13.0.torch.2.11"),
        ("pt24cpu", "pt211cpu"),
        ("ubuntu1", None),
    ],
)
def test_label_for_another_torch_has_the_same_form(label: str, expected: str | None) -> None:
    build = TorchFacts(version=Version("2.11.0"), cuda=CU130, knows_cuda=True, cxx11_abi=True)
    suggested = suggest_filename(f"a-1.0+{label}-py3-none-any.whl", build)
    assert suggested == (None if expected is None else f"a-1.0+{expected}-py3-none-any.whl")


def test_a_label_with_an_unknown_part_has_no_counterpart_for_another_torch() -> None:
    version = Version("2.11.0")
    of_major = TorchFacts(version=version, cuda=CudaMajor(13), knows_cuda=True)
    without_abi = TorchFacts(version=version, cuda=CU130, knows_cuda=True)
    assert suggest_filename("a-1.0+cu122torch2.1-py3-none-any.whl", of_major) is None
    assert suggest_filename("a-1.0+cu12torch2.1cxx11abiTRUE-py3-none-any.whl", without_abi) is None


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        (
            "flash_attn-2.7.4+cu12torch2.5cxx11abiFALSE-cp311-cp311-linux_x86_64.whl",
            "flash_attn-2.7.4+cu12torch2.6cxx11abiFALSE-cp311-cp311-linux_x86_64.whl",
        ),
        (
            "torch_scatter-2.1.2%2Bpt25cu124-cp311-cp311-linux_x86_64.whl",
            "torch_scatter-2.1.2+pt26cu124-cp311-cp311-linux_x86_64.whl",
        ),
        ("flash_attn-2.7.4+cu12torch2.6cxx11abiFALSE-cp311-cp311-linux_x86_64.whl", None),
        ("flash_attn-2.7.4-cp311-cp311-linux_x86_64.whl", None),
    ],
)
def test_the_name_of_a_fitting_wheel_is_derived_from_that_of_another(filename: str, expected: str | None) -> None:
    assert suggest_filename(filename, torch("2.6.0")) == expected
