"""Listings of projects as their index has them now, and the files of an OSV database."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.errors import FetchError, InputError
from resolver.fetch.access import Access
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.projects.listings import fetch_listings, read_advisories
from tests.fetch.conftest import A, B
from tests.servers import Answer, IndexServer, wheel


@pytest.fixture
def session(tmp_path: Path) -> Iterator[HttpSession]:
    session = HttpSession(Access(cache_folder=tmp_path / "cache"), sleep=lambda seconds: None)
    yield session
    session.close()


def advisory(name: str) -> dict[str, object]:
    affected = [{"package": {"ecosystem": "PyPI", "name": name}, "versions": ["1.0"]}]
    return {"id": f"X-{name}", "modified": "2025-01-01T00:00:00Z", "affected": affected}


def test_each_project_is_listed_once_with_all_files_and_none_without_a_page(
    server: IndexServer, session: HttpSession
) -> None:
    server.add("a", wheel("a", "1.0"), wheel("a", "2.0"))
    index = server.index_url

    found = fetch_listings([(A, index), (B, index), (A, index)], session=session)

    assert list(found) == [(A, index), (B, index)]
    assert found[B, index] is None
    listing = found[A, index]
    assert listing is not None
    assert sorted(file.filename for file in listing.files) == ["a-1.0-py3-none-any.whl", "a-2.0-py3-none-any.whl"]
    assert server.paths().count("/simple/a/") == 1


def test_listing_is_read_from_the_server_whatever_the_cache_holds(server: IndexServer, session: HttpSession) -> None:
    server.add("a", wheel("a", "1.0"))
    for _ in range(2):
        fetch_listings([(A, server.index_url)], session=session)

    assert server.paths() == ["/simple/a/", "/simple/a/"]


def test_page_that_cannot_be_read_is_an_error(server: IndexServer, session: HttpSession) -> None:
    server.always["/simple/a/"] = Answer(headers={"Content-Type": "application/vnd.pypi.simple.v1+json"}, body=b"[")
    with pytest.raises(FetchError, match=r"^the page of `a` cannot be read: "):
        fetch_listings([(A, server.index_url)], session=session)


def test_folder_and_archive_hold_the_same_advisories(tmp_path: Path, session: HttpSession) -> None:
    folder, archive = tmp_path / "osv", tmp_path / "osv.zip"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(advisory("a")))
    (folder / "deep" / "b.json").write_text(json.dumps([advisory("b")]))
    with zipfile.ZipFile(archive, "w") as written:
        for name in ("a.json", "deep/b.json"):
            written.write(folder / name, name)

    found = read_advisories(str(folder), session=session)

    assert [one.id for one in found] == ["X-a", "X-b"]
    assert read_advisories(str(archive), session=session) == found


def test_place_that_is_no_database_is_an_error(tmp_path: Path, session: HttpSession) -> None:
    (tmp_path / "text").write_text("text")
    for place, message in {"none": "there is no OSV database", "text": "is no zip archive of advisories"}.items():
        with pytest.raises(InputError, match=message):
            read_advisories(str(tmp_path / place), session=session)
