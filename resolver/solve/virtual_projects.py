"""Projects that stand for facts: one solution has one CUDA release, one CUDA major release, one torch and one ABI.

Their names are ones that no project can have. Nothing of the list asks for them; builds do, once their CUDA or the
torch that they go with is known. So the search itself keeps builds of two CUDA releases apart. `<cuda>` and
`<cuda-major>` have those versions alone that the target runs, and each `<cuda>` brings its `<cuda-major>`; version 0 of
`<cuda>` is torch without CUDA, which brings none. They have no files, and never reach a lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.index.version_sets import VersionSets
from resolver.solve.demand import TORCH_ABI, TORCH_RELEASE
from resolver.solve.project_table import FileRules, ProjectTable
from resolver.targets.accelerators import Accelerator, Gpu
from resolver.targets.cuda import Cuda, CudaMajor, CudaVersion
from resolver.targets.torch_builds import load_releases

__all__ = ["ABI_VERSIONS", "CUDA", "CUDA_MAJOR", "NO_CUDA", "build_virtual_table", "list_releases_of_major"]

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
        _sets=VersionSets(versions, 0, 0),
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
