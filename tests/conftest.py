"""Fixtures for the whole suite: the command with its own folder and loopback index, and a server behind TLS.

The one hypothesis profile is loaded here too. An example has no deadline and may be slow to draw, because the machine
may be busy with other tests. Where `CI` is set the examples are the same in every run, so that a failure there can be
repeated here. A test sets `max_examples` alone.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.command import Project, hide_environment
from tests.servers import Answer, IndexServer

settings.register_profile(
    "pinfold", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("pinfold")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Project]:
    """A folder that is the root of a repository, so that nothing above it is read; its index is empty at first."""
    hide_environment(monkeypatch)
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    with IndexServer() as server:
        yield Project(folder=folder, cache=tmp_path / "cache", server=server, capture=capsys, monkeypatch=monkeypatch)


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[IndexServer, Path]]:
    """A server behind TLS, and the certificate that it signed itself."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the `openssl` command for a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with IndexServer(tls=context) as server:
        server.always["/"] = Answer(body=b"encrypted")
        yield server, certificate
