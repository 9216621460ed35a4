"""Stores that many machines share, and the memory in front of any store.

In: the address of a store. Out: a `Store` for it:

- a path, or `file://…`: a folder (`FolderStore`), also one that all machines mount;
- `redis://`, `rediss://` or `unix://`: a Redis server;
- any other URL, as `s3://bucket/prefix` or `gs://bucket/prefix`: what fsspec opens.

All keep the same bytes for a value (`pack_value`): its key, a checksum and the instant. So a value that was cut off,
damaged or written under another key is none. A server that fails costs time and no answer: after an error it is left
alone for a while, and the run goes on as if it had an empty store.

Servers remove values themselves: Redis those that were written `_LIFETIME_S` ago, or that its `maxmemory-policy`
chooses; a bucket what its lifecycle rule names. A login in an address would travel with a session, so it is refused;
`${NAME}` is replaced in each process by the variable of that name.

It is a module of its own because only sessions with such an address import it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeVar

from lockfiles._files import hash_bytes
from resolver.errors import InputError
from resolver.fetch.store import (
    HEAD_BYTES,
    INSTANT_AT,
    FolderStore,
    State,
    Store,
    StoredValue,
    pack_instant,
    pack_value,
    unpack_state,
    unpack_value,
)
from resolver.requirements.url import VARIABLE, redact

__all__ = ["MemoryStore", "RemoteStore", "Values", "open_address"]

_T = TypeVar("_T")

_REDIS = ("redis", "rediss", "unix")
_PREFIX = "pinfold-1"
_LIFETIME_S = 30 * 86_400
"""Redis keeps a value for a month after its last write."""
_TIMEOUT_S = 5.0
"""Longer than a busy server takes: after an error, pages are requested that another worker has."""
_PAUSE_S = 15.0
"""How long a server is left alone after an error."""
_IMMUTABLE = ("snapshot ", "content\n")
"""Keys whose values never change (`SnapshotStore`), so the memory knows their states as well."""
_ENTRY_BYTES = 400
"""What an entry takes in memory beside key and value."""


class Values(Protocol):
    """Bytes by name on a server. Any method may raise any error of the library behind it."""

    def read(self, name: str, *, size_bytes: int | None = None) -> bytes | None:
        """The bytes of a name, or the first `size_bytes` of them; None for none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Store bytes as a whole, in place of others."""
        ...

    def overwrite(self, name: str, at: int, data: bytes) -> None:
        """Replace some bytes of those that are stored."""
        ...

    def create(self, name: str, *, for_s: float) -> float:
        """Create an empty value that ends after `for_s` seconds. Returns 0, or how long one that exists still lasts."""
        ...

    def remove(self, name: str) -> None:
        """Remove a value, if there is one."""
        ...


def open_address(
    address: str, *, limit_bytes: int, variables: Mapping[str, str] = os.environ
) -> FolderStore | RemoteStore:
    """The store at an address. Raises InputError for one with a login, and where its library is not installed."""
    scheme, mark, rest = address.partition("://")
    if not mark or scheme == "file":
        return FolderStore(Path(rest if mark else address), limit_bytes=limit_bytes)
    if _holds_login(address):
        raise InputError(
            f"`{redact(address)}` holds a login, which would travel with the session",
            remedy="write `${NAME}` in its place, with the login in the variable of each machine",
        )
    unset = sorted({name for name in VARIABLE.findall(address) if not variables.get(name)})
    if unset:
        raise InputError(f"the store `{redact(address)}` needs {', '.join(f'`{name}`' for name in unset)}")
    complete = VARIABLE.sub(lambda match: variables[match[1]], address)
    if scheme in _REDIS:
        return RemoteStore(_RedisValues(_import("redis"), complete))
    return RemoteStore(_FileValues(_import("fsspec"), complete, scheme))


def _holds_login(address: str) -> bool:
    """Whether an address holds a secret or a user beside variables."""
    written = VARIABLE.sub("", address).replace("//:@", "//").replace("//@", "//")
    return redact(written) != written


def _import(name: str) -> Any:
    """A library of the extra. Raises InputError where it is missing."""
    try:
        # Lazy: only a session with an address of this kind needs it.
        return import_module(name)
    except ImportError as error:
        raise InputError(
            f"`{name}` is not installed", remedy="`pip install '.[fleet]'` in a clone of pinfold"
        ) from error


class RemoteStore:
    """A `Store` on a server, whose errors are no errors here. Usable from many threads."""

    def __init__(self, values: Values, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._values = values
        self._clock = clock
        self._silent_until = 0.0

    def get(self, key: str) -> StoredValue | None:
        """See `Store`."""
        data = self._attempt(lambda: self._values.read(_name(key)), None)
        return None if data is None else unpack_value(key, data)

    def find_state(self, key: str) -> State | None:
        """See `Store`."""
        data = self._attempt(lambda: self._values.read(_name(key), size_bytes=HEAD_BYTES), None)
        return None if data is None else unpack_state(data)

    def put(self, key: str, value: bytes, *, until: float) -> int:
        """See `Store`."""
        entry, identity = pack_value(key, value, until=until)
        self._attempt(lambda: self._values.write(_name(key), entry), None)
        return identity

    def expire(self, key: str, until: float, *, identity: int) -> None:
        """See `Store`."""
        state = self.find_state(key)
        if state is not None and state.identity == identity:
            data = pack_instant(until, identity=identity)
            self._attempt(lambda: self._values.overwrite(_name(key), INSTANT_AT, data), None)

    def claim(self, key: str, *, for_s: float) -> float:
        """See `Store`."""
        return self._attempt(lambda: self._values.create(_name(f"claim\n{key}"), for_s=for_s), 0.0)

    def release(self, key: str) -> None:
        """See `Store`."""
        self._attempt(lambda: self._values.remove(_name(f"claim\n{key}")), None)

    def prune(self) -> None:
        """See `Store`. The server removes what is old."""

    def _attempt(self, work: Callable[[], _T], otherwise: _T) -> _T:
        """The result of some work on the server, or the other one while it fails."""
        if self._clock() < self._silent_until:
            return otherwise
        try:
            return work()
        except Exception:  # noqa: BLE001  (each library has errors of its own, and none of them is one of the run)
            self._silent_until = self._clock() + _PAUSE_S
            return otherwise


class _RedisValues:
    """`Values` on a Redis server."""

    def __init__(self, redis: Any, url: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)

    def read(self, name: str, *, size_bytes: int | None = None) -> bytes | None:
        """See `Values`. A range of a missing value is empty, and no value is."""
        if size_bytes is None:
            whole: bytes | None = self._client.get(name)
            return whole
        part: bytes = self._client.getrange(name, 0, size_bytes - 1)
        return part or None

    def write(self, name: str, data: bytes) -> None:
        """See `Values`."""
        self._client.set(name, data, ex=_LIFETIME_S)

    def overwrite(self, name: str, at: int, data: bytes) -> None:
        """See `Values`. SETRANGE would make a value that was removed meanwhile: then it is damaged, which is none."""
        self._client.setrange(name, at, data)
        self._client.expire(name, _LIFETIME_S)

    def create(self, name: str, *, for_s: float) -> float:
        """See `Values`."""
        if self._client.set(name, b"1", nx=True, px=int(for_s * 1000)):
            return 0.0
        return max(0.001, int(self._client.pttl(name)) / 1000)

    def remove(self, name: str) -> None:
        """See `Values`."""
        self._client.delete(name)


class _FileValues:
    """`Values` in a bucket or any other file system of fsspec, which replaces a file as a whole."""

    def __init__(self, fsspec: Any, url: str, scheme: str) -> None:
        self._fsspec = fsspec
        self._url = url.rstrip("/")
        self._scheme = scheme
        self._opened: tuple[int, Any, str] | None = None
        self._lock = threading.Lock()
        # Not all servers with the API of S3 do: two workers may then fetch a page at the same moment.
        self._writes_exclusively = True
        self._open()

    def read(self, name: str, *, size_bytes: int | None = None) -> bytes | None:
        """See `Values`."""
        files, path = self._find(name)
        try:
            data: bytes = files.cat_file(path, start=0, end=size_bytes) if size_bytes else files.cat_file(path)
        except FileNotFoundError:
            return None
        return data

    def write(self, name: str, data: bytes) -> None:
        """See `Values`."""
        files, path = self._find(name)
        try:
            files.pipe_file(path, data)
        except FileNotFoundError:
            files.makedirs(path.rpartition("/")[0], exist_ok=True)  # Not a bucket, which has no folders.
            files.pipe_file(path, data)

    def overwrite(self, name: str, at: int, data: bytes) -> None:
        """See `Values`."""
        whole = self.read(name)
        if whole is not None:
            self.write(name, whole[:at] + data + whole[at + len(data) :])

    def create(self, name: str, *, for_s: float) -> float:
        """See `Values`. The instant at which it ends is its content, since buckets have clocks of their own."""
        files, path = self._find(name)
        now = time.time()
        data = f"{now + for_s}".encode()
        if self._writes_exclusively:
            try:
                files.pipe_file(path, data, mode="create")
                return 0.0
            except (FileExistsError, FileNotFoundError):
                pass
            except Exception:  # noqa: BLE001  (a server without exclusive writes, or one that fails below as well)
                self._writes_exclusively = False
        with suppress(ValueError):
            left_s = float(self.read(name) or b"0") - now
            if 0.0 < left_s <= for_s:
                return left_s
        self.write(name, data)
        return 0.0

    def remove(self, name: str) -> None:
        """See `Values`."""
        files, path = self._find(name)
        with suppress(FileNotFoundError):
            files.rm_file(path)

    def _find(self, name: str) -> tuple[Any, str]:
        """The file system, and the path of a name in it."""
        files, root = self._open()
        digest = name.removeprefix(f"{_PREFIX}:")
        return files, f"{root}/{_PREFIX}/{digest[:2]}/{digest[2:]}"

    def _open(self) -> tuple[Any, str]:
        """The file system, opened once in each process: its thread does not survive a fork. Raises InputError."""
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                try:
                    files, root = self._fsspec.core.url_to_fs(self._url, **self._list_options())
                except (ImportError, ValueError) as error:
                    shown = redact(self._url)
                    raise InputError(f"fsspec cannot open the store `{shown}`", why=type(error).__name__) from error
                self._opened = os.getpid(), files, str(root).rstrip("/")
            return self._opened[1:]

    def _list_options(self) -> dict[str, Any]:
        """Options of the file system: no listing is reused, and a server that does not answer is given up soon."""
        options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
        if self._scheme in ("s3", "s3a"):
            waits = {"connect_timeout": _TIMEOUT_S, "read_timeout": 2 * _TIMEOUT_S, "retries": {"max_attempts": 1}}
            options["config_kwargs"] = waits
        return options


class MemoryStore:
    """A `Store` that has the values of another one in memory, those used last, up to a number of bytes."""

    def __init__(self, store: Store, *, limit_bytes: int) -> None:
        self._store = store
        self._limit_bytes = limit_bytes
        self._entries: OrderedDict[str, StoredValue] = OrderedDict()
        self._lock = threading.Lock()
        self.size_bytes = 0

    def get(self, key: str) -> StoredValue | None:
        """See `Store`."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
                return found
        found = self._store.get(key)
        if found is not None:
            self._add(key, found)
        return found

    def find_state(self, key: str) -> State | None:
        """See `Store`. Other processes write to the store as well: a value that has changed is forgotten here."""
        with self._lock:
            found = self._entries.get(key)
        if found is not None and key.startswith(_IMMUTABLE):
            return found.state
        state = self._store.find_state(key)
        if found is not None and state != found.state:
            self._forget(key)
        return state

    def put(self, key: str, value: bytes, *, until: float) -> int:
        """See `Store`."""
        identity = self._store.put(key, value, until=until)
        self._add(key, StoredValue(memoryview(value), State(until, identity)))
        return identity

    def expire(self, key: str, until: float, *, identity: int) -> None:
        """See `Store`."""
        self._store.expire(key, until, identity=identity)
        with self._lock:
            found = self._entries.get(key)
            if found is not None and found.state.identity == identity:
                self._entries[key] = StoredValue(found.value, State(until, identity))

    def claim(self, key: str, *, for_s: float) -> float:
        """See `Store`."""
        return self._store.claim(key, for_s=for_s)

    def release(self, key: str) -> None:
        """See `Store`."""
        self._store.release(key)

    def prune(self) -> None:
        """See `Store`."""
        self._store.prune()

    def clear(self) -> None:
        """Free the memory."""
        with self._lock:
            self._entries.clear()
            self.size_bytes = 0

    def _add(self, key: str, entry: StoredValue) -> None:
        """Keep a value, and remove those that were used first until all are within the limit."""
        self._forget(key)
        size_bytes = _measure(key, entry)
        if size_bytes > self._limit_bytes:
            return
        with self._lock:
            if key not in self._entries:
                self._entries[key] = entry
                self.size_bytes += size_bytes
            while self.size_bytes > self._limit_bytes:
                self.size_bytes -= _measure(*self._entries.popitem(last=False))

    def _forget(self, key: str) -> None:
        """Keep a value no longer."""
        with self._lock:
            found = self._entries.pop(key, None)
            if found is not None:
                self.size_bytes -= _measure(key, found)


def _measure(key: str, entry: StoredValue) -> int:
    """The bytes of an entry in memory."""
    return len(key) * 2 + len(entry.value) + _ENTRY_BYTES


def _name(key: str) -> str:
    """The name of a value on a server: a hash, since keys are long and hold all characters."""
    return f"{_PREFIX}:{hash_bytes(key.encode())[:40]}"
