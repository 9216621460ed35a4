"""What the store keeps of projects: their pages as rows for a target, and records of facts that never change.

In: a page dumped by `dump_project_page`, or records of a project, by key. Out: the same, or None, which is never an
error.

Rows lie beside the responses, so that a warm run parses no page: reading a row takes 0.06 ms. A page that a server
confirms gets a new instant in place, which takes 0.02 ms; its content stays as it was.

Records: the store has one value for each subject and project, which holds all of its records and is read whole when the
first of them is looked up. The core metadata of a file is immutable, and a warm run reads that of hundreds of versions:
a value each would cost more to open than to read. New records are written when the run ends, or the process
that holds them would write each value once for every file of a long search. What a killed run had not written is
fetched again. Values that another process has written meanwhile are read first, and their records kept.

Core metadata and dependencies are stored as texts: fields are separated by the ASCII record separator, items by the
unit separator. Reading that needs no parser, and runs no code as unpickling would. Text that holds either separator,
which no usual metadata does, is not stored.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Mapping
from weakref import WeakValueDictionary

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.fetch.store import FOREVER, State, Store
from resolver.index.core_metadata import CoreMetadata, Dependencies

__all__ = [
    "RecordStore",
    "RowStore",
    "StoredPage",
    "dump_core_metadata",
    "dump_dependencies",
    "dump_texts",
    "load_core_metadata",
    "load_dependencies",
    "load_texts",
    "open_records",
]

_RECORD = struct.Struct("<II")
"""The head of a record: bytes of the key, bytes of the payload."""
_HEAD = struct.Struct("<?I")
"""Whether the page came from its own URL, without a redirect; bytes of the validator."""
_FIELD, _ITEM = "\x1e", "\x1f"

_OPEN: WeakValueDictionary[tuple[Store, str], RecordStore] = WeakValueDictionary()
_OPENING = threading.Lock()


def open_records(store: Store | None, subject: str) -> RecordStore:
    """The records of a subject (`metadata`, `archives`): the same object for all that use an equal store at one time.

    So the targets of a run have each other's records at once. Without a store they are kept for one user alone.
    """
    if store is None:
        return RecordStore(None, subject)
    with _OPENING:
        found = _OPEN.get((store, subject))
        if found is None:
            found = _OPEN[store, subject] = RecordStore(store, subject)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    """A page as stored. `payload` is the dumped page, empty where the location lacks the project.

    `fresh_until` is in seconds since 1970; `validator` is that of the response, or a hash of its body, and empty for an
    absent page. `is_checkable` is whether a plain request for the URL of the page tells if it is unchanged.
    """

    fresh_until: float
    validator: str
    payload: bytes | memoryview
    is_checkable: bool = True


class RowStore:
    """The pages of one target in a store; None keeps nothing. `location` is any text that names a location.

    Each page has an identity, equal for equal content, whatever the instant; it is 0 for a page that is not kept.
    """

    def __init__(self, store: Store | None, *, target_key: str) -> None:
        self._store = store
        self._prefix = f"rows\n{target_key}\n"

    def read(self, location: str, name: str) -> tuple[StoredPage, int] | None:
        """The page stored for a location and a project, with its identity; or None."""
        entry = None if self._store is None else self._store.get(self.find_key(location, name))
        if entry is None or len(entry.value) < _HEAD.size:
            return None
        is_checkable, length = _HEAD.unpack_from(entry.value)
        payload_at = _HEAD.size + length
        try:
            validator = str(entry.value[_HEAD.size : payload_at], "utf-8")
        except UnicodeDecodeError:
            return None
        page = StoredPage(
            fresh_until=entry.state.until,
            validator=validator,
            payload=entry.value[payload_at:],
            is_checkable=is_checkable,
        )
        return page, entry.state.identity

    def find_state(self, location: str, name: str) -> State | None:
        """The instant and the identity of the stored page, without reading it."""
        return None if self._store is None else self._store.find_state(self.find_key(location, name))

    def write(self, location: str, name: str, page: StoredPage) -> int:
        """Store a page in place of an older one. Returns its identity."""
        if self._store is None:
            return 0
        validator = page.validator.encode()
        value = b"".join((_HEAD.pack(page.is_checkable, len(validator)), validator, page.payload))
        return self._store.put(self.find_key(location, name), value, until=page.fresh_until)

    def renew(self, location: str, name: str, fresh_until: float, *, identity: int) -> None:
        """Give the page of this identity another instant."""
        if self._store is not None:
            self._store.expire(self.find_key(location, name), fresh_until, identity=identity)

    def find_key(self, location: str, name: str) -> str:
        """The key of a page in the store."""
        return f"{self._prefix}{location}\n{name}"


class RecordStore:
    """Records by project and key; a store of None keeps them for this object only. May be used from many threads."""

    def __init__(self, store: Store | None, subject: str) -> None:
        self._store = store
        self._prefix = f"records\n{subject}\n"
        self._lock = threading.Lock()
        self._records: dict[str, dict[bytes, bytes]] = {}
        self._changed: set[str] = set()

    def find(self, project: str, key: str) -> bytes | None:
        """The record of a key, or None. The first call for a project reads its records."""
        return self._read(project).get(key.encode())

    def add(self, project: str, new: Mapping[str, bytes]) -> None:
        """Keep records by key, in the store from the next `flush` on."""
        records = self._read(project)
        with self._lock:
            records.update((key.encode(), payload) for key, payload in new.items())
            if new:
                self._changed.add(project)

    def flush(self) -> None:
        """Write the projects with new records to the store."""
        if self._store is None:
            return
        with self._lock:
            changed, self._changed = self._changed, set()
            # Other processes may have added records since.
            for project in sorted(changed):
                self._store.find_state(f"{self._prefix}{project}")  # Not what a memory above the store has.
                kept = self._load(project) | self._records[project]
                self._records[project].update(kept)
                value = b"".join(_RECORD.pack(len(key), len(data)) + key + data for key, data in kept.items())
                self._store.put(f"{self._prefix}{project}", value, until=FOREVER)

    def _read(self, project: str) -> dict[bytes, bytes]:
        """The records of a project, which are read from the store once."""
        records = self._records.get(project)
        if records is None:
            # Of two threads that read them at once, both get the dictionary of the first.
            records = self._records.setdefault(project, self._load(project))
        return records

    def _load(self, project: str) -> dict[bytes, bytes]:
        """The records of a project that the store has now; none for a value that was written by another program."""
        entry = None if self._store is None else self._store.get(f"{self._prefix}{project}")
        return {} if entry is None else _parse(entry.value)


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
    except ValueError:  # `InvalidVersion`, and numbers of thousands of digits.
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


def _parse(data: memoryview) -> dict[bytes, bytes]:
    """The records of a value, up to one that is cut off."""
    records: dict[bytes, bytes] = {}
    at = 0
    while at + _RECORD.size <= len(data):
        key_length, payload_length = _RECORD.unpack_from(data, at)
        key_at = at + _RECORD.size
        payload_at = key_at + key_length
        at = payload_at + payload_length
        if at > len(data):
            break
        records[bytes(data[key_at:payload_at])] = bytes(data[payload_at:at])
    return records


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
