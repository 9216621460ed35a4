"""Unpacking an sdist, of which nothing may land outside its folder."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path

from resolver.index.sdist_archive import SdistArchiveError

__all__ = ["unpack_sdist"]


def unpack_sdist(archive: Path, into: Path, *, filename: str | None = None) -> Path:
    """The top folder of an sdist that was unpacked into an empty folder. Raises SdistArchiveError.

    `filename` says the format where that of `archive` does not.
    """
    name = filename or archive.name
    try:
        if name.endswith(".zip"):
            with zipfile.ZipFile(archive) as file:
                file.extractall(into)
        else:
            _unpack_tar(archive, into)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as error:
        # tarfile adds a line for each format that it tried.
        why = str(error).partition("\n")[0].rstrip(":")
        raise SdistArchiveError(f"`{name}` cannot be unpacked: {why}") from error
    found = list(into.iterdir())
    return found[0] if len(found) == 1 and found[0].is_dir() else into


def _unpack_tar(archive: Path, into: Path) -> None:
    if not hasattr(tarfile, "data_filter"):
        raise SdistArchiveError("the running Python has no safe way to unpack a tar: 3.11.4 and later have")
    with tarfile.open(archive) as file:
        # PEP 706: no absolute paths, no links or members that lead outside, no devices.
        file.extractall(into, filter="data")
