"""What the search learns and keeps: candidates that are in no solution, and decisions that contradict each other.

In: demands of candidates as the search reads them. Out: the live rows of each node, and contradictions of decisions.

resolvelib forgets the reason of a failure when it jumps back, so it would try every combination of releases below a
wrong decision. `Propagation` keeps what holds under every choice. Its rules, applied until nothing changes:

- a row whose demand has no live row left is dead;
- what every live row of a required node demands is required, within the union of the rows they admit;
- a required node without a live row means that there is no solution.

`Lookahead` tests decisions by assuming them, following what they force. It is needed for conflicts that no single
demand shows: two projects that exclude each other through the projects that they pin. With it such a conflict costs
one pass over the releases (340 steps in the tests), without it one for each combination (21,135).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from resolver.solve.demand import Demand, Node
from resolver.solve.project_table import iter_rows

__all__ = [
    "Lookahead",
    "Propagation",
]


class Propagation:
    """Live rows of each node, for one search.

    Only demands that the search read itself come in, in its order, so the result does not depend on prefetches.
    """

    def __init__(self) -> None:
        self.live: dict[Node, int] = {}
        self.is_unsolvable = False
        self._start: dict[Node, int] = {}
        self._shown: dict[Node, int] = {}
        self._known: dict[Node, int] = {}
        self._demands: dict[tuple[Node, int], Sequence[Demand]] = {}
        self._dependents: dict[Node, dict[int, list[tuple[int, Node, int]]]] = {}
        """By node and mask of a demand, the rows with it, each after its place in the order of learning.

        The releases of a project mostly repeat each other's demands, so there are far fewer masks than rows.
        """
        self._required: dict[Node, None] = {}
        self._roots: list[Demand] = []
        self._changed: dict[Node, None] = {}

    def is_dead(self, node: Node, row: int) -> bool:
        """Whether no solution has this row."""
        return not self._rows(node) >> row & 1

    def add_node(self, node: Node, rows: int, shown: int) -> None:
        """Set which rows a node has, and which of them the search tries unless a demand admits more."""
        if node not in self._start:
            self._start[node] = self.live[node] = rows
            self._shown[node] = shown
            self._changed[node] = None

    def show(self, node: Node, rows: int) -> bool:
        """Admit more rows, where a demand names a pre-release or pins a yanked version; whether there are any."""
        if not rows & ~self._shown[node]:
            return False
        self._shown[node] |= rows
        self._restart()
        return True

    def require(self, demand: Demand) -> None:
        """Add a demand of the list itself."""
        self._roots.append(demand)
        self._imply(demand.node, demand.mask)

    def learn(self, node: Node, row: int, demands: Sequence[Demand]) -> None:
        """Add the demands of a row."""
        if (node, row) in self._demands:
            return
        place = len(self._demands)
        self._demands[node, row] = demands
        self._known[node] = self._known.get(node, 0) | 1 << row
        for demand in demands:
            self._dependents.setdefault(demand.node, {}).setdefault(demand.mask, []).append((place, node, row))
        self._changed[node] = None
        self._check_row(node, row)

    def reject(self, node: Node, row: int) -> None:
        """Take a row out: its file is no candidate after all."""
        if node in self._start:
            self._start[node] &= ~(1 << row)
            self._narrow(node, ~(1 << row))

    def assume(self, node: Node, row: int) -> Propagation:
        """What follows if this row is chosen. It shares what was learned; `notice` tells it of a row learned later."""
        trial = Propagation()
        trial.live, trial._required = dict(self.live), dict(self._required)
        trial._start, trial._shown, trial._known = self._start, self._shown, self._known
        trial._demands, trial._dependents = self._demands, self._dependents
        trial._imply(node, 1 << row)
        trial.propagate()
        return trial

    def refute(self, node: Node, row: int) -> None:
        """Take a row out that was found to contradict what is known."""
        self._narrow(node, ~(1 << row))
        self.propagate()

    def notice(self, node: Node, row: int) -> None:
        """Apply the rules to a row that was learned or rejected through another instance; other rows change nothing."""
        self._changed[node] = None
        if (node, row) in self._demands:
            self._check_row(node, row)
        elif not self._start.get(node, -1) >> row & 1:
            self._narrow(node, ~(1 << row))
        self.propagate()

    def is_required(self, node: Node) -> bool:
        """Whether every solution has this node."""
        return node in self._required

    def find_forced(self, than: Propagation) -> tuple[Node, int] | None:
        """A row without alternative whose demands are not known, of a node required here but not in `than`."""
        for node in self._required:
            rows = self.shown_live(node)
            if not than.is_required(node) and rows and not rows & (rows - 1) and not rows & self._known.get(node, 0):
                return node, rows.bit_length() - 1
        return None

    def find_stuck(self) -> list[Node]:
        """The required nodes of which every row that was learned is dead, but not every row was learned."""
        stuck = []
        for node in self._required:
            known, rows = self._known.get(node, 0), self.shown_live(node)
            if known and rows and not known & rows:
                stuck.append(node)
        return stuck

    def shown_live(self, node: Node) -> int:
        """The live rows of a node that a search would try."""
        return self._rows(node) & self._shown[node]

    def propagate(self) -> None:
        """Apply the rules until nothing changes."""
        while self._changed and not self.is_unsolvable:
            node = next(iter(self._changed))
            del self._changed[node]
            rows = self._rows(node)
            # Only the demands on this node can have become impossible: most rows have dozens of others.
            by_mask = self._dependents.get(node, {})
            dead = [one for mask, dependents in by_mask.items() if not rows & mask for one in dependents]
            for _, dependent, row in sorted(dead):  # In the order of learning, which later choices follow.
                self._narrow(dependent, ~(1 << row))
            if node in self._required:
                self._check_required(node)

    def _check_row(self, node: Node, row: int) -> None:
        if self.is_dead(node, row):
            return
        if any(not self._rows(demand.node) & demand.mask for demand in self._demands[node, row]):
            self._narrow(node, ~(1 << row))

    def _check_required(self, node: Node) -> None:
        rows = self.shown_live(node)
        if not rows:
            self.is_unsolvable = True
        elif not rows & ~self._known.get(node, 0):
            for demanded, mask in self._common_demands(node, rows).items():
                self._imply(demanded, mask)

    def _common_demands(self, node: Node, rows: int) -> dict[Node, int]:
        """The nodes that all rows demand, each with the union over the rows of what they admit."""
        common: dict[Node, int] | None = None
        for row in iter_rows(rows):
            own: dict[Node, int] = {}
            for demand in self._demands[node, row]:
                own[demand.node] = own.get(demand.node, -1) & demand.mask
            if common is None:
                common = own
            else:
                common = {known: mask | own[known] for known, mask in common.items() if known in own}
        return common or {}

    def _imply(self, node: Node, mask: int) -> None:
        if node not in self._required:
            self._required[node] = None
            self._changed[node] = None
        self._narrow(node, mask)

    def _narrow(self, node: Node, mask: int) -> None:
        before = self._rows(node)
        if before & mask != before:
            self.live[node] = before & mask
            self._changed[node] = None

    def _rows(self, node: Node) -> int:
        rows = self.live.get(node)
        return self._start.get(node, -1) if rows is None else rows

    def _restart(self) -> None:
        """Draw all conclusions again, where one that was drawn may rest on rows that were not shown."""
        self.live = dict(self._start)
        self.is_unsolvable = False
        self._required = {}
        self._changed = dict.fromkeys(self._start)
        for root in self._roots:
            self._imply(root.node, root.mask)
        for node, row in self._demands:
            self._check_row(node, row)


_BUDGET = 200
"""How many assumptions one test makes at most."""

_DEEPEST = 12
"""How many rows without alternative are followed from one assumption."""


class Lookahead:
    """One test of the decisions in force. Rows that it refutes are dead in `facts` from then on.

    `suspects` are the nodes that keep colliding, the most frequent first: a contradiction shows itself there. `learn`
    reads a row's demands into `facts`, `order` gives rows in the order to try.
    """

    def __init__(
        self,
        facts: Propagation,
        suspects: Sequence[Node],
        learn: Callable[[Node, int], None],
        order: Callable[[Node, int], Iterable[int]],
    ) -> None:
        self._facts = facts
        self._suspects = suspects
        self._learn = learn
        self._order = order
        self._budget = _BUDGET

    def narrow_all(self) -> None:
        """Refute rows of the suspects that every solution has: newest first, up to one that may be in a solution."""
        self._narrow_suspects(self._facts)

    def refutes(self, node: Node, row: int) -> bool:
        """Whether choosing the row leaves some suspect without a row; then it is refuted in the facts."""
        trial = self._facts.assume(node, row)
        if not trial.is_unsolvable:
            self._narrow_suspects(trial)
        if trial.is_unsolvable:
            self._facts.refute(node, row)
        return trial.is_unsolvable

    def find_contradiction(self, decided: Sequence[tuple[Node, int]]) -> Sequence[tuple[Node, int]] | None:
        """A few decisions that contradict each other, the last one made last; None where none is found."""
        trial = self._facts
        for place, (node, row) in enumerate(decided):
            trial = self._follow(trial, node, row)
            if trial.is_unsolvable:
                return self._find_reasons(decided[: place + 1])
        return None

    def contradicts(self, reasons: Sequence[tuple[Node, int]], last: tuple[Node, int]) -> bool:
        """Whether a decision contradicts some others."""
        trial = self._facts
        for node, row in (*reasons, last):
            trial = self._follow(trial, node, row)
        return trial.is_unsolvable

    def _find_reasons(self, decided: Sequence[tuple[Node, int]]) -> Sequence[tuple[Node, int]]:
        """Some of the decisions that suffice for the contradiction: the last one, and each that completes it."""
        *before, last = decided
        reasons: list[tuple[Node, int]] = []
        while len(reasons) < len(before):
            trial = self._follow(self._facts, *last)
            for reason in reasons:
                trial = self._follow(trial, *reason)
            if trial.is_unsolvable:
                return (*reasons, last)
            for decision in before:
                trial = self._follow(trial, *decision)
                if trial.is_unsolvable:
                    reasons.append(decision)
                    break
            else:
                break
        return decided

    def _follow(self, trial: Propagation, node: Node, row: int) -> Propagation:
        """What follows if the row is chosen too, with the suspects narrowed."""
        if trial.is_unsolvable:
            return trial
        self._budget = _BUDGET
        following = trial.assume(node, row)
        if not following.is_unsolvable:
            self._narrow_suspects(following)
        return following

    def _narrow_suspects(self, trial: Propagation) -> None:
        waiting = [node for node in self._suspects if trial.is_required(node)]
        seen: set[Node] = set()
        while waiting and not trial.is_unsolvable and self._budget > 0:
            seen.update(waiting)
            for node in waiting:
                self._narrow(trial, node)
            waiting = [node for node in trial.find_stuck() if node not in seen]

    def _narrow(self, trial: Propagation, node: Node) -> None:
        for row in list(self._order(node, trial.shown_live(node))):
            if trial.is_unsolvable or trial.is_dead(node, row):
                continue
            if self._budget <= 0 or not self._is_contradictory(trial, node, row):
                return
            trial.refute(node, row)

    def _is_contradictory(self, trial: Propagation, node: Node, row: int) -> bool:
        """Whether the row contradicts the trial, following what it forces."""
        forced: tuple[Node, int] | None = (node, row)
        for _ in range(_DEEPEST):
            if forced is None:
                return False
            self._budget -= 1
            self._learn(*forced)
            if trial is not self._facts:
                trial.notice(*forced)
            if trial.is_dead(node, row):
                return True
            inner = trial.assume(node, row)
            if inner.is_unsolvable:
                return True
            forced = inner.find_forced(trial)
        return False
