from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from resolver.index.version_sets import VersionSets

RELEASES = st.sampled_from(
    ["0", "0.0", "0.47", "0.48", "1", "1.0", "1.0.0", "1.0.1", "1.1", "1.10", "1.2", "2", "2.5.0"]
)
EPOCHS = st.sampled_from(["", "", "", "1!"])
PRE = st.sampled_from(["", "", "", "a0", "a1", "b2", "rc1", "rc2"])
POST = st.sampled_from(["", "", "", ".post0", ".post1", ".post2"])
DEV = st.sampled_from(["", "", "", ".dev0", ".dev1", ".dev2"])
LOCAL = st.sampled_from(["", "", "", "+cpu", "+cu124", "+1", "+cu124.2", "+a.1"])


@st.composite
def public_versions(draw: st.DrawFn) -> str:
    return draw(EPOCHS) + draw(RELEASES) + draw(PRE) + draw(POST) + draw(DEV)


@st.composite
def versions(draw: st.DrawFn) -> str:
    return draw(public_versions()) + draw(LOCAL)


@st.composite
def specifiers(draw: st.DrawFn) -> str:
    match draw(st.sampled_from([">=", "<=", ">", "<", "==", "!=", "~=", "===", "==*", "!=*"])):
        case "==" | "!=" | "===" as operator:
            return str(operator) + draw(versions())
        case "~=":
            release = draw(st.sampled_from(["1.0", "1.1", "0.48", "2.5.0", "1.0.0"]))
            return "~=" + draw(EPOCHS) + release + draw(PRE) + draw(POST) + draw(DEV)
        case "==*" | "!=*" as operator:
            return str(operator)[:2] + draw(EPOCHS) + draw(RELEASES) + ".*"
        case operator:
            return str(operator) + draw(public_versions())


def build(texts: list[str]) -> VersionSets:
    rows = sorted({Version(text) for text in texts}, reverse=True)
    return VersionSets(rows, mask_of(rows, "local"))


def mask_of(rows: Sequence[Version], attribute: str) -> int:
    return sum(1 << row for row, version in enumerate(rows) if getattr(version, attribute))


@settings(max_examples=500)
@given(st.lists(versions(), min_size=1, max_size=30), st.lists(specifiers(), max_size=3))
def test_a_mask_equals_the_answers_of_packaging(texts: list[str], parts: list[str]) -> None:
    rows = sorted({Version(text) for text in texts}, reverse=True)
    sets = VersionSets(rows, mask_of(rows, "local"))
    specifier = SpecifierSet(",".join(parts))
    mask = sets.mask(specifier)
    assert [bool(mask >> row & 1) for row in range(len(rows))] == [
        specifier.contains(version, prereleases=True) for version in rows
    ]
    assert mask >> len(rows) == 0


@pytest.mark.parametrize(
    ("specifier", "version", "matches"),
    [
        ("<0.48", "0.48.0rc1", False),
        ("<0.48", "0.48.dev0", False),
        ("<0.48rc2", "0.48rc1", True),
        ("==2.5.0", "2.5.0+cu124", True),
        ("<=2.5.0", "2.5.0+cu124", True),
        ("==2.5.*", "2.5.0+cu124", True),
        (">2.5.0", "2.5.0+cu124", False),
        ("!=2.5.0", "2.5.0+cu124", False),
        ("===2.5.0", "2.5.0+cu124", False),
        ("==2.6.0+cu124", "2.6.0", False),
        (">1.0", "1.0.post1", False),
        (">1.0.post1", "1.0.post2", True),
    ],
)
def test_the_rules_that_fast_paths_break(specifier: str, version: str, matches: bool) -> None:
    assert build([version]).mask(SpecifierSet(specifier)) == int(matches)


def test_no_versions_give_no_rows() -> None:
    assert build([]).mask(SpecifierSet(">=1,!=2.*")) == 0


class _Counted(Sequence[Version]):
    """The versions `999` down to `0`, which record the rows that are read."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def __len__(self) -> int:
        return 1000

    @overload
    def __getitem__(self, index: int) -> Version: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Version]: ...
    def __getitem__(self, index: int | slice) -> Version | Sequence[Version]:
        assert isinstance(index, int)
        self.seen.add(index)
        return Version(str(999 - index))


def test_a_bound_parses_few_versions() -> None:
    versions = _Counted()
    mask = VersionSets(versions, 0).mask(SpecifierSet(">=500,<600"))
    assert mask == ((1 << 500) - 1) ^ ((1 << 400) - 1)
    assert len(versions.seen) <= 20


def test_a_specifier_is_computed_once() -> None:
    versions = _Counted()
    sets = VersionSets(versions, 0)
    first = sets.mask(SpecifierSet(">=500"))
    versions.seen.clear()
    assert sets.mask(SpecifierSet(">=500")) == first
    assert versions.seen == set()
