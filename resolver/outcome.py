"""What locking takes and gives beside plans: which pins an upgrade releases, and a new lock with what to tell of it.

It is a module of its own so that code which only reads an outcome, such as the summary, imports no stage of locking.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from lockfiles import Lockfile
from lockfiles.value_classes import dataclass
from resolver.solve.resolution import Pin, Resolution

if TYPE_CHECKING:
    from resolver.driver_changes import DriverChange

__all__ = ["LockOutcome", "Upgrade"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """Which pins of the old lock to let go of: all of them, or those of `names`."""

    everything: bool = False
    names: frozenset[NormalizedName] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOutcome:
    """A new lock and what is worth telling about it.

    `shadowed` are pins that only dependencies ask for and that came from an extra index although the default index has
    the project too. `warnings` are whole messages: the source's and the list's, then the solver's. `default_index` is
    the public URL of the default index, None where no item of the list is served by it. `driver_changes` are drivers
    under which other builds would be locked.
    """

    lockfile: Lockfile
    resolution: Resolution
    default_index: str | None = None
    warnings: tuple[str, ...] = ()
    shadowed: tuple[Pin, ...] = ()
    driver_changes: tuple[DriverChange, ...] = ()
