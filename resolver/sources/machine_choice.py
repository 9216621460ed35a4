"""Which machine types a lock is for, by the first rule that answers: `-m`, the app's own, `[tool.pinfold]`, none.

In: a source and what the command line says. Out: the accelerator that they stand for, which rule that was, and what the
lock is called after it. Nothing is asked of this machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockfiles.value_classes import dataclass
from resolver.errors import TargetError
from resolver.settings import Settings
from resolver.sources.source import Hint, Source
from resolver.targets.accelerators import UNSPECIFIED, Gpu
from resolver.targets.machines import MachineChoice, parse_machine_types

__all__ = ["ChosenMachines", "choose_machines", "name_machines"]

_FLAG = "`-m`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenMachines:
    """The machine types of one lock. `where` names what chose them, empty where nothing did.

    `label` is theirs in the name of a lock that `-m` asked for, None for every other lock: an app has one lock.
    """

    choice: MachineChoice
    where: str = ""
    label: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The machine types by their full names, those that are known first."""
        return name_machines(self.choice)


def choose_machines(source: Source, *, arguments: Settings) -> ChosenMachines:
    """The machine types that a source is locked for. `arguments` are the settings of the command line.

    Raises TargetError for machines that cannot be one target, named with where they stand.
    """
    chosen = _find_names(source, arguments)
    if chosen is None:
        return ChosenMachines(
            choice=MachineChoice(accelerator=UNSPECIFIED), warnings=tuple(_unused_driver(arguments, "no machine type"))
        )
    configured = source.settings
    try:
        choice = parse_machine_types(
            chosen.value,
            driver=arguments.driver,
            configured_driver=configured.driver,
            machines=configured.machines or (),
            gpus=configured.gpus or (),
        )
    except TargetError as error:
        raise TargetError(f"{chosen.where}: {error}") from error
    warnings = [f"{chosen.where}: {warning}" for warning in choice.iter_warnings()]
    if not isinstance(choice.accelerator, Gpu):
        warnings += _unused_driver(arguments, "no GPU")
    return ChosenMachines(
        choice=choice,
        where=chosen.where,
        label="-or-".join(name_machines(choice)) if chosen.where == _FLAG else None,
        warnings=tuple(warnings),
    )


def name_machines(choice: MachineChoice) -> tuple[str, ...]:
    """The machine types by their full names, then those that nobody knows, as they were written."""
    return (*(machine.name for machine in choice.machines), *(unknown.name for unknown in choice.unknown))


def _find_names(source: Source, arguments: Settings) -> Hint[Sequence[str]] | None:
    if arguments.machine_type is not None:
        return Hint(value=arguments.machine_type, where=_FLAG)
    if source.machine_types is not None:
        return Hint(value=source.machine_types.value, where=source.machine_types.where)
    if source.settings.machine_type is not None:
        return Hint(value=source.settings.machine_type, where="[tool.pinfold]")
    return None


def _unused_driver(arguments: Settings, why: str) -> list[str]:
    if arguments.driver is None:
        return []
    return [f"`--driver {arguments.driver}` says nothing here: the lock is for {why}"]
