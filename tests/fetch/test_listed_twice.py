"""A page that lists one file twice with two hashes: nobody knows which of them is right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resolver.errors import HashMismatchError
from resolver.index.project_page import ProjectPage
from tests.command import Project
from tests.fetch.conftest import A, OpenSource, index
from tests.servers import IndexServer, ServedFile, wheel

FILE = wheel("a", "1.0", ["b"])
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


def test_file_with_two_hashes_that_nobody_needs_is_no_error(project: Project) -> None:
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
