"""Why a problem has no solution: from a failed search to an `Explanation`, and from there to the parts of an error.

First, requirements are dropped as long as the rest still has no solution. That uses what was read before and makes no
request. Then a plain search over the rest, which draws no conclusions, shows the collisions. The error says what is
wrong, the facts, and how to fix it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from lockfiles._values import dataclass
from resolver.errors import ResolutionError
from resolver.requirements.scopes import is_family_name
from resolver.solve.demand import TORCH_RELEASE, Demand, Node, is_virtual, pins_exactly
from resolver.solve.explanation import (
    CollidingRequirement,
    Collision,
    Explanation,
    Link,
    Obstacle,
    Supply,
    UnusableVersion,
    count,
    render_faults,
)
from resolver.solve.problem import Problem, Root
from resolver.solve.project_table import ProjectTable, iter_rows
from resolver.solve.remedies import Trials, find_remedies
from resolver.solve.search.backtracking import find_collisions, search_by_backtracking
from resolver.solve.search.universe import Cause, Conflict, Universe, select_rows
from resolver.targets.target import describe_foreign
from resolver.targets.torch_builds import NoRunningBuild

__all__ = [
    "NoSolutionError",
    "build_error",
    "build_explanation",
    "build_refusal",
]


_TEST_ROUNDS = 1000
_PLAIN_ROUNDS = 300
_SHOWN_COLLISIONS = 3
_SHOWN_LISTED = 12
_SHOWN_VERSIONS = 3
_MOST_GROUPED = 200
"""The most versions whose reasons are read to show those with the same reasons as one."""


def build_explanation(universe: Universe, conflict: Conflict, trials: Trials | None = None) -> Explanation:
    """The collisions behind a failed search, with remedies, which `trials` try. Only the remedies make requests."""
    found = _find_listed_collisions(universe)
    found = found or _find_collisions(universe.closed(_find_core(universe)))
    lines = (_with_all_lines(collision, universe.problem) for collision in found)
    collisions = tuple(_with_wheels(collision, universe) for collision in lines)
    shown = _SHOWN_COLLISIONS if any(one.is_reached for one in collisions) else _SHOWN_LISTED
    return Explanation(
        target=str(universe.problem.target),
        collisions=collisions[:shown],
        more_collisions=len(collisions[shown:]),
        remedies=find_remedies(universe.problem, collisions, trials, universe),
        is_proven=conflict.is_proven,
        stood="" if conflict.is_proven else _describe_end(conflict),
    )


def _describe_end(conflict: Conflict) -> str:
    """A line about a search that gave up: its rounds, and the projects that lost most releases to another one."""
    text = f"the search gave up after {count(conflict.rounds, 'round')}"
    pairs = [f"`{project}` lost releases to `{culprit}`" for project, culprit in conflict.losses[:_SHOWN_COLLISIONS]]
    return f"{text}, in which {', '.join(pairs)}" if pairs else text


def _find_listed_collisions(universe: Universe) -> tuple[Collision, ...]:
    """The projects whose lines of the list no version satisfies, in list order: all faults of a list at once.

    The page of every listed project was read before the search, so this makes no request.
    """
    names = dict.fromkeys(root.name for root in universe.problem.roots)
    if universe.problem.overrides:
        names = {name: None for name in names if all(name != root.name for root in universe.problem.overrides)}
    paths = _Paths(universe)
    found: list[Collision] = []
    for name in names:
        event = _minimise_listed(universe, name)
        if event is not None:
            found.append(_build_collision(universe, paths, [event]))
    return tuple(found)


def _minimise_listed(universe: Universe, name: NormalizedName) -> _Event | None:
    """The lines on a project that collide with each other, with none to spare; None if a version satisfies all."""
    problem = universe.problem
    kept = [root for root in (*problem.roots, *problem.constraints) if root.name == name]
    if _admitted(universe, name, kept):
        return None
    for root in list(kept):
        fewer = [other for other in kept if other is not root]
        if fewer and not _admitted(universe, name, fewer):
            kept = fewer
    return _Event(project=name, listed=tuple(kept), causes=())


def _with_all_lines(collision: Collision, problem: Problem) -> Collision:
    """The collision; where no location has the project, with all lines of the list that require it."""
    requirements = collision.requirements
    if collision.obstacle is not Obstacle.NOT_FOUND or any(requirement.is_override for requirement in requirements):
        return collision
    lines = [
        CollidingRequirement(position=root.position, text=root.text)
        for root in problem.roots
        if root.name == collision.project
    ]
    linked = [requirement for requirement in requirements if requirement.links]
    return replace(collision, requirements=tuple(dict.fromkeys((*lines, *linked))))


def _with_wheels(collision: Collision, universe: Universe) -> Collision:
    """The collision; for `DIFFERENT_BUILDS` with lines about what the colliding wheels are built for."""
    if collision.obstacle is not Obstacle.DIFFERENT_BUILDS or universe.rules is None:
        return collision
    builds = universe.rules.explain_wheels(collision.project, collision.colliding)
    return replace(collision, supply=replace(collision.supply, builds=builds))


def _find_core(universe: Universe) -> Problem:
    """The problem with no more requirements than the conflict needs, as far as what was read can tell.

    Half of the items are left out at a time, then a quarter, and so on. A list of n items of which the conflict needs a
    few so takes some tens of searches instead of n. Constraints come first, so that they are the first to be left out.
    """
    problem = universe.problem
    items: list[Root] = [*problem.constraints, *problem.roots]
    if not _has_conflict(universe, items):
        return problem
    size = (len(items) + 1) // 2
    while size:
        start = 0
        while start < len(items):
            fewer = items[:start] + items[start + size :]
            if fewer and _has_conflict(universe, fewer):
                items = fewer
            else:
                start += size
        size //= 2
    return _keep(problem, items)


def _has_conflict(universe: Universe, items: Sequence[Root]) -> bool:
    """Whether these items alone provably have no solution, by a search over what was read before."""
    narrowed = universe.closed(_keep(universe.problem, items))
    outcome = search_by_backtracking(narrowed, max_rounds=_TEST_ROUNDS)
    return isinstance(outcome, Conflict) and outcome.is_proven


def _keep(problem: Problem, items: Sequence[Root]) -> Problem:
    """The problem with these entries and constraints alone, told apart by identity: a list may repeat a line."""
    kept = set(map(id, items))
    return replace(
        problem,
        roots=tuple(root for root in problem.roots if id(root) in kept),
        constraints=tuple(root for root in problem.constraints if id(root) in kept),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """A minimal collision: entries and constraints of the list, and demands of candidates."""

    project: NormalizedName
    listed: tuple[Root, ...]
    causes: tuple[Cause, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The key of a group: equal for collisions that differ only in versions."""
        parents = {cause.parent.node.name for cause in self.causes if cause.parent is not None}
        return (self.project, *(str(root.position) for root in self.listed), *sorted(parents))


