"""The METADATA of a wheel with as few bytes as its host allows, and the hashes that a page promises of its files.

In: a `DistributionFile` of a page, the list or the disk. Out: the content of METADATA (`fetch_wheel_metadata`), with
size and hashes where they were learnt on the way (`read_wheel`), or a whole file on disk (`fetch_file`).

METADATA comes from the first of these that the host offers: the PEP 658 file beside the wheel, ranges of the wheel
(its directory is at the end of the file), or the whole wheel, which is announced. A host that sends wrong ranges
costs a download and is no error; a wheel that is broken as a whole is a MetadataError.

Each content that a page gives a hash for is checked against it, in all ways (`verify_hashes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lockfiles._files import hash_bytes, open_regular
from lockfiles._values import dataclass
from resolver.errors import FetchError, HashMismatchError, MetadataError
from resolver.fetch.http.http_session import HttpSession
from resolver.fetch.http.local_files import find_local_path
from resolver.index.core_metadata import parse_core_metadata
from resolver.index.distribution_file import DistributionFile
from resolver.index.wheel_directory import MoreBytes, WheelDirectoryError, find_metadata_member, read_member

if TYPE_CHECKING:
    from resolver.fetch.http.responses import Download

__all__ = [
    "fetch_file",
    "fetch_wheel_metadata",
    "find_hash_source",
    "find_metadata",
    "promised_algorithms",
    "read_wheel",
    "verify_hashes",
]

_TAIL_BYTES = 32_768
"""Of 65 popular wheels, 46 need no second request (16 KiB: 36, 64 KiB: 49, 128 KiB: 55)."""
_STEPS = 4
"""At most so many parts are read until the directory is complete."""

_ReadBytes = Callable[[int, int], bytes]
"""Bytes of a file from the first offset up to, without, the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelFacts:
    """The content of METADATA, with the size of the wheel, and its hashes if it was read whole.

    `size_bytes` is None for a wheel on disk; `hashes` are `algorithm:hex`.
    """

    metadata: bytes
    size_bytes: int | None = None
    hashes: tuple[str, ...] = ()


def fetch_wheel_metadata(file: DistributionFile, *, project: str, session: HttpSession) -> bytes:
    """The content of METADATA. Raises FetchError, HashMismatchError, and MetadataError for a broken wheel."""
    session.check_link(file.url, page=file.link_source)
    # The signature of a link is for that file alone: its PEP 658 file cannot be requested.
    offers_metadata = file.core_metadata is not None and not session.credentials.is_signed(file.url)
    if offers_metadata and find_local_path(file.url) is None:
        content = _fetch_metadata_file(file, session)
        if content is not None:
            return content
    return _check_identity(read_wheel(file, project=project, session=session).metadata, file, project)


def read_wheel(file: DistributionFile, *, project: str, session: HttpSession) -> WheelFacts:
    """METADATA from the wheel itself, by ranges where its host gives them. Raises as `fetch_wheel_metadata`."""
    session.check_link(file.url, page=file.link_source)
    path = session.find_local(file.url)
    if path is not None:
        return WheelFacts(metadata=_read_local(path, file, project))
    try:
        found = _fetch_by_ranges(file, project, session)
        why = "its host gives no part of it"
    except WheelDirectoryError as error:
        # A server may send wrong ranges; the whole file shows whether the wheel itself is broken.
        found, why = None, f"parts of it do not give that: {error}"
    if found is not None:
        return found
    session.announce(f"for its metadata, since {why}", filename=file.filename, size_bytes=file.size_bytes)
    # Lazy: it takes 2 ms, and few wheels are read whole.
    import tempfile

    with tempfile.TemporaryDirectory(prefix="pinfold-") as folder:
        whole = Path(folder) / "file.whl"
        download = fetch_file(file, session=session, into=whole)
        metadata = _read_local(whole, file, project)
    return WheelFacts(metadata=metadata, size_bytes=download.size_bytes, hashes=download.hashes)


def _check_identity(content: bytes, file: DistributionFile, project: str) -> bytes:
    """The content itself. Raises MetadataError for METADATA of another project or version than the file name's."""
    try:
        metadata = parse_core_metadata(content)
    except ValueError:
        return content  # The caller parses it too, and names the fault.
    if metadata.name != project or metadata.version != file.version:
        raise MetadataError(
            f"`{file.filename}` is a broken wheel: its METADATA is that of `{metadata.name} {metadata.version}`",
            project=project,
            filename=file.filename,
        )
    return content


def fetch_file(file: DistributionFile, *, session: HttpSession, into: Path) -> Download:
    """Download a wheel or sdist whole, and check the hashes that are promised. Raises FetchError, HashMismatchError."""
    session.check_link(file.url, page=file.link_source)
    download = session.download(file.url, into=into, algorithms=promised_algorithms(file))
    if download is None:
        listed = "" if file.origin is not None else ", although its page lists it"
        raise FetchError(f"{file.url} does not exist{listed}", url=file.url)
    verify_hashes(file.filename, promised=file.hashes, found=download.hashes, by=find_hash_source(file))
    _verify_size(file, download.size_bytes)
    return download


def find_hash_source(file: DistributionFile) -> str:
    """What promises the hashes of a file, for messages: its page, or the list for a direct URL."""
    return "its page" if file.origin is None else "the list"


def promised_algorithms(file: DistributionFile) -> tuple[str, ...]:
    """The algorithms of the hashes that are promised for a file."""
    return tuple(text.partition(":")[0] for text in file.hashes)


