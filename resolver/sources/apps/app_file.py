"""The apps of a Python file, worked out from its syntax tree or, on request, by running the file.

In: the bytes of the file, the app that `app.py::Name` names, the tables of its pyproject.toml, and the target as far as
it is known. Out: an `App` with its list and the line of each item, its machine types and Python. A value that cannot be
known without running the file is refused with its line and the expression.

This module is the seam between the interpreter, which has the rules of Python, and `fal`, which has those of the
platform: it runs the interpreter, passes the names on to `fal`, and collects the faults of both. By default the file is
never imported and never run; `--evaluate` runs it in a process of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from lockfiles._values import dataclass
from lockfiles.errors import parser_boundary
from resolver.errors import Fault, SourceError
from resolver.requirements.entry import RequirementItems
from resolver.sources.apps.fal.app_values import ValueReader
from resolver.sources.apps.fal.declarations import (
    APP_FORMS,
    PLATFORM_PACKAGES,
    Declaration,
    EffectiveValues,
    apply_platform_rules,
    find_declarations,
    iter_outside,
)
from resolver.sources.apps.fal.tables import AppTable
from resolver.sources.apps.interpreter.definitions import parse_file
from resolver.sources.apps.interpreter.expressions import Context
from resolver.sources.apps.interpreter.files import AppFiles
from resolver.sources.apps.interpreter.statements import Interpreter
from resolver.sources.apps.interpreter.values import AppTarget, LockedList, Namespace, Opaque
from resolver.sources.source import Positions, StatedValue
from resolver.targets.platforms import DEFAULT_PLATFORM
from resolver.targets.target import PythonVersion, build_marker_environment

__all__ = ["App", "AppEnvironment", "AppReader", "find_apps"]

# The minor version of the Python that a file is run for while its own is not known.
_USUAL_MINOR = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class AppEnvironment:
    """The environment as far as an app may read it: the names in `[tool.pinfold] environment`, and their values.

    A name without a value is not set in the environment. The values may be secrets and are left out of the repr.
    """

    names: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


_NO_ENVIRONMENT = AppEnvironment()


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """What a lock needs of an app. `line` is the line of its `requirements`, or else of the app.

    - `positions` are those of the items. `locked` is set if the app installs a lock, and then there are no items.
    - `needs_target` is whether the items depend on a target that is not known yet; they are empty until then.
    - `default_machine` is the machine type that the platform takes if nothing names one.
    - `has_list` is whether the app or its table gives it requirements.
    - `adds_requirements` is whether the platform installs requirements of its own with these.
    - `outside` are warnings about packages that its image gets beside the list; `warnings` are all others.
    """

    class_name: str
    line: int
    items: RequirementItems
    positions: Positions = ()
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
    """Reads the apps of one file, once per target. Parses the file in the constructor, which raises SourceError.

    - `name` is the file in messages, and `seen_from` the folder that messages name other files from.
    - `tables` are the app tables that apply to the folder of the file.
    - With `is_run` the file is run for the values of its apps; it is read as well, for their lines.
    """

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
        """The named app, or the only one for None. `table` is the one to take if several refer to the app.

        Without a target, values that depend on it make the app one that `needs_target` instead of a fault. Raises
        SourceError with all faults of the app in the order of their lines.
        """
        try:
            interpreter, scope = self._interpret(target)
            declarations = find_declarations(scope)
            if self._is_run:
                declarations = self._evaluate(declarations, target)
            chosen = self._choose(declarations, app_name, scope, interpreter)
            if table is None:
                table = self._find_table(chosen, alone=len(declarations) == 1)
            return self._build_app(apply_platform_rules(chosen, table), interpreter)
        except RecursionError as error:
            raise self._refuse_depth() from error

    def list_apps(self) -> tuple[Declaration, ...]:
        """The real apps of the file, which derive from an `App` or are decorated. Raises SourceError."""
        try:
            _, scope = self._interpret(None)
            return tuple(one for one in find_declarations(scope) if one.is_app)
        except RecursionError as error:
            raise self._refuse_depth() from error

    def _interpret(self, target: AppTarget | None) -> tuple[Interpreter, Namespace]:
        """The names of the file for a target, and the interpreter that has read them."""
        context = Context(
            files=self._files,
            target=target,
            environment=self._environment.names,
            variables=self._environment.values,
            installed=PLATFORM_PACKAGES,
        )
        interpreter = Interpreter(context)
        return interpreter, interpreter.read_module(self._tree, file=self._name, path=self._path)

    def _evaluate(self, known: Sequence[Declaration], target: AppTarget | None) -> tuple[Declaration, ...]:
        """The declarations as the file gives them when it is run, for a usual target while there is none."""
        # Lazy: it starts processes, and hardly any run needs it.
        from resolver.sources.apps.fal.evaluation import declare_evaluated, evaluate_file

        evaluated = evaluate_file(
            self._path.absolute(),
            name=self._name,
            folders=self._files.folders,
            target=target or _build_usual_target(),
            variables=self._environment.values,
        )
        return declare_evaluated(evaluated, file=self._name, known=known)

    def _choose(
        self, declarations: Sequence[Declaration], name: str | None, scope: Namespace, interpreter: Interpreter
    ) -> Declaration:
        """The named declaration, or the only one that has a list.

        Raises SourceError with the names to choose from if there are several, and with the reason if there is none.
        """
        with_list = [one for one in declarations if one.requirements is not None] or list(declarations)
        remedy = _suggest([f"{self._name}::{one.name}" for one in with_list])
        if name is None:
            if len(with_list) > 1:
                names = ", ".join(f"`{one.name}`" for one in with_list)
                raise SourceError(f"`{self._name}` holds {len(with_list)} apps: {names}", remedy=remedy)
            if not with_list:
                raise SourceError(f"`{self._name}` has no app", why=APP_FORMS)
            name = with_list[0].name
        # Which of two definitions in branches counts is known when the file runs.
        if not self._is_run and (lines := interpreter.defined_twice.get(name)):
            numbers = ", ".join(map(str, lines))
            raise SourceError(f"`{self._name}` defines `{name}` more than once, in lines {numbers}")
        chosen = next((one for one in declarations if one.name == name), None)
        if chosen is None:
            raise self._refuse_name(name, scope, remedy)
        return chosen

    def _refuse_name(self, name: str, scope: Namespace, remedy: str) -> SourceError:
        """The error for a name that is no app: with the reason if the file gives the name an unknown value."""
        bound = scope.names.get(name)
        if not isinstance(bound, Opaque):
            return SourceError(f"`{self._name}` has no app `{name}`", remedy=remedy)
        reason = bound.reason
        return SourceError(
            f"what `{name}` is, is not understood: `{reason.expression}`",
            where=reason.place,
            why=reason.why,
            remedy=remedy,
        )

    def _refuse_depth(self) -> SourceError:
        """The error for a file that is nested deeper than Python can follow, in parsing or in reading."""
        return SourceError(f"`{self._name}` is not Python that can be read: it is nested too deep")

    def _find_table(self, chosen: Declaration, *, alone: bool) -> AppTable | None:
        """The table that refers to an app; of several with equal values, the first. Raises SourceError otherwise.

        A `ref` without a name means the only app of its file, which the app is if it is `alone`.
        """
        path = self._path.resolve()
        found = [
            one
            for one in self._tables
            if one.ref is not None
            and one.ref.resolve() == path
            and (one.ref_name == chosen.name or (one.ref_name is None and alone))
        ]
        if len({one.lock_inputs for one in found}) > 1:
            names = ", ".join(f"`{one.name}`" for one in found)
            sources = [f"{one.where.partition(' ')[0]}::{one.name}" for one in found]
            raise SourceError(
                f"`{chosen.name}` is {len(found)} apps in {found[0].where.partition(' ')[0]}, which differ: {names}",
                remedy=_suggest(sources),
            )
        return found[0] if found else None

    def _build_app(self, effective: EffectiveValues, interpreter: Interpreter) -> App:
        """The app with the values in force. Raises SourceError with every fault, unless it only lacks its target."""
        declaration = effective.declaration
        reader = ValueReader(interpreter)
        for reason in effective.unknown:
            reader.note(reason, "requirements")
        items, positions, locked = _read_list(effective, reader)
        # Only reasons that concern the list make the app wait for its target: `note` may add others below.
        needs_target = reader.needs_target or (self._is_run and interpreter.context.target is None)
        machine, python, gpus = declaration.machine_type, declaration.python, declaration.num_gpus
        machine_types = reader.read_machines(machine) if machine is not None else effective.table_machine
        app = App(
            class_name=declaration.name,
            line=(declaration.requirements or declaration).place.line,
            items=items,
            positions=positions,
            locked=locked,
            python=reader.read_python(python) if python is not None else effective.table_python,
            machine_types=machine_types,
            num_gpus=reader.read_gpus(gpus) if gpus is not None else effective.table_gpus,
            default_machine=effective.default_machine,
            has_list=declaration.has_list or effective.table_requirements is not None,
            needs_target=needs_target,
            adds_requirements=declaration.adds_requirements,
            outside=tuple(iter_outside(declaration, self._tree, file=self._name)),
            warnings=(*effective.warnings, *reader.warnings),
        )
        if reader.needs_target and interpreter.context.target is None:
            # The same file is read again for its target, and then reports all of its faults.
            return app
        _check_faults([*effective.faults, *reader.faults])
        return app


@parser_boundary(lambda reason: SourceError(f"the app: {reason}"))
def find_apps(data: bytes, *, name: str, path: Path, seen_from: Path) -> tuple[Declaration, ...]:
    """The apps that a file declares, in the order of their lines. Raises SourceError."""
    return AppReader(data, name=name, path=path, seen_from=seen_from).list_apps()


def _read_list(
    effective: EffectiveValues, reader: ValueReader
) -> tuple[RequirementItems, Positions, LockedList | None]:
    """The items of the app with their positions, or the lock that it installs instead.

    Items of a table have no positions: messages name them by their number.
    """
    given = effective.declaration.requirements
    if given is None:
        table = effective.table_requirements
        return (table.value if table is not None else ()), (), None
    if isinstance(given.value, LockedList):
        return (), (), given.value
    if not effective.declaration.has_list:
        return (), (), None
    items, positions = reader.read_items(given, must_be_list=effective.declaration.is_app)
    return items, positions, None


def _check_faults(faults: Sequence[tuple[int, Fault]]) -> None:
    """Raises SourceError with faults in the order of their lines, each once, if there are any.

    A value that several items share is at fault once for each of them.
    """
    if faults:
        placed = sorted(faults, key=lambda fault: (fault[0], str(fault[1])))
        raise SourceError.from_faults(dict.fromkeys(fault for _, fault in placed))


def _build_usual_target() -> AppTarget:
    """The target that an app is run for while its own is not known, to read which machine and Python it names."""
    python = PythonVersion(minor=_USUAL_MINOR)
    return AppTarget(python=python, environment=build_marker_environment(python, DEFAULT_PLATFORM))


def _suggest(sources: Sequence[str]) -> str:
    """SOURCEs to choose from, for the remedy of an error."""
    return " or ".join(f"`{source}`" for source in sources)
