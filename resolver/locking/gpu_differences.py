"""The changes that another GPU or another driver would make to a resolution, found with as few searches as possible.

In: a resolution for one GPU target, and the projects that were read for it. Out: whether a second GPU certainly has the
same resolution, and which driver branches would change a pin. The tables of torch's builds (`resolver.targets`) answer
the first question alone. The second one is solved from pages and metadata that were read already; where these do not
suffice, the tables give the build that another driver would get. No request is made.

It is a module of its own, loaded for GPU targets alone, because the tables take time to load.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import FetchError, ResolutionError
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.solve.resolution import Pin, Requester, Resolution
from resolver.targets.accelerators import UNSPECIFIED, Gpu
from resolver.targets.families import is_torch_companion
from resolver.targets.kernels import Runs
from resolver.targets.known_cuda import find_floors, find_version_lack, has_several_builds, list_templates
from resolver.targets.machine_types import has_ended, list_other_drivers
from resolver.targets.target import Target
from resolver.targets.torch_builds import (
    TorchBuild,
    TorchRelease,
    find_release,
    iter_running_builds,
    list_allowed_cuda,
    list_verdicts,
    load_releases,
    order_builds,
)

__all__ = [
    "DriverChange",
    "dump_changes",
    "find_driver_changes",
    "has_same_resolution",
    "list_versions",
    "load_changes",
]

_TORCH = NormalizedName("torch")
_WITHOUT_BUILDS = frozenset({_TORCH, NormalizedName("triton")})
"""Companions for which the table of torch's releases suffices: triton's wheels hold no code of one CUDA release."""

ChangeSource = Literal["solved", "data"]
SolveFor = Callable[[Target], Resolution]
"""Solves for a target from what is known already. Raises FetchError where that is not enough."""
VersionsOf = Callable[[NormalizedName], Sequence[Version]]
"""The versions that the default index has with a wheel for the target, newest first; empty for an unread page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverChange:
    """What a driver branch would change: pins as `torch 2.13.0+cu129 -> 2.15.0`, or that nothing could be locked.

    `source` is `solved` for the result of a search, and `data` for what the tables and the versions read so far give.
    `has_ended` marks a branch that has had its last release.
    """

    driver: str
    changes: tuple[str, ...]
    source: ChangeSource
    has_ended: bool = False


def has_same_resolution(
    resolution: Resolution, names: Collection[NormalizedName], *, here: Target, there: Target
) -> bool:
    """Whether the resolution for `here` is certainly the one for `there`; False where that is not certain.

    `names` are the projects whose pages were read. Both targets must differ in their GPU alone, and run the same CUDA
    releases: then their builds can differ in compiled kernels only, and only torch's are known. All releases of torch
    that the list admits must be complete in the table, and the same builds of each must run on both.
    """
    one, other = here.accelerator, there.accelerator
    if not isinstance(one, Gpu) or not isinstance(other, Gpu) or one.cuda != other.cuda or resolution.warnings:
        return False
    if replace(here, accelerator=UNSPECIFIED) != replace(there, accelerator=UNSPECIFIED):
        return False
    if any(find_floors(name) for name in names):
        return False
    companions = {name for name in names if is_torch_companion(name)}
    if not companions <= _WITHOUT_BUILDS and list_allowed_cuda(here.platform, one) != list_allowed_cuda(
        there.platform, other
    ):
        return False
    return _TORCH not in names or _runs_same_releases(resolution, here, there)


def find_driver_changes(
    resolution: Resolution, target: Target, solve_for: SolveFor, versions_of: VersionsOf
) -> tuple[DriverChange, ...]:
    """The changes by driver branch, oldest first; branches that change nothing are left out.

    The platform publishes no drivers, so a lock may rest on an assumed one: the changes show what depends on it.
    """
    if not isinstance(target.accelerator, Gpu) or resolution.build is None:
        return ()
    found = (
        _find_change(resolution, target, other, solve_for, versions_of)
        for other in list_other_drivers(target.accelerator)
    )
    return tuple(change for change in found if change is not None)


def dump_changes(changes: Sequence[DriverChange]) -> str:
    """The JSON text of changes, for the store of earlier answers."""
    # Lazy: only runs that keep their result in the cache need it.
    import json

    return json.dumps([[one.driver, one.changes, one.source, one.has_ended] for one in changes], ensure_ascii=False)


