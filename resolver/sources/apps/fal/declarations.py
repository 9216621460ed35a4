"""The apps of a file: classes that derive from an `App`, and functions under a `function(...)` decorator.

In: the names of a module as `resolver.sources.apps.interpreter.statements` left them. Out: for each app what it says and where it
says it, with what its bases in the file say. What that means to the platform is for `resolver.sources.apps.fal.declarations`.

What the platform makes of an app: which of the places that give a value wins, which it ignores, where it fails.

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

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any, TypeVar, assert_never

from lockfiles._values import dataclass
from resolver.errors import Fault
from resolver.requirements.entry import RequirementItems
from resolver.sources.apps.fal.tables import AppTable
from resolver.sources.apps.interpreter.values import (
    ClassValue,
    FileLine,
    FunctionValue,
    Imported,
    Namespace,
    NotUnderstood,
    Opaque,
    PlacedText,
    linearize,
    quote,
)
from resolver.sources.source import StatedValue

__all__ = [
    "CLASHING",
    "CLASS_MACHINE",
    "FUNCTION_MACHINE",
    "AppClass",
    "AppFunction",
    "Declaration",
    "DeclaredValue",
    "EffectiveValues",
    "apply_platform_rules",
    "find_declarations",
]


_DECORATORS = frozenset({"function", "isolated"})
CLASHING = ("requirements", "machine_type", "num_gpus", "local_python_modules", "regions")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredValue:
    """A value that an app gives, and where."""

    value: Any
    place: FileLine


@dataclass(frozen=True, slots=True, kw_only=True)
class AppClass:
    """A class. `is_app` is false for one that just has `requirements`.

    - `python_attribute` is an attribute, which the platform does not read; `python_version` is what it reads.
    - `clashing` are keywords that the platform takes as attributes alone.
    - `has_own_machine` and `has_own_gpus` are whether the class itself gives `machine_type` and `num_gpus`.
    - `unseen_base` is a base that another file defines.
    """

    is_app: bool = True
    python_attribute: DeclaredValue | None = None
    clashing: tuple[tuple[str, FileLine], ...] = ()
    has_own_machine: bool = False
    has_own_gpus: bool = False
    unseen_base: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFunction:
    """A function. `serves` is its `serve=True`, for which the platform adds requirements of its own."""

    serves: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One app as its file declares it. None is what it does not give."""

    name: str
    place: FileLine
    form: AppClass | AppFunction
    requirements: DeclaredValue | None = None
    machine_type: DeclaredValue | None = None
    num_gpus: DeclaredValue | None = None
    python_version: DeclaredValue | None = None
    image: DeclaredValue | None = None
    local_modules: DeclaredValue | None = None
    unknown: tuple[NotUnderstood, ...] = field(default=())


def find_declarations(scope: Namespace) -> tuple[Declaration, ...]:
    """The apps of a module in the order of their lines; where there is none, the classes with `requirements`."""
    found = [_read(name, value) for name, value in scope.names.items() if _is_own(value, scope)]
    declarations = [one for one in found if one is not None]
    apps = [one for one in declarations if not isinstance(one.form, AppClass) or one.form.is_app]
    return tuple(sorted(apps or declarations, key=lambda one: one.place.line))


def _is_own(value: Any, scope: Namespace) -> bool:
    """Whether a value was defined in the module itself, and not in one that it imports."""
    return (isinstance(value, ClassValue) and value.file == scope.file) or (
        isinstance(value, FunctionValue) and value.scope is scope
    )


def _read(name: str, value: ClassValue | FunctionValue) -> Declaration | None:
    return _read_class(value) if isinstance(value, ClassValue) else _read_function(name, value)


def _read_function(name: str, function: FunctionValue) -> Declaration | None:
    for decorator, given, place in function.decorators:
        if isinstance(decorator, Imported) and decorator.name in _DECORATORS:
            return Declaration(
                name=name,
                place=place,
                form=AppFunction(serves=given.get("serve") is True),
                requirements=_argument(given, "requirements", place),
                machine_type=_argument(given, "machine_type", place),
                num_gpus=_argument(given, "num_gpus", place),
                python_version=_argument(given, "python_version", place),
                image=_argument(given, "image", place),
                local_modules=_argument(given, "local_python_modules", place),
                unknown=tuple(given[key].reason for key in ("*", "**") if isinstance(given.get(key), Opaque)),
            )
    return None


