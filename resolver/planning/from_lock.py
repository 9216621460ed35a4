"""A plan from a lock alone: the list, settings and target that the lock records, to be resolved once more.

In: a lock that pinfold wrote. Out: the `LockPlan` of what its `[tool.pinfold]` records, for verbs that compare the lock
with a new resolution. The lock holds no secrets, so the user's lists or credentials have to give them.

It is a module of its own because a lock is not trusted like a list: its variables are never expanded, it trusts no
host, and `build_lock_policy` limits what it may cause. It needs no file but the lock, so it works where the list is not
at hand.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from packaging.utils import NormalizedName

from lockfiles import Lockfile
from lockfiles.lockfile import ToolTable
from resolver.errors import InputError
from resolver.planning.check import requirement_digest
from resolver.planning.plan import LockPlan, RunContext, plan_lock
from resolver.planning.recorded_settings import read_recorded
from resolver.requirements.canonical import parse_canonical_layers
from resolver.requirements.entry import ArchiveUrl, LocalPath, RequirementList, VcsReference
from resolver.requirements.paths import rewrite_paths
from resolver.settings.settings import DependencyMetadata, IndexStrategy, Settings
from resolver.sources.source import ItemList, Source, StatedValue
from resolver.targets.accelerators import (
    UNSPECIFIED,
    Accelerator,
    Capability,
    Cpu,
    Driver,
    DriverSource,
    Gpu,
    GpuModel,
    HostArchitecture,
    find_cuda_range,
    parse_driver,
)

if TYPE_CHECKING:
    from resolver.fetch.access import Access
    from resolver.fetch.lock_policy import LockPolicy

__all__ = ["build_lock_policy", "find_named_paths", "has_own_digest", "parse_list", "plan_from_lock"]

_NAME = "the lock's list"
"""The name of the source in messages."""


def plan_from_lock(lockfile: Lockfile, *, path: Path, shown: str, policy: LockPolicy) -> LockPlan:
    """The plan that the lock at `path` was made from; it keeps the pins of the lock where they fit.

    `policy` is one of `build_lock_policy`. `shown` is the path as messages name it. Variables in URLs are not expanded:
    a lock must not decide to which host the value of a variable of this machine is sent. Raises InputError for a lock
    of another tool, which does not record its inputs.
    """
    tool = lockfile.tool
    if tool is None:
        raise InputError(f"`{shown}` does not say what it was made from: another tool wrote it")
    folder = path.absolute().parent
    source = Source(
        name=_NAME,
        stem="lock",
        form=ItemList(items=()),
        path=None,
        folder=folder,
        python=StatedValue(value=tool.python, where=f"`{shown}`"),
        settings=_build_settings(tool, lockfile),
    )
    # The list, the recorded settings and the accelerator are taken from the lock as they are: planning them anew would
    # expand variables, and would read files that may have changed since.
    plan = plan_lock(
        source,
        arguments=Settings(),
        path=path,
        old=lockfile,
        run=RunContext(folder=folder, variables={}, now=datetime.now(UTC), may_ask_host=False),
    )
    return replace(
        plan,
        target=replace(plan.target, accelerator=_build_accelerator(tool)),
        requirement_list=parse_list(lockfile, path=path),
        layers=tool.requirements,
        recorded_settings=tool.settings,
        policy=policy,
        remedy_for_unset="name the list that was locked with `--list`, or a file of logins with `--credentials`",
    )


def build_lock_policy(
    folder: Path | None, *, access: Access, lists: Iterable[LockPlan] = (), build: bool = False
) -> LockPolicy:
    """What a lock in this folder may cause: what its user allows, and nothing that the lock itself names.

    Files may be read in the folder, in the allowed paths, and where `lists`, the user's own, lead. None is a lock
    without a folder. `build` allows builds.
    """
    # Lazy, as below: `lock --check` and the comparison with an environment load nothing of `fetch`.
    from resolver.fetch.lock_policy import LockPolicy

    folders = () if folder is None else (folder.absolute(),)
    own = (path for plan in lists for path in find_named_paths(plan))
    return LockPolicy(
        allowed_hosts=access.allowed_hosts,
        allowed_paths=(*folders, *(path.absolute() for path in access.allowed_paths), *own),
        allows_builds=build,
    )


def find_named_paths(plan: LockPlan) -> tuple[Path, ...]:
    """The files and folders on disk that the list and settings of a plan name, absolute and without repeats."""
    from resolver.fetch.http.local_files import find_local_path

    paths = map(find_local_path, _iter_places(plan))
    return tuple(dict.fromkeys(path.absolute() for path in paths if path is not None))


def parse_list(lockfile: Lockfile, *, path: Path) -> RequirementList:
    """The list that the lock at `path` was made from, with absolute paths; empty for a lock of another tool.

    `--trusted-host` of the recorded list is left out: a lock must not decide which certificates are not checked. What
    position took away is left out too: the list was locked as it is.
    """
    layers = () if lockfile.tool is None else lockfile.tool.requirements
    written = replace(parse_canonical_layers(layers, source=_NAME), trusted_hosts=(), taken_indexes=())
    folder = path.absolute().parent
    return rewrite_paths(
        written,
        location=lambda text: str((folder / text).resolve()),
        reference=lambda _, reference: os.path.normpath(folder / reference.path),
        text=None,
    )


def has_own_digest(plan: LockPlan) -> bool:
    """Whether the requirement digest of the lock agrees with the list and settings that the same lock records.

    The plan is one of `plan_from_lock`. A disagreement means that the lock was edited.
    """
    assert plan.old is not None and plan.old.tool is not None
    tool = plan.old.tool
    return requirement_digest(tool.requirements, tool.settings, plan.target) == tool.requirement_digest


def _iter_places(plan: LockPlan) -> Iterator[str]:
    """The public URLs and paths that list and settings name."""
    requirement_list = plan.requirement_list
    yield from (location.url.public for location in requirement_list.named_locations)
    for entry in (*requirement_list.entries, *requirement_list.constraints, *plan.overrides):
        match entry.direct:
            case LocalPath(path=path):
                yield path
            case ArchiveUrl(url=url) | VcsReference(url=url):
                yield url.public
            case None:
                pass
    yield from (url.public for url in (plan.default_index, *plan.mirrors.values()) if url is not None)
    yield from (url for family in plan.settings.families for url in family.urls)


def _build_settings(tool: ToolTable, lockfile: Lockfile) -> Settings:
    """The recorded settings in the form of a configuration; all others have their defaults."""
    recorded = read_recorded(tool.settings)
    return Settings(
        platform=tool.platform,
        index_strategy=cast("IndexStrategy", tool.index_strategy),
        build_constraint_dependencies=recorded.build_constraints,
        override_dependencies=recorded.overrides,
        exclude=recorded.exclude,
        exclude_newer=recorded.exclude_newer,
        exclude_newer_exempt=recorded.exclude_newer_exempt,
        allow=recorded.allow,
        families=recorded.families,
        flag_scope=recorded.flag_scope,
        index_url=recorded.index_url,
        mirrors=recorded.mirrors,
        no_build=recorded.no_build,
        build_metadata=recorded.build_metadata,
        allow_build=recorded.allow_build,
        measure_kernels=recorded.measure_kernels,
        dependency_metadata=tuple(_build_metadata(row.name, lockfile) for row in recorded.dependency_metadata),
    )


def _build_metadata(name: NormalizedName, lockfile: Lockfile) -> DependencyMetadata:
    """The `dependency-metadata` of a project. A lock has only its hash, so its locked dependencies replace it."""
    needed = {
        dependency["name"]
        for package in lockfile.pylock.packages
        if package.name == name
        for dependency in package.dependencies or ()
    }
    return DependencyMetadata(name=name, requires_dist=tuple(sorted(needed)))


def _build_accelerator(tool: ToolTable) -> Accelerator:
    """The accelerator that the lock records; unspecified where it records none.

    A driver's source is kept, so that a summary can still report that a driver is an assumption. Raises TargetError for
    a driver or capability that cannot be parsed.
    """
    facts = tool.accelerator
    match facts.get("kind"):
        case "cpu":
            return Cpu()
        case "gpu":
            driver = parse_driver(facts.get("driver", ""))
            capabilities = tuple(map(Capability.parse, facts.get("capability", "").split()))
            return Gpu(
                capabilities=frozenset(capabilities),
                cuda=find_cuda_range(driver),
                machines=tuple((one.sm, _build_model(one, tool, driver)) for one in capabilities),
                driver=driver,
                driver_source=cast("DriverSource", facts.get("driver-source", "assumption")),
            )
        case _:
            return UNSPECIFIED


def _build_model(capability: Capability, tool: ToolTable, driver: Driver) -> GpuModel:
    """A GPU model for a capability, without a product name: a lock records capabilities only.

    Targets with different machine types can be equal, so their names are in no lock.
    """
    host: HostArchitecture = "aarch64" if tool.platform.endswith("aarch64") else "x86_64"
    return GpuModel(name=capability.sm, capability=capability, architecture="", host=host, driver=driver)
