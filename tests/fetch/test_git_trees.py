"""The files of a commit: from disk, over HTTP, from the cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.fetch.git import GitRepositories
from resolver.requirements.url import Url, parse_url
from tests.git_server import GitServer, Repository, make_repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "served" / "demo")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served") as server:
        yield server


@pytest.fixture
def repositories(tmp_path: Path) -> Iterator[GitRepositories]:
    with GitRepositories(cache_folder=tmp_path / "cache") as repositories:
        yield repositories


@pytest.fixture(params=["file", "http"])
def url(request: pytest.FixtureRequest, repository: Repository, server: GitServer) -> Url:
    return parse_url(repository.url if request.param == "file" else server.url("demo"))


def test_tree_holds_the_files_of_the_commit(repository: Repository, repositories: GitRepositories, url: Url) -> None:
    commit_id = repository.commit({"setup.py": "1", "sub/x.txt": "a"})
    repository.commit({"setup.py": "2"})
    with repositories.open_tree(url, commit_id, subdirectory="sub") as tree:
        assert (tree.root / "setup.py").read_text() == "1"
        assert tree.folder == tree.root / "sub"
        assert (tree.folder / "x.txt").read_text() == "a"
        assert tree.commit_time_s == 1704164645
        assert (tree.root / ".git" / "config").read_text() == (
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
        )
    assert not tree.root.exists()


def test_submodules_are_laid_out_with_those_inside_of_them(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    inner = make_repository(tmp_path / "served" / "inner")
    inner_id = inner.commit({"inner.txt": "i"})
    middle = make_repository(tmp_path / "served" / "middle")
    middle.commit({"middle.txt": "m"})
    middle.add_submodule("deep/inner", server.url("inner"), inner_id)
    middle_id = middle.commit_index()
    repository.add_submodule("middle", "../middle", middle_id)
    commit_id = repository.commit_index()
    with repositories.open_tree(parse_url(server.url("demo")), commit_id, subdirectory=None) as tree:
        assert (tree.root / "middle" / "middle.txt").read_text() == "m"
        assert (tree.root / "middle" / "deep" / "inner" / "inner.txt").read_text() == "i"
        assert tree.warnings == ()
