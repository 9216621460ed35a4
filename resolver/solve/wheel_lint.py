"""Wheels that say which torch they are built for, against the torch of a solution: found, explained, and mended.

In: a solution without rules about builds, or a collision of builds. Out: the problem with those rules, where the
solution would not work; or lines that name the wheel, what it is built for, what the lock would have, and a remedy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.family_indexes import FamilyIndexes
from resolver.index.location import Location
from resolver.solve.acceleration import TORCH_NAME, Acceleration
from resolver.solve.build_facts import CudaDemands
from resolver.solve.demand import TORCH_RELEASE, Node
from resolver.solve.problem import Problem
from resolver.solve.project_table import iter_rows
from resolver.solve.resolution import Pin, Resolution
from resolver.targets.known_cuda import KnownCuda
from resolver.targets.labels import BuildLabel, parse_version_label
from resolver.targets.wheel_lint import (
    TorchFacts,
    contradicts,
    describe_label,
    describe_torch,
    is_linted,
    suggest_filename,
)

__all__ = ["build_torch_facts", "explain_wheels", "iter_wheel_hints", "with_rules"]

_Version = tuple[NormalizedName, Version]
"""A version of a project."""


def with_rules(problem: Problem, resolution: Resolution) -> Problem | None:
    """The problem with the rules about builds, where a wheel of its solution contradicts the torch there; else None.

    So a target for which no machine was named pays for the rules only where they matter.
    """
    torch = next((pin for pin in resolution.pins if pin.name == TORCH_NAME), None)
    labels = [(pin, parse_version_label(pin.version)) for pin in resolution.pins if pin.version.local]
    linted = [(pin, label) for pin, label in labels if label is not None and is_linted(label)]
    if torch is None or not linted:
        return None
    rules = Acceleration(target=problem.target, indexes=FamilyIndexes(uses_shipped=False), allow=problem.allow)
    facts = build_torch_facts(
        rules, torch.version, rules.find_known(TORCH_NAME, torch.version, _locate(problem, torch))
    )
    if not any(contradicts(label, facts) for pin, label in linted if pin.name not in problem.allow):
        return None
    return replace(problem, build_indexes=rules.indexes)


def build_torch_facts(rules: Acceleration, version: Version, known: KnownCuda | None) -> TorchFacts:
    """What is known of a build of torch."""
    return TorchFacts(
        version=Version(version.public),
        cuda=None if known is None else known.cuda,
        knows_cuda=known is not None,
        cxx11_abi=rules.find_abi(version, known),
    )


def explain_wheels(demands: CudaDemands, project: NormalizedName, colliding: Sequence[_Version]) -> tuple[str, ...]:
    """For each wheel that says which torch it is for: that, and which torch the lock would have.

    `colliding` are the versions whose demands on the virtual project collide.
    """
    found = []
    for filename, label in _iter_wheels(demands, colliding):
        torch = _find_torch(demands, project, colliding, label)
        line = f"`{filename}` is built for {describe_label(label)}"
        found.append(line if torch is None else f"{line}; the lock would have {describe_torch(torch)}")
    return tuple(dict.fromkeys(found))


def iter_wheel_hints(demands: CudaDemands, project: NormalizedName, colliding: Sequence[_Version]) -> Iterator[str]:
    """The torch that a wheel of the collision goes with, and the name of the wheel for the torch that is asked for."""
    for filename, label in _iter_wheels(demands, colliding):
        torch = _find_torch(demands, project, colliding, label)
        release = _find_release(demands, label)
        wheel = None if torch is None else suggest_filename(filename, torch)
        words = [f"`torch=={release}`"] if release is not None else []
        words += [f"a wheel for torch {torch.version}: `{wheel}`"] if torch is not None and wheel else []
        if words:
            yield ", or ".join(words)


def _iter_wheels(demands: CudaDemands, colliding: Sequence[_Version]) -> Iterator[tuple[str, BuildLabel]]:
    """The files of the linted wheels with what they, or their page, say."""
    for name, version in colliding:
        row = demands.table(name).find_row(version)
        if row is None:
            continue
        known, files = demands.find_known(name, row), demands.table(name).files(row)
        if known is not None and known.label is not None and is_linted(known.label) and files:
            yield files[0].filename, known.label


def _find_torch(
    demands: CudaDemands, project: NormalizedName, colliding: Sequence[_Version], label: BuildLabel
) -> TorchFacts | None:
    """The build of torch that the list would have without the wheel.

    Of the release that the others of the collision need; where that is the wheel's own, they collide in its builds.
    """
    table = demands.table(TORCH_NAME)
    rows = list(table.ordered(demands.universe.shown_rows(TORCH_NAME)))
    needed = _find_needed(demands, colliding, label)
    chosen = [row for row in rows if Version(table.versions[row].public) in needed]
    if project != TORCH_RELEASE:
        chosen = [row for row in rows if label.fits_torch(table.versions[row])]
    row = next(iter((*chosen, *rows)), None)
    if row is None:
        return None
    return build_torch_facts(demands.acceleration, table.versions[row], demands.find_known(TORCH_NAME, row))


def _find_needed(demands: CudaDemands, colliding: Sequence[_Version], label: BuildLabel) -> frozenset[Version]:
    """The releases of torch that others of the collision than the wheel need."""
    found: list[frozenset[Version]] = []
    releases = demands.table(TORCH_RELEASE).versions
    for name, version in colliding:
        row = demands.table(name).find_row(version)
        known = () if row is None else demands.universe.known_demands(Node(name), row) or ()
        masks = [demand.mask for demand in known if demand.node.name == TORCH_RELEASE]
        found += [frozenset(one for at, one in enumerate(releases) if mask >> at & 1) for mask in masks]
    others = [versions for versions in found if not any(map(label.fits_torch, versions))]
    return frozenset().union(*others)


def _find_release(demands: CudaDemands, label: BuildLabel) -> Version | None:
    """The newest release of torch with a build that the wheel goes with, apart from what the list asks for."""
    table = demands.table(TORCH_NAME)
    for row in iter_rows(table.usable(table.all_rows & ~table.prerelease_mask)):
        found = build_torch_facts(demands.acceleration, table.versions[row], demands.find_known(TORCH_NAME, row))
        if not contradicts(label, found):
            return found.version
    return None


def _locate(problem: Problem, torch: Pin) -> Location:
    """The location that a pin came from, as far as it tells a build's CUDA."""
    locations: Sequence[Location] = problem.locations(NormalizedName(torch.name))
    return next((one for one in locations if one.url.public == torch.index), locations[0])
