"""Statements: what they bind and change, as when the file runs."""

from __future__ import annotations

import pytest

from tests.sources.apps.app_files import find_fault, read, read_list


def test_the_last_of_two_plain_assignments_wins_as_in_python() -> None:
    assert read('class A:\n    requirements = ["old"]\n    requirements = ["new"]').items == ("new",)


@pytest.mark.parametrize(
    ("statement", "items"),
    [
        ('requirements += ["b"]', ("a", "b")),
        ('requirements.append("b")', ("a", "b")),
        ('requirements[0] = "b"', ("b",)),
        ('other = requirements = ["b"]', ("b",)),
        ("requirements = [*requirements, *requirements]", ("a", "a")),
        ("if len(requirements) > 1:\n        requirements = []", ("a",)),
        ('for name in "bc":\n        requirements.append(name)', ("a", "b", "c")),
        ("setup()", ("a",)),
        ("print(requirements)", ("a",)),
    ],
)
def test_a_change_in_the_class_body_is_followed(statement: str, items: tuple[str, ...]) -> None:
    assert read(f'class A:\n    requirements = ["a"]\n    {statement}').items == items


@pytest.mark.parametrize(
    ("statement", "items"),
    [
        ('A.requirements = ["b"]', ("b",)),
        ('A.requirements += ["b"]', ("a", "b")),
        ('A.requirements.append("b")', ("a", "b")),
        ('A.requirements[0] = "b"', ("b",)),
        ("deploy(A)", ("a",)),
    ],
)
def test_a_change_from_outside_the_class_is_followed(statement: str, items: tuple[str, ...]) -> None:
    assert read(f'class A:\n    requirements = ["a"]\n\n{statement}').items == items


def test_class_in_a_branch_that_is_never_taken_is_no_app() -> None:
    app = read(
        """
        if False:
            class Old:
                requirements = ["a"]
        else:
            class New:
                requirements = ["b"]
        """
    )
    assert (app.class_name, app.items) == ("New", ("b",))


@pytest.mark.parametrize(
    ("statements", "items"),
    [
        ("names = []\nfor one in 'abc':\n    if one == 'b':\n        continue\n    names.append(one)", ("a", "c")),
        ("names = ['a']\nwhile len(names) < 3:\n    names += ['b']\nelse:\n    names += ['c']", ("a", "b", "b", "c")),
        ("def pick(*names, last='z'):\n    return [*names, last]\nnames = pick('a', 'b')", ("a", "b", "z")),
        ("names = ['a']\ntry:\n    names.append('b')\nexcept OSError:\n    names = []", ("a", "b")),
        ("def change():\n    global names\n    names = ['b']\nnames = ['a']\nchange()", ("b",)),
    ],
)
def test_statements_bind_what_they_bind_in_python(statements: str, items: tuple[str, ...]) -> None:
    assert read_list("names", statements) == items


def test_a_function_without_a_known_decorator_is_not_called() -> None:
    before = "import tools\n@tools.change\ndef pick():\n    return ['a']"
    fault = find_fault(f"{before}\nclass A:\n    requirements = pick()")
    assert "because its decorator decides what it returns" in fault


def test_an_import_that_may_fail_makes_what_its_handler_changes_uncertain() -> None:
    before = "names = ['a']\ntry:\n    import torch\nexcept ImportError:\n    names = ['b']"
    fault = find_fault(f"{before}\nclass A:\n    requirements = names")
    assert "because whether it can be imported is known at run time alone" in fault
