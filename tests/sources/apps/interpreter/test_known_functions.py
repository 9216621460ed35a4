"""Functions of Python itself, and what `sys` and `platform` tell about the target."""

from __future__ import annotations

import pytest

from resolver.sources.apps.interpreter.values import AppTarget
from resolver.targets.platforms import DEFAULT_PLATFORM
from resolver.targets.target import build_marker_environment, parse_python_version
from tests.sources.apps.app_files import find_fault, read_app, read_list


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("list(reversed(sorted({'b', 'a'})))", ("b", "a")),
        ("sum([['a'], ['b']], [])", ("a", "b")),
        ("[str(n) for n in range(2)]", ("0", "1")),
        ("[f'{n}{one}' for n, one in enumerate('ab', 1)]", ("1a", "2b")),
        ("[x + y for x, y in zip('ab', 'cd', strict=True)]", ("ac", "bd")),
        ("list(filter(None, ['a', '']))", ("a",)),
        ("list(dict(a='x', **{'b': 'y'}))", ("a", "b")),
        ("[str(len('abc')), max('a', 'b'), str(int('7'))]", ("3", "b", "7")),
        ("list(itertools.chain(['a'], ['b']))", ("a", "b")),
        ("copy.copy(['a']) + [os.path.basename(os.path.join('x', 'b'))]", ("a", "b")),
        ("['a'] if isinstance([], (list, tuple)) else []", ("a",)),
    ],
)
def test_a_function_gives_what_python_gives(expression: str, items: tuple[str, ...]) -> None:
    assert read_list(expression, "import copy, itertools, os") == items


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("list(range(1000000))", "a range that long cannot be worked out"),
        ("list({'a', 'b'})", "the order of a set of texts differs from run to run cannot be worked out"),
        ("open('list.txt', 'w')", "a file that is opened so cannot be worked out"),
        ("sorted(1)", "a number is nothing to go through cannot be worked out"),
        ("[int('9' * 19)]", "such a value as a number cannot be worked out"),
    ],
)
def test_what_a_function_refuses_is_not_understood(expression: str, why: str) -> None:
    assert f"because {why}" in find_fault(f"class A:\n    requirements = {expression}")


def test_the_target_answers_for_the_machine() -> None:
    python = parse_python_version("3.12")
    target = AppTarget(python=python, environment=build_marker_environment(python, DEFAULT_PLATFORM))
    values = "platform.machine(), platform.system(), sys.platform, os.name, str(sys.version_info[1])"
    data = f"import os, platform, sys\nclass A:\n    requirements = [{values}]\n".encode()
    app = read_app(data, name="app.py", class_name=None, target=target)
    assert app.items == ("x86_64", "Linux", "linux", "posix", "12")
