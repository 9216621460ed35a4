"""The processes of a fleet: `dask.distributed` schedules, pinfold only sends tasks and counts.

In: tasks, and the address of a scheduler, or None for processes of this machine. Out: an `Outcome` for each task, or
the exception that ended it, in the order in which they end.

Scheduling, restarts and the choice of a worker are Dask's. A task whose worker dies is sent to another one; one that
has taken several workers with it ends with `KilledWorker`, which is the result of its list. Only a few calls for each
thread are with the scheduler at a time, so its memory does not depend on the size of the fleet.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

from resolver.errors import FetchError, InputError
from resolver.fleet.tasks import FleetTask, identify_code
from resolver.fleet.worker import Examination, Outcome, WorkerOptions, examine_worker, lock_tasks

__all__ = ["Call", "Client", "examine_workers", "open_client", "run_calls", "run_tasks"]

Client = Any
"""A `distributed.Client`: Dask has no types."""

Call = tuple[str, Any, tuple[Any, ...]]
"""The key of a call, its subject, and the arguments."""

_AHEAD = 3
"""Calls with the scheduler for each thread: one at work, one that waits for it, one in between."""
_MOST_AT_ONCE = 16
"""Tasks in one call: more save little, and lose more with a worker."""
_CALLS_FOR_A_THREAD = 16
"""Calls for each thread, if there are enough tasks: with fewer the last ones keep a few threads busy alone."""
_CONNECT_S = 30
_RECOUNT = 64
"""After this many calls the threads are counted again: workers may join and leave."""
_LOCAL = {
    # One machine needs none of these, and each wakes every process many times a second.
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.work-stealing": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.memory.monitor-interval": "1s",
}


@contextmanager
def open_client(
    scheduler: str | None, *, workers: int | None = None, timeout_s: float = _CONNECT_S
) -> Iterator[Client]:
    """A client of the scheduler at an address, or of `workers` processes that end with it, one for each processor.

    Local processes are started by `spawn`, which imports the main module of the program: a script that calls this needs
    `if __name__ == "__main__"`. They listen on the loopback interface.

    Raises InputError without `distributed`, FetchError for a scheduler that does not answer.
    """
    try:
        # Lazy: optional, and most of a second to import.
        dask, distributed = import_module("dask"), import_module("distributed")
    except ImportError as error:
        raise InputError(
            "a fleet needs dask.distributed", remedy="`pip install '.[fleet]'` in a clone of pinfold"
        ) from error
    with ExitStack() as stack:
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        if scheduler is None:
            stack.enter_context(dask.config.set(_LOCAL))
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
            )
            yield stack.enter_context(distributed.Client(stack.enter_context(cluster)))
            return
        try:
            client = distributed.Client(scheduler, timeout=timeout_s)
        except (OSError, TimeoutError, ValueError) as error:
            raise FetchError(
                f"the scheduler does not answer within {timeout_s:g} s",
                url=scheduler,
                remedy="`--scheduler tcp://HOST:8786`",
            ) from error
        yield stack.enter_context(client)


def examine_workers(
    client: Client, options: WorkerOptions, variables: Sequence[str], *, timeout_s: float = _CONNECT_S
) -> Mapping[str, Examination]:
    """What each worker is and lacks, by its address. A worker that dies meanwhile is left out: it starts again.

    Raises InputError where there is no worker, FetchError without a scheduler.
    """
    try:
        client.wait_for_workers(1, timeout=timeout_s)
    except TimeoutError as error:
        raise InputError(
            f"the scheduler has had no worker for {timeout_s:g} s", remedy="`dask worker ADDRESS --nthreads 1`"
        ) from error
    try:
        found = client.run(examine_worker, options, tuple(variables), on_error="return")
    except OSError as error:
        raise _build_gone(client) from error
    return {
        address: one if isinstance(one, Examination) else _build_unusable(one)
        for address, one in found.items()
        if not isinstance(one, OSError)
    }


def _build_unusable(error: Exception) -> Examination:
    """The examination of a worker that cannot even be examined, as one without pinfold."""
    return Examination(code=identify_code(), missing=(), fault=f"it cannot run pinfold ({type(error).__name__})")


def run_tasks(
    client: Client,
    tasks: Sequence[FleetTask],
    options: WorkerOptions,
    note: Callable[[FleetTask, Outcome | Exception], None],
) -> None:
    """Have all tasks done; `note` is called for each as it ends, in this thread. Raises FetchError without a scheduler.

    Several short tasks are sent as one call, which takes scheduler and driver less time; those of a call that fails are
    sent again one by one, so that an error is that of one list. Two drivers that send the same call get one result.
    """
    size = min(_MOST_AT_ONCE, max(1, len(tasks) // (_CALLS_FOR_A_THREAD * _count_threads(client))))
    calls = deque(_build_call(tasks[at : at + size], options) for at in range(0, len(tasks), size))

    def note_call(sent: Sequence[FleetTask], found: tuple[Outcome, ...] | Exception) -> None:
        if not isinstance(found, Exception):
            for task, outcome in zip(sent, found, strict=True):
                note(task, outcome)
        elif len(sent) > 1:
            calls.extend(_build_call((task,), options) for task in sent)
        else:
            note(sent[0], found)

    run_calls(client, lock_tasks, calls, note_call)


def _build_call(tasks: Sequence[FleetTask], options: WorkerOptions) -> Call:
    """The call for some tasks."""
    return f"pinfold-{options.run}-{len(tasks)}-{tasks[0].key}", tasks, (tuple(tasks), options)


def run_calls(
    client: Client, function: Callable[..., Any], calls: deque[Call], note: Callable[[Any, Any], None]
) -> None:
    """Call a function on the workers, with a few calls ahead of them. `note` may add calls.

    `note` gets the subject of each, and its result or exception. Raises FetchError without a scheduler.
    """
    subjects: dict[str, Any] = {}
    waiting = import_module("distributed").as_completed()  # Lazy, as above.

    def send(count: int) -> None:
        for _ in range(min(count, len(calls))):
            key, subject, arguments = calls.popleft()
            subjects[key] = subject
            waiting.add(client.submit(function, *arguments, key=key, pure=False))

    try:
        send(_find_window(client))
        for number, future in enumerate(waiting, 1):
            if future.status in ("lost", "pending"):
                waiting.add(future)  # The worker that had the result has died since: the call is made again.
                continue
            subject = subjects.pop(future.key)
            note(subject, _read_result(client, future))
            future.release()
            send(1 if number % _RECOUNT else max(1, _find_window(client) - len(subjects)))
    except (OSError, RuntimeError, ValueError, TimeoutError) as error:
        if client.status == "running":
            raise
        raise _build_gone(client) from error


def _read_result(client: Client, future: Any) -> Any:
    """The result of a call, or the exception that ended it. Raises FetchError without a scheduler.

    Dask cancels all futures of a client that has lost its scheduler.
    """
    try:
        if future.status != "cancelled":
            return future.result()
    except Exception as error:  # noqa: BLE001  (a call that fails is a result of its subject)
        if future.status != "cancelled":
            return error
    raise _build_gone(client)


def _build_gone(client: Client) -> FetchError:
    """The error of a run whose scheduler has died, or cannot be reached any more."""
    address = getattr(client.scheduler, "address", "")
    return FetchError("the scheduler is gone", url=str(address), remedy="run it again: what is done stays done")


def _find_window(client: Client) -> int:
    """How many calls may be with the scheduler."""
    return max(8, _AHEAD * _count_threads(client))


def _count_threads(client: Client) -> int:
    """The threads of all workers; 1 while there is none."""
    threads: int = sum(client.nthreads().values())
    return max(1, threads)
