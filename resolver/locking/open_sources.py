"""The package sources of a run: plans whose answers are equal share one.

In: plans, and the `Access` to the indexes. Out: for each plan a `PackageSource` and the `BuildRequirements` that go
with it. A source is opened when the first plan needs it; all are closed together.

It is a module of its own because two kinds of sources are opened here: that of a plan, whose builds need build
requirements, and that of the build requirements, which builds nothing. Each is needed to open or to use the other.
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
    from resolver.fetch.lock_policy import LockPolicy
    from resolver.index.package_source import PackageSource, PageEvidence
    from resolver.planning.plan import LockPlan
    from resolver.requirements.url import Url
    from resolver.settings.settings import CompleteSettings
    from resolver.targets.target import Target

__all__ = ["OpenSource", "PackageSources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSource:
    """A package source for the target of a plan, and the build requirements of its list."""

    source: PackageSource
    build_requirements: BuildRequirements


class PackageSources:
    """Opens package sources; plans for one Python and one platform share a source, even for different machine types.

    So each page and each file's metadata is requested and parsed once in a run. `known_hashes` are size in bytes and
    SHA-256 by URL, from old locks.
    """

    def __init__(
        self, *, access: Access, credentials: Credentials, known_hashes: Mapping[str, tuple[int | None, str]]
    ) -> None:
        self._access = access
        self._credentials = credentials
        self._known_hashes = known_hashes
        self._stack = ExitStack()
        self._opened: dict[Hashable, OpenSource] = {}
        self._opened_for_builds: dict[Hashable, PackageSource] = {}

    def close(self) -> None:
        """Close all sources that were opened, with their connections and their worker threads."""
        self._stack.close()

    def list_pages(self) -> tuple[PageEvidence, ...] | None:
        """All pages that the answers of the opened sources rest on; None where they rest on anything else as well."""
        sources = (*(opened.source for opened in self._opened.values()), *self._opened_for_builds.values())
        found = [None if source.answers is None else source.answers.list_pages() for source in sources]
        known = [pages for pages in found if pages is not None]
        return None if len(known) < len(found) else tuple(page for pages in known for page in pages)

    def open(self, plan: LockPlan, default_index: Url | None) -> OpenSource:
        """The package source of a plan, opened now or for an earlier plan."""
        # Which files can be installed does not depend on the accelerator, so pages and metadata are the same for all.
        target = replace(plan.target, accelerator=UNSPECIFIED)
        scope, options = build_scope(plan, default_index), self._build_options(plan)
        key = (target, plan.requirement_list.trusted_hosts, plan.policy, scope, options)
        if key not in self._opened:
            requirements = BuildRequirements(scope, open_source=partial(self._open_for_builds, plan))
            source = self._open(plan, target, replace(options, find_build_wheels=requirements.find_wheels))
            self._opened[key] = OpenSource(source=source, build_requirements=requirements)
        return self._opened[key]

    def _build_options(self, plan: LockPlan) -> SourceOptions:
        """The options of a plan's source; the callback for build requirements is added when it is opened."""
        settings = plan.settings
        build_policy = _find_policy(settings, forbids_builds=self._access.forbids_builds, lock_policy=plan.policy)
        return SourceOptions(
            no_download=settings.no_download,
            dependency_metadata=settings.dependency_metadata,
            build_policy=build_policy,
            allow_build=frozenset(settings.allow_build),
            build_metadata=settings.build_metadata,
            build_python=self._access.python_executable,
            config_settings=find_config_settings(plan),
            without_isolation=find_without_isolation(plan),
        )

    def _open_for_builds(self, plan: LockPlan, target: Target) -> PackageSource:
        """The package source of build requirements for a target, which builds nothing itself.

        Settings such as `dependency-metadata` and `allow-build` are left out: they describe the projects of the list.
        """
        options = SourceOptions(no_download=bool(plan.settings.no_download), build_policy="never")
        key = (target, plan.requirement_list.trusted_hosts, plan.policy, options)
        if key not in self._opened_for_builds:
            self._opened_for_builds[key] = self._open(plan, target, options)
        return self._opened_for_builds[key]

    def _open(self, plan: LockPlan, target: Target, options: SourceOptions) -> PackageSource:
        """A new source, which trusts the hosts of the list in addition to those of the run."""
        trusted_hosts = (*plan.requirement_list.trusted_hosts, *self._access.trusted_hosts)
        return self._stack.enter_context(
            open_package_source(
                replace(self._access, trusted_hosts=trusted_hosts),
                target=target,
                options=options,
                credentials=self._credentials,
                known_hashes=self._known_hashes,
                policy=plan.policy,
            )
        )


def _find_policy(settings: CompleteSettings, *, forbids_builds: bool, lock_policy: LockPolicy | None) -> BuildPolicy:
    """When a source tree may be built for its metadata: `no-build` outweighs `build-anyway`.

    For the list of a lock, its user has to allow builds; the settings are those of the lock. The default builds only on
    a machine that could be the target, because metadata can depend on the machine.
    """
    if lock_policy is not None and not lock_policy.allows_builds:
        return "unasked"
    if settings.no_build or forbids_builds:
        return "never"
    return "anyway" if settings.build_anyway else "if-compatible"
