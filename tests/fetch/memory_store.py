"""A store in memory: what any implementation of the interface must do; and the files of the store on disk, by kind."""

from __future__ import annotations

from pathlib import Path

from resolver.fetch.store import State, StoredValue, measure


class MemoryStore:
    """A `Store` whose values tests may read and change."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.untils: dict[str, float] = {}
        self.claims: set[str] = set()

    def get(self, key: str) -> StoredValue | None:
        state = self.find_state(key)
        return None if state is None else StoredValue(memoryview(self.values[key]), state)

    def find_state(self, key: str) -> State | None:
        if key not in self.values:
            return None
        return State(self.untils[key], measure(key.encode(), self.values[key])[1])

    def put(self, key: str, value: bytes, *, until: float) -> int:
        self.values[key], self.untils[key] = value, until
        return measure(key.encode(), value)[1]

    def expire(self, key: str, until: float, *, identity: int) -> None:
        state = self.find_state(key)
        if state is not None and state.identity == identity:
            self.untils[key] = until

    def claim(self, key: str, *, for_s: float) -> float:
        if key in self.claims:
            return for_s
        self.claims.add(key)
        return 0.0

    def release(self, key: str) -> None:
        self.claims.discard(key)

    def prune(self) -> None:
        """Keeps everything."""


def find_entries(cache: Path, kind: str) -> list[Path]:
    """The files of a kind (`answer`, `rows`, `page`, `records`) in the store of a cache folder."""
    return [path for path in sorted((cache / "store-v1").glob("?/*")) if f"{kind}\n".encode() in path.read_bytes()[:80]]
