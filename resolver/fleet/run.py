"""A run over a fleet: from a manifest to locks, result and index, of which the driver does as little as it can.

In: `FleetOptions`. Out: a `FleetResult`; in the output the locks, `.fleet/results.jsonl` and `.fleet/summary.json`; and
the index of pins. The steps:

1. Read the manifest, and build the task of each list. What is wrong with the manifest, or a Python that no list states,
   ends the run here.
2. Find what is done: a task whose key is in the journal, and whose locks are there, is not sent again. Other lists get
   the snapshot of this run.
3. With `--changed`, ask the workers which pages of the evidence have changed; lists that rest on them get it too.
4. Examine the workers: their code, their output, the variables that lists need. A fault ends the run before a task is
   sent.
5. Send the tasks, and count their outcomes. Workers write locks and results.
6. Bring the index up to date with the journal, and write the result.

A run that ends early is continued by the next one with the same options: it has the same snapshot, so the same keys.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from packaging.pylock import is_valid_pylock_path

from lockfiles._values import dataclass
from resolver.errors import Fault, InputError, InternalError
from resolver.fleet.cluster import Client, examine_workers, open_client, run_tasks
from resolver.fleet.journal import DONE, FAILED, Journal, Place, open_place
from resolver.fleet.manifest import Manifest, read_manifest
from resolver.fleet.page_changes import find_changed_pages
from resolver.fleet.pin_index import PinIndex, make_index_path, note_last_index
from resolver.fleet.results import Failure, Row, Summary, build_failed_row, render_count
from resolver.fleet.tasks import FleetTask, RefusedList, TaskBuilder, identify_code
from resolver.fleet.worker import Examination, Outcome, WorkerOptions
from resolver.settings.settings import Settings

__all__ = ["FleetOptions", "FleetProgress", "FleetResult", "lock_fleet"]

_MOST_NAMED = 5
_STATE = "fleet.json"
_Built = FleetTask | RefusedList


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetProgress:
    """How far a run is: lists that are done of those to do, and rows that failed.

    `is_stopping` is set once, where a user interrupts the run: to end the workers takes a moment.
    """

    done: int
    total: int
    failed: int
    is_stopping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """What a run is about.

    - `manifest` is a folder or a file; `output` a folder or a URL; `index` the file of the index of pins, None for one
      in the state folder of the user.
    - `scheduler` is the address of a Dask scheduler, None for `workers` processes here (None: one a processor).
    - `snapshot` names the state of the indexes for all lists, and a run under a name that was used before sees them as
      they were. None is that of the run in which a list was locked: a list that is not done sees them as they are.
    - `changed` locks again what rests on pages that have changed; `upgrade` everything, without the pins of old locks.
    - `arguments` are the settings of the command line, `machines` its `-m`, `allowed_variables` its
      `--allow-variable`. `worker` are the options of all tasks; its output and run are filled in.
    """

    manifest: Path
    output: str
    index: Path | None = None
    scheduler: str | None = None
    workers: int | None = None
    snapshot: str | None = None
    changed: bool = False
    upgrade: bool = False
    arguments: Settings = field(default_factory=Settings, repr=False)
    machines: tuple[str, ...] = ()
    allowed_variables: tuple[str, ...] = ()
    worker: WorkerOptions = field(default_factory=lambda: WorkerOptions(output="", run=""))


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetResult:
    """What a run has done.

    `sent` are the lists that were sent to workers, `kept` those whose results of an earlier run hold; `failed` are
    rows, and `failures` what is wrong with them. `summary` is that of `summary.json`.
    """

    sent: int
    kept: int
    failed: int
    failures: tuple[Failure, ...]
    summary: Mapping[str, Any]
    index: Path

    @property
    def exit_code(self) -> int:
        """0 if all rows are locked, 3 if one failed."""
        return 3 if self.failed else 0


def lock_fleet(options: FleetOptions, *, observe: Callable[[FleetProgress], None] | None = None) -> FleetResult:
    """Lock the lists of a manifest. `observe` is called as tasks end.

    Raises InputError for what is wrong with manifest, output or workers, FetchError for a scheduler that is gone.
    """
    manifest = read_manifest(options.manifest, arguments=options.arguments, machines=options.machines)
    place = open_place(options.output)
    path = make_index_path(options.output, options.index)
    with PinIndex(path, is_new=True) as index:
        result = _Run(options, place, index, observe).lock_all(manifest, path)
    note_last_index(path)  # Not before it has all lists: `which` would say "none" of those that a killed run left out.
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What `fleet.json` has of a run.

    - `snapshot` is that of most lists; `moved` are those of lists that were locked in a later run, by name.
    - `kind` is `plain`, `changed` or `upgrade`. A run is continued only by one of the same kind: a plain run after a
      killed upgrade is a run of its own.
    - `is_complete` is False from before the first task is sent until the result is written.
    """

    run: str
    snapshot: str
    moved: Mapping[str, str]
    kind: str
    is_complete: bool

    def render(self) -> bytes:
        return json.dumps(
            {
                "schema": 1,
                "run": self.run,
                "snapshot": self.snapshot,
                "moved": dict(self.moved),
                "kind": self.kind,
                "is_complete": self.is_complete,
            },
            indent=1,
        ).encode()


