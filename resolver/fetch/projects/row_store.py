"""The row store: project pages as they were parsed for one target, one small file each.

In: a page dumped by `dump_project_page`, with the instant up to which it may be used without a request and the
validator of its response. Out: the same, or None, which is never an error: a file that is damaged, of another version,
or written for another key is a miss, and a folder that cannot be written keeps nothing.

A store of its own, so that a warm run parses no page: hishel keeps what servers sent and serves a response in 0.5 ms
to 5 ms; a file here takes 0.06 ms. A file is written under a temporary name and renamed, without fsync, so that any
number of processes may share the folder.

What all files of the cache folder share is here, too: names that are safe as file names (`escape_for_path`), writing
without errors (`write_cache_file`), and the version of the program whose answers they hold (`find_product`,
`find_version`).
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

from lockfiles._files import remove_strays, replace_file
from lockfiles._values import dataclass
from resolver.fetch.http.responses import LONGEST_LIFETIME_S

__all__ = [
    "RowStore",
    "StoredPage",
    "escape_for_path",
    "find_product",
    "find_version",
    "is_current",
    "is_fresh",
    "write_cache_file",
]

_MAGIC = b"pfrows1\n"
_HEADER = struct.Struct("<8sIdIII")
"""Magic, CRC-32 of all that follows it, `fresh_until`, bytes of the key, of the validator and of the payload."""
_CHECKED_FROM = 12
"""The offset of the first byte that the checksum covers."""
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")
_PACKAGE = Path(__file__).parents[2]
"""The folder of `resolver`."""
_LIBRARIES = ("packaging", "resolvelib")
_LEFT_OUT = frozenset({"__pycache__", "artifacts", "cli", "sources"})
"""Folders that do not influence an answer: they build the input, which is itself a part of the key, or show results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    """A page as stored. `payload` is the dumped page, empty where the location lacks the project.

    `fresh_until` is in seconds since 1970; `validator` is that of the response, or a hash of its body. `identity` is
    the header of the file, which has a checksum of the rest: equal identities are equal pages.
    """

    fresh_until: float
    validator: str
    payload: bytes | memoryview
    identity: bytes = field(default=b"", compare=False)


class RowStore:
    """The pages of one target in a cache folder; None keeps nothing. `location` is any text that names a location."""

    def __init__(self, folder: Path | None, *, target_key: str) -> None:
        self._folder = None if folder is None else str(folder / "pages-v1" / escape_for_path(target_key))

    def read(self, location: str, name: str) -> StoredPage | None:
        """The page stored for a location and a project, or None."""
        if self._folder is None:
            return None
        try:
            with open(self._path(location, name), "rb", buffering=0) as file:  # noqa: PTH123  # as in `_path`
                data = file.read()
        except OSError:
            return None
        return _parse(memoryview(data or b""), key=_build_key(location, name))

    def find_identified(self, location: str, name: str, identity: bytes) -> StoredPage | None:
        """The stored page, if it is the one of this identity."""
        page = self.read(location, name) if identity else None
        return page if page is not None and page.identity == identity else None

    def find_fresh_identity(self, location: str, name: str, *, now: float) -> bytes | None:
        """The identity of the stored page, without reading it; None where none may be used without a request."""
        if self._folder is None:
            return None
        try:
            with open(self._path(location, name), "rb", buffering=0) as file:  # noqa: PTH123  # as in `_path`
                header = file.read(_HEADER.size) or b""
        except OSError:
            return None
        return header if is_fresh(header, now=now) else None

    def write(self, location: str, name: str, page: StoredPage) -> bytes:
        """Store a page in place of an older one. Returns its identity, which is empty without a folder."""
        if self._folder is None:
            return b""
        key, validator = _build_key(location, name), page.validator.encode()
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
    """Whether a page of this identity may be used without a request."""
    return len(identity) == _HEADER.size and is_current(_HEADER.unpack(identity)[2], now=now)


def is_current(fresh_until: float, *, now: float) -> bool:
    """Whether a page may be used without a request.

    One that would be fresh for longer than any page is was stored while the clock was wrong.
    """
    return now < fresh_until <= now + LONGEST_LIFETIME_S


def write_cache_file(path: Path, data: bytes) -> None:
    """Replace a file as a whole, or leave it unchanged where that fails: a cache that cannot be written is no error.

    Missing folders are made, for their owner alone.
    """
    with suppress(OSError):
        _remove_strays(path.parent)
        try:
            replace_file(path, data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(path, data)


@lru_cache(maxsize=256)
def _remove_strays(folder: Path) -> None:
    """Remove what killed runs left in a folder of the cache, once a run: a folder can have thousands of files."""
    remove_strays(folder)


@lru_cache(maxsize=4096)
def escape_for_path(text: str) -> str:
    """A file name that is readable and differs for different texts; very long ones end in a checksum.

    Each character outside of `[a-z0-9.-]` is its hexadecimal code between two `_`, so that no name depends on the case
    of letters, which some file systems ignore.
    """
    escaped = "".join(character if character in _PLAIN else f"_{ord(character):x}_" for character in text)
    if escaped.startswith("."):
        escaped = f"_{escaped}"
    return escaped if len(escaped) <= 200 else f"{escaped[:180]}_{zlib.crc32(text.encode()):08x}"


def find_product() -> str | None:
    """A text that changes with this program, its data and the libraries that decide answers; None if it is unreadable.

    Names, sizes and times of files are used in place of their content. The version would not suffice: it takes 10 ms to
    look up, and does not change when the source of a checkout does.
    """
    try:
        return "\n".join((sys.version, *_iter_files(_PACKAGE), *map(_read_library, _LIBRARIES)))
    except OSError:
        return None


def find_version() -> str:
    """The version of the installed distribution.

    From the name of its `dist-info` folder on `sys.path`, since `importlib.metadata` takes 10 ms.
    """
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir)  # noqa: PTH208  # the names are all that is needed
        except OSError:
            continue
        for name in names:
            if name.startswith("pinfold-") and name.endswith(".dist-info"):
                return name.removeprefix("pinfold-").removesuffix(".dist-info")
    # Lazy: only for an installation whose folder is not on `sys.path` as such.
    from importlib.metadata import version

    return version("pinfold")


def _build_key(location: str, name: str) -> bytes:
    """The key inside of a file: two long names can have one file name."""
    return f"{location}\n{name}".encode()


def _parse(data: memoryview, *, key: bytes) -> StoredPage | None:
    """The page in the content of a file; None for one that is damaged or has another key."""
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


def _iter_files(folder: Path) -> Iterator[str]:
    """Path, size and time of change of each file of the program, folder by folder. Raises OSError."""
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
    """The source of a library's first module, which has its version; it is not imported. Raises OSError."""
    found = PathFinder.find_spec(name)
    if found is None or found.origin is None:
        raise FileNotFoundError(name)
    return f"{found.origin} {Path(found.origin).read_text(encoding='utf-8')}"
