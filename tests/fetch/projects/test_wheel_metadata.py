"""METADATA of wheels from a real file host on loopback: each way to it, and what happens where one is barred."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from resolver.errors import FetchError, HashMismatchError, MetadataError
from resolver.index.distribution_file import DistributionFile
from resolver.index.package_source import PackageSource
from tests.distributions import make_wheel
from tests.fetch.conftest import A, OpenSource, index, links
from tests.fetch.memory_store import find_entries
from tests.servers import Answer, IndexServer, ServedFile, wheel

WHEEL = "/files/a-1.0-py3-none-any.whl"
REQUIRES = ("b>=2", 'c; python_version < "3.12"', 'd; extra == "x"', 'e; sys_platform == "win32"')


def first_file(source: PackageSource, server: IndexServer) -> DistributionFile:
    page = source.project_page(A, index(server))
    assert page is not None
    return page.files(0)[0]


def read_requires(open_source: OpenSource, server: IndexServer) -> tuple[str, ...]:
    with open_source() as source:
        return source.dependencies(first_file(source, server)).requires


def ranged_wheel() -> ServedFile:
    """A wheel whose METADATA is far from the end, in an index without PEP 658 files."""
    content = make_wheel("a", "1.0", ["b>=2"], files={f"a/{number:0200}.txt": b"x" for number in range(200)})
    return ServedFile(filename="a-1.0-py3-none-any.whl", content=content)


@pytest.mark.parametrize("core_metadata", ["hash", "plain"])
def test_metadata_file_is_preferred(server: IndexServer, open_source: OpenSource, core_metadata: str) -> None:
    server.core_metadata = "hash" if core_metadata == "hash" else "plain"
    server.add("a", wheel("a", "1.0", REQUIRES, extras=["x"]))
    with open_source() as source:
        dependencies = source.dependencies(first_file(source, server))
    assert dependencies.requires == ("b>=2", "c")
    assert dependencies.extras == {"x": ("d",)}
    assert not dependencies.built
    assert server.paths("/files/") == [f"{WHEEL}.metadata"]


def test_metadata_file_with_another_hash_is_an_error(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", ["b"]))
    server.always[f"{WHEEL}.metadata"] = Answer(body=b"Metadata-Version: 2.1\nName: a\nVersion: 1.0\n")
    with open_source() as source:
        file = first_file(source, server)
        with pytest.raises(HashMismatchError) as caught:
            source.dependencies(file)
    assert file.core_metadata is not None
    assert caught.value.filename == "a-1.0-py3-none-any.whl.metadata"
    assert caught.value.expected == f"sha256:{file.core_metadata.removeprefix('sha256=')}"
    assert str(caught.value) == (
        "`a-1.0-py3-none-any.whl.metadata` is not the file that its page promises\n"
        f"  expected {caught.value.expected}\n  found    {caught.value.found}"
    )


@pytest.mark.parametrize("algorithm", ["sha512", "blake2b", "sha3_256", "md5"])
@pytest.mark.parametrize("view", ["json", "html"])
def test_metadata_file_is_checked_against_a_hash_of_any_algorithm(
    server: IndexServer, open_source: OpenSource, algorithm: str, view: Literal["json", "html"]
) -> None:
    file, metadata = wheel("a", "1.0", ["b"]), b"Metadata-Version: 2.1\nName: a\nVersion: 1.0\n"
    server.add("a", file)
    digest = hashlib.new(algorithm, metadata).hexdigest()
    listed = {
        "filename": file.filename,
        "url": server.file_url(file.filename),
        "hashes": {"sha256": file.listed_sha256},
        "core-metadata": {algorithm: digest},
    }
    page = json.dumps({"meta": {"api-version": "1.0"}, "name": "a", "files": [listed]}).encode()
    link = f'<a href="{listed["url"]}#sha256={file.listed_sha256}" data-core-metadata="{algorithm}={digest}">x</a>'
    body = page if view == "json" else link.encode()
    kind = "application/vnd.pypi.simple.v1+json" if view == "json" else "text/html"
    server.always["/simple/a/"] = Answer(headers={"Content-Type": kind}, body=body)
    with open_source() as source, pytest.raises(HashMismatchError) as caught:
        source.dependencies(first_file(source, server))
    assert caught.value.expected == f"{algorithm}:{digest}"
    server.always[f"{WHEEL}.metadata"] = Answer(body=metadata)
    assert read_requires(open_source, server) == ()


def test_metadata_without_a_hash_of_another_project_is_not_kept(
    server: IndexServer, open_source: OpenSource, tmp_path: Path
) -> None:
    server.core_metadata, server.hashes = "plain", False
    server.add("a", wheel("a", "1.0"))
    server.always[f"{WHEEL}.metadata"] = Answer(body=b"Metadata-Version: 2.1\nName: b\nVersion: 1.0\n")
    with open_source() as source, pytest.raises(MetadataError, match="is that of `b` 1"):
        source.dependencies(first_file(source, server))
    assert not find_entries(tmp_path / "cache", "records")


def test_promised_metadata_file_that_is_missing_is_got_around(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", ["b"]))
    server.always[f"{WHEEL}.metadata"] = Answer(status=404)
    assert read_requires(open_source, server) == ("b",)


def test_small_wheel_takes_one_range(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", ["b>=2"], metadata=None))
    assert read_requires(open_source, server) == ("b>=2",)
    (request,) = [request for request in server.log if request.path == WHEEL]
    assert request.headers["range"] == "bytes=-32768"


def test_large_wheel_is_read_in_parts_only(server: IndexServer, open_source: OpenSource) -> None:
    file = ranged_wheel()
    server.add("a", file)
    assert read_requires(open_source, server) == ("b>=2",)
    requests = [request for request in server.log if request.path == WHEEL]
    assert [request.status for request in requests] == [206] * len(requests)
    assert len(requests) <= 3


@pytest.mark.parametrize("ranges", ["ignored", "refused", "wrong start", "whole as 206"])
def test_server_without_honest_ranges_gives_the_whole_wheel(
    server: IndexServer, open_source: OpenSource, ranges: str
) -> None:
    server.add("a", ranged_wheel())
    setattr(server, "ranges", ranges)  # noqa: B010 - the type is a Literal, the parameter a str
    assert read_requires(open_source, server) == ("b>=2",)
    assert "range" not in server.log[-1].headers


def test_download_of_a_whole_wheel_is_announced(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", ranged_wheel())
    server.ranges = "ignored"
    told: list[str] = []
    with open_source(announce=told.append) as source:
        source.dependencies(first_file(source, server))
    assert told == ["reading `a-1.0-py3-none-any.whl` (0.1 MB) for its metadata, since its host gives no part of it"]


@pytest.mark.parametrize("status", [403, 405, 416, 501])
def test_server_that_refuses_ranges_by_status_gives_the_whole_wheel(
    server: IndexServer, open_source: OpenSource, status: int
) -> None:
    server.add("a", ranged_wheel())
    server.faults[WHEEL] = [Answer(status=status), Answer(status=status)]
    assert read_requires(open_source, server) == ("b>=2",)


def test_whole_wheel_with_another_hash_is_an_error(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", replace(ranged_wheel(), sha256="0" * 64))
    server.ranges = "ignored"
    with open_source() as source, pytest.raises(HashMismatchError) as caught:
        source.dependencies(first_file(source, server))
    assert caught.value.expected == f"sha256:{'0' * 64}"
    assert caught.value.exit_code == 5


def test_wheel_that_is_no_zip_is_a_metadata_error(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", ServedFile(filename="a-1.0-py3-none-any.whl", content=b"not a zip"))
    told: list[str] = []
    with open_source(announce=told.append) as source, pytest.raises(MetadataError) as caught:
        source.dependencies(first_file(source, server))
    assert str(caught.value) == "`a-1.0-py3-none-any.whl` is a broken wheel: no zip directory at the end of the file"
    assert told == [
        "reading `a-1.0-py3-none-any.whl` (0.0 MB) for its metadata, since parts of it do not give that:"
        " no zip directory at the end of the file"
    ]
    assert (caught.value.project, caught.value.filename) == ("a", "a-1.0-py3-none-any.whl")
    assert not caught.value.needs_build


def test_wheel_with_the_folder_of_another_project_is_a_metadata_error(
    server: IndexServer, open_source: OpenSource
) -> None:
    server.add("a", ServedFile(filename="a-1.0-py3-none-any.whl", content=make_wheel("zzz", "1.0")))
    with open_source() as source, pytest.raises(MetadataError) as caught:
        source.dependencies(first_file(source, server))
    assert str(caught.value) == (
        "`a-1.0-py3-none-any.whl` is a broken wheel: its `.dist-info` folder is that of `zzz-1.0`"
    )


def test_file_that_is_listed_but_missing_is_an_error(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", metadata=None))
    server.always[WHEEL] = Answer(status=404)
    with open_source() as source, pytest.raises(FetchError) as caught:
        source.dependencies(first_file(source, server))
    assert str(caught.value) == f"status 404 for {server.base_url}{WHEEL}"


def test_wheel_on_disk_is_read_in_place(open_source: OpenSource, tmp_path: Path) -> None:
    file = ranged_wheel()
    (tmp_path / file.filename).write_bytes(file.content)
    with open_source() as source:
        page = source.project_page(A, links(str(tmp_path)))
        assert page is not None
        assert source.dependencies(page.files(0)[0]).requires == ("b>=2",)


@pytest.mark.parametrize("ranges", ["ignored", "honest"])
def test_a_size_that_the_page_tells_wrong_is_found(server: IndexServer, open_source: OpenSource, ranges: str) -> None:
    server.add("a", ranged_wheel())
    if ranges == "ignored":
        server.ranges = "ignored"
    with open_source() as source, pytest.raises(HashMismatchError) as caught:
        source.dependencies(replace(first_file(source, server), size_bytes=5))
    assert (caught.value.expected, caught.value.found) == ("5 bytes", f"{len(ranged_wheel().content)} bytes")


@pytest.mark.parametrize(("name", "version"), [("zzz", "1.0"), ("a", "2.0")])
def test_metadata_of_another_project_or_version_is_refused(
    server: IndexServer, open_source: OpenSource, name: str, version: str
) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(make_wheel("a", "1.0"))) as old, zipfile.ZipFile(sink, "w") as new:
        for member in old.namelist():
            text = old.read(member).replace(b"\nName: a\n", f"\nName: {name}\n".encode())
            new.writestr(member, text.replace(b"\nVersion: 1.0\n", f"\nVersion: {version}\n".encode()))
    server.add("a", ServedFile(filename="a-1.0-py3-none-any.whl", content=sink.getvalue()))
    with open_source() as source, pytest.raises(MetadataError) as caught:
        source.dependencies(first_file(source, server))
    assert str(caught.value) == (
        f"`a-1.0-py3-none-any.whl` is a broken wheel: its METADATA is that of `{name} {version}`"
    )
