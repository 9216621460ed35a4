"""The files of a commit: from disk, over HTTP, from the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from resolver.errors import FetchError, OfflineError
from resolver.fetch.git.repositories import GitRepositories
from resolver.fetch.git.repository import GitReferenceError
from resolver.requirements.url import Url, parse_url
from tests.command import child_environment
from tests.fetch.git_fixtures import Recorder, read_all, recorder, repositories, repository, server
from tests.git_server import GitServer, Repository, make_repository, run_git

__all__ = ["recorder", "repositories", "repository", "server"]

SCM = "[build-system]\nrequires = ['hatchling', 'hatch-vcs']\n"


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


def refuse(repositories: GitRepositories, url: Url, commit_id: str, subdirectory: str | None = None) -> str:
    """The message about a tree that cannot be had."""
    with (
        pytest.raises(GitReferenceError) as caught,
        repositories.open_tree(url, commit_id, subdirectory=subdirectory),
    ):
        pass
    return str(caught.value)


def test_tree_is_the_callers_to_change(repository: Repository, repositories: GitRepositories, url: Url) -> None:
    commit_id = repository.commit({"a.txt": "a", "b/c.txt": "c"})
    with repositories.open_tree(url, commit_id) as tree:
        assert (tree.folder, tree.root.name) == (tree.root, "demo")
        (tree.root / "a.txt").write_text("changed")
        shutil.rmtree(tree.root / ".git")
        (tree.root / "b").chmod(0o500)
    assert not tree.root.parent.exists()
    with repositories.open_tree(url, commit_id) as tree:
        assert (tree.root / "a.txt").read_text() == "a"
        assert run_git(tree.root, "status", "--porcelain") == ""


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
    assert refuse(repositories, parse_url(server.url("other")), commit_id) == (
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


def test_only_the_commit_itself_is_fetched(repository: Repository, repositories: GitRepositories, url: Url) -> None:
    repository.commit({"old.txt": "old"})
    commit_id = repository.commit({"new.txt": "new"})
    with repositories.open_tree(url, commit_id) as tree:
        assert run_git(tree.root, "rev-list", "HEAD") == commit_id
        assert run_git(tree.root, "for-each-ref") == f"{commit_id} commit\trefs/pinfold/commit"


@pytest.mark.parametrize("place", ["", "python"])
def test_history_and_tags_are_there_where_the_build_asks_for_them(
    repository: Repository, repositories: GitRepositories, url: Url, place: str
) -> None:
    repository.commit({"old.txt": "old"})
    repository.tag("v1.0", annotated=True)
    commit_id = repository.commit({f"{place}/pyproject.toml".lstrip("/"): SCM})
    with repositories.open_tree(url, commit_id, subdirectory=place or None) as tree:
        described = run_git(tree.folder, "describe", "--tags", "--long", "--dirty", "--match=v*")
        assert described == f"v1.0-1-g{commit_id[:7]}"
        assert "remote" not in (tree.root / ".git" / "config").read_text()


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
    repository: Repository, repositories: GitRepositories, url: Url
) -> None:
    commit_id = repository.commit({"a.txt": "a"})
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.commit({"b.txt": "b"})
    repository.git("branch", "--delete", "--force", "main")
    with repositories.open_tree(url, commit_id) as tree:
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
    message = refuse(repositories, parse_url(server.url("demo")), "ab" * 20)
    assert message.splitlines()[0] == f"there is no commit `{'ab' * 20}` in `git+{server.url('demo')}`"


@pytest.mark.parametrize("kind", ["tag", "tree", "blob"])
def test_id_of_what_is_no_commit_is_an_error(
    repository: Repository, repositories: GitRepositories, url: Url, kind: str
) -> None:
    repository.commit({"a.txt": "a"})
    tag = repository.tag("v1", annotated=True)
    named = {"tag": tag, "tree": "HEAD^{tree}", "blob": "HEAD:a.txt"}[kind]
    object_id = repository.git("rev-parse", named)
    remedy = "name the tag, or the commit that it names" if kind == "tag" else "name a commit"
    assert refuse(repositories, url, object_id) == (
        f"`{object_id}` is no commit of `git+{url}`\n  because it is a {kind}\n  try: {remedy}"
    )


@pytest.mark.parametrize("commit_id", ["main", "abc1234", "g" * 40, "a" * 41, ""])
def test_tree_is_asked_for_by_a_full_commit_id(repositories: GitRepositories, commit_id: str) -> None:
    assert refuse(repositories, parse_url("https://git.example/x"), commit_id) == (
        f"`{commit_id}` is no commit id of `git+https://git.example/x`\n  try: write it in full"
    )


def test_repository_of_sha256_is_understood(tmp_path: Path, server: GitServer, repositories: GitRepositories) -> None:
    folder = tmp_path / "served" / "long"
    folder.mkdir(parents=True)
    run_git(folder, "init", "--quiet", "--template=", "--object-format=sha256")
    commit_id = Repository(folder).commit({"a.txt": "a", "pyproject.toml": SCM})
    assert len(commit_id) == 64
    with repositories.open_tree(parse_url(server.url("long")), commit_id) as tree:
        assert (tree.root / "a.txt").read_text() == "a"
        assert run_git(tree.root, "status", "--porcelain") == ""


def test_server_that_fails_for_a_moment_is_asked_again(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = repository.commit({"a.txt": "a"})
    server.answers = [503, 429]
    waited: list[float] = []
    with (
        GitRepositories(cache_folder=tmp_path / "cache", sleep=waited.append) as repositories,
        repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree,
    ):
        assert (tree.root / "a.txt").read_text() == "a"
    assert waited == [0.5, 1.0]


def test_server_that_keeps_failing_is_an_error(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    commit_id = repository.commit()
    server.refuse = 503
    with (
        GitRepositories(cache_folder=tmp_path / "cache", sleep=lambda seconds: None) as repositories,
        pytest.raises(FetchError) as caught,
        repositories.open_tree(parse_url(server.url("demo")), commit_id),
    ):
        pass
    assert "The requested URL returned error: 503" in str(caught.value)
    assert len(server.log) == 3


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


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (lambda repository: repository.git("config", "--file", ".gitmodules", "submodule.inner.update", "none"), ()),
        (
            lambda repository: (repository.folder / ".gitmodules").unlink(),
            ("the submodule `inner` of `git+{}` is empty\n  because `.gitmodules` does not say what it is",),
        ),
    ],
)
def test_submodule_that_is_not_to_be_read_stays_empty(
    repository: Repository,
    server: GitServer,
    repositories: GitRepositories,
    change: Callable[[Repository], object],
    kept: tuple[str, ...],
) -> None:
    repository.add_submodule("inner", "../inner", "a" * 40)
    change(repository)
    repository.git("add", "--update", ".gitmodules")
    commit_id = repository.commit_index()
    url = parse_url(server.url("demo"))
    with repositories.open_tree(url, commit_id) as tree:
        assert list((tree.root / "inner").iterdir()) == []
        assert tree.warnings == tuple(text.format(url) for text in kept)


@pytest.mark.parametrize("address", ["git@git.example:org/inner.git", "ssh://git@git.example/org/inner.git"])
def test_submodule_by_ssh_is_asked_without_the_users_agent(
    repository: Repository, server: GitServer, recorder: Recorder, tmp_path: Path, address: str
) -> None:
    repository.add_submodule("inner", address, "a" * 40)
    commit_id = repository.commit_index()
    log = tmp_path / "ssh.log"
    program = recorder.folder / "bin" / "ssh"
    program.write_text(f'#!/bin/sh\n{{ echo "$@"; env; }} >> {log}\nexit 255\n')
    program.chmod(0o755)
    environment = {**recorder.environment, "SSH_AUTH_SOCK": "/agent"}
    with (
        GitRepositories(cache_folder=tmp_path / "cache", environment=environment) as repositories,
        pytest.raises(FetchError),
        repositories.open_tree(parse_url(server.url("demo")), commit_id),
    ):
        pass
    assert "git@git.example git-upload-pack '/org/inner.git'" in log.read_text()
    assert "SSH_AUTH_SOCK" not in log.read_text()


def test_subdirectory_may_lie_in_a_submodule(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    inner = make_repository(tmp_path / "served" / "inner")
    repository.add_submodule("inner", "../inner", inner.commit({"python/setup.py": ""}))
    commit_id = repository.commit_index()
    with repositories.open_tree(parse_url(server.url("demo")), commit_id, subdirectory="inner/python") as tree:
        assert (tree.folder / "setup.py").is_file()


def test_damaged_commit_in_the_cache_is_fetched_again(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = repository.commit({"a.txt": "a"})
    url = parse_url(server.url("demo"))
    for _ in range(2):
        with (
            GitRepositories(cache_folder=tmp_path / "cache") as repositories,
            repositories.open_tree(url, commit_id) as tree,
        ):
            assert (tree.root / "a.txt").read_text() == "a"
        _damage(tmp_path / "cache")
    with (
        GitRepositories(cache_folder=tmp_path / "cache", offline=True) as repositories,
        pytest.raises(FetchError, match="git cannot lay out"),
        repositories.open_tree(url, commit_id),
    ):
        pass


def _damage(cache: Path) -> None:
    for path in (cache / "git-v1" / "commits").rglob("objects/??/*"):
        path.chmod(0o600)
        path.write_bytes(b"")


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


def test_disk_that_cannot_be_written_is_told(repository: Repository, server: GitServer, tmp_path: Path) -> None:
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
