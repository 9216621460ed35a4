"""Requires-Dist lines: the reader of the usual form compared with `packaging`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from resolver.index.requires_dist import find_memo
from tests.index.targets import LINUX_311

ENVIRONMENT = LINUX_311.environment
PROVIDED = tuple(map(NormalizedName, ("dev", "dev-tools", "a", "b", "x")))
NAMES = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,4}[a-zA-Z0-9])?", fullmatch=True)
SPACES = st.sampled_from(["", "", " ", "\t", "  "])
VERSIONS = st.from_regex(
    r"v?([0-9]!)?[0-9]{1,2}(\.[0-9]{1,2}){0,2}(rc[0-9]|RC1|\.post1|\.dev0|\.\*|\+cu124|x)?", fullmatch=True
)
OPERATORS = st.sampled_from(["==", "===", "!=", "~=", "<", "<=", ">", ">=", "=", ""])
SPECIFIERS = st.builds("{}{}{}{}".format, OPERATORS, SPACES, VERSIONS, SPACES)
SPECIFIER_LISTS = st.lists(SPECIFIERS, max_size=3).map(",".join)
EXTRAS = st.just("") | st.builds(
    "[{}]".format, st.lists(st.builds("{}{}".format, SPACES, NAMES), max_size=3).map(",".join)
)
MARKERS = st.sampled_from(
    [
        "",
        ';extra == "dev"',
        "; extra == 'Dev_Tools'",
        '; python_version < "3.8"',
        '; python_version >= "3.8" and extra == "dev"',
        '; (sys_platform == "linux" or extra != "a") and extra == "b"',
        "; 'dev' in extra",
        "; os_name ==",
        ";",
        "; nothing == '1'",
        " ; implementation_name == 'cpython' ; extra == 'x'",
    ]
)
LINES = st.builds(
    "{}{}{}{}{}{}".format, SPACES, NAMES, SPACES, EXTRAS, SPECIFIER_LISTS | SPECIFIER_LISTS.map("({})".format), MARKERS
)


def _text(requirement: Requirement) -> str:
    extras = ",".join(sorted(canonicalize_name(extra) for extra in requirement.extras))
    return canonicalize_name(requirement.name) + (f"[{extras}]" if extras else "") + str(requirement.specifier)


@given(LINES)
def test_a_line_is_read_as_packaging_reads_it(line: str) -> None:
    memo = find_memo(ENVIRONMENT)
    try:
        requirement = Requirement(line)
        marker = requirement.marker
        holding = {
            extra for extra in ("", *PROVIDED) if marker is None or marker.evaluate({**ENVIRONMENT, "extra": extra})
        }
    except (InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
        with pytest.raises(ValueError, match="Requires-Dist"):
            memo.decide(line)
        return
    decision = memo.decide(line)
    assert decision.text == _text(requirement)
    assert decision.always is ("" in holding)
    if not decision.always:
        assert set(decision.find_extras(PROVIDED)) & holding == holding


def test_requirements_and_markers_are_combined_freely() -> None:
    memo = find_memo(ENVIRONMENT)
    lines = ['a>=1; extra == "x"', 'b>=1; extra == "x"', "a>=1", 'a>=1; python_version < "3"']
    assert [(found.text, found.always, found.extras) for found in map(memo.decide, lines)] == [
        ("a>=1", False, ("x",)),
        ("b>=1", False, ("x",)),
        ("a>=1", True, ()),
        ("a>=1", False, ()),
    ]
