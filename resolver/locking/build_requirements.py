"""The pins of build requirements: what is installed beside a build backend, decided as the list's own pins are.

In: texts of `[build-system] requires`, and where a list lets dependencies come from. Out: wheels, and never a build.
`fetch` knows no solver, so it asks for these through a callback.

What a plan says about builds: where their requirements come from, with which settings, and which are not isolated.

In: a `LockPlan`. Out: values for `fetch` and for the search of build requirements.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import cache
from typing import Literal

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import Position, ResolutionError
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import Location, order_locations
from resolver.index.package_source import PackageSource
from resolver.planning.plan import LockPlan
from resolver.requirements.entry import FormatControl
from resolver.requirements.scopes import IndexFamily, Scope
from resolver.requirements.url import Url
from resolver.solve.problem import Problem, Root
from resolver.solve.resolution import Pin
from resolver.targets.target import Target

__all__ = [
    "BuildRequirements",
    "BuildScope",
    "build_scope",
    "find_config_settings",
    "find_without_isolation",
]


_WHEELS_ALONE = FormatControl(only_binary=frozenset({":all:"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildScope:
    """Where build requirements come from, and what binds them: that of a name which only dependencies mention.

    `constraints` are the texts of build constraints; the rest is that of a `Problem`.
    """

    scope: Scope
    default_index: Url | None
    families: tuple[IndexFamily, ...]
    strategy: Literal["first-index", "best-match"] = "first-index"
    constraints: tuple[str, ...] = ()
    exclude_newer: str | None = None
    exclude_newer_exempt: frozenset[str] = field(default_factory=frozenset)

    def build_problem(
        self, requirements: Sequence[str], *, target: Target, preferences: Mapping[NormalizedName, Version]
    ) -> Problem:
        """The question for wheels that meet the requirements. Raises ResolutionError for a direct reference."""

        @cache
        def locations(name: NormalizedName) -> tuple[Location, ...]:
            return order_locations(
                name, self.scope, default_index=self.default_index, families=self.families, strategy=self.strategy
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
    """Answers for build requirements, each question once; may be asked from many threads.

    `open_source` gives the package source of a target, the same one each time.
    """

    def __init__(self, scope: BuildScope, *, open_source: Callable[[Target], PackageSource]) -> None:
        self._scope = scope
        self._open_source = open_source
        self._lock = threading.Lock()
        self._known: dict[tuple[object, ...], tuple[Pin, ...]] = {}

    def find_wheels(self, requirements: Sequence[str]) -> tuple[DistributionFile, ...]:
        """The wheels for the interpreter that runs this; see `FindBuildWheels`."""
        from resolver.fetch.builds.permission import host_target  # Imported where it is needed: few lists need a build.

        return tuple(pin.file for pin in self.solve(requirements, target=host_target()))

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
            if key not in self._known:
                self._known[key] = self._search(requirements, target, kept)
            return self._known[key]

    def _search(
        self, requirements: Sequence[str], target: Target, preferences: Mapping[NormalizedName, Version]
    ) -> tuple[Pin, ...]:
        # Imported where it is needed: few lists need a build.
        from resolver.solve.solving import solve

        source = self._open_source(target)
        pins = solve(self._scope.build_problem(requirements, target=target, preferences=preferences), source).pins
        source.prefetch_completion([pin.file for pin in pins])
        return tuple(replace(pin, file=source.complete(pin.file)) for pin in pins)


def _build_roots(texts: Sequence[str], source: str, target: Target) -> tuple[Root, ...]:
    """The requirements whose marker holds; no extra is active."""
    from packaging.requirements import Requirement  # As above.

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


def build_scope(plan: LockPlan, default_index: Url | None) -> BuildScope:
    """Build requirements come from where any name would that only dependencies mention."""
    return BuildScope(
        scope=plan.requirement_list.dependency_scope,
        default_index=default_index,
        families=plan.families,
        strategy=plan.settings.index_strategy,
        constraints=plan.build_constraints,
        exclude_newer=plan.exclude_newer,
        exclude_newer_exempt=frozenset(plan.settings.exclude_newer_exempt),
    )


def find_config_settings(plan: LockPlan) -> dict[NormalizedName, tuple[tuple[str, str], ...]]:
    """The `--config-settings` of the list, by project; they may be secret."""
    found: dict[NormalizedName, tuple[tuple[str, str], ...]] = {}
    for entry in plan.requirement_list.entries:
        if entry.name is not None and entry.config_settings:
            found[entry.name] = (*found.get(entry.name, ()), *entry.config_settings)
    return found


def find_without_isolation(plan: LockPlan) -> frozenset[NormalizedName]:
    """The projects that a layer with `--no-build-isolation` lists."""
    layers = (layer for layer in plan.requirement_list.layers if layer.no_build_isolation)
    return frozenset(entry.name for layer in layers for entry in layer.entries if entry.name is not None)