class _Run:
    """One run. `index` is open for writing.

    What it does for each list is little, since one driver serves all workers: build the task (0.5 ms), send and count
    it (1 ms), add its result to the index (0.5 ms). It never reads a lock.
    """

    def __init__(
        self,
        options: FleetOptions,
        place: Place,
        index: PinIndex,
        observe: Callable[[FleetProgress], None] | None,
    ) -> None:
        self._options = options
        self._place = place
        self._journal = Journal(place)
        self._index = index
        self._observe = observe
        self._done = self._failed = 0

    def lock_all(self, manifest: Manifest, path: Path) -> FleetResult:
        """Take the steps of the run. `path` is that of the index."""
        state = self._begin()
        builder = TaskBuilder(
            manifest, snapshot=state.snapshot, snapshots=state.moved, allowed=self._options.allowed_variables
        )
        built = list(builder.build_all(manifest.lists))
        self._check_python(built)
        self._catch_up(built, keeps_earlier=True)
        looks_at_pages = self._options.changed and state.is_complete
        if state.is_complete and self._options.snapshot is None:
            built = self._move_new(built, state)
        pending, sent = self._find_pending(built), 0
        if pending or looks_at_pages:
            with open_client(self._options.scheduler, workers=self._options.workers) as client:
                if looks_at_pages:
                    built = self._move_changed(client, built, state)
                    pending = self._find_pending(built)
                sent = len(pending)
                state = replace(state, moved=_list_moved(built, state))
                self._write(replace(state, is_complete=False))
                self._send(client, pending, state)
        result = self._finish(built, state, sent=sent, path=path)
        self._write(replace(state, moved=_list_moved(built, state), is_complete=True))
        return result

    def _check_python(self, built: Sequence[_Built]) -> None:
        """Raise InputError where no list states a Python, and there are no locks, whose Python would be kept.

        That is a first run without `--python`. If some lists state one, the others are failed rows.
        """
        tasks = [one for one in built if isinstance(one, FleetTask)]
        if not tasks or any(one.states_python for one in tasks):
            return
        names = (name.rpartition("/")[2] for name in self._place.list_names())
        if not any(is_valid_pylock_path(Path(name)) for name in names):
            raise InputError(
                f"no Python version is set for {render_count(len(tasks), 'list')} of `{self._options.manifest}`",
                remedy="`--python 3.11`, or `python` in the settings of the manifest or of the lists",
            )

    def _begin(self) -> _State:
        """The state that the run starts with: that of a run to continue, or of the last one with a new name."""
        options = self._options
        kind = "upgrade" if options.upgrade else "changed" if options.changed else "plain"
        document = self._journal.read_document(_STATE) or {}
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}"
        last = _State(
            run=str(document.get("run") or name),
            snapshot=str(document.get("snapshot") or name),
            moved=dict(document.get("moved") or {}),
            kind=str(document.get("kind") or kind),
            is_complete=bool(document.get("is_complete", True)),
        )
        if not last.is_complete and last.kind == kind and options.snapshot in (None, last.snapshot):
            return last
        snapshot = options.snapshot or (name if options.upgrade else last.snapshot)
        moved = last.moved if snapshot == last.snapshot and options.snapshot is None else {}
        return _State(run=name, snapshot=snapshot, moved=moved, kind=kind, is_complete=True)

    def _catch_up(self, built: Sequence[_Built], *, keeps_earlier: bool = False) -> None:
        """Bring the index up to date with what the journal has of these tasks; nothing else stays in it.

        So an index that was lost, or that a killed driver has not written, is made of the journal, and the journal
        loses the results that the index no longer has: those of lists that have gone or changed.

        `keeps_earlier` leaves what it has of lists that are not done: their locks are there until new ones are written.
        """
        done = self._journal.list_keys(DONE)
        kept = {one.key for one in built if one.key in done}
        if keeps_earlier:
            waiting = {one.name: one.key for one in built if one.key not in done}
            kept |= {key for key, source in self._index.list_keys().items() if waiting.get(source, key) != key}
        for key in self._index.keep_only(kept):
            if key in done:
                self._journal.forget(key)  # The task of another snapshot, or of a list as it was.
        known = self._index.list_keys()
        for one in built:
            if one.key in done and one.key not in known:
                self._add(one.key)
        self._index.commit()

    def _find_pending(self, built: Iterable[_Built]) -> list[FleetTask]:
        """The tasks that are not done, or whose locks are gone.

        The result of one whose locks are gone is forgotten: with it the task would count as done for the workers.
        """
        known = self._index.list_keys()
        present = {name for name in self._place.list_names() if not name.startswith(".fleet/")}
        incomplete = {key for key, lock in self._index.list_locks() if lock not in present}
        for key in incomplete:
            self._journal.forget(key)
        return [one for one in built if isinstance(one, FleetTask) and (one.key not in known or one.key in incomplete)]

    def _move_new(self, built: Iterable[_Built], state: _State) -> list[_Built]:
        """The tasks, of which those that are not done see the indexes as they are now."""
        known = self._index.list_keys()
        return [one if one.key in known else _move(one, state.run) for one in built]

    def _move_changed(self, client: Client, built: Iterable[_Built], state: _State) -> list[_Built]:
        """The tasks, of which those whose evidence has changed see the indexes as they are now."""
        changed = find_changed_pages(client, self._index.list_pages(), self._worker(state))
        keys = self._index.find_resting(changed)
        return [_move(one, state.run) if one.key in keys else one for one in built]

    def _send(self, client: Client, pending: Sequence[FleetTask], state: _State) -> None:
        """Have the tasks done, after the workers were examined."""
        if not pending:
            return
        variables = sorted({name for task in pending for name in task.variables})
        options = self._worker(state)
        _check_workers(examine_workers(client, options, variables), pending)
        # What is locked again because its locks are gone has other states than the index knows.
        self._index.keep_only(self._index.list_keys().keys() - {task.key for task in pending})
        self._index.commit()
        total = len(pending)
        self._tell(FleetProgress(done=0, total=total, failed=0))

        def note(task: FleetTask, outcome: Outcome | Exception) -> None:
            self._done += 1
            if isinstance(outcome, Exception):
                self._failed += self._note_lost(task, outcome, state)
            else:
                self._failed += outcome.failed
            self._tell(FleetProgress(done=self._done, total=total, failed=self._failed))

        try:
            run_tasks(client, pending, options, note)
        except KeyboardInterrupt:
            self._tell(FleetProgress(done=self._done, total=total, failed=self._failed, is_stopping=True))
            raise

    def _note_lost(self, task: FleetTask, error: Exception, state: _State) -> int:
        """Write the result of a task that its worker could not write: it died each time, or cannot reach the output.

        Dask gives a task up after it has taken four workers with it (`allowed-failures`). Returns the number of rows.
        """
        is_killed = type(error).__name__ == "KilledWorker"
        shown = (
            InternalError("its workers were killed, several times", remedy="see the log of the scheduler")
            if is_killed
            else error
        )
        rows = [
            {
                **build_failed_row(shown, source=task.name, machine=one, cause="killed" if is_killed else "output"),
                "seconds": None,
                "key": task.key,
                "pin_numbers": [],
            }
            for one in task.machines or (None,)
        ]
        document = {"key": task.key, "run": state.run, "source": task.name, "rows": rows, "pins": [], "pages": None}
        self._journal.write(task.key, json.dumps(document).encode(), state=FAILED)
        return len(rows)

    def _finish(self, built: Sequence[_Built], state: _State, *, sent: int, path: Path) -> FleetResult:
        """Bring the index up to date, and write the result.

        Rows come from the index in their order, one after the other; what a run of earlier days has locked is
        `unchanged` in this one. `results.jsonl` of 80,000 rows has some 40 MB, the largest that the driver holds.
        """
        self._catch_up(built)
        known = self._index.list_keys()
        for one in built:
            if isinstance(one, RefusedList):
                self._index.add(_render_refusal(one, state))
            elif one.key not in known:
                self._add(one.key)
        summary, lines = Summary(), []
        for row in self._index.iter_rows():
            shown = _show_row(row, state)
            summary.add(shown)
            lines.append(json.dumps(shown, separators=(",", ":")))
        run = {"name": state.run, "snapshot": state.snapshot, "kind": state.kind, "code": identify_code(), "sent": sent}
        self._index.finish(self._worker(state).output)
        document = summary.render(run=run, projects=self._index.count_projects())
        self._journal.write_document("results.jsonl", "".join(f"{line}\n" for line in lines).encode())
        self._journal.write_document("summary.json", json.dumps(document, indent=1).encode())
        return FleetResult(
            sent=sent,
            kept=sum(isinstance(one, FleetTask) for one in built) - sent,
            failed=summary.failed,
            failures=summary.failures,
            summary=document,
            index=path,
        )

    def _add(self, key: str) -> None:
        """Add the result of a task to the index; one that is lost or damaged is not added, so it is done again."""
        result = self._journal.read(key)
        if result is not None:
            for row in result["rows"]:
                row["run"] = result["run"]
            self._index.add(result)

    def _worker(self, state: _State) -> WorkerOptions:
        """The options of the tasks."""
        output = self._options.output
        output = output if "://" in output else str(Path(output).absolute())
        return replace(self._options.worker, output=output, run=state.run, upgrade=self._options.upgrade)

    def _write(self, state: _State) -> None:
        self._journal.write_document(_STATE, state.render())

    def _tell(self, progress: FleetProgress) -> None:
        if self._observe is not None:
            self._observe(progress)


