"""Several files of a lock at once, from their hosts or this disk into folders; the first that fails ends it.

One file of a lock, from its host into a wheelhouse: resumed where it was broken off, kept only with its hash.

The hash is what decides. A part that an earlier run has left is continued; if the whole then has another hash, it is
asked for once more from its first byte, since host or disk may have changed meanwhile.

A file that is on its way: what has come of it so far, with its hash, so that a later run goes on from there.
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

from lockfiles._files import hash_file
from lockfiles._values import dataclass
from resolver.artifacts.wanted import WantedFile
from resolver.errors import AuthenticationError, FetchError, HashMismatchError, InputError, render_os_error
from resolver.fetch.http.responses import FileResponse
from resolver.fetch.workers import Task, Workers
from resolver.index.distribution_file import parse_size

__all__ = [
    "Downloads",
    "FetchedFile",
    "Outcome",
    "PartialFile",
    "Progress",
    "ReadsBodies",
    "StoppedError",
    "copy",
    "download",
    "measure_file",
]


_CHUNK_BYTES = 1 << 20


class PartialFile:
    """Bytes that have come, at the end of which more are written; a context manager.

    What an earlier run has left is read once, for its hash. Raises InputError for a place that cannot be written, and
    where another process is writing to it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        try:
            # A link in place of the file would let somebody else choose what is written to.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            self._file = os.fdopen(os.open(path, flags, 0o666), "r+b")
        except OSError as error:
            raise InputError(f"`{path.name}` cannot be written: {render_os_error(error)}") from error
        try:
            self._keep_to_ourselves()
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
        with suppress(OSError):  # What could not be written is told already.
            self._file.close()

    @property
    def sha256(self) -> str:
        """The SHA-256 of all that has come, in hex."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Put the next bytes behind what is there. Raises InputError where the disk is full."""
        try:
            self._file.write(chunk)
        except OSError as error:
            raise InputError(f"`{self.path.name}` cannot be written: {render_os_error(error)}") from error
        self._digest.update(chunk)
        self.size_bytes += len(chunk)

    def restart(self) -> None:
        """Forget all that has come."""
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def move_to(self, target: Path) -> None:
        """Close the file and let it be `target` from now on, in place of whatever was there.

        Raises InputError where the disk is full.
        """
        self._close()
        try:
            self.path.replace(target)
        except OSError as error:
            raise InputError(f"`{target.name}` cannot be written: {render_os_error(error)}") from error

    def remove(self) -> None:
        """Close the file and delete it."""
        with suppress(OSError):  # What it could not hold is not wanted.
            self._file.close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        """The last bytes may find the disk full."""
        try:
            self._file.close()
        except OSError as error:
            raise InputError(f"`{self.path.name}` cannot be written: {render_os_error(error)}") from error

    def _keep_to_ourselves(self) -> None:
        """Two runs that write to one file would spoil it for both; systems without such locks find out by the hash."""
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


def measure_file(path: Path) -> tuple[int, str] | None:
    """Size and SHA-256 of a regular file; None where there is none, or no such file."""
    if path.is_symlink() or not path.is_file():
        return None
    return path.stat().st_size, hash_file(path)


_T = TypeVar("_T")
_WORTH_ANOTHER_BYTES = 1 << 20
"""What a request must have brought before the connection was lost, for the download to go on after all its retries."""
_REFUSALS = 2
"""How often a host may give something else than the rest of a file: after the first time, all of it is asked for."""
_LIMIT_BYTES = 16 * 1024**3
"""For a file whose size the lock does not say."""


class StoppedError(Exception):
    """The run has ended meanwhile; what has come is kept."""


class ReadsBodies(Protocol):
    """What a download needs of an HTTP client."""

    def read_body(
        self, url: str, *, headers: Callable[[], Mapping[str, str]], read: Callable[[FileResponse], _T]
    ) -> _T | None:
        """What `read` makes of the answer; None for 404. A body that breaks off is asked for again, as a whole."""
        ...


def download(
    file: WantedFile,
    *,
    url: str,
    part: Path,
    target: Path,
    client: ReadsBodies,
    on_bytes: Callable[[int], None] = lambda count: None,
) -> None:
    """Put the file at `target`. `on_bytes` hears of bytes as they come, and may raise StoppedError.

    Raises HashMismatchError, after which nothing of the file is left, and FetchError, after which its part is.
    """
    with PartialFile(part) as partial:
        is_joined = _Receiving(file, partial, on_bytes).receive(url, client)
        if is_joined and not _is_whole(file, partial):
            partial.restart()
            _Receiving(file, partial, on_bytes).receive(url, client)
        _keep(file, partial, place=url, target=target)


