"""What an accelerator means for candidates: the CUDA that each is built for, and whether it runs there.

In: a target and what the user allows. Out: for a name, version and location its `KnownCuda`, the reason that rules it
out, and what it demands of `<cuda>`, `<cuda-major>`, `<torch>` and `<torch-abi>`. All of it is known before any file is
read.

Projects that stand for facts: one solution has one CUDA release, one CUDA major release, one torch and one ABI.

Their names are ones that no project can have. Nothing of the list asks for them; builds do, once their CUDA or the
torch that they go with is known. So the search itself keeps builds of two CUDA releases apart. `<cuda>` and
`<cuda-major>` have those versions alone that the target runs, and each `<cuda>` brings its `<cuda-major>`; version 0 of
`<cuda>` is torch without CUDA, which brings none. They have no files, and never reach a lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from functools import cache
from itertools import chain
from typing import assert_never

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.index.distribution_file import DistributionFile
from resolver.index.location import FamilyIndexes, Location
from resolver.index.version_sets import VersionSets
from resolver.solve.build_rules import BUILT_FOR_GPU
from resolver.solve.demand import TORCH_ABI, TORCH_RELEASE
from resolver.solve.project_table import FileRules, ProjectTable
from resolver.targets.accelerators import (
    Accelerator,
    Cpu,
    Cuda,
    CudaMajor,
    CudaVersion,
    Gpu,
    Unspecified,
    find_driver_floor,
)
from resolver.targets.data_files import read_data
from resolver.targets.families import is_torch_companion
from resolver.targets.kernels import CudaBuild, NeedsDriver, Runs, UnknownKernels, Verdict, runs
from resolver.targets.known_cuda import KnownCuda, find_floors, find_known_cuda, find_missing_floor
from resolver.targets.labels import is_linted, parse_name_label
from resolver.targets.target import Target
from resolver.targets.torch_builds import (
    TorchRelease,
    find_release,
    iter_releases_of_companion,
    load_releases,
    uses_cxx11_abi,
)

__all__ = [
    "ABI_VERSIONS",
    "CPU_BUILD_NAMES",
    "CUDA",
    "CUDA_BUILD_NAMES",
    "CUDA_MAJOR",
    "NO_CUDA",
    "TORCH_NAME",
    "Acceleration",
    "VirtualDemand",
    "build_virtual_table",
    "find_verdict",
    "list_releases_of_major",
]


CUDA = NormalizedName("<cuda>")
CUDA_MAJOR = NormalizedName("<cuda-major>")

NO_CUDA = Version("0")
"""The version of `<cuda>` that torch without CUDA needs."""

ABI_VERSIONS = {False: Version("0"), True: Version("1")}
"""The versions of `<torch-abi>`, by whether it is the C++11 ABI."""

_MAJORS = range(8, 30)
_MINORS = range(13)


def build_virtual_table(name: NormalizedName, accelerator: Accelerator, *, is_bound: bool) -> ProjectTable:
    """All versions of a virtual project; with `is_bound` those only that run on the accelerator."""
    versions = sorted(_iter_versions(name, accelerator if is_bound else None), reverse=True)
    return ProjectTable(
        name=name,
        versions=versions,
        wheel_mask=(1 << len(versions)) - 1,
        sdist_mask=0,
        prerelease_mask=0,
        yanked_mask=0,
        listings=(),
        missing=(),
        rules=FileRules(),
        _partly_yanked=0,
        _sets=VersionSets(versions, 0),
        _places=[()] * len(versions),
    )


def list_releases_of_major(major: int) -> tuple[Version, ...]:
    """The versions of `<cuda>` that are releases of a major one."""
    return tuple(Version(str(CudaVersion(major, minor))) for minor in _MINORS)


def _iter_versions(name: NormalizedName, accelerator: Accelerator | None) -> Iterable[Version]:
    if name == TORCH_RELEASE:
        return (release.version for release in load_releases())
    if name == TORCH_ABI:
        return ABI_VERSIONS.values()
    found: Iterable[Cuda] = map(CudaMajor, _MAJORS)
    if name == CUDA:
        found = (CudaVersion(major, minor) for major in _MAJORS for minor in _MINORS)
    if isinstance(accelerator, Gpu):
        found = (cuda for cuda in found if accelerator.cuda.runs(cuda))
    versions = (Version(str(cuda)) for cuda in found)
    return chain((NO_CUDA,), versions) if name == CUDA else versions


TORCH_NAME = NormalizedName("torch")
CPU_BUILD_NAMES = frozenset({"torch", "torchao", "torchaudio", "torchcodec", "torchvision"})
"""Projects that have builds for the CPU on the PyTorch indexes. CUDA builds of others run without a GPU too."""

CUDA_BUILD_NAMES = frozenset({"torch", "torchvision"})
"""Projects whose wheels on the default index are without CUDA on some platforms, where family indexes have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualDemand:
    """What a candidate needs of a virtual project: one of these versions. `text` is for messages."""

    name: NormalizedName
    versions: tuple[Version, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceleration:
    """The rules of one target. `allow` are names that may be built for what the target does not run.

    `indexes` is where families keep their builds. `untied` are names whose versions the list fixes against the table of
    torch's companions. `measure` reads out of a wheel of torch what it is compiled for, as text like `75 80 ptx120`,
    empty where that cannot be read; None asks for no such thing.
    """

    target: Target
    indexes: FamilyIndexes
    allow: frozenset[NormalizedName] = frozenset()
    untied: frozenset[NormalizedName] = frozenset()
    measure: Callable[[DistributionFile], str] | None = field(default=None, compare=False, repr=False)

    @property
    def is_bound(self) -> bool:
        """Whether the target bounds the versions of `<cuda>`: what is allowed has to be met by some."""
        return not self.allow

    def concerns(self, name: NormalizedName) -> bool:
        """Whether anything is known of a project's builds before they are read, apart from labels and indexes."""
        match self.target.accelerator:
            case Unspecified():
                return False
            case Cpu():
                return name in CPU_BUILD_NAMES
            case Gpu():
                return _is_known_name(name) or self.indexes.has_any(name)
            case _:
                assert_never(self.target.accelerator)

    def fits(self, name: NormalizedName, version: Version, location: Location) -> bool:
        """Whether a search may take a candidate, as far as can be told before anything of it is read."""
        return not self.concerns(name) or self.runs(name, version, location)

    def runs(self, name: NormalizedName, version: Version, location: Location) -> bool:
        """Whether the target runs a build, as far as its name, version and index tell."""
        known = self.find_known(name, version, location)
        return not self.find_reason(name, version, known, named=not location.is_default)

    def find_known(self, name: NormalizedName, version: Version, location: Location) -> KnownCuda | None:
        """The CUDA of a candidate as label, index and data tell it."""
        known = self._find_known(name, version, location, is_default_index=location.is_default)
        if known is None or known.rule != "index" or name in CUDA_BUILD_NAMES:
            return known
        # What holds no CUDA anywhere (triton) holds none on an index of CUDA builds either.
        data = self._find_known(name, version, location, is_default_index=True)
        return data if data is not None and data.rule == "data" and data.cuda is None else known

    def _find_known(
        self, name: NormalizedName, version: Version, location: Location, *, is_default_index: bool
    ) -> KnownCuda | None:
        return find_known_cuda(
            name,
            version,
            index_url=location.url.public,
            is_default_index=is_default_index,
            platform=self.target.platform,
        )

    def find_reason(self, name: NormalizedName, version: Version, known: KnownCuda | None, *, named: bool) -> str:
        """Why a build is ruled out; empty if it is a candidate. `named`: the list names its label or its index."""
        if name in self.allow:
            return ""
        return self.find_lack(name, version, known, named=named)

    def find_lack(self, name: NormalizedName, version: Version, known: KnownCuda | None, *, named: bool) -> str:
        """What the machine lacks for a candidate, allowed or not; empty for nothing."""
        cuda = None if known is None else known.cuda
        backend = None if known is None or known.label is None else known.label.backend
        accelerator = self.target.accelerator
        match accelerator:
            case Unspecified():
                return ""
            case Cpu():
                is_for_gpu = cuda is not None or backend not in (None, "cpu")
                is_left_out = is_for_gpu and not named and name in CPU_BUILD_NAMES
                return BUILT_FOR_GPU if is_left_out else ""
            case Gpu():
                if backend in ("rocm", "xpu"):
                    return f"is built for {backend}, not for CUDA"
                if name in CUDA_BUILD_NAMES and known is not None and cuda is None and known.rule == "data":
                    return "is built for the CPU alone"
                verdict = None if cuda is None else self._find_verdict(name, version, cuda, accelerator)
                if verdict is not None and not isinstance(verdict, Runs | UnknownKernels):
                    return str(verdict)
                return find_missing_floor(name, accelerator)
            case _:
                assert_never(accelerator)

    def _find_verdict(self, name: NormalizedName, version: Version, cuda: Cuda, gpu: Gpu) -> Verdict:
        if name == TORCH_NAME and isinstance(cuda, CudaVersion):
            return find_verdict(version, cuda, self.target)
        return Runs() if gpu.cuda.runs(cuda) else NeedsDriver(driver=find_driver_floor(cuda))

    def find_verdict_of_torch(self, version: Version, cuda: CudaVersion) -> Verdict:
        """Whether a build of torch runs on the target."""
        return find_verdict(version, cuda, self.target)

    def iter_demands(self, name: NormalizedName, version: Version, known: KnownCuda | None) -> Iterator[VirtualDemand]:
        """What a candidate needs of the virtual projects that stand for CUDA, as far as `known` goes."""
        if known is None:
            return
        if known.cuda is None:
            if _is_torch_without_cuda(name, known):
                yield VirtualDemand(name=CUDA, versions=(NO_CUDA,), text="no CUDA")
            return
        if name not in self.allow or is_torch_companion(name):
            yield from _demand_cuda(name, known)

    def iter_torch_demands(
        self, name: NormalizedName, version: Version, known: KnownCuda | None
    ) -> Iterator[VirtualDemand]:
        """What a candidate needs of the virtual projects that stand for torch: its release and its ABI."""
        if name in self.allow and not is_torch_companion(name):
            return
        releases = self._find_releases(name, version, known)
        if releases:
            versions = tuple(release.version for release in releases)
            yield VirtualDemand(name=TORCH_RELEASE, versions=versions, text=f"torch {' or '.join(map(str, versions))}")
        abi = self.find_abi(version, known) if name == TORCH_NAME else _find_labelled_abi(known)
        if abi is not None:
            text = f"torch {'with' if abi else 'without'} the C++11 ABI"
            yield VirtualDemand(name=TORCH_ABI, versions=(ABI_VERSIONS[abi],), text=text)

    def find_abi(self, version: Version, known: KnownCuda | None) -> bool | None:
        """Whether a build of torch has the C++11 ABI; None for a build of unknown origin."""
        is_known = known is not None and known.rule in ("label", "data")
        return uses_cxx11_abi(version, self.target.platform) if is_known else None

    def _find_releases(
        self, name: NormalizedName, version: Version, known: KnownCuda | None
    ) -> tuple[TorchRelease, ...]:
        """The releases of torch that a candidate goes with; none where nothing is known of them."""
        if name == TORCH_NAME:
            release = find_release(version)
            return () if release is None else (release,)
        if known is not None and known.label is not None and known.label.torch is not None:
            return tuple(one for one in load_releases() if known.label.fits_torch(one.version))
        if name in self.untied:
            return ()
        return tuple(iter_releases_of_companion(name, version))


def find_verdict(version: Version, cuda: CudaVersion, target: Target) -> Verdict:
    """Whether a build of torch runs on the target; the kernels of a build that the data lacks are unknown."""
    release = find_release(version)
    builds = () if release is None else release.builds_on(target.platform)
    compiled = next((build.compiled for build in builds if build.cuda == cuda), CudaBuild(cuda=cuda))
    return runs(compiled, target.accelerator)


def _demand_cuda(name: NormalizedName, known: KnownCuda) -> Iterator[VirtualDemand]:
    cuda = known.cuda
    assert cuda is not None
    if isinstance(cuda, CudaVersion) and is_torch_companion(name):
        yield VirtualDemand(name=CUDA, versions=(Version(str(cuda)),), text=f"CUDA {cuda}")
    elif is_linted(known.label):
        # It links to torch, so torch must have CUDA as well, though any minor release of it.
        yield VirtualDemand(name=CUDA, versions=list_releases_of_major(cuda.major), text=f"CUDA {cuda.major}")
    # `<cuda>` would bring this one as well, but only once it is decided: a collision shows sooner so.
    major = CudaMajor(cuda.major)
    yield VirtualDemand(name=CUDA_MAJOR, versions=(Version(str(major)),), text=f"CUDA {major}")


def _is_torch_without_cuda(name: NormalizedName, known: KnownCuda) -> bool:
    """Whether a build is one of torch's kind that was made for the CPU alone, rather than one without any kernels."""
    if known.label is not None and known.label.backend == "cpu":
        return is_torch_companion(name) or is_linted(known.label)
    return name in CUDA_BUILD_NAMES and known.rule == "data"


def _find_labelled_abi(known: KnownCuda | None) -> bool | None:
    return None if known is None or known.label is None else known.label.cxx11_abi


@cache
def _is_known_name(name: NormalizedName) -> bool:
    if is_torch_companion(name) or find_floors(name):
        return True
    label = parse_name_label(name)
    if label is not None and label.cuda is not None:
        return True
    return any(name in row["names"] for row in read_data("packages")["package"])
