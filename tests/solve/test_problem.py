"""Equal questions have one text, others another, and some have none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import Position
from resolver.solve.problem import Problem, render_question
from resolver.targets.accelerators import Cpu
from resolver.targets.target import parse_python_version
from tests.solve.memory_source import TARGET, index_location
from tests.solve.problems import pose


@dataclass(frozen=True)
class Settings:
    config_settings: tuple[str, ...] = ()


def render(problem: Problem, *behind: object) -> str:
    text = render_question(problem, *behind)
    assert text is not None
    return text


def test_equal_questions_have_equal_texts() -> None:
    assert render(pose(["a>=1,<2", "b"])) == render(pose(["a>=1,<2", "b"]))
    assert render(pose(["a>=1,<2", "b"])) != render(pose(["a>=1,<3", "b"]))


def test_order_of_sets_and_tables_changes_nothing() -> None:
    names = [NormalizedName(name) for name in ("x", "y", "z")]
    forward, backward = ({name: Version("1") for name in order} for order in (names, names[::-1]))
    one = pose(["a"], preferences=forward, excludes=frozenset(names))
    other = pose(["a"], preferences=backward, excludes=frozenset(names[::-1]))
    assert render(one) == render(other)


CHANGES: dict[str, dict[str, Any]] = {
    "constraints": {"constraints": pose(["b<2"]).roots},
    "excludes": {"excludes": frozenset({NormalizedName("b")})},
    "strategy": {"index_strategy": "best-match"},
    "preferences": {"preferences": {NormalizedName("b"): Version("1")}},
    "pre": {"pre": True},
    "named at": {"named_at": {"https://index.example/": Position(item=1)}},
    "date": {"exclude_newer": "2024-01-01T00:00:00Z"},
    "target": {"target": replace(TARGET, python=parse_python_version("3.12"))},
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_decides_the_answer_is_in_the_text(change: str) -> None:
    assert render(pose(["a"])) != render(replace(pose(["a"]), **CHANGES[change]))


@pytest.mark.parametrize(
    "behind",
    [None, True, 1, "text", ("a",), frozenset({"a"}), {"a": 1}, Version("1"), Marker("python_version > '3'")],
)
def test_values_behind_the_locations_are_in_the_text(behind: object) -> None:
    assert render(pose(["a"]), behind) != render(pose(["a"]), "other")


def test_specifiers_that_let_in_prereleases_are_others() -> None:
    plain, open_to_all = SpecifierSet(">=1"), SpecifierSet(">=1", prereleases=True)
    assert render(pose(["a"]), plain) != render(pose(["a"]), open_to_all)


def test_value_of_an_unknown_kind_has_no_text() -> None:
    assert render_question(pose(["a"]), object()) is None
    assert render_question(pose(["a"]), Settings) is None


def test_config_settings_have_no_text() -> None:
    assert render_question(pose(["a"]), Settings()) is not None
    assert render_question(pose(["a"]), Settings(config_settings=("secret",))) is None


def test_direct_references_have_no_text() -> None:
    assert render_question(pose(["a"], direct={NormalizedName("a"): index_location()})) is None


def test_accelerators_have_texts_of_their_own() -> None:
    problem = pose(["a"])
    here = render_question(replace(problem, target=replace(TARGET, accelerator=Cpu())))
    assert here not in (None, render_question(problem))
    # What a wheel holds is read by ranges, which no evidence covers.
    assert render_question(replace(problem, measures_kernels=True)) is None
