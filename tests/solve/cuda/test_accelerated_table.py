from __future__ import annotations

import pytest

from tests.solve.cuda.machine_lists import build_target, lock
from tests.solve.memory_source import DEFAULT_INDEX
from tests.solve.pytorch_indexes import PYTORCH


@pytest.mark.parametrize("machine", ["GPU-A100", "GPU-B200"])
def test_no_other_index_is_read_if_the_newest_default_build_runs(machine: str) -> None:
    _, asked = lock(["torch", "torchvision", "torchaudio"], build_target(machine, "580"))
    assert asked == {DEFAULT_INDEX}


def test_the_index_of_a_promised_build_is_read_when_the_default_build_does_not_run() -> None:
    _, read = lock(["torch==2.13.0"], build_target("GPU-B200", "570.133.20"))
    assert read == {DEFAULT_INDEX, f"{PYTORCH}cu129"}
