"""From plans to lockfiles: the stages in order, and the one place where the core meets `fetch`.

In: the `LockPlan`s of a run (list, target, settings, the old lock) and how to reach the indexes. Out: for each a
`LockOutcome` with the new lock; nothing is written here. The same plan and the same answers of the indexes give the
same lock. What the plans of a run have in common is asked for once, and equal questions are solved once.

Locking a list that a program holds: items in, a lock out, in one call.

Beside the command line this is the only code that asks the environment (for `${VAR}` in URLs) and the clock (for a
relative `exclude-newer`); of the host's Python nothing is asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from lockfiles._values import dataclass
from resolver.fetch.access import Access
from resolver.fetch.projects.pages import default_index_url
from resolver.index.package_source import PackageSource
from resolver.locking.direct_references import find_plan_direct, locate_dependency, with_direct
from resolver.locking.document import (
    LockOutcome,
    RecordedInputs,
    Upgrade,
    build_lockfile,
    check_against_old,
    find_locked_commits,
    known_hashes,
    preferences,
)
from resolver.locking.equivalent_gpus import solve_or_remember
from resolver.locking.open_sources import OpenSource, PackageSources
from resolver.locking.plan_secrets import build_credentials, check_signatures, find_needed_credentials, warn_of_literals
from resolver.locking.refusals import find_shadowed, find_taken, iter_yanked, refuse_unsupported
from resolver.planning.plan import LockPlan, RunContext, plan_lock
from resolver.requirements.entry import RequirementItems
from resolver.requirements.url import Url
from resolver.settings.settings import Mirror, Settings
from resolver.solve.build_problem import IndexOptions, SolverOptions, build_problem, check_contents
from resolver.solve.problem import Problem
from resolver.solve.resolution import Resolution
from resolver.sources.source import ItemList, Source, StatedValue
from resolver.targets.accelerators import UNSPECIFIED, Gpu
from resolver.targets.platforms import Platform
from resolver.targets.target import PythonVersion, Target

if TYPE_CHECKING:
    from resolver.index.direct_distribution import FixedSource
    from resolver.locking.build_pins import BuildPins
    from resolver.locking.driver_changes import DriverChange

__all__ = [
    "Item",
    "Locker",
    "lock",
    "lock_plan",
]


def lock_plan(plan: LockPlan, *, access: Access, upgrade: Upgrade = Upgrade()) -> LockOutcome:
    """A new lock for one plan; raises what `Locker.lock` does."""
    with Locker([plan], access=access, upgrade=upgrade) as locker:
        return locker.lock(plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A plan whose direct references are known, and the package source that answers for it.

    `fixed` are the projects whose source a direct reference decides, and `warnings` are about those references.
    """

    plan: LockPlan
    default_index: Url | None
    source: PackageSource
    fixed: Mapping[NormalizedName, FixedSource] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Locker:
    """Locks the plans of one run, which share their package sources; a context manager."""

    def __init__(self, plans: Sequence[LockPlan], *, access: Access, upgrade: Upgrade = Upgrade()) -> None:
        self._access = access
        self._credentials = build_credentials(plans, logins=access.logins)
        self._upgrade = upgrade
        self._sources = PackageSources(
            access=access, credentials=self._credentials, hashes=_known_hashes(plans, upgrade)
        )
        self._resolutions: dict[Hashable, Resolution] = {}
        self._answered: list[tuple[Target, Hashable, Resolution, frozenset[NormalizedName]]] = []
        self._is_single = len(plans) < 2

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sources.close()

    def lock(self, plan: LockPlan) -> LockOutcome:
        """A new lock for the plan.

        Raises ListError for forms that cannot be locked, ResolutionError where there is no solution, FetchError, and
        HashMismatchError where a file of the old lock now has another hash.
        """
        expiring = self._check_plan(plan)
        opened = self._sources.open(plan, _default_index(plan))
        question = self._find_direct(plan, opened)
        plan, fixed = question.plan, question.fixed
        problem = _build_problem(plan, self._upgrade, question.default_index, fixed)
        resolution = self._solve(plan, problem, question.source)
        self._check_resolution(plan, problem, resolution)
        build_pins = self._find_build_pins(plan, resolution, opened, fixed)
        return LockOutcome(
            lockfile=_build_lockfile(plan, resolution, build_pins),
            resolution=resolution,
            default_index=None if question.default_index is None else question.default_index.public,
            warnings=self._collect_warnings(question, resolution, expiring=expiring),
            shadowed=tuple(find_shadowed(plan, problem, resolution, question.source, question.default_index)),
            driver_changes=self._find_driver_changes(plan, resolution, opened.source, fixed),
        )

    def _check_plan(self, plan: LockPlan) -> tuple[str, ...]:
        """Warnings about signatures that end soon, before any request.

        Raises ListError for forms that cannot be locked, FetchError for signatures that have ended.
        """
        refuse_unsupported(plan, credentials=self._credentials)
        return () if self._access.offline else check_signatures(plan, now=self._access.clock())

    def _find_direct(self, plan: LockPlan, opened: OpenSource) -> _Question:
        """The plan with the names of its direct references, and the source that answers for them. Raises FetchError."""
        default_index = _default_index(plan)
        direct = find_plan_direct(plan, opened.source, default_index, self._upgrade)
        if direct is None:
            return _Question(plan=plan, default_index=default_index, source=opened.source)
        plan = replace(plan, requirement_list=direct.requirement_list)
        return _Question(
            plan=plan,
            default_index=default_index,
            source=with_direct(opened.source, direct.fixed, plan, default_index),
            fixed=direct.fixed,
            warnings=direct.warnings,
        )

    def _check_resolution(self, plan: LockPlan, problem: Problem, resolution: Resolution) -> None:
        """Raises HashMismatchError where a pinned file is not the one that the list or the old lock means."""
        check_contents(problem, resolution)
        if plan.old is None or self._upgrade.everything:
            return
        kept = tuple(pin for pin in resolution.pins if pin.name not in self._upgrade.names)
        check_against_old(replace(resolution, pins=kept), plan.old, base_url=_base_url(plan))

    def _collect_warnings(
        self, question: _Question, resolution: Resolution, *, expiring: tuple[str, ...]
    ) -> tuple[str, ...]:
        """All warnings of a lock: the source's and the list's, those of credentials, then the solver's."""
        plan = question.plan
        return (
            *plan.warnings,
            *plan.requirement_list.warnings,
            *self._credentials.warnings,
            *warn_of_literals(plan),
            *expiring,
            *question.warnings,
            *find_taken(plan, question.source),
            *resolution.warnings,
            *iter_yanked(resolution),
        )

    def _find_driver_changes(
        self,
        plan: LockPlan,
        resolution: Resolution,
        asked: PackageSource,
        fixed: Mapping[NormalizedName, FixedSource],
    ) -> tuple[DriverChange, ...]:
        """What other drivers would change, without a request."""
        if resolution.build is None:
            return ()
        # Lazy: only a lock for GPUs has a driver.
        from resolver.locking.driver_changes import find_driver_changes, list_versions
        from resolver.solve.solving import solve

        silent = asked.without_requests()
        known = with_direct(silent, fixed, plan, _default_index(plan))

        def solve_for(target: Target) -> Resolution:
            other = replace(plan, target=target)
            problem = _build_problem(other, self._upgrade, _default_index(other), fixed)
            key = (_question_key(other, problem), "without asking")
            if key not in self._resolutions:
                self._resolutions[key] = solve(problem, known)
            return self._resolutions[key]

        locate = partial(locate_dependency, plan, _default_index(plan))
        return find_driver_changes(resolution, plan.target, solve_for, partial(list_versions, silent, locate))

    def _solve(self, plan: LockPlan, problem: Problem, source: PackageSource) -> Resolution:
        """The complete resolution; equal questions are solved once. An error is not kept: it names its machine."""
        key = _question_key(plan, problem)
        found = self._resolutions.get(key) or self._find_same(plan, problem)
        if found is None:
            found = self._solve_watched(plan, problem, source)
        self._resolutions[key] = found
        return found

    def _solve_watched(self, plan: LockPlan, problem: Problem, source: PackageSource) -> Resolution:
        """The complete resolution; that for a GPU is kept with all that was looked at, for others of the run."""
        if not isinstance(plan.target.accelerator, Gpu) or self._is_single:
            return solve_or_remember(problem, source, lambda: self._search(problem, source), behind=_list_behind(plan))
        # Lazy: only a run for several machine types has something to compare.
        from resolver.locking.equivalent_gpus import WatchedSource

        watched = WatchedSource(source)
        found = self._search(problem, watched)
        self._answered.append(
            (plan.target, _question_key(plan, problem, is_for_any=True), found, frozenset(watched.names))
        )
        return found

    def _find_same(self, plan: LockPlan, problem: Problem) -> Resolution | None:
        """The resolution for another GPU that is certainly this one's too."""
        if not self._answered or problem.direct or plan.settings.measure_kernels:
            return None
        # Lazy, as above.
        from resolver.locking.equivalent_gpus import has_same_answer

        question = _question_key(plan, problem, is_for_any=True)
        for target, answered, resolution, names in self._answered:
            if answered == question and has_same_answer(resolution, names, here=target, there=plan.target):
                return resolution
        return None

    def _search(self, problem: Problem, source: PackageSource) -> Resolution:
        # Lazy: most relocks find their answer where the run before has left it.
        from resolver.solve.solving import solve

        return self._complete(solve(problem, source), source)

    @staticmethod
    def _complete(resolution: Resolution, source: PackageSource) -> Resolution:
        """The resolution with size and sha256 of every file."""
        source.prefetch_completion([pin.file for pin in resolution.pins])
        return replace(resolution, pins=tuple(replace(pin, file=source.complete(pin.file)) for pin in resolution.pins))

    def _find_build_pins(
        self,
        plan: LockPlan,
        resolution: Resolution,
        opened: OpenSource,
        fixed: Mapping[NormalizedName, FixedSource],
    ) -> BuildPins:
        """What the builds of an installation install; empty where it builds nothing."""
        if all(pin.file.is_wheel for pin in resolution.pins):
            return {}
        # Lazy: most locks hold wheels alone.
        from resolver.locking.build_pins import check_build_pins, find_build_pins, find_kept_versions

        names = self._upgrade.names
        pins = find_build_pins(
            resolution,
            plan.requirement_list,
            target=plan.target,
            source=opened.source,
            fixed=fixed,
            requirements=opened.build_requirements,
            kept={} if self._upgrade.everything else find_kept_versions(plan.kept, without=names),
        )
        if plan.old is not None and not self._upgrade.everything:
            check_build_pins({name: one for name, one in pins.items() if name not in names}, plan.old)
        return pins


