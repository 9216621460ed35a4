from __future__ import annotations

import pytest
from packaging.version import Version

from resolver.targets.cuda import Cuda, CudaMajor, CudaVersion
from resolver.targets.labels import parse_label, rewrite_label
from resolver.targets.wheel_lint import (
    TorchFacts,
    contradicts,
    describe_label,
    describe_torch,
    is_linted,
    suggest_filename,
)

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
    assert is_linted(parse_label(label)) is expected


def test_no_label_is_not_looked_at() -> None:
    assert not is_linted(None)


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
def test_build_of_torch_is_said_in_words(build: TorchFacts, expected: str) -> None:
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
    assert rewrite_label(label, cuda=CU130, torch=Version("2.11.0"), cxx11_abi=True) == expected


def test_label_that_says_more_than_is_known_has_none_for_another_torch() -> None:
    torch = Version("2.11.0")
    assert rewrite_label("cu122torch2.1", cuda=CudaMajor(13), torch=torch, cxx11_abi=None) is None
    assert rewrite_label("cu12torch2.1cxx11abiTRUE", cuda=CU130, torch=torch, cxx11_abi=None) is None


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
def test_name_of_the_wheel_that_would_do_is_told_from_the_one_at_hand(filename: str, expected: str | None) -> None:
    assert suggest_filename(filename, torch("2.6.0")) == expected
