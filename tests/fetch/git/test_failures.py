"""What users read when git fails: refusals, missing logins, certificates, servers that do not respond."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.errors import AuthenticationError, FetchError
from resolver.fetch.git.repositories import GitRepositories
from resolver.fetch.http.credentials import Login
from tests.fetch.git.git_fixtures import (
    CANARY,
    PROXY_CANARY,
    QUOTED,
    Recorder,
    assert_without,
    find,
    recorder,
    repositories,
    repository,
    server,
)
from tests.foreign_words import find_git_words
from tests.git_server import GitServer, Repository

__all__ = ["recorder", "repositories", "repository", "server"]


@pytest.mark.parametrize(("status", "first"), [(404, "there is no repository `{}`"), (503, "git cannot read `{}`")])
def test_refusal_of_a_server_is_an_error_with_the_message_of_git(
    server: GitServer, tmp_path: Path, status: int, first: str
) -> None:
    server.refuse = status
    url = server.url("demo")
    with (
        GitRepositories(cache_folder=tmp_path / "cache", sleep=lambda seconds: None) as repositories,
        pytest.raises(FetchError) as caught,
    ):
        find(repositories, f"git+{url}@main")
    lines = str(caught.value).splitlines()
    assert lines[:2] == [first.format(f"git+{url}@main"), f"  because {find_git_words(url)}"]
    assert caught.value.url == url


def test_server_that_is_not_there_is_an_error(tmp_path: Path, repositories: GitRepositories) -> None:
    with GitServer(tmp_path) as gone:
        url = gone.url("demo")
    with pytest.raises(FetchError) as caught:
        find(repositories, f"git+{url}@main")
    first, second, third = str(caught.value).splitlines()
    assert first == f"`127.0.0.1:{gone.port}` cannot be reached for `git+{url}@main`"
    assert second.partition(": ")[0] == f"  because {find_git_words(url).partition(': ')[0]}"
    assert f"'{url}/'" in second
    assert third == "  try: check its name, or set `HTTPS_PROXY` if this network needs a proxy"


def test_folder_that_is_no_repository_is_an_error(tmp_path: Path, repositories: GitRepositories) -> None:
    url = f"git+{(tmp_path / 'none').as_uri()}"
    with pytest.raises(FetchError) as caught:
        find(repositories, url)
    lines = str(caught.value).splitlines()
    assert (lines[0], lines[2]) == (f"there is no repository `{url}`", "  try: check the path")


def test_message_of_a_server_cannot_move_the_cursor(server: GitServer, repositories: GitRepositories) -> None:
    server.refuse, server.refuse_body = 418, "\x1b[2J\x1b[31mall is well\r\x07"
    with pytest.raises(FetchError) as caught:
        find(repositories, f"git+{server.url('demo')}@main")
    assert "\x1b" not in str(caught.value) and "\r" not in str(caught.value)
    assert "[31mall is well" in str(caught.value)


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("Host key verification failed.", "the host key of `git.example` is not known"),
        ("git@git.example: Permission denied (publickey).", "`git.example` refuses access to `{}`"),
        ("ssh: Could not resolve hostname git.example", "`git.example` cannot be reached for `{}`"),
    ],
)
def test_refusal_of_ssh_is_an_error(recorder: Recorder, tmp_path: Path, words: str, first: str) -> None:
    program = recorder.folder / "bin" / "ssh"
    program.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 255\n")
    program.chmod(0o755)
    text = "git+ssh://git@git.example/org/x@main"
    with (
        GitRepositories(cache_folder=tmp_path / "cache", environment=recorder.environment) as repositories,
        pytest.raises(FetchError) as caught,
    ):
        find(repositories, text)
    assert str(caught.value).splitlines()[0] == first.format(text)
    assert len(str(caught.value).splitlines()) == 3


def test_proxy_that_refuses_its_login_is_an_error(
    repository: Repository, server: GitServer, recorder: Recorder, tmp_path: Path
) -> None:
    server.proxy_login = "me:other"
    environment = {**recorder.environment, "http_proxy": f"http://me:{PROXY_CANARY}@127.0.0.1:{server.port}"}
    with (
        GitRepositories(cache_folder=tmp_path / "cache", environment=environment) as repositories,
        pytest.raises(FetchError) as caught,
    ):
        find(repositories, "git+http://git.example/demo@main")
    lines = str(caught.value).splitlines()
    assert lines[0] == "the proxy refuses the way to `git.example`"
    assert lines[2] == "  try: check user and password in `HTTPS_PROXY` or `HTTP_PROXY`"
    assert_without(str(caught.value), PROXY_CANARY)


def test_error_for_a_missing_login_names_what_to_set(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    repository.commit()
    server.token = CANARY
    with pytest.raises(AuthenticationError) as caught:
        find(repositories, f"git+{server.url('demo')}@main")
    place = f"127.0.0.1:{server.port}"
    assert str(caught.value) == (
        f"`{place}` wants a user and password for `git+http://{place}/demo@main`\n"
        "  because none are known for it; a host may also answer this where there is no such repository\n"
        f"  try: write `git+http://${{TOKEN}}@{place}/demo` and set `TOKEN`, or name a file with `--credentials`"
    )


def test_error_for_a_missing_login_names_the_unset_variable(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    repository.commit()
    server.token = CANARY
    with pytest.raises(AuthenticationError) as caught:
        find(repositories, f"git+{server.url('demo', login='me:${MY_TOKEN}')}@main")
    assert str(caught.value).splitlines()[1:] == [
        "  because `MY_TOKEN` is not set",
        "  try: set `MY_TOKEN` to a token that may read the repository",
    ]


def test_error_for_a_wrong_login_hides_what_the_host_repeats_of_it(
    repository: Repository, server: GitServer, repositories: GitRepositories
) -> None:
    repository.commit()
    server.refuse, server.refuse_body = 403, f"the token {CANARY} is not valid"
    server.refuse_after_login = True
    server.token = CANARY
    with pytest.raises(AuthenticationError) as caught:
        find(repositories, f"git+{server.url('demo', login=f'me:{QUOTED}')}@main")
    assert str(caught.value) == (
        f"`127.0.0.1:{server.port}` does not accept the login for `git+{server.url('demo')}@main`\n"
        f"  because remote: the token … is not valid; {find_git_words(server.url('demo', login=f'me:{QUOTED}'))}\n"
        "  try: renew the token, and check that it may read the repository"
    )


def test_error_of_the_search_for_a_login_is_raised(repository: Repository, server: GitServer, tmp_path: Path) -> None:
    repository.commit()
    server.token = CANARY

    def find_login(url: str) -> Login:
        raise FetchError("the keyring cannot be read", url=url)

    with (
        GitRepositories(cache_folder=tmp_path / "cache", find_login=find_login) as repositories,
        pytest.raises(AuthenticationError) as caught,
    ):
        find(repositories, f"git+{server.url('demo')}@main")
    assert str(caught.value) == "the keyring cannot be read"


TOKEN = "ghp_c4n4ryTokenThatNobodyMaySee"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("needs the `openssl` command for a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate


@pytest.fixture
def encrypted(tmp_path: Path, certificate: Path) -> Iterator[GitServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, tmp_path / "key.pem")
    with GitServer(tmp_path / "served", tls=context) as server:
        yield server


def test_unknown_certificate_is_an_error(
    repository: Repository, encrypted: GitServer, repositories: GitRepositories
) -> None:
    url = f"git+{encrypted.url('demo')}@main"
    with pytest.raises(FetchError) as caught:
        find(repositories, url)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"the certificate of `127.0.0.1:{encrypted.port}` is not trusted: `{url}`"
    assert lines[2] == "  try: set `SSL_CERT_FILE` to the CA certificates of your network"
    assert encrypted.log == []


def test_certificate_that_the_environment_names_is_trusted(
    repository: Repository,
    encrypted: GitServer,
    repositories: GitRepositories,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    encrypted.token = TOKEN
    commit_id = repository.commit()
    assert find(repositories, f"git+{encrypted.url('demo', login=f'me:{TOKEN}')}@main").commit_id == commit_id


def test_redirect_from_https_to_http_is_not_followed(
    repository: Repository,
    encrypted: GitServer,
    repositories: GitRepositories,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    repository.commit()
    with GitServer(tmp_path / "served") as plain:
        encrypted.redirects["/demo/"] = f"{plain.base_url}/demo/"
        with pytest.raises(FetchError) as caught:
            find(repositories, f"git+{encrypted.url('demo', login=f'me:{TOKEN}')}@main")
        assert plain.log == []
    assert str(caught.value).startswith(f"git cannot read `git+{encrypted.url('demo')}@main`\n  because fatal: ")
