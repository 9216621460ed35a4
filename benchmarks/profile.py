"""Where the processor time of a `lock` run goes, by stage.

    python -m benchmarks.profile --store STORE benchmarks/lists/web.txt
    python -m benchmarks.profile --store STORE --cases cold,changed benchmarks/lists/vllm.txt

Each case of `benchmarks.compare` that searches is run some times against a replay index. Its main thread is looked at
in equal intervals of processor time (1 to 4 ms, as the system's clock allows), and the innermost frame that belongs to
a stage counts. The start of the interpreter is that of an empty program; what is left is of other threads and
processes, which read pages.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.compare import CASES, CUT_OFF, _prepare
from benchmarks.replay_index import running_index
from benchmarks.tools import TOOLS, Question

__all__ = ["find_stage", "main", "render_profile"]

_STAGES = (
    ("resolver/cli/record", "record of the run"),
    ("resolver/fetch/http", "requests"),
    ("resolver/fetch", "pages and metadata"),
    ("resolver/index", "pages and metadata"),
    ("resolver/solve", "search"),
    ("resolvelib", "search"),
    ("resolver/locking", "making the lock"),
    ("lockfiles", "making the lock"),
    ("tomli_w", "making the lock"),
    ("resolver/cli/summary", "summary"),
    ("resolver", "reading and planning"),
)
"""The stage of a file, by the beginning of its path; the first that fits."""
_SEARCHING = ("cold", "stale", "changed")

_CHILD = """
import collections, json, os, signal, sys, time
sys.argv[0] = "lock"
samples = collections.Counter()
def look(number, frame):
    stack = []
    while frame is not None:
        stack.append((frame.f_code.co_filename, frame.f_code.co_name))
        frame = frame.f_back
    samples[tuple(stack)] += 1
leave = os._exit
def tell(code):
    signal.setitimer(signal.ITIMER_PROF, 0)
    with open(os.environ["PROFILED"], "w") as file:
        json.dump([time.thread_time(), *samples.items()], file)
    leave(code)
os._exit = tell
signal.signal(signal.SIGPROF, look)
signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
from resolver.cli import run
run()
"""


def main(arguments: list[str] | None = None) -> int:
    """Print a table for each list and case."""
    options = _parse_arguments(arguments)
    start_s = statistics.median(_time([sys.executable, "-c", "pass"], {}) for _ in range(options.runs))
    for source in options.lists:
        for case in options.cases.split(","):
            stages, seconds = _profile(source.resolve(), case, options, start_s=start_s)
            print(render_profile(f"{source.stem}, {case}", stages, seconds=seconds))
    return 0


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="profile", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lists", type=Path, nargs="+", help="requirements files")
    parser.add_argument("--store", type=Path, required=True, help="folder of recorded answers")
    parser.add_argument("--cases", default="cold,changed", help=f"some of {','.join(_SEARCHING)}")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args(arguments)
    if unknown := {*options.cases.split(",")} - {*_SEARCHING}:
        parser.error(f"`{min(unknown)}` is none of {', '.join(_SEARCHING)}")
    return options


def _profile(
    source: Path, name: str, options: argparse.Namespace, *, start_s: float
) -> tuple[Mapping[str, float], float]:
    """The processor time of the main thread by stage, and that of a whole run with its children, in seconds."""
    case = CASES[name]
    counts: Counter[str] = Counter()
    seconds: list[float] = []
    main_s: list[float] = []
    with running_index(options.store, max_age_s=case.max_age_s) as index, tempfile.TemporaryDirectory() as folder:
        text = source.read_text(encoding="utf-8")
        question = _build_question(Path(folder), text, index_url=index.url)
        for number in range(-1, options.runs):
            command = TOOLS["lock"].build_command(_prepare(case, "lock", question, text, number))
            told = Path(folder, "samples.json")
            taken = _time([sys.executable, "-c", _CHILD, *command[1:]], {"PROFILED": str(told), "HOME": folder})
            if number >= 0:  # The first one fills the cache.
                seconds.append(taken)
                own_s, *samples = json.loads(told.read_text(encoding="utf-8"))
                main_s.append(own_s)
                for stack, count in samples:
                    counts[find_stage(stack)] += count
    each_s = max(0.0, statistics.median(main_s) - start_s) / max(1, counts.total())
    stages = {stage: count * each_s for stage, count in counts.items()}
    return {**stages, "start of the interpreter": start_s}, statistics.median(seconds)


def _build_question(folder: Path, text: str, *, index_url: str) -> Question:
    """The list in a folder of its own, so that a case may change it."""
    (folder / ".git").mkdir()
    question = Question(
        source=folder / "requirements.txt",
        output=folder / "pylock.lock.toml",
        index_url=index_url,
        cut_off=CUT_OFF,
        cache=folder / "cache",
        python="3.11",
    )
    question.source.write_text(text, encoding="utf-8")
    return question


def _time(command: Sequence[str], variables: Mapping[str, str]) -> float:
    """The processor time of a process and its children, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env={"PATH": os.environ["PATH"], **variables}, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def find_stage(stack: Sequence[Sequence[str]]) -> str:
    """The stage of a sample: frames as file and function, the innermost first."""
    for file, function in stack:
        if file.startswith("<frozen importlib"):
            return "imports"
        for beginning, stage in _STAGES:
            if f"/{beginning}" in file:
                # The body of a module runs when it is imported.
                return "imports" if function == "<module>" else stage
    return "imports" if stack and stack[-1][1] == "<module>" and len(stack) > 1 else "other"


def render_profile(title: str, stages: Mapping[str, float], *, seconds: float) -> str:
    """The stages of one run in ms, with their share, the longest first."""
    rows = {**stages, "other threads and processes": max(0.0, seconds - sum(stages.values()))}
    lines = [f"{title}: {seconds * 1000:.0f} ms of processor time"]
    for stage, taken in sorted(rows.items(), key=lambda row: -row[1]):
        lines.append(f"  {taken * 1000:6.1f} ms {taken / seconds:4.0%}  {stage}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
