"""A snapshot of the indexes: the first answer for a page, or its absence, is that of all runs with the same snapshot.

In: a store, and the name of a snapshot. Out: a store that shows the pages of that snapshot alone (`SnapshotStore`), and
the pages themselves, each of which is requested once by all that share the store (`SnapshotPages`).

    key                              value
    ───────────────────────────────  ─────────────────────────────────────────────────────────
    snapshot NAME, page or row       a pointer: what the snapshot has, with the hash of its content
    latest, page or row              the same pointer for the snapshot that was written to last
    content, SHA-256                 a body as received, or the row of a page for a target

Content is kept once, however many snapshots have it. A page is requested under a claim, with the validator of the
latest snapshot, so a new snapshot of unchanged indexes costs one confirmation for each page, and parses none. What
a snapshot has is never revalidated. Records and answers are shared by all snapshots: records are facts about files that
never change, and an answer holds where the rows that it rests on are those of the snapshot.

A page that links with signatures, or that cannot be read, is kept by no snapshot: each lock requests it. Nor can a
snapshot outlive its store: what the store has lost is requested anew.

It is a module of its own because both halves, rows by key and pages by URL, must point to content in the same way.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from lockfiles._documents import DocumentError, parse_json
from lockfiles._files import hash_bytes
from lockfiles._values import dataclass
from resolver.fetch.http.freshness import LONGEST_LIFETIME_S
from resolver.fetch.http.responses import Response, build_absent
from resolver.fetch.store import FOREVER, State, Store, StoredValue, measure

__all__ = ["SnapshotPages", "SnapshotStore"]

_ROWS = "rows\n"
_CLAIM_S = 10.0
"""The longest wait for another worker that fetches the same page, and that may have been killed."""
_CLAIM_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pointer:
    """What a snapshot has under a key.

    - `digest` is the SHA-256 of the content; empty for an absent page, and for one whose body nobody has read.
    - `validator` is that of a page; `url` and `content_type` are those of its response.
    - `identity` is that of a row; `is_stale` is whether the row must be parsed anew by each lock.
    - `is_kept` is False for a page that each lock requests by itself.
    """

    digest: str = ""
    validator: str = ""
    url: str = ""
    content_type: str = ""
    identity: int = 0
    is_packed: bool = False
    is_absent: bool = False
    is_stale: bool = False
    is_kept: bool = True

    def dump(self) -> bytes:
        """The pointer as a value of the store."""
        return json.dumps([getattr(self, name) for name in _FIELDS], separators=(",", ":")).encode()


_FIELDS = tuple(_Pointer.__dataclass_fields__)


class SnapshotStore:
    """A `Store` whose rows are those of a snapshot. Usable from many threads.

    With `uses_latest`, a row that the snapshot lacks is that of the latest one, and stale.
    """

    def __init__(self, store: Store, name: str, *, uses_latest: bool = True) -> None:
        self._store = store
        self._prefix = f"snapshot {name}\n"
        self._uses_latest = uses_latest

    def get(self, key: str) -> StoredValue | None:
        """See `Store`."""
        if not key.startswith(_ROWS):
            return self._store.get(key)
        found = self._find_row(key)
        content = None if found is None else self.read_content(found[0].digest)
        return None if found is None or content is None else StoredValue(content, found[1])

    def find_state(self, key: str) -> State | None:
        """See `Store`."""
        if not key.startswith(_ROWS):
            return self._store.find_state(key)
        found = self._find_row(key)
        return None if found is None else found[1]

    def put(self, key: str, value: bytes, *, until: float) -> int:
        """See `Store`. The row of a page that links with signatures is valid up to 0: each lock parses it anew."""
        if not key.startswith(_ROWS):
            return self._store.put(key, value, until=until)
        identity = measure(key.encode(), value)[1]
        self.pin(key, _Pointer(digest=self.write_content(value), identity=identity, is_stale=until == 0.0))
        return identity

    def expire(self, key: str, until: float, *, identity: int) -> None:
        """See `Store`. A row that was confirmed is that of the snapshot; one that is not trusted is no latest row."""
        if not key.startswith(_ROWS):
            self._store.expire(key, until, identity=identity)
            return
        latest = self.find_latest(key)
        if latest is None or latest.identity != identity:
            return
        if until < 0.0:
            self._store.put(f"latest\n{key}", b"", until=FOREVER)
        else:
            self.pin(key, latest)

    def claim(self, key: str, *, for_s: float) -> float:
        """See `Store`."""
        return self._store.claim(f"{self._prefix}{key}", for_s=for_s)

    def release(self, key: str) -> None:
        """See `Store`."""
        self._store.release(f"{self._prefix}{key}")

    def prune(self) -> None:
        """See `Store`."""
        self._store.prune()

    def find_pinned(self, key: str) -> _Pointer | None:
        """What the snapshot has under a key."""
        return _load(self._store.get(f"{self._prefix}{key}"))

    def find_latest(self, key: str) -> _Pointer | None:
        """What the latest snapshot has under a key, if that may be used."""
        return _load(self._store.get(f"latest\n{key}")) if self._uses_latest else None

    def pin(self, key: str, pointer: _Pointer) -> None:
        """Let the snapshot have this under a key, unless it has something else there whose content is kept."""
        found = self.find_pinned(key)
        if found is None or (found != pointer and not self._has_answer(found)):
            data = pointer.dump()
            self._store.put(f"{self._prefix}{key}", data, until=FOREVER)
            self._store.put(f"latest\n{key}", data, until=FOREVER)

    def read_content(self, digest: str) -> memoryview | None:
        """The content of a hash; None where the store has lost it."""
        entry = self._store.get(f"content\n{digest}") if digest else None
        return None if entry is None else entry.value

    def write_content(self, value: bytes) -> str:
        """Store content that the store does not have yet. Returns its hash."""
        digest = hash_bytes(value)
        if self._store.find_state(f"content\n{digest}") is None:
            self._store.put(f"content\n{digest}", value, until=FOREVER)
        return digest

    def _has_answer(self, pointer: _Pointer) -> bool:
        """Whether a pointer is all that there is to know, or the store still has its content."""
        return pointer.is_absent or not pointer.is_kept or self.read_content(pointer.digest) is not None

    def _find_row(self, key: str) -> tuple[_Pointer, State] | None:
        """The pointer of a row, and the state that it has in this snapshot."""
        pinned = self.find_pinned(key)
        if pinned is not None:
            until = 0.0 if pinned.is_stale else _find_until()
            return pinned, State(until, pinned.identity)
        latest = self.find_latest(key)
        return None if latest is None else (latest, State(0.0, latest.identity))


class SnapshotPages:
    """The pages of a snapshot, each requested once. `wait` waits some seconds, and raises where the run has ended."""

    def __init__(self, store: SnapshotStore, *, wait: Callable[[float], None]) -> None:
        self._store = store
        self._wait = wait

    def fetch(
        self,
        url: str,
        *,
        known_validator: str,
        find_id: Callable[[str], str],
        request: Callable[[str], Response],
    ) -> Response:
        """The page of the snapshot, or that of `request`, which gets a validator and then may return no body.

        `find_id` finds the id of the credentials for a URL. Raises what `request` and `wait` raise.
        """
        key = _name(url, find_id)
        found = self._find_after_others(url, key, known_validator)
        if found is not None:
            return found
        try:
            latest = self._store.find_latest(key)
            has_body = latest is not None and self._store.read_content(latest.digest) is not None
            validator = latest.validator if latest is not None and has_body else known_validator
            response = request(validator)
            is_confirmed = response.body is None and not response.is_absent
            if is_confirmed and latest is not None and validator == latest.validator:
                self._pin(key, latest)
                return self._build(url, latest, known_validator) or request("")
            return self._take(url, response, find_id)
        except BaseException:
            self._store.release(key)
            raise

    def _find_after_others(self, url: str, key: str, known_validator: str) -> Response | None:
        """What the snapshot has; None where this worker must request the page, which it then has claimed."""
        while True:
            pinned = self._store.find_pinned(key)
            if pinned is not None and not pinned.is_kept:
                return None
            found = None if pinned is None else self._build(url, pinned, known_validator)
            if found is not None:
                return found
            left_s = self._store.claim(key, for_s=_CLAIM_S)
            if left_s <= 0.0:
                # Another worker may have stored it between both looks.
                pinned = self._store.find_pinned(key)
                found = None if pinned is None or not pinned.is_kept else self._build(url, pinned, known_validator)
                if found is not None:
                    self._store.release(key)
                return found
            self._wait(min(left_s, _CLAIM_POLL_S))

    def _take(self, url: str, response: Response, find_id: Callable[[str], str]) -> Response:
        """A new response, which the snapshot has from now on, or from when its `store` is called."""
        key = _name(url, find_id)  # A 401 may have led to the keyring.
        if response.is_absent:
            self._pin(key, _Pointer(is_absent=True))
            return replace(response, fresh_until=_find_until())
        if response.body is None:
            pointer = _Pointer(validator=response.validator, url=response.url, content_type=response.content_type)
            self._pin(key, pointer)
            return replace(response, fresh_until=_find_until())
        drop = partial(self._pin, key, _Pointer(is_kept=False))
        # A page that came by a redirect from a host with credentials of its own is kept under neither.
        if find_id(response.url) not in ("", find_id(url)):
            drop()
            return replace(response, store=None)
        return replace(
            response, fresh_until=_find_until(), store=partial(self._keep, key, response, response.store), drop=drop
        )

    def _keep(self, key: str, response: Response, store: Callable[[], None] | None) -> None:
        """Let the snapshot have a response."""
        if store is not None:
            store()
        pointer = _Pointer(
            digest=self._store.write_content(response.body or b""),
            validator=response.validator,
            url=response.url,
            content_type=response.content_type,
            is_packed=response.is_packed,
        )
        self._pin(key, pointer)

    def _pin(self, key: str, pointer: _Pointer) -> None:
        """Let the snapshot have this, and end the claim."""
        self._store.pin(key, pointer)
        self._store.release(key)

    def _build(self, url: str, pointer: _Pointer, known_validator: str) -> Response | None:
        """The response that a pointer describes; None where its content is not kept."""
        if pointer.is_absent:
            return build_absent(url, _find_until())
        is_known = bool(known_validator) and known_validator == pointer.validator
        content = None if is_known else self._store.read_content(pointer.digest)
        if content is None and not is_known:
            return None
        return Response(
            url=pointer.url,
            content_type=pointer.content_type,
            body=None if content is None else bytes(content),
            fresh_until=_find_until(),
            validator=pointer.validator,
            is_packed=pointer.is_packed,
        )


def _name(url: str, find_id: Callable[[str], str]) -> str:
    """The key of a page, for the credentials that it is requested with."""
    return f"page\n{url} {find_id(url)}".rstrip(" ")


def _find_until() -> float:
    """An instant up to which a page of the snapshot counts as fresh: any run is over before."""
    return time.time() + LONGEST_LIFETIME_S / 2


def _load(entry: StoredValue | None) -> _Pointer | None:
    """The pointer in a value; None for none, and for what another program has written."""
    if entry is None:
        return None
    try:
        values = parse_json(bytes(entry.value))
    except DocumentError:
        return None
    if not isinstance(values, list) or len(values) != len(_FIELDS):
        return None
    return _Pointer(**dict(zip(_FIELDS, values, strict=True)))
