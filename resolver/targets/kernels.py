"""Whether compiled code runs on a machine: a build's architectures and CUDA release against GPU and driver.

In: the architectures and the CUDA release of a build, and an accelerator. Out: a `Verdict` that holds its reason as
data; `str()` renders it.

The rules are NVIDIA's (CUDA C Programming Guide: binary and PTX compatibility): machine code for X.Y runs on X.Z from Y
on, PTX for X.Y can be compiled for every later capability. The exceptions are rows of `data/cuda.toml`. Nothing here
depends on torch, so the rules hold for the builds of every project.
"""

from __future__ import annotations

import re
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
    "parse_architectures",
    "runs",
]


@dataclass(frozen=True, slots=True)
class Architecture:
    """An architecture that code is compiled for: `sm_90a` is machine code, `compute_120` is PTX.

    The driver compiles PTX to machine code. The suffix `a` marks code for one capability alone, `f` for its family.
    """

    number: int
    suffix: Literal["", "a", "f"] = ""
    ptx: bool = False

    @property
    def capability(self) -> Capability:
        """The capability in the name: 12.0 for `sm_120`."""
        return Capability(*divmod(self.number, 10))

    def __str__(self) -> str:
        return f"{'compute' if self.ptx else 'sm'}_{self.number}{self.suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaBuild:
    """The CUDA release that a build is compiled with, and its architectures, None if the data does not have them."""

    cuda: CudaVersion
    architectures: tuple[Architecture, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The build runs.

    With `ptx`, the driver compiles the kernels first, at the first use.
    """

    ptx: bool = False

    def __str__(self) -> str:
        return "runs, compiled from PTX at first use" if self.ptx else "runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoKernels:
    """The build has no code for the capability. `machine` is the machine type, empty if there is none."""

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
    """The driver is too old for the build; `driver` is the lowest that suffices, None if the data has none.

    With `ptx`, the build would start, but has only PTX for the GPU, and compiling that needs a newer driver.
    """

    driver: Driver | None
    ptx: bool = False

    def __str__(self) -> str:
        wanted = "a newer driver" if self.driver is None else f"driver {self.driver}"
        return f"needs {wanted} to compile its PTX" if self.ptx else f"needs {wanted}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownKernels:
    """The driver suffices, but the architectures of the build are unknown."""

    def __str__(self) -> str:
        return "is compiled for architectures that are not known"


Verdict = Runs | NoKernels | NeedsDriver | UnknownKernels
"""Whether a build runs on an accelerator, or what is missing. `str()` is a verb phrase about the build."""


def parse_architectures(text: str) -> tuple[Architecture, ...]:
    """The architectures in a text such as `75 80 90a ptx120`. Raises ValueError for any other form."""
    return tuple(_parse_architecture(word) for word in text.split())


def runs(build: CudaBuild, accelerator: Accelerator) -> Verdict:
    """Whether a build runs on every GPU of the accelerator; otherwise what the first GPU lacks.

    Without a GPU it runs: a CUDA build works on a CPU. Missing kernels come before an old driver in the answer, since
    no driver remedies them.
    """
    match accelerator:
        case Unspecified() | Cpu():
            return Runs()
        case Gpu():
            verdicts = [_runs_on(build, gpu.capability, accelerator.cuda, name) for name, gpu in accelerator.machines]
            return min(verdicts, key=_severity)
        case _:
            assert_never(accelerator)


def _parse_architecture(word: str) -> Architecture:
    """One word of `parse_architectures`."""
    found = re.fullmatch(r"(ptx)?(\d{2,3})([af]?)", word, re.ASCII)
    if found is None:
        raise ValueError(f"`{word}` is no architecture")
    suffix: Literal["", "a", "f"] = "a" if found[3] == "a" else "f" if found[3] == "f" else ""
    return Architecture(int(found[2]), suffix, found[1] is not None)


def _runs_on(build: CudaBuild, capability: Capability, driver: CudaRange, machine: str) -> Verdict:
    """Whether a build runs on one GPU. The first of the reasons in `_severity` that applies is the verdict."""
    starts = driver.runs(build.cuda)
    if build.architectures is None:
        if _has_ended(capability, build.cuda):
            return NoKernels(capability=capability, machine=machine)
        return UnknownKernels() if starts else NeedsDriver(driver=find_driver_floor(build.cuda))
    has_machine_code = any(
        _is_machine_code_for(one, capability, build.cuda) for one in build.architectures if not one.ptx
    )
    if not has_machine_code and not any(_is_ptx_for(one, capability) for one in build.architectures if one.ptx):
        return NoKernels(capability=capability, machine=machine)
    if not starts:
        return NeedsDriver(driver=find_driver_floor(build.cuda))
    # PTX needs more than a start: minor version compatibility does not cover its compilation.
    if has_machine_code or driver.compiles_ptx_of(build.cuda):
        return Runs(ptx=not has_machine_code)
    return NeedsDriver(driver=find_shipped_driver(build.cuda), ptx=True)


def _has_ended(capability: Capability, cuda: CudaVersion) -> bool:
    """Whether no toolkit of a CUDA release compiles for a capability any more, neither machine code nor PTX.

    A first release decides nothing here, since PTX of an older toolkit runs on a newer GPU.
    """
    rows = [row for row in read_data("cuda")["architecture"] if row["sm"] <= capability.number]
    last = parse_cuda(max(rows, key=lambda row: row["sm"]).get("last", "")) if rows else None
    return isinstance(last, CudaVersion) and cuda > last


def _is_machine_code_for(code: Architecture, capability: Capability, cuda: CudaVersion | None) -> bool:
    """Whether machine code runs on a capability.

    Code with a suffix runs on its own capability or family. Other code follows the exception for its number, if one
    exists and holds for the CUDA release, and otherwise the rule: code for X.Y runs on X.Z from Y on, never on another
    major version. The exceptions are mostly Jetson systems, which are excluded from code for their neighbours.
    """
    device = capability.number
    if code.suffix:
        return device == code.number or (code.suffix == "f" and _is_in_family(code, device))
    row = _exceptions().get(code.number)
    if row is not None and not _is_over(row, cuda):
        # `only` and `never` hold device numbers; a row has one of the two.
        if "only" in row:
            return device in row["only"]
        if device in row["never"]:
            return False
    return code.capability.major == capability.major and code.number <= device


def _is_in_family(code: Architecture, device: int) -> bool:
    """Whether `f` code for an architecture runs on a device: both are in one family, the device no older."""
    rows = read_data("cuda")["family"]
    return any(code.number in row["sm"] and device in row["sm"] and code.number <= device for row in rows)


@cache
def _exceptions() -> dict[int, dict[str, Any]]:
    """By architecture number, the rows with `only` or `never` capabilities, and `until` which release they hold."""
    return {row["sm"]: row for row in read_data("cuda")["exception"]}


def _is_over(row: dict[str, Any], cuda: CudaVersion | None) -> bool:
    """Whether an exception has ended with a CUDA release; with an unknown release (None) it still holds."""
    until = parse_cuda(row.get("until", ""))
    return cuda is not None and isinstance(until, CudaVersion) and cuda >= until


def _is_ptx_for(code: Architecture, capability: Capability) -> bool:
    """Whether PTX can be compiled for a capability; PTX with a suffix is as narrow as machine code with it."""
    if code.suffix:
        return _is_machine_code_for(code, capability, None)
    return code.capability <= capability


def _severity(verdict: Verdict) -> int:
    """The rank of a verdict, most severe first: missing kernels, an old driver, unknown kernels, PTX, machine code."""
    match verdict:
        case NoKernels():
            return 0
        case NeedsDriver():
            return 1
        case UnknownKernels():
            return 2
        case Runs():
            # One GPU that compiles from PTX makes the whole accelerator do so.
            return 4 - verdict.ptx
        case _:
            assert_never(verdict)
