"""What the platform makes of an app: which of the places that give a value wins, which it ignores, where it fails.

In: a declaration, and the `[tool.fal.apps.*]` that refers to it. Out: the values in force, warnings for what the
platform silently ignores, and faults for what it fails on. The rules are those of its client, version 1.83.0.

| form                 | requirements                | machine_type                     | python_version         |
|----------------------|-----------------------------|----------------------------------|------------------------|
| class attribute      | used                        | used                             | ignored                |
| class keyword        | fails (TypeError)           | fails (TypeError)                | used                   |
| decorator            | used                        | used, else XS                    | used                   |
| table, for a class   | ignored                     | used where the class leaves S    | unless the class has it|
| table, for a function| unless the decorator has it | unless the decorator has it      | unless it has it       |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar, assert_never

from lockfiles.value_classes import dataclass
from resolver.errors import Fault
from resolver.settings import RequirementItems
from resolver.sources.app.declarations import AppClass, AppFunction, Declaration, DeclaredValue
from resolver.sources.app.tables import AppTable
from resolver.sources.app.values import NotUnderstood, Opaque, PlacedText
from resolver.sources.source import StatedValue

__all__ = ["CLASS_MACHINE", "FUNCTION_MACHINE", "EffectiveValues", "apply_platform_rules"]

CLASS_MACHINE = "S"
FUNCTION_MACHINE = "XS"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveValues:
    """What is in force for an app: its own values, and those of a table that take their place or fill them in.

    `faults` are numbers of lines with what is wrong there.
    """

    declaration: Declaration
    table_requirements: StatedValue[RequirementItems] | None = None
    table_machine: StatedValue[tuple[str, ...]] | None = None
    table_python: StatedValue[str] | None = None
    table_gpus: StatedValue[int] | None = None
    default_machine: StatedValue[tuple[str, ...]] | None = None
    warnings: tuple[str, ...] = ()
    faults: tuple[tuple[int, Fault], ...] = ()
    unknown: tuple[NotUnderstood, ...] = ()


def apply_platform_rules(declaration: Declaration, table: AppTable | None) -> EffectiveValues:
    """The values in force for an app."""
    match declaration.form:
        case AppClass(is_app=False) as form:
            return EffectiveValues(declaration=declaration, warnings=tuple(_iter_base_warnings(declaration, form)))
        case AppClass() as form:
            return _apply_to_class(declaration, form, table)
        case AppFunction() as form:
            return _apply_to_function(declaration, form, table)
        case _:
            assert_never(declaration.form)


def _apply_to_class(declaration: Declaration, form: AppClass, table: AppTable | None) -> EffectiveValues:
    warnings: list[str] = []
    faults = tuple(
        (
            place.line,
            Fault(
                where=place,
                what=f"the platform raises TypeError for class `{declaration.name}`",
                why=f"it takes `{name}` as an attribute, not as a keyword of the class",
                remedy=f"`{name} = …` in the body of the class",
            ),
        )
        for name, place in form.clashing
    )
    if form.python_attribute is not None and form.python_attribute != declaration.python_version:
        version = _quote_version(form.python_attribute)
        warnings.append(
            f"{form.python_attribute.place}: the platform ignores `python_version` in the body of class"
            f" `{declaration.name}`; as a keyword of the class it counts: `class {declaration.name}(…,"
            f" python_version={version})`"
        )
    warnings += _iter_base_warnings(declaration, form)
    plain = EffectiveValues(
        declaration=replace(declaration, requirements=None if form.clashing else declaration.requirements),
        default_machine=_default(CLASS_MACHINE, "App"),
        warnings=tuple(warnings),
        faults=faults,
        unknown=declaration.unknown,
    )
    return plain if table is None else _lay_under_class(plain, form, table)


def _iter_base_warnings(declaration: Declaration, form: AppClass) -> Iterator[str]:
    if form.unseen_base is not None:
        yield (
            f"{declaration.place}: `{declaration.name}` derives from `{form.unseen_base}`, which another file defines:"
            " what it inherits from there is not read"
        )


def _lay_under_class(plain: EffectiveValues, form: AppClass, table: AppTable) -> EffectiveValues:
    declaration, warnings = plain.declaration, [*plain.warnings]
    if table.requirements is not None:
        warnings.append(
            f"{table.where}: the platform ignores `requirements` here, because `ref` leads to class"
            f" `{declaration.name}`, whose own list it takes"
        )
    leaves_machine = not form.has_own_machine and _is_default(declaration.machine_type)
    if table.machine_type is not None and not leaves_machine:
        warnings.append(_ignored("machine_type", table, declaration, declaration.machine_type))
    if table.python_version is not None and declaration.python_version is not None:
        warnings.append(_ignored("python_version", table, declaration, declaration.python_version))
    return replace(
        plain,
        declaration=replace(declaration, machine_type=None) if table.machine_type and leaves_machine else declaration,
        table_machine=_hint(table.machine_type, table) if leaves_machine else None,
        table_python=_hint(table.python_version, table) if declaration.python_version is None else None,
        table_gpus=_hint(table.num_gpus, table) if not form.has_own_gpus and declaration.num_gpus is None else None,
        warnings=tuple(warnings),
    )


def _apply_to_function(declaration: Declaration, form: AppFunction, table: AppTable | None) -> EffectiveValues:
    warnings: list[str] = []
    plain = EffectiveValues(
        declaration=declaration,
        default_machine=_default(FUNCTION_MACHINE, "function"),
        unknown=declaration.unknown,
    )
    if table is None:
        return plain
    for name, said, own in (
        ("requirements", table.requirements, declaration.requirements),
        ("machine_type", table.machine_type, declaration.machine_type),
        ("python_version", table.python_version, declaration.python_version),
    ):
        if said is not None and own is not None:
            warnings.append(_ignored(name, table, declaration, own))
    takes_list = declaration.requirements is None and not form.serves
    if table.requirements is not None and declaration.requirements is None and form.serves:
        warnings.append(
            f"{table.where}: the platform ignores `requirements` here, because `{declaration.name}` has `serve=True`,"
            " for which it makes a list of its own"
        )
    return replace(
        plain,
        table_requirements=_hint(table.requirements, table) if takes_list else None,
        table_machine=_hint(table.machine_type, table) if declaration.machine_type is None else None,
        table_python=_hint(table.python_version, table) if declaration.python_version is None else None,
        table_gpus=_hint(table.num_gpus, table) if declaration.num_gpus is None else None,
        warnings=tuple(warnings),
    )


def _is_default(given: DeclaredValue | None) -> bool:
    return given is None or given.value == CLASS_MACHINE


def _ignored(name: str, table: AppTable, declaration: Declaration, own: DeclaredValue | None) -> str:
    where = f" ({own.place})" if own is not None else ""
    return f"{table.where}: the platform ignores `{name}` here, because `{declaration.name}` has its own{where}"


def _default(machine: str, kind: str) -> StatedValue[tuple[str, ...]]:
    article = "an" if kind[0] in "AEIOU" else "a"
    return StatedValue(value=(machine,), where=f"the platform's default for {article} {kind}")


def _hint(value: _T | None, table: AppTable) -> StatedValue[_T] | None:
    return None if value is None else StatedValue(value=value, where=table.where)


def _quote_version(given: DeclaredValue) -> str:
    if isinstance(given.value, PlacedText):
        return f'"{given.value}"'
    return "…" if isinstance(given.value, Opaque) else f'"{given.value}"'
