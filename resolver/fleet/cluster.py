"""The processes of a fleet: `dask.distributed` schedules, pinfold only sends tasks and counts.

In: tasks, and the address of a scheduler, or None for processes of this machine. Out: an `Outcome` for each task, or
the exception that ended it, in the order in which they end.

Scheduling, restarts and the choice of a worker are Dask's. A task whose worker dies is sent to another one; one that
has taken several workers with it ends with `KilledWorker`, which is the result of its list. Only a few tasks for each
thread are with the scheduler at a time, so its memory does not depend on the size of the fleet.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from itertools import islice
from typing import Any

from resolver.errors import FetchError, InputError
from resolver.fleet.tasks import FleetTask
from resolver.fleet.worker import Examination, Outcome, WorkerOptions, examine_worker, lock_task

__all__ = ["Client", "examine_workers", "open_client", "run_calls", "run_tasks"]

Client = Any
"""A `distributed.Client`: Dask has no types."""

_AHEAD = 3
"""Tasks with the scheduler for each thread: one at work, one that waits for it, one in between."""
_CONNECT_S = 30
_RECOUNT = 64
"""After this many tasks the threads are counted again: workers may join and leave."""
_LOCAL = {
    # One machine needs none of these, and each wakes every process many times a second.
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.work-stealing": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.worker.memory.monitor-interval": "1s",
}


@contextmanager
def open_client(scheduler: str | None, *, workers: int | None = None) -> Iterator[Client]:
    """A client of the scheduler at an address, or of `workers` processes that end with it, one for each processor.

    Raises InputError without `distributed`, FetchError for a scheduler that does not answer.
    """
    try:
        # Lazy: optional, and most of a second to import.
        dask, distributed = import_module("dask"), import_module("distributed")
    except ImportError as error:
        raise InputError("a fleet needs dask.distributed", remedy="`pip install pinfold[fleet]`") from error
    with ExitStack() as stack:
        logging.getLogger("distributed").setLevel(logging.ERROR)
        if scheduler is None:
            stack.enter_context(dask.config.set(_LOCAL))
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL
            )
            yield stack.enter_context(distributed.Client(stack.enter_context(cluster)))
            return
        try:
            client = distributed.Client(scheduler, timeout=_CONNECT_S)
        except (OSError, TimeoutError, ValueError) as error:
            raise FetchError(
                f"the scheduler does not answer within {_CONNECT_S} s",
                url=scheduler,
                remedy="`--scheduler tcp://HOST:8786`",
            ) from error
        yield stack.enter_context(client)


def examine_workers(client: Client, options: WorkerOptions, variables: Sequence[str]) -> Mapping[str, Examination]:
    """What each worker is and lacks, by its address. Raises InputError where there is no worker."""
    client.wait_for_workers(1, timeout=_CONNECT_S)
    found: Mapping[str, Examination] = client.run(examine_worker, options, tuple(variables))
    return found


def run_tasks(
    client: Client,
    tasks: Iterable[FleetTask],
    options: WorkerOptions,
    note: Callable[[FleetTask, Outcome | Exception], None],
) -> None:
    """Have all tasks done; `note` is called for each as it ends, in this thread. Raises FetchError without a scheduler.

    A task is sent under its key: two drivers of one scheduler that send the same task get one result.
    """
    calls = ((f"pinfold-{options.run}-{task.key}", task, (task, options)) for task in tasks)
    run_calls(client, lock_task, calls, note)


def run_calls(
    client: Client,
    call: Callable[..., Any],
    calls: Iterable[tuple[str, Any, tuple[Any, ...]]],
    note: Callable[[Any, Any], None],
) -> None:
    """Call a function on the workers, with a few calls ahead of them; each has a key, a subject and arguments.

    `note` gets the subject, and the result or the exception.
    """
    remaining = iter(calls)
    subjects: dict[str, Any] = {}
    waiting = import_module("distributed").as_completed()  # Lazy, as above.

    def send(count: int) -> None:
        for key, subject, arguments in islice(remaining, count):
            subjects[key] = subject
            waiting.add(client.submit(call, *arguments, key=key, pure=False))

    send(_find_window(client))
    for number, future in enumerate(waiting, 1):
        if future.status in ("lost", "pending"):
            waiting.add(future)  # The worker that had the result has died since: the call is made again.
            continue
        subject = subjects.pop(future.key)
        note(subject, _read_result(client, future))
        future.release()
        send(1 if number % _RECOUNT else max(1, _find_window(client) - len(subjects)))


def _read_result(client: Client, future: Any) -> Any:
    """The result of a call, or the exception that ended it. Raises FetchError without a scheduler."""
    try:
        if future.status != "cancelled":
            return future.result()
    except Exception as error:  # noqa: BLE001  (a call that fails is a result of its subject)
        if future.status != "cancelled":
            return error
    raise FetchError("the scheduler is gone", url=str(client.scheduler), remedy="run it again: what is done stays done")


def _find_window(client: Client) -> int:
    """How many tasks may be with the scheduler."""
    threads: int = sum(client.nthreads().values())
    return max(8, _AHEAD * threads)
