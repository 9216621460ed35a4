"""How the modules of this package report a fault: the code that meets it knows what and why, its caller knows where.

In: refusals raised while a text is read. Out: faults with positions, all of a list together, in list order.
"""

from __future__ import annotations

from resolver.errors import Fault, ListError
from resolver.requirements.position import Position
from resolver.requirements.url import redact

__all__ = ["FaultCollector", "Refusal"]


class Refusal(Exception):  # noqa: N818 - the word for what it is; it never leaves this package as an error
    """A text cannot be used: `what` is wrong, `why`, and the `remedy`. Never leaves this package."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy


class FaultCollector:
    """Gathers the faults of one list."""

    def __init__(self) -> None:
        self._faults: dict[Fault, Position] = {}

    def add(self, position: Position, refusal: Refusal) -> None:
        """Note that what stands at `position` was refused. Credentials of URLs are taken out of the texts here."""
        what, why, remedy = (redact(text) for text in (refusal.what, refusal.why, refusal.remedy))
        fault = Fault(where=position, what=what, why=why, remedy=remedy)
        self._faults[fault] = position

    def raise_if_any(self) -> None:
        """Raise ListError with all faults in list order, if there are any."""
        if self._faults:
            raise ListError.from_faults(sorted(self._faults, key=lambda fault: _list_order(self._faults[fault])))


def _list_order(position: Position) -> tuple[tuple[int, int, int, int], ...]:
    """Where a position stands in the list: from the outermost list or file down to the line of the innermost file."""
    own = (
        0 if position.source.startswith(("command line", "[tool.pinfold]")) else 1,
        position.layer or 0,
        position.item or 0,
        position.line or 0,
    )
    return (*(_list_order(position.included_by) if position.included_by else ()), own)
