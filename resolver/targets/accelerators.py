"""What a target computes on: not said, a CPU, or GPUs with a driver.

Accelerators are equal when the same builds run on them: capabilities and the CUDA releases of the driver, not names.
`resolver.targets.machine_types` makes them from machine types.

CUDA releases, Linux drivers, and which releases a driver runs.

A driver runs what its own or an older release built. Within a major release it also runs what newer minor releases
built, from that major's floor on (NVIDIA: minor-version compatibility), but it compiles no PTX of theirs.
Forward-compatibility packages are not assumed: they belong to an image's operating system.
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
"""Where a driver version comes from; an assumption is the default that ships with pinfold."""

HostArchitecture = Literal["x86_64", "aarch64"]


class Capability(NamedTuple):
    """A compute capability. Orders as a version does."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Capability:
        """The capability in a row of data: `10.0`."""
        major, _, minor = text.partition(".")
        return cls(int(major), int(minor))

    @property
    def number(self) -> int:
        """`100` for 10.0."""
        return self.major * 10 + self.minor

    @property
    def sm(self) -> str:
        """The name of code for it: `sm_100`."""
        return f"sm_{self.number}"

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuModel:
    """A GPU of NVIDIA's. `driver` is the lowest that knows it, `host` the architecture of its machines."""

    name: str
    capability: Capability
    architecture: str
    host: HostArchitecture
    driver: Driver
    jetson: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unspecified:
    """No machine was named: builds are chosen as if any would run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """A machine without a GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One or more GPUs with a driver; a build runs on the accelerator if it runs on each of them.

    `machines` are machine types with their GPUs, in the order in which they were named. Only `capabilities` and `cuda`
    are compared: they say what runs.
    """

    capabilities: frozenset[Capability]
    cuda: CudaRange
    machines: tuple[tuple[str, GpuModel], ...] = field(compare=False)
    driver: Driver = field(compare=False)
    driver_source: DriverSource = field(compare=False)


Accelerator = Unspecified | Cpu | Gpu

UNSPECIFIED = Unspecified()


def build_gpu(machines: Sequence[tuple[str, GpuModel]], *, driver: Driver, source: DriverSource) -> Gpu:
    """The accelerator that all of the machines are, with one driver. Raises TargetError for an unknown old driver."""

    return Gpu(
        capabilities=frozenset(gpu.capability for _, gpu in machines),
        cuda=find_cuda_range(driver),
        machines=tuple(machines),
        driver=driver,
        driver_source=source,
    )


_OLDEST_MINOR_COMPATIBLE = 11
_CUDA = re.compile(r"(?:cu(?:da)?)?(?:(\d{1,2})\.(\d{1,2})(?:\.\d+)*|([2-9]\d|1\d{1,3}))", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class CudaVersion:
    """A CUDA release by major and minor version."""

    major: int
    minor: int

    @property
    def label(self) -> str:
        """The name of its builds: `cu124`."""
        return f"cu{self.major}{self.minor}"

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True)
class CudaMajor:
    """A CUDA major release, where no more is known or matters."""

    major: int

    def __str__(self) -> str:
        return str(self.major)


Cuda = CudaVersion | CudaMajor


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A Linux driver, `570.133.20`, or a whole branch of them, `570`. Two spellings of one number are equal."""

    release: tuple[int, ...]
    text: str = field(compare=False)

    @property
    def is_branch(self) -> bool:
        return len(self.release) == 1

    def satisfies(self, floor: Driver) -> bool:
        """Whether this driver is the floor or a later one; a branch satisfies every floor inside it."""
        if self.is_branch:
            return self.release[0] >= floor.release[0]
        return self.release >= floor.release

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaRange:
    """The CUDA releases that a driver runs.

    `native` is the newest of which it runs everything, PTX included. `newest_major` is the last major release whose
    builds it runs whatever their minor version, 0 for none.
    """

    native: CudaVersion
    newest_major: int

    def runs(self, cuda: Cuda) -> bool:
        """Whether builds of the release start, if they have kernels for the GPU."""
        if _OLDEST_MINOR_COMPATIBLE <= cuda.major <= self.newest_major:
            return True
        return cuda <= self.native if isinstance(cuda, CudaVersion) else cuda.major <= self.native.major

    def compiles_ptx_of(self, cuda: CudaVersion) -> bool:
        return cuda <= self.native

    @property
    def order(self) -> tuple[int, CudaVersion]:
        """Sorts ranges: of two drivers the older one has the lower range."""
        return self.newest_major, self.native

    def __str__(self) -> str:
        floor = f"{self.newest_major}.x" if self.newest_major >= self.native.major else str(self.native)
        return f"CUDA up to {floor}, PTX up to {self.native}"