def _find_collisions(universe: Universe) -> tuple[Collision, ...]:
    """The collisions of a plain search, one for all that differ in releases only, in the order of the search."""
    groups: dict[tuple[str, ...], list[_Event]] = {}
    for causes in find_collisions(universe, max_rounds=_PLAIN_ROUNDS):
        event = _minimise(universe, causes)
        if event is not None:
            groups.setdefault(event.key, []).append(event)
    paths = _Paths(universe)
    # A collision of an extra with its own project shows only that they were tried in different versions. The reason for
    # that is in another group.
    telling = [events for events in groups.values() if not any(cause.demand.is_own for cause in events[0].causes)]
    # If builds of the right torch release collide in CUDA or ABI, collisions about other releases explain less.
    builds = [events for events in telling if is_virtual(events[0].project) and events[0].project != TORCH_RELEASE]
    shown = [events for events in telling if not builds or events[0].project != TORCH_RELEASE]
    return tuple(_build_collision(universe, paths, events) for events in shown or groups.values())


def _minimise(universe: Universe, causes: Sequence[Cause]) -> _Event | None:
    """The collision without demands that it does not need; None if its demands alone still admit a row."""
    name = causes[0].demand.node.name if causes else NormalizedName("")
    if not name:
        return None
    problem = universe.problem
    overrides = [root for root in problem.overrides if root.name == name]
    lines = () if overrides else (*problem.roots, *problem.constraints)
    kept: list[Cause | Root] = [root for root in lines if root.name == name]
    # Demands on an overridden project have the specifier of the override. They come first, so they are dropped first.
    kept += [*(cause for cause in causes if cause.parent is not None), *overrides]
    if _admitted(universe, name, kept):
        return None
    for item in list(kept):
        fewer = [other for other in kept if other is not item]
        if fewer and not _admitted(universe, name, fewer):
            kept = fewer
    return _Event(
        project=name,
        listed=tuple(item for item in kept if isinstance(item, Root)),
        causes=tuple(item for item in kept if isinstance(item, Cause)),
    )


