"""The policy of a lock: what it may read on disk, and which hosts it may lead to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resolver.errors import FetchError, InputError
from resolver.fetch.lock_policy import LockPolicy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a lock, beside a folder with a secret."""
    (tmp_path / "project" / "inside").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "secret").write_text("canary", encoding="utf-8")
    return tmp_path / "project"


@pytest.fixture
def policy(folder: Path) -> LockPolicy:
    return LockPolicy(allowed_paths=(folder,))


@pytest.mark.parametrize("path", [".", "inside", "inside/../inside", "inside/a.whl", "..project/../inside", "é/ü"])
def test_paths_below_the_folder_may_be_read(path: str, folder: Path, policy: LockPolicy) -> None:
    assert policy.check_path(folder / path) == folder / path


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../other",
        "../other/secret",
        "inside/../../other/secret",
        "../project-2/a",
        "/etc/passwd",
        "\0",
        "a" * 5000,
    ],
)
def test_paths_elsewhere_may_not_be_read(path: str, folder: Path, policy: LockPolicy) -> None:
    if path == "a" * 5000:
        path = f"../{path}"
    with pytest.raises(InputError, match="is no file or folder that the lock may lead to"):
        policy.check_path(folder / path)


def test_default_allows_no_path(folder: Path) -> None:
    with pytest.raises(InputError):
        LockPolicy().check_path(folder)


def test_link_must_not_lead_out(folder: Path, policy: LockPolicy) -> None:
    (folder / "file").symlink_to(folder.parent / "other" / "secret")
    (folder / "tree").symlink_to(folder.parent / "other")
    (folder / "inner").symlink_to(folder / "inside")
    for name in ("file", "tree", "tree/secret", "tree/missing"):
        with pytest.raises(InputError):
            policy.check_path(folder / name)
    policy.check_path(folder / "inner")


def test_folder_that_is_reached_by_a_link_is_allowed_by_either_name(folder: Path) -> None:
    alias = folder.parent / "alias"
    alias.symlink_to(folder)
    for allowed in (alias, folder):
        for base in (alias, folder):
            LockPolicy(allowed_paths=(allowed,)).check_path(base / "inside")


def test_tree_with_a_link_that_leads_out_is_refused(folder: Path, policy: LockPolicy) -> None:
    (folder / "inside" / "more").mkdir()
    (folder / "inside" / "more" / "pyproject.toml").symlink_to(folder.parent / "other" / "secret")
    policy.check_path(folder / "inside")
    with pytest.raises(InputError):
        policy.check_tree(folder / "inside")


def test_single_file_is_allowed_without_its_folder(folder: Path) -> None:
    policy = LockPolicy(allowed_paths=(folder.parent / "other" / "secret",))
    policy.check_path(folder.parent / "other" / "secret")
    with pytest.raises(InputError):
        policy.check_path(folder.parent / "other")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes in the file system")
def test_pipe_is_no_file(folder: Path, policy: LockPolicy) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(InputError):
        policy.check_path(folder / "pipe")


def test_message_shows_no_control_characters(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        LockPolicy().check_path(folder / "\x1b[31m\u202efile")
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ssh://git@10.0.0.1/a", "https://localhost/a", "git://169.254.169.254/a", "https://[::1]/a"]
)
def test_repository_of_a_private_host_is_refused(url: str) -> None:
    with pytest.raises(FetchError, match="is this machine or in a private network"):
        LockPolicy().check_repository(url)


def test_repository_of_an_allowed_host_may_be_read(folder: Path) -> None:
    LockPolicy(allowed_hosts=("10.0.0.1",)).check_repository("ssh://git@10.0.0.1/a")
    LockPolicy(allowed_paths=(folder,)).check_repository((folder / "inside").as_uri())
    with pytest.raises(InputError):
        LockPolicy(allowed_paths=(folder,)).check_repository(folder.parent.as_uri())
