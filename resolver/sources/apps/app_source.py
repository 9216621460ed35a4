"""An app as a source of a list: its file, its pyproject.toml and its target put together.

In: an app file, or the `[tool.fal.apps.NAME]` of a pyproject.toml. Out: a `Source` with the list, the machine types and
the Python that the app names, and warnings about what the lock will not hold.

`AppReader` reads a file for one target; this module adds what surrounds the file. An app can depend on its target, so
the source carries an object that reads the list again once the target is known. An app can install a lock
(`lockfiles.requirements("pylock.toml")`), and then its source is the list that this lock is made from. Imported only
for apps, because the interpreter behind it needs `ast`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from resolver.errors import SourceError, render_os_error
from resolver.requirements.requirement_file import decode_requirement_file
from resolver.settings.settings import Settings
from resolver.sources.apps.app_file import App, AppEnvironment, AppReader
from resolver.sources.apps.fal.tables import AppTable, find_named_table, find_tables
from resolver.sources.apps.interpreter.values import AppTarget, LockedList
from resolver.sources.lock_places import split_words
from resolver.sources.settings_file import find_settings, name_path, read_plain_file
from resolver.sources.source import AppFile, Form, PyprojectList, RequirementFile, Source
from resolver.targets.platforms import Platform
from resolver.targets.target import PythonVersion, build_marker_environment

__all__ = ["read_app_source", "read_table_source"]

# The lists beside an app that a lock which it installs can be made from.
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

    `data` are the bytes of the file at `path`. `variables` is the whole environment: an app sees only the variables
    that the settings allow. `table` is the one to take if several refer to the app. With `is_run` the file is run in a
    process of its own instead of read.
    """
    file, _, app_name = name.partition("::")
    if table is not None:
        file, app_name = name_path(path, folder), table.ref_name or ""
    settings, settings_path = find_settings(path.parent, seen_from=folder)
    environment, tables = _select_environment(settings, variables), find_tables(path.parent, seen_from=folder)
    reader = AppReader(
        data, name=file, path=path, seen_from=folder, environment=environment, tables=tables, is_run=is_run
    )
    app = reader.read(app_name or None, table=table)
    _check_list(app, file)
    source = Source(
        name=name,
        stem=split_words(app.class_name if table is None else table.name),
        form=AppFile(class_name=app.class_name, line=app.line, items=()),
        path=path,
        folder=path.parent,
        # The list of `[tool.pinfold]` is a list of its own, not a setting of this one.
        settings=replace(settings, requirements=None),
        settings_path=settings_path,
    )
    if app.locked is not None:
        return _read_locked(app, app.locked, source, settings, folder)
    return _fill(source, app, target_dependent=_TargetDependentApp(reader, table) if app.needs_target else None)


def read_table_source(
    path: Path, *, name: str, folder: Path, variables: Mapping[str, str], is_run: bool = False
) -> Source:
    """The app that `pyproject.toml::NAME` names: the app of its `ref`, or else the list of the table itself.

    The parameters are those of `read_app_source`. Raises SourceError, SettingsError.
    """
    file, _, app_name = name.partition("::")
    table = find_named_table(path, name=file, app_name=app_name)
    if table.ref is not None:
        data = _read_referenced(table.ref, table)
        return read_app_source(
            table.ref, data, name=name, folder=folder, variables=variables, table=table, is_run=is_run
        )
    if table.requirements is None:
        raise SourceError("there is no `requirements`, so there is nothing to lock", where=table.where)
    settings, settings_path = find_settings(path.parent, seen_from=folder)
    return Source(
        name=name,
        stem=table.name,
        form=PyprojectList(table=table.header, items=table.requirements),
        path=path,
        folder=path.parent,
        python=table.state(table.python_version),
        machine_types=table.state(table.machine_type),
        num_gpus=table.state(table.num_gpus),
        default_machine=table.default_machine,
        list_name=table.where,
        adds_requirements=False,
        warnings=table.outside,
        settings=replace(settings, requirements=None),
        settings_path=settings_path,
    )


