"""Where pip's and uv's own rules would take another file for the list of a lock.

In: a lock. Out: the projects for which the three differ. Each rule is asked the same question of the same indexes, with
nothing kept from the lock: pip takes the best version of all indexes together, uv all files of the first index that has
the project; both know every flag for the whole list, no index families and no machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.utils import NormalizedName

from lockfiles import Lockfile
from lockfiles._values import dataclass
from resolver.errors import ResolutionError
from resolver.fetch.access import Access
from resolver.locking.locker import Locker
from resolver.planning.from_lock import parse_list, plan_from_lock
from resolver.planning.plan import LockPlan
from resolver.settings.settings import IndexStrategy
from resolver.solve.resolution import Pin, Resolution
from resolver.targets.accelerators import UNSPECIFIED

__all__ = ["InstallerChoice", "InstallerComparison", "InstallerDifference", "compare_installers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerChoice:
    """The file that a rule takes for a project, and the public URL of its index; None where no index has it."""

    filename: str
    index: str | None

    def __str__(self) -> str:
        return f"{self.filename} from {self.index}" if self.index is not None else self.filename


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerDifference:
    """What the rules take for one project; None where a rule does not need it, or finds no solution at all."""

    name: NormalizedName
    pinfold: InstallerChoice | None
    pip: InstallerChoice | None
    uv: InstallerChoice | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerComparison:
    """The differences by name; `failures` has, by `pinfold`, `pip` and `uv`, why a rule finds no solution."""

    differences: tuple[InstallerDifference, ...]
    failures: Mapping[str, str]


def compare_installers(
    lockfile: Lockfile,
    *,
    path: Path,
    shown: str,
    access: Access,
    lists: Sequence[LockPlan] = (),
) -> InstallerComparison:
    """What the three rules take for the list of the lock at `path`.

    `lists` bring credentials and fresh signatures for the same hosts. Raises InputError for a lock that does
    not say what it was made from, and FetchError.
    """
    ours = replace(plan_from_lock(lockfile, path=path, shown=shown), old=None, kept=None)
    plans = {"pinfold": ours, "pip": _as_installer(ours, lockfile, path, "best-match")}
    plans["uv"] = _as_installer(ours, lockfile, path, "first-index")
    chosen: dict[str, dict[NormalizedName, InstallerChoice]] = {}
    failures: dict[str, str] = {}
    with Locker([*plans.values(), *lists], access=access) as locker:
        for rule, plan in plans.items():
            try:
                chosen[rule] = _read_choices(locker.lock(plan).resolution)
            except ResolutionError as error:
                failures[rule] = str(error)
                chosen[rule] = {}
    names = sorted({name for found in chosen.values() for name in found})
    rows = [
        InstallerDifference(
            name=name,
            pinfold=chosen["pinfold"].get(name),
            pip=chosen["pip"].get(name),
            uv=chosen["uv"].get(name),
        )
        for name in names
    ]
    # A rule without any solution differs as a whole, which its failure says.
    differing = tuple(row for row in rows if _differs(row, failures))
    return InstallerComparison(differences=differing, failures=failures)


def _as_installer(plan: LockPlan, lockfile: Lockfile, path: Path, strategy: IndexStrategy) -> LockPlan:
    """The plan as an installer without families, positions and machines would understand it."""
    return replace(
        plan,
        settings=replace(plan.settings, index_strategy=strategy, flag_scope="list", families=()),
        requirement_list=parse_list(lockfile, path=path, flag_scope="list"),
        families=(),
        mirrors={},
        target=replace(plan.target, accelerator=UNSPECIFIED),
    )


def _read_choices(resolution: Resolution) -> dict[NormalizedName, InstallerChoice]:
    return {pin.name: _read_choice(pin) for pin in resolution.pins}


def _read_choice(pin: Pin) -> InstallerChoice:
    return InstallerChoice(filename=pin.file.filename, index=pin.index)


def _differs(row: InstallerDifference, failures: Mapping[str, str]) -> bool:
    choices = {"pinfold": row.pinfold, "pip": row.pip, "uv": row.uv}
    return len({choice for rule, choice in choices.items() if rule not in failures}) > 1
