"""The apps below a folder: which there are, in which order, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.sources.apps.app_folder import expand_folders, list_app_sources

APP = 'import fal\n\n\nclass {name}(fal.App):\n    requirements = ["a"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_apps_are_listed_by_path_and_then_by_line(folder: Path) -> None:
    write(folder, "apps/z.py", APP.format(name="Z"))
    write(folder, "apps/inner/b.py", APP.format(name="Second") + APP.format(name="First").partition("\n\n\n")[2])
    write(folder, "apps/a-b.py", APP.format(name="A"))
    write(folder, "apps/f.py", 'import fal\n\n\n@fal.function(requirements=["a"])\ndef f():\n    pass\n')
    assert list_app_sources(folder / "apps", seen_from=folder) == (
        "apps/a-b.py",
        "apps/f.py",
        "apps/inner/b.py::Second",
        "apps/inner/b.py::First",
        "apps/z.py",
    )


@pytest.mark.parametrize(
    "place", [".venv/app.py", ".hidden/app.py", "node_modules/app.py", "__pycache__/app.py", "env/app.py", ".app.py"]
)
def test_what_is_not_the_users_is_left_out(folder: Path, place: str) -> None:
    write(folder, place, APP.format(name="A"))
    write(folder, "env/pyvenv.cfg", "home = /usr/bin\n")
    assert list_app_sources(folder, seen_from=folder) == ()


def test_files_without_a_list_are_left_out(folder: Path) -> None:
    write(folder, "a.py", "import fal\n\nclass A(fal.App):\n    machine_type = 'S'\n")
    write(folder, "b.py", "class Model:\n    requirements = ['not', 'an', 'app']\n    App = None\n")
    write(folder, "c.py", "")
    assert list_app_sources(folder, seen_from=folder) == ()


def test_links_to_folders_are_not_followed(folder: Path) -> None:
    write(folder, "apps/a.py", APP.format(name="A"))
    (folder / "apps" / "again").symlink_to(folder / "apps")
    assert list_app_sources(folder, seen_from=folder) == ("apps/a.py",)


def test_a_file_that_cannot_be_read_is_listed_for_its_run_to_tell(folder: Path) -> None:
    write(folder, "broken.py", "import fal\nclass A(fal.App:\n    requirements = []\n")
    write(folder, "late.py", "import fal, sys\nclass A(fal.App):\n    requirements = [str(sys.version_info[1])]\n")
    write(folder, "unknown.py", "import fal, x\nclass A(fal.App):\n    requirements = x.y\n")
    assert list_app_sources(folder, seen_from=folder) == ("broken.py", "late.py", "unknown.py")


def test_entry_points_of_a_pyproject_are_apps(folder: Path) -> None:
    write(
        folder,
        "sub/pyproject.toml",
        '[tool.fal.apps.b]\npython_entry_point = "m:B"\nrequirements = ["b"]\n'
        '[tool.fal.apps.a]\npython_entry_point = "m:A"\nrequirements = ["a"]\n'
        '[tool.fal.apps.c]\nref = "c.py"\nrequirements = ["c"]\n[tool.fal.apps.d]\npython_entry_point = "m:D"\n',
    )
    write(folder, "pyproject.toml", "this is no TOML")
    assert list_app_sources(folder, seen_from=folder) == ("sub/pyproject.toml::a", "sub/pyproject.toml::b")


def test_a_folder_stands_for_its_apps_each_once(folder: Path) -> None:
    write(folder, "apps/a.py", APP.format(name="A"))
    write(folder, "empty/readme.txt", "")
    assert expand_folders(["r.txt", "apps", "empty", "apps/a.py", ""], folder=folder) == (
        "r.txt",
        "apps/a.py",
        "empty",
        "",
    )
    assert expand_folders(["."], folder=folder) == ("apps/a.py",)


def test_apps_that_derive_from_one_of_another_file_are_listed(folder: Path) -> None:
    write(folder, "apps/common/root.py", APP.format(name="Root"))
    write(folder, "apps/common/middle.py", "from .root import Root\n\n\nclass Middle(Root):\n    pass\n")
    write(folder, "apps/one.py", "from apps.common.middle import (\n    Middle,\n)\n\n\nclass One(Middle):\n    pass\n")
    write(folder, "apps/two.py", "import json\n\n\nclass Two(json.JSONEncoder):\n    requirements = []\n")
    assert list_app_sources(folder / "apps", seen_from=folder) == (
        "apps/common/middle.py",
        "apps/common/root.py",
        "apps/one.py",
    )


def test_functions_that_have_their_list_from_a_table_are_listed(folder: Path) -> None:
    write(folder, "pyproject.toml", '[tool.fal.apps.b]\nref = "apps/app.py::f"\nrequirements = ["b"]\n')
    functions = "@fal.function()\ndef f():\n    pass\n\n\n@fal.function()\ndef g():\n    pass\n"
    write(folder, "apps/app.py", f"import fal\n\n\n{functions}")
    assert list_app_sources(folder / "apps", seen_from=folder) == ("apps/app.py::f",)
