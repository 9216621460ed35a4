"""The order in which projects are decided, and how lost releases change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from resolvelib.resolvers.criterion import Criterion
from resolvelib.structs import RequirementInformation

from resolver.solve.demand import Candidate, Demand, Node
from resolver.solve.search.precedence import Precedence

A, B, C, D = (NormalizedName(name) for name in "abcd")


def build_criteria(
    parents: Mapping[NormalizedName, Sequence[NormalizedName | None]],
) -> dict[Node, Criterion[Demand, Candidate]]:
    """The demands in force: for each project, those that demand it; None is the list."""
    criteria = {}
    for name, demanding in parents.items():
        demand = Demand(node=Node(name), mask=1, text=name, specifier=SpecifierSet())
        candidates = [None if parent is None else Candidate(Node(parent), 0) for parent in demanding]
        information = [RequirementInformation(demand, candidate) for candidate in candidates]
        criteria[Node(name)] = Criterion([], information, [])
    return criteria


def order(precedence: Precedence, *names: NormalizedName) -> list[NormalizedName]:
    return sorted(names, key=precedence.place)


def lose(precedence: Precedence, rejected: NormalizedName, culprit: NormalizedName, times: int) -> int:
    """How many of some losses it took until the rejected project moved; 0 where it did not."""
    criteria = build_criteria({A: [None], B: [None], C: [None]})
    for number in range(1, times + 1):
        if precedence.count(rejected, [culprit], criteria) is not None:
            return number
    return 0


def meet(*names: NormalizedName) -> Precedence:
    precedence = Precedence()
    for name in names:
        precedence.meet(name)
    return precedence


def test_names_are_decided_in_the_order_they_are_met() -> None:
    assert order(meet(B, A, C), A, B, C) == [B, A, C]


def test_a_project_moves_before_the_one_that_cost_it_five_releases() -> None:
    precedence = meet(A, B, C)
    assert lose(precedence, C, A, 4) == 0
    assert order(precedence, A, B, C) == [A, B, C]
    assert lose(precedence, C, A, 1) == 1
    assert order(precedence, A, B, C) == [C, A, B]


def test_losses_are_counted_by_pair() -> None:
    precedence = meet(A, B, C)
    assert lose(precedence, C, A, 4) == lose(precedence, C, B, 4) == 0


def test_each_time_the_same_two_change_places_the_limit_doubles() -> None:
    precedence = meet(A, B)
    assert lose(precedence, B, A, 100) == 5
    assert lose(precedence, A, B, 100) == 10
    assert lose(precedence, B, A, 100) == 20
    assert order(precedence, A, B) == [B, A]


def test_a_project_that_comes_first_already_does_not_move() -> None:
    assert lose(meet(A, B), A, B, 100) == 0


def test_a_dependency_moves_with_all_that_bring_it_in() -> None:
    precedence = meet(A, B, C, D)
    criteria = build_criteria({A: [None], B: [None], C: [B], D: [C, A]})
    moved = [precedence.count(D, [A], criteria) for _ in range(10)]
    assert moved == [*[None] * 9, A]
    assert order(precedence, A, B, C, D) == [B, C, D, A]


def test_a_dependency_that_only_the_culprit_brings_in_does_not_move() -> None:
    precedence = meet(A, B, C)
    criteria = build_criteria({A: [None], B: [A], C: [B]})
    assert not any(precedence.count(C, [A], criteria) for _ in range(100))
    assert precedence.most_rejected() == ((C, A),)
