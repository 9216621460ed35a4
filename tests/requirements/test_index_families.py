from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name

from resolver.requirements.index_families import find_family, is_family_index, is_family_name
from resolver.requirements.scopes import IndexFamily
from resolver.requirements.url import Url

TORCH = IndexFamily(
    name="torch", names=("torch", "nvidia-*"), urls=("https://download.pytorch.org/whl/{cuda}", "https://m.example/pt/")
)
GEOMETRIC = IndexFamily(
    name="geometric", names=("torch-scatter",), urls=("https://d.example/whl/torch-{torch}+{cuda}.html",)
)


@pytest.mark.parametrize(
    ("url", "family"),
    [
        ("https://download.pytorch.org/whl/cu124", TORCH),
        ("https://download.pytorch.org/whl/cu124/", TORCH),
        ("https://${TOKEN}@download.pytorch.org/whl/cu124/", TORCH),
        ("https://m.example/pt", TORCH),
        ("https://m.example/pt/cu124/simple/", TORCH),
        ("https://d.example/whl/torch-2.5.0+cu124.html", GEOMETRIC),
        ("https://m.example/ptx", None),
        ("https://download.pytorch.org/whl/", None),
        ("https://index.example/https://download.pytorch.org/whl/cu124", None),
    ],
)
def test_an_index_belongs_to_the_family_whose_prefix_it_has(url: str, family: IndexFamily | None) -> None:
    assert find_family(Url(public=url), (TORCH, GEOMETRIC)) == family


def test_a_project_belongs_to_a_family_by_pattern() -> None:
    assert is_family_name(canonicalize_name("nvidia_cublas_cu12"), TORCH)
    assert not is_family_name(canonicalize_name("torchvision"), TORCH)


def test_a_placeholder_stands_for_one_segment_only() -> None:
    assert not is_family_index(Url(public="https://d.example/whl/torch-2/5+cu124.html"), GEOMETRIC)
