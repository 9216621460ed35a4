"""Dependencies of files: from metadata, from records of earlier runs, and from tables of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from resolver.errors import MetadataError, OfflineError
from resolver.index.distribution_file import DistributionFile
from resolver.index.package_source import PackageSource
from resolver.settings.settings import DependencyMetadata
from resolver.targets.target import PythonVersion, Target
from tests.distributions import make_metadata
from tests.fetch.conftest import A, OpenSource, index
from tests.fetch.memory_store import find_entries
from tests.servers import IndexServer, wheel

WHEEL = "/files/a-1.0-py3-none-any.whl"
REQUIRES = ("b>=2", 'c; python_version < "3.12"', 'd; extra == "x"', 'e; sys_platform == "win32"')


def first_file(source: PackageSource, server: IndexServer) -> DistributionFile:
    page = source.project_page(A, index(server))
    assert page is not None
    return page.files(0)[0]


def read_requires(open_source: OpenSource, server: IndexServer) -> tuple[str, ...]:
    with open_source() as source:
        return source.dependencies(first_file(source, server)).requires


@pytest.mark.parametrize(("name", "version"), [("z", "1.0"), ("a", "1.1")])
def test_metadata_of_another_project_or_version_is_an_error(
    server: IndexServer, open_source: OpenSource, name: str, version: str
) -> None:
    server.add("a", wheel("a", "1.0", metadata=make_metadata(name, version)))
    with open_source() as source, pytest.raises(MetadataError) as caught:
        source.dependencies(first_file(source, server))
    assert str(caught.value) == f"the metadata of `a-1.0-py3-none-any.whl` is that of `{name}` {version}"


def test_requirement_that_cannot_be_read_is_a_metadata_error(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", ["b >= "]))
    with open_source() as source, pytest.raises(MetadataError) as caught:
        source.dependencies(first_file(source, server))
    assert str(caught.value).startswith("the metadata of `a-1.0-py3-none-any.whl` cannot be read: ")
    assert "b >=" in str(caught.value)


def test_metadata_without_a_name_is_a_metadata_error(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", metadata=b"Metadata-Version: 2.1\n\n"))
    with open_source() as source, pytest.raises(MetadataError) as caught:
        source.dependencies(first_file(source, server))
    assert str(caught.value) == ("the metadata of `a-1.0-py3-none-any.whl` cannot be read: the metadata has no `Name`")


def test_dependencies_are_requested_once_ever(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", REQUIRES))
    server.cache_control = None
    first = read_requires(open_source, server)
    assert read_requires(open_source, server) == first
    assert server.paths("/files/") == [f"{WHEEL}.metadata"]


def test_another_target_evaluates_what_is_stored(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", REQUIRES))
    assert read_requires(open_source, server) == ("b>=2", "c")
    with open_source(target=Target(python=PythonVersion(minor=12))) as source:
        assert source.dependencies(first_file(source, server)).requires == ("b>=2",)
    assert server.paths("/files/") == [f"{WHEEL}.metadata"]


def test_file_replaced_under_its_name_is_requested_anew(server: IndexServer, open_source: OpenSource) -> None:
    server.cache_control = None
    for requires in (["b"], ["c"]):
        server.projects["a"] = [wheel("a", "1.0", requires)]
        assert read_requires(open_source, server) == tuple(requires)


def add_without_hashes(server: IndexServer, requires: str) -> None:
    """The one wheel of `a`, on an index that vouches neither for it nor for its metadata."""
    server.hashes, server.core_metadata = False, "none"
    server.projects["a"] = [wheel("a", "1.0", [requires])]


def test_file_without_hash_is_requested_anew_in_each_run(server: IndexServer, open_source: OpenSource) -> None:
    add_without_hashes(server, "b")
    assert read_requires(open_source, server) == ("b",)
    add_without_hashes(server, "c")
    assert read_requires(open_source, server) == ("c",)


def test_offline_uses_the_last_metadata_of_a_file_without_hash(server: IndexServer, open_source: OpenSource) -> None:
    for requires in ("b", "c"):
        add_without_hashes(server, requires)
        read_requires(open_source, server)
    asked = len(server.log)
    with open_source(offline=True) as source:
        assert source.dependencies(first_file(source, server)).requires == ("c",)
    assert len(server.log) == asked


def test_metadata_file_with_a_hash_proves_that_of_a_file_without(server: IndexServer, open_source: OpenSource) -> None:
    server.hashes = False
    server.add("a", wheel("a", "1.0", ["b"]))
    assert read_requires(open_source, server) == read_requires(open_source, server) == ("b",)
    assert server.paths("/files/") == [f"{WHEEL}.metadata"]
    server.projects["a"] = [wheel("a", "1.0", ["c"])]
    with open_source(refresh=True) as source:
        first_file(source, server)
    assert read_requires(open_source, server) == ("c",)


def test_answer_that_is_kept_already_is_not_kept_again(
    server: IndexServer, open_source: OpenSource, tmp_path: Path
) -> None:
    add_without_hashes(server, "b")
    read_requires(open_source, server)
    (kept,) = find_entries(tmp_path / "cache", "records")
    before = kept.stat()
    read_requires(open_source, server)
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_offline_uses_stored_dependencies_and_names_missing_ones(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", ["b"]), wheel("a", "2.0", ["c"]))
    with open_source() as source:
        page = source.project_page(A, index(server))
        assert page is not None
        newest, oldest = page.files(0)[0], page.files(1)[0]
        source.dependencies(newest)
    with open_source(offline=True) as source:
        assert source.dependencies(newest).requires == ("c",)
        with pytest.raises(OfflineError) as caught:
            source.dependencies(oldest)
    assert str(caught.value) == (
        f"the metadata file is not in the cache: {server.base_url}{WHEEL}.metadata\n  try: run once without `--offline`"
    )


def test_refresh_requests_metadata_anew(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", ["b"]))
    read_requires(open_source, server)
    with open_source(refresh=True) as source:
        source.dependencies(first_file(source, server))
    assert server.paths("/files/") == [f"{WHEEL}.metadata"] * 2


@pytest.mark.parametrize("version", [None, Version("1.0")])
def test_table_of_the_user_wins_over_the_wheel(
    server: IndexServer, open_source: OpenSource, version: Version | None
) -> None:
    server.add("a", wheel("a", "1.0", ["b"]))
    table = DependencyMetadata(name=A, version=version, requires_dist=("c>=1", 'd; sys_platform == "win32"'))
    with open_source(dependency_metadata=(table,)) as source:
        assert source.dependencies(first_file(source, server)).requires == ("c>=1",)
    assert server.paths("/files/") == []


def test_table_for_another_version_does_not_count(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", ["b"]))
    table = DependencyMetadata(name=A, version=Version("2.0"), requires_dist=("c>=1",))
    with open_source(dependency_metadata=(table,)) as source:
        assert source.dependencies(first_file(source, server)).requires == ("b",)
