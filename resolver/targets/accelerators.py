"""What a target computes on: unspecified, a CPU, or GPUs with a driver, and which CUDA releases a driver runs.

In: rows of `data/cuda.toml`, and the texts that users write for drivers and CUDA releases. Out: the values of an
`Accelerator`, and for a driver its `CudaRange`. `resolver.targets.machine_types` builds accelerators from machine
types.

Two accelerators are equal when the same builds run on them: capabilities and CUDA range count, names do not.

A driver runs every build for its own CUDA release and for older ones. Within a major release it also runs builds for
newer minor releases, from that major's lowest driver on (NVIDIA: CUDA Compatibility, minor version compatibility), but
it cannot compile their PTX. Forward-compatibility packages are not assumed: they belong to the image's operating
system.

The values are one module because they refer to one another: a GPU holds a driver, a driver has a range of releases.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field
from functools import cache
from typing import Literal, NamedTuple

from lockfiles._values import dataclass
from resolver.errors import TargetError
from resolver.targets.data_files import read_data

__all__ = [
    "UNSPECIFIED",
    "Accelerator",
    "Capability",
    "Cpu",
    "Cuda",
    "CudaMajor",
    "CudaRange",
    "CudaVersion",
    "Driver",
    "DriverSource",
    "Gpu",
    "GpuModel",
    "HostArchitecture",
    "Unspecified",
    "build_gpu",
    "find_cuda_range",
    "find_driver_floor",
    "find_shipped_driver",
    "parse_cuda",
    "parse_driver",
]

DriverSource = Literal["flag", "configuration", "assumption"]
"""Where a driver version comes from; `assumption` is the default that ships with pinfold."""


HostArchitecture = Literal["x86_64", "aarch64"]
_OLDEST_MINOR_COMPATIBLE = 11
"""The first major release of CUDA with minor version compatibility."""
# A text, which `re` compiles on first use: many runs parse no CUDA release.
_CUDA = r"(?:cu(?:da)?)?(?:(\d{1,2})\.(\d{1,2})(?:\.\d+)*|([2-9]\d|1\d{1,3}))"


class Capability(NamedTuple):
    """A compute capability of NVIDIA, major before minor, so that 9.0 sorts before 10.0."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Capability:
        """The capability written as `10.0` in a row of data. Raises ValueError for a text without two numbers."""
        major, _, minor = text.partition(".")
        return cls(int(major), int(minor))

    @property
    def number(self) -> int:
        """The number in architecture names: 100 for 10.0."""
        return self.major * 10 + self.minor

    @property
    def sm(self) -> str:
        """The architecture name of machine code for the capability: `sm_100`."""
        return f"sm_{self.number}"

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuModel:
    """A GPU model of NVIDIA.

    `architecture` is NVIDIA's name for the generation (`Hopper`), empty for a GPU of the configuration. `host` is the
    CPU architecture of its machines, `driver` the lowest driver that supports it. `jetson` marks a system
    on a chip, which NVIDIA excludes from code for neighbouring capabilities.
    """

    name: str
    capability: Capability
    architecture: str
    host: HostArchitecture
    driver: Driver
    jetson: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unspecified:
    """No machine type is given: builds are chosen as if every build ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """A machine without a GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One or more GPUs with a driver; a build runs on the accelerator if it runs on each of the GPUs.

    `machines` are machine types with their GPUs, in the order of the list. Only `capabilities` and `cuda` are compared,
    since they decide which builds run.
    """

    capabilities: frozenset[Capability]
    cuda: CudaRange
    machines: tuple[tuple[str, GpuModel], ...] = field(compare=False)
    driver: Driver = field(compare=False)
    driver_source: DriverSource = field(compare=False)


Accelerator = Unspecified | Cpu | Gpu
UNSPECIFIED = Unspecified()


@dataclass(frozen=True, slots=True, order=True)
class CudaVersion:
    """A CUDA release by major and minor version. Releases order by number."""

    major: int
    minor: int

    @property
    def label(self) -> str:
        """The local version label of builds for the release: `cu124`."""
        return f"cu{self.major}{self.minor}"

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class CudaMajor:
    """A CUDA major release, where the minor version is unknown or does not matter."""

    major: int

    def __str__(self) -> str:
        return str(self.major)


Cuda = CudaVersion | CudaMajor


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A Linux driver of NVIDIA, `570.133.20`, or a whole branch of drivers, `570`.

    `release` holds the numbers, one alone for a branch. `text` is the spelling; two spellings of one number are equal.
    """

    release: tuple[int, ...]
    text: str = field(compare=False)

    @property
    def is_branch(self) -> bool:
        """Whether this is a branch, so that the release within it is unknown."""
        return len(self.release) == 1

    def satisfies(self, floor: Driver) -> bool:
        """Whether this driver is the floor or a later one; a branch satisfies every floor within the branch."""
        if self.is_branch:
            return self.release[0] >= floor.release[0]
        return self.release >= floor.release

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaRange:
    """The CUDA releases that a driver runs.

    `native` is the newest release that it runs completely, PTX included. `newest_major` is the last major release whose
    builds it runs at any minor version, 0 for none.
    """

    native: CudaVersion
    newest_major: int

    def runs(self, cuda: Cuda) -> bool:
        """Whether builds for the release start, provided that they have kernels for the GPU.

        Of a `CudaMajor`, whether builds for at least one of its minor releases start.
        """
        if _OLDEST_MINOR_COMPATIBLE <= cuda.major <= self.newest_major:
            return True
        return cuda <= self.native if isinstance(cuda, CudaVersion) else cuda.major <= self.native.major

    def compiles_ptx_of(self, cuda: CudaVersion) -> bool:
        """Whether the driver compiles PTX of the release's toolkit, which needs the toolkit's own driver or a later."""
        return cuda <= self.native

    @property
    def order(self) -> tuple[int, CudaVersion]:
        """A sort key: of two drivers the older one has the lower range."""
        return self.newest_major, self.native

    def __str__(self) -> str:
        floor = f"{self.newest_major}.x" if self.newest_major >= self.native.major else str(self.native)
        return f"CUDA up to {floor}, PTX up to {self.native}"


