"""The cache as a user meets it: offline, refreshed, shared, and where it lies."""

from __future__ import annotations

import pytest

from tests.command import Project, start_process
from tests.servers import wheel


@pytest.fixture(autouse=True)
def index(project: Project) -> None:
    project.server.add("a", wheel("a", "1.0", ["b"]))
    project.server.add("b", wheel("b", "1.0"))
    project.write_list("a")


def test_filled_cache_is_enough_offline(project: Project) -> None:
    project.lock("requirements.txt")
    first = project.read()
    (project.folder / "pylock.toml").unlink()
    project.server.log.clear()

    run = project.lock("requirements.txt", "--offline")

    assert (run.code, project.read(), project.server.log) == (0, first, [])


def test_empty_cache_is_not_enough_offline(project: Project) -> None:
    run = project.lock("requirements.txt", "--offline", "-q")

    assert (run.code, run.err) == (
        4,
        "error: the page is not in the cache: https://index.example/simple/a/\n  try: run once without `--offline`\n",
    )
    assert project.server.log == []


def test_fresh_answers_are_not_asked_for_again(project: Project) -> None:
    project.lock("requirements.txt")
    project.server.log.clear()

    assert project.lock("requirements.txt", "-U").code == 0
    assert project.server.log == []


def test_refresh_asks_for_fresh_answers_again(project: Project) -> None:
    project.lock("requirements.txt")
    project.server.add("b", wheel("b", "2.0"))

    assert project.lock("requirements.txt", "-U").code == 0
    assert project.pins() == {"a": "1.0", "b": "1.0"}
    assert project.lock("requirements.txt", "-U", "--refresh").code == 0
    assert project.pins() == {"a": "1.0", "b": "2.0"}


def test_cache_is_readable_by_its_owner_alone(project: Project) -> None:
    project.lock("requirements.txt")

    assert project.cache.stat().st_mode & 0o777 == 0o700


def test_two_runs_at_once_share_the_cache(project: Project) -> None:
    project.server.add("a", *(wheel("a", f"1.{minor}", ["b"]) for minor in range(1, 20)))
    lists = [project.write(f"{name}.txt", "-i INDEX\na\n") for name in ("one", "two")]
    processes = [
        start_process(
            [path.name, "-o", f"pylock.{path.stem}.toml", "--python", "3.11", "--cache-dir", str(project.cache)],
            project.folder,
        )
        for path in lists
    ]

    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]

    assert [code for _, code in ends] == [0, 0], ends
    assert project.read("pylock.one.toml") == project.read("pylock.two.toml")
    assert project.pins("pylock.one.toml") == {"a": "1.19", "b": "1.0"}
