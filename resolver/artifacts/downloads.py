"""Files of a lock, from their hosts or this disk into folders, each checked against its hash.

In: `WantedFile`s, the folders that they belong to, and an HTTP client. Out: the files in their folders, and a
`FetchedFile` for each. The first file that fails ends the run.

Bytes go to a `_PartialFile` first, which stays on disk when a run breaks off. The next run requests the rest with a
`Range` header and joins both. Only the SHA-256 in the lock decides whether a file is kept: where a joined file has
another one, the whole file is requested once more, since host or disk may have changed in between.

This is a module of its own because it handles no builds and no requirement files: `resolver.artifacts.wheelhouse`
decides which files go where.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, TypeVar

from packaging.utils import NormalizedName

from lockfiles._files import hash_file, open_regular
from lockfiles._values import dataclass
from resolver.artifacts.wanted import WantedFile
from resolver.errors import AuthenticationError, FetchError, HashMismatchError, InputError, render_os_error
from resolver.fetch.http.responses import FileResponse
from resolver.fetch.workers import Task, Workers
from resolver.index.distribution_file import parse_size

__all__ = ["Downloads", "FetchedFile", "Progress", "measure_file"]

_PARALLEL_DOWNLOADS = 8
_PROGRESS_INTERVAL_S = 0.1
_STOP_TIMEOUT_S = 2.0
"""How long to wait for downloads that are no longer needed. Each ends when its next chunk arrives."""

_CHUNK_BYTES = 1 << 20
_LARGE_BYTES = 50_000_000
"""A download of at least this size is announced, because it takes a while."""
_RESUMABLE_BYTES = 1 << 20
"""How much a request must have brought before its connection broke, so that the download goes on after all retries."""
_MOST_REFUSALS = 2
"""How often a host may answer with something other than the rest of a file. After the first time the request is for the
whole file."""
_UNKNOWN_SIZE_LIMIT_BYTES = 16 * 1024**3
"""The limit for a file whose size the lock does not have."""

_T = TypeVar("_T")

FileOutcome = Literal["present", "downloaded", "copied", "built"]
"""How a file came into a wheelhouse in this run; `present` is one that an earlier run has left there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """A wheel of the wheelhouse, or a file that one is built from.

    `place` is the URL or path that it came from, without secrets; for a built wheel it describes the source.
    """

    project: NormalizedName
    filename: str
    sha256: str
    size_bytes: int
    outcome: FileOutcome
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run has come. `bytes` is the sum of the sizes in the lock; a size that the lock lacks counts as 0."""

    files_done: int
    files: int
    bytes_done: int
    bytes: int


class BodyReader(Protocol):
    """The part of an HTTP client that a download uses."""

    def read_body(
        self, url: str, *, headers: Callable[[], Mapping[str, str]], read: Callable[[FileResponse], _T]
    ) -> _T | None:
        """What `read` returns for the response; None for status 404.

        `headers` is called before each attempt. A body that breaks off is requested again, and `read` called again.
        Raises FetchError after the last attempt.
        """
        ...


class Downloads:
    """Downloads or copies files, several at once.

    - `find_folder` returns the folder that a file belongs to; `stash` is the folder for parts of files.
    - `on_progress` is called from the thread that called `fetch_all`, `announce` from any.
    - `check_path` raises InputError for a file of this disk that a lock must not lead to.
    - `find_link` looks for the signed URL of a file that its host refuses, and returns whether there is one. The client
      then uses it for the same URL.
    """

    def __init__(
        self,
        *,
        find_folder: Callable[[WantedFile], Path],
        stash: Path,
        client: BodyReader,
        on_progress: Callable[[Progress], None],
        announce: Callable[[str], None] = lambda line: None,
        check_path: Callable[[Path], object] = lambda path: None,
        find_link: Callable[[WantedFile], bool] = lambda file: False,
    ) -> None:
        self._check_path = check_path
        self._find_link = find_link
        self._find_folder = find_folder
        self._stash = stash
        self._client = client
        self._on_progress = on_progress
        self._announce = announce
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._bytes_done = 0

    def fetch_all(self, files: Sequence[WantedFile]) -> dict[WantedFile, FetchedFile]:
        """Fetch all files, the largest first, so that none of those starts last.

        Raises the error of the first file, in the order of `files`, that has failed: InputError, FetchError,
        HashMismatchError.
        """
        workers = Workers(_PARALLEL_DOWNLOADS)
        done: queue.SimpleQueue[Task[FetchedFile]] = queue.SimpleQueue()
        tasks = {file: Task(partial(self._fetch, file)) for file in files}
        for file in sorted(files, key=lambda file: (-(file.size_bytes or 0), file.filename)):
            tasks[file].then(done.put)
            workers.schedule(tasks[file])
        try:
            self._wait_for(files, done)
        finally:
            self._stopped.set()
            workers.close(_StoppedError())
            workers.join(_STOP_TIMEOUT_S)
        _raise_first(tasks[file] for file in files)
        return {file: task.result() for file, task in tasks.items()}

    def _wait_for(self, files: Sequence[WantedFile], done: queue.SimpleQueue[Task[FetchedFile]]) -> None:
        """Wait until all files are done or one has failed, and report progress meanwhile."""
        total, count = sum(file.size_bytes or 0 for file in files), 0
        while count < len(files):
            # Bytes arrive while no file is done, so the wait is short, and progress is reported after each.
            try:
                task = done.get(timeout=_PROGRESS_INTERVAL_S)
            except queue.Empty:
                task = None
            if task is not None:
                count += 1
                if task.has_failed:
                    return
            self._on_progress(Progress(files_done=count, files=len(files), bytes_done=self._bytes_done, bytes=total))

    def _fetch(self, file: WantedFile) -> FetchedFile:
        """Fetch one file, unless it is in its folder already.

        A file that is there is read and hashed: its name and size prove nothing.
        """
        target = self._find_folder(file) / file.filename
        outcome: FileOutcome = "present"
        known = measure_file(target)
        if known is None or known[1] != file.sha256 or file.size_bytes not in (None, known[0]):
            outcome = self._transfer(file, target)
        else:
            self._count(known[0])
        return FetchedFile(
            project=file.project,
            filename=file.filename,
            sha256=file.sha256,
            size_bytes=target.stat().st_size,
            outcome=outcome,
            place=file.place if isinstance(file.place, str) else file.place.as_posix(),
        )

    def _transfer(self, file: WantedFile, target: Path) -> FileOutcome:
        """Copy or download one file. A host that refuses its URL gets a second request with a signed one."""
        # With a piece of the hash: the part of another file of the same name must not be continued.
        part = self._stash / f"{file.filename}.{file.sha256[:16]}.part"
        if isinstance(file.place, Path):
            self._check_path(file.place)
            _copy(file, file.place, part=part, target=target, on_bytes=self._count)
            return "copied"
        if (file.size_bytes or 0) >= _LARGE_BYTES:
            self._announce(f"downloading `{file.filename}` ({(file.size_bytes or 0) / 1_000_000:.0f} MB)")
        download = partial(
            _download, file, url=file.place, part=part, target=target, client=self._client, on_bytes=self._count
        )
        try:
            download()
        except AuthenticationError:
            if not self._find_link(file):
                raise
            download()
        return "downloaded"

    def _count(self, count: int) -> None:
        """Add to the bytes of the run. Raises _StoppedError, which ends the download that calls this."""
        if self._stopped.is_set():
            raise _StoppedError
        with self._lock:
            self._bytes_done += count


def measure_file(path: Path) -> tuple[int, str] | None:
    """Size in bytes and SHA-256 in hex of a regular file; None for a link, a folder, and where there is nothing."""
    if path.is_symlink() or not path.is_file():
        return None
    return path.stat().st_size, hash_file(path)


class _StoppedError(Exception):
    """Ends a download whose run has ended already; its part stays on disk."""


def _raise_first(tasks: Iterable[Task[FetchedFile]]) -> None:
    """Raise the error of the first task that failed. A task that was only stopped has not failed."""
    for task in tasks:
        try:
            if task.is_done:
                task.result()
        except _StoppedError:
            continue


def _download(
    file: WantedFile, *, url: str, part: Path, target: Path, client: BodyReader, on_bytes: Callable[[int], None]
) -> None:
    """Download a file to `target`. `on_bytes` is called with the size of each chunk, and may raise _StoppedError.

    Raises HashMismatchError and deletes the part, or raises FetchError and keeps it.
    """
    with _PartialFile(part) as partial_file:
        is_joined = _Transfer(file, partial_file, on_bytes).run(url, client)
        if is_joined and not _is_whole(file, partial_file):
            partial_file.restart()
            _Transfer(file, partial_file, on_bytes).run(url, client)
        _keep(file, partial_file, place=url, target=target)


def _copy(file: WantedFile, source: Path, *, part: Path, target: Path, on_bytes: Callable[[int], None]) -> None:
    """Copy a file of this disk to `target`, always from its first byte.

    A copy is as fast as reading a part for its hash, so nothing is resumed. Raises InputError and HashMismatchError.
    """
    if not source.is_file():
        raise InputError(
            f"there is no file `{source.name}` where the lock has it: `{source.as_posix()}`",
            remedy="put it there; a path in a lock starts from the folder that the lock lies in",
        )
    limit = _UNKNOWN_SIZE_LIMIT_BYTES if file.size_bytes is None else file.size_bytes
    with _PartialFile(part) as partial_file:
        partial_file.restart()
        try:
            with open_regular(source) as stream:
                while partial_file.size_bytes <= limit and (chunk := stream.read(_CHUNK_BYTES)):
                    partial_file.write(chunk)
                    on_bytes(len(chunk))
        except OSError as error:
            raise InputError(f"`{source.as_posix()}` cannot be read: {render_os_error(error)}") from error
        _keep(file, partial_file, place=source.as_posix(), target=target)


class _PartialFile:
    """The part of a file that is on disk so far, with its hash; a context manager.

    The bytes that an earlier run has left are read once, for their hash. Raises InputError where the place cannot be
    written, and where another process writes to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        try:
            # O_NOFOLLOW: a link in place of the file would let another user choose which file is written. Neither flag
            # exists on every system.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            self._file = os.fdopen(os.open(path, flags, 0o666), "r+b")
        except OSError as error:
            raise InputError(f"`{path.name}` cannot be written: {render_os_error(error)}") from error
        try:
            self._lock_file()
            while chunk := self._file.read(_CHUNK_BYTES):
                self._digest.update(chunk)
                self.size_bytes += len(chunk)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._close()
            return
        with suppress(OSError):  # An error of the disk is on its way already.
            self._file.close()

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes so far, in hex."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append bytes. Raises InputError where the disk is full."""
        try:
            self._file.write(chunk)
        except OSError as error:
            raise InputError(f"`{self.path.name}` cannot be written: {render_os_error(error)}") from error
        self._digest.update(chunk)
        self.size_bytes += len(chunk)

    def restart(self) -> None:
        """Discard all bytes so far."""
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def move_to(self, target: Path) -> None:
        """Close the file and move it to `target`, which it replaces. Raises InputError where the disk is full."""
        self._close()
        try:
            self.path.replace(target)
        except OSError as error:
            raise InputError(f"`{target.name}` cannot be written: {render_os_error(error)}") from error

    def remove(self) -> None:
        """Close the file and delete it."""
        with suppress(OSError):  # Bytes that the disk has no room for are not needed any more.
            self._file.close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        """Close the file. The buffered bytes are written only now, and may find the disk full: InputError."""
        try:
            self._file.close()
        except OSError as error:
            raise InputError(f"`{self.path.name}` cannot be written: {render_os_error(error)}") from error

    def _lock_file(self) -> None:
        """Lock the file against other runs, whose bytes would mix with ours. Raises InputError where it is locked.

        Windows has no such locks; there the hash of the whole file shows the damage.
        """
        try:
            import fcntl
        except ImportError:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"`{self.path.name}` is being written by another process", remedy="again when that has ended"
            ) from None


