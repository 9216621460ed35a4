"""Why a problem has no solution, as data: collisions, how the list leads to them, and what the locations offer.

`resolver.solve.diagnosis` makes these values and turns them into text. They are a module of their own so that programs
and `resolver.solve.hints` read them without the search.
"""

from __future__ import annotations

from enum import Enum

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import Position
from resolver.requirements.scopes import IndexFamily

__all__ = ["CollidingRequirement", "Collision", "Explanation", "Link", "Obstacle", "Supply", "UnusableVersion"]


class Obstacle(Enum):
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
    """A requirement that takes part, from the list down.

    `position` and `text` are those of the list's entry, `links` lead from there to the requirement itself.
    `other_versions` counts further versions of the last link's project that collide in the same place.
    """

    position: Position
    text: str
    links: tuple[Link, ...] = ()
    is_constraint: bool = False
    is_override: bool = False
    other_versions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableVersion:
    """A version that the requirements admit, and why it is no candidate; reasons without repeats."""

    version: Version
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What the locations offer of a project: `locations` have it, `missing` were asked in vain.

    `nearest` are the newest versions that the requirements admit, `more` counts the rest of those. `builds` says for
    releases of which no build runs on the target which there are, what each lacks, and the nearest that run.
    `exclusive` are the families that the project comes from alone. `direct` says which reference decides the project,
    and what it is; empty where none does.
    """

    locations: tuple[str, ...]
    missing: tuple[str, ...]
    version_count: int
    file_count: int
    newest: Version | None
    nearest: tuple[UnusableVersion, ...] = ()
    more: int = 0
    builds: tuple[str, ...] = ()
    exclusive: tuple[IndexFamily, ...] = ()
    direct: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collision:
    """Requirements on one project that cannot hold together; each of them is needed for that."""

    project: NormalizedName
    obstacle: Obstacle
    requirements: tuple[CollidingRequirement, ...]
    supply: Supply

    @property
    def colliding(self) -> tuple[tuple[NormalizedName, Version], ...]:
        """The versions whose own requirements collide; what the list itself asks for is not among them."""
        last = (link for requirement in self.requirements for link in requirement.links[-1:])
        return tuple((link.name, link.version) for link in last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything there is to say. `more_collisions` counts those beyond `collisions`; `hints` are whole actions.

    `is_proven` is false where the search gave up before it had tried everything; `stood` then says where, else it is
    empty.
    """

    target: str
    collisions: tuple[Collision, ...]
    more_collisions: int = 0
    hints: tuple[str, ...] = ()
    is_proven: bool = True
    stood: str = ""
