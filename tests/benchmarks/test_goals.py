"""The table and the chart of what is aimed at and reached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.goals import GOALS, main, render_chart, render_table


@pytest.fixture
def figures() -> dict[str, Any]:
    return {
        "machine": "a processor",
        "tools": {"lock": "pinfold 1", "uv": "uv 2"},
        "runs": 3,
        "goals": {goal.title: {"a": 0.5, "b": 1.5, "c": 0.75} for goal in GOALS},
        "memory": {"a": 0.5, "b": 0.25, "c": 0.75},
        "eight": 0.125,
    }


def test_the_page_has_the_table_of_its_figures() -> None:
    docs = Path(__file__).parents[2] / "docs"
    figures = json.loads((docs / "performance.json").read_text(encoding="utf-8"))

    assert render_table(figures) in (docs / "performance.md").read_text(encoding="utf-8")
    assert render_chart(figures) == (docs / "performance.svg").read_text(encoding="utf-8")


def test_the_table_has_goal_median_and_worst_list(figures: dict[str, Any]) -> None:
    lines = render_table(figures).splitlines()

    assert lines[0] == "a processor; pinfold 1, uv 2; medians of 3 runs in turn, over 3 lists (worst list)."
    assert "| cold | ≤ 1.2 (1.5) | 0.75 (1.50) |" in lines
    assert "| peak memory, cold | ≤ 0.8 | 0.50 (0.75) |" in lines
    assert "| eight machine types, cold, to eight cold runs of uv | ≤ 0.2 | 0.12 |" in lines
    assert len(lines) == 4 + len(GOALS) + 2


def test_the_chart_is_xml_with_a_bar_and_the_dots_of_each_case(figures: dict[str, Any]) -> None:
    root = ElementTree.fromstring(render_chart(figures))

    circles = [node for node in root.iter() if node.tag.endswith("circle")]
    assert len(circles) == 3 * len(GOALS) + 1
    texts = [node.text for node in root.iter() if node.tag.endswith("text")]
    assert {goal.title.replace("`", "") for goal in GOALS} <= {*texts}


def test_figures_of_an_earlier_run_can_be_printed(
    tmp_path: Path, figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "figures.json"
    path.write_text(json.dumps(figures))

    assert main(["--from", str(path)]) == 0
    assert capsys.readouterr().out.strip() == render_table(figures)


@pytest.mark.parametrize("arguments", [[], ["--from", "a", "--store", "b"]], ids=" ".join)
def test_figures_are_measured_or_read(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
