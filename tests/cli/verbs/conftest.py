"""The lock that most verbs are tested with."""

from __future__ import annotations

import pytest

from lockfiles import write
from tests.cli.verb_runs import build_web_lock
from tests.command import Project


@pytest.fixture
def locked(project: Project) -> Project:
    write(build_web_lock(), project.folder / "pylock.toml")
    return project
