"""Functions, classes and modules, and what a statement that is not understood makes uncertain."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import SourceError
from tests.sources.apps.app_files import find_fault, read, read_app, read_list


def test_a_questionable_escape_in_the_apps_code_is_no_concern() -> None:
    assert read('pattern = "\\d"\nclass A:\n    requirements = ["a"]').items == ("a",)


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("requirements.append(pick())", 3),
        ("change(requirements)", 3),
        ("requirements.unknown()", 3),
        ("del requirements", 3),
        ("if GPU:\n        requirements = []", 3),
        ("if GPU:\n        requirements.append('b')", 3),
        ("for one in ALL:\n        requirements += one", 3),
        ("while GPU:\n        requirements += one", 3),
        ("with GPU:\n        requirements += one", 3),
        ("requirements: list = [GPU]", 3),
    ],
)
def test_a_change_that_is_not_understood_makes_the_list_uncertain(statement: str, line: int) -> None:
    fault = find_fault(f'class A:\n    requirements = ["a"]\n    {statement}')
    assert fault.startswith(f"app.py:{line}: `requirements")
    assert " is not understood: `" in fault.splitlines()[0]


def test_what_python_cannot_read_is_refused_with_its_line() -> None:
    fault = find_fault("class A:\n    requirements = [")
    assert fault.startswith("app.py:2: Python 3.")
    assert " cannot read this: " in fault


def test_a_file_with_a_null_byte_is_refused() -> None:
    with pytest.raises(SourceError):
        read_app(b"class A:\n    requirements = ['\0']", name="app.py", class_name=None)


def test_an_encoding_comment_is_obeyed() -> None:
    data = '# -*- coding: latin-1 -*-\nclass A:\n    requirements = ["a"]\n    label = "é"\n'.encode("latin-1")
    assert read_app(data, name="app.py", class_name=None).items == ("a",)


def test_reading_an_attribute_elsewhere_is_fine() -> None:
    text = """
    class A:
        requirements = ["a"]
        count = len(requirements)

        def show(self):
            requirements = [1]
            requirements.append(2)
            return self.requirements

    print(A.requirements)
    """
    assert read(text).items == ("a",)


def test_modules_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("import two\nNAMES = ['a']\n")
    (tmp_path / "two.py").write_text("import one\nMORE = ['b']\n")
    data = b"from one import NAMES\nfrom two import MORE\nclass A:\n    requirements = NAMES + MORE\n"
    app = read_app(data, name="app.py", class_name=None, path=tmp_path / "app.py")
    assert app.items == ("a", "b")


def test_a_list_that_is_only_looked_into_stays_known() -> None:
    assert read_list("names", "names = ['a']\nunknown(names[0], len(names))") == ("a",)


@pytest.mark.parametrize(
    "argument", ["names", "[names]", "{'k': names}", "names or None", "names if 1 else 2", "(other := names)"]
)
def test_a_list_that_is_passed_to_an_unknown_call_is_uncertain(argument: str) -> None:
    fault = find_fault(f"names = ['a']\nunknown({argument})\nclass A:\n    requirements = names")
    assert fault.startswith("app.py:2: `requirements` is not understood: `unknown`")


def test_a_list_that_a_function_which_is_passed_on_can_change_is_uncertain() -> None:
    before = "names = ['a']\ndef add():\n    names.append('b')\nunknown(add)"
    assert " is not understood: `unknown" in find_fault(f"{before}\nclass A:\n    requirements = names")
