"""Why a problem has no solution, as the parts of an error: what is wrong, the facts, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from resolver.errors import Fault, ResolutionError
from resolver.solve.diagnosis import build_explanation
from resolver.solve.explanation import CollidingRequirement, Collision, Explanation, Obstacle, Supply
from resolver.solve.problem import Problem, Root
from resolver.solve.search import Conflict
from resolver.solve.universe import Universe

__all__ = ["NoSolutionError", "build_error", "build_refusal"]


class NoSolutionError(ResolutionError):
    """The list has no solution for the target; `explanation` is why, as data."""

    def __init__(self, explanation: Explanation) -> None:
        faults = tuple(_iter_faults(explanation))
        super().__init__(faults[0].what)
        self.faults = faults
        self.explanation = explanation


def build_error(universe: Universe, conflict: Conflict) -> NoSolutionError:
    """The error for a conflict that a search over the universe ended with."""
    return NoSolutionError(build_explanation(universe, conflict))


def build_refusal(problem: Problem, refused: Sequence[tuple[Root, str]]) -> NoSolutionError:
    """The error for requirements on one project that no build meets, each with the reason: known without a search."""
    requirements = tuple(CollidingRequirement(position=root.position, text=root.text) for root, _ in refused)
    lines = tuple(dict.fromkeys(why for _, why in refused))
    supply = Supply(locations=(), missing=(), version_count=0, file_count=0, newest=None, builds=lines)
    collision = Collision(
        project=refused[0][0].name, obstacle=Obstacle.UNUSABLE, requirements=requirements, supply=supply
    )
    return NoSolutionError(Explanation(target=str(problem.target), collisions=(collision,)))


def _iter_faults(explanation: Explanation) -> Iterator[Fault]:
    """A fault for each collision, the last one with the hints."""
    what = "no solution" if explanation.is_proven else "no solution found within the limits of the search"
    faults: list[Fault] = []
    for collision in explanation.collisions:
        lead = f"{what} for {explanation.target}: " if not faults else "other versions fail, because "
        faults.append(_build_fault(lead + _render_obstacle(collision), collision))
    if not faults:
        faults.append(Fault(what=f"{what} for {explanation.target}"))
    if explanation.more_collisions:
        faults.append(Fault(what=f"and {explanation.more_collisions} more collisions like these"))
    yield from faults[:-1]
    remedy, *others = explanation.hints or ("",)
    yield replace(faults[-1], remedy=remedy, other_remedies=tuple(others))


def _render_obstacle(collision: Collision) -> str:
    name = collision.project
    match collision.obstacle:
        case Obstacle.NOT_FOUND:
            return f"`{name}` was not found"
        case Obstacle.NO_VERSION:
            return f"no version of `{name}` matches"
        case Obstacle.EXCLUDE_EACH_OTHER:
            return f"the requirements on `{name}` exclude each other"
        case Obstacle.UNUSABLE:
            return f"no version of `{name}` that is asked for can be used"
        case Obstacle.DIFFERENT_BUILDS:
            return "builds that are asked for do not go together"
        case _:
            assert_never(collision.obstacle)


def _build_fault(what: str, collision: Collision) -> Fault:
    involved = tuple(_render_requirement(requirement, collision.project) for requirement in collision.requirements)
    supply = collision.supply
    nearest = tuple(f"  {version.version}: {'; '.join(version.reasons)}" for version in supply.nearest)
    if supply.direct:
        return Fault(what=what, involved=involved, why=supply.direct, details=nearest)
    if supply.builds or collision.obstacle is Obstacle.DIFFERENT_BUILDS:
        why, *others = supply.builds or ("",)
        return Fault(what=what, involved=involved, why=why, details=tuple(f"because {line}" for line in others))
    if not supply.locations:
        return Fault(what=what, involved=involved, why=_render_absence(supply))
    if supply.more:
        nearest += (f"  and {_count(supply.more, 'older version')}",)
    return Fault(what=what, involved=involved, why=_render_supply(supply), details=nearest)


def _render_requirement(requirement: CollidingRequirement, name: str) -> str:
    text = f"{requirement.position}: `{requirement.text}`"
    if requirement.is_constraint:
        text += " (a constraint)"
    if requirement.is_override:
        text += f" (an override, in place of all else that is asked of `{name}`)"
    for link in requirement.links:
        text += f", `{link.name} {link.version}` needs `{link.needs}`"
    if requirement.other_versions:
        parent = requirement.links[-1].name
        text += f" ({_count(requirement.other_versions, 'other version')} of `{parent}` likewise)"
    return text


def _render_absence(supply: Supply) -> str:
    if supply.exclusive and not supply.missing:
        names = ", ".join(f"`{family.name}`" for family in supply.exclusive)
        urls = ", ".join(f"`{url}`" for family in supply.exclusive for url in family.urls)
        return f"it comes from indexes of the exclusive family {names} only, and none of them is in scope: {urls}"
    return f"no location has it: {', '.join(supply.missing) or 'none is in scope'}"


def _render_supply(supply: Supply) -> str:
    places = ", ".join(supply.locations)
    verb = "has" if len(supply.locations) == 1 else "together have"
    offer = f"{places} {verb} {_count(supply.version_count, 'version')} in {_count(supply.file_count, 'file')}"
    if supply.nearest:
        return f"{offer}, of which these are asked for"
    return f"{offer}, the newest {supply.newest}" if supply.newest is not None else offer


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