def copy(
    file: WantedFile, source: Path, *, part: Path, target: Path, on_bytes: Callable[[int], None] = lambda count: None
) -> None:
    """Put a file of this disk at `target`; no part of one is kept. Raises InputError and HashMismatchError."""
    if not source.is_file():
        raise InputError(
            f"there is no file `{source.name}` where the lock has it: `{source.as_posix()}`",
            remedy="put it there; a path in a lock starts from the folder that the lock lies in",
        )
    limit = _LIMIT_BYTES if file.size_bytes is None else file.size_bytes
    with PartialFile(part) as partial:
        partial.restart()
        try:
            with source.open("rb") as stream:
                while partial.size_bytes <= limit and (chunk := stream.read(_CHUNK_BYTES)):
                    partial.write(chunk)
                    on_bytes(len(chunk))
        except OSError as error:
            raise InputError(f"`{source.as_posix()}` cannot be read: {render_os_error(error)}") from error
        _keep(file, partial, place=source.as_posix(), target=target)


def _keep(file: WantedFile, partial: PartialFile, *, place: str, target: Path) -> None:
    """Let what has come be the file, or keep nothing of it. Raises HashMismatchError."""
    if _is_whole(file, partial):
        partial.move_to(target)
        return
    found, size = partial.sha256, partial.size_bytes
    partial.remove()
    target.unlink(missing_ok=True)
    raise _mismatch(file, place=place, found=found, size_bytes=size)


def _mismatch(file: WantedFile, *, place: str, found: str, size_bytes: int) -> HashMismatchError:
    """For content that is not what was locked; where more came than was locked, only the beginning was read."""
    is_longer = file.size_bytes is not None and size_bytes > file.size_bytes
    what = f"sha256 {found}, {size_bytes} bytes"
    if is_longer:
        what = f"more than {file.size_bytes} bytes, of which the first {size_bytes} have sha256 {found}"
    size = "" if file.size_bytes is None else f", {file.size_bytes} bytes"
    return HashMismatchError(
        f"`{file.filename}` is not the file that was locked: {place}",
        details=(
            f"locked: sha256 {file.sha256}{size}",
            f"found:  {what}",
        ),
        remedy=(f"find out why it was replaced; `lock --upgrade-package {file.project}` accepts the new file"),
        filename=file.filename,
        expected=file.sha256,
        found=found,
    )


def _is_whole(file: WantedFile, partial: PartialFile) -> bool:
    return partial.sha256 == file.sha256 and file.size_bytes in (None, partial.size_bytes)


class _Receiving:
    """What is asked for and what comes, over all answers that one file may take."""

    def __init__(self, file: WantedFile, partial: PartialFile, on_bytes: Callable[[int], None]) -> None:
        self._file = file
        self._partial = partial
        self._on_bytes = on_bytes
        self._limit = _LIMIT_BYTES if file.size_bytes is None else file.size_bytes
        self._validator = ""
        self._is_joined = False

    def receive(self, url: str, client: ReadsBodies) -> bool:
        """Bring the partial file to the length that host or lock say, or one chunk beyond it.

        Whether it is made of several answers, which may be of different files.
        """
        partial = self._partial
        if self._file.size_bytes == partial.size_bytes:
            return True
        if partial.size_bytes > self._limit:
            partial.restart()
        refused = 0
        while refused < _REFUSALS:
            before = partial.size_bytes
            try:
                done = client.read_body(url, headers=self._ask, read=self._read)
            except FetchError as error:
                if isinstance(error, AuthenticationError) or partial.size_bytes < before + _WORTH_ANOTHER_BYTES:
                    raise
                continue
            if done is None:
                raise _gone(self._file, url)
            if done:
                return self._is_joined
            refused += 1
        raise FetchError(f"{url} answers with other bytes than it was asked for", url=url)

    def _ask(self) -> Mapping[str, str]:
        """The headers of the next request: for the rest of the file, where there is some of it."""
        asked = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if self._partial.size_bytes:
            asked["Range"] = f"bytes={self._partial.size_bytes}-"
            asked |= {"If-Range": self._validator} if self._validator else {}
        return asked

    def _read(self, body: FileResponse) -> bool:
        """Whether the body has been read to its end; false where it is no continuation of what is there."""
        partial = self._partial
        self._validator = _find_validator(body.headers)
        if body.status != 200 and _find_start(body) != partial.size_bytes:
            partial.restart()
            return False
        if body.status == 200:
            partial.restart()
        self._is_joined = partial.size_bytes > 0
        for chunk in body.chunks:
            partial.write(chunk)
            self._on_bytes(len(chunk))
            if partial.size_bytes > self._limit:
                break
        return True


