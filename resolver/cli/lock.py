"""The verb `lock`: plan every lock, then check each, or make and write it.

There is one lock a source, or one for each `-m` and source. Each is tried, whatever happens to the others; the highest
exit code wins.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from lockfiles import Lockfile
from lockfiles.value_classes import dataclass
from resolver.checking import check_lockfile, has_local_paths
from resolver.cli.arguments import LockArguments, render_options
from resolver.cli.terminal import escape_text, write_output
from resolver.errors import InputError, PinfoldError, render_os_error
from resolver.plan import LockPlan, plan_lock, read_old_lock, share_old_locks
from resolver.sources.lock_places import place_locks
from resolver.sources.machine_choice import ChosenMachines, choose_machines
from resolver.sources.reader import read_source
from resolver.sources.source import Source, StandardInput

if TYPE_CHECKING:
    from lockfiles import Comparison
    from resolver.workflow import Access, Locker

__all__ = ["run_lock"]

_DIFFERS = 1
_LONGEST_PATH = 255
"""A longer SOURCE may be text that no file system takes as a name."""


def run_lock(arguments: LockArguments) -> int:
    """The exit code of `lock` with these arguments."""
    run = _Run(arguments)
    run.lock_all()
    return run.code


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One lock of the run: a source, and the machine types that it is locked for."""

    source: Source
    machines: ChosenMachines


_Key = tuple[str | None, str | None]
"""What the document of a lock goes by: the name of its source (None: of all), and the label of its machine types."""


