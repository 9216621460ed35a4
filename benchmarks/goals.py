"""The speed that is aimed at, and what is reached: the table and the chart of docs/performance.md, from one sitting.

    python -m benchmarks.goals --store STORE --json FIGURES.json          # measures, 25 minutes on two quiet cores
    python -m benchmarks.goals --from FIGURES.json --write                # table and chart of docs/performance.md

Each figure is a factor to uv: the medians of whole processes that took turns (`benchmarks.compare`), as the median over
the lists, and the worst list in brackets. `machine` is compared with the same run without `-m`, and eight machine types
in one run with eight runs of uv, each with an empty cache (`benchmarks.machines`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machines
from benchmarks.compare import ROOT, describe_machine
from benchmarks.tools import TOOLS

__all__ = ["GOALS", "Goal", "main", "render_chart", "render_table"]

LISTS = ("audio", "boto", "diffusion", "langchain", "sphinx", "tensorflow", "web", "xformers")
_PAGE = ROOT / "docs" / "performance.md"
_CHART = ROOT / "docs" / "performance.svg"
_BEGIN, _END = "<!-- figures: python -m benchmarks.goals -->", "<!-- end of figures -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One line of the table: a case of `benchmarks.compare` behind a latency, and the factors that are aimed at."""

    title: str
    case: str
    latency_ms: int = 0
    tls: bool = False
    median: float
    worst: float | None = None
    against: str = "uv"
    """`uv` in the same case, or `warm`: this tool in that case."""

    @property
    def sitting(self) -> tuple[int, bool]:
        """What is measured by one run of `benchmarks.compare`."""
        return self.latency_ms, self.tls


GOALS = (
    Goal(title="cold", case="cold", median=1.2, worst=1.5),
    Goal(title="cold, 20 ms", case="cold", latency_ms=20, median=0.85, worst=1.0),
    Goal(title="cold, 20 ms, TLS and HTTP/2", case="cold", latency_ms=20, tls=True, median=0.8, worst=1.0),
    Goal(title="stale pages, unchanged", case="stale", median=1.2, worst=1.5),
    Goal(title="stale, 20 ms", case="stale", latency_ms=20, median=0.6, worst=0.8),
    Goal(title="stale, 20 ms, TLS and HTTP/2", case="stale", latency_ms=20, tls=True, median=0.7, worst=0.9),
    Goal(title="warm, unchanged, output removed", case="warm", median=0.8, worst=1.0),
    Goal(title="warm, one line changed", case="changed", median=1.8, worst=2.2),
    Goal(title="`lock --check`, unchanged, to a warm run of uv", case="check", median=0.4),
    Goal(title="warm with `-m GPU-A100`, to warm without", case="machine", median=1.1, against="warm"),
)
_EIGHT = Goal(title="eight machine types, cold, to eight cold runs of uv", case="eight", median=0.2)

