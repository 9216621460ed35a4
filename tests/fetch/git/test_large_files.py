"""Files that git-lfs keeps elsewhere: contents in the place of pointers, from the repository's own host."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from resolver.errors import FetchError, OfflineError
from resolver.fetch.access import Access
from resolver.fetch.git.repositories import GitRepositories, RepositoryRules
from resolver.fetch.git.repository import GitReferenceError
from resolver.fetch.http.http_session import HttpSession
from resolver.requirements.url import parse_url
from tests.fetch.git.git_fixtures import Recorder, assert_without, read_all, recorder, repositories, repository, server
from tests.git_server import GitServer, Repository, lfs_pointer, make_repository, run_git

__all__ = ["recorder", "repositories", "repository", "server"]


needs_lfs = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="needs git-lfs")
CONTENT = b"\x00weights" * 100
ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\n"
CANARY = "ghp_c4n4ryTokenThatNobodyMaySee"


def commit(repository: Repository, **more: str) -> str:
    """A commit with a pointer to CONTENT."""
    return repository.commit({".gitattributes": ATTRIBUTES, "a/w.bin": lfs_pointer(CONTENT), **more})


def serve(server: GitServer) -> None:
    server.lfs[hashlib.sha256(CONTENT).hexdigest()] = CONTENT


def without_lfs(tmp_path: Path) -> dict[str, str]:
    """An environment in which git is found and git-lfs is not."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return {**os.environ, "PATH": str(folder)}


@needs_lfs
def test_pointer_becomes_its_content(repository: Repository, server: GitServer, repositories: GitRepositories) -> None:
    commit_id = commit(repository)
    serve(server)
    with repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree:
        assert (tree.root / "a" / "w.bin").read_bytes() == CONTENT
        assert tree.warnings == ()
        assert "http" not in (tree.root / ".git" / "config").read_text()
        assert run_git(tree.root, "status", "--porcelain") == ""


@needs_lfs
def test_login_of_the_repository_is_given_to_its_lfs_server(
    repository: Repository, server: GitServer, recorder: Recorder, tmp_path: Path
) -> None:
    commit_id = commit(repository)
    serve(server)
    server.token = CANARY
    server.open_paths = ("/lfs-files/",)
    url = parse_url(server.url("demo", login=f"me:{CANARY}"))
    cache = tmp_path / "cache"
    with (
        GitRepositories(cache_folder=cache, environment=recorder.environment) as repositories,
        repositories.open_tree(url, commit_id) as tree,
    ):
        assert (tree.root / "a" / "w.bin").read_bytes() == CONTENT
        trees = read_all(tree.root)
    batches = [request for request in server.log if request.path == "/demo.git/info/lfs/objects/batch"]
    assert batches[-1].login == f"me:{CANARY}"
    for content in (trees, read_all(cache), recorder.text()):
        assert_without(content, CANARY)


