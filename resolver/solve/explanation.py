"""Why a problem has no solution, as data: collisions, how the list leads to them, what the locations offer, remedies.

`resolver.solve.diagnosis` makes these values and turns them into text. They are a module of their own so that programs,
`resolver.solve.hints` and `resolver.solve.build_problem`, which applies a `Change`, read them without the search.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Literal

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import Position
from resolver.requirements.scopes import IndexFamily

__all__ = [
    "Change",
    "ChosenOption",
    "CollidingRequirement",
    "Collision",
    "EarlierFlag",
    "Explanation",
    "Link",
    "Obstacle",
    "OptionName",
    "Remedy",
    "Supply",
    "UnusableVersion",
    "WrittenLine",
]


class Obstacle(StrEnum):
    """What is wrong with the requirements on a project."""

    NOT_FOUND = "no location lists the project"
    NO_VERSION = "no version satisfies the one requirement on it"
    EXCLUDE_EACH_OTHER = "no version satisfies all of them"
    UNUSABLE = "versions satisfy them, but none can be used"
    DIFFERENT_BUILDS = "they are built for CUDA or torch releases that exclude each other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link of a chain: a version of a project, and what it needs."""

    name: NormalizedName
    version: Version
    needs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CollidingRequirement:
    """A requirement of a collision, with the chain that leads to it from the list.

    `position` and `text` are those of the list's entry, `links` lead from there to the requirement itself.
    `other_versions` counts further versions of the last link's project that collide in the same way.
    """

    position: Position
    text: str
    links: tuple[Link, ...] = ()
    is_constraint: bool = False
    is_override: bool = False
    other_versions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableVersion:
    """A version that the requirements admit, and why it is no candidate; reasons without repeats.

    It stands for `count` versions with the same reasons, of which `version` is the newest and `oldest` the oldest.
    """

    version: Version
    reasons: tuple[str, ...]
    oldest: Version | None = None
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What the locations offer of a project: `locations` have it, `missing` were read and do not list it.

    `nearest` are the newest versions that the requirements admit, those with the same reasons as one; `more` counts the
    rest of them.
    `neighbours` are the versions just below and above the one that the only requirement names. `builds` are lines
    about builds: for releases of which none runs on the target, which there are, what each lacks, and the nearest that
    run; for wheels that collide, what each is built for. `exclusive` are the exclusive families of the project, whose
    indexes alone may supply it. `direct` is a clause about the direct reference that decides the project; empty without
    one.
    """

    locations: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    version_count: int = 0
    file_count: int = 0
    newest: Version | None = None
    nearest: tuple[UnusableVersion, ...] = ()
    more: int = 0
    neighbours: tuple[Version, ...] = ()
    builds: tuple[str, ...] = ()
    exclusive: tuple[IndexFamily, ...] = ()
    direct: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """Requirements on one project that no candidate satisfies together.

    None of them can be dropped, except for `NOT_FOUND`, which has every line of the list that requires the project.
    """

    project: NormalizedName
    obstacle: Obstacle
    requirements: tuple[CollidingRequirement, ...]
    supply: Supply

    @property
    def colliding(self) -> tuple[tuple[NormalizedName, Version], ...]:
        """The versions whose dependencies collide; a requirement of the list itself adds none."""
        last = (link for requirement in self.requirements for link in requirement.links[-1:])
        return tuple((link.name, link.version) for link in last)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenLine:
    """The line of the list, or the constraint, at `position`, written as `text`."""

    position: Position
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierFlag:
    """A flag (`--extra-index-url https://…`) before the entry at `before`, in its layer.

    `url` is the public URL in it. `position` is where the list has the flag, None where it is added.
    """

    text: str
    url: str
    position: Position | None
    before: Position


OptionName = Literal[
    "--python", "--platform", "-m", "--pre", "--exclude-newer", "allow", "index-strategy", "override-dependencies"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenOption:
    """An option of the command, or a key of `[tool.pinfold]`, with its value; empty for an option without one."""

    name: OptionName
    value: str = ""


Change = WrittenLine | EarlierFlag | ChosenOption
"""What a remedy changes: a line, the place of a flag, or an option. `Problem.variant` applies it to the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What may mend the list: `texts` are clauses with one action each, `changes` the same as data.

    With `is_tried`, a search with all of the changes has found a solution. Without it they only help as far as the
    facts tell; such a remedy may have no changes. With `is_weakening`, a check of pinfold no longer protects the lock.
    """

    texts: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    is_tried: bool = False
    is_weakening: bool = False

    def render(self) -> Iterator[str]:
        """A line for each action; the last one says so where a search has found a solution with all of them."""
        yield from self.texts[:-1]
        if not self.is_tried:
            yield self.texts[-1]
        else:
            yield f"{self.texts[-1]} ({'solves' if len(self.texts) == 1 else 'together they solve'} the list)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a problem has no solution. `more_collisions` counts those beyond `collisions`.

    `remedies` that were tried come first, at most three, and a weakening one last of them; then those that were not.
    `is_proven` is false where the search gave up before it had tried everything; `stood` is then a line about its state
    at that point, otherwise empty.
    """

    target: str
    collisions: tuple[Collision, ...]
    more_collisions: int = 0
    remedies: tuple[Remedy, ...] = ()
    is_proven: bool = True
    stood: str = ""
