"""The package sources of a run: one for all plans that would be told the same, each with what its builds install.

In: plans, and how to reach indexes. Out: a `PackageSource`, and what decides on build requirements, for a plan. Opened
when the first plan wants them, closed together.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lockfiles._values import dataclass
from resolver.fetch.index_source import SourceOptions, open_package_source
from resolver.locking.build_requirements import (
    BuildRequirements,
    build_scope,
    find_config_settings,
    find_without_isolation,
)
from resolver.targets.accelerators import UNSPECIFIED

if TYPE_CHECKING:
    from resolver.fetch.access import Access
    from resolver.fetch.builds.permission import BuildPolicy
    from resolver.fetch.http.credentials import Credentials
    from resolver.index.package_source import PackageSource
    from resolver.planning.plan import LockPlan
    from resolver.requirements.url import Url
    from resolver.settings.settings import CompleteSettings
    from resolver.targets.target import Target

__all__ = ["OpenSource", "PackageSources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSource:
    """A package source for the target of a plan, and what decides on the build requirements of its list."""

    source: PackageSource
    build_requirements: BuildRequirements


class PackageSources:
    """Plans whose targets take the same wheels (machine types of one Python and platform) share a source.

    So each page and each file's metadata is asked for and read once, however many machine types there are. `hashes` are
    size and SHA-256 by URL of old locks.
    """

    def __init__(
        self, *, access: Access, credentials: Credentials, hashes: Mapping[str, tuple[int | None, str]]
    ) -> None:
        self._access = access
        self._credentials = credentials
        self._hashes = hashes
        self._stack = ExitStack()
        self._opened: dict[Hashable, OpenSource] = {}
        self._wheels: dict[Hashable, PackageSource] = {}

    def close(self) -> None:
        """Close all that were opened."""
        self._stack.close()

    def open(self, plan: LockPlan, default_index: Url | None) -> OpenSource:
        """The package source of a plan, which another may have opened."""
        # What can be installed does not depend on the accelerator, and so neither do pages, metadata and their cache.
        target = replace(plan.target, accelerator=UNSPECIFIED)
        scope, options = build_scope(plan, default_index), self._build_options(plan)
        key = (target, plan.requirement_list.trusted_hosts, scope, options)
        if key not in self._opened:
            requirements = BuildRequirements(scope, open_source=partial(self._open_for_wheels, plan))
            source = self._open(plan, target, replace(options, find_build_wheels=requirements.find_wheels))
            self._opened[key] = OpenSource(source=source, build_requirements=requirements)
        return self._opened[key]

    def _build_options(self, plan: LockPlan) -> SourceOptions:
        settings = plan.settings
        return SourceOptions(
            no_download=settings.no_download,
            dependency_metadata=settings.dependency_metadata,
            build_policy="never" if self._access.forbids_builds else _find_policy(settings),
            allow_build=frozenset(settings.allow_build),
            config_settings=find_config_settings(plan),
            without_isolation=find_without_isolation(plan),
        )

    def _open_for_wheels(self, plan: LockPlan, target: Target) -> PackageSource:
        """The package source of build requirements for a target, which builds nothing itself."""
        options = SourceOptions(no_download=bool(plan.settings.no_download), build_policy="never")
        key = (target, plan.requirement_list.trusted_hosts, options)
        if key not in self._wheels:
            self._wheels[key] = self._open(plan, target, options)
        return self._wheels[key]

    def _open(self, plan: LockPlan, target: Target, options: SourceOptions) -> PackageSource:
        trusted_hosts = (*plan.requirement_list.trusted_hosts, *self._access.trusted_hosts)
        return self._stack.enter_context(
            open_package_source(
                replace(self._access, trusted_hosts=trusted_hosts),
                target=target,
                options=options,
                credentials=self._credentials,
                known_hashes=self._hashes,
            )
        )


def _find_policy(settings: CompleteSettings) -> BuildPolicy:
    if settings.no_build:
        return "never"
    return "anyway" if settings.build_anyway else "if-compatible"
