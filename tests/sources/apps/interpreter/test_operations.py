"""Operators, methods and formats on plain values, and their limits."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from resolver.sources.apps.interpreter.operations import (
    OperationRefused,
    apply_comparison,
    apply_operator,
    call_method,
    fill_template,
    format_value,
    iterate,
    join_parts,
)
from resolver.sources.apps.interpreter.values import EnvironmentText, EnvironmentVariable, FileLine, ListValue

PLACE = FileLine(file="app.py", line=1)
TOKEN = EnvironmentVariable(name="TOKEN")
TEXT = EnvironmentText(parts=(TOKEN,), place=PLACE)


@pytest.mark.parametrize(
    ("kind", "left", "right", "result"),
    [
        (ast.Add, "a", "b", "ab"),
        (ast.Add, ["a"], ["b"], ["a", "b"]),
        (ast.Mult, 2, "a", "aa"),
        (ast.Mod, "%s-%02d", ("a", 3), "a-03"),
        (ast.BitOr, {"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        (ast.Sub, {1, 2}, {2}, {1}),
        (ast.FloorDiv, 7, 2, 3),
    ],
)
def test_an_operator_gives_what_python_gives(kind: type[ast.operator], left: Any, right: Any, result: Any) -> None:
    assert apply_operator(kind, left, right) == result


@pytest.mark.parametrize(
    ("kind", "left", "right", "why"),
    [
        (ast.Mult, "a", 10**6, "a repetition that long"),
        (ast.Mult, [1], 10**4, "a list that long"),
        (ast.Mult, 10**17, 100, "a number that large"),
        (ast.Div, 1, 0, "it raises ZeroDivisionError"),
        (ast.Mod, "%9999d", 1, "a format like that"),
        (ast.Pow, 2, 2, "such an operation on a number and a number"),
        (ast.Add, "a", None, "such an operation on text and `None`"),
    ],
)
def test_an_operator_beyond_its_limits_is_refused(kind: type[ast.operator], left: Any, right: Any, why: str) -> None:
    with pytest.raises(OperationRefused) as caught:
        apply_operator(kind, left, right)
    assert str(caught.value) == why


def test_values_that_python_cannot_compare_are_refused() -> None:
    assert apply_comparison(ast.In, "a", ["a"])
    with pytest.raises(OperationRefused) as caught:
        apply_comparison(ast.Lt, 1, "a")
    assert str(caught.value) == "a number and text cannot be compared so"


def test_a_format_may_not_be_wide() -> None:
    assert format_value("a", -1, ">3") == "  a"
    with pytest.raises(OperationRefused, match="a format like that"):
        format_value("a", -1, ">9999")


def test_a_set_of_texts_has_no_order() -> None:
    assert iterate({3, 1}) == [1, 3]
    with pytest.raises(OperationRefused, match="differs from run to run"):
        iterate({"a", "b"})


def test_only_listed_methods_are_called() -> None:
    assert call_method("a b", "split", [], {}) == ["a", "b"]
    with pytest.raises(OperationRefused) as caught:
        call_method("a", "encode", [], {})
    assert str(caught.value) == "`.encode` of text"
    with pytest.raises(OperationRefused, match="looks into a value"):
        call_method("{0.__class__}", "format", ["a"], {})
    with pytest.raises(OperationRefused, match="with such arguments"):
        call_method(ListValue(["a"]), "sort", [], {"key": len})


def test_a_variable_goes_through_a_template_unchanged() -> None:
    def fill(marked: list[Any]) -> str:
        return str(apply_operator(ast.Mod, "a-%s-%s", tuple(marked)))

    filled = fill_template("a-%s-%s", [TEXT, "b"], fill, is_percent=True)
    assert filled == ["a-", TOKEN, "-b"]
    assert join_parts(filled, PLACE) == EnvironmentText(parts=("a-", TOKEN, "-b"), place=PLACE)


@pytest.mark.parametrize(("template", "is_percent"), [("%5s", True), ("{:>5}", False), ("{!r}", False)])
def test_a_template_that_could_change_a_variable_is_refused(template: str, is_percent: bool) -> None:
    with pytest.raises(OperationRefused, match="could change what the environment gives"):
        fill_template(template, [TEXT], lambda marked: "", is_percent=is_percent)
