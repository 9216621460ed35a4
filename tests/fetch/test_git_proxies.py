"""Proxies that git goes through, with logins of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.errors import FetchError
from resolver.fetch.git.command import _find_proxies
from resolver.fetch.git.repositories import GitRepositories
from tests.fetch.git_fixtures import Recorder, assert_without, find, recorder, repository, server
from tests.git_server import GitServer, Repository

__all__ = ["recorder", "repository", "server"]

CANARY = "pr0xy-c4n4ry"


def test_login_of_a_proxy_is_told_to_it_and_stands_nowhere(
    repository: Repository, server: GitServer, recorder: Recorder, tmp_path: Path
) -> None:
    commit_id = repository.commit()
    server.proxy_login = f"me:{CANARY}"
    environment = {**recorder.environment, "http_proxy": f"http://me:{CANARY}@127.0.0.1:{server.port}"}
    with GitRepositories(cache_folder=tmp_path / "cache", environment=environment) as repositories:
        assert find(repositories, "git+http://git.example/demo@main").commit_id == commit_id
    assert f"http_proxy=http://pinfold@127.0.0.1:{server.port}" in recorder.text()
    assert_without(recorder.text(), CANARY)


def test_proxy_that_refuses_its_login_is_told(
    repository: Repository, server: GitServer, recorder: Recorder, tmp_path: Path
) -> None:
    server.proxy_login = "me:other"
    environment = {**recorder.environment, "http_proxy": f"http://me:{CANARY}@127.0.0.1:{server.port}"}
    with (
        GitRepositories(cache_folder=tmp_path / "cache", environment=environment) as repositories,
        pytest.raises(FetchError) as caught,
    ):
        find(repositories, "git+http://git.example/demo@main")
    lines = str(caught.value).splitlines()
    assert lines[0] == "the proxy refuses the way to `git.example`"
    assert lines[2] == "  try: check user and password in `HTTPS_PROXY` or `HTTP_PROXY`"
    assert_without(str(caught.value), CANARY)


@pytest.mark.parametrize(
    ("caller", "told"),
    [
        ({}, {}),
        ({"HTTPS_PROXY": "http://p.example:3128"}, {"https_proxy": "http://p.example:3128"}),
        ({"HTTPS_PROXY": "http://a.example", "https_proxy": "http://b.example"}, {"https_proxy": "http://b.example"}),
        ({"https_proxy": "me:pw@p.example:3128"}, {"https_proxy": "http://pinfold@p.example:3128"}),
        ({"NO_PROXY": ".example"}, {"no_proxy": ".example"}),
        ({"ALL_PROXY": ""}, {}),
        ({"FTP_PROXY": "http://p.example"}, {}),
    ],
)
def test_proxies_are_named_without_logins(caller: dict[str, str], told: dict[str, str]) -> None:
    both = {form: value for name, value in told.items() for form in (name, name.upper())}
    assert _find_proxies(caller).variables == both
