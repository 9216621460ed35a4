"""The record store: data that never changes, by key; and the form of core metadata and dependencies in it.

In: records of a project, by key. Out: the same, or None, which is never an error.

One file a project, to which records are appended, and which is read whole when its first record is looked up. The core
metadata of a distribution file is immutable, and a warm run reads that of hundreds of versions: one file each would
cost more to open than to read. Two processes may append at once: all new records of a call are one `write` to a file
opened for appending. A damaged record ends the file: later ones are fetched again, and the next record written starts
a new file.

Core metadata and dependencies are stored as texts: fields are separated by the ASCII record separator, items by the
unit separator. Reading that needs no parser, and runs no code as unpickling would. Text that holds either separator,
which no usual metadata does, is not stored.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from resolver.fetch.projects.row_store import escape_for_path, write_cache_file
from resolver.index.core_metadata import CoreMetadata, Dependencies

__all__ = [
    "FileState",
    "RecordStore",
    "dump_core_metadata",
    "dump_dependencies",
    "dump_texts",
    "load_core_metadata",
    "load_dependencies",
    "load_texts",
]

_RECORD = struct.Struct("<4sIII")
"""The head of a record: magic, CRC-32 of key and payload, bytes of the key, bytes of the payload."""
_MAGIC = b"pfr1"
_FIELD, _ITEM = "\x1e", "\x1f"

FileState = tuple[int, int]
"""Size and time of change (ns) of a project's file. It only grows or is replaced, so equal states are equal records."""
_ABSENT: FileState = (0, 0)


class RecordStore:
    """Records by project and key in a folder; None keeps them for this process only. May be used from many threads."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        # One lock a project: files are written under it, and threads must not wait for those of others.
        self._locks: dict[str, threading.Lock] = {}
        self._records: dict[str, dict[bytes, bytes]] = {}
        self._damaged: set[str] = set()
        self._states: dict[str, FileState | None] = {}

    def find(self, project: str, key: str) -> bytes | None:
        """The record of a key, or None. The first call for a project reads its file."""
        return self._read(project).get(key.encode())

    def add(self, project: str, new: Mapping[str, bytes]) -> None:
        """Keep records by key. A folder that cannot be written to keeps them for this process only.

        Pass all of them in one call: opening a file takes longer than writing it.
        """
        records = self._read(project)
        added = {key.encode(): payload for key, payload in new.items()}
        with self._find_lock(project):
            records.update(added)
            if self._folder is None or not added:
                return
            path = self._folder / escape_for_path(project)
            if project in self._damaged:
                # All records that could be read are written again, without the damaged end.
                self._damaged.discard(project)
                write_cache_file(path, b"".join(_render(*record) for record in records.items()))
                self._states[project] = None
            else:
                data = b"".join(_render(*record) for record in added.items())
                self._states[project] = _append(path, data, known=self._states.get(project))

    def find_state(self, project: str) -> FileState | None:
        """The state of the project's file with all that was read and added.

        None where that is unknown: after damage, where another process has written too, or without a folder.
        """
        return self._states.get(project)

    def has_state(self, project: str, state: FileState) -> bool:
        """Whether the project's file is in that state now; its records are not read."""
        if self._folder is None:
            return False
        try:
            found = os.stat(self._folder / escape_for_path(project))  # noqa: PTH116  # half the time
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == state

    def _read(self, project: str) -> dict[bytes, bytes]:
        """The records of a project, which are read from its file once."""
        # Without the lock first: a warm run looks up each project many times.
        records = self._records.get(project)
        if records is not None:
            return records
        with self._find_lock(project):
            records = self._records.get(project)
            if records is None:
                folder = self._folder
                data, state = (b"", None) if folder is None else _read_file(folder / escape_for_path(project))
                records, intact = _parse(data)
                self._records[project] = records
                self._states[project] = state if intact else None
                if not intact:
                    self._damaged.add(project)
            return records

    def _find_lock(self, project: str) -> threading.Lock:
        """The lock of a project; `setdefault` is one step, so that two threads get the same one."""
        return self._locks.setdefault(project, threading.Lock())


def dump_dependencies(dependencies: Dependencies) -> bytes | None:
    """The record of what a file needs under a target, or None for texts that cannot be stored.

    Fields: whether it was built or is unverified, with `Requires-Python` if there is one; the requirements; and one for
    each extra, its name first.
    """
    python = dependencies.requires_python
    origin = "built" if dependencies.built else "unverified" if dependencies.unverified else ""
    head = (origin, *(() if python is None else (python,)))
    extras = ((name, *texts) for name, texts in dependencies.extras.items())
    return _join((head, dependencies.requires, *extras))


