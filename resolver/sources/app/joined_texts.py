"""Texts put together from parts, of which some may be variables of the environment that nobody has looked up.

In: texts and variables. Out: a text with its place, or one with variables still in it.
"""

from __future__ import annotations

from typing import Any

from resolver.sources.app.operations import OperationRefused
from resolver.sources.app.values import EnvironmentText, EnvironmentVariable, FileLine, PlacedText

__all__ = ["join_parts", "split_parts"]

_LONGEST = 100_000


def join_parts(parts: list[str | EnvironmentVariable], place: FileLine) -> Any:
    """A text of parts; with variables if there are any. Raises OperationRefused."""
    if any(isinstance(part, EnvironmentVariable) for part in parts):
        return EnvironmentText(parts=tuple(parts), place=place)
    text = "".join(part for part in parts if isinstance(part, str))
    if len(text) > _LONGEST:
        raise OperationRefused("a text that long")
    return PlacedText(text, place)


def split_parts(value: str | EnvironmentText) -> tuple[str | EnvironmentVariable, ...]:
    """The parts of a text."""
    return value.parts if isinstance(value, EnvironmentText) else (str(value),)
