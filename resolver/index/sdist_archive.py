"""The two files at the top of an sdist that say what it is: PKG-INFO and pyproject.toml.

In: an open archive and its file name. Out: their bytes. Nothing is written to disk, so a member's path cannot do harm.
Format: source distribution format, and the zip and tar archives of older uploads.
"""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from typing import BinaryIO

from lockfiles.value_classes import dataclass

__all__ = ["SdistArchiveError", "SdistFiles", "read_sdist"]

_LIMIT_BYTES = 32 * 1024 * 1024
_WANTED = ("PKG-INFO", "pyproject.toml")


class SdistArchiveError(ValueError):
    """The archive cannot be read; the text says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SdistFiles:
    """`pkg_info` and `pyproject` are None where the archive has no such file in its top folder."""

    pkg_info: bytes | None
    pyproject: bytes | None


def read_sdist(archive: BinaryIO, *, filename: str) -> SdistFiles:
    """PKG-INFO and pyproject.toml of the top folder. The archive is read once, forwards if it is a tar.

    Raises SdistArchiveError.
    """
    try:
        found = _read_zip(archive) if filename.endswith(".zip") else _read_tar(archive)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as error:
        raise SdistArchiveError(f"`{filename}` is not a readable archive: {error}") from error
    return SdistFiles(pkg_info=found.get("PKG-INFO"), pyproject=found.get("pyproject.toml"))


def _read_tar(archive: BinaryIO) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=archive, mode="r|*") as tar:
        for member in tar:
            wanted = _wanted(member.name)
            stream = tar.extractfile(member) if wanted is not None and member.isreg() else None
            if wanted is not None and stream is not None:
                found[wanted] = _bounded(member.name, member.size, stream.read(_LIMIT_BYTES + 1))
            if len(found) == len(_WANTED):
                break
    return found


def _read_zip(archive: BinaryIO) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            wanted = _wanted(member.filename)
            if wanted is not None:
                with file.open(member) as stream:
                    found[wanted] = _bounded(member.filename, member.file_size, stream.read(_LIMIT_BYTES + 1))
    return found


def _wanted(path: str) -> str | None:
    """The wanted file's name when `path` is that file in a top folder, else None."""
    folder, _, name = path.removeprefix("./").partition("/")
    return name if folder and name in _WANTED else None


def _bounded(path: str, size: int, content: bytes) -> bytes:
    if max(size, len(content)) > _LIMIT_BYTES:
        raise SdistArchiveError(f"`{path}` is larger than {_LIMIT_BYTES} bytes")
    return content
