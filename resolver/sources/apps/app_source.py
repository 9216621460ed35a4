"""An app as a source of a list: what its file, its pyproject.toml and its target say, put together.

In: the file, and which app of it. Out: a `Source`. Where an app's list is that of a lock
(`lockfiles.requirements("pylock.toml")`), the source is the list that the lock is made from.

Items of a list that are functions of the target: called, so that a list of texts is left.

In: a list that a program gave, and a target. Out: the same source with texts alone, whose items keep their positions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from resolver.errors import Fault, ListError, Position, SourceError, render_os_error
from resolver.requirements.entry import RequirementItems
from resolver.requirements.requirement_file import decode_requirement_file
from resolver.requirements.url import redact
from resolver.settings.settings import Settings
from resolver.sources.apps.app_file import App, AppEnvironment, AppReader
from resolver.sources.apps.fal.tables import AppTable, find_tables, read_tables
from resolver.sources.apps.interpreter.values import AppTarget, LockedList
from resolver.sources.settings_file import find_settings, name_path, read_pyproject
from resolver.sources.source import AppFile, Form, ItemList, PyprojectList, RequirementFile, Source, StatedValue
from resolver.targets.platforms import Platform
from resolver.targets.target import PythonVersion, Target, build_marker_environment

__all__ = [
    "call_items",
    "read_app_source",
    "read_table_source",
]


_LIST_NAMES = ("requirements.txt", "requirements.in")


def read_app_source(
    path: Path,
    data: bytes,
    *,
    name: str,
    folder: Path,
    variables: Mapping[str, str],
    table: AppTable | None = None,
    is_run: bool = False,
) -> Source:
    """The app that `name` names (`app.py`, `app.py::Name`), as seen from `folder`. Raises SourceError, SettingsError.

    `variables` is the whole environment: an app sees what the settings allow. `table` is the one to take of several
    that refer to the app. With `is_run` the file is run instead of read, in a process of its own.
    """
    file, _, app_name = name.partition("::")
    if table is not None:
        file, app_name = name_path(path, folder), table.ref_name or ""
    settings, settings_path = find_settings(path.parent, seen_from=folder)
    names = frozenset(settings.complete().environment)
    values = {one: variables[one] for one in sorted(names) if one in variables}
    reader = AppReader(
        data,
        name=file,
        path=path,
        seen_from=folder,
        environment=AppEnvironment(names=names, values=values),
        tables=find_tables(path.parent, seen_from=folder),
        is_run=is_run,
    )
    app = reader.read(app_name or None, table=table)
    if not app.has_list:
        raise SourceError(
            f"`{app.class_name}` has no `requirements`, so there is nothing to lock",
            where=f"{file}:{app.line}",
            details=app.outside,
        )
    source = Source(
        name=name,
        stem=_split_words(app.class_name if table is None else table.name),
        form=AppFile(class_name=app.class_name, line=app.line, items=()),
        path=path,
        folder=path.parent,
        settings=replace(settings, requirements=None),
        settings_path=settings_path,
    )
    if app.locked is not None:
        return _read_locked(app, app.locked, source, settings, folder)
    return _fill(source, app, late=_Late(reader, table) if app.needs_target else None)


def read_table_source(
    path: Path, *, name: str, folder: Path, variables: Mapping[str, str], is_run: bool = False
) -> Source:
    """The app of a pyproject.toml that `pyproject.toml::NAME` names: that of its `ref`, or its own list."""
    file, _, app_name = name.partition("::")
    tool = read_pyproject(path, name=file).get("tool")
    fal = tool.get("fal", {}) if isinstance(tool, dict) else {}
    tables = read_tables(fal, path=path, name=file)
    table = next((one for one in tables if one.name == app_name), None)
    if table is None:
        known = " or ".join(f"`{file}::{one.name}`" for one in tables)
        raise SourceError(f"`{file}` has no `[tool.fal.apps.{app_name}]`", remedy=known)
    if table.ref is not None:
        try:
            data = table.ref.read_bytes()
        except OSError as error:
            why = render_os_error(error)
            raise SourceError(f"`ref` leads to a file that cannot be read: {why}", where=table.where) from error
        return read_app_source(
            table.ref, data, name=name, folder=folder, variables=variables, table=table, is_run=is_run
        )
    if table.requirements is None:
        raise SourceError("there is no `requirements`, so there is nothing to lock", where=table.where)
    settings, settings_path = find_settings(path.parent, seen_from=folder)
    return Source(
        name=name,
        stem=table.name,
        form=PyprojectList(table=f"[tool.fal.apps.{table.name}]", items=table.requirements),
        path=path,
        folder=path.parent,
        python=None if table.python_version is None else StatedValue(value=table.python_version, where=table.where),
        machine_types=None if table.machine_type is None else StatedValue(value=table.machine_type, where=table.where),
        num_gpus=None if table.num_gpus is None else StatedValue(value=table.num_gpus, where=table.where),
        default_machine=StatedValue(value=("XS",), where="the platform's default for a `python_entry_point`"),
        list_name=table.where,
        adds_requirements=False,
        warnings=(f"{table.where}: what the `image` installs is outside the lock",) if table.has_image else (),
        settings=replace(settings, requirements=None),
        settings_path=settings_path,
    )


class _Late:
    """Reads the list of an app again for each target, and keeps what it found."""

    def __init__(self, reader: AppReader, table: AppTable | None) -> None:
        self._reader = reader
        self._table = table
        self._found: dict[tuple[PythonVersion, Platform], Source] = {}

    def read(self, source: Source, *, python: PythonVersion, platform: Platform) -> Source:
        """The source with its items for a target: one object for equal targets. Raises SourceError."""
        key = (python, platform)
        if key not in self._found:
            target = AppTarget(python=python, environment=build_marker_environment(python, platform))
            form = source.form
            name = form.class_name if isinstance(form, AppFile) else None
            app = self._reader.read(name, target=target, table=self._table)
            filled = _fill(source, app, late=None)
            if (filled.machine_types, filled.python) != (source.machine_types, source.python):
                raise SourceError(
                    f"`{source.name}` asks for another machine or Python when it is shown the target that it asks for",
                    remedy="`-m` and `--python`, and write both out in the app",
                )
            self._found[key] = filled
        return self._found[key]


def _fill(source: Source, app: App, *, late: _Late | None, form: Form | None = None) -> Source:
    """The source with all that the app says."""
    own_form = AppFile(class_name=app.class_name, line=app.line, items=app.items, positions=app.positions, late=late)
    return replace(
        source,
        form=form or own_form,
        python=app.python,
        machine_types=app.machine_types,
        num_gpus=app.num_gpus,
        default_machine=app.default_machine,
        adds_requirements=app.adds_requirements,
        warnings=(*app.warnings, *app.outside),
    )


def _read_locked(app: App, locked: LockedList, source: Source, settings: Settings, folder: Path) -> Source:
    """The source of an app that installs a lock: the list that the lock is made from, the machines of the app."""
    lists = [source.folder / name for name in _LIST_NAMES if (source.folder / name).is_file()]
    choices: list[tuple[str, Path, Form | None]] = [(f"`{name_path(one, folder)}`", one, None) for one in lists]
    if settings.requirements is not None and source.settings_path is not None:
        table = PyprojectList(table="[tool.pinfold]", items=settings.requirements)
        name = f"`{name_path(source.settings_path, folder)} [tool.pinfold]`"
        choices.append((name, source.settings_path, table))
    if len(choices) != 1:
        what = "no list" if not choices else f"{len(choices)} lists, {' and '.join(name for name, _, _ in choices)},"
        raise SourceError(
            f"`requirements` is what a lock holds, and {what} can be what the lock is made from",
            where=locked.place,
            remedy="one of them alone" if choices else "a requirements.txt beside the app",
        )
    _, list_path, form = choices[0]
    filled = _fill(source, app, late=None, form=form or _read_list(list_path, folder))
    return replace(
        filled,
        folder=list_path.parent,
        list_name=name_path(list_path, folder),
        lock_path=source.folder / locked.path,
    )


def _read_list(path: Path, folder: Path) -> RequirementFile:
    try:
        return RequirementFile(text=decode_requirement_file(path.read_bytes()))
    except OSError as error:
        raise SourceError(f"`{name_path(path, folder)}` cannot be read: {error}") from error
    except SourceError as error:
        what = f"`{name_path(path, folder)}` cannot be read: {error.what}"
        raise SourceError(what, remedy=error.remedy) from error


def _split_words(class_name: str) -> str:
    """`TextToImage` as `text-to-image`, `SDXLTurbo` as `sdxl-turbo`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", class_name).lower()


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
