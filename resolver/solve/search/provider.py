"""What resolvelib needs for a search: candidates of a node, demands of a candidate, and what to decide next.

In: a universe. Out: `Provider`, which answers the queries of resolvelib. Three parts work together in it: the
precedence decides which project gives way, the propagation keeps what was learned, and the universe reads the world.

Besides what metadata demands, a candidate demands here what follows from the decisions in force: itself, so that a
later demand cannot replace the decision under `first-index`; that decisions which contradict it are not made; and that
it is not taken if only a build can read it, or if it lacks an extra that a newer release has. Each of these is a demand
that resolvelib sees collide, so it jumps back to the decisions that are the reason.

Every result follows from the problem and from what the search itself read, in its order. So it depends neither on
threads nor on the hash seed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, dropwhile, islice
from typing import TYPE_CHECKING, overload

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version
from resolvelib.providers import AbstractProvider
from resolvelib.structs import State

from resolver.solve.demand import IMPOSSIBLE, Candidate, Demand, Node, is_virtual
from resolver.solve.project_table import iter_rows
from resolver.solve.search.precedence import Information, Precedence, find_culprits
from resolver.solve.search.propagation import Lookahead, Propagation
from resolver.solve.search.universe import Universe, preferred_row

if TYPE_CHECKING:
    from resolver.index.events import Observe

__all__ = ["Matches", "Provider"]

_BATCH = 10
"""How many more candidates of a name are prefetched once its first one has failed."""

_TRIAL_EVERY = 20
"""After how many collisions the decisions are tested again."""

SearchState = State[Demand, Candidate, Node]
_Preference = tuple[bool, bool, int, bool]


class Matches(Sequence[Candidate]):
    """Candidates of a node by mask, in the order to try; each is made when resolvelib reaches it."""

    __slots__ = ("_mask", "_node", "_provider")

    def __init__(self, provider: Provider, node: Node, mask: int) -> None:
        self._provider = provider
        self._node = node
        self._mask = mask

    def __bool__(self) -> bool:
        return self._mask != 0

    def __len__(self) -> int:
        return self._mask.bit_count()

    def __iter__(self) -> Iterator[Candidate]:
        # Rows that died since the mask was made are left out, but never all: resolvelib takes an empty iteration for a
        # success.
        first = True
        mask = self._provider.living(self._node, self._mask) or self._mask
        for row in self._provider.order(self._node, self._provider.narrow_to_decision(self._node, mask)):
            if first or self._provider.living(self._node, 1 << row):
                yield self._provider.candidate(self._node, row)
            first = False

    @overload
    def __getitem__(self, index: int) -> Candidate: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Candidate]: ...
    def __getitem__(self, index: int | slice) -> Candidate | Sequence[Candidate]:
        return list(self)[index]


class Provider(AbstractProvider[Demand, Candidate, Node]):
    """resolvelib's provider over a universe. `steps` counts the candidates whose demands were read.

    With `shows_all`, pre-releases and yanked versions take part in conclusions. With `keeps_decisions` a candidate
    demands itself, so a later demand against it is a collision. With `concludes` false nothing is propagated and no
    project moves, and every collision is one of plain demands, as an explanation needs it. With `builds` false,
    releases that only a build can read are passed over if newer ones failed.
    """

    def __init__(
        self,
        universe: Universe,
        *,
        shows_all: bool = False,
        concludes: bool = True,
        keeps_decisions: bool = False,
        builds: bool = True,
    ) -> None:
        self.steps = 0
        self._newest_passed: dict[NormalizedName, int] = {}
        self._builds = builds
        self._keeps_decisions = keeps_decisions
        self._universe = universe
        self._facts = Propagation()
        self._shows_all = shows_all
        self._concludes = concludes
        self._candidates: dict[tuple[Node, int], Candidate] = {}
        self._met: dict[Node, int] = {}
        self._conflicts: dict[Node, int] = {}
        self._tried: dict[Node, int] = {}
        self._last_row: dict[str, int] = {}
        self._contradictions: dict[tuple[Node, int], list[tuple[tuple[Node, int], ...]]] = {}
        self._precedence = Precedence()
        self._culprits: dict[NormalizedName, tuple[NormalizedName, ...]] = {}
        self._read_state: Callable[[], SearchState] | None = None
        self._preferences: dict[Node, tuple[object, _Preference]] = {}
        self._behind_preferences = (0, 0)
        self._collisions = 0
        self._next_trial = _TRIAL_EVERY
        self._impossible = Demand(node=IMPOSSIBLE, mask=0, text="", specifier=SpecifierSet())

    @property
    def passed_over(self) -> bool:
        """Whether a release was passed over that only a build can read."""
        return bool(self._newest_passed)

    @property
    def observe(self) -> Observe | None:
        """The listener of the run."""
        return self._universe.source.observe

    def find_version(self, candidate: Candidate) -> Version:
        """The version of a candidate."""
        return self._universe.table(candidate.node.name).versions[candidate.row]

    def find_dead_demands(self, candidate: Candidate) -> tuple[Demand, ...]:
        """The candidate's own demands, as far as they are known, that nothing in a solution can meet."""
        known = self._universe.known_demands(candidate.node, candidate.row) or ()
        return tuple(one for one in known if not self._facts.live.get(one.node, -1) & one.mask)

    def attach(self, read_state: Callable[[], SearchState]) -> None:
        """Set the function that gives the decisions in force and the demands on each node."""
        self._read_state = read_state

    def root_demands(self) -> list[Demand]:
        """The demands of the list, passed to the propagation."""
        demands = self._universe.root_demands()
        for demand in demands:
            self._meet(demand)
        if self._concludes:
            for demand in demands:
                self._facts.require(demand)
            self._facts.propagate()
        return demands

    def candidate(self, node: Node, row: int) -> Candidate:
        """The one candidate of a row."""
        candidate = self._candidates.get((node, row))
        if candidate is None:
            candidate = self._candidates[node, row] = Candidate(node, row)
        return candidate

    def narrow_to_decision(self, node: Node, mask: int) -> int:
        """The rows of an extra to try: that of its project's decision, and one that collides with the decision.

        All others would collide in the same way. One is enough to make that decision a reason for the extra's failure.
        """
        decided = self._read_state().mapping.get(Node(node.name)) if node.part and self._read_state else None
        if decided is None:
            return mask
        others = mask & ~(1 << decided.row)
        return mask & 1 << decided.row | others & -others

    def living(self, node: Node, mask: int) -> int:
        """The rows of a mask that may be in a solution, as far as is known now."""
        return 0 if self._facts.is_unsolvable else mask & self._facts.live.get(node, -1)

    def order(self, node: Node, mask: int) -> Iterator[int]:
        """The rows of a mask in the order to try: the project's decision for an extra, the old pin, newest first."""
        first = self._last_row.get(node.name) if node.part else preferred_row(self._universe, node.name)
        if first is not None and mask >> first & 1:
            yield first
            mask &= ~(1 << first)
        table = self._universe.table(node.name)
        if self._universe.problem.prefer_binary:
            wheels = mask & table.wheel_mask
            yield from table.ordered(wheels)
            mask &= ~wheels
        yield from table.ordered(mask)

    def identify(self, requirement_or_candidate: Demand | Candidate) -> Node:
        """The node that a demand or candidate is about."""
        return requirement_or_candidate.node

    def find_matches(
        self,
        identifier: Node,
        requirements: Mapping[Node, Iterator[Demand]],
        incompatibilities: Mapping[Node, Iterator[Candidate]],
    ) -> Matches:
        """The candidates that all demands admit, less those that failed here and those that are in no solution."""
        if identifier == IMPOSSIBLE or self._facts.is_unsolvable:
            return Matches(self, identifier, 0)
        rows = self._universe.select(identifier.name, list(requirements[identifier]))
        rows &= self._facts.live.get(identifier, -1)
        for candidate in incompatibilities[identifier]:
            rows &= ~(1 << candidate.row)
        return Matches(self, identifier, rows)

    def is_satisfied_by(self, requirement: Demand, candidate: Candidate) -> bool:
        """Whether the demand admits the candidate's row."""
        return bool(requirement.mask >> candidate.row & 1)

    def get_dependencies(self, candidate: Candidate) -> Iterable[Demand]:
        """The demands of a candidate; one that nothing satisfies where the candidate is ruled out or in no solution."""
        node, row = candidate.node, candidate.row
        self.steps += 1
        if not node.part:
            self._last_row[node.name] = row
        demands: Iterable[Demand] = self._iter_new(candidate)
        known = self._universe.known_demands(node, row)
        if known is not None:
            self._learn(node, row, known)
            demands = iter((*known, self._impossible) if self._is_dead(node, row) else known)
        if self._concludes and self._read_state is not None:
            demands = chain(self._iter_passed_over(node, row), demands, self._iter_without_extra(node, row))
        if self._keeps_decisions:
            demands = chain((self._build_exact(node, row),), self._iter_contradicting(node, row), demands)
        return demands

    def _iter_passed_over(self, node: Node, row: int) -> Iterator[Demand]:
        """A demand against a row itself that only a build can read, and that newer rows had to fail for."""
        if self._builds or self._universe.table(node.name).wheel_mask >> row & 1:
            return
        # The release is compared first, since reading an sdist means to download it. What is older than one that needs
        # a build is not even read: metadata that needs none came later than builds did.
        if not self._is_fallen_to(node, row):
            return
        if self._newest_passed.get(node.name, row) < row or self._universe.needs_build(node.name, row):
            self._newest_passed.setdefault(node.name, row)
            yield self._build_exact(node, row)
            yield self._build_against(node, row)

    def _iter_without_extra(self, node: Node, row: int) -> Iterator[Demand]:
        """Demands that rule out a row without the extra, if a newer row has it that a dependent admits.

        The universe checks the extras of the list itself.
        """
        if not node.part or (node.name, row) in self._universe.ruled_out:
            return
        for item in self._find_information(node):
            if item.parent is None or item.parent.node.name == node.name:
                continue
            if self._universe.find_with_extra(node, row, item.requirement.mask) is not None:
                yield self._build_exact(node, row)
                yield self._build_against(node, row)
                return

    def _is_fallen_to(self, node: Node, row: int) -> bool:
        """Whether newer rows of the project had to fail for this one.

        What an old release of a dependent needs is fallen to with it. So the decisions in force are judged first, in
        the order in which they were made.
        """
        fallen: set[NormalizedName] = set()
        for decided, candidate in self._read_state().mapping.items() if self._read_state is not None else ():
            if not decided.part and self._has_newer(decided, candidate.row, fallen):
                fallen.add(decided.name)
        return self._has_newer(Node(node.name), row, fallen)

    def _has_newer(self, node: Node, row: int, fallen: Container[NormalizedName]) -> bool:
        """Whether the list, and dependents other than these, admit a row that would be tried before this one."""
        demands = [
            item.requirement
            for item in self._find_information(node)
            if item.parent is None or (item.parent.node.name != node.name and item.parent.node.name not in fallen)
        ]
        return next(self.order(node, self._universe.select(node.name, demands)), row) != row

    def _find_information(self, node: Node) -> Collection[Information]:
        """The demands in force on a node."""
        criterion = None if self._read_state is None else self._read_state().criteria.get(node)
        return () if criterion is None else criterion.information

    def _build_against(self, node: Node, row: int) -> Demand:
        return replace(self._build_exact(node, row), mask=~(1 << row))

    def _build_exact(self, node: Node, row: int) -> Demand:
        version = f"{node.name}=={self._universe.table(node.name).versions[row]}"
        return Demand(node=node, mask=1 << row, text=version, specifier=SpecifierSet(), is_own=True)

    def _iter_contradicting(self, node: Node, row: int) -> Iterator[Demand]:
        """Demands against decisions in force that were found to contradict this row."""
        contradictions = self._contradictions.get((node, row))
        if not contradictions or self._read_state is None:
            return
        decided = self._read_state().mapping
        for others in contradictions:
            rows = [(decided[other].row if other in decided else None) for other, _ in others]
            if all(row == needed for row, (_, needed) in zip(rows, others, strict=True)):
                yield self._build_against(*others[-1])

    def _iter_new(self, candidate: Candidate) -> Iterator[Demand]:
        node, row = candidate.node, candidate.row
        if self._is_dead(node, row):
            yield self._impossible
            return
        self._prefetch(node, row)
        demands: list[Demand] = []
        for demand in self._universe.iter_demands(node, row):
            self._meet(demand)
            demands.append(demand)
            if demand.is_own or demand.is_early:  # Known without metadata: a collision here saves reading it.
                yield demand
        self._learn(node, row, tuple(demands))
        if self._is_dead(node, row):
            yield self._impossible
        else:
            yield from (demand for demand in demands if not (demand.is_own or demand.is_early))

    def _learn(self, node: Node, row: int, demands: tuple[Demand, ...]) -> None:
        if (node.name, row) in self._universe.ruled_out:
            for part in [known for known in self._met if known.name == node.name]:
                self._facts.reject(part, row)
        else:
            for demand in demands:
                self._meet(demand)
            if self._concludes:
                self._facts.learn(node, row, demands)
        self._facts.propagate()

    def _is_dead(self, node: Node, row: int) -> bool:
        if self._facts.is_unsolvable or (node.name, row) in self._universe.ruled_out:
            return True
        return self._facts.is_dead(node, row) or (node.part != "" and self._facts.is_dead(Node(node.name), row))

    def _meet(self, demand: Demand) -> None:
        """Pass a demand to the propagation: its node's rows, and the hidden ones that may have to satisfy it."""
        node = demand.node
        rows = self._universe.candidate_rows(node.name)
        if node not in self._met:
            self._met[node] = len(self._met)
            self._precedence.meet(node.name)
            shown = rows if self._shows_all else self._universe.shown_rows(node.name)
            self._facts.add_node(node, rows, shown)
        if (demand.pinned or demand.prereleases) and self._facts.show(node, rows & demand.mask):
            self._contradictions.clear()  # They rest on fewer rows.

    def _prefetch(self, node: Node, row: int) -> None:
        """From the second candidate of a name on, prefetch the next ones in batches."""
        tried = self._tried[node] = self._tried.get(node, 0) + 1
        if node.part or tried % _BATCH != 2 or is_virtual(node.name):
            return
        table = self._universe.table(node.name)
        # Reading an sdist may need a build, which is not made ahead.
        rows = table.wheel_mask & self._universe.shown_rows(node.name) & self._facts.live.get(node, -1) & -(2 << row)
        following = islice((number for number in iter_rows(rows) if not table.is_promised(number)), _BATCH)
        self._universe.source.prefetch_dependencies([table.files(number)[0] for number in following])

    def get_preference(
        self,
        identifier: Node,
        resolutions: Mapping[Node, Candidate],
        candidates: Mapping[Node, Iterator[Candidate]],
        information: Mapping[Node, Iterator[Information]],
        backtrack_causes: Sequence[Information],
    ) -> _Preference:
        """As in `narrow_requirement_selection`, which leaves only one name to choose from."""
        return self._preference(identifier, information[identifier])

    def _preference(self, identifier: Node, information: Iterable[Information]) -> _Preference:
        """The sort key of a node, lowest first: single candidates, then by precedence; a project before its extras."""
        rows = self._universe.candidate_rows(identifier.name)
        for item in information:
            rows &= item.requirement.mask
        # The version of a virtual project follows from the projects that require it, so it is decided after them.
        follows = is_virtual(identifier.name)
        several = rows & (rows - 1) != 0
        return (several and follows, several, self._precedence.place(identifier.name), identifier.part != "")

    def narrow_requirement_selection(
        self,
        identifiers: Iterable[Node],
        resolutions: Mapping[Node, Candidate],
        candidates: Mapping[Node, Iterator[Candidate]],
        information: Mapping[Node, Iterator[Information]],
        backtrack_causes: Sequence[Information],
    ) -> Iterable[Node]:
        """The one to decide. The choice by `get_preference` in resolvelib takes many times as long.

        Most nodes have the demands of the round before: the list in which resolvelib keeps them is the same.
        """
        if self._read_state is None:
            return [min(identifiers, key=lambda node: self._preference(node, information[node]))]
        criteria = self._read_state().criteria
        behind = (self._precedence.moves, self._universe.changes)
        if behind != self._behind_preferences:
            self._preferences, self._behind_preferences = {}, behind
        known = self._preferences

        def preference(node: Node) -> _Preference:
            demands = criteria[node].information
            if node not in known or known[node][0] is not demands:
                known[node] = (demands, self._preference(node, demands))
            return known[node][1]

        return [min(identifiers, key=preference)]

    def put_to_test(self) -> bool:
        """Whether decisions turned out to be in no solution, or to contradict each other.

        They are tested once every `_TRIAL_EVERY` collisions. What is found holds for the rest of the search, so a
        restart is cheaper than trying everything that depends on a wrong decision.
        """
        if not self._concludes or self._collisions < self._next_trial or self._read_state is None:
            return False
        self._next_trial = self._collisions + _TRIAL_EVERY
        looking = Lookahead(self._facts, self._collided(), self.learn_ahead, self.order)
        looking.narrow_all()
        decided = [(candidate.node, candidate.row) for candidate in self._read_state().mapping.values()]
        refuted = [self._facts.is_dead(node, row) or looking.refutes(node, row) for node, row in decided]
        return any(refuted) or (self._keeps_decisions and self._find_contradiction(decided))

    def _find_contradiction(self, decided: Sequence[tuple[Node, int]]) -> bool:
        """Whether some decisions contradict each other; they are not made together again.

        resolvelib alone would jump back to any earlier decision, because it sees no collision through the projects in
        between. The last decision is a release that the others cost, and is counted by the rule of the precedence.
        """
        looking = Lookahead(self._facts, self._collided(), self.learn_ahead, self.order)
        found = looking.find_contradiction(decided)
        if found is None:
            return False
        if len(found) == 1:
            self._facts.refute(*found[0])
            return True
        *reasons, (last, row) = found
        # The next releases often contradict the same decisions, and a restart for each takes longer than these tests.
        for following in self._iter_from(last, row):
            if following != row and not looking.contradicts(reasons, (last, following)):
                break
            if self._note_contradiction(reasons, (last, following)):
                break
        self._conflicts = {}
        return True

    def _note_contradiction(self, reasons: Sequence[tuple[Node, int]], last: tuple[Node, int]) -> bool:
        """Keep decisions that contradict each other, and count the last one as lost; whether that moved its project."""
        found = (*reasons, last)
        for one in found:
            others = tuple(other for other in found if other != one)
            self._contradictions.setdefault(one, []).append(others)
        name = last[0].name
        return self._count(name, tuple(dict.fromkeys(node.name for node, _ in reasons if node.name != name)))

    def _iter_from(self, node: Node, row: int) -> Iterator[int]:
        """The row, and the rows of its node that would be tried after it under the demands in force."""
        demands = [
            item.requirement
            for item in self._find_information(node)
            if item.parent is None or item.parent.node.name != node.name
        ]
        order = self.order(node, self.living(node, self._universe.select(node.name, demands)) | 1 << row)
        return dropwhile(lambda following: following != row, order)

    def _collided(self) -> list[Node]:
        """The nodes that took part in collisions, the most frequent first."""
        nodes = [node for node in self._conflicts if node in self._met]
        return sorted(nodes, key=lambda node: (-self._conflicts[node], self._met[node]))

    def learn_ahead(self, node: Node, row: int) -> None:
        """Read the demands of a row that is not decided yet, unless that needs the index of a promised build."""
        table = self._universe.table(node.name)
        if table.is_promised(row):
            return
        if not table.wheel_mask >> row & 1 and self._universe.known_demands(node, row) is None:
            return  # It may need a build.
        if self._universe.known_demands(node, row) is None:
            self._prefetch(node, row)
        demands = tuple(self._universe.iter_demands(node, row))
        for demand in demands:
            self._meet(demand)
        self._learn(node, row, demands)

    def note_rejection(self, candidate: Candidate, causes: Iterable[Information]) -> None:
        """Report to the rules about builds on which node candidates collided."""
        rules = self._universe.rules
        if rules is None:
            return
        for cause in causes:
            for one in (candidate, cause.parent):
                if one is not None and not one.node.part:
                    rules.note_collision(one.node.name, one.row, cause.requirement.node)
        # A dead row collides with a conclusion, so its own demands show the node.
        for demand in self.find_dead_demands(candidate):
            rules.note_collision(candidate.node.name, candidate.row, demand.node)

    def note_loss(self, candidate: Candidate, information: Sequence[Information]) -> bool:
        """Count a rejected release against the decisions that excluded it; whether that changed the precedence.

        `information` has the demands on the node that was left without a row.
        """
        if self._read_state is None or not self._concludes or is_virtual(candidate.node.name):
            return False
        node = information[0].requirement.node
        if node == IMPOSSIBLE:  # The rejection follows from the list alone, so no decision caused it.
            return False
        if node != candidate.node and node.name == candidate.node.name:  # An extra follows its project.
            return False
        name = candidate.node.name
        if node == candidate.node:
            # The row was passed over after newer releases failed: the decisions that excluded those exclude it too.
            culprits = self._culprits.get(name, ())
        else:
            live = self._facts.live.get(node, -1)
            culprits = find_culprits(self._universe, candidate, information, self._read_state().criteria, live)
            self._culprits[name] = culprits
        return self._count(name, culprits)

    def _count(self, rejected: NormalizedName, culprits: Sequence[NormalizedName]) -> bool:
        if self._read_state is None or not culprits:
            return False
        return self._precedence.count(rejected, culprits, self._read_state().criteria) is not None

    def find_losses(self) -> tuple[tuple[NormalizedName, NormalizedName], ...]:
        """See `Conflict.losses`."""
        return self._precedence.most_rejected()

    def note_conflict(self, causes: Iterable[Information]) -> None:
        """Count a collision for the names that took part."""
        self._collisions += 1
        names = {cause.requirement.node for cause in causes}
        names |= {cause.parent.node for cause in causes if cause.parent is not None}
        for node in names:
            self._conflicts[node] = self._conflicts.get(node, 0) + 1
