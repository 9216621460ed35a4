"""Where the cache lies."""

from __future__ import annotations

import pytest

from tests.command import Project, start_process
from tests.servers import wheel


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b"]))
    project.server.add("b", wheel("b", "1.0"))
    project.write_list("a")


def test_variable_moves_the_cache(project: Project) -> None:
    process = start_process(
        ["requirements.txt", "--python", "3.11"], project.folder, environment={"PINFOLD_CACHE_DIR": str(project.cache)}
    )

    _, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert list(project.cache.iterdir()) != []
    assert project.files() == ["pylock.toml", "requirements.txt"]
