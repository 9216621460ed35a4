from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from lockfiles.sha256 import hash_bytes


@given(st.binary(max_size=300))
def test_the_hash_is_that_of_hashlib(data: bytes) -> None:
    assert hash_bytes(data) == hashlib.sha256(data).hexdigest()
