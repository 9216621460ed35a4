"""Logins for repositories and proxies: who gets them, and where they leave no trace."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from resolver.errors import AuthenticationError, FetchError
from resolver.fetch.git.credential_server import RepositoryLogins, serve_logins
from resolver.fetch.git.repositories import GitRepositories
from resolver.fetch.git.repository import check_repository
from resolver.fetch.http.credentials import Login
from resolver.requirements.flags import Refusal
from resolver.requirements.url import Secret, parse_url
from tests.fetch.git.git_fixtures import (
    CANARY,
    PROXY_CANARY,
    QUOTED,
    Recorder,
    assert_without,
    find,
    login,
    read_all,
    read_descendants,
    recorder,
    repositories,
    repository,
    server,
)
from tests.git_server import GitServer, Repository, make_repository

__all__ = ["recorder", "repositories", "repository", "server"]


@pytest.mark.parametrize("user_information", [f"me:{QUOTED}", QUOTED, f"x-access-token:{QUOTED}"])
def test_login_of_the_url_is_sent_to_its_host(
    repository: Repository, server: GitServer, repositories: GitRepositories, user_information: str
) -> None:
    commit_id = repository.commit({"a.txt": "a"})
    server.token = CANARY
    text = f"git+{server.url('demo', login=user_information)}@main"
    assert find(repositories, text).commit_id == commit_id
    with repositories.open_tree(parse_url(text[4:].rpartition("@")[0]), commit_id) as tree:
        assert (tree.root / "a.txt").read_text() == "a"


def test_variable_in_user_information_is_sent_as_its_value(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    commit_id = repository.commit()
    server.token = "geheim"
    text = f"git+{server.url('demo', login='${TOKEN}')}@main"
    assert find(repositories, text, TOKEN="geheim").commit_id == commit_id
    assert server.logins() == {"geheim:"}


def test_login_found_for_the_host_is_sent_if_the_url_has_none(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = repository.commit()
    server.token = CANARY
    asked: list[str] = []

    def find_login(url: str) -> Login:
        asked.append(url)
        return Login(user=Secret("me"), password=Secret(CANARY))

    with GitRepositories(cache_folder=tmp_path / "cache", find_login=find_login) as repositories:
        assert find(repositories, f"git+{server.url('demo')}@main").commit_id == commit_id
    assert set(asked) == {server.url("demo")}


def test_no_login_is_looked_up_for_an_open_repository(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    repository.commit()

    def find_login(url: str) -> Login:
        raise AssertionError(url)

    with GitRepositories(cache_folder=tmp_path / "cache", find_login=find_login) as repositories:
        find(repositories, f"git+{server.url('demo', login=f'me:{QUOTED}')}@main")
    assert server.logins() == set()


def test_login_leaves_no_trace(
    repository: Repository,
    server: GitServer,
    recorder: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    commit_id = repository.commit({"pyproject.toml": "requires = ['setuptools_scm']"})
    server.token = CANARY
    monkeypatch.setenv("PINFOLD_TOKEN", CANARY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    environment = {**recorder.environment, "GITHUB_TOKEN": CANARY, "PINFOLD_TOKEN": CANARY, "AWS_PROFILE": CANARY}
    told: list[str] = []
    cache = tmp_path / "cache"
    url = parse_url(server.url("demo", login=f"me:{QUOTED}"))
    with GitRepositories(cache_folder=cache, environment=environment, announce=told.append) as repositories:
        find(repositories, f"git+{server.url('demo', login=f'me:{QUOTED}')}@{commit_id[:8]}")
        with repositories.open_tree(url, commit_id) as tree:
            trees = read_all(tree.root)
    calls = recorder.text()
    assert "ls-remote" in calls and "fetch" in calls and "reset" in calls
    out, err = capfd.readouterr()
    for content in (calls, trees, read_all(cache), out + err + caplog.text, "".join(told), repr(repositories)):
        assert_without(content, CANARY)
    assert f"me:{CANARY}" in server.logins()


def test_processes_that_run_while_the_login_is_used_do_not_show_it(
    repository: Repository, server: GitServer, tmp_path: Path
) -> None:
    commit_id = repository.commit()
    server.token, server.hang_at = CANARY, "/git-upload-pack"
    url = parse_url(server.url("demo", login=f"me:{QUOTED}"))
    seen: list[str] = []

    def look() -> None:
        assert server.hanging.wait(20)
        seen.append(read_descendants(os.getpid()))
        server.go_on.set()

    watcher = threading.Thread(target=look)
    watcher.start()
    with (
        GitRepositories(cache_folder=tmp_path / "cache") as repositories,
        repositories.open_tree(url, commit_id),
    ):
        watcher.join()
    assert "remote-http" in seen[0] and "GIT_TERMINAL_PROMPT=0" in seen[0]
    assert_without(seen[0], CANARY)


def question(**lines: str) -> dict[str, str]:
    return lines


@pytest.mark.parametrize(
    ("asked", "is_answered"),
    [
        (question(protocol="https", host="git.example", path="org/repo.git"), True),
        (question(protocol="https", host="git.example:443", path="org/repo.git"), True),
        (question(protocol="https", host="git.example", path="org/repo.git/info/lfs"), True),
        (question(protocol="http", host="git.example", path="org/repo.git"), False),
        (question(protocol="https", host="git.example:8443", path="org/repo.git"), False),
        (question(protocol="https", host="other.example", path="org/repo.git"), False),
        (question(protocol="https", host="git.example.other.example", path="org/repo.git"), False),
        (question(protocol="https", host="me@git.example", path="org/repo.git"), False),
        (question(protocol="https", host="git.example", path="org/other.git"), False),
        (question(protocol="https", host="git.example", path="org/repo.git.evil"), False),
        (question(protocol="https", host="git.example", path="org/repo.git/../other.git"), False),
        (question(protocol="https", host="git.example", path="org"), False),
        (question(protocol="https", host="git.example"), False),
        (question(protocol="https", host="git.example:x", path="org/repo.git"), False),
        (question(protocol="https"), False),
        (question(), False),
    ],
)
def test_login_is_given_for_one_scheme_host_port_and_path(asked: dict[str, str], is_answered: bool) -> None:
    logins = RepositoryLogins(check_repository(parse_url("https://git.example/org/repo.git")), find_login=login())
    assert logins.answer(asked) == ([("username", "me"), ("password", CANARY)] if is_answered else [])
    assert logins.was_given is is_answered


def test_host_may_send_on_to_the_name_that_ends_in_git() -> None:
    logins = RepositoryLogins(check_repository(parse_url("https://git.example/org/repo")), find_login=login())
    assert logins.answer(question(protocol="https", host="git.example", path="org/repo.git"))


@pytest.mark.parametrize("letter", ["\n", "\r", "\0"])
@pytest.mark.parametrize("place", ["user", "password"])
def test_line_break_in_a_login_adds_no_line_to_what_git_reads(letter: str, place: str) -> None:
    options: dict[str, Any] = {place: f"a{letter}host=other.example"}
    logins = RepositoryLogins(check_repository(parse_url("https://git.example/repo")), find_login=login(**options))
    assert logins.answer(question(protocol="https", host="git.example", path="repo")) == []
    assert logins.unusable == "its user or password holds a line break"


def test_login_with_a_line_break_in_a_url_is_sent_to_no_host(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    repository.commit()
    server.token = CANARY
    with pytest.raises(Refusal) as caught:
        find(repositories, f"git+{server.url('demo', login='me:a%0Ahost=other.example')}@main")
    assert caught.value.what == f"`{server.url('demo')}` holds a line break in its credentials"
    assert server.logins() == set()


def test_socket_is_this_users_alone_and_gone_afterwards() -> None:
    logins = RepositoryLogins(check_repository(parse_url("https://git.example/repo")), find_login=login())
    with serve_logins(logins) as options:
        socket_path = Path(options[1].split()[-1])
        assert socket_path.stat().st_mode & 0o777 == 0o600
        assert socket_path.parent.stat().st_mode & 0o777 == 0o700
        assert_without(" ".join(options), CANARY)
    assert not socket_path.parent.exists()


def test_git_over_http_sends_a_login_to_this_machine_alone(tmp_path: Path) -> None:
    logins = RepositoryLogins(check_repository(parse_url("http://git.example/repo")), find_login=login())
    assert logins.answer(question(protocol="http", host="git.example", path="repo")) == []
    assert logins.unusable == "`http` is not encrypted"
    with (
        GitRepositories(cache_folder=tmp_path) as repositories,
        pytest.raises(AuthenticationError) as caught,
    ):
        find(repositories, "git+http://me:geheim@git.example/repo@main")
    assert str(caught.value) == (
        "the login for `git+http://git.example/repo@main` is not sent\n"
        "  because `http` is not encrypted\n"
        "  try: write `https`"
    )


def test_login_does_not_follow_a_redirect_to_another_port(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    repository.commit()
    with GitServer(tmp_path / "served") as other:
        server.token = other.token = CANARY
        server.redirects["/moved/"] = f"{other.base_url}/demo/"
        with pytest.raises(AuthenticationError):
            find(repositories, f"git+{server.url('moved', login=f'me:{QUOTED}')}@main")
        assert other.log
        assert other.logins() == set()


def test_login_does_not_follow_a_redirect_that_comes_after_it_was_sent(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    repository.commit()
    with GitServer(tmp_path / "served") as other:
        server.token = CANARY
        other.token = CANARY
        server.redirects_after_login["/demo/"] = f"{other.base_url}/demo/"
        with pytest.raises(FetchError):
            find(repositories, f"git+{server.url('demo', login=f'me:{QUOTED}')}@main")
        assert server.logins() == {f"me:{CANARY}"}
        assert other.logins() == set()


def test_redirect_on_the_same_host_keeps_the_login_where_the_path_is_its_own(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    commit_id = repository.commit()
    server.token = CANARY
    server.open_paths = ("/demo/",)
    server.redirects["/demo/"] = f"{server.base_url}/demo.git/"
    text = f"git+{server.url('demo', login=f'me:{QUOTED}')}@main"
    assert find(repositories, text).commit_id == commit_id


def test_submodule_elsewhere_gets_nothing_of_the_login(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    inner = make_repository(tmp_path / "served" / "inner")
    inner_id = inner.commit()
    with GitServer(tmp_path / "served") as other:
        repository.add_submodule("inner", other.url("inner"), inner_id)
        commit_id = repository.commit_index()
        server.token = other.token = CANARY
        url = parse_url(server.url("demo", login=f"me:{QUOTED}"))
        with pytest.raises(AuthenticationError) as caught, repositories.open_tree(url, commit_id):
            pass
        assert other.log
        assert other.logins() == set()
    assert str(caught.value).splitlines()[0] == (
        f"`127.0.0.1:{other.port}` wants a user and password for the submodule `inner`"
        f" (`{other.url('inner')}`) of `git+{server.url('demo')}`"
    )


def test_submodule_on_another_path_of_the_host_gets_nothing_of_the_urls_login(
    repository: Repository, server: GitServer, repositories: GitRepositories, tmp_path: Path
) -> None:
    inner = make_repository(tmp_path / "served" / "inner")
    repository.add_submodule("inner", "../inner", inner.commit())
    commit_id = repository.commit_index()
    server.token = CANARY
    url = parse_url(server.url("demo", login=f"me:{QUOTED}"))
    with pytest.raises(AuthenticationError), repositories.open_tree(url, commit_id):
        pass
    assert {request.login for request in server.log if request.path.startswith("/inner")} == {None}


def test_users_own_helper_and_netrc_are_not_used(
    repository: Repository, server: GitServer, recorder: Recorder, tmp_path: Path
) -> None:
    commit_id = repository.commit()
    server.token = CANARY
    home = tmp_path / "home"
    home.mkdir()
    (home / "helper.sh").write_text(f"#!/bin/sh\necho asked >> {home}/asked; echo username=u; echo password=helper\n")
    (home / "helper.sh").chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[credential]\n\thelper = {home}/helper.sh\n[core]\n\taskPass = {home}/helper.sh\n"
    )
    (home / ".netrc").write_text("default login n password netrc\n")
    environment = {**recorder.environment, "HOME": str(home), "GIT_ASKPASS": str(home / "helper.sh")}
    with GitRepositories(cache_folder=tmp_path / "a", environment=environment) as repositories:
        with pytest.raises(AuthenticationError):
            find(repositories, f"git+{server.url('demo')}@main")
        text = f"git+{server.url('demo', login=f'me:{QUOTED}')}@main"
        assert find(repositories, text).commit_id == commit_id
    assert server.logins() == {f"me:{CANARY}"}
    assert not (home / "asked").exists()


def test_login_of_a_proxy_is_sent_to_it_and_leaves_no_trace(
    repository: Repository, server: GitServer, recorder: Recorder, tmp_path: Path
) -> None:
    commit_id = repository.commit()
    server.proxy_login = f"me:{PROXY_CANARY}"
    environment = {**recorder.environment, "http_proxy": f"http://me:{PROXY_CANARY}@127.0.0.1:{server.port}"}
    with GitRepositories(cache_folder=tmp_path / "cache", environment=environment) as repositories:
        assert find(repositories, "git+http://git.example/demo@main").commit_id == commit_id
    assert f"http_proxy=http://pinfold@127.0.0.1:{server.port}" in recorder.text()
    assert_without(recorder.text(), PROXY_CANARY)
