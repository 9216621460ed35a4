import tomllib
from textwrap import dedent

import pytest

from resolver.errors import SourceError
from resolver.sources.pyproject import list_project_dependencies

PROJECT = """
[project]
name = "Acme.Tools"
dependencies = ["numpy", "requests>=2"]

[project.optional-dependencies]
gpu = ["torch", "triton; sys_platform == 'linux'"]
Serve_HTTP = ["uvicorn"]
all = ["acme-tools[gpu,serve-http]", "rich"]
old = ["acme.tools[gpu]; python_version < '3.9'"]
loop = ["acme-tools[loop]", "tqdm"]

[dependency-groups]
test = ["pytest", {include-group = "Lint"}]
lint = ["ruff"]
cycle = [{include-group = "cycle"}]
"""


def list_all(text: str, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> tuple[str, ...]:
    return list_project_dependencies(tomllib.loads(dedent(text)), name="pyproject.toml", extras=extras, groups=groups)


def find_fault(text: str, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> str:
    with pytest.raises(SourceError) as caught:
        list_all(text, extras, groups)
    return str(caught.value)


def test_dependencies_are_listed_as_written() -> None:
    assert list_all(PROJECT) == ("numpy", "requests>=2")


def test_extras_follow_in_the_order_asked_for() -> None:
    assert list_all(PROJECT, ("serve.http", "gpu")) == (
        "numpy",
        "requests>=2",
        "uvicorn",
        "torch",
        "triton; sys_platform == 'linux'",
    )


def test_an_extra_that_names_extras_of_the_project_gives_theirs() -> None:
    assert list_all(PROJECT, ("all",))[2:] == ("torch", "triton; sys_platform == 'linux'", "uvicorn", "rich")


def test_a_marker_on_such_a_reference_holds_for_all_of_it() -> None:
    assert list_all(PROJECT, ("old",))[2:] == (
        'torch; python_version < "3.9"',
        'triton; python_version < "3.9" and sys_platform == "linux"',
    )


def test_extras_that_name_themselves_end() -> None:
    assert list_all(PROJECT, ("loop",))[2:] == ("tqdm",)


def test_dependency_groups_follow_with_what_they_include() -> None:
    assert list_all(PROJECT, (), ("test",))[2:] == ("pytest", "ruff")


def test_groups_alone_need_no_project() -> None:
    assert list_all('[dependency-groups]\ntest = ["pytest"]', (), ("test",)) == ("pytest",)


def test_a_project_without_dependencies_has_an_empty_list() -> None:
    assert list_all('[project]\nname = "x"') == ()


@pytest.mark.parametrize(
    ("text", "extras", "groups", "message"),
    [
        (PROJECT, ("cpu",), (), "`pyproject.toml` has no extra `cpu`\n  try: `gpu`"),
        (PROJECT, (), ("tests",), "`pyproject.toml` has no dependency group `tests`\n  try: `test`"),
        (
            PROJECT,
            (),
            ("cycle",),
            "pyproject.toml: [dependency-groups] cannot be read: cyclic dependency group include while resolving"
            " cycle: cycle includes itself",
        ),
        ("[tool.x]", (), (), "`pyproject.toml` has neither `requirements` in [tool.pinfold] nor a [project]"),
        ("[tool.x]", (), ("test",), "`pyproject.toml` has no dependency group `test`"),
        (
            '[project]\ndynamic = ["dependencies"]',
            (),
            (),
            "pyproject.toml: `project.dependencies` is dynamic\n"
            "  because the build backend computes it, and pinfold does not run it for a list\n"
            "  try: `requirements` in [tool.pinfold]",
        ),
        (
            "[project]\ndependencies = 'torch'",
            (),
            (),
            "pyproject.toml: `project.dependencies` must be an array of strings",
        ),
        (
            "[project]\ndependencies = ['a b']",
            (),
            (),
            "pyproject.toml: `project.dependencies[0]` is no requirement (PEP 508)",
        ),
        (
            "[project]\noptional-dependencies = []",
            (),
            (),
            "pyproject.toml: `project.optional-dependencies` must be a table",
        ),
        (
            "[project]\noptional-dependencies = {a = 1}",
            ("a",),
            (),
            "pyproject.toml: `project.optional-dependencies.a` must be an array of strings",
        ),
    ],
)
def test_what_cannot_be_listed_is_named(
    text: str, extras: tuple[str, ...], groups: tuple[str, ...], message: str
) -> None:
    assert find_fault(text, extras, groups) == message
