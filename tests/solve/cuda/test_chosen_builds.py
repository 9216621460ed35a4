from __future__ import annotations

import pytest

from resolver.requirements.requirement_list import parse_requirement_list
from resolver.solve.build_problem import build_problem
from resolver.solve.solving import solve
from tests.solve.cuda.machine_lists import build_indexes, build_target, lock
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource
from tests.solve.problems import release
from tests.solve.pytorch_indexes import PYTORCH, build_pytorch_indexes


@pytest.mark.parametrize(
    ("texts", "machine", "expected"),
    [
        (["torch==2.4.0"], "GPU-A100", ("cu121", "the default index's build of torch 2.4.0 runs")),
        (["torch==2.6.0+cu126"], "GPU-A100", ("cu126", "the list names torch 2.6.0+cu126")),
        (
            ["torch==2.13.0"],
            "GPU-B200",
            (
                "cu129",
                "torch 2.13.0+cu129 is the build with the newest CUDA that runs, where the default index's build needs"
                " driver 580",
            ),
        ),
        (
            ["torch==2.6.0", "--extra-index-url", f"{PYTORCH}cu124"],
            "GPU-A100",
            ("cu124", "torch 2.6.0+cu124 comes from an index that the list names"),
        ),
        (["torch==2.6.0"], "M", ("cpu", "torch 2.6.0+cpu is the build without CUDA")),
    ],
)
def test_a_solution_has_its_build_with_the_reason(texts: list[str], machine: str, expected: tuple[str, str]) -> None:
    resolution, _ = lock(texts, build_target(machine, "570.133.20"))
    assert resolution.build is not None
    assert (resolution.build.cuda, resolution.build.why) == expected


def test_a_torch_that_nobody_has_looked_at_is_not_said_to_run() -> None:
    releases = build_pytorch_indexes()
    releases[DEFAULT_INDEX] += [release("torch", "2.99.0", "nvidia-cuda-runtime-cu12==12.8.90")]
    problem = build_problem(
        parse_requirement_list(["torch==2.99.0"]), target=build_target("GPU-V100", "580"), indexes=build_indexes()
    )
    resolution = solve(problem, MemorySource(releases=releases, target=problem.target))
    assert resolution.build is not None
    assert resolution.build.why == "the driver runs torch 2.99.0; whether it has kernels for the GPU is not known"
