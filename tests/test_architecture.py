"""The shape of the code stays within `tests/architecture/limits.py`, and the measures count what they name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.architecture.__main__ import main
from tests.architecture.limits import LIMITS, ROOT, Figure, Limit, find_figures, read_sources
from tests.architecture.measures import Tree, find_circles, read_tree
from tests.architecture.walk import holds_text


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    return find_figures(read_sources())


def build_tree(root: Path, files: dict[str, str]) -> Tree:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return read_tree(root, ["resolver"])


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_figure_is_within_its_limit(limit: Limit, figures: dict[str, Figure]) -> None:
    figure = figures[limit.name]
    assert limit.holds(figure.value, limit.today), "\n".join([f"{figure.value}, not {limit.today}", *figure.details])


def test_each_figure_has_a_limit(figures: dict[str, Figure]) -> None:
    assert sorted(figures) == sorted(limit.name for limit in LIMITS)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_no_limit_is_beyond_its_goal(limit: Limit) -> None:
    assert limit.holds(limit.goal, limit.today)


def test_command_prints_each_figure_with_its_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--details"]) == 0
    printed = capsys.readouterr().out
    assert [limit.name for limit in LIMITS if f"\n{limit.name} " not in printed] == []


def test_import_belongs_to_the_module_that_it_reaches(tmp_path: Path) -> None:
    tree = build_tree(
        tmp_path,
        {
            "resolver/__init__.py": '"""A package."""\n',
            "resolver/a.py": "import resolver.b\nfrom resolver.c import value\nfrom resolver import d\nimport json\n",
            "resolver/b.py": "from . import a\n",
            "resolver/c.py": "from .d import value\ntry:\n    import resolver.a\nexcept ImportError:\n    pass\n",
            "resolver/d.py": "import resolver.d\n",
        },
    )

    assert tree.import_graph(["plain"]) == {
        "resolver": set(),
        "resolver.a": {"resolver.b", "resolver.c", "resolver.d"},
        "resolver.b": {"resolver.a"},
        "resolver.c": {"resolver.a", "resolver.d"},
        "resolver.d": set(),
    }


def test_imports_in_functions_and_for_typing_are_apart(tmp_path: Path) -> None:
    text = """
        from typing import TYPE_CHECKING

        import resolver.a

        if TYPE_CHECKING:
            import resolver.b
        else:
            import resolver.c


        class One:
            import resolver.d

            def load(self) -> None:
                if self:
                    import resolver.e
    """
    tree = build_tree(tmp_path, {"resolver/main.py": text, **{f"resolver/{letter}.py": "" for letter in "abcde"}})

    assert tree.import_graph(["plain"])["resolver.main"] == {"resolver.a", "resolver.c", "resolver.d"}
    assert tree.import_graph(["typing"])["resolver.main"] == {"resolver.b"}
    assert tree.import_graph(["lazy"])["resolver.main"] == {"resolver.e"}


def test_circle_is_a_group_of_modules_that_reach_each_other() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a", "e"}}
    assert find_circles(graph) == [["a", "b", "c"], ["d", "e"]]
    assert find_circles({"a": {"b"}, "b": set()}) == []


def test_self_is_no_parameter_and_rest_is_one(tmp_path: Path) -> None:
    text = """
        def function(a, b, /, c, *rest, d, **options): ...


        class One:
            def method(self, a): ...

            @staticmethod
            def alone(a): ...

            @classmethod
            def build(cls, a, b):
                def within(a, b, c): ...
    """
    tree = build_tree(tmp_path, {"resolver/a.py": text})

    assert {definition.name: definition.parameters for definition in tree.iter_definitions()} == {
        "function": 6,
        "One.method": 1,
        "One.alone": 1,
        "One.build": 2,
        "One.build.within": 3,
    }


def test_allowed_function_is_found_by_its_public_name(tmp_path: Path) -> None:
    function = "def lock(a, b): ...\n"
    tree = build_tree(
        tmp_path,
        {
            "resolver/__init__.py": "from resolver.a import lock\nfrom resolver.b import lock as other\n",
            "resolver/a.py": function,
            "resolver/b.py": function,
        },
    )

    wide = tree.wide_definitions(limit=1, exceptions=["resolver.lock"])
    assert [str(definition) for definition in wide] == ["resolver.b.lock"]


def test_name_defined_in_two_modules_is_found(tmp_path: Path) -> None:
    text = "LIMIT = 1\n_Own = int\nName = str\nclass One: ...\nclass _Two: ...\ndef find(): ...\n"
    tree = build_tree(tmp_path, {"resolver/a.py": text, "resolver/b/a.py": text, "resolver/c.py": "import One\n"})

    assert tree.repeated_names("class") == {name: ["resolver.a", "resolver.b.a"] for name in ("Name", "One")}
    assert tree.repeated_names("function") == {"find": ["resolver.a", "resolver.b.a"]}
    assert tree.repeated_module_names() == {"a": ["resolver.a", "resolver.b.a"]}


def test_documentation_is_docstrings_and_lines_of_comment(tmp_path: Path) -> None:
    text = '''
        """Two

        three."""
        # Four
        value = 1  # not counted
        """Five."""
        other = """
        # not counted
        """
    '''
    tree = build_tree(tmp_path, {"resolver/a.py": text})

    assert tree.modules["resolver.a"].documentation_lines == 5
    assert tree.documentation_share() == 5 / 10


def test_room_holds_its_modules_and_folders(tmp_path: Path) -> None:
    files = {f"resolver/{name}": "" for name in ("__init__.py", "a.py", "py.typed", "data/x.json", "b/__init__.py")}
    tree = build_tree(tmp_path, {**files, "resolver/__pycache__/a.pyc": ""})

    assert tree.room_entries() == {"resolver": (2, 2), "resolver.b": (1, 0)}


def test_package_with_a_docstring_alone_is_not_among_the_short_modules(tmp_path: Path) -> None:
    files = {"__init__.py": '"""Doc."""\n', "b/__init__.py": "value = 1\n", "a.py": "1\n" * 9}
    tree = build_tree(tmp_path, {f"resolver/{name}": text for name, text in files.items()})

    assert [module.name for module in tree.short_modules(limit=9)] == ["resolver.b"]
    assert [module.name for module in tree.bare_packages()] == ["resolver"]


def test_mirrored_test_has_the_place_of_its_module(tmp_path: Path) -> None:
    modules = {f"resolver/{name}.py": "" for name in ("__init__", "a", "b/c", "b/_d", "e")}
    tests = {f"tests/{name}.py": "" for name in ("test_a", "b/test_c", "b/test_d", "b/test_e")}
    tree = build_tree(tmp_path, {**modules, **tests})

    assert tree.mirrored_modules() == (["resolver.a", "resolver.b._d", "resolver.b.c"], ["resolver.e"])


def test_line_is_followed_from_the_list_to_the_lock() -> None:
    command = [sys.executable, "-m", "tests.architecture", "--walk", "torch==2.8.0", "--details"]
    counted, *places = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()

    modules = {place.strip().partition(": ")[0] for place in places}
    assert counted == f"torch==2.8.0 passes {len(modules)} modules and {len(places)} functions"
    assert len(set(places)) == len(places)
    assert {module.partition(".")[0] for module in modules} == {"resolver", "lockfiles"}


@pytest.mark.parametrize(
    ("value", "is_held"),
    [
        ("torch==2.8.0", True),
        (b"--pre\ntorch==2.8.0\n", True),
        ("https://index.example/simple/torch/", False),
        ("torchvision", False),
        ({"torch": 1}, True),
        ({"names": ["torch"]}, True),
        ({"names": [("torch",)]}, False),
        ([Requirement("torch>=2")], True),
        ([[Requirement("torch>=2")]], False),
        (Version("2.8.0"), False),
        (None, False),
    ],
)
def test_value_holds_a_text_within_two_levels(value: object, is_held: bool) -> None:
    assert holds_text(value, frozenset({"torch", "torch==2.8.0"}), levels=2) is is_held
