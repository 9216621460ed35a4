"""The pins of what each build of an installation installs, for the lock.

In: a resolution, and what decides on build requirements. Out: pins by project that is built in isolation. The versions
of an old lock are kept where they still fit, as those of the list's own pins are.

What decides the outcome of each build that an installation makes, as the lock holds it.

In: pins, the list, and the pins of build requirements. Out: `BuildFacts` by project, and one `BuildWheel` for each
wheel that some build installs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles import BuildFacts, BuildWheel, Lockfile
from lockfiles._files import hash_bytes
from resolver.errors import HashMismatchError, InternalError, ResolutionError
from resolver.index.direct_distribution import FixedSource
from resolver.index.distribution_file import Folder
from resolver.index.package_source import PackageSource
from resolver.locking.build_requirements import BuildRequirements
from resolver.requirements.entry import RequirementList
from resolver.solve.resolution import Pin, Resolution
from resolver.targets.accelerators import UNSPECIFIED
from resolver.targets.target import Target

__all__ = [
    "BuildPins",
    "build_build_wheels",
    "check_build_pins",
    "find_build_pins",
    "find_isolated",
    "find_kept_versions",
    "iter_build_facts",
]


BuildPins = Mapping[NormalizedName, Sequence[Pin]]
"""By project that is built, the pins of all that its build installs."""


def iter_build_facts(
    resolution: Resolution, requirement_list: RequirementList, build_pins: BuildPins
) -> Iterator[tuple[NormalizedName, BuildFacts]]:
    """The facts of each project that is built. Config settings may be secret, so the lock has a hash of each value."""
    isolated = find_isolated(resolution, requirement_list)
    for pin in resolution.pins:
        if pin.file.is_wheel:
            continue
        settings = (
            pair for entry in requirement_list.entries if entry.name == pin.name for pair in entry.config_settings
        )
        origin = pin.file.origin
        yield (
            pin.name,
            BuildFacts(
                config_settings=tuple((key, _hash_text(value)) for key, value in settings),
                isolation=pin.name in isolated,
                requirements=tuple(sorted(f"{one.name}=={one.version}" for one in build_pins.get(pin.name, ()))),
                content=origin.content if isinstance(origin, Folder) else None,
            ),
        )


def find_isolated(resolution: Resolution, requirement_list: RequirementList) -> frozenset[NormalizedName]:
    """The projects that are built in isolation, if at all.

    A project that the list names is not where any of its layers says so; of all others, the first layer that needs one
    installs it, and decides.
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


def build_build_wheels(build_pins: BuildPins, *, find_path: Callable[[str], str | None]) -> tuple[BuildWheel, ...]:
    """The wheels of all builds, each once. `find_path` gives the relative path of a file of the lock's own disk."""
    wheels = {_build_wheel(pin, find_path(pin.file.url)) for pins in build_pins.values() for pin in pins}
    return tuple(sorted(wheels, key=lambda wheel: (wheel.name, wheel.version, wheel.file)))


def _build_wheel(pin: Pin, path: str | None) -> BuildWheel:
    file = pin.file
    if file.sha256 is None or file.size_bytes is None:
        raise InternalError(f"`{file.filename}` reached the lock without size or sha256")
    return BuildWheel(
        name=pin.name,
        version=pin.version,
        file=file.filename,
        url=None if path is not None else file.url,
        path=path,
        # As in packages: an index on disk is a place on this machine.
        index=None if pin.index is None or pin.index.startswith("file:") else pin.index,
        size=file.size_bytes,
        sha256=file.sha256,
    )


def _hash_text(text: str) -> str:
    return f"sha256:{hash_bytes(text.encode())}"


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
    from resolver.targets.data_files import find_backend_requirements

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
