"""The verb `compare-installers`: where pip's and uv's own rules would take another file for the list of a lock.

In: lockfiles. Out: for each project with different files, the file under each of the three rules; exit code 1 if there
is such a project, or if a rule finds no solution.

Neither installer is run: `resolver.inspection.installers` solves the list again under a model of their rules, with the
pages of now. All three solutions come from the same pages, so a newer release makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from resolver.cli.host_options import add_access_options, read_access, read_lists
from resolver.cli.output import show_locks, show_message, show_text
from resolver.cli.verb_arguments import ChosenLock, add_lockfiles, build_verb_parser, read_lockfiles
from resolver.fetch.access import Access
from resolver.inspection.installers import InstallerChoice, InstallerComparison, InstallerDifference, compare_installers
from resolver.planning.plan import LockPlan

__all__ = ["run_compare_installers"]

_DESCRIPTION = """\
Where pip's and uv's own rules would take another file for the list of a lock: pip the best version of all indexes
together, uv what the first index that has the project offers; neither knows positions, index families or machines.
Nothing is kept from the lock, so that only rules make a difference. Exit code 1 says that there is one."""


def run_compare_installers(argv: Sequence[str], *, program: str) -> int:
    """The exit code of `lock compare-installers [LOCKFILE…]`: 0 where all agree, else 1.

    Raises InputError for a lock of another tool, which has no list, and FetchError.
    """
    parser = build_verb_parser(program, "compare-installers", _DESCRIPTION)
    add_lockfiles(parser)
    parser.add_argument("--json", dest="as_json", action="store_true", help="the same facts as JSON")
    add_access_options(parser)
    values = parser.parse_args(list(argv))
    locks = read_lockfiles(values.lockfile, folder=Path.cwd())
    access = read_access(values, announce=show_message, refresh=True)
    lists = read_lists(values, folder=Path.cwd())
    found = [(lock, _compare(lock, access, lists)) for lock in locks]
    if values.as_json:
        show_locks([_as_json(lock, comparison) for lock, comparison in found])
    else:
        show_text("\n".join(line for lock, one in found for line in _render(lock, one, named=len(found) > 1)))
    return 1 if any(comparison.differences or comparison.failures for _, comparison in found) else 0


def _compare(lock: ChosenLock, access: Access, lists: Sequence[LockPlan]) -> InstallerComparison:
    """The three solutions for the list of one lock, where they differ."""
    return compare_installers(lock.lockfile, path=lock.path, shown=lock.shown, access=access, lists=lists)


def _render(lock: ChosenLock, comparison: InstallerComparison, *, named: bool) -> Iterator[str]:
    """A project, then its file under each rule; a rule without a solution has a line of its own at the end.

    `named` puts the name of the lock before each project.
    """
    head = f"{lock.shown}: " if named else ""
    for difference in comparison.differences:
        yield f"{head}{difference.name}"
        for rule, choice in _pairs(difference):
            if rule not in comparison.failures:
                yield f"  {rule:8} {choice if choice is not None else 'does not need it'}"
    for rule, reason in comparison.failures.items():
        yield f"{head}{rule} finds no solution: {reason}"
    if not comparison.differences and not comparison.failures:
        yield f"{head}pip and uv would take the same files"


def _pairs(difference: InstallerDifference) -> tuple[tuple[str, InstallerChoice | None], ...]:
    """The three rules by name, each with its file; None where the project is not needed under that rule."""
    return (("pinfold", difference.pinfold), ("pip", difference.pip), ("uv", difference.uv))


def _as_json(lock: ChosenLock, comparison: InstallerComparison) -> dict[str, Any]:
    """The comparison of one lock as data.

    A rule without a solution is in `failures` with the reason; its file is null in every difference.
    """
    return {
        "lockfile": lock.shown,
        "differences": [
            {
                "name": difference.name,
                **{
                    rule: None if choice is None else {"filename": choice.filename, "index": choice.index}
                    for rule, choice in _pairs(difference)
                },
            }
            for difference in comparison.differences
        ],
        "failures": dict(comparison.failures),
    }
