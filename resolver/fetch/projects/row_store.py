"""Project pages as they were parsed for one target: one small file each, so that a warm run parses nothing.

hishel keeps what servers said; this keeps what was made of it, with the instant up to which it may be used unasked and
the validator of the answer behind it. hishel serves a response in 0.5 ms to 5 ms, a file here takes 0.06 ms.

A file is written to a temporary name and renamed, without fsync: any number of processes may share the folder. Whatever
is damaged, of another version, or written for another key is a miss.

What this program is: a text that changes with its code, its data, and the libraries that decide answers.
"""

from __future__ import annotations

import os
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import field
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path

from lockfiles._files import replace_file
from lockfiles._values import dataclass

__all__ = [
    "RowStore",
    "StoredPage",
    "escape_for_path",
    "find_product",
    "find_version",
    "is_fresh",
    "write_cache_file",
]


_MAGIC = b"pfrows1\n"
_HEADER = struct.Struct("<8sIdIII")
_CHECKED_FROM = 12
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    """A page as stored. `payload` is the dumped page, empty where the location lacks the project.

    `fresh_until` is in seconds since 1970; `validator` is the answer's own, or a hash of its body. `identity` are the
    first bytes of its file, with a checksum of the rest.
    """

    fresh_until: float
    validator: str
    payload: bytes | memoryview
    identity: bytes = field(default=b"", compare=False)


class RowStore:
    """The pages of one target in a folder; None keeps nothing."""

    def __init__(self, folder: Path | None, *, target_key: str) -> None:
        self._folder = None if folder is None else str(folder / "pages-v1" / escape_for_path(target_key))

    def read(self, location: str, name: str) -> StoredPage | None:
        """The page stored for a location's URL and a project, or None."""
        if self._folder is None:
            return None
        try:
            with open(self._path(location, name), "rb", buffering=0) as file:  # noqa: PTH123 - as in `_path`
                data = file.read()
        except OSError:
            return None
        return _parse(memoryview(data or b""), key=_key(location, name))

    def find_fresh_identity(self, location: str, name: str, *, now: float) -> bytes | None:
        """The identity of the page that is stored, without reading it; None where none may be used unasked."""
        if self._folder is None:
            return None
        try:
            with open(self._path(location, name), "rb", buffering=0) as file:  # noqa: PTH123 - as in `_path`
                header = file.read(_HEADER.size) or b""
        except OSError:
            return None
        return header if is_fresh(header, now=now) else None

    def write(self, location: str, name: str, page: StoredPage) -> bytes:
        """Store a page in place of what was there; its identity. A folder that cannot be written to keeps nothing."""
        if self._folder is None:
            return b""
        key, validator = _key(location, name), page.validator.encode()
        rest = b"".join((key, validator, page.payload))
        header = _HEADER.pack(_MAGIC, 0, page.fresh_until, len(key), len(validator), len(page.payload))
        checksum = zlib.crc32(rest, zlib.crc32(header[_CHECKED_FROM:]))
        header = _HEADER.pack(_MAGIC, checksum, page.fresh_until, len(key), len(validator), len(page.payload))
        write_cache_file(Path(self._path(location, name)), header + rest)
        return header

    def _path(self, location: str, name: str) -> str:
        # A text: joining paths of `pathlib` takes longer than reading a small page.
        return f"{self._folder}{os.sep}{escape_for_path(location)}{os.sep}{escape_for_path(name)}"


def is_fresh(identity: bytes, *, now: float) -> bool:
    """Whether a page of this identity may be used unasked."""
    if len(identity) != _HEADER.size:
        return False
    fresh_until: float = _HEADER.unpack(identity)[2]
    return fresh_until > now


def write_cache_file(path: Path, data: bytes) -> None:
    """Replace a file as a whole, or leave it as it is where that fails: a cache that cannot be written is no error."""
    with suppress(OSError):
        try:
            replace_file(path, data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(path, data)


@lru_cache(maxsize=4096)
def escape_for_path(text: str) -> str:
    """A file name that is readable and differs for different texts; very long ones end in a checksum.

    `_` stands before the hexadecimal code of each character that is not in `[a-z0-9.-]`.
    """
    escaped = "".join(character if character in _PLAIN else f"_{ord(character):x}_" for character in text)
    if escaped.startswith("."):
        escaped = f"_{escaped}"
    return escaped if len(escaped) <= 200 else f"{escaped[:180]}_{zlib.crc32(text.encode()):08x}"


def _key(location: str, name: str) -> bytes:
    return f"{location}\n{name}".encode()


def _parse(data: memoryview, *, key: bytes) -> StoredPage | None:
    if len(data) < _HEADER.size:
        return None
    magic, checksum, fresh_until, key_length, validator_length, payload_length = _HEADER.unpack_from(data)
    validator_at = _HEADER.size + key_length
    payload_at = validator_at + validator_length
    if magic != _MAGIC or len(data) != payload_at + payload_length or data[_HEADER.size : validator_at] != key:
        return None
    if zlib.crc32(data[_CHECKED_FROM:]) != checksum:
        return None
    validator = str(data[validator_at:payload_at], "utf-8")
    return StoredPage(
        fresh_until=fresh_until,
        validator=validator,
        payload=data[payload_at:],
        identity=bytes(data[: _HEADER.size]),
    )


_LIBRARIES = ("packaging", "resolvelib")
_LEFT_OUT = frozenset({"__pycache__", "artifacts", "cli", "sources"})
"""What decides no answer: it makes the question, which stands beside the program in every key, or shows the answer."""


def find_product() -> str | None:
    """The text, or None where it cannot be told. Names, sizes and times of files stand for what is in them.

    Looking the version up takes 10 ms, and would not tell a tree that is being worked on from the one before.
    """
    try:
        return "\n".join((sys.version, *_iter_files(Path(__file__).parent.parent), *map(_read_library, _LIBRARIES)))
    except OSError:
        return None


def find_version() -> str:
    """The version of the installed distribution.

    Read from the name of its `dist-info` folder, wherever modules come from: `importlib.metadata` takes 10 ms.
    """
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir)  # noqa: PTH208 - names are all that is wanted
        except OSError:
            continue
        for name in names:
            if name.startswith("pinfold-") and name.endswith(".dist-info"):
                return name.removeprefix("pinfold-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version("pinfold")


def _iter_files(folder: Path) -> Iterator[str]:
    folders = [str(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_dir():
                    if entry.name not in _LEFT_OUT:
                        folders.append(entry.path)
                else:
                    found = entry.stat()
                    yield f"{entry.path} {found.st_size} {found.st_mtime_ns}"


def _read_library(name: str) -> str:
    """The first module of a library, in which its version stands; it is not imported. Raises OSError."""
    found = PathFinder.find_spec(name)
    if found is None or found.origin is None:
        raise FileNotFoundError(name)
    return f"{found.origin} {Path(found.origin).read_text(encoding='utf-8')}"
