"""A resolution survives its text, or has none."""

from __future__ import annotations

import json
from dataclasses import replace

from resolver.errors import Position
from resolver.index.distribution_file import Archive
from resolver.solve.problem import Problem
from resolver.solve.resolution import ChosenBuild, Resolution, dump_resolution, load_resolution
from resolver.solve.solving import solve
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource
from tests.solve.problems import pose, release


def solve_two() -> tuple[Problem, Resolution]:
    releases = [
        release("a", "1.0", "b[x]>=1", build_tag="3", uploaded="2024-01-01T00:00:00Z"),
        release("b", "2.0+cu124", "c; extra == 'x'", extras=("x",), yanked="broken", python=">=3.8"),
        release("c", "3.0rc1", wheels=(), sdist=True),
    ]
    problem = pose(["a", "b==2.0+cu124", "c==3.0rc1"])
    return problem, solve(problem, MemorySource(releases={DEFAULT_INDEX: releases}))


def test_resolution_is_read_as_it_was_written() -> None:
    problem, resolution = solve_two()
    resolution = replace(resolution, warnings=("`b` is yanked",))

    text = dump_resolution(resolution, problem.roots)

    assert text is not None
    assert load_resolution(text, problem.roots) == resolution
    assert [pin.name for pin in resolution.pins] == ["a", "b", "c"]


def test_requesters_have_the_positions_of_the_roots_that_ask_now() -> None:
    problem, resolution = solve_two()
    text = dump_resolution(resolution, problem.roots)
    moved = [replace(root, position=Position(item=number + 7)) for number, root in enumerate(problem.roots)]

    assert text is not None
    found = load_resolution(text, moved).pins[0].requesters[0]
    assert found.position == moved[0].position


def test_version_of_a_file_is_kept_as_the_file_spells_it() -> None:
    problem, resolution = solve_two()
    text = dump_resolution(resolution, problem.roots)
    assert text is not None
    assert [pin[8][1] for pin in json.loads(text)[0]] == ["1.0", "2.0+cu124", "3.0rc1"]


def test_the_build_of_a_resolution_is_kept() -> None:
    problem, resolution = solve_two()
    built = replace(resolution, build=ChosenBuild(cuda="cu124", why="the driver"))
    text = dump_resolution(built, problem.roots)
    assert text is not None
    assert load_resolution(text, problem.roots) == built


def test_resolution_of_other_roots_has_no_text() -> None:
    _, resolution = solve_two()
    assert dump_resolution(resolution, ()) is None


def test_resolution_that_the_text_would_not_say_in_full_has_none() -> None:
    problem, resolution = solve_two()
    first, *rest = resolution.pins
    direct = replace(first, file=replace(first.file, origin=Archive()))
    assert dump_resolution(replace(resolution, pins=(direct, *rest)), problem.roots) is None
