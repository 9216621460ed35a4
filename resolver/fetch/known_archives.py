"""What is known of wheels and sdists by URL without asking for them: from their hashes, and records of earlier runs.

A hash that the list promises proves that a file is what it was, so that nobody need be asked again. What an old lock
says is believed offline alone: online a file may have been replaced since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from resolver.fetch.local_files import find_local_path
from resolver.fetch.metadata_records import dump_core_metadata, load_core_metadata
from resolver.fetch.record_store import RecordStore
from resolver.index.core_metadata import CoreMetadata
from resolver.index.distribution_file import DistributionFile, parse_size

__all__ = ["KnownArchives"]

_RECORDS = "direct"


class KnownArchives:
    """Recalls files; may be used from many threads. `locked` has size and SHA-256 by URL, from old locks.

    `folder` is that of the cache, None where nothing is kept; with `refresh` nothing that was kept is believed.
    """

    def __init__(
        self, *, locked: Mapping[str, tuple[int | None, str]], folder: Path | None, offline: bool, refresh: bool
    ) -> None:
        self._locked = locked
        self._offline = offline
        self._refresh = refresh
        self._records = RecordStore(None if folder is None else folder / "archives-v1")

    def recall_wheel(self, file: DistributionFile) -> tuple[DistributionFile, CoreMetadata] | None:
        """The wheel with size and hash, and its metadata; None where it has to be asked for."""
        found = self._recall(file)
        if found is None:
            return None
        # The URL counts: by ranges nobody has seen whether the file has that hash.
        proof = f"{found.size_bytes}" if file.sha256 is None else file.sha256
        record = self._records.find(_RECORDS, f"wheel {proof} {file.url}")
        metadata = None if record is None else load_core_metadata(record)
        return None if metadata is None else (found, metadata)

    def keep_wheel(self, file: DistributionFile, metadata: CoreMetadata) -> None:
        """Remember what a wheel by URL says of itself; `file` has what is known of it by now."""
        record = dump_core_metadata(metadata)
        if file.size_bytes is None or record is None:
            return
        self._records.add(_RECORDS, {f"wheel {file.size_bytes} {file.url}": record})
        if file.sha256 is not None:
            self._records.add(_RECORDS, {f"wheel {file.sha256} {file.url}": record})
            self.keep_size(file.sha256, file.size_bytes)

    def recall_sdist(self, file: DistributionFile) -> DistributionFile | None:
        """The sdist with size and hash; None where it has to be asked for."""
        return self._recall(file)

    def keep_size(self, sha256: str, size_bytes: int) -> None:
        """Remember the size of a file that was read whole, or that its host has told."""
        if self._records.find(_RECORDS, f"size {sha256}") is None:
            self._records.add(_RECORDS, {f"size {sha256}": str(size_bytes).encode()})

    def _recall(self, file: DistributionFile) -> DistributionFile | None:
        if self._refresh or find_local_path(file.url) is not None:
            return None
        if file.sha256 is not None:
            size = self._records.find(_RECORDS, f"size {file.sha256}")
            size_bytes = None if size is None else parse_size(size.decode())
            return None if size_bytes is None else replace(file, size_bytes=size_bytes)
        size_bytes, sha256 = self._locked.get(file.url, (None, ""))
        if not self._offline or size_bytes is None or not sha256:
            return None
        return replace(file, size_bytes=size_bytes, hashes=tuple(sorted({*file.hashes, f"sha256:{sha256}"})))
