"""The values of an app file: how they are shown, and the order of bases."""

from __future__ import annotations

import ast

import pytest

from resolver.sources.apps.interpreter.values import ClassValue, FileLine, Namespace, PlacedText, linearize, quote
from tests.sources.apps.app_files import find_fault


def test_a_long_expression_is_cut_and_shows_no_secret() -> None:
    fault = find_fault(f'class A:\n    requirements = [json.x("{"x" * 80}")]')
    assert "`json`" in fault
    fault = find_fault(f'import json\nclass A:\n    requirements = [json.x("{"x" * 80}")]')
    assert f"`json.x('{'x' * 51}…`" in fault
    assert "token" not in find_fault('import x\nclass A:\n    requirements = x.y("https://me:token@index.example/")')


def test_the_default_of_a_variable_is_not_shown() -> None:
    fault = find_fault(
        """
        import os

        class A:
            requirements = ["a" if os.getenv("TOKEN", "canary-default") else os.environ.get("T", default="canary-too")]
        """
    )
    assert "`os.getenv('TOKEN', …)`" in fault
    assert "canary" not in fault


def build_class(name: str, *bases: ClassValue) -> ClassValue:
    node = ast.parse(f"class {name}: pass").body[0]
    assert isinstance(node, ast.ClassDef)
    return ClassValue(
        name=name, node=node, file="app.py", bases=bases, keywords={}, keyword_lines={}, attributes={}, lines={}
    )


def test_bases_have_the_order_of_python() -> None:
    top = build_class("Top")
    left, right = build_class("Left", top), build_class("Right", top)
    assert [one.name for one in linearize(build_class("Last", left, right))] == ["Last", "Left", "Right", "Top"]


def test_a_global_name_is_bound_in_the_module() -> None:
    module = Namespace(file="app.py")
    inner = Namespace(file="app.py", outer=module, global_names={"a"})
    inner.bind("a", 1)
    inner.bind("b", 2)
    assert (module.names, inner.names) == ({"a": 1}, {"b": 2})


def test_texts_of_two_lines_are_equal() -> None:
    first = PlacedText("torch", FileLine(file="app.py", line=1))
    assert first == PlacedText("torch", FileLine(file="app.py", line=2)) == "torch"


@pytest.mark.parametrize(
    ("source", "shown"),
    [("f( 1,\n 2 )", "f(1, 2)"), ("x" * 61, "x" * 59 + "…"), ("os.getenv('A', 'secret')", "os.getenv('A', …)")],
)
def test_an_expression_is_quoted_on_one_line(source: str, shown: str) -> None:
    assert quote(ast.parse(source, mode="eval").body) == shown
