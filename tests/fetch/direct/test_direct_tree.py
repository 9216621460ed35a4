"""Folders and commits that a list names: their metadata, their origin, and what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from resolver.errors import FetchError, MetadataError, Position
from resolver.fetch.direct.folder_content import hash_folder
from resolver.index.distribution_file import Commit, DirectDistribution, DirectRequest, Folder
from resolver.requirements.direct_reference import parse_reference
from resolver.settings.settings import DependencyMetadata
from tests.fetch.conftest import A, OpenSource
from tests.git_server import GitServer, Repository, make_repository

PROJECT = '[project]\nname = "a"\nversion = "1.0"\ndependencies = ["b>=2"]\n[build-system]\nrequires = ["tool"]\n'
DYNAMIC = '[project]\nname = "a"\nversion = "1.0"\ndynamic = ["dependencies"]\n'


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "served" / "demo")


@pytest.fixture
def git_server(repository: Repository, tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served") as server:
        yield server


def fetch(
    open_source: OpenSource, text: str, *, editable: bool = False, locked_commit: str | None = None, **options: object
) -> DirectDistribution:
    request = DirectRequest(
        reference=parse_reference(text, variables={}).direct,
        position=Position(item=0),
        text=text,
        editable=editable,
        locked_commit=locked_commit,
    )
    with open_source(**options) as source:
        return source.direct(request)


def write_project(folder: Path, text: str = PROJECT) -> Path:
    folder.mkdir()
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_folder_has_the_hash_of_its_content(open_source: OpenSource, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "a")
    found = fetch(open_source, str(folder), editable=True)
    assert (found.name, found.version, found.metadata.requires_dist) == (A, Version("1.0"), ("b>=2",))
    assert found.file.origin == Folder(path=str(folder), content=hash_folder(folder), editable=True)
    assert (found.file.url, found.build_requires, found.built) == (folder.as_uri(), ("tool",), False)


def test_changed_folder_is_read_again(open_source: OpenSource, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "a")
    assert fetch(open_source, str(folder)).version == Version("1.0")
    (folder / "pyproject.toml").write_text(PROJECT.replace("1.0", "2.0"))
    assert fetch(open_source, str(folder)).version == Version("2.0")


def test_users_table_replaces_the_build_of_a_tree(open_source: OpenSource, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "a", DYNAMIC)
    with pytest.raises(MetadataError) as caught:
        fetch(open_source, str(folder), build_policy="never")
    assert caught.value.needs_build
    table = DependencyMetadata(name=A, requires_dist=("c",))
    found = fetch(open_source, str(folder), build_policy="never", dependency_metadata=(table,))
    assert (found.metadata.requires_dist, found.built) == (("c",), False)


def test_commit_is_named_by_its_id_and_read_once(
    repository: Repository, git_server: GitServer, open_source: OpenSource
) -> None:
    commit_id = repository.commit({"pyproject.toml": PROJECT})
    text = f"git+{git_server.url('demo')}@main"
    found = fetch(open_source, text)
    origin = Commit(url=git_server.url("demo"), commit_id=commit_id, requested_revision="main", subdirectory=None)
    assert (found.file.origin, found.metadata.requires_dist) == (origin, ("b>=2",))
    git_server.log.clear()
    assert fetch(open_source, text, locked_commit=commit_id) == found
    assert git_server.log == []


def test_editable_commit_is_locked_with_a_warning(
    repository: Repository, git_server: GitServer, open_source: OpenSource
) -> None:
    repository.commit({"pyproject.toml": PROJECT})
    text = f"git+{git_server.url('demo')}@main"
    (warning,) = fetch(open_source, text, editable=True).warnings
    assert warning.endswith(f"`{text}` is locked as a commit, not as editable: an image has no work tree of it")


def test_commit_of_a_repository_that_is_gone_is_an_error(git_server: GitServer, open_source: OpenSource) -> None:
    with pytest.raises(FetchError):
        fetch(open_source, f"git+{git_server.url('none')}@main")
