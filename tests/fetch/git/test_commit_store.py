"""Commits in the cache: fetched once, with as little as the server sends, and shared between processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from resolver.errors import OfflineError
from resolver.fetch.git.repositories import GitRepositories
from resolver.requirements.url import Url, parse_url
from tests.command import child_environment
from tests.fetch.git.git_fixtures import read_all, refuse_tree, repositories, repository, server, tree_url
from tests.git_server import GitServer, Repository, make_repository, run_git

__all__ = ["repositories", "repository", "server", "tree_url"]


SCM = "[build-system]\nrequires = ['hatchling', 'hatch-vcs']\n"


def test_commit_is_fetched_once_and_then_taken_from_the_cache(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = repository.commit({"a.txt": "a"})
    url = parse_url(server.url("demo"))
    told: list[str] = []
    for offline in (False, False, True):
        with (
            GitRepositories(cache_folder=tmp_path / "cache", offline=offline, announce=told.append) as repositories,
            repositories.open_tree(url, commit_id) as tree,
        ):
            assert (tree.root / "a.txt").read_text() == "a"
    assert len([path for path in server.paths() if path.endswith("/info/refs")]) == 1
    assert told == [f"fetching commit `{commit_id}` of `git+{url}`"]


def test_commit_of_another_repository_is_not_taken_from_the_cache(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    commit_id = repository.commit()
    other = make_repository(tmp_path / "served" / "other")
    other.commit({"x": "x"})
    with repositories.open_tree(parse_url(server.url("demo")), commit_id):
        pass
    assert refuse_tree(repositories, parse_url(server.url("other")), commit_id) == (
        f"there is no commit `{commit_id}` in `git+{server.url('other')}`\n"
        "  because the server does not know it\n"
        "  try: name a commit that a branch or tag of it has; one that was removed by a forced push may be gone"
    )


def test_commit_that_is_not_kept_is_an_error_without_network(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = repository.commit()
    with (
        GitRepositories(cache_folder=tmp_path / "cache", offline=True) as repositories,
        pytest.raises(OfflineError) as caught,
        repositories.open_tree(parse_url(server.url("demo")), commit_id),
    ):
        pass
    assert str(caught.value) == (
        f"commit `{commit_id}` is not in the cache: `git+{server.url('demo')}`\n  try: run once without `--offline`"
    )
    assert server.log == []


def test_only_the_commit_itself_is_fetched(
    repository: Repository, repositories: GitRepositories, tree_url: Url
) -> None:
    repository.commit({"old.txt": "old"})
    commit_id = repository.commit({"new.txt": "new"})
    with repositories.open_tree(tree_url, commit_id) as tree:
        assert run_git(tree.root, "rev-list", "HEAD") == commit_id
        assert run_git(tree.root, "for-each-ref") == f"{commit_id} commit\trefs/pinfold/commit"


def test_history_is_there_where_the_server_gives_no_part_of_it(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    repository.git("config", "uploadpack.allowFilter", "false")
    repository.commit()
    repository.tag("v1.0")
    commit_id = repository.commit({"setup.py": "setup(use_scm_version=True, setup_requires=['setuptools_scm'])"})
    with repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree:
        assert run_git(tree.root, "describe", "--tags").startswith("v1.0-1-g")


@pytest.mark.parametrize("is_tip", [False, True])
def test_history_is_there_where_the_server_gives_no_commit_by_its_id(
    repository: Repository, server: GitServer, repositories: GitRepositories, is_tip: bool
) -> None:
    server.protocol = 0
    repository.commit()
    repository.tag("v1.0")
    commit_id = repository.commit({"pyproject.toml": SCM})
    if not is_tip:
        repository.commit()
    with repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree:
        assert run_git(tree.root, "describe", "--tags") == f"v1.0-1-g{commit_id[:7]}"
        assert "refs/heads" not in run_git(tree.root, "for-each-ref")


def test_history_is_kept_for_runs_without_network(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    repository.commit()
    repository.tag("v1.0")
    commit_id = repository.commit({"pyproject.toml": SCM})
    url = parse_url(server.url("demo"))
    for offline in (False, True):
        with (
            GitRepositories(cache_folder=tmp_path / "cache", offline=offline) as repositories,
            repositories.open_tree(url, commit_id) as tree,
        ):
            assert run_git(tree.root, "describe", "--tags").startswith("v1.0-1-g")


def test_commit_that_no_branch_has_is_fetched_where_the_server_gives_it(
    repository: Repository, repositories: GitRepositories, tree_url: Url
) -> None:
    commit_id = repository.commit({"a.txt": "a"})
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.commit({"b.txt": "b"})
    repository.git("branch", "--delete", "--force", "main")
    with repositories.open_tree(tree_url, commit_id) as tree:
        assert (tree.root / "a.txt").read_text() == "a"


@pytest.mark.parametrize("is_tip", [False, True])
def test_server_that_gives_no_commit_by_its_id_gives_everything(
    repository: Repository, server: GitServer, repositories: GitRepositories, is_tip: bool
) -> None:
    server.protocol = 0
    commit_id = repository.commit({"a.txt": "a"})
    if not is_tip:
        repository.commit({"a.txt": "b"})
    repository.tag("v1")
    with repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree:
        assert (tree.root / "a.txt").read_text() == "a"
        assert run_git(tree.root, "for-each-ref") == f"{commit_id} commit\trefs/pinfold/commit"


def test_server_that_knows_nothing_of_git_gives_everything(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    server.dumb = True
    commit_id = repository.commit({"a.txt": "a"})
    repository.commit({"a.txt": "b"})
    with repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree:
        assert (tree.root / "a.txt").read_text() == "a"


@pytest.mark.parametrize("protocol", [0, 2])
def test_commit_that_is_not_there_is_an_error(
    repository: Repository, server: GitServer, repositories: GitRepositories, protocol: int
) -> None:
    server.protocol = protocol
    repository.commit()
    message = refuse_tree(repositories, parse_url(server.url("demo")), "ab" * 20)
    assert message.splitlines()[0] == f"there is no commit `{'ab' * 20}` in `git+{server.url('demo')}`"


@pytest.mark.parametrize("kind", ["tag", "tree", "blob"])
def test_id_of_what_is_no_commit_is_an_error(
    repository: Repository, repositories: GitRepositories, tree_url: Url, kind: str
) -> None:
    repository.commit({"a.txt": "a"})
    tag = repository.tag("v1", annotated=True)
    named = {"tag": tag, "tree": "HEAD^{tree}", "blob": "HEAD:a.txt"}[kind]
    object_id = repository.git("rev-parse", named)
    remedy = "name the tag, or the commit that it names" if kind == "tag" else "name a commit"
    assert refuse_tree(repositories, tree_url, object_id) == (
        f"`{object_id}` is no commit of `git+{tree_url}`\n  because it is a {kind}\n  try: {remedy}"
    )


_OPEN = """
import sys
from pathlib import Path
from resolver.fetch.git.repositories import GitRepositories
from resolver.requirements.url import parse_url
with GitRepositories(cache_folder=Path(sys.argv[2])) as repositories:
    with repositories.open_tree(parse_url(sys.argv[1]), sys.argv[3]) as tree:
        print((tree.root / "a.txt").read_text())
