"""What a session saves: machine types of one list, workers with one store, unchanged lists, and a task that fails.

    python -m benchmarks.sessions --store STORE
    python -m benchmarks.sessions --store STORE --address redis://127.0.0.1:6379 --runs 5

STORE is a folder of recorded answers (`benchmarks.replay_index`); `--address` is what the workers share, a new folder
by default; a Redis database is emptied. Shares and counts, not wall time: each figure is the processor time or number
of requests of one way of working, in that of another one, over the same lists, in turns. Every worker is a process that
has made one small lock before.
Exits with 1 where a figure is beyond its goal.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from benchmarks.compare import CUT_OFF, ROOT, describe_machine
from benchmarks.replay_index import RunningIndex, running_index
from lockfiles import dumps
from lockfiles._files import hash_bytes
from resolver import Access, LockTarget, PinfoldError, Session, Settings

__all__ = ["count_lost_tasks", "main"]

LISTS = ("diffusion", "comfy", "boto", "langchain", "sphinx", "tensorflow", "vllm", "xformers")
MACHINES = ("GPU-T4", "GPU-A100", "GPU-H100", "GPU-B200")
TASKS = 97
_WARM_UP = ("idna",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A share or count, and the most that it may be."""

    name: str
    value: float
    goal: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One list for some machine types; None is no machine type."""

    requirements: tuple[str, ...]
    machines: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a worker opens its session with."""

    index_url: str
    address: str
    snapshot: str | None = None

    def open(self) -> Session:
        return Session(Access(), store=self.address, snapshot=self.snapshot)


_SESSIONS: dict[Setup, Session] = {}
"""The sessions that this worker holds open."""


def main(arguments: list[str] | None = None) -> int:
    """Print a table; 1 if a figure is beyond its goal."""
    options = _parse_arguments(arguments)
    print(describe_machine())
    names = options.lists.split(",")
    print(f"median of {options.runs} runs; lists {', '.join(names)}; store {options.address or 'a folder'}")
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(options, Path(folder), names)
        is_good = [
            _print(figure)
            for figure in chain(bench.compare_types(), bench.compare_workers(), bench.count_requests(), _iter_lost())
        ]
    return 0 if all(is_good) else 1


def _print(figure: Figure) -> bool:
    """Print a figure; whether it is within its goal."""
    is_good = figure.value <= figure.goal
    print(f"{figure.name:<52} {figure.value:6.3f}  goal {figure.goal:g}{'' if is_good else '  beyond'}", flush=True)
    return is_good


def _iter_lost() -> Iterator[Figure]:
    for name, lost in count_lost_tasks():
        yield Figure(name=f"tasks of {TASKS} lost to one error, {name}", value=lost, goal=1)


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sessions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", type=Path, required=True, help="folder of recorded answers")
    parser.add_argument("--address", default="", help="the store of the workers")
    parser.add_argument("--lists", default=",".join(LISTS), help="names in benchmarks/lists")
    parser.add_argument("--runs", type=int, default=3)
    return parser.parse_args(arguments)


class _Bench:
    """The figures that a replay index gives."""

    def __init__(self, options: argparse.Namespace, folder: Path, names: Sequence[str]) -> None:
        self._options = options
        self._folder = folder
        self._lists = [_read_list(ROOT / f"benchmarks/lists/{name}.txt") for name in names]

    def compare_types(self) -> Iterator[Figure]:
        """Four machine types of one list: against four sessions, and unchanged against new."""
        many = Task(requirements=self._lists[0], machines=MACHINES)
        single = [Task(requirements=self._lists[0], machines=(one,)) for one in MACHINES]
        shares, unchanged = [], []
        with self._index() as index:
            for _ in range(self._options.runs):
                apart = [self._work([task], self._set_up(index), workers=1) for task in single]
                setup = self._set_up(index)
                together, again = (self._work([many], setup, workers=1) for _ in range(2))
                one = self._set_up(index)
                full, relock = (self._work(single[:1], one, workers=1) for _ in range(2))
                shares.append(together / sum(apart))
                unchanged.append(relock / full)
                assert again < together
        yield Figure(name="four types / four single runs, CPU", value=statistics.median(shares), goal=0.35)
        yield Figure(name="unchanged relock for a type / a full one, CPU", value=statistics.median(unchanged), goal=0.2)

    def compare_workers(self) -> Iterator[Figure]:
        """Two workers that share a snapshot, against one."""
        shares = []
        with self._index() as index:
            for _ in range(self._options.runs):
                one, two = (
                    self._work(self._list_tasks(), self._set_up(index, snapshot="new"), workers=count)
                    for count in (1, 2)
                )
                shares.append(two / one)
        yield Figure(name="worker CPU, two workers / one", value=statistics.median(shares), goal=1.05)

    def count_requests(self) -> Iterator[Figure]:
        """The requests of two workers for pages, of which the store has none, or only stale ones."""
        with self._index(max_age_s=0) as index:
            setup = self._set_up(index)
            for kind, snapshot in (("empty store", "first"), ("stale pages", "second")):
                index.fetch_stats(reset=True)
                self._work(self._list_tasks(), replace(setup, snapshot=snapshot), workers=2)
                yield Figure(name=f"requests / pages, two workers, {kind}", value=_count_pages(index), goal=1.05)

    def _list_tasks(self) -> list[Task]:
        """Each list for machines that have no GPU and for one that has, as tasks of their own."""
        machines = ((None,), ("GPU-A100",))
        return [Task(requirements=one, machines=two) for two in machines for one in self._lists]

    def _work(self, tasks: Sequence[Task], setup: Setup, *, workers: int) -> float:
        """The processor time of workers in seconds, without their start."""
        with _open_pool(workers, setup) as pool:
            return sum(pool.map(partial(_lock, setup=setup), tasks))

    @contextmanager
    def _index(self, *, max_age_s: int = 600) -> Iterator[RunningIndex]:
        with running_index(self._options.store, max_age_s=max_age_s) as index:
            yield index

    def _set_up(self, index: RunningIndex, *, snapshot: str | None = None) -> Setup:
        """A setup whose store has nothing: a new folder, or new names of snapshots and of the index."""
        unique = uuid.uuid4().hex[:8]
        if not self._options.address:
            folder = self._folder / unique
            return Setup(index_url=index.url, address=str(folder), snapshot=snapshot)
        _flush(self._options.address)
        return Setup(index_url=index.url, address=self._options.address, snapshot=snapshot)