def load_dependencies(record: bytes) -> Dependencies | None:
    """What `dump_dependencies` dumped; None for any other bytes."""
    fields = _split(record)
    if len(fields) < 2 or not 1 <= len(fields[0]) <= 2 or not all(fields[2:]):
        return None
    head, requires, *extras = fields
    return Dependencies(
        requires=requires,
        extras={NormalizedName(extra[0]): extra[1:] for extra in extras},
        requires_python=head[1] if len(head) == 2 else None,
        built=head[0] == "built",
        unverified=head[0] == "unverified",
    )


def dump_texts(texts: tuple[str, ...]) -> bytes | None:
    """The record of texts, or None for some that cannot be stored."""
    return _join((texts,))


def load_texts(record: bytes) -> tuple[str, ...] | None:
    """What `dump_texts` dumped; None for any other bytes."""
    fields = _split(record)
    return fields[0] if len(fields) == 1 else None


def dump_core_metadata(metadata: CoreMetadata) -> bytes | None:
    """The record of core metadata, or None for texts that cannot be stored.

    Fields: name, version, metadata version and, if there is one, `Requires-Python`; `Requires-Dist`; extras; dynamic
    fields.
    """
    python = metadata.requires_python
    head = (metadata.name, str(metadata.version), metadata.metadata_version, *(() if python is None else (python,)))
    return _join((head, metadata.requires_dist, metadata.provides_extra, tuple(sorted(metadata.dynamic))))


def load_core_metadata(record: bytes) -> CoreMetadata | None:
    """What `dump_core_metadata` dumped; None for any other bytes."""
    fields = _split(record)
    if len(fields) != 4 or not 3 <= len(fields[0]) <= 4:
        return None
    head, requires_dist, extras, dynamic = fields
    try:
        version = Version(head[1])
    except InvalidVersion:
        return None
    return CoreMetadata(
        name=NormalizedName(head[0]),
        version=version,
        metadata_version=head[2],
        requires_dist=requires_dist,
        requires_python=head[3] if len(head) == 4 else None,
        provides_extra=tuple(NormalizedName(extra) for extra in extras),
        dynamic=frozenset(dynamic),
    )


def _read_file(path: Path) -> tuple[bytes, FileState | None]:
    """The content of a file with its state; None for the state where another process has written meanwhile."""
    try:
        with path.open("rb", buffering=0) as file:
            found = os.fstat(file.fileno())
            data = file.read() or b""
    except FileNotFoundError:
        return b"", _ABSENT
    except OSError:
        return b"", None
    return data, (found.st_size, found.st_mtime_ns) if found.st_size == len(data) else None


def _append(path: Path, data: bytes, *, known: FileState | None) -> FileState | None:
    """Append records. Returns the state afterwards; None where another process has written since the known one."""
    try:
        try:
            file = path.open("ab", buffering=0)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = path.open("ab", buffering=0)
        with file:
            before = os.fstat(file.fileno())
            file.write(data)
            after = os.fstat(file.fileno())
    except OSError:
        return None  # A cache that cannot be written is no error.
    # The file has no records but those of this process if nothing was added before this write, nor during it.
    is_known = known == (before.st_size, before.st_mtime_ns) or (known == _ABSENT and before.st_size == 0)
    is_ours = after.st_size == before.st_size + len(data)
    return (after.st_size, after.st_mtime_ns) if is_known and is_ours else None


def _render(key: bytes, payload: bytes) -> bytes:
    """A record as it is in the file."""
    body = key + payload
    return _RECORD.pack(_MAGIC, zlib.crc32(body), len(key), len(payload)) + body


def _parse(data: bytes) -> tuple[dict[bytes, bytes], bool]:
    """The records up to the first damaged one, and whether none was damaged. Of equal keys the last one counts."""
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        if at + _RECORD.size > len(data):
            return records, False
        magic, checksum, key_length, payload_length = _RECORD.unpack_from(data, at)
        key_at = at + _RECORD.size
        payload_at = key_at + key_length
        at = payload_at + payload_length
        if magic != _MAGIC or at > len(data) or zlib.crc32(data[key_at:at]) != checksum:
            return records, False
        records[data[key_at:payload_at]] = data[payload_at:at]
    return records, True


def _join(fields: tuple[tuple[str, ...], ...]) -> bytes | None:
    """Fields of texts as one record; None where a text holds a separator."""
    for field in fields:
        for text in field:
            if _FIELD in text or _ITEM in text:
                return None
    # An item is followed by its separator, so that a field of no items differs from one of an empty item.
    return _FIELD.join("".join(f"{text}{_ITEM}" for text in field) for field in fields).encode()


def _split(record: bytes) -> list[tuple[str, ...]]:
    """The fields of a record; none for bytes that are no text."""
    try:
        fields = record.decode().split(_FIELD)
    except UnicodeDecodeError:
        return []
    return [tuple(field.split(_ITEM)[:-1]) for field in fields]
