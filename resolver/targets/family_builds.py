"""What the data knows of the builds of projects other than torch: by version, by extra, by the name of a variant.

In: a project's name, a platform and GPUs. Out: `FamilyBuild` rows with what a machine lacks for each. Nothing is asked
of an index; where families have indexes with other builds of a project, their templates are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from packaging.utils import NormalizedName
from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.targets.accelerators import Gpu
from resolver.targets.cuda import Cuda, CudaMajor, find_driver_floor, parse_cuda
from resolver.targets.data_files import read_data
from resolver.targets.families import list_build_locations
from resolver.targets.kernels import NeedsDriver
from resolver.targets.known_cuda import find_known_cuda, find_missing_floor
from resolver.targets.labels import parse_name_label
from resolver.targets.platforms import Linux, MacOS, Platform, Windows

__all__ = [
    "FamilyBuild",
    "find_lack",
    "find_version_lack",
    "has_several_builds",
    "list_family_builds",
    "list_known_projects",
    "list_templates",
]

_FOLLOWING = ("torch", "torch-major")


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyBuild:
    """One row: `what` is `>=1.28`, `jax[cuda12]`, `cupy-cuda12x`, or `every version`.

    `cuda` is what it is built for: a release, a major release, `any`, or `torch`'s. `lack` is what the machine lacks,
    empty where it runs; `source` and `confidence` are those of the data.
    """

    what: str
    cuda: str
    lack: str
    source: str
    confidence: str


def list_family_builds(name: NormalizedName, platform: Platform, gpu: Gpu) -> tuple[FamilyBuild, ...]:
    """The rows of a project, newest first as the data has them; none where nothing is known."""
    return (*_iter_rows(name, platform, gpu), *_iter_variants(name, gpu))


def list_known_projects() -> tuple[str, ...]:
    """The names that have rows, sorted; patterns of names among them."""
    data = read_data("packages")
    names = {name for key in ("package", "floor") for row in data[key] for name in row["names"]}
    return tuple(sorted(names | {row["name"] for row in data["variant"]}))


def find_lack(name: NormalizedName, cuda: Cuda, gpu: Gpu) -> str:
    """What a machine lacks for a build of a project other than torch: a driver, or a newer GPU; empty for nothing."""
    if not gpu.cuda.runs(cuda):
        return str(NeedsDriver(driver=find_driver_floor(cuda)))
    return find_missing_floor(name, gpu)


def has_several_builds(name: NormalizedName) -> bool:
    """Whether versions of a project are built for CUDA releases of their own, rather than for torch's or none."""
    rows = (row for row in read_data("packages")["package"] if any(fnmatchcase(name, one) for one in row["names"]))
    return any(row["cuda"] not in (*_FOLLOWING, "none") for row in rows)


def find_version_lack(name: NormalizedName, version: Version, platform: Platform, gpu: Gpu) -> str:
    """What a machine lacks for the default index's build of a version, as far as the data tells."""
    known = find_known_cuda(name, version, index_url="", is_default_index=True, platform=platform)
    return "" if known is None or known.cuda is None else find_lack(name, known.cuda, gpu)


def list_templates(name: NormalizedName) -> tuple[str, ...]:
    """The URLs of indexes and pages that may have other builds of a project."""
    return tuple(dict.fromkeys(one.template for one in list_build_locations(name)))


def _iter_rows(name: NormalizedName, platform: Platform, gpu: Gpu) -> Iterator[FamilyBuild]:
    for row in read_data("packages")["package"]:
        if name in row["names"] and _is_for(row.get("on", ()), platform):
            yield _build(name, row.get("versions", "every version"), row["cuda"], gpu, row["source"], row["confidence"])
    label = parse_name_label(name)
    if label is not None and label.cuda is not None:
        cuda = CudaMajor(label.cuda.major)
        yield _build(name, "every version", str(cuda), gpu, "its name", "measured")


def _iter_variants(name: NormalizedName, gpu: Gpu) -> Iterator[FamilyBuild]:
    """Names and extras that a build is chosen by."""
    for row in read_data("packages")["variant"]:
        if row["name"] == name:
            project = NormalizedName(row["project"])
            yield _build(project, row["write"], row["cuda"], gpu, row["source"], row["confidence"])
    if re.search(r"-cu(da)?\d", name):
        return
    for row in read_data("packages")["floor"]:
        for other in row["names"]:
            if re.fullmatch(rf"{re.escape(name)}-cu\d+", other):
                cuda = other.rpartition("-cu")[2]
                yield _build(NormalizedName(other), other, cuda, gpu, row["source"], row["confidence"])


def _build(name: NormalizedName, what: str, cuda: str, gpu: Gpu, source: str, confidence: str) -> FamilyBuild:
    parsed = parse_cuda(cuda)
    lack = find_missing_floor(name, gpu) if parsed is None else find_lack(name, parsed, gpu)
    shown = "any" if cuda == "none" else "torch's" if cuda in _FOLLOWING else cuda
    return FamilyBuild(what=what, cuda=shown, lack=lack, source=source, confidence=confidence)


def _is_for(systems: tuple[str, ...], platform: Platform) -> bool:
    kinds = {"linux": Linux, "macos": MacOS, "windows": Windows}
    return not systems or any(isinstance(platform, kinds[system]) for system in systems)
