from __future__ import annotations

import pytest
from packaging.version import Version

from resolver.errors import ResolutionError
from resolver.requirements.requirement_list import parse_requirement_list
from resolver.solve.build_problem import build_problem
from resolver.solve.problem import Problem
from resolver.solve.solving import solve
from tests.solve.cuda.machine_lists import build_indexes, build_target, pins
from tests.solve.memory_source import DEFAULT_INDEX, MemorySource
from tests.solve.problems import release
from tests.solve.pytorch_indexes import build_pytorch_indexes

B200 = build_target("GPU-B200", "570.133.20")


def pose(*texts: str) -> Problem:
    return build_problem(parse_requirement_list(list(texts)), target=B200, indexes=build_indexes())


def test_a_pin_of_a_torch_that_cannot_run_is_refused_without_a_request() -> None:
    source = MemorySource(releases=build_pytorch_indexes(), target=B200)
    with pytest.raises(ResolutionError, match="none has kernels for sm_100"):
        solve(pose("torch==2.6.0"), source)
    assert (source.asked_pages, source.ahead_pages) == ([], [])


def test_with_an_index_of_the_user_a_pin_is_looked_for_there() -> None:
    source = MemorySource(releases=build_pytorch_indexes(), target=B200)
    with pytest.raises(ResolutionError):
        solve(pose("torch==2.6.0", "--extra-index-url", "https://download.pytorch.org/whl/cu124"), source)
    assert source.asked_pages


def test_pins_of_the_list_count_more_than_the_table_of_companions() -> None:
    target = build_target("GPU-A100", "570.133.20")
    releases = [release("torch", "2.6.0"), release("torchaudio", "2.5.0")]
    problem = build_problem(
        parse_requirement_list(["torch==2.6.0", "torchaudio==2.5.0"]), target=target, indexes=build_indexes()
    )
    resolution = solve(problem, MemorySource(releases={DEFAULT_INDEX: releases}, target=target))
    assert pins(resolution) == {"torch": Version("2.6.0"), "torchaudio": Version("2.5.0")}
    assert "`torchaudio 2.5.0` goes with torch 2.5.0, not with 2.6.0: the list pins it" in resolution.warnings
