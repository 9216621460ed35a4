"""A folder with all wheels of a lock, from which pip and uv install without a network.

In: a lockfile, the folder that it lies in, a place, and how to reach hosts. Out: `FetchOutcome`, and on disk the
verified wheels with a requirements.txt. What has another hash is not kept. A run that is broken off leaves whole files,
and parts that the next run goes on from.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from packaging.pylock import Package, PackageWheel
from packaging.utils import NormalizedName

from lockfiles import Lockfile
from lockfiles.value_classes import dataclass
from resolver.artifacts.download import ReadsBodies, StoppedError, copy, download
from resolver.artifacts.partial_file import hash_file
from resolver.artifacts.requirement_file import check_place, render_requirements, write_requirements
from resolver.artifacts.wanted import Wanted, WantedFile, list_wanted
from resolver.errors import InputError
from resolver.fetch.workers import Task, Workers

__all__ = ["FetchOutcome", "FetchedFile", "Progress", "fill_wheelhouse"]

AT_ONCE = 8
_STASH = ".pinfold"
"""The folder inside a wheelhouse for parts and for what wheels are built from: installers do not look there."""
_SHOW_EVERY_S = 0.1
_ENDING_S = 2.0
"""How long to wait for downloads that are of no use any more: they end with their next bytes."""

Outcome = Literal["present", "downloaded", "copied", "built"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """A wheel of the wheelhouse, or what one was built from; `place` is where it came from, in public."""

    project: NormalizedName
    filename: str
    sha256: str
    size_bytes: int
    outcome: Outcome
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOutcome:
    """What a wheelhouse holds, in the order of the lock; `requirements` is the file to install from."""

    folder: Path
    requirements: Path
    files: tuple[FetchedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run has come; sizes that the lock does not say do not count."""

    files_done: int
    files: int
    bytes_done: int
    bytes: int


def fill_wheelhouse(
    lockfile: Lockfile,
    *,
    lock_folder: Path,
    to: Path,
    client: ReadsBodies,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> FetchOutcome:
    """Bring all files of a lock to a folder, which is made if need be.

    Raises InputError for what cannot be used here, FetchError, and HashMismatchError for a file that is not the one
    that was locked.
    """
    wanted = list_wanted(lockfile, folder=lock_folder)
    _refuse_sources(wanted)
    stash = _make_folders(to)
    fetched = _Run(to, stash, client, on_progress).fetch_all(wanted.files)
    packages = [_with_wheels(package, fetched) for package in lockfile.pylock.packages]
    text = render_requirements(packages, tool=lockfile.tool)
    return FetchOutcome(
        folder=to,
        requirements=write_requirements(to, text),
        files=tuple(fetched[file.filename] for file in wanted.files),
    )


def _refuse_sources(wanted: Wanted) -> None:
    sources = [file.filename for file in wanted.files if not file.is_wheel] + [tree.name for tree in wanted.trees]
    if sources:
        raise InputError(f"these have to be built: {', '.join(f'`{name}`' for name in sources)}")


def _make_folders(to: Path) -> Path:
    """The folder for parts. Raises InputError where there can be none."""
    stash = to / _STASH
    try:
        stash.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise InputError(f"`{to.name}` cannot be a folder of wheels: {reason}\n  try: another, with `--to`") from error
    check_place(to)
    return stash


def _with_wheels(package: Package, fetched: Mapping[str, FetchedFile]) -> Package:
    """The package with its wheels as they lie in the folder."""
    files = [fetched[wheel.filename] for wheel in package.wheels or ()]
    wheels = [PackageWheel(name=file.filename, path=file.filename, hashes={"sha256": file.sha256}) for file in files]
    return replace(package, wheels=wheels, sdist=None)


class _Run:
    """The files of one run, several at once; the first that fails ends it."""

    def __init__(self, to: Path, stash: Path, client: ReadsBodies, on_progress: Callable[[Progress], None]) -> None:
        self._to = to
        self._stash = stash
        self._client = client
        self._on_progress = on_progress
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._bytes_done = 0

    def fetch_all(self, files: Sequence[WantedFile]) -> dict[str, FetchedFile]:
        """The files by name, the big ones first. Raises what the first one in order that failed has raised."""
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
        return {file.filename: tasks[file].result() for file in files}

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
        target = (self._to if file.is_wheel else self._stash) / file.filename
        outcome: Outcome = "present"
        known = hash_file(target)
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
        download(file, url=file.place, part=part, target=target, client=self._client, on_bytes=self._count)
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
