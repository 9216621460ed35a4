"""The verb `lock`: plan every lock of a run, then check each, or make and write it.

In: `LockArguments`. Out: lockfiles, messages on standard error, with `--json` a document on standard output, and the
exit code. There is one lock for each source, or one for each source and `-m`. An error of one lock does not stop the
others; the highest exit code wins.

A run takes these steps, in the order of the methods of `_Run`:

1. Plan: read each source and its old lock, and combine the settings (`resolver.cli.lock_planning`).
2. With `--check`, compare each old lock with its plan. No network and no solver are needed.
3. Without it, lock each plan, write the file if it differs, and report. `--check --refresh` locks too, but compares the
   new lock with the old one instead of writing it.
4. Warn of `--upgrade-package` names that are in no old lock, and print the document of `--json`.

A warm run and a check take some tens of milliseconds, of which imports are the largest part. What only one of the steps
needs is imported there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockfiles import Lockfile
from resolver.cli.lock_planning import LockOutcomes, LockPlanning, build_lock_key, find_left_over
from resolver.cli.output import show_message, write_output
from resolver.cli.parser import LockArguments, render_options
from resolver.cli.recording import current_recording
from resolver.errors import Fault, InputError, render_os_error
from resolver.planning.check import check_lockfile, has_local_paths, iter_content_differences
from resolver.planning.plan import LockPlan, depends_on_clock, share_old_locks
from resolver.sources.source import StandardInput

if TYPE_CHECKING:
    from lockfiles import Comparison
    from resolver.fetch.access import Access
    from resolver.index.events import Observe
    from resolver.locking.locker import Locker, LockOutcome

__all__ = ["run_lock"]

_DIFFERS = 1


def run_lock(arguments: LockArguments) -> int:
    """The exit code of `lock` with these arguments: 0, 1 for a check that found differences, or that of an error."""
    if arguments.verbose > 1:
        # Lazy: it takes 8 ms.
        from resolver.cli.output import show_requests

        show_requests()
    return _Run(arguments).run()


class _Run:
    """One run over all its sources. Its outcomes are recorded by lock, since one lock may fail and the next succeed."""

    def __init__(self, arguments: LockArguments) -> None:
        self._arguments = arguments
        self._outcomes = LockOutcomes(arguments)
        self._since = time.monotonic()
        self._hinted: set[str] = set()
        self._folder = Path.cwd()
        self._renamed: dict[Path, Path] = {}

    def run(self) -> int:
        """Take the steps of the run; the exit code."""
        planning = LockPlanning(self._arguments, self._outcomes, folder=self._folder)
        plans = share_old_locks(planning.plan_all())
        self._renamed = planning.renamed
        if self._arguments.check and not self._arguments.refresh:
            for plan in plans:
                self._check(plan)
            self._warn_of_left_over(plans)
            recording = current_recording()
            if recording is not None:
                recording.complete()  # A check rests on files and variables alone.
        elif plans:
            self._make_all(plans)
        for name in sorted(set(self._arguments.upgrade_packages) - planning.locked_names):
            show_message(f"warning: `--upgrade-package {name}` has no effect: no old lock has it")
        if self._arguments.as_json:
            self._outcomes.print_document()
        return self._outcomes.code

    def _check(self, plan: LockPlan) -> None:
        """Compare the old lock with the list, the settings, and the folders and files that it names."""
        if plan.old is None:
            self._report_differences(plan, ["there is no such file"])
            return
        differences = check_lockfile(
            plan.old,
            canonical_layers=plan.layers,
            settings=plan.recorded_settings,
            target=plan.target,
            entries=plan.requirement_list.entries,
            constraints=plan.requirement_list.constraints,
            overridden=frozenset(entry.name for entry in plan.overrides if entry.name is not None),
            index_strategy=plan.settings.index_strategy,
        )
        self._report_check(plan, [*differences, *_list_changed_content(plan, plan.old)])

    def _warn_of_left_over(self, plans: Sequence[LockPlan]) -> None:
        """Warn of locks beside those of the plans that no target writes any more.

        Not where `-m` or `-o` choose other targets or files than the configuration: then other locks are expected.
        """
        if self._arguments.machines or self._arguments.settings.output is not None or self._arguments.quiet:
            return
        for path in find_left_over(plans):
            message = f"`{self._show(path)}` is of the same list, and no target writes it any more"
            show_message(f"warning: {message}")
            if self._arguments.annotates:
                # Lazy: only a workflow of GitHub reads annotations.
                from resolver.cli.annotations import annotate_left_over

                annotate_left_over(message, lock=self._show(path))

    def _make_all(self, plans: Sequence[LockPlan]) -> None:
        """Lock all plans with one `Locker`, which shares what it has fetched."""
        # Lazy: `--check` needs neither the solver nor the network.
        from resolver.cli.progress import observe_run
        from resolver.locking.locker import Locker
        from resolver.locking.old_lock import Upgrade

        upgrade = Upgrade(everything=self._arguments.upgrade, names=frozenset(self._arguments.upgrade_packages))
        is_wanted = not (self._arguments.quiet or self._arguments.as_json)
        with (
            observe_run(is_wanted=is_wanted, is_told=self._arguments.verbose > 0) as observe,
            Locker(plans, access=self._build_access(observe), upgrade=upgrade) as locker,
        ):
            for plan in plans:
                with self._outcomes.attempt(build_lock_key(plan)):
                    # Without an old lock of ours there is nothing to compare with: the plain check reports that.
                    if self._arguments.check and (plan.old is None or plan.old.tool is None):
                        self._check(plan)
                    else:
                        self._make(plan, locker)
            self._record_inputs(plans, locker)

    def _record_inputs(self, plans: Sequence[LockPlan], locker: Locker) -> None:
        """Tell the record of this run what it depends on beside files and variables."""
        recording = current_recording()
        if recording is None:
            return
        # Lazy: with the solver, which this run has loaded.
        from resolver.locking.plan_secrets import has_expiry

        recording.complete(locker.list_pages())
        for plan in plans:
            entries = (*plan.requirement_list.entries, *plan.requirement_list.constraints, *plan.overrides)
            is_timed = depends_on_clock(plan, upgrade=self._arguments.upgrade) or has_expiry(plan)
            if is_timed or any(entry.direct for entry in entries):
                recording.give_up()

    def _build_access(self, observe: Observe | None) -> Access:
        """The way to the indexes, with the listener of the run."""
        from resolver.cli.host_options import build_lock_access  # Lazy, as above.

        return build_lock_access(self._arguments, announce=show_message, observe=observe)

    def _make(self, plan: LockPlan, locker: Locker) -> None:
        """Lock one plan, and write and report it; under `--check --refresh` only report how it would differ."""
        outcome = locker.lock(plan)
        comparison = _compare(plan.old, outcome.lockfile) if plan.old is not None else None
        self._outcomes.warn(outcome.warnings)
        if self._arguments.check:
            self._report_check(plan, str(comparison).splitlines() if comparison else [])
            return
        self._rename_old(plan.path)
        written = _write(outcome.lockfile, plan.path, shown=self._show(plan.path))
        if self._arguments.as_json or not self._arguments.quiet:
            self._report_lock(plan, outcome, comparison, written=written)

    def _rename_old(self, path: Path | None) -> None:
        """Rename the lock of this path if it still has an old name, and tell it. Raises InputError."""
        old = None if path is None else self._renamed.get(path)
        if old is None or path is None:
            return
        recording = current_recording()
        if recording is not None:
            recording.give_up()
        try:
            old.rename(path)
        except OSError as error:
            raise InputError(f"`{self._show(old)}` cannot be renamed: {render_os_error(error)}") from error
        if not self._arguments.quiet:
            show_message(f"`{self._show(old)}` is now `{self._show(path)}`: a lock is named after its source")

    def _report_lock(
        self, plan: LockPlan, outcome: LockOutcome, comparison: Comparison | None, *, written: bool
    ) -> None:
        """Report a new lock: as text unless `--quiet`, and in the document of `--json`.

        A hint about the platform of an app belongs to the text alone, once for each source.
        """
        # Lazy: a quiet run reports nothing.
        from resolver.cli.summary import LockReport, render_lock_report, report_as_json
        from resolver.sources.apps.fal.tables import find_platform_hint

        hint = None if plan.source.name in self._hinted else find_platform_hint(plan.source)
        self._hinted.add(plan.source.name)
        report = LockReport(
            source=plan.source.name,
            path=None if plan.path is None else self._show(plan.path),
            outcome=outcome,
            comparison=comparison,
            written=written,
            python_rule=plan.python_rule,
            machines=plan.machines,
            duration_s=self._measure_lock(),
            hint=hint,
        )
        if self._arguments.as_json:
            self._outcomes.note(build_lock_key(plan), report_as_json(report))
        if not self._arguments.quiet:
            show_message(render_lock_report(report), duration=f"{report.duration_s:.2f} s")

    def _measure_lock(self) -> float:
        """Seconds since the last report, or since the start for the first one: reading and parsing count too."""
        before, self._since = self._since, time.monotonic()
        return self._since - before

    def _report_check(self, plan: LockPlan, differences: Sequence[object]) -> None:
        """Report the result of a check: values of `resolver.planning.check` or texts; none if the lock fits."""
        if differences:
            self._report_differences(plan, differences)
            return
        self._note_check(plan, [])
        if not self._arguments.quiet:
            show_message(f"{plan.source.name}: {self._show(plan.path)} fits")

    def _report_differences(self, plan: LockPlan, differences: Sequence[object]) -> None:
        """Report a lock that does not fit, with the command that makes it anew. Exit code 1."""
        place = self._show(plan.path)
        self._note_check(plan, [*map(str, differences)], code=_DIFFERS)
        if self._arguments.annotates:
            # Lazy: only a workflow of GitHub reads annotations.
            from resolver.cli.annotations import annotate_differences

            annotate_differences(plan, differences, lock=place)
        argument = "-" if isinstance(plan.source.form, StandardInput) else plan.source.name
        if plan.machines.label is not None:
            argument += f" -m {','.join(plan.machines.names)}"
        options = render_options(self._arguments.settings) + (" --evaluate" if self._arguments.evaluate else "")
        fault = Fault(
            where=plan.source.name,
            what=f"{place} does not fit",
            details=tuple(map(str, differences)),
            remedy=f"`lock {argument}{options}`",
        )
        show_message(str(fault))

    def _note_check(self, plan: LockPlan, differences: list[str], *, code: int = 0) -> None:
        """Record the result of a check for the exit code and the document of `--json`."""
        document: dict[str, object] = {
            "source": plan.source.name,
            "lockfile": self._show(plan.path),
            "differences": differences,
        }
        self._outcomes.note(build_lock_key(plan), document, code=code)

    def _show(self, path: Path | None) -> str:
        """A path for messages: relative to the folder of the run if it is below it."""
        if path is None:
            return "standard output"
        return path.relative_to(self._folder).as_posix() if path.is_relative_to(self._folder) else str(path)


def _list_changed_content(plan: LockPlan, lockfile: Lockfile) -> list[str]:
    """How folders and files that a lock names by path differ from their hashes in it.

    Paths in a lock are relative to its folder; a lock on standard output has those of the source's folder.
    """
    if not has_local_paths(lockfile):
        return []
    # Lazy: few locks name a file on disk.
    from resolver.fetch.access import Access
    from resolver.planning.from_lock import build_lock_policy

    folder = plan.source.folder if plan.path is None else plan.path.parent
    policy = build_lock_policy(folder, access=Access(), lists=[plan])
    return [str(difference) for difference in iter_content_differences(lockfile, folder, policy=policy)]


def _compare(old: Lockfile, new: Lockfile) -> Comparison:
    """How a new lock differs from the old one."""
    # Lazy: only a relock has two locks.
    from lockfiles import compare

    return compare(old, new)


def _write(lockfile: Lockfile, path: Path | None, *, shown: str) -> bool:
    """Write the lock to its file, or print it; whether the file has changed.

    `shown` is the path for messages. Raises InputError where the file cannot be written.
    """
    # Lazy: `--check` writes nothing.
    from lockfiles.reading import dumps, write_dumped

    text = dumps(lockfile)
    if path is None:
        # TOML is UTF-8 with line feeds, on every terminal.
        write_output(text.encode("utf-8"))
        return True
    recording = current_recording()
    if recording is not None:
        recording.note_lock(path, text.encode("utf-8"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_dumped(text, path)
    except OSError as error:
        raise InputError(
            f"`{shown}` cannot be written: {render_os_error(error)}", remedy="another place, with `-o`"
        ) from error
