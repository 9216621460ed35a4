"""The CUDA release that a build of a project is for, without reading its file, and what a machine lacks for it.

In: a project's name, a version, where the file comes from, requirements, a platform and GPUs. Out: for a candidate its
`KnownCuda`; for a project the `FamilyBuild` rows of the data (`data/packages.toml`) with what a machine lacks for each.

The CUDA of a candidate comes from the first of these that has it: the local version label, the index, the name, the
data by version, and at last exact pins in core metadata (`read_pinned_cuda`). No request is made: where a family has
indexes with more builds of a project, `list_templates` names them. Both halves are one module since they read the same
rows. `resolver.targets.torch_builds` has the builds of torch itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache, lru_cache
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
from resolver.targets.labels import (
    BuildLabel,
    complete_label,
    is_torch_extension,
    parse_index_label,
    parse_name_label,
    parse_version_label,
)
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
    "find_suffix",
    "find_version_lack",
    "has_several_builds",
    "is_read_from_metadata",
    "iter_extra_builds",
    "list_family_builds",
    "list_known_projects",
    "list_templates",
    "read_pinned_cuda",
    "read_torch_pin",
]

_FOLLOWING = ("torch", "torch-major", "torch-pin")
"""Values of `cuda` in the data for a build that has the CUDA of the torch it goes with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCuda:
    """The CUDA that a candidate is built for; `cuda` None means that it is built for no particular CUDA.

    `rule` is where this is known from; `newer` is what a newer version has, since its own is unknown. `label` is the
    label that was read from the version, the index or the name.
    """

    cuda: Cuda | None
    rule: Literal["label", "index", "data", "metadata", "newer"]
    label: BuildLabel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The lowest driver and the lowest compute capability that a project needs, beyond its CUDA release."""

    driver: Driver
    capability: Capability


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyBuild:
    """A row of the data with what a machine lacks for it, in texts for a table.

    `what` is a specifier (`>=1.28`), a requirement to write (`jax[cuda12]`, `cupy-cuda12x`), or `every version`. `cuda`
    is what the build is for: a release, a major release, `any`, or `torch's`. `lack` is empty where the build runs, and
    where it has the CUDA of its torch (`follows_torch`). `source` and `confidence` are copied from the row.
    """

    what: str
    cuda: str
    lack: str
    source: str
    confidence: str

    @property
    def follows_torch(self) -> bool:
        """Whether the build runs where the torch does that it goes with, which the table of torch answers."""
        return self.cuda == "torch's"

    @property
    def answer(self) -> str:
        """Whether the build runs, in words."""
        return self.lack or ("runs where its torch does" if self.follows_torch else "runs")


def find_known_cuda(
    name: NormalizedName, version: Version, *, index_url: str, is_default_index: bool, platform: Platform
) -> KnownCuda | None:
    """The CUDA of a candidate before its metadata is read; None where it is unknown.

    The local label comes first, then the index, then the name, then the data by version. The last counts for the
    default index alone, since other indexes may have the same version built for another CUDA, unless no build holds
    code of one CUDA (triton).
    """
    if (label := parse_version_label(version)) and (label.backend is not None or is_torch_extension(label)):
        if not is_default_index:
            # Find-links pages for two torch releases may have files of the same version and label.
            label = complete_label(label, parse_index_label(index_url))
        return KnownCuda(cuda=label.cuda, rule="label", label=label)
    if not is_default_index and (label := parse_index_label(index_url)):
        return KnownCuda(cuda=label.cuda, rule="index", label=label)
    if (label := find_suffix(name)) and label.cuda is not None:
        return KnownCuda(cuda=CudaMajor(label.cuda.major), rule="data", label=label)
    if is_default_index or _find_row(name, version, platform) == "any":
        return _find_in_data(name, version, platform)
    return None


@lru_cache(maxsize=4096)
def find_suffix(name: NormalizedName) -> BuildLabel | None:
    """The CUDA suffix of a name, if the data lists the project as exclusive; None for any other name.

    Projects of one exclusive name with two major releases cannot be installed together. Other names with a suffix are
    libraries that lie side by side, so their suffix demands nothing.
    """
    label = parse_name_label(name)
    if label is None or label.cuda is None:
        return None
    stem = re.sub(r"-cu\d+$", "", name)
    listed = (one for row in read_data("packages")["exclusive"] for one in row["names"])
    return label if any(stem == one or ("*" in one and fnmatchcase(name, one)) for one in listed) else None


def read_pinned_cuda(requirements: Iterable[Requirement]) -> Cuda | None:
    """The CUDA release that exact pins of NVIDIA's components agree on.

    It is a major release where their minor releases differ, and None without pins or with two major releases. The
    requirements must be those whose markers hold for the target: torch's aarch64 wheels without CUDA also list the pins
    of x86_64.
    """
    pins = [(canonicalize_name(one.name), version) for one in requirements if (version := _find_pin(one)) is not None]
    # Some toolkits share a library version, so components with the toolkit's own version take precedence.
    named = {cuda for name, version in pins if (cuda := _find_named_toolkit(name, version)) is not None}
    found = named or {cuda for name, version in pins if (cuda := _find_component_cuda(name, version)) is not None}
    exact = {cuda for cuda in found if isinstance(cuda, CudaVersion)}
    majors = {cuda.major for cuda in found}
    if len(majors) != 1:
        return None
    return exact.pop() if len(exact) == 1 else CudaMajor(majors.pop())


def find_floors(name: NormalizedName) -> tuple[Floor, ...]:
    """The drivers and GPUs that a project needs by its own documentation; empty for most projects."""
    rows = (row for row in read_data("packages")["floor"] if name in row["names"])
    return tuple(
        Floor(driver=parse_driver(row["driver"]), capability=Capability.parse(row["capability"])) for row in rows
    )


def find_missing_floor(name: NormalizedName, gpu: Gpu) -> str:
    """What a machine lacks of a project's floors, as a verb phrase for a message; empty if it lacks nothing."""
    for floor in find_floors(name):
        if not gpu.driver.satisfies(floor.driver):
            return f"needs driver {floor.driver}"
        low = sorted(capability for capability in gpu.capabilities if capability < floor.capability)
        if low:
            return f"needs compute capability {floor.capability}, and {low[0].sm} is {low[0]}"
    return ""


