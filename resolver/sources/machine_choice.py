"""Which machine types a lock is for, by the first rule that answers.

That is `-m`, the app's own, `[tool.pinfold]`, the default of the app's platform; else there are none.

In: a source and what the command line says. Out: the accelerator that they stand for, which rule that was, and what the
lock is called after it. Nothing is asked of this machine.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lockfiles.value_classes import dataclass
from resolver.errors import TargetError
from resolver.settings import Settings
from resolver.sources.source import Source, StatedValue
from resolver.targets.accelerators import UNSPECIFIED, Accelerator, Gpu
from resolver.targets.platforms import DEFAULT_PLATFORM, Platform

if TYPE_CHECKING:
    from resolver.targets.machines import MachineChoice

__all__ = ["ChosenMachines", "choose_machines"]

_FLAG = "`-m`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenMachines:
    """The machine types of one lock. `where` names what chose them, empty where nothing did; `choice` is None then.

    `label` is theirs in the name of a lock that `-m` asked for, None for every other lock: an app has one lock.
    """

    choice: MachineChoice | None = None
    where: str = ""
    label: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The machine types by their full names, then those that nobody knows, as they were written."""
        if self.choice is None:
            return ()
        known = (machine.name for machine in self.choice.machines)
        return (*known, *(unknown.name for unknown in self.choice.unknown))

    @property
    def accelerator(self) -> Accelerator:
        """What all of the machines are."""
        return UNSPECIFIED if self.choice is None else self.choice.accelerator

    def choose_platform(self, platform: Platform | None) -> Platform:
        """The platform to lock for: the given one, else the default on the machines' host. Raises TargetError."""
        if self.choice is None:
            return platform or DEFAULT_PLATFORM
        # Lazy: where no machine is named, nothing is read about them.
        from resolver.targets.machines import choose_platform

        return choose_platform(self.choice, platform)


def choose_machines(source: Source, *, arguments: Settings) -> ChosenMachines:
    """The machine types that a source is locked for. `arguments` are the settings of the command line.

    Raises TargetError for machines that cannot be one target, named with where they stand.
    """
    chosen = _find_names(source, arguments)
    if chosen is None:
        return ChosenMachines(warnings=tuple(_unused_driver(arguments, "no machine type")))
    # Lazy, as above.
    from resolver.targets.machines import parse_machine_types

    configured = source.settings.complete()
    try:
        choice = parse_machine_types(
            chosen.value,
            driver=arguments.driver,
            configured_driver=configured.driver,
            machines=configured.machines,
            gpus=configured.gpus,
        )
    except TargetError as error:
        raise error.at(chosen.where) from error
    warnings = [f"{chosen.where}: {warning}" for warning in choice.iter_warnings()]
    if not isinstance(choice.accelerator, Gpu):
        warnings += _unused_driver(arguments, "no GPU")
    found = ChosenMachines(choice=choice, where=chosen.where, warnings=tuple(warnings))
    return replace(found, label="-or-".join(found.names)) if chosen.where == _FLAG else found


def _find_names(source: Source, arguments: Settings) -> StatedValue[tuple[str, ...]] | None:
    if arguments.machine_type is not None:
        return StatedValue(value=arguments.machine_type, where=_FLAG)
    if source.machine_types is not None:
        return StatedValue(value=source.machine_types.value, where=source.machine_types.where)
    if source.settings.machine_type is not None:
        return StatedValue(value=source.settings.machine_type, where="[tool.pinfold]")
    return source.default_machine


def _unused_driver(arguments: Settings, why: str) -> list[str]:
    if arguments.driver is None:
        return []
    return [f"`--driver {arguments.driver}` says nothing here: the lock is for {why}"]
