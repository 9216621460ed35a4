"""Wheels of build requirements: downloaded once, verified always, removed where nothing is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from packaging.version import Version

from resolver.errors import HashMismatchError, InternalError
from resolver.fetch.access import Access
from resolver.fetch.build_wheels import BuildWheels
from resolver.fetch.session import Session
from resolver.index.distribution_file import DistributionFile
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
    session = Session(Access(), sleep=lambda seconds: None)
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
