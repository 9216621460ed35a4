"""Proofs that a decision is in no solution, found without deciding everything below it.

In: what is known of all solutions, and the nodes that keep colliding. Out: rows refuted for good. Backtracking alone
would try every combination of versions below a decision that is wrong; here each version is tried once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from resolver.solve.demand import Node
from resolver.solve.propagation import Propagation

__all__ = ["Lookahead"]

_BUDGET = 200
"""How many assumptions one go makes at most."""

_DEEPEST = 12
"""How many rows without alternative are followed from one assumption."""


class Lookahead:
    """One go: `learn` reads a row's demands into `facts`, `order` gives rows in the order to try."""

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
        """Refute rows of suspects that every solution has, newest first up to one that may hold."""
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

    def _find_reasons(self, decided: Sequence[tuple[Node, int]]) -> Sequence[tuple[Node, int]]:
        """Those that are enough for the contradiction that all of them make: each time the one that completes it."""
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
        """What follows if the row is chosen too, suspects looked at."""
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