def _question_key(plan: LockPlan, problem: Problem, *, is_for_any: bool = False) -> Hashable:
    """A key that is equal for equal questions: all content that decides the answer, and no object's identity.

    Plans may be freed during a run, and another plan may then have the id of one that was. With `is_for_any` the key is
    the same for all accelerators.
    """
    target = replace(plan.target, accelerator=UNSPECIFIED) if is_for_any else plan.target
    preferences = tuple(sorted(problem.preferences.items()))
    # Of one list they differ where old locks hold other commits.
    commits = () if plan.kept is None else tuple(sorted(find_locked_commits(plan.kept).values()))
    return (
        *_list_behind(plan),
        plan.settings,
        tuple(plan.mirrors.items()),
        _uses_family_indexes(plan),
        target,
        plan.exclude_newer,
        preferences,
        commits if problem.direct else (),
    )


def _list_behind(plan: LockPlan) -> tuple[Hashable, ...]:
    """What the locations of the plan's problem are made of, and what decides the answers of its source."""
    settings = plan.settings
    return (
        plan.requirement_list,
        plan.overrides,
        plan.families,
        _default_index(plan),
        plan.build_constraints,
        settings.dependency_metadata,
        settings.no_build,
        settings.allow_build,
        settings.build_anyway,
        settings.no_download,
    )


