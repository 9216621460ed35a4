"""The CUDA of a candidate, from what is known of it without its file: label, index, data, then core metadata.

In: name, version, where it came from, requirements. Out: `KnownCuda`, or None where nothing tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Literal, assert_never

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from lockfiles.value_classes import dataclass
from resolver.targets.accelerators import Capability, Gpu
from resolver.targets.cuda import Cuda, CudaMajor, CudaVersion, Driver, parse_cuda, parse_driver
from resolver.targets.data_files import read_data
from resolver.targets.labels import BuildLabel, complete_label, parse_index_label, parse_name_label, parse_version_label
from resolver.targets.platforms import Linux, MacOS, Platform, Windows
from resolver.targets.torch_builds import find_default_cuda, iter_releases_of_companion

__all__ = ["Floor", "KnownCuda", "find_floors", "find_known_cuda", "find_missing_floor", "read_pinned_cuda"]


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
