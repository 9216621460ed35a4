from __future__ import annotations

import io
import warnings
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.index.wheel_directory import (
    Member,
    MoreBytes,
    WheelDirectoryError,
    check_zip,
    find_metadata_member,
    read_member,
)

METADATA = b"Metadata-Version: 2.1\nName: alpha\nVersion: 1.0\n" + b"Classifier: x\n" * 200


class _Unseekable(io.RawIOBase):
    """A sink that cannot seek, so that zipfile writes data descriptors."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.content += bytes(data)  # type: ignore[call-overload]  # The buffer protocol has no type in 3.11.
        return len(memoryview(data))  # type: ignore[arg-type]  # As above.


def wheel(
    *,
    compression: int = zipfile.ZIP_DEFLATED,
    comment: bytes = b"",
    names: tuple[str, ...] = ("alpha-1.0",),
    last: bool = True,
) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", compression) as archive:
        if last:
            archive.writestr("alpha/__init__.py", b"x = 1\n" * 50)
        for name in names:
            archive.writestr(f"{name}.dist-info/METADATA", METADATA)
        archive.writestr("alpha/data.bin", bytes(range(256)))
        archive.comment = comment
    return sink.getvalue()


def member_of(data: bytes, *, first: int = 64, project: str | None = None) -> Member:
    tail = data[-first:]
    for _ in range(4):
        found = find_metadata_member(tail, size=len(data), project=project)
        if isinstance(found, Member):
            return found
        assert found.start < len(data) - len(tail)
        tail = data[found.start :]
    raise AssertionError("more than four questions for one wheel")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_metadata_is_read_from_two_ranges(compression: int) -> None:
    data = wheel(compression=compression)
    member = member_of(data)
    assert member.filename == "alpha-1.0.dist-info/METADATA"
    assert read_member(data[member.start : member.stop], member) == METADATA


def test_a_tail_that_holds_the_member_needs_no_second_range() -> None:
    data = wheel()
    member = member_of(data, first=len(data))
    assert read_member(data, member, start=0) == METADATA


def test_a_long_comment_needs_more_bytes() -> None:
    data = wheel(comment=b"c" * 30_000)
    found = find_metadata_member(data[-1000:], size=len(data))
    assert found == MoreBytes(start=max(0, len(data) - 22 - 65535))
    assert read_member(data, member_of(data), start=0) == METADATA


def test_data_descriptors_are_no_obstacle() -> None:
    sink = _Unseekable()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("alpha-1.0.dist-info/METADATA", METADATA)
        archive.writestr("alpha.py", b"")
    data = bytes(sink.content)
    member = member_of(data)
    assert read_member(data[member.start : member.stop], member) == METADATA


def test_zip64_records_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    # The limit is lowered so that zipfile itself writes zip64 records without gigabytes of content.
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    data = wheel()
    monkeypatch.undo()
    assert b"PK\x06\x06" in data
    member = member_of(data)
    assert read_member(data[member.start : member.stop], member) == METADATA


def test_an_archive_behind_other_bytes_is_understood() -> None:
    data = b"#!/bin/sh\n" + wheel()
    member = member_of(data)
    assert read_member(data[member.start : member.stop], member) == METADATA


@pytest.mark.parametrize("name", ["alpha_beta-1.0", "Alpha.Beta-1.0", "alpha-beta-1.0"])
def test_the_folder_may_spell_the_project_in_any_way(name: str) -> None:
    assert member_of(wheel(names=(name,)), project="alpha-beta").filename == f"{name}.dist-info/METADATA"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "it has no `.dist-info` folder"),
        (("alpha-1.0", "beta-2.0"), "it has several `.dist-info` folders: `alpha-1.0`, `beta-2.0`"),
        (("zzz-1.0",), "its `.dist-info` folder is that of `zzz-1.0`"),
        (("beta-alpha-1.0",), "its `.dist-info` folder is that of `beta-alpha-1.0`"),
    ],
)
def test_a_wheel_that_installers_refuse_for_its_folders_is_refused(names: tuple[str, ...], message: str) -> None:
    with pytest.raises(WheelDirectoryError) as caught:
        member_of(wheel(names=names), project="alpha")
    assert str(caught.value) == message


def test_a_folder_without_metadata_counts_and_one_further_down_does_not() -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("alpha/beta-1.0.dist-info/METADATA", METADATA)
        archive.writestr("alpha-1.0.dist-info/RECORD", b"")
    with pytest.raises(WheelDirectoryError) as caught:
        member_of(sink.getvalue(), project="alpha")
    assert str(caught.value) == "it has no `alpha-1.0.dist-info/METADATA`"


def test_bytes_that_are_no_zip_are_refused() -> None:
    with pytest.raises(WheelDirectoryError) as caught:
        find_metadata_member(b"<html>not found</html>", size=22)
    assert str(caught.value) == "no zip directory at the end of the file"


def test_a_cut_member_is_refused() -> None:
    data = wheel()
    member = member_of(data)
    with pytest.raises(WheelDirectoryError) as caught:
        read_member(data[member.start : member.stop - 20], member)
    assert str(caught.value) == "`alpha-1.0.dist-info/METADATA` is cut short"


@pytest.mark.parametrize("change", [{"size": 10}, {"size": 10_000}, {"crc": 1}])
def test_a_wrong_size_or_checksum_is_refused(change: dict[str, int]) -> None:
    data = wheel()
    member = replace(member_of(data), **change)  # type: ignore[arg-type]  # Only integer fields are changed.
    with pytest.raises(WheelDirectoryError) as caught:
        read_member(data, member, start=0)
    message = "`alpha-1.0.dist-info/METADATA` differs from the size or checksum in the directory"
    assert str(caught.value) == message


def test_an_unknown_compression_is_refused() -> None:
    with pytest.raises(WheelDirectoryError) as caught:
        data = wheel(compression=zipfile.ZIP_LZMA)
        read_member(data, member_of(data), start=0)
    assert str(caught.value) == "`alpha-1.0.dist-info/METADATA` uses compression method 14, not 0 or 8"


def test_a_claim_of_gigabytes_is_refused() -> None:
    data = wheel()
    member = replace(member_of(data), size=5_000_000_000)
    with pytest.raises(WheelDirectoryError) as caught:
        read_member(data, member, start=0)
    assert str(caught.value) == "`alpha-1.0.dist-info/METADATA` claims 5000000000 bytes"


@given(st.data())
def test_damage_is_found_or_harmless(data: st.DataObject) -> None:
    content = bytearray(wheel())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    try:
        member = member_of(bytes(content), first=len(content))
        read = read_member(bytes(content), member, start=0)
    except WheelDirectoryError:
        return
    assert read == METADATA


def wheel_of(*members: tuple[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(sink, "w") as archive:
        warnings.simplefilter("ignore")  # Of names that occur twice.
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return sink.getvalue()


OWN = ("alpha-1.0.dist-info/METADATA", METADATA)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([OWN, OWN], "it has 2 members `alpha-1.0.dist-info/METADATA`"),
        (
            [OWN, (OWN[0], METADATA + b"x")],
            "it has two members `alpha-1.0.dist-info/METADATA` that are not the same",
        ),
        ([OWN, ("a.py", b"1"), ("a.py", b"2")], "it has two members `a.py` that are not the same"),
        ([OWN, ("../a.py", b"")], "its member `../a.py` leads out of the archive"),
        ([OWN, ("a/../../b", b"")], "its member `a/../../b` leads out of the archive"),
        ([OWN, ("/etc/x", b"")], "its member `/etc/x` leads out of the archive"),
        ([OWN, ("a\\..\\b", b"")], "its member `a\\..\\b` leads out of the archive"),
        ([OWN, ("a\u202egpj.py", b"")], "its member 'a\\u202egpj.py' has characters that no file name may have"),
        ([OWN, ("a\n.py", b"")], "its member 'a\\n.py' has characters that no file name may have"),
        ([("alphabet-1.0.dist-info/METADATA", METADATA)], "its `.dist-info` folder is that of `alphabet-1.0`"),
        ([("alpha-extra-1.0.dist-info/METADATA", METADATA)], "its `.dist-info` folder is that of `alpha-extra-1.0`"),
    ],
)
def test_a_wheel_that_can_be_read_in_two_ways_is_refused(members: list[tuple[str, bytes]], message: str) -> None:
    with pytest.raises(WheelDirectoryError) as caught:
        member_of(wheel_of(*members), project="alpha")
    assert str(caught.value) == message


def test_equal_members_and_dots_in_names_do_no_harm() -> None:
    data = wheel_of(OWN, ("a..b/c.py", b"1"), ("a..b/c.py", b"1"), ("é/ü.py", b""))
    assert member_of(data, project="alpha").filename == OWN[0]


def test_a_member_whose_own_header_has_another_name_is_refused() -> None:
    data = wheel_of(OWN)
    member = member_of(data)
    forged = data[: member.start + 30] + b"beta" + data[member.start + 34 :]
    with pytest.raises(WheelDirectoryError, match="has another name itself"):
        read_member(forged[member.start : member.stop], member)


def test_a_directory_of_millions_of_members_is_refused_by_its_size() -> None:
    entry = b"PK\x01\x02" + bytes(42)
    length = len(entry) * 400_000
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff\xff\xff" + length.to_bytes(4, "little") + bytes(6)
    with pytest.raises(WheelDirectoryError, match="larger than 16777216 bytes"):
        find_metadata_member(end, size=length + len(end))
    with pytest.raises(WheelDirectoryError, match="larger than 16777216 bytes"):
        check_zip(io.BytesIO(entry * 400_000 + end))
    check_zip(io.BytesIO(wheel()))
    check_zip(io.BytesIO(b"no zip"))
