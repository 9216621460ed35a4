"""The store: all that is kept between runs of what indexes answer, by key.

In: values by key, each valid up to an instant. Out: the same, or None, which is never an error: a store that cannot be
read, holds damaged values or loses some costs time, and no answer.

What is kept, under which key, and up to when it may be used without a request:

    key                                value                              valid until
    ─────────────────────────────────  ─────────────────────────────────  ─────────────────────────────────
    rows    target, location, project  validator, and the page's rows     as its headers say, a day at most
                                       for a target (none: absent)
    page    URL                        headers and body as received       as its headers say, a day at most
    records subject, project           metadata of files, by their hash   forever: such files never change
    answer  hash of the question       resolution, and the pages that it  while these pages are unchanged
                                       rests on with their identities

A location is `form URL`, followed by the id of the credentials that it is requested with (`CredentialIds`); `page` has
only what was requested without any. So no key or value holds a secret or a signed link, and none holds a path of this
machine: keys are texts and values bytes, which a store for many machines can keep as well.

An expired value stays, to be revalidated: `expire` gives it a new instant and leaves its content untouched. Hence each
value has an identity, which is its checksum and size, and does not change with the instant.

`FolderStore` keeps a file for each value in 16 folders. A file is written under a temporary name and renamed, without
fsync; so any number of processes share a folder, and one that is killed leaves a whole file or none. Files that were
used last long ago are removed when the folder grows beyond its limit. Only the folders that a run has written to are
looked through, so a run that finds everything lists no files.

The version of the program whose answers are kept is found here too (`find_product`, `find_version`).
"""

from __future__ import annotations

import os
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import field
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NamedTuple, Protocol

from lockfiles._files import hash_bytes, remove_strays, replace_file
from lockfiles._values import dataclass
from resolver.fetch.http.freshness import LONGEST_LIFETIME_S

__all__ = [
    "FOREVER",
    "HEAD_BYTES",
    "INSTANT_AT",
    "FolderStore",
    "SharedStore",
    "State",
    "Store",
    "StoredValue",
    "find_product",
    "find_value_path",
    "find_version",
    "is_current",
    "measure",
    "open_store",
    "pack_instant",
    "pack_value",
    "unpack_state",
    "unpack_value",
    "write_cache_file",
]

FOREVER = float("inf")

_FOLDER = "store-v1"
_EARLIER = ("pages-v1", "metadata-v1", "metadata-v2", "answers-v1", "kernels-v1", "archives-v1", "trees-v1")
"""Folders of earlier versions, which are removed when the store is made."""
_EARLIER_LOG = "responses-v1.log"

_HEADER = struct.Struct("<8sIQdI")
"""Magic, CRC-32 of key and value, bytes of the value; then the instant and its CRC-32."""
_INSTANT = struct.Struct("<dI")
HEAD_BYTES = _HEADER.size
"""The bytes in front of key and value, which suffice for `unpack_state`."""
INSTANT_AT = _HEADER.size - _INSTANT.size
"""Where the instant lies in an entry, which another one may be written over."""
_MAGIC = b"pfstore1"
_SHARDS = "0123456789abcdef"
_FILLED = 0.9
"""How full a folder is after it was pruned."""
_USE_S = 86_400.0
"""The use of a value is noted once a day."""
_STRAY_S = 3600.0
"""Temporary files and claims of this age belong to no run any more."""
_NOTICED_BYTES = 1024**2
"""A folder to which a run writes more is looked through."""

_PACKAGE = Path(__file__).parents[1]
"""The folder of `resolver`."""
_LIBRARIES = ("packaging", "resolvelib")
_LEFT_OUT = frozenset({"__pycache__", "artifacts", "cli", "sources"})
"""Folders that do not influence an answer: they build the input, which is itself a part of the key, or show results."""


class State(NamedTuple):
    """The instant up to which a value may be used, in seconds since 1970, and the identity of its content."""

    until: float
    identity: int


class StoredValue(NamedTuple):
    """A value with its state."""

    value: memoryview
    state: State


class Store(Protocol):
    """Values by key. No method raises: a store that fails has nothing and keeps nothing. Usable from many threads."""

    def get(self, key: str) -> StoredValue | None:
        """The value of a key, expired or not; None for none, and for one that is damaged."""
        ...

    def find_state(self, key: str) -> State | None:
        """The state of a value, without reading it."""
        ...

    def put(self, key: str, value: bytes, *, until: float) -> int:
        """Store a value in place of an older one. Returns its identity."""
        ...

    def expire(self, key: str, until: float, *, identity: int) -> None:
        """Give the value of this identity another instant; nothing happens if the key has another value by now."""
        ...

    def claim(self, key: str, *, for_s: float) -> float:
        """Announce that this process makes the value of a key; `release` it afterwards.

        Returns 0 if no other process has announced the same, else the seconds after which its claim ends at the latest.
        """
        ...

    def release(self, key: str) -> None:
        """End the claim of this process."""
        ...

    def prune(self) -> None:
        """Remove values that were not used for the longest time, if this process has written and there are too many."""
        ...


