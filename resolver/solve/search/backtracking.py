"""The search: resolvelib under the rules of this product.

In: a universe. Out: the rows of a solution, or the collision that the search ended with. Only this room imports
resolvelib, so another library can replace it. What resolvelib lacks is in the modules beside this one: which project
gives way (`precedence`), and what is kept of a failure (`propagation`). When either changes, the search starts again
from the list and keeps what it learned; a restart replays decisions without reading anything.

The number of rounds is bounded. A search that reaches the bound is a conflict that is not proven, and names the
projects that it could not bring together.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from resolvelib import BaseReporter, ResolutionImpossible, ResolutionTooDeep
from resolvelib.resolvers import Resolution
from resolvelib.resolvers.criterion import Criterion
from resolvelib.structs import RequirementInformation, State

from resolver.solve.demand import IMPOSSIBLE, Candidate, Demand, Node, is_virtual
from resolver.solve.search.provider import Provider
from resolver.solve.search.universe import Cause, Conflict, Found, Universe

if TYPE_CHECKING:
    from resolver.index.events import Observe

__all__ = ["find_collisions", "search_by_backtracking"]

_MAX_ROUNDS = 50_000
"""Rounds after which the search gives up. Of 80 measured lists the longest, of 305 pins, needed under 2,000."""

_SHORT_ROUNDS = 5_000
"""Rounds after which the search with hidden releases gives up: it seldom finds anything."""


def search_by_backtracking(universe: Universe, *, max_rounds: int = _MAX_ROUNDS) -> Found | Conflict:
    """A solution, or the last collision. Raises what the package source raises.

    One search decides, by the rule of `resolver.solve.search.precedence`. It is made again in three cases only: with
    builds, where nothing else remains; with pre-releases and yanked versions that nothing names, where it found
    nothing without them; and where collisions show that builds for CUDA are needed which were left out.
    """
    outcome = _search_with_builds_last(universe, max_rounds=max_rounds)
    while universe.rules is not None:
        if not universe.rules.open_wanted(outcome.rows if isinstance(outcome, Found) else None):
            break
        outcome = _search_with_builds_last(universe, max_rounds=max_rounds)
    return outcome


def _search_with_builds_last(universe: Universe, *, max_rounds: int) -> Found | Conflict:
    """A search that passes over releases that only a build can read, and one with builds where it finds nothing."""
    without = Provider(universe, builds=False, keeps_decisions=_keeps_decisions(universe))
    outcome = _search_hidden_last(without, universe, max_rounds=max_rounds)
    if isinstance(outcome, Found) or not without.passed_over:
        return outcome
    return _search_hidden_last(
        Provider(universe, keeps_decisions=_keeps_decisions(universe)), universe, max_rounds=max_rounds
    )


def _search_hidden_last(provider: Provider, universe: Universe, *, max_rounds: int) -> Found | Conflict:
    """A search, and one in which pre-releases and yanked versions take part where it finds nothing."""
    plain = _search(provider, max_rounds=max_rounds)
    if isinstance(plain, Found) or provider.passed_over or not _has_hidden(universe):
        return plain
    full = _search(Provider(universe, shows_all=True), max_rounds=min(_SHORT_ROUNDS, max_rounds))
    return full if isinstance(full, Found) else plain


def _keeps_decisions(universe: Universe) -> bool:
    """Whether a decision is kept while another release of a dependent fits it, as in uv; in pip it is made anew."""
    return universe.problem.index_strategy == "first-index"


def find_collisions(universe: Universe, *, max_rounds: int) -> tuple[tuple[Cause, ...], ...]:
    """The collisions of a search that draws no conclusions, in its order: each is the demands on one node."""
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


def _search(provider: Provider, *, max_rounds: int) -> Found | Conflict:
    reporter = _Reporter(provider, observe=provider.observe)
    demands = provider.root_demands()
    while True:
        # Not `Resolver`: it also builds a graph, which is not needed here, and recurses without end where projects that
        # a jump back left behind depend on each other.
        resolution = _Resolution(provider, reporter)
        provider.attach(partial(getattr, resolution, "state"))
        try:
            state = resolution.resolve(demands, max_rounds=max_rounds - reporter.rounds)
        except _StartAgain:
            continue
        except ResolutionImpossible as impossible:
            return Conflict(causes=_build_causes(impossible.causes), steps=provider.steps)
        except ResolutionTooDeep:
            return Conflict(
                causes=(),
                steps=provider.steps,
                is_proven=False,
                rounds=reporter.rounds,
                losses=provider.find_losses(),
            )
        return Found(rows={node: candidate.row for node, candidate in state.mapping.items()}, steps=provider.steps)


def _has_hidden(universe: Universe) -> bool:
    return any(universe.candidate_rows(name) != universe.shown_rows(name) for name in sorted(universe.tables))


def _build_causes(causes: Collection[RequirementInformation[Demand, Candidate]]) -> tuple[Cause, ...]:
    return tuple(Cause(demand=cause.requirement, parent=cause.parent) for cause in causes)


class _Resolution(Resolution[Demand, Candidate, Node]):
    """resolvelib's resolution, with a faster check of whether each pin still satisfies its demands."""

    def _is_current_pin_satisfying(self, name: Node, criterion: Criterion[Demand, Candidate]) -> bool:
        """The same result without a call for each requirement; resolvelib makes this check for all names in each round.

        A resolvelib without this method would not call it, and still be right.
        """
        pin = self._states[-1].mapping.get(name)
        if pin is None:
            return False
        row = pin.row
        for item in criterion.information:  # noqa: SIM110 - `all` over a generator takes twice as long
            if not item.requirement.mask >> row & 1:
                return False
        return True


