"""The verb `lock`: plan every lock, then check each, or make and write it.

There is one lock a source, or one for each `-m` and source. Each is tried, whatever happens to the others; the highest
exit code wins.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockfiles import Lockfile
from resolver.cli.lock_planning import LockOutcomes, LockPlanning, key_of, tell
from resolver.cli.output import write_output
from resolver.cli.parser import LockArguments, render_options
from resolver.errors import Fault, InputError, render_os_error
from resolver.planning.check import check_lockfile, has_local_paths
from resolver.planning.plan import LockPlan, share_old_locks
from resolver.sources.source import StandardInput

if TYPE_CHECKING:
    from lockfiles import Comparison
    from resolver.locking.locker import Locker

__all__ = ["run_lock"]

_DIFFERS = 1


def run_lock(arguments: LockArguments) -> int:
    """The exit code of `lock` with these arguments."""
    run = _Run(arguments)
    return run.lock_all()


class _Run:
    """One run over all its sources."""

    def __init__(self, arguments: LockArguments) -> None:
        self._arguments = arguments
        self._outcomes = LockOutcomes(arguments)
        self._since = time.monotonic()
        self._folder = Path.cwd()

    def lock_all(self) -> int:
        """Plans all locks, then makes or checks each; the exit code."""
        if self._arguments.verbose:
            _show_requests()
        planning = LockPlanning(self._arguments, self._outcomes, folder=self._folder)
        plans = share_old_locks(planning.plan_all())
        if self._arguments.check and not self._arguments.refresh:
            for plan in plans:
                self._check(plan)
            self._tell_left_over(plans)
        elif plans:
            self._make_all(plans)
        for name in sorted(set(self._arguments.upgrade_packages) - planning.locked_names):
            tell(f"warning: `--upgrade-package {name}` lets go of nothing: no old lock has it")
        if self._arguments.as_json:
            self._outcomes.print_document()
        return self._outcomes.code

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
            index_strategy=plan.settings.index_strategy,
        )
        self._answer(plan, [*differences, *self._list_changed_content(plan, plan.old)])

    @staticmethod
    def _list_changed_content(plan: LockPlan, lockfile: Lockfile) -> list[str]:
        """What differs on disk from what was locked."""
        if not has_local_paths(lockfile):
            return []
        # Lazy: most locks name nothing on disk.
        from resolver.planning.check import iter_content_differences

        folder = plan.source.folder if plan.path is None else plan.path.parent
        return [str(difference) for difference in iter_content_differences(lockfile, folder)]

    def _make_all(self, plans: Sequence[LockPlan]) -> None:
        # Lazy: `--check` needs neither the solver nor the fetcher.
        from resolver.cli.host_options import build_lock_access
        from resolver.locking.locker import Locker
        from resolver.locking.old_lock import Upgrade

        upgrade = Upgrade(everything=self._arguments.upgrade, names=frozenset(self._arguments.upgrade_packages))
        access = build_lock_access(self._arguments, announce=tell)
        with Locker(plans, access=access, upgrade=upgrade) as locker:
            for plan in plans:
                with self._outcomes.attempt(key_of(plan)):
                    if self._arguments.check and (plan.old is None or plan.old.tool is None):
                        self._check(plan)
                    else:
                        self._make(plan, locker)

    def _make(self, plan: LockPlan, locker: Locker) -> None:
        """Makes the lock; writes it, or under --check says how it would differ."""
        outcome = locker.lock(plan)
        comparison = _compare(plan.old, outcome.lockfile) if plan.old is not None else None
        self._outcomes.warn(outcome.warnings)
        if self._arguments.check:
            self._answer(plan, str(comparison).splitlines() if comparison else [])
            return
        written = _put(outcome.lockfile, plan.path, name=self._show(plan.path))
        if self._arguments.quiet and not self._arguments.as_json:
            return
        # Lazy: a quiet run reports nothing.
        from resolver.cli.summary import LockReport, render_report, report_as_json
        from resolver.sources.apps.fal.tables import find_platform_hint

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
            self._outcomes.note(key_of(plan), report_as_json(report))
        if not self._arguments.quiet:
            print(render_report(report), file=sys.stderr)

    def _split_time(self) -> float:
        """Seconds since the lock before, or since the start: reading and parsing count too."""
        before, self._since = self._since, time.monotonic()
        return self._since - before

    def _answer(self, plan: LockPlan, differences: Sequence[object]) -> None:
        if differences:
            self._say_no(plan, differences)
            return
        self._note(plan, [])
        if not self._arguments.quiet:
            tell(f"{plan.source.name}: {self._show(plan.path)} fits")

    def _tell_left_over(self, plans: Sequence[LockPlan]) -> None:
        """Warns of locks that no target writes any more; whoever names targets or places himself has others."""
        if self._arguments.machines or self._arguments.settings.output is not None or self._arguments.quiet:
            return
        # Lazy: only a whole check looks at what lies beside its locks.
        from resolver.cli.lock_planning import find_left_over

        for path in find_left_over(plans):
            message = f"`{self._show(path)}` is of the same list, and no target writes it any more"
            tell(f"warning: {message}")
            if self._arguments.annotates:
                from resolver.cli.annotations import annotate_left_over

                annotate_left_over(message, lock=self._show(path))

    def _say_no(self, plan: LockPlan, differences: Sequence[object]) -> None:
        """Tells what does not fit: values of `resolver.planning.check`, or texts."""
        place = self._show(plan.path)
        self._note(plan, [*map(str, differences)], code=_DIFFERS)
        if self._arguments.annotates:
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
        tell(str(fault))

    def _note(self, plan: LockPlan, differences: list[str], *, code: int = 0) -> None:
        document: dict[str, object] = {
            "source": plan.source.name,
            "lockfile": self._show(plan.path),
            "differences": differences,
        }
        self._outcomes.note(key_of(plan), document, code=code)

    def _show(self, path: Path | None) -> str:
        """A path as the user would write it from here."""
        if path is None:
            return "standard output"
        return path.relative_to(self._folder).as_posix() if path.is_relative_to(self._folder) else str(path)


def _compare(old: Lockfile, new: Lockfile) -> Comparison:
    # Lazy: only a relock has two locks.
    from lockfiles import compare

    return compare(old, new)


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
            f"`{name}` cannot be written: {render_os_error(error)}", remedy="another place, with `-o`"
        ) from error


def _show_requests() -> None:
    # Lazy: it takes 8 ms.
    from resolver.cli.request_log import show_requests

    show_requests()
