"""Places and the journal in them: files as a whole, in a folder and in a bucket of a real S3 API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resolver.errors import InputError
from resolver.fleet.journal import DONE, FAILED, Journal, Place, open_place


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return open_place(str(tmp_path / "out"))
    return open_place(f"{request.getfixturevalue('bucket')}/{tmp_path.name}")


def test_place_has_what_was_written(place: Place) -> None:
    place.write("a/pylock.toml", b"one")
    place.write("a/b/pylock.toml", b"two")
    place.write("a/pylock.toml", b"three")

    assert sorted(place.list_names()) == ["a/b/pylock.toml", "a/pylock.toml"]
    assert sorted(place.list_names("a/b")) == ["a/b/pylock.toml"]
    assert (place.read("a/pylock.toml"), place.read("b"), place.read("a/c")) == (b"three", None, None)


def test_place_without_files_lists_none(place: Place) -> None:
    assert list(place.list_names()) == []
    place.write("a", b"")
    place.remove("a")
    place.remove("a")
    assert list(place.list_names()) == []


def test_journal_knows_what_is_done_and_what_failed(place: Place) -> None:
    journal = Journal(place)
    journal.write("1" * 64, b'{"n": 1}', state=FAILED)
    journal.write("2" * 64, b'{"n": 2}', state=DONE)
    journal.write("1" * 64, b'{"n": 3}', state=DONE)

    assert journal.list_keys() == {"1" * 64, "2" * 64}
    assert journal.list_keys(FAILED) == {"1" * 64}
    assert journal.read("1" * 64) == {"n": 3}
    journal.forget("1" * 64)
    assert (journal.read("1" * 64), journal.list_keys(FAILED)) == (None, frozenset())


@pytest.mark.parametrize("data", [b"", b'{"n": ', b"[]", b"\xff"])
def test_damaged_result_counts_as_none(tmp_path: Path, data: bytes) -> None:
    journal = Journal(open_place(str(tmp_path)))
    journal.write("key", data, state=DONE)

    assert journal.read("key") is None


def test_file_url_is_a_folder(tmp_path: Path) -> None:
    open_place(tmp_path.as_uri()).write("a", b"1")

    assert (tmp_path / "a").read_bytes() == b"1"


def test_folder_has_no_half_files_of_writers_that_died(tmp_path: Path) -> None:
    place = open_place(str(tmp_path))
    (tmp_path / ".pylock.toml.0123456789ab.tmp").write_bytes(b"half")

    assert list(place.list_names()) == []
    place.write("pylock.toml", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["pylock.toml"]


def test_output_with_a_login_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        open_place("s3://me:canary@bucket/locks")

    assert "holds a login, which would travel to other machines" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_output_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="`nothing://bucket` cannot be used"):
        open_place("nothing://bucket")


def test_output_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")

    with pytest.raises(InputError, match="cannot be written: file exists"):
        open_place(str(tmp_path / "out")).write("a", json.dumps({}).encode())
