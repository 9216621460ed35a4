"""The search against brute force where rules decide what is a candidate: markers, builds, scopes, and labels of CUDA.

`tests.solve.test_oracle` has universes of one index. Here a universe is restricted by the documented rules first, and
brute force then looks for a solution in what is left: sound (the answer is one of the solutions) and complete (found
wherever one exists). `PINFOLD_LONG=1` (`bash .ci/long`) tries a hundred times as many.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from resolver.errors import ResolutionError
from resolver.requirements.requirement_list import parse_requirement_list
from resolver.solve.build_problem import build_problem
from resolver.solve.problem import Problem
from resolver.solve.resolution import Resolution
from resolver.solve.solving import solve
from tests.solve.cuda.machine_lists import build_indexes, build_target
from tests.solve.memory_source import DEFAULT_INDEX, TARGET, MemorySource, Release, index_location
from tests.solve.problems import build_root, release
from tests.solve.pytorch_indexes import PYTORCH
from tests.solve.test_oracle import NAMES, VERSIONS, close, iter_solutions, requirement_texts

_TIMES = 100 if "PINFOLD_LONG" in os.environ else 1
_EXTRA_INDEX = "https://extra.example/simple/"
_MARKERS = (
    "",
    "",
    "",
    '; sys_platform == "win32"',
    '; python_version >= "3.8"',
    '; extra == "x"',
    '; extra == "x" and python_version < "3.8"',
    '; extra == "x" or sys_platform == "linux"',
)


@st.composite
def lines(draw: st.DrawFn) -> str:
    return draw(requirement_texts()) + draw(st.sampled_from(_MARKERS))


@st.composite
def ruled_releases(draw: st.DrawFn) -> list[Release]:
    """Releases of which some need a build, are yanked, or are for another Python."""
    return [
        release(
            name,
            version,
            *draw(st.lists(lines(), max_size=2)),
            extras=("x",),
            needs_build=draw(st.sampled_from([False, False, False, True])),
            yanked=draw(st.sampled_from([None, None, None, "broken"])),
            python=draw(st.sampled_from([None, None, None, ">=3.13"])),
        )
        for name in NAMES
        for version in draw(st.lists(st.sampled_from(VERSIONS), unique=True, max_size=3))
    ]


def is_usable(one: Release) -> bool:
    """Whether the rules leave a release as a candidate: no build, not yanked, for this Python."""
    fits = one.python is None or SpecifierSet(one.python).contains(TARGET.python.full)
    return fits and not one.needs_build and one.yanked is None


def answer(problem: Problem, releases: Mapping[str, Sequence[Release]]) -> Resolution | None:
    try:
        return solve(problem, MemorySource(releases=releases, target=problem.target))
    except ResolutionError:
        return None


def assert_agrees(found: Resolution | None, roots: Sequence[str], usable: Sequence[Release]) -> None:
    """The answer is a solution of brute force, and there is one exactly where brute force has one."""
    assert (found is not None) == any(True for _ in iter_solutions(roots, usable))
    if found is not None:
        known = {(str(one.name), Version(one.version)): one for one in usable}
        chosen = {str(pin.name): known[str(pin.name), pin.version] for pin in found.pins}
        assert close(roots, chosen) == {str(pin.name): pin.extras for pin in found.pins}


@settings(max_examples=80 * _TIMES)
@given(st.lists(requirement_texts(), min_size=1, max_size=3), ruled_releases())
def test_markers_builds_yanks_and_pythons(roots: list[str], releases: list[Release]) -> None:
    # A yanked release is a candidate for `==` alone: such roots are another rule, with tests of its own.
    roots = [root for root in roots if "==" not in root] or ["a"]
    releases = [one for one in releases if one.yanked is None or not any("==" in text for text in one.requires)]
    named = {Requirement(text).name for one in releases for text in one.requires if "==" in text}
    releases = [one for one in releases if one.yanked is None or one.name not in named]
    problem = Problem(
        target=TARGET,
        roots=tuple(build_root(text, item=item) for item, text in enumerate(roots)),
        locations=lambda name: (index_location(),),
        no_build=True,
    )

    found = answer(problem, {DEFAULT_INDEX: releases})

    assert_agrees(found, roots, [one for one in releases if is_usable(one)])


@settings(max_examples=80 * _TIMES)
@given(
    st.lists(requirement_texts(), min_size=1, max_size=3),
    ruled_releases(),
    ruled_releases(),
    st.sets(st.sampled_from(NAMES)),
    st.sampled_from(["first-index", "best-match"]),
)
def test_scopes_of_two_indexes(
    roots: list[str], default: list[Release], extra: list[Release], scoped: set[str], strategy: str
) -> None:
    """`scoped` are the names that the extra index serves, in front of the default one."""
    default, extra = ([one for one in side if one.yanked is None] for side in (default, extra))
    problem = Problem(
        target=TARGET,
        roots=tuple(build_root(text, item=item) for item, text in enumerate(roots)),
        locations=lambda name: (
            (index_location(_EXTRA_INDEX), index_location()) if name in scoped else (index_location(),)
        ),
        index_strategy="first-index" if strategy == "first-index" else "best-match",
        no_build=True,
    )

    found = answer(problem, {DEFAULT_INDEX: default, _EXTRA_INDEX: extra})

    candidates: list[Release] = []
    for name in NAMES:
        here, there = ([one for one in side if one.name == name] for side in (default, extra))
        if name not in scoped:
            candidates += here
        elif strategy == "first-index":
            # An index that has the project supplies all of its files, usable or not.
            candidates += there or here
        else:
            # The same version on both: either may be chosen, so the universes agree in what it requires.
            versions = {one.version for one in there}
            candidates += [*there, *(one for one in here if one.version not in versions)]
    if strategy == "best-match" and _have_versions_in_common(default, extra, scoped):
        return
    assert_agrees(found, roots, [one for one in candidates if is_usable(one)])


def _have_versions_in_common(default: Sequence[Release], extra: Sequence[Release], scoped: set[str]) -> bool:
    """Whether a version is on both indexes, so that ties between files decide which requirements it has."""
    here = {(one.name, one.version) for one in default if one.name in scoped}
    return any((one.name, one.version) in here for one in extra)


_LABELS = ("cu118", "cu124", "cu126")
_TORCH = (("2.6.0", "0.21.0"), ("2.7.0", "0.22.0"))


@settings(max_examples=60 * _TIMES)
@given(
    st.sets(st.sampled_from([*product(range(2), _LABELS)])),
    st.sets(st.sampled_from([*product(range(2), _LABELS)])),
    st.sampled_from(["torch", "torch==2.6.0", "torch>=2.7", "torch==2.6.0+cu124"]),
    st.sampled_from(["torchvision", "torchvision<0.22", "torchvision==0.22.0"]),
)
def test_builds_of_cuda_never_mix_labels(
    torches: set[tuple[int, str]], visions: set[tuple[int, str]], torch: str, vision: str
) -> None:
    """Two companions on the family's indexes, each build there or not: `<cuda>` binds them to one label."""
    target = build_target("GPU-A100", "570.133.20")
    releases: dict[str, list[Release]] = {DEFAULT_INDEX: []}
    for label in _LABELS:
        page = releases.setdefault(f"{PYTORCH}{label}", [])
        tags = ("cp311-cp311-manylinux_2_28_x86_64",)
        page += [
            release("torch", f"{_TORCH[row][0]}+{label}", wheels=tags)
            for row, found in sorted(torches)
            if found == label
        ]
        page += [
            release("torchvision", f"{_TORCH[row][1]}+{label}", f"torch=={_TORCH[row][0]}", wheels=tags)
            for row, found in sorted(visions)
            if found == label
        ]
    problem = build_problem(parse_requirement_list([torch, vision]), target=target, indexes=build_indexes())

    found = answer(problem, releases)

    solutions = {
        (f"{_TORCH[row][0]}+{label}", f"{_TORCH[row][1]}+{label}")
        for row, label in torches & visions
        if Requirement(torch).specifier.contains(f"{_TORCH[row][0]}+{label}")
        and Requirement(vision).specifier.contains(f"{_TORCH[row][1]}+{label}")
    }
    assert (found is not None) == bool(solutions)
    if found is not None:
        pins = {str(pin.name): str(pin.version) for pin in found.pins}
        assert (pins["torch"], pins["torchvision"]) in solutions
        # DESIGN: release descending; within a release the highest CUDA.
        assert (pins["torch"], pins["torchvision"]) == max(solutions, key=lambda one: [Version(text) for text in one])
