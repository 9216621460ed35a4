"""The build requirements of a list: where they come from, which wheels meet them, and what each build installs.

In: a `LockPlan` and its resolution; in the middle of a lock also the `[build-system] requires` of a source tree that
`fetch` has to build for its metadata. Out: pins of wheels. A build requirement is never built itself, because a build
that needs builds could run any amount of foreign code.

It is a module of its own because it has two users: `fetch`, which imports no solver and calls
`BuildRequirements.find_wheels` instead, and the lock, which records for every build of the installation what it
installs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import cache, partial

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import Position, ResolutionError
from resolver.index.distribution_file import DistributionFile, FixedSource
from resolver.index.location import Location, order_locations
from resolver.index.package_source import PackageSource
from resolver.planning.plan import LockPlan
from resolver.requirements.entry import FormatControl, RequirementList
from resolver.requirements.scopes import IndexFamily, Scope
from resolver.requirements.url import Url
from resolver.settings.settings import IndexStrategy, Mirror
from resolver.solve.problem import Problem, Root
from resolver.solve.resolution import Pin, Resolution
from resolver.targets.accelerators import UNSPECIFIED
from resolver.targets.target import PythonVersion, Target

__all__ = [
    "BuildPins",
    "BuildRequirements",
    "BuildScope",
    "build_scope",
    "find_build_pins",
    "find_config_settings",
    "find_isolated",
    "find_without_isolation",
]

BuildPins = Mapping[NormalizedName, Sequence[Pin]]
"""By project that is built, the pins of all that its build installs."""

_WHEELS_ALONE = FormatControl(only_binary=frozenset({":all:"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildScope:
    """Where build requirements come from, and what limits them.

    `constraints` are the texts of build constraints. The other fields mean what they mean in a `Problem`, and have the
    values that hold for a project that only dependencies name.
    """

    scope: Scope
    default_index: Url | None
    families: tuple[IndexFamily, ...]
    mirrors: tuple[Mirror, ...] = ()
    strategy: IndexStrategy = "first-index"
    constraints: tuple[str, ...] = ()
    exclude_newer: str | None = None
    exclude_newer_exempt: frozenset[str] = field(default_factory=frozenset)

    def build_problem(
        self, requirements: Sequence[str], *, target: Target, preferences: Mapping[NormalizedName, Version]
    ) -> Problem:
        """The problem of finding wheels for the requirements. Raises ResolutionError for a direct reference."""

        @cache
        def locations(name: NormalizedName) -> tuple[Location, ...]:
            return order_locations(
                name,
                self.scope,
                default_index=self.default_index,
                families=self.families,
                strategy=self.strategy,
                mirrors=self.mirrors,
            )

        return Problem(
            target=target,
            roots=_build_roots(requirements, "[build-system] requires", target),
            constraints=_build_roots(self.constraints, "build-constraint", target),
            locations=locations,
            families=self.families,
            index_strategy=self.strategy,
            preferences=preferences,
            format_control=_WHEELS_ALONE,
            exclude_newer=self.exclude_newer,
            exclude_newer_exempt=self.exclude_newer_exempt,
            no_build=True,
        )


class BuildRequirements:
    """Finds the wheels for build requirements; equal requirements are solved once.

    Safe to use from several threads: the workers of `fetch` build several source trees at the same time.
    `open_source` gives the package source of a target, the same one each time.
    """

    def __init__(self, scope: BuildScope, *, open_source: Callable[[Target], PackageSource]) -> None:
        self._scope = scope
        self._open_source = open_source
        self._lock = threading.Lock()
        self._solved: dict[tuple[object, ...], tuple[Pin, ...]] = {}

    def find_wheels(
        self, requirements: Sequence[str], python: PythonVersion | None = None
    ) -> tuple[DistributionFile, ...]:
        """The wheels for a Python on this machine, None for the running one; the callback `FindBuildWheels`."""
        # Lazy: few lists need a build.
        from resolver.fetch.builds.permission import host_target

        return tuple(pin.file for pin in self.solve(requirements, target=host_target(python)))

    def solve(
        self,
        requirements: Sequence[str],
        *,
        target: Target,
        preferences: Mapping[NormalizedName, Version] | None = None,
    ) -> tuple[Pin, ...]:
        """The pins for a target, whose files have size and SHA-256.

        `preferences` are versions to keep where they fit. Raises ResolutionError where there are no such wheels,
        FetchError, HashMismatchError.
        """
        if not requirements:
            return ()
        kept = dict(preferences or {})
        key = (tuple(requirements), target, tuple(sorted(kept.items())))
        with self._lock:
            if key not in self._solved:
                self._solved[key] = self._search(requirements, target, kept)
            return self._solved[key]

    def _search(
        self, requirements: Sequence[str], target: Target, preferences: Mapping[NormalizedName, Version]
    ) -> tuple[Pin, ...]:
        # Lazy: few lists need a build.
        from resolver.solve.solving import solve

        source = self._open_source(target)
        pins = solve(self._scope.build_problem(requirements, target=target, preferences=preferences), source).pins
        source.prefetch_completion([pin.file for pin in pins])
        return tuple(replace(pin, file=source.complete(pin.file)) for pin in pins)


def build_scope(plan: LockPlan, default_index: Url | None) -> BuildScope:
    """The scope of a plan's build requirements: that of a project which only dependencies name."""
    return BuildScope(
        scope=plan.requirement_list.dependency_scope,
        default_index=default_index,
        families=plan.families,
        mirrors=plan.public_mirrors,
        strategy=plan.settings.index_strategy,
        constraints=plan.build_constraints,
        exclude_newer=plan.exclude_newer,
        exclude_newer_exempt=frozenset(plan.settings.exclude_newer_exempt),
    )


