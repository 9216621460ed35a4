from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import resolver
from resolver.fetch.http.responses import LONGEST_LIFETIME_S
from resolver.fetch.projects.row_store import (
    RowStore,
    StoredPage,
    escape_for_path,
    find_product,
    is_current,
)

INDEX = "index https://index.example/simple/"
PAGE = StoredPage(fresh_until=12.5, validator='"etag"', payload=b"rows")


def stored_file(folder: Path) -> Path:
    (file,) = (path for path in folder.rglob("*") if path.is_file())
    return file


def test_page_is_read_as_it_was_written(tmp_path: Path) -> None:
    RowStore(tmp_path, target_key="cp311").write(INDEX, "a", PAGE)
    assert RowStore(tmp_path, target_key="cp311").read(INDEX, "a") == PAGE


def test_absent_project_is_kept_as_an_empty_payload(tmp_path: Path) -> None:
    store = RowStore(tmp_path, target_key="cp311")
    absent = StoredPage(fresh_until=0.0, validator="", payload=b"")
    store.write(INDEX, "a", absent)
    assert store.read(INDEX, "a") == absent


@pytest.mark.parametrize(("location", "name"), [(INDEX, "b"), ("index https://other.example/", "a")])
def test_page_of_another_project_or_location_is_a_miss(tmp_path: Path, location: str, name: str) -> None:
    store = RowStore(tmp_path, target_key="cp311")
    store.write(INDEX, "a", PAGE)
    assert store.read(location, name) is None


def test_page_of_another_target_is_a_miss(tmp_path: Path) -> None:
    RowStore(tmp_path, target_key="cp311").write(INDEX, "a", PAGE)
    assert RowStore(tmp_path, target_key="cp312").read(INDEX, "a") is None


def test_every_damaged_byte_makes_a_miss(tmp_path: Path) -> None:
    store = RowStore(tmp_path, target_key="cp311")
    store.write(INDEX, "a", PAGE)
    file = stored_file(tmp_path)
    intact = file.read_bytes()
    for place in range(len(intact)):
        file.write_bytes(intact[:place] + bytes([intact[place] ^ 0x41]) + intact[place + 1 :])
        assert store.read(INDEX, "a") is None, place


def test_every_shortened_file_is_a_miss(tmp_path: Path) -> None:
    store = RowStore(tmp_path, target_key="cp311")
    store.write(INDEX, "a", PAGE)
    file = stored_file(tmp_path)
    intact = file.read_bytes()
    for length in range(len(intact)):
        file.write_bytes(intact[:length])
        assert store.read(INDEX, "a") is None, length


def test_no_folder_keeps_nothing() -> None:
    store = RowStore(None, target_key="cp311")
    store.write(INDEX, "a", PAGE)
    assert store.read(INDEX, "a") is None


def test_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = RowStore(tmp_path / "file", target_key="cp311")
    store.write(INDEX, "a", PAGE)
    assert store.read(INDEX, "a") is None


def test_nothing_but_the_page_is_left_in_the_folder(tmp_path: Path) -> None:
    store = RowStore(tmp_path, target_key="cp311")
    store.write(INDEX, "a", PAGE)
    store.write(INDEX, "a", PAGE)
    assert stored_file(tmp_path).name == "a"


@given(st.lists(st.text(max_size=40), min_size=2, max_size=2, unique=True))
def test_different_texts_have_different_plain_file_names(texts: list[str]) -> None:
    first, second = (escape_for_path(text) for text in texts)
    assert first != second
    assert set(first) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_")
    assert not first.startswith(".")


def test_long_url_still_has_a_file_name() -> None:
    names = {escape_for_path("https://index.example/" + "/".join("x" * 300) + end) for end in "ab"}
    assert len(names) == 2
    assert max(map(len, names)) <= 200


def test_product_changes_with_every_room_that_decides_an_answer_and_no_other() -> None:
    product = find_product()
    assert product is not None
    folder = Path(resolver.__file__).parent
    rooms = {
        Path(line.split(" ")[0]).relative_to(folder).parts[0]
        for line in product.splitlines()
        if line.startswith(f"{folder}{os.sep}")
    }
    assert rooms >= {"fetch", "index", "locking", "requirements", "solve", "targets"}
    assert not rooms & {"artifacts", "cli", "sources"}


def test_page_that_would_be_fresh_for_longer_than_a_day_is_of_a_wrong_clock() -> None:
    assert is_current(1000.0 + LONGEST_LIFETIME_S, now=1000.0)
    assert not is_current(1001.0 + LONGEST_LIFETIME_S, now=1000.0)
    assert not is_current(1000.0, now=1000.0)
