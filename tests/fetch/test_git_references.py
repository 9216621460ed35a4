"""Which commit a reference names: branches, tags, commit ids, and what is wrong with those that name none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.errors import FetchError, OfflineError
from resolver.fetch.git import FoundCommit, GitRepositories
from resolver.fetch.git.messages import GitReferenceError
from resolver.requirements.direct_reference import parse_reference
from resolver.requirements.entry import VcsReference
from tests.git_server import GitServer, Repository, make_repository

PROJECT = "[project]\nname = 'demo'\nversion = '1.0'\n"


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


def find(repositories: GitRepositories, text: str) -> FoundCommit:
    reference = parse_reference(text, variables={}).direct
    assert isinstance(reference, VcsReference)
    return repositories.find_commit(reference, text=text)


@pytest.fixture(params=["file", "http"])
def url(request: pytest.FixtureRequest, repository: Repository, server: GitServer) -> str:
    return f"git+{repository.url if request.param == 'file' else server.url('demo')}"


def test_branch_names_the_commit_it_is_at(repository: Repository, repositories: GitRepositories, url: str) -> None:
    commit_id = repository.commit()
    repository.branch("feature/x")
    repository.commit()
    found = find(repositories, f"{url}@feature/x")
    assert found == FoundCommit(commit_id=commit_id, requested_revision="feature/x")


@pytest.mark.parametrize("annotated", [False, True])
def test_tag_names_its_commit(repository: Repository, repositories: GitRepositories, url: str, annotated: bool) -> None:
    commit_id = repository.commit()
    repository.tag("v1.0", annotated=annotated)
    repository.commit()
    assert find(repositories, f"{url}@v1.0").commit_id == commit_id
    assert find(repositories, f"{url}@refs/tags/v1.0").commit_id == commit_id
    assert find(repositories, f"{url}@tags/v1.0").commit_id == commit_id
