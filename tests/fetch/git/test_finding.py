"""The commit that a reference names: branches, tags, commit ids, and the errors for those that name none."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import pytest

from resolver.errors import OfflineError
from resolver.fetch.git.repositories import FoundCommit, GitRepositories
from resolver.fetch.git.repository import GitReferenceError
from tests.fetch.git.git_fixtures import Recorder, find, recorder, repositories, repository, server
from tests.git_server import GitServer, Repository, run_git

__all__ = ["recorder", "repositories", "repository", "server"]


@pytest.fixture
def url(repository: Repository, server: GitServer) -> str:
    return f"git+{server.url('demo')}"


def refuse(repositories: GitRepositories, text: str) -> str:
    """The message about a reference that names no commit."""
    with pytest.raises(GitReferenceError) as caught:
        find(repositories, text)
    return str(caught.value)


def find_short(repository: Repository, commit_id: str) -> str:
    """The shortest beginning of a commit id that is that of no other one."""
    others = [text for text in repository.git("rev-list", "--all").split() if text != commit_id]
    return next(
        commit_id[:size] for size in range(4, 41) if not any(text[:size] == commit_id[:size] for text in others)
    )


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
    for revision in ("v1.0", "refs/tags/v1.0", "tags/v1.0"):
        assert find(repositories, f"{url}@{revision}").commit_id == commit_id


def test_tag_of_a_tag_names_the_commit(repository: Repository, repositories: GitRepositories, url: str) -> None:
    commit_id = repository.commit()
    repository.tag("inner", annotated=True)
    repository.tag("outer", annotated=True, at="inner")
    assert find(repositories, f"{url}@outer").commit_id == commit_id


def test_reference_outside_of_branches_and_tags_is_found(
    repository: Repository, repositories: GitRepositories, url: str
) -> None:
    commit_id = repository.commit()
    repository.git("update-ref", "refs/pull/7/head", commit_id)
    repository.commit()
    assert find(repositories, f"{url}@refs/pull/7/head").commit_id == commit_id
    assert find(repositories, f"{url}@pull/7/head").commit_id == commit_id


def test_repository_on_disk_answers_as_a_server_does(repository: Repository, repositories: GitRepositories) -> None:
    commit_id = repository.commit(message="first")
    repository.tag("v1", annotated=True)
    last = repository.commit(message="last")
    url = f"git+{repository.url}"
    assert find(repositories, f"{url}@v1").commit_id == commit_id
    assert find(repositories, f"{url}@main").commit_id == last
    assert find(repositories, f"{url}@{find_short(repository, commit_id)}").commit_id == commit_id
    assert find(repositories, url).commit_id == last
    assert refuse(repositories, f"{url}@v2").endswith("\n  try: `@main` or `@v1`")


def test_name_that_only_ends_so_is_another_branch(
    repository: Repository, repositories: GitRepositories, url: str
) -> None:
    repository.commit()
    repository.branch("wip/fix")
    assert refuse(repositories, f"{url}@fix").startswith("there is no `fix` in ")


def test_full_commit_id_needs_no_request(server: GitServer, recorder: Recorder, tmp_path: Path) -> None:
    commit_id = "AB" * 20
    with GitRepositories(cache_folder=tmp_path / "cache", environment=recorder.environment) as repositories:
        found = find(repositories, f"git+{server.url('demo')}@{commit_id}")
    assert found == FoundCommit(commit_id=commit_id.lower(), requested_revision=commit_id)
    assert server.log == []


def test_commit_id_of_sha256_is_a_full_one(server: GitServer, repositories: GitRepositories) -> None:
    assert find(repositories, f"git+{server.url('demo')}@{'a' * 64}").commit_id == "a" * 64


def test_short_commit_id_is_completed(repository: Repository, repositories: GitRepositories, url: str) -> None:
    commit_id = repository.commit(message="first")
    repository.commit(message="second")
    short = find_short(repository, commit_id)
    found = find(repositories, f"{url}@{short}")
    assert found == FoundCommit(commit_id=commit_id, requested_revision=short)


def test_short_commit_id_is_completed_where_the_server_gives_no_part(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    repository.git("config", "uploadpack.allowFilter", "false")
    server.protocol = 0
    commit_id = repository.commit()
    assert find(repositories, f"git+{server.url('demo')}@{commit_id[:9]}").commit_id == commit_id


def test_short_commit_id_of_sha256_is_completed(
    tmp_path: Path, server: GitServer, repositories: GitRepositories
) -> None:
    folder = tmp_path / "served" / "long"
    folder.mkdir(parents=True)
    run_git(folder, "init", "--quiet", "--template=", "--object-format=sha256")
    commit_id = Repository(folder).commit()
    assert find(repositories, f"git+{server.url('long')}@{commit_id[:9]}").commit_id == commit_id


def test_short_commit_id_that_two_commits_begin_with_is_an_error(
    repository: Repository, repositories: GitRepositories, url: str
) -> None:
    # Among so many commits some share four digits: the ids are always the same.
    lines = []
    for number in range(1000):
        lines += ["commit refs/heads/many", "committer A <a@users.example> 1704164645 +0000"]
        lines += [f"data {len(str(number))}", str(number), ""]
    repository.git("fast-import", "--quiet", stdin="\n".join(lines))
    ids = sorted(repository.git("rev-list", "--all").split())
    first, second = next(pair for pair in pairwise(ids) if pair[0][:4] == pair[1][:4])
    assert refuse(repositories, f"{url}@{first[:4]}") == (
        f"`{first[:4]}` is ambiguous in `{url}@{first[:4]}`\n"
        f"  because 2 commits begin so: `{first}`, `{second}`\n"
        "  try: write the whole commit id"
    )


def test_branch_that_looks_like_a_commit_id_is_a_branch(
    repository: Repository, repositories: GitRepositories, url: str
) -> None:
    commit_id = repository.commit()
    repository.branch("abcdef12")
    assert find(repositories, f"{url}@abcdef12").commit_id == commit_id


def test_no_revision_is_the_default_branch_with_a_warning(
    repository: Repository, repositories: GitRepositories, url: str
) -> None:
    repository.commit()
    repository.git("checkout", "--quiet", "-b", "trunk")
    commit_id = repository.commit()
    assert find(repositories, url) == FoundCommit(
        commit_id=commit_id,
        requested_revision=None,
        warnings=(
            f"`{url}` names no revision\n"
            f"  because of that its default branch `trunk` was taken, which is at commit `{commit_id}` now\n"
            f"  try: name a tag, or the commit: `@{commit_id}`",
        ),
    )


def test_warning_names_a_head_that_is_no_branch(
    repository: Repository, repositories: GitRepositories, url: str
) -> None:
    commit_id = repository.commit()
    repository.git("checkout", "--quiet", "--detach")
    (warning,) = find(repositories, url).warnings
    assert warning.splitlines()[1] == f"  because of that its HEAD was taken, which is at commit `{commit_id}` now"


def test_empty_repository_is_an_error(repository: Repository, repositories: GitRepositories, url: str) -> None:
    assert refuse(repositories, url) == f"`{url}` is empty\n  because it has no commit"


def test_default_branch_that_is_gone_is_an_error_that_names_others(
    repository: Repository, repositories: GitRepositories, url: str
) -> None:
    repository.commit()
    repository.branch("other")
    repository.git("symbolic-ref", "HEAD", "refs/heads/gone")
    assert refuse(repositories, url) == (
        f"`{url}` has no default branch\n  because its HEAD names a branch that is not there\n"
        "  try: name one of its branches: `@main`, `@other`"
    )


def test_branch_and_tag_of_one_name_are_an_error_with_both_commits(
    repository: Repository, repositories: GitRepositories, url: str
) -> None:
    tagged = repository.commit(message="tagged")
    repository.tag("v1", annotated=True)
    branched = repository.commit(message="branched")
    repository.branch("v1")
    assert refuse(repositories, f"{url}@v1") == (
        f"`v1` is ambiguous in `{url}@v1`\n"
        f"  because it is both a tag at commit `{tagged}` and a branch at commit `{branched}`\n"
        "  try: write `@refs/tags/v1` or `@refs/heads/v1` for it"
    )
    assert find(repositories, f"{url}@refs/tags/v1").commit_id == tagged
    assert find(repositories, f"{url}@refs/heads/v1").commit_id == branched


def test_branch_and_tag_of_one_name_and_commit_are_no_error(
    repository: Repository, repositories: GitRepositories, url: str
) -> None:
    commit_id = repository.commit()
    repository.tag("v1", annotated=True)
    repository.branch("v1")
    assert find(repositories, f"{url}@v1").commit_id == commit_id


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("1.2.0", "`@v1.2.0`"),
        ("v1.2.1", "`@v1.2.0` or `@v1.1.0`"),
        ("origin/main", "`@main`"),
        ("Main", "`@main`"),
        ("fix", "`@wip/fix`"),
    ],
)
def test_missing_revision_is_an_error_with_what_is_near(
    repository: Repository, repositories: GitRepositories, url: str, wanted: str, near: str
) -> None:
    repository.commit()
    for tag in ("v1.1.0", "v1.2.0"):
        repository.tag(tag)
    repository.branch("wip/fix")
    assert refuse(repositories, f"{url}@{wanted}") == (
        f"there is no `{wanted}` in `{url}@{wanted}`\n"
        "  because none of its 2 branches and 2 tags has that name\n"
        f"  try: {near}"
    )


def test_error_for_a_missing_revision_mentions_that_it_could_be_a_commit_id(
    repository: Repository, repositories: GitRepositories, url: str
) -> None:
    repository.commit()
    assert refuse(repositories, f"{url}@deadbeef") == (
        f"there is no `deadbeef` in `{url}@deadbeef`\n"
        "  because none of its 1 branch and 0 tags has that name, and no commit begins so\n"
        "  try: `@main`"
    )


def test_repository_is_listed_once_a_run(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    repository.commit()
    find(repositories, f"git+{server.url('demo')}@main")
    asked = len(server.log)
    threads = [threading.Thread(target=find, args=(repositories, f"git+{server.url('demo')}@main")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.log) == asked


def test_one_branch_of_many_is_requested_by_name(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    repository.commit()
    find(repositories, f"git+{server.url('demo')}@main")
    assert [(request.method, request.path) for request in server.log] == [
        ("GET", "/demo/info/refs"),
        ("POST", "/demo/git-upload-pack"),
    ]


@pytest.mark.parametrize("protocol", [0, 2])
def test_old_servers_are_understood(
    repository: Repository, server: GitServer, repositories: GitRepositories, protocol: int
) -> None:
    commit_id = repository.commit()
    repository.tag("v1", annotated=True)
    server.protocol = protocol
    assert find(repositories, f"git+{server.url('demo')}@v1").commit_id == commit_id
    (warning,) = find(repositories, f"git+{server.url('demo')}").warnings
    assert "its default branch `main`" in warning


def test_moved_branch_is_seen_by_the_next_run(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    repository.commit()
    found = []
    for _ in range(2):
        with GitRepositories(cache_folder=tmp_path / "cache") as repositories:
            found.append(find(repositories, f"git+{server.url('demo')}@main").commit_id)
        repository.commit()
    assert found[0] != found[1]


def test_offline_the_answer_of_the_last_run_is_given(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    commit_id = repository.commit()
    url = f"git+{server.url('demo')}"
    with GitRepositories(cache_folder=tmp_path / "cache") as repositories:
        online = [
            find(repositories, url),
            find(repositories, f"{url}@main"),
            find(repositories, f"{url}@{commit_id[:7]}"),
        ]
    repository.commit()
    server.log.clear()
    with GitRepositories(cache_folder=tmp_path / "cache", offline=True) as repositories:
        offline = [
            find(repositories, url),
            find(repositories, f"{url}@main"),
            find(repositories, f"{url}@{commit_id[:7]}"),
        ]
        with pytest.raises(OfflineError) as caught:
            find(repositories, f"{url}@v1")
    assert offline == online
    assert server.log == []
    assert str(caught.value) == (
        f"the commit of `v1` is not in the cache: `{url}@v1`\n  try: run once without `--offline`"
    )
