"""The pins of what each build of an installation installs, for the lock.

In: a resolution, and what decides on build requirements. Out: pins by project that is built in isolation. The versions
of an old lock are kept where they still fit, as those of the list's own pins are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import Lockfile
from resolver.build_facts import find_isolated
from resolver.build_requirements import BuildRequirements
from resolver.errors import HashMismatchError, ResolutionError
from resolver.index.direct import FixedSource
from resolver.index.package_source import PackageSource
from resolver.requirements.entry import RequirementList
from resolver.solve.resolution import Pin, Resolution
from resolver.targets.accelerators import UNSPECIFIED
from resolver.targets.target import Target

__all__ = ["check_build_pins", "find_build_pins", "find_kept_versions"]

KeptVersions = Mapping[NormalizedName, Mapping[NormalizedName, Version]]
"""By project that is built, the versions of its build requirements in an old lock."""


def find_build_pins(
    resolution: Resolution,
    requirement_list: RequirementList,
    *,
    target: Target,
    source: PackageSource,
    fixed: Mapping[NormalizedName, FixedSource],
    requirements: BuildRequirements,
    kept: KeptVersions,
) -> dict[NormalizedName, tuple[Pin, ...]]:
    """The pins by project; those that are built without isolation have none.

    `source` is that of `open_package_source` which the resolution came from, and `fixed` are its direct references.
    Raises ResolutionError where wheels do not meet them, FetchError, HashMismatchError, MetadataError.
    """
    isolated = find_isolated(resolution, requirement_list)
    found: dict[NormalizedName, tuple[Pin, ...]] = {}
    for pin in resolution.pins:
        if pin.file.is_wheel or pin.name not in isolated:
            continue
        texts = _find_texts(pin, source, fixed)
        solve = partial(
            requirements.solve, target=replace(target, accelerator=UNSPECIFIED), preferences=kept.get(pin.name)
        )
        try:
            found[pin.name] = _add_asked_for(solve(texts), texts, solve)
        except ResolutionError as error:
            raise _refuse(pin, error) from error
    return found


def find_kept_versions(old: Lockfile | None, *, without: frozenset[NormalizedName] = frozenset()) -> KeptVersions:
    """The versions that an old lock holds; some projects let go of theirs, and of what their own builds install."""
    tool = None if old is None else old.tool
    kept: dict[NormalizedName, dict[NormalizedName, Version]] = {}
    versions = {wheel.requirement: wheel for wheel in (tool.build_wheels if tool is not None else ())}
    for project, facts in tool.build.items() if tool is not None else ():
        wheels = [versions[text] for text in facts.requirements if text in versions]
        if project not in without:
            kept[project] = {wheel.name: wheel.version for wheel in wheels if wheel.name not in without}
    return kept


def check_build_pins(pins: Mapping[NormalizedName, Sequence[Pin]], old: Lockfile) -> None:
    """Raises HashMismatchError where a wheel of an old lock now has another sha256 at the same place."""
    wheels = old.tool.build_wheels if old.tool is not None else ()
    locked = {(wheel.file, wheel.index, wheel.url if wheel.index is None else None): wheel for wheel in wheels}
    for pin in (one for project in pins.values() for one in project):
        wheel = locked.get((pin.file.filename, pin.index, pin.file.url if pin.index is None else None))
        found = pin.file.sha256
        if wheel is not None and found is not None and wheel.sha256 != found:
            raise HashMismatchError(
                f"`{wheel.file}`, which a build needs, is not the file that was locked: `{wheel.index or wheel.url}`"
                " now has another one of this name",
                details=(f"locked: sha256 {wheel.sha256}", f"found:  sha256 {found}"),
                remedy=f"find out why it was replaced; `--upgrade-package {pin.name}` accepts the new file",
                filename=wheel.file,
                expected=wheel.sha256,
                found=found,
            )


def _add_asked_for(
    pins: tuple[Pin, ...], texts: Sequence[str], solve: Callable[[Sequence[str]], tuple[Pin, ...]]
) -> tuple[Pin, ...]:
    """The pins together with what the backend among them will ask for; without it where no wheel meets that.

    It asks for tools that the machine may have itself, so nothing is lost for certain.
    """
    # Lazy: only a lock with something to build reads the data.
    from resolver.targets.build_tools import find_backend_requirements

    asked = find_backend_requirements({pin.name: pin.version for pin in pins})
    if not asked:
        return pins
    try:
        return solve((*texts, *asked))
    except ResolutionError:
        return pins


def _find_texts(pin: Pin, source: PackageSource, fixed: Mapping[NormalizedName, FixedSource]) -> tuple[str, ...]:
    """What a build of the pin needs, as its tree or its backend says."""
    if pin.file.origin is None:
        return source.build_requires(pin.file)
    one = fixed[pin.name]
    return (one.found or source.direct(one.request)).build_requires


def _refuse(pin: Pin, error: ResolutionError) -> ResolutionError:
    return ResolutionError(
        f"the image cannot build `{pin.name} {pin.version}`: no wheels meet its build requirements, which are not built"
        " themselves",
        details=tuple(f"  {line}" for line in str(error).splitlines()),
        remedy="bind them with `--build-constraint`, or name a folder of wheels with `--find-links`",
    )
