"""What decides the outcome of each build that an installation makes, as the lock holds it.

In: pins, the list, and the pins of build requirements. Out: `BuildFacts` by project, and one `BuildWheel` for each
wheel that some build installs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from packaging.utils import NormalizedName

from lockfiles import BuildFacts, BuildWheel
from lockfiles.sha256 import hash_bytes
from resolver.errors import InternalError
from resolver.index.origin import Folder
from resolver.requirements.entry import RequirementList
from resolver.solve.resolution import Pin, Resolution

__all__ = ["BuildPins", "build_build_wheels", "find_isolated", "iter_build_facts"]

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
