"""The cache as a user meets it: offline, refreshed, shared, and where it lies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import resolver
from resolver.cli.main import main
from tests.command import Project, start_process
from tests.servers import sdist, wheel


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
    one, two = (project.load(f"pylock.{name}.toml") for name in ("one", "two"))
    assert one.pylock == two.pylock
    assert project.pins("pylock.one.toml") == {"a": "1.19", "b": "1.0"}


def add_sdist(project: Project) -> None:
    """A list with a project whose metadata only a build gives."""
    project.server.add("built", sdist("built", "1.0", ["a"], static=False, build_requires=["b"]))
    project.write_list("built")
    project.python = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.mark.skipif(sys.platform != "linux", reason="a build tells for the target on this machine alone")
@pytest.mark.parametrize("name", ["cache", "./cache", "../project/cache"])
def test_relative_cache_serves_builds(project: Project, name: str) -> None:
    add_sdist(project)

    run = project.lock("requirements.txt", "--cache-dir", name)

    assert (run.code, project.pins()) == (0, {"a": "1.0", "b": "1.0", "built": "1.0"}), run.err
    assert (project.folder / "cache").is_dir()


@pytest.mark.skipif(sys.platform != "linux", reason="a build tells for the target on this machine alone")
def test_relative_cache_of_the_environment_serves_builds(project: Project) -> None:
    add_sdist(project)
    project.monkeypatch.chdir(project.folder)
    project.monkeypatch.setenv("PINFOLD_CACHE_DIR", "cache")

    assert main(["requirements.txt", "--python", str(project.python)]) == 0
    assert project.pins() == {"a": "1.0", "b": "1.0", "built": "1.0"}


@pytest.mark.skipif(sys.platform != "linux", reason="a build tells for the target on this machine alone")
def test_relative_cache_of_a_program_serves_builds(project: Project) -> None:
    add_sdist(project)
    project.monkeypatch.chdir(project.folder)

    outcome = resolver.lock(
        ["-i", project.server.index_url, "built"],
        python=str(project.python),
        access=resolver.Access(cache_folder=Path("cache")),
    )

    assert {pin.name for pin in outcome.resolution.pins} == {"a", "b", "built"}


def test_cache_is_kept_to_the_size_that_a_variable_names(project: Project) -> None:
    project.monkeypatch.setenv("PINFOLD_CACHE_LIMIT", "0")
    assert project.lock("requirements.txt").code == 0
    text = project.read()
    project.server.log.clear()
    assert project.lock("requirements.txt", "-U").code == 0
    assert project.server.log != []
    assert project.read() == text


def test_size_of_the_cache_that_is_no_number_is_an_error(project: Project) -> None:
    project.monkeypatch.setenv("PINFOLD_CACHE_LIMIT", "1 GB")
    run = project.lock("requirements.txt", "-q")
    assert (run.code, run.err) == (
        2,
        "error: `PINFOLD_CACHE_LIMIT` is no number of megabytes: `1 GB`\n  try: write it like `1000`, or unset it\n",
    )


def test_cache_of_an_earlier_version_is_removed_and_not_read(project: Project) -> None:
    for name in ("pages-v1/a/b/c", "metadata-v2/a", "answers-v1/0", "responses-v1.log"):
        path = project.cache / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"old")
    assert project.lock("requirements.txt").code == 0
    assert {path.name for path in project.cache.iterdir()} == {"store-v1"}