class _Transfer:
    """The requests that bring one file, and their responses."""

    def __init__(self, file: WantedFile, partial_file: _PartialFile, on_bytes: Callable[[int], None]) -> None:
        self._file = file
        self._partial = partial_file
        self._on_bytes = on_bytes
        self._limit = _UNKNOWN_SIZE_LIMIT_BYTES if file.size_bytes is None else file.size_bytes
        self._validator = ""
        self._is_joined = False

    def run(self, url: str, client: BodyReader) -> bool:
        """Bring the partial file to the length that host or lock give, or one chunk beyond it.

        Returns whether its bytes come from several responses, which may be of different files. Raises FetchError.
        """
        partial_file = self._partial
        if self._file.size_bytes == partial_file.size_bytes:
            return True
        if partial_file.size_bytes > self._limit:
            partial_file.restart()
        refusals = 0
        while refusals < _MOST_REFUSALS:
            before = partial_file.size_bytes
            try:
                is_complete = client.read_body(url, headers=self._build_headers, read=self._read)
            except FetchError as error:
                # The client has used all its retries. A connection that brings megabytes between its breaks is worth
                # more requests; one that brings nothing is not.
                if isinstance(error, AuthenticationError) or partial_file.size_bytes < before + _RESUMABLE_BYTES:
                    raise
                continue
            if is_complete is None:
                raise _build_missing_error(self._file, url)
            if is_complete:
                return self._is_joined
            refusals += 1
        raise FetchError(f"{url} answers with other bytes than were requested", url=url)

    def _build_headers(self) -> Mapping[str, str]:
        """The headers of the next request: for the rest of the file where a part is here (RFC 9110, section 14.2)."""
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if self._partial.size_bytes:
            headers["Range"] = f"bytes={self._partial.size_bytes}-"
            headers |= {"If-Range": self._validator} if self._validator else {}
        return headers

    def _read(self, body: FileResponse) -> bool:
        """Append a response, and return True: the file is complete.

        False for a response that does not continue the part. The part is discarded then, and the next request is for
        the whole file. A host without range requests sends the whole file with status 200, which replaces the part.
        """
        partial_file = self._partial
        self._validator = _find_validator(body.headers)
        if body.status != 200 and _find_start(body) != partial_file.size_bytes:
            partial_file.restart()
            return False
        if body.status == 200:
            partial_file.restart()
        # A part of another run may be of another file than this response.
        self._is_joined = partial_file.size_bytes > 0
        for chunk in body.chunks:
            partial_file.write(chunk)
            self._on_bytes(len(chunk))
            if partial_file.size_bytes > self._limit:
                break
        return True