def _admitted(universe: Universe, name: NormalizedName, items: Sequence[Cause | Root]) -> int:
    """The mask of the rows that could be tried under these items alone."""
    table = universe.table(name)
    rows = table.usable(_matching(table, items))
    for ruled_out, row in universe.ruled_out:
        rows &= ~(1 << row) if ruled_out == name else -1
    pinned = any(item.demand.pinned if isinstance(item, Cause) else pins_exactly(item.specifier) for item in items)
    return select_rows(table, rows, pinned=pinned, prereleases=True)


def _matching(table: ProjectTable, items: Sequence[Cause | Root]) -> int:
    """The rows that all items admit by version, whether their files can be used or not."""
    rows = table.all_rows
    for item in items:
        rows &= item.demand.mask if isinstance(item, Cause) else table.mask(item.specifier)
    return rows


def _build_collision(universe: Universe, paths: _Paths, events: Sequence[_Event]) -> Collision:
    """One collision for events that differ in releases only: the first one, with a count of the others.

    Requirements are in list order, and those of the list itself come before those of dependencies of the same line.
    """
    first = events[0]
    table = universe.table(first.project)
    items: list[Cause | Root] = [*first.listed, *first.causes]
    matching = _matching(table, items)
    problem = universe.problem
    constraints, overrides = set(map(id, problem.constraints)), set(map(id, problem.overrides))
    requirements = [
        CollidingRequirement(
            position=root.position,
            text=root.text,
            is_constraint=id(root) in constraints,
            is_override=id(root) in overrides,
        )
        for root in first.listed
    ]
    requirements += [paths.describe(cause, _count_others(cause, events)) for cause in first.causes]
    order = {
        root.position: place for place, root in enumerate((*problem.roots, *problem.constraints, *problem.overrides))
    }
    requirements.sort(key=lambda requirement: (order[requirement.position], requirement.links != ()))
    return Collision(
        project=first.project,
        obstacle=_find_obstacle(table, matching, items),
        requirements=tuple(dict.fromkeys(requirements)),
        supply=_build_supply(universe, table, matching, _find_neighbours(table, items)),
    )


def _find_neighbours(table: ProjectTable, items: Sequence[Cause | Root]) -> tuple[Version, ...]:
    """The versions just below and just above the one exact version that is required, without the newest one."""
    specifiers = [item.demand.specifier if isinstance(item, Cause) else item.specifier for item in items]
    pins = [one.version for one in specifiers[0] if one.operator in ("==", "===") and "*" not in one.version]
    if len(items) != 1 or len(pins) != 1:
        return ()
    try:
        return table.neighbours(Version(pins[0]))
    except InvalidVersion:
        return ()


def _count_others(cause: Cause, events: Sequence[_Event]) -> int:
    """How many other versions of the cause's parent collide likewise."""
    if cause.parent is None:
        return 0
    parents = {other.parent for event in events for other in event.causes if other.parent is not None}
    return len({parent.row for parent in parents if parent.node.name == cause.parent.node.name}) - 1


def _find_obstacle(table: ProjectTable, matching: int, items: Sequence[Cause | Root]) -> Obstacle:
    """What is wrong, from the rows that all requirements together admit (`matching`) and the number of these.

    A virtual project stands for a CUDA or torch release that builds agree on, so its requirements come from builds.
    """
    if is_virtual(table.name):
        return Obstacle.DIFFERENT_BUILDS
    if not table.listings:
        return Obstacle.NOT_FOUND
    if matching:
        return Obstacle.UNUSABLE
    return Obstacle.NO_VERSION if len(items) == 1 else Obstacle.EXCLUDE_EACH_OTHER


