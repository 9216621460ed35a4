"""Runs of a fleet with real processes: what they write, what they do not do again, and what a killed worker costs."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resolver.errors import InputError
from resolver.fleet.journal import open_place
from resolver.fleet.pin_index import PinIndex, find_last_index
from resolver.fleet.run import FleetOptions, FleetProgress, FleetResult, lock_fleet
from resolver.fleet.worker import lock_task
from resolver.settings.settings import Settings
from tests.fleet.conftest import MACHINES, Fleet
from tests.servers import Answer, wheel

_CANARY = "canary-9f2e77"


def read_rows(fleet: Fleet) -> list[dict[str, Any]]:
    """The rows of the result."""
    return [json.loads(line) for line in (fleet.output / ".fleet" / "results.jsonl").read_text().splitlines()]


def read_states(fleet: Fleet) -> dict[str, str]:
    """The state of each list, whose rows all have one."""
    return {row["source"]: row["state"] for row in read_rows(fleet)}


def list_snapshots(fleet: Fleet) -> dict[str, str]:
    """The snapshot of each list that has another one than the first run."""
    state = json.loads((fleet.output / ".fleet" / "fleet.json").read_text())
    return {name.partition("/")[0]: snapshot for name, snapshot in state["moved"].items()}


def write_lists(fleet: Fleet) -> None:
    """Three lists, of which one has no solution."""
    fleet.write("a/requirements.txt", "web")
    fleet.write("b/requirements.txt", "log")
    fleet.write("c/requirements.txt", "web==7")


def test_run_locks_all_lists_and_a_repeated_one_does_nothing(fleet: Fleet) -> None:
    write_lists(fleet)

    first = lock_fleet(fleet.options())
    locks = fleet.read_locks()
    asked = len(fleet.server.log)
    second = lock_fleet(fleet.options())

    assert (first.sent, first.failed, first.exit_code) == (3, 2, 3)
    assert list(locks) == [f"{name}/pylock.{machine}.toml" for name in "ab" for machine in ("gpu-a100", "m")]
    assert first.summary["states"] == {"failed": 2, "new": 4}
    assert first.summary["causes"] == {"no-solution": 2}
    assert {row["error"]["where"] for row in read_rows(fleet) if row["error"]} == {"c/requirements.txt:2"}
    assert first.summary["projects"] == {"http": {"2.0": 2}, "log": {"1.0": 2}, "web": {"2.0": 2}}
    assert (second.sent, second.exit_code, len(fleet.server.log)) == (0, 3, asked)
    assert fleet.read_locks() == locks
    assert read_states(fleet) == {
        "a/requirements.txt": "unchanged",
        "b/requirements.txt": "unchanged",
        "c/requirements.txt": "failed",
    }
    with PinIndex(first.index) as index:
        assert [one.source for one in index.find_holders("web>1")] == ["a/requirements.txt"]


def test_only_what_can_have_changed_is_locked_again(fleet: Fleet) -> None:
    write_lists(fleet)
    lock_fleet(fleet.options())

    fleet.write("b/requirements.txt", "log", "http")
    edited = lock_fleet(fleet.options())
    assert edited.sent == 1
    assert lock_fleet(fleet.options(changed=True)).sent == 0
    fleet.server.add("web", wheel("web", "7"))
    moved = lock_fleet(fleet.options(changed=True))
    states = read_states(fleet)

    assert (moved.sent, moved.failed) == (2, 0)
    assert states["c/requirements.txt"] == "new"
    assert b'version = "2.0"' in fleet.read_locks()["a/pylock.m.toml"]
    assert lock_fleet(fleet.options(changed=True)).sent == 0
    assert lock_fleet(fleet.options()).sent == 0
    names = {"a": moved, "b": edited, "c": moved}
    assert list_snapshots(fleet) == {name: run.summary["run"]["name"] for name, run in names.items()}
    upgraded = lock_fleet(fleet.options(upgrade=True))
    assert (upgraded.sent, read_states(fleet)["a/requirements.txt"]) == (3, "changed")
    assert b'name = "web"\nversion = "7"' in fleet.read_locks()["a/pylock.m.toml"]


def test_named_snapshot_shows_the_indexes_as_they_were_and_any_other_run_as_they_are(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "web")
    lock_fleet(fleet.options(snapshot="before"))
    fleet.server.add("web", wheel("web", "7"))
    fleet.write("b/requirements.txt", "web")
    fleet.write("c/requirements.txt", "web", "log")

    (fleet.folder / "c/requirements.txt").rename(fleet.folder / "c/later.txt")
    assert lock_fleet(fleet.options(snapshot="before")).sent == 1
    (fleet.folder / "c/later.txt").rename(fleet.folder / "c/requirements.txt")
    assert lock_fleet(fleet.options()).sent == 1

    locks = fleet.read_locks()
    assert b'name = "web"\nversion = "2.0"' in locks["b/pylock.m.toml"]
    assert b'name = "web"\nversion = "7"' in locks["c/pylock.m.toml"]
    assert lock_fleet(fleet.options()).sent == 0
    assert lock_fleet(fleet.options(snapshot="before")).sent == 1


def test_lock_that_is_gone_is_made_again(fleet: Fleet) -> None:
    write_lists(fleet)
    lock_fleet(fleet.options())
    locks = fleet.read_locks()
    (fleet.output / "a/pylock.m.toml").unlink()

    assert lock_fleet(fleet.options()).sent == 1
    assert fleet.read_locks() == locks
    states = {row["lock"]: row["state"] for row in read_rows(fleet) if row["source"] == "a/requirements.txt"}
    assert states == {"a/pylock.m.toml": "new", "a/pylock.gpu-a100.toml": "unchanged"}


def test_list_that_left_the_manifest_leaves_the_index(fleet: Fleet) -> None:
    write_lists(fleet)
    lock_fleet(fleet.options())
    (fleet.folder / "a/requirements.txt").unlink()

    result = lock_fleet(fleet.options())

    assert sorted(read_states(fleet)) == ["b/requirements.txt", "c/requirements.txt"]
    with PinIndex(result.index) as index:
        assert index.find_holders("web") == []


def test_failed_request_is_tried_again(fleet: Fleet) -> None:
    write_lists(fleet)
    fleet.server.always["/simple/web/"] = Answer(status=403)
    first = lock_fleet(fleet.options())
    del fleet.server.always["/simple/web/"]
    second = lock_fleet(fleet.options())

    assert first.summary["causes"] == {"network": 4}
    assert (second.sent, second.summary["causes"]) == (2, {"no-solution": 2})
    assert second.summary["states"] == {"failed": 2, "new": 2, "unchanged": 2}


def test_killed_worker_loses_no_lock_and_changes_no_byte(fleet: Fleet) -> None:
    for number in range(12):
        fleet.write(f"list{number}/requirements.txt", "web", f"log<={number + 2}")
    killed: list[int] = []

    def kill(progress: FleetProgress) -> None:
        """Kill a worker after the third and the sixth list, whatever it does at that moment."""
        if progress.done in (3, 6) and len(killed) < progress.done // 3:
            killed.append(find_worker())
            os.kill(killed[-1], signal.SIGKILL)

    result = lock_fleet(fleet.options(scheduler=None, workers=2), observe=kill)
    found = fleet.read_locks()
    undisturbed = replace(fleet.worker, output=str(fleet.output / "again"))
    for task in fleet.build(machines=MACHINES).values():
        lock_task(task, undisturbed)

    assert len(killed) == 2
    assert (result.sent, result.failed, len(found)) == (12, 0, 24)
    assert found == fleet.read_locks(Path(undisturbed.output))


def test_bucket_for_locks_and_store_has_what_a_folder_has(fleet: Fleet, bucket: str) -> None:
    write_lists(fleet)
    lock_fleet(fleet.options())
    before = len(fleet.server.log)
    place = open_place(f"{bucket}/out")
    worker = replace(fleet.worker, cache=str(fleet.output / "other"), store=f"{bucket}/store")
    options = fleet.options(output=f"{bucket}/out", worker=worker, scheduler=None, workers=1)

    first = lock_fleet(options)
    asked = [request.path for request in fleet.server.log[before:] if request.path.startswith("/simple/")]
    second = lock_fleet(options)

    assert (first.sent, first.summary["states"], second.sent) == (3, {"failed": 2, "new": 4}, 0)
    assert {name: place.read(name) for name in fleet.read_locks()} == fleet.read_locks()
    assert sorted(asked) == sorted(set(asked))


def find_worker() -> int:
    """The process of a worker: a child of this one that Dask has started as one."""
    from distributed import default_client

    pids: dict[str, int] = default_client().run(os.getpid)  # type: ignore[no-untyped-call]  # Dask has no types.
    return min(pids.values())


def test_run_that_ended_early_is_continued_under_its_name(fleet: Fleet) -> None:
    write_lists(fleet)

    def interrupt(progress: FleetProgress) -> None:
        if progress.done == 1:
            raise KeyboardInterrupt

    lock_fleet(fleet.options())
    fleet.server.add("web", wheel("web", "7"))
    with pytest.raises(KeyboardInterrupt):
        lock_fleet(fleet.options(upgrade=True), observe=interrupt)
    begun = json.loads((fleet.output / ".fleet" / "fleet.json").read_text())
    with PinIndex(find_last_index()) as index:
        assert [one.source for one in index.find_holders("http")] == ["a/requirements.txt"]
    result = lock_fleet(fleet.options(upgrade=True))

    assert (begun["is_complete"], result.summary["run"]["name"]) == (False, begun["run"])
    assert result.sent < 3
    assert result.summary["states"] == {"changed": 2, "new": 2, "unchanged": 2}


def check_refused(options: FleetOptions) -> str:
    with pytest.raises(InputError) as caught:
        lock_fleet(options)
    return str(caught.value)


def test_missing_variable_is_found_before_anything_is_sent(fleet: Fleet) -> None:
    write_lists(fleet)
    fleet.write("d/requirements.txt", "--extra-index-url https://me:${GONE_TOKEN}@other.example/simple/", "web")

    assert check_refused(fleet.options()) == (
        "`${GONE_TOKEN}` has no value on 2 of 2 workers\n"
        "  named by `d/requirements.txt`\n"
        "  try: set `GONE_TOKEN` in the environment of the workers"
    )
    assert fleet.server.log == []


def test_python_that_no_list_states_is_found_before_anything_is_started(fleet: Fleet) -> None:
    write_lists(fleet)

    assert check_refused(fleet.options(arguments=Settings())).startswith("no Python version is set for 3 lists of `")
    assert not (fleet.output / ".fleet").exists()

    fleet.project.write("apps/a/.python-version", "3.11\n")
    assert lock_fleet(fleet.options(arguments=Settings())).summary["causes"] == {"input": 4}


def test_python_of_locks_is_kept_where_no_list_states_one(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "web")
    lock_fleet(fleet.options())

    assert lock_fleet(fleet.options(arguments=Settings())).summary["states"] == {"unchanged": 2}


def test_unknown_machine_type_is_found_before_anything_is_started(fleet: Fleet) -> None:
    write_lists(fleet)

    assert "unknown machine type `GPU-H1000`" in check_refused(fleet.options(machines=("GPU-H1000",)))
    assert not (fleet.output / ".fleet").exists()


def test_refused_list_is_a_row_of_the_result(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", f"--extra-index-url https://me:{_CANARY}@other.example/simple/", "web")
    fleet.write("b/requirements.txt", "log")

    result: FleetResult = lock_fleet(fleet.options())

    assert (result.sent, result.failed) == (1, 2)
    assert [row["cause"] for row in read_rows(fleet) if row["source"] == "a/requirements.txt"] == ["input"] * 2
    written = [path for path in (*fleet.output.rglob("*"), result.index) if path.is_file()]
    assert [path for path in written if _CANARY.encode() in path.read_bytes()] == []
