"""What a fleet costs and survives: real Dask processes, a real Redis, a made-up index and made-up lists.

    python -m benchmarks.fleet_run share --lists 400     # processor time of driver, scheduler and workers
    python -m benchmarks.fleet_run share --lists 48 --store STORE   # the same with variants of real lists
    python -m benchmarks.fleet_run memory --lists 2000   # the memory of each process over the run
    python -m benchmarks.fleet_run kills --kills 100     # workers, drivers and Redis servers that are killed
    python -m benchmarks.fleet_run which                 # a query over 80,000 locks with 2.7 million pins
    python -m benchmarks.fleet_run simulate share.json   # 10,000 lists for 8 machine types on 64 workers

STORE is a folder of recorded answers (`benchmarks.replay_index`). Each prints its figures as JSON. All lists are locked
for four machine types. Scheduler, workers, Redis, index and driver are processes of their own, so the time of each is
its own; the time of workers begins before their first task, so it has their imports. A driver takes most of a second
to start, which counts: `share` with few lists shows that alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # It has no types.

from benchmarks.compare import CUT_OFF
from benchmarks.fleet_index import write_lists, write_variants
from benchmarks.replay_index import RunningIndex, running_index
from benchmarks.sessions import LISTS, MACHINES
from benchmarks.tls_front import free_port

__all__ = ["main", "simulate"]

_ROOT = Path(__file__).resolve().parent.parent
_PROJECTS = 240
_IDLE_S = 10.0
_DRIVER_START_S = 0.6
"""The processor time of a driver with a few lists: Python, Dask, the connection."""
_LOCK = Path(sys.executable).with_name("lock")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="fleet_run", description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["share", "memory", "kills", "which", "simulate"])
    parser.add_argument("figures", nargs="?", type=Path, help="what `share` has printed")
    parser.add_argument("--store", type=Path, help="recorded answers, for real lists")
    parser.add_argument("--lists", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="fleet-run-") as folder:
        work = Path(folder)
        match options.what:
            case "share":
                found = measure_share(work, options.lists, options.store)
            case "memory":
                found = measure_memory(work, options.lists)
            case "kills":
                found = measure_kills(work, options.lists, kills=options.kills, seed=options.seed)
            case "which":
                found = measure_which(work)
            case _:
                found = simulate(json.loads(options.figures.read_text(encoding="utf-8")))
    print(json.dumps(found, indent=1))
    return 1 if found.get("lost") or found.get("differing") else 0


@dataclass(slots=True)
class _Fleet:
    """The processes of a fleet, and where it lies on the disk."""

    work: Path
    count_requests: Callable[[], dict[str, int]]
    redis: subprocess.Popen[bytes]
    redis_port: int
    scheduler: subprocess.Popen[bytes]
    address: str
    settings: tuple[str, ...] = ()
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def command(self, output: str) -> list[str]:
        """The command of the driver."""
        words = [str(_LOCK), "fleet", str(self.work / "apps"), "-o", str(self.work / output), "--python", "3.11", "-q"]
        words += ["--scheduler", self.address, "--store", f"redis://127.0.0.1:{self.redis_port}/0"]
        words += ["--cache-dir", str(self.work / "cache"), "--index", str(self.work / f"{output}.sqlite")]
        return [*words, *self.settings, *(word for machine in MACHINES for word in ("-m", machine))]

    def drive(self, output: str) -> subprocess.Popen[bytes]:
        """Start the driver."""
        environment = {**os.environ, "XDG_STATE_HOME": str(self.work / "state")}
        return subprocess.Popen(self.command(output), env=environment, stdout=subprocess.DEVNULL)

    def find_workers(self) -> list[psutil.Process]:
        """The processes that lock: the children of the nannies that start them again."""
        nannies = [psutil.Process(one.pid) for one in self.workers if one.poll() is None]
        children = [child for nanny in nannies for child in nanny.children()]
        return [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]

    def restart_redis(self) -> None:
        """Start Redis again, which has lost all that it had."""
        self.redis = _start_redis(self.work, self.redis_port)


@contextmanager
def running_fleet(work: Path, lists: int, *, workers: int, store: Path | None = None) -> Iterator[_Fleet]:
    """All processes but the driver, with the lists written: made-up ones, or variants of real ones with a store."""
    with ExitStack() as stack:
        settings: tuple[str, ...] = ()
        if store is None:
            url, count_requests = stack.enter_context(_running_index())
            write_lists(work / "apps", lists, index_url=url, projects=_PROJECTS)
        else:
            index = stack.enter_context(running_index(store))
            write_variants(work / "apps", lists, index_url=index.url, names=LISTS)
            settings = ("--exclude-newer", CUT_OFF, "--only-binary", ":all:")
            count_requests = partial(_count_requests, index)
        port, scheduler_port = free_port(), free_port()
        scheduler = _start_dask("scheduler", "--port", str(scheduler_port), "--dashboard-address", "127.0.0.1:0")
        stack.callback(_stop, scheduler)
        fleet = _Fleet(
            work=work,
            count_requests=count_requests,
            redis=_start_redis(work, port),
            redis_port=port,
            scheduler=scheduler,
            address=f"tcp://127.0.0.1:{scheduler_port}",
            settings=settings,
        )
        stack.callback(lambda: _stop(fleet.redis))
        for _ in range(workers):
            words = ["worker", fleet.address, "--nthreads", "1", "--no-dashboard", "--memory-limit", "0"]
            fleet.workers.append(_start_dask(*words))
            stack.callback(_stop, fleet.workers[-1])
        _wait_until(lambda: len(fleet.find_workers()) == workers)
        yield fleet


@contextmanager
def _running_index() -> Iterator[tuple[str, Callable[[], dict[str, int]]]]:
    """The made-up index in a process of its own: its URL, and what counts its requests."""
    words = [sys.executable, "-m", "benchmarks.fleet_index", "--projects", str(_PROJECTS)]
    index = subprocess.Popen(words, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    reader, writer = index.stdout, index.stdin
    assert reader is not None and writer is not None

    def count_requests() -> dict[str, int]:
        writer.write("\n")
        writer.flush()
        counts: dict[str, int] = json.loads(reader.readline())
        return counts

    try:
        yield reader.readline().strip(), count_requests
    finally:
        _stop(index)


def _count_requests(index: RunningIndex) -> dict[str, int]:
    """The requests that a replay index has had for pages."""
    pages = [line.split()[1] for line in index.fetch_log() if line.startswith("GET /simple/")]
    return {"pages": len(pages), "distinct_pages": len(set(pages))}


def measure_share(work: Path, lists: int, store: Path | None = None) -> dict[str, Any]:
    """Processor time of driver, scheduler and workers for the same lists, with one worker and with two."""
    found: dict[str, Any] = {"lists": lists, "machines": len(MACHINES)}
    for workers in (1, 2):
        with running_fleet(work / str(workers), lists, workers=workers, store=store) as fleet:
            processes, scheduler = fleet.find_workers(), psutil.Process(fleet.scheduler.pid)
            redis = psutil.Process(fleet.redis.pid)
            idle = _read_cpu_s(scheduler)
            time.sleep(_IDLE_S)
            found["scheduler_idle_share"] = round((_read_cpu_s(scheduler) - idle) / _IDLE_S, 4)
            before = [_read_cpu_s(one) for one in processes]
            other = _read_cpu_s(scheduler)
            began = time.monotonic()
            driver = fleet.drive("out")
            _, status, usage = os.wait4(driver.pid, 0)
            driver.returncode = os.waitstatus_to_exitcode(status)
            counts = fleet.count_requests()
            found[f"workers_{workers}"] = {
                "exit_code": driver.returncode,
                "seconds": round(time.monotonic() - began, 1),
                "driver_cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
                "scheduler_cpu_s": round(_read_cpu_s(scheduler) - other, 2),
                "worker_cpu_s": round(sum(map(_read_cpu_s, processes)) - sum(before), 2),
                "redis_cpu_s": round(_read_cpu_s(redis), 2),
                "redis_bytes": redis.memory_info().rss,
                "requests_of_pages_by_pages": round(counts["pages"] / counts["distinct_pages"], 3),
            }
    one, two = found["workers_1"], found["workers_2"]
    found["driver_by_worker"] = round(two["driver_cpu_s"] / two["worker_cpu_s"], 4)
    found["two_workers_by_one"] = round(two["worker_cpu_s"] / one["worker_cpu_s"], 3)
    found["output_bytes"] = sum(path.stat().st_size for path in (work / "2" / "out").rglob("*") if path.is_file())
    found["index_bytes"] = (work / "2" / "out.sqlite").stat().st_size
    return found


def measure_memory(work: Path, lists: int) -> dict[str, Any]:
    """The resident memory of each process after each tenth of a run, and how much it grew over the second half."""
    with running_fleet(work, lists, workers=2) as fleet:
        driver = fleet.drive("out")
        processes = {"driver": psutil.Process(driver.pid), "scheduler": psutil.Process(fleet.scheduler.pid)}
        processes |= {f"worker {number}": one for number, one in enumerate(fleet.find_workers(), 1)}
        processes["redis"] = psutil.Process(fleet.redis.pid)
        done = work / "out" / ".fleet" / "done"
        samples: dict[str, list[int]] = {name: [] for name in processes}
        for tenth in range(1, 11):
            # The last tenth ends before the driver does, while all processes are there.
            wanted = lists * tenth // 10 - (2 if tenth == 10 else 0)
            while driver.poll() is None and _count(done) < wanted:
                time.sleep(0.1)
            if driver.poll() is None:
                for name, one in processes.items():
                    samples[name].append(one.memory_info().rss)
        driver.wait()
        growth = {name: round(found[-1] / found[len(found) // 2 - 1] - 1, 3) for name, found in samples.items()}
        return {
            "lists": lists,
            "exit_code": driver.returncode,
            "mb": {name: [round(one / 1e6, 1) for one in found] for name, found in samples.items()},
            "growth_of_second_half": growth,
        }


def measure_kills(work: Path, lists: int, *, kills: int, seed: int) -> dict[str, Any]:
    """Kill workers, drivers and Redis in turn, and compare all locks with those of a run that nothing has disturbed."""
    chance = random.Random(seed)
    killed = {"worker": 0, "driver": 0, "redis": 0}
    lost = differing = rounds = 0
    with running_fleet(work, lists, workers=2) as fleet:
        assert fleet.drive("reference").wait() == 0
        reference = _read_locks(work / "reference")
        while sum(killed.values()) < kills:
            rounds += 1
            output = f"out-{rounds}"
            fleet.redis.kill()
            fleet.redis.wait()
            fleet.restart_redis()
            _disturb(fleet, output, killed, kills, chance)
            found = _read_locks(work / output)
            lost += len(reference.keys() - found.keys())
            differing += sum(found[name] != reference[name] for name in found.keys() & reference.keys())
            shutil.rmtree(work / output)
    return {"kills": killed, "rounds": rounds, "locks": len(reference), "lost": lost, "differing": differing}


def _disturb(fleet: _Fleet, output: str, killed: dict[str, int], kills: int, chance: random.Random) -> None:
    """One run that is continued until it is complete, with kills at times that a seed decides."""
    driver = fleet.drive(output)
    while driver.poll() is None or driver.returncode != 0:
        if driver.poll() is not None:
            driver = fleet.drive(output)
        ends_at = time.monotonic() + chance.uniform(0.3, 4.0)
        while time.monotonic() < ends_at and driver.poll() is None:
            time.sleep(0.02)
        if driver.poll() is not None or sum(killed.values()) >= kills:
            continue
        kind = min(killed, key=lambda one: killed[one])
        if kind == "driver":
            driver.kill()
            driver.wait()
        elif kind == "redis":
            fleet.redis.kill()
            fleet.redis.wait()
            threading.Timer(chance.uniform(0.1, 2.0), fleet.restart_redis).start()
        else:
            workers = fleet.find_workers()
            if not workers:
                continue
            os.kill(chance.choice(workers).pid, signal.SIGKILL)
        killed[kind] += 1


def measure_which(work: Path, *, locks: int = 80_000, pins: int = 34, projects: int = 600) -> dict[str, Any]:
    """How long a query takes over an index of made-up locks, and a process that makes one."""
    from resolver.fleet.pin_index import PinIndex

    path = work / "index.sqlite"
    began = time.monotonic()
    with PinIndex(path, is_new=True) as index:
        for result in _iter_results(locks, pins, projects):
            index.add(result)
        index.finish(str(work))
    built_s = time.monotonic() - began
    times: dict[str, list[float]] = {}
    for text in ("torch<2.6", "project-7", "requests"):
        for _ in range(9):
            began = time.perf_counter()
            with PinIndex(path) as index:
                holders = index.find_holders(text)
            times.setdefault(f"{text}: {len(holders)} sources", []).append((time.perf_counter() - began) * 1000)
    words = [str(_LOCK), "fleet", "which", "torch<2.6", "--index", str(path)]
    began = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return {
        "locks": locks,
        "pins": locks * pins,
        "index_bytes": path.stat().st_size,
        "built_s": round(built_s, 1),
        "median_ms": {text: round(sorted(found)[len(found) // 2], 1) for text, found in times.items()},
        "command_ms": round((time.perf_counter() - began) * 1000),
    }


def _iter_results(locks: int, pins: int, projects: int) -> Iterator[dict[str, Any]]:
    """Results of tasks with eight locks each, as a journal has them: a tenth of the lists has torch."""
    chance = random.Random(1)
    names = [f"project-{number}" for number in range(projects)]
    machines = [f"GPU-{number}" for number in range(8)]
    for number in range(locks // len(machines)):
        chosen = sorted(chance.sample(names, pins - 1))
        held = [(name, f"{chance.randint(1, 9)}.0", "https://index.example/simple/", "f.whl", "00") for name in chosen]
        last = "torch" if chance.random() < 0.1 else "requests"
        held.append((last, f"2.{chance.randint(1, 9)}.0", "https://index.example/simple/", "f.whl", "00"))
        source = f"apps/app-{number:05}/app.py"
        row = {"source": source, "state": "new", "pin_numbers": list(range(pins))}
        rows = [{**row, "machine": machine, "lock": f"{number}/{machine}.toml"} for machine in machines]
        yield {"key": f"{number:064}", "source": source, "rows": rows, "pins": held, "pages": []}


def simulate(
    figures: dict[str, Any], *, lists: int = 10_000, machines: int = 8, workers: int = 64, others_share: float = 0.11
) -> dict[str, Any]:
    """A bigger fleet from measured figures: how long it takes, and how busy each of its single parts is.

    A further machine type costs a worker `others_share` of the first; driver, scheduler and Redis take the work of each
    list in turn, so a part that is busy for longer than the workers decides. What a driver takes to start, and a
    scheduler that waits, is no work of a list.
    """
    two, measured = figures["workers_2"], figures["lists"]
    grown = (1 + (machines - 1) * others_share) / (1 + (figures["machines"] - 1) * others_share)
    worker_s = two["worker_cpu_s"] / measured * grown
    waiting_s = figures.get("scheduler_idle_share", 0.0) * two["seconds"]
    parts = {
        "driver": max(0.0, two["driver_cpu_s"] - _DRIVER_START_S) / measured,
        "scheduler": max(0.0, two["scheduler_cpu_s"] - waiting_s) / measured,
        "redis": two["redis_cpu_s"] / measured * grown,
    }
    seconds = max(lists * worker_s / workers, *(lists * one for one in parts.values()))
    busy = {name: round(lists * one / seconds, 3) for name, one in parts.items()}
    first = max(busy, key=lambda name: busy[name])
    return {
        "lists": lists,
        "machines": machines,
        "workers": workers,
        "worker_cpu_s_per_list": round(worker_s, 3),
        "minutes": round(seconds / 60, 1),
        "busy": {**busy, "workers": round(lists * worker_s / workers / seconds, 3)},
        "first_to_give_way": first,
        "workers_at_which_it_does": round(worker_s / parts[first]),
        "output_gb": round(figures["output_bytes"] / measured * lists * machines / figures["machines"] / 1e9, 2),
        "index_mb": round(figures["index_bytes"] / measured * lists * machines / figures["machines"] / 1e6),
    }


def _start_dask(*words: str) -> subprocess.Popen[bytes]:
    """A process of Dask, as docs/fleet.md starts it. Its log is left out."""
    script = f"from distributed.cli.dask_{words[0]} import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", script, *words[1:]],
        env={**os.environ, "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _start_redis(work: Path, port: int) -> subprocess.Popen[bytes]:
    """A Redis server that keeps nothing on the disk."""
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([*words, "--dir", str(work)], stdout=subprocess.DEVNULL)
    ping = ["redis-cli", "-p", str(port), "ping"]
    _wait_until(lambda: subprocess.run(ping, check=False, capture_output=True).returncode == 0)
    return process


def _stop(process: subprocess.Popen[Any]) -> None:
    """End a process that this one has started."""
    if process.stdin is not None:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read_cpu_s(process: psutil.Process) -> float:
    """The processor time of a process and the children that it has waited for."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def _read_locks(folder: Path) -> dict[str, bytes]:
    """The locks of an output by their names."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("pylock*.toml")}


def _count(folder: Path) -> int:
    """How many files a folder has; none before it is there."""
    try:
        return len(os.listdir(folder))  # noqa: PTH208  (it needs no path of each)
    except FileNotFoundError:
        return 0


def _wait_until(holds: Callable[[], bool], *, limit_s: float = 60) -> None:
    """Wait until something holds. Raises TimeoutError."""
    ends_at = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > ends_at:
            raise TimeoutError
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
