"""Whether two GPUs get one answer: machine types of a run often differ in nothing that counts.

In: an answer for one target, the projects that were looked at for it, and another target. Out: yes, where the data
shows that every candidate of the list runs on both or on neither; no, where that is not certain. Nothing is asked or
solved.

Solving what was solved before: an answer is used again where nothing that it rests on has changed.

The result is that of a new search, because the same problem and the same pages have one solution. Where anything may
have changed, a search is made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.location import Location
from resolver.index.package_source import DelegatingSource, PackageSource
from resolver.index.project_page import ProjectPage
from resolver.solve.problem import Problem, render_question
from resolver.solve.resolution import Pin, Resolution, dump_resolution, load_resolution
from resolver.targets.accelerators import UNSPECIFIED, Gpu
from resolver.targets.families import is_torch_companion
from resolver.targets.kernels import Runs
from resolver.targets.known_cuda import find_floors
from resolver.targets.target import Target
from resolver.targets.torch_builds import TorchRelease, find_release, list_allowed_cuda, list_verdicts, load_releases

__all__ = [
    "WatchedSource",
    "has_same_answer",
    "solve_or_remember",
]


_TORCH = NormalizedName("torch")
_WITHOUT_BUILDS = frozenset({_TORCH, NormalizedName("triton")})
"""Companions whose candidates the rows of torch's releases tell apart; triton's hold no code of one CUDA release."""


class WatchedSource(DelegatingSource):
    """A package source that keeps the `names` of the projects whose pages were read."""

    def __init__(self, source: PackageSource) -> None:
        super().__init__(source)
        self.names: set[NormalizedName] = set()

    def project_page(self, name: NormalizedName, location: Location) -> ProjectPage | None:
        """See `PackageSource`."""
        self.names.add(name)
        return super().project_page(name, location)


def has_same_answer(resolution: Resolution, names: Collection[NormalizedName], *, here: Target, there: Target) -> bool:
    """Whether the resolution for `here`, which looked at `names`, is certainly that for `there` as well.

    Both must have the same driver, as far as it matters: then builds differ in their kernels alone, which only torch's
    are known for. Its releases that the list admits must be complete in the data, with the same builds running.
    """
    one, other = here.accelerator, there.accelerator
    if not isinstance(one, Gpu) or not isinstance(other, Gpu) or one.cuda != other.cuda or resolution.warnings:
        return False
    if replace(here, accelerator=UNSPECIFIED) != replace(there, accelerator=UNSPECIFIED):
        return False
    if any(find_floors(name) for name in names):
        return False
    companions = {name for name in names if is_torch_companion(name)}
    if not companions <= _WITHOUT_BUILDS and list_allowed_cuda(here.platform, one) != list_allowed_cuda(
        there.platform, other
    ):
        return False
    return _TORCH not in names or _runs_same_releases(resolution, here, there)


def _runs_same_releases(resolution: Resolution, here: Target, there: Target) -> bool:
    torch = next((pin for pin in resolution.pins if pin.name == _TORCH), None)
    if torch is None or find_release(Version(torch.version.public)) is None:
        return False
    asked = _read_listed(torch)
    admitted = [release for release in load_releases() if _admits(asked, release, here)]
    return all(
        release.is_complete_on(here.platform)
        and release.default_on(here.platform) in _running(release, here)
        and _running(release, here) == _running(release, there)
        for release in admitted
    ) and bool(admitted)


def _running(release: TorchRelease, target: Target) -> list[object]:
    """The CUDA releases of the builds that run, lowest first."""
    verdicts = list_verdicts(release, target.platform, target.accelerator)
    return [build.cuda for build, verdict in verdicts if isinstance(verdict, Runs)]


def _read_listed(pin: Pin) -> list[SpecifierSet]:
    """What the list itself says of a project's version: all that is certain while a search goes on."""
    found: list[SpecifierSet] = []
    for requester in pin.requesters:
        if requester.position is not None:
            try:
                found.append(Requirement(requester.text).specifier)
            except InvalidRequirement:
                continue
    return found


def _admits(asked: Sequence[SpecifierSet], release: TorchRelease, target: Target) -> bool:
    """Whether the release, or one of its labelled builds, is what the list asks for."""
    versions = [release.version, *(Version(str(build)) for build in release.builds_on(target.platform))]
    return any(all(specifier.contains(one, prereleases=True) for specifier in asked) for one in versions)


def solve_or_remember(
    problem: Problem, source: PackageSource, solve: Callable[[], Resolution], *, behind: object
) -> Resolution:
    """What `solve` gives: kept from an earlier run, or now. The files of the pins are complete.

    `behind` is what decides `problem.locations` and all else that is in neither the problem nor the source.
    """
    answers = source.answers
    question = None if answers is None or problem.require_hashes else render_question(problem, behind)
    if answers is None or question is None:
        return solve()
    answer = answers.find_answer(question)
    if answer is not None:
        try:
            return load_resolution(answer, problem.roots)
        except (ValueError, TypeError, LookupError):
            pass  # Not what was written: as if there were none.
    resolution = solve()
    text = None if any(pin.built for pin in resolution.pins) else dump_resolution(resolution, problem.roots)
    if text is not None:
        answers.keep_answer(question, text)
    return resolution
