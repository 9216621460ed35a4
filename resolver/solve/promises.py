"""Which builds of a release family indexes may have, from the data and before any of them is read.

In: a version on the default index with what is known of its build. Out: the labelled builds to look for, each with the
index that would have it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.index.family_indexes import FamilyIndex
from resolver.solve.acceleration import CPU_BUILD_NAMES, CUDA_BUILD_NAMES, Acceleration
from resolver.targets.accelerators import Cpu
from resolver.targets.cuda import CudaVersion
from resolver.targets.families import is_torch_companion
from resolver.targets.known_cuda import KnownCuda
from resolver.targets.labels import parse_label
from resolver.targets.target import Target
from resolver.targets.torch_builds import (
    TorchRelease,
    find_release,
    has_cpu_label,
    iter_releases_of_companion,
    list_allowed_cuda,
)

__all__ = ["Promise", "iter_promises", "list_allowed_indexes"]

_ALWAYS_LABELLED = frozenset({"torch", "torchaudio", "torchvision"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A build that an index may have, under a version with or without its label."""

    version: Version
    index: FamilyIndex
    known: KnownCuda | None


def iter_promises(
    name: NormalizedName,
    version: Version,
    known: KnownCuda | None,
    reason: str,
    labels: Collection[str],
    acceleration: Acceleration,
) -> Iterator[Promise]:
    """The builds beside the default index's own, which is `known` and out for `reason`, if that is not empty.

    Where its own build runs, others count for companions of torch alone, whose CUDA must be torch's, and for `labels`,
    which the list names.
    """
    if version.local is not None:
        return
    builds = _list_builds(name, version, known, reason, acceleration.target)
    found: dict[tuple[Version, str], Promise] = {}
    for cuda in dict.fromkeys((*builds, *_iter_labelled(labels))):
        for promise in _iter_of_build(name, version, cuda, acceleration):
            found.setdefault((promise.version, promise.index.location.url.public), promise)
    yield from found.values()


def list_allowed_indexes(
    name: NormalizedName, labels: Collection[str], acceleration: Acceleration
) -> tuple[FamilyIndex, ...]:
    """The indexes of the builds that the list names by `labels`, else of all that can run, newest CUDA first."""
    target = acceleration.target
    builds = [*_iter_labelled(labels)]
    if not builds:
        is_cpu = isinstance(target.accelerator, Cpu)
        builds = [None] if is_cpu else [*list_allowed_cuda(target.platform, target.accelerator)]
    found = (index for cuda in builds for index in acceleration.indexes.find(name, cuda))
    return tuple({index.location.url.public: index for index in found}.values())


def _iter_labelled(labels: Collection[str]) -> Iterator[CudaVersion | None]:
    """The builds that labels name; None is the one for the CPU."""
    for label in sorted(labels):
        parsed = parse_label(label)
        if parsed is not None and parsed.backend == "cpu":
            yield None
        elif parsed is not None and isinstance(parsed.cuda, CudaVersion):
            yield parsed.cuda


def _list_builds(
    name: NormalizedName, version: Version, known: KnownCuda | None, reason: str, target: Target
) -> list[CudaVersion | None]:
    """The builds to look for on family indexes; None is the one for the CPU."""
    if isinstance(target.accelerator, Cpu):
        return [None] if _has_cpu_build(name, version, target) else []
    if is_torch_companion(name):
        return [*_list_companion_builds(name, version, known, target)]
    return [*list_allowed_cuda(target.platform, target.accelerator)] if reason else []


def _has_cpu_build(name: NormalizedName, version: Version, target: Target) -> bool:
    if name not in CPU_BUILD_NAMES:
        return False
    releases = _find_releases(name, version)
    torches = [release.version for release in releases] or [version if name == "torch" else Version("9999")]
    return any(has_cpu_label(torch, target.platform) for torch in torches)


def _list_companion_builds(
    name: NormalizedName, version: Version, known: KnownCuda | None, target: Target
) -> tuple[CudaVersion, ...]:
    """The builds that the data has of a release, if it has all of them; else every build that some release has.

    Builds that do not run are among those of a release, for messages.
    """
    if known is not None and known.cuda is None and name not in CUDA_BUILD_NAMES:
        return ()
    releases = _find_releases(name, version)
    if releases and all(release.is_complete_on(target.platform) for release in releases):
        return tuple(sorted({build.cuda for release in releases for build in release.builds_on(target.platform)}))
    known_builds = {build.cuda for release in releases for build in release.builds_on(target.platform)}
    return tuple(sorted({*known_builds, *list_allowed_cuda(target.platform, target.accelerator)}))


def _find_releases(name: NormalizedName, version: Version) -> tuple[TorchRelease, ...]:
    if name == "torch":
        release = find_release(version)
        return () if release is None else (release,)
    return tuple(iter_releases_of_companion(name, version))


def _iter_of_build(
    name: NormalizedName, version: Version, cuda: CudaVersion | None, acceleration: Acceleration
) -> Iterator[Promise]:
    label = "cpu" if cuda is None else cuda.label
    for index in acceleration.indexes.find(name, cuda, version=str(version)):
        for text in (f"{version}+{label}", *([] if name in _ALWAYS_LABELLED else [f"{version}"])):
            promised = Version(text)
            known = acceleration.find_known(name, promised, index.location)
            yield Promise(version=promised, index=index, known=known)
