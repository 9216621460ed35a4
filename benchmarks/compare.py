"""How long `lock`, uv and pip take for the same list, side by side.

    python -m benchmarks.compare --store STORE
    python -m benchmarks.compare --store STORE --latency-ms 20 --runs 11 --tools lock,uv benchmarks/lists/boto.txt

The tools run in turn, each run once in each place of the order, against a replay index in a process of its own. Cold
runs start with an empty cache folder, warm ones with the folder of the run before; a lock from an earlier run is
removed first. The pinned sets are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.replay_index import RunningIndex, running_index
from benchmarks.tools import TOOLS, NoSolution, Pins, Question, ToolError, render_difference

__all__ = ["CUT_OFF", "ROOT", "Measurement", "describe_machine", "main"]

ROOT = Path(__file__).resolve().parent.parent
LISTS = (
    ROOT / "examples/text_to_image/requirements.txt",
    ROOT / "benchmarks/lists/boto.txt",
    ROOT / "benchmarks/lists/web_data.txt",
)
CUT_OFF = "2026-11-01T00:00:00Z"
REFERENCE = "uv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Wall times of whole processes, in seconds, for one tool on one list; `kind` is `cold` or `warm`."""

    tool: str
    kind: str
    seconds: tuple[float, ...]

    @property
    def median_s(self) -> float:
        """The middle run."""
        return statistics.median(self.seconds)


def main(arguments: list[str] | None = None) -> int:
    """Print a table a list; 1 if the tools pin different sets."""
    options = _parse_arguments(arguments)
    print(describe_machine())
    print("; ".join(f"{name}: {TOOLS[name].fetch_version()}" for name in options.tools))
    print(f"{options.runs} runs each, in turn; {options.latency_ms:g} ms before each answer; cut-off {options.cut_off}")
    agree = True
    with running_index(options.store, latency_ms=options.latency_ms, record=options.record) as index:
        for source in options.lists:
            agree = _report(source, index, options) and agree
    return 0 if agree else 1


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="compare", description=__doc__.split("\n")[0])
    parser.add_argument("lists", type=Path, nargs="*", help="requirements files; default: the example and two more")
    parser.add_argument("--store", type=Path, required=True, help="folder of recorded answers")
    parser.add_argument("--record", action="store_true", help="fetch what the store lacks: not for timing")
    parser.add_argument("--tools", default="lock,uv,pip-lock", help=f"some of {','.join(TOOLS)}")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--cold", action="store_true", help="cold runs only")
    parser.add_argument("--warm", action="store_true", help="warm runs only")
    parser.add_argument("--cut-off", default=CUT_OFF)
    options = parser.parse_args(arguments)
    options.lists = [path.resolve() for path in options.lists] or list(LISTS)
    options.tools = options.tools.split(",")
    options.kinds = [kind for kind in ("cold", "warm") if getattr(options, kind)] or ["cold", "warm"]
    return options


def describe_machine() -> str:
    """Processor, cores, system and Python, for the head of a report."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def _report(source: Path, index: RunningIndex, options: argparse.Namespace) -> bool:
    """Whether the tools agree on the list; its table is printed either way."""
    with tempfile.TemporaryDirectory() as folder:
        questions = {
            name: Question(
                source=source,
                output=Path(folder) / f"pylock.{name}.toml",
                index_url=index.url,
                cut_off=options.cut_off,
                cache=Path(folder) / f"cache-{name}",
                python=platform.python_version(),
            )
            for name in options.tools
        }
        answers = {name: _resolve(name, question) for name, question in questions.items()}
        reference = REFERENCE if REFERENCE in answers else options.tools[0]
        print(f"\n{source.parent.name}/{source.name}: {len(answers[reference])} pins")
        differences = [
            f"  {line}"
            for name in options.tools
            for line in render_difference(answers[name], answers[reference], names=(name, reference))
        ]
        print(*differences, sep="\n", end="\n" if differences else "")
        index.fetch_stats(reset=True)
        measurements = [
            measurement for kind in options.kinds for measurement in _measure(kind, questions, index, runs=options.runs)
        ]
        _print_table(measurements, reference=reference)
        missing = index.fetch_stats()["missing"]
        print(*(f"  not recorded: {question}" for question in sorted(set(missing))), sep="\n", end="")
    return not differences


def _resolve(name: str, question: Question) -> Pins:
    try:
        answer = TOOLS[name].resolve(question)
    except ToolError as error:
        sys.exit(str(error))
    if isinstance(answer, NoSolution):
        sys.exit(f"{name} finds no solution for {question.source.name}:\n{answer.said}")
    return answer


def _measure(kind: str, questions: dict[str, Question], index: RunningIndex, *, runs: int) -> list[Measurement]:
    """One measurement a tool; before each round the order moves on by one, so that no tool always follows the same."""
    seconds: dict[str, list[float]] = {name: [] for name in questions}
    names = list(questions)
    for round_number in range(runs):
        start = round_number % len(names)
        for name in names[start:] + names[:start]:
            if kind == "cold":
                shutil.rmtree(questions[name].cache, ignore_errors=True)
            started = time.perf_counter()
            finished = TOOLS[name].run(questions[name])
            seconds[name].append(time.perf_counter() - started)
            if finished.returncode != 0:
                sys.exit(f"{name} fails in a measured run:\n{finished.stderr}")
    return [Measurement(tool=name, kind=kind, seconds=tuple(values)) for name, values in seconds.items()]


def _print_table(measurements: list[Measurement], *, reference: str) -> None:
    print(f"  {'':8} {'':4} {'median s':>9} {'min':>7} {'max':>7} {'× ' + reference:>7}")
    medians = {item.kind: item.median_s for item in measurements if item.tool == reference}
    for item in measurements:
        ratio = item.median_s / medians[item.kind]
        print(
            f"  {item.tool:8} {item.kind:4} {item.median_s:9.3f} {min(item.seconds):7.3f} {max(item.seconds):7.3f}"
            f" {ratio:7.2f}"
        )


if __name__ == "__main__":
    sys.exit(main())
