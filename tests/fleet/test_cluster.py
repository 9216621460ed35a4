"""Calls to real worker processes: what several in one call cost, and whose error a killed worker is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest

from resolver.errors import FetchError, InputError
from resolver.fleet.cluster import Call, examine_workers, open_client, run_calls, run_tasks
from resolver.fleet.tasks import FleetTask
from resolver.fleet.worker import Outcome, WorkerOptions
from tests.fleet.conftest import Fleet

_AT_ONCE = 2
"""Lists in a call, where there are 32 such calls for two threads."""


def double(number: int) -> int:
    """A call: 7 is an error, 8 is the end of the process."""
    if number == 7:
        raise ValueError(number)
    if number == 8:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def call(number: int) -> Call:
    return f"double-{number}", number, (number,)


def test_each_call_has_a_result_and_a_note_may_add_calls(scheduler: str) -> None:
    found: dict[int, Any] = {}
    calls = deque(map(call, range(6)))

    def note(number: int, result: Any) -> None:
        found[number] = result
        if number == 3:
            calls.append(call(20))

    with open_client(scheduler) as client:
        run_calls(client, double, calls, note)

    assert found == {0: 0, 1: 2, 2: 4, 3: 6, 4: 8, 5: 10, 20: 40}


def test_tasks_of_a_call_that_fails_are_sent_again_one_by_one(fleet: Fleet, scheduler: str) -> None:
    for number in range(32 * _AT_ONCE):
        fleet.write(f"list{number:02}/requirements.txt", "log")
    tasks = [task for task in fleet.build().values() if isinstance(task, FleetTask)]
    # The result of the last list of the first call can neither be read nor written: its name is that of a folder.
    (fleet.output / ".fleet" / "done" / f"{tasks[_AT_ONCE - 1].key}.json").mkdir(parents=True)
    found: list[tuple[str, Outcome | Exception]] = []

    with open_client(scheduler) as client:
        assert sum(client.nthreads().values()) == 2
        run_tasks(client, tasks, fleet.worker, lambda task, outcome: found.append((task.name, outcome)))

    assert sorted(name for name, _ in found) == [task.name for task in tasks]
    failed = [(name, type(outcome).__name__) for name, outcome in found if isinstance(outcome, Exception)]
    assert failed == [(tasks[_AT_ONCE - 1].name, "InputError")]
    # Those before it were done, and are not done again.
    repeated = [name for name, one in found if isinstance(one, Outcome) and not one.cpu_s]
    assert sorted(repeated) == [task.name for task in tasks[: _AT_ONCE - 1]]


def test_error_or_killed_worker_is_the_result_of_its_call_alone(scheduler: str) -> None:
    found: dict[int, Any] = {}
    with open_client(scheduler) as client:
        run_calls(client, double, deque(map(call, (6, 7, 8, 9))), found.__setitem__)

    assert (found.pop(6), found.pop(9)) == (12, 18)
    assert {number: type(error).__name__ for number, error in found.items()} == {7: "ValueError", 8: "KilledWorker"}


def test_scheduler_without_workers_is_refused(fleet: Fleet) -> None:
    with open_client(None, workers=1) as client:
        client.cluster.scale(0)
        while client.nthreads():
            time.sleep(0.05)
        with pytest.raises(InputError, match=r"the scheduler has had no worker for 0\.2 s"):
            examine_workers(client, fleet.worker, (), timeout_s=0.2)


def test_worker_that_cannot_run_pinfold_has_a_fault_and_one_that_dies_has_none(fleet: Fleet, scheduler: str) -> None:
    # The name of a function that no worker has, and one that ends the process in which it is read.
    class Absent:
        def __reduce__(self) -> tuple[object, ...]:
            return (import_module, ("resolver.absent",))

    class Deadly:
        def __reduce__(self) -> tuple[object, ...]:
            return (os._exit, (1,))

    with open_client(scheduler) as client:
        client.wait_for_workers(2)  # An earlier test has killed one, which starts again.
        absent = examine_workers(client, cast("WorkerOptions", Absent()), ())
        assert {one.fault for one in absent.values()} <= {
            "it cannot run pinfold (ModuleNotFoundError)",
            "it cannot run pinfold (Exception)",
        }
        assert len(absent) == 2
        assert examine_workers(client, cast("WorkerOptions", Deadly()), ()) == {}


def test_scheduler_that_dies_ends_the_run(tmp_path: Path) -> None:
    where = tmp_path / "scheduler.json"
    script = "import sys; from distributed.cli import dask_{0}; dask_{0}.main(sys.argv[1:])"
    words = ["--scheduler-file", str(where)]
    with ExitStack() as stack:
        scheduler, worker = (
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", script.format(name), *words, *more],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            for name, more in (
                ("scheduler", ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]),
                ("worker", ["--nthreads", "1", "--no-nanny", "--no-dashboard"]),
            )
        )
        stack.callback(worker.kill)
        stack.callback(scheduler.kill)
        while not where.exists() or not where.read_bytes():
            time.sleep(0.05)
        with open_client(json.loads(where.read_bytes())["address"]) as client:
            client.wait_for_workers(1)
            with pytest.raises(FetchError, match="the scheduler is gone"):
                run_calls(client, double, deque(map(call, range(20, 40))), lambda _, __: scheduler.kill())


def test_scheduler_that_does_not_answer_is_an_error() -> None:
    with (
        pytest.raises(FetchError, match=r"the scheduler does not answer within 0\.2 s"),
        open_client("tcp://127.0.0.1:9", timeout_s=0.2),
    ):
        pass