def find_config_settings(plan: LockPlan) -> dict[NormalizedName, tuple[tuple[str, str], ...]]:
    """The `--config-settings` of the list, by project. They may be secret: never log or record them as text."""
    found: dict[NormalizedName, tuple[tuple[str, str], ...]] = {}
    for entry in plan.requirement_list.entries:
        if entry.name is not None and entry.config_settings:
            found[entry.name] = (*found.get(entry.name, ()), *entry.config_settings)
    return found


def find_without_isolation(plan: LockPlan) -> frozenset[NormalizedName]:
    """The projects that a layer with `--no-build-isolation` lists.

    Dependencies of such a layer are not among them: before the search nothing is known about them. See
    `find_isolated` for the rule after it.
    """
    layers = (layer for layer in plan.requirement_list.layers if layer.no_build_isolation)
    return frozenset(entry.name for layer in layers for entry in layer.entries if entry.name is not None)


def find_isolated(resolution: Resolution, requirement_list: RequirementList) -> frozenset[NormalizedName]:
    """The pinned projects whose build, if there is one, is isolated.

    A project of the list is not isolated if one of its layers has `--no-build-isolation`. For a project that only
    dependencies name, the first layer that needs it decides, because that layer installs it.
    """
    dependencies = {pin.name: pin.dependencies for pin in resolution.pins}
    listed = {entry.name for layer in requirement_list.layers if layer.no_build_isolation for entry in layer.entries}
    found: dict[NormalizedName, bool] = {}
    for layer in requirement_list.layers:
        waiting = [entry.name for entry in layer.entries if entry.name is not None]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = not layer.no_build_isolation
                waiting += dependencies.get(name, ())
    return frozenset(name for name in dependencies if name not in listed and found.get(name, True))


def find_build_pins(
    resolution: Resolution,
    requirement_list: RequirementList,
    *,
    target: Target,
    source: PackageSource,
    fixed: Mapping[NormalizedName, FixedSource],
    requirements: BuildRequirements,
    kept: Mapping[NormalizedName, Mapping[NormalizedName, Version]],
) -> dict[NormalizedName, tuple[Pin, ...]]:
    """What each build of an installation installs; a project that is built without isolation is left out.

    - `source` is the package source of the resolution, without its direct references; those are `fixed`.
    - `kept` are the versions of build requirements in the old lock, by project that is built.

    Raises ResolutionError where no wheels meet the build requirements, FetchError, HashMismatchError, MetadataError.
    """
    isolated = find_isolated(resolution, requirement_list)
    found: dict[NormalizedName, tuple[Pin, ...]] = {}
    for pin in resolution.pins:
        if pin.file.is_wheel or pin.name not in isolated:
            continue
        texts = _find_build_requires(pin, source, fixed)
        # A build runs on the image builder, so its requirements do not depend on a GPU.
        solve = partial(
            requirements.solve, target=replace(target, accelerator=UNSPECIFIED), preferences=kept.get(pin.name)
        )
        try:
            found[pin.name] = _add_backend_tools(solve(texts), texts, solve)
        except ResolutionError as error:
            raise _refuse_build(pin, error) from error
    return found


def _find_build_requires(
    pin: Pin, source: PackageSource, fixed: Mapping[NormalizedName, FixedSource]
) -> tuple[str, ...]:
    """The texts of PEP 518 `[build-system] requires` of the pin, with those that its backend adds (PEP 517)."""
    if pin.file.origin is None:
        return source.build_requires(pin.file)
    reference = fixed[pin.name]
    return (reference.found or source.direct(reference.request)).build_requires


def _add_backend_tools(
    pins: tuple[Pin, ...], texts: Sequence[str], solve: Callable[[Sequence[str]], tuple[Pin, ...]]
) -> tuple[Pin, ...]:
    """The pins, with the tools that the backend among them requests while it builds (ninja and cmake, for example).

    A backend requests a tool only where the machine has none. So where no wheel of a tool fits, the pins are returned
    without it, and the build may still succeed.
    """
    # Lazy: only a lock with something to build reads the data.
    from resolver.targets.data_files import find_backend_requirements

    tools = find_backend_requirements({pin.name: pin.version for pin in pins})
    if not tools:
        return pins
    try:
        return solve((*texts, *tools))
    except ResolutionError:
        return pins


def _refuse_build(pin: Pin, error: ResolutionError) -> ResolutionError:
    """The error for a pin whose build requirements have no solution; the explanation is indented below it."""
    return ResolutionError(
        f"the image cannot build `{pin.name} {pin.version}`: no wheels meet its build requirements, which are not built"
        " themselves",
        details=tuple(f"  {line}" for line in str(error).splitlines()),
        remedy="bind them with `--build-constraint`, or name a folder of wheels with `--find-links`",
    )


def _build_roots(texts: Sequence[str], source: str, target: Target) -> tuple[Root, ...]:
    """The requirements whose marker is true for the target; no extra is active.

    Raises ResolutionError for a direct reference: with it, a source tree from an index could send a build to any URL.
    """
    # Lazy: few lists need a build.
    from packaging.requirements import Requirement

    roots: list[Root] = []
    for text in texts:
        requirement = Requirement(text)
        if requirement.url is not None:
            raise ResolutionError(
                f"the build requirement `{text}` is a direct reference, which is not followed: build requirements come"
                " from indexes"
            )
        if target.admits(requirement.marker):
            roots.append(
                Root(
                    position=Position(source=source),
                    text=text,
                    name=canonicalize_name(requirement.name),
                    extras=frozenset(canonicalize_name(extra) for extra in requirement.extras),
                    specifier=requirement.specifier,
                )
            )
    return tuple(roots)
