"""What a search costs, counted in candidates whose demands were asked for: in proportion to the versions, no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from resolver.solve.diagnosis import build_error
from resolver.solve.search.backtracking import search_by_backtracking
from resolver.solve.search.universe import Conflict, Found, Universe
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource, Release
from tests.solve.problems import pose, release


def search(roots: Sequence[str], releases: Sequence[Release]) -> Found | Conflict:
    source = MemorySource(releases={DEFAULT_INDEX: releases}, eager=False)
    return search_by_backtracking(Universe(pose(roots), source))


def iter_pairs(projects: int, versions: int) -> Iterator[Release]:
    """Projects `p` that each pin a `q` of their version; the first `q` and the last exclude each other over `d`."""
    yield from (release("d", "1"), release("d", "2"))
    for number in range(projects):
        needs = {0: "d<2", projects - 1: "d>=2"}.get(number, "d")
        for version in range(1, versions + 1):
            yield release(f"p{number}", f"{version}", f"q{number}=={version}")
            yield release(f"q{number}", f"{version}", needs)


def iter_cloud(versions: int) -> Iterator[Release]:
    """A client in lock-step with its core, a transfer library with wide windows, and an old core's small dependency."""
    for number in range(versions):
        yield release("client", f"1.{number}", f"core>=1.{number},<1.{number + 1}", f"transfer>=0.{number // 10}")
        yield release("core", f"1.{number}", "pool<2" if number < versions // 2 else "pool<3")
    for number in range(versions // 10):
        yield release("transfer", f"0.{number}", f"core>=1.{number * 10},<2")
    for number in range(versions // 5):
        yield release("async-client", f"2.{number}", f"core>=1.{number * 5},<1.{number * 5 + 2}")
    yield from (release("pool", "1.26"), release("pool", "2.0"), release("pool", "2.1"))


@pytest.mark.parametrize("versions", [10, 20, 40])
@pytest.mark.parametrize("projects", [2, 4, 6])
def test_a_hidden_conflict_of_two_entries_costs_one_pass(projects: int, versions: int) -> None:
    outcome = search([f"p{number}" for number in range(projects)], list(iter_pairs(projects, versions)))
    assert isinstance(outcome, Conflict)
    assert outcome.is_proven
    assert outcome.steps <= 3 * projects * versions + 20


@pytest.mark.parametrize("versions", [10, 20, 40])
def test_a_wrong_decision_above_a_hidden_conflict_is_undone(versions: int) -> None:
    above = [release("x", "2", "y"), release("x", "1"), release("y", "1", "p0", "p1", "p2", "p3")]
    outcome = search(["x"], [*iter_pairs(4, versions), *above])
    assert isinstance(outcome, Found)
    assert outcome.steps <= 8 * versions + 20


@pytest.mark.parametrize("versions", [10, 20, 40])
def test_a_chain_of_unbounded_requirements_against_an_entry_costs_one_pass(versions: int) -> None:
    releases = [release("d", "1"), release("d", "2")]
    for number in range(6):
        needs = f"c{number + 1}" if number < 5 else "d<2"
        releases += [release(f"c{number}", f"{version}", needs) for version in range(1, versions + 1)]
    outcome = search(["c0", "d>=2"], releases)
    assert isinstance(outcome, Conflict)
    assert outcome.steps <= 8 * versions


@pytest.mark.parametrize("versions", [50, 100, 200])
def test_a_client_in_lock_step_with_its_core_finds_the_common_version(versions: int) -> None:
    outcome = search(["client", "async-client"], list(iter_cloud(versions)))
    assert isinstance(outcome, Found)
    assert outcome.steps <= versions


@pytest.mark.parametrize("versions", [50, 100, 200])
def test_a_client_in_lock_step_against_an_entry_costs_one_pass(versions: int) -> None:
    outcome = search(["client", "async-client", "pool>=2.1", f"core<1.{versions // 2 - 5}"], list(iter_cloud(versions)))
    assert isinstance(outcome, Conflict)
    assert outcome.steps <= 3 * versions


@pytest.mark.parametrize("versions", [10, 20, 40])
def test_narrow_windows_meet_in_one_pass(versions: int) -> None:
    releases = [release("d", f"{version}") for version in range(1, versions + 6)]
    for name, needed in (("a", "b"), ("b", "c"), ("c", "d")):
        for version in range(1, versions + 1):
            releases.append(release(name, f"{version}", f"{needed}>={version},<{version + 3}"))
    assert isinstance(search(["a>=3", "d<=2", "c"], releases), Conflict)
    found = search(["a", "d<=9", "c"], releases)
    assert isinstance(found, Found)
    assert found.steps <= 5 * versions


def test_entries_that_say_the_same_are_one_demand() -> None:
    source = MemorySource(releases={DEFAULT_INDEX: [release("a", "1"), release("a", "2")]}, eager=False)
    universe = Universe(pose(["a>=1", "a[x]>=1", "a>=1", "a<3", "a>=1"]), source)

    assert [(demand.node, demand.text, demand.root) for demand in universe.root_demands()] == [
        (("a", ""), "a>=1", 0),
        (("a", "x"), "a[x]>=1", 1),
        (("a", ""), "a<3", 3),
    ]


def test_a_search_that_gives_up_says_where_it_stood() -> None:
    releases = [release("a", "1"), release("a", "2"), release("b", "1", "c"), release("c", "1")]
    releases += [release("b", f"{version}", "a<2") for version in range(2, 6)]
    universe = Universe(pose(["a", "b"]), MemorySource(releases={DEFAULT_INDEX: releases}, eager=False))
    outcome = search_by_backtracking(universe, max_rounds=2)
    assert isinstance(outcome, Conflict)
    assert not outcome.is_proven
    assert str(build_error(universe, outcome)).splitlines() == [
        "no solution found within the limits of the search for Python 3.11 on manylinux_2_35_x86_64",
        "the search gave up after 2 rounds, in which `b` lost releases to `a`",
    ]


@pytest.mark.parametrize("versions", [40, 80, 160])
def test_releases_that_contradict_the_same_decision_are_passed_over_together(versions: int) -> None:
    """A pin of an app, and a library that only newer releases of a third project satisfy, as in `axolotl`."""
    releases = [release("app", f"{number}", "engine<1.2", "tracker", "hub") for number in (1, 2)]
    releases += [release("engine", "1.1"), release("engine", "1.2")]
    releases += [release("hub", f"2.{number}", "engine>=1.2") for number in range(20)]
    releases += [release("hub", "1.0", "engine")]
    releases += [release("tracker", f"1.{number}", "hub>=2") for number in range(versions)]
    releases += [release("tracker", "0.1", "hub")]
    outcome = search(["app"], releases)
    assert isinstance(outcome, Found)
    # Each release of the library alone would try all releases of the third project.
    assert outcome.steps <= versions + 20 * 22
