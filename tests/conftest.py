"""The command with a folder and a loopback index of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import Project, hide_environment
from tests.servers import IndexServer


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Project]:
    """A folder that is the root of a repository, so that nothing above it is read; its index is empty at first."""
    hide_environment(monkeypatch)
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    with IndexServer() as server:
        yield Project(folder=folder, cache=tmp_path / "cache", server=server, capture=capsys, monkeypatch=monkeypatch)
