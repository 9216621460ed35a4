"""What the Python files below a folder declare and import: the apps of a repository, and the modules of an app.

In: a folder, or a Python file. Out: each app below the folder as the SOURCE that names it on the command line, in an
order that no disk decides; the user's own folders and files; the top-level names that a file or folder imports.

Nothing is run. Reading a file as an app costs milliseconds, so a look at its bytes comes first, and only files that may
declare an app are read. A module of its own because `lock FOLDER`, the hook and `sizes` walk folders, and all other
verbs are given their files.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lockfiles._files import read_regular
from lockfiles._values import compile_later
from resolver.errors import SourceError, render_os_error
from resolver.sources.apps.app_file import find_apps
from resolver.sources.apps.fal.declarations import Declaration, may_declare_list, may_define_base
from resolver.sources.apps.fal.tables import AppTable, find_tables, has_platform_table, read_file_tables
from resolver.sources.apps.interpreter.files import AppFiles
from resolver.sources.settings_file import name_path

__all__ = [
    "expand_folders",
    "iter_own_files",
    "iter_own_folders",
    "list_app_sources",
    "read_imports",
]

# Folders that hold installed packages, never the user's own files.
_LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages", "__pypackages__"})
_LARGEST_BYTES = 2_000_000
_CLASS = compile_later(rb"^class\s+\w+\s*\(\s*(\w+)", re.MULTILINE)
_IMPORT = compile_later(
    rb"^(?:from\s++(\.*+)([\w.]*+)\s++import\s++(\([^)]*\)|[^\n]*)|import\s+([^\n]*))", re.MULTILINE
)
_DEEPEST_BASE = 5
# A text that is longer is no dotted name, and matching it would be slow.
_LONGEST_MODULE_NAME = 100


def expand_folders(arguments: Sequence[str], *, folder: Path) -> tuple[str, ...]:
    """The SOURCEs, each once, with each folder replaced by the apps below it.

    A folder without apps stays, so that reading it reports the lists inside.
    """
    expanded: list[str] = []
    for argument in arguments:
        # `os.path` takes any text; methods of Path raise for a name that is too long.
        is_folder = bool(argument) and os.path.isdir(folder / argument)  # noqa: PTH112  (see above)
        expanded += (list_app_sources(folder / argument, seen_from=folder) if is_folder else ()) or (argument,)
    return tuple(dict.fromkeys(expanded))


def list_app_sources(folder: Path, *, seen_from: Path, is_deep: bool = True) -> tuple[str, ...]:
    """The apps below a folder that have a list, as `apps/paint.py` or, of several in a file, `apps/paint.py::Name`.

    Sorted by path, those of a file by line. An app of a pyproject.toml with a `python_entry_point` is
    `apps/pyproject.toml::name`. A file that looks like an app and cannot be read is listed too, so that locking it
    reports why. Virtual environments, hidden folders and installed packages are left out, links to folders are not
    followed. Unless `is_deep`, only files of the folder itself count.
    """
    found: list[str] = []
    tables: dict[Path, tuple[AppTable, ...]] = {}
    files = iter_own_files(folder) if is_deep else (path for path in folder.iterdir() if path.is_file())
    kept = (path for path in files if path.suffix == ".py" or path.name == "pyproject.toml")
    for path in sorted(kept, key=lambda one: one.relative_to(folder).as_posix()):
        name = name_path(path, seen_from)
        if path.name == "pyproject.toml":
            found += _list_entry_points(path, name)
        else:
            if path.parent not in tables:
                tables[path.parent] = _find_tables(path.parent, seen_from)
            found += _list_apps(path, name, seen_from, tables[path.parent])
    return tuple(found)


def iter_own_folders(folder: Path) -> Iterator[Path]:
    """The folder and those below it that hold the user's own files, sorted at each level.

    Hidden folders, installed packages and virtual environments (PEP 405: `pyvenv.cfg`) are left out.
    """
    for place, folders, _ in os.walk(folder):
        folders[:] = sorted(one for one in folders if _is_ours(Path(place) / one))
        yield Path(place)


def iter_own_files(folder: Path) -> Iterator[Path]:
    """All files in these folders but hidden ones, in no particular order within a folder."""
    for place in iter_own_folders(folder):
        with os.scandir(place) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and not os.path.isdir(entry.path):  # noqa: PTH112  (a link to itself)
                    yield place / entry.name


def _is_ours(folder: Path) -> bool:
    """Whether a folder can hold the user's own files: see `iter_own_folders`."""
    name = folder.name
    return not (name.startswith(".") or name in _LEFT_OUT or (folder / "pyvenv.cfg").exists())


