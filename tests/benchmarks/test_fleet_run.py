"""What follows for a big fleet from the figures of a small one, and the lists that both are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.fleet_index import write_lists, write_variants
from benchmarks.fleet_run import simulate


@pytest.fixture
def figures() -> dict[str, Any]:
    """Ten lists: a second of a worker each, 10 ms of the driver, 50 ms of the scheduler, beside start and waiting."""
    measured = {"worker_cpu_s": 10.0, "driver_cpu_s": 0.7, "scheduler_cpu_s": 0.7, "redis_cpu_s": 0.01, "seconds": 20.0}
    return {
        "scheduler_idle_share": 0.01,
        "lists": 10,
        "machines": 4,
        "workers_2": measured,
        "output_bytes": 10_000,
        "index_bytes": 1_000,
    }


def test_workers_decide_while_all_single_parts_are_faster(figures: dict[str, Any]) -> None:
    found = simulate(figures, lists=1_000, machines=4, workers=10)

    assert found["minutes"] == pytest.approx(100 / 60, abs=0.05)
    assert found["busy"] == {"driver": 0.1, "scheduler": 0.5, "redis": 0.01, "workers": 1.0}
    assert (found["first_to_give_way"], found["workers_at_which_it_does"]) == ("scheduler", 20)


def test_single_part_decides_once_it_is_the_slowest(figures: dict[str, Any]) -> None:
    found = simulate(figures, lists=1_000, machines=4, workers=100)

    assert found["minutes"] == pytest.approx(50 / 60, abs=0.05)
    assert found["busy"]["scheduler"] == 1.0
    assert found["busy"]["workers"] == 0.2


def test_further_machine_types_cost_a_share_of_the_first(figures: dict[str, Any]) -> None:
    found = simulate(figures, lists=1, machines=8, workers=1, others_share=0.25)

    assert found["worker_cpu_s_per_list"] == pytest.approx(1.0 * (1 + 7 * 0.25) / (1 + 3 * 0.25), abs=0.001)


def read_lists(folder: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("requirements.txt"))]


def test_lists_are_the_same_in_each_run_and_differ_from_each_other(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_lists(tmp_path / name, 20, index_url="https://index.example/simple/", projects=40)
        write_variants(
            tmp_path / f"{name}-real", 12, index_url="https://index.example/simple/", names=("boto", "vllm", "web")
        )

    for kind in ("", "-real"):
        assert read_lists(tmp_path / f"a{kind}") == read_lists(tmp_path / f"b{kind}")
    assert len(set(read_lists(tmp_path / "a"))) == 20
    assert len(set(read_lists(tmp_path / "a-real"))) == 12
