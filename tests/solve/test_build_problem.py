"""Hashes of the list: what has none where each needs one, and what has another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resolver.errors import HashMismatchError
from resolver.solve.build_problem import MissingHashesError, check_contents, check_required_hashes
from resolver.solve.problem import Problem
from resolver.solve.solving import solve
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource
from tests.solve.problems import pose, release

GIVEN = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
SOURCE = MemorySource(releases={DEFAULT_INDEX: [release("a", "1", "b", hashes=(GIVEN,)), release("b", "2")]})


def with_hashes(*hashes: str) -> Problem:
    """A list of `a`, whose line has these hashes."""
    problem = pose(["a"])
    return replace(problem, roots=tuple(replace(root, hashes=hashes) for root in problem.roots))


def test_pins_without_a_hash_in_the_list_are_told_with_the_lines_that_it_needs() -> None:
    problem = with_hashes(GIVEN)
    resolution = solve(problem, SOURCE)

    with pytest.raises(MissingHashesError) as caught:
        check_required_hashes(problem, resolution, SOURCE)

    line = f"b==2 --hash=sha256:{resolution.pins[1].file.sha256}"
    assert caught.value.lines == (line,)
    assert str(caught.value) == (
        "`--require-hashes` needs a hash for every package, and 1 of them have none\n"
        "  try: add these lines, once you have verified them\n"
        f"    {line}"
    )


def test_pins_with_a_hash_each_are_accepted() -> None:
    problem = with_hashes(GIVEN)
    resolution = solve(problem, SOURCE)
    check_required_hashes(problem, replace(resolution, pins=resolution.pins[:1]), SOURCE)


def test_file_with_another_hash_than_the_list_is_refused() -> None:
    resolution = solve(pose(["a"]), SOURCE)
    check_contents(with_hashes(GIVEN), resolution)

    with pytest.raises(HashMismatchError) as caught:
        check_contents(with_hashes(OTHER), resolution)

    assert str(caught.value) == (
        "`a-1-py3-none-any.whl` has none of the hashes that the list gives for `a`\n"
        f"  listed: {OTHER}\n"
        f"  found:  {GIVEN}\n"
        "  try: find out which of them is right"
    )
    assert (caught.value.filename, caught.value.expected, caught.value.found) == ("a-1-py3-none-any.whl", OTHER, GIVEN)


def test_lines_that_have_no_hash_in_common_leave_none() -> None:
    problem = with_hashes(GIVEN)
    (root,) = problem.roots
    with pytest.raises(HashMismatchError) as caught:
        check_contents(replace(problem, constraints=(replace(root, hashes=(OTHER,)),)), solve(pose(["a"]), SOURCE))
    assert caught.value.expected == "none that all lines give"
