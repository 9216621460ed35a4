"""Bodies that are read into a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from resolver.errors import InputError
from resolver.fetch.bodies import hash_into


def test_body_is_written_whole_and_hashed(tmp_path: Path) -> None:
    chunks = [b"a" * 100_000, b"", b"b" * 3]
    with (tmp_path / "file").open("wb", buffering=0) as file:
        download = hash_into(chunks, file)

    assert (tmp_path / "file").read_bytes() == b"".join(chunks)
    assert (download.sha256, download.size_bytes) == (hashlib.sha256(b"".join(chunks)).hexdigest(), 100_003)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_full_disk_is_told_and_no_bug() -> None:
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(InputError) as caught:
        hash_into([b"a"], file)

    assert str(caught.value) == (
        "`/dev/full` cannot be written: no space left on device\n  try: set `TMPDIR` to a folder with more space"
    )
