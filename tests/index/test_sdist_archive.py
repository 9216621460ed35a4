from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from resolver.index.sdist_archive import SdistArchiveError, SdistFiles, read_sdist
from tests.foreign_words import find_words


def tar(files: dict[str, bytes], mode: str = "w:gz") -> io.BytesIO:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode) as archive:  # type: ignore[call-overload]  # The mode is a variable.
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    sink.seek(0)
    return sink


FILES = {
    "alpha-1.0/alpha.egg-info/PKG-INFO": b"not this one",
    "alpha-1.0/PKG-INFO": b"Metadata-Version: 2.2\n",
    "alpha-1.0/pyproject.toml": b"[build-system]\n",
    "alpha-1.0/src/x.py": b"",
}
EXPECTED = SdistFiles(pkg_info=b"Metadata-Version: 2.2\n", pyproject=b"[build-system]\n")


@pytest.mark.parametrize(
    ("mode", "filename"),
    [
        ("w:gz", "alpha-1.0.tar.gz"),
        ("w:bz2", "alpha-1.0.tar.bz2"),
        ("w:xz", "alpha-1.0.tar.xz"),
        ("w:gz", "alpha-1.0.tgz"),
    ],
)
def test_a_tar_gives_the_files_of_its_top_folder(mode: str, filename: str) -> None:
    assert read_sdist(tar(FILES, mode), filename=filename) == EXPECTED


def test_a_zip_gives_the_files_of_its_top_folder() -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for path, content in FILES.items():
            archive.writestr(path, content)
    assert read_sdist(sink, filename="alpha-1.0.zip") == EXPECTED


def test_a_missing_file_is_none() -> None:
    assert read_sdist(tar({"./alpha-1.0/setup.py": b""}), filename="alpha-1.0.tar.gz") == SdistFiles(
        pkg_info=None, pyproject=None
    )


def test_bytes_that_are_no_archive_are_refused() -> None:
    with pytest.raises(SdistArchiveError) as caught:
        read_sdist(io.BytesIO(b"<html>"), filename="alpha-1.0.zip")
    reason = find_words(lambda: zipfile.ZipFile(io.BytesIO(b"<html>")))
    assert str(caught.value) == f"`alpha-1.0.zip` is not a readable archive: {reason}"


def test_a_cut_tar_is_refused() -> None:
    data = tar(FILES).getvalue()
    with pytest.raises(SdistArchiveError):
        read_sdist(io.BytesIO(data[: len(data) // 2]), filename="alpha-1.0.tar.gz")
