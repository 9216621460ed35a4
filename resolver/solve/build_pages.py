"""Find-links pages with builds for one release of torch each: which of them are read for a project of the list.

In: a problem for a machine. Out: the same with a page more for each project that has one, once the search without those
projects has found which torch they must go with: no other page is asked. The page stands before the default index, as
if the list named it with `--find-links`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import FetchError
from resolver.index.family_indexes import FamilyIndex, explain_failure
from resolver.index.location import Location
from resolver.index.package_source import PackageSource
from resolver.solve.acceleration import TORCH_NAME, Acceleration
from resolver.solve.build_facts import CudaDemands
from resolver.solve.demand import Node
from resolver.solve.problem import Problem
from resolver.solve.search import Conflict, Found
from resolver.solve.universe import Universe
from resolver.targets.accelerators import Cpu, Gpu
from resolver.targets.cuda import CudaVersion

__all__ = ["with_pages"]

Look = Callable[[Problem], tuple[Universe, Found | Conflict]]


def with_pages(problem: Problem, source: PackageSource, rules: Acceleration, look: Look) -> Problem:
    """The problem with the pages of its projects' builds; as it is where it has none. Raises what a search raises.

    `look` searches. A page that cannot be read is a FetchError that tells what the page was needed for; a page that
    does not exist has no files.
    """
    if not isinstance(rules.target.accelerator, Gpu | Cpu):
        return problem
    names = [*dict.fromkeys(root.name for root in problem.roots if _has_pages(root.name, problem, rules))]
    others = tuple(root for root in problem.roots if root.name not in names)
    if not names or not others:
        return problem
    torch = _find_torch(*look(replace(problem, roots=others)), rules)
    if torch is None:
        return problem
    pages = {name: tuple(_iter_locations(name, torch, rules, source)) for name in names}
    return replace(problem, locations=lambda name: (*pages.get(name, ()), *problem.locations(name)))


def _has_pages(name: NormalizedName, problem: Problem, rules: Acceleration) -> bool:
    """Whether there are pages that the list leaves room for: it names no other place for the project."""
    is_free = all(location.is_default for location in problem.locations(name)) and name not in problem.direct
    return is_free and bool(rules.indexes.find_pages(name, CudaVersion(12, 8), Version("2.8.0")))


def _find_torch(
    universe: Universe, outcome: Found | Conflict, rules: Acceleration
) -> tuple[Version, CudaVersion | None] | None:
    """Release and CUDA of the torch that was found; None for none, and where its CUDA is not known."""
    row = outcome.rows.get(Node(TORCH_NAME)) if isinstance(outcome, Found) else None
    if row is None:
        return None
    known = CudaDemands(universe, rules).find_final(TORCH_NAME, row)
    cuda = None if known is None else known.cuda
    is_known = known is not None and (cuda is None or isinstance(cuda, CudaVersion))
    version = Version(universe.table(TORCH_NAME).versions[row].public)
    return (version, cuda if isinstance(cuda, CudaVersion) else None) if is_known else None


def _iter_locations(
    name: NormalizedName, torch: tuple[Version, CudaVersion | None], rules: Acceleration, source: PackageSource
) -> Iterator[Location]:
    version, cuda = torch
    for page in rules.indexes.find_pages(name, cuda, version):
        _read(name, page, source)
        yield page.location


def _read(name: NormalizedName, page: FamilyIndex, source: PackageSource) -> None:
    """Read the page, so that a failure tells what the page is for. Raises FetchError."""
    try:
        source.project_page(name, page.location)
    except FetchError as error:
        raise explain_failure(page, error, wanted=name) from error
