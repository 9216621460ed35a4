"""Machine types: which accelerator, and which host, a list of their names stands for.

In: names as users write them, rows of the data, rows of the configuration. Out: a `MachineChoice`, in which names that
nobody knows are data: whether they are an error is for the caller to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from lockfiles._values import dataclass
from resolver.errors import Fault, TargetError
from resolver.targets.accelerators import (
    Accelerator,
    Capability,
    Cpu,
    Driver,
    DriverSource,
    Gpu,
    GpuModel,
    HostArchitecture,
    Unspecified,
    build_gpu,
    find_cuda_range,
    parse_driver,
)
from resolver.targets.data_files import read_data
from resolver.targets.platforms import DEFAULT_PLATFORM, Glibc, Linux, Platform

if TYPE_CHECKING:
    from resolver.settings.settings import GpuSetting, MachineSetting

__all__ = [
    "Machine",
    "MachineChoice",
    "UnknownMachine",
    "choose_platform",
    "default_driver",
    "list_other_drivers",
    "load_machines",
    "parse_machine_types",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine type. `gpu` is None for a CPU machine, and for a name that says too little: `deprecated` is why."""

    name: str
    gpu: GpuModel | None = None
    driver: Driver | None = None
    deprecated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownMachine:
    """A name that is no machine type, with the nearest one that is, empty if none is near."""

    name: str
    suggestion: str = ""

    @property
    def fault(self) -> Fault:
        """What is wrong with the name."""
        remedy = f"`{self.suggestion}`" if self.suggestion else ""
        return Fault(what=f"unknown machine type `{self.name}`", remedy=remedy)

    def __str__(self) -> str:
        return str(self.fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineChoice:
    """What a list of machine types stands for: one accelerator that is all of those that are known.

    `host` is the architecture of its GPUs' hosts, None for CPU machines: those say nothing about it. `is_mixed` says
    that CPU and GPU types stand side by side, which makes a gpu target.
    """

    accelerator: Accelerator
    machines: tuple[Machine, ...] = ()
    unknown: tuple[UnknownMachine, ...] = ()
    host: HostArchitecture | None = None

    @property
    def is_mixed(self) -> bool:
        return isinstance(self.accelerator, Gpu) and any(one.gpu is None for one in self.machines if not one.deprecated)

    def iter_warnings(self) -> Iterable[str]:
        """What the summary should say, in the order of the list: unknown and deprecated names, and a mix."""
        yield from map(str, self.unknown)
        for machine in self.machines:
            if machine.deprecated:
                what = f"machine type `{machine.name}` is not looked at: {machine.deprecated}"
                yield str(Fault(what=what, remedy="`GPU-A100`"))
        if self.is_mixed:
            cpu = ", ".join(f"`{one.name}`" for one in self.machines if one.gpu is None and not one.deprecated)
            yield f"the lock is for the GPU types of the list; on {cpu} its CUDA builds run without a GPU"


def parse_machine_types(
    names: str | Sequence[str],
    *,
    driver: str | None = None,
    configured_driver: str | None = None,
    machines: Sequence[MachineSetting] = (),
    gpus: Sequence[GpuSetting] = (),
) -> MachineChoice:
    """The accelerator that `GPU-H100`, `h100,a100` or a list of names stands for.

    Case, `GPU-`, blanks and dashes do not matter. `driver` is the flag's; without one a machine's own driver in the
    configuration counts, then `configured_driver`, then the default. Raises TargetError for an AMD GPU, a driver that
    does not know a GPU, and hosts of two architectures.
    """
    known, unknown = _find_all(_split(names), _Table(machines, gpus))
    with_gpu = [(one, one.gpu) for one in known if one.gpu is not None]
    if not with_gpu:
        # A name that may be a GPU's keeps CPU builds out, even beside CPU types.
        is_cpu = bool(known) and not unknown and not any(one.deprecated for one in known)
        return MachineChoice(accelerator=Cpu() if is_cpu else Unspecified(), machines=known, unknown=unknown)
    chosen = [_choose_driver(one, driver, configured_driver) for one, _ in with_gpu]
    for (machine, gpu), (its_driver, _) in zip(with_gpu, chosen, strict=True):
        _check_driver(machine, gpu, its_driver)
    lowest, source = min(chosen, key=lambda pair: find_cuda_range(pair[0]).order)
    accelerator = build_gpu([(one.name, gpu) for one, gpu in with_gpu], driver=lowest, source=source)
    return MachineChoice(
        accelerator=accelerator, machines=known, unknown=unknown, host=_find_host([gpu for _, gpu in with_gpu])
    )


def choose_platform(choice: MachineChoice, platform: Platform | None) -> Platform:
    """The platform to lock for: the given one, else the default on the machines' host.

    Raises TargetError for a given platform that is not the host's.
    """
    if platform is None:
        if choice.host in (None, "x86_64"):
            return DEFAULT_PLATFORM
        return Linux(arch="aarch64", libc=Glibc(2, 35))
    if choice.host is None or (isinstance(platform, Linux) and platform.arch == choice.host):
        return platform
    names = ", ".join(f"`{one.name}`" for one in choice.machines if one.gpu is not None)
    raise TargetError(
        f"platform `{platform}` does not exist on {names}: its host is Linux on {choice.host}",
        remedy=f"`--platform {Linux(arch=choice.host, libc=Glibc(2, 35))}`",
    )


def load_machines(machines: Sequence[MachineSetting] = (), gpus: Sequence[GpuSetting] = ()) -> tuple[Machine, ...]:
    """All machine types by name: the configuration's first, then those of the data."""
    return _Table(machines, gpus).list_machines()


@cache
def default_driver() -> Driver:
    """The driver that is assumed where nobody names one."""
    return parse_driver(read_data("machines")["default-driver"]["driver"])


def list_other_drivers(gpu: Gpu) -> tuple[Gpu, ...]:
    """The accelerator with each driver branch that people meet, oldest first: what runs otherwise is worth a word.

    Branches that do not know one of its GPUs, and those on which the same builds run, are left out.
    """
    branches = map(parse_driver, read_data("machines")["default-driver"]["others"])
    others = (
        replace(gpu, driver=branch, cuda=find_cuda_range(branch))
        for branch in branches
        if all(branch.satisfies(model.driver) for _, model in gpu.machines)
    )
    return tuple(other for other in others if other != gpu)


class _Table:
    """Machine types by their folded name, the configuration's over the data's."""

    def __init__(self, machines: Sequence[MachineSetting], gpus: Sequence[GpuSetting]) -> None:
        self._own_machines = {_fold(row.name): row for row in machines}
        self._own_gpus = {_fold(row.name): row for row in gpus}
        self._rows: dict[str, Mapping[str, Any]] = {_fold(row["name"]): row for row in read_data("machines")["machine"]}
        self._gpu_rows: dict[str, Mapping[str, Any]] = {
            _fold(name): row for row in read_data("gpus")["gpu"] for name in (row["name"], *row.get("aliases", ()))
        }

    def find(self, name: str) -> Machine | None:
        folded = _fold(name)
        if own := self._own_machines.get(folded):
            gpu = None if own.gpu is None else self._find_gpu(own.gpu, f"machine `{own.name}` in the configuration")
            return Machine(name=own.name, gpu=gpu, driver=None if own.driver is None else parse_driver(own.driver))
        if row := self._rows.get(folded):
            gpu = self._find_gpu(row["gpu"], f"machine type `{row['name']}`") if "gpu" in row else None
            return Machine(name=row["name"], gpu=gpu, deprecated=row.get("deprecated", ""))
        if folded in self._own_gpus or folded in self._gpu_rows:
            gpu = self._find_gpu(name, f"machine type `{name}`")
            return Machine(name=f"GPU-{gpu.name.replace(' ', '-')}", gpu=gpu)
        return None

    def suggest(self, name: str) -> str:
        folded = _fold(name)
        names = {_fold(one.name): one.name for one in reversed(self.list_machines())}
        close = get_close_matches(folded, names, n=1, cutoff=0.5)
        return names[close[0]] if close else ""

    def list_machines(self) -> tuple[Machine, ...]:
        names = [row.name for row in self._own_machines.values()]
        names += [row["name"] for folded, row in self._rows.items() if folded not in self._own_machines]
        found = (self.find(name) for name in names)
        return tuple(machine for machine in found if machine is not None)

    def _find_gpu(self, name: str, where: str) -> GpuModel:
        folded = _fold(name)
        if own := self._own_gpus.get(folded):
            return _read_own_gpu(own)
        row = self._gpu_rows.get(folded)
        if row is None:
            raise TargetError(f"unknown GPU `{name}`", where=where, remedy="name it in `[[tool.pinfold.gpus]]`")
        if row["vendor"] != "nvidia":
            raise TargetError(f"AMD GPUs are not supported: {row['name']} is {row['gfx']}", where=where)
        return GpuModel(
            name=row["name"],
            capability=Capability.parse(row["capability"]),
            architecture=row["architecture"],
            host=row["host"],
            driver=parse_driver(row["driver"]),
            jetson=row.get("jetson", False),
        )


def _read_own_gpu(row: GpuSetting) -> GpuModel:
    """A GPU of the configuration. Without a driver every one is taken to know it."""
    return GpuModel(
        name=row.name,
        capability=Capability.parse(row.capability),
        architecture="",
        host=row.host or "x86_64",
        driver=parse_driver(row.driver or "100"),
        jetson=False,
    )


def _split(names: str | Sequence[str]) -> tuple[str, ...]:
    texts = (names,) if isinstance(names, str) else names
    return tuple(dict.fromkeys(name.strip() for text in texts for name in text.split(",") if name.strip()))


def _fold(name: str) -> str:
    """A name without what does not matter in it. The bare `GPU` stays as it is."""
    folded = re.sub(r"[^a-z0-9]", "", name.lower())
    return folded.removeprefix("gpu") or folded


def _find_all(names: Iterable[str], table: _Table) -> tuple[tuple[Machine, ...], tuple[UnknownMachine, ...]]:
    known: dict[str, Machine] = {}
    unknown: list[UnknownMachine] = []
    for name in names:
        machine = table.find(name)
        if machine is None:
            unknown.append(UnknownMachine(name=name, suggestion=table.suggest(name)))
        else:
            known.setdefault(machine.name, machine)
    return tuple(known.values()), tuple(unknown)


def _choose_driver(machine: Machine, flag: str | None, configured: str | None) -> tuple[Driver, DriverSource]:
    if flag is not None:
        return parse_driver(flag), "flag"
    if machine.driver is not None:
        return machine.driver, "configuration"
    if configured is not None:
        return parse_driver(configured), "configuration"
    return default_driver(), "assumption"


def _check_driver(machine: Machine, gpu: GpuModel, driver: Driver) -> None:
    if not driver.satisfies(gpu.driver):
        raise TargetError(
            f"machine type `{machine.name}` with driver {driver} does not exist: a driver knows {gpu.name} from"
            f" {gpu.driver} on",
            remedy=f"`--driver {gpu.driver}`",
        )


def _find_host(gpus: Sequence[GpuModel]) -> HostArchitecture:
    hosts = {gpu.host: gpu.name for gpu in gpus}
    if len(hosts) > 1:
        both = " and ".join(f"{name} ({host})" for host, name in sorted(hosts.items(), reverse=True))
        raise TargetError(f"one lock cannot serve hosts of two architectures: {both}", remedy="a lock for each")
    return gpus[0].host
