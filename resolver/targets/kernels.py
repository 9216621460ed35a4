"""Whether compiled code runs on a machine: a build's architectures and CUDA release against GPU and driver.

In: what a build was compiled for, and an accelerator. Out: a `Verdict`, with its reason as data; `str()` renders it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Any, Literal, assert_never

from lockfiles._values import dataclass
from resolver.targets.accelerators import (
    Accelerator,
    Capability,
    Cpu,
    CudaRange,
    CudaVersion,
    Driver,
    Gpu,
    Unspecified,
    find_driver_floor,
    find_shipped_driver,
    parse_cuda,
)
from resolver.targets.data_files import read_data

__all__ = [
    "Architecture",
    "CudaBuild",
    "NeedsDriver",
    "NoKernels",
    "Runs",
    "UnknownKernels",
    "Verdict",
    "cubin_runs",
    "parse_architectures",
    "runs",
]


@dataclass(frozen=True, slots=True)
class Architecture:
    """What code is compiled for: `sm_90a` is machine code, `compute_120` PTX, which the driver compiles further.

    The suffix `a` is code for one capability alone, `f` for its family.
    """

    number: int
    suffix: Literal["", "a", "f"] = ""
    ptx: bool = False

    @property
    def capability(self) -> Capability:
        return Capability(*divmod(self.number, 10))

    def __str__(self) -> str:
        return f"{'compute' if self.ptx else 'sm'}_{self.number}{self.suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaBuild:
    """What a build was compiled with and for. `architectures` are None where nobody has measured them."""

    cuda: CudaVersion
    architectures: tuple[Architecture, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """It runs. `ptx` says that the driver has to compile its kernels first."""

    ptx: bool = False

    def __str__(self) -> str:
        return "runs, compiled from PTX at first use" if self.ptx else "runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoKernels:
    """No code in it is for this capability. `machine` is the machine type, empty if none was asked about."""

    capability: Capability
    machine: str = ""

    def __str__(self) -> str:
        return f"has no kernels for {self.place}"

    @property
    def place(self) -> str:
        """The capability with its machine type: `sm_100 (GPU-B200)`."""
        return f"{self.capability.sm} ({self.machine})" if self.machine else self.capability.sm


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsDriver:
    """The driver is too old. `ptx` says that it would start, but has PTX alone for the GPU, which needs more.

    `driver` is the lowest that would do, None if the data has none.
    """

    driver: Driver | None
    ptx: bool = False

    def __str__(self) -> str:
        wanted = "a newer driver" if self.driver is None else f"driver {self.driver}"
        return f"needs {wanted} to compile its PTX" if self.ptx else f"needs {wanted}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownKernels:
    """Its driver would do, but what it was compiled for is not known."""

    def __str__(self) -> str:
        return "is compiled for architectures that are not known"


Verdict = Runs | NoKernels | NeedsDriver | UnknownKernels


def parse_architectures(text: str) -> tuple[Architecture, ...]:
    """The architectures in `75 80 90a ptx120`; raises ValueError for anything else."""
    return tuple(_parse_architecture(word) for word in text.split())


def cubin_runs(
    architectures: Collection[Architecture], capability: Capability, *, cuda: CudaVersion | None = None
) -> Runs | NoKernels:
    """Whether machine code among the architectures runs on a GPU of the capability; PTX does not count here.

    Code for X.Y runs on X.Z from Y on, never on another major version; Jetson systems are excluded from code for their
    neighbours up to a CUDA release: without `cuda` they are excluded.
    """
    if any(_is_cubin_for(one, capability, cuda) for one in architectures if not one.ptx):
        return Runs()
    return NoKernels(capability=capability)


def runs(build: CudaBuild, accelerator: Accelerator) -> Verdict:
    """Whether a build runs on every GPU of the accelerator; otherwise what the first GPU lacks.

    Without a GPU it does: a CUDA build works on a CPU. What no driver can mend is said first.
    """
    match accelerator:
        case Unspecified() | Cpu():
            return Runs()
        case Gpu():
            verdicts = [_runs_on(build, gpu.capability, accelerator.cuda, name) for name, gpu in accelerator.machines]
            return min(verdicts, key=_severity)
        case _:
            assert_never(accelerator)


def _runs_on(build: CudaBuild, capability: Capability, driver: CudaRange, machine: str) -> Verdict:
    starts = driver.runs(build.cuda)
    if build.architectures is None:
        return UnknownKernels() if starts else NeedsDriver(driver=find_driver_floor(build.cuda))
    has_cubin = isinstance(cubin_runs(build.architectures, capability, cuda=build.cuda), Runs)
    if not has_cubin and not any(_is_ptx_for(one, capability) for one in build.architectures if one.ptx):
        return NoKernels(capability=capability, machine=machine)
    if not starts:
        return NeedsDriver(driver=find_driver_floor(build.cuda))
    if has_cubin or driver.compiles_ptx_of(build.cuda):
        return Runs(ptx=not has_cubin)
    return NeedsDriver(driver=find_shipped_driver(build.cuda), ptx=True)


def _severity(verdict: Verdict) -> int:
    """What stops a build first: kernels that it lacks, then drivers, then what is not known."""
    match verdict:
        case NoKernels():
            return 0
        case NeedsDriver():
            return 1
        case UnknownKernels():
            return 2
        case Runs():
            return 4 - verdict.ptx
        case _:
            assert_never(verdict)


def _parse_architecture(word: str) -> Architecture:
    found = re.fullmatch(r"(ptx)?(\d{2,3})([af]?)", word, re.ASCII)
    if found is None:
        raise ValueError(f"`{word}` is no architecture")
    suffix: Literal["", "a", "f"] = "a" if found[3] == "a" else "f" if found[3] == "f" else ""
    return Architecture(int(found[2]), suffix, found[1] is not None)


def _is_cubin_for(code: Architecture, capability: Capability, cuda: CudaVersion | None) -> bool:
    device = capability.number
    if code.suffix:
        return device == code.number or (code.suffix == "f" and _is_in_family(code, device))
    row = _exceptions().get(code.number)
    if row is not None and not _is_over(row, cuda):
        if "only" in row:
            return device in row["only"]
        if device in row["never"]:
            return False
    return code.capability.major == capability.major and code.number <= device


def _is_ptx_for(code: Architecture, capability: Capability) -> bool:
    if code.suffix:
        return _is_cubin_for(code, capability, None)
    return code.capability <= capability


def _is_in_family(code: Architecture, device: int) -> bool:
    rows = read_data("cuda")["family"]
    return any(code.number in row["sm"] and device in row["sm"] and code.number <= device for row in rows)


def _is_over(row: dict[str, Any], cuda: CudaVersion | None) -> bool:
    """Whether an exception no longer holds in a CUDA release."""
    until = parse_cuda(row.get("until", ""))
    return cuda is not None and isinstance(until, CudaVersion) and cuda >= until


@cache
def _exceptions() -> dict[int, dict[str, Any]]:
    return {row["sm"]: row for row in read_data("cuda")["exception"]}