class _Run:
    """One run over all its sources. `code` is the exit code so far."""

    def __init__(self, arguments: LockArguments) -> None:
        self.code = 0
        self._arguments = arguments
        self._since = time.monotonic()
        self._folder = Path.cwd()
        self._locked_names: set[NormalizedName] = set()
        self._documents: dict[_Key, dict[str, object]] = {}
        self._order: list[_Key] = []
        self._warned: set[str] = set()

    def lock_all(self) -> None:
        """Plans all locks, then makes or checks each."""
        if self._arguments.verbose:
            _show_requests()
        plans = share_old_locks(self._plan_all())
        if self._arguments.check and not self._arguments.refresh:
            for plan in plans:
                self._check(plan)
            self._tell_left_over(plans)
        elif plans:
            self._make_all(plans)
        for name in sorted(set(self._arguments.upgrade_packages) - self._locked_names):
            _tell(f"warning: `--upgrade-package {name}` lets go of nothing: no old lock has it")
        if self._arguments.as_json:
            self._print_document()

    def _print_document(self) -> None:
        # Lazy: only --json needs it.
        import json

        order = {key: place for place, key in enumerate(self._order)}
        locks = sorted(self._documents.items(), key=lambda row: order.get(row[0], 0))
        document = {"schema": 1, "exit_code": self.code, "locks": [lock for _, lock in locks]}
        write_output(f"{json.dumps(document, indent=2)}\n".encode())

    def _plan_all(self) -> list[LockPlan]:
        """The plans of all locks that can be planned; none if two would share a place."""
        jobs: list[_Job] = []
        for argument in self._list_sources() or (None,):
            name = _name_source(argument)
            self._order.append((name, None))
            with self._errors_become_codes((name, None)):
                source = self._read(argument)
                for machine in self._arguments.machines or (None,):
                    self._order.append((name, machine))
                    with self._errors_become_codes((name, machine)):
                        jobs += self._build_job(source, machine, known=jobs)
        readable = {job.source.name for job in jobs}
        unreadable = {name: None for name, _ in self._documents if name is not None and name not in readable}
        paths: tuple[Path | None, ...] = ()
        with self._errors_become_codes((None, None)):
            paths = place_locks(
                [(job.source, job.machines.label) for job in jobs],
                self._arguments.settings,
                folder=self._folder,
                unreadable=tuple(unreadable),
            )
        plans: list[LockPlan] = []
        for job, path in zip(jobs, paths, strict=False):
            with self._errors_become_codes((job.source.name, job.machines.label)):
                plans.append(self._plan(job, path))
        return plans

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
        self._order.append((source.name, machines.label))
        return [] if is_known else [_Job(source=source, machines=machines)]

    @contextmanager
    def _errors_become_codes(self, key: _Key) -> Iterator[None]:
        """The error of one lock (or of all) is told, and the next one is tried."""
        try:
            yield
        except PinfoldError as error:
            name, machine = key
            where = "" if machine is None or len(self._arguments.machines) < 2 else f"for {machine}: "
            _tell(f"error: {where}{error}")
            if self._arguments.annotates:
                # Lazy, here and below: only a workflow of GitHub reads annotations.
                from resolver.cli.check_annotations import annotate_error

                annotate_error(error, name)
            self._documents[key] = {
                "source": name,
                **({} if machine is None else {"machine_types": machine}),
                "error": str(error),
                "exit_code": error.exit_code,
            }
            self.code = max(self.code, error.exit_code)

    def _plan(self, job: _Job, path: Path | None) -> LockPlan:
        arguments = self._arguments
        old = read_old_lock(path, folder=self._folder)
        self._locked_names.update(() if old is None else (package.name for package in old.pylock.packages))
        return plan_lock(
            job.source,
            arguments=arguments.settings,
            path=path,
            old=old,
            folder=self._folder,
            variables=os.environ,
            now=datetime.now(UTC),
            upgrade=arguments.upgrade,
            machines=job.machines,
            # A check asks what was written down; without a lock that was made here its answer needs no Python.
            may_ask_host=not arguments.check or old is None or old.tool is None,
        )

    def _check(self, plan: LockPlan) -> None:
        """Compares the lock with the list and the settings, without a network."""
        if plan.old is None:
            self._say_no(plan, ["there is no such file"])
            return
        differences = check_lockfile(
            plan.old,
            canonical_layers=plan.layers,
            settings=plan.recorded_settings,
            target=plan.target,
            entries=plan.requirement_list.entries,
            constraints=plan.requirement_list.constraints,
            overridden=frozenset(entry.name for entry in plan.overrides if entry.name is not None),
            index_strategy=plan.settings.index_strategy or "first-index",
        )
        self._answer(plan, [*differences, *self._list_changed_content(plan, plan.old)])

    @staticmethod
    def _list_changed_content(plan: LockPlan, lockfile: Lockfile) -> list[str]:
        """What differs on disk from what was locked."""
        if not has_local_paths(lockfile):
            return []
        # Lazy: most locks name nothing on disk.
        from resolver.local_content import iter_content_differences

        folder = plan.source.folder if plan.path is None else plan.path.parent
        return [str(difference) for difference in iter_content_differences(lockfile, folder)]

    def _make_all(self, plans: Sequence[LockPlan]) -> None:
        # Lazy: `--check` needs neither the solver nor the fetcher.
        from resolver.workflow import Locker, Upgrade

        upgrade = Upgrade(everything=self._arguments.upgrade, names=frozenset(self._arguments.upgrade_packages))
        with Locker(plans, access=self._access(), upgrade=upgrade) as locker:
            for plan in plans:
                with self._errors_become_codes(_key(plan)):
                    if self._arguments.check and (plan.old is None or plan.old.tool is None):
                        self._check(plan)
                    else:
                        self._make(plan, locker)

    def _make(self, plan: LockPlan, locker: Locker) -> None:
        """Makes the lock; writes it, or under --check says how it would differ."""
        outcome = locker.lock(plan)
        comparison = _compare(plan.old, outcome.lockfile) if plan.old is not None else None
        self._warn(plan, outcome.warnings)
        if self._arguments.check:
            self._answer(plan, str(comparison).splitlines() if comparison else [])
            return
        written = _put(outcome.lockfile, plan.path, name=self._show(plan.path))
        if self._arguments.quiet and not self._arguments.as_json:
            return
        # Lazy: a quiet run reports nothing.
        from resolver.cli.summary import LockReport, render_report, report_as_json
        from resolver.sources.platform_additions import find_platform_hint

        report = LockReport(
            source=plan.source.name,
            path=None if plan.path is None else self._show(plan.path),
            outcome=outcome,
            comparison=comparison,
            written=written,
            python_rule=plan.python_rule,
            machines=plan.machines,
            duration_s=self._split_time(),
            hint=find_platform_hint(plan.source),
        )
        if self._arguments.as_json:
            self._documents[_key(plan)] = report_as_json(report)
        if not self._arguments.quiet:
            print(render_report(report), file=sys.stderr)

    def _warn(self, plan: LockPlan, warnings: Sequence[str]) -> None:
        """Each warning once a run: locks of one list have most of theirs in common."""
        for warning in warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                _tell(f"warning: {warning}")

    def _split_time(self) -> float:
        """Seconds since the lock before, or since the start: reading and parsing count too."""
        before, self._since = self._since, time.monotonic()
        return self._since - before

    def _access(self) -> Access:
        # Lazy, as above: the type comes with the workflow.
        from resolver.cli.host_facts import choose_cache_folder, count_readers
        from resolver.fetch.login_sources import LoginOptions
        from resolver.workflow import Access

        arguments = self._arguments
        return Access(
            cache_folder=choose_cache_folder(arguments.cache_dir),
            offline=arguments.offline,
            refresh=arguments.refresh,
            forbids_builds=arguments.forbids_builds,
            logins=LoginOptions(
                file=None if arguments.credentials is None else Path(arguments.credentials),
                keyring=arguments.keyring_provider,
            ),
            allowed_hosts=arguments.allowed_hosts,
            announce=None if arguments.quiet else _tell,
            reader_count=count_readers(),
        )

    def _answer(self, plan: LockPlan, differences: Sequence[object]) -> None:
        if differences:
            self._say_no(plan, differences)
            return
        self._note(plan, [])
        if not self._arguments.quiet:
            _tell(f"{plan.source.name}: {self._show(plan.path)} fits")

    def _tell_left_over(self, plans: Sequence[LockPlan]) -> None:
        """Warns of locks that no target writes any more; whoever names targets or places himself has others."""
        if self._arguments.machines or self._arguments.settings.output is not None or self._arguments.quiet:
            return
        # Lazy: only a whole check looks at what lies beside its locks.
        from resolver.cli.left_over import find_left_over

        for path in find_left_over(plans):
            message = f"`{self._show(path)}` is of the same list, and no target writes it any more"
            _tell(f"warning: {message}")
            if self._arguments.annotates:
                from resolver.cli.check_annotations import annotate_left_over

                annotate_left_over(message, lock=self._show(path))

    def _say_no(self, plan: LockPlan, differences: Sequence[object]) -> None:
        """Tells what does not fit: values of `resolver.checking`, or texts."""
        self.code = max(self.code, _DIFFERS)
        place = self._show(plan.path)
        self._note(plan, [*map(str, differences)])
        if self._arguments.annotates:
            from resolver.cli.check_annotations import annotate_differences

            annotate_differences(plan, differences, lock=place)
        lines = "".join(f"\n  {line}" for line in differences)
        argument = "-" if isinstance(plan.source.form, StandardInput) else plan.source.name
        if plan.machines.label is not None:
            argument += f" -m {','.join(plan.machines.names)}"
        options = render_options(self._arguments.settings) + (" --evaluate" if self._arguments.evaluate else "")
        _tell(f"{plan.source.name}: {place} does not fit{lines}\n  try: `lock {argument}{options}`")

    def _note(self, plan: LockPlan, differences: list[str]) -> None:
        self._documents[_key(plan)] = {
            "source": plan.source.name,
            "lockfile": self._show(plan.path),
            "differences": differences,
        }

    def _show(self, path: Path | None) -> str:
        """A path as the user would write it from here."""
        if path is None:
            return "standard output"
        return path.relative_to(self._folder).as_posix() if path.is_relative_to(self._folder) else str(path)