def _argument(given: Mapping[str, Any], name: str, place: FileLine) -> DeclaredValue | None:
    if name not in given:
        return None
    line = given.get(f"line of {name}", place.line)
    return DeclaredValue(value=given[name], place=FileLine(file=place.file, line=line))


def _read_class(owner: ClassValue) -> Declaration | None:
    own_line = linearize(owner)
    bases = [base for one in own_line for base in _iter_outer_bases(one)]
    is_app = any(_is_app_name(base) for base in bases) or any(one.name == "App" for one in own_line if one is not owner)
    unseen = next((base for base in bases if base.endswith("App") and not _is_app_name(base)), None)
    if not is_app and unseen is None and _attribute(own_line, "requirements") is None:
        return None
    keywords = _host_keywords(own_line)
    return Declaration(
        name=owner.name,
        place=FileLine(file=owner.file, line=owner.node.lineno),
        form=AppClass(
            is_app=is_app or unseen is not None,
            python_attribute=_attribute(own_line, "python_version"),
            clashing=tuple((name, keywords[name].place) for name in CLASHING if name in keywords),
            has_own_machine="machine_type" in owner.attributes,
            has_own_gpus="num_gpus" in owner.attributes,
            unseen_base=unseen or (None if is_app else _find_unseen_base(own_line)),
        ),
        requirements=_attribute(own_line, "requirements"),
        machine_type=_attribute(own_line, "machine_type") or keywords.get("machine_type"),
        num_gpus=_attribute(own_line, "num_gpus"),
        python_version=keywords.get("python_version"),
        image=_attribute(own_line, "image") or keywords.get("image"),
        local_modules=_attribute(own_line, "local_python_modules"),
        unknown=tuple(_find_unknown(own_line, keywords)),
    )


def _find_unknown(own_line: list[ClassValue], keywords: Mapping[str, DeclaredValue]) -> Iterator[NotUnderstood]:
    """Keywords that are not known, and what can make another class of this one; a hook is for subclasses alone."""
    if "**" in keywords:
        yield keywords["**"].value.reason
    for one in own_line:
        if one.strange is not None and not (one is own_line[0] and "__init_subclass__" in one.strange.expression):
            yield one.strange


def _is_app_name(base: str) -> bool:
    return base.rpartition(".")[2] == "App"


def _iter_outer_bases(owner: ClassValue) -> Iterator[str]:
    """The bases that the file does not define, by the names that they have where they come from."""
    for base, node in zip(owner.bases, owner.node.bases, strict=True):
        if isinstance(base, Imported):
            yield base.dotted
        elif not isinstance(base, ClassValue):
            yield quote(node)


def _find_unseen_base(own_line: list[ClassValue]) -> str | None:
    """The first base that comes from another module, which can be an App or not; those of Python itself are none."""
    outer = (base for one in own_line for base in one.bases if isinstance(base, Imported))
    return next((base.dotted for base in outer if base.dotted.partition(".")[0] not in sys.stdlib_module_names), None)


def _attribute(own_line: list[ClassValue], name: str) -> DeclaredValue | None:
    for one in own_line:
        if name in one.attributes:
            line = one.lines.get(name, one.node.lineno)
            return DeclaredValue(value=one.attributes[name], place=FileLine(file=one.file, line=line))
    return None


def _host_keywords(own_line: list[ClassValue]) -> dict[str, DeclaredValue]:
    """The class keywords in force: those of the bases first. An attribute of a keyword's name counts below the class
    that gave the keyword, as the platform has it."""
    found: dict[str, DeclaredValue] = {}
    for place, one in reversed(list(enumerate(own_line))):
        inherited = set(found)
        for name, value in one.keywords.items():
            found[name] = DeclaredValue(value=value, place=FileLine(file=one.file, line=one.keyword_lines[name]))
        for name in inherited - {"**"}:
            attribute = _attribute(own_line[place:], name)
            if attribute is not None and attribute.value is not None:
                found[name] = attribute
    return found


def is_clone(node: ast.AST) -> bool:
    """Whether a node is a call that fetches a repository when the app runs."""
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "clone_repository"


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
