"""The items of one layer, as argv tokens: text in, statements with item positions out.

A flag and its value are two items, `--flag=value`, or one string `--flag value`. Files that `-r` and `-c` name are
for `resolver.requirements.inclusion`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from resolver.requirements.flags import Flag, FlagReach, find_item_flag
from resolver.requirements.position import Position
from resolver.requirements.refusal import FaultCollector, Refusal
from resolver.requirements.requirement_file import split_tail
from resolver.requirements.statements import FlagUse, RequirementUse, Statement

__all__ = ["read_items"]

_COMMENT = re.compile(r"(^|\s)#")
_SECOND_FLAG = re.compile(r"\s-")


def read_items(
    items: Sequence[object],
    *,
    source: str,
    layer: int | None,
    faults: FaultCollector,
    positions: Sequence[Position] = (),
) -> tuple[Statement, ...]:
    """The statements of one layer; items that cannot be used become faults. `layer` is None for a flat list.

    `positions` are those of the items, one for each; without them items have their numbers.
    """
    statements: list[Statement] = []
    places = positions or [Position(source=source, layer=layer, item=index) for index in range(len(items))]
    numbered = iter(list(zip(places, items, strict=True)))
    pending = _Lookahead(numbered)
    for position, item in pending:
        try:
            text = _check_item(item)
            if text.startswith("-"):
                _append(statements, _read_flag(text, position, pending))
            else:
                statements.append(_read_requirement(text, position))
        except Refusal as refusal:
            faults.add(position, refusal)
    return tuple(statements)


class _Lookahead:
    """An iterator over numbered items that can give away its next item as the value of a flag."""

    def __init__(self, items: Iterator[tuple[Position, object]]) -> None:
        self._items = deque(items)

    def __iter__(self) -> Iterator[tuple[Position, object]]:
        while self._items:
            yield self._items.popleft()

    def take_value(self, flag: Flag) -> str | None:
        """The next item if it can be the value of `flag`, which it then is; else None."""
        value = self._items[0][1] if self._items else None
        if not isinstance(value, str) or not value.strip():
            return None
        # A hash or a build setting is never a flag, and settings such as `--build-option=…` begin like one.
        if value.strip().startswith("-") and flag.name != "--config-settings":
            return None
        if flag.serves is not FlagReach.LINE and _COMMENT.match(value):
            return None
        self._items.popleft()
        return value.strip()


def _check_item(item: object) -> str:
    """The text of an item; raises Refusal for what is no requirement and no flag at all."""
    if not isinstance(item, str):
        if isinstance(item, Sequence):
            raise Refusal(
                "a list among strings",
                why="a list holds either items or layers",
                remedy="put every item into a layer: `[[…], […]]`",
            )
        raise Refusal(f"an item of type `{type(item).__name__}`", remedy="give text: a requirement or a flag")
    text = item.strip()
    if not text:
        raise Refusal("an empty item", why="an installer refuses an empty argument", remedy="remove it")
    if _COMMENT.match(text):
        raise Refusal("a comment as an item", why="items are arguments, which know no comments", remedy="remove it")
    if _COMMENT.search(text):
        raise Refusal(
            f"`{text}` holds a comment",
            why="items are arguments, which know no comments",
            remedy="remove it, from the `#` on",
        )
    return text


def _read_flag(text: str, position: Position, pending: _Lookahead) -> FlagUse:
    """The flag of an item with its value: attached, in the same string, or the next item."""
    spelling, attached = _split_spelling(text)
    flag = find_item_flag(spelling)
    if not flag.value:
        if attached is not None:
            raise Refusal(f"`{spelling}` takes no value", remedy=f"write `{flag.name}` alone, as an item of its own")
        return FlagUse(position=position, flag=flag)
    value = attached if attached is not None else pending.take_value(flag)
    if not value:
        raise Refusal(f"`{spelling}` has no value", remedy=f"write `{flag.name}={flag.value}`")
    if attached is not None and flag.serves is not FlagReach.LINE and _SECOND_FLAG.search(value):
        raise Refusal("two flags in one item", remedy="make each flag an item of its own")
    return FlagUse(position=position, flag=flag, value=value)


def _split_spelling(text: str) -> tuple[str, str | None]:
    """An item as flag and the value in the same string, if any: `--flag=value`, `--flag value`, `-fvalue`."""
    if text.startswith("--"):
        match = re.match(r"(--[^\s=]*)(?:=|\s+)(.*)", text, re.DOTALL)
        return (match[1], match[2].strip()) if match else (text, None)
    return text[:2], text[2:].strip() or None


def _read_requirement(text: str, position: Position) -> RequirementUse:
    requirement, tail = split_tail(text)
    line_flags = []
    if tail:
        for word in _split_flags(tail):
            spelling, value = _split_spelling(word)
            flag = find_item_flag(spelling)
            if flag.serves is not FlagReach.LINE:
                raise Refusal(
                    f"`{flag.name}` after a requirement in the same item",
                    why="in a requirement file pip drops it there, without a word",
                    remedy="make it an item of its own",
                )
            if not value:
                raise Refusal(f"`{spelling}` has no value", remedy=f"write `{flag.name}={flag.value}`")
            line_flags.append(FlagUse(position=position, flag=flag, value=value))
    return RequirementUse(position=position, text=requirement, line_flags=tuple(line_flags))


def _split_flags(tail: str) -> list[str]:
    """The flags of an item's tail, each with its value: a new one begins at every word that begins with `--`."""
    return [word for word in re.split(r"\s+(?=--?[A-Za-z])", tail) if word]


def _append(statements: list[Statement], use: FlagUse) -> None:
    """Add a flag: to the requirement right before it, if it serves its line."""
    if use.flag.serves is FlagReach.REQUIREMENT:
        statements.append(RequirementUse(position=use.position, text=use.value, editable=True))
    elif use.flag.serves is not FlagReach.LINE:
        statements.append(use)
    elif statements and isinstance(last := statements[-1], RequirementUse):
        statements[-1] = replace(last, line_flags=(*last.line_flags, use))
    else:
        raise Refusal(
            f"`{use.flag.name}` follows no requirement",
            why="it belongs to the requirement right before it",
            remedy="move it behind its requirement",
        )
