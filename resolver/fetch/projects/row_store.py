"""The row store: project pages as they were parsed for one target.

In: a page dumped by `dump_project_page`, with the instant up to which it may be used without a request and the
validator of its response. Out: the same, or None, which is never an error.

A part of the store of its own beside the responses, so that a warm run parses no page: reading a row takes 0.06 ms. A
page that a server confirms gets a new instant in place, which takes 0.02 ms; its content stays as it was.
"""

from __future__ import annotations

import struct

from lockfiles._values import dataclass
from resolver.fetch.store import State, Store

__all__ = ["RowStore", "StoredPage"]

_HEAD = struct.Struct("<?I")
"""Whether the page came from its own URL, without a redirect; bytes of the validator."""


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