def list_family_builds(name: NormalizedName, platform: Platform, gpu: Gpu) -> tuple[FamilyBuild, ...]:
    """The rows of a project in file order, which is newest first; empty where nothing is known."""
    return (*_iter_rows(name, platform, gpu), *_iter_variants(name, gpu))


def list_known_projects() -> tuple[str, ...]:
    """The names and name patterns that have rows, sorted."""
    data = read_data("packages")
    names = {name for key in ("package", "floor") for row in data[key] for name in row["names"]}
    return tuple(sorted(names | {row["name"] for row in data["variant"]}))


def find_lack(name: NormalizedName, cuda: Cuda, gpu: Gpu) -> str:
    """What a machine lacks for a build of a project other than torch; empty if the build runs.

    The driver comes before the floors of the project, since without it the build does not start.
    """
    if not gpu.cuda.runs(cuda):
        return str(NeedsDriver(driver=find_driver_floor(cuda)))
    return find_missing_floor(name, gpu)


def iter_extra_builds(name: NormalizedName) -> Iterator[tuple[str, NormalizedName, Cuda]]:
    """The extras of a project that bring in a plugin for one CUDA: each with the plugin and the CUDA.

    Only plugins with an exclusive name count, whose CUDA is the same in every version.
    """
    for row in read_data("packages")["variant"]:
        project, wanted = NormalizedName(row["project"]), Requirement(row["write"])
        suffix = find_suffix(project)
        if wanted.name == name and suffix is not None and suffix.cuda is not None:
            yield from ((canonicalize_name(extra), project, suffix.cuda) for extra in sorted(wanted.extras))


def has_several_builds(name: NormalizedName) -> bool:
    """Whether builds of a project have CUDA releases of their own, rather than that of torch or none."""
    rows = (row for row in read_data("packages")["package"] if any(fnmatchcase(name, one) for one in row["names"]))
    return any(row["cuda"] not in ("torch", "torch-major", "none", "any") for row in rows)


def find_version_lack(name: NormalizedName, version: Version, platform: Platform, gpu: Gpu) -> str:
    """What a machine lacks for the default index's build of a version; empty if it runs or its CUDA is unknown."""
    known = find_known_cuda(name, version, index_url="", is_default_index=True, platform=platform)
    return "" if known is None or known.cuda is None else find_lack(name, known.cuda, gpu)


def list_templates(name: NormalizedName) -> tuple[str, ...]:
    """The URL templates of indexes and find-links pages that may have other builds of a project, in file order."""
    return tuple(dict.fromkeys(one.template for one in list_build_locations(name)))


def _find_in_data(name: NormalizedName, version: Version, platform: Platform) -> KnownCuda | None:
    """The CUDA of the default index's build of a version by the data; None without a row."""
    if name == "torch":
        found = find_default_cuda(version, platform)
        return None if found is None else KnownCuda(cuda=found if found != "cpu" else None, rule="data")
    match _find_row(name, version, platform):
        case None | "torch-pin":
            return None
        case "none" | "any":
            return KnownCuda(cuda=None, rule="data")
        case "torch":
            return _find_with_torch(name, version, platform)
        case "torch-major":
            known = _find_with_torch(name, version, platform)
            return known if known is None or known.cuda is None else replace(known, cuda=CudaMajor(known.cuda.major))
        case text:
            return KnownCuda(cuda=parse_cuda(text), rule="data")


def is_read_from_metadata(name: NormalizedName, version: Version, platform: Platform) -> bool:
    """Whether the requirements of a version tell its CUDA (`read_torch_pin`)."""
    return _find_row(name, version, platform) == "torch-pin"


