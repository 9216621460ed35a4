"""Every scenario of `scenarios/*.toml`, with and without what is prefetched arriving."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tests.solve.scenario import Scenario, iter_scenarios, run_scenario

SCENARIOS = list(iter_scenarios())
EXPECTED = ("pins", "files", "requesters", "warnings", "error", "asked", "asked_indexes")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
@pytest.mark.parametrize("eager", [True, False], ids=["speculation", "no speculation"])
def test_scenario_has_its_answer(scenario: Scenario, eager: bool) -> None:
    answer = asdict(run_scenario(scenario, eager=eager))
    expected = {key: scenario.table[key] for key in EXPECTED if key in scenario.table}
    assert "pins" in expected or "error" in expected
    if isinstance(expected.get("error"), str):
        expected["error"] = expected["error"].rstrip("\n")
    # A scenario that names some files or requesters only says nothing of the others.
    for key in ("files", "requesters"):
        if key in expected:
            answer[key] = {name: value for name, value in answer[key].items() if name in expected[key]}
    assert {key: answer[key] for key in expected} == expected


def test_there_are_scenarios_for_every_topic() -> None:
    assert len(SCENARIOS) >= 80


def test_sixty_lists_that_people_write_have_their_whole_message_and_half_of_them_are_public_reports() -> None:
    messages = [scenario.table for scenario in SCENARIOS if scenario.name.startswith("messages: ")]
    reports = {table["report"] for table in messages if "report" in table}

    assert sum(isinstance(table.get("error"), str) for table in messages) >= 60
    assert len(reports) >= 30
