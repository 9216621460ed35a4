"""What `[tool.fal.apps.*]` of a pyproject.toml says about apps.

The platform reads the pyproject.toml of the nearest folder upwards that has `[tool.fal]` or is the root of a
repository. An app there has a `ref` (a file, and a class or function of it) or a `python_entry_point`.

What a platform installs beside an app's list, as part of the question: `[tool.pinfold.platform]`.

In: the settings of a source. Out: requirements with positions of their own, which are resolved together with the list
and locked with it. Without that table there are none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lockfiles._values import dataclass
from resolver.errors import Position, SettingsError, SourceError
from resolver.requirements.entry import RequirementItems
from resolver.requirements.flags import RequirementUse
from resolver.sources.settings_file import iter_upwards, name_path, read_pyproject
from resolver.sources.source import AppFile, Source

__all__ = [
    "AppTable",
    "find_platform_hint",
    "find_tables",
    "list_platform_additions",
    "list_profiles",
    "read_tables",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppTable:
    """One `[tool.fal.apps.NAME]`. Messages call it `where`; `ref` is an absolute path."""

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
    def says(self) -> tuple[object, ...]:
        """All that decides a lock."""
        return self.requirements, self.machine_type, self.num_gpus, self.python_version


def find_tables(folder: Path, *, seen_from: Path) -> tuple[AppTable, ...]:
    """The app tables that apply to the files of a folder; empty where there are none. Raises SourceError."""
    for parent in iter_upwards(folder.absolute()):
        path = parent / "pyproject.toml"
        try:
            if not path.is_file() or b"fal" not in path.read_bytes():
                continue
        except OSError:
            continue
        name = name_path(path, seen_from)
        tool = read_pyproject(path, name=name).get("tool")
        if isinstance(tool, dict) and "fal" in tool:
            return read_tables(tool["fal"], path=path, name=name)
    return ()


def read_tables(fal: object, *, path: Path, name: str) -> tuple[AppTable, ...]:
    """The apps of a `[tool.fal]`, sorted by name. Raises SourceError for values that the platform refuses."""
    apps = fal.get("apps", {}) if isinstance(fal, dict) else None
    if not isinstance(apps, dict) or not all(isinstance(table, dict) for table in apps.values()):
        raise SourceError("`tool.fal.apps` must be tables, one for each app", where=name)
    return tuple(_read_table(key, table, path=path, file=name) for key, table in sorted(apps.items()))


def _read_table(name: str, table: Mapping[str, Any], *, path: Path, file: str) -> AppTable:
    where = f"{file} [tool.fal.apps.{name}]"
    ref, entry_point = table.get("ref"), table.get("python_entry_point")
    for key in ("ref", "python_entry_point", "python_version"):
        if not isinstance(table.get(key), str | None):
            raise SourceError(f"`{key}` must be a string", where=where)
    if ref is not None and entry_point is not None:
        raise SourceError(
            "`ref` and `python_entry_point` exclude each other", where=where, remedy="leave out one of them"
        )
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


def _read_requirements(value: object, where: str) -> RequirementItems | None:
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if isinstance(value, list) and all(
        isinstance(layer, list) and all(isinstance(one, str) for one in layer) for layer in value
    ):
        return tuple(tuple(layer) for layer in value)
    raise SourceError("`requirements` must be a list of strings, or of such lists", where=where)


_TABLE = "[tool.pinfold.platform]"
_MOST_NAMED = 3


def list_platform_additions(source: Source) -> tuple[RequirementUse, ...]:
    """The requirements of the platform's profile, then those of the settings. Raises SettingsError."""
    adds = source.settings.platform_adds
    if adds is None or not source.adds_requirements:
        return ()
    rows: list[tuple[str, int, str]] = []
    if adds.profile is not None:
        rows += [(f"{_TABLE} profile", place, text) for place, text in enumerate(_read_profile(adds.profile))]
    rows += [(f"{_TABLE} requirements", place, text) for place, text in enumerate(adds.requirements)]
    return tuple(RequirementUse(position=Position(source=where, item=place), text=text) for where, place, text in rows)


def find_platform_hint(source: Source) -> str | None:
    """What an app could have locked too, for the summary; None where there is nothing to offer."""
    is_app = isinstance(source.form, AppFile) or source.lock_path is not None
    if not is_app or not source.adds_requirements or source.settings.platform_adds is not None:
        return None
    names = [text.partition(">")[0].partition("<")[0] for text in _read_profile("fal")[:_MOST_NAMED]]
    return (
        f"not in the lock: what the platform adds to every app ({', '.join(names)} …); with"
        f' `profile = "fal"` in {_TABLE} it is'
    )


@cache
def list_profiles() -> dict[str, tuple[str, ...]]:
    """The requirements of each profile that ships with pinfold."""
    text = Path(__file__).with_name("data").joinpath("platforms.toml").read_text(encoding="utf-8")
    return {name: tuple(row["text"] for row in table["requirements"]) for name, table in tomllib.loads(text).items()}


def _read_profile(name: str) -> tuple[str, ...]:
    profiles = list_profiles()
    if name not in profiles:
        known = " or ".join(f"`{one}`" for one in sorted(profiles))
        raise SettingsError(f"there is no profile `{name}`", where=_TABLE, remedy=f"{known}, or `requirements = […]`")
    return profiles[name]