def _gone(file: WantedFile, url: str) -> FetchError:
    return FetchError(
        f"`{file.filename}` is not there any more: status 404 for {url}",
        remedy="`lock`, which asks the index where it is now",
        url=url,
    )


def _find_validator(headers: Mapping[str, str]) -> str:
    """A strong entity tag, for `If-Range` (RFC 9110, section 13.1.5); empty where there is none."""
    tag = headers.get("etag", "")
    return tag if tag.startswith('"') else ""


def _find_start(body: FileResponse) -> int | None:
    """Where a part begins that a 206 says to hold; None for any other answer, and where it does not say."""
    if body.status != 206 or "content-encoding" in body.headers:
        return None
    unit, _, span = body.headers.get("content-range", "").partition(" ")
    return parse_size(span.partition("-")[0]) if unit == "bytes" else None


AT_ONCE = 8
_SHOW_EVERY_S = 0.1
_LARGE_BYTES = 50_000_000
"""A download of this size is told of: it takes a while."""
_ENDING_S = 2.0
"""How long to wait for downloads that are of no use any more: they end with their next bytes."""

Outcome = Literal["present", "downloaded", "copied", "built"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """A wheel of the wheelhouse, or what one is built from; `place` is where it came from, in public."""

    project: NormalizedName
    filename: str
    sha256: str
    size_bytes: int
    outcome: Outcome
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run has come; sizes that the lock does not say do not count."""

    files_done: int
    files: int
    bytes_done: int
    bytes: int


class Downloads:
    """The files of one run. `find_folder` says where each belongs; `stash` is for parts.

    `on_progress` is called from the thread that waits, `announce` from any. `find_link` looks for the signed link of a
    file that its host refuses, and says whether there is one.
    """

    def __init__(
        self,
        *,
        find_folder: Callable[[WantedFile], Path],
        stash: Path,
        client: ReadsBodies,
        on_progress: Callable[[Progress], None],
        announce: Callable[[str], None] = lambda line: None,
        find_link: Callable[[WantedFile], bool] = lambda file: False,
    ) -> None:
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
        """What became of each file; the big ones come first. Raises what the first one that failed has raised."""
        workers = Workers(AT_ONCE)
        done: queue.SimpleQueue[Task[FetchedFile]] = queue.SimpleQueue()
        tasks = {file: Task(partial(self._fetch, file)) for file in files}
        for file in sorted(files, key=lambda file: (-(file.size_bytes or 0), file.filename)):
            tasks[file].then(done.put)
            workers.schedule(tasks[file])
        try:
            self._wait_for(files, done)
        finally:
            self._stopped.set()
            workers.close(StoppedError())
            workers.join(_ENDING_S)
        _raise_first(tasks[file] for file in files)
        return {file: task.result() for file, task in tasks.items()}

    def _wait_for(self, files: Sequence[WantedFile], done: queue.SimpleQueue[Task[FetchedFile]]) -> None:
        """Wait until all are done or one has failed, and tell of the progress meanwhile."""
        total, count = sum(file.size_bytes or 0 for file in files), 0
        while count < len(files):
            try:
                task = done.get(timeout=_SHOW_EVERY_S)
            except queue.Empty:
                task = None
            if task is not None:
                count += 1
                if task.has_failed:
                    return
            self._on_progress(Progress(files_done=count, files=len(files), bytes_done=self._bytes_done, bytes=total))

    def _fetch(self, file: WantedFile) -> FetchedFile:
        target = self._find_folder(file) / file.filename
        outcome: Outcome = "present"
        known = measure_file(target)
        if known is None or known[1] != file.sha256 or file.size_bytes not in (None, known[0]):
            outcome = self._bring(file, target)
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

    def _bring(self, file: WantedFile, target: Path) -> Outcome:
        part = self._stash / f"{file.filename}.{file.sha256[:16]}.part"
        if isinstance(file.place, Path):
            copy(file, file.place, part=part, target=target, on_bytes=self._count)
            return "copied"
        if (file.size_bytes or 0) >= _LARGE_BYTES:
            self._announce(f"downloading `{file.filename}` ({(file.size_bytes or 0) / 1_000_000:.0f} MB)")
        bring = partial(
            download, file, url=file.place, part=part, target=target, client=self._client, on_bytes=self._count
        )
        try:
            bring()
        except AuthenticationError:
            if not self._find_link(file):
                raise
            bring()
        return "downloaded"

    def _count(self, count: int) -> None:
        if self._stopped.is_set():
            raise StoppedError
        with self._lock:
            self._bytes_done += count


def _raise_first(tasks: Iterable[Task[FetchedFile]]) -> None:
    """Raise the first error that is not about the end of the run itself."""
    for task in tasks:
        try:
            if task.is_done:
                task.result()
        except StoppedError:
            continue
