"""The builds of torch: which exist, which run on a machine, in which order they are tried, and why none runs.

In: `data/torch.toml`, a platform and an accelerator. Out: `TorchRelease` and `TorchBuild` values, and `NoRunningBuild`,
which holds the reasons as data and renders them as text.

The data is incomplete and marked so. A build with `verified = false` may not exist, and a release that is not
`complete` on a platform may have more builds there: in both cases the index decides. Builds of other projects are in
`resolver.targets.known_cuda`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import cache, lru_cache
from typing import Any, Literal, assert_never

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.targets.accelerators import Accelerator, CudaVersion, Driver, Gpu, parse_cuda
from resolver.targets.data_files import read_data
from resolver.targets.kernels import CudaBuild, NeedsDriver, NoKernels, Runs, Verdict, parse_architectures, runs
from resolver.targets.platforms import Linux, MacOS, Platform, Windows

__all__ = [
    "DefaultBuild",
    "NoRunningBuild",
    "TorchBuild",
    "TorchRelease",
    "explain_no_build",
    "find_default_cuda",
    "find_release",
    "find_verdict",
    "has_cpu_label",
    "iter_releases_of_companion",
    "iter_running_builds",
    "list_allowed_cuda",
    "list_verdicts",
    "load_releases",
    "order_builds",
    "uses_cxx11_abi",
]

DefaultBuild = CudaVersion | Literal["cpu"]
"""What the default index's wheel of a release is built for: a CUDA release, or no GPU."""

