"""What the repositories of a run share: the cache, its replacement, and each lookup once."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from resolver.errors import FetchError
from resolver.fetch.access import Access
from resolver.fetch.git.command import JudgeConnection
from resolver.fetch.git.repositories import GitRepositories, RepositoryRules
from resolver.fetch.http.hosts import LinkPolicy
from resolver.fetch.http.http_session import HttpSession
from resolver.requirements.url import Url, parse_url
from tests.fetch.git.git_fixtures import (
    Recorder,
    find,
    recorder,
    refuse_tree,
    repositories,
    repository,
    server,
    tree_url,
)
from tests.git_server import GitServer, Repository, make_repository, run_git

__all__ = ["recorder", "repositories", "repository", "server", "tree_url"]


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


@pytest.fixture
def redirected(repository: Repository, server: GitServer) -> Iterator[GitServer]:
    """A second server, which has the repository, and to which the first one redirects."""
    repository.commit()
    with GitServer(server.folder) as other:
        server.redirects["/demo/"] = f"{other.base_url}/demo/"
        yield other


def judge_as(sources: dict[str, str], reached: list[str]) -> JudgeConnection:
    """Rules of a run for which some hosts have other addresses; connections go to loopback all the same."""
    policy = LinkPolicy(find_addresses=lambda url: (sources.get(urlsplit(url).netloc, "127.0.0.1"),))

    def judge(url: str, source: str) -> tuple[str, ...]:
        if source:
            policy.check_redirect(url, source=source, verb="leads")
        reached.append(urlsplit(url).netloc)
        return ("127.0.0.1",)

    return judge


@pytest.mark.parametrize("target", ["http://169.254.169.254", "http://2852039166", "http://[::ffff:169.254.169.254]"])
def test_repository_that_redirects_to_a_metadata_service_is_refused(
    repository: Repository, server: GitServer, target: str
) -> None:
    repository.commit()
    server.redirects["/demo/"] = f"{target}/latest/"
    session = HttpSession(Access())
    with (
        GitRepositories(cache_folder=None, rules=RepositoryRules(judge=session.judge_connection)) as repositories,
        pytest.raises(FetchError) as caught,
    ):
        find(repositories, f"git+{server.url('demo')}@main")
    assert "leads to http://" in str(caught.value)
    assert "link-local address or metadata service" in str(caught.value)
    assert "try: `--allow-host " in str(caught.value)


def test_public_repository_that_redirects_to_this_machine_is_refused(server: GitServer, redirected: GitServer) -> None:
    reached: list[str] = []
    # The first server counts as a public one.
    judge = judge_as({f"git.example:{server.port}": "93.184.215.14"}, reached)
    with (
        GitRepositories(cache_folder=None, rules=RepositoryRules(judge=judge)) as repositories,
        pytest.raises(FetchError) as caught,
    ):
        find(repositories, f"git+http://git.example:{server.port}/demo@main")
    assert str(caught.value).startswith(f"http://git.example:{server.port}/demo leads to {redirected.base_url}/, which")
    assert reached == [f"git.example:{server.port}"]
    assert redirected.log == []


def test_repository_of_this_machine_may_redirect_to_another_port(
    repository: Repository, server: GitServer, redirected: GitServer
) -> None:
    session = HttpSession(Access())
    with GitRepositories(cache_folder=None, rules=RepositoryRules(judge=session.judge_connection)) as repositories:
        found = find(repositories, f"git+{server.url('demo')}@main")
    assert found.commit_id == repository.git("rev-parse", "HEAD")
    assert redirected.log != []


def test_git_connects_to_the_addresses_that_were_judged(repository: Repository, server: GitServer) -> None:
    repository.commit({"large.txt": "x" * 3_000_000})
    reached: list[str] = []
    rules = RepositoryRules(judge=judge_as({}, reached))
    commit_id = repository.git("rev-parse", "HEAD")
    # No name server knows the host: the address is the one that the rules give.
    url = parse_url(f"http://git.example:{server.port}/demo")
    with (
        GitRepositories(cache_folder=None, rules=rules) as repositories,
        repositories.open_tree(url, commit_id) as tree,
    ):
        assert (tree.root / "large.txt").stat().st_size == 3_000_000
    assert set(reached) == {f"git.example:{server.port}"}


def test_submodule_on_a_public_name_of_this_machine_is_refused(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    inner = make_repository(tmp_path / "served" / "inner")
    repository.add_submodule("inner", f"http://inner.example:{server.port}/inner", inner.commit())
    commit_id = repository.commit()
    rules = RepositoryRules(judge=judge_as({f"git.example:{server.port}": "93.184.215.14"}, []))
    url = parse_url(f"http://git.example:{server.port}/demo")
    with (
        GitRepositories(cache_folder=None, rules=rules) as repositories,
        pytest.raises(FetchError) as caught,
        repositories.open_tree(url, commit_id),
    ):
        pass
    assert "leads to http://inner.example" in str(caught.value)
    assert "its name resolves to 127.0.0.1" in str(caught.value)
    assert server.paths("/inner") == []


def test_proxy_of_the_user_is_used_in_place_of_the_relay(
    repository: Repository, server: GitServer, recorder: Recorder
) -> None:
    repository.commit()
    environment = {**recorder.environment, "http_proxy": server.base_url}
    rules = RepositoryRules(judge=judge_as({}, []))
    with GitRepositories(cache_folder=None, environment=environment, rules=rules) as repositories:
        find(repositories, "git+http://git.example/demo@main")
    assert "socks5h" not in recorder.text()
    with GitRepositories(cache_folder=None, environment=recorder.environment, rules=rules) as repositories:
        find(repositories, f"git+{server.url('demo')}@main")
    assert "http.proxy=socks5h://127.0.0.1:" in recorder.text()
