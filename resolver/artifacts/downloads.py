"""Several files of a lock at once, from their hosts or this disk into folders; the first that fails ends it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from packaging.utils import NormalizedName

from lockfiles.value_classes import dataclass
from resolver.artifacts.download import ReadsBodies, StoppedError, copy, download
from resolver.artifacts.partial_file import measure_file
from resolver.artifacts.wanted import WantedFile
from resolver.errors import AuthenticationError
from resolver.fetch.workers import Task, Workers

__all__ = ["Downloads", "FetchedFile", "Outcome", "Progress"]

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
