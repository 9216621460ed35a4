"""The comparison of answers with those of other tools."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.agreement import RequirementList, iter_orders, main, read_lists
from benchmarks.tools import NoSolution, Pins, Question, Tool, ToolTimeoutError


def test_name_of_no_list_is_an_error_and_not_agreement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists = tmp_path / "small.txt"
    lists.write_text("a\n", encoding="utf-8")

    assert main([str(lists), "--only", "smal"]) == 2
    assert capsys.readouterr().err == "no list is called smal\n"


def test_order_that_repeats_another_is_left_out() -> None:
    three = RequirementList(name="three", requirements=("b", "a", "c"), python="3.14")
    two = RequirementList(name="two", requirements=("a", "b"))

    assert [(order.name, order.requirements, order.python) for order in iter_orders(three, 3)] == [
        ("three", ("b", "a", "c"), "3.14"),
        ("three, reversed", ("c", "a", "b"), "3.14"),
        ("three, sorted", ("a", "b", "c"), "3.14"),
    ]
    assert [order.name for order in iter_orders(two, 3)] == ["two", "two, reversed"]


def test_lists_in_three_orders_are_as_many_as_the_documentation_says() -> None:
    lists = read_lists(Path(__file__).parents[2] / "benchmarks" / "lists" / "orders.toml")

    assert len({entry.name for entry in lists}) == len(lists) >= 40
    assert sum(1 for entry in lists for _ in iter_orders(entry, 3)) >= 120


def test_tool_that_takes_too_long_gives_no_answer_and_leaves_no_process(tmp_path: Path) -> None:
    child = tmp_path / "child.pid"
    tool = _tool(["sh", "-c", f"sleep 600 & echo $! > '{child}'; wait"])
    with pytest.raises(ToolTimeoutError):
        tool.resolve(_question(tmp_path, limit_s=3.0))

    while _is_running(int(child.read_text(encoding="utf-8"))):
        time.sleep(0.1)


def test_tool_that_refuses_in_time_gives_its_answer(tmp_path: Path) -> None:
    tool = _tool(["sh", "-c", "echo no way >&2; exit 1"])

    assert tool.resolve(_question(tmp_path, limit_s=60.0)) == NoSolution(said="no way")


def _is_running(process: int) -> bool:
    """Whether a process exists that is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _tool(command: list[str]) -> Tool:
    return Tool(
        name="other",
        build_command=lambda _question: command,
        version_command=[],
        read_pins=_read_no_pins,
        says_no_solution=lambda _exit_code, said: "no way" in said,
    )


def _read_no_pins(_path: Path) -> Pins:
    return {}


def _question(folder: Path, *, limit_s: float) -> Question:
    return Question(
        source=folder / "list.txt",
        output=folder / "pylock.toml",
        index_url="https://index.example/simple/",
        cut_off="2026-11-01T00:00:00Z",
        cache=folder / "cache",
        python="3.12",
        limit_s=limit_s,
    )