def _build_supply(universe: Universe, table: ProjectTable, matching: int, neighbours: tuple[Version, ...]) -> Supply:
    """What the locations offer of a project, of which `matching` are the rows that the requirements admit."""
    rows = sorted(iter_rows(matching), key=lambda row: _is_absent(universe, table, row))
    groups = _group_versions(universe, table, rows[:_MOST_GROUPED])[:_SHOWN_VERSIONS]
    # A row without places is a build that an index may have, where that index was not read.
    listed = sum(1 for row in range(len(table.versions)) if table.places(row))
    return Supply(
        locations=tuple(str(listing.location.url) for listing in table.listings),
        missing=tuple(str(location.url) for location in table.missing),
        version_count=listed,
        file_count=table.file_count,
        newest=table.newest(),
        nearest=tuple(groups),
        more=len(rows) - sum(group.count for group in groups),
        neighbours=neighbours,
        builds=universe.rules.explain_rows(table, matching) if universe.rules is not None and matching else (),
        direct=_describe_direct(universe.problem, table),
        exclusive=tuple(
            family for family in universe.problem.families if family.exclusive and is_family_name(table.name, family)
        ),
    )


def _group_versions(universe: Universe, table: ProjectTable, rows: Sequence[int]) -> list[UnusableVersion]:
    """The versions of rows with their reasons; neighbours with the same reasons are one."""
    groups: list[UnusableVersion] = []
    for row in rows:
        version, reasons = table.versions[row], tuple(dict.fromkeys(_iter_reasons(universe, table, row)))
        shared = _share(groups[-1].reasons, reasons) if groups else None
        if shared is not None:
            groups[-1] = replace(groups[-1], reasons=shared, oldest=version, count=groups[-1].count + 1)
        elif len(groups) == _SHOWN_VERSIONS:
            break
        else:
            groups.append(UnusableVersion(version=version, reasons=reasons))
    return groups


def _share(reasons: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...] | None:
    """The reasons of two versions if they are the same, but for file names and times of upload; else None."""
    if reasons == others:
        return reasons
    shared, other = (tuple(map(_generalise, each)) for each in (reasons, others))
    return shared if shared == other else None


def _generalise(reason: str) -> str:
    """A reason without what differs between files that are refused alike: their names and times of upload."""
    if reason.startswith("uploaded "):
        return "uploaded after the cut-off date"
    return re.sub("^`[^`]+`(?: and [0-9]+ other files?)?: ", "", re.sub("^`[^`]+` is ", "wheels ", reason))


def _describe_direct(problem: Problem, table: ProjectTable) -> str:
    """A clause with the direct reference that decides the project, and its version; empty without one."""
    fixed = problem.direct.get(table.name)
    if fixed is None:
        return ""
    request = fixed.request
    what = f"is {table.versions[0]}, and a direct reference decides its project"
    return f"{request.position}: `{request.text}` {what}"


def _is_absent(universe: Universe, table: ProjectTable, row: int) -> bool:
    """Whether the row is a build that its index turned out not to have; such rows are shown last."""
    ruled_out = universe.ruled_out.get((table.name, row))
    return ruled_out is not None and ruled_out.reason == "absent"


