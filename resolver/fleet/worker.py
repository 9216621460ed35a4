"""What a worker does with a task: lock one list for all its machine types, and write locks and result.

In: a `FleetTask` and the `WorkerOptions` of the run. Out: files in the output (`resolver.fleet.journal`), and an
`Outcome` with counts alone, which is all that goes back to the driver.

A task is pure: the same task and the same answers of the indexes give the same bytes, whichever worker does it and how
often. A worker unpacks the files of a task into a folder of its own, and reads and plans the list there as `lock` does
beside its list; so the bytes of a lock are those that `lock SOURCE -m TYPE` writes. Every error of a list is data in
its row; the result is written after all locks, so a worker that dies between them leaves a task that is done again.

What lists have in common (a `Session` with its store and memory, connections to the output) is kept for the life of
the process.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from pathlib import Path

from lockfiles import Lockfile, dumps
from lockfiles._files import hash_bytes
from lockfiles._values import dataclass
from lockfiles.variable_bindings import VariableBindings
from resolver.errors import InputError, PinfoldError
from resolver.fetch.access import DEFAULT_CACHE_BYTES, DEFAULT_TIMEOUT_S, Access, LoginOptions, read_file_bindings
from resolver.fleet.journal import DONE, FAILED, Journal, Place, open_place
from resolver.fleet.results import PASSING_CAUSES, HeldPin, Row, build_failed_row, build_row, list_pins
from resolver.fleet.tasks import FleetTask, build_inline_source, identify_code
from resolver.index.package_source import PageEvidence
from resolver.locking.locker import LockOutcome
from resolver.locking.old_lock import Upgrade
from resolver.planning.plan import LockPlan, RunContext, plan_lock, read_old_lock, share_old_locks
from resolver.session import Session
from resolver.settings.settings import Settings
from resolver.sources.lock_places import place_locks
from resolver.sources.reader import read_source
from resolver.sources.settings_file import read_bindings
from resolver.sources.source import Source
from resolver.sources.target_choice import ChosenMachines, choose_machines

__all__ = [
    "Examination",
    "Outcome",
    "WorkerOptions",
    "build_access",
    "examine_worker",
    "find_session",
    "lock_task",
    "lock_tasks",
]


_MOST_SESSIONS = 2
"""The states of the indexes that a worker has open: that of the run, and one of lists whose locks are gone."""
_MEMORY_BYTES = 64 * 1024**2
"""What their sessions keep in memory. Pages and metadata serve many lists, answers only their own: with more memory,
workers grow for longer and are not faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """What all tasks of a run have in common. It travels, so it has no secret.

    - `output` is the place of locks and journal: a folder that all workers mount, or a URL of fsspec.
    - `run` names the run, which the results of its tasks have.
    - `cache` is the folder of each worker's cache, None that of its user. Builds and repositories are kept there, which
      no store has; so is everything else where `store` is None.
    - `store` is the address of what all workers share of the indexes (`Session`).
    - `upgrade` releases the pins of the locks in the output; `refresh` uses no page of an earlier run.
    - The others are those of `Access`, for all lists.
    """

    output: str
    run: str
    cache: str | None = None
    store: str | None = None
    upgrade: bool = False
    refresh: bool = False
    offline: bool = False
    forbids_builds: bool = False
    allowed_hosts: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    timeout_s: float = DEFAULT_TIMEOUT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a driver learns about a task: its key, and the numbers of locked and of failed rows.

    `is_passing` is whether the next run tries again. `cpu_s` is the time of the processor that the task took.
    """

    key: str
    locked: int
    failed: int
    is_passing: bool
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """A worker: the code that it runs, variables that have no value there, and why it cannot use output or store."""

    code: str
    missing: tuple[str, ...]
    fault: str


def lock_tasks(tasks: Sequence[FleetTask], options: WorkerOptions) -> tuple[Outcome, ...]:
    """Do tasks one after the other, but for those that an earlier attempt of this run has done."""
    journal = Journal(_open(options.output))
    return tuple(_find_outcome(journal, task.key, options.run) or lock_task(task, options) for task in tasks)


def _find_outcome(journal: Journal, key: str, run: str) -> Outcome | None:
    """The outcome of a task that this run has done."""
    document = journal.read_document(f"{DONE}/{key}.json")
    if document is None or document.get("run") != run:
        return None
    failed = sum(row["state"] == "failed" for row in document["rows"])
    return Outcome(key=key, locked=len(document["rows"]) - failed, failed=failed, is_passing=False, cpu_s=0.0)


def lock_task(task: FleetTask, options: WorkerOptions) -> Outcome:
    """Lock a task, and write its locks and its result.

    Raises InputError where the output cannot be written: then there is no place for a result, and the driver writes
    that of the list.
    """
    began, cpu = time.monotonic(), time.process_time()
    place = _open(options.output)
    with tempfile.TemporaryDirectory(prefix="pinfold-fleet-") as root:
        locked = _lock(task, options, place, Path(os.path.realpath(root)))
    journal = Journal(place)
    _write_locks(locked, task, options.run, place, journal)
    seconds = round(time.monotonic() - began, 3)
    failed = [row for row in locked.rows if row["state"] == "failed"]
    is_passing = any(row["cause"] in PASSING_CAUSES for row in failed)
    document = locked.render(task, run=options.run, seconds=seconds)
    journal.write(task.key, document, state=FAILED if is_passing else DONE)
    return Outcome(
        key=task.key,
        locked=len(locked.rows) - len(failed),
        failed=len(failed),
        is_passing=is_passing,
        cpu_s=time.process_time() - cpu,
    )


def _write_locks(locked: _Locked, task: FleetTask, run: str, place: Place, journal: Journal) -> None:
    """Write the locks that are not as they were before this run, of which a killed attempt may have written some.

    The states of all are noted first. A platform deploys what is `new` or `changed`, so a lock that the killed attempt
    wrote must not count as unchanged for the next one.
    """
    earlier = journal.find_states(task.key, run)
    written = [
        (row, text)
        for row, text in zip(locked.rows, locked.texts, strict=True)
        if text is not None and row["state"] != "unchanged"
    ]
    for row in locked.rows:
        row["state"] = earlier.get(row["lock"], row["state"]) if row["state"] != "failed" else "failed"
    if written:
        journal.begin(task.key, run, {row["lock"]: row["state"] for row in locked.rows if row["lock"] is not None})
    for row, text in written:
        place.write(row["lock"], text)


def examine_worker(options: WorkerOptions, variables: Sequence[str]) -> Examination:
    """What this process is and lacks, for a check before anything is sent."""
    try:
        _open(options.output).read(".fleet/fleet.json")
        find_session(options, "")
        fault = ""
    except PinfoldError as error:
        fault = str(error)
    missing = tuple(name for name in variables if not os.environ.get(name))
    return Examination(code=identify_code(), missing=missing, fault=fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Locked:
    """What a task comes to, before anything is written.

    - `rows` are in the order of the machine types of the task; `texts` and `pins` belong to them, and are None and
      empty for a row that failed.
    - `pages` are the evidence. None is not all of it, as for a list with a build: such a list is locked again by each
      run with `--changed`.
    """

    rows: tuple[Row, ...]
    texts: tuple[bytes | None, ...]
    pins: tuple[tuple[HeldPin, ...], ...]
    pages: tuple[PageEvidence, ...] | None

    def render(self, task: FleetTask, *, run: str, seconds: float) -> bytes:
        """The result of the task for the journal. Pins that several locks have are written once."""
        numbers: dict[HeldPin, int] = {}
        numbered = [[numbers.setdefault(pin, len(numbers)) for pin in pins] for pins in self.pins]
        pages = None if self.pages is None else _list_evidence(self.pages)
        document = {
            "key": task.key,
            "run": run,
            "source": task.name,
            "rows": [
                {**row, "seconds": seconds, "key": task.key, "pin_numbers": found}
                for row, found in zip(self.rows, numbered, strict=True)
            ],
            "pins": list(numbers),
            "pages": pages,
        }
        return json.dumps(document, separators=(",", ":")).encode()


def _list_evidence(pages: Iterable[PageEvidence]) -> list[tuple[str, str, bool]]:
    """Public URL and validator of each page, and whether it is absent; each once."""
    return sorted({(page.url, page.validator, page.is_absent) for page in pages})


def _lock(task: FleetTask, options: WorkerOptions, place: Place, root: Path) -> _Locked:
    """The locks of a task, whose files are unpacked below `root`; nothing is written to the output."""
    try:
        _unpack(task, root)
        run = _TaskRun(task, options, place, root / task.folder)
        return run.lock_all()
    except PinfoldError as error:
        return _fail(task, error, root)
    except Exception as error:  # noqa: BLE001  (one list must not end the run of the others)
        return _fail(task, error, root)


def _fail(task: FleetTask, error: Exception, root: Path) -> _Locked:
    """The result of a task without any lock."""
    machines: Sequence[str | None] = task.machines or (None,)
    rows = tuple(build_failed_row(error, source=task.name, machine=one, root=str(root)) for one in machines)
    return _Locked(rows=rows, texts=(None,) * len(rows), pins=((),) * len(rows), pages=None)


def _unpack(task: FleetTask, root: Path) -> None:
    """Write the files of a task, as a repository: nothing above its root has a part in the locks.

    An inline list has no file; its folder is made, for settings and lock are looked for there.
    """
    (root / ".git").mkdir()
    (root / task.folder).mkdir(parents=True, exist_ok=True)
    for name, data in task.files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if task.requirements is not None:
        (root / task.folder / task.name).mkdir(parents=True, exist_ok=True)


class _TaskRun:
    """One task in its folder, which is that of the manifest.

    The steps are those of the verb `lock` for one source with several `-m`: read the list, choose the machine types,
    place the locks, plan each, share old pins between plans of equal targets, lock. They are not its code, because that
    reads old locks and writes new ones beside the list, where a worker has no files.
    """

    def __init__(self, task: FleetTask, options: WorkerOptions, place: Place, folder: Path) -> None:
        self._task = task
        self._options = options
        self._place = place
        self._folder = folder
        self._rows: dict[str | None, tuple[Row, bytes | None, tuple[HeldPin, ...]]] = {}

    def lock_all(self) -> _Locked:
        """The locks of all machine types; an error of one does not stop the others."""
        source = self._read()
        jobs: dict[str | None, ChosenMachines] = {}
        for machine in self._task.machines or (None,):
            with self._attempt(machine):
                chosen = choose_machines(source, arguments=self._settings(machine))
                jobs.setdefault(chosen.label, chosen)
        paths = place_locks([(source, label) for label in jobs], Settings(), folder=self._folder)
        plans: list[LockPlan] = []
        for (label, machines), path in zip(jobs.items(), paths, strict=True):
            with self._attempt(label):
                plans.append(self._plan(source, machines, path))
        pages = self._lock_plans(share_old_locks(plans))
        rows, texts, pins = zip(*self._rows.values(), strict=True)
        return _Locked(rows=rows, texts=texts, pins=pins, pages=pages)

    def _read(self) -> Source:
        """The list, read as `lock` reads it in the folder of the manifest."""
        if self._task.requirements is not None:
            return build_inline_source(self._task, self._folder)
        source = read_source(self._task.name, folder=self._folder, find_bindings=self._find_bindings)
        # The places of locks follow from the list alone.
        return replace(source, settings=replace(source.settings, output=None))

    def _settings(self, machine: str | None) -> Settings:
        settings = self._task.settings
        return settings if machine is None else replace(settings, machine_type=(machine,))

    def _plan(self, source: Source, machines: ChosenMachines, path: Path | None) -> LockPlan:
        """The plan of one machine type, with the lock that the output has.

        A lock that was made from another list counts as none, as `lock` treats it: its pins are no wish of this one.
        """
        assert path is not None  # No output is set, so nothing is printed.
        if not path.is_relative_to(self._folder):
            raise InputError(f"`{source.name}` has its lock outside of the folder of the manifest")
        old = self._read_old(path)
        plan = self._build_plan(source, machines, path, old)
        if old is not None and old.tool is not None and old.tool.source not in (None, plan.recorded_source):
            plan = self._build_plan(source, machines, path, None)
        return plan

    def _build_plan(self, source: Source, machines: ChosenMachines, path: Path, old: Lockfile | None) -> LockPlan:
        return plan_lock(
            source,
            arguments=self._settings(None),
            path=path,
            old=old,
            run=RunContext(
                folder=self._folder,
                variables=os.environ,
                now=datetime.now(UTC),
                may_ask_host=False,
                bindings=self._find_bindings(source.path),
            ),
            upgrade=self._options.upgrade,
            machines=machines,
        )

    def _read_old(self, path: Path) -> Lockfile | None:
        """The lock of this name in the output; None where there is none.

        It is written into the folder of the task, where `plan_lock` expects it and `_note` compares with it.
        """
        data = self._place.read(self._name(path))
        if data is None:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return read_old_lock(path, folder=self._folder)

    def _lock_plans(self, plans: Sequence[LockPlan]) -> tuple[PageEvidence, ...] | None:
        """Lock the plans, and note a row for each; the pages that all of them rest on, None where that is not all."""
        pages: list[tuple[PageEvidence, ...] | None] = []
        session = find_session(self._options, self._task.snapshot)
        upgrade = Upgrade(everything=self._options.upgrade)
        for plan, found in zip(plans, session.lock_plans(plans, upgrade=upgrade, note_pages=pages.append), strict=True):
            with self._attempt(plan.machines.label):
                if isinstance(found, PinfoldError):
                    raise found
                self._note(plan, found)
        return pages[-1]

    def _note(self, plan: LockPlan, outcome: LockOutcome) -> None:
        """Note the row of a lock. Its state is by the bytes of the lock that was there, not by its pins."""
        assert plan.path is not None
        data = dumps(outcome.lockfile).encode()
        before = plan.path.read_bytes() if plan.path.exists() else None
        row = build_row(
            outcome.lockfile,
            source=self._task.name,
            machine=plan.machines.label,
            state="new" if before is None else "unchanged" if before == data else "changed",
            lock=self._name(plan.path),
            sha256=hash_bytes(data),
            warnings=outcome.warnings,
        )
        self._rows[plan.machines.label] = row, data, list_pins(outcome.lockfile)

    def _attempt(self, machine: str | None) -> _Attempt:
        return _Attempt(partial(self._note_error, machine))

    def _note_error(self, machine: str | None, error: Exception) -> None:
        """Note the row of a machine type that failed."""
        root = str(self._folder)[: -len(self._task.folder) - 1] if self._task.folder != "." else str(self._folder)
        row = build_failed_row(error, source=self._task.name, machine=machine, root=root)
        self._rows[machine] = row, None, ()

    def _find_bindings(self, source: Path | None) -> VariableBindings:
        """The bindings of the user of the driver, those of this worker, and those of its file of credentials."""
        own = read_bindings((), source=source, load=partial(read_file_bindings, LoginOptions()))
        return own | self._task.bindings

    def _name(self, path: Path) -> str:
        """The name of a lock in the output."""
        return path.relative_to(self._folder).as_posix()


class _Attempt:
    """Notes an error, and goes on: a context manager.

    Any exception is noted, not the errors of pinfold alone: a bug that one list of thousands brings to light is data
    of that list. What ends the process (KeyboardInterrupt, SystemExit) goes on to Dask.
    """

    def __init__(self, note: Callable[[Exception], None]) -> None:
        self._note = note

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self._note(error)
        return True


@cache
def _open(output: str) -> Place:
    """The output, opened once a process: a bucket takes a tenth of a second, and a folder knows its subfolders."""
    return open_place(output)


@lru_cache(maxsize=_MOST_SESSIONS)
def find_session(options: WorkerOptions, snapshot: str) -> Session:
    """The session of this process for one state of the indexes, open until it ends. Raises InputError.

    The lists of a run have few states: that of this run, and those of earlier ones whose locks are gone.
    """
    return Session(
        build_access(options),
        store=options.store,
        snapshot=snapshot,
        memory_limit_bytes=_MEMORY_BYTES // _MOST_SESSIONS,
    )


def build_access(options: WorkerOptions) -> Access:
    """The way to the indexes. Logins are those of the worker: its environment, netrc and file of credentials.

    A keyring is never asked: it may wait for a person.
    """
    return Access(
        cache_folder=_choose_cache_folder(options.cache),
        cache_limit_bytes=DEFAULT_CACHE_BYTES,
        offline=options.offline,
        refresh=options.refresh,
        logins=LoginOptions(keyring="disabled"),
        allowed_hosts=options.allowed_hosts,
        trusted_hosts=options.trusted_hosts,
        forbids_builds=options.forbids_builds,
        timeout_s=options.timeout_s,
    )


def _choose_cache_folder(named: str | None) -> Path:
    """The folder of the run, else `PINFOLD_CACHE_DIR`, else the cache folder of this worker's user."""
    named = named or os.environ.get("PINFOLD_CACHE_DIR")
    if named:
        return Path(named)
    from platformdirs import user_cache_path  # Lazy: few workers need it.

    return user_cache_path("pinfold", appauthor=False)
