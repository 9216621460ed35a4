"""The CUDA of a candidate, from what is known of it without its file: label, index, data, then core metadata.

In: name, version, where it came from, requirements. Out: `KnownCuda`, or None where nothing tells.

What the data knows of the builds of projects other than torch: by version, by extra, by the name of a variant.

In: a project's name, a platform and GPUs. Out: `FamilyBuild` rows with what a machine lacks for each. Nothing is asked
of an index; where families have indexes with other builds of a project, their templates are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal, assert_never

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles._values import dataclass
from resolver.targets.accelerators import (
    Capability,
    Cuda,
    CudaMajor,
    CudaVersion,
    Driver,
    Gpu,
    find_driver_floor,
    parse_cuda,
    parse_driver,
)
from resolver.targets.data_files import read_data
from resolver.targets.families import list_build_locations
from resolver.targets.kernels import NeedsDriver
from resolver.targets.labels import BuildLabel, complete_label, parse_index_label, parse_name_label, parse_version_label
from resolver.targets.platforms import Linux, MacOS, Platform, Windows
from resolver.targets.torch_builds import find_default_cuda, iter_releases_of_companion

__all__ = [
    "FamilyBuild",
    "Floor",
    "KnownCuda",
    "find_floors",
    "find_known_cuda",
    "find_lack",
    "find_missing_floor",
    "find_version_lack",
    "has_several_builds",
    "list_family_builds",
    "list_known_projects",
    "list_templates",
    "read_pinned_cuda",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCuda:
    """The CUDA that a candidate is built for. `cuda` None says that it holds code of no one CUDA.

    `rule` is what told: `label`, `index`, `data` or `metadata`; `label` is what label or index said beside it.
    """

    cuda: Cuda | None
    rule: Literal["label", "index", "data", "metadata"]
    label: BuildLabel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What a project needs of a machine beyond its CUDA release."""

    driver: Driver
    capability: Capability


def find_known_cuda(
    name: NormalizedName, version: Version, *, index_url: str, is_default_index: bool, platform: Platform
) -> KnownCuda | None:
    """The CUDA of a candidate before its metadata is read; None where nothing tells.

    The local label comes first, then the index, then the data: by name for every index, by version for the default
    index alone, since others may build the same version for another CUDA.
    """
    if (label := parse_version_label(version)) and label.backend is not None:
        if not is_default_index and label.torch is None:
            # A page for one torch may have the same version for another on the page beside it.
            label = complete_label(label, parse_index_label(index_url))
        return KnownCuda(cuda=label.cuda, rule="label", label=label)
    if not is_default_index and (label := parse_index_label(index_url)) and label.backend is not None:
        return KnownCuda(cuda=label.cuda, rule="index", label=label)
    if (label := parse_name_label(name)) and label.cuda is not None:
        return KnownCuda(cuda=CudaMajor(label.cuda.major), rule="data", label=label)
    return _find_in_data(name, version, platform) if is_default_index else None


def read_pinned_cuda(requirements: Iterable[Requirement]) -> Cuda | None:
    """The CUDA release that exact pins of NVIDIA's components agree on, or its major release alone, or None.

    The requirements are those that hold for the target, so with their markers evaluated: torch's aarch64 wheels
    without CUDA name the pins of x86_64 as well.
    """
    pins = [(canonicalize_name(one.name), version) for one in requirements if (version := _find_pin(one)) is not None]
    # Toolkits share versions of libraries now and then; components that bear the toolkit's own version are unequivocal.
    named = {cuda for name, version in pins if (cuda := _find_named_toolkit(name, version)) is not None}
    found = named or {cuda for name, version in pins if (cuda := _find_component_cuda(name, version)) is not None}
    exact = {cuda for cuda in found if isinstance(cuda, CudaVersion)}
    majors = {cuda.major for cuda in found}
    if len(majors) != 1:
        return None
    return exact.pop() if len(exact) == 1 else CudaMajor(majors.pop())


