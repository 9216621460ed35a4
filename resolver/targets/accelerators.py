"""What a target computes on: not said, a CPU, or GPUs with a driver.

Accelerators are equal when the same builds run on them: capabilities and the CUDA releases of the driver, not names.
`resolver.targets.machines` makes them from machine types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Literal, NamedTuple

from lockfiles.value_classes import dataclass

if TYPE_CHECKING:
    from resolver.targets.cuda import CudaRange, Driver

__all__ = [
    "UNSPECIFIED",
    "Accelerator",
    "Capability",
    "Cpu",
    "DriverSource",
    "Gpu",
    "GpuModel",
    "HostArchitecture",
    "Unspecified",
    "build_gpu",
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
    from resolver.targets.cuda import find_cuda_range  # 1.4 ms that a target without a GPU does not need.

    return Gpu(
        capabilities=frozenset(gpu.capability for _, gpu in machines),
        cuda=find_cuda_range(driver),
        machines=tuple(machines),
        driver=driver,
        driver_source=source,
    )