def parse_cuda(text: str) -> Cuda | None:
    """The release that `12.4`, `124`, `cu124`, `12` or `12.4.1` names; None for anything else.

    Without a dot the last digit is the minor version, except in `11` to `19`, which are major releases; `92` is 9.2.
    """
    digits = re.fullmatch(
        r"(?:cu(?:da)?)?(?:(\d{1,2})\.(\d{1,2})(?:\.\d+)*|([2-9]\d|1\d{1,3}))", text.strip().lower(), re.ASCII
    )
    if digits is None:
        return None
    if digits[3] is None:
        return CudaVersion(int(digits[1]), int(digits[2]))
    packed = digits[3]
    if len(packed) == 2 and packed[0] == "1":
        return CudaMajor(int(packed))
    split = 1 if packed[0] != "1" else 2
    return CudaVersion(int(packed[:split]), int(packed[split:]))


def parse_driver(text: str) -> Driver:
    """The driver that `570.133.20` or a bare branch number, `570`, names. Raises TargetError."""
    found = re.fullmatch(r"[Rr]?(\d{3}(?:\.\d{1,4}){0,2})", text.strip(), re.ASCII)
    if found is None:
        raise TargetError(
            f"`{text}` is no Linux driver version of NVIDIA", remedy="`570.133.20`, or `570` for its branch"
        )
    return Driver(release=tuple(int(part) for part in found[1].split(".")), text=found[1])


@cache
def find_cuda_range(driver: Driver) -> CudaRange:
    """What the driver runs. Raises TargetError for one that is older than every CUDA release in the data."""
    native = [cuda for cuda, shipped in _shipped_drivers().items() if driver.satisfies(shipped)]
    if not native:
        oldest = min(_shipped_drivers().items())
        raise TargetError(
            f"driver `{driver}` is older than any that is known", remedy=f"{oldest[1]} or later, for CUDA {oldest[0]}"
        )
    majors = [major for major, floor in _major_floors().items() if driver.satisfies(floor)]
    return CudaRange(native=max(native), newest_major=max(majors, default=0))


def find_driver_floor(cuda: Cuda) -> Driver | None:
    """The lowest driver that runs builds of a release; None if the data has none."""
    if floor := _major_floors().get(cuda.major):
        return floor
    return _shipped_drivers().get(cuda) if isinstance(cuda, CudaVersion) else None


def find_shipped_driver(cuda: CudaVersion) -> Driver | None:
    """The driver that the release's first toolkit ships, so the lowest that compiles its PTX; None if not known."""
    return _shipped_drivers().get(cuda)


@cache
def _shipped_drivers() -> dict[CudaVersion, Driver]:
    """The driver of the first toolkit of every minor release."""
    drivers: dict[CudaVersion, Driver] = {}
    for row in read_data("cuda")["toolkit"]:
        cuda, driver = parse_cuda(row["cuda"]), parse_driver(row["driver"])
        assert isinstance(cuda, CudaVersion)
        if cuda not in drivers or driver.release < drivers[cuda].release:
            drivers[cuda] = driver
    return drivers


@cache
def _major_floors() -> dict[int, Driver]:
    return {row["cuda"]: parse_driver(row["driver"]) for row in read_data("cuda")["major"]}
