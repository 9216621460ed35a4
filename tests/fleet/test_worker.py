"""What a worker does with a task, in this process: the bytes of `lock`, errors as data, nothing of secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resolver.fleet.journal import DONE, FAILED, Journal, open_place
from resolver.fleet.tasks import identify_code
from resolver.fleet.worker import examine_worker, lock_task
from tests.fleet.conftest import MACHINES, Fleet
from tests.servers import Answer, wheel

_CANARY = "canary-9f2e77"


def read_result(fleet: Fleet, key: str, state: str = DONE) -> dict[str, Any]:
    """The result of a task in the journal."""
    found: dict[str, Any] = json.loads((fleet.output / ".fleet" / state / f"{key}.json").read_text())
    return found


def test_locks_have_the_bytes_that_lock_writes_beside_the_list(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "-r ../base.txt", "log")
    fleet.project.write("apps/base.txt", "web<2\n")
    fleet.project.write("apps/b/app.py", 'class Chat(App):\n    requirements = ["--index-url", "INDEX", "web"]\n')
    for task in fleet.build(machines=MACHINES).values():
        lock_task(task, fleet.worker)
    for name in ("a/requirements.txt", "b/app.py"):
        assert fleet.project.lock(f"apps/{name}", "-m", "GPU-A100", "-m", "M").code == 0

    assert sorted(fleet.read_locks()) == [
        "a/pylock.gpu-a100.toml",
        "a/pylock.m.toml",
        "b/pylock.app-gpu-a100.toml",
        "b/pylock.app-m.toml",
    ]
    assert fleet.read_locks() == fleet.read_locks(fleet.folder)


def test_result_has_rows_pins_and_evidence(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "web")
    task = fleet.build_one("a/requirements.txt", machines=MACHINES)

    outcome = lock_task(task, fleet.worker)

    assert (outcome.key, outcome.locked, outcome.failed, outcome.is_passing) == (task.key, 2, 0, False)
    result = read_result(fleet, task.key)
    rows = result["rows"]
    assert isinstance(rows, list)
    assert [(row["machine"], row["state"], row["lock"], row["pins"]) for row in rows] == [
        ("GPU-A100", "new", "a/pylock.gpu-a100.toml", 2),
        ("M", "new", "a/pylock.m.toml", 2),
    ]
    assert rows[0]["digest"].startswith("pinfold-v1:sha256:")
    assert result["pins"] == [
        ["http", "2.0", fleet.server.index_url, "http-2.0-py3-none-any.whl", rows_hash(fleet, "http")],
        ["web", "2.0", fleet.server.index_url, "web-2.0-py3-none-any.whl", rows_hash(fleet, "web")],
    ]
    pages = result["pages"]
    assert isinstance(pages, list)
    assert [(page[0], page[2]) for page in pages] == [
        (f"{fleet.server.index_url}http/", False),
        (f"{fleet.server.index_url}web/", False),
    ]


def rows_hash(fleet: Fleet, name: str) -> str:
    """The hash of the newest wheel of a project."""
    return fleet.server.projects[name][-1].listed_sha256


def test_old_locks_in_the_output_keep_their_pins_until_an_upgrade(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "web")
    task = fleet.build_one("a/requirements.txt")
    lock_task(task, fleet.worker)
    fleet.server.add("web", wheel("web", "3.0"))
    fleet.server.cache_control = "no-cache"

    lock_task(task.move("later"), replace(fleet.worker, refresh=True))
    kept = fleet.read_locks()["a/pylock.toml"]
    lock_task(task.move("later"), replace(fleet.worker, refresh=True, upgrade=True, run="second"))

    assert b'version = "2.0"' in kept
    assert b'version = "3.0"' in fleet.read_locks()["a/pylock.toml"]
    assert read_result(fleet, task.move("later").key)["rows"][0]["state"] == "changed"


def test_attempt_that_follows_a_killed_one_knows_what_the_locks_were_before(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "web")
    task = fleet.build_one("a/requirements.txt", machines=MACHINES)
    lock_task(task, fleet.worker)
    (fleet.output / ".fleet" / DONE / f"{task.key}.json").unlink()
    states = {"a/pylock.gpu-a100.toml": "changed", "a/pylock.m.toml": "unchanged"}
    Journal(open_place(str(fleet.output))).begin(task.key, fleet.worker.run, states)
    (fleet.output / "a/pylock.m.toml").unlink()

    lock_task(task, fleet.worker)
    assert [row["state"] for row in read_result(fleet, task.key)["rows"]] == ["changed", "unchanged"]
    assert sorted(fleet.read_locks()) == sorted(states)
    assert list((fleet.output / ".fleet" / "begun").iterdir()) == []
    lock_task(task, replace(fleet.worker, run="second"))
    assert [row["state"] for row in read_result(fleet, task.key)["rows"]] == ["unchanged", "unchanged"]


def test_lock_of_another_list_in_the_output_is_replaced_without_its_pins(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "web<2")
    lock_task(fleet.build_one("a/requirements.txt"), fleet.worker)
    path = fleet.project.write("apps/fleet.jsonl", '{"name": "a", "requirements": ["--index-url", "INDEX", "web"]}\n')
    fleet.folder = path

    lock_task(fleet.build_one("a"), fleet.worker)

    assert b'name = "web"\nversion = "2.0"' in fleet.read_locks()["a/pylock.toml"]


def test_list_without_a_solution_is_a_row_that_is_done(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "web==7")
    task = fleet.build_one("a/requirements.txt", machines=MACHINES)

    outcome = lock_task(task, fleet.worker)

    assert (outcome.locked, outcome.failed, outcome.is_passing) == (0, 2, False)
    rows = read_result(fleet, task.key)["rows"]
    assert isinstance(rows, list)
    assert [(row["state"], row["cause"], row["lock"]) for row in rows] == [("failed", "no-solution", None)] * 2
    assert "no version of `web`" in rows[0]["error"]["text"]
    assert "apps/a/requirements.txt:2" in rows[0]["error"]["text"] or "a/requirements.txt:2" in rows[0]["error"]["text"]
    assert fleet.read_locks() == {}


def test_failed_request_is_a_row_that_the_next_run_tries_again(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "web")
    fleet.server.always["/simple/web/"] = Answer(status=403)
    task = fleet.build_one("a/requirements.txt")

    outcome = lock_task(task, fleet.worker)

    assert (outcome.failed, outcome.is_passing) == (1, True)
    rows = read_result(fleet, task.key, FAILED)["rows"]
    assert isinstance(rows, list)
    assert rows[0]["cause"] == "network"


def test_one_machine_type_fails_and_the_others_are_locked(fleet: Fleet) -> None:
    fleet.server.add("gpuonly", wheel("gpuonly", "1.0", tags="cp311-cp311-manylinux_2_28_x86_64"))
    fleet.write("a/requirements.txt", "gpuonly")
    task = fleet.build_one("a/requirements.txt", machines=("M", "GPU-GH200"))

    lock_task(task, fleet.worker)

    rows = read_result(fleet, task.key)["rows"]
    assert isinstance(rows, list)
    assert {row["machine"]: row["state"] for row in rows} == {"M": "new", "GPU-GH200": "failed"}


def test_error_of_a_list_has_no_folder_of_the_worker(fleet: Fleet) -> None:
    fleet.write("a/requirements.txt", "-r gone.txt", "./folder")
    task = fleet.build_one("a/requirements.txt")

    lock_task(task, fleet.worker)

    text = json.dumps(read_result(fleet, task.key))
    assert "gone.txt" in text
    assert "pinfold-fleet-" not in text


def test_bug_is_a_row_without_the_text_of_the_exception(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.write("a/requirements.txt", "web")
    task = fleet.build_one("a/requirements.txt")
    broken = replace(task, files=((f"../{_CANARY}/\0", b""),))

    outcome = lock_task(broken, fleet.worker)

    assert (outcome.failed, outcome.is_passing) == (1, True)
    text = json.dumps(read_result(fleet, task.key, FAILED))
    assert "a bug in pinfold: ValueError in " in text
    assert _CANARY not in text


def test_variables_have_the_values_of_the_worker_and_nothing_written_has_them(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = fleet.server.base_url.removeprefix("http://")
    fleet.project.write("apps/a/requirements.txt", f"--index-url http://me:${{TOKEN}}@{host}/simple/\nweb\n")
    task = fleet.build_one("a/requirements.txt", allowed=(f"TOKEN={host}",))
    monkeypatch.setenv("TOKEN", _CANARY)

    lock_task(task, replace(fleet.worker, trusted_hosts=("127.0.0.1",)))

    assert list(fleet.read_locks()) == ["a/pylock.toml"]
    assert {request.login for request in fleet.server.log} == {f"me:{_CANARY}"}
    written = [path for path in Path(fleet.output).rglob("*") if path.is_file()]
    assert [path for path in written if _CANARY.encode() in path.read_bytes()] == []


def test_examination_tells_code_missing_variables_and_an_unusable_output(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THERE", "1")
    fleet.output.mkdir()
    (fleet.output / ".fleet").write_text("a file")

    found = examine_worker(fleet.worker, ("THERE", "GONE"))

    assert (found.code, found.missing) == (identify_code(), ("GONE",))
    assert found.fault.endswith("cannot be read: not a directory")
