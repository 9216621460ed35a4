"""The stand-ins that an app meets when it is run."""

from __future__ import annotations

import operator
from collections.abc import Callable

import pytest

from resolver.sources.apps.fal.evaluation_child import AppBase, Placeholder, Stub, StubFinder, StubModule


@pytest.mark.parametrize(
    "use", [len, int, operator.methodcaller("upper"), lambda text: text == "a", lambda text: "a" in text]
)
def test_a_placeholder_reveals_nothing(use: Callable[[Placeholder], object]) -> None:
    with pytest.raises(TypeError, match="it is not shown to the app"):
        use(Placeholder("value"))


def test_a_placeholder_can_be_put_into_a_text() -> None:
    assert f"https://{Placeholder('value')}@index.example/" == "https://value@index.example/"
    assert Placeholder("value")


def test_keywords_of_a_class_are_merged_with_those_of_its_bases() -> None:
    class Base(AppBase, python_version="3.11", keep_alive=1):
        pass

    class Paint(Base, keep_alive=2):
        pass

    assert Paint._pinfold_keywords == {"python_version": "3.11", "keep_alive": 2}


def test_a_stub_can_be_used_as_anything() -> None:
    stub = Stub("fal.toolkit")

    class Derived(stub):  # type: ignore[misc, valid-type]  # as an app derives from a class of a package
        pass

    assert stub.decorate(Derived) is Derived
    assert isinstance(stub.File["a"] | None, Stub)


def test_packages_are_replaced_by_their_first_name() -> None:
    finder = StubFinder(frozenset({"fal"}))
    spec = finder.find_spec("fal.toolkit.image")
    assert spec is not None
    assert isinstance(finder.create_module(spec), StubModule)
    assert finder.find_spec("falcon") is None
