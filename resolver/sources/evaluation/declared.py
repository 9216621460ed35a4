"""The declarations of a file that was run: what its apps said, at the lines where the file declares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from resolver.sources.app.declarations import CLASHING, AppClass, AppFunction, Declaration, DeclaredValue
from resolver.sources.app.values import EnvironmentText, FileLine, ListValue, LockedList, PlacedText
from resolver.sources.evaluation.running import Evaluated

__all__ = ["declare_evaluated"]


def declare_evaluated(evaluated: Evaluated, *, file: str, known: Sequence[Declaration]) -> tuple[Declaration, ...]:
    """The apps of a file that was run, by line. `known` are its declarations as far as they could be read."""
    read = {one.name: one for one in known}
    found = [_declare(name, said, FileLine(file=file, line=1), read.get(name)) for name, said in evaluated.items()]
    return tuple(sorted(found, key=lambda one: (one.place.line, one.name)))


def _declare(name: str, said: Mapping[str, Any], place: FileLine, known: Declaration | None) -> Declaration:
    place = place if known is None else known.place
    given: Mapping[str, Any] = said["given"]
    keywords: Mapping[str, Any] = said.get("keywords", {})
    form: AppClass | AppFunction
    if said["kind"] == "class":
        form = AppClass(
            python_attribute=_given("python_attribute", given, place, known),
            clashing=tuple((one, place) for one in CLASHING if one in keywords),
            has_own_machine="machine_type" in said["own"],
            has_own_gpus="num_gpus" in said["own"],
        )
        python = _given("python_version", keywords, place, known)
    else:
        form = AppFunction(serves=given.get("serve") is True)
        python = _given("python_version", given, place, known)
    return Declaration(
        name=name,
        place=place,
        form=form,
        requirements=_given("requirements", given, place, known),
        machine_type=_given("machine_type", given, place, known),
        num_gpus=_given("num_gpus", given, place, known),
        python_version=python,
        image=_given("image", given, place, known) or _given("image", keywords, place, known),
        local_modules=_given("local_python_modules", given, place, known),
    )


def _given(name: str, given: Mapping[str, Any], place: FileLine, known: Declaration | None) -> DeclaredValue | None:
    """What an app said under a name, at the line where the file has it."""
    key = "python_version" if name == "python_attribute" else name
    if key not in given:
        return None
    read = None if known is None else _read_before(name, known)
    where = place if read is None else read.place
    return DeclaredValue(value=_move(given[key], where), place=where)


def _read_before(name: str, known: Declaration) -> DeclaredValue | None:
    """What was read of a value without running the file."""
    if name == "python_attribute":
        return known.form.python_attribute if isinstance(known.form, AppClass) else None
    found: DeclaredValue | None = getattr(known, {"local_python_modules": "local_modules"}.get(name, name))
    return found


def _move(value: Any, place: FileLine) -> Any:
    """A value with its texts at a place."""
    match value:
        case PlacedText():
            return PlacedText(value, place)
        case EnvironmentText() | LockedList():
            return replace(value, place=place)
        case list():
            return ListValue(_move(one, place) for one in value)
        case tuple():
            return tuple(_move(one, place) for one in value)
        case _:
            return value
