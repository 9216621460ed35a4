"""The plans that one run of `lock` begins with, and the outcomes that it ends with.

In: the arguments of the run. Out, from `LockPlanning`: a `LockPlan` for each lock. Each SOURCE is read once, combined
with each `-m`, and gets a path that no other lock of the run has. Out, from `LockOutcomes`: messages on standard error,
the exit code, and the document of `--json`.

Both are here because one source may fail while the others are locked: an outcome belongs to a `LockKey`, which exists
before there is a plan. `find_left_over` looks for locks that no plan writes any more, such as that of a machine type
that was removed from the configuration.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from packaging.pylock import is_valid_pylock_path
from packaging.utils import NormalizedName

from lockfiles import Lockfile, LockfileError, read
from lockfiles._values import dataclass
from lockfiles.lockfile import ToolTable
from lockfiles.variable_bindings import VariableBinding, VariableBindings
from resolver.cli.output import describe_error, show_message, write_output
from resolver.cli.parser import LockArguments
from resolver.cli.records import TIME_MARK
from resolver.errors import PinfoldError, SourceError
from resolver.planning.plan import LockPlan, RunContext, plan_lock, read_old_lock
from resolver.sources.lock_places import find_other_owner, list_old_names, name_lock, name_source, place_locks
from resolver.sources.reader import read_source
from resolver.sources.settings_file import name_path, read_bindings
from resolver.sources.source import Source
from resolver.sources.target_choice import ChosenMachines, choose_machines

__all__ = [
    "LockKey",
    "LockOutcomes",
    "LockPlanning",
    "build_lock_key",
    "find_left_over",
]

_LONGEST_PATH = 255
"""In characters. A longer SOURCE cannot be the name of a folder, and some systems raise an error for it."""

LockKey = tuple[str | None, str | None]
"""Which lock an outcome belongs to: the name of its source, and the label of its machine types (None: without one).
A pair of None is the run as a whole."""


class LockOutcomes:
    """The outcomes of one run. `code` is the exit code so far; with several locks the highest one wins."""

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
        """Reserve the next place in the document of `--json` for this key, which may stay without an outcome."""
        self._order.append(key)

    def note(self, key: LockKey, document: dict[str, object], *, code: int = 0) -> None:
        """Record the outcome of a lock: its part of the document of `--json`, and its exit code."""
        self._documents[key] = document
        self.code = max(self.code, code)

    @contextmanager
    def attempt(self, key: LockKey) -> Iterator[None]:
        """Record an error of one lock, or of the run, and print it, so that the next lock can be tried.

        Any other exception is a bug, and ends the run.
        """
        try:
            yield
        except PinfoldError as error:
            name, machine = key
            # The source is part of most messages; the machine type is named where the run has several.
            where = "" if machine is None or len(self._arguments.machines) < 2 else f"for {machine}: "
            show_message(f"error: {where}{error}")
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
        """Print each warning once a run, since the locks of one list share most of them."""
        for warning in warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                show_message(f"warning: {warning}")

    def print_document(self) -> None:
        """Print the document of `--json`, with the locks in the order of sources and machine types."""
        # Lazy: only --json needs them.
        import json
        import re

        order = {key: place for place, key in enumerate(self._order)}
        locks = sorted(self._documents.items(), key=lambda row: order.get(row[0], 0))
        document = {"schema": 1, "exit_code": self.code, "locks": [lock for _, lock in locks]}
        text = f"{json.dumps(document, indent=2)}\n"
        # Within a JSON text the quotes would be escaped, so this matches keys alone.
        recorded = re.sub(r'("duration_s": )[0-9.e-]+', rf"\1{TIME_MARK}", text)
        write_output(text.encode(), recorded=recorded.encode())


class LockPlanning:
    """Makes the plans of one run.

    `folder` is where relative paths start. `locked_names` are the projects in all old locks that were read for it;
    `renamed` has the path of each old lock under an old name, by the path that its lock gets.
    """

    def __init__(self, arguments: LockArguments, outcomes: LockOutcomes, *, folder: Path) -> None:
        self.locked_names: set[NormalizedName] = set()
        self.renamed: dict[Path, Path] = {}
        self._arguments = arguments
        self._outcomes = outcomes
        self._folder = folder

    def plan_all(self) -> list[LockPlan]:
        """The plans of all locks, without those that have failed; empty if two locks would have one path."""
        jobs = self._read_all()
        plans: list[LockPlan] = []
        # Not strict: without paths there are no plans.
        for job, path in zip(jobs, self._choose_paths(jobs), strict=False):
            with self._outcomes.attempt((job.source.name, job.machines.label)):
                plans.append(self._plan(job, path))
        return plans

    def _read_all(self) -> list[_Job]:
        """Read each source once, and combine it with each `-m`. The order of the keys is that of the document."""
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

    def _choose_paths(self, jobs: list[_Job]) -> list[Path | None]:
        """The path of each job's lock, None for standard output; empty where two jobs would have the same.

        Sources that could not be read count too: whether a path is shared must not depend on a typo in another file.
        """
        readable = {job.source.name for job in jobs}
        paths: list[Path | None] = []
        with self._outcomes.attempt((None, None)):
            paths += place_locks(
                [(job.source, job.machines.label) for job in jobs],
                self._arguments.settings,
                folder=self._folder,
                unreadable=tuple(name for name in self._outcomes.sources if name not in readable),
            )
        return paths

    def _list_sources(self) -> tuple[str, ...]:
        """The SOURCEs of the run, with each folder replaced by the apps below it."""
        sources = self._arguments.sources
        if not any((self._folder / source).is_dir() for source in sources if len(source) < _LONGEST_PATH):
            return sources
        # Lazy: few runs have a folder.
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
            find_bindings=self._find_bindings,
        )

    def _build_job(self, source: Source, machine: str | None, *, known: list[_Job]) -> list[_Job]:
        """The job of one `-m` (None: of the configuration); empty where another one has the same machine types.

        The key gets its final label here: `-m h100` is the label of its machine type.
        """
        settings = self._arguments.settings
        if machine is not None:
            settings = replace(settings, machine_type=(machine,))
        machines = choose_machines(source, arguments=settings)
        is_known = any(job.source is source and job.machines.label == machines.label for job in known)
        self._outcomes.expect((source.name, machines.label))
        return [] if is_known else [_Job(source=source, machines=machines)]

    def _plan(self, job: _Job, path: Path | None) -> LockPlan:
        """The plan of one job, with the old lock at its path if it is the source's own.

        A lock whose source is not known, or is gone, is its own if its list is equal; otherwise the new lock takes its
        place without its pins. Raises SourceError for the lock of another source that exists.
        """
        old = read_old_lock(path, folder=self._folder)
        plan = self._build_plan(job, path, old)
        if old is None:
            return self._adopt_old_name(job, plan)
        if path is None or old.tool is None or old.tool.source == plan.recorded_source:
            return plan
        owner = find_other_owner(old.tool.source, plan.recorded_source, lock_folder=path.parent)
        if owner is not None:
            raise self._refuse_other_owner(owner, plan, path)
        # A check compares any list with its lock: it tells the difference and changes nothing.
        if self._arguments.check or plan.layers == old.tool.requirements:
            return plan
        made_from = (
            "another list" if old.tool.source is None else f"`{old.tool.source}`, which is gone, and another list"
        )
        self._outcomes.warn([f"`{name_path(path, self._folder)}` was made from {made_from}: its pins are not kept"])
        return self._build_plan(job, path, None)

    def _adopt_old_name(self, job: _Job, plan: LockPlan) -> LockPlan:
        """The plan with the lock of its list under an old name of it, which `renamed` then has; else the plan itself.

        Locks of those times do not record their source. A name that is that of another list now is left alone, and so
        is every file in a check.
        """
        path = plan.path
        is_named = job.source.lock_path is not None or self._arguments.settings.output is not None
        if path is None or is_named or self._arguments.check or job.source.path is None:
            return plan
        has_plain = any((path.parent / name).is_file() for name in ("requirements.txt", "pyproject.toml"))
        plain = name_lock("", job.machines.label) if has_plain and name_source(job.source) else path.name
        for name in list_old_names(job.source, job.machines.label):
            place = path.parent / name
            if name in (path.name, plain) or not place.is_file() or place in self.renamed.values():
                continue
            old = read_old_lock(place, folder=self._folder)
            if old is not None and old.tool is not None and old.tool.source is None:
                adopted = self._build_plan(job, path, old)
                if adopted.layers == old.tool.requirements:
                    self.renamed[path] = place
                    return adopted
        return plan

    def _refuse_other_owner(self, owner: str, plan: LockPlan, path: Path) -> SourceError:
        """The error for a lock that belongs to another source, with a name that is free."""
        source, label = plan.source, plan.machines.label
        stem = name_source(source) or Path(source.name).stem
        free = name_lock(stem, label)
        if free == path.name and source.path is not None:
            free = name_lock(f"{stem}{source.path.suffix}", label)
        shown = name_path(path, self._folder)
        return SourceError(
            f"`{shown}` is the lock of `{name_path(path.parent / owner, self._folder)}`, not of `{source.name}`",
            remedy=f"`-o {name_path(path.parent / free, self._folder)}`",
        )

    def _build_plan(self, job: _Job, path: Path | None, old: Lockfile | None) -> LockPlan:
        """The plan of one job with this old lock."""
        arguments = self._arguments
        self.locked_names.update(() if old is None else (package.name for package in old.pylock.packages))
        # A check must have the same result under every Python, so the running one does not count. Without a lock of
        # ours there is nothing to compare, and any Python will do.
        may_ask_host = not arguments.check or old is None or old.tool is None
        now = datetime.now(UTC)
        return plan_lock(
            job.source,
            arguments=arguments.settings,
            path=path,
            old=old,
            run=RunContext(
                folder=self._folder,
                variables=os.environ,
                now=now,
                may_ask_host=may_ask_host,
                bindings=self._find_bindings(job.source.path),
            ),
            upgrade=arguments.upgrade,
            machines=job.machines,
        )

    def _find_bindings(self, source: Path | None) -> VariableBindings:
        """The bindings of the user for the list in a file."""
        return read_bindings(self._arguments.allowed_variables, source=source, load=self._read_file_bindings)

    def _read_file_bindings(self) -> Sequence[VariableBinding]:
        """The variables of the credentials file with their hosts."""
        # Lazy: only a list with a variable that nothing else binds needs it.
        from resolver.fetch.access import LoginOptions, read_file_bindings

        named = self._arguments.credentials
        return read_file_bindings(LoginOptions(file=None if named is None else Path(named)))


def build_lock_key(plan: LockPlan) -> LockKey:
    """The key of the lock that a plan makes."""
    return plan.source.name, plan.machines.label


def find_left_over(plans: Sequence[LockPlan]) -> tuple[Path, ...]:
    """The locks that lie beside the lock of a plan, were made from its list, and are written by no plan; sorted.

    An equal list of another source is another list.
    """
    paths = {plan.path for plan in plans if plan.path is not None}
    lists = {
        (plan.path.parent, text, source)
        for plan in plans
        if plan.path is not None
        for text in _list_texts(plan)
        for source in (None, plan.recorded_source)
    }
    others = (path for folder in {path.parent for path in paths} for path in _iter_others(folder, paths))
    found = ((path, _read_tool(path)) for path in others)
    return tuple(
        sorted(
            path for path, tool in found if tool is not None and (path.parent, tool.requirements, tool.source) in lists
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One lock of the run before its plan: a source, and the machine types that it is locked for."""

    source: Source
    machines: ChosenMachines


def _name_source(argument: str | None) -> str:
    """The name of a source in messages, as `read_source` chooses it."""
    return {None: "pyproject.toml", "-": "standard input"}.get(argument, argument or "")


def _list_texts(plan: LockPlan) -> Iterator[tuple[tuple[str, ...], ...]]:
    """The list as it is now, and as it was when its lock was made, because the other lock may be as old."""
    yield plan.layers
    if plan.old is not None and plan.old.tool is not None:
        yield plan.old.tool.requirements


def _iter_others(folder: Path, known: set[Path]) -> Iterator[Path]:
    """The lockfiles of a folder (PEP 751: `pylock.toml`, `pylock.<name>.toml`) without the known ones.

    The pattern of `glob` is wider than the names that PEP 751 allows.
    """
    for path in folder.glob("pylock*.toml"):
        if path not in known and is_valid_pylock_path(path):
            yield path


def _read_tool(path: Path) -> ToolTable | None:
    """What a lock records of its list; None for a lock of another tool, and for one that cannot be read."""
    try:
        return read(path).tool
    except (LockfileError, OSError):
        return None
