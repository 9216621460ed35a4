from __future__ import annotations

import pytest

from tests.solve.cuda.machine_lists import build_target, lock
from tests.solve.pytorch_indexes import PYTORCH


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
