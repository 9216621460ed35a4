"""What a search answers: one pin a project, with its file and everyone who asked for it."""

from __future__ import annotations

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.index.distribution_file import DistributionFile
from resolver.requirements.position import Position

__all__ = ["ChosenBuild", "Pin", "Requester", "Resolution"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who asked for a pin, and in which words: a list position, or another pin. One of the two is None."""

    position: Position | None
    parent: NormalizedName | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One project of a resolution.

    `dependencies` are the names of other pins that this one needs, sorted. `index` is the public URL of the index that
    the file came from, None for find-links. `built` marks metadata that came from a build on this machine.
    """

    name: NormalizedName
    version: Version
    file: DistributionFile
    extras: frozenset[NormalizedName]
    dependencies: tuple[NormalizedName, ...]
    requesters: tuple[Requester, ...]
    index: str | None
    built: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenBuild:
    """The build that a solution's pins are of: `cuda` is its label (`cu128`, `cu12`, `cpu`), `why` what decided it."""

    cuda: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """All pins, sorted by name, and warnings (whole messages, in a fixed order).

    `build` is None where no machine was named, and where no pin has a build to choose.
    """

    pins: tuple[Pin, ...]
    warnings: tuple[str, ...] = ()
    build: ChosenBuild | None = None
