"""Files on their way, on a disk that has no room for them."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from resolver.artifacts.downloads import Downloads
from resolver.artifacts.wanted import WantedFile
from resolver.errors import InputError
from resolver.fetch.access import Access
from resolver.fetch.http.http_session import HttpSession


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
def test_full_disk_is_told_whenever_the_system_notices(tmp_path: Path) -> None:
    import resource

    content = b"a" * 2000  # So little stays in memory until the file is closed.
    source, sha256 = tmp_path / "source.whl", hashlib.sha256(content).hexdigest()
    source.write_bytes(content)
    file = WantedFile(
        project=NormalizedName("a"), filename="a.whl", place=source, sha256=sha256, size_bytes=len(content)
    )
    downloads = Downloads(
        find_folder=lambda file: tmp_path,
        stash=tmp_path,
        client=HttpSession(Access(offline=True)),
        on_progress=lambda progress: None,
    )

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(InputError) as caught:
            downloads.fetch_all([file])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert str(caught.value) == f"`a.whl.{sha256[:16]}.part` cannot be written: file too large"
    assert not (tmp_path / "a.whl").exists()
