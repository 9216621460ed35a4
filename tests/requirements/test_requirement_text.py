from __future__ import annotations

import pytest

from tests.requirements.lists import files, report


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a==", "no version follows `==`"),
        ("a>=1,<", "no version follows `<`"),
        ("a=>1", "`=>` is no operator"),
        ("a[x]=>1", "`=>` is no operator"),
        ("a~=1", "`~=` needs a version of two numbers or more, as in `~=1.0`"),
        ("a[x", "a bracket is not closed"),
        ("a]", "a bracket is not opened"),
        ("==1", "it does not begin with the name of a project"),
    ],
)
def test_usual_mistakes_in_a_requirement_are_told_in_plain_words(text: str, why: str) -> None:
    assert report([text]) == f"requirements[0]: `{text}` is no requirement\n  because {why}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("foo[bar]", "`foo[bar]` is no constraint\n  because a constraint has no extras\n  try: leave the extras out"),
        (
            "https://f.example/main.zip",
            "`https://f.example/main.zip` is no constraint\n"
            "  because it does not say its name\n"
            "  try: write `name @ https://f.example/main.zip`",
        ),
    ],
)
def test_a_constraint_names_a_project_and_nothing_else(line: str, message: str) -> None:
    assert report(["-c", "c.txt"], read_file=files({"c.txt": line})) == f"c.txt:1 (from requirements[0]): {message}"


OPERATOR = "it has an operator that is not defined for its two values"
VARIABLE = "one of its comparisons has no environment variable, such as `python_version`, that a list may use"


@pytest.mark.parametrize(
    ("marker", "why"),
    [
        ("'a' == 'b'", VARIABLE),
        ("'dev' in extras", VARIABLE),
        ("'dev' in dependency_groups", VARIABLE),
        ("python_version ~= '3'", OPERATOR),
        ("os_name ~= 'posix'", OPERATOR),
        ("sys_platform === 'linux'", OPERATOR),
        ("sys_platform == 'win32' and python_version ~= '3'", OPERATOR),
    ],
)
@pytest.mark.parametrize("requirement", ["a", "a>=1", "./a", "a @ https://f.example/a-1.0.zip"])
def test_a_marker_that_cannot_be_evaluated_is_a_fault_at_its_item(requirement: str, marker: str, why: str) -> None:
    shown = requirement.removeprefix("a @ ")
    assert report(["six", f"{requirement} ; {marker}"]) == (
        f"requirements[1]: `{marker}`, after `{shown};`, cannot be evaluated\n  because {why}"
    )


def test_a_marker_that_cannot_be_evaluated_is_a_fault_of_the_line_of_a_constraint() -> None:
    assert report(["a", "-c", "c.txt"], read_file=files({"c.txt": "\nb; 'a' == 'b'"})) == (
        f"c.txt:2 (from requirements[1]): `'a' == 'b'`, after `b;`, cannot be evaluated\n  because {VARIABLE}"
    )
