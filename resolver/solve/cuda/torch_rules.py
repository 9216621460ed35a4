"""The part of a problem that concerns torch: releases that cannot run, pages to add, and pins that take precedence.

In: a problem and the `Acceleration` of its target. Out, each before or after the search for the whole list:

- `list_refused`: pins of torch of which no build runs, refused before any request with what each build lacks;
  `explain_rows` gives the same reasons after a failed search.
- `untie_pinned`: the rules without the rows of the companion table that the pins of the list contradict, since the list
  counts more than the table. Pins of dependencies do not, because they are not about builds.
- `with_pages`: the problem with find-links pages for single torch releases. A search without those projects finds the
  torch first, so that no other page is read. The pages come before the default index, as those of `--find-links` do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from packaging.utils import NormalizedName
from packaging.version import Version

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
from resolver.targets.known_cuda import find_lack, iter_extra_builds
from resolver.targets.labels import parse_version_label
from resolver.targets.torch_builds import NoRunningBuild, explain_no_build, iter_releases_of_companion

__all__ = [
    "explain_rows",
    "list_refused",
    "untie_pinned",
    "with_pages",
]

_SHOWN_RELEASES = 3
"""The most releases of torch in an explanation."""

Look = Callable[[Problem], tuple[Universe, Found | Conflict]]
"""Searches for a solution of a problem, without building a resolution or an error from the outcome."""


def list_refused(problem: Problem, acceleration: Acceleration) -> tuple[tuple[Root, NoRunningBuild | str], ...]:
    """The roots that no build can meet by the data alone, each with the reason.

    They ask for a plugin by an extra (`jax[cuda13]`) that the machine does not run, or pin a torch of which the data
    has every build and none runs. The latter do not count if another index than the default serves torch, since it may
    have other builds, and if an override or `allow` names torch.
    """
    extras = tuple((root, lack) for root in problem.roots if (lack := _find_extra_refusal(root, acceleration)))
    if extras or TORCH_NAME in acceleration.allow or any(root.name == TORCH_NAME for root in problem.overrides):
        return extras
    if not all(location.is_default for location in problem.locations(TORCH_NAME)):
        return ()
    return tuple((root, why) for root in problem.roots if (why := _find_refusal(root, acceleration)) is not None)


def explain_rows(acceleration: Acceleration, table: ProjectTable, matching: int) -> tuple[str, ...]:
    """What the requested releases of torch lack, newest first; empty if some matching row is ruled out otherwise."""
    rows = list(iter_rows(matching))
    if table.name != TORCH_NAME or not all(table.reason(row) for row in rows):
        return ()
    versions = dict.fromkeys(Version(table.versions[row].public) for row in rows)
    # One label in all rows means that the list named it; then only the builds with that CUDA are explained.
    labels = {_parse_cuda_label(table.versions[row]) for row in rows}
    cuda = labels.pop() if len(labels) == 1 else None
    found = [_explain(version, acceleration, cuda) for version in list(versions)[:_SHOWN_RELEASES]]
    return tuple(str(one) for one in found) if None not in found else ()


def with_pages(problem: Problem, source: PackageSource, rules: Acceleration, look: Look) -> Problem:
    """The problem with find-links pages for its projects; unchanged if none of its projects has pages.

    `look` searches for the torch that decides which page is needed; its errors pass through. A page that cannot be read
    raises FetchError with the project that needs it; a missing page has no files.
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


def untie_pinned(problem: Problem, acceleration: Acceleration) -> Acceleration:
    """The rules without the table's rows for companions that the list pins beside another release of torch.

    Unchanged if the list does not pin torch.
    """
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


def _find_extra_refusal(root: Root, acceleration: Acceleration) -> str:
    """Why the plugin that an extra of a root brings in does not run; empty if it does, or if no extra brings one."""
    gpu = acceleration.target.accelerator
    if not isinstance(gpu, Gpu) or not root.extras or root.name in acceleration.allow:
        return ""
    for extra, project, cuda in iter_extra_builds(root.name):
        if extra in root.extras and project not in acceleration.allow and (lack := find_lack(project, cuda, gpu)):
            return f"{root.name}[{extra}] brings in {project}, which {lack}"
    return ""


def _find_refusal(root: Root, acceleration: Acceleration) -> NoRunningBuild | None:
    """Why no build of the torch that a root pins runs; None unless the data has every build of it."""
    pins = [part for part in root.specifier if part.operator in ("==", "===") and not part.version.endswith(".*")]
    if root.name != TORCH_NAME or not pins:
        return None
    try:
        version = Version(pins[0].version)
    except ValueError:  # `InvalidVersion`, and numbers of thousands of digits.
        # `===` compares texts, which need not be versions.
        return None
    cuda = _parse_cuda_label(version)
    # The data has no builds with another label (`+cpu`, or a vendor's own).
    if version.local is not None and cuda is None:
        return None
    found = _explain(Version(version.public), acceleration, cuda)
    return found if found is not None and found.is_certain else None


def _parse_cuda_label(version: Version) -> CudaVersion | None:
    """The CUDA release in the label of a version; None without one."""
    label = parse_version_label(version)
    return label.cuda if label is not None and isinstance(label.cuda, CudaVersion) else None


def _explain(version: Version, acceleration: Acceleration, cuda: CudaVersion | None) -> NoRunningBuild | None:
    """Why no build of a release runs on the target's GPUs; None if one does, or without a GPU."""
    target = acceleration.target
    if not isinstance(target.accelerator, Gpu):
        return None
    tag = f"cp{target.python.major}{target.python.minor}"
    return explain_no_build(version, target.platform, target.accelerator, cuda=cuda, python_tag=tag)


def _has_pages(name: NormalizedName, problem: Problem, rules: Acceleration) -> bool:
    """Whether a project has find-links pages, and the list names no location for it.

    A location of the list takes precedence over such pages.
    """
    is_free = all(location.is_default for location in problem.locations(name)) and name not in problem.direct
    return is_free and bool(rules.indexes.find_pages(name, CudaVersion(12, 8), Version("2.8.0")))


def _find_torch(
    universe: Universe, outcome: Found | Conflict, rules: Acceleration
) -> tuple[Version, CudaVersion | None] | None:
    """Release and CUDA of the torch in an outcome, CUDA None for the CPU; None without a torch or with unknown CUDA."""
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
    """The locations of the pages for a project and a torch, each read once. Raises FetchError."""
    version, cuda = torch
    for page in rules.indexes.find_pages(name, cuda, version):
        _read(name, page, source)
        yield page.location


def _read(name: NormalizedName, page: FamilyIndex, source: PackageSource) -> None:
    """Read a page now, since a failure here can name the project that needs it. Raises FetchError."""
    try:
        source.project_page(name, page.location)
    except FetchError as error:
        raise explain_failure(page, error, wanted=name) from error


def _iter_pins(problem: Problem) -> Iterator[tuple[NormalizedName, Version]]:
    """The projects with a version that a line of the list pins by `==`."""
    for line in (*problem.roots, *problem.constraints, *problem.overrides):
        for part in line.specifier:
            if part.operator == "==" and not part.version.endswith(".*"):
                yield line.name, Version(part.version)


def _go_together(name: NormalizedName, version: Version, torch: Version) -> bool:
    """Whether a companion's version goes with a release of torch; true where the data does not have it."""
    releases = [release.version for release in iter_releases_of_companion(name, version)]
    return not releases or torch in releases
