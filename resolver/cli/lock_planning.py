"""The plans of a run: each SOURCE is read, once for each `-m`, and gets a place that no other lock of the run has.

Locks that lie beside that of their list and that no target writes any more: of a machine type that is gone, say.

What becomes of each lock of a run: the exit code, what standard error is told, the document that `--json` prints.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from packaging.pylock import is_valid_pylock_path
from packaging.utils import NormalizedName

from lockfiles import LockfileError, read
from lockfiles._values import dataclass
from resolver.cli.output import describe_error, escape_text, write_output
from resolver.cli.parser import LockArguments
from resolver.errors import PinfoldError
from resolver.planning.plan import LockPlan, RunContext, plan_lock, read_old_lock
from resolver.sources.lock_places import place_locks
from resolver.sources.reader import read_source
from resolver.sources.source import Source
from resolver.sources.target_choice import ChosenMachines, choose_machines

__all__ = [
    "LockKey",
    "LockOutcomes",
    "LockPlanning",
    "find_left_over",
    "key_of",
    "tell",
]


LockKey = tuple[str | None, str | None]
"""What the document of a lock goes by: the name of its source (None: of all), and the label of its machine types."""


class LockOutcomes:
    """The outcomes of one run. `code` is the exit code so far: the highest wins."""

    def __init__(self, arguments: LockArguments) -> None:
        self.code = 0
        self._arguments = arguments
        self._documents: dict[LockKey, dict[str, object]] = {}
        self._order: list[LockKey] = []
        self._warned: set[str] = set()

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that have an outcome already."""
        return tuple(dict.fromkeys(name for name, _ in self._documents if name is not None))

    def expect(self, key: LockKey) -> None:
        """Let the document of this key, if there will be one, stand behind those expected before."""
        self._order.append(key)

    def note(self, key: LockKey, document: dict[str, object], *, code: int = 0) -> None:
        """Keep what has become of a lock."""
        self._documents[key] = document
        self.code = max(self.code, code)

    @contextmanager
    def attempt(self, key: LockKey) -> Iterator[None]:
        """The error of one lock (or of all) is told, and the next one is tried."""
        try:
            yield
        except PinfoldError as error:
            name, machine = key
            where = "" if machine is None or len(self._arguments.machines) < 2 else f"for {machine}: "
            tell(f"error: {where}{error}")
            if self._arguments.annotates:
                # Lazy: only a workflow of GitHub reads annotations.
                from resolver.cli.annotations import annotate_error

                annotate_error(error, name)
            document: dict[str, object] = {
                "source": name,
                **({} if machine is None else {"machine_types": machine}),
                **describe_error(error),
            }
            self.note(key, document, code=error.exit_code)

    def warn(self, warnings: Sequence[str]) -> None:
        """Tells each warning once a run: locks of one list have most of theirs in common."""
        for warning in warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                tell(f"warning: {warning}")

    def print_document(self) -> None:
        """Prints the documents in the order of the sources and machine types."""
        # Lazy: only --json needs it.
        import json

        order = {key: place for place, key in enumerate(self._order)}
        locks = sorted(self._documents.items(), key=lambda row: order.get(row[0], 0))
        document = {"schema": 1, "exit_code": self.code, "locks": [lock for _, lock in locks]}
        write_output(f"{json.dumps(document, indent=2)}\n".encode())


def key_of(plan: LockPlan) -> LockKey:
    """The key of a plan's lock."""
    return plan.source.name, plan.machines.label


def tell(message: str) -> None:
    """Prints a message on standard error."""
    print(escape_text(message), file=sys.stderr, flush=True)


_LONGEST_PATH = 255
"""A longer SOURCE may be text that no file system takes as a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One lock of the run: a source, and the machine types that it is locked for."""

    source: Source
    machines: ChosenMachines


