"""Machine types: the accelerator, and the CPU architecture of the host, that a list of their names means.

In: names as users write them, rows of `data/machines.toml` and `data/gpus.toml`, rows of the configuration. Out: a
`MachineChoice`. Unknown names are values in it, because only the caller knows where they are written; `refuse_unknown`
raises them. Other faults (an AMD GPU, hosts of two architectures) raise here.

A choice has one driver, the lowest of its GPU machines. That of a machine comes from the command line, otherwise from
its own row in the configuration, otherwise from the configuration as a whole, otherwise it is the default.
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
    "has_ended",
    "list_gpus",
    "list_other_drivers",
    "load_machines",
    "parse_machine_types",
]

_MOST_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine type.

    `gpu` is None for a CPU machine and for an ambiguous name, whose `deprecated` explains why it is not used. `driver`
    is the machine's own in the configuration, None without one.
    """

    name: str
    gpu: GpuModel | None = None
    driver: Driver | None = None
    deprecated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownMachine:
    """A name that is no machine type. `suggestions` are the nearest machine types, at most three, the nearest first."""

    name: str
    suggestions: tuple[str, ...] = ()

    @property
    def fault(self) -> Fault:
        """The fault that describes the name, with the nearest machine types as its remedy."""
        *others, last = (*(f"`{name}`" for name in self.suggestions), "a row in `[[tool.pinfold.machines]]`")
        remedy = f"{', '.join(others)} or {last}" if others else last
        return Fault(what=f"unknown machine type `{self.name}`", remedy=remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineChoice:
    """The meaning of a list of machine types: one accelerator for all machines that are known.

    `machines` and `unknown` are in list order, without repetitions. `host` is the CPU architecture of the GPUs' hosts,
    None for CPU machines, which do not determine it.
    """

    accelerator: Accelerator
    machines: tuple[Machine, ...] = ()
    unknown: tuple[UnknownMachine, ...] = ()
    host: HostArchitecture | None = None

    @property
    def is_mixed(self) -> bool:
        """Whether the list has both CPU and GPU types, which makes a target with a GPU."""
        return isinstance(self.accelerator, Gpu) and any(one.gpu is None for one in self.machines if not one.deprecated)

    def iter_warnings(self) -> Iterable[str]:
        """The warnings for the summary: deprecated names in list order, then a mix of CPU and GPU types."""
        for machine in self.machines:
            if machine.deprecated:
                what = f"machine type `{machine.name}` is ignored: {machine.deprecated}"
                yield str(Fault(what=what, remedy="`GPU-A100`"))
        if self.is_mixed:
            cpu = ", ".join(f"`{one.name}`" for one in self.machines if one.gpu is None and not one.deprecated)
            yield f"the lock is for the GPU types of the list; on {cpu} its CUDA builds run without a GPU"

    def refuse_unknown(self, where: str = "") -> None:
        """Raise TargetError for names that are no machine types; `where` is the place that has them."""
        if self.unknown:
            raise TargetError.from_faults(replace(one.fault, where=where) for one in self.unknown)


def parse_machine_types(
    names: str | Sequence[str],
    *,
    driver: str | None = None,
    configured_driver: str | None = None,
    machines: Sequence[MachineSetting] = (),
    gpus: Sequence[GpuSetting] = (),
) -> MachineChoice:
    """The choice that `GPU-H100`, `h100,a100` or a list of names means.

    Case, the prefix `GPU-`, blanks and dashes do not matter. `driver` is the value of `--driver`; without it a
    machine's own driver in the configuration counts, then `configured_driver`, then the default. Of several machines
    the lowest driver counts.

    Raises TargetError for an AMD GPU, a driver that does not support a GPU, and hosts of two architectures.
    """
    known, unknown = _find_all(_split(names), _Table(machines, gpus))
    with_gpu = [(one, one.gpu) for one in known if one.gpu is not None]
    if not with_gpu:
        # A name that may mean a GPU excludes CPU builds, even beside CPU types.
        is_cpu = bool(known) and not unknown and not any(one.deprecated for one in known)
        return MachineChoice(accelerator=Cpu() if is_cpu else Unspecified(), machines=known, unknown=unknown)
    # Equal ranges of CUDA releases run the same builds, so `min` may take the first of them.
    chosen = [_choose_driver(one, driver, configured_driver) for one, _ in with_gpu]
    for (machine, gpu), (its_driver, _) in zip(with_gpu, chosen, strict=True):
        _check_driver(machine, gpu, its_driver)
    lowest, source = min(chosen, key=lambda pair: find_cuda_range(pair[0]).order)
    accelerator = build_gpu([(one.name, gpu) for one, gpu in with_gpu], driver=lowest, source=source)
    return MachineChoice(
        accelerator=accelerator, machines=known, unknown=unknown, host=_find_host([gpu for _, gpu in with_gpu])
    )


def choose_platform(choice: MachineChoice, platform: Platform | None) -> Platform:
    """The platform to lock for: the given one, otherwise the default for the machines' host.

    Raises TargetError for a given platform that differs from the host.
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
    """All machine types, those of the configuration first, then those of the data, each in the order of its rows.

    Raises TargetError for a row of the configuration with an unknown GPU.
    """
    return _Table(machines, gpus).list_machines()


def list_gpus(capability: str) -> tuple[str, ...]:
    """The GPUs of NVIDIA in the data with a compute capability, in the order of the rows."""
    return tuple(row["name"] for row in read_data("gpus")["gpu"] if row.get("capability") == capability)


@cache
def default_driver() -> Driver:
    """The driver that is assumed for a GPU where neither command line nor configuration has one."""
    return parse_driver(read_data("machines")["default-driver"]["driver"])


def list_other_drivers(gpu: Gpu) -> tuple[Gpu, ...]:
    """The accelerator with each other driver branch in use, oldest first, for a hint that a pin would differ there.

    Branches that do not support one of its GPUs, and those on which the same builds run, are left out.
    """
    branches = [parse_driver(row["name"]) for row in read_data("machines")["branch"]]
    others = (
        replace(gpu, driver=branch, cuda=find_cuda_range(branch))
        for branch in branches
        if all(branch.satisfies(model.driver) for _, model in gpu.machines)
    )
    return tuple(other for other in others if other != gpu)


def has_ended(driver: Driver) -> bool:
    """Whether the branch of a driver has had its last release; false for a branch that the data does not have."""
    return any(row["ended"] and row["name"] == str(driver.release[0]) for row in read_data("machines")["branch"])


def _find_all(names: Iterable[str], table: _Table) -> tuple[tuple[Machine, ...], tuple[UnknownMachine, ...]]:
    """The machines that the names mean, without repetitions, and the names without a machine."""
    known: dict[str, Machine] = {}
    unknown: list[UnknownMachine] = []
    for name in names:
        machine = table.find(name)
        if machine is None:
            unknown.append(UnknownMachine(name=name, suggestions=table.suggest(name)))
        else:
            known.setdefault(machine.name, machine)
    return tuple(known.values()), tuple(unknown)


class _Table:
    """Machine types and GPUs by folded name; rows of the configuration replace those of the data."""

    def __init__(self, machines: Sequence[MachineSetting], gpus: Sequence[GpuSetting]) -> None:
        self._own_machines = {_fold(row.name): row for row in machines}
        self._own_gpus = {_fold(row.name): row for row in gpus}
        self._rows: dict[str, Mapping[str, Any]] = {_fold(row["name"]): row for row in read_data("machines")["machine"]}
        self._gpu_rows: dict[str, Mapping[str, Any]] = {
            _fold(name): row for row in read_data("gpus")["gpu"] for name in (row["name"], *row.get("aliases", ()))
        }

    def find(self, name: str) -> Machine | None:
        """The machine type with a name, or that of the GPU with the name; None for an unknown name.

        Machine types of the configuration come first, then those of the data, then GPUs.
        """
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

    def suggest(self, name: str) -> tuple[str, ...]:
        """The nearest machine types to an unknown name, the nearest first, before the nearest GPUs without one.

        Of several with one folded name it is that of the configuration.
        """
        machines = {_fold(one.name): one.name for one in reversed(self.list_machines())}
        if _fold(name) == "cpu":
            return tuple(one.name for one in self.list_machines() if one.gpu is None and not one.deprecated)[
                :_MOST_SUGGESTIONS
            ]
        gpus = [row["name"] for row in self._gpu_rows.values() if row["vendor"] == "nvidia"]
        gpus += [row.name for row in self._own_gpus.values()]
        others = {_fold(gpu): f"GPU-{gpu.replace(' ', '-')}" for gpu in gpus}
        found = [
            names[close]
            for names in (machines, others)
            for close in get_close_matches(_fold(name), names, n=_MOST_SUGGESTIONS, cutoff=0.5)
        ]
        return tuple(dict.fromkeys(found))[:_MOST_SUGGESTIONS]

    def list_machines(self) -> tuple[Machine, ...]:
        """All machine types, those of the configuration first, without GPUs that have no machine type."""
        names = [row.name for row in self._own_machines.values()]
        names += [row["name"] for folded, row in self._rows.items() if folded not in self._own_machines]
        found = (self.find(name) for name in names)
        return tuple(machine for machine in found if machine is not None)

    def _find_gpu(self, name: str, where: str) -> GpuModel:
        """The GPU with a name. Raises TargetError for an unknown one and for one of AMD; `where` names its user."""
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


def _fold(name: str) -> str:
    """A name reduced to its lower-case letters and digits, without the prefix `GPU`."""
    folded = re.sub(r"[^a-z0-9]", "", name.lower())
    # The bare name `GPU` stays as it is: it is a machine type of its own.
    return folded.removeprefix("gpu") or folded


def _read_own_gpu(row: GpuSetting) -> GpuModel:
    """A GPU of the configuration. A row without a driver accepts every driver."""
    return GpuModel(
        name=row.name,
        capability=Capability.parse(row.capability),
        architecture="",
        host=row.host or "x86_64",
        # Branch 100 is older than every driver of the data, so each satisfies it.
        driver=parse_driver(row.driver or "100"),
        jetson=False,
    )


def _split(names: str | Sequence[str]) -> tuple[str, ...]:
    """The names, split at commas, in order and without repetitions."""
    texts = (names,) if isinstance(names, str) else names
    return tuple(dict.fromkeys(name.strip() for text in texts for name in text.split(",") if name.strip()))


def _choose_driver(machine: Machine, flag: str | None, configured: str | None) -> tuple[Driver, DriverSource]:
    """The driver of a machine and where it comes from."""
    if flag is not None:
        return parse_driver(flag), "flag"
    if machine.driver is not None:
        return machine.driver, "configuration"
    if configured is not None:
        return parse_driver(configured), "configuration"
    return default_driver(), "assumption"


def _check_driver(machine: Machine, gpu: GpuModel, driver: Driver) -> None:
    """Raise TargetError for a driver that does not support the GPU, since no such machine exists."""
    if not driver.satisfies(gpu.driver):
        raise TargetError(
            f"machine type `{machine.name}` with driver {driver} does not exist: a driver knows {gpu.name} from"
            f" {gpu.driver} on",
            remedy=f"`--driver {gpu.driver}`",
        )


def _find_host(gpus: Sequence[GpuModel]) -> HostArchitecture:
    """The CPU architecture that all GPUs share. Raises TargetError for two."""
    hosts = {gpu.host: gpu.name for gpu in gpus}
    if len(hosts) > 1:
        both = " and ".join(f"{name} ({host})" for host, name in sorted(hosts.items(), reverse=True))
        raise TargetError(f"one lock cannot serve hosts of two architectures: {both}", remedy="a lock for each")
    return gpus[0].host
