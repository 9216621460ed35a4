"""Requirements as the search reads them: the short way against `packaging`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from resolver.solve.demand import ParsedRequirement, is_readable, names_prerelease, parse_dependency, pins_exactly

NAMES = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,4}[a-zA-Z0-9])?", fullmatch=True)
VERSIONS = st.from_regex(
    r"v?([0-9]!)?[0-9]{1,2}(\.[0-9]{1,2}){0,3}((a|b|rc|RC)[0-9])?(\.post[0-9])?(\.dev[0-9])?", fullmatch=True
)
SUFFIXES = st.sampled_from(["", "", "", ".*", "+cu124", "+a.b-c", "-1", "x"])
SPECIFIERS = st.builds(
    "{}{}{}".format, st.sampled_from(["==", "===", "!=", "~=", "<", "<=", ">", ">=", "=", "~"]), VERSIONS, SUFFIXES
)
REQUIREMENTS = st.builds(
    "{}{}{}".format,
    NAMES,
    st.just("") | st.builds("[{}]".format, st.lists(NAMES, max_size=3).map(",".join)),
    st.lists(SPECIFIERS, max_size=3).map(",".join),
)


def _read_by_packaging(text: str) -> ParsedRequirement | None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    return ParsedRequirement(
        name=canonicalize_name(requirement.name),
        extras=frozenset(canonicalize_name(extra) for extra in requirement.extras),
        specifier=requirement.specifier,
        url=requirement.url,
        text=text,
    )


@given(REQUIREMENTS)
def test_a_requirement_is_read_as_packaging_reads_it(text: str) -> None:
    expected = _read_by_packaging(text)
    assert is_readable(text) is (expected is not None)
    if expected is not None:
        assert parse_dependency(text) == expected


@pytest.mark.parametrize(
    "text", ["a @ https://files.example/a-1.tar.gz", "a [b] >= 1", "A==1", "a==1;python_version>'3'"]
)
def test_other_forms_are_left_to_packaging(text: str) -> None:
    assert parse_dependency(text) == _read_by_packaging(text)


@pytest.mark.parametrize(
    ("specifier", "pins"),
    [("==1", True), ("===1", True), ("==1.*", False), (">=1", False), ("", False), (">0,==1", True)],
)
def test_only_a_whole_version_pins(specifier: str, pins: bool) -> None:
    assert pins_exactly(SpecifierSet(specifier)) is pins


@pytest.mark.parametrize(
    ("specifier", "names"), [(">=1rc1", True), ("==1.dev1", True), ("!=1rc1", False), (">=1", False), ("===x", False)]
)
def test_a_prerelease_is_named_unless_it_is_excluded(specifier: str, names: bool) -> None:
    assert names_prerelease(SpecifierSet(specifier)) is names
