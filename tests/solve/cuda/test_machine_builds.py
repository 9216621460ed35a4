"""Builds of torch in whole solutions: the expected one for every machine type and driver, and common properties."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import ResolutionError
from resolver.requirements.requirement_list import parse_requirement_list
from resolver.solve.build_problem import build_problem
from resolver.solve.solving import solve
from resolver.targets.accelerators import CudaVersion, Gpu
from resolver.targets.kernels import Runs
from resolver.targets.labels import TorchFacts, contradicts, parse_version_label
from resolver.targets.target import Target
from resolver.targets.torch_builds import find_default_cuda, find_release, list_verdicts, uses_cxx11_abi
from tests.solve.cuda.machine_lists import build_indexes, build_target, lock, pins
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource, Release
from tests.solve.pytorch_indexes import PYTORCH, build_pytorch_indexes

ROWS = tomllib.loads(Path(__file__).with_name("torch_by_machine.toml").read_text(encoding="utf-8"))["row"]
LISTS = (
    ["torch"],
    ["torch", "torchvision"],
    ["torchvision", "torchaudio"],
    ["torch<2.11", "torchaudio"],
    ["torch~=2.7.0"],
)
MACHINES = ("GPU-T4", "V100", "GPU-A100", "GPU-H100", "GPU-B200", "GPU-RTX5090", "A100,H100", "GPU-RTX5090,GPU-A6000")
FOLDERS = ("cu118", "cu121", "cu124", "cu126", "cu128", "cu129", "cu130", "cu132")


def iter_cases() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    for row in ROWS:
        for machine in row["machines"].split():
            for driver in row["drivers"].split():
                yield machine, driver, row["listed"], ()
                yield machine, driver, row["unlisted"], ("cu126", "cu129")


@pytest.mark.parametrize(("machine", "driver", "expected", "without"), list(iter_cases()))
def test_torch_alone_is_the_newest_release_with_a_build_that_runs(
    machine: str, driver: str, expected: str, without: tuple[str, ...]
) -> None:
    assert lock_torch(build_target(machine, driver), without) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["torch<2.6", "torchvision"], "2.5.1"),
        (["torchvision", "torch<2.6"], "2.5.1"),
        (["torch<2.11", "torchaudio", "torchvision"], "2.10.0"),
        (["torch>=2.5,!=2.11.*,<2.13", "torchvision"], "2.10.0"),
    ],
)
def test_no_index_is_read_for_companions_of_a_torch_that_the_list_excludes(texts: list[str], expected: str) -> None:
    resolution, urls = lock(texts, build_target("GPU-A100", "570"))
    assert pins(resolution)["torch"] == Version(expected)
    assert urls == {DEFAULT_INDEX}


@cache
def lock_torch(target: Target, without: tuple[str, ...]) -> str:
    """The version of torch alone; equal targets are solved once."""
    return str(pins(lock(["torch"], target, without)[0])["torch"])


def find_cuda(version: Version, target: Target) -> CudaVersion | None:
    """The CUDA of a torch: its label's, else that of the default index's build."""
    label = parse_version_label(version)
    found = find_default_cuda(version, target.platform) if label is None else label.cuda
    return found if isinstance(found, CudaVersion) else None


@settings(max_examples=25)
@given(
    st.sampled_from(MACHINES),
    st.sampled_from(["570.133.20", "580"]),
    st.sampled_from(LISTS),
    st.sets(st.sampled_from(FOLDERS)),
)
def test_every_solution_runs_and_has_one_cuda(machine: str, driver: str, texts: list[str], without: set[str]) -> None:
    target = build_target(machine, driver)
    try:
        resolution, asked = lock(texts, target, without)
    except ResolutionError:
        assume(False)
        raise
    found = pins(resolution)
    torch = found.get("torch")
    assume(torch is not None)
    assert torch is not None
    cuda = find_cuda(torch, target)
    release = find_release(torch)
    assert release is not None
    assert isinstance(target.accelerator, Gpu)
    verdicts = {build.cuda: verdict for build, verdict in list_verdicts(release, target.platform, target.accelerator)}
    assert isinstance(verdicts[cuda], Runs) if cuda in verdicts else cuda is not None
    labels = {found[name].local for name in ("torchvision", "torchaudio") if name in found} - {None}
    assert labels <= {cuda.label if cuda is not None else None}
    assert resolution.build is not None
    assert resolution.build.cuda == (cuda.label if cuda is not None else None)
    assert all(url == DEFAULT_INDEX or url.startswith(PYTORCH) for url in asked)


@settings(max_examples=15)
@given(
    st.sampled_from(["", "M", *MACHINES]),
    st.sampled_from(["torch", "torch==2.6.0", "torch==2.7.0", "torch<2.11", "torch==2.5.1+cu121"]),
    st.lists(
        st.builds(
            "cu{}torch{}cxx11abi{}".format,
            st.sampled_from(["11", "12", "13"]),
            st.sampled_from(["2.5", "2.6", "2.7", "2.13"]),
            st.sampled_from(["true", "false"]),
        ),
        min_size=1,
        max_size=3,
        unique=True,
    ),
)
def test_no_solution_has_a_wheel_for_another_torch(machine: str, torch: str, labels: list[str]) -> None:
    target = build_target(machine, "580")
    releases = build_pytorch_indexes()
    releases["https://links.example/"] = [
        Release(
            name=NormalizedName("flash-attn"),
            version=f"2.7.4+{label}",
            wheels=("cp311-cp311-linux_x86_64",),
            requires=("torch",),
        )
        for label in labels
    ]
    problem = build_problem(
        parse_requirement_list([torch, "flash-attn", "-f", "https://links.example/"]),
        target=target,
        indexes=build_indexes(),
    )
    try:
        found = pins(solve(problem, MemorySource(releases=releases, target=target)))
    except ResolutionError:
        return  # None of the wheels goes with any torch of the list.
    label = parse_version_label(found["flash-attn"])
    assert label is not None
    cuda = find_cuda(found["torch"], target)
    abi = uses_cxx11_abi(found["torch"], target.platform)
    facts = TorchFacts(version=found["torch"], cuda=cuda, knows_cuda=True, cxx11_abi=abi)
    assert not contradicts(label, facts)


@settings(max_examples=12)
@given(st.sampled_from(MACHINES), st.sampled_from(LISTS), st.sets(st.sampled_from(FOLDERS)))
def test_locking_again_with_the_old_pins_changes_nothing(machine: str, texts: list[str], without: set[str]) -> None:
    target = build_target(machine, "580")
    source = MemorySource(releases=build_pytorch_indexes(without), target=target)
    problem = build_problem(parse_requirement_list(texts), target=target, indexes=build_indexes())
    try:
        first = solve(problem, source)
    except ResolutionError:
        assume(False)
        raise
    again = build_problem(
        parse_requirement_list(texts),
        target=target,
        indexes=build_indexes(),
        preferences={pin.name: pin.version for pin in first.pins},
    )
    assert pins(solve(again, source)) == pins(first)