class _TargetDependentApp:
    """An app whose list depends on the target (a `TargetDependentList`). Keeps the source of each target it has read.

    Plans compare sources by identity, so that machine types of one Python and platform share a list.
    """

    def __init__(self, reader: AppReader, table: AppTable | None) -> None:
        """`table` is the one to take if several refer to the app."""
        self._reader = reader
        self._table = table
        self._found: dict[tuple[PythonVersion, Platform], Source] = {}

    def read(self, source: Source, *, python: PythonVersion, platform: Platform) -> Source:
        """The source with its items for a target: one object for equal targets.

        Raises SourceError also if the app names another machine or Python when it is read for its target: then no
        target fits it.
        """
        key = (python, platform)
        if key not in self._found:
            target = AppTarget(python=python, environment=build_marker_environment(python, platform))
            form = source.form
            name = form.class_name if isinstance(form, AppFile) else None
            app = self._reader.read(name, target=target, table=self._table)
            filled = _fill(source, app, target_dependent=None)
            if (filled.machine_types, filled.python) != (source.machine_types, source.python):
                raise SourceError(
                    f"`{source.name}` asks for another machine or Python when it is shown the target that it asks for",
                    remedy="`-m` and `--python`, and write both out in the app",
                )
            self._found[key] = filled
        return self._found[key]


def _select_environment(settings: Settings, variables: Mapping[str, str]) -> AppEnvironment:
    """The variables that `[tool.pinfold] environment` names, sorted so that no run depends on the order of a set."""
    names = frozenset(settings.complete().environment)
    values = {name: variables[name] for name in sorted(names) if name in variables}
    return AppEnvironment(names=names, values=values)


def _check_list(app: App, file: str) -> None:
    """Raises SourceError for an app without a list, with what its image gets instead."""
    if not app.has_list:
        raise SourceError(
            f"`{app.class_name}` has no `requirements`, so there is nothing to lock",
            where=f"{file}:{app.line}",
            details=app.outside,
        )


def _read_referenced(path: Path, table: AppTable) -> bytes:
    """The bytes of the file that `ref` leads to. Raises SourceError at the table."""
    try:
        return read_plain_file(path)
    except OSError as error:
        why = render_os_error(error)
        raise SourceError(f"`ref` leads to a file that cannot be read: {why}", where=table.where) from error


def _fill(
    source: Source, app: App, *, target_dependent: _TargetDependentApp | None, form: Form | None = None
) -> Source:
    """The source with the values of the app.

    `form` replaces the list of the app, for an app that installs a lock. `target_dependent` is None if the items are
    final.
    """
    own_form = AppFile(
        class_name=app.class_name,
        line=app.line,
        items=app.items,
        positions=app.positions,
        target_dependent=target_dependent,
    )
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
    """The source of an app that installs a lock: the list that the lock is made from, the machines of the app.

    That list is the only one among the requirement files beside the app and `[tool.pinfold] requirements`. Raises
    SourceError for none or several, because the wrong one would replace the lock with another project's.
    """
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
    filled = _fill(source, app, target_dependent=None, form=form or _read_list(list_path, folder))
    return replace(
        filled,
        folder=list_path.parent,
        list_name=name_path(list_path, folder),
        lock_path=source.folder / locked.path,
    )


def _read_list(path: Path, folder: Path) -> RequirementFile:
    """A requirement file beside the app, as its text.

    Raises SourceError with its name as seen from `folder`.
    """
    try:
        return RequirementFile(text=decode_requirement_file(read_plain_file(path)))
    except OSError as error:
        raise SourceError(f"`{name_path(path, folder)}` cannot be read: {error}") from error
    except SourceError as error:
        what = f"`{name_path(path, folder)}` cannot be read: {error.what}"
        raise SourceError(what, remedy=error.remedy) from error
