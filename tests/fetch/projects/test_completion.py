"""Size and SHA-256 of files whose page lists them without, or with two hashes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resolver.errors import FetchError, HashMismatchError, OfflineError
from resolver.index.distribution_file import DistributionFile
from resolver.index.project_page import ProjectPage
from tests.command import Project
from tests.fetch.conftest import A, OpenSource, index, links
from tests.servers import Answer, IndexServer, ServedFile, wheel

FILE = wheel("a", "1.0", ["b"])
WHEEL = f"/files/{FILE.filename}"


def complete(open_source: OpenSource, server: IndexServer, **options: Any) -> DistributionFile:
    with open_source(**options) as source:
        page = source.project_page(A, index(server))
        assert page is not None
        return source.complete(page.files(0)[0])


def methods(server: IndexServer) -> list[tuple[str, int]]:
    return [(request.method, request.status) for request in server.log if request.path == WHEEL]


def test_complete_file_needs_no_request(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", FILE)
    file = complete(open_source, server)
    assert (file.size_bytes, file.sha256) == (len(FILE.content), FILE.listed_sha256)
    assert methods(server) == []


@pytest.mark.parametrize(
    ("ranges", "asked"),
    [
        ("honest", [("GET", 206)]),
        ("refused", [("GET", 416), ("HEAD", 200)]),
        ("ignored", [("GET", 200), ("HEAD", 200)]),
    ],
)
def test_missing_size_takes_one_byte_or_a_head(
    server: IndexServer, open_source: OpenSource, ranges: str, asked: list[tuple[str, int]]
) -> None:
    server.add("a", FILE)
    server.sizes = False
    setattr(server, "ranges", ranges)  # noqa: B010 - the type is a Literal, the parameter a str
    file = complete(open_source, server)
    assert (file.size_bytes, file.sha256) == (len(FILE.content), FILE.listed_sha256)
    assert methods(server) == asked


def test_missing_hash_is_computed_by_reading_the_file_once_and_announced(
    server: IndexServer, open_source: OpenSource
) -> None:
    server.add("a", replace(FILE, content=FILE.content + b"\0" * 2_000_000))
    server.hashes = False
    told: list[str] = []
    file = complete(open_source, server, announce=told.append)
    assert file.sha256 == server.projects["a"][0].listed_sha256
    assert file.hashes == (f"sha256:{file.sha256}",)
    assert methods(server) == [("GET", 200)]
    assert told == ["reading `a-1.0-py3-none-any.whl` (2.0 MB) for its SHA-256, which its page does not give"]


def test_hash_of_the_old_lock_is_believed_for_the_same_url_and_size(
    server: IndexServer, open_source: OpenSource
) -> None:
    server.add("a", FILE)
    server.hashes = server.sizes = False
    known = {server.file_url(FILE.filename): (len(FILE.content), "f" * 64)}
    file = complete(open_source, server, known_hashes=known)
    assert (file.size_bytes, file.sha256) == (len(FILE.content), "f" * 64)
    assert methods(server) == [("GET", 206)]


@pytest.mark.parametrize(("filename", "size_bytes"), [(FILE.filename, 1), ("other.whl", len(FILE.content))])
def test_hash_of_the_old_lock_for_another_url_or_size_is_not_believed(
    server: IndexServer, open_source: OpenSource, filename: str, size_bytes: int
) -> None:
    server.add("a", FILE)
    server.hashes = False
    known = {server.file_url(filename): (size_bytes, "f" * 64)}
    assert complete(open_source, server, known_hashes=known).sha256 == FILE.listed_sha256


def test_no_download_forbids_reading_a_file_for_its_hash(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", FILE)
    server.hashes = False
    with pytest.raises(FetchError) as caught:
        complete(open_source, server, no_download=True)
    assert str(caught.value) == (
        f"the SHA-256 of `{FILE.filename}` can be had only by downloading it: {server.file_url(FILE.filename)}\n"
        "  because its page gives none, and `--no-download` forbids that"
    )
    assert methods(server) == []


def test_no_download_allows_requesting_a_size(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", FILE)
    server.sizes = False
    assert complete(open_source, server, no_download=True).size_bytes == len(FILE.content)


def test_size_that_contradicts_the_page_is_an_error(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", FILE)
    server.hashes = False
    server.always[WHEEL] = Answer(body=b"short")
    with pytest.raises(FetchError) as caught:
        complete(open_source, server)
    assert str(caught.value) == (
        f"{server.file_url(FILE.filename)} has 5 bytes, but its page promises {len(FILE.content)}"
    )


def test_hash_that_contradicts_the_page_is_an_error_where_the_file_is_read(
    server: IndexServer, open_source: OpenSource
) -> None:
    server.add("a", FILE)
    server.sizes = False
    server.ranges = "refused"
    server.faults[WHEEL] = [Answer(status=405), Answer(status=405)]
    server.always[WHEEL] = Answer(body=b"short")
    with pytest.raises(HashMismatchError) as caught:
        complete(open_source, server)
    assert caught.value.expected == f"sha256:{FILE.listed_sha256}"


def list_with_sha512(server: IndexServer, sha512: str) -> None:
    entry = {"filename": FILE.filename, "url": server.file_url(FILE.filename), "hashes": {"sha512": sha512}}
    server.add("a", FILE)
    server.always["/simple/a/"] = Answer(
        headers={"Content-Type": "application/vnd.pypi.simple.v1+json"}, body=json.dumps({"files": [entry]}).encode()
    )


def test_other_hash_that_a_page_promises_is_checked_where_the_file_is_read(
    server: IndexServer, open_source: OpenSource
) -> None:
    sha512 = hashlib.sha512(FILE.content).hexdigest()
    list_with_sha512(server, sha512)
    assert complete(open_source, server).hashes == (f"sha256:{FILE.listed_sha256}", f"sha512:{sha512}")


def test_other_hash_that_contradicts_the_page_is_an_error(server: IndexServer, open_source: OpenSource) -> None:
    list_with_sha512(server, "0" * 128)
    with pytest.raises(HashMismatchError) as caught:
        complete(open_source, server)
    assert str(caught.value) == (
        f"`{FILE.filename}` is not the file that its page promises\n"
        f"  expected sha512:{'0' * 128}\n  found    sha512:{hashlib.sha512(FILE.content).hexdigest()}"
    )


def test_other_hash_of_a_file_on_disk_is_checked(open_source: OpenSource, tmp_path: Path) -> None:
    (tmp_path / FILE.filename).write_bytes(FILE.content)
    page = tmp_path / "links.html"
    page.write_text(f'<a href="{FILE.filename}#md5={"0" * 32}">a</a>')
    with open_source() as source, pytest.raises(HashMismatchError, match="expected md5:00"):
        found = source.project_page(A, links(page.as_uri()))
        assert found is not None
        source.complete(found.files(0)[0])


def test_offline_cannot_ask_for_a_size(server: IndexServer, open_source: OpenSource, tmp_path: Path) -> None:
    server.add("a", FILE)
    server.sizes = False
    with open_source() as source:
        source.project_page(A, index(server))
    with pytest.raises(OfflineError, match=r"^the file is not in the cache: "):
        complete(open_source, server, offline=True)


FIRST, SECOND = sorted((FILE.listed_sha256, "ab" * 32))


def twice(sha256: str) -> tuple[ServedFile, ServedFile]:
    return FILE, replace(FILE, sha256=sha256)


def read_page(open_source: OpenSource, server: IndexServer) -> ProjectPage:
    with open_source() as source:
        page = source.project_page(A, index(server))
        assert page is not None
        return page


@pytest.mark.parametrize("question", ["dependencies", "complete"])
@pytest.mark.parametrize("order", [1, -1])
def test_file_with_two_hashes_is_an_error(
    server: IndexServer, open_source: OpenSource, question: str, order: int
) -> None:
    server.add("a", *twice("ab" * 32)[::order])
    with open_source() as source, pytest.raises(HashMismatchError) as caught:
        page = source.project_page(A, index(server))
        assert page is not None
        source.prefetch_dependencies(page.files(0))
        getattr(source, question)(page.files(0)[0])
    assert str(caught.value) == (
        f"`a-1.0-py3-none-any.whl` is listed with two hashes by {server.index_url}\n"
        f"  sha256:{FIRST}\n  sha256:{SECOND}\n"
        "  try: find out which of them is right"
    )
    assert (caught.value.exit_code, caught.value.expected, caught.value.found) == (
        5,
        f"sha256:{FIRST}",
        f"sha256:{SECOND}",
    )


def test_file_with_two_hashes_is_known_as_one_from_the_cache(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", *twice("ab" * 32))
    first = read_page(open_source, server)
    assert read_page(open_source, server).files(0) == first.files(0)
    assert first.files(0)[0].hashes == (f"sha256:{FIRST}", f"sha256:{SECOND}")


def test_file_that_is_listed_twice_with_one_hash_is_no_error(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", *twice(FILE.listed_sha256))
    page = read_page(open_source, server)
    with open_source() as source:
        assert source.complete(page.files(0)[0]).sha256 == FILE.listed_sha256


def test_file_with_two_hashes_that_no_pin_needs_is_no_error(project: Project) -> None:
    project.server.add("a", *twice("ab" * 32), wheel("a", "2.0"))
    project.write_list("a")

    assert project.lock("requirements.txt").code == 0


def test_file_with_two_hashes_ends_the_command_with_5(project: Project) -> None:
    project.server.add("a", *twice("ab" * 32))
    project.write_list("a")

    run = project.lock("requirements.txt")

    assert (run.code, run.err, project.files()) == (
        5,
        "error: `a-1.0-py3-none-any.whl` is listed with two hashes by https://index.example/simple/\n"
        f"  sha256:{FIRST}\n  sha256:{SECOND}\n"
        "  try: find out which of them is right\n",
        ["requirements.txt"],
    )
