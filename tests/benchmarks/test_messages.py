"""The page that compares messages: what is cut and replaced, and that it holds the lists and verdicts of their file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.messages import BETTER, LISTS, FailingList, read_failing_lists, render_page, shorten
from resolver.fetch.projects.pages import default_index_url

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanations.md"
FOLDER = Path("/tmp/folder")
HOST = default_index_url().public.split("/")[2]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("error: /tmp/folder/requirements.txt:1", "error: requirements.txt:1"),
        (f"{default_index_url().public} has it", "https://index.example/simple/ has it"),
        (f"see https://{HOST}/project/a/", "see https://index.example/project/a/"),
        (
            "from https://files.vendor.example/packages/7/8/a-1.0.zip (line 1)",
            "from https://files.example/a-1.0.zip (line 1)",
        ),
        (f"File {sys.prefix}/lib/a.py", "File …/lib/a.py"),
        ("\n\nERROR: a\n[notice] A new release\n", "ERROR: a"),
        ("x" * 500, f"{'x' * 400} …"),
    ],
)
def test_what_differs_between_runs_and_machines_is_replaced_or_left_out(said: str, shown: str) -> None:
    assert shorten(said, FOLDER) == shown


def test_middle_of_a_long_message_is_left_out() -> None:
    lines = shorten("\n".join(f"line {number}" for number in range(30)), FOLDER).splitlines()

    assert (lines[0], lines[7], lines[-1]) == ("line 0", "… 16 more lines …", "line 29")


def test_page_has_a_row_and_three_messages_for_each_list() -> None:
    one = FailingList(title="a title", requirements=("a", "b==2"), python="3.9", better="uv", why="it says why")

    page = render_page([one], {"a title": {"lock": "no solution", "uv": "hint: b", "pip": "ERROR"}})

    assert "| a title | uv | it says why |" in page
    assert "uv: 1, of 1 lists." in page
    assert "## 1. a title\n\n```\na\nb==2\n```\n\nFor Python 3.9.\n\n**pinfold**\n\n```\nno solution\n```\n" in page


def test_thirty_lists_have_a_verdict_and_the_documentation_has_them() -> None:
    lists = read_failing_lists(LISTS)
    page = PAGE.read_text(encoding="utf-8")

    assert len(lists) >= 30
    assert {one.better for one in lists} <= set(BETTER)
    assert [one.title for one in lists if f"| {one.title} | {one.better} | {one.why} |" not in page] == []
    assert page.count("\n**uv**\n") == page.count("\n**pip**\n") == len(lists)
    assert "**pinfold**\n\n```\n(it locks)" not in page
    assert "Traceback" not in page
    assert HOST not in page
