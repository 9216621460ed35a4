"""The search: resolvelib, its provider, and the conflict that it ends with. The only code that sees resolvelib."""

from __future__ import annotations

from collections.abc import Collection

from resolvelib import BaseReporter, ResolutionImpossible, ResolutionTooDeep
from resolvelib.resolvers import Resolution
from resolvelib.resolvers.criterion import Criterion
from resolvelib.structs import RequirementInformation, State

from resolver.solve.demand import Candidate, Demand, Node
from resolver.solve.provider import Provider
from resolver.solve.search import Cause, Conflict, Found
from resolver.solve.universe import Universe

__all__ = ["MAX_ROUNDS", "find_collisions", "search_by_backtracking"]

MAX_ROUNDS = 200_000
"""Where the search gives up: far more than any list that can be solved has needed."""

_SECOND_ROUNDS = 5_000


def search_by_backtracking(universe: Universe, *, max_rounds: int = MAX_ROUNDS) -> Found | Conflict:
    """A solution, or the last collision. Raises what the package source raises.

    The first pass leaves pre-releases and yanked versions out of its conclusions unless something names them; only
    where it fails does a second, shorter one take them in.
    """
    first = _search(universe, shows_all=False, max_rounds=max_rounds)
    if isinstance(first, Found) or not _has_hidden(universe):
        return first
    second = _search(universe, shows_all=True, max_rounds=min(_SECOND_ROUNDS, max_rounds))
    return second if isinstance(second, Found) else first


def find_collisions(universe: Universe, *, max_rounds: int) -> tuple[tuple[Cause, ...], ...]:
    """The collisions that a search without conclusions runs into, in its order: each the demands on one node."""
    provider = Provider(universe, concludes=False)
    reporter = _Reporter(provider)
    try:
        Resolution(provider, reporter).resolve(provider.root_demands(), max_rounds=max_rounds)
    except ResolutionImpossible as impossible:
        if not reporter.collisions:
            return (_build_causes(impossible.causes),)
    except ResolutionTooDeep:
        pass
    return tuple(reporter.collisions)


def _search(universe: Universe, *, shows_all: bool, max_rounds: int) -> Found | Conflict:
    provider = Provider(universe, shows_all=shows_all)
    reporter = _Reporter(provider)
    demands = provider.root_demands()
    while True:
        # Not `Resolver`: it also builds a graph, which nobody needs and which recurses without end where projects that
        # a jump back left behind depend on each other.
        resolution = Resolution(provider, reporter)
        try:
            state = resolution.resolve(demands, max_rounds=max_rounds - reporter.rounds)
        except _StartAgain:
            continue
        except ResolutionImpossible as impossible:
            return Conflict(causes=_build_causes(impossible.causes), steps=provider.steps)
        except ResolutionTooDeep:
            return Conflict(causes=(), steps=provider.steps, is_proven=False)
        return Found(rows={node: candidate.row for node, candidate in state.mapping.items()}, steps=provider.steps)


def _has_hidden(universe: Universe) -> bool:
    return any(universe.candidate_rows(name) != universe.shown_rows(name) for name in sorted(universe.tables))


def _build_causes(causes: Collection[RequirementInformation[Demand, Candidate]]) -> tuple[Cause, ...]:
    return tuple(Cause(demand=cause.requirement, parent=cause.parent) for cause in causes)


class _StartAgain(Exception):  # noqa: N818 - a signal inside this module, not an error
    """Raised out of a search in which something decided turned out to lead nowhere."""


class _Reporter(BaseReporter[Demand, Candidate, Node]):
    """Tells the provider of collisions, and keeps them."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.collisions: list[tuple[Cause, ...]] = []
        self.rounds = 0

    def rejecting_candidate(self, criterion: Criterion[Demand, Candidate], candidate: Candidate) -> None:
        self.collisions.append(_build_causes(criterion.information))

    def resolving_conflicts(self, causes: Collection[RequirementInformation[Demand, Candidate]]) -> None:
        self._provider.note_conflict(causes)

    def ending_round(self, index: int, state: State[Demand, Candidate, Node]) -> None:
        self.rounds += 1
        if self._provider.put_to_test(state.mapping):
            raise _StartAgain
