"""Single expressions: their values, and why one is not understood."""

from __future__ import annotations

import pytest

from tests.sources.apps.app_files import find_fault, read_list


@pytest.mark.parametrize(
    ("expression", "attribute", "quoted", "why"),
    [
        ("BASE", "requirements", "BASE", "nothing that is read here gives it a value"),
        ('BASE + ["a"]', "requirements", "BASE", "nothing that is read here gives it a value"),
        ('["a", f"torch=={V}"]', "requirements[1]", "V", "nothing that is read here gives it a value"),
        ('["a", *BASE]', "requirements[1]", "BASE", "nothing that is read here gives it a value"),
        ('[["a", b]]', "requirements[0][1]", "b", "nothing that is read here gives it a value"),
        ('["a" for _ in x]', "requirements", "x", "nothing that is read here gives it a value"),
        ('["a", json.loads("1")]', "requirements[1]", "json.loads('1')", "`json.loads` is not read here"),
        ('["a", {}["b"]]', "requirements[1]", "{}['b']", "it raises KeyError"),
        ('["a" * 10**9]', "requirements[0]", "10 ** 9", "such an operation on a number and a number cannot be"),
        ('["a", sorted(n=1)]', "requirements[1]", "sorted(n=1)", "it raises TypeError"),
        ('["a", A]', "requirements[1]", "A", "nothing that is read here gives it a value"),
        ("await x", "requirements", "await x", "such an expression is not worked out"),
    ],
)
def test_what_is_not_understood_is_named_with_its_expression(
    expression: str, attribute: str, quoted: str, why: str
) -> None:
    lines = find_fault(f"import json\nclass A:\n    requirements = {expression}").splitlines()
    assert lines[0] == f"app.py:3: `{attribute}` is not understood: `{quoted}`"
    assert lines[1].startswith(f"  because {why}")
    assert lines[2:] == ["  try: write it out, put the list into a requirements.txt, or run the file with `--evaluate`"]


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ('["a"] if 1 < 2 < 3 else ["b"]', ("a",)),
        ('[None or "a", "" or "b", "c" and "d"]', ("a", "b", "d")),
        ('["abc"[1], "abc"[::-1], ["x", "y"][-1]]', ("b", "cba", "y")),
        ('["a" + "b", "c" * 2, "%s==%d" % ("torch", 2)]', ("ab", "cc", "torch==2")),
        ('["a" if __name__ != "__main__" else "b"]', ("a",)),
    ],
)
def test_an_expression_has_the_value_that_python_gives_it(expression: str, items: tuple[str, ...]) -> None:
    assert read_list(expression) == items


def test_an_operand_that_python_does_not_evaluate_is_not_read() -> None:
    assert read_list('["a"] or unknown()') == ("a",)


def test_a_loop_without_end_is_ended() -> None:
    fault = find_fault("names = ['a']\nfor one in names:\n    names.append(one)\nclass A:\n    requirements = names")
    assert "because working it out takes too many steps" in fault or "a list that long" in fault


def test_a_variable_that_the_settings_do_not_name_is_not_resolved() -> None:
    fault = find_fault('import os\nclass A:\n    requirements = ["a" if os.environ["GPU"] == "1" else "b"]')
    assert "because `GPU` is read from the environment, which no lock may depend on unasked" in fault
    assert 'try: `environment = ["GPU"]` in [tool.pinfold]' in fault
