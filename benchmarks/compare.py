"""How long `lock`, uv and pip take for the same list, side by side.

    python -m benchmarks.compare --store STORE --record --runs 1
    python -m benchmarks.compare --store STORE
    python -m benchmarks.compare --store STORE --latency-ms 20 --tls --cases cold,stale benchmarks/lists/boto.txt

The tools run in turn, each run once in each place of the order, against a replay index in a process of its own. The
pinned sets are compared before anything is timed. The cases:

- `cold`: an empty cache folder, and no output of an earlier run;
- `stale`: the cache and the output of the run before, and pages that are never fresh, so that each is revalidated;
- `warm`: the cache of the run before, pages fresh, the output removed;
- `changed`: as `warm`, with one line of the list changed in each run, so that no earlier answer fits;
- `check`: the cache and the output, pages fresh; `lock --check` against a `warm` run of the other tools;
- `machine`: as `warm`, with `-m GPU-A100` for `lock` alone.

`--tls` puts nginx in front of the index, with TLS, and HTTP/2 for tools that speak it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.other_tools import OTHER_TOOLS
from benchmarks.replay_index import RunningIndex, running_index
from benchmarks.tls_front import TlsFront, free_port, running_front
from benchmarks.tools import TOOLS as OWN_TOOLS
from benchmarks.tools import NoSolution, Pins, Question, Run, ToolError, render_difference

__all__ = ["CASES", "CUT_OFF", "ROOT", "Case", "Measurement", "describe_machine", "main"]

ROOT = Path(__file__).resolve().parent.parent
LISTS = (
    ROOT / "examples/text_to_image/requirements.txt",
    ROOT / "benchmarks/lists/boto.txt",
    ROOT / "benchmarks/lists/web_data.txt",
)
CUT_OFF = "2026-11-01T00:00:00Z"
REFERENCE = "uv"
FRESH_S = 600
TOOLS = {**OWN_TOOLS, **OTHER_TOOLS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is there before a measured run, and what `lock` is asked."""

    name: str
    max_age_s: int = FRESH_S
    keeps_cache: bool = True
    keeps_output: bool = False
    changes_line: bool = False
    check: bool = False
    machine: str | None = None


CASES = {
    case.name: case
    for case in (
        Case(name="cold", keeps_cache=False),
        Case(name="stale", max_age_s=0, keeps_output=True),
        Case(name="warm"),
        Case(name="changed", changes_line=True),
        Case(name="check", keeps_output=True, check=True),
        Case(name="machine", machine="GPU-A100"),
    )
}


@dataclass(slots=True, kw_only=True)
class Measurement:
    """The runs of one tool on one list in one case, and the requests and bytes of each."""

    tool: str
    case: str
    source: str
    runs: list[Run] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    sent_bytes: list[int] = field(default_factory=list)

    def median(self, figure: str) -> float:
        """The middle run by an attribute of `Run`, such as `seconds`."""
        return float(statistics.median(getattr(run, figure) for run in self.runs))

    def figures(self) -> dict[str, float | str | list[float]]:
        """For `--json`: medians, and the wall time of each run."""
        return {
            "tool": self.tool,
            "case": self.case,
            "list": self.source,
            "seconds": self.median("seconds"),
            "each": [run.seconds for run in self.runs],
            "cpu_seconds": self.median("cpu_seconds"),
            "peak_mb": self.median("peak_mb"),
            "requests": statistics.median(self.requests),
            "bytes": statistics.median(self.sent_bytes),
        }


