"""The list of a lock, as an app takes it for its `requirements`."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

import lockfiles
from lockfiles import Lockfile, export_list
from tests.lockfiles.samples import build_package, build_pylock, build_small_lock, build_tool

APP = "import lockfiles\n\n\nclass Chat:\n    requirements = lockfiles.requirements('pylock.toml')\n"


def run_app(folder: Path, lockfile: Lockfile) -> object:
    """What an app in the folder has for its list when its file is run from elsewhere."""
    lockfiles.write(lockfile, folder / "pylock.toml")
    (folder / "app.py").write_text(APP)
    return runpy.run_path(str(folder / "app.py"))["Chat"].requirements


def test_an_app_has_the_items_of_the_lock_beside_it(tmp_path: Path) -> None:
    lockfile = build_small_lock()
    found = run_app(tmp_path, lockfile)
    assert found == list(export_list(lockfile))
    assert isinstance(found, list)
    assert found[0] == "--no-deps"


def test_a_lock_of_several_layers_is_a_list_a_layer(tmp_path: Path) -> None:
    layers = ((NormalizedName("a"),), (NormalizedName("b"),))
    tool = replace(build_tool("a", "b"), layers=layers, requirements=layers)
    lockfile = Lockfile(pylock=build_pylock(build_package("a", "1"), build_package("b", "2")), tool=tool)
    found = run_app(tmp_path, lockfile)
    assert found == [list(export_list(lockfile, layer=0)), list(export_list(lockfile, layer=1))]


def test_a_path_is_relative_to_the_current_folder_where_no_file_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lockfiles.write(build_small_lock(), tmp_path / "pylock.toml")
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    exec("import lockfiles\nitems = lockfiles.requirements('pylock.toml')", found)
    assert found["items"] == list(export_list(build_small_lock()))


def test_a_lock_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lockfiles.requirements(tmp_path / "pylock.toml")