"""


def test_processes_that_share_a_cache_do_not_disturb_each_other(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = repository.commit({"a.txt": "a"})
    words = [sys.executable, "-c", _OPEN, server.url("demo"), str(tmp_path / "cache"), commit_id]
    processes = [
        subprocess.Popen(words, env=child_environment(tmp_path), stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["a\n"] * 3
    assert list((tmp_path / "cache" / "git-v1" / "work").iterdir()) == []


def test_what_a_killed_run_left_is_removed_after_a_week(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = repository.commit()
    work = tmp_path / "cache" / "git-v1" / "work"
    for name, age_s in (("old", 8 * 86400), ("new", 6 * 86400)):
        (work / name).mkdir(parents=True)
        moment = (work / name).stat().st_mtime - age_s
        os.utime(work / name, (moment, moment))
    with (
        GitRepositories(cache_folder=tmp_path / "cache") as repositories,
        repositories.open_tree(parse_url(server.url("demo")), commit_id),
    ):
        pass
    assert [path.name for path in work.iterdir()] == ["new"]


def test_kept_commits_hold_no_address(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    commit_id = repository.commit({"pyproject.toml": SCM})
    with (
        GitRepositories(cache_folder=tmp_path / "cache") as repositories,
        repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree,
    ):
        assert b"127.0.0.1" not in read_all(tree.root)
    assert b"127.0.0.1" not in read_all(tmp_path / "cache")