def main(arguments: list[str] | None = None) -> int:
    """Print a table a list and a summary of the cases; 1 if the tools pin different sets."""
    options = _parse_arguments(arguments)
    print(describe_machine())
    print("; ".join(f"{name}: {TOOLS[name].fetch_version()}" for name in options.tools))
    front = "TLS and HTTP/2 in front" if options.tls else "plain HTTP/1.1"
    print(
        f"{options.runs} runs each, in turn; {options.latency_ms:g} ms before each answer; {front}; {options.cut_off}"
    )
    agree = True
    measurements: list[Measurement] = []
    for max_age_s, cases in _group_cases(options.cases):
        with _replaying(options, max_age_s=max_age_s) as (index, authority):
            for source in options.lists:
                agree = _measure_list(source, index, authority, cases, options, measurements) and agree
    _print_summary(measurements, options.tools)
    if options.json:
        options.json.write_text(json.dumps([item.figures() for item in measurements], indent=1) + "\n")
    return 0 if agree else 1


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lists", type=Path, nargs="*", help="requirements files; default: the example and two more")
    parser.add_argument("--store", type=Path, required=True, help="folder of recorded answers")
    parser.add_argument("--record", action="store_true", help="fetch what the store lacks: not for timing")
    parser.add_argument("--tools", default="lock,uv", help=f"some of {','.join(TOOLS)}")
    parser.add_argument("--cases", default="cold,stale,warm,changed,check", help=f"some of {','.join(CASES)}")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--tls", action="store_true", help="nginx in front: TLS, and HTTP/2")
    parser.add_argument("--cut-off", default=CUT_OFF)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args(arguments)
    options.lists = [path.resolve() for path in options.lists] or list(LISTS)
    options.tools = options.tools.split(",")
    options.cases = options.cases.split(",")
    for name, known in (
        (name, known) for names, known in ((options.tools, TOOLS), (options.cases, CASES)) for name in names
    ):
        if name not in known:
            parser.error(f"`{name}` is none of {', '.join(known)}")
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


def _group_cases(names: Sequence[str]) -> Iterator[tuple[int, list[Case]]]:
    """The cases by how long pages are fresh, which is a setting of the index."""
    cases = [CASES[name] for name in names]
    for max_age_s in dict.fromkeys(case.max_age_s for case in cases):
        yield max_age_s, [case for case in cases if case.max_age_s == max_age_s]


@contextlib.contextmanager
def _replaying(options: argparse.Namespace, *, max_age_s: int) -> Iterator[tuple[RunningIndex, Path | None]]:
    """The index, behind nginx where that is asked for, and the certificate authority to trust."""
    port = free_port() if options.tls else 0
    base = f"https://127.0.0.1:{port}" if options.tls else None
    with contextlib.ExitStack() as stack:
        index = stack.enter_context(
            running_index(
                options.store, latency_ms=options.latency_ms, max_age_s=max_age_s, record=options.record, base=base
            )
        )
        front: TlsFront | None = stack.enter_context(running_front(index.control, port=port)) if options.tls else None
        yield index, front.authority if front else None


def _measure_list(
    source: Path,
    index: RunningIndex,
    authority: Path | None,
    cases: list[Case],
    options: argparse.Namespace,
    measurements: list[Measurement],
) -> bool:
    """Whether the tools agree on the list; its table is printed either way."""
    label = source.stem if source.stem != "requirements" else source.parent.name
    with tempfile.TemporaryDirectory() as folder:
        questions = {
            name: _build_question(name, source, Path(folder), index, authority, options) for name in options.tools
        }
        answers = {name: _resolve(name, question) for name, question in questions.items()}
        reference = REFERENCE if REFERENCE in answers else options.tools[0]
        print(f"\n{label}: {len(answers[reference])} pins")
        differences = [
            f"  {line}"
            for name in options.tools
            for line in render_difference(answers[name], answers[reference], names=(name, reference))
        ]
        print(*differences, sep="\n", end="\n" if differences else "")
        index.fetch_stats(reset=True)
        measured = [item for case in cases for item in _measure(case, label, questions, index, runs=options.runs)]
        _print_table(measured, reference=reference)
        measurements += measured
        missing = index.fetch_stats()["missing"]
        print(*(f"  not recorded: {question}\n" for question in sorted(set(missing))), sep="", end="", flush=True)
    return not differences


def _build_question(
    tool: str,
    source: Path,
    folder: Path,
    index: RunningIndex,
    authority: Path | None,
    options: argparse.Namespace,
) -> Question:
    """The list in a folder of the tool's own, so that a case may change it."""
    own = folder / tool
    own.mkdir()
    (own / ".git").mkdir()
    shutil.copy(source, own / "requirements.txt")
    for line in source.read_text(encoding="utf-8").splitlines():
        if line.startswith(("-c ", "-r ")):
            shutil.copy(source.parent / line[3:].strip(), own)
    return Question(
        source=own / "requirements.txt",
        output=own / f"pylock.{tool}.toml",
        index_url=index.url,
        cut_off=options.cut_off,
        cache=own / "cache",
        python=platform.python_version(),
        authority=authority,
    )


def _resolve(name: str, question: Question) -> Pins:
    try:
        answer = TOOLS[name].resolve(question)
    except ToolError as error:
        sys.exit(str(error))
    if isinstance(answer, NoSolution):
        sys.exit(f"{name} finds no solution for {question.source.name}:\n{answer.said}")
    return answer