def build_gpu(machines: Sequence[tuple[str, GpuModel]], *, driver: Driver, source: DriverSource) -> Gpu:
    """The accelerator for all of the machines, with one driver.

    Raises TargetError for a driver that is older than every CUDA release in the data.
    """
    return Gpu(
        capabilities=frozenset(gpu.capability for _, gpu in machines),
        cuda=find_cuda_range(driver),
        machines=tuple(machines),
        driver=driver,
        driver_source=source,
    )


def parse_cuda(text: str) -> Cuda | None:
    """The release that is written `12.4`, `124`, `cu124`, `12` or `12.4.1`; None for any other text.

    Without a dot the last digit is the minor version, except in `11` to `19`, which are major releases; `92` is 9.2.
    """
    digits = re.fullmatch(_CUDA, text.strip().lower(), re.ASCII)
    if digits is None:
        return None
    if digits[3] is None:
        return CudaVersion(int(digits[1]), int(digits[2]))
    packed = digits[3]
    if len(packed) == 2 and packed[0] == "1":
        return CudaMajor(int(packed))
    # CUDA 2 to 9 have one digit, CUDA 10 and later have two, and none is older than 2.
    split = 1 if packed[0] != "1" else 2
    return CudaVersion(int(packed[:split]), int(packed[split:]))


def parse_driver(text: str) -> Driver:
    """The driver written as `570.133.20`, or the branch written as `570`. Raises TargetError for any other text."""
    found = re.fullmatch(r"[Rr]?(\d{3}(?:\.\d{1,4}){0,2})", text.strip(), re.ASCII)
    if found is None:
        raise TargetError(
            f"`{text}` is no Linux driver version of NVIDIA", remedy="`570.133.20`, or `570` for its branch"
        )
    return Driver(release=tuple(int(part) for part in found[1].split(".")), text=found[1])


@cache
def find_cuda_range(driver: Driver) -> CudaRange:
    """The releases that a driver runs. Raises TargetError for one older than every CUDA release in the data."""
    native = [cuda for cuda, shipped in _shipped_drivers().items() if driver.satisfies(shipped)]
    if not native:
        oldest = min(_shipped_drivers().items())
        raise TargetError(
            f"driver `{driver}` is older than any that is known", remedy=f"{oldest[1]} or later, for CUDA {oldest[0]}"
        )
    majors = [major for major, floor in _major_floors().items() if driver.satisfies(floor)]
    return CudaRange(native=max(native), newest_major=max(majors, default=0))


def find_driver_floor(cuda: Cuda) -> Driver | None:
    """The lowest driver that runs builds for a release; None if the data has none.

    With minor version compatibility that is the floor of the major release, the same for all its minor versions.
    """
    if floor := _major_floors().get(cuda.major):
        return floor
    return _shipped_drivers().get(cuda) if isinstance(cuda, CudaVersion) else None


def find_shipped_driver(cuda: CudaVersion) -> Driver | None:
    """The driver in the release's first toolkit, the lowest that compiles its PTX; None if the data has none."""
    return _shipped_drivers().get(cuda)


@cache
def _shipped_drivers() -> dict[CudaVersion, Driver]:
    """The lowest driver among the toolkits of each minor release (NVIDIA: CUDA Toolkit release notes)."""
    drivers: dict[CudaVersion, Driver] = {}
    for row in read_data("cuda")["toolkit"]:
        if "driver" not in row:
            continue
        cuda, driver = parse_cuda(row["cuda"]), parse_driver(row["driver"])
        assert isinstance(cuda, CudaVersion)
        if cuda not in drivers or driver.release < drivers[cuda].release:
            drivers[cuda] = driver
    return drivers


@cache
def _major_floors() -> dict[int, Driver]:
    """The lowest driver of each CUDA major release that has minor version compatibility."""
    return {row["cuda"]: parse_driver(row["driver"]) for row in read_data("cuda")["major"]}
