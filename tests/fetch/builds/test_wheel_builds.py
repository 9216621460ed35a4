"""Wheels of build requirements, and wheels built from trees under a given interpreter."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from packaging.version import Version

from resolver.errors import HashMismatchError, InternalError, MetadataError
from resolver.fetch.access import Access
from resolver.fetch.builds.build_process import BuildFailedError
from resolver.fetch.builds.wheel_builds import BuildWheels
from resolver.fetch.http.http_session import HttpSession
from resolver.index.distribution_file import DistributionFile
from tests.command import find_interpreter
from tests.fetch.builds.building import build, read_record, write_tree, write_wheel
from tests.servers import IndexServer, wheel

TOOL = wheel("tool", "1.0")


def build_file(url: str, *, sha256: str | None = TOOL.listed_sha256) -> DistributionFile:
    return DistributionFile(
        filename=TOOL.filename,
        version=Version("1.0"),
        url=url,
        hashes=() if sha256 is None else (f"sha256:{sha256}",),
    )


@contextmanager
def open_wheels(folder: Path | None) -> Iterator[BuildWheels]:
    session = HttpSession(Access(), sleep=lambda seconds: None)
    wheels = BuildWheels(session=session, folder=folder)
    yield wheels
    wheels.close()
    session.close()


@pytest.fixture
def serving(server: IndexServer) -> IndexServer:
    server.add("tool", TOOL)
    return server


def test_wheel_is_downloaded_once_and_kept_under_its_name(serving: IndexServer, tmp_path: Path) -> None:
    file = build_file(serving.file_url(TOOL.filename))
    for _ in range(2):
        with open_wheels(tmp_path) as wheels:
            path = wheels.fetch(file)
            assert (path.name, path.read_bytes()) == (TOOL.filename, TOOL.content)
    assert serving.paths() == [f"/files/{TOOL.filename}"]


def test_wheel_that_was_changed_on_disk_is_downloaded_again(serving: IndexServer, tmp_path: Path) -> None:
    with open_wheels(tmp_path) as wheels:
        file = build_file(serving.file_url(TOOL.filename))
        wheels.fetch(file).write_bytes(b"changed")
        assert wheels.fetch(file).read_bytes() == TOOL.content


def test_wheel_without_a_cache_is_removed_at_the_end(serving: IndexServer) -> None:
    with open_wheels(None) as wheels:
        path = wheels.fetch(build_file(serving.file_url(TOOL.filename)))
        assert path.is_file()
    assert not path.parents[1].exists()


def test_wheel_from_disk_is_verified_too(server: IndexServer, tmp_path: Path) -> None:
    place = tmp_path / TOOL.filename
    place.write_bytes(TOOL.content)
    with open_wheels(tmp_path / "kept") as wheels:
        assert wheels.fetch(build_file(place.as_uri())).read_bytes() == TOOL.content
        place.write_bytes(b"changed")
        with pytest.raises(HashMismatchError):
            wheels.fetch(build_file(place.as_uri(), sha256=hashlib.sha256(b"other").hexdigest()))


def test_another_file_is_not_kept(serving: IndexServer, tmp_path: Path) -> None:
    with open_wheels(tmp_path) as wheels, pytest.raises(HashMismatchError):
        wheels.fetch(build_file(serving.file_url(TOOL.filename), sha256="0" * 64))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_wheel_without_a_hash_is_a_bug(serving: IndexServer, tmp_path: Path) -> None:
    with open_wheels(tmp_path) as wheels, pytest.raises(InternalError) as caught:
        wheels.fetch(build_file(serving.file_url(TOOL.filename), sha256=None))
    assert str(caught.value) == f"`{TOOL.filename}` is to be installed without a hash to verify"


def test_wheel_is_built_with_its_settings_and_instant(tmp_path: Path) -> None:
    wheel = build(write_tree(tmp_path / "tree"), tmp_path / "into", key="value")
    assert wheel == tmp_path / "into" / "a-1.0-py3-none-any.whl"
    assert read_record(wheel) == str([tuple(sys.version_info[:2]), "1", {"key": "value"}, ["x", "y", "z"]])
    assert [path.name for path in wheel.parent.iterdir()] == [wheel.name]


def test_wheel_is_built_under_the_interpreter_that_is_given(tmp_path: Path) -> None:
    minor = 12 if sys.version_info.minor != 12 else 13
    tool = write_wheel(tmp_path, "tool", "1.0")
    tree = write_tree(tmp_path / "tree", "import tool", '["tool"]')
    wheel = build(tree, tmp_path / "into", tool, python=find_interpreter(f"3.{minor}"))
    assert read_record(wheel).startswith(f"[(3, {minor}), ")


def test_two_builds_of_the_same_tree_give_the_same_bytes(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", "told = {object() for _ in range(3)}")
    wheels = [build(tree, tmp_path / name) for name in ("first", "second")]
    assert len({hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}) == 1


def test_only_what_is_given_is_installed(tmp_path: Path) -> None:
    tree = write_tree(
        tmp_path / "tree",
        "import importlib.metadata as metadata, tool\n"
        "names = sorted(one.name for one in metadata.distributions())\n"
        "assert names == ['tool'], names\n",
        '["tool", "never-there"]',
    )
    assert build(tree, tmp_path / "into", write_wheel(tmp_path, "tool", "1.0")).is_file()


@pytest.mark.parametrize("name", ["tool", "helper"])
def test_requirements_of_the_backend_must_be_installed(tmp_path: Path, name: str) -> None:
    asks = (
        "def get_requires_for_build_wheel(config_settings=None):\n    return ['tool>=2', 'other; os_name == \"x\"']\n"
    )
    with pytest.raises(BuildFailedError) as caught:
        build(write_tree(tmp_path / "tree", asks), tmp_path / "into", write_wheel(tmp_path, name, "1.0"))
    assert str(caught.value) == (
        "its backend asks for `tool>=2`, which is not among its build requirements\n"
        "add it to `[build-system] requires` of the project, and lock again"
    )


def test_broken_pyproject_is_a_metadata_error(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    (tree / "pyproject.toml").write_text("[")
    with pytest.raises(MetadataError, match=r"^what `a` needs cannot be told: pyproject\.toml is not TOML: "):
        build(tree, tmp_path / "into")
