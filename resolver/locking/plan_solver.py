"""The problem of a plan and its resolution; a problem that was solved before is not searched again.

In: a `LockPlan`, its direct references, and its package source. Out: the `Problem` for the search, and a `Resolution`
whose files all have size and SHA-256.

A search is saved in three ways, each with the result that a new search would give: another plan of this run has an
equal problem; another plan is for a GPU on which the same builds run; or an earlier run kept its resolution in the
cache, and no page or metadata behind it has changed since. It is a module of its own because the problem and the keys
that compare problems must depend on the same fields of a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from packaging.utils import NormalizedName

from lockfiles._values import dataclass
from resolver.fetch.projects.pages import default_index_url
from resolver.index.distribution_file import FixedSource
from resolver.index.location import Location, mirror_url
from resolver.index.package_source import DelegatingSource, PackageSource
from resolver.index.project_page import ProjectPage
from resolver.locking.diagnostics import iter_fall_warnings, iter_idle_warnings
from resolver.locking.old_lock import Upgrade, find_kept_commits, find_kept_versions, find_rejected_builds
from resolver.planning.plan import LockPlan
from resolver.requirements.url import Url
from resolver.solve.build_problem import IndexOptions, SolverOptions, build_problem
from resolver.solve.problem import Problem, render_question
from resolver.solve.resolution import Resolution, dump_resolution, load_resolution
from resolver.targets.accelerators import UNSPECIFIED, Gpu
from resolver.targets.target import Target

if TYPE_CHECKING:
    from resolver.locking.gpu_differences import DriverChange

__all__ = ["PlanSolver", "find_default_index"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _SolvedTarget:
    """A resolution for a GPU. `key` leaves the accelerator out; `names` are the projects whose pages were read."""

    target: Target
    key: Hashable
    resolution: Resolution
    names: frozenset[NormalizedName]


class PlanSolver:
    """Solves the plans of one run.

    `has_one_plan` is whether the run has a single plan: then nothing is kept for comparison with other GPUs.
    """

    def __init__(self, *, upgrade: Upgrade, has_one_plan: bool) -> None:
        self._upgrade = upgrade
        self._has_one_plan = has_one_plan
        self._resolutions: dict[Hashable, Resolution] = {}
        self._solved_targets: list[_SolvedTarget] = []

    def build_problem(self, plan: LockPlan, fixed: Mapping[NormalizedName, FixedSource]) -> Problem:
        """The problem of a plan, which prefers the versions of the old lock. `fixed` are its direct references."""
        settings = plan.settings
        return build_problem(
            plan.requirement_list,
            target=plan.target,
            indexes=IndexOptions(
                default_index=find_default_index(plan),
                families=plan.families,
                strategy=settings.index_strategy,
                mirrors=plan.public_mirrors,
                uses_family_indexes=_uses_family_indexes(plan),
            ),
            options=SolverOptions(
                overrides=plan.overrides,
                excludes=settings.exclude,
                exclude_newer=plan.exclude_newer,
                exclude_newer_exempt=settings.exclude_newer_exempt,
                no_build=settings.no_build,
                skips_failed_builds=settings.skip_failed_builds,
                rejected_builds=find_rejected_builds(plan.kept, self._upgrade),
                is_of_lock=plan.policy is not None,
                allow=settings.allow,
                measures_kernels=settings.measure_kernels,
            ),
            direct=fixed,
            preferences=find_kept_versions(plan.kept, self._upgrade),
        )

    def solve(
        self,
        plan: LockPlan,
        problem: Problem,
        source: PackageSource,
        open_source: Callable[[Target], PackageSource] | None = None,
    ) -> Resolution:
        """The resolution, with size and SHA-256 of every file. `open_source` is that of `resolver.solve.solving`.

        Raises what the search raises. An error is not kept, because its text names the machine of its plan.
        """
        key = _build_key(plan, problem)
        # `or` is safe: a resolution has no length, so it is never false.
        found = self._resolutions.get(key)
        if found is None:
            found = self._find_equivalent(plan, problem)
            if found is not None:
                _Answer(problem, source, _list_inputs(plan)).keep(found)
        if found is None:
            found = self._solve_anew(plan, problem, source, open_source)
        self._resolutions[key] = found
        return found

    def solve_without_requests(
        self, plan: LockPlan, fixed: Mapping[NormalizedName, FixedSource], source: PackageSource
    ) -> Resolution:
        """The resolution from pages and metadata that were read already; its files may lack size and SHA-256.

        `source` makes no request. Raises FetchError where the search needs one.
        """
        # Lazy, as in `_search`.
        from resolver.solve.solving import solve

        problem = self.build_problem(plan, fixed)
        key = (_build_key(plan, problem), "without requests")
        if key not in self._resolutions:
            self._resolutions[key] = solve(problem, source)
        return self._resolutions[key]

    def find_driver_changes(
        self, plan: LockPlan, problem: Problem, source: PackageSource, *, find: Callable[[], Sequence[DriverChange]]
    ) -> tuple[DriverChange, ...]:
        """The changes that an earlier run kept with the resolution, or those that `find` finds, which are then kept.

        They take a search for each driver that runs other builds.
        """
        # Lazy: only a lock for GPUs has a driver.
        from resolver.locking.gpu_differences import dump_changes, load_changes

        answer = _Answer(problem, source, _list_inputs(plan))
        found = answer.find_text("driver changes", load_changes)
        if found is None:
            found = tuple(find())
            answer.keep_text("driver changes", dump_changes(found))
        return found

    def _solve_anew(
        self,
        plan: LockPlan,
        problem: Problem,
        source: PackageSource,
        open_source: Callable[[Target], PackageSource] | None,
    ) -> Resolution:
        """The resolution of the cache or of a search; the one for a GPU is kept for the other GPUs of the run."""
        answer = _Answer(problem, source, _list_inputs(plan))
        recalled = answer.find()
        if recalled is not None:
            return recalled
        watched = _WatchedSource(source)
        found = _search(plan, problem, watched, open_source)
        answer.keep(found)
        if self._has_one_plan or not isinstance(plan.target.accelerator, Gpu):
            return found
        self._solved_targets.append(
            _SolvedTarget(
                target=plan.target,
                key=_build_key(plan, problem, for_all_accelerators=True),
                resolution=found,
                names=frozenset(watched.names),
            )
        )
        return found

    def _find_equivalent(self, plan: LockPlan, problem: Problem) -> Resolution | None:
        """The resolution for another GPU that is certainly the one for this GPU as well."""
        if not self._solved_targets or problem.direct or plan.settings.measure_kernels:
            return None
        # Lazy: only a run for several GPUs compares them, and the tables of torch's builds take time to load.
        from resolver.locking.gpu_differences import has_same_resolution

        key = _build_key(plan, problem, for_all_accelerators=True)
        for solved in self._solved_targets:
            if solved.key == key and has_same_resolution(
                solved.resolution, solved.names, here=solved.target, there=plan.target
            ):
                return solved.resolution
        return None


def find_default_index(plan: LockPlan) -> Url | None:
    """The configured or built-in default index, or its mirror; None where no scope of the list has one in force."""
    requirement_list = plan.requirement_list
    members = (*requirement_list.entries, *requirement_list.constraints)
    scopes = (requirement_list.dependency_scope, *(member.scope for member in members))
    if not any(scope.default_index for scope in scopes):
        return None
    return mirror_url(plan.default_index or default_index_url(), plan.public_mirrors)[0]


class _WatchedSource(DelegatingSource):
    """A package source that records the `names` of the projects whose pages are read.

    These are all projects that the search could have chosen, so they decide whether another GPU has the same
    resolution.
    """

    def __init__(self, source: PackageSource) -> None:
        super().__init__(source)
        self.names: set[NormalizedName] = set()

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """The page of the wrapped source."""
        self.names.add(name)
        return super().project_page(name, location)


def _uses_family_indexes(plan: LockPlan) -> bool:
    """Whether the shipped indexes of CUDA builds may be used, because the source configures no indexes of its own."""
    configured = plan.source.settings
    return not (configured.index_url or configured.extra_index_url or configured.no_index)


def _build_key(plan: LockPlan, problem: Problem, *, for_all_accelerators: bool = False) -> Hashable:
    """A key that is equal for plans whose problems have one solution.

    It is made of values alone, never of `id()`: a plan may be freed during a run, and another plan may then get its
    id. With `for_all_accelerators` the key is the same for all accelerators.
    """
    target = replace(plan.target, accelerator=UNSPECIFIED) if for_all_accelerators else plan.target
    # Two plans of one list can have old locks with different commits.
    commits = tuple(sorted(find_kept_commits(plan.kept).values())) if problem.direct else ()
    return (
        *_list_inputs(plan),
        plan.settings,
        target,
        plan.exclude_newer,
        tuple(sorted(problem.preferences.items())),
        problem.rejected_builds,
        commits,
    )


def _list_inputs(plan: LockPlan) -> tuple[Hashable, ...]:
    """The fields of a plan that decide the locations of its problem and the answers of its package source."""
    settings = plan.settings
    return (
        plan.requirement_list,
        plan.overrides,
        plan.families,
        tuple(plan.mirrors.items()),
        find_default_index(plan),
        plan.build_constraints,
        settings.dependency_metadata,
        settings.no_build,
        settings.allow_build,
        settings.build_anyway,
        settings.build_metadata,
        settings.no_download,
        _uses_family_indexes(plan),
    )


def _search(
    plan: LockPlan,
    problem: Problem,
    source: PackageSource,
    open_source: Callable[[Target], PackageSource] | None,
) -> Resolution:
    """The resolution of a new search, with size and SHA-256 of every file and the warnings about indexes and old pins.

    These warnings read pages again, so they are found here and kept with the resolution, and not on every run.
    """
    # Lazy: most relocks find their resolution in the cache and never load the search.
    from resolver.solve.solving import solve

    resolution = solve(problem, source, open_source)
    source.prefetch_completion([pin.file for pin in resolution.pins])
    warnings = (
        *iter_idle_warnings(plan, problem, resolution, source),
        *resolution.warnings,
        *iter_fall_warnings(problem, resolution, source),
    )
    pins = tuple(replace(pin, file=source.complete(pin.file)) for pin in resolution.pins)
    return replace(resolution, pins=pins, warnings=warnings)


class _Answer:
    """What the cache keeps between runs about a problem: its resolution, and what follows from that.

    The source keeps texts under the text of the problem, together with the pages and metadata that were read, and finds
    none once one of those has changed. `inputs` are the further values that decide the resolution.
    """

    def __init__(self, problem: Problem, source: PackageSource, inputs: Hashable) -> None:
        answers = source.answers
        self._roots = problem.roots
        self._observe = source.observe
        self._answers = answers
        self._question = None if answers is None or problem.require_hashes else render_question(problem, inputs)

    def find(self) -> Resolution | None:
        """The resolution that an earlier run kept, if all that it rests on is as it was; else None."""
        found = self.find_text("", lambda text: load_resolution(text, self._roots))
        if found is not None and self._observe is not None:
            # Lazy: few runs have a listener.
            from resolver.index.events import Recalled

            self._observe(Recalled(pins=len(found.pins)))
        return found

    def keep(self, resolution: Resolution) -> None:
        """Keep a resolution for the next run.

        Nothing is kept where a pin had to be built for its metadata: a build may give other metadata next time.
        """
        if not any(pin.built for pin in resolution.pins):
            self.keep_text("", dump_resolution(resolution, self._roots))

    def find_text(self, subject: str, load: Callable[[str], _T]) -> _T | None:
        """What `load` makes of the text that is kept about a subject; None for none, and for a damaged one."""
        if self._answers is None or self._question is None:
            return None
        text = self._answers.find_answer(f"{subject}\n{self._question}" if subject else self._question)
        try:
            return None if text is None else load(text)
        except (ValueError, TypeError, LookupError):
            return None  # The cache is damaged: the entry is replaced.

    def keep_text(self, subject: str, text: str | None) -> None:
        """Keep a text about a subject; None is what cannot be kept."""
        if self._answers is not None and self._question is not None and text is not None:
            self._answers.keep_answer(f"{subject}\n{self._question}" if subject else self._question, text)
