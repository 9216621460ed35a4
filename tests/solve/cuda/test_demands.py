from __future__ import annotations

from resolver.requirements.requirement_list import parse_requirement_list
from resolver.solve.build_problem import SolverOptions, build_problem
from resolver.solve.resolution import Resolution
from resolver.solve.solving import solve
from tests.solve.cuda.machine_lists import build_indexes, build_target, pins
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource
from tests.solve.problems import release
from tests.solve.pytorch_indexes import build_pytorch_indexes


def lock_torch(source: MemorySource, *, measures_kernels: bool = False) -> Resolution:
    problem = build_problem(
        parse_requirement_list(["torch"]),
        target=source.target,
        indexes=build_indexes(),
        options=SolverOptions(measures_kernels=measures_kernels),
    )
    return solve(problem, source)


def test_metadata_takes_precedence_over_the_data_and_the_contradiction_is_reported() -> None:
    runtime = release("nvidia-cuda-runtime-cu12", "12.6.77")
    torch = release("torch", "2.6.0", "nvidia-cuda-runtime-cu12==12.6.77")
    source = MemorySource(releases={DEFAULT_INDEX: [torch, runtime]}, target=build_target("GPU-A100", "570.133.20"))
    resolution = lock_torch(source)
    assert resolution.build is not None
    assert resolution.build.cuda == "cu126"
    assert resolution.warnings == (
        "`torch 2.6.0`: the data says CUDA 12.4, its requirements CUDA 12.6, which counts; please report the row",
    )


def test_a_torch_whose_wheel_has_no_kernels_for_the_gpu_is_passed_over() -> None:
    releases = build_pytorch_indexes()
    releases[DEFAULT_INDEX] += [release("torch", "2.99.0", "nvidia-cuda-runtime-cu12==12.8.90")]
    releases[DEFAULT_INDEX] += [release("nvidia-cuda-runtime-cu12", "12.8.90")]
    target = build_target("GPU-A100", "580")
    plain = lock_torch(MemorySource(releases=releases, target=target))
    measured = lock_torch(
        MemorySource(releases=releases, target=target, measured={"2.99.0": "90 100"}), measures_kernels=True
    )
    assert str(pins(plain)["torch"]) == "2.99.0"
    assert str(pins(measured)["torch"]) != "2.99.0"
