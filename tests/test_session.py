"""`resolver.Session`: many locks over one access, from threads, with ends of their own, in copies."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from lockfiles import dumps
from resolver import (
    Access,
    Cancellation,
    LockOutcome,
    LockTarget,
    Session,
    Settings,
    lock,
)
from resolver.errors import RunCancelledError, TargetError
from resolver.solve import NoSolutionError
from tests.command import Project
from tests.loopback import Answer
from tests.servers import wheel

GPUS = ("GPU-A100", "GPU-H100")


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("anyio", wheel("anyio", "4.3.0", ["idna"]), wheel("anyio", "4.4.0", ["idna"]))
    project.server.add("idna", wheel("idna", "3.7"))


def find_settings(project: Project) -> Settings:
    return Settings(index_url=project.server.index_url)


def lock_in(session: Session, project: Project, *requirements: str, cancellation: Cancellation | None = None) -> str:
    outcome = session.lock(
        list(requirements),
        python="3.11",
        settings=find_settings(project),
        folder=project.folder,
        cancellation=cancellation,
    )
    return dumps(outcome.lockfile)


def test_a_session_gives_the_lock_of_a_run_of_its_own(project: Project, tmp_path: Path) -> None:
    alone = lock(["anyio"], python="3.11", settings=find_settings(project), folder=project.folder)
    with Session(Access(cache_folder=tmp_path / "cache")) as session:
        assert lock_in(session, project, "anyio") == dumps(alone.lockfile)
        assert lock_in(session, project, "anyio") == dumps(alone.lockfile)


def test_many_targets_have_a_result_each_in_order(project: Project) -> None:
    targets = [
        LockTarget(python="3.11", machine_type="GPU-A100"),
        LockTarget(python="3.11", machine_type="GPU-NONE"),
        LockTarget(python="3.12"),
    ]
    with Session() as session:
        found = session.lock_many(["anyio"], targets, settings=find_settings(project), folder=project.folder)
        single = session.lock(["anyio"], python="3.12", settings=find_settings(project), folder=project.folder)
    assert [type(one) for one in found] == [LockOutcome, TargetError, LockOutcome]
    assert isinstance(found[2], LockOutcome)
    assert dumps(found[2].lockfile) == dumps(single.lockfile)


def test_one_list_reads_each_page_once_for_all_machine_types(project: Project) -> None:
    targets = [LockTarget(python="3.11", machine_type=name) for name in GPUS]
    with Session() as session:
        session.lock_many(["anyio"], targets, settings=find_settings(project), folder=project.folder)
    assert project.server.paths().count("/simple/anyio/") == 1


def test_a_copy_gives_the_same_lock(project: Project, tmp_path: Path) -> None:
    access = Access(cache_folder=tmp_path / "cache", announce=lambda line: None)
    with Session(access) as session:
        here = lock_in(session, project, "anyio")
        copy = pickle.loads(pickle.dumps(session))
    with copy:
        assert lock_in(copy, project, "anyio") == here


def test_a_session_with_a_transport_of_its_own_is_not_copied() -> None:
    class Nowhere:
        def handle_request(self, request: object, /) -> object:
            raise AssertionError(request)

        def close(self) -> None:
            pass

    with pytest.raises(TypeError, match="transport"):
        pickle.dumps(Session(Access(transport=Nowhere())))


def test_a_closed_session_locks_nothing(project: Project) -> None:
    session = Session()
    session.close()
    with pytest.raises(RunCancelledError):
        lock_in(session, project, "anyio")


def test_one_lock_is_cancelled_and_the_others_go_on(project: Project) -> None:
    cancelled = Cancellation()
    cancelled.cancel()
    with Session() as session:
        with pytest.raises(RunCancelledError):
            lock_in(session, project, "anyio", cancellation=cancelled)
        assert lock_in(session, project, "anyio")


def test_the_end_of_a_run_for_several_targets_is_raised(project: Project) -> None:
    for number in range(4):
        project.server.always[f"/simple/p{number}/"] = Answer(delay_s=60.0)
    targets = [LockTarget(python="3.11"), LockTarget(python="3.12")]
    settings = Settings(index_url=project.server.index_url)
    with Session() as session, pytest.raises(RunCancelledError) as caught:
        session.lock_many(
            [f"p{number}" for number in range(4)], targets, settings=settings, cancellation=Cancellation(after_s=0.3)
        )
    assert caught.value.is_overdue


@pytest.mark.parametrize("way", ["deadline", "cancel", "close"])
def test_the_end_of_a_lock_in_a_task_leaves_no_thread(project: Project, way: str) -> None:
    for number in range(20):
        project.server.always[f"/simple/p{number}/"] = Answer(delay_s=60.0)
    cancellation = Cancellation(after_s=0.5 if way == "deadline" else None)

    async def run() -> None:
        with Session() as session:
            names = [f"p{number}" for number in range(20)]
            work = asyncio.ensure_future(
                asyncio.to_thread(lock_in, session, project, *names, cancellation=cancellation)
            )
            while not project.server.open_requests:
                await asyncio.sleep(0.01)
            if way == "cancel":
                cancellation.cancel()
            elif way == "close":
                session.close()
            with pytest.raises(RunCancelledError):
                await work

    asyncio.run(run())
    ends_at = time.monotonic() + 1.0
    while (left := find_threads()) and time.monotonic() < ends_at:
        time.sleep(0.01)
    assert left == []


def find_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pinfold")]


def test_many_threads_share_a_session(project: Project, tmp_path: Path) -> None:
    project.server.latency_s = 0.02
    with Session(store=str(tmp_path / "store"), snapshot="monday") as session, ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda number: lock_in(session, project, "anyio"), range(16)))
    assert len(set(found)) == 1
    assert project.server.paths("/simple/").count("/simple/anyio/") == 1


def test_eight_locks_run_at_once(project: Project) -> None:
    for number in range(12):
        project.server.always[f"/simple/p{number}/"] = Answer(delay_s=60.0)
    with ThreadPoolExecutor(12) as pool:
        with Session() as session:
            work = [pool.submit(lock_in, session, project, f"p{number}") for number in range(12)]
            ends_at = time.monotonic() + 30.0
            while project.server.open_requests < 8 and time.monotonic() < ends_at:
                time.sleep(0.01)
            # One that waits for its turn ends at its own deadline.
            with pytest.raises(RunCancelledError):
                lock_in(session, project, "anyio", cancellation=Cancellation(after_s=0.2))
            assert project.server.open_requests == 8
        assert [type(one.exception()) for one in work] == [RunCancelledError] * 12


def test_what_a_session_keeps_in_memory_is_bounded(project: Project, tmp_path: Path) -> None:
    for number in range(60):
        project.server.add(f"p{number}", wheel(f"p{number}", "1.0"))
    limit_bytes = 20_000
    with Session(store=str(tmp_path), memory_limit_bytes=limit_bytes) as session:
        memory = session._memory
        assert memory is not None
        sizes = []
        for number in range(60):
            lock_in(session, project, f"p{number}")
            sizes.append(memory.size_bytes)
    assert limit_bytes / 2 < max(sizes) <= limit_bytes
    assert memory.size_bytes == 0


def fail_in_one(number: int) -> int:
    if number == 3:
        with Session() as session:
            session.lock(["--no-index", "absent"], python="3.11")
    return number


def test_an_error_costs_a_pool_one_task() -> None:
    with get_context("spawn").Pool(2) as pool:
        results = [pool.apply_async(fail_in_one, (number,)) for number in range(8)]
        for one in results:
            one.wait(60)
        assert [one.successful() for one in results] == [number != 3 for number in range(8)]
        with pytest.raises(NoSolutionError, match="absent"):
            results[3].get()


def test_a_cancellation_joins_others() -> None:
    first, second = Cancellation(), Cancellation(after_s=60)
    joined = Cancellation.join(first, second)
    joined.check()
    first.cancel()
    with pytest.raises(RunCancelledError) as caught:
        joined.check()
    assert not caught.value.is_overdue
    second.check()
    with pytest.raises(RunCancelledError):
        Cancellation.join(first).check()
    with pytest.raises(RunCancelledError, match=r"longer than 0 s"):
        Cancellation.join(second, Cancellation(after_s=0)).check()


def test_a_copy_of_a_cancellation_has_the_time_that_is_left() -> None:
    copied = pickle.loads(pickle.dumps(Cancellation(after_s=0)))
    with pytest.raises(RunCancelledError, match=r"longer than 0 s"):
        copied.check()
    pickle.loads(pickle.dumps(Cancellation(after_s=60))).check()
    pickle.loads(pickle.dumps(Cancellation())).check()
    cancelled = Cancellation()
    cancelled.cancel()
    with pytest.raises(RunCancelledError, match="cancelled"):
        pickle.loads(pickle.dumps(cancelled)).check()
