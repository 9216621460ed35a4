"""Lists, dicts, f-strings and comprehensions as they are written out."""

from __future__ import annotations

import pytest

from tests.sources.apps.app_files import find_fault, read_list


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("['a', *('b', 'c'), *[]]", ("a", "b", "c")),
        ("[f'{name}=={2:>02}' for name in ('a', 'b') if name != 'a']", ("b==02",)),
        ("[x + y for x in 'ab' for y in '12']", ("a1", "a2", "b1", "b2")),
        ("sorted({one.lower() for one in 'BAB'})", ("a", "b")),
        ("list({**{'a': 1}, 'b': 2})", ("a", "b")),
        ("list({name: name for name in 'ab'}.values())", ("a", "b")),
        ("[(last := 'a'), last]", ("a", "a")),
    ],
)
def test_a_display_has_the_items_that_python_gives_it(expression: str, items: tuple[str, ...]) -> None:
    assert read_list(expression) == items


def test_only_the_items_that_are_not_understood_are_faults() -> None:
    fault = find_fault("class A:\n    requirements = [\n        'a',\n        b,\n        'c',\n        d,\n    ]\n")
    assert [line.partition(" is ")[0] for line in fault.splitlines() if line.startswith("app.py")] == [
        "app.py:4: `requirements[1]`",
        "app.py:6: `requirements[3]`",
    ]


@pytest.mark.parametrize(
    ("statement", "items"),
    [("x, (y, z) = 'a', 'bc'", ("a", "b", "c")), ("[x, y], z = ['a', 'b'], 'c'", ("a", "b", "c"))],
)
def test_targets_take_their_values_apart(statement: str, items: tuple[str, ...]) -> None:
    assert read_list("[x, y, z]", statement) == items


def test_targets_that_do_not_fit_are_not_understood() -> None:
    assert "what it is given does not fit" in find_fault("x, y = 'abc'\nclass A:\n    requirements = [x]")
