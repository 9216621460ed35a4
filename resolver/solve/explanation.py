"""Why a problem has no solution, as data: collisions, how the list leads to them, what the locations offer, remedies.

`resolver.solve.diagnosis` makes these values, `render_faults` turns them into text. They are a module of their own, so
that programs, `resolver.solve.hints` and `resolver.solve.build_problem`, which applies a `Change`, need no search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Literal, assert_never

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.errors import Fault, Position
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
    "count",
    "order_clauses",
    "render_faults",
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
    def is_reached(self) -> bool:
        """Whether the collision needs a dependency, not only lines of the list."""
        return any(requirement.links for requirement in self.requirements)

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
            yield f"{self.texts[-1]} (tested: {'it locks' if len(self.texts) == 1 else 'together they lock'})"


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


def render_faults(explanation: Explanation) -> Iterator[Fault]:
    """A fault for each collision, the last one with the remedies."""
    what = "no solution" if explanation.is_proven else "no solution found within the limits of the search"
    faults: list[Fault] = []
    for group in _iter_groups(explanation.collisions):
        lead = f"{what} for {explanation.target}: "
        if faults:
            lead = "other versions fail, because " if any(one.is_reached for one in explanation.collisions) else "and "
        faults.append(_build_absence(lead, group) if len(group) > 1 else _build_fault(lead, group[0]))
    if not faults:
        faults.append(Fault(what=f"{what} for {explanation.target}"))
    if explanation.stood:
        faults.append(Fault(what=explanation.stood))
    if explanation.more_collisions:
        faults.append(Fault(what=f"and {explanation.more_collisions} more collisions like these"))
    yield from faults[:-1]
    remedy, *others = [line for one in explanation.remedies for line in one.render()] or [""]
    yield replace(faults[-1], remedy=remedy, other_remedies=tuple(others))


def _iter_groups(collisions: Sequence[Collision]) -> Iterator[list[Collision]]:
    """The collisions in order, those about projects that the same locations do not have together."""
    groups: dict[object, list[Collision]] = {}
    for collision in collisions:
        is_absent = collision.obstacle is Obstacle.NOT_FOUND and not collision.supply.direct
        key = collision.supply if is_absent and not collision.is_reached else collision.project
        groups.setdefault(key, []).append(collision)
    yield from groups.values()


def _build_absence(lead: str, group: Sequence[Collision]) -> Fault:
    """One fault for several projects that the same locations do not have."""
    names = ", ".join(f"`{one.project}`" for one in group)
    involved = tuple(_render_requirement(one, group[0].project) for each in group for one in each.requirements)
    why = _render_absence(group[0].supply).replace("it is not", "they are not").replace("it comes", "they come")
    return Fault(what=f"{lead}{names} were not found", involved=involved, why=why)


def _render_obstacle(collision: Collision) -> str:
    """The first line of a fault, without the target: what is wrong with which project."""
    name = collision.project
    match collision.obstacle:
        case Obstacle.NOT_FOUND:
            return f"`{name}` was not found"
        case Obstacle.NO_VERSION:
            return f"no version of `{name}` matches"
        case Obstacle.EXCLUDE_EACH_OTHER:
            return f"the requirements on `{name}` conflict"
        case Obstacle.UNUSABLE:
            return f"no usable version of `{name}`"
        case Obstacle.DIFFERENT_BUILDS:
            return "the required builds do not go together"
        case _:
            assert_never(collision.obstacle)


def _build_fault(lead: str, collision: Collision) -> Fault:
    """A collision as a fault: its requirements, then what decides it.

    That is a direct reference, else the builds, else the locations without the project, else the versions on offer.
    """
    what = lead + _render_obstacle(collision)
    involved = tuple(_render_requirement(requirement, collision.project) for requirement in collision.requirements)
    supply = collision.supply
    nearest = tuple(f"  {_render_versions(version)}: {'; '.join(version.reasons)}" for version in supply.nearest)
    if supply.direct:
        return Fault(what=what, involved=involved, why=supply.direct, details=nearest)
    if supply.builds or collision.obstacle is Obstacle.DIFFERENT_BUILDS:
        why, *others = supply.builds or ("",)
        return Fault(what=what, involved=involved, why=why, details=tuple(f"because {line}" for line in others))
    if not supply.locations:
        return Fault(what=what, involved=involved, why=_render_absence(supply))
    if supply.more:
        nearest += (f"  and {count(supply.more, 'older version')}",)
    return Fault(what=what, involved=involved, why=_render_supply(supply), details=nearest)


def _render_versions(group: UnusableVersion) -> str:
    """A version, or the newest and the oldest of a run of versions with their number."""
    return str(group.version) if group.oldest is None else f"{group.version} to {group.oldest}, {group.count} versions"


def _render_requirement(requirement: CollidingRequirement, name: str) -> str:
    """The position and text of a line, then each link of the chain that leads from it to the requirement on `name`."""
    text = f"{requirement.position}: `{order_clauses(requirement.text)}`"
    if requirement.is_constraint:
        text += " (a constraint)"
    if requirement.is_override:
        text += f" (an override, in place of all other requirements on `{name}`)"
    for link in requirement.links:
        text += f", `{link.name} {link.version}` needs `{order_clauses(link.needs)}`"
    if requirement.other_versions:
        parent = requirement.links[-1].name
        text += f" ({count(requirement.other_versions, 'other version')} of `{parent}` likewise)"
    return text


def _render_absence(supply: Supply) -> str:
    """Which locations were read for a project that none of them has, or why none was."""
    if supply.exclusive and not supply.missing:
        names = ", ".join(f"`{family.name}`" for family in supply.exclusive)
        urls = ", ".join(f"`{url}`" for family in supply.exclusive for url in family.urls)
        return f"it comes from indexes of the exclusive family {names} only, and none of them is in scope: {urls}"
    return f"it is not on {', '.join(supply.missing)}" if supply.missing else "no index is set"


def _render_supply(supply: Supply) -> str:
    """How many versions and files the locations have, and the newest or the nearest where none of them matches."""
    places = ", ".join(supply.locations)
    verb = "has" if len(supply.locations) == 1 else "together have"
    offer = f"{places} {verb} {count(supply.version_count, 'version')} in {count(supply.file_count, 'file')}"
    if supply.nearest:
        return f"{offer}; with the right version, but unusable:"
    if supply.newest is not None and supply.newest in supply.neighbours:
        return f"{offer}, the newest and nearest {supply.newest}"
    if supply.newest is not None:
        offer += f", the newest {supply.newest}"
    if supply.neighbours:
        offer += f", the nearest {' and '.join(map(str, supply.neighbours))}"
    return offer


def order_clauses(text: str) -> str:
    """A requirement with its clauses as people write them: from the oldest version to the newest, then the exclusions.

    `pydantic!=1.8,<2,>=1.6` becomes `pydantic>=1.6,<2,!=1.8`. Text that is no requirement stays as it is.
    """
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return text
    ranks = {"!": 2, "<": 1}
    clauses = sorted(map(str, requirement.specifier), key=lambda clause: (ranks.get(clause[0], 0), clause))
    return text if requirement.url else text.replace(str(requirement.specifier), ",".join(clauses), 1)


def count(number: int, noun: str) -> str:
    """A number with its noun, which takes a plain `s` in the plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