def _iter_reasons(universe: Universe, table: ProjectTable, row: int) -> Iterator[str]:
    """Why a row is no candidate: a rule about builds, else its metadata, else what is wrong with each of its files."""
    if reason := table.reason(row):
        yield reason
        return
    ruled_out = universe.ruled_out.get((table.name, row))
    if ruled_out is not None:
        yield ruled_out.detail
        return
    files = table.files(row)
    if files and (why := files[0].yanked) is not None:
        yield f"yanked ({why})" if why else "yanked"
    if not (files or table.rejections(row)):
        yield "no file"
    by_reason: dict[tuple[str, str], list[str]] = {}
    rejections = table.rejections(row)
    if any(rejection.reason == "python" for rejection in rejections):
        # Wheels of a version that needs another Python are for other Pythons: that is one reason, not two.
        rejections = tuple(rejection for rejection in rejections if rejection.reason != "tags")
    for rejection in rejections:
        # Wheels for other machines are one reason, and so are files that are too new, of which the first one counts.
        detail = rejection.detail if rejection.reason not in ("tags", "exclude-newer") else ""
        kind = (rejection.reason, detail.replace(f"`{rejection.filename}`", "it"))
        by_reason.setdefault(kind, []).append(rejection.filename if detail else rejection.detail)
    foreign = [rejection for rejection in rejections if rejection.reason == "tags"]
    for (reason, detail), found in by_reason.items():
        match reason:
            case "python":
                yield f"needs Python {detail}"
            case "tags":
                described = describe_foreign(found, universe.problem.target)
                yield f"`{foreign[0].filename}` is {described}" if len(found) == 1 else f"wheels {described}"
            case "exclude-newer":
                yield min(found)
            case _:
                more = f" and {count(len(found) - 1, 'other file')}" if len(found) > 1 else ""
                yield f"`{found[0]}`{more}: {detail}"


class _Paths:
    """The shortest way from the list to each candidate that was tried."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._from: dict[tuple[Node, int], tuple[tuple[Node, int] | None, Demand]] = {}
        rows: dict[Node, list[int]] = {}
        for node, row in universe.tried():
            rows.setdefault(node, []).append(row)
        waiting: list[tuple[tuple[Node, int] | None, Demand]] = [(None, demand) for demand in universe.root_demands()]
        for origin, demand in waiting:
            for row in rows.get(demand.node, ()):
                place = (demand.node, row)
                if demand.mask >> row & 1 and place not in self._from:
                    self._from[place] = (origin, demand)
                    waiting += [(place, brought) for brought in universe.known_demands(*place) or ()]

    def describe(self, cause: Cause, other_versions: int) -> CollidingRequirement:
        """The cause with its way from the list."""
        links: list[Link] = []
        demand = cause.demand
        place = (cause.parent.node, cause.parent.row) if cause.parent is not None else None
        while place is not None:
            node, row = place
            is_itself = demand.node.name == TORCH_RELEASE and node.name == "torch"
            if not is_itself and (not demand.is_own or demand is cause.demand):
                links.append(
                    Link(name=node.name, version=self._universe.table(node.name).versions[row], needs=demand.text)
                )
            place, demand = self._from[place]
        root = self._universe.problem.roots[demand.root or 0]
        return CollidingRequirement(
            position=root.position,
            text=root.text,
            links=tuple(reversed(links)),
            other_versions=other_versions if links else 0,
        )


class NoSolutionError(ResolutionError):
    """The list has no solution for the target; `explanation` is the reason as data."""

    def __init__(self, explanation: Explanation) -> None:
        faults = tuple(render_faults(explanation))
        super().__init__(faults[0].what)
        self.faults = faults
        self.explanation = explanation


def build_error(universe: Universe, conflict: Conflict, trials: Trials | None = None) -> NoSolutionError:
    """The error for a conflict that a search over the universe ended with."""
    return NoSolutionError(build_explanation(universe, conflict, trials))


def build_refusal(
    problem: Problem, refused: Sequence[tuple[Root, NoRunningBuild | str]], trials: Trials | None = None
) -> NoSolutionError:
    """The error for requirements on one project that no build meets, each with the reason: known without a search.

    The nearest releases that run are neighbours, so that the remedies propose them.
    """
    requirements = tuple(CollidingRequirement(position=root.position, text=root.text) for root, _ in refused)
    lines = tuple(dict.fromkeys(str(why) for _, why in refused))
    builds = [why.later or why.earlier for _, why in refused if isinstance(why, NoRunningBuild) and not why.cuda]
    running = tuple(dict.fromkeys(Version(build.version.public) for build in builds if build is not None))
    supply, name = Supply(builds=lines, neighbours=running), refused[0][0].name
    collision = Collision(project=name, obstacle=Obstacle.UNUSABLE, requirements=requirements, supply=supply)
    remedies = find_remedies(problem, (collision,), trials)
    return NoSolutionError(Explanation(target=str(problem.target), collisions=(collision,), remedies=remedies))
