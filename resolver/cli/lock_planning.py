"""The plans of a run: each SOURCE is read, once for each `-m`, and gets a place that no other lock of the run has."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from packaging.utils import NormalizedName

from lockfiles.value_classes import dataclass
from resolver.cli.arguments import LockArguments
from resolver.cli.lock_outcomes import LockOutcomes
from resolver.plan import LockPlan, RunContext, plan_lock, read_old_lock
from resolver.sources.lock_places import place_locks
from resolver.sources.machine_choice import ChosenMachines, choose_machines
from resolver.sources.reader import read_source
from resolver.sources.source import Source

__all__ = ["LockPlanning"]

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
        from resolver.sources.app_folder import expand_folders

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