def open_store(folder: Path | None, *, limit_bytes: int) -> Store | None:
    """The store in the cache folder; None without one."""
    return None if folder is None else FolderStore(folder, limit_bytes=limit_bytes)


def is_current(until: float, *, now: float) -> bool:
    """Whether a page that is valid up to an instant may be used without a request.

    One that would be fresh for longer than any page is was stored while the clock was wrong.
    """
    return now < until <= now + LONGEST_LIFETIME_S


def measure(key: bytes, value: bytes | memoryview) -> tuple[int, int]:
    """The checksum of a key with its value, and the identity of the value."""
    checksum = zlib.crc32(value, zlib.crc32(key))
    return checksum, len(value) << 32 | checksum


def pack_value(key: str, value: bytes, *, until: float) -> tuple[bytes, int]:
    """The bytes that any store keeps for a value, and the identity of the value."""
    encoded = key.encode()
    checksum, identity = measure(encoded, value)
    return b"".join((_HEADER.pack(_MAGIC, checksum, len(value), *_stamp(until, checksum)), encoded, value)), identity


def unpack_value(key: str, entry: bytes | memoryview) -> StoredValue | None:
    """The value of a key from its bytes; None for those of another key, and for any that are damaged or cut off."""
    data = memoryview(entry)
    state = unpack_state(data)
    encoded = key.encode()
    value = data[_HEADER.size + len(encoded) :]
    if state is None or data[_HEADER.size : _HEADER.size + len(encoded)] != encoded:
        return None
    return StoredValue(value, state) if measure(encoded, value)[1] == state.identity else None


def unpack_state(data: bytes | memoryview) -> State | None:
    """The state from the head of an entry; None for one that is damaged."""
    if len(data) < _HEADER.size:
        return None
    magic, checksum, size, until, stamp = _HEADER.unpack_from(data)
    if magic != _MAGIC or stamp != _stamp(until, checksum)[1]:
        return None
    return State(until, size << 32 | checksum)


def pack_instant(until: float, *, identity: int) -> bytes:
    """The bytes at `INSTANT_AT` in the entry of a value."""
    return _INSTANT.pack(*_stamp(until, identity & 0xFFFFFFFF))


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedStore:
    """The store that all locks of a session have in common, which knows whether it shows a snapshot of the indexes.

    `salt` is that of the ids of credentials (`CredentialIds`), kept outside of the store; empty for none.
    """

    store: Store
    salt: bytes = field(default=b"", repr=False)
    is_snapshot: bool = False