def _measure(
    case: Case, label: str, questions: dict[str, Question], index: RunningIndex, *, runs: int
) -> list[Measurement]:
    """One measurement a tool; before each round the order moves on by one, so that no tool always follows the same."""
    measurements = {name: Measurement(tool=name, case=case.name, source=label) for name in questions}
    names = list(questions)
    texts = {name: question.source.read_text(encoding="utf-8") for name, question in questions.items()}
    for round_number in range(-1, runs):  # Round -1 fills the caches of this case and is not measured.
        start = round_number % len(names)
        for name in names[start:] + names[:start]:
            question = _prepare(case, name, questions[name], texts[name], round_number)
            index.fetch_stats(reset=True)
            finished = TOOLS[name].run(question)
            if finished.exit_code != 0:
                sys.exit(f"{name} fails in a measured run of `{case.name}`:\n{finished.said}")
            if round_number >= 0:
                counts = index.fetch_stats()["counts"]
                measurements[name].runs.append(finished)
                measurements[name].requests.append(counts.get("requests", 0) - 1)
                measurements[name].sent_bytes.append(counts.get("bytes", 0))
    for name, question in questions.items():
        question.source.write_text(texts[name], encoding="utf-8")
    return list(measurements.values())


def _prepare(case: Case, tool: str, question: Question, text: str, round_number: int) -> Question:
    """Bring the folder into the state of the case; the question for this run."""
    if not case.keeps_cache:
        shutil.rmtree(question.cache, ignore_errors=True)
    if case.changes_line:
        question.source.write_text(_change_line(text, round_number), encoding="utf-8")
    first = round_number < 0
    if not case.keeps_output or (case.check and tool != "lock"):
        question.output.unlink(missing_ok=True)
    if tool == "lock":
        return replace(question, machine=case.machine, check=case.check and not first)
    return question


def _change_line(text: str, round_number: int) -> str:
    """The list with its first requirement excluding a release that no project has, another one in each round."""
    lines = text.splitlines()
    for position, line in enumerate(lines):
        bare = line.split(" #")[0].rstrip()
        if bare and not bare.startswith(("#", "-")) and not {*bare} & {";", "@"}:
            separator = "," if {*bare} & {*"=<>~!"} else ""
            lines[position] = f"{bare}{separator}!=0.0.0.{round_number + 2}"
            return "\n".join(lines) + "\n"
    sys.exit("no line of the list can be changed")


def _print_table(measurements: list[Measurement], *, reference: str) -> None:
    heads = ("median s", "min", "max", f"× {reference}", "CPU s", "peak MB", "requests", "kB")
    print(f"  {'':8} {'':8} " + " ".join(f"{head:>8}" for head in heads))
    medians = {item.case: item.median("seconds") for item in measurements if item.tool == reference}
    for item in measurements:
        seconds = [run.seconds for run in item.runs]
        texts = [f"{value:8.3f}" for value in (item.median("seconds"), min(seconds), max(seconds))]
        texts += [f"{item.median('seconds') / medians[item.case]:8.2f}", f"{item.median('cpu_seconds'):8.3f}"]
        texts += [f"{item.median('peak_mb'):8.0f}", f"{statistics.median(item.requests):8.0f}"]
        texts += [f"{statistics.median(item.sent_bytes) / 1000:8.0f}"]
        print(f"  {item.tool:8} {item.case:8} {' '.join(texts)}")


def _print_summary(measurements: list[Measurement], tools: Sequence[str]) -> None:
    """For each case the median over the lists of the factor to uv, and the worst list's."""
    by_key = {(item.case, item.source, item.tool): item for item in measurements}
    for tool in tools:
        if tool == REFERENCE or REFERENCE not in tools:
            continue
        print(f"\n{tool} × {REFERENCE}: median over the lists (worst)")
        for case in dict.fromkeys(item.case for item in measurements):
            pairs = [
                (item, by_key[case, item.source, REFERENCE])
                for item in measurements
                if item.case == case and item.tool == tool
            ]
            for figure in ("seconds", "cpu_seconds", "peak_mb"):
                ratios = [mine.median(figure) / other.median(figure) for mine, other in pairs]
                print(f"  {case:8} {figure:12} {statistics.median(ratios):6.2f} ({max(ratios):.2f})")


if __name__ == "__main__":
    sys.exit(main())
