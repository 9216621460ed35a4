"""What the repositories of a run share: the cache, its replacement, and each lookup once."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from resolver.errors import FetchError
from resolver.fetch.git.repositories import GitRepositories
from resolver.requirements.url import Url, parse_url
from tests.fetch.git.git_fixtures import find, refuse_tree, repositories, repository, server, tree_url
from tests.git_server import GitServer, Repository, run_git

__all__ = ["repositories", "repository", "server", "tree_url"]


def test_cache_is_this_users_alone(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    commit_id = repository.commit()
    with (
        GitRepositories(cache_folder=tmp_path / "cache") as repositories,
        repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree,
    ):
        assert stat.S_IMODE(tree.root.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "cache" / "git-v1").stat().st_mode) == 0o700


def test_tree_is_the_callers_to_change(repository: Repository, repositories: GitRepositories, tree_url: Url) -> None:
    commit_id = repository.commit({"a.txt": "a", "b/c.txt": "c"})
    with repositories.open_tree(tree_url, commit_id) as tree:
        assert (tree.folder, tree.root.name) == (tree.root, "demo")
        (tree.root / "a.txt").write_text("changed")
        shutil.rmtree(tree.root / ".git")
        (tree.root / "b").chmod(0o500)
    assert not tree.root.parent.exists()
    with repositories.open_tree(tree_url, commit_id) as tree:
        assert (tree.root / "a.txt").read_text() == "a"
        assert run_git(tree.root, "status", "--porcelain") == ""


def test_without_cache_nothing_is_left(
    repository: Repository, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "tmp").mkdir()
    commit_id = repository.commit({"a.txt": "a"})
    with (
        GitRepositories(cache_folder=None) as repositories,
        repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree,
    ):
        assert (tree.root / "a.txt").read_text() == "a"
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("commit_id", ["main", "abc1234", "g" * 40, "a" * 41, ""])
def test_tree_needs_a_full_commit_id(repositories: GitRepositories, commit_id: str) -> None:
    assert refuse_tree(repositories, parse_url("https://git.example/x"), commit_id) == (
        f"`{commit_id}` is no commit id of `git+https://git.example/x`\n  try: write it in full"
    )


@pytest.mark.parametrize("in_the_way", ["cache", "cache/git-v1", "cache/git-v1/work"])
def test_cache_that_cannot_be_written_is_done_without(
    repository: Repository, server: GitServer, tmp_path: Path, in_the_way: str
) -> None:
    commit_id = repository.commit({"a.txt": "a"})
    (tmp_path / in_the_way).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / in_the_way).write_text("a file")
    with (
        GitRepositories(cache_folder=tmp_path / "cache") as repositories,
        repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree,
    ):
        assert (tree.root / "a.txt").read_text() == "a"


def test_disk_that_cannot_be_written_is_an_error(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    commit_id = repository.commit()
    url = parse_url(server.url("demo"))
    with GitRepositories(cache_folder=tmp_path / "cache") as repositories:
        with repositories.open_tree(url, repository.commit()):
            shutil.rmtree(tmp_path / "cache" / "git-v1" / "commits")
            (tmp_path / "cache" / "git-v1" / "commits").write_text("a file")
        with pytest.raises(FetchError) as caught, repositories.open_tree(url, commit_id):
            pass
    first, second = str(caught.value).splitlines()
    assert first == f"`git+{url}` cannot be laid out on disk"
    assert second.startswith("  because ") and second.endswith(": not a directory")


def test_answers_are_kept_for_one_run_where_there_is_no_cache(repository: Repository, server: GitServer) -> None:
    commit_id = repository.commit()
    with GitRepositories(cache_folder=None) as repositories:
        assert find(repositories, f"git+{server.url('demo')}@main").commit_id == commit_id