class FolderStore:
    """A `Store` in the folder of the cache, which holds `limit_bytes` and what the last runs have added to them."""

    def __init__(self, folder: Path, *, limit_bytes: int = sys.maxsize) -> None:
        self._above = folder.absolute()
        # A text: joining paths of `pathlib` takes longer than reading a small file.
        self._folder = str(folder.absolute() / _FOLDER)
        self._limit_bytes = limit_bytes
        self._written: dict[str, int] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FolderStore) and other._folder == self._folder

    def __hash__(self) -> int:
        return hash(self._folder)

    def get(self, key: str) -> StoredValue | None:
        """See `Store`."""
        path = self._find_path(key)
        try:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # as in `__init__`
                data = memoryview(file.read() or b"")
                used = os.fstat(file.fileno()).st_mtime
        except OSError:
            return None
        found = unpack_value(key, data)
        if found is not None and time.time() - used > _USE_S:
            with suppress(OSError):
                os.utime(path)
        return found

    def find_state(self, key: str) -> State | None:
        """See `Store`."""
        try:
            with open(self._find_path(key), "rb", buffering=0) as file:  # noqa: PTH123  # as in `__init__`
                return unpack_state(file.read(HEAD_BYTES) or b"")
        except OSError:
            return None

    def put(self, key: str, value: bytes, *, until: float) -> int:
        """See `Store`."""
        entry, identity = pack_value(key, value, until=until)
        path = self._find_path(key)
        try:
            try:
                _replace(path, entry)
            except FileNotFoundError:
                self._make_folder(path)
                _replace(path, entry)
        except OSError:
            return identity
        shard = path[len(self._folder) + 1]
        self._written[shard] = self._written.get(shard, 0) + len(value)
        return identity

    def expire(self, key: str, until: float, *, identity: int) -> None:
        """See `Store`. The instant is written in place: the file may be one that was replaced meanwhile, or will be."""
        with suppress(OSError), open(self._find_path(key), "r+b", buffering=0) as file:  # noqa: PTH123  # as above
            state = unpack_state(file.read(HEAD_BYTES) or b"")
            if state is not None and state.identity == identity:
                file.seek(INSTANT_AT)
                file.write(pack_instant(until, identity=identity))

    def claim(self, key: str, *, for_s: float) -> float:
        """See `Store`. A claim is an empty file, and ends when it is old."""
        path = f"{self._find_path(key)}.claim"
        with suppress(OSError):
            try:
                self._create(path)
            except FileExistsError:
                age_s = time.time() - os.stat(path).st_mtime  # noqa: PTH116  # as in `__init__`
                # One from the future was made while the clock was wrong.
                if 0.0 <= age_s < for_s:
                    return for_s - age_s
                os.utime(path)
        return 0.0

    def release(self, key: str) -> None:
        """See `Store`."""
        with suppress(OSError):
            os.unlink(f"{self._find_path(key)}.claim")  # noqa: PTH108  # as in `__init__`

    def prune(self) -> None:
        """See `Store`."""
        written, self._written = self._written, {}
        limit_bytes = self._limit_bytes // len(_SHARDS)
        for number, (shard, size_bytes) in enumerate(written.items()):
            # One of them in every run that writes, and all that have grown much.
            if number == 0 or size_bytes > min(_NOTICED_BYTES, limit_bytes // 4):
                with suppress(OSError):
                    _prune(f"{self._folder}{os.sep}{shard}", limit_bytes=limit_bytes)

    def _find_path(self, key: str) -> str:
        """The path of a value's file."""
        return f"{self._above}{os.sep}{find_value_path(key)}"

    def _create(self, path: str) -> None:
        """Create an empty file. Raises FileExistsError, and OSError where it cannot be created."""
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError:
            self._make_folder(path)
            descriptor = os.open(path, flags, 0o600)
        os.close(descriptor)

    def _make_folder(self, path: str) -> None:
        """Make the folder of a file, for its owner alone; with the first one, remove what earlier versions kept."""
        if not os.path.isdir(self._folder):  # noqa: PTH112  # as in `__init__`
            _remove_earlier(self._above)
        Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        Path(self._folder).chmod(0o700)


def find_value_path(key: str) -> str:
    """The file of a value in the folder of the cache: a hash, since keys are long and hold all characters."""
    name = hash_bytes(key.encode())
    return f"{_FOLDER}{os.sep}{name[0]}{os.sep}{name[1:41]}"


def write_cache_file(path: Path, data: bytes) -> None:
    """Replace a file as a whole, or leave it unchanged where that fails: a cache that cannot be written is no error.

    Missing folders are made, for their owner alone.
    """
    with suppress(OSError):
        remove_strays(path.parent)
        try:
            replace_file(path, data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(path, data)


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


def _stamp(until: float, checksum: int) -> tuple[float, int]:
    """An instant and its checksum, which is also one of the value that the instant belongs to."""
    return until, zlib.crc32(struct.pack("<dI", until, checksum))


def _replace(path: str, data: bytes) -> None:
    """Write a file under a temporary name and rename it. Raises OSError."""
    temporary = f"{path}.{os.urandom(6).hex()}.tmp"
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)
        os.replace(temporary, path)  # noqa: PTH105  # as in `FolderStore`
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108  # as above
        raise


def _prune(folder: str, *, limit_bytes: int) -> None:
    """Remove what killed runs left, and the files that were used first until a folder is within its limit.

    Another process may remove them at the same moment. Raises OSError.
    """
    files: list[tuple[float, int, str]] = []
    before = time.time() - _STRAY_S
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                if not entry.name.endswith((".tmp", ".claim")):
                    files.append((found.st_mtime, found.st_size, entry.path))
                elif found.st_mtime < before:
                    os.unlink(entry.path)  # noqa: PTH108  # a directory entry has its path as a text
    total = sum(size for _, size, _ in files)
    if total <= limit_bytes:
        return
    for _, size, path in sorted(files):
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108  # as above
        total -= size
        if total <= limit_bytes * _FILLED:
            return


def _remove_earlier(folder: Path) -> None:
    """Remove the caches of earlier versions, which this one does not read."""
    for name in _EARLIER:
        if (folder / name).is_dir():
            # Lazy: once for each cache folder.
            from shutil import rmtree

            rmtree(folder / name, ignore_errors=True)
    with suppress(OSError):
        (folder / _EARLIER_LOG).unlink(missing_ok=True)


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
