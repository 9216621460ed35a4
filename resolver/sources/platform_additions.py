"""What a platform installs beside an app's list, as part of the question: `[tool.pinfold.platform]`.

In: the settings of a source. Out: requirements with positions of their own, which are resolved together with the list
and locked with it. Without that table there are none.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from resolver.errors import SettingsError
from resolver.requirements.position import Position
from resolver.requirements.statements import RequirementUse
from resolver.sources.source import AppFile, Source

__all__ = ["find_platform_hint", "list_platform_additions", "list_profiles"]

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