def verify_hashes(filename: str, *, promised: Iterable[str], found: Iterable[str], by: str = "its page") -> None:
    """Raises HashMismatchError where a promised hash differs from the one found; SHA-256 is compared first.

    Hashes are `algorithm:hex`. A promised one without a counterpart in `found` is not compared.
    """
    actual = {text.partition(":")[0]: text for text in found}
    for expected in sorted(promised, key=lambda text: not text.startswith("sha256:")):
        shown = actual.get(expected.partition(":")[0], expected)
        # A text of another length is no digest of that algorithm; pages do hold such texts.
        if shown != expected and len(shown) == len(expected):
            raise HashMismatchError(
                f"`{filename}` is not the file that {by} promises",
                details=(f"expected {expected}", f"found    {shown}"),
                filename=filename,
                expected=expected,
                found=shown,
            )


def _verify_size(file: DistributionFile, size_bytes: int) -> None:
    """Raise HashMismatchError for a file that was read whole and has another size than was promised."""
    if file.size_bytes not in (None, size_bytes):
        raise HashMismatchError(
            f"`{file.filename}` is not the file that {find_hash_source(file)} promises",
            details=(f"expected {file.size_bytes} bytes", f"found    {size_bytes} bytes"),
            filename=file.filename,
            expected=f"{file.size_bytes} bytes",
            found=f"{size_bytes} bytes",
        )


def _fetch_metadata_file(file: DistributionFile, session: HttpSession) -> bytes | None:
    """The content of the PEP 658 file; None where it is missing although the page promises it."""
    content = session.fetch_metadata(f"{file.url}.metadata")
    # PEP 714: `core-metadata` is a hash such as `sha256=…`, or `true` without one.
    algorithm, _, expected = (file.core_metadata or "").partition("=")
    if content is not None and expected:
        found: tuple[str, ...] = (f"sha256:{hash_bytes(content)}",)
        if algorithm != "sha256":
            # Lazy, as below: indexes give SHA-256.
            from resolver.fetch.http.responses import hash_chunks

            found = hash_chunks((content,), algorithms=(algorithm,)).hashes
        verify_hashes(f"{file.filename}.metadata", promised=(f"{algorithm}:{expected.lower()}",), found=found)
    return content


def _fetch_by_ranges(file: DistributionFile, project: str, session: HttpSession) -> WheelFacts | None:
    """METADATA from ranges; None where the host gives none. Raises WheelDirectoryError where they do not fit."""
    # The directory of a zip file is at its end, and METADATA is often near it.
    tail = session.fetch_range(file.url, start=-_TAIL_BYTES)
    if tail is None:
        # Some hosts support ranges but no suffix ranges.
        size = file.size_bytes or session.fetch_size(file.url)
        tail = session.fetch_range(file.url, start=max(0, size - _TAIL_BYTES), stop=size) if size else None
    if tail is None:
        return None

    def read(start: int, stop: int) -> bytes:
        part = session.fetch_range(file.url, start=start, stop=stop)
        if part is None or part.size != tail.size:
            raise WheelDirectoryError("the host gives ranges only now and then")
        return part.data

    # With another size the ranges are those of another file, or of an error page.
    if file.size_bytes not in (None, tail.size):
        raise WheelDirectoryError("the host tells another size than the page")
    metadata = find_metadata(tail.data, size=tail.size, project=project, read=read)
    hashes = _check_whole(file, tail.data) if len(tail.data) == tail.size else ()
    return WheelFacts(metadata=metadata, size_bytes=tail.size, hashes=hashes)


def _check_whole(file: DistributionFile, content: bytes) -> tuple[str, ...]:
    """The hashes of a small wheel, which came as a whole in one part. Raises HashMismatchError."""
    # Lazy: a warm run hashes no file.
    from resolver.fetch.http.responses import hash_chunks

    found = hash_chunks((content,), algorithms=promised_algorithms(file)).hashes
    verify_hashes(file.filename, promised=file.hashes, found=found, by=find_hash_source(file))
    return found


def _read_local(path: Path, file: DistributionFile, project: str) -> bytes:
    """METADATA of a wheel on disk. Raises MetadataError for a broken wheel, FetchError where it cannot be read."""
    try:
        with open_regular(path) as wheel:
            size = wheel.seek(0, 2)

            def read(start: int, stop: int) -> bytes:
                wheel.seek(start)
                return wheel.read(stop - start)

            return find_metadata(read(max(0, size - _TAIL_BYTES), size), size=size, project=project, read=read)
    except WheelDirectoryError as error:
        raise MetadataError(
            f"`{file.filename}` is a broken wheel: {error}", project=project, filename=file.filename
        ) from error
    except OSError as error:
        raise FetchError(f"{path} cannot be read", why=f"{error.strerror}", url=file.url) from error


def find_metadata(tail: bytes, *, size: int, project: str, read: _ReadBytes) -> bytes:
    """METADATA of a wheel of which the last bytes are known; the rest is read as needed. Raises WheelDirectoryError."""
    for _ in range(_STEPS):
        member = find_metadata_member(tail, size=size, project=project)
        if not isinstance(member, MoreBytes):
            start = size - len(tail)
            # The tail may hold METADATA itself; else it is one more part.
            if member.start >= start:
                return read_member(tail, member, start=start)
            return read_member(read(member.start, member.stop), member)
        tail = read(member.start, size - len(tail)) + tail
    raise WheelDirectoryError("the zip directory cannot be found")