def _find_tables(folder: Path, seen_from: Path) -> tuple[AppTable, ...]:
    """The app tables of a folder; empty if they are at fault, which locking an app there reports."""
    try:
        return find_tables(folder, seen_from=seen_from)
    except SourceError:
        return ()


def _list_apps(path: Path, name: str, seen_from: Path, tables: Sequence[AppTable]) -> list[str]:
    """The apps of one file as SOURCEs; empty for a file without an app that has a list.

    The class or function is named unless the file is enough to find it: it is the only one with a list of its own, or
    the only one at all.
    """
    try:
        if path.name.startswith(".") or not path.is_file() or path.stat().st_size > _LARGEST_BYTES:
            return []
        data = read_regular(path)
    except OSError:
        return [name]
    given = [one for one in tables if one.requirements and one.ref is not None and one.ref.resolve() == path.resolve()]
    if (
        not may_declare_list(data)
        and not given
        and not _may_inherit_app(path, data, AppFiles(path, seen_from=seen_from))
    ):
        return []
    try:
        declared = find_apps(data, name=name, path=path, seen_from=seen_from)
    except SourceError:
        # Locking it reports the fault, so it is listed if it seems to be an app at all.
        return [name] if has_platform_table(data) else []
    apps = [app for app in declared if app.requirements is not None or _has_list(app, given)]
    is_plain = len(apps) == 1 and (apps[0].requirements is not None or len(declared) == 1)
    return [name] if is_plain else [f"{name}::{app.name}" for app in apps]


def _has_list(app: Declaration, given: Sequence[AppTable]) -> bool:
    """Whether a table gives an app its list."""
    return app.takes_table_list and any(one.ref_name in (app.name, None) for one in given)


def _may_inherit_app(path: Path, data: bytes, files: AppFiles, depth: int = 0) -> bool:
    """Whether a class of a file may derive from an app in another module of the repository.

    Follows imports of base classes by patterns, five modules deep. False is certain for the usual forms of an import.
    """
    bases = set(_CLASS.findall(data))
    if not bases or depth >= _DEEPEST_BASE:
        return False
    for dots, dotted, names, modules in _IMPORT.findall(data):
        if not bases & set(re.findall(rb"\w+", names or modules)):
            continue
        found = files.find_module((dotted or modules.split()[0]).decode(), level=len(dots), beside=path)
        if found is None or found.resolve() == path.resolve():
            continue
        try:
            other = read_regular(found)
        except OSError:
            continue
        if may_define_base(other) or _may_inherit_app(found, other, files, depth + 1):
            return True
    return False


def _list_entry_points(path: Path, name: str) -> list[str]:
    """The apps of a pyproject.toml that are a table alone; empty if the file is at fault."""
    try:
        tables = read_file_tables(path, name=name)
    except SourceError:
        return []
    return [f"{name}::{table.name}" for table in tables if table.entry_point is not None and table.requirements]


def read_imports(path: Path) -> frozenset[str]:
    """The top-level names that a file imports, or all Python files below a folder; also inside of functions.

    Names written as text count too, as `importlib.import_module("x.y")` takes them. Raises SourceError for a file that
    is not readable or no Python.
    """
    files = sorted(_iter_files(path)) if path.is_dir() else [path]
    return frozenset(name for file in files for name in _iter_names(_parse(file)))


def _iter_files(folder: Path) -> Iterator[Path]:
    """The Python files below a folder, for imports. Links are left out: they can lead anywhere, and in a circle."""
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in _LEFT_OUT or path.is_symlink() or (path / "pyvenv.cfg").exists():
            continue
        if path.is_dir():
            yield from _iter_files(path)
        elif path.suffix == ".py":
            yield path


def _parse(path: Path) -> ast.Module:
    """The syntax tree of a file. Raises SourceError."""
    try:
        return ast.parse(read_regular(path, limit_bytes=_LARGEST_BYTES), filename=str(path))
    except OSError as error:
        raise SourceError(f"`{path}` cannot be read: {render_os_error(error)}") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"`{path}` is no Python that can be read: {error}") from error


def _iter_names(tree: ast.Module) -> Iterator[str]:
    """The first part of each absolute import; relative imports stay inside the package."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name.partition(".")[0] for one in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Call(args=[ast.Constant(value=str(text)), *_]) if _is_import(node.func):
                if re.fullmatch(r"[A-Za-z_][\w.]*", text[:_LONGEST_MODULE_NAME]):
                    yield text.partition(".")[0]


def _is_import(function: ast.expr) -> bool:
    """Whether the call is `importlib.import_module`, `import_module` or `__import__`."""
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("import_module", "__import__")
