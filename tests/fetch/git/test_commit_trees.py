"""The files of a commit, with submodules, subdirectories and the history that its build reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from resolver.errors import FetchError
from resolver.fetch.git.repositories import GitRepositories
from resolver.fetch.git.repository import GitReferenceError
from resolver.requirements.url import Url, parse_url
from tests.fetch.git.git_fixtures import Recorder, recorder, repositories, repository, server, tree_url
from tests.git_server import GitServer, Repository, make_repository, run_git

__all__ = ["recorder", "repositories", "repository", "server", "tree_url"]


SCM = "[build-system]\nrequires = ['hatchling', 'hatch-vcs']\n"


def test_tree_holds_the_files_of_the_commit(
    repository: Repository, repositories: GitRepositories, tree_url: Url
) -> None:
    commit_id = repository.commit({"setup.py": "1", "sub/x.txt": "a"})
    repository.commit({"setup.py": "2"})
    with repositories.open_tree(tree_url, commit_id, subdirectory="sub") as tree:
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


@pytest.mark.parametrize("place", ["", "python"])
def test_history_and_tags_are_fetched_for_a_build_that_reads_them(
    repository: Repository, repositories: GitRepositories, tree_url: Url, place: str
) -> None:
    repository.commit({"old.txt": "old"})
    repository.tag("v1.0", annotated=True)
    commit_id = repository.commit({f"{place}/pyproject.toml".lstrip("/"): SCM})
    with repositories.open_tree(tree_url, commit_id, subdirectory=place or None) as tree:
        described = run_git(tree.folder, "describe", "--tags", "--long", "--dirty", "--match=v*")
        assert described == f"v1.0-1-g{commit_id[:7]}"
        assert "remote" not in (tree.root / ".git" / "config").read_text()


def test_repository_of_sha256_is_understood(tmp_path: Path, server: GitServer, repositories: GitRepositories) -> None:
    folder = tmp_path / "served" / "long"
    folder.mkdir(parents=True)
    run_git(folder, "init", "--quiet", "--template=", "--object-format=sha256")
    commit_id = Repository(folder).commit({"a.txt": "a", "pyproject.toml": SCM})
    assert len(commit_id) == 64
    with repositories.open_tree(parse_url(server.url("long")), commit_id) as tree:
        assert (tree.root / "a.txt").read_text() == "a"
        assert run_git(tree.root, "status", "--porcelain") == ""


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
def test_submodule_by_ssh_is_fetched_without_the_users_agent(
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


COMMIT = "a" * 40


@pytest.mark.parametrize("target", ["/etc", "../..", "../../elsewhere"])
def test_subdirectory_that_is_a_link_out_of_the_checkout_is_refused(
    repository: Repository, server: GitServer, repositories: GitRepositories, target: str
) -> None:
    (repository.folder / "link").symlink_to(target)
    commit_id = repository.commit()
    url = parse_url(server.url("demo"))
    with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id, subdirectory="link"):
        pass
    assert str(caught.value) == (
        f"the subdirectory of `git+{url}` is refused: `link`\n  because it is a link out of the repository"
    )


def test_subdirectory_that_is_a_link_into_gits_folder_is_refused(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    (repository.folder / "link").symlink_to(".git/refs")
    commit_id = repository.commit()
    with (
        pytest.raises(GitReferenceError) as caught,
        repositories.open_tree(parse_url(server.url("demo")), commit_id, subdirectory="link"),
    ):
        pass
    assert str(caught.value).endswith("is refused: `link`\n  because it is git's own folder")


def test_subdirectory_that_is_a_link_inside_of_the_checkout_is_followed(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    (repository.folder / "link").symlink_to("python")
    commit_id = repository.commit({"python/setup.py": ""})
    with repositories.open_tree(parse_url(server.url("demo")), commit_id, subdirectory="link") as tree:
        assert (tree.folder / "setup.py").is_file()


def test_error_for_a_missing_subdirectory_names_those_with_projects(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    commit_id = repository.commit({"python/setup.py": "", "libs/core/pyproject.toml": "", "docs/x": ""})
    url = parse_url(server.url("demo"))
    with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id, subdirectory="py"):
        pass
    assert str(caught.value) == (
        f"there is no folder `py` in `git+{url}`\n  try: `#subdirectory=libs/core` or `#subdirectory=python`"
    )


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("ext::sh -c touch% x", "it holds a space or a control character"),
        ("ext::touch", "`ext::` would have git run a program for it"),
        ("--upload-pack=touch", "it begins with `-`, as an option of git does"),
        ("/etc/repository", "it is no URL"),
        ("-oProxyCommand=x@git.example:y", "it begins with `-`, as an option of git does"),
        ("https://git.example/a/../b", "its path begins with `-` or has a part `.` or `..`"),
    ],
)
def test_submodule_with_an_unsafe_address_is_refused(
    repository: Repository, server: GitServer, repositories: GitRepositories, address: str, why: str
) -> None:
    repository.add_submodule("inner", address, COMMIT)
    commit_id = repository.commit_index()
    url = parse_url(server.url("demo"))
    with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id):
        pass
    assert str(caught.value) == f"the submodule `inner` of `git+{url}` is refused\n  because {why}"


def test_variable_in_the_address_of_a_submodule_is_never_expanded(
    repository: Repository, server: GitServer, repositories: GitRepositories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "planted")
    repository.add_submodule("inner", server.url("inner", login="${GITHUB_TOKEN}"), COMMIT)
    commit_id = repository.commit_index()
    url = parse_url(server.url("demo"))
    with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id):
        pass
    assert str(caught.value) == (
        f"the submodule `inner` of `git+{url}` is not followed\n"
        "  because its address holds a variable, which a list alone may"
    )


@pytest.mark.parametrize("from_disk", [False, True])
def test_submodule_on_disk_is_not_followed(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path, from_disk: bool
) -> None:
    inner = make_repository(tmp_path / "served" / "inner")
    repository.add_submodule("inner", inner.url, inner.commit())
    commit_id = repository.commit_index()
    url = parse_url(repository.url if from_disk else server.url("demo"))
    with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id):
        pass
    assert str(caught.value) == (
        f"the submodule `inner` of `git+{url}` is not followed\n"
        f"  because a repository that is read by `{'file' if from_disk else 'http'}` may lead to `https` and `ssh`,"
        " not to `file`"
    )


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.2", "169.254.169.254", "10.0.0.1", "[::1]", "0x7f000001", "git.internal"]
)
def test_submodule_inside_of_the_network_is_not_followed(
    repository: Repository, server: GitServer, repositories: GitRepositories, host: str
) -> None:
    repository.add_submodule("inner", f"https://{host}/x", COMMIT)
    commit_id = repository.commit_index()
    url = parse_url(server.url("demo"))
    with pytest.raises(GitReferenceError) as caught, repositories.open_tree(url, commit_id):
        pass
    assert str(caught.value) == (
        f"the submodule `inner` of `git+{url}` is not followed\n"
        f"  because `{host.strip('[]')}` is an address inside of this machine or network"
    )


def test_submodule_behind_a_link_is_refused(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    inner = make_repository(tmp_path / "served" / "inner")
    inner_id = inner.commit({"x": "x"})
    repository.add_submodule("a/inner", "../inner", inner_id)
    (repository.folder / "a" / "inner").rmdir()
    (repository.folder / "a" / "inner").symlink_to("/tmp")
    repository.git("update-index", "--force-remove", "a/inner")
    blob = repository.git("hash-object", "-w", "--stdin", stdin="/tmp")
    repository.git("update-index", "--add", "--cacheinfo", f"120000,{blob},a/inner")
    commit_id = repository.commit_index()
    with repositories.open_tree(parse_url(server.url("demo")), commit_id) as tree:
        # What is a link in the commit is no submodule, whatever `.gitmodules` says.
        assert (tree.root / "a" / "inner").is_symlink()
    assert "/inner/info/refs" not in server.paths()


def test_submodule_that_contains_itself_ends(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    chain = [make_repository(tmp_path / "served" / f"r{number}") for number in range(12)]
    below = chain[-1].commit({"x": "x"})
    for number in reversed(range(11)):
        chain[number].add_submodule("s", f"../r{number + 1}", below)
        below = chain[number].commit_index()
    with (
        pytest.raises(GitReferenceError) as caught,
        repositories.open_tree(parse_url(server.url("r0")), below),
    ):
        pass
    assert str(caught.value).endswith("lie more than 10 deep in each other")