def _move(one: _Built, snapshot: str) -> _Built:
    """The task in another state of the indexes."""
    return one.move(snapshot) if isinstance(one, FleetTask) else one


def _list_moved(built: Iterable[_Built], state: _State) -> dict[str, str]:
    """The snapshots of the lists that have another one than most."""
    tasks = (one for one in built if isinstance(one, FleetTask))
    return {one.name: one.snapshot for one in tasks if one.snapshot != state.snapshot}


def _show_row(row: Row, state: _State) -> Row:
    """A row for the result: what another run has locked is unchanged in this one."""
    run = row.pop("run", state.run)
    return row if run == state.run or row["state"] == "failed" else {**row, "state": "unchanged"}


def _render_refusal(one: RefusedList, state: _State) -> dict[str, Any]:
    """The result of a list that was not sent."""
    rows = [
        {
            **build_failed_row(one.error, source=one.name, machine=machine),
            "seconds": None,
            "key": one.key,
            "run": state.run,
        }
        for machine in one.machines or (None,)
    ]
    return {"key": one.key, "source": one.name, "rows": rows, "pins": [], "pages": []}


def _check_workers(found: Mapping[str, Examination], tasks: Iterable[FleetTask]) -> None:
    """Raise InputError for workers that run other code, cannot use the output, or lack a variable that lists need.

    A worker that joins later is not examined; a list that finds its variable without a value there is a failed row.
    """
    faults = []
    for address, one in sorted(found.items()):
        if one.code != identify_code():
            faults.append(
                Fault(where=address, what="another pinfold than here", remedy="one installation for all workers")
            )
        if one.fault:
            faults.append(Fault(where=address, what=f"a worker cannot start: {one.fault}"))
    missing = sorted({name for one in found.values() for name in one.missing})
    users: dict[str, list[str]] = {name: [] for name in missing}
    for task in tasks:
        for name in users.keys() & set(task.variables):
            users[name].append(task.name)
    for name, lists in users.items():
        shown = ", ".join(f"`{one}`" for one in lists[:_MOST_NAMED])
        more = f" and {len(lists) - _MOST_NAMED} more" if len(lists) > _MOST_NAMED else ""
        lacking = sorted(address for address, one in found.items() if name in one.missing)
        faults.append(
            Fault(
                what=f"`${{{name}}}` has no value on {len(lacking)} of {len(found)} workers",
                details=(f"named by {shown}{more}",),
                remedy=f"set `{name}` in the environment of the workers",
            )
        )
    if faults:
        raise InputError.from_faults(faults)
