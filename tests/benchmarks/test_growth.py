"""The made-up index that lists of growing length are locked from."""

from __future__ import annotations

from pathlib import Path

import pytest

import resolver
from benchmarks.growth import write_index, write_list
from benchmarks.replay_index import running_index
from benchmarks.replay_store import Store
from benchmarks.rounds import main
from resolver import Access, Settings


def test_a_longer_list_locks_its_projects_and_what_they_share(tmp_path: Path) -> None:
    write_index(Store(tmp_path / "store"), projects=220)
    counts = []
    with running_index(tmp_path / "store") as index:
        for size in (5, 20):
            lines = write_list(tmp_path, size).read_text(encoding="utf-8").splitlines()
            outcome = resolver.lock(lines, python="3.11", settings=Settings(index_url=index.url), access=Access())
            packages = outcome.lockfile.pylock.packages
            assert {line.partition(">")[0] for line in lines} < {package.name for package in packages}
            assert {f"{package.version}" for package in packages} == {"1.29"}
            counts.append(len(packages))
    assert counts[0] < counts[1]


def test_decisions_are_counted_beside_those_of_uv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_index(Store(tmp_path / "store"), projects=210)
    source = write_list(tmp_path, 5)

    assert main(["--store", str(tmp_path / "store"), str(source)]) == 0
    row = [int(cell) for cell in capsys.readouterr().out.splitlines()[-1].split("|")[2:5]]
    # Nothing collides here, so each pin is decided on once by both.
    assert row[1] == row[0] <= row[2]
