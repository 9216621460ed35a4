import tomllib
from importlib.resources import files
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from resolver.requirements.scopes import IndexFamily, find_family, is_family_name
from resolver.requirements.url import Url
from resolver.settings.settings import Mirror
from resolver.targets.accelerators import CudaVersion
from resolver.targets.families import (
    apply_mirrors,
    find_mirrored,
    find_name_warning,
    is_torch_companion,
    list_build_locations,
    load_families,
)

ROWS: list[dict[str, Any]] = tomllib.loads(files("resolver.targets").joinpath("data/families.toml").read_text("utf-8"))[
    "family"
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["name"]))
def test_each_row_of_the_data_has_the_fields_of_a_family_and_a_source(row: dict[str, Any]) -> None:
    assert {"name", "names", "urls", "source"} <= set(row)
    assert set(row) <= {"name", "names", "urls", "index", "pages", "companions", "source"}
    assert row["name"] and row["names"] and row["urls"] and row["source"]
    assert row["names"] == sorted(set(row["names"]))
    assert all(url.startswith("https://") and url.endswith("/") for url in row["urls"])
    assert [canonicalize_name(name.rstrip("*").rstrip("-")) for name in row["names"]] == [
        name.rstrip("*").rstrip("-") for name in row["names"]
    ]


def test_families_are_named_once() -> None:
    names = [family.name for family in load_families()]
    assert names == [row["name"] for row in ROWS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://download.pytorch.org/whl/cu124", "PyTorch"),
        ("https://download.pytorch.org/whl/cu124/", "PyTorch"),
        ("https://download.pytorch.org/whl", "PyTorch"),
        ("https://download.pytorch.org/whl/nightly/cu130", "PyTorch"),
        ("https://download.pytorch.org/whl/rocm6.4", "PyTorch"),
        ("https://flashinfer.ai/whl/cu129/torch2.8/", "FlashInfer"),
        ("https://pypi.nvidia.com", "NVIDIA"),
        ("https://pypi.nvidia.com/nvtorch_oot/", "NVIDIA PyTorch"),
        ("https://wheels.astral.sh/simple/cu128/", "Astral GPU wheels"),
        ("https://data.pyg.org/whl/torch-2.8.0+cu128.html", "PyG"),
    ],
)
def test_an_index_url_belongs_to_the_family_with_its_prefix(url: str, name: str) -> None:
    family = find_family(Url(public=url), load_families())
    assert family is not None
    assert family.name == name


@pytest.mark.parametrize(
    "url",
    [
        "https://index.example/simple/",
        "https://download.pytorch.org/whlx/cu124",
        "https://download.pytorch.org.index.example/whl/cu124",
        "https://index.example/https://download.pytorch.org/whl/cu124",
        "https://wheels.astral.sh/simple/",
    ],
)
def test_another_url_belongs_to_no_family(url: str) -> None:
    assert find_family(Url(public=url), load_families()) is None


@pytest.mark.parametrize("url", ["https://download.pytorch.org/whl", "https://download.pytorch.org/whl/"])
def test_the_first_of_two_families_wins(url: str) -> None:
    mine = IndexFamily(name="mine", names=("torch",), urls=(url,))
    assert find_family(Url(public="https://download.pytorch.org/whl/cu124"), (mine, *load_families())) == mine


def test_a_placeholder_matches_part_of_one_path_segment() -> None:
    family = IndexFamily(name="mirror", names=("torch",), urls=("https://index.example/torch-{torch}+{cuda}/simple",))
    assert find_family(Url(public="https://index.example/torch-2.8+cu128/simple/"), (family,)) == family
    assert find_family(Url(public="https://index.example/torch-2.8/x+cu128/simple/"), (family,)) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("torch", True), ("torchvision", True), ("triton", True), ("numpy", False), ("nvidia-cublas-cu12", False)],
)
def test_the_pytorch_indexes_serve_their_family_only(name: str, expected: bool) -> None:
    family = find_family(Url(public="https://download.pytorch.org/whl/cu124"), load_families())
    assert family is not None
    assert is_family_name(canonicalize_name(name), family) is expected


def test_a_pattern_serves_every_name_that_it_matches() -> None:
    family = IndexFamily(name="acme", names=("acme-*",), urls=("https://index.example/acme/",))
    assert is_family_name(canonicalize_name("acme-tools"), family)
    assert not is_family_name(canonicalize_name("acme"), family)


def locate(name: str) -> dict[str, tuple[str, bool]]:
    return {one.family: (one.template, one.is_page) for one in list_build_locations(canonicalize_name(name))}


def test_the_indexes_that_hold_one_build_each_are_found_by_name() -> None:
    assert locate("torch") == {"PyTorch": ("https://download.pytorch.org/whl/{cuda}", False)}
    assert locate("natten") == {"NATTEN": ("https://whl.natten.org/", True)}
    assert locate("vllm") == {
        "vLLM": ("https://wheels.vllm.ai/{version}/{cuda}", False),
        "Astral GPU wheels": ("https://wheels.astral.sh/simple/{cuda}/", False),
    }
    assert locate("numpy") == {}


