"""The apps of a Python file, worked out from its syntax tree. The file is never imported and never run.

In: the bytes of the file, the app that `app.py::Name` names, what its pyproject.toml says, and the target as far as it
is known. Out: its list with the line of each item, its machine types and Python, and what the platform makes of them.
What cannot be known without running the file is refused with its line and the expression.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from lockfiles._values import dataclass
from resolver.errors import SourceError
from resolver.requirements.entry import RequirementItems
from resolver.sources.apps.fal.app_lists import Placed, ValueReader
from resolver.sources.apps.fal.declarations import (
    AppClass,
    AppFunction,
    Declaration,
    DeclaredValue,
    EffectiveValues,
    apply_platform_rules,
    find_declarations,
    is_clone,
)
from resolver.sources.apps.fal.tables import AppTable
from resolver.sources.apps.interpreter.expressions import Context
from resolver.sources.apps.interpreter.files import AppFiles
from resolver.sources.apps.interpreter.statements import Interpreter, parse_file
from resolver.sources.apps.interpreter.values import AppTarget, FileLine, LockedList, Namespace, Opaque
from resolver.sources.source import StatedValue
from resolver.targets.platforms import DEFAULT_PLATFORM
from resolver.targets.target import PythonVersion, build_marker_environment

__all__ = ["App", "AppEnvironment", "AppReader", "find_apps", "read_app"]


_USUAL_MINOR = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class AppEnvironment:
    """The environment as far as an app may read it: the names in `[tool.pinfold] environment`, and their values."""

    names: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


_NO_ENVIRONMENT = AppEnvironment()


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """What an app of a file says. `line` is that of its `requirements`.

    - `positions` are those of the items. `locked` is set where the list is said to be that of a lock.
    - `needs_target` is whether items can only be told once the target is known; they are empty until then.
    - `default_machine` is what the platform takes where nothing names a machine type.
    - `adds_requirements` is whether the platform installs requirements of its own with these.
    - `has_list` is whether anything gives it requirements; `outside` is what its image gets beside them.
    """

    class_name: str
    line: int
    items: RequirementItems
    positions: Placed = ()
    python: StatedValue[str] | None = None
    machine_types: StatedValue[tuple[str, ...]] | None = None
    num_gpus: StatedValue[int] | None = None
    default_machine: StatedValue[tuple[str, ...]] | None = None
    locked: LockedList | None = None
    needs_target: bool = False
    has_list: bool = True
    adds_requirements: bool = False
    outside: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class AppReader:
    """Reads the apps of one file, as often as there are targets. `seen_from` is what messages name files from."""

    def __init__(
        self,
        data: bytes,
        *,
        name: str,
        path: Path,
        seen_from: Path,
        environment: AppEnvironment = _NO_ENVIRONMENT,
        tables: Sequence[AppTable] = (),
        is_run: bool = False,
    ) -> None:
        self._name = name
        self._path = path
        self._files = AppFiles(path, seen_from=seen_from)
        self._environment = environment
        self._tables = tables
        self._is_run = is_run
        self._tree = parse_file(data, name)

    def read(self, app_name: str | None, *, target: AppTarget | None = None, table: AppTable | None = None) -> App:
        """The named app, else the only one. Raises SourceError. `table` is the one to take of several for the app."""
        try:
            interpreter, scope = self._interpret(target)
            declarations = find_declarations(scope)
            if self._is_run:
                declarations = self._evaluate(declarations, target)
            chosen = self._choose(declarations, app_name, scope, interpreter)
            if table is None:
                table = self._find_table(chosen, alone=len(declarations) == 1)
            return self._finish(apply_platform_rules(chosen, table), interpreter, scope)
        except RecursionError as error:
            raise SourceError(f"`{self._name}` is not Python that can be read: it is nested too deep") from error

    def _evaluate(self, known: Sequence[Declaration], target: AppTarget | None) -> tuple[Declaration, ...]:
        """The declarations as the file gives them when it is run; before there is a target, for the default one."""
        # Lazy: it starts processes, and hardly any run asks for it.
        from resolver.sources.apps.evaluation import declare_evaluated, evaluate_file

        evaluated = evaluate_file(
            self._path.absolute(),
            name=self._name,
            folders=self._files.folders,
            target=target or _default_target(),
            variables=self._environment.values,
        )
        return declare_evaluated(evaluated, file=self._name, known=known)

    def list_apps(self) -> tuple[Declaration, ...]:
        """The real apps of the file, which derive from an `App` or are decorated. Raises SourceError."""
        try:
            _, scope = self._interpret(None)
            found = find_declarations(scope)
        except RecursionError as error:
            raise SourceError(f"`{self._name}` is not Python that can be read: it is nested too deep") from error
        return tuple(one for one in found if not isinstance(one.form, AppClass) or one.form.is_app)

    def _interpret(self, target: AppTarget | None) -> tuple[Interpreter, Namespace]:
        context = Context(
            files=self._files,
            target=target,
            environment=self._environment.names,
            variables=self._environment.values,
        )
        interpreter = Interpreter(context)
        return interpreter, interpreter.read_module(self._tree, file=self._name, path=self._path)

    def _choose(
        self, declarations: Sequence[Declaration], name: str | None, scope: Namespace, interpreter: Interpreter
    ) -> Declaration:
        with_list = [one for one in declarations if one.requirements is not None] or list(declarations)
        remedy = _suggest([f"{self._name}::{one.name}" for one in with_list])
        if name is None:
            if len(with_list) > 1:
                names = ", ".join(f"`{one.name}`" for one in with_list)
                raise SourceError(f"`{self._name}` holds {len(with_list)} apps: {names}", remedy=remedy)
            if not with_list:
                raise SourceError(
                    f"`{self._name}` has no app",
                    why=(
                        "an app is a class that derives from an `App` or has `requirements`, or a function under"
                        " `@fal.function(…)`"
                    ),
                )
            name = with_list[0].name
        if not self._is_run and (lines := interpreter.defined_twice.get(name)):
            numbers = ", ".join(map(str, lines))
            raise SourceError(f"`{self._name}` defines `{name}` more than once, in lines {numbers}")
        chosen = next((one for one in declarations if one.name == name), None)
        if chosen is None:
            bound = scope.names.get(name)
            if isinstance(bound, Opaque):
                reason = bound.reason
                raise SourceError(
                    f"what `{name}` is, is not understood: `{reason.expression}`",
                    where=reason.place,
                    why=reason.why,
                    remedy=remedy,
                )
            raise SourceError(f"`{self._name}` has no app `{name}`", remedy=remedy)
        return chosen

    def _find_table(self, chosen: Declaration, *, alone: bool) -> AppTable | None:
        """The table that refers to an app; of several that say the same, the first. Raises SourceError otherwise."""
        path = self._path.resolve()
        found = [
            one
            for one in self._tables
            if one.ref is not None
            and one.ref.resolve() == path
            and (one.ref_name == chosen.name or (one.ref_name is None and alone))
        ]
        if len({one.says for one in found}) > 1:
            names = ", ".join(f"`{one.name}`" for one in found)
            sources = [f"{one.where.partition(' ')[0]}::{one.name}" for one in found]
            raise SourceError(
                f"`{chosen.name}` is {len(found)} apps in {found[0].where.partition(' ')[0]}, which differ: {names}",
                remedy=_suggest(sources),
            )
        return found[0] if found else None

    def _finish(self, effective: EffectiveValues, interpreter: Interpreter, scope: Namespace) -> App:
        declaration = effective.declaration
        reader = ValueReader(interpreter, scope)
        for reason in effective.unknown:
            reader.note(reason, "requirements")
        items, positions, locked = self._read_list(effective, reader)
        machine, python, gpus = declaration.machine_type, declaration.python_version, declaration.num_gpus
        form = declaration.form
        if isinstance(form, AppClass) and not form.is_app:
            python = form.python_attribute
        is_list_late = reader.needs_target or (self._is_run and interpreter.context.target is None)
        machines = reader.read_machines(machine) if machine is not None else effective.table_machine
        app = App(
            class_name=declaration.name,
            line=(declaration.requirements or DeclaredValue(value=None, place=declaration.place)).place.line,
            items=items,
            positions=positions,
            locked=locked,
            python=reader.read_python(python) if python is not None else effective.table_python,
            machine_types=machines,
            num_gpus=reader.read_gpus(gpus) if gpus is not None else effective.table_gpus,
            default_machine=effective.default_machine,
            has_list=(declaration.requirements is not None and not _is_left_out(declaration))
            or effective.table_requirements is not None,
            needs_target=is_list_late,
            adds_requirements=form.is_app if isinstance(form, AppClass) else form.serves,
            outside=tuple(self._find_outside(declaration)),
            warnings=(*effective.warnings, *reader.warnings),
        )
        faults = [*effective.faults, *reader.faults]
        if reader.needs_target and interpreter.context.target is None:
            # The same file is read again for its target, and then tells all of its faults.
            return app
        if faults:
            placed = sorted(faults, key=lambda fault: (fault[0], str(fault[1])))
            raise SourceError.from_faults(dict.fromkeys(fault for _, fault in placed))
        return app

    def _read_list(
        self, effective: EffectiveValues, reader: ValueReader
    ) -> tuple[RequirementItems, Placed, LockedList | None]:
        given = effective.declaration.requirements
        if given is None:
            table = effective.table_requirements
            return (table.value if table is not None else ()), (), None
        if isinstance(given.value, LockedList):
            return (), (), given.value
        form = effective.declaration.form
        if given.value is None and isinstance(form, AppFunction):
            # `requirements=None` is how a decorator says that there are none.
            return (), (), None
        must_be_list = isinstance(form, AppFunction) or form.is_app
        items, positions = reader.read_items(given, must_be_list=must_be_list)
        return items, positions, None

    def _find_outside(self, declaration: Declaration) -> list[str]:
        """Warnings for what the image gets beside the list."""
        found: list[tuple[FileLine, str]] = []
        if declaration.image is not None and declaration.image.value is not None:
            found.append((declaration.image.place, "what the `image` installs"))
        modules = declaration.local_modules
        if modules is not None and modules.value not in (None, []):
            found.append((modules.place, "`local_python_modules`"))
        for node in ast.walk(self._tree):
            if is_clone(node):
                line = getattr(node, "lineno", 1)
                found.append((FileLine(file=self._name, line=line), "the repository that `clone_repository` fetches"))
        ordered = sorted(found, key=lambda one: one[0].line)
        return [f"{place}: {what} is outside the lock" for place, what in ordered]


def read_app(
    data: bytes,
    *,
    name: str,
    class_name: str | None,
    path: Path | None = None,
    target: AppTarget | None = None,
    environment: AppEnvironment = _NO_ENVIRONMENT,
    tables: Sequence[AppTable] = (),
) -> App:
    """The app in a file: the named one, else the only one. Raises SourceError.

    `name` is the file's, for messages; `path` is where it lies, None for bytes that lie nowhere in particular.
    """
    where = path or Path(name)
    reader = AppReader(data, name=name, path=where, seen_from=Path.cwd(), environment=environment, tables=tables)
    return reader.read(class_name, target=target)


def find_apps(data: bytes, *, name: str, path: Path, seen_from: Path) -> tuple[Declaration, ...]:
    """The apps that a file declares, in the order of their lines. Raises SourceError."""
    return AppReader(data, name=name, path=path, seen_from=seen_from).list_apps()


def _is_left_out(declaration: Declaration) -> bool:
    given = declaration.requirements
    return given is not None and given.value is None and isinstance(declaration.form, AppFunction)


def _default_target() -> AppTarget:
    """The target that an app is shown while its own is not known: to learn which machine and Python it asks for."""
    python = PythonVersion(minor=_USUAL_MINOR)
    return AppTarget(python=python, environment=build_marker_environment(python, DEFAULT_PLATFORM))


def _suggest(sources: Sequence[str]) -> str:
    return " or ".join(f"`{source}`" for source in sources)
