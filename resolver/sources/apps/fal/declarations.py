"""The apps of a file, and what the platform makes of them.

In: the names of a module, as `interpreter.statements` leaves them, and the `[tool.fal.apps.*]` that refers to an app.
Out: for each app the values that it declares, each with its line, and then the values in force, with warnings for
values that the platform ignores and faults for values that it fails on.

An app is a class that derives from an `App`, or a function under a `function(…)` decorator; bases in the file count as
in Python. The rules are those of the client of the platform, version 1.83.0. They are a module of their own because the
interpreter has the rules of Python alone.

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
from typing import Any, assert_never

from lockfiles._values import dataclass
from resolver.errors import Fault
from resolver.requirements.entry import RequirementItems
from resolver.sources.apps.fal.tables import FUNCTION_MACHINE, AppTable, has_platform_table
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
    "APP_FORMS",
    "CLASHING",
    "PLATFORM_PACKAGES",
    "AppClass",
    "AppFunction",
    "Declaration",
    "DeclaredValue",
    "EffectiveValues",
    "apply_platform_rules",
    "find_declarations",
    "iter_outside",
    "may_declare_list",
    "may_define_base",
]

APP_FORMS = "an app is a class that derives from an `App` or has `requirements`, or a function under `@fal.function(…)`"
CLASHING = ("requirements", "machine_type", "num_gpus", "local_python_modules", "regions")
"""Attributes of an app class that the platform refuses as keywords of the class, with a TypeError."""
PLATFORM_PACKAGES = frozenset({"fal"})
"""Packages that every app can import where it runs, although neither Python nor its list has them."""

_CLASS_MACHINE = "S"
_DECORATORS = frozenset({"function", "isolated"})
# A file without one of these bytes declares no app.
_MARKS = (b"App", b"function", b"isolated")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredValue:
    """A value that an app declares, as the interpreter gives it, and the line that declares it."""

    value: Any
    place: FileLine


@dataclass(frozen=True, slots=True, kw_only=True)
class AppClass:
    """The form of an app that is a class.

    - `is_app` is false for a class that has `requirements` and derives from no `App`.
    - `python_attribute` is `python_version` in the body, which the platform ignores; the keyword is in the Declaration.
    - `clashing` are keywords that the platform takes as attributes alone, with their lines.
    - `has_own_machine` and `has_own_gpus` are whether the class itself sets the value, which it may also inherit.
    - `unseen_base` is the first base that another file defines, by its dotted name; None if there is none.
    """

    is_app: bool = True
    python_attribute: DeclaredValue | None = None
    clashing: tuple[tuple[str, FileLine], ...] = ()
    has_own_machine: bool = False
    has_own_gpus: bool = False
    unseen_base: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFunction:
    """The form of an app that is a function. With `serves` (`serve=True`) the platform adds requirements of its own."""

    serves: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One app as its file declares it, before a rule of the platform is applied. None is a value that it does not give.

    `unknown` are the reasons why its keywords or the class itself may differ from what was read.
    """

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

    @property
    def is_app(self) -> bool:
        """Whether the platform can run it. A class that only has `requirements` is read too, but is no app."""
        return not isinstance(self.form, AppClass) or self.form.is_app

    @property
    def has_list(self) -> bool:
        """Whether it gives itself a list. `requirements=None` is how a decorator gives none."""
        given = self.requirements
        return given is not None and not (given.value is None and isinstance(self.form, AppFunction))

    @property
    def takes_table_list(self) -> bool:
        """Whether the platform takes a list from the table that refers to the app.

        It does for a function, and not for a class.
        """
        return isinstance(self.form, AppFunction)

    @property
    def adds_requirements(self) -> bool:
        """Whether the platform installs requirements of its own beside the list."""
        return self.form.is_app if isinstance(self.form, AppClass) else self.form.serves

    @property
    def python(self) -> DeclaredValue | None:
        """The Python version to lock for: the keyword of an app, the attribute of a class that is no app."""
        if isinstance(self.form, AppClass) and not self.form.is_app:
            return self.form.python_attribute
        return self.python_version


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveValues:
    """The values in force for an app: its own, and values of a table that replace or complete them.

    A `table_…` value counts if the declaration has none of that name. `default_machine` counts last. `faults` are line
    numbers with the fault there; `unknown` is that of the declaration.
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


def find_declarations(scope: Namespace) -> tuple[Declaration, ...]:
    """The apps of a module in the order of their lines; if there is none, the classes with `requirements`."""
    found = (
        _read_class(value) if isinstance(value, ClassValue) else _read_function(name, value)
        for name, value in scope.names.items()
        if _is_own(value, scope)
    )
    declarations = [one for one in found if one is not None]
    apps = [one for one in declarations if one.is_app]
    return tuple(sorted(apps or declarations, key=lambda one: one.place.line))


def apply_platform_rules(declaration: Declaration, table: AppTable | None) -> EffectiveValues:
    """The values in force for an app, by the table in the module docstring.

    `table` is the one that refers to it, if any.
    """
    match declaration.form:
        case AppClass(is_app=False) as form:
            return EffectiveValues(declaration=declaration, warnings=tuple(_iter_base_warnings(declaration, form)))
        case AppClass() as form:
            return _apply_to_class(declaration, form, table)
        case AppFunction() as form:
            return _apply_to_function(declaration, form, table)
        case _:
            assert_never(declaration.form)


def iter_outside(declaration: Declaration, tree: ast.Module, *, file: str) -> Iterator[str]:
    """Warnings about packages and code that reach the app and that no lock holds, in order of their lines.

    These are packages of its image, its own modules and repositories that it clones. `tree` is the whole file, because
    a call of `clone_repository` anywhere in it can serve the app.
    """
    found: list[tuple[FileLine, str]] = []
    image, modules = declaration.image, declaration.local_modules
    if image is not None and image.value is not None:
        found.append((image.place, "what the `image` installs"))
    if modules is not None and modules.value not in (None, []):
        found.append((modules.place, "`local_python_modules`"))
    for node in ast.walk(tree):
        if _is_clone(node):
            line = getattr(node, "lineno", 1)
            found.append((FileLine(file=file, line=line), "the repository that `clone_repository` fetches"))
    for place, what in sorted(found, key=lambda one: one[0].line):
        yield f"{place}: {what} is outside the lock"


def may_declare_list(data: bytes) -> bool:
    """Whether a file may declare an app with a list. False is certain, True is not: this looks at bytes alone."""
    return b"requirements" in data and any(mark in data for mark in _MARKS)


def may_define_base(data: bytes) -> bool:
    """Whether a file may define a class that derives from the `App` of the platform. False is certain."""
    return has_platform_table(data) and b"App" in data


def _is_own(value: Any, scope: Namespace) -> bool:
    """Whether a value is defined in the module itself, and not in a module that it imports."""
    return (isinstance(value, ClassValue) and value.file == scope.file) or (
        isinstance(value, FunctionValue) and value.scope is scope
    )


def _read_function(name: str, function: FunctionValue) -> Declaration | None:
    """The declaration of a function; None without a decorator of the platform.

    `*` and `**` in the arguments of the decorator can give any value, so an uncertain one makes the whole list
    uncertain.
    """
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
    """An argument of a decorator at its own line, or at that of the decorator if it has none."""
    if name not in given:
        return None
    line = given.get(f"line of {name}", place.line)
    return DeclaredValue(value=given[name], place=FileLine(file=place.file, line=line))


def _read_class(owner: ClassValue) -> Declaration | None:
    """The declaration of a class; None for a class that is no app and has no `requirements`.

    A base of another file makes the class an app if its name ends with `App`: what it inherits is then unknown, and a
    warning reports that.
    """
    lineage = linearize(owner)
    bases = [base for one in lineage for base in _iter_outer_bases(one)]
    is_app = any(_is_app_name(base) for base in bases) or any(one.name == "App" for one in lineage if one is not owner)
    unseen = next((base for base in bases if base.endswith("App") and not _is_app_name(base)), None)
    if not is_app and unseen is None and _attribute(lineage, "requirements") is None:
        return None
    keywords = _find_keywords(lineage)
    return Declaration(
        name=owner.name,
        place=FileLine(file=owner.file, line=owner.node.lineno),
        form=AppClass(
            is_app=is_app or unseen is not None,
            python_attribute=_attribute(lineage, "python_version"),
            clashing=tuple((name, keywords[name].place) for name in CLASHING if name in keywords),
            has_own_machine="machine_type" in owner.attributes,
            has_own_gpus="num_gpus" in owner.attributes,
            unseen_base=unseen or (None if is_app else _find_unseen_base(lineage)),
        ),
        requirements=_attribute(lineage, "requirements"),
        machine_type=_attribute(lineage, "machine_type") or keywords.get("machine_type"),
        num_gpus=_attribute(lineage, "num_gpus"),
        python_version=keywords.get("python_version"),
        image=_attribute(lineage, "image") or keywords.get("image"),
        local_modules=_attribute(lineage, "local_python_modules"),
        unknown=tuple(_find_unknown(lineage, keywords)),
    )


def _find_unknown(lineage: list[ClassValue], keywords: Mapping[str, DeclaredValue]) -> Iterator[NotUnderstood]:
    """The reasons why the class may differ from what was read: unknown keywords, decorators, metaclasses and hooks.

    `__init_subclass__` of the class itself is no reason, because Python calls it for subclasses alone.
    """
    if "**" in keywords:
        yield keywords["**"].value.reason
    for one in lineage:
        reason = one.uncertainty
        if reason is not None and not (one is lineage[0] and "__init_subclass__" in reason.expression):
            yield reason


def _is_app_name(base: str) -> bool:
    """Whether a dotted name is that of an `App`, of any module: the platform exports it from several."""
    return base.rpartition(".")[2] == "App"


def _iter_outer_bases(owner: ClassValue) -> Iterator[str]:
    """The bases that the file does not define, by their dotted names or else as they are written."""
    for base, node in zip(owner.bases, owner.node.bases, strict=True):
        if isinstance(base, Imported):
            yield base.dotted
        elif not isinstance(base, ClassValue):
            yield quote(node)


def _find_unseen_base(lineage: list[ClassValue]) -> str | None:
    """The first base from another module, which may or may not be an App; None if all others are of Python itself."""
    outer = (base for one in lineage for base in one.bases if isinstance(base, Imported))
    return next((base.dotted for base in outer if base.dotted.partition(".")[0] not in sys.stdlib_module_names), None)


def _attribute(lineage: list[ClassValue], name: str) -> DeclaredValue | None:
    """An attribute of the class or of its nearest base that has it, with the line that sets it last."""
    for one in lineage:
        if name in one.attributes:
            line = one.lines.get(name, one.node.lineno)
            return DeclaredValue(value=one.attributes[name], place=FileLine(file=one.file, line=line))
    return None


def _find_keywords(lineage: list[ClassValue]) -> dict[str, DeclaredValue]:
    """The class keywords in force, with those of the bases first. `lineage` is the class and its bases, nearest first.

    As in the platform, an inherited keyword is replaced by an attribute of its name that the inheriting class has, its
    own or that of a base.
    """
    found: dict[str, DeclaredValue] = {}
    for place, one in reversed(list(enumerate(lineage))):
        inherited = set(found)
        for name, value in one.keywords.items():
            found[name] = DeclaredValue(value=value, place=FileLine(file=one.file, line=one.keyword_lines[name]))
        for name in inherited - {"**"}:
            attribute = _attribute(lineage[place:], name)
            if attribute is not None and attribute.value is not None:
                found[name] = attribute
    return found


def _apply_to_class(declaration: Declaration, form: AppClass, table: AppTable | None) -> EffectiveValues:
    """The values in force for a class: faults for clashing keywords, a warning for an ignored Python, and the table."""
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
        default_machine=_default(_CLASS_MACHINE, "App"),
        warnings=tuple(warnings),
        faults=faults,
        unknown=declaration.unknown,
    )
    return plain if table is None else _complete_class(plain, form, table)


def _iter_base_warnings(declaration: Declaration, form: AppClass) -> Iterator[str]:
    """A warning that an inherited list, machine or Python of another file is not seen.

    Only files of the app's own repository are read, so that the lock does not depend on what is installed here.
    """
    if form.unseen_base is not None:
        yield (
            f"{declaration.place}: `{declaration.name}` derives from `{form.unseen_base}`, which another file defines:"
            " what it inherits from there is not read"
        )


def _complete_class(plain: EffectiveValues, form: AppClass, table: AppTable) -> EffectiveValues:
    """The values of a class completed by those of a table.

    The platform takes the machine type of the table if the class has the default `S`. A base that repeats `S` counts as
    the default, an attribute `S` of the class itself does not.
    """
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
        table_machine=table.state(table.machine_type) if leaves_machine else None,
        table_python=table.state(table.python_version) if declaration.python_version is None else None,
        table_gpus=table.state(table.num_gpus) if not form.has_own_gpus and declaration.num_gpus is None else None,
        warnings=tuple(warnings),
    )


def _apply_to_function(declaration: Declaration, form: AppFunction, table: AppTable | None) -> EffectiveValues:
    """The values in force for a function: its decorator first, then the table."""
    warnings: list[str] = []
    plain = EffectiveValues(
        declaration=declaration,
        default_machine=_default(FUNCTION_MACHINE, "function"),
        unknown=declaration.unknown,
    )
    if table is None:
        return plain
    for name, stated, own in (
        ("requirements", table.requirements, declaration.requirements),
        ("machine_type", table.machine_type, declaration.machine_type),
        ("python_version", table.python_version, declaration.python_version),
    ):
        if stated is not None and own is not None:
            warnings.append(_ignored(name, table, declaration, own))
    # With `serve=True` the platform makes a list of its own, and the list of the table is lost.
    takes_list = declaration.requirements is None and not form.serves
    if table.requirements is not None and declaration.requirements is None and form.serves:
        warnings.append(
            f"{table.where}: the platform ignores `requirements` here, because `{declaration.name}` has `serve=True`,"
            " for which it makes a list of its own"
        )
    return replace(
        plain,
        table_requirements=table.state(table.requirements) if takes_list else None,
        table_machine=table.state(table.machine_type) if declaration.machine_type is None else None,
        table_python=table.state(table.python_version) if declaration.python_version is None else None,
        table_gpus=table.state(table.num_gpus) if declaration.num_gpus is None else None,
        warnings=tuple(warnings),
    )


def _is_default(given: DeclaredValue | None) -> bool:
    """Whether the platform takes a machine type for its own default."""
    return given is None or given.value == _CLASS_MACHINE


def _ignored(name: str, table: AppTable, declaration: Declaration, own: DeclaredValue | None) -> str:
    """The warning for a key of a table whose value the app itself has."""
    where = f" ({own.place})" if own is not None else ""
    return f"{table.where}: the platform ignores `{name}` here, because `{declaration.name}` has its own{where}"


def _default(machine: str, kind: str) -> StatedValue[tuple[str, ...]]:
    """The default of the platform for a kind of app (`App`, `function`), with the text that the summary shows."""
    article = "an" if kind[0] in "AEIOU" else "a"
    return StatedValue(value=(machine,), where=f"the platform's default for {article} {kind}")


def _quote_version(given: DeclaredValue) -> str:
    """The Python version of an attribute as the keyword would be written.

    It is `…` if it is not known, and quoted also if it is a number, as the keyword must be text.
    """
    if isinstance(given.value, PlacedText):
        return f'"{given.value}"'
    return "…" if isinstance(given.value, Opaque) else f'"{given.value}"'


def _is_clone(node: ast.AST) -> bool:
    """Whether a node is a call that clones a repository when the app runs."""
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "clone_repository"
