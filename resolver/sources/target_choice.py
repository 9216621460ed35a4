"""Which Python and which machine types a lock is for, by the first rule that gives an answer.

In: a source and the settings of the command line. Out: a Python version, and machine types with the accelerator that
they have in common, each with the name of its rule for the summary.

Python: `--python`, the app, `[tool.pinfold]`, the lock that is renewed, `.python-version`, the active virtual
environment, the running interpreter. The last two give the minor version only, because a lock must not depend on the
patch of this machine, and can be forbidden. Machine types: `-m`, the app, `[tool.pinfold]`, the default of the app's
platform, else none; this machine is never examined.

A module of its own because it is the only part of pinfold that looks at this machine for a target.
"""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lockfiles._files import read_regular
from lockfiles._values import dataclass
from resolver.errors import SourceError, TargetError
from resolver.settings.settings import Settings
from resolver.sources.settings_file import iter_upwards, name_path
from resolver.sources.source import Source, StatedValue
from resolver.targets.accelerators import UNSPECIFIED, Accelerator, Gpu
from resolver.targets.platforms import DEFAULT_PLATFORM, Platform
from resolver.targets.target import PythonVersion, parse_python_version

if TYPE_CHECKING:
    from resolver.targets.machine_types import MachineChoice

__all__ = [
    "ChosenMachines",
    "choose_machines",
    "choose_python",
]