def load_changes(text: str) -> tuple[DriverChange, ...]:
    """What `dump_changes` wrote. Raises ValueError and TypeError for any other text."""
    import json  # Lazy, as above.

    return tuple(
        DriverChange(driver=driver, changes=tuple(changes), source=source, has_ended=has_ended)
        for driver, changes, source, has_ended in json.loads(text)
    )


def list_versions(
    source: PackageSource, locate: Callable[[NormalizedName], Sequence[Location]], name: NormalizedName
) -> tuple[Version, ...]:
    """The versions with wheels on the default index, newest first; empty where its page was not read.

    `source` makes no request and raises FetchError for such a page.
    """
    try:
        pages = [source.project_page(name, location) for location in locate(name) if location.is_default]
    except FetchError:
        return ()
    page = next((page for page in pages if page is not None), None)
    if page is None:
        return ()
    return tuple(version for row, version in enumerate(page.versions) if page.wheel_mask >> row & 1)


def _runs_same_releases(resolution: Resolution, here: Target, there: Target) -> bool:
    """Whether each release of torch that the list admits has the same running builds on both targets.

    Only what the list itself requires is used: requirements of dependencies can change while a search goes on.
    """
    torch = _find_torch(resolution)
    if torch is None or find_release(Version(torch.version.public)) is None:
        return False
    specifiers = _read_specifiers(requester for requester in torch.requesters if requester.position is not None)
    admitted = [release for release in load_releases() if _admits_release(specifiers, release, here)]
    return bool(admitted) and all(_runs_same_builds(release, here, there) for release in admitted)


def _runs_same_builds(release: TorchRelease, here: Target, there: Target) -> bool:
    """Whether the table has all builds of a release, its default build runs, and both targets run the same ones."""
    running = _list_running(release, here)
    return (
        release.is_complete_on(here.platform)
        and release.default_on(here.platform) in running
        and running == _list_running(release, there)
    )


def _list_running(release: TorchRelease, target: Target) -> list[object]:
    """The CUDA releases of the builds that run on the target, lowest first."""
    verdicts = list_verdicts(release, target.platform, target.accelerator)
    return [build.cuda for build, verdict in verdicts if isinstance(verdict, Runs)]


def _admits_release(specifiers: Sequence[SpecifierSet], release: TorchRelease, target: Target) -> bool:
    """Whether a release of torch (`2.6.0`) or one of its labelled builds (`2.6.0+cu124`) satisfies all specifiers."""
    builds = [Version(str(build)) for build in release.builds_on(target.platform)]
    return _admits(specifiers, [release.version, *builds])


def _find_change(
    resolution: Resolution, target: Target, gpu: Gpu, solve_for: SolveFor, versions_of: VersionsOf
) -> DriverChange | None:
    """What the driver of `gpu` would change; None for nothing.

    `gpu` is that of the target with the driver replaced. The cheapest way that gives a certain result is taken: the
    tables, then a search among what was read, then an estimate from the tables.
    """
    other = replace(target, accelerator=gpu)
    if _runs_alike(resolution, target, other):
        return None
    source: ChangeSource = "solved"
    try:
        changes = tuple(_compare_pins(resolution, solve_for(other)))
    except ResolutionError:
        changes = ("there is no solution",)
    except FetchError:
        source = "data"
        changes = (
            *_compare_torch_by_data(resolution, other),
            *_compare_families_by_data(resolution, other, gpu, versions_of),
        )
    if not changes:
        return None
    return DriverChange(driver=str(gpu.driver), changes=changes, source=source, has_ended=has_ended(gpu.driver))


def _runs_alike(resolution: Resolution, target: Target, other: Target) -> bool:
    """Whether the tables alone show that two drivers run the same builds.

    They show it where only torch and its companions have several builds, and the builds of each release of torch that
    satisfies all requirements are preferred in the same order under both drivers.
    """
    torch = _find_torch(resolution)
    if torch is None or any(has_several_builds(pin.name) for pin in resolution.pins):
        return False
    specifiers = _read_torch_specifiers(resolution, torch)
    return all(
        order_builds(release, target.platform, target.accelerator)
        == order_builds(release, other.platform, other.accelerator)
        for release in load_releases()
        if _admits_release(specifiers, release, target)
    )


