"""Calls: of functions of the app, methods, paths and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.apps.app_files import find_fault, read_app, read_list


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("pick('a')", ("a", "z")),
        ("pick(name='a', last='b')", ("a", "b")),
        ("pick(*['a', 'b'])", ("a", "b")),
        ("pick(**{'name': 'a'})", ("a", "z")),
        ("list(map(str.upper, ['a']))", ("A",)),
        ("list(map(lambda one: one + '!', ['a']))", ("a!",)),
        ("'{}-{x}'.format('a', x='b').split('-')", ("a", "b")),
        ("[Path('lists/gpu.txt').stem, Path('a').joinpath('b').as_posix()]", ("gpu", "a/b")),
    ],
)
def test_a_call_has_the_result_that_python_gives_it(expression: str, items: tuple[str, ...]) -> None:
    before = "from pathlib import Path\ndef pick(name, last='z'):\n    return [name, last]"
    assert read_list(expression, before) == items


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("pick()", "it lacks an argument"),
        ("pick('a', 'b', 'c')", "its arguments do not fit"),
        ("tools.pick()", "`tools.pick` is not read here"),
        ("Base()", "an instance of `Base` is known at run time alone"),
        ("repeat()", "it calls itself too deep"),
        ("open('missing.txt').read()", "there is no file `missing.txt` that can be read in the app's repository"),
    ],
)
def test_a_call_that_is_not_understood_tells_why(expression: str, why: str) -> None:
    before = "import tools\ndef pick(name, last='z'):\n    return [name, last]\nclass Base:\n    pass\n"
    before += "def repeat():\n    return repeat()\n"
    assert f"because {why}" in find_fault(f"{before}class A:\n    requirements = {expression}\n")


def test_lines_of_a_file_keep_their_places(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("torch\nnumpy\n")
    data = b"class A:\n    requirements = open('list.txt').read().split()\n"
    app = read_app(data, name="app.py", class_name=None, path=tmp_path / "app.py")
    assert app.items == ("torch", "numpy")
    assert [getattr(one, "line", None) for one in app.positions] == [1, 2]
