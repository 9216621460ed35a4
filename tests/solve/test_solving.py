"""What `solve` asks for and when, and what it hands over."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from resolver.errors import FetchError
from resolver.solve.diagnosis import NoSolutionError
from resolver.solve.explanation import Obstacle
from resolver.solve.solving import solve
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource, index_location
from tests.solve.problems import pose, release

OTHER_INDEX = "https://other.example/simple/"


def test_pages_of_all_entries_are_asked_for_before_anything_else() -> None:
    source = MemorySource(releases={DEFAULT_INDEX: [release("a", "1"), release("b", "1")]}, eager=False)
    solve(pose(["a", "b"]), source)
    assert source.ahead[:2] == ["a", "b"]


def test_the_best_candidate_and_what_it_needs_are_asked_for_ahead() -> None:
    releases = [
        release("a", "1"),
        release("a", "2", "b<2"),
        release("b", "1", "c"),
        release("b", "2"),
        release("c", "1"),
    ]
    source = MemorySource(releases={DEFAULT_INDEX: releases})
    solve(pose(["a"]), source)
    assert source.ahead == [
        "a",
        "a-2-py3-none-any.whl",
        "b",
        "b-1-py3-none-any.whl",
        "c",
        "c-1-py3-none-any.whl",
    ]


def test_each_page_is_judged_by_the_rules_of_its_own_index_when_asking_ahead() -> None:
    releases = {
        DEFAULT_INDEX: [release("a", "1", uploaded="2024-01-01T00:00:00Z")],
        OTHER_INDEX: [release("a", "2"), release("a", "1")],
    }
    problem = replace(
        pose(["a"], index_strategy="best-match", exclude_newer="2024-06-01T00:00:00Z"),
        exclude_newer_exempt=frozenset({OTHER_INDEX}),
        locations=lambda name: (index_location(), index_location(OTHER_INDEX)),
    )
    source = MemorySource(releases=releases)
    solve(problem, source)
    assert source.ahead == ["a", "a-2-py3-none-any.whl"]


def test_of_equal_files_the_one_that_the_search_prefers_is_asked_ahead() -> None:
    source = MemorySource(
        releases={DEFAULT_INDEX: [release("a", "1", "b")], OTHER_INDEX: [release("a", "1", "c"), release("c", "1")]}
    )
    problem = replace(
        pose(["a"], index_strategy="best-match"),
        locations=lambda name: (index_location(), index_location(OTHER_INDEX)),
    )
    solve(problem, source)
    assert source.ahead == ["a", "a-1-py3-none-any.whl", "c", "c-1-py3-none-any.whl"]


def test_the_second_failure_of_a_name_asks_for_ten_more() -> None:
    releases = [release("a", f"{version}", "b<2") for version in range(1, 31)]
    releases += [release("b", "1"), release("b", "2")]
    source = MemorySource(releases={DEFAULT_INDEX: releases}, eager=False)
    with pytest.raises(NoSolutionError):
        solve(pose(["a", "b>=2"]), source)
    asked = [int(name.split("-")[1]) for name in source.ahead if name.startswith("a-")]
    assert asked[:10] == list(range(28, 18, -1))


def test_a_speculation_that_fails_is_no_error() -> None:
    releases = {DEFAULT_INDEX: [release("a", "1")], OTHER_INDEX: [release("b", "1")]}
    source = MemorySource(releases=releases, failing=frozenset({OTHER_INDEX}))
    problem = pose(["a"])
    assert [pin.name for pin in solve(problem, source).pins] == ["a"]


def test_a_location_that_fails_ends_the_run() -> None:
    source = MemorySource(releases={}, failing=frozenset({DEFAULT_INDEX}))
    with pytest.raises(FetchError, match="answered 503"):
        solve(pose(["a"]), source)


def test_an_explanation_is_data() -> None:
    releases = [release("a", "1", "c<2"), release("b", "1", "c>=2"), release("c", "1"), release("c", "2")]
    with pytest.raises(NoSolutionError) as caught:
        solve(pose(["a", "b", "c"]), MemorySource(releases={DEFAULT_INDEX: releases}))
    collision = caught.value.explanation.collisions[0]
    assert collision.project == "c"
    assert collision.obstacle is Obstacle.EXCLUDE_EACH_OTHER
    assert [requirement.position.item for requirement in collision.requirements] == [0, 1]
    assert [str(requirement.links[0].needs) for requirement in collision.requirements] == ["c<2", "c>=2"]


def test_an_explanation_asks_for_no_metadata_that_the_search_did_not_read() -> None:
    releases = [release("a", f"{version}", "c<2") for version in range(1, 6)]
    releases += [release("b", "1", "c>=2"), release("c", "1"), release("c", "2")]
    source = MemorySource(releases={DEFAULT_INDEX: releases})
    with pytest.raises(NoSolutionError):
        solve(pose(["a", "b"]), source)
    assert len(source.asked_dependencies) == len(set(source.asked_dependencies))


def test_pins_carry_their_file_index_and_dependencies() -> None:
    releases = [release("a", "1", "b", "c"), release("b", "1"), release("c", "1")]
    resolution = solve(pose(["a"]), MemorySource(releases={DEFAULT_INDEX: releases}))
    assert [pin.name for pin in resolution.pins] == ["a", "b", "c"]
    assert resolution.pins[0].dependencies == ("b", "c")
    assert resolution.pins[0].index == DEFAULT_INDEX
    assert resolution.pins[0].file.filename == "a-1-py3-none-any.whl"


def test_a_file_from_find_links_has_no_index() -> None:
    links = "https://links.example/"
    source = MemorySource(releases={links: [release("a", "1")]})
    location = replace(index_location(links), form="find-links")
    problem = replace(pose(["a"]), locations=lambda name: (location,))
    assert solve(problem, source).pins[0].index is None


_PRINT_PINS = """
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource
from tests.solve.problems import pose, release
from resolver.solve.solving import solve
releases = [release(name, str(v), *(f"{needed}<={v + 1}" for needed in "abcdef" if needed > name), extras=("x", "y"))
            for name in "abcdef" for v in range(1, 6)]
resolution = solve(pose(["a[x,y]", "c[y]<4", "f<3"]), MemorySource(releases={DEFAULT_INDEX: releases}))
print(*((pin.name, str(pin.version), sorted(pin.extras), pin.requesters) for pin in resolution.pins), sep="\\n")
"""


def test_the_hash_seed_does_not_matter() -> None:
    answers = {
        subprocess.run(
            [sys.executable, "-c", _PRINT_PINS],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(answers) == 1