def _key(plan: LockPlan) -> _Key:
    return plan.source.name, plan.machines.label


def _compare(old: Lockfile, new: Lockfile) -> Comparison:
    # Lazy: only a relock has two locks.
    from lockfiles import compare

    return compare(old, new)


def _name_source(argument: str | None) -> str:
    """What messages call the source of an argument, as `read_source` does."""
    return {None: "pyproject.toml", "-": "standard input"}.get(argument, argument or "")


def _put(lockfile: Lockfile, path: Path | None, *, name: str) -> bool:
    """Writes the lock to its file, or prints it; whether the file has changed. Raises InputError with its `name`."""
    # Lazy: `--check` writes nothing.
    from lockfiles import dumps, write

    if path is None:
        # TOML is UTF-8 with line feeds, whatever the terminal is.
        write_output(dumps(lockfile).encode("utf-8"))
        return True
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return write(lockfile, path)
    except OSError as error:
        raise InputError(
            f"`{name}` cannot be written: {render_os_error(error)}\n  try: another place, with `-o`"
        ) from error


def _show_requests() -> None:
    # Lazy: it takes 8 ms.
    from resolver.cli.request_log import show_requests

    show_requests()


def _tell(message: str) -> None:
    print(escape_text(message), file=sys.stderr, flush=True)
