"""The search against brute force on small universes: solvable or not, closed, stable, and blind to order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version

from resolver.errors import ResolutionError
from resolver.solve.resolution import Resolution
from resolver.solve.solving import solve
from tests.solve.memory_source import DEFAULT_INDEX, TARGET, MemorySource, Release, evaluate
from tests.solve.problems import pose, release

NAMES = ("a", "b", "c", "d")
VERSIONS = ("1.0", "2.0", "3.0")

specifiers = st.sampled_from(["", "==1.0", "==2.0", "==3.0", "<2", "<3", ">=2", ">=3", "!=2.0", "<=2.0", ">1"])


@st.composite
def requirement_texts(draw: st.DrawFn) -> str:
    extra = draw(st.sampled_from(["", "", "[x]"]))
    return f"{draw(st.sampled_from(NAMES))}{extra}{draw(specifiers)}"


@st.composite
def dependency_lines(draw: st.DrawFn) -> str:
    marker = draw(st.sampled_from(["", "", '; extra == "x"']))
    return draw(requirement_texts()) + marker


@st.composite
def universes(draw: st.DrawFn) -> tuple[list[str], list[Release]]:
    releases = [
        release(name, version, *draw(st.lists(dependency_lines(), max_size=3)), extras=("x",))
        for name in NAMES
        for version in draw(st.lists(st.sampled_from(VERSIONS), unique=True, max_size=3))
    ]
    roots = draw(st.lists(requirement_texts(), min_size=1, max_size=3))
    return roots, releases


def needs(found: Release, extras: frozenset[str]) -> Iterator[Requirement]:
    dependencies = evaluate(found, TARGET)
    for text in dependencies.requires:
        yield Requirement(text)
    for extra, texts in dependencies.extras.items():
        for text in texts if extra in extras else ():
            yield Requirement(text)


def close(roots: Sequence[str], chosen: Mapping[str, Release]) -> dict[str, frozenset[str]] | None:
    """The names that the roots reach with their extras, or None where a requirement is not met."""
    reached: dict[str, frozenset[str]] = {}
    waiting = [Requirement(text) for text in roots]
    while waiting:
        requirement = waiting.pop()
        found = chosen.get(requirement.name)
        if found is None or not requirement.specifier.contains(found.version):
            return None
        extras = reached.get(requirement.name, frozenset()) | requirement.extras
        if requirement.name not in reached or extras != reached[requirement.name]:
            reached[requirement.name] = extras
            waiting += needs(found, extras)
    return reached


def iter_solutions(roots: Sequence[str], releases: Sequence[Release]) -> Iterator[dict[str, Release]]:
    choices = [[None, *(one for one in releases if one.name == name)] for name in NAMES]
    for picked in product(*choices):
        chosen = {one.name: one for one in picked if one is not None}
        reached = close(roots, {str(name): one for name, one in chosen.items()})
        if reached is not None and set(reached) == set(chosen):
            yield {str(name): one for name, one in chosen.items()}


def try_solve(roots: Sequence[str], releases: Sequence[Release], **options: Any) -> Resolution | str:
    try:
        return solve(pose(roots, **options), MemorySource(releases={DEFAULT_INDEX: releases}))
    except ResolutionError as error:
        return str(error)


@settings(max_examples=120)
@given(universes())
def test_a_list_is_solved_exactly_where_brute_force_finds_a_solution(universe: tuple[list[str], list[Release]]) -> None:
    roots, releases = universe
    answer = try_solve(roots, releases)
    assert isinstance(answer, Resolution) == any(True for _ in iter_solutions(roots, releases))


@settings(max_examples=60)
@given(universes())
def test_an_answer_is_closed(universe: tuple[list[str], list[Release]]) -> None:
    roots, releases = universe
    answer = try_solve(roots, releases)
    if isinstance(answer, Resolution):
        by_version = {(str(one.name), Version(one.version)): one for one in releases}
        chosen = {str(pin.name): by_version[str(pin.name), pin.version] for pin in answer.pins}
        assert close(roots, chosen) == {str(pin.name): pin.extras for pin in answer.pins}


@settings(max_examples=60)
@given(universes())
def test_locking_again_with_the_old_pins_changes_nothing(universe: tuple[list[str], list[Release]]) -> None:
    roots, releases = universe
    first = try_solve(roots, releases)
    if isinstance(first, Resolution):
        preferences = {pin.name: pin.version for pin in first.pins}
        again = try_solve(roots, releases, preferences=preferences)
        assert isinstance(again, Resolution)
        assert again.pins == first.pins


@settings(max_examples=60)
@given(universes(), st.randoms(use_true_random=False))
def test_the_order_of_a_page_and_speculation_do_not_matter(
    universe: tuple[list[str], list[Release]], random: Random
) -> None:
    roots, releases = universe
    shuffled = [replace(one) for one in releases]
    random.shuffle(shuffled)
    lazy = MemorySource(releases={DEFAULT_INDEX: shuffled}, eager=False)
    try:
        answer: Resolution | str = solve(pose(roots), lazy)
    except ResolutionError as error:
        answer = str(error)
    assert answer == try_solve(roots, releases)


@st.composite
def long_universes(draw: st.DrawFn) -> tuple[list[str], list[Release]]:
    """Three projects of eight versions, so that decisions cost each other more releases than the rule allows."""
    bounds = st.sampled_from(["", "<2", "<4", "<6", "<8", ">=3", ">=5", ">=7", "==1.0", "==8.0"])
    names = ("a", "b", "c")
    releases = [
        release(
            name,
            f"{version}.0",
            *(f"{other}{draw(bounds)}" for other in names if other != name and draw(st.booleans())),
        )
        for name in names
        for version in range(1, 9)
    ]
    return [f"{name}{draw(st.sampled_from(['', '<8', '>=2']))}" for name in draw(st.permutations(names))], releases


@settings(max_examples=60, deadline=None)
@given(long_universes())
def test_projects_that_change_places_are_solved_exactly_where_brute_force_finds_a_solution(
    universe: tuple[list[str], list[Release]],
) -> None:
    roots, releases = universe
    answer = try_solve(roots, releases)
    assert isinstance(answer, Resolution) == any(True for _ in iter_solutions(roots, releases))
