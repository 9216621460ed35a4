"""Each machine type gets what it got before, byte for byte; `machine_locks` says how to write the files anew."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from lockfiles import loads
from resolver.errors import ResolutionError, TargetError
from resolver.targets.machine_types import parse_machine_types
from tests.golden.machine_locks import FOLDER, GoldenLock, iter_golden_locks, iter_refused, iter_unsolvable, make_lock
from tests.solve.memory_source import DEFAULT_INDEX

LOCKS = tuple(iter_golden_locks())
PROJECT = Path(__file__).parents[2]


@cache
def lock(golden: GoldenLock) -> tuple[str, tuple[str, ...]]:
    """The lock of today and the indexes asked for it; each test reads it."""
    return make_lock(golden)


@pytest.mark.parametrize("golden", LOCKS, ids=str)
def test_lock_is_the_golden_one(golden: GoldenLock) -> None:
    assert lock(golden)[0] == (FOLDER / golden.file).read_text(encoding="utf-8")


@pytest.mark.parametrize(("machine", "driver", "message"), list(iter_refused()))
def test_machine_whose_driver_does_not_know_it_does_not_exist(machine: str, driver: str, message: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_machine_types(machine, driver=driver)
    assert str(caught.value) == message


@pytest.mark.parametrize("golden", list(iter_unsolvable()), ids=lambda golden: f"{golden.items[0]} on {golden.machine}")
def test_list_without_a_solution_has_the_golden_message(golden: GoldenLock) -> None:
    with pytest.raises(ResolutionError) as caught:
        make_lock(golden)
    assert str(caught.value) == golden.error


def test_every_golden_file_is_in_the_table() -> None:
    files = {path.name for path in FOLDER.glob("*.toml")} - {"table.toml"}
    assert files == {golden.file for golden in LOCKS}


def test_release_whose_default_build_runs_is_locked_without_asking_another_index() -> None:
    (golden,) = [one for one in LOCKS if one.items == ("torch==2.4.0",)]
    assert lock(golden)[1] == (DEFAULT_INDEX,)


@pytest.mark.parametrize("golden", [one for one in LOCKS if one.driver == "570" and one.machine != "GPU"], ids=str)
def test_copies_on_the_pytorch_indexes_are_not_taken(golden: GoldenLock) -> None:
    packages = loads(lock(golden)[0]).pylock.packages
    elsewhere = {package.name for package in packages if package.index != DEFAULT_INDEX}
    assert elsewhere <= {"torch"}


@pytest.mark.parametrize("seed", range(3))
def test_order_of_the_files_of_all_indexes_changes_nothing(seed: int) -> None:
    once = {golden.file: golden for golden in LOCKS}.values()
    for golden in list(once)[seed::3]:
        assert make_lock(golden, seed=seed)[0] == lock(golden)[0]


@pytest.mark.parametrize("seed", ["0", "4242"])
def test_hash_seed_changes_no_golden_lock(seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    words = [sys.executable, "-m", "tests.golden.machine_locks", "--check"]
    run = subprocess.run(words, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "", "")