Figures = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Measure, or read figures; print the table, and with `--write` put it and the chart into the docs."""
    options = _parse_arguments(arguments)
    figures = json.loads(options.read.read_text("utf-8")) if options.read else _measure(options)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    table = render_table(figures)
    print(table)
    if options.write:
        before, _, rest = _PAGE.read_text(encoding="utf-8").partition(_BEGIN)
        after = rest.partition(_END)[2]
        _PAGE.write_text(f"{before}{_BEGIN}\n\n{table}\n\n{_END}{after}", encoding="utf-8")
        _CHART.write_text(render_chart(figures), encoding="utf-8")
    return 0


def _parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="goals", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", type=Path, help="folder of recorded answers")
    parser.add_argument("--from", dest="read", type=Path, metavar="FIGURES", help="figures of an earlier run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--lists", default=",".join(LISTS), help="names of benchmarks/lists")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--write", action="store_true", help="put table and chart into docs/performance.md")
    options = parser.parse_args(arguments)
    if (options.store is None) == (options.read is None):
        parser.error("one of --store and --from")
    return options


def _measure(options: argparse.Namespace) -> Figures:
    """The figures of one sitting: for each goal the factor of each list."""
    measured: dict[tuple[int, bool], list[Figures]] = {}
    for sitting in dict.fromkeys(goal.sitting for goal in GOALS):
        measured[sitting] = _compare(options, *sitting)
    found: Figures = {
        "machine": describe_machine(),
        "tools": {name: TOOLS[name].fetch_version() for name in ("lock", "uv")},
        "runs": options.runs,
        "goals": {goal.title: _find_factors(goal, measured[goal.sitting]) for goal in GOALS},
        "memory": _find_factors(GOALS[0], measured[0, False], "peak_mb"),
        "eight": machines.measure_against_uv(options.store, runs=max(3, options.runs // 2)),
    }
    return found


def _compare(options: argparse.Namespace, latency_ms: int, tls: bool) -> list[Figures]:
    """The figures of one run of `benchmarks.compare`, which prints its own tables to standard error."""
    cases = ",".join(dict.fromkeys(goal.case for goal in GOALS if goal.sitting == (latency_ms, tls)))
    lists = [str(ROOT / "benchmarks" / "lists" / f"{name}.txt") for name in options.lists.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "figures.json")
        command = [sys.executable, "-m", "benchmarks.compare", "--store", str(options.store), "--json", str(output)]
        command += ["--runs", str(options.runs), "--latency-ms", str(latency_ms), "--cases", cases]
        subprocess.run([*command, *(["--tls"] if tls else []), *lists], cwd=ROOT, check=False, stdout=sys.stderr)
        found: list[Figures] = json.loads(output.read_text(encoding="utf-8"))
        return found


def _find_factors(goal: Goal, measured: list[Figures], figure: str = "seconds") -> dict[str, float]:
    """The factor of each list."""
    by_key = {(row["tool"], row["case"], row["list"]): row for row in measured}
    other = ("uv", goal.case) if goal.against == "uv" else ("lock", goal.against)
    return {
        name: row[figure] / by_key[*other, name][figure]
        for (tool, case, name), row in by_key.items()
        if (tool, case) == ("lock", goal.case)
    }


def render_table(figures: Figures) -> str:
    """The table as Markdown, with the sitting above it."""
    tools = ", ".join(figures["tools"].values())
    count = len(figures["goals"][GOALS[0].title])
    lines = [
        f"{figures['machine']}; {tools}; medians of {figures['runs']} runs in turn, over {count} lists (worst list).",
        "",
        "| case | goal | reached |",
        "|---|---|---|",
    ]
    for goal in GOALS:
        factors = figures["goals"][goal.title].values()
        reached = f"{statistics.median(factors):.2f} ({max(factors):.2f})"
        lines.append(f"| {goal.title} | {_render_goal(goal)} | {reached} |")
    lines.append(f"| {_EIGHT.title} | {_render_goal(_EIGHT)} | {figures['eight']:.2f} |")
    memory = figures["memory"].values()
    lines.append(f"| peak memory, cold | ≤ 0.8 | {statistics.median(memory):.2f} ({max(memory):.2f}) |")
    return "\n".join(lines)


def _render_goal(goal: Goal) -> str:
    return f"≤ {goal.median:g}" + ("" if goal.worst is None else f" ({goal.worst:g})")


def render_chart(figures: Figures) -> str:
    """The chart as SVG: for each case a bar to the median, a dot for each list, and a mark at the goal.

    The line at 1 is uv. Colours are those of the page around it (`currentColor`) and one that is read on both grounds.
    """
    left, width, row, top = 370, 420, 30, 40
    rows = [(goal.title, goal.median, list(figures["goals"][goal.title].values())) for goal in GOALS]
    rows.append((_EIGHT.title, _EIGHT.median, [figures["eight"]]))
    most = max(1.5, *(max(factors) for _, _, factors in rows)) * 1.05
    height = top + row * len(rows) + 40

    def place(factor: float) -> float:
        return float(left + width * factor / most)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 30} {height}" role="img"'
        ' font-family="sans-serif" font-size="13" fill="#57606a">',
        "<title>Time of lock in the time of uv, by case</title>",
        f'<text x="{left}" y="20">time of lock, where uv takes 1</text>',
    ]
    for number, (title, goal, factors) in enumerate(rows):
        y = top + row * number
        median = statistics.median(factors)
        colour = "#2da44e" if median <= goal else "#bf8700"
        parts += [
            f'<text x="{left - 10}" y="{y + 16}" text-anchor="end">{title.replace("`", "")}</text>',
            f'<rect x="{left}" y="{y + 4}" width="{place(median) - left:.1f}" height="16" fill="{colour}"/>',
            *(f'<circle cx="{place(one):.1f}" cy="{y + 12}" r="2.5" fill="#0969da"/>' for one in factors),
            f'<rect x="{place(goal) - 1:.1f}" y="{y}" width="2" height="24" fill="#cf222e"/>',
            f'<text x="{place(max(*factors, goal, 1.0)) + 8:.1f}" y="{y + 16}">{median:.2f}</text>',
        ]
    bottom, one = top + row * len(rows), f"{place(1):.1f}"
    parts += [
        f'<line x1="{one}" y1="{top - 6}" x2="{one}" y2="{bottom}" stroke="#57606a" stroke-dasharray="4 3"/>',
        f'<text x="{one}" y="{bottom + 16}" text-anchor="middle">uv</text>',
        f'<text x="{left}" y="{bottom + 34}" font-size="11">bar: median; dots: each list; red: the goal</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(main())
