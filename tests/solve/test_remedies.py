"""Remedies of all scenarios without a solution: each that claims to solve its list is followed, and the list solved."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, assert_never

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName

from resolver.errors import FetchError, Position
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.index.project_page import ProjectPage
from resolver.solve.explanation import Change, ChosenOption, EarlierFlag, Remedy, WrittenLine
from resolver.solve.problem import Problem, Root
from resolver.solve.remedies import TrialResult, Trials
from resolver.solve.search.universe import Conflict, Found, Universe
from tests.solve.memory_source import DEFAULT_INDEX, TARGET, MemorySource, Release, index_location
from tests.solve.scenario import Scenario, find_explanation, iter_scenarios, run_scenario

FAILING = [scenario for scenario in iter_scenarios() if "error" in scenario.table]
_OPTIONS = {
    "--python": ("target", "python"),
    "--platform": ("target", "platform"),
    "-m": ("target", "machine"),
    "--exclude-newer": ("options", "exclude-newer"),
}


def follow(scenario: Scenario, remedy: Remedy) -> Scenario:
    """The scenario as a user writes it who does what the remedy says."""
    table = copy.deepcopy(dict(scenario.table))
    # Lines keep their places until flags come in, and a flag at the beginning moves all of them.
    order = {WrittenLine: 0, EarlierFlag: 1, ChosenOption: 2}
    for change in sorted(remedy.changes, key=lambda change: order[type(change)]):
        _apply(table, change)
    return Scenario(name=f"{scenario.name}: {remedy.texts}", table=table)


def _apply(table: dict[str, Any], change: Change) -> None:
    match change:
        case WrittenLine(position=position, text=text):
            _write(table, position, text)
        case EarlierFlag(text=text, position=position, before=before):
            items, start = _find_items(table, before), before.item
            assert start is not None
            if position is not None:
                assert position.item is not None
                assert items[position.item] == text.split()[0]
                del items[position.item : position.item + 2]
            items[start:start] = text.split()
        case ChosenOption(name="--pre"):
            first = table["list"][0] if isinstance(table["list"][0], list) else table["list"]
            first.insert(0, "--pre")
        case ChosenOption(name="allow", value=value):
            table.setdefault("options", {}).setdefault("allow", []).append(value)
        case ChosenOption(name="override-dependencies", value=value):
            table.setdefault("overrides", []).append(value)
        case ChosenOption(name="index-strategy", value=value):
            table.setdefault("options", {})["index-strategy"] = value
        case ChosenOption(name=name, value=value):
            group, key = _OPTIONS[name]
            table.setdefault(group, {})[key] = value
        case _:
            assert_never(change)


def _find_items(table: dict[str, Any], position: Position) -> list[str]:
    """The items of the layer of a position in the list itself."""
    assert position.source == "requirements"
    items: list[str] = table["list"] if position.layer is None else table["list"][position.layer]
    return items


def _write(table: dict[str, Any], position: Position, text: str) -> None:
    if position.line is None:
        assert position.item is not None
        _find_items(table, position)[position.item] = text
        return
    lines = table["text-files"][position.source].splitlines()
    lines[position.line - 1] = text
    table["text-files"][position.source] = "\n".join(lines)


@pytest.mark.parametrize("scenario", FAILING, ids=[scenario.name for scenario in FAILING])
def test_each_remedy_that_was_tried_solves_the_list(scenario: Scenario) -> None:
    explanation = find_explanation(scenario)
    tried = [remedy for remedy in explanation.remedies if remedy.is_tried] if explanation is not None else []
    unsolved = {
        remedy.texts: answer.error for remedy in tried if (answer := run_scenario(follow(scenario, remedy))).error
    }

    assert unsolved == {}


def test_most_lists_without_a_solution_have_a_remedy_that_was_tried() -> None:
    found = [explanation for scenario in FAILING if (explanation := find_explanation(scenario)) is not None]
    tried = [explanation for explanation in found if any(remedy.is_tried for remedy in explanation.remedies)]

    assert len(tried) > len(found) / 2


def test_tried_remedies_come_first_and_at_most_three_with_the_weakening_ones_last_of_them() -> None:
    for scenario in FAILING:
        explanation = find_explanation(scenario)
        remedies = () if explanation is None else explanation.remedies
        tried = [remedy for remedy in remedies if remedy.is_tried]

        assert list(remedies[: len(tried)]) == tried
        assert len(tried) <= 3
        assert [remedy.is_weakening for remedy in tried] == sorted(remedy.is_weakening for remedy in tried)


def test_every_kind_of_change_is_tried_by_some_scenario() -> None:
    found = [explanation for scenario in FAILING if (explanation := find_explanation(scenario)) is not None]
    changes = [change for one in found for remedy in one.remedies if remedy.is_tried for change in remedy.changes]

    assert {type(change) for change in changes} == {WrittenLine, EarlierFlag, ChosenOption}
    assert {change.name for change in changes if isinstance(change, ChosenOption)} == {
        "--python",
        "--platform",
        "-m",
        "--pre",
        "--exclude-newer",
        "allow",
        "index-strategy",
        "override-dependencies",
    }


def test_a_relaxed_line_gives_the_version_that_the_message_names() -> None:
    given = []
    for scenario in FAILING:
        explanation = find_explanation(scenario)
        for remedy in explanation.remedies if explanation is not None else ():
            change = remedy.changes[0] if len(remedy.changes) == 1 else None
            if isinstance(change, WrittenLine) and ": gives " in remedy.texts[0]:
                pins = run_scenario(follow(scenario, remedy)).pins or {}
                given.append(
                    (remedy.texts[0].rpartition(" ")[2], pins.get(Requirement(change.text).name, "").partition("+")[0])
                )

    assert len(given) > 20
    assert [pair for pair in given if pair[0] != pair[1]] == []


def build_problem_of(*names: str) -> Problem:
    roots = [
        Root(position=Position(item=number), text=name, name=NormalizedName(name)) for number, name in enumerate(names)
    ]
    return Problem(target=TARGET, roots=roots, locations=lambda name: (index_location(),))


def read_in_trial(names: Sequence[str], *releases: Release, source: PackageSource | None = None) -> list[TrialResult]:
    """What a trial comes to that reads the pages of projects and the metadata of all of their files; twice."""
    inner = source or MemorySource(releases={DEFAULT_INDEX: releases})

    def look(problem: Problem, source: PackageSource) -> tuple[Universe, Found]:
        assert source.observe is None and source.answers is None
        for name in names:
            page = source.project_page(NormalizedName(name), index_location())
            for row in range(0 if page is None else len(page.versions)):
                assert page is not None
                source.dependencies(page.files(row)[0])
        return Universe(problem, source), Found(rows={}, steps=0)

    trials = Trials(look=look, open_source=lambda target: inner)
    return [trials.run(build_problem_of(*names))[0] for _ in range(2)]


def test_a_trial_is_bounded_by_what_it_reads() -> None:
    many = [Release(name=NormalizedName("a"), version=f"{number}.0") for number in range(50)]
    wide = [Release(name=NormalizedName(f"p{number}"), version="1.0") for number in range(250)]

    assert read_in_trial(["a"], *many[:30]) == [TrialResult.SOLVED] * 2
    assert read_in_trial(["a"], *many) == [TrialResult.UNKNOWN] * 2
    assert read_in_trial([f"p{number}" for number in range(150)], *wide) == [TrialResult.SOLVED] * 2
    assert read_in_trial([f"p{number}" for number in range(250)], *wide) == [TrialResult.UNKNOWN] * 2


def test_a_trial_builds_nothing() -> None:
    sdist = Release(name=NormalizedName("a"), version="1.0", wheels=(), sdist=True, built=True)

    assert read_in_trial(["a"], sdist) == [TrialResult.CONFLICT] * 2


def test_a_location_that_fails_is_queried_by_one_trial_alone() -> None:
    class Failing(MemorySource):
        queries = 0

        def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
            self.queries += 1
            raise FetchError("no answer", url=location.url.public)

    source = Failing(releases={})

    assert read_in_trial(["a"], source=source) == [TrialResult.UNKNOWN] * 2
    assert source.queries == 1


def test_trials_end_after_a_number_of_them_and_with_a_list_of_hashes() -> None:
    looked = []

    def look(problem: Problem, source: PackageSource) -> tuple[Universe, Conflict]:
        looked.append(problem)
        return Universe(problem, source), Conflict(causes=(), steps=0)

    trials = Trials(look=look, open_source=lambda target: MemorySource(releases={}))
    results = [trials.run(build_problem_of("a"))[0] for _ in range(20)]

    assert set(results[: len(looked)]) == {TrialResult.CONFLICT}
    assert 0 < len(looked) < 20
    assert set(results[len(looked) :]) == {TrialResult.UNKNOWN}
    fresh = Trials(look=look, open_source=lambda target: MemorySource(releases={}))
    assert fresh.run(replace(build_problem_of("a"), require_hashes=True))[0] is TrialResult.UNKNOWN
    assert fresh.run(None)[0] is TrialResult.UNKNOWN
