from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.fetch.projects.record_store import (
    RecordStore,
    dump_core_metadata,
    dump_dependencies,
    load_core_metadata,
    load_dependencies,
    open_records,
)
from resolver.fetch.store import FolderStore
from resolver.index.core_metadata import CoreMetadata, Dependencies
from tests.fetch.memory_store import MemoryStore


def open_anew(folder: Path) -> RecordStore:
    """The records as another process sees them."""
    return RecordStore(FolderStore(folder), "metadata")


def test_records_are_read_as_they_were_added(tmp_path: Path) -> None:
    store = open_anew(tmp_path / "new")
    store.add("a", {"1": b"one"})
    store.add("a", {"2": b""})
    assert store.find("a", "1") == b"one"
    assert open_anew(tmp_path / "new").find("a", "1") is None
    store.flush()
    again = open_anew(tmp_path / "new")
    assert (again.find("a", "1"), again.find("a", "2"), again.find("a", "3")) == (b"one", b"", None)
    assert again.find("b", "1") is None
    assert RecordStore(FolderStore(tmp_path / "new"), "other").find("a", "1") is None


def test_records_of_two_processes_are_joined(tmp_path: Path) -> None:
    first, second = open_anew(tmp_path), open_anew(tmp_path)
    assert first.find("a", "1") is second.find("a", "1") is None
    for store, key in ((first, "1"), (second, "2"), (first, "3")):
        store.add("a", {key: key.encode()})
        store.flush()
    again = open_anew(tmp_path)
    assert [again.find("a", key) for key in "123"] == [b"1", b"2", b"3"]


def test_one_process_has_one_object_for_the_records_of_a_folder(tmp_path: Path) -> None:
    one = open_records(FolderStore(tmp_path), "metadata")
    one.add("a", {"1": b"one"})
    assert open_records(FolderStore(tmp_path), "metadata").find("a", "1") == b"one"
    assert open_records(FolderStore(tmp_path), "other").find("a", "1") is None
    assert open_records(FolderStore(tmp_path / "other"), "metadata").find("a", "1") is None
    assert open_records(None, "metadata") is not open_records(None, "metadata")


@given(st.binary(max_size=60), st.integers(0, 60))
def test_records_before_the_end_of_a_value_that_is_cut_are_read(payload: bytes, left: int) -> None:
    store = MemoryStore()
    records = RecordStore(store, "metadata")
    records.add("a", {"1": payload, "2": b"two"})
    records.flush()
    ((key, value),) = store.values.items()
    store.values[key] = value[: len(value) - left]
    again = RecordStore(store, "metadata")
    assert again.find("a", "1") in (payload, None)
    assert again.find("a", "2") == (None if left else b"two")


def test_no_store_keeps_records_for_this_object() -> None:
    store = RecordStore(None, "metadata")
    store.add("a", {"1": b"one"})
    store.flush()
    assert store.find("a", "1") == b"one"


def test_folder_that_cannot_be_written_keeps_records_for_this_object(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = open_anew(tmp_path / "file")
    store.add("a", {"1": b"one"})
    store.flush()
    assert store.find("a", "1") == b"one"


PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1e\x1f"), max_size=10)
NAMES = st.sampled_from(["a", "b-c", "d"]).map(NormalizedName)


@given(
    st.builds(
        Dependencies,
        requires=st.lists(PLAIN, max_size=3).map(tuple),
        extras=st.dictionaries(NAMES, st.lists(PLAIN, max_size=3).map(tuple), max_size=3),
        requires_python=st.none() | PLAIN,
        built=st.booleans(),
    )
)
def test_dependencies_come_back_as_they_were_dumped(dependencies: Dependencies) -> None:
    record = dump_dependencies(dependencies)
    assert record is not None
    assert load_dependencies(record) == dependencies


@given(
    st.builds(
        CoreMetadata,
        name=NAMES,
        version=st.just(Version("1.0+cu124")),
        metadata_version=st.just("2.4"),
        requires_dist=st.lists(PLAIN, max_size=3).map(tuple),
        requires_python=st.none() | st.just(">=3.8"),
        provides_extra=st.lists(NAMES, max_size=3).map(tuple),
        dynamic=st.frozensets(st.sampled_from(["license", "requires-dist"])),
    )
)
def test_core_metadata_comes_back_as_it_was_dumped(metadata: CoreMetadata) -> None:
    record = dump_core_metadata(metadata)
    assert record is not None
    assert load_core_metadata(record) == metadata


def test_text_with_a_separator_is_not_dumped() -> None:
    assert dump_dependencies(Dependencies(requires=("a\x1fb",))) is None
    assert dump_dependencies(Dependencies(requires_python="\x1e")) is None


@given(st.binary(max_size=40))
def test_foreign_bytes_are_no_record_or_a_harmless_one(data: bytes) -> None:
    assert isinstance(load_dependencies(data), Dependencies | None)
    assert isinstance(load_core_metadata(data), CoreMetadata | None)


@pytest.mark.parametrize("version", ["1" + "0" * 5000, "no version", ""], ids=["long", "none", "empty"])
def test_metadata_of_no_version_is_no_record(version: str) -> None:
    fields = (("a", version, "2.1"), (), (), ())
    record = "\x1e".join("".join(f"{text}\x1f" for text in field) for field in fields).encode()
    assert load_core_metadata(record) is None
