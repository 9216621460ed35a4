"""Unpacking sdists: what they hold, and nothing outside the folder."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from resolver.fetch.unpacking import unpack_sdist
from resolver.index.sdist_archive import SdistArchiveError
from tests.distributions import make_sdist


def write_tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            content = b"x" if member.isreg() else b""
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def build_member(name: str, kind: bytes = tarfile.REGTYPE, *, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode = kind, target, mode
    return member


def unpack(tmp_path: Path, archive: Path) -> Path:
    into = tmp_path / "deep" / "into"
    into.mkdir(parents=True)
    return unpack_sdist(archive, into)


def test_top_folder_is_the_tree(tmp_path: Path) -> None:
    archive = tmp_path / "a-1.0.tar.gz"
    archive.write_bytes(make_sdist("a", "1.0", files={"src/a.py": b"1"}))
    tree = unpack(tmp_path, archive)
    assert tree.name == "a-1.0"
    assert (tree / "src" / "a.py").read_bytes() == b"1"


def test_archive_without_a_top_folder_is_a_tree_itself(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a.tar.gz", build_member("setup.py"), build_member("a.py"))
    assert sorted(path.name for path in unpack(tmp_path, archive).iterdir()) == ["a.py", "setup.py"]


def test_zip_is_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "a-1.0.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a-1.0/setup.py", "1")
        file.writestr("a-1.0/../../outside", "1")
    tree = unpack(tmp_path, archive)
    assert sorted(path.name for path in tree.iterdir()) == ["outside", "setup.py"]
    assert not list(tmp_path.glob("outside"))
    assert not list((tmp_path / "deep").glob("outside"))


def test_executable_file_stays_one_and_gets_no_more(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a.tar.gz", build_member("a/run", mode=0o4755), build_member("a/data", mode=0o666))
    tree = unpack(tmp_path, archive)
    assert [(tree / name).stat().st_mode & 0o7777 for name in ("run", "data")] == [0o755, 0o644]


@pytest.mark.parametrize(
    "member",
    [
        build_member("a/../../outside"),
        build_member("a/link", tarfile.SYMTYPE, target="../../outside"),
        build_member("a/link", tarfile.SYMTYPE, target="/etc/passwd"),
        build_member("a/link", tarfile.LNKTYPE, target="../outside"),
        build_member("a/pipe", tarfile.FIFOTYPE),
        build_member("a/device", tarfile.CHRTYPE),
    ],
    ids=["path", "link", "absolute link", "hard link", "pipe", "device"],
)
def test_member_that_leads_outside_is_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    archive = write_tar(tmp_path / "a.tar.gz", build_member("a/setup.py"), member)
    with pytest.raises(SdistArchiveError, match=r"^`a\.tar\.gz` cannot be unpacked: "):
        unpack(tmp_path, archive)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.gz", "deep"]


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip"])
def test_broken_archive_is_named(tmp_path: Path, name: str) -> None:
    archive = tmp_path / name
    archive.write_bytes(b"nothing of the kind")
    with pytest.raises(SdistArchiveError, match=f"^`{name}` cannot be unpacked: "):
        unpack(tmp_path, archive)
