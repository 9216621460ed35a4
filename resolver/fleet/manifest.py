"""The lists of a fleet: a folder, a TOML manifest, or the JSON lines of a platform's database, read to `FleetList`s.

In: a path. Out: each list with its machine types and settings, in an order that no disk decides; or one InputError with
every fault and its position (`fleet.toml: lists[1].sources[0]`, `apps.jsonl:4: machine-types[0]`).

    folder         its apps, `requirements.txt` files, and pyproject.toml files whose `[tool.pinfold]` has a list
    FILE.toml      `[[lists]]`: `sources` (globs), `exclude`, `machine-types`, `settings`; the last two also at the top
    FILE.jsonl     an object a line: `source`, or `name` with `requirements`; `machine-types`, `settings`

A manifest of a platform, and two lines of its database:

    machine-types = ["GPU-A100", "GPU-H100"]
    [settings]
    python = "3.11"
    [[lists]]
    sources = ["apps/**/app.py"]
    exclude = ["apps/old/**"]

    {"source": "apps/chat/app.py", "machine-types": ["GPU-A100"]}
    {"name": "apps/paint", "requirements": [["torch==2.8.0"], ["diffusers"]], "settings": {"python": "3.11"}}

Nothing is locked here and no list is read: a list that cannot be read is a result of the run. What is wrong with the
manifest itself ends the run before it starts, unknown machine types included.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

from lockfiles._documents import DocumentError, parse_json, parse_toml
from lockfiles._files import read_regular
from lockfiles._values import dataclass
from lockfiles.table_reader import Parser, TableFault, TableReader, Value, array_of, filled_text, keyed_table
from resolver.errors import Fault, InputError, PinfoldError, render_os_error
from resolver.settings.settings import Settings, parse_settings
from resolver.sources.apps.app_folder import iter_own_files, list_app_sources
from resolver.sources.settings_file import name_path, read_settings
from resolver.targets.machine_types import parse_machine_types

__all__ = ["FleetList", "Inline", "Manifest", "read_manifest"]

_MANIFEST_LIMIT_BYTES = 1 << 30
"""The most that is read of a manifest: a gigabyte has a million rows of a kilobyte."""
_PLAIN_LISTS = ("requirements.txt", "pyproject.toml")
_UNSET = Settings()
_REFUSED_SETTINGS = ("requirements", "output", "osv")
"""Keys of `[tool.pinfold]` that say nothing about a list of a fleet."""

Inline = str | tuple[str, ...] | tuple[tuple[str, ...], ...]
"""The requirements of an inline list: the text of a requirement file, items, or items in layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetList:
    """One list of a fleet.

    - `name` is its SOURCE as seen from the folder of the manifest (`apps/chat/app.py::Chat`), or the name of an inline
      list (`apps/chat`). `where` is its place in the manifest.
    - `machines` are texts of `-m`, one for each lock; empty for one lock, for the machine types of list and settings.
    - `requirements` are those of an inline list; None for a list in a file.
    """

    name: str
    where: str
    machines: tuple[str, ...] = ()
    settings: Settings = field(default=_UNSET, repr=False)
    requirements: Inline | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The lists of a fleet. Their names are relative to `folder`, and so are paths in their settings."""

    folder: Path
    lists: tuple[FleetList, ...]


def read_manifest(path: Path, *, arguments: Settings, machines: Sequence[str] = ()) -> Manifest:
    """The lists at a path. `arguments` are the settings of the command line; `machines` replace those of the manifest.

    Raises InputError with every fault.
    """
    faults: list[Fault] = []
    if path.is_dir():
        folder, rows = path, list(_read_folder(path))
    else:
        folder = path.parent
        rows = list(_read_lines(path, faults) if path.suffix == ".jsonl" else _read_table(path, faults))
    # Many rows have one value of settings: merged once, it is shared by their lists and by the bytes of their tasks.
    merged = {id(row.settings): row.settings.merge(arguments) for row in rows}
    lists = [replace(row, machines=tuple(machines) or row.machines, settings=merged[id(row.settings)]) for row in rows]
    faults += _iter_machine_faults(lists)
    faults += _iter_repeated(lists)
    if not lists and not faults:
        faults.append(Fault(what=f"`{path}` has no list", remedy="a folder of apps, or `[[lists]]` with `sources`"))
    if faults:
        raise InputError.from_faults(faults)
    return Manifest(folder=folder.absolute(), lists=tuple(lists))


def _read_folder(folder: Path) -> Iterator[FleetList]:
    """The lists below a folder, by name. Folders that hold no sources of the user (`.venv`, `.git`) are left out."""
    names = [*list_app_sources(folder, seen_from=folder)]
    names += (name_path(path, folder) for path in iter_own_files(folder) if _is_plain_list(path))
    for name in sorted(dict.fromkeys(names)):
        yield FleetList(name=name, where=name)


def _is_plain_list(path: Path) -> bool:
    """Whether a file is a list by its name; of a pyproject.toml whether `[tool.pinfold]` has one."""
    if path.name not in _PLAIN_LISTS:
        return False
    if path.name == "requirements.txt":
        return True
    try:
        settings = read_settings(path, name=path.name)
    except PinfoldError:
        return True  # Locking it reports the fault.
    return settings is not None and settings.requirements is not None


def _read_table(path: Path, faults: list[Fault]) -> Iterator[FleetList]:
    """The lists of a TOML manifest."""
    try:
        document = parse_toml(_read_bytes(path))
    except DocumentError as error:
        place = f":{error.line}" if error.line is not None else ""
        raise InputError(f"no manifest: {error.what}", where=f"{path.name}{place}") from error
    found: list[TableFault] = []
    reader = TableReader(document, faults=found)
    shared = _read_common(reader)
    parse = array_of(keyed_table(_ListTable), of="tables")
    tables = reader.read("lists", parse, ())
    reader.require("lists")
    reader.refuse_unknown_keys()
    faults += (Fault(where=path.name, what=fault.what, remedy=fault.remedy) for fault in found)
    base = _parse_table(shared.settings, f"{path.name} settings", faults)
    folder = _Folder(path.parent.absolute())
    for number, table in enumerate(tables):
        where = f"{path.name}: lists[{number}]"
        settings = base.merge(_parse_table(table.common.settings, f"{where}.settings", faults))
        for name in folder.expand(table, where, faults):
            yield FleetList(
                name=name, where=where, machines=table.common.machines or shared.machines, settings=settings
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Common:
    """The keys that the top, a table and a row have in common.

    Machine types of a table replace those of the top; settings are joined key by key, as those of a command line are
    with those of a file.
    """

    machines: tuple[str, ...]
    settings: Mapping[str, Any] | None


def _read_common(reader: TableReader) -> _Common:
    """The machine types and the settings of a table, whose own keys are read later."""
    return _Common(
        machines=reader.read("machine-types", array_of(filled_text, of="strings"), ()),
        settings=reader.read("settings", _any_table),
    )


def _any_table(value: Value) -> Mapping[str, Any] | None:
    """Parser: a table with any keys."""
    if isinstance(value.raw, dict):
        return value.raw
    value.refuse_type("a table")
    return None


class _ListTable:
    """One `[[lists]]`: its globs and the keys that it shares with others."""

    def __init__(self, reader: TableReader) -> None:
        reader.require("sources")
        texts = array_of(filled_text, of="strings")
        self.sources: tuple[str, ...] = reader.read("sources", texts, ())
        self.exclude: tuple[str, ...] = reader.read("exclude", texts, ())
        self.common = _read_common(reader)


class _Folder:
    """The files below the folder of a manifest, as the sources that its globs mean.

    A glob over Python files means apps, and a plain name means what it names: a file that holds no app is then a failed
    row of the run, with the error that `lock` has for it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._apps: dict[Path, tuple[str, ...]] = {}

    def expand(self, table: _ListTable, where: str, faults: list[Fault]) -> tuple[str, ...]:
        """The sources of a table, sorted. A glob that matches nothing is a fault."""
        excluded = {name for pattern in table.exclude for name in self._glob(pattern)}
        found: dict[str, None] = {}
        for number, pattern in enumerate(table.sources):
            place = f"{where}.sources[{number}]"
            if not _is_inside(pattern):
                faults.append(Fault(where=place, what=f"`{pattern}` leads out of the folder of the manifest"))
                continue
            names = [pattern] if not glob.has_magic(pattern) else list(self._iter_matches(pattern))
            kept = [name for name in names if name.partition("::")[0] not in excluded]
            if not kept:
                faults.append(Fault(where=place, what=f"`{pattern}` matches no list"))
            found |= dict.fromkeys(kept)
        return tuple(sorted(found))

    def _glob(self, pattern: str) -> list[str]:
        """The files that a glob matches, by their names from the folder."""
        found = glob.glob(pattern, root_dir=self._folder, recursive=True)  # noqa: PTH207  (it needs no path of each)
        return sorted(PurePosixPath(name).as_posix() for name in found if (self._folder / name).is_file())

    def _iter_matches(self, pattern: str) -> Iterator[str]:
        """The lists that a glob matches: of Python files only apps that have one, each class of several by its name."""
        for name in self._glob(pattern):
            if not name.endswith(".py"):
                yield name
                continue
            parent = (self._folder / name).parent
            if parent not in self._apps:
                self._apps[parent] = list_app_sources(parent, seen_from=self._folder, is_deep=False)
            yield from (app for app in self._apps[parent] if app.partition("::")[0] == name)


