from __future__ import annotations

import threading

import pytest

from resolver.fetch.workers import Task, Workers

WAIT_S = 20.0


def test_task_runs_once_for_all_threads_that_need_it() -> None:
    runs: list[int] = []
    task = Task(lambda: runs.append(1))
    task.result()
    task.run()
    task.result()
    assert runs == [1]


def test_error_is_raised_each_time_the_result_is_needed() -> None:
    def fail() -> None:
        raise ValueError("no")

    task = Task(fail)
    task.run()
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            task.result()


def test_callback_comes_before_and_after_the_end() -> None:
    task = Task(lambda: 7)
    heard: list[int] = []
    task.then(lambda done: heard.append(done.result()))
    task.run()
    task.then(lambda done: heard.append(done.result()))
    assert heard == [7, 7]


def test_demand_does_a_queued_task_itself() -> None:
    workers, started, release = Workers(1), threading.Event(), threading.Event()

    def block() -> None:
        started.set()
        release.wait(WAIT_S)

    blocking: Task[None] = Task(block)
    workers.schedule(blocking)
    assert started.wait(WAIT_S)
    queued = workers.find_or_add("key", Task(threading.current_thread))
    workers.schedule(queued)
    assert queued.result() is threading.current_thread()
    release.set()
    blocking.result()
    workers.close(ValueError("closed"))
    assert workers.join(WAIT_S)


def test_scheduled_tasks_run_side_by_side() -> None:
    workers, meeting = Workers(4), threading.Barrier(4)
    tasks = [Task(lambda: meeting.wait(WAIT_S)) for _ in range(4)]
    for task in tasks:
        workers.schedule(task)
    # Each passes the barrier only if all four are under way at once, and gets another place at it.
    assert {task.result() for task in tasks} == {0, 1, 2, 3}
    workers.close(ValueError("closed"))
    assert workers.join(WAIT_S)


def test_cancelled_task_ends_with_the_error_of_the_closing() -> None:
    workers, started, release = Workers(1), threading.Event(), threading.Event()

    def block() -> None:
        started.set()
        release.wait(WAIT_S)

    workers.schedule(Task(block))
    assert started.wait(WAIT_S)
    queued: Task[int] = Task(lambda: 1)
    workers.schedule(queued)
    workers.close(ValueError("closed"))
    with pytest.raises(ValueError, match="closed"):
        queued.result()
    release.set()
    assert workers.join(WAIT_S)


def test_no_thread_starts_before_something_is_scheduled() -> None:
    before = threading.active_count()
    workers = Workers(4)
    assert workers.find_or_add("key", Task(lambda: 1)).result() == 1
    assert threading.active_count() == before
