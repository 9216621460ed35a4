import tomllib
from importlib.resources import files
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from resolver.requirements.scopes import IndexFamily
from resolver.targets.families import family_of, load_families, serves

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
    family = family_of(url, load_families())
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
    assert family_of(url, load_families()) is None


@pytest.mark.parametrize("url", ["https://download.pytorch.org/whl", "https://download.pytorch.org/whl/"])
def test_a_family_that_stands_first_wins(url: str) -> None:
    mine = IndexFamily(name="mine", names=("torch",), urls=(url,))
    assert family_of("https://download.pytorch.org/whl/cu124", (mine, *load_families())) == mine


def test_a_placeholder_stands_for_part_of_one_path_segment() -> None:
    family = IndexFamily(name="mirror", names=("torch",), urls=("https://index.example/torch-{torch}+{cuda}/simple",))
    assert family_of("https://index.example/torch-2.8+cu128/simple/", (family,)) == family
    assert family_of("https://index.example/torch-2.8/x+cu128/simple/", (family,)) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("torch", True), ("torchvision", True), ("triton", True), ("numpy", False), ("nvidia-cublas-cu12", False)],
)
def test_the_pytorch_indexes_serve_their_family_only(name: str, expected: bool) -> None:
    family = family_of("https://download.pytorch.org/whl/cu124", load_families())
    assert family is not None
    assert serves(family, canonicalize_name(name)) is expected


def test_a_pattern_serves_every_name_that_it_matches() -> None:
    family = IndexFamily(name="acme", names=("acme-*",), urls=("https://index.example/acme/",))
    assert serves(family, canonicalize_name("acme-tools"))
    assert not serves(family, canonicalize_name("acme"))
