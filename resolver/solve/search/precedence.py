"""The order in which the search decides projects, and the rule that changes it.

In: rejected releases, each with the decisions that excluded it. Out: one total order of project names.

The rule: listed items are decided first, in list order, each at its newest release, until a decision
costs another project five of its releases. Then the other project moves before it, with everything that brings it in,
and the search starts again. So an item that is listed first costs another one some releases, never years. A project
that the list does not name has to lose ten releases before a listed item gives way to it: `notebook<7` is at 6.5.7 with
an ipykernel of its time, not at 6.5.4 for the newest ipykernel.

How rejections are counted: by pair of projects, because a project that many others reject once each is no problem, and
one that a single decision rejects again and again is. The culprits of a rejection are the decisions that each exclude
the release alone. For a decision without an alternative they are the decisions that forced it, because changing its
place in the order would change nothing; the list itself is never a culprit, because it cannot change. The order is
total, so moves make no cycles. Each time the same two projects change places their counts start anew and the limit
doubles, so the number of moves is bounded by the work between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.utils import NormalizedName
from resolvelib.resolvers.criterion import Criterion
from resolvelib.structs import RequirementInformation

from resolver.solve.demand import Candidate, Demand, Node, is_virtual
from resolver.solve.search.universe import Universe

__all__ = ["Information", "Precedence", "find_culprits"]

_FIRST_LIMIT = 5
"""How many releases of a project a decision may cost before the two change places for the first time."""

_LIMIT_OF_LISTED = 10
"""The same for a decision on a listed project that costs releases of one that the list does not name."""

Information = RequirementInformation[Demand, Candidate]
Criteria = Mapping[Node, Criterion[Demand, Candidate]]


class Precedence:
    """The order of names, and how often each project lost a release to each other one."""

    def __init__(self) -> None:
        self._order: list[NormalizedName] = []
        self._places: dict[NormalizedName, int] = {}
        self._counts: dict[tuple[NormalizedName, NormalizedName], int] = {}
        self._limits: dict[frozenset[NormalizedName], int] = {}
        self.moves = 0
        """How often the order of names that were met has changed."""

    def meet(self, name: NormalizedName) -> None:
        """Put a new name behind all others."""
        if name not in self._places:
            self._places[name] = len(self._order)
            self._order.append(name)

    def place(self, name: NormalizedName) -> int:
        """The place of a name that was met, from 0; a name with a lower one is decided first."""
        return self._places[name]

    def most_rejected(self) -> tuple[tuple[NormalizedName, NormalizedName], ...]:
        """The pairs (rejected, culprit) with rejections that made no move yet, the most frequent first."""
        return tuple(sorted(self._counts, key=lambda pair: (-self._counts[pair], pair)))

    def count(
        self, rejected: NormalizedName, culprits: Iterable[NormalizedName], criteria: Criteria
    ) -> NormalizedName | None:
        """Count a rejection. Returns the culprit that the rejected project moved before, None where nothing moved."""
        for culprit in culprits:
            pair = (rejected, culprit)
            self._counts[pair] = self._counts.get(pair, 0) + 1
            if self._counts[pair] >= _FIRST_LIMIT and self._move(pair, criteria):
                return culprit
        return None

    def _move(self, pair: tuple[NormalizedName, NormalizedName], criteria: Criteria) -> bool:
        """Move the rejected project of a pair, with what brings it in, if it has lost enough; whether it moved.

        A project that moves for the sake of what it brings in changes places as well. So the limit is the highest one
        of all that move, or the same two would change places again through each project that one of them brings in.
        """
        rejected, culprit = pair
        bringing = _find_bringing(rejected, culprit, criteria)
        at = self._places[culprit]
        moving = [name for name in self._order[at + 1 :] if name in bringing]
        first = (
            _LIMIT_OF_LISTED if _is_listed(culprit, criteria) and not _is_listed(rejected, criteria) else _FIRST_LIMIT
        )
        limit = max((self._limits.get(frozenset((name, culprit)), first) for name in moving), default=0)
        if not moving or self._counts[pair] < limit:
            return False
        staying = [name for name in self._order[at:] if name not in bringing]
        self._order[at:] = [*moving, *staying]
        self._places = {name: place for place, name in enumerate(self._order)}
        self.moves += 1
        for name in moving:
            self._limits[frozenset((name, culprit))] = 2 * limit
            self._counts.pop((name, culprit), None)
            self._counts.pop((culprit, name), None)
        return True


def _is_listed(name: NormalizedName, criteria: Criteria) -> bool:
    criterion = criteria.get(Node(name))
    return criterion is not None and any(item.parent is None for item in criterion.information)


def _find_bringing(rejected: NormalizedName, culprit: NormalizedName, criteria: Criteria) -> frozenset[NormalizedName]:
    """The rejected project and all that lead to it from the list without the culprit; empty where nothing does."""
    parents: dict[NormalizedName, dict[NormalizedName, None]] = {}
    listed: dict[NormalizedName, None] = {}
    for node, criterion in criteria.items():
        for item in criterion.information:
            if item.parent is None:
                listed[node.name] = None
            elif item.parent.node.name not in (node.name, culprit):
                parents.setdefault(node.name, {})[item.parent.node.name] = None
    if rejected in listed:
        return frozenset({rejected})
    children: dict[NormalizedName, list[NormalizedName]] = {}
    for name in _iter_reached([rejected], parents):
        for parent in parents.get(name, ()):
            children.setdefault(parent, []).append(name)
    brought = frozenset(_iter_reached([name for name in listed if name in children], children))
    return brought if rejected in brought else frozenset()


def _iter_reached(
    start: Iterable[NormalizedName], edges: Mapping[NormalizedName, Iterable[NormalizedName]]
) -> Iterator[NormalizedName]:
    """The names that can be reached over the edges, those of the start included, each once."""
    waiting = list(start)
    seen = set(waiting)
    while waiting:
        name = waiting.pop()
        yield name
        for following in edges.get(name, ()):
            if following not in seen:
                seen.add(following)
                waiting.append(following)


def find_culprits(
    universe: Universe, candidate: Candidate, information: Sequence[Information], criteria: Criteria, live: int
) -> tuple[NormalizedName, ...]:
    """The projects whose decisions excluded a candidate that was rejected, in the order of their demands.

    `information` has all demands on the node that was left without a row, those of the candidate included; `live` are
    the rows of that node that are in some solution. Nothing is returned where the list or what follows from it is the
    reason.
    """
    node = information[0].requirement.node
    rows = universe.candidate_rows(node.name) & live
    others: list[tuple[Candidate, int]] = []
    for item in information:
        if item.parent is None or item.parent is candidate:
            rows &= item.requirement.mask
        else:
            others.append((item.parent, item.requirement.mask))
    if not rows:
        return ()
    demanding = [(parent, mask) for parent, mask in others if parent.node.name != node.name]
    blamed = [parent.node.name for parent, mask in demanding if not mask & rows]
    if not blamed:
        # No demand excludes the candidate alone: the decision of the node does, or else all demands together.
        blamed = [node.name] if len(demanding) < len(others) else [parent.node.name for parent, _ in demanding]
    found = _find_choices(universe, criteria, blamed)
    return tuple(name for name in found if name != candidate.node.name)


def _find_choices(
    universe: Universe, criteria: Criteria, blamed: Iterable[NormalizedName]
) -> dict[NormalizedName, None]:
    """The blamed projects whose decision had an alternative, and for the others those that left them none."""
    found: dict[NormalizedName, None] = {}
    seen: set[NormalizedName] = set()
    waiting = list(blamed)
    for name in waiting:
        if name in seen or Node(name) not in criteria:
            continue
        seen.add(name)
        forcing = _find_forcing(universe, name, criteria[Node(name)])
        if forcing is None:
            found[name] = None
        else:
            waiting += forcing
    return found


def _find_forcing(
    universe: Universe, name: NormalizedName, criterion: Criterion[Demand, Candidate]
) -> list[NormalizedName] | None:
    """The projects whose demands left a decision no alternative, none where the list did; None where it had one.

    A virtual project never has one: it follows from the builds that were chosen.
    """
    rows = universe.select(name, [item.requirement for item in criterion.information if item.parent is None])
    if not _has_several(rows):
        return []
    demands = [
        (item.parent.node.name, item.requirement.mask)
        for item in criterion.information
        if item.parent is not None and item.parent.node.name != name
    ]
    left = rows
    for _, mask in demands:
        left &= mask
    if _has_several(left) and not is_virtual(name):
        return None
    alone = [parent for parent, mask in demands if not _has_several(rows & mask)]
    return alone or [parent for parent, mask in demands if rows & ~mask]


def _has_several(rows: int) -> bool:
    return rows & (rows - 1) != 0
