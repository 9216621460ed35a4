"""Where the rules of pip and uv choose another file for the list of a lock than pinfold does.

In: a lock. Out: the projects for which the three rules differ, with the file that each chooses. The list of the lock is
resolved three times on the same indexes, with nothing kept from the lock. pip takes the best version of all indexes
together, uv all files of the first index that has the project; both apply every flag to the whole list, and have
neither index families nor machine types.

It is a module of its own because the rules are simulated with pinfold's own search: no installer is run, so the
comparison needs neither pip nor uv, and shows the difference in rules alone.
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
from resolver.solve.resolution import Resolution
from resolver.targets.accelerators import UNSPECIFIED

__all__ = ["InstallerChoice", "InstallerComparison", "InstallerDifference", "compare_installers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerChoice:
    """The file that a rule chooses for a project, and the public URL of its index; None for a file of no index."""

    filename: str
    index: str | None

    def __str__(self) -> str:
        return f"{self.filename} from {self.index}" if self.index is not None else self.filename


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerDifference:
    """What the rules choose for one project; None where a rule does not need it, or finds no solution at all."""

    name: NormalizedName
    pinfold: InstallerChoice | None
    pip: InstallerChoice | None
    uv: InstallerChoice | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerComparison:
    """The differences by name of the project.

    `failures` has the message for each rule that finds no solution, by `pinfold`, `pip` and `uv`. Such a rule is left
    out of the comparison: it would differ for every project.
    """

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
    """What the three rules choose for the list of the lock at `path`; `shown` is the path as messages name it.

    `lists` give credentials and fresh signatures for the same hosts. Raises InputError for a lock of another tool,
    which does not record its list, and FetchError.
    """
    ours = replace(plan_from_lock(lockfile, path=path, shown=shown), old=None, kept=None)
    plans = {
        "pinfold": ours,
        "pip": _follow_installer(ours, lockfile, path, "best-match"),
        "uv": _follow_installer(ours, lockfile, path, "first-index"),
    }
    chosen: dict[str, dict[NormalizedName, InstallerChoice]] = {}
    failures: dict[str, str] = {}
    # One locker for the three plans: they share the pages and metadata that it reads.
    with Locker([*plans.values(), *lists], access=access) as locker:
        for rule, plan in plans.items():
            try:
                chosen[rule] = _read_choices(locker.lock(plan).resolution)
            except ResolutionError as error:
                failures[rule] = str(error)
                chosen[rule] = {}
    rows = _build_rows(chosen)
    return InstallerComparison(
        differences=tuple(row for row in rows if _is_difference(row, failures)), failures=failures
    )


def _follow_installer(plan: LockPlan, lockfile: Lockfile, path: Path, strategy: IndexStrategy) -> LockPlan:
    """The plan as an installer reads the same list: without families, positions of flags, mirrors and machines."""
    return replace(
        plan,
        settings=replace(plan.settings, index_strategy=strategy, flag_scope="list", families=()),
        requirement_list=parse_list(lockfile, path=path, flag_scope="list"),
        families=(),
        mirrors={},
        target=replace(plan.target, accelerator=UNSPECIFIED),
    )


def _read_choices(resolution: Resolution) -> dict[NormalizedName, InstallerChoice]:
    """The file of each pin and its index, by project."""
    return {pin.name: InstallerChoice(filename=pin.file.filename, index=pin.index) for pin in resolution.pins}


def _build_rows(chosen: Mapping[str, Mapping[NormalizedName, InstallerChoice]]) -> list[InstallerDifference]:
    """A row for each project that any rule chooses, by name; a rule that does not need a project has None."""
    names = sorted({name for found in chosen.values() for name in found})
    return [
        InstallerDifference(
            name=name,
            pinfold=chosen["pinfold"].get(name),
            pip=chosen["pip"].get(name),
            uv=chosen["uv"].get(name),
        )
        for name in names
    ]


def _is_difference(row: InstallerDifference, failures: Mapping[str, str]) -> bool:
    """Whether the rules that found a solution differ for a project.

    Two rules differ as well where they choose one file name from two indexes, since these can be different files.
    """
    choices = {"pinfold": row.pinfold, "pip": row.pip, "uv": row.uv}
    return len({choice for rule, choice in choices.items() if rule not in failures}) > 1
