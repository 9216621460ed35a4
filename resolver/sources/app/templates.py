"""Texts that are put together by `%` and `.format` and hold variables of the environment, which stay variables.

In: a template, and values of which some are variables. Out: the text as parts. Each variable goes through the
formatting as a mark, which must come out as it went in: where a width or a conversion could change it, it is refused.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from resolver.sources.app.operations import OperationRefused
from resolver.sources.app.values import EnvironmentText, EnvironmentVariable

__all__ = ["fill_template", "has_variables"]

_PLAIN_PERCENT = re.compile(r"%[%s]")
_MARK = re.compile("\ue000([0-9]+)\ue001")


def has_variables(values: Iterable[Any]) -> bool:
    """Whether one of the values has a variable of the environment in it."""
    return any(isinstance(value, EnvironmentText) for value in values)


def fill_template(
    template: str, values: Sequence[Any], fill: Callable[[list[Any]], str], *, is_percent: bool
) -> list[str | EnvironmentVariable]:
    """The parts of what `fill` makes of the template and the values. Raises OperationRefused."""
    if not (_is_plain_percent(template) if is_percent else _is_plain_format(template)):
        raise OperationRefused("a format that could change what the environment gives")
    variables = [value for value in values if isinstance(value, EnvironmentText)]
    if any("\ue000" in text for text in (template, *(value for value in values if isinstance(value, str)))):
        raise OperationRefused("a text with characters of private use")
    numbers = iter(range(len(variables)))
    marked = [f"\ue000{next(numbers)}\ue001" if isinstance(value, EnvironmentText) else value for value in values]
    parts: list[str | EnvironmentVariable] = []
    for place, piece in enumerate(_MARK.split(fill(marked))):
        # Every second piece is the number of a mark.
        parts += variables[int(piece)].parts if place % 2 else [piece]
    return [part for part in parts if part != ""]


def _is_plain_percent(template: str) -> bool:
    return "%" not in _PLAIN_PERCENT.sub("", template)


def _is_plain_format(template: str) -> bool:
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError as error:
        raise OperationRefused("a format that is none") from error
    return not any(specification or conversion for _, _, specification, conversion in fields)
