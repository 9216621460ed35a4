"""A file that is on its way, on a disk that has no room for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from resolver.artifacts.downloads import PartialFile
from resolver.errors import InputError


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
def test_full_disk_is_told_whenever_the_system_notices(tmp_path: Path) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(InputError) as caught, PartialFile(tmp_path / "a.part") as partial:
            partial.write(b"a" * 2000)  # Which stays in memory until the file is closed.
            partial.move_to(tmp_path / "a.whl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert str(caught.value) == "`a.part` cannot be written: file too large"
    assert not (tmp_path / "a.whl").exists()
