"""What pip and uv leave in an environment: installed from a wheelhouse, and from a lock with complete URLs."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import tomli_w
from uv import find_uv_bin

from tests.canary.secret_list import PROJECTS
from tests.canary.secret_search import search_files
from tests.canary.world import World
from tests.test_installation import make_environment

PIP = ("-m", "pip", "--isolated", "--disable-pip-version-check", "--no-input")


@pytest.fixture(scope="module")
def built(locked: World) -> World:
    """The world with a wheelhouse and a hydrated lock."""
    reach = ("--list", "pyproject.toml", "--credentials", str(locked.builder_credentials))
    (locked.root / "build").mkdir()
    for words in (
        ("fetch", "pylock.toml", "--to", "wheels", "--build", *reach, "--allow-host", "127.0.0.1"),
        ("hydrate", "pylock.toml", "-o", str(locked.root / "build" / "pylock.build.toml"), *reach),
    ):
        run = locked.run(*words)
        assert run.code == 0, run.err
    # A lock has no login of a submodule, and installers take none from elsewhere.
    locked.hosts.submodule.token = None
    return locked


def install(world: World, installer: str, python: Path, *words: str) -> None:
    """Run an installer with the caches of the user, which are its own business."""
    if installer == "pip":
        command = [sys.executable, *PIP, "--python", str(python), "install", "--no-deps"]
        command += ["--cert", str(world.hosts.certificate), "--cache-dir", str(world.root / "caches" / "pip")]
    else:
        command = [find_uv_bin(), "pip", "install", "--no-config", "--preview-features", "pylock", "--no-deps"]
        command += ["--python", str(python), "--cache-dir", str(world.root / "caches" / "uv")]
    environment = {name: value for name, value in world.environment().items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*command, *words], cwd=world.project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def list_installed(environment: Path) -> set[str]:
    """The projects in an environment."""
    folders = environment.glob("lib/python*/site-packages/*.dist-info")
    return {folder.name.partition("-")[0].replace("_", "-") for folder in folders}


def split_for_pip(lock: Path) -> list[Path]:
    """The lock as two: pip refuses a commit, which has no hash, beside files that have one."""
    document = tomllib.loads(lock.read_text(encoding="utf-8"))
    parts = [lock.with_name("pylock.files.toml"), lock.with_name("pylock.commits.toml")]
    for path, has_commits in zip(parts, (False, True), strict=True):
        packages = [package for package in document["packages"] if ("vcs" in package) == has_commits]
        path.write_text(tomli_w.dumps({**document, "packages": packages}), encoding="utf-8")
    return parts


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_environment_out_of_a_wheelhouse_holds_nothing(built: World, installer: str, tmp_path: Path) -> None:
    python = make_environment(tmp_path / "environment")
    words = ("--no-index", "--find-links", "wheels", "--require-hashes", "-r", "wheels/requirements.txt")
    install(built, installer, python, *words)
    assert list_installed(tmp_path / "environment") == PROJECTS
    assert search_files([tmp_path / "environment"]) == []


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_environment_out_of_a_hydrated_lock_holds_nothing(built: World, installer: str, tmp_path: Path) -> None:
    python = make_environment(tmp_path / "environment")
    for lock in split_for_pip(built.root / "build" / "pylock.build.toml"):
        install(built, installer, python, "-r", str(lock))
    assert list_installed(tmp_path / "environment") == PROJECTS
    records = sorted((tmp_path / "environment").glob("lib/python*/site-packages/*.dist-info/direct_url.json"))
    assert [json.loads(path.read_text())["vcs_info"]["vcs"] for path in records] == ["git"]
    assert search_files([tmp_path / "environment"]) == []