_PlatformName = Literal["x86_64", "aarch64", "macos", "windows"]
"""The name of a platform in the data: Linux goes by its architecture."""
_PLURALS = {"has": "have", "needs": "need", "is": "are"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchBuild:
    """One CUDA build of a release on a platform.

    `is_default` marks the build that the default index has, where it carries no label. `verified` is false for a build
    that has not been seen on an index. `source` and `confidence` are copied from the row.
    """

    version: Version
    compiled: CudaBuild
    is_default: bool
    verified: bool
    source: str
    confidence: str

    @property
    def cuda(self) -> CudaVersion:
        """The CUDA release of the build."""
        return self.compiled.cuda

    @property
    def label(self) -> str:
        """The local version label of the build on the PyTorch indexes: `cu124`."""
        return self.compiled.cuda.label

    def __str__(self) -> str:
        return f"{self.version}+{self.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchRelease:
    """A release of torch, with its builds by platform name, lowest CUDA first.

    `python_tags` are those of the default index's Linux wheels. `complete` names the platforms whose builds are all in
    the data, `defaults` by platform what the default index's wheel is built for. `companions` are by project the
    versions that go with the release, `triton` is the specifier of triton in its metadata, empty if it has none.
    """

    version: Version
    python_tags: tuple[str, ...]
    complete: frozenset[str]
    defaults: dict[str, DefaultBuild] = field(hash=False)
    builds: dict[str, tuple[TorchBuild, ...]] = field(hash=False)
    companions: dict[str, tuple[Version, ...]] = field(hash=False)
    triton: str = ""
    source: str = ""

    def builds_on(self, platform: Platform) -> tuple[TorchBuild, ...]:
        """The CUDA builds for a platform, lowest CUDA first."""
        return self.builds.get(_name_platform(platform), ())

    def is_complete_on(self, platform: Platform) -> bool:
        """Whether the data has every build for the platform."""
        return _name_platform(platform) in self.complete

    def default_on(self, platform: Platform) -> DefaultBuild | None:
        """What the default index's wheel is built for; None where the data does not have it."""
        return self.defaults.get(_name_platform(platform))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRunningBuild:
    """A torch release without a build that runs on a target.

    `cuda` is the CUDA release of the one build in question, None if every build was considered. `verdicts` are the
    builds, lowest CUDA first, with what each lacks. `later` is the build of the first later release that runs,
    `earlier` that of the last earlier one; both are verified. `assumed_driver` is the driver if it is an assumption,
    else None. `is_certain` means that the release has no build for the platform beside those of the data.
    """

    version: Version
    cuda: CudaVersion | None
    platform: Platform
    verdicts: tuple[tuple[TorchBuild, Verdict], ...]
    later: TorchBuild | None
    earlier: TorchBuild | None
    assumed_driver: Driver | None
    is_certain: bool

    def __str__(self) -> str:
        parts = [self._render_builds(), *self._render_reasons(), *self._render_nearest()]
        return "; ".join(part for part in parts if part)

    def _render_builds(self) -> str:
        """Which builds the release has; of a single one also what it lacks."""
        if not self.verdicts:
            kind = "CUDA build" if self.cuda is None else f"{self.cuda.label} build"
            return f"torch {self.version} has no {kind} for `{self.platform}` that is known"
        if len(self.verdicts) == 1:
            build, verdict = self.verdicts[0]
            name = (
                f"torch {build}"
                if self.cuda is not None
                else f"torch {self.version} has one build, {build.label}, which"
            )
            return f"{name} {self._render_one(verdict, several=False)}"
        return f"torch {self.version} has builds for {', '.join(build.label for build, _ in self.verdicts)}"

    def _render_reasons(self) -> list[str]:
        """One text if all builds lack the same, otherwise one for each group; empty for a single build.

        The text about a single build already has its reason.
        """
        if len(self.verdicts) < 2:
            return []
        groups: dict[Verdict, list[str]] = {}
        for build, verdict in self.verdicts:
            groups.setdefault(verdict, []).append(build.label)
        if len(groups) == 1:
            return [self._render_all(next(iter(groups)))]
        texts = (
            f"{_join(labels)} {self._render_one(verdict, several=len(labels) > 1)}"
            for verdict, labels in groups.items()
        )
        return [", ".join(texts)]

    def _render_all(self, verdict: Verdict) -> str:
        """What every build lacks, for a release with several builds."""
        if isinstance(verdict, NoKernels):
            return f"none has kernels for {verdict.place}"
        return f"all {self._render_one(verdict, several=True)}"

    def _render_one(self, verdict: Verdict, *, several: bool) -> str:
        """What builds lack, with the verb in the plural for `several`, and a note that the driver is assumed."""
        text = str(verdict)
        if several:
            verb, _, rest = text.partition(" ")
            text = f"{_PLURALS.get(verb, verb)} {rest}"
        if isinstance(verdict, NeedsDriver) and self.assumed_driver is not None:
            text += f" ({self.assumed_driver} is assumed)"
        return text

    def _render_nearest(self) -> list[str]:
        """The nearest release that runs, a later one if there is one."""
        lacks_kernels = bool(self.verdicts) and all(isinstance(one, NoKernels) for _, one in self.verdicts)
        does = "does" if lacks_kernels and len(self.verdicts) > 1 else "runs"
        if self.later is not None:
            return [f"the first that {does} is {self.later}"]
        return [f"the last that {does} is {self.earlier}"] if self.earlier is not None else []


@cache
def load_releases() -> tuple[TorchRelease, ...]:
    """All releases of the data, newest first."""
    data = read_data("torch")
    releases = [_read_release(row, data["cpu-only"]) for row in data["release"]]
    return tuple(sorted(releases, key=lambda release: release.version, reverse=True))


def find_release(version: Version) -> TorchRelease | None:
    """The release of a version, whose label does not count; None for one that the data does not have."""
    return _releases_by_number().get(_number(version))


def find_default_cuda(version: Version, platform: Platform) -> DefaultBuild | None:
    """What the default index's torch of a version is built for; None where the data does not have it."""
    release = find_release(version)
    return None if release is None else release.default_on(platform)


def has_cpu_label(version: Version, platform: Platform) -> bool:
    """Whether the CPU build of a version on the PyTorch indexes has the label `+cpu`; on some platforms it has none."""
    first = read_data("torch")["cpu-label"].get(_name_platform(platform))
    return first is not None and version >= Version(first)


def uses_cxx11_abi(version: Version, platform: Platform) -> bool | None:
    """Whether the C++ code of a build has the C++11 ABI, which extensions must share; None on platforms with one ABI.

    `version` carries the label of the build; without a label it is that of the default index.
    """
    data = read_data("torch")
    first = data["cxx11-abi"].get(_name_platform(platform))
    if first is None:
        return None
    if version.local == data["cxx11-abi-label"] or version in map(Version, data["cxx11-abi-earlier"]):
        return True
    return version >= Version(first)


@lru_cache(maxsize=64)
def list_allowed_cuda(platform: Platform, accelerator: Accelerator) -> tuple[CudaVersion, ...]:
    """The CUDA releases of all builds of torch that run on a target, newest first.

    Other CUDA releases need no query to their indexes.
    """
    return tuple(sorted({build.cuda for build in iter_running_builds(platform, accelerator)}, reverse=True))


def iter_releases_of_companion(name: NormalizedName, version: Version) -> Iterator[TorchRelease]:
    """The releases that a version of torchvision, torchaudio or xformers goes with, newest first; usually one."""
    public = Version(version.public)
    ranges = [torch for of, versions, torch in _ranges() if of == name and versions.contains(public, prereleases=True)]
    return (
        release
        for release in load_releases()
        if public in release.companions.get(name, ()) or any(torch.contains(release.version) for torch in ranges)
    )


def order_builds(release: TorchRelease, platform: Platform, accelerator: Accelerator) -> tuple[TorchBuild, ...]:
    """The builds of a release that run, in the order in which they are tried.

    The default index's own build comes first, then the others by descending CUDA. Builds that are not verified are
    included, since the index decides about them.
    """
    running = [build for build in release.builds_on(platform) if isinstance(runs(build.compiled, accelerator), Runs)]
    return tuple(sorted(running, key=lambda build: (build.is_default, build.cuda), reverse=True))


def iter_running_builds(
    platform: Platform, accelerator: Accelerator, *, python_tag: str | None = None
) -> Iterator[TorchBuild]:
    """Every build that runs, newest release first, each release in the order of `order_builds`.

    `python_tag` (`cp311`) leaves out releases without wheels for it.
    """
    for release in load_releases():
        if python_tag is None or python_tag in release.python_tags:
            yield from order_builds(release, platform, accelerator)


def list_verdicts(
    release: TorchRelease, platform: Platform, accelerator: Accelerator
) -> tuple[tuple[TorchBuild, Verdict], ...]:
    """Every build of a release with whether it runs, lowest CUDA first."""
    builds = release.builds_on(platform)
    return tuple((one, find_verdict(release.version, one.cuda, platform, accelerator)) for one in builds)


def find_verdict(version: Version, cuda: CudaVersion, platform: Platform, accelerator: Accelerator) -> Verdict:
    """Whether a build of torch runs on an accelerator, for tables and for the search alike.

    The kernels of a build that the data does not have are unknown; then only the ends of CUDA itself count.
    """
    release = find_release(version)
    builds = () if release is None else release.builds_on(platform)
    return runs(next((one.compiled for one in builds if one.cuda == cuda), CudaBuild(cuda=cuda)), accelerator)


def explain_no_build(
    version: Version,
    platform: Platform,
    accelerator: Accelerator,
    *,
    cuda: CudaVersion | None = None,
    python_tag: str | None = None,
) -> NoRunningBuild | None:
    """Why no build of a torch release runs; None if one runs, or if the release is unknown.

    With `cuda`, for a version with a label, only the builds for that CUDA release count. `python_tag` (`cp311`)
    excludes releases without wheels for it from `later` and `earlier`.
    """
    release = find_release(version)
    if release is None:
        return None
    verdicts = [pair for pair in list_verdicts(release, platform, accelerator) if cuda in (None, pair[0].cuda)]
    if any(isinstance(verdict, Runs) for _, verdict in verdicts):
        return None
    running = [one for one in iter_running_builds(platform, accelerator, python_tag=python_tag) if one.verified]
    later = [one for one in running if one.version > release.version]
    nearest = [one for one in later if one.version == later[-1].version]
    is_assumed = isinstance(accelerator, Gpu) and accelerator.driver_source == "assumption"
    return NoRunningBuild(
        version=release.version,
        cuda=cuda,
        platform=platform,
        verdicts=tuple(verdicts),
        later=nearest[0] if nearest else None,
        earlier=next((one for one in running if one.version < release.version), None),
        assumed_driver=accelerator.driver if is_assumed and isinstance(accelerator, Gpu) else None,
        is_certain=release.is_complete_on(platform),
    )


def _name_platform(platform: Platform) -> _PlatformName:
    """The name of a platform in the data."""
    match platform:
        case Linux():
            return platform.arch
        case MacOS():
            return "macos"
        case Windows():
            return "windows"
        case _:
            assert_never(platform)


def _join(labels: list[str]) -> str:
    """Labels as an enumeration: `cu121, cu124 and cu126`."""
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def _read_release(row: dict[str, Any], cpu_only: Sequence[str]) -> TorchRelease:
    """A release from its row. `cpu_only` are the platforms whose default wheel has no CUDA in any release."""
    version = Version(row["version"])
    defaults: dict[str, DefaultBuild] = dict.fromkeys(cpu_only, "cpu")
    defaults |= {name: "cpu" if text == "cpu" else _read_cuda(text) for name, text in row["default"].items()}
    builds: dict[str, list[TorchBuild]] = {}
    for one in row["builds"]:
        platform = one.get("on", "x86_64")
        builds.setdefault(platform, []).append(_read_build(version, one, defaults.get(platform)))
    companions = {name: tuple(map(Version, row.get(name, ()))) for name in ("torchvision", "torchaudio", "xformers")}
    return TorchRelease(
        version=version,
        python_tags=tuple(row["python"].split()),
        complete=frozenset(row["complete"]),
        defaults=defaults,
        builds={name: tuple(sorted(found, key=lambda build: build.cuda)) for name, found in builds.items()},
        companions=companions,
        triton=row.get("triton", ""),
        source=row["source"],
    )


def _read_cuda(text: str) -> CudaVersion:
    """The CUDA release in a row, which always has a minor version."""
    cuda = parse_cuda(text)
    assert isinstance(cuda, CudaVersion)
    return cuda


def _read_build(version: Version, row: dict[str, Any], default: DefaultBuild | None) -> TorchBuild:
    """A build from its row; `default` is what the default index has for the platform."""
    cuda = _read_cuda(row["cuda"])
    return TorchBuild(
        version=version,
        compiled=CudaBuild(cuda=cuda, architectures=parse_architectures(row["sm"])),
        is_default=cuda == default,
        verified=row["verified"],
        source=row["source"],
        confidence=row["confidence"],
    )


@cache
def _ranges() -> tuple[tuple[str, SpecifierSet, SpecifierSet], ...]:
    """Projects, their versions with torch's stable ABI, and the releases of torch that these go with."""
    rows = read_data("torch")["range"]
    return tuple((row["name"], SpecifierSet(row["versions"]), SpecifierSet(row["torch"])) for row in rows)


@cache
def _releases_by_number() -> dict[tuple[int, ...], TorchRelease]:
    """All releases by their key."""
    return {_number(release.version): release for release in load_releases()}


def _number(version: Version) -> tuple[int, ...]:
    """A key that is equal for 2.5 and 2.5.0.

    Pre-, post- and development releases have a key that no release has, since the data has none of them.
    """
    if version.pre is not None or version.dev is not None or version.post is not None:
        return (*version.release, -1)
    numbers = list(version.release)
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
