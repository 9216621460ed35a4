from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from resolver.requirements.entry import ArchiveUrl, LocalPath, VcsReference
from resolver.requirements.requirement_list import parse_requirement_file, parse_requirement_list
from tests.requirements.lists import files, report


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a==?,==", "no version follows `==`"),
        ("a>=1?,<", "no version follows `<`"),
        ("a=1.0.?", "`=` is no operator"),
        ("a[x]=>?", "`=>` is no operator"),
        ("a==1.?", "`==1.?` is no version specifier"),
        ("a~=1", "`~=` needs a version of two numbers or more, as in `~=1.0`"),
        ("a[x", "a bracket is not closed"),
        ("a]", "a bracket is not opened"),
        ("==1", "it does not begin with the name of a project"),
    ],
)
def test_usual_mistakes_in_a_requirement_are_told_in_plain_words(text: str, why: str) -> None:
    assert report([text]) == f"requirements[0]: `{text}` is no requirement\n  because {why}"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("requests^2.31", "requests>=2.31,<3"),
        ("requests^0.3.1", "requests>=0.3.1,<0.4"),
        ('requests = "^2.31"', "requests>=2.31,<3"),
        ('requests = ">=2.31"', "requests>=2.31"),
        ('requests = "*"', "requests"),
        ("requests ~2.31", "requests>=2.31,<2.32"),
        ("requests~2", "requests>=2,<3"),
        ("requests=2.31.0", "requests==2.31.0"),
        ("requests==latest", "requests"),
        ('"requests>=2"', "requests>=2"),
        ("numpy==>1.2", "numpy>=1.2"),
        ("numpy=<1.2,>1", "numpy<=1.2,>1"),
        ("numpy 1.26", "numpy==1.26"),
        ("numpy>1.2 <2", "numpy>1.2,<2"),
        ("numpy==1.x", "numpy==1.*"),
        ("numpy<2.0.*", "numpy<2.0"),
        ("numpy<=1.26.*", "numpy<1.27"),
        ("numpy>1.26.*", "numpy>=1.27"),
        ("flask-login==", "flask-login"),
        ("a>=1,<", "a>=1"),
        ("scikit\u2013learn>=1", "scikit-learn>=1"),
        ("requests\u200b", "requests"),
        ("uvicorn[standard] = 0.29", "uvicorn[standard]==0.29"),
    ],
)
def test_requirement_in_the_words_of_another_tool_is_answered_with_its_meaning(text: str, meant: str) -> None:
    lines = report([text]).splitlines()

    assert lines[0].startswith(f"requirements[0]: `{text}` is no requirement")
    assert lines[-1] == f"  try: write `{meant}`"
    assert parse_requirement_list([meant]).entries[0].text == str(Requirement(meant))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "pip install numpy",
            "`pip install numpy` is a command, and no requirement\n  try: write what follows alone: `numpy`",
        ),
        (
            "python=3.9",
            "`python=3.9` is no requirement\n  because Python is no project that can be installed\n"
            "  try: remove it, and name the Python with `--python 3.9`",
        ),
        (
            "numpy; python_version > 3.8 and sys_platform == linux",
            "`python_version > 3.8 and sys_platform == linux`, after `numpy;`, is no environment marker\n"
            "  because expected a marker variable or quoted string\n"
            '  try: quote its values: `python_version > "3.8" and sys_platform == "linux"`',
        ),
        (
            "numpy==1.26.4 // why",
            "`numpy==1.26.4 // why` holds `//`, which begins no comment\n  try: write `numpy==1.26.4  # …`",
        ),
        (
            "Package    Version",
            "`Package    Version` is the heading of `pip list`, and no requirement\n"
            "  try: write the output of `pip freeze`",
        ),
        (
            "[project]",
            "`[project]` is the name of a TOML table, and no requirement\n"
            "  try: name the file pyproject.toml if it is one; `pipenv requirements` prints a Pipfile as a list",
        ),
        (
            "https://github.com/owner/project",
            "`https://github.com/owner/project` is a repository, not an archive\n"
            "  because an installer would read its web page as a source archive\n"
            "  try: write `git+https://github.com/owner/project`",
        ),
        ("requests@latest", "`latest`, after `requests @`, is no URL and no path\n  try: write `requests`"),
    ],
)
def test_what_a_list_cannot_hold_is_answered_with_what_to_do(text: str, message: str) -> None:
    assert report([text]) == f"requirements[0]: {message}"


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


URL_VARIABLES = {
    "W": "https://me:hunter2@f.example/w",
    "FILE": "https://f.example/w/x-1.0-py3-none-any.whl?token=hunter2",
    "GIT": "git+https://f.example/w",
    "DIR": "wheels",
    "NAME": "x",
}


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("${W}/x-1.0-py3-none-any.whl", "x @ https://f.example/w/x-1.0-py3-none-any.whl"),
        ("x @ ${W}/x-1.0-py3-none-any.whl", "x @ https://f.example/w/x-1.0-py3-none-any.whl"),
        ("x[a]@${W}/x-1.0.zip ; os_name == 'nt'", 'x[a] @ https://f.example/w/x-1.0.zip ; os_name == "nt"'),
        ("${FILE}", "x @ https://f.example/w/x-1.0-py3-none-any.whl"),
        ("${GIT}/x.git@main", "git+https://f.example/w/x.git@main"),
        ("x @ git+${W}/x.git@main", "x @ git+https://f.example/w/x.git@main"),
        ("git+${W}/x.git", "git+https://f.example/w/x.git"),
        ("x @ https://f.example/${DIR}/x.zip", "x @ https://f.example/${DIR}/x.zip"),
    ],
)
def test_a_variable_at_the_start_of_a_url_is_read_alike_in_lists_and_files(item: str, text: str) -> None:
    (listed,) = parse_requirement_list([item], variables=URL_VARIABLES).entries
    (read,) = parse_requirement_file(item, source="requirements.txt", variables=URL_VARIABLES).entries

    assert listed.text == read.text == text
    assert isinstance(listed.direct, ArchiveUrl | VcsReference)
    assert listed.direct == read.direct
    # The secret comes with the URL, and is not written out in the list.
    secret = listed.direct.url.secret
    has_secret = secret is not None and "hunter2" in secret.open_for_transport()
    assert has_secret == ("${W}" in item or "${FILE}" in item)
    assert listed.direct.url.forms == ()


@pytest.mark.parametrize("item", ["${DIR}/x-1.0-py3-none-any.whl", "${UNSET}/x-1.0-py3-none-any.whl"])
def test_a_variable_that_holds_no_url_begins_a_path_in_a_list(item: str) -> None:
    (listed,) = parse_requirement_list([item], variables=URL_VARIABLES).entries
    assert listed.direct == LocalPath(path=item)
