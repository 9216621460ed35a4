"""From the rows that a search found to a `Resolution`: what the list reaches, which requirements lead to it, warnings.

A search also leaves rows of projects that nothing needs any more, because a dependent was decided anew. Here the list
is followed once more through the demands of the chosen rows. So each pin is needed, no project is missing, and every
demand is met: a row that does not meet one is an error of the search, not of the list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from packaging.utils import NormalizedName

from lockfiles._values import dataclass
from resolver.errors import InternalError
from resolver.solve.demand import WITH_DEPENDENCIES, Demand, Node, is_virtual
from resolver.solve.problem import Root
from resolver.solve.resolution import Pin, Requester, Resolution
from resolver.solve.search.universe import Universe
from resolver.targets.families import find_name_warning

__all__ = ["build_resolution"]

_SHOWN_EXTRAS = 5
"""How many extras that a project does not provide are named one by one."""


def build_resolution(universe: Universe, rows: Mapping[Node, int]) -> Resolution:
    """The resolution of the nodes that the list reaches, pins sorted by name."""
    reached = _reach(universe, rows)
    names = sorted({node.name for node in reached.nodes if not is_virtual(node.name)})
    pins = tuple(_build_pin(universe, name, reached) for name in names)
    warnings = tuple(_iter_warnings(universe, reached, pins))
    if universe.rules is None:
        return Resolution(pins=pins, warnings=warnings, failed_builds=tuple(sorted(universe.failed_builds)))
    return Resolution(
        pins=pins,
        warnings=(*warnings, *universe.rules.iter_warnings(pins)),
        build=universe.rules.find_chosen_build(pins),
        failed_builds=tuple(sorted(universe.failed_builds)),
    )


@dataclass(slots=True, kw_only=True)
class _Reached:
    """What the list reaches: nodes in the order met, and which requirements lead from one project to another.

    `roots` are the lines of the list by project, `parts` those of the nodes of a project. `parents` has (parent, text
    of the requirement) by child, `children` the children by parent: no virtual projects, which metadata does not name.
    """

    rows: Mapping[Node, int]
    nodes: dict[Node, None] = field(default_factory=dict)
    parents: dict[NormalizedName, set[tuple[NormalizedName, str]]] = field(default_factory=dict)
    children: dict[NormalizedName, set[NormalizedName]] = field(default_factory=dict)
    parts: dict[NormalizedName, set[str]] = field(default_factory=dict)
    roots: dict[NormalizedName, list[Root]] = field(default_factory=dict)


def _reach(universe: Universe, rows: Mapping[Node, int]) -> _Reached:
    """Follow the demands of the list through the rows. Raises InternalError where a row does not meet a demand."""
    reached = _Reached(rows=rows)
    for root in universe.problem.roots:
        reached.roots.setdefault(root.name, []).append(root)
    waiting: list[tuple[Node | None, Demand]] = [(None, demand) for demand in universe.root_demands()]
    while waiting:
        parent, demand = waiting.pop()
        node = demand.node
        row = rows.get(node)
        if row is None or not demand.mask >> row & 1:
            raise InternalError(f"the solution does not meet `{demand.text}`")
        if parent is not None and parent.name != node.name and not is_virtual(node.name):
            reached.parents.setdefault(node.name, set()).add((parent.name, demand.text))
            reached.children.setdefault(parent.name, set()).add(node.name)
        if node not in reached.nodes:
            reached.nodes[node] = None
            reached.parts.setdefault(node.name, set()).add(node.part)
            waiting += [(node, brought) for brought in universe.iter_demands(node, row)]
    return reached


def _build_pin(universe: Universe, name: NormalizedName, reached: _Reached) -> Pin:
    """The pin of a project; requesters are the lines of the list in their order, then dependents by name."""
    row = reached.rows[Node(name)]
    table = universe.table(name)
    file = table.files(row)[0]
    roots = reached.roots.get(name, ())
    listed = [Requester(position=root.position, parent=None, text=root.text) for root in roots]
    parents = sorted(reached.parents.get(name, ()))
    extras = {NormalizedName(part) for part in reached.parts[name] - {"", WITH_DEPENDENCIES}}
    read = universe.read.get((name, row))
    extras = extras.union(*(root.extras for root in roots))
    return Pin(
        name=name,
        version=table.versions[row],
        file=file,
        extras=frozenset(extras),
        dependencies=tuple(sorted(reached.children.get(name, ()))),
        requesters=(*listed, *(Requester(position=None, parent=parent, text=text) for parent, text in parents)),
        index=file.index,
        built=read is not None and read.built,
        unverified=read.find_requirements(extras) if read is not None and read.unverified else None,
    )


def _iter_warnings(universe: Universe, reached: _Reached, pins: tuple[Pin, ...]) -> Iterator[str]:
    """Extras that no release provides, names that are known to mislead, and releases with unreadable metadata."""
    for pin in pins:
        yield from _iter_extra_warnings(universe, reached, pin)
        if (warning := find_name_warning(pin.name)) is not None and _is_from_default(universe, pin):
            yield str(warning)
    for (name, row), ruled_out in sorted(universe.ruled_out.items()):
        if ruled_out.reason == "metadata" and any(pin.name == name for pin in pins):
            yield f"`{name} {universe.table(name).versions[row]}` was left out: {ruled_out.detail}"


def _join_extras(near: Sequence[str]) -> str:
    """The extras of a project with names like the one that it lacks, as the end of a sentence."""
    return f"; it provides {', '.join(f'`{extra}`' for extra in near)}" if near else ""


def _is_from_default(universe: Universe, pin: Pin) -> bool:
    locations = universe.problem.locations(pin.name)
    return any(location.is_default and location.url.public == pin.index for location in locations)


def _iter_extra_warnings(universe: Universe, reached: _Reached, pin: Pin) -> Iterator[str]:
    """A line for each extra that the pin lacks, with the requirement that named it; at most a few, then a count."""
    row = reached.rows[Node(pin.name)]
    read = universe.read.get((pin.name, row))
    if read is None:
        return
    missing = sorted(pin.extras - set(read.extras))
    if not missing:
        return
    from difflib import get_close_matches  # Lazy: few lists name an extra that is not there.

    for extra in missing[:_SHOWN_EXTRAS]:
        asked = next((requester for requester in pin.requesters if f"{extra}" in requester.text), pin.requesters[0])
        where = f"{asked.position}" if asked.position is not None else f"`{asked.parent}`"
        known = _join_extras(get_close_matches(extra, sorted(read.extras), n=_SHOWN_EXTRAS, cutoff=0.6))
        yield f"{where}: `{pin.name} {pin.version}` does not provide the extra `{extra}`{known}"
    if more := len(missing[_SHOWN_EXTRAS:]):
        yield f"`{pin.name} {pin.version}` does not provide {more} more of the required extras"
