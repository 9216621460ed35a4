"""Lists without the tokens that a pattern finds in the paths of their URLs (see `PathTokens`).

In: items and flags as they were read, and what hides a token. Out: the same with variables in place of tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from resolver.requirements.statements import FlagUse, Statement
from resolver.settings import RequirementItems

__all__ = ["hide_items", "hide_statement"]


def hide_items(items: RequirementItems, hide: Callable[[str], str]) -> RequirementItems:
    """The items without tokens in their URLs; what is no text is left for the parser to judge."""

    def hide_item(item: Any) -> Any:
        if isinstance(item, tuple):
            return tuple(map(hide_item, item))
        return hide(item) if isinstance(item, str) else item

    return cast("RequirementItems", tuple(map(hide_item, items)) if isinstance(items, tuple) else items)


def hide_statement(one: str | Statement, hide: Callable[[str], str]) -> str | Statement:
    """An item or a flag without tokens in its URLs."""
    match one:
        case str():
            return hide(one)
        case FlagUse():
            return replace(one, value=hide(one.value))
        case _:
            return replace(one, text=hide(one.text))
