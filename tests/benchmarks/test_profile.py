"""The profile of a run by stage."""

from __future__ import annotations

import pytest

from benchmarks.profile import find_stage, main, render_profile


@pytest.mark.parametrize(
    ("stack", "stage"),
    [
        ([("/x/resolver/solve/search/provider.py", "order"), ("/x/resolver/locking/locker.py", "lock")], "search"),
        ([("/y/re/__init__.py", "compile"), ("/x/resolver/fetch/http/wire.py", "<module>")], "imports"),
        ([("<frozen importlib._bootstrap>", "_load"), ("/x/resolver/solve/solving.py", "solve")], "imports"),
        ([("/y/json/decoder.py", "decode"), ("/x/resolver/fetch/evidence.py", "find")], "pages and metadata"),
        ([("/x/resolver/cli/recording.py", "finish")], "record of the run"),
        ([("/x/resolver/cli/parser.py", "parse")], "reading and planning"),
        ([("/y/threading.py", "wait")], "other"),
    ],
)
def test_the_innermost_frame_of_the_product_decides(stack: list[tuple[str, str]], stage: str) -> None:
    assert find_stage(stack) == stage


def test_the_stages_are_shown_longest_first_and_add_up() -> None:
    text = render_profile("a, cold", {"search": 0.03, "imports": 0.05}, seconds=0.1)

    assert text.splitlines() == [
        "a, cold: 100 ms of processor time",
        "    50.0 ms  50%  imports",
        "    30.0 ms  30%  search",
        "    20.0 ms  20%  other threads and processes",
    ]


def test_a_case_that_does_not_search_is_refused() -> None:
    with pytest.raises(SystemExit):
        main(["--store", "store", "--cases", "cold,check", "list.txt"])
