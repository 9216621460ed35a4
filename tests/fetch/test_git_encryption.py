"""Repositories over https: which certificates are trusted, and no way back to http."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.errors import FetchError
from resolver.fetch.git.repositories import GitRepositories
from tests.fetch.git_fixtures import find, repositories, repository
from tests.git_server import GitServer, Repository

__all__ = ["repositories", "repository"]

CANARY = "ghp_c4n4ryTokenThatNobodyMaySee"


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
    encrypted.token = CANARY
    commit_id = repository.commit()
    assert find(repositories, f"git+{encrypted.url('demo', login=f'me:{CANARY}')}@main").commit_id == commit_id


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
            find(repositories, f"git+{encrypted.url('demo', login=f'me:{CANARY}')}@main")
        assert plain.log == []
    assert str(caught.value).startswith(f"git cannot read `git+{encrypted.url('demo')}@main`\n  because fatal: ")