class _StartAgain(Exception):  # noqa: N818 - a signal inside this module, not an error
    """Raised to restart a search in which a decision turned out to be in no solution."""


class _Reporter(BaseReporter[Demand, Candidate, Node]):
    """Records collisions and rounds, and reports collisions to the provider; decisions and collisions to a listener."""

    def __init__(self, provider: Provider, *, observe: Observe | None = None) -> None:
        self._provider = provider
        self._observe = observe
        self.collisions: list[tuple[Cause, ...]] = []
        self.rounds = 0

    def pinning(self, candidate: Candidate) -> None:
        if self._observe is None or not self._is_shown(candidate):
            return
        # Lazy, as below: few runs have a listener.
        from resolver.index.events import Decided

        name, version = candidate.node.name, self._provider.find_version(candidate)
        self._observe(Decided(name=name, version=version, round=self.rounds))

    def rejecting_candidate(self, criterion: Criterion[Demand, Candidate], candidate: Candidate) -> None:
        self.collisions.append(_build_causes(criterion.information))
        if self._observe is not None and self._is_shown(candidate):
            self._report_collision(self._observe, candidate, criterion.information)
        self._provider.note_rejection(candidate, criterion.information)
        if self._provider.note_loss(candidate, list(criterion.information)):
            raise _StartAgain

    def resolving_conflicts(self, causes: Collection[RequirementInformation[Demand, Candidate]]) -> None:
        self._provider.note_conflict(causes)
        # Before the jump back, while the decision that failed is still in force.
        if self._provider.put_to_test():
            raise _StartAgain

    def _is_shown(self, candidate: Candidate) -> bool:
        """Whether it is a release of a project, and neither an extra of one nor a virtual project."""
        return not candidate.node.part and not is_virtual(candidate.node.name)

    def _report_collision(
        self, observe: Observe, candidate: Candidate, information: Collection[RequirementInformation[Demand, Candidate]]
    ) -> None:
        """Tell the listener which demands rule the candidate out, without those that the search itself added."""
        from resolver.index.events import Rejected

        demands = tuple(
            (cause.requirement.text, None if cause.parent is None else cause.parent.node.name)
            for cause in information
            if not cause.requirement.is_own and cause.requirement.node != IMPOSSIBLE
        )
        name, version = candidate.node.name, self._provider.find_version(candidate)
        demands = demands or tuple((one.text, name) for one in self._provider.find_dead_demands(candidate))
        observe(Rejected(name=name, version=version, demands=demands))

    def ending_round(self, index: int, state: State[Demand, Candidate, Node]) -> None:
        self.rounds += 1