def _compare_pins(here: Resolution, there: Resolution) -> Iterator[str]:
    """The pins that differ, torch first, then by name."""
    before = {pin.name: pin.version for pin in here.pins}
    after = {pin.name: pin.version for pin in there.pins}
    for name in sorted(before.keys() | after.keys(), key=lambda name: (name != _TORCH, name)):
        old, new = before.get(name), after.get(name)
        if old is not None and new is not None and old != new:
            yield f"{name} {old} -> {new}"
        elif old is None:
            yield f"+ {name} {new}"
        elif new is None:
            yield f"- {name} {old}"


def _compare_torch_by_data(resolution: Resolution, other: Target) -> Iterator[str]:
    """The build of torch that the tables name for another driver, if it differs from the locked one."""
    torch = _find_torch(resolution)
    if torch is None or resolution.build is None:
        return
    specifiers = _read_torch_specifiers(resolution, torch)
    tag = f"cp{other.python.major}{other.python.minor}"
    running = iter_running_builds(other.platform, other.accelerator, python_tag=tag)
    admitted = (one for one in running if one.verified and _admits(specifiers, [one.version, Version(str(one))]))
    build = next(admitted, None)
    if build is None:
        yield "no build of torch that is known to exist runs"
    elif (build.version, build.label) != (Version(torch.version.public), resolution.build.cuda):
        yield f"torch {torch.version} -> {_render_build(build)}"


def _read_torch_specifiers(resolution: Resolution, torch: Pin) -> list[SpecifierSet]:
    """What limits torch under any driver.

    A companion with a free choice of versions follows torch, so the torch that its locked version needs is no limit.
    """
    following = {pin.name for pin in resolution.pins if is_torch_companion(pin.name) and not _is_limited(pin)}
    return _read_specifiers(one for one in torch.requesters if one.parent not in following)


def _is_limited(pin: Pin) -> bool:
    """Whether a requirement keeps a project from newer versions."""
    specifiers = _read_specifiers(pin.requesters)
    return any(one.operator not in (">", ">=", "!=") for specifier in specifiers for one in specifier)


def _compare_families_by_data(
    resolution: Resolution, other: Target, gpu: Gpu, versions_of: VersionsOf
) -> Iterator[str]:
    """What changes for pins of families that have builds of their own, apart from torch's."""
    for pin in resolution.pins:
        if pin.file.origin is None and has_several_builds(pin.name) and not is_torch_companion(pin.name):
            yield from _compare_family(pin, other, gpu, versions_of(pin.name))


def _compare_family(pin: Pin, other: Target, gpu: Gpu, versions: Sequence[Version]) -> Iterator[str]:
    """The newest version that satisfies all requirements and runs.

    For a family with indexes of its own (`list_templates`) the search ends at the newest version: where its build on
    the default index does not run, one of those indexes may have another, so only that lack is reported.
    """
    specifiers = _read_specifiers(pin.requesters)
    for version in versions:
        if version.is_prerelease or not _admits(specifiers, [version]):
            continue
        lack = find_version_lack(pin.name, version, other.platform, gpu)
        if not lack and version != pin.version:
            yield f"{pin.name} {pin.version} -> {version}"
        if lack and list_templates(pin.name):
            yield f"the default index's {pin.name} {version} {lack}"
        if not lack or list_templates(pin.name):
            return


def _render_build(build: TorchBuild) -> str:
    """The version as an index has it: the default build has no label."""
    return str(build.version) if build.is_default else str(build)


def _find_torch(resolution: Resolution) -> Pin | None:
    return next((pin for pin in resolution.pins if pin.name == _TORCH), None)


def _read_specifiers(requesters: Iterable[Requester]) -> list[SpecifierSet]:
    """The specifiers of all requesters; a text that is no PEP 508 requirement (a URL of a list) is left out."""
    found: list[SpecifierSet] = []
    for requester in requesters:
        try:
            found.append(Requirement(requester.text).specifier)
        except InvalidRequirement:
            continue
    return found


def _admits(specifiers: Sequence[SpecifierSet], versions: Sequence[Version]) -> bool:
    """Whether one of the versions satisfies all specifiers; pre-releases count as any other version."""
    return any(all(specifier.contains(one, prereleases=True) for specifier in specifiers) for one in versions)
