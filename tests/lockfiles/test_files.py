from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockfiles._files import hash_bytes, hash_file, replace_file


@given(st.binary(max_size=300))
def test_the_hash_is_that_of_hashlib(data: bytes) -> None:
    assert hash_bytes(data) == hashlib.sha256(data).hexdigest()


def test_the_hash_of_a_file_is_that_of_its_content(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"pinfold" * 100_000)
    assert hash_file(path) == hash_bytes(path.read_bytes())


def test_a_replaced_file_has_the_new_content_and_the_given_mode(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.write_bytes(b"old")
    replace_file(path, b"new", mode=0o640, is_durable=True)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_replacement_that_fails_leaves_no_file_beside_the_target(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "file").touch()
    with pytest.raises(OSError, match="irectory"):
        replace_file(target, b"new")
    assert list(tmp_path.iterdir()) == [target]
