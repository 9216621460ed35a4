"""Releases of torch of which no build runs on the target: refused before any request, and explained.

In: a problem, or the rows of torch that a failed search asked for. Out: lines for an error, with the numbers: which
builds there are, what each lacks, and the nearest that run.

Find-links pages with builds for one release of torch each: which of them are read for a project of the list.

In: a problem for a machine. Out: the same with a page more for each project that has one, once the search without those
projects has found which torch they must go with: no other page is asked. The page stands before the default index, as
if the list named it with `--find-links`.

Where the list's own pins contradict the table of what goes with a release of torch: the user's word counts more.

In: a problem and the rules of its target. Out: the same rules with the names whose rows of the table do not count. What
a dependency pins does not count more than the table, since such pins are not about builds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from resolver.errors import FetchError
from resolver.index.location import FamilyIndex, Location, explain_failure
from resolver.index.package_source import PackageSource
from resolver.solve.cuda.acceleration import TORCH_NAME, Acceleration
from resolver.solve.cuda.demands import CudaDemands
from resolver.solve.demand import Node
from resolver.solve.problem import Problem, Root
from resolver.solve.project_table import ProjectTable, iter_rows
from resolver.solve.search.universe import Conflict, Found, Universe
from resolver.targets.accelerators import Cpu, CudaVersion, Gpu
from resolver.targets.families import is_torch_companion
from resolver.targets.labels import parse_version_label
from resolver.targets.torch_builds import NoRunningBuild, explain_no_build, iter_releases_of_companion

__all__ = [
    "explain_rows",
    "list_refused",
    "untie_pinned",
    "with_pages",
]


_SHOWN_RELEASES = 3


def list_refused(problem: Problem, acceleration: Acceleration) -> tuple[tuple[Root, str], ...]:
    """The roots that pin a torch of which the data has every build and none runs, each with the reason.

    An index of the user's may have other builds, so there it is asked.
    """
    if TORCH_NAME in acceleration.allow or any(root.name == TORCH_NAME for root in problem.overrides):
        return ()
    if not all(location.is_default for location in problem.locations(TORCH_NAME)):
        return ()
    return tuple((root, str(why)) for root in problem.roots if (why := _find_refusal(root, acceleration)) is not None)


def explain_rows(acceleration: Acceleration, table: ProjectTable, matching: int) -> tuple[str, ...]:
    """What the releases of torch that were asked for lack, newest first; nothing where some row is out otherwise."""
    rows = list(iter_rows(matching))
    if table.name != TORCH_NAME or not all(table.reason(row) for row in rows):
        return ()
    versions = dict.fromkeys(Version(table.versions[row].public) for row in rows)
    labels = {_label_cuda(table.versions[row]) for row in rows}
    cuda = labels.pop() if len(labels) == 1 else None
    found = [_explain(version, acceleration, cuda) for version in list(versions)[:_SHOWN_RELEASES]]
    return tuple(str(one) for one in found) if None not in found else ()


def _find_refusal(root: Root, acceleration: Acceleration) -> NoRunningBuild | None:
    pins = [part for part in root.specifier if part.operator in ("==", "===") and not part.version.endswith(".*")]
    if root.name != TORCH_NAME or not pins:
        return None
    try:
        version = Version(pins[0].version)
    except InvalidVersion:  # `===` compares text.
        return None
    cuda = _label_cuda(version)
    if version.local is not None and cuda is None:
        return None
    found = _explain(Version(version.public), acceleration, cuda)
    return found if found is not None and found.is_certain else None


def _explain(version: Version, acceleration: Acceleration, cuda: CudaVersion | None) -> NoRunningBuild | None:
    target = acceleration.target
    if not isinstance(target.accelerator, Gpu):
        return None
    tag = f"cp{target.python.major}{target.python.minor}"
    return explain_no_build(version, target.platform, target.accelerator, cuda=cuda, python_tag=tag)


def _label_cuda(version: Version) -> CudaVersion | None:
    label = parse_version_label(version)
    return label.cuda if label is not None and isinstance(label.cuda, CudaVersion) else None


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


def untie_pinned(problem: Problem, acceleration: Acceleration) -> Acceleration:
    """The rules without the table for companions that the list pins, where it pins torch to another release."""
    pins = dict(_iter_pins(problem))
    torch = pins.get(TORCH_NAME)
    if torch is None:
        return acceleration
    untied = frozenset(
        name
        for name, version in pins.items()
        if is_torch_companion(name) and not _go_together(name, version, Version(torch.public))
    )
    return replace(acceleration, untied=untied)


def _iter_pins(problem: Problem) -> Iterator[tuple[NormalizedName, Version]]:
    for line in (*problem.roots, *problem.constraints, *problem.overrides):
        for part in line.specifier:
            if part.operator == "==" and not part.version.endswith(".*"):
                yield line.name, Version(part.version)


def _go_together(name: NormalizedName, version: Version, torch: Version) -> bool:
    releases = [release.version for release in iter_releases_of_companion(name, version)]
    return not releases or torch in releases