@pytest.mark.parametrize(
    ("name", "family", "expected"),
    [
        ("torch", "PyTorch", "https://download.pytorch.org/whl/cu128"),
        ("torch-scatter", "PyG", "https://data.pyg.org/whl/torch-2.8.0+cu128.html"),
        ("dgl", "DGL", "https://data.dgl.ai/wheels/torch-2.8/cu128/repo.html"),
        ("vllm", "vLLM", "https://wheels.vllm.ai/0.20.0/cu128"),
        ("onnxruntime-gpu", "ONNX Runtime", "https://aiinfra.pkgs.visualstudio.com/PublicPackages/_packaging/onnxruntime-cuda-12/pypi/simple/"),
    ],
)  # fmt: skip
def test_a_location_is_filled_with_cuda_torch_and_version(name: str, family: str, expected: str) -> None:
    location = next(one for one in list_build_locations(canonicalize_name(name)) if one.family == family)
    assert location.render(cuda=CudaVersion(12, 8), torch=Version("2.8.1+cu128"), version="0.20.0") == expected
    found = find_family(Url(public=expected), load_families())
    assert found is not None
    assert found.name == family


def test_a_location_whose_fields_are_not_all_known_has_no_url() -> None:
    (pyg,) = list_build_locations(canonicalize_name("torch-sparse"))
    (torch,) = list_build_locations(canonicalize_name("torch"))
    assert pyg.render(cuda=CudaVersion(12, 8)) is None
    assert torch.render() == "https://download.pytorch.org/whl/cpu"


@pytest.mark.parametrize(
    "row", [row for row in ROWS if "index" in row or "pages" in row], ids=lambda row: str(row["name"])
)
def test_every_location_belongs_to_its_own_family(row: dict[str, Any]) -> None:
    for location in list_build_locations(canonicalize_name(row["names"][0])):
        assert location.fields <= {"cuda", "cuda_major", "torch", "torch_minor", "version"}
        url = location.render(cuda=CudaVersion(12, 8), torch=Version("2.8.0"), version="1.0")
        assert url is not None
        found = find_family(Url(public=url), load_families())
        assert found is not None
        assert found.name == location.family


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torch", True),
        ("torchvision", True),
        ("triton", True),
        ("xformers", True),
        ("torchtune", False),
        ("numpy", False),
    ],
)
def test_companions_of_torch_are_known_by_name(name: str, expected: bool) -> None:
    assert is_torch_companion(canonicalize_name(name)) is expected


def test_companions_are_names_of_their_family() -> None:
    for row in ROWS:
        assert set(row.get("companions", ())) <= set(row["names"])


@pytest.mark.parametrize("name", ["apex", "dgl", "paddlepaddle-gpu", "pytorch", "tensorrt"])
def test_names_that_mean_something_else_on_the_default_index_have_a_warning(name: str) -> None:
    warning = find_name_warning(canonicalize_name(name))
    assert warning is not None
    assert str(warning).startswith(f"`{name}` on the default index ")


def test_a_warning_has_the_name_to_write_instead() -> None:
    assert str(find_name_warning(canonicalize_name("apex"))) == (
        "`apex` on the default index is another project: NVIDIA's apex is on no index"
        "\n  try: `apex @ git+https://github.com/NVIDIA/apex`"
    )
    assert find_name_warning(canonicalize_name("torch")) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://download.pytorch.org/whl/cu128", "https://token@mirror.example/torch/cu128"),
        ("https://download.pytorch.org/whl/cu128/", "https://token@mirror.example/torch/cu128/"),
        ("https://download.pytorch.org/whl", "https://token@mirror.example/torch/"),
        ("https://download.pytorch.org/whl/nightly/cu128", "https://night.example/cu128"),
        ("https://download.pytorch.org/whlx/cu128", "https://download.pytorch.org/whlx/cu128"),
        ("https://index.example/simple/", "https://index.example/simple/"),
    ],
)
def test_a_mirror_replaces_the_longest_prefix_that_it_names(url: str, expected: str) -> None:
    mirrors = (
        Mirror(prefix="https://download.pytorch.org/whl/", url="https://token@mirror.example/torch/"),
        Mirror(prefix="https://download.pytorch.org/whl/nightly", url="https://night.example"),
    )
    assert apply_mirrors(url, mirrors) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://mirror.example/torch/cu128", "https://download.pytorch.org/whl/cu128"),
        ("https://mirror.example/torch/", "https://download.pytorch.org/whl/"),
        ("https://mirror.example/torchx/cu128", None),
        ("https://download.pytorch.org/whl/cu128", None),
    ],
)
def test_a_url_of_a_mirror_stands_for_the_url_that_the_mirror_replaces(url: str, expected: str | None) -> None:
    mirrors = (Mirror(prefix="https://download.pytorch.org/whl/", url="https://mirror.example/torch/"),)
    assert find_mirrored(url, mirrors) == expected