def read_torch_pin(
    name: NormalizedName, version: Version, requirements: Iterable[Requirement], platform: Platform
) -> CudaMajor | None:
    """The major CUDA release of a project that is built with the torch it pins (vllm), by its requirements.

    None for any other project, without an exact pin of torch, and if the data does not have that torch.
    """
    if not is_read_from_metadata(name, version, platform):
        return None
    pins = (pin for one in requirements if one.name == "torch" and (pin := _find_pin(one)) is not None)
    found = [find_default_cuda(Version(pin), platform) for pin in pins]
    return CudaMajor(found[0].major) if len(found) == 1 and isinstance(found[0], CudaVersion) else None


def _find_row(name: NormalizedName, version: Version, platform: Platform) -> str | None:
    """The `cuda` of the first row for a version: a release or a word of the data (`torch`); None without a row."""
    system = _name_system(platform)
    for versions, systems, cuda in _rows_by_name().get(name, ()):
        if (not systems or system in systems) and versions.contains(version, prereleases=True):
            return cuda
    return None


def _name_system(platform: Platform) -> Literal["linux", "macos", "windows"]:
    """The operating system by its name in `on` of a row."""
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
    """By project, the versions, operating systems (none for all) and CUDA of each row, in file order."""
    rows: dict[str, list[tuple[SpecifierSet, tuple[str, ...], str]]] = {}
    for row in read_data("packages")["package"]:
        entry = (SpecifierSet(row.get("versions", "")), tuple(row.get("on", ())), row["cuda"])
        for name in row["names"]:
            rows.setdefault(name, []).append(entry)
    return rows


def _find_with_torch(name: NormalizedName, version: Version, platform: Platform) -> KnownCuda | None:
    """The CUDA of the default index's torch that a companion's version is built with.

    A version that goes with several releases of torch is built with the oldest of them.
    """
    releases = tuple(iter_releases_of_companion(name, version))
    found = releases[-1].default_on(platform) if releases else None
    return None if found is None else KnownCuda(cuda=found if found != "cpu" else None, rule="data")


def _find_pin(requirement: Requirement) -> str | None:
    """The one version that a requirement allows, as written; None if it has no single `==` without a wildcard."""
    pins = [one.version for one in requirement.specifier if one.operator == "==" and not one.version.endswith(".*")]
    return pins[0] if len(pins) == 1 else None


def _find_named_toolkit(name: NormalizedName, version: str) -> Cuda | None:
    """The CUDA release in the version of a component that has the toolkit's own version numbers."""
    is_named = name in read_data("cuda_components")["same"]
    return parse_cuda(".".join(version.split(".")[:2])) if is_named else None


def _find_component_cuda(name: NormalizedName, version: str) -> Cuda | None:
    """The CUDA of a component: by its version in the data, otherwise the major release in an `nvidia-` name."""
    if toolkit := _toolkits_of(name).get(version):
        return toolkit
    # The suffix counts for NVIDIA's components alone: a pin of any other project with one is no part of a toolkit.
    label = find_suffix(name) if name.startswith("nvidia-") else None
    return CudaMajor(label.cuda.major) if label is not None and label.cuda is not None else None


@cache
def _toolkits_of(name: str) -> dict[str, Cuda]:
    """By version of an NVIDIA component, the CUDA release of its toolkit; empty for other projects."""
    rows: dict[str, str] = read_data("cuda_components")["versions"].get(name, {})
    parsed = {version: parse_cuda(toolkit) for toolkit, versions in rows.items() for version in versions.split()}
    return {version: cuda for version, cuda in parsed.items() if cuda is not None}


def _iter_rows(name: NormalizedName, platform: Platform, gpu: Gpu) -> Iterator[FamilyBuild]:
    """The rows that name the project for the platform, and one more for the CUDA suffix of its name."""
    for row in read_data("packages")["package"]:
        if name in row["names"] and _is_for(row.get("on", ()), platform):
            yield _build(name, row.get("versions", "every version"), row["cuda"], gpu, row["source"], row["confidence"])
    # An exclusive name such as `cupy-cuda12x` binds every version to a major release, with or without a row.
    label = find_suffix(name)
    if label is not None and label.cuda is not None:
        cuda = CudaMajor(label.cuda.major)
        yield _build(name, "every version", str(cuda), gpu, "its name", "measured")


def _is_for(systems: tuple[str, ...], platform: Platform) -> bool:
    """Whether a row for these operating systems counts on a platform; an empty tuple means all."""
    return not systems or _name_system(platform) in systems


def _build(name: NormalizedName, what: str, cuda: str, gpu: Gpu, source: str, confidence: str) -> FamilyBuild:
    """The row of a table. `cuda` is as in the data; where it names no release, only the floors of the project count."""
    parsed = parse_cuda(cuda)
    lack = find_missing_floor(name, gpu) if parsed is None else find_lack(name, parsed, gpu)
    shown = "any" if cuda in ("none", "any") else "torch's" if cuda in _FOLLOWING else cuda
    return FamilyBuild(what=what, cuda=shown, lack=lack, source=source, confidence=confidence)


def _iter_variants(name: NormalizedName, gpu: Gpu) -> Iterator[FamilyBuild]:
    """The rows for variants: names and extras by which a user chooses a build.

    Beside the rows of the data, these are projects with floors whose name is the given one with a suffix `-cu12`.
    """
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