def _is_whole(file: WantedFile, partial_file: _PartialFile) -> bool:
    """Whether the bytes are those of the lock. The size is compared too where the lock has it."""
    return partial_file.sha256 == file.sha256 and file.size_bytes in (None, partial_file.size_bytes)


def _keep(file: WantedFile, partial_file: _PartialFile, *, place: str, target: Path) -> None:
    """Move a whole file to its target; delete any other one, with what is at its target. Raises HashMismatchError."""
    if _is_whole(file, partial_file):
        partial_file.move_to(target)
        return
    found, size_bytes = partial_file.sha256, partial_file.size_bytes
    partial_file.remove()
    target.unlink(missing_ok=True)
    raise _build_mismatch_error(file, place=place, found=found, size_bytes=size_bytes)


def _build_mismatch_error(file: WantedFile, *, place: str, found: str, size_bytes: int) -> HashMismatchError:
    """The error for other content than the lock's. A file that is too long was read up to the length in the lock."""
    is_longer = file.size_bytes is not None and size_bytes > file.size_bytes
    content = f"sha256 {found}, {size_bytes} bytes"
    if is_longer:
        content = f"more than {file.size_bytes} bytes, of which the first {size_bytes} have sha256 {found}"
    size = "" if file.size_bytes is None else f", {file.size_bytes} bytes"
    return HashMismatchError(
        f"`{file.filename}` is not the file that was locked: {place}",
        details=(f"locked: sha256 {file.sha256}{size}", f"found:  {content}"),
        remedy=f"find out why it was replaced; `lock --upgrade-package {file.project}` accepts the new file",
        filename=file.filename,
        expected=file.sha256,
        found=found,
    )


def _build_missing_error(file: WantedFile, url: str) -> FetchError:
    """The error for status 404: the index may have moved the file since it was locked."""
    return FetchError(
        f"`{file.filename}` is not there any more: status 404 for {url}",
        remedy="`lock`, which reads on the index where it is now",
        url=url,
    )


def _find_validator(headers: Mapping[str, str]) -> str:
    """A strong entity tag, for `If-Range` (RFC 9110, section 13.1.5); empty where there is none."""
    tag = headers.get("etag", "")
    return tag if tag.startswith('"') else ""


def _find_start(body: FileResponse) -> int | None:
    """The offset of a 206 response, from `Content-Range` (RFC 9110, section 14.4); None for any other response."""
    if body.status != 206 or "content-encoding" in body.headers:
        return None
    unit, _, span = body.headers.get("content-range", "").partition(" ")
    return parse_size(span.partition("-")[0]) if unit == "bytes" else None