def _flush(address: str) -> None:
    """Empty the database of a Redis address."""
    import redis

    redis.Redis.from_url(address).flushdb()


def _read_list(path: Path) -> tuple[str, ...]:
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


@contextmanager
def _open_pool(workers: int, setup: Setup) -> Iterator[Executor]:
    """Workers in processes of their own, which hold their session open."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(setup,)) as pool:
        yield pool


def _begin(setup: Setup) -> None:
    """Import what a lock needs, with a store that is used for nothing else."""
    folder = tempfile.mkdtemp()
    try:
        warm_up = Setup(index_url=setup.index_url, address=folder, snapshot=setup.snapshot and "warm-up")
        for machines in ((None,), MACHINES[:1]):
            _lock(Task(requirements=_WARM_UP, machines=machines), setup=warm_up)
    finally:
        shutil.rmtree(folder)


def _lock(task: Task, *, setup: Setup) -> float:
    """The processor time of one task."""
    session = _SESSIONS.get(setup) or _SESSIONS.setdefault(setup, setup.open())
    settings = Settings(index_url=setup.index_url, exclude_newer=CUT_OFF, only_binary=(":all:",))
    targets = [LockTarget(python="3.11", machine_type=one) for one in task.machines]
    began = time.process_time()
    results = session.lock_many(task.requirements, targets, settings=settings)
    taken = time.process_time() - began
    for result in results:
        if isinstance(result, PinfoldError):
            raise result
        hash_bytes(dumps(result.lockfile).encode())
    return taken


def _count_pages(index: RunningIndex) -> float:
    """The requests for pages since the last reset, in the number of pages that were requested."""
    pages = [line.split()[1] for line in index.fetch_log() if line.startswith("GET /simple/")]
    return len(pages) / len(set(pages))


def count_lost_tasks(tasks: int = TASKS) -> Iterator[tuple[str, int]]:
    """For each kind of pool, how many of its tasks have no result where one raises an error of this library."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        futures = [executor.submit(_fail_in_one, number) for number in range(tasks)]
        yield "process pool", sum(future.exception() is not None for future in futures)
    with context.Pool(2) as pool:
        waiting = [pool.apply_async(_fail_in_one, (number,)) for number in range(tasks)]
        for one in waiting:
            one.wait(60)
        yield "multiprocessing", sum(not (one.ready() and one.successful()) for one in waiting)
    # Lazy: it takes longer to import than all else here.
    from dask.distributed import Client

    with Client(  # type: ignore[no-untyped-call]  # it has no annotations
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL
    ) as client:
        sent = client.map(_fail_in_one, range(tasks), pure=False)
        yield "dask", sum(future.exception() is not None for future in sent)


def _fail_in_one(number: int) -> str:
    """A task; that of number 7 has a list without a solution, so it raises ResolutionError."""
    with tempfile.TemporaryDirectory() as folder:
        links = f"--find-links {Path(folder).as_uri()}"
        items = ["--no-index", links] if number != 7 else ["--no-index", links, "absent>=1"]
        with Session() as session:
            return dumps(session.lock(items, python="3.11", folder=Path(folder)).lockfile)


if __name__ == "__main__":
    sys.exit(main())
