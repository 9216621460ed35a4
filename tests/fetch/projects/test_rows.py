from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.fetch.projects.record_store import RowStore, StoredPage
from resolver.fetch.store import FolderStore
from tests.fetch.memory_store import MemoryStore

INDEX = "index https://index.example/simple/"
PAGE = StoredPage(fresh_until=12.5, validator='"etag"', payload=b"rows")
ABSENT = StoredPage(fresh_until=0.0, validator="", payload=b"")


@given(
    st.builds(
        StoredPage,
        fresh_until=st.floats(allow_nan=False),
        validator=st.text(st.characters(exclude_categories=["Cs"])),
        payload=st.binary(max_size=50),
        is_checkable=st.booleans(),
    )
)
def test_page_is_read_as_it_was_written(page: StoredPage) -> None:
    store = MemoryStore()
    identity = RowStore(store, target_key="cp311").write(INDEX, "a", page)
    assert RowStore(store, target_key="cp311").read(INDEX, "a") == (page, identity)


@pytest.mark.parametrize(
    ("target", "location", "name"),
    [("cp311", INDEX, "b"), ("cp311", "index https://other.example/", "a"), ("cp312", INDEX, "a")],
)
def test_page_of_another_project_location_or_target_is_a_miss(target: str, location: str, name: str) -> None:
    store = MemoryStore()
    RowStore(store, target_key="cp311").write(INDEX, "a", PAGE)
    assert RowStore(store, target_key=target).read(location, name) is None


@given(st.binary(max_size=20))
def test_value_of_another_program_is_a_miss_or_a_page(data: bytes) -> None:
    store = MemoryStore()
    rows = RowStore(store, target_key="cp311")
    rows.write(INDEX, "a", PAGE)
    store.values = dict.fromkeys(store.values, data)
    found = rows.read(INDEX, "a")
    assert found is None or isinstance(found[0].validator, str)


def test_page_keeps_its_identity_when_it_is_renewed(tmp_path: Path) -> None:
    rows = RowStore(FolderStore(tmp_path), target_key="cp311")
    identity = rows.write(INDEX, "a", PAGE)
    rows.renew(INDEX, "a", 99.0, identity=identity)
    assert rows.find_state(INDEX, "a") == (99.0, identity)
    assert rows.read(INDEX, "a") == (replace(PAGE, fresh_until=99.0), identity)
    assert rows.write(INDEX, "a", replace(PAGE, fresh_until=5.0)) == identity
    assert len({identity, *(rows.write(INDEX, "a", page) for page in (ABSENT, replace(PAGE, is_checkable=False)))}) == 3


def test_page_that_was_replaced_is_not_renewed(tmp_path: Path) -> None:
    rows = RowStore(FolderStore(tmp_path), target_key="cp311")
    old = rows.write(INDEX, "a", PAGE)
    new = rows.write(INDEX, "a", replace(PAGE, payload=b"other"))
    rows.renew(INDEX, "a", 99.0, identity=old)
    assert rows.find_state(INDEX, "a") == (12.5, new)


def test_no_store_keeps_nothing() -> None:
    rows = RowStore(None, target_key="cp311")
    assert rows.write(INDEX, "a", PAGE) == 0
    rows.renew(INDEX, "a", 1.0, identity=0)
    assert (rows.read(INDEX, "a"), rows.find_state(INDEX, "a")) == (None, None)
