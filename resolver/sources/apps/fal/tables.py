"""The tables of a pyproject.toml about the platform: `[tool.fal.apps.*]` and `[tool.pinfold.platform]`.

In: a folder or the settings of a source. Out: the tables that apply to the apps of the folder, and the requirements
that the platform installs beside the list of an app.

The platform reads the pyproject.toml of the nearest folder upwards that has `[tool.fal]` or is the root of a
repository. An app there has a `ref` (a file, and a class or function of it) or a `python_entry_point`, which makes the
table the whole app.

The requirements of the platform are opt-in. They have positions of their own, are resolved together with the list and
are locked with it. This is a module of its own because apps, plans and the summary read tables without reading an app.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from lockfiles._values import dataclass
from resolver.errors import Position, SettingsError, SourceError
from resolver.requirements.entry import RequirementItems
from resolver.requirements.flags import RequirementUse
from resolver.sources.settings_file import iter_upwards, name_path, read_plain_file, read_pyproject
from resolver.sources.source import AppFile, Source, StatedValue

__all__ = [
    "FUNCTION_MACHINE",
    "AppTable",
    "find_named_table",
    "find_platform_hint",
    "find_tables",
    "has_platform_table",
    "list_platform_additions",
    "read_file_tables",
]

FUNCTION_MACHINE = "XS"
"""The machine type that the platform takes for a function and for an entry point without one."""

_TABLE = "[tool.pinfold.platform]"
_PROFILE = "fal"
# The hint about additions names this many of them.
_MOST_NAMED = 3

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppTable:
    """One `[tool.fal.apps.NAME]`. None is a key that the table does not have.

    `where` is its name in messages, such as `pyproject.toml [tool.fal.apps.paint]`; `path` is the pyproject.toml. `ref`
    is the absolute path of the file that `ref` names, and `ref_name` the class or function behind `::`. A table has
    `ref` or `entry_point`, never both.
    """

    name: str
    where: str
    path: Path
    ref: Path | None = None
    ref_name: str | None = None
    entry_point: str | None = None
    requirements: RequirementItems | None = None
    machine_type: tuple[str, ...] | None = None
    num_gpus: int | None = None
    python_version: str | None = None
    has_image: bool = False

    @property
    def lock_inputs(self) -> tuple[object, ...]:
        """The values that decide a lock. Tables with equal ones need no choice between them."""
        return self.requirements, self.machine_type, self.num_gpus, self.python_version

    @property
    def default_machine(self) -> StatedValue[tuple[str, ...]]:
        """The machine type of an entry point whose table has none."""
        return StatedValue(value=(FUNCTION_MACHINE,), where="the platform's default for a `python_entry_point`")

    @property
    def header(self) -> str:
        """The header of the table, as the pyproject.toml has it."""
        return _render_header(self.name)

    @property
    def outside(self) -> tuple[str, ...]:
        """Warnings about packages that reach the app of an entry point and that no lock holds."""
        return (f"{self.where}: what the `image` installs is outside the lock",) if self.has_image else ()

    def state(self, value: _T | None) -> StatedValue[_T] | None:
        """A value of this table with its place; None stays None."""
        return None if value is None else StatedValue(value=value, where=self.where)


def find_tables(folder: Path, *, seen_from: Path) -> tuple[AppTable, ...]:
    """The app tables that apply to the files of a folder; empty if there are none.

    `seen_from` is the folder that messages name the pyproject.toml from. The search ends at the first pyproject.toml
    with `[tool.fal]`, even if that has no apps. Raises SourceError.
    """
    for parent in iter_upwards(folder.absolute()):
        path = parent / "pyproject.toml"
        try:
            if not path.is_file() or not has_platform_table(read_plain_file(path)):
                continue
        except OSError:
            continue
        name = name_path(path, seen_from)
        fal = _read_platform_table(path, name)
        if fal is not None:
            return _read_tables(fal, path=path, name=name)
    return ()


def read_file_tables(path: Path, *, name: str) -> tuple[AppTable, ...]:
    """The app tables of one pyproject.toml, sorted by name. `name` is the file in messages. Raises SourceError."""
    fal = _read_platform_table(path, name)
    return () if fal is None else _read_tables(fal, path=path, name=name)


def find_named_table(path: Path, *, name: str, app_name: str) -> AppTable:
    """The `[tool.fal.apps.NAME]` of a pyproject.toml. Raises SourceError that lists the other apps."""
    tables = read_file_tables(path, name=name)
    table = next((one for one in tables if one.name == app_name), None)
    if table is None:
        known = " or ".join(f"`{name}::{one.name}`" for one in tables)
        raise SourceError(f"`{name}` has no `{_render_header(app_name)}`", remedy=known)
    return table


def has_platform_table(data: bytes) -> bool:
    """Whether a file may have to do with the platform. False is certain, True is not.

    A look at the bytes: parsing takes 1 ms and more for each file of a repository.
    """
    return b"fal" in data


def _read_platform_table(path: Path, name: str) -> object | None:
    """The value of `[tool.fal]`, unchecked; None if the file has no such table."""
    tool = read_pyproject(path, name=name).get("tool")
    return tool.get("fal") if isinstance(tool, dict) else None


def _read_tables(fal: object, *, path: Path, name: str) -> tuple[AppTable, ...]:
    """The apps of a `[tool.fal]`, sorted by name. Raises SourceError for values that the platform refuses."""
    apps = fal.get("apps", {}) if isinstance(fal, dict) else None
    if not isinstance(apps, dict) or not all(isinstance(table, dict) for table in apps.values()):
        raise SourceError("`tool.fal.apps` must be tables, one for each app", where=name)
    return tuple(_read_table(key, table, path=path, file=name) for key, table in sorted(apps.items()))


def _read_table(name: str, table: Mapping[str, Any], *, path: Path, file: str) -> AppTable:
    """One app with its values checked as the client of the platform checks them. Raises SourceError."""
    where = f"{file} {_render_header(name)}"
    ref, entry_point = table.get("ref"), table.get("python_entry_point")
    for key in ("ref", "python_entry_point", "python_version"):
        if not isinstance(table.get(key), str | None):
            raise SourceError(f"`{key}` must be a string", where=where)
    if ref is not None and entry_point is not None:
        raise SourceError(
            "`ref` and `python_entry_point` exclude each other", where=where, remedy="leave out one of them"
        )
    # The platform resolves `ref` against the folder of the pyproject.toml, not against the current folder.
    file_name, _, ref_name = (ref or "").partition("::")
    machine = table.get("machine_type")
    if not isinstance(machine, str | list | None) or not all(isinstance(one, str) for one in machine or ()):
        raise SourceError("`machine_type` must be a string or an array of strings", where=where)
    gpus = table.get("num_gpus")
    if not isinstance(gpus, int | None) or isinstance(gpus, bool):
        raise SourceError("`num_gpus` must be a whole number", where=where)
    return AppTable(
        name=name,
        where=where,
        path=path,
        ref=path.parent / file_name if ref else None,
        ref_name=ref_name or None,
        entry_point=entry_point,
        requirements=_read_requirements(table.get("requirements"), where),
        machine_type=(machine,) if isinstance(machine, str) else None if machine is None else tuple(machine),
        num_gpus=gpus,
        python_version=table.get("python_version"),
        has_image="image" in table,
    )


def _render_header(name: str) -> str:
    return f"[tool.fal.apps.{name}]"


def _read_requirements(value: object, where: str) -> RequirementItems | None:
    """A list of texts as a flat list, a list of such lists as layers. Raises SourceError for anything else."""
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if isinstance(value, list) and all(
        isinstance(layer, list) and all(isinstance(one, str) for one in layer) for layer in value
    ):
        return tuple(tuple(layer) for layer in value)
    raise SourceError("`requirements` must be a list of strings, or of such lists", where=where)


def list_platform_additions(source: Source) -> tuple[RequirementUse, ...]:
    """The requirements that the platform installs beside the list: those of the profile, then those of the settings.

    Empty without `[tool.pinfold.platform]`, and for an app to which the platform adds nothing. Raises SettingsError for
    a profile that does not exist.
    """
    # An app without additions is a function that serves nothing, or an entry point:
    # see `Declaration.adds_requirements`.
    adds = source.settings.platform_adds
    if adds is None or not source.adds_requirements:
        return ()
    of_profile = () if adds.profile is None else _read_profile(adds.profile)
    return tuple(
        RequirementUse(position=Position(source=f"{_TABLE} {key}", item=number), text=text)
        for key, texts in (("profile", of_profile), ("requirements", adds.requirements))
        for number, text in enumerate(texts)
    )


def find_platform_hint(source: Source) -> str | None:
    """The line of the summary that offers to lock the additions of the platform; None if there is nothing to offer."""
    is_app = isinstance(source.form, AppFile) or source.lock_path is not None
    if not is_app or not source.adds_requirements or source.settings.platform_adds is not None:
        return None
    names = [text.partition(">")[0].partition("<")[0] for text in _read_profile(_PROFILE)[:_MOST_NAMED]]
    return (
        f"not in the lock: what the platform adds to every app ({', '.join(names)} …); with"
        f' `profile = "{_PROFILE}"` in {_TABLE} it is'
    )


@cache
def _load_profiles() -> dict[str, tuple[str, ...]]:
    """The requirements of each profile that ships with pinfold, by its name."""
    text = Path(__file__).with_name("data").joinpath("platforms.toml").read_text(encoding="utf-8")
    return {name: tuple(row["text"] for row in table["requirements"]) for name, table in tomllib.loads(text).items()}


def _read_profile(name: str) -> tuple[str, ...]:
    profiles = _load_profiles()
    if name not in profiles:
        known = " or ".join(f"`{one}`" for one in sorted(profiles))
        raise SettingsError(f"there is no profile `{name}`", where=_TABLE, remedy=f"{known}, or `requirements = […]`")
    return profiles[name]
