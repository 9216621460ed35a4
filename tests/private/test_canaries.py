"""Secrets of every kind that are rotated, and those of a run that is killed (all else is in `tests.canary`)."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockfiles import digest
from tests.command import Project, Run, start_process
from tests.git_server import GitServer
from tests.private.buckets import Bucket
from tests.private.canaries import Planted
from tests.private.leaks import find_leaks, spell
from tests.servers import IndexServer

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
LOCK = ("--python", MINOR, "-o", "pylock.toml")


@pytest.fixture
def planted(project: Project, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planted]:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    (tmp_path / "served").mkdir()
    with IndexServer() as other, GitServer(tmp_path / "served") as git:
        yield Planted(project, other, bucket, git, tmp_path / "own")


def search(project: Project, planted: Planted, *texts: str | bytes) -> list[str]:
    """Where any of the secrets was found."""
    folders = [project.folder, project.cache, Path(os.environ["TMPDIR"])]
    secrets = {**planted.rotated, **planted.values}
    found = find_leaks(folders, secrets.values())
    for kind, value in secrets.items():
        for text in texts:
            data = text.encode() if isinstance(text, str) else text
            if any(spelling in data for spelling in spell(value)):
                found.append(f"{kind} in {data[:60]!r}…")
    return found


def lock(project: Project, planted: Planted, *words: str) -> Run:
    return project.lock(str(planted.list), *LOCK, *words)


def test_rotating_every_secret_changes_no_byte_and_downloads_nothing(
    project: Project, planted: Planted, bucket: Bucket
) -> None:
    assert lock(project, planted).code == 0
    before = (project.folder / "pylock.toml").read_bytes(), digest(project.load())
    planted.rotate()
    bucket.log.clear()
    project.server.log.clear()

    run = lock(project, planted, "--refresh")

    assert run.code == 0, run.err
    assert ((project.folder / "pylock.toml").read_bytes(), digest(project.load())) == before
    wheels = re.compile("/files/.*[.]whl")
    asked = [request for request in project.server.log if wheels.fullmatch(request.path)]
    assert asked and bucket.log
    assert [request.path for request in asked if "range" not in request.headers] == []
    assert bucket.downloads == []
    assert search(project, planted, run.out, run.err) == []


def test_no_secret_is_left_by_a_run_that_is_killed(project: Project, planted: Planted) -> None:
    project.server.latency_s = 0.2
    environment = {name: os.environ[name] for name in os.environ if _is_planted(name)}
    words = [str(planted.list), *LOCK, "-vv", "--cache-dir", str(project.cache)]
    process = start_process(words, project.folder, environment=environment)
    deadline = time.monotonic() + 30
    while len(project.server.log) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    out, err = process.communicate(timeout=30)

    assert process.returncode == -signal.SIGKILL, err
    assert search(project, planted, out, err) == []


def _is_planted(name: str) -> bool:
    return name.startswith(("CANARY", "PINFOLD", "HTTPS_PROXY", "NO_PROXY", "NETRC", "TMPDIR", "AWS_"))
