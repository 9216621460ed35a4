"""Indexes and find-links locations on disk, without a source around them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from resolver.errors import FetchError
from resolver.fetch.http.local_files import (
    LocalFolder,
    describe_file,
    find_local_path,
    read_local_index,
    read_local_links,
)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///srv/wheels", "/srv/wheels"),
        ("FILE://localhost/srv/a%20b", "/srv/a b"),
        ("wheels/", "wheels"),
        ("C:\\wheels", "C:\\wheels"),
        ("https://index.example/simple/", None),
        ("s3://bucket/simple/", None),
    ],
)
def test_file_url_or_plain_text_is_a_path(url: str, path: str | None) -> None:
    assert find_local_path(url) == (None if path is None else Path(path))


def test_folder_lists_its_files_by_name_and_no_folders(tmp_path: Path) -> None:
    for name in ("b.whl", "a.whl"):
        (tmp_path / name).touch()
    (tmp_path / "c.whl").mkdir()

    found = read_local_links(tmp_path)

    assert isinstance(found, LocalFolder)
    assert [url.rpartition("/")[2] for url in found.urls] == ["a.whl", "b.whl"]


def test_page_of_a_project_comes_before_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a-1.0-py3-none-any.whl").touch()
    (tmp_path / "a" / "index.html").write_bytes(b"page")

    page = read_local_index(tmp_path, "a")

    assert page is not None
    assert not isinstance(page, LocalFolder)
    assert (page.body, page.url) == (b"page", (tmp_path / "a" / "index.html").as_uri())
    assert read_local_index(tmp_path, "b") is None


def test_missing_location_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="which is named as an index"):
        read_local_index(tmp_path / "none", "a")
    with pytest.raises(FetchError, match="which is named for `--find-links`"):
        read_local_links(tmp_path / "none")


def test_file_on_disk_is_described_as_a_download(tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    path.write_bytes(b"content")

    found = describe_file(path, algorithms=["md5"])

    assert found.size_bytes == 7
    assert found.sha256 == hashlib.sha256(b"content").hexdigest()
    assert [text.partition(":")[0] for text in found.hashes] == ["md5", "sha256"]
    with pytest.raises(FetchError, match="cannot be read"):
        describe_file(tmp_path / "none")
