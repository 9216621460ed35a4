"""What one round of conclusions costs, and the order in which it is drawn."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from resolver.solve.demand import Demand, Node
from resolver.solve.search.propagation import Propagation

NEEDED = Node(canonicalize_name("needed"))
FIRST, SECOND = Node(canonicalize_name("first")), Node(canonicalize_name("second"))


class CountedMask(int):
    """A mask of rows that counts how often it is compared."""

    compared = 0

    def __rand__(self, rows: int) -> int:
        CountedMask.compared += 1
        return rows & int(self)


class RecordedFacts(Propagation):
    """Conclusions that remember in which order they were drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.narrowed: list[tuple[Node, int]] = []

    def _narrow(self, node: Node, mask: int) -> None:
        self.narrowed.append((node, mask))
        super()._narrow(node, mask)


def demand(mask: int, node: Node = NEEDED) -> Demand:
    return Demand(node=node, mask=mask, text="", specifier=SpecifierSet())


def build_facts(rows: int) -> RecordedFacts:
    """Two projects of as many rows, and a project of three rows that they need."""
    facts = RecordedFacts()
    facts.add_node(NEEDED, 0b111, 0b111)
    for node in (FIRST, SECOND):
        facts.add_node(node, (1 << rows) - 1, (1 << rows) - 1)
    return facts


def test_a_demand_that_many_releases_share_is_compared_once() -> None:
    facts = build_facts(rows=100)
    for row in range(100):
        facts.learn(FIRST, row, [demand(CountedMask(0b011))])
    facts.propagate()
    CountedMask.compared = 0
    facts.refute(NEEDED, 0)
    assert CountedMask.compared == 1


def test_every_release_with_a_demand_that_no_row_is_left_for_dies() -> None:
    facts = build_facts(rows=4)
    for row in range(4):
        facts.learn(FIRST, row, [demand(0b001 if row % 2 else 0b011), demand(0b111)])
    facts.propagate()
    facts.refute(NEEDED, 0)
    assert facts.live[FIRST] == 0b0101


def test_releases_die_in_the_order_in_which_they_were_learned() -> None:
    facts = build_facts(rows=2)
    for node, row, mask in [(FIRST, 0, 0b01), (SECOND, 0, 0b10), (FIRST, 1, 0b01)]:
        facts.learn(node, row, [demand(mask)])
    facts.propagate()
    facts.narrowed.clear()
    facts.require(demand(0b100))
    facts.propagate()
    assert facts.narrowed == [(NEEDED, 0b100), (FIRST, ~0b01), (SECOND, ~0b01), (FIRST, ~0b10)]
