"""The files that an app may read: those of its repository, and none else."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import SourceError
from resolver.sources.apps.interpreter.files import AppFiles


@pytest.fixture
def files(tmp_path: Path) -> AppFiles:
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    (root / "apps").mkdir()
    (root / "apps" / "app.py").write_text("")
    (root / "list.txt").write_text("torch")
    (tmp_path / "outside.txt").write_text("secret")
    return AppFiles(root / "apps" / "app.py", seen_from=root)


def find_fault(files: AppFiles, path: str) -> str:
    with pytest.raises(SourceError) as caught:
        files.locate(path)
    return str(caught.value)


def test_a_file_of_a_folder_above_is_found(files: AppFiles) -> None:
    assert files.name(files.locate("list.txt")) == "list.txt"
    assert files.read(files.locate("list.txt")) == b"torch"


def test_a_file_outside_of_the_repository_does_not_exist(files: AppFiles) -> None:
    (files.folders[-1] / "link.txt").symlink_to(files.folders[-1].parent / "outside.txt")
    for path in ("../../outside.txt", "link.txt", str(files.folders[-1].parent / "outside.txt"), "a\0b"):
        assert not files.exists(path)
    assert find_fault(files, "link.txt") == "there is no file `link.txt` that can be read in the app's repository"


def test_a_path_that_can_be_two_files_is_refused(files: AppFiles) -> None:
    (files.folders[0] / "list.txt").write_text("numpy")
    assert files.exists("list.txt")
    assert find_fault(files, "list.txt") == (
        "it can be `apps/list.txt`, `list.txt`: the folder that the app is run in decides"
    )


def test_a_large_file_is_not_read(files: AppFiles) -> None:
    (files.folders[0] / "large.txt").write_bytes(b" " * 1_000_001)
    assert not files.exists("large.txt")


def test_a_module_is_found_by_its_dotted_and_by_its_relative_name(files: AppFiles) -> None:
    package = files.folders[0] / "lists"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "gpu.py").write_text("")
    assert files.find_module("lists.gpu", level=0, beside=files.path) == package / "gpu.py"
    assert files.find_module("gpu", level=1, beside=package / "__init__.py") == package / "gpu.py"
    assert files.find_module("lists", level=0, beside=files.path) == package / "__init__.py"
    assert files.find_module("missing", level=0, beside=files.path) is None
