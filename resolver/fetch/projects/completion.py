"""Size and SHA-256 of files that are listed without them, from the file, an old lock or earlier runs.

In: a `DistributionFile` of a page, the disk or a direct URL. Out: the same with the size and SHA-256 that a lock needs.

One module, because its parts follow one rule about the facts that may be used without a request:

- a hash that the list promises proves the content of a file, so that the size read in an earlier run is still right;
- the facts of an old lock are used online only for a file of the same URL and size, since a file may have been
  replaced, and offline for any file by URL;
- no earlier facts are used under `--refresh`, nor about a file on disk, which is read again;
- a page that lists one file with two SHA-256 is an error for that file, since either may be the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from resolver.errors import FetchError
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.http.local_files import describe_file, find_local_path
from resolver.fetch.projects.record_store import RecordStore, dump_core_metadata, load_core_metadata
from resolver.fetch.projects.wheel_metadata import find_hash_source, promised_algorithms, verify_hashes
from resolver.index.core_metadata import CoreMetadata
from resolver.index.distribution_file import DistributionFile, parse_size

__all__ = [
    "KnownArchives",
    "KnownHashes",
    "complete_file",
]

KnownHashes = Mapping[str, tuple[int | None, str]]
"""Size (None where the lock has none) and SHA-256 of files in the old lock, by public URL."""

_PROJECT = "direct"
"""The project under which records of files by URL are kept."""


class KnownArchives:
    """Sizes, hashes and metadata of wheels and sdists by URL, from earlier runs. May be used from many threads.

    `locked` are files of old locks, which are used offline only. `records` are those of archives; with `refresh` none
    is used. `find_id` gives the id of the credentials for a URL: what one login has fetched is found under it alone.
    """

    def __init__(
        self,
        *,
        locked: KnownHashes,
        records: RecordStore,
        offline: bool,
        refresh: bool,
        find_id: Callable[[str], str] = lambda url: "",
    ) -> None:
        self._find_id = find_id
        self._locked = locked
        self._offline = offline
        self._refresh = refresh
        self._records = records

    def recall_wheel(self, file: DistributionFile) -> tuple[DistributionFile, CoreMetadata] | None:
        """The wheel with size and hash, and its metadata; None where a request is needed."""
        found = self._recall(file)
        if found is None:
            return None
        # The URL is a part of the key: where METADATA came by ranges, the hash of the whole file was not checked.
        proof = f"{found.size_bytes}" if file.sha256 is None else file.sha256
        record = self._records.find(_PROJECT, self._complete(f"wheel {proof} {file.url}", file.url))
        metadata = None if record is None else load_core_metadata(record)
        return None if metadata is None else (found, metadata)

    def keep_wheel(self, file: DistributionFile, metadata: CoreMetadata) -> None:
        """Keep the metadata of a wheel by URL; `file` has the size and hash that are known by now."""
        record = dump_core_metadata(metadata)
        if file.size_bytes is None or record is None:
            return
        self._records.add(_PROJECT, {self._complete(f"wheel {file.size_bytes} {file.url}", file.url): record})
        if file.sha256 is not None:
            self._records.add(_PROJECT, {self._complete(f"wheel {file.sha256} {file.url}", file.url): record})
            self.keep_size(file, file.sha256, file.size_bytes)

    def recall_sdist(self, file: DistributionFile) -> DistributionFile | None:
        """The sdist with size and hash; None where a request is needed."""
        return self._recall(file)

    def keep_size(self, file: DistributionFile, sha256: str, size_bytes: int) -> None:
        """Keep the size of the content with this hash: of a file that was read whole, or as its host gave it."""
        key = self._complete(f"size {sha256}", file.url)
        if self._records.find(_PROJECT, key) is None:
            self._records.add(_PROJECT, {key: str(size_bytes).encode()})

    def _complete(self, key: str, url: str) -> str:
        """The key with the id of the credentials for a URL; unchanged where there are none."""
        found = self._find_id(url)
        return f"{key} {found}" if found else key

    def _recall(self, file: DistributionFile) -> DistributionFile | None:
        """The file with size and hash: from a record for a promised hash, else from an old lock, offline."""
        if self._refresh or find_local_path(file.url) is not None:
            return None
        if file.sha256 is not None:
            size = self._records.find(_PROJECT, self._complete(f"size {file.sha256}", file.url))
            size_bytes = None if size is None else parse_size(size.decode())
            return None if size_bytes is None else replace(file, size_bytes=size_bytes)
        size_bytes, sha256 = self._locked.get(file.url, (None, ""))
        if not self._offline or size_bytes is None or not sha256:
            return None
        return replace(file, size_bytes=size_bytes, hashes=_with_sha256(file, sha256))


def complete_file(
    file: DistributionFile, *, session: HttpSession, known: KnownHashes, no_download: bool
) -> DistributionFile:
    """The file with size and SHA-256, by as few requests as possible.

    A missing size takes a request for one byte, or HEAD. A missing hash is that of the old lock for the same URL and
    size, else the file is read once, which is announced. Raises FetchError, also where `no_download` forbids to read
    the file, and HashMismatchError.
    """
    session.check_link(file.url, page=file.link_source)
    path = session.find_local(file.url)
    if path is not None:
        found = describe_file(path, algorithms=promised_algorithms(file))
        verify_hashes(file.filename, promised=file.hashes, found=found.hashes, by=find_hash_source(file))
        return _complete(file, found.size_bytes, found.sha256)
    size_bytes = file.size_bytes if file.size_bytes is not None else _fetch_size(file, session)
    if file.sha256 is not None and size_bytes is not None:
        return replace(file, size_bytes=size_bytes)
    known_size, known_sha256 = known.get(file.url, (None, ""))
    if file.sha256 is None and known_sha256 and size_bytes is not None and known_size == size_bytes:
        return _complete(file, size_bytes, known_sha256)
    return _read_whole(file, size_bytes, session, no_download=no_download)


def _fetch_size(file: DistributionFile, session: HttpSession) -> int | None:
    """The size of a file on a host, by its first byte or HEAD; None where the host does not give it."""
    part = session.fetch_range(file.url, start=0, stop=1)
    return part.size if part is not None else session.fetch_size(file.url)


def _read_whole(
    file: DistributionFile, size_bytes: int | None, session: HttpSession, *, no_download: bool
) -> DistributionFile:
    """The file with the size and hash of its content, which is read once. `size_bytes` is what the host announced."""
    lacking = "SHA-256" if file.sha256 is None else "size"
    if no_download:
        has_url = file.origin is not None and file.sha256 is None
        raise FetchError(
            f"the {lacking} of `{file.filename}` can be had only by downloading it: {file.url}",
            why=f"{find_hash_source(file)} gives none, and `--no-download` forbids that",
            remedy="write `#sha256=…` behind its URL" if has_url else "",
            url=file.url,
        )
    why = f"for its {lacking}, which {find_hash_source(file)} does not give"
    session.announce(why, filename=file.filename, size_bytes=size_bytes)
    download = session.download(file.url, into=None, algorithms=promised_algorithms(file))
    if download is None:
        listed = ", although its page lists it" if file.origin is None else ""
        raise FetchError(f"{file.url} does not exist{listed}", url=file.url)
    verify_hashes(file.filename, promised=file.hashes, found=download.hashes, by=find_hash_source(file))
    if file.size_bytes is None and size_bytes not in (None, download.size_bytes):
        raise FetchError(
            f"{file.url} has {download.size_bytes} bytes, but its server promised {size_bytes}",
            url=file.url,
        )
    return _complete(file, download.size_bytes, download.sha256)


def _complete(file: DistributionFile, size_bytes: int, sha256: str) -> DistributionFile:
    """The file with a size and hash that were found. Raises FetchError where its page promises another size."""
    if file.size_bytes is not None and file.size_bytes != size_bytes:
        raise FetchError(
            f"{file.url} has {size_bytes} bytes, but its page promises {file.size_bytes}",
            url=file.url,
        )
    return replace(file, size_bytes=size_bytes, hashes=_with_sha256(file, sha256))


def _with_sha256(file: DistributionFile, sha256: str) -> tuple[str, ...]:
    """The hashes of the file and one more, sorted."""
    return tuple(sorted({*file.hashes, f"sha256:{sha256}"}))
