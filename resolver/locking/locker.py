"""From plans to lockfiles: the stages of a lock in order.

In: the `LockPlan`s of a run (list, target, settings, old lock) and the `Access` to the indexes. Out: for each plan a
`LockOutcome` with the new lock; no file is written. The same plan and the same answers of the indexes give the same
lock.

It is a module of its own because it joins parts that do not import each other: `fetch` gives a package source, `solve`
the search, `locking.document` the lock. The plans of one run share their package sources and resolutions, so each page
is read once and equal problems are solved once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from packaging.utils import NormalizedName

from lockfiles import Lockfile
from lockfiles._values import dataclass
from resolver.errors import ResolutionError
from resolver.fetch.access import Access
from resolver.index.events import find_logger, with_records
from resolver.index.package_source import PackageSource
from resolver.locking.build_requirements import BuildPins, find_build_pins
from resolver.locking.diagnostics import (
    WatchedPages,
    check_moved_files,
    check_references,
    find_idle_locations,
    find_moved_locations,
    find_shadowed,
    iter_yank_warnings,
)
from resolver.locking.document import RecordedInputs, build_lockfile
from resolver.locking.old_lock import (
    KEEP_ALL,
    Upgrade,
    check_against_old,
    check_build_pins,
    find_kept_build_versions,
    find_known_hashes,
)
from resolver.locking.open_sources import OpenSource, PackageSources
from resolver.locking.plan_secrets import (
    build_credentials,
    check_bindings,
    check_signatures,
    find_needed_credentials,
    list_literal_warnings,
)
from resolver.locking.plan_solver import PlanSolver, find_default_index
from resolver.planning.plan import LockPlan
from resolver.requirements.entry import Entry
from resolver.requirements.url import Url
from resolver.solve.build_problem import check_contents
from resolver.solve.problem import Problem
from resolver.solve.resolution import Pin, Resolution
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.index.distribution_file import FixedSource
    from resolver.index.package_source import PageEvidence
    from resolver.locking.gpu_differences import DriverChange

__all__ = ["LockOutcome", "Locker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOutcome:
    """A new lock, and the facts about it that a summary reports.

    - `default_index` is the public URL of the default index, None where no item of the list is served by it.
    - `warnings` are whole messages: those about list and source first, those of the search last.
    - `shadowed` are pins that only dependencies name and that came from an extra index although the default index has
      the project too.
    - `driver_changes` are the drivers under which other builds would be locked; empty for a target without a GPU.
    """

    lockfile: Lockfile
    resolution: Resolution
    default_index: str | None = None
    warnings: tuple[str, ...] = ()
    shadowed: tuple[Pin, ...] = ()
    driver_changes: tuple[DriverChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenPlan:
    """A plan with its package source and its direct references: all that the stages after the first ones need.

    - `plan` has the names of all direct references filled in.
    - `source` also has pages for `fixed`, the projects whose source a direct reference decides; `opened` does not.
    - `warnings` are about the signatures of URLs and about the direct references.
    """

    plan: LockPlan
    default_index: Url | None
    opened: OpenSource
    source: PackageSource
    fixed: Mapping[NormalizedName, FixedSource] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Locker:
    """Locks the plans of one run, which share their package sources; a context manager.

    `plans` are all plans of the run, also those that are never locked: their lists give credentials and signatures.
    """

    def __init__(self, plans: Sequence[LockPlan], *, access: Access, upgrade: Upgrade = KEEP_ALL) -> None:
        access = self._access = replace(access, observe=with_records(access.observe))
        self._upgrade = upgrade
        self._credentials = build_credentials(plans, logins=access.logins)
        self._sources = PackageSources(
            access=access,
            credentials=self._credentials,
            known_hashes=find_known_hashes((plan.old for plan in plans), upgrade),
        )
        self._solver = PlanSolver(upgrade=upgrade, has_one_plan=len(plans) < 2)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sources.close()

    def lock(self, plan: LockPlan) -> LockOutcome:
        """A new lock for the plan.

        Raises ListError for forms that cannot be locked, and where position would swap a file; ResolutionError where
        there is no solution, FetchError, and HashMismatchError where a file of the old lock now has another hash.
        """
        warnings = self._check_before_requests(plan)
        opened = self._open(plan, warnings)
        problem = self._solver.build_problem(opened.plan, opened.fixed)
        moved = find_moved_locations(
            opened.plan, problem, opened.source, lambda plan: self._solver.build_problem(plan, opened.fixed)
        )
        resolution = self._solve(opened, problem)
        if moved is not None:
            check_moved_files(moved, resolution, opened.source)
            opened = replace(opened, warnings=(*opened.warnings, *moved.warnings))
        self._check_files(opened.plan, problem, resolution)
        build_pins = self._find_build_pins(opened, resolution)
        outcome = LockOutcome(
            lockfile=_build_lockfile(opened.plan, resolution, build_pins),
            resolution=resolution,
            default_index=None if opened.default_index is None else opened.default_index.public,
            warnings=self._collect_warnings(opened, problem, resolution),
            shadowed=tuple(find_shadowed(opened.plan, problem, resolution, opened.source, opened.default_index)),
            driver_changes=self._find_driver_changes(opened, problem, resolution),
        )
        _record(plan, outcome)
        return outcome

    def list_pages(self) -> tuple[PageEvidence, ...] | None:
        """The pages that all locks of this run so far rest on (`AnswerCache.list_pages`), None where that is not all.

        A page that two targets have read is listed twice, and with the same content. Call it before the context ends.
        """
        return self._sources.list_pages()

    def check_variables(self, plans: Iterable[LockPlan]) -> None:
        """Raise UnboundVariableError for plans that only give credentials, and have a variable that may not be sent."""
        for plan in plans:
            check_bindings(plan, self._credentials)

    def _solve(self, opened: _OpenPlan, problem: Problem) -> Resolution:
        """The resolution. The error of a list without one names the locations that have no project of it as well."""
        watched = WatchedPages(opened.source)
        # The reader of a lock cannot change its list.
        open_source = None if problem.is_of_lock else partial(self._open_for_trials, opened)
        try:
            return self._solver.solve(opened.plan, problem, watched, open_source)
        except ResolutionError as error:
            if opened.opened.source.answers is not None:
                opened.opened.source.answers.distrust_absence()
            error.faults = (*error.faults, *find_idle_locations(opened.plan, watched))
            raise

    def _open_for_trials(self, opened: _OpenPlan, target: Target) -> PackageSource:
        """The package source of a target, to try remedies. Accelerators share one."""
        own = opened.plan.target
        if (target.python, target.platform) == (own.python, own.platform):
            return opened.source
        return self._sources.open(replace(opened.plan, target=target), opened.default_index).source

    def _check_before_requests(self, plan: LockPlan) -> tuple[str, ...]:
        """Warnings about signatures of URLs that end soon.

        Raises ListError for forms that cannot be locked, UnboundVariableError for variables that may not be sent to
        their hosts, FetchError for signatures that have ended.
        """
        check_bindings(plan, self._credentials)
        check_references(plan, credentials=self._credentials)
        return () if self._access.offline else check_signatures(plan, now=self._access.clock())

    def _open(self, plan: LockPlan, warnings: tuple[str, ...]) -> _OpenPlan:
        """The plan with its package source and what its direct references are. Raises FetchError and ListError."""
        default_index = find_default_index(plan)
        opened = self._sources.open(plan, default_index)
        if not any(entry.direct for entry in _list_entries(plan)):
            return _OpenPlan(
                plan=plan, default_index=default_index, opened=opened, source=opened.source, warnings=warnings
            )
        # Lazy: most lists have no direct reference.
        from resolver.locking.direct_references import find_plan_references, with_references

        found = find_plan_references(plan, opened.source, default_index, self._upgrade)
        plan = replace(plan, requirement_list=found.requirement_list)
        return _OpenPlan(
            plan=plan,
            default_index=default_index,
            opened=opened,
            source=with_references(opened.source, found.fixed, plan, default_index),
            fixed=found.fixed,
            warnings=(*warnings, *found.warnings),
        )

    def _check_files(self, plan: LockPlan, problem: Problem, resolution: Resolution) -> None:
        """Raises HashMismatchError where a pinned file differs from a hash of the list or of the old lock."""
        check_contents(problem, resolution)
        check_against_old(resolution, plan.old, upgrade=self._upgrade, base_url=_find_base_url(plan))

    def _find_build_pins(self, opened: _OpenPlan, resolution: Resolution) -> BuildPins:
        """What each build of an installation installs; empty where all pins are wheels.

        Raises ResolutionError where no wheels meet the build requirements, and HashMismatchError where a wheel of the
        old lock now has another hash.
        """
        if all(pin.file.is_wheel for pin in resolution.pins):
            return {}
        pins = find_build_pins(
            resolution,
            opened.plan.requirement_list,
            target=opened.plan.target,
            source=opened.opened.source,
            fixed=opened.fixed,
            requirements=opened.opened.build_requirements,
            kept=find_kept_build_versions(opened.plan.kept, self._upgrade),
        )
        check_build_pins(pins, opened.plan.old, upgrade=self._upgrade)
        return pins

    def _collect_warnings(self, opened: _OpenPlan, problem: Problem, resolution: Resolution) -> tuple[str, ...]:
        """All warnings of a lock, in the order in which `LockOutcome` promises them."""
        plan = opened.plan
        return (
            *plan.warnings,
            *plan.requirement_list.warnings,
            *self._credentials.warnings,
            *list_literal_warnings(plan),
            *opened.warnings,
            *resolution.warnings,
            *iter_yank_warnings(resolution),
        )

    def _find_driver_changes(
        self, opened: _OpenPlan, problem: Problem, resolution: Resolution
    ) -> tuple[DriverChange, ...]:
        """What other drivers would change, found without a request."""
        if resolution.build is None:
            return ()
        # Lazy: only a lock for GPUs has a driver, and the tables of torch's builds take time to load.
        from resolver.locking.direct_references import locate_dependency, with_references
        from resolver.locking.gpu_differences import find_driver_changes, list_versions

        plan, fixed, default_index = opened.plan, opened.fixed, opened.default_index
        read = opened.opened.source.without_requests()
        source = with_references(read, fixed, plan, default_index)

        def solve_for(target: Target) -> Resolution:
            return self._solver.solve_without_requests(replace(plan, target=target), fixed, source)

        locate = partial(locate_dependency, plan, default_index)
        versions_of = partial(list_versions, read, locate)
        find = partial(find_driver_changes, resolution, plan.target, solve_for, versions_of)
        return self._solver.find_driver_changes(plan, problem, opened.opened.source, find=find)


def _record(plan: LockPlan, outcome: LockOutcome) -> None:
    """Write the warnings of a lock, and what it is for, to the logger `pinfold.lock`."""
    logger = find_logger("lock")
    if logger is not None:
        for warning in outcome.warnings:
            logger.warning("%s", warning)
        logger.info("locked %d pins of %r for %s", len(outcome.resolution.pins), plan.source.name, plan.target)


def _list_entries(plan: LockPlan) -> tuple[Entry, ...]:
    """The entries of the list, its constraints and its overrides."""
    return (*plan.requirement_list.entries, *plan.requirement_list.constraints, *plan.overrides)


def _build_lockfile(plan: LockPlan, resolution: Resolution, build_pins: BuildPins) -> Lockfile:
    """The lock of a plan, with the hosts that need credentials during an installation."""
    lockfile = build_lockfile(
        resolution,
        target=plan.target,
        requirement_list=plan.requirement_list,
        inputs=RecordedInputs(
            layers=plan.layers,
            settings=plan.recorded_settings,
            index_strategy=plan.settings.index_strategy,
            exclude_newer=plan.exclude_newer,
            source=plan.recorded_source,
        ),
        base_url=_find_base_url(plan),
        build_pins=build_pins,
    )
    needed = find_needed_credentials(plan, lockfile)
    if not needed or lockfile.tool is None:
        return lockfile
    return replace(lockfile, tool=replace(lockfile.tool, credentials=needed))


def _find_base_url(plan: LockPlan) -> str:
    """The URL of the folder of the lock; for a lock that is printed, that of its source, where it would be saved."""
    folder = plan.source.folder if plan.path is None else plan.path.parent
    return f"{folder.resolve().as_uri()}/"