class LockPlanning:
    """Makes the plans of one run. `locked_names` are the projects of all old locks that were read for it."""

    def __init__(self, arguments: LockArguments, outcomes: LockOutcomes, *, folder: Path) -> None:
        self.locked_names: set[NormalizedName] = set()
        self._arguments = arguments
        self._outcomes = outcomes
        self._folder = folder

    def plan_all(self) -> list[LockPlan]:
        """The plans of all locks that can be planned; none if two would share a place."""
        jobs = self._read_all()
        plans: list[LockPlan] = []
        for job, path in zip(jobs, self._place(jobs), strict=False):
            with self._outcomes.attempt((job.source.name, job.machines.label)):
                plans.append(self._plan(job, path))
        return plans

    def _read_all(self) -> list[_Job]:
        jobs: list[_Job] = []
        for argument in self._list_sources() or (None,):
            name = _name_source(argument)
            self._outcomes.expect((name, None))
            with self._outcomes.attempt((name, None)):
                source = self._read(argument)
                for machine in self._arguments.machines or (None,):
                    self._outcomes.expect((name, machine))
                    with self._outcomes.attempt((name, machine)):
                        jobs += self._build_job(source, machine, known=jobs)
        return jobs

    def _place(self, jobs: list[_Job]) -> list[Path | None]:
        """Where the lock of each job goes; nothing where that is an error."""
        readable = {job.source.name for job in jobs}
        places: list[Path | None] = []
        with self._outcomes.attempt((None, None)):
            places += place_locks(
                [(job.source, job.machines.label) for job in jobs],
                self._arguments.settings,
                folder=self._folder,
                unreadable=tuple(name for name in self._outcomes.sources if name not in readable),
            )
        return places

    def _list_sources(self) -> tuple[str, ...]:
        """The SOURCEs of the run, each folder as the apps below it."""
        sources = self._arguments.sources
        if not any((self._folder / source).is_dir() for source in sources if len(source) < _LONGEST_PATH):
            return sources
        # Lazy: only a folder has to be searched.
        from resolver.sources.apps.app_folder import expand_folders

        return expand_folders(sources, folder=self._folder)

    def _read(self, argument: str | None) -> Source:
        arguments = self._arguments
        return read_source(
            argument,
            folder=self._folder,
            extras=arguments.extras,
            groups=arguments.groups,
            is_run=arguments.evaluate,
        )

    def _build_job(self, source: Source, machine: str | None, *, known: list[_Job]) -> list[_Job]:
        """The job of one `-m`, or of none; empty where another one has the same machine types."""
        settings = self._arguments.settings
        if machine is not None:
            settings = replace(settings, machine_type=(machine,))
        machines = choose_machines(source, arguments=settings)
        is_known = any(job.source is source and job.machines.label == machines.label for job in known)
        self._outcomes.expect((source.name, machines.label))
        return [] if is_known else [_Job(source=source, machines=machines)]

    def _plan(self, job: _Job, path: Path | None) -> LockPlan:
        arguments = self._arguments
        old = read_old_lock(path, folder=self._folder)
        self.locked_names.update(() if old is None else (package.name for package in old.pylock.packages))
        # A check asks what was written down; without a lock that was made here its answer needs no Python.
        may_ask_host = not arguments.check or old is None or old.tool is None
        now = datetime.now(UTC)
        return plan_lock(
            job.source,
            arguments=arguments.settings,
            path=path,
            old=old,
            run=RunContext(folder=self._folder, variables=os.environ, now=now, may_ask_host=may_ask_host),
            upgrade=arguments.upgrade,
            machines=job.machines,
        )


def _name_source(argument: str | None) -> str:
    """What messages call the source of an argument, as `read_source` does."""
    return {None: "pyproject.toml", "-": "standard input"}.get(argument, argument or "")


def find_left_over(plans: Sequence[LockPlan]) -> tuple[Path, ...]:
    """The locks in the folders of the plans' locks that were made of one of their lists, and belong to none; sorted."""
    paths = {plan.path for plan in plans if plan.path is not None}
    lists = {(plan.path.parent, text) for plan in plans if plan.path is not None for text in _list_texts(plan)}
    found = (path for folder in {path.parent for path in paths} for path in _iter_others(folder, paths))
    return tuple(sorted(path for path in found if (path.parent, _read_list(path)) in lists))


def _list_texts(plan: LockPlan) -> Iterator[tuple[tuple[str, ...], ...]]:
    """The list as it is, and as it was when its lock was made: another lock may be as old."""
    yield plan.layers
    if plan.old is not None and plan.old.tool is not None:
        yield plan.old.tool.requirements


def _iter_others(folder: Path, known: set[Path]) -> Iterator[Path]:
    for path in folder.glob("pylock*.toml"):
        if path not in known and is_valid_pylock_path(path):
            yield path


def _read_list(path: Path) -> tuple[tuple[str, ...], ...] | None:
    try:
        tool = read(path).tool
    except (LockfileError, OSError):
        return None  # Somebody else's, or broken: nothing can be said of it.
    return None if tool is None else tool.requirements
