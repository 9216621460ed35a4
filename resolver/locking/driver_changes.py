"""What another driver would change: nobody publishes the drivers of a platform, so a lock may stand on a guess.

In: a resolution for GPUs, and a way to solve the same problem with another driver from what was read already. Out: the
driver branches that change a pin, with the pins. No request is made for it: where the answer lies in pages or metadata
that were not read, the data says which build of torch or of another family it would be, and that it is the data that
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from resolver.solve.resolution import Pin, Resolution
from resolver.targets.accelerators import Gpu
from resolver.targets.families import is_torch_companion
from resolver.targets.known_cuda import find_version_lack, has_several_builds, list_templates
from resolver.targets.machine_types import list_other_drivers
from resolver.targets.target import Target
from resolver.targets.torch_builds import TorchBuild, iter_running_builds, load_releases, order_builds

__all__ = ["DriverChange", "find_driver_changes", "list_versions"]

_TORCH = NormalizedName("torch")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverChange:
    """What a driver branch would change: pins as `torch 2.13.0+cu129 -> 2.15.0`, or that nothing could be locked.

    `source` says whether it was solved, or follows from the data and the versions that were seen.
    """

    driver: str
    changes: tuple[str, ...]
    source: Literal["solved", "data"]


def find_driver_changes(
    resolution: Resolution,
    target: Target,
    solve_for: Callable[[Target], Resolution],
    versions_of: Callable[[NormalizedName], Sequence[Version]],
) -> tuple[DriverChange, ...]:
    """The changes by driver branch, oldest first; branches that change nothing are left out.

    `solve_for` answers from what is known already, and raises FetchError where that is not enough. `versions_of` are
    those of the default index that have a wheel for the target, newest first, as far as its page was read.
    """
    if not isinstance(target.accelerator, Gpu) or resolution.build is None:
        return ()
    found = (
        _find_change(resolution, target, replace(target, accelerator=other), other, solve_for, versions_of)
        for other in list_other_drivers(target.accelerator)
    )
    return tuple(change for change in found if change is not None)


def list_versions(
    source: PackageSource, locate: Callable[[NormalizedName], Sequence[Location]], name: NormalizedName
) -> tuple[Version, ...]:
    """The versions with wheels that the default index was seen to have of a project, newest first."""
    try:
        pages = [source.project_page(name, location) for location in locate(name) if location.is_default]
    except FetchError:
        return ()
    page = next((page for page in pages if page is not None), None)
    if page is None:
        return ()
    return tuple(version for row, version in enumerate(page.versions) if page.wheel_mask >> row & 1)


def _find_change(
    resolution: Resolution,
    target: Target,
    other: Target,
    gpu: Gpu,
    solve_for: Callable[[Target], Resolution],
    versions_of: Callable[[NormalizedName], Sequence[Version]],
) -> DriverChange | None:
    if _runs_alike(resolution, target, other):
        return None
    source: Literal["solved", "data"] = "solved"
    try:
        changes = tuple(_compare(resolution, solve_for(other)))
    except ResolutionError:
        changes = ("there is no solution",)
    except FetchError:
        by_data = (*_compare_by_data(resolution, other), *_compare_families(resolution, other, gpu, versions_of))
        changes, source = by_data, "data"
    return DriverChange(driver=str(gpu.driver), changes=changes, source=source) if changes else None


def _runs_alike(resolution: Resolution, target: Target, other: Target) -> bool:
    """Whether the data alone shows that both drivers run the same builds of everything that has several.

    That is so where torch and what comes with it are all that has builds, and each release of torch that is asked for
    has the same running builds.
    """
    torch = _find_torch(resolution)
    if torch is None or any(has_several_builds(pin.name) for pin in resolution.pins):
        return False
    asked = _read_specifiers(torch)
    return all(
        order_builds(release, target.platform, target.accelerator)
        == order_builds(release, other.platform, other.accelerator)
        for release in load_releases()
        if _admits(asked, release.version, [build.label for build in release.builds_on(target.platform)])
    )


def _compare(here: Resolution, there: Resolution) -> Iterator[str]:
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


def _compare_by_data(resolution: Resolution, other: Target) -> Iterator[str]:
    torch = _find_torch(resolution)
    if torch is None or resolution.build is None:
        return
    asked = _read_specifiers(torch)
    tag = f"cp{other.python.major}{other.python.minor}"
    running = iter_running_builds(other.platform, other.accelerator, python_tag=tag)
    build = next((one for one in running if one.verified and _admits(asked, one.version, [one.label])), None)
    if build is None:
        yield "no build of torch that is known to exist runs"
    elif (build.version, build.label) != (Version(torch.version.public), resolution.build.cuda):
        yield f"torch {torch.version} -> {_render(build)}"


def _compare_families(
    resolution: Resolution, other: Target, gpu: Gpu, versions_of: Callable[[NormalizedName], Sequence[Version]]
) -> Iterator[str]:
    """What would become of the pins of families that have builds of their own, apart from torch's."""
    for pin in resolution.pins:
        if pin.file.origin is None and has_several_builds(pin.name) and not is_torch_companion(pin.name):
            yield from _compare_family(pin, other, gpu, versions_of(pin.name))


def _compare_family(pin: Pin, other: Target, gpu: Gpu, versions: Sequence[Version]) -> Iterator[str]:
    """The newest version that is asked for, if it runs; else what it needs, where other indexes may have a build."""
    asked = _read_specifiers(pin)
    for version in versions:
        if version.is_prerelease or not _admits(asked, version, []):
            continue
        lack = find_version_lack(pin.name, version, other.platform, gpu)
        if not lack and version != pin.version:
            yield f"{pin.name} {pin.version} -> {version}"
        if lack and list_templates(pin.name):
            yield f"the default index's {pin.name} {version} {lack}"
        if not lack or list_templates(pin.name):
            return


def _render(build: TorchBuild) -> str:
    return str(build.version) if build.is_default else str(build)


def _find_torch(resolution: Resolution) -> Pin | None:
    return next((pin for pin in resolution.pins if pin.name == _TORCH), None)


def _read_specifiers(pin: Pin) -> list[SpecifierSet]:
    """What everybody who asked for the pin says of its version."""
    found: list[SpecifierSet] = []
    for requester in pin.requesters:
        try:
            found.append(Requirement(requester.text).specifier)
        except InvalidRequirement:
            continue
    return found


def _admits(asked: list[SpecifierSet], version: Version, labels: list[str]) -> bool:
    """Whether the version, or one of its labelled builds, is what everybody asks for."""
    versions = [version, *(Version(f"{version}+{label}") for label in labels)]
    return any(all(specifier.contains(one, prereleases=True) for specifier in asked) for one in versions)
