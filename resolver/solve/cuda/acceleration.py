"""What an accelerator means for candidates: the CUDA of each build, whether it runs, and what it demands.

In: a target and what the user allows. Out: for a name, version and location its `KnownCuda`, the reason that rules it
out, and its demands on virtual projects. All of it is known before any file is read.

Virtual projects represent facts of a solution: one CUDA release (`<cuda>`), one CUDA major release (`<cuda-major>`),
one torch (`<torch>`) and one ABI (`<torch-abi>`). No project can have such a name. The list never requires them; builds
do, so the search itself keeps builds of two CUDA releases apart. `<cuda>` and `<cuda-major>` have only versions that
the target runs; each `<cuda>` needs its `<cuda-major>`, and version 0 of `<cuda>` is torch without CUDA, which needs
none. Virtual projects have no files and never reach a lock.
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
from resolver.solve.demand import BUILT_FOR_GPU, TORCH_ABI, TORCH_RELEASE
from resolver.solve.project_table import FileRules, ProjectTable
from resolver.targets.accelerators import (
    Accelerator,
    Cpu,
    Cuda,
    CudaMajor,
    CudaVersion,
    Gpu,
    Unspecified,
)
from resolver.targets.data_files import read_data
from resolver.targets.families import is_torch_companion
from resolver.targets.kernels import Runs, UnknownKernels, Verdict
from resolver.targets.known_cuda import (
    KnownCuda,
    find_floors,
    find_known_cuda,
    find_lack,
    find_missing_floor,
    find_suffix,
)
from resolver.targets.labels import is_torch_extension
from resolver.targets.target import Target
from resolver.targets.torch_builds import (
    TorchRelease,
    explain_no_build,
    find_release,
    find_verdict,
    iter_releases_of_companion,
    load_releases,
    uses_cxx11_abi,
)

__all__ = [
    "CPU_BUILD_NAMES",
    "CUDA",
    "CUDA_BUILD_NAMES",
    "CUDA_MAJOR",
    "NO_CUDA",
    "TORCH_NAME",
    "Acceleration",
    "VirtualDemand",
    "build_virtual_table",
]

CUDA = NormalizedName("<cuda>")
"""The virtual project of CUDA releases."""

CUDA_MAJOR = NormalizedName("<cuda-major>")
"""The virtual project of CUDA major releases."""

NO_CUDA = Version("0")
"""The version of `<cuda>` that torch without CUDA needs."""

_ABI_VERSIONS = {False: Version("0"), True: Version("1")}
"""The versions of `<torch-abi>`, by whether it is the C++11 ABI."""

# Every CUDA release that may come; which of them exist does not matter.
_MAJORS = range(8, 30)

_MINORS = range(13)
TORCH_NAME = NormalizedName("torch")

CPU_BUILD_NAMES = frozenset({"torch", "torchao", "torchaudio", "torchcodec", "torchvision"})
"""Projects with CPU builds on the PyTorch indexes. CUDA builds of other projects run without a GPU as well."""

CUDA_BUILD_NAMES = frozenset({"torch", "torchvision"})
"""Projects whose default wheels have no CUDA on some platforms, while those of family indexes have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualDemand:
    """A demand of a candidate on a virtual project: one of these versions. `text` describes it in messages."""

    name: NormalizedName
    versions: tuple[Version, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceleration:
    """The rules about builds for one target.

    `indexes` finds the indexes of families. `allow` are projects whose builds need not run on the target. `untied` are
    projects that the list pins against the table of torch's companions. `measure` reads the architectures from a wheel
    of torch (`75 80 ptx120`, empty if it cannot be read); None means that no wheel may be read for that.
    """

    target: Target
    indexes: FamilyIndexes
    allow: frozenset[NormalizedName] = frozenset()
    untied: frozenset[NormalizedName] = frozenset()
    measure: Callable[[DistributionFile], str] | None = field(default=None, compare=False, repr=False)

    @property
    def is_bound(self) -> bool:
        """Whether `<cuda>` has only versions that the target runs; not so if builds that do not run are allowed."""
        return not self.allow

    def concerns(self, name: NormalizedName) -> bool:
        """Whether builds of a project may differ on this target, by its name alone.

        If not, its table is the plain one, and the search does no work for builds.
        """
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
        """Whether a search may take a candidate, as far as name, version and location determine it."""
        return not self.concerns(name) or self.runs(name, version, location)

    def runs(self, name: NormalizedName, version: Version, location: Location) -> bool:
        """Whether the target runs a build, as far as its name, version and index determine it."""
        known = self.find_known(name, version, location)
        reason = self.find_reason(name, version, known, named=not location.is_default)
        if not reason and known is None and not version.local:
            reason = self.find_lack_of_release(name, version)
        return not reason

    def find_known(self, name: NormalizedName, version: Version, location: Location) -> KnownCuda | None:
        """The CUDA of a candidate by its label, its index or the data; None if unknown.

        An index of CUDA builds does not make a project one of them: the data may have it as a project without CUDA
        code.
        """
        known = self._find_known(name, version, location, is_default_index=location.is_default)
        if known is None or known.rule != "index" or name in CUDA_BUILD_NAMES:
            return known
        data = self._find_known(name, version, location, is_default_index=True)
        return data if data is not None and data.rule == "data" and data.cuda is None else known

    def _find_known(
        self, name: NormalizedName, version: Version, location: Location, *, is_default_index: bool
    ) -> KnownCuda | None:
        """As `find_known`, but with the default index or not as the caller has it."""
        return find_known_cuda(
            name,
            version,
            index_url=location.named_url,
            is_default_index=is_default_index,
            platform=self.target.platform,
        )

    def find_reason(self, name: NormalizedName, version: Version, known: KnownCuda | None, *, named: bool) -> str:
        """Why a build is no candidate; empty if it is one.

        `named` means that the list names its label or index, so a CUDA build is taken without a GPU as well.
        """
        if name in self.allow:
            return ""
        return self.find_lack(name, version, known, named=named)

    def find_lack(self, name: NormalizedName, version: Version, known: KnownCuda | None, *, named: bool) -> str:
        """What the machine lacks for a candidate, whether or not it is allowed; empty if it runs."""
        cuda = None if known is None else known.cuda
        backend = None if known is None or known.label is None else known.label.backend
        accelerator = self.target.accelerator
        match accelerator:
            case Unspecified():
                return ""
            case Cpu():
                # A build that the list names is taken as it is: CUDA builds run without a GPU.
                is_for_gpu = cuda is not None or backend not in (None, "cpu")
                is_left_out = is_for_gpu and not named and name in CPU_BUILD_NAMES
                return BUILT_FOR_GPU if is_left_out else ""
            case Gpu():
                if backend in ("rocm", "xpu"):
                    return f"is built for {backend}, not for CUDA"
                if name in CUDA_BUILD_NAMES and known is not None and cuda is None and known.rule == "data":
                    return "is built for the CPU alone"
                if cuda is None:
                    return find_missing_floor(name, accelerator)
                if name != TORCH_NAME or not isinstance(cuda, CudaVersion):
                    return find_lack(name, cuda, accelerator)
                # Unknown kernels are no reason: the search may take the build, with a warning.
                verdict = self.find_verdict_of_torch(version, cuda)
                return "" if isinstance(verdict, Runs | UnknownKernels) else str(verdict)
            case _:
                assert_never(accelerator)

    def find_lack_of_release(self, name: NormalizedName, version: Version) -> str:
        """Why no build of a release of torch runs on the GPU, whichever a wheel without label is; empty if one may."""
        is_judged = name == TORCH_NAME and name not in self.allow and isinstance(self.target.accelerator, Gpu)
        found = explain_no_build(version, self.target.platform, self.target.accelerator) if is_judged else None
        return str(found) if found is not None and found.is_certain else ""

    def find_verdict_of_torch(self, version: Version, cuda: CudaVersion) -> Verdict:
        """Whether a build of torch runs on the target; the kernels of a build that the data lacks are unknown."""
        return find_verdict(version, cuda, self.target.platform, self.target.accelerator)

    def iter_demands(self, name: NormalizedName, version: Version, known: KnownCuda | None) -> Iterator[VirtualDemand]:
        """The demands of a candidate on `<cuda>` and `<cuda-major>`; none if its CUDA is unknown.

        Torch for the CPU demands version 0 of `<cuda>`. An allowed build demands nothing, unless it goes with torch.
        """
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
        """The demands of a candidate on `<torch>` and `<torch-abi>`.

        The releases come from the label, otherwise from the table of companions; none if neither has any.
        """
        # An allowed companion still has to go with its torch, or it could not be imported.
        if name in self.allow and not is_torch_companion(name):
            return
        releases = self._find_releases(name, version, known)
        if releases:
            versions = tuple(release.version for release in releases)
            yield VirtualDemand(name=TORCH_RELEASE, versions=versions, text=f"torch {' or '.join(map(str, versions))}")
        abi = self.find_abi(version, known) if name == TORCH_NAME else _find_labelled_abi(known)
        if abi is not None:
            text = f"torch {'with' if abi else 'without'} the C++11 ABI"
            yield VirtualDemand(name=TORCH_ABI, versions=(_ABI_VERSIONS[abi],), text=text)

    def find_abi(self, version: Version, known: KnownCuda | None) -> bool | None:
        """Whether a build of torch has the C++11 ABI; None for a build that neither label nor data identify."""
        # Anyone may have compiled a build on another index.
        is_known = known is not None and known.rule in ("label", "data")
        return uses_cxx11_abi(version, self.target.platform) if is_known else None

    def _find_releases(
        self, name: NormalizedName, version: Version, known: KnownCuda | None
    ) -> tuple[TorchRelease, ...]:
        """The releases of torch that a candidate goes with; empty if they are unknown."""
        if name == TORCH_NAME:
            release = find_release(version)
            return () if release is None else (release,)
        if known is not None and known.label is not None and known.label.torch is not None:
            return tuple(one for one in load_releases() if known.label.fits_torch(one.version))
        if name in self.untied:
            return ()
        return tuple(iter_releases_of_companion(name, version))


def build_virtual_table(name: NormalizedName, accelerator: Accelerator, *, is_bound: bool) -> ProjectTable:
    """The table of a virtual project, without files; with `is_bound`, of the versions that the accelerator runs."""
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


@cache
def _is_known_name(name: NormalizedName) -> bool:
    """Whether the data, or an exclusive suffix such as `-cu12`, has anything about builds of a project."""
    if is_torch_companion(name) or find_floors(name):
        return True
    if find_suffix(name) is not None:
        return True
    return any(name in row["names"] for row in read_data("packages")["package"])


def _is_torch_without_cuda(name: NormalizedName, known: KnownCuda) -> bool:
    """Whether a build is torch, or goes with it, and is for the CPU.

    Other builds without CUDA have no kernels at all and go with any torch.
    """
    if known.label is not None and known.label.backend == "cpu":
        return is_torch_companion(name) or is_torch_extension(known.label)
    return name in CUDA_BUILD_NAMES and known.rule == "data"


def _demand_cuda(name: NormalizedName, known: KnownCuda) -> Iterator[VirtualDemand]:
    """The demands of a build with known CUDA: the release for companions of torch, the major one for all."""
    cuda = known.cuda
    assert cuda is not None
    if isinstance(cuda, CudaVersion) and is_torch_companion(name):
        yield VirtualDemand(name=CUDA, versions=(Version(str(cuda)),), text=f"CUDA {cuda}")
    elif is_torch_extension(known.label):
        # An extension links to torch, so torch must have CUDA as well, in any minor release.
        yield VirtualDemand(name=CUDA, versions=_list_releases_of_major(cuda.major), text=f"CUDA {cuda.major}")
    # `<cuda>` needs this one too, but only after it is decided. Stated here, a collision shows earlier.
    major = CudaMajor(cuda.major)
    yield VirtualDemand(name=CUDA_MAJOR, versions=(Version(str(major)),), text=f"CUDA {major}")


def _list_releases_of_major(major: int) -> tuple[Version, ...]:
    """The versions of `<cuda>` within a major release."""
    return tuple(Version(str(CudaVersion(major, minor))) for minor in _MINORS)


def _find_labelled_abi(known: KnownCuda | None) -> bool | None:
    """The ABI in the label; None without one."""
    return None if known is None or known.label is None else known.label.cxx11_abi


def _iter_versions(name: NormalizedName, accelerator: Accelerator | None) -> Iterable[Version]:
    """The versions of a virtual project in any order, those of CUDA limited to what a GPU accelerator runs."""
    if name == TORCH_RELEASE:
        return (release.version for release in load_releases())
    if name == TORCH_ABI:
        return _ABI_VERSIONS.values()
    found: Iterable[Cuda] = map(CudaMajor, _MAJORS)
    if name == CUDA:
        found = (CudaVersion(major, minor) for major in _MAJORS for minor in _MINORS)
    # Torch without CUDA runs everywhere.
    if isinstance(accelerator, Gpu):
        found = (cuda for cuda in found if accelerator.cuda.runs(cuda))
    versions = (Version(str(cuda)) for cuda in found)
    return chain((NO_CUDA,), versions) if name == CUDA else versions
