"""What eight machine types in one run cost, against one: time and requests.

    python -m benchmarks.machines --store STORE
    python -m benchmarks.machines --store STORE --latency-ms 20 --runs 11

Both runs lock the same list against a replay index in a process of its own, which stands in for the default index. They
take turns. Cold runs start with an empty cache folder, warm ones with that of the run before; locks are removed first.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.compare import CUT_OFF, ROOT, describe_machine
from benchmarks.replay_index import RunningIndex, running_index
from benchmarks.tools import TOOLS, Question, find_executable

__all__ = ["main", "measure_against_uv"]

LIST = ROOT / "examples/text_to_image/requirements.txt"
ONE = ("GPU-A100",)
EIGHT = (
    "GPU-T4",
    "GPU-A6000",
    "GPU-A100",
    "GPU-RTX4090",
    "GPU-L40",
    "GPU-H100",
    "GPU-B200",
    "GPU-RTX5090",
)
MOST = 2.0
"""Times the cost of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Machine types that one run locks for, in a folder of its own, and what its runs took."""

    machines: Sequence[str]
    folder: Path
    seconds: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)

    @property
    def cache(self) -> Path:
        return self.folder / "cache"


def main(arguments: list[str] | None = None) -> int:
    """Print a table; 1 if eight cost more than twice one, or ask for more."""
    options = _parse_arguments(arguments)
    print(describe_machine())
    print(f"{options.runs} runs each, in turn; {options.latency_ms:g} ms before each answer; {options.list.name}")
    is_good = True
    with running_index(options.store, latency_ms=options.latency_ms, record=options.record) as index:
        for kind in ("cold", "warm"):
            with tempfile.TemporaryDirectory() as folder:
                one, eight = (_prepare(Path(folder), machines, index, options.list) for machines in (ONE, EIGHT))
                _measure((one, eight), index, is_cold=kind == "cold", runs=options.runs)
                is_good = _report(kind, one, eight) and is_good
    return 0 if is_good else 1


def measure_against_uv(store: Path, *, runs: int) -> float:
    """The time of eight machine types in one cold run, in the time of eight runs of uv, each with an empty cache.

    uv knows no machine types: its runs are equal.
    """
    factors: list[float] = []
    with running_index(store) as index, tempfile.TemporaryDirectory() as folder:
        case = _prepare(Path(folder), EIGHT, index, LIST)
        question = Question(
            source=case.folder / "requirements.txt",
            output=case.folder / "pylock.uv.toml",
            index_url=index.url,
            cut_off=CUT_OFF,
            cache=case.folder / "uv-cache",
            python="3.11",
        )
        for _ in range(runs):
            _measure((case,), index, is_cold=True, runs=1)
            theirs = 0.0
            for _ in EIGHT:
                shutil.rmtree(question.cache, ignore_errors=True)
                question.output.unlink(missing_ok=True)
                finished = TOOLS["uv"].run(question)
                if finished.exit_code != 0:
                    sys.exit(f"uv fails in a measured run:\n{finished.said}")
                theirs += finished.seconds
            factors.append(case.seconds[-1] / theirs)
    return statistics.median(factors)


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="machines", description=__doc__.split("\n")[0])
    parser.add_argument("list", type=Path, nargs="?", default=LIST, help="a requirements file; default: the example")
    parser.add_argument("--store", type=Path, required=True, help="folder of recorded answers")
    parser.add_argument("--record", action="store_true", help="fetch what the store lacks: not for timing")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    return parser.parse_args(arguments)


def _prepare(folder: Path, machines: Sequence[str], index: RunningIndex, source: Path) -> _Case:
    """A folder with the list and a configuration in which the replay index is the default index."""
    own = folder / str(len(machines))
    (own / ".git").mkdir(parents=True)
    shutil.copy(source, own / "requirements.txt")
    settings = f'[tool.pinfold]\nindex-url = "{index.url}"\nexclude-newer = "{CUT_OFF}"\nonly-binary = [":all:"]\n'
    (own / "pyproject.toml").write_text(settings, encoding="utf-8")
    return _Case(machines=machines, folder=own)


def _measure(cases: Sequence[_Case], index: RunningIndex, *, is_cold: bool, runs: int) -> None:
    """Run the cases in turn, each first as often as the other; the first, unmeasured round fills the caches."""
    for place in range(runs + 1):
        for case in cases if place % 2 else reversed(cases):
            for lock in case.folder.glob("pylock*.toml"):
                lock.unlink()
            if is_cold:
                shutil.rmtree(case.cache, ignore_errors=True)
            index.fetch_stats(reset=True)
            seconds = _run(case)
            if place:
                case.seconds.append(seconds)
                case.requests.append(index.fetch_stats()["counts"]["requests"] - 1)


def _run(case: _Case) -> float:
    """The wall time of one whole process."""
    command = [find_executable("lock"), "requirements.txt", "--python", "3.11", "-q", "--cache-dir", str(case.cache)]
    command += [word for machine in case.machines for word in ("-m", machine)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(case.folder), "LANG": "C.UTF-8"}
    started = time.perf_counter()
    finished = subprocess.run(command, cwd=case.folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if finished.returncode != 0:
        sys.exit(f"a measured run fails:\n{finished.stderr}")
    return seconds


def _report(kind: str, one: _Case, eight: _Case) -> bool:
    """Whether eight cost at most what is allowed, and ask for nothing more."""
    print(f"\n{kind}: {'machine types':>13} {'median s':>9} {'min':>7} {'max':>7} {'requests':>9}")
    for case in (one, eight):
        figures = (statistics.median(case.seconds), min(case.seconds), max(case.seconds))
        texts = " ".join(f"{figure:{width}.3f}" for figure, width in zip(figures, (9, 7, 7), strict=True))
        print(f"{' ' * len(kind)}  {len(case.machines):13} {texts} {statistics.median(case.requests):9.0f}")
    ratio = statistics.median(eight.seconds) / statistics.median(one.seconds)
    print(f"{' ' * len(kind)}  {len(eight.machines)} cost {ratio:.2f} times {len(one.machines)}")
    return ratio <= MOST and statistics.median(eight.requests) <= statistics.median(one.requests)


if __name__ == "__main__":
    sys.exit(main())
