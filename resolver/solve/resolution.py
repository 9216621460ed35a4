"""The answer of the solver: one pin for each project, with its file and the requirements that lead to it.

The rest of the product reads these values and no state of the search. They are dumped as JSON and loaded again for the
store that keeps the answers to earlier problems.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import Position
from resolver.index.distribution_file import DistributionFile
from resolver.solve.problem import Root

__all__ = [
    "ChosenBuild",
    "Pin",
    "Requester",
    "Resolution",
    "dump_resolution",
    "load_resolution",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """A requirement on a pin, `text`, and its origin: a list position, or another pin. One of the two is None."""

    position: Position | None
    parent: NormalizedName | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One project of a resolution.

    `dependencies` are the names of other pins that this one needs, sorted. `index` is the public URL of the index that
    the file came from, None for find-links. `built` marks metadata that came from a build on this machine. `unverified`
    is None where metadata is final or built; else the requirements that the files of the sdist state without being
    final, sorted.
    """

    name: NormalizedName
    version: Version
    file: DistributionFile
    extras: frozenset[NormalizedName]
    dependencies: tuple[NormalizedName, ...]
    requesters: tuple[Requester, ...]
    index: str | None
    built: bool = False
    unverified: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenBuild:
    """The build that a solution's pins are of: `cuda` is its label (`cu128`, `cu12`, `cpu`), `why` what decided it."""

    cuda: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """All pins, sorted by name, and warnings (whole messages, in a fixed order).

    `build` is None where no machine was named, and where no pin has a build to choose. `failed_builds` are versions
    that were passed over because their build failed, now or when the old lock was made, sorted.
    """

    pins: tuple[Pin, ...]
    warnings: tuple[str, ...] = ()
    build: ChosenBuild | None = None
    failed_builds: tuple[tuple[NormalizedName, Version], ...] = ()


def dump_resolution(resolution: Resolution, roots: Sequence[Root]) -> str | None:
    """The JSON text; None for a resolution that it cannot hold completely. `roots` are those of the problem."""
    if resolution.failed_builds:
        return None
    places = {root.position: number for number, root in enumerate(roots)}
    try:
        pins = [_dump_pin(pin, places) for pin in resolution.pins]
        # Lazy: only runs that keep their result in the cache need it.
        import json

        build = None if resolution.build is None else [resolution.build.cuda, resolution.build.why]
        text = json.dumps([pins, resolution.warnings, build], ensure_ascii=False)
        return text if load_resolution(text, roots) == resolution else None
    except (KeyError, ValueError):
        return None


def load_resolution(text: str, roots: Sequence[Root]) -> Resolution:
    """What `dump_resolution` wrote, for a problem with the same roots. Raises ValueError, TypeError, LookupError."""
    # Lazy, as above.
    import json

    pins, warnings, build = json.loads(text)
    return Resolution(
        pins=tuple(_load_pin(pin, roots) for pin in pins),
        warnings=tuple(warnings),
        build=None if build is None else ChosenBuild(cuda=build[0], why=build[1]),
    )


def _dump_pin(pin: Pin, places: dict[Any, int]) -> list[object]:
    file = pin.file
    return [
        pin.name,
        str(pin.version),
        sorted(pin.extras),
        pin.dependencies,
        [
            [None if asked.position is None else places[asked.position], asked.parent, asked.text]
            for asked in pin.requesters
        ],
        pin.index,
        pin.built,
        pin.unverified,
        [file.filename, str(file.version), file.url, file.index, file.hashes, file.size_bytes, file.requires_python],
        [file.yanked, file.upload_time, file.core_metadata, file.tag_rank, file.build_tag],
    ]


def _load_pin(pin: list[Any], roots: Sequence[Root]) -> Pin:
    name, text, extras, dependencies, requesters, index, built, unverified, file, more = pin
    version = Version(text)
    return Pin(
        name=NormalizedName(name),
        version=version,
        file=_load_file(file, more, version if file[1] == text else Version(file[1])),
        extras=frozenset(map(NormalizedName, extras)),
        dependencies=tuple(map(NormalizedName, dependencies)),
        requesters=tuple(
            Requester(position=None if place is None else roots[place].position, parent=parent, text=asked)
            for place, parent, asked in requesters
        ),
        index=index,
        built=built,
        unverified=None if unverified is None else tuple(unverified),
    )


def _load_file(file: list[Any], more: list[Any], version: Version) -> DistributionFile:
    filename, _, url, index, hashes, size_bytes, requires_python = file
    yanked, upload_time, core_metadata, tag_rank, build_tag = more
    return DistributionFile(
        filename=filename,
        version=version,
        url=url,
        index=index,
        hashes=tuple(hashes),
        size_bytes=size_bytes,
        requires_python=requires_python,
        yanked=yanked,
        upload_time=upload_time,
        core_metadata=core_metadata,
        tag_rank=tag_rank,
        build_tag=tuple(build_tag),
    )
