"""What is odd about a lock that a verb is about to use: told, and no reason to refuse it."""

from __future__ import annotations

from resolver.cli.lock_choice import ChosenLock
from resolver.errors import Fault

__all__ = ["find_lock_warnings"]


def find_lock_warnings(chosen: ChosenLock) -> tuple[str, ...]:
    """Whole messages: what reading it passed over, and whether it was edited."""
    warnings = [f"{chosen.shown}: {warning}" for warning in chosen.lockfile.warnings]
    if chosen.lockfile.is_edited:
        what = f"`{chosen.shown}` was edited since it was made, by hand or by a merge"
        warnings.append(str(Fault(what=what, remedy="`lock`, which makes it anew")))
    return tuple(warnings)