@needs_lfs
def test_contents_on_another_host_are_requested_without_login(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    commit_id = commit(repository)
    serve(server)
    with GitServer(tmp_path / "served") as other:
        serve(other)
        server.token = CANARY
        server.lfs_href = other.base_url
        url = parse_url(server.url("demo", login=f"me:{CANARY}"))
        with repositories.open_tree(url, commit_id) as tree:
            assert (tree.root / "a" / "w.bin").read_bytes() == CONTENT
        assert other.logins() == set()


@needs_lfs
def test_contents_are_requested_from_no_metadata_service(repository: Repository, server: GitServer) -> None:
    commit_id = commit(repository)
    serve(server)
    target = server.lfs_href = "http://[fe80::1]"
    rules = RepositoryRules(judge=HttpSession(Access()).judge_connection)
    with (
        GitRepositories(cache_folder=None, rules=rules) as repositories,
        pytest.raises(FetchError) as caught,
        repositories.open_tree(parse_url(server.url("demo")), commit_id),
    ):
        pass
    assert f"leads to {target}:80/, which is a link-local address or metadata service" in str(caught.value)


@needs_lfs
def test_contents_come_through_the_relay(repository: Repository, server: GitServer) -> None:
    commit_id = commit(repository)
    serve(server)
    server.lfs_href = f"http://files.example:{server.port}"
    reached: list[str] = []

    def judge(url: str, source: str) -> tuple[str, ...]:
        reached.append(urlsplit(url).netloc)
        return ("127.0.0.1",)

    url = parse_url(f"http://git.example:{server.port}/demo")
    with (
        GitRepositories(cache_folder=None, rules=RepositoryRules(judge=judge)) as repositories,
        repositories.open_tree(url, commit_id) as tree,
    ):
        assert (tree.root / "a" / "w.bin").read_bytes() == CONTENT
    assert set(reached) == {f"git.example:{server.port}", f"files.example:{server.port}"}


@needs_lfs
def test_contents_are_kept_for_runs_without_network(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    commit_id = commit(repository)
    serve(server)
    url = parse_url(server.url("demo"))
    with GitRepositories(cache_folder=tmp_path / "cache") as repositories, repositories.open_tree(url, commit_id):
        server.log.clear()
    with (
        GitRepositories(cache_folder=tmp_path / "cache", offline=True) as repositories,
        repositories.open_tree(url, commit_id) as tree,
    ):
        assert (tree.root / "a" / "w.bin").read_bytes() == CONTENT
    assert server.log == []


@needs_lfs
def test_contents_that_are_not_kept_are_an_error_without_network(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = commit(repository)
    serve(server)
    url = parse_url(server.url("demo"))
    with GitRepositories(cache_folder=tmp_path / "cache") as repositories, repositories.open_tree(url, commit_id):
        pass
    for folder in (tmp_path / "cache").rglob("lfs"):
        shutil.rmtree(folder)
    with (
        GitRepositories(cache_folder=tmp_path / "cache", offline=True) as repositories,
        pytest.raises(OfflineError) as caught,
        repositories.open_tree(url, commit_id),
    ):
        pass
    assert str(caught.value) == (
        f"the LFS files of `git+{url}` are not in the cache\n  try: run once without `--offline`"
    )


@needs_lfs
def test_lfs_server_on_another_host_is_not_followed(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    with GitServer(tmp_path / "served") as other:
        commit_id = commit(repository, **{".lfsconfig": f"[lfs]\n\turl = {other.base_url}/demo/info/lfs\n"})
        url = parse_url(server.url("demo", login=f"me:{CANARY}"))
        with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id):
            pass
        assert other.log == []
    assert str(caught.value) == (
        f"the LFS server that `.lfsconfig` names in `git+{server.url('demo')}` is not followed:"
        f" `{other.base_url}/demo/info/lfs`\n"
        f"  because it is on another host than the repository, `127.0.0.1:{server.port}`\n"
        "  try: ask its maintainers, or use a release of it"
    )


@needs_lfs
def test_lfs_server_on_another_path_gets_nothing_of_the_urls_login(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    commit_id = commit(repository, **{".lfsconfig": f"[lfs]\n\turl = {server.base_url}/other/info/lfs\n"})
    serve(server)
    server.token = CANARY
    url = parse_url(server.url("demo", login=f"me:{CANARY}"))
    with pytest.raises(FetchError), repositories.open_tree(url, commit_id):
        pass
    assert {request.login for request in server.log if request.path.startswith("/other/")} == {None}


@needs_lfs
def test_content_that_the_server_lacks_is_an_error(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    commit_id = commit(repository)
    url = parse_url(server.url("demo"))
    with pytest.raises(FetchError) as caught, repositories.open_tree(url, commit_id):
        pass
    assert str(caught.value).startswith(f"git cannot read the LFS files of `git+{url}`\n  because ")
    assert "no such object" in str(caught.value)


def test_without_git_lfs_a_warning_names_what_is_missing(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = commit(repository, **{f"b/{number}.bin": lfs_pointer(CONTENT) for number in range(3)})
    url = parse_url(server.url("demo"))
    with (
        GitRepositories(cache_folder=tmp_path / "cache", environment=without_lfs(tmp_path)) as repositories,
        repositories.open_tree(url, commit_id) as tree,
    ):
        assert tree.warnings == (
            f"`git+{url}` keeps files in LFS, of which only pointers are here: `a/w.bin`, `b/0.bin`, `b/1.bin`"
            " and 1 more\n"
            "  because `git-lfs` is not installed\n"
            "  try: install git-lfs, if the package needs them",
        )


def test_without_git_lfs_sources_that_are_pointers_are_an_error(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = repository.commit({".gitattributes": "* filter=lfs\n", "src/native.cpp": lfs_pointer(CONTENT)})
    url = parse_url(server.url("demo"))
    with (
        GitRepositories(cache_folder=tmp_path / "cache", environment=without_lfs(tmp_path)) as repositories,
        pytest.raises(GitReferenceError) as caught,
        repositories.open_tree(url, commit_id),
    ):
        pass
    assert str(caught.value) == (
        f"`git+{url}` keeps files that its build reads in LFS: `src/native.cpp`\n"
        "  because `git-lfs` is not installed\n"
        "  try: install git-lfs"
    )


def test_file_that_only_looks_like_a_pointer_is_left_alone(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = repository.commit({"example.bin": lfs_pointer(CONTENT)})
    with (
        GitRepositories(cache_folder=tmp_path / "cache") as repositories,
        repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree,
    ):
        assert tree.warnings == ()
        assert (tree.root / "example.bin").read_text() == lfs_pointer(CONTENT)


@needs_lfs
def test_submodule_has_its_own_lfs_files(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    inner_id = commit(make_repository(tmp_path / "served" / "inner"))
    serve(server)
    repository.add_submodule("inner", "../inner", inner_id)
    commit_id = repository.commit_index()
    with repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree:
        assert (tree.root / "inner" / "a" / "w.bin").read_bytes() == CONTENT