def _read_lines(path: Path, faults: list[Fault]) -> Iterator[FleetList]:
    """The lists of a file with a JSON object a line; empty lines are left out.

    A row that is at fault is left out as well, so that the faults of all others come with it.
    """
    for number, line in enumerate(_read_bytes(path).split(b"\n"), 1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        try:
            row = parse_json(line)
        except DocumentError as error:
            faults.append(Fault(where=where, what=f"no JSON: {error.what}"))
            continue
        if not isinstance(row, dict):
            faults.append(Fault(where=where, what="expected an object"))
            continue
        found = _read_row(row, where, faults)
        if found is not None:
            yield found


def _read_row(row: Mapping[str, Any], where: str, faults: list[Fault]) -> FleetList | None:
    """The list of a row; None after adding its faults."""
    found: list[TableFault] = []
    reader = TableReader(row, faults=found)
    source, name = reader.read("source", filled_text), reader.read("name", filled_text)
    items = cast("Inline | None", reader.read("requirements", _requirements))  # mypy joins the three forms to one.
    common = _read_common(reader)
    reader.refuse_unknown_keys()
    if (source is None) == (name is None) and not found:
        found.append(TableFault(path="", what="expected `source`, or `name` with `requirements`"))
    if name is not None and "requirements" not in row:
        found.append(TableFault(path="name", what="`requirements` is missing"))
    if source is not None and "requirements" in row:
        found.append(TableFault(path="source", what="`requirements` belongs to a `name`, not to a `source`"))
    named = source or name
    if named is not None and not _is_inside(named):
        found.append(TableFault(path="name", what=f"`{named}` leads out of the folder of the manifest"))
    faults += (Fault(where=where, what=fault.what, remedy=fault.remedy) for fault in found)
    settings = _parse_table(common.settings, where, faults)
    if found or named is None:
        return None
    return FleetList(name=named, where=where, machines=common.machines, settings=settings, requirements=items)


def _requirements(value: Value) -> Inline | None:
    """Parser: see `Inline`."""
    texts: Parser[tuple[str, ...]] = array_of(filled_text, of="strings")
    if isinstance(value.raw, str):
        return value.raw
    if isinstance(value.raw, list) and any(isinstance(one, list) for one in value.raw):
        parse: Parser[tuple[tuple[str, ...], ...]] = array_of(texts, of="arrays")
        return parse(value)
    return texts(value)


def _parse_table(table: Mapping[str, Any] | None, where: str, faults: list[Fault]) -> Settings:
    """The settings of a table with the keys of `[tool.pinfold]`; unset ones after adding its faults."""
    if table is None:
        return _UNSET
    faults += (
        Fault(where=where, what=f"`{key}` has no meaning in a fleet") for key in _REFUSED_SETTINGS if key in table
    )
    try:
        return parse_settings({key: one for key, one in table.items() if key not in _REFUSED_SETTINGS}, where=where)
    except PinfoldError as error:
        faults += error.faults
        return _UNSET


def _iter_machine_faults(lists: Iterable[FleetList]) -> Iterator[Fault]:
    """A fault for each machine type that does not exist, at the first list that names it.

    Machine types depend on settings (own machines, a driver), so each pair is checked, and each pair once.
    """
    checked: set[tuple[object, ...]] = set()
    for one in lists:
        settings = one.settings.complete()
        for machine in (*one.machines, *(one.settings.machine_type or ())):
            key = (machine, settings.machines, settings.gpus, settings.driver)
            if key in checked:
                continue
            checked.add(key)
            try:
                parse_machine_types(
                    machine, configured_driver=settings.driver, machines=settings.machines, gpus=settings.gpus
                ).refuse_unknown()
            except PinfoldError as error:
                yield from (fault.at(one.where) for fault in error.faults)


def _iter_repeated(lists: Iterable[FleetList]) -> Iterator[Fault]:
    """A fault for each list that is named twice: its locks would replace each other."""
    first: dict[str, FleetList] = {}
    for one in lists:
        known = first.setdefault(os.path.normpath(one.name), one)
        if known is not one:
            yield Fault(
                where=one.where,
                what=f"`{one.name}` is named by {known.where} already",
                remedy="`exclude` in one of them, or one entry with all machine types",
            )


def _is_inside(name: str) -> bool:
    """Whether a name stays in the folder that it is relative to."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\0" not in name and "\\" not in name


def _read_bytes(path: Path) -> bytes:
    """The bytes of a manifest. Raises InputError."""
    try:
        return read_regular(path, limit_bytes=_MANIFEST_LIMIT_BYTES)
    except OSError as error:
        raise InputError(f"`{path}` cannot be read: {render_os_error(error)}") from error