_FLAG = "`-m`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenMachines:
    """The machine types of one lock. Without any, `choice` is None and `where` empty; otherwise `where` names the rule.

    `label` is their part in the name of a lock for an `-m`, None for any other lock: an app has one lock.
    """

    choice: MachineChoice | None = None
    where: str = ""
    label: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The machine types by their full names."""
        return () if self.choice is None else tuple(machine.name for machine in self.choice.machines)

    @property
    def accelerator(self) -> Accelerator:
        """The accelerator that all of the machines have; unspecified without machines."""
        return UNSPECIFIED if self.choice is None else self.choice.accelerator

    def choose_platform(self, platform: Platform | None) -> Platform:
        """The platform to lock for: the given one, or else the default for the host of the machines.

        Raises TargetError for a platform that the machines cannot have.
        """
        if self.choice is None:
            return platform or DEFAULT_PLATFORM
        # Lazy: without a machine the data about machines is not read.
        from resolver.targets.machine_types import choose_platform

        return choose_platform(self.choice, platform)


def choose_python(
    *,
    flag: str | None = None,
    app: StatedValue[str] | None = None,
    setting: StatedValue[str] | None = None,
    locked: str | None = None,
    folder: Path,
    environ: Mapping[str, str],
    allow_host: bool = True,
) -> tuple[PythonVersion, str]:
    """The Python to lock for, and the rule that gave it, as text for the summary.

    In order: the `--python` flag, the app, `[tool.pinfold]` (`setting`), the lock being renewed (`locked`), the nearest
    `.python-version` from `folder` up to the root of the repository, the active virtual environment (`VIRTUAL_ENV` in
    `environ`), the running interpreter. Without `allow_host` the last two do not count, and a lack of all others is a
    SourceError. Raises TargetError for an answer that is no supported version.
    """
    for text, where in _iter_written(flag, app, setting, locked, folder):
        try:
            return parse_python_version(text), where
        except TargetError as error:
            raise error.at(where) from error
    if not allow_host:
        raise SourceError(
            "no Python version is set, and the running one is not used here",
            remedy='`python = "3.11"` in [tool.pinfold], a `.python-version` file, or `--python 3.11`',
        )
    environment = _find_environment_python(environ)
    if environment is not None:
        return environment, "the active virtual environment"
    return _find_running_python(), "the running Python"


def choose_machines(source: Source, *, arguments: Settings) -> ChosenMachines:
    """The machine types that a source is locked for. `arguments` are the settings of the command line.

    Raises TargetError for unknown machines and for those that cannot be one target, with the place that names them.
    `label` is set for `-m` alone: other locks are named after their source.
    """
    chosen = _find_names(source, arguments)
    if chosen is None:
        return ChosenMachines(warnings=tuple(_unused_driver(arguments, "no machine type")))
    # Lazy, as above.
    from resolver.targets.machine_types import parse_machine_types

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
    choice.refuse_unknown(chosen.where)
    warnings = [f"{chosen.where}: {warning}" for warning in choice.iter_warnings()]
    if not isinstance(choice.accelerator, Gpu):
        warnings += _unused_driver(arguments, "no GPU")
    found = ChosenMachines(choice=choice, where=chosen.where, warnings=tuple(warnings))
    return replace(found, label="-or-".join(found.names)) if chosen.where == _FLAG else found


def _iter_written(
    flag: str | None, app: StatedValue[str] | None, setting: StatedValue[str] | None, locked: str | None, folder: Path
) -> Iterator[tuple[str, str]]:
    """The answers that are written down, first rule first, each with its place."""
    if flag is not None:
        yield flag, "`--python`"
    for hint in (app, setting):
        if hint is not None:
            yield hint.value, hint.where
    if locked is not None:
        yield locked, "the lock being renewed"
    for parent in iter_upwards(folder.absolute()):
        path = parent / ".python-version"
        if path.is_file() and (text := _read_python_version_file(path, folder)):
            yield text, f"`{name_path(path, folder)}`"


def _read_python_version_file(path: Path, folder: Path) -> str:
    """The first version of the file, past comments and empty lines (as pyenv and uv read it); empty if it has none."""
    try:
        lines = read_regular(path).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"`{name_path(path, folder)}` cannot be read: {error}") from error
    words = (line.partition("#")[0].strip() for line in lines)
    return next((word for word in words if word), "")


def _find_environment_python(environ: Mapping[str, str]) -> PythonVersion | None:
    """The minor version of the active virtual environment; None without one, or if its files lack it (PEP 405)."""
    root = environ.get("VIRTUAL_ENV")
    if not root:
        return None
    try:
        text = read_regular(Path(root) / "pyvenv.cfg").decode()
    except (OSError, UnicodeDecodeError):
        return None
    values = {
        key.strip().lower(): value.strip() for key, _, value in (line.partition("=") for line in text.splitlines())
    }
    if values.get("implementation", "cpython").lower() != "cpython":
        return None
    # venv writes `version`, virtualenv and uv write `version_info`, which may end with `.final.0`.
    numbers = (values.get("version") or values.get("version_info") or "").split(".")[:2]
    # pyvenv.cfg has no key for a free-threaded build, but the name of its folder of modules ends with `t`.
    free_threaded = any((Path(root) / "lib").glob(f"python{'.'.join(numbers)}t"))
    try:
        return parse_python_version(".".join(numbers) + ("t" if free_threaded else ""))
    except TargetError:
        return None


def _find_running_python() -> PythonVersion:
    """The minor version of the running interpreter. Raises SourceError for any other than CPython."""
    if platform.python_implementation() != "CPython":
        running = platform.python_implementation()
        raise SourceError(f"the running Python is {running}, and locks are for CPython", remedy="`--python 3.11`")
    suffix = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return parse_python_version(f"{sys.version_info.major}.{sys.version_info.minor}{suffix}")


def _find_names(source: Source, arguments: Settings) -> StatedValue[tuple[str, ...]] | None:
    """The machine types by the first rule that names some, with the rule; None if none does.

    The command line comes first, then the app, `[tool.pinfold]`, and the default of the platform.
    """
    if arguments.machine_type is not None:
        return StatedValue(value=arguments.machine_type, where=_FLAG)
    if source.machine_types is not None:
        return StatedValue(value=source.machine_types.value, where=source.machine_types.where)
    if source.settings.machine_type is not None:
        return StatedValue(value=source.settings.machine_type, where="[tool.pinfold]")
    return source.default_machine


def _unused_driver(arguments: Settings, why: str) -> list[str]:
    """A warning about `--driver` for a lock that no driver concerns; empty without the flag."""
    if arguments.driver is None:
        return []
    return [f"`--driver {arguments.driver}` says nothing here: the lock is for {why}"]
