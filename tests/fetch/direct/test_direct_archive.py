"""Wheels and sdists by URL or path: what they are, and what is wrong with those that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import HashMismatchError, InputError, MetadataError, Position
from resolver.index.distribution_file import Archive, DirectDistribution, DirectRequest
from resolver.requirements.direct_reference import parse_reference
from resolver.settings.settings import DependencyMetadata
from tests.distributions import make_wheel
from tests.fetch.conftest import A, OpenSource
from tests.servers import IndexServer, sdist, wheel

B = NormalizedName("b")


def build_request(text: str, *, hashes: tuple[str, ...] = (), is_followed: bool = False) -> DirectRequest:
    return DirectRequest(
        reference=parse_reference(text, variables={}).direct,
        position=Position(item=0),
        text=text,
        hashes=hashes,
        is_followed=is_followed,
    )


def fetch(open_source: OpenSource, text: str, **options: object) -> DirectDistribution:
    with open_source(**options) as source:
        return source.direct(build_request(text))


def test_wheel_by_url_is_the_one_that_its_name_states(server: IndexServer, open_source: OpenSource) -> None:
    file = wheel("a", "1.0", ["b>=2"])
    server.add("a", file)
    found = fetch(open_source, server.file_url(file.filename))
    assert (found.name, found.version, found.built) == (A, Version("1.0"), False)
    assert found.metadata.requires_dist == ("b>=2",)
    assert (found.file.filename, found.file.url) == (file.filename, server.file_url(file.filename))
    assert found.file.origin == Archive(subdirectory=None)


def test_sdist_by_url_is_read_whole_and_hashed(server: IndexServer, open_source: OpenSource) -> None:
    file = sdist("a", "1.0", ["b>=2"], build_requires=["tool"])
    server.add("a", file)
    found = fetch(open_source, server.file_url(file.filename))
    assert (found.version, found.metadata.requires_dist) == (Version("1.0"), ("b>=2",))
    assert (found.file.sha256, found.file.size_bytes) == (file.listed_sha256, len(file.content))
    assert found.build_requires == ("tool",)


def test_archive_on_disk_needs_no_request(server: IndexServer, open_source: OpenSource, tmp_path: Path) -> None:
    path = tmp_path / "a-1.0-py3-none-any.whl"
    path.write_bytes(make_wheel("a", "1.0", ["b"]))
    found = fetch(open_source, str(path), offline=True)
    assert (found.name, found.metadata.requires_dist) == (A, ("b",))
    assert server.log == []


def test_users_table_replaces_the_metadata_of_a_wheel(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", wheel("a", "1.0", ["b"]))
    table = DependencyMetadata(name=A, requires_dist=("c",))
    found = fetch(open_source, server.file_url("a-1.0-py3-none-any.whl"), dependency_metadata=(table,))
    assert found.metadata.requires_dist == ("c",)


def test_wheel_of_another_project_is_an_error(server: IndexServer, open_source: OpenSource) -> None:
    url = server.file_url("a-1.0-py3-none-any.whl")
    content = make_wheel("b", "2.0")
    server.add("a", wheel("a", "1.0", content=content, metadata=None))
    with pytest.raises(MetadataError):
        fetch(open_source, url)


def test_single_hash_of_the_list_is_a_promise(server: IndexServer, open_source: OpenSource) -> None:
    file = sdist("a", "1.0")
    server.add("a", file)
    with open_source() as source, pytest.raises(HashMismatchError):
        source.direct(build_request(server.file_url(file.filename), hashes=(f"sha256:{'0' * 64}",)))


@pytest.mark.parametrize(
    ("subdirectory", "why"), [("none", "`a-1.0.tar.gz` has no folder `none`"), ("setup.py", "has no folder `setup.py`")]
)
def test_missing_subdirectory_is_an_error(
    server: IndexServer, open_source: OpenSource, subdirectory: str, why: str
) -> None:
    server.add("a", sdist("a", "1.0", files={"setup.py": b""}))
    with pytest.raises(MetadataError) as caught:
        fetch(open_source, f"{server.file_url('a-1.0.tar.gz')}#subdirectory={subdirectory}")
    assert why in str(caught.value)


def test_archive_that_is_broken_is_an_error(server: IndexServer, open_source: OpenSource) -> None:
    server.add("a", sdist("a", "1.0", content=b"none"))
    url = server.file_url("a-1.0.tar.gz")
    with pytest.raises(MetadataError) as caught:
        fetch(open_source, url)
    assert str(caught.value).startswith(f"`{url}` cannot be used\n  because `a-1.0.tar.gz` cannot be unpacked: ")


def test_metadata_leads_to_no_host_inside_of_the_network(server: IndexServer, open_source: OpenSource) -> None:
    file = wheel("a", "1.0")
    server.add("a", file)
    text = server.file_url(file.filename)
    with open_source() as source, pytest.raises(InputError) as caught:
        source.direct(build_request(text, is_followed=True))
    assert str(caught.value).splitlines()[0] == f"`{text}`, which metadata names, cannot be followed"
    assert server.log == []