def _known_hashes(plans: Sequence[LockPlan], upgrade: Upgrade) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 by URL of all old locks; none for a URL of which they say different things.

    Neither for what an upgrade lets go of: a file may have been replaced by one of its size.
    """
    found: dict[str, set[tuple[int, str]]] = {}
    for plan in plans:
        # What somebody wrote into a lock by hand proves nothing about a file.
        old = None if upgrade.everything or (plan.old is not None and plan.old.is_edited) else plan.old
        for (url, size), sha256 in (known_hashes(old, without=upgrade.names) if old is not None else {}).items():
            found.setdefault(url, set()).add((size, sha256))
    return {url: facts.pop() for url, facts in found.items() if len(facts) == 1}


def _build_problem(
    plan: LockPlan,
    upgrade: Upgrade,
    default_index: Url | None,
    direct: Mapping[NormalizedName, FixedSource],
) -> Problem:
    settings = plan.settings
    return build_problem(
        plan.requirement_list,
        target=plan.target,
        indexes=IndexOptions(
            default_index=default_index,
            families=plan.families,
            strategy=settings.index_strategy,
            mirrors=tuple(Mirror(prefix=prefix, url=url.public) for prefix, url in plan.mirrors.items()),
            uses_family_indexes=_uses_family_indexes(plan),
        ),
        options=SolverOptions(
            overrides=plan.overrides,
            excludes=settings.exclude,
            exclude_newer=plan.exclude_newer,
            exclude_newer_exempt=settings.exclude_newer_exempt,
            no_build=settings.no_build,
            allow=settings.allow,
            measures_kernels=settings.measure_kernels,
        ),
        direct=direct,
        preferences=_preferences(plan, upgrade),
    )


def _uses_family_indexes(plan: LockPlan) -> bool:
    """Whether the shipped indexes of CUDA builds may be used, because the source configures no indexes of its own."""
    configured = plan.source.settings
    return not (configured.index_url or configured.extra_index_url or configured.no_index)


def _default_index(plan: LockPlan) -> Url | None:
    """The configured or built-in default index; None where no scope of the list has one in force."""
    requirement_list = plan.requirement_list
    members = (*requirement_list.entries, *requirement_list.constraints)
    scopes = (requirement_list.dependency_scope, *(member.scope for member in members))
    if not any(scope.default_index for scope in scopes):
        return None
    return plan.default_index or default_index_url()


def _preferences(plan: LockPlan, upgrade: Upgrade) -> dict[NormalizedName, Version]:
    if plan.kept is None or upgrade.everything:
        return {}
    return {name: version for name, version in preferences(plan.kept).items() if name not in upgrade.names}


def _build_lockfile(plan: LockPlan, resolution: Resolution, build_pins: BuildPins) -> Lockfile:
    lockfile = build_lockfile(
        resolution,
        target=plan.target,
        requirement_list=plan.requirement_list,
        inputs=RecordedInputs(
            layers=plan.layers,
            settings=plan.recorded_settings,
            index_strategy=plan.settings.index_strategy,
            exclude_newer=plan.exclude_newer,
        ),
        base_url=_base_url(plan),
        build_pins=build_pins,
    )
    needed = find_needed_credentials(plan, lockfile)
    return lockfile if not needed else _with_credentials(lockfile, needed)


def _with_credentials(lockfile: Lockfile, needed: tuple[str, ...]) -> Lockfile:
    assert lockfile.tool is not None
    return replace(lockfile, tool=replace(lockfile.tool, credentials=needed))


def _base_url(plan: LockPlan) -> str:
    """The URL of the folder that the lock lies in; one that is printed has the paths of one beside its list."""
    folder = plan.source.folder if plan.path is None else plan.path.parent
    return f"{folder.resolve().as_uri()}/"


Item = str | Callable[[Target], str | None]
"""A requirement or flag, or a function that gives one for a target."""


def lock(
    requirements: Sequence[Item] | Sequence[Sequence[Item]],
    *,
    python: PythonVersion | str,
    platform: Platform | str | None = None,
    machine_type: str | Sequence[str] | None = None,
    settings: Settings = Settings(),
    old: Lockfile | None = None,
    upgrade: Upgrade = Upgrade(),
    access: Access = Access(),
    folder: Path | None = None,
) -> LockOutcome:
    """A lock for the list, or for its layers; nothing is written.

    - An item is text, or a function that is called once with the target and gives text, or None for no item.
    - `python` is like `3.11`, `platform` like `manylinux_2_35_x86_64`, which is what None means where `settings` says
      nothing else.
    - `machine_type` is like `GPU-A100`, or a fallback list; None is what `settings` say.
    - `settings` are those of a `[tool.pinfold]`: an `index_url` takes the place of the default index.
    - Pins of `old` that still fit are kept, but for those that `upgrade` lets go of.
    - `access` says how to reach indexes; by default no cache is kept.
    - `folder` is what paths in the list and the settings are relative to, and where the lock is meant to lie: files
      below it are locked by relative path. None is the current folder.

    In messages the list is `requirements`: `requirements[4]`. Raises PinfoldError, whose subclasses tell bad input,
    no solution, network and hash mismatch apart.
    """
    where = folder or Path.cwd()
    source = Source(
        name="requirements",
        stem="requirements",
        form=ItemList(items=_freeze(requirements)),
        path=None,
        folder=where,
        python=StatedValue(value=str(python), where="`python`"),
        machine_types=None if machine_type is None else _name_machines(machine_type),
        settings=settings,
    )
    plan = plan_lock(
        source,
        arguments=Settings(platform=None if platform is None else str(platform)),
        path=None,
        old=old,
        run=RunContext(folder=where, variables=os.environ, now=datetime.now(UTC), may_ask_host=False),
        upgrade=upgrade.everything,
    )
    return lock_plan(plan, access=access, upgrade=upgrade)


def _name_machines(machine_type: str | Sequence[str]) -> StatedValue[tuple[str, ...]]:
    names = (machine_type,) if isinstance(machine_type, str) else tuple(machine_type)
    return StatedValue(value=names, where="`machine_type`")


def _freeze(requirements: object) -> RequirementItems:
    """The items as tuples; what is no list of texts stays as it is, for the parser to say what is wrong with it."""
    if isinstance(requirements, str) or not isinstance(requirements, Sequence):
        return cast("RequirementItems", requirements)
    return tuple(
        tuple(item) if isinstance(item, Sequence) and not isinstance(item, str) else item for item in requirements
    )