def find_floors(name: NormalizedName) -> tuple[Floor, ...]:
    """What a project needs of driver and GPU by its own documentation; empty for most."""
    rows = (row for row in read_data("packages")["floor"] if name in row["names"])
    return tuple(
        Floor(driver=parse_driver(row["driver"]), capability=Capability.parse(row["capability"])) for row in rows
    )


def find_missing_floor(name: NormalizedName, gpu: Gpu) -> str:
    """What a machine lacks of a project's floors; empty for nothing."""
    for floor in find_floors(name):
        if not gpu.driver.satisfies(floor.driver):
            return f"needs driver {floor.driver}"
        low = sorted(capability for capability in gpu.capabilities if capability < floor.capability)
        if low:
            return f"needs compute capability {floor.capability}, and {low[0].sm} is {low[0]}"
    return ""


def _find_in_data(name: NormalizedName, version: Version, platform: Platform) -> KnownCuda | None:
    if name == "torch":
        found = find_default_cuda(version, platform)
        return None if found is None else KnownCuda(cuda=found if found != "cpu" else None, rule="data")
    match _find_row(name, version, platform):
        case None:
            return None
        case "none":
            return KnownCuda(cuda=None, rule="data")
        case "torch":
            return _find_with_torch(name, version, platform)
        case "torch-major":
            known = _find_with_torch(name, version, platform)
            return known if known is None or known.cuda is None else replace(known, cuda=CudaMajor(known.cuda.major))
        case text:
            return KnownCuda(cuda=parse_cuda(text), rule="data")


def _find_row(name: NormalizedName, version: Version, platform: Platform) -> str | None:
    """What the first row for a version says."""
    system = _name_system(platform)
    for versions, systems, cuda in _rows_by_name().get(name, ()):
        if (not systems or system in systems) and versions.contains(version, prereleases=True):
            return cuda
    return None


def _name_system(platform: Platform) -> Literal["linux", "macos", "windows"]:
    match platform:
        case Linux():
            return "linux"
        case MacOS():
            return "macos"
        case Windows():
            return "windows"
        case _:
            assert_never(platform)


@cache
def _rows_by_name() -> dict[str, list[tuple[SpecifierSet, tuple[str, ...], str]]]:
    """Versions, operating systems (none for all) and CUDA of each row, in file order."""
    rows: dict[str, list[tuple[SpecifierSet, tuple[str, ...], str]]] = {}
    for row in read_data("packages")["package"]:
        entry = (SpecifierSet(row.get("versions", "")), tuple(row.get("on", ())), row["cuda"])
        for name in row["names"]:
            rows.setdefault(name, []).append(entry)
    return rows


def _find_with_torch(name: NormalizedName, version: Version, platform: Platform) -> KnownCuda | None:
    """The CUDA of the default index's torch that a companion's version was built with: the oldest it goes with."""
    releases = tuple(iter_releases_of_companion(name, version))
    found = releases[-1].default_on(platform) if releases else None
    return None if found is None else KnownCuda(cuda=found if found != "cpu" else None, rule="data")


def _find_pin(requirement: Requirement) -> str | None:
    """The one version that a requirement allows, as written."""
    pins = [one.version for one in requirement.specifier if one.operator == "==" and not one.version.endswith(".*")]
    return pins[0] if len(pins) == 1 else None


def _find_named_toolkit(name: NormalizedName, version: str) -> Cuda | None:
    is_named = name in read_data("cuda_components")["same"]
    return parse_cuda(".".join(version.split(".")[:2])) if is_named else None


def _find_component_cuda(name: NormalizedName, version: str) -> Cuda | None:
    if toolkit := _toolkits_of(name).get(version):
        return toolkit
    label = parse_name_label(name) if name.startswith("nvidia-") else None
    return CudaMajor(label.cuda.major) if label is not None and label.cuda is not None else None


@cache
def _toolkits_of(name: str) -> dict[str, Cuda]:
    rows: dict[str, str] = read_data("cuda_components")["versions"].get(name, {})
    parsed = {version: parse_cuda(toolkit) for toolkit, versions in rows.items() for version in versions.split()}
    return {version: cuda for version, cuda in parsed.items() if cuda is not None}


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
