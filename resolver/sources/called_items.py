"""Items of a list that are functions of the target: called, so that a list of texts is left.

In: a list that a program gave, and a target. Out: the same source with texts alone, whose items keep their positions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from resolver.errors import Fault, ListError
from resolver.requirements.position import Position
from resolver.requirements.url import redact
from resolver.settings import RequirementItems
from resolver.sources.source import ItemList, Source
from resolver.targets.target import Target

__all__ = ["call_items"]


def call_items(source: Source, target: Target) -> Source:
    """The source with each function replaced by what it gives for the target; an item that gives None is left out.

    Raises ListError, with the position of every function that fails or gives something else than text.
    """
    form = source.form
    if not isinstance(form, ItemList) or not _has_functions(form.items):
        return source
    faults: list[Fault] = []
    layers, is_flat = _split(form.items)
    called = [
        _call_layer(layer, source.name, None if is_flat else number, target, faults)
        for number, layer in enumerate(layers)
    ]
    if faults:
        raise ListError.from_faults(faults)
    items = tuple(tuple(item for _, item in layer) for layer in called)
    positions = tuple(tuple(position for position, _ in layer) for layer in called)
    return replace(
        source,
        form=replace(
            form,
            items=cast("RequirementItems", items[0] if is_flat else items),
            positions=positions[0] if is_flat else positions,
        ),
    )


def _has_functions(items: object) -> bool:
    if isinstance(items, Sequence) and not isinstance(items, str):
        return any(_has_functions(item) for item in items)
    return callable(items)


def _split(items: Sequence[object]) -> tuple[Sequence[Sequence[object]], bool]:
    """The layers, and whether the list is flat; a mixture is flat, for the parser to say what is wrong with it."""
    if all(isinstance(item, tuple) for item in items):
        return cast("Sequence[Sequence[object]]", items), False
    return (items,), True


def _call_layer(
    layer: Sequence[object], name: str, number: int | None, target: Target, faults: list[Fault]
) -> list[tuple[Position, object]]:
    found: list[tuple[Position, object]] = []
    for place, item in enumerate(layer):
        position = Position(source=name, layer=number, item=place)
        text = _call(item, position, target, faults) if callable(item) else item
        if text is not None:
            found.append((position, text))
    return found


def _call(function: Callable[[Target], object], position: Position, target: Target, faults: list[Fault]) -> str | None:
    shown = f"`{getattr(function, '__qualname__', type(function).__name__)}`"
    try:
        text = function(target)
    # It is the caller's code: whatever it raises, the list has a fault at this place.
    except Exception as error:  # noqa: BLE001  (see above)
        why = redact(f"{type(error).__name__}: {error}")
        faults.append(Fault(where=position, what=f"{shown} failed for {target}", why=why))
        return None
    if text is None or isinstance(text, str):
        return text
    faults.append(
        Fault(
            where=position,
            what=f"{shown} gave a value of type `{type(text).__name__}` for {target}",
            remedy="give text, or None to leave the item out",
        )
    )
    return None
