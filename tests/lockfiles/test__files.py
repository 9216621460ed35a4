from __future__ import annotations

import hashlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lockfiles._files import hash_bytes, hash_file


@given(st.binary(max_size=300))
def test_the_hash_is_that_of_hashlib(data: bytes) -> None:
    assert hash_bytes(data) == hashlib.sha256(data).hexdigest()


def test_the_hash_of_a_file_is_that_of_its_content(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"pinfold" * 100_000)
    assert hash_file(path) == hash_bytes(path.read_bytes())
