"""The hash of a source tree: what belongs to the tree decides it, and nothing else."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resolver.errors import InputError
from resolver.fetch.direct.folder_content import hash_folder, list_folder_files

FILES = {"pyproject.toml": "[project]\n", "src/a/__init__.py": "", "src/a/data.bin": "x" * 10, "run.sh": "#!/bin/sh\n"}


def write_tree(folder: Path, **more: str) -> Path:
    for path, text in {**FILES, **more}.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="")
    (folder / "run.sh").chmod(0o755)
    return folder


def run_git(folder: Path, *arguments: str) -> None:
    settings = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True)


def make_repository(folder: Path, ignored: str) -> Path:
    write_tree(folder, **{".gitignore": ignored})
    run_git(folder, "init")
    run_git(folder, "add", ".")
    run_git(folder, "commit", "-m", "all")
    return folder


def test_hash_is_that_of_the_documented_text(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    (tree / "link").symlink_to("run.sh")
    expected = hashlib.sha256()
    for mode, path, content in (
        ("120000", "link", "run.sh"),
        ("100644", "pyproject.toml", "[project]\n"),
        ("100755", "run.sh", "#!/bin/sh\n"),
        ("100644", "src/a/__init__.py", ""),
        ("100644", "src/a/data.bin", "x" * 10),
    ):
        expected.update(f"{mode} {hashlib.sha256(content.encode()).hexdigest()} {path}\0".encode())
    assert hash_folder(tree) == f"sha256:{expected.hexdigest()}"


def test_place_and_times_of_a_tree_do_not_count(tmp_path: Path) -> None:
    here, there = write_tree(tmp_path / "here"), write_tree(tmp_path / "b" / "there")
    os.utime(there / "pyproject.toml", (1, 1))
    (there / "pyproject.toml").chmod(0o600)
    (there / "empty").mkdir()
    assert hash_folder(here) == hash_folder(there)


@pytest.mark.parametrize("path", ["a.pyc", "src/a/__pycache__/x", "a.egg-info/PKG-INFO", ".git/HEAD"])
def test_what_every_build_leaves_behind_does_not_count(tmp_path: Path, path: str) -> None:
    assert hash_folder(write_tree(tmp_path / "a")) == hash_folder(write_tree(tmp_path / "b", **{path: "x"}))


def test_name_content_mode_and_target_count(tmp_path: Path) -> None:
    trees = [write_tree(tmp_path / str(number)) for number in range(6)]
    (trees[1] / "run.sh").rename(trees[1] / "run2.sh")
    (trees[2] / "pyproject.toml").write_text("[project] \n")
    (trees[3] / "run.sh").chmod(0o644)
    (trees[4] / "link").symlink_to("a")
    (trees[5] / "link").symlink_to("b")
    assert len({hash_folder(tree) for tree in trees}) == 6


def test_what_git_ignores_does_not_count(tmp_path: Path) -> None:
    tree = make_repository(tmp_path / "tree", "build/\n*.log\n")
    before = hash_folder(tree)
    write_tree(tree, **{"build/lib/a.py": "x", "src/a.log": "x"})
    assert hash_folder(tree) == before
    write_tree(tree, **{"src/new.py": "x"})
    assert hash_folder(tree) != before


def test_clone_has_the_hash_of_its_origin(tmp_path: Path) -> None:
    tree = make_repository(tmp_path / "tree", "build/\n")
    write_tree(tree, **{"build/x": "x"})
    run_git(tmp_path, "clone", str(tree), "clone")
    copied = shutil.copytree(tree, tmp_path / "copy", ignore=shutil.ignore_patterns(".git", "build"))
    assert hash_folder(tmp_path / "clone") == hash_folder(tree) == hash_folder(copied)


def test_folder_inside_a_repository_is_hashed_alone(tmp_path: Path) -> None:
    tree = make_repository(tmp_path / "tree", "*.log\n")
    before = hash_folder(tree / "src")
    write_tree(tree, **{"README": "changed", "src/a.log": "x"})
    assert hash_folder(tree / "src") == before
    assert list_folder_files(tree / "src") == ("a/__init__.py", "a/data.bin")


def test_folder_that_git_ignores_as_a_whole_is_hashed_nevertheless(tmp_path: Path) -> None:
    tree = make_repository(tmp_path / "tree", "vendored/\n")
    vendored = write_tree(tree / "vendored")
    assert hash_folder(vendored) == hash_folder(write_tree(tmp_path / "elsewhere"))


def test_file_that_was_deleted_but_is_tracked_still_is_none(tmp_path: Path) -> None:
    tree = make_repository(tmp_path / "tree", "")
    (tree / "run.sh").unlink()
    assert list_folder_files(tree) == (".gitignore", "pyproject.toml", "src/a/__init__.py", "src/a/data.bin")


def test_submodule_and_repository_inside_belong_to_the_tree(tmp_path: Path) -> None:
    other = make_repository(tmp_path / "other", "")
    tree = make_repository(tmp_path / "tree", "")
    run_git(tree, "-c", "protocol.file.allow=always", "submodule", "add", str(other), "module")
    make_repository(tree / "inner", "*.log\n")
    write_tree(tree / "inner", **{"a.log": "x"})
    found = list_folder_files(tree)
    assert {"module/run.sh", "inner/run.sh"} <= set(found)
    assert "inner/a.log" not in found


def test_submodule_that_was_not_fetched_is_an_empty_folder(tmp_path: Path) -> None:
    other = make_repository(tmp_path / "other", "")
    tree = make_repository(tmp_path / "tree", "")
    run_git(tree, "-c", "protocol.file.allow=always", "submodule", "add", str(other), "module")
    run_git(tree, "commit", "-m", "module")
    run_git(tmp_path, "clone", str(tree), "clone")
    assert not [path for path in list_folder_files(tmp_path / "clone") if path.startswith("module")]


def test_repository_runs_nothing_when_it_is_listed(tmp_path: Path) -> None:
    tree = make_repository(tmp_path / "tree", "")
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!{sys.executable}\nopen({str(sprung)!r}, 'w')\n")
    trap.chmod(0o755)
    hooks = tree / ".git" / "hooks"
    for hook in ("post-index-change", "post-checkout"):
        shutil.copy(trap, hooks / hook)
    run_git(tree, "config", "core.fsmonitor", str(trap))
    assert hash_folder(tree).startswith("sha256:")
    assert not sprung.exists()


def test_folder_without_a_repository_starts_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = write_tree(tmp_path / "tree", **{".gitignore": "run.sh\n"})
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "run.sh" in list_folder_files(tree)


def test_without_git_all_but_the_fixed_names_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = make_repository(tmp_path / "tree", "run.sh\n")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert list_folder_files(tree) == (".gitignore", "pyproject.toml", "run.sh", "src/a/__init__.py", "src/a/data.bin")


def test_variables_of_a_running_git_are_not_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, other = make_repository(tmp_path / "tree", ""), make_repository(tmp_path / "other", "run.sh\n")
    before = hash_folder(tree)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert hash_folder(tree) == before


def test_folder_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        hash_folder(tmp_path / "missing")
    assert str(caught.value) == f"`{tmp_path / 'missing'}` cannot be read: no such file or directory"
