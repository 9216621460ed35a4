from __future__ import annotations

from pathlib import Path

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
)
from resolver.index.core_metadata import CoreMetadata, Dependencies


def test_records_are_read_as_they_were_added(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "new")
    store.add("a", {"1": b"one"})
    store.add("a", {"2": b""})
    again = RecordStore(tmp_path / "new")
    assert (again.find("a", "1"), again.find("a", "2"), again.find("a", "3")) == (b"one", b"", None)
    assert again.find("b", "1") is None


def test_two_stores_append_to_one_file(tmp_path: Path) -> None:
    first, second = RecordStore(tmp_path), RecordStore(tmp_path)
    assert first.find("a", "1") is second.find("a", "1") is None
    first.add("a", {"1": b"one"})
    second.add("a", {"2": b"two"})
    first.add("a", {"3": b"three"})
    again = RecordStore(tmp_path)
    assert [again.find("a", key) for key in "123"] == [b"one", b"two", b"three"]


def test_record_cut_short_ends_the_file_and_the_next_one_starts_it_anew(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    store.add("a", {"1": b"one"})
    store.add("a", {"2": b"two"})
    file = tmp_path / "a"
    file.write_bytes(file.read_bytes()[:-1])
    damaged = RecordStore(tmp_path)
    assert (damaged.find("a", "1"), damaged.find("a", "2")) == (b"one", None)
    damaged.add("a", {"3": b"three"})
    again = RecordStore(tmp_path)
    assert [again.find("a", key) for key in "123"] == [b"one", None, b"three"]


def test_every_damaged_byte_hides_its_record(tmp_path: Path) -> None:
    RecordStore(tmp_path).add("a", {"key": b"payload"})
    file = tmp_path / "a"
    intact = file.read_bytes()
    for place in range(len(intact)):
        file.write_bytes(intact[:place] + bytes([intact[place] ^ 0x41]) + intact[place + 1 :])
        assert RecordStore(tmp_path).find("a", "key") is None, place


def test_no_folder_keeps_records_for_this_process() -> None:
    store = RecordStore(None)
    store.add("a", {"1": b"one"})
    assert store.find("a", "1") == b"one"


def test_folder_that_cannot_be_written_keeps_records_for_this_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = RecordStore(tmp_path / "file")
    store.add("a", {"1": b"one"})
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
