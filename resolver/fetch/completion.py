"""Size and SHA-256 of a file that its page lists without: asked for, remembered from the old lock, or computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from resolver.errors import FetchError
from resolver.fetch.local_files import describe_file, find_local_path
from resolver.fetch.session import Session
from resolver.fetch.wheel_metadata import find_hash_source, promised_algorithms, verify_hashes
from resolver.index.distribution_file import DistributionFile

__all__ = ["KnownHashes", "complete_file"]

KnownHashes = Mapping[str, tuple[int | None, str]]
"""Size (None where the lock has none) and SHA-256 of files in the old lock, by public URL."""


def complete_file(
    file: DistributionFile,
    *,
    session: Session,
    known: KnownHashes,
    no_download: bool,
) -> DistributionFile:
    """The file with size and sha256. Raises FetchError, HashMismatchError.

    A hash of the old lock is believed for the same URL and size; else the file is read once, announced with its size.
    """
    path = find_local_path(file.url)
    if path is not None:
        found = describe_file(path, algorithms=promised_algorithms(file))
        verify_hashes(file.filename, promised=file.hashes, found=found.hashes, by=find_hash_source(file))
        return _with(file, found.size_bytes, found.sha256)
    size_bytes = file.size_bytes if file.size_bytes is not None else _ask_size(file, session)
    if file.sha256 is not None and size_bytes is not None:
        return replace(file, size_bytes=size_bytes)
    known_size, known_sha256 = known.get(file.url, (None, ""))
    if file.sha256 is None and known_sha256 and size_bytes is not None and known_size == size_bytes:
        return _with(file, size_bytes, known_sha256)
    return _stream(file, size_bytes, session, no_download=no_download)


def _ask_size(file: DistributionFile, session: Session) -> int | None:
    part = session.fetch_range(file.url, start=0, stop=1)
    return part.size if part is not None else session.fetch_size(file.url)


def _stream(
    file: DistributionFile,
    size_bytes: int | None,
    session: Session,
    *,
    no_download: bool,
) -> DistributionFile:
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
    return _with(file, download.size_bytes, download.sha256)


def _with(file: DistributionFile, size_bytes: int, sha256: str) -> DistributionFile:
    if file.size_bytes is not None and file.size_bytes != size_bytes:
        raise FetchError(
            f"{file.url} has {size_bytes} bytes, but its page promises {file.size_bytes}",
            url=file.url,
        )
    hashes = tuple(sorted({*file.hashes, f"sha256:{sha256}"}))
    return replace(file, size_bytes=size_bytes, hashes=hashes)
