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


@pytest.mark.parametrize(
    "expression",
    [
        "f\"{os.environ['W']}/x.whl\"",
        "f\"{os.getenv('W').rstrip('/')}/x.whl\"",
        "os.environ['W'] + '/x.whl'",
        "os.environ.get('W', 'https://f.example') + '/x.whl'",
        "getenv('W').strip() + '/x.whl'",
        "'%s/%s' % (environ['W'], 'x.whl')",
        "'%(w)s/%(file)s' % {'w': os.environ['W'], 'file': 'x.whl'}",
        "'%(W)s/x.whl' % os.environ",
        "'{}/x.whl'.format(os.environ['W'])",
        "'{w}/x.whl'.format(w=os.environ.get('W'))",
        "'/'.join([os.environ['W'], 'x.whl'])",
        "''.join((os.environ['W'], '/', 'x.whl'))",
        "os.path.join(os.environ['W'], 'x.whl')",
        "os.path.expandvars('$W/x.whl')",
        "os.path.expandvars('${W}/x.whl')",
        "'${W}/x.whl'",
    ],
)
def test_a_variable_at_the_start_of_a_url_stays_one(expression: str) -> None:
    assert read_list(f"[{expression}]", "import os\nfrom os import environ, getenv") == ("${W}/x.whl",)


@pytest.mark.parametrize(
    "expression",
    [
        "os.environ['W'].lstrip('/') + '/x.whl'",
        "os.environ['W'].rstrip('abc') + '/x.whl'",
        "os.path.join(os.environ['W'], os.environ['X'])",
        "os.path.join('a', os.environ['W'])",
    ],
)
def test_a_variable_whose_value_decides_is_not_guessed(expression: str) -> None:
    fault = find_fault(f"import os\nclass A:\n    requirements = [{expression}]")
    assert "is read from the environment, which no lock may depend on unasked" in fault


@pytest.mark.parametrize("expression", ["'%(w)s/%(x)s' % {'w': os.environ['W']}", "'%(w)5s' % {'w': os.environ['W']}"])
def test_a_template_that_lacks_a_value_or_pads_one_is_refused(expression: str) -> None:
    assert "is not understood" in find_fault(f"import os\nclass A:\n    requirements = [{expression}]")
